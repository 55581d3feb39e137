//! States of a registry that its own key has signed, and that no honest program would sign.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use futures::future::BoxFuture;
use rvp::model::{Blake3, Record, Seal};
use rvp::registry::log::{self, LogFiles};
use rvp::registry::snapshot::{self, Entry, Nodes};
use rvp::registry::{Checkpoint, Config, LogKey, RegistryError, layout};

/// A registry's folder and its private key.
pub struct Forge {
    folder: PathBuf,
    key: LogKey,
    pub checkpoint: Checkpoint,
}

impl Forge {
    pub fn new(folder: &Path, key: LogKey) -> Self {
        let config = Config::parse("here", &fs::read(folder.join(layout::CONFIG)).unwrap()).unwrap();
        let checkpoint = fs::read(folder.join(layout::CHECKPOINT)).unwrap();
        let checkpoint = Checkpoint::verify("here", &checkpoint, &config.key).unwrap();
        Self { folder: folder.to_owned(), key, checkpoint }
    }

    /// Appends `lines` to an index file and seals them, whatever they are.
    pub fn seal(&mut self, path: &str, lines: &[&str]) {
        let (first, time) = (self.checkpoint.size, jiff::Timestamp::now());
        let time = jiff::Timestamp::from_second(time.as_second()).unwrap();
        let seal = Seal { path: path.to_owned(), first, count: lines.len() as u64, time };
        let mut entries: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        entries.push(Record::Seal(seal).to_line().unwrap());
        let mut text = fs::read(self.folder.join(path)).unwrap_or_default();
        for entry in &entries {
            text.extend_from_slice(entry.as_bytes());
            text.push(b'\n');
        }
        self.write(path, &text);
        let appended = log::append(self, first, self.checkpoint.root, &entries).unwrap();
        for (path, bytes) in &appended.files {
            self.write(path, bytes);
        }
        self.checkpoint.size = appended.size;
        self.checkpoint.root = appended.root;
        self.checkpoint.time = time;
        self.cover(path, Entry { length: text.len() as u64, digest: Blake3::of(&text) });
    }

    /// Has the snapshot say `entry` of the file `path`.
    pub fn cover(&mut self, path: &str, entry: Entry) {
        let changes = BTreeMap::from([(path.to_owned(), entry)]);
        let (root, nodes) =
            block_on(snapshot::update(self, Some(self.checkpoint.snapshot), changes)).unwrap();
        for (digest, bytes) in nodes {
            self.write(&layout::snapshot_node(digest), &bytes);
        }
        self.checkpoint.snapshot = root;
        self.sign();
    }

    pub fn sign(&self) {
        self.write(layout::CHECKPOINT, &self.checkpoint.sign(&self.key).unwrap());
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

impl LogFiles for Forge {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        Ok(paths.iter().map(|path| fs::read(self.folder.join(path)).unwrap()).collect())
    }
}

impl Nodes for Forge {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(async move { Ok(fs::read(self.folder.join(layout::snapshot_node(digest))).unwrap()) })
    }
}
