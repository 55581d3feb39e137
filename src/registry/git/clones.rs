//! Clones of one branch of one repository in the cache: bare, shallow, and only ever added to.

use std::fs::{self, File};
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use gix::protocol::fetch::refmap::Source;
use gix::protocol::handshake::Ref;
use gix::remote::fetch::{Shallow, Tags};
use gix_transport::client::blocking_io::Transport;

use super::{GitPlace, Tip, failure};
use crate::model::Blake3;
use crate::registry::http_failure::Failure;

/// The most bytes that a clone may have on disk; forges ask for less than this of a whole repository.
pub(super) const MAX_CLONE: u64 = 4 << 30;
/// The largest object that is inflated, in bytes. Forges take no file of more than 100 MB.
pub(super) const MAX_OBJECT: u64 = 256 << 20;
/// With more fetches than this in a clone, the next one begins anew: nothing else would make its packs one.
const MAX_PACKS: usize = 50;
/// What gix locks during a fetch.
const STALE: [&str; 3] = ["shallow.lock", "refs/rvp/tip.lock", "packed-refs.lock"];
/// What the tip of the branch was at the last fetch.
const TIP: &str = "refs/rvp/tip";

/// The clones of one place, of which the one with the highest number is used. Those before it are left alone until the next
/// begins, for whoever reads them.
pub(super) struct Clones {
    folder: PathBuf,
}

impl Clones {
    pub fn new(cache: &Path, place: &GitPlace) -> Self {
        let place = format!("{} {}", place.repository, place.reference.as_deref().unwrap_or("HEAD"));
        Self { folder: cache.join(&Blake3::of(place.as_bytes()).to_string()[..32]) }
    }

    /// What the last fetch brought, without asking.
    pub fn known(&self) -> Option<Tip> {
        let number = self.numbers().ok()?.into_iter().max()?;
        let repository = gix::ThreadSafeRepository::open_opts(self.clone_folder(number), options()).ok()?;
        Tip::at(repository, TIP).ok()
    }

    /// Where they are, and whatever else belongs to this place.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Asks for the branch, and fetches what is new; none where there is no such branch. `connect` makes the connection for a
    /// repository.
    pub fn fetch<T: Transport>(
        &self,
        place: &GitPlace,
        connect: impl FnOnce(&gix::Remote<'_>) -> gix::error::Result<T>,
    ) -> Result<Option<Tip>, Failure> {
        let unwritable = |error: io::Error| {
            let reason = format!("its clone in {} cannot be written: {error}", self.folder.display());
            Failure::lasting(
                reason,
                "check that you may write there, and that there is space; the setting cache-dir moves it",
            )
        };
        fs::create_dir_all(&self.folder).map_err(unwritable)?;
        // One fetch at a time; readers need no lock.
        let lock = File::create(self.folder.join("lock")).map_err(unwritable)?;
        lock.lock().map_err(unwritable)?;
        let folder = self.writable_clone().map_err(unwritable)?;
        // Nobody but a run that was killed can have left these.
        for lock in STALE {
            let _ = fs::remove_file(folder.join(lock));
        }
        let repository = match gix::ThreadSafeRepository::open_opts(&folder, options()) {
            Ok(repository) => repository,
            Err(_) => {
                // Nothing is there, or what a killed run left.
                let _ = fs::remove_dir_all(&folder);
                let kind = gix::create::Kind::Bare;
                gix::ThreadSafeRepository::init_opts(
                    &folder,
                    kind,
                    gix::create::Options::default(),
                    options(),
                )
                .map_err(|error| unwritable(io::Error::other(error.to_string())))?
            }
        };
        let Some(reference) = fetch_into(&repository.to_thread_local(), &folder, place, connect)? else {
            return Ok(None);
        };
        let repository = gix::ThreadSafeRepository::open_opts(&folder, options())
            .map_err(|error| failure::of_error(&error, &place.repository))?;
        Ok(Some(Tip { reference: Some(reference), ..Tip::at(repository, TIP)? }))
    }

    fn clone_folder(&self, number: u32) -> PathBuf {
        self.folder.join(number.to_string())
    }

    fn numbers(&self) -> io::Result<Vec<u32>> {
        let names = fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.file_name()));
        let names: Vec<_> = names.collect::<io::Result<_>>()?;
        Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
    }

    /// The clone that the next fetch adds to: a new one when the last is full.
    fn writable_clone(&self) -> io::Result<PathBuf> {
        let numbers = self.numbers()?;
        let last = numbers.iter().copied().max().unwrap_or(0);
        let packs = self.clone_folder(last).join("objects").join("pack");
        let count = fs::read_dir(&packs).map_or(0, |files| {
            files.flatten().filter(|file| file.path().extension().is_some_and(|kind| kind == "pack")).count()
        });
        if count <= MAX_PACKS && size_of(&packs) <= MAX_CLONE / 2 {
            return Ok(self.clone_folder(last));
        }
        for old in numbers.into_iter().filter(|number| *number < last) {
            // On Windows a file that is still read stays, until the next time.
            let _ = fs::remove_dir_all(self.clone_folder(old));
        }
        Ok(self.clone_folder(last + 1))
    }
}

