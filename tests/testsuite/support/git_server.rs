//! Git repositories, on disk and behind nginx with `git http-backend`, which asks for a password.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::nginx::Nginx;

/// The user `me` with the password `secret`, as `openssl passwd -apr1` writes it.
const PASSWORD: &str = "me:$apr1$salt$VEpBc9VHGUKwI9.yg13Iu0\n";

/// A bare repository, and a work tree to fill it from.
pub struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Self { folder };
        repository.git(".", &["init", "--quiet", "--bare", "--initial-branch=main", "registry.git"]);
        repository.git(".", &["init", "--quiet", "--initial-branch=main", "work"]);
        repository
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("registry.git")
    }

    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Commits what is in the work tree, and pushes it as this branch.
    pub fn push(&self, branch: &str) {
        self.git("work", &["add", "--all", "--force"]);
        self.git("work", &["commit", "--quiet", "--allow-empty", "--message=state"]);
        self.git(
            "work",
            &["push", "--quiet", "--force", "../registry.git", &format!("HEAD:refs/heads/{branch}")],
        );
    }

    /// Runs git in a folder of this.
    pub fn git(&self, folder: &str, arguments: &[&str]) {
        let settings =
            ["user.name=a", "user.email=a@example.org", "core.autocrlf=false", "commit.gpgsign=false"];
        let output = Command::new("git")
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .args(arguments)
            .current_dir(self.folder.path().join(folder))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The repositories of a folder, over HTTPS.
pub struct GitServer {
    pub nginx: Nginx,
    backend: Child,
}

impl GitServer {
    /// Serves the folder under `/git/`, which asks for a password, and under `/open/`, with `locations` as further lines of nginx. None, said on stderr, where fcgiwrap is not
    /// installed.
    pub fn start(folder: &Path, locations: &str) -> Option<Self> {
        let socket = folder.join("fcgiwrap.sock");
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let started = Command::new("fcgiwrap")
            .arg("-s")
            .arg(format!("unix:{}", socket.display()))
            .env("PATH", path)
            .stderr(Stdio::null())
            .spawn();
        let Ok(backend) = started else {
            // Not by `eprintln!`, which the test runner keeps to itself.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: no fcgiwrap for the tests of git over HTTP; tools/install-prerequisites installs it"
            );
            return None;
        };
        let start = Instant::now();
        while !socket.exists() {
            assert!(start.elapsed() < Duration::from_secs(20), "fcgiwrap makes no socket");
            std::thread::sleep(Duration::from_millis(10));
        }
        let output = Command::new("git").arg("--exec-path").output().unwrap();
        let programs = String::from_utf8(output.stdout).unwrap();
        let nginx = Nginx::start(&format!(
            r#"
            location ~ ^/git(?<repository>/.*)$ {{
                auth_basic "git";
                auth_basic_user_file password;
                fastcgi_pass unix:{socket};
            }}
            location ~ ^/open(?<repository>/.*)$ {{ fastcgi_pass unix:{socket}; }}
            client_max_body_size 0;
            fastcgi_param SCRIPT_FILENAME {programs}/git-http-backend;
            fastcgi_param GIT_PROJECT_ROOT {folder};
            fastcgi_param GIT_HTTP_EXPORT_ALL 1;
            fastcgi_param PATH_INFO $repository;
            fastcgi_param REMOTE_USER $remote_user;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;
            fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
            {locations}
            "#,
            socket = socket.display(),
            programs = programs.trim(),
            folder = folder.display(),
        ));
        nginx.write("../password", PASSWORD);
        Some(Self { nginx, backend })
    }

    /// `git+https://localhost:1234/git/registry.git`
    pub fn url(&self) -> String {
        format!("git+{}/git/registry.git", self.nginx.https())
    }

    /// The same, with the user name and password.
    pub fn url_with_password(&self) -> String {
        self.url().replace("git+https://", "git+https://me:secret@")
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        let _ = self.backend.kill();
        let _ = self.backend.wait();
    }
}
