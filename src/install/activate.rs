//! The scripts that put an environment in front of `PATH` in a person's shell.

use std::path::Path;

use super::launcher::Script;

/// The scripts for the environment at `root`. Those of PowerShell and cmd find it from where they stand.
pub fn scripts(root: &Path, windows: bool) -> Vec<Script> {
    let path = root.to_string_lossy();
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let script = |file: &str, template: &str, quote: fn(&str) -> String| Script {
        name: file.to_owned(),
        bytes: template.replace("@ROOT@", &quote(&path)).replace("@NAME@", &quote(&name)).into_bytes(),
    };
    let powershell =
        Script { name: "activate.ps1".to_owned(), bytes: include_bytes!("activate/activate.ps1").to_vec() };
    if windows {
        let crlf = |text: &str| text.replace('\n', "\r\n").into_bytes();
        let bat = |file: &str, text: &str| Script { name: file.to_owned(), bytes: crlf(text) };
        return vec![
            powershell,
            bat("activate.bat", include_str!("activate/activate.bat")),
            bat("deactivate.bat", include_str!("activate/deactivate.bat")),
        ];
    }
    vec![
        powershell,
        script("activate", include_str!("activate/activate.sh"), posix_quote),
        script("activate.fish", include_str!("activate/activate.fish"), fish_quote),
    ]
}

fn posix_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn fish_quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_activates_and_deactivates_a_path_with_quotes_and_blanks() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("it's mine");
        std::fs::create_dir_all(root.join("bin")).unwrap();
        for script in scripts(&root, false) {
            std::fs::write(root.join("bin").join(script.name), script.bytes).unwrap();
        }
        let output = Command::new("sh")
            .arg("-c")
            .arg(". \"$1/bin/activate\"; echo \"$VIRTUAL_ENV\"; echo \"$PATH\"; deactivate; echo \"$PATH\"")
            .args(["sh".as_ref(), root.as_os_str()])
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        let root = root.to_str().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            format!("{root}\n{root}/bin:/usr/bin:/bin\n/usr/bin:/bin\n")
        );
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}