/// Nothing is believed but what rvp sets itself: no configuration of the user, the system or the repository, and no variables but
/// those that say how ssh is called.
pub(super) fn options() -> gix::open::Options {
    let mut permissions = gix::open::Permissions::isolated();
    permissions.env.git_prefix = gix::sec::Permission::Allow;
    permissions.env.ssh_prefix = gix::sec::Permission::Allow;
    gix::open::Options::isolated()
        .permissions(permissions)
        .config_overrides([format!("gitoxide.objects.allocLimit={MAX_OBJECT}")])
        .with(gix::sec::Trust::Reduced)
}

/// Brings the clone up to date. Tells the name of the reference that leads to its tip; none where the repository has no such.
fn fetch_into<T: Transport>(
    repository: &gix::Repository,
    folder: &Path,
    place: &GitPlace,
    connect: impl FnOnce(&gix::Remote<'_>) -> gix::error::Result<T>,
) -> Result<Option<String>, Failure> {
    let failed = |error: gix::Error| failure::of_error(&error, &place.repository);
    let specs = match place.reference.as_deref() {
        None => vec!["HEAD".to_owned()],
        Some(name) if name.starts_with("refs/") => vec![name.to_owned()],
        Some(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
    };
    let remote = repository
        .remote_at_without_url_rewrite(place.repository.as_str())
        .and_then(|remote| {
            let specs = specs.iter().map(|spec| gix::bstr::BStr::new(spec.as_str()));
            remote.with_fetch_tags(Tags::None).with_refspecs(specs, gix::remote::Direction::Fetch)
        })
        .map_err(failed)?;
    let transport = connect(&remote).map_err(failed)?;
    let fetch = remote
        .to_connection_with_transport(transport)
        // The transport has its credentials; gix would ask programs that the user's configuration names.
        .with_credentials(|_| Ok(None))
        .prepare_fetch(gix::progress::Discard, gix::remote::ref_map::Options::default())
        .map_err(failed)?;
    // In the order of the names asked for: a branch goes before a tag.
    let mut mappings: Vec<_> = fetch.ref_map().mappings.iter().collect();
    mappings.sort_by_key(|mapping| mapping.remote.as_name().map(|name| name.starts_with(b"refs/tags/")));
    let found =
        mappings.iter().find_map(|mapping| Some((mapping.remote.as_id()?.to_owned(), &mapping.remote)));
    let Some((tip, source)) = found else { return Ok(None) };
    let reference = Some(name_of(source));
    let known = repository.find_reference(TIP).ok().and_then(|known| known.try_id().map(gix::Id::detach));
    if known == Some(tip) && repository.has_object(tip) {
        return Ok(reference);
    }
    let depth = Shallow::DepthAtRemote(NonZeroU32::MIN);
    let (interrupt, full) = (AtomicBool::new(false), AtomicBool::new(false));
    let received = thread::scope(|scope| {
        let (done, is_done) = channel::<()>();
        scope.spawn(|| {
            let is_done = is_done;
            while is_done.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                if size_of(&folder.join("objects").join("pack")) > MAX_CLONE {
                    full.store(true, Ordering::Relaxed);
                    interrupt.store(true, Ordering::Relaxed);
                }
            }
        });
        let received = fetch.with_shallow(depth).receive(gix::progress::Discard, &interrupt);
        drop(done);
        received
    });
    if full.load(Ordering::Relaxed) {
        return Err(failure::too_large(MAX_CLONE));
    }
    received.map_err(failed)?;
    let any = gix::refs::transaction::PreviousValue::Any;
    repository.reference(TIP, tip, any, "rvp").map_err(failed)?;
    Ok(reference)
}

/// What a reference of a server is called: for `HEAD`, what that stands for.
fn name_of(source: &Source) -> String {
    match source {
        Source::Ref(Ref::Symbolic { target, .. }) => target.to_string(),
        source => source.as_name().map(ToString::to_string).unwrap_or_default(),
    }
}

/// The bytes of the files in a folder.
fn size_of(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_clone_is_left_to_its_readers_and_a_new_one_begins() {
        let cache = tempfile::tempdir().unwrap();
        let place = GitPlace::parse("git+https://host/registry.git").unwrap();
        let clones = Clones::new(cache.path(), &place);
        let fill = |number: u32, packs: usize| {
            let folder = clones.clone_folder(number).join("objects/pack");
            fs::create_dir_all(&folder).unwrap();
            for pack in 0..packs {
                File::create(folder.join(format!("{pack}.pack"))).unwrap();
            }
        };
        fill(0, MAX_PACKS);
        assert_eq!(clones.writable_clone().unwrap(), clones.clone_folder(0));
        fill(0, MAX_PACKS + 1);
        assert_eq!(clones.writable_clone().unwrap(), clones.clone_folder(1));
        assert!(clones.clone_folder(0).exists());
        fill(1, MAX_PACKS + 1);
        assert_eq!(clones.writable_clone().unwrap(), clones.clone_folder(2));
        assert!(!clones.clone_folder(0).exists() && clones.clone_folder(1).exists());
        // One that is large on disk is full as well, whatever its packs hold.
        fill(2, 1);
        let large = File::options().write(true).open(clones.clone_folder(2).join("objects/pack/0.pack"));
        large.unwrap().set_len(MAX_CLONE / 2 + 1).unwrap();
        assert_eq!(clones.writable_clone().unwrap(), clones.clone_folder(3));
    }
}
