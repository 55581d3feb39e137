//! Folders with a name for the time of their making or removal, and what is left of them when a process is killed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// What a temporary folder is for; a part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    NewEnvironment,
    RemovedEnvironment,
    NewRegistry,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::NewEnvironment, Self::RemovedEnvironment, Self::NewRegistry];

    fn prefix(self) -> &'static str {
        match self {
            Self::NewEnvironment => ".rvp-new-environment-",
            Self::RemovedEnvironment => ".rvp-removed-environment-",
            Self::NewRegistry => ".rvp-new-registry-",
        }
    }
}

/// No process takes this long to make or remove such a folder.
const LONGEST: Duration = Duration::from_secs(3600);

/// Random letters and digits at the end of a name.
const RANDOM: usize = 6;

/// A new folder in `parent` that is removed when it is dropped. Those that killed processes have left there go, best effort.
pub fn temporary_folder(parent: &Path, purpose: Purpose) -> io::Result<TempDir> {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if is_leftover(&entry) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    tempfile::Builder::new().prefix(purpose.prefix()).rand_bytes(RANDOM).tempdir_in(parent)
}

fn is_leftover(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let random = Purpose::ALL.iter().find_map(|purpose| name.to_str()?.strip_prefix(purpose.prefix()));
    let ours =
        random.is_some_and(|end| end.len() == RANDOM && end.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    // Of a clock that was set back nothing can be said: its folders stay.
    let old = |metadata: fs::Metadata| {
        let age = metadata.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        metadata.is_dir() && age.is_some_and(|age| age > LONGEST)
    };
    ours && entry.metadata().is_ok_and(old)
}
