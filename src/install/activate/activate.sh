# Use it with `. bin/activate` in bash, zsh or another POSIX shell; `deactivate` undoes it.

deactivate() {
    if [ -n "${_RVP_OLD_PATH:-}" ]; then
        PATH="$_RVP_OLD_PATH"
        export PATH
        unset _RVP_OLD_PATH
    fi
    if [ -n "${_RVP_OLD_PYTHONHOME:-}" ]; then
        PYTHONHOME="$_RVP_OLD_PYTHONHOME"
        export PYTHONHOME
        unset _RVP_OLD_PYTHONHOME
    fi
    if [ -n "${_RVP_OLD_PS1:-}" ]; then
        PS1="$_RVP_OLD_PS1"
        unset _RVP_OLD_PS1
    fi
    unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    hash -r 2>/dev/null || true
    if [ "${1:-}" != nondestructive ]; then
        unset -f deactivate
    fi
}

deactivate nondestructive

VIRTUAL_ENV=@ROOT@
VIRTUAL_ENV_PROMPT=@NAME@
export VIRTUAL_ENV VIRTUAL_ENV_PROMPT
_RVP_OLD_PATH="$PATH"
PATH="$VIRTUAL_ENV/bin:$PATH"
export PATH
if [ -n "${PYTHONHOME:-}" ]; then
    _RVP_OLD_PYTHONHOME="$PYTHONHOME"
    unset PYTHONHOME
fi
if [ -z "${VIRTUAL_ENV_DISABLE_PROMPT:-}" ] && [ -n "${PS1:-}" ]; then
    _RVP_OLD_PS1="$PS1"
    PS1="($VIRTUAL_ENV_PROMPT) $PS1"
fi
hash -r 2>/dev/null || true
