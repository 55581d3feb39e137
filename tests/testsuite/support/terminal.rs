//! Programs with a terminal, which ask whoever sits there.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs a command on a terminal of its own (by `script` of util-linux), types an answer whenever its question is shown, and gives the exit
/// code and all that the terminal shows.
pub fn at_terminal(command: &Command, answers: &[(&str, &str)]) -> (i32, String) {
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--flush", "--command", &words.join(" "), "/dev/null"]);
    script.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().expect("these tests need `script` (Debian: bsdutils)");
    // It stays open until the program is done: a terminal does not end.
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut read = |until: &str| {
        let mut byte = [0];
        while !shown.ends_with(until.as_bytes()) || until.is_empty() {
            match screen.read(&mut byte).unwrap() {
                0 => break,
                _ => shown.push(byte[0]),
            }
        }
        String::from_utf8_lossy(&shown).replace('\r', "")
    };
    for (question, answer) in answers {
        read(question);
        // The question is shown before the terminal is told not to show the answer.
        std::thread::sleep(Duration::from_millis(300));
        writeln!(keyboard, "{answer}").unwrap();
    }
    let shown = read("");
    (child.wait().unwrap().code().unwrap(), shown)
}
