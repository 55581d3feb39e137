//! A private SeaweedFS: a distributed store that speaks S3, with two buckets.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use super::nginx::free_port;

pub const BUCKET: &str = "acme-bucket";
/// Whoever comes without a signature may do anything here.
pub const OPEN_BUCKET: &str = "open-bucket";
pub const KEY: &str = "acme-key";
pub const SECRET: &str = "acme-secret";
/// The key of somebody who may read and not write; the secret is the same.
pub const READER: &str = "acme-reader";

pub struct Seaweed {
    folder: tempfile::TempDir,
    process: Child,
    endpoint: String,
}

impl Seaweed {
    /// None, said on stderr, where it is not installed.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            // Not by `eprintln!`, which the test runner keeps to itself.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: no SeaweedFS for the tests of S3; tools/install-prerequisites installs it"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let identity = |key: &str, actions: &[&str]| {
            let credentials = [serde_json::json!({"accessKey": key, "secretKey": SECRET})];
            serde_json::json!({"name": key, "credentials": credentials, "actions": actions})
        };
        let open = ["Read", "Write", "List"].map(|action| format!("{action}:{OPEN_BUCKET}"));
        let identities = [
            identity(KEY, &["Admin", "Read", "Write", "List"]),
            identity(READER, &["Read", "List"]),
            serde_json::json!({"name": "anonymous", "actions": open}),
        ];
        let identities = serde_json::json!({ "identities": identities });
        fs::write(folder.path().join("s3.json"), identities.to_string()).unwrap();
        let [filer, s3] = [free_port(), free_port()];
        let mut command = Command::new(program);
        command.arg("server").args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-master.telemetry=false"]);
        command.args(["-volume.max=20", "-volume.preStopSeconds=0", "-master.volumeSizeLimitMB=64"]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command.arg(format!("-dir={}", folder.path().display()));
        command.arg(format!("-s3.config={}", folder.path().join("s3.json").display()));
        command.arg(format!("-filer.port={filer}")).arg(format!("-s3.port={s3}"));
        let others = [
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port.grpc",
            "s3.port.grpc",
        ];
        command.args(others.map(|port| format!("-{port}={}", free_port())));
        let log = fs::File::create(folder.path().join("weed.log")).unwrap();
        let process = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut seaweed = Self { folder, process, endpoint: format!("http://127.0.0.1:{s3}") };
        seaweed.make_buckets(filer);
        Some(seaweed)
    }

    /// The filer's own interface makes the buckets, as soon as it answers.
    fn make_buckets(&mut self, filer: u16) {
        let start = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut buckets = vec![BUCKET, OPEN_BUCKET];
        loop {
            let Some(bucket) = buckets.last() else { return };
            let made =
                runtime.block_on(client.post(format!("http://127.0.0.1:{filer}/buckets/{bucket}/")).send());
            let answers = runtime.block_on(client.get(&self.endpoint).send());
            // The second attempt is told that the first one made it.
            let is_made =
                made.is_ok_and(|answer| answer.status().is_success() || answer.status().as_u16() == 409);
            if is_made && answers.is_ok() {
                buckets.pop();
                continue;
            }
            let log = fs::read_to_string(self.folder.path().join("weed.log")).unwrap_or_default();
            assert!(self.process.try_wait().unwrap().is_none(), "SeaweedFS stopped: {log}");
            assert!(start.elapsed() < Duration::from_secs(60), "SeaweedFS does not answer: {log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What a client needs to be let in.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment_of(KEY)
    }

    /// The same, for whoever has this key.
    pub fn environment_of(&self, key: &str) -> Vec<(String, String)> {
        let mut environment = self.endpoint_only();
        environment.push(("AWS_ACCESS_KEY_ID".into(), key.into()));
        environment.push(("AWS_SECRET_ACCESS_KEY".into(), SECRET.into()));
        environment
    }

    pub fn endpoint_only(&self) -> Vec<(String, String)> {
        vec![("AWS_ENDPOINT_URL".into(), self.endpoint.clone()), ("AWS_REGION".into(), "us-east-1".into())]
    }

    /// Makes what stands under `prefix` the files of a folder.
    pub fn put(&self, folder: &Path, prefix: &str) {
        let bucket = self.bucket();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            use futures::StreamExt as _;
            let prefix = object_store::path::Path::from(prefix);
            let old: Vec<_> = bucket.list(Some(&prefix)).collect().await;
            for object in old {
                bucket.delete(&object.unwrap().location).await.unwrap();
            }
        });
        self.copy(folder, prefix);
    }

    /// Puts the files of a folder under `prefix`, and leaves what else is there.
    pub fn copy(&self, folder: &Path, prefix: &str) {
        let bucket = self.bucket();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for item in walkdir::WalkDir::new(folder) {
                let item = item.unwrap();
                if item.file_type().is_file() {
                    let path = item.path().strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
                    let path = object_store::path::Path::parse(format!("{prefix}/{path}")).unwrap();
                    bucket.put(&path, fs::read(item.path()).unwrap().into()).await.unwrap();
                }
            }
        });
    }

    /// Its host and port.
    pub fn address(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    pub fn bucket(&self) -> AmazonS3 {
        AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_region("us-east-1")
            .with_bucket_name(BUCKET)
            .with_access_key_id(KEY)
            .with_secret_access_key(SECRET)
            .with_allow_http(true)
            .build()
            .unwrap()
    }
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where tools/install-prerequisites puts it: beside the folder of the built program.
fn program() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_BIN_EXE_rvp")).ancestors().nth(2)?;
    Some(target.join("tools/bin/weed")).filter(|path| path.exists())
}
