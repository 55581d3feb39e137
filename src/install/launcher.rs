//! The files by which a command of a package is started (entry points specification).

use std::path::Path;

use super::manifest::Command;

/// A file to be written into the folder of scripts.
pub struct Script {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// How a script of a wheel begins that wants the environment's interpreter (binary distribution format).
pub const PYTHON_MARK: &[u8] = b"#!python";

/// Linux reads at most 127 bytes of the first line of a script (`BINPRM_BUF_SIZE`), and splits it at blanks.
const MAX_SHEBANG: usize = 127;

const NEIGHBOUR: &str = r#"#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''"#;

/// The first lines of a script that `python` runs, without the last newline.
///
/// A path that is too long or has blanks is handed to `/bin/sh`, in lines that are a text literal for Python.
/// So is a path that is not known yet: the interpreter is then the `python` next to the script.
pub fn shebang(python: Option<&Path>) -> String {
    let Some(path) = python.map(Path::to_string_lossy) else {
        return NEIGHBOUR.to_owned();
    };
    if path.len() + 2 <= MAX_SHEBANG && !path.contains([' ', '\t']) {
        return format!("#!{path}");
    }
    let mut quoted = String::with_capacity(path.len());
    for c in path.chars() {
        if matches!(c, '"' | '$' | '`' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    format!("#!/bin/sh\n'''exec' \"{quoted}\" \"$0\" \"$@\"\n' '''")
}

/// A script that begins with `#!python` or `#!pythonw`, with its first line made to fit the environment.
pub fn with_shebang(script: &[u8], python: Option<&Path>) -> Vec<u8> {
    let rest = script.strip_prefix(PYTHON_MARK).unwrap_or(script);
    let rest = rest.strip_prefix(b"w").unwrap_or(rest);
    [shebang(python).as_bytes(), rest].concat()
}

/// The launcher of `command` on Unix.
pub fn unix(command: &Command, python: Option<&Path>) -> Script {
    let bytes = format!("{}\n{}", shebang(python), call(command)).into_bytes();
    Script { name: command.name.clone(), bytes }
}

/// The launcher of `command` for Windows, made on another system: `name.cmd` and `name-script.py`.
///
/// Both find what they need from where they stand, so that the environment can be copied to any place. The interpreter
/// is the `python.exe` next to them, else the one of version `python` that the `py` launcher knows.
pub fn windows_portable(command: &Command, python: (u64, u64), site_packages: &str) -> [Script; 2] {
    let Command { name, gui, .. } = command;
    let (exe, launcher) = if *gui { ("pythonw.exe", "pyw") } else { ("python.exe", "py") };
    let (major, minor) = python;
    let cmd = [
        "@echo off".to_owned(),
        format!("if exist \"%~dp0{exe}\" ("),
        format!("  \"%~dp0{exe}\" \"%~dp0{name}-script.py\" %*"),
        ") else (".to_owned(),
        format!("  {launcher} -{major}.{minor} \"%~dp0{name}-script.py\" %*"),
        ")".to_owned(),
        String::new(),
    ]
    .join("\r\n");
    let script = format!(
        "import os\nimport site\n\nhere = os.path.dirname(os.path.abspath(__file__))\n\
         site.addsitedir(os.path.join(here, os.pardir, *\"{site_packages}\".split(\"/\")))\n{}",
        call(command)
    );
    [
        Script { name: format!("{name}.cmd"), bytes: cmd.into_bytes() },
        Script { name: format!("{name}-script.py"), bytes: script.into_bytes() },
    ]
}

/// Python code that calls the function of `command` and hands on what it returns.
pub fn call(command: &Command) -> String {
    let Command { module, function, .. } = command;
    let import = function.split('.').next().unwrap_or(function);
    format!(
        "import sys\n\nfrom {module} import {import}\n\nif __name__ == \"__main__\":\n    sys.exit({function}())\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command { name: "tool".into(), module: "a.b".into(), function: "C.run".into(), gui: false }
    }

    #[test]
    fn a_function_inside_a_class_is_imported_by_its_class() {
        let text = call(&command());
        assert!(text.contains("from a.b import C\n") && text.contains("sys.exit(C.run())"), "{text}");
    }

    #[test]
    fn a_path_with_blanks_or_of_great_length_goes_through_the_shell() {
        assert_eq!(shebang(Some(Path::new("/e/bin/python"))), "#!/e/bin/python");
        let long = format!("/{}/bin/python", "x".repeat(120));
        for path in [long.as_str(), "/my env/bin/python"] {
            let text = shebang(Some(Path::new(path)));
            assert!(text.starts_with("#!/bin/sh\n'''exec' \"/"), "{text}");
        }
    }

    #[test]
    fn the_first_line_of_a_script_is_replaced_and_its_options_are_kept() {
        let python = Some(Path::new("/e/bin/python"));
        assert_eq!(with_shebang(b"#!python -E\nx", python), b"#!/e/bin/python -E\nx");
        assert_eq!(with_shebang(b"#!pythonw\r\nx", python), b"#!/e/bin/python\r\nx");
    }

    #[test]
    fn a_portable_launcher_names_no_absolute_path() {
        let [cmd, script] = windows_portable(&command(), (3, 11), "Lib/site-packages");
        assert_eq!((cmd.name.as_str(), script.name.as_str()), ("tool.cmd", "tool-script.py"));
        assert!(String::from_utf8(cmd.bytes).unwrap().contains("py -3.11 \"%~dp0tool-script.py\" %*\r\n"));
        assert!(String::from_utf8(script.bytes).unwrap().contains("\"Lib/site-packages\".split"));
    }
}
