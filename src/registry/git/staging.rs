//! A repository for the objects of a change that is not pushed yet. It borrows all others from the clone that the change continues.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::objs::Tree;
use gix::objs::tree::EntryKind;

use super::program::Git;
use super::{Stop, Tip, clones, find_at};
use crate::registry::http_failure::Failure;

/// Who makes a commit where git does not know the user.
const NOBODY: [(&str, &str); 4] = [
    ("GIT_AUTHOR_NAME", "rvp"),
    ("GIT_AUTHOR_EMAIL", "rvp@localhost"),
    ("GIT_COMMITTER_NAME", "rvp"),
    ("GIT_COMMITTER_EMAIL", "rvp@localhost"),
];

/// The files that a commit changes: their objects by path from the top of the repository, and none for those that go.
pub(super) type Edits = BTreeMap<String, Option<ObjectId>>;

pub(super) struct Staging {
    pub folder: PathBuf,
    repository: gix::ThreadSafeRepository,
    /// Held for as long as this lives: writers of one machine take turns, as they would overtake each other for nothing.
    _lock: File,
}

impl Staging {
    /// Makes an empty one in `folder`, in place of what another writer left there, once no other writer is at work.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("writer.lock"))?;
        lock.lock()?;
        let folder = folder.join("staging");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let kind = gix::create::Kind::Bare;
        let made = gix::ThreadSafeRepository::init_opts(
            &folder,
            kind,
            gix::create::Options::default(),
            clones::options(),
        );
        let repository = made.map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { folder, repository, _lock: lock })
    }

    /// Has the next commits continue `tip`, and reads its objects where they are.
    pub fn continue_from(&mut self, tip: &Tip) -> io::Result<()> {
        let local = tip.repository.to_thread_local();
        let objects = local.objects.store_ref().path();
        if !objects.starts_with(&self.folder) {
            let absolute = std::path::absolute(objects)?;
            let path = absolute.to_str().filter(|path| !path.contains('\n'));
            let path = path.ok_or_else(|| io::Error::other("its path is not one line of Unicode"))?;
            fs::write(self.folder.join("objects/info/alternates"), format!("{path}\n"))?;
            // Those before it may not be there at all.
            fs::write(self.folder.join("shallow"), format!("{}\n", tip.commit))?;
        }
        let opened = gix::ThreadSafeRepository::open_opts(&self.folder, clones::options());
        self.repository = opened.map_err(|error| io::Error::other(error.to_string()))?;
        Ok(())
    }

    /// A commit of this repository as what is read next.
    pub fn tip(&self, commit: ObjectId, reference: &str) -> Tip {
        Tip { repository: self.repository.clone(), commit, reference: Some(reference.to_owned()) }
    }

    pub fn put(&self, bytes: &[u8]) -> Result<ObjectId, Stop> {
        Ok(self.repository.to_thread_local().write_blob(bytes)?.detach())
    }

    pub fn size(&self, id: ObjectId) -> Result<u64, Stop> {
        Ok(self.repository.to_thread_local().find_header(id)?.size())
    }

    pub fn read(&self, id: ObjectId) -> Result<Vec<u8>, Stop> {
        Ok(self.repository.to_thread_local().find_blob(id)?.take_data())
    }

    /// The tree of `parent` with some files changed.
    pub fn tree(&self, parent: Option<&Tip>, edits: &Edits) -> Result<ObjectId, Stop> {
        let repository = self.repository.to_thread_local();
        let root = match parent {
            Some(parent) => {
                let tree = repository.find_commit(parent.commit)?.tree()?;
                tree.decode()?.into()
            }
            None => Tree::empty(),
        };
        let mut editor = gix::objs::tree::Editor::new(root, &repository.objects, repository.object_hash());
        for (path, id) in edits {
            let parts = path.split('/').map(gix::bstr::BStr::new);
            match id {
                Some(id) => editor.upsert(parts, EntryKind::Blob, *id)?,
                None => editor.remove(parts)?,
            };
        }
        editor.write(|tree| Ok(repository.write_object(tree)?.detach()))
    }

    /// Makes a commit as the user whom git knows.
    pub fn commit(&self, tree: ObjectId, parent: Option<&Tip>, message: &str) -> Result<ObjectId, Failure> {
        let call = |known: bool| {
            let mut git = Git::new(&self.folder).args(["commit-tree".to_owned(), tree.to_string()]);
            if let Some(parent) = parent {
                git = git.args(["-p".to_owned(), parent.commit.to_string()]);
            }
            for (name, value) in NOBODY.iter().filter(|(name, _)| !known && std::env::var_os(name).is_none())
            {
                git = git.env(name, value);
            }
            git.run(message.as_bytes())
        };
        let mut said = call(true)?;
        if !said.status.success() {
            said = call(false)?;
        }
        match ObjectId::from_hex(said.stdout.trim().as_bytes()) {
            Ok(id) if said.status.success() => Ok(id),
            _ => Err(Failure::lasting(
                format!("git makes no commit: {}", said.stderr.trim().replace('\n', "; ")),
                "check that `git commit` works here, and that there is space in the folder of the cache",
            )),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The next writer removes what stays.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// All files below a folder of a commit, with their lengths, sorted.
pub(super) fn files_below(tip: &Tip, folder: &[&str], prefix: &str) -> Result<Vec<(String, u64)>, Stop> {
    let repository = tip.repository.to_thread_local();
    let mut found = Vec::new();
    let mut id = repository.find_commit(tip.commit)?.tree_id()?.detach();
    for part in folder {
        let tree = repository.find_tree(id)?;
        let entry = tree.iter().flatten().find(|entry| entry.filename() == part.as_bytes());
        match entry.filter(|entry| entry.kind() == EntryKind::Tree) {
            Some(entry) => id = entry.object_id(),
            None => return Ok(found),
        }
    }
    let mut folders = vec![(prefix.to_owned(), id)];
    while let Some((path, id)) = folders.pop() {
        for entry in repository.find_tree(id)?.iter().flatten() {
            // What is not Unicode cannot be named in a registry.
            let Ok(name) = std::str::from_utf8(entry.filename()) else { continue };
            let path = format!("{path}/{name}");
            match entry.kind() {
                EntryKind::Tree => folders.push((path, entry.object_id())),
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    found.push((path, repository.find_header(entry.object_id())?.size()));
                }
                EntryKind::Link | EntryKind::Commit => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// How many bytes a file of a commit has.
pub(super) fn size_at(tip: &Tip, parts: &[&str]) -> Result<Option<u64>, Stop> {
    let repository = tip.repository.to_thread_local();
    let Some(id) = find_at(&repository, tip.commit, parts)? else { return Ok(None) };
    Ok(Some(repository.find_header(id)?.size()))
}
