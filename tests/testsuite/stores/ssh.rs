//! A registry in a git repository behind a real sshd, whose keys and users are the test's own.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::hosts::{Host, git};
use crate::support::nginx::free_port;
use crate::support::{Wheel, World, text, walls};

struct Sshd {
    folder: tempfile::TempDir,
    process: Child,
    port: u16,
}

impl Sshd {
    /// None, said on stderr, where it is not installed.
    fn start() -> Option<Self> {
        let program = Path::new("/usr/sbin/sshd");
        if !program.exists() {
            // Not by `eprintln!`, which the test runner keeps to itself.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: no sshd for the test of git+ssh; tools/install-prerequisites installs it"
            );
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for key in ["host", "user", "stranger"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(at(key))
                .status();
            assert!(made.unwrap().success());
        }
        fs::copy(at("user.pub"), at("authorized")).unwrap();
        let port = free_port();
        known(&at("known"), port, &at("host.pub"));
        known(&at("known-before"), port, &at("stranger.pub"));
        let path = std::env::var("PATH").unwrap_or_default();
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {authorized}\nSetEnv PATH={path}\n\
             StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nAcceptEnv GIT_PROTOCOL\n",
            host = at("host").display(),
            authorized = at("authorized").display(),
        );
        fs::write(at("sshd_config"), configuration).unwrap();
        // Where a service of the system would have made it.
        let _ = fs::create_dir_all("/run/sshd");
        let log = fs::File::create(at("log")).unwrap();
        let process = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut sshd = Self { folder, process, port };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(sshd.folder.path().join("log")).unwrap();
            assert!(sshd.process.try_wait().unwrap().is_none(), "sshd stopped: {log}");
            assert!(start.elapsed() < Duration::from_secs(20), "sshd does not answer: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(sshd)
    }

    /// How git calls ssh, with one of the keys and one of the files of known hosts.
    fn command(&self, key: &str, known: &str) -> String {
        let at = |name: &str| -> PathBuf { self.folder.path().join(name) };
        format!(
            "ssh -F none -i {} -o IdentitiesOnly=yes -o UserKnownHostsFile={} -o StrictHostKeyChecking=yes -o BatchMode=yes",
            at(key).display(),
            at(known).display()
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn known(file: &Path, port: u16, key: &Path) {
    fs::write(file, format!("[127.0.0.1]:{port} {}", fs::read_to_string(key).unwrap())).unwrap();
}

#[test]
fn a_git_repository_behind_ssh() {
    let Some(sshd) = Sshd::start() else { return };
    let host = git(|_| None);
    let world = World::with_registry(&walls());
    host.put(&world.path("acme"));
    let output = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(output.stdout).unwrap();
    let place = format!("ssh://{}@127.0.0.1:{}{}", user.trim(), sshd.port, host.repository.path().display());
    let registry =
        format!("registries = [{{ name = 'acme', url = 'git+{place}#main&subdirectory=tools/registry' }}]");
    world.project(&["acme-walls"], &registry);
    let lock = |key: &str, known: &str| {
        let mut command = world.command("app", "lock --upgrade");
        text(&command.env("GIT_SSH_COMMAND", sshd.command(key, known)).output().unwrap())
    };
    let refused = lock("user", "known-before");
    assert!(
        refused.contains("Host key verification failed") && refused.contains("ssh-keygen -R"),
        "{refused}"
    );
    let refused = lock("stranger", "known");
    assert!(refused.contains("does not let this user in") && refused.contains("ssh-add"), "{refused}");
    let locked = lock("user", "known");
    assert!(locked.starts_with("exit code: 0"), "{locked}");
    assert!(world.read("app/rvp.lock").contains("acme-walls"));
    let again = lock("user", "known");
    assert!(again.starts_with("exit code: 0"), "{again}");

    // Writing goes the same way.
    let wheel = Wheel::new("acme-walls", "3.0").write(&world.path("wheels"));
    let publish = |key: &str| {
        let mut command = world.command("app", "publish");
        text(&command.arg(&wheel).env("GIT_SSH_COMMAND", sshd.command(key, "known")).output().unwrap())
    };
    let refused = publish("stranger");
    assert!(refused.contains("does not let this user in") && refused.contains("ssh-add"), "{refused}");
    let published = publish("user");
    assert!(published.starts_with("exit code: 0"), "{published}");
    let locked = lock("user", "known");
    assert!(locked.starts_with("exit code: 0"), "{locked}");
    assert!(world.read("app/rvp.lock").contains("version = \"3.0\""));
}
