# Use it with `source bin/activate.fish`; `deactivate` undoes it.

function deactivate -d 'Leave the environment'
    if set -q _RVP_OLD_PATH
        set -gx PATH $_RVP_OLD_PATH
        set -e _RVP_OLD_PATH
    end
    if set -q _RVP_OLD_PYTHONHOME
        set -gx PYTHONHOME $_RVP_OLD_PYTHONHOME
        set -e _RVP_OLD_PYTHONHOME
    end
    if functions -q _rvp_old_prompt
        functions -e fish_prompt
        functions -c _rvp_old_prompt fish_prompt
        functions -e _rvp_old_prompt
    end
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if test "$argv[1]" != nondestructive
        functions -e deactivate
    end
end

deactivate nondestructive

set -gx VIRTUAL_ENV @ROOT@
set -gx VIRTUAL_ENV_PROMPT @NAME@
set -g _RVP_OLD_PATH $PATH
set -gx PATH $VIRTUAL_ENV/bin $PATH
if set -q PYTHONHOME
    set -g _RVP_OLD_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end
if not set -q VIRTUAL_ENV_DISABLE_PROMPT; and functions -q fish_prompt
    functions -c fish_prompt _rvp_old_prompt
    function fish_prompt
        echo -n "($VIRTUAL_ENV_PROMPT) "
        _rvp_old_prompt
    end
end
