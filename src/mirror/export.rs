//! What has changed since a state, as one file: for networks that nothing but files enters.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blobs::{Transfer, missing, read_bundle};
use super::choice::{Chooser, Chosen};
use super::container::{ContainerWriter, write_entry};
use super::manifest::{CHECKPOINT, ENTRIES, FORMAT, Manifest, Member};
use super::{MirrorError, verify::chosen};
use crate::fetch::{Downloader, Wanted};
use crate::files;
use crate::model::{Blake3, Record};
use crate::registry::{Choice, Reader, RegistryError, Store, layout, log};

/// The state that a bundle continues.
#[derive(Clone, Debug)]
pub enum Since {
    /// None: the bundle is a whole registry.
    Nothing,
    /// That of so many entries.
    Size(u64),
    /// That of a copy of `log/checkpoint`.
    Checkpoint(PathBuf),
    /// That of the mirror in a folder, with the blobs that are there.
    Mirror(PathBuf),
}

/// What was written.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exported {
    pub from: u64,
    pub to: u64,
    pub blobs: u64,
    /// The size of the file.
    pub bytes: u64,
    pub holds: Choice,
}

impl Since {
    /// Reads what a user writes: a number, a file or a folder.
    pub fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(size) => Self::Size(size),
            Err(_) if Path::new(text).is_dir() => Self::Mirror(text.into()),
            Err(_) => Self::Checkpoint(text.into()),
        }
    }
}

/// What the entries since a state bring.
#[derive(Default)]
struct News {
    /// The index files that grow.
    index: BTreeSet<String>,
    /// The paths of the blobs that records name for the first time.
    blobs: BTreeSet<String>,
    /// The listed files that change.
    files: BTreeSet<String>,
}

/// Writes the bundle `out` of `source`, whole or not at all. Blobs from a server wait beside it until they are complete.
pub fn export(
    source: &Reader,
    since: &Since,
    holds: &Choice,
    out: &Path,
    transfer: &Transfer,
) -> Result<Exported, MirrorError> {
    let chooser = Chooser::new(holds)?;
    let store = Arc::clone(source.store()?);
    let from = size_of(source, since)?;
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = files::temporary_file(folder).map_err(MirrorError::io("write in", folder))?;
    let (entries_member, news) = write_entries(source, from, entries.as_file(), out)?;
    let chosen = wanted(source, &chooser, since, news.blobs, &news.index)?;
    let arriving = Arriving::beside(out);
    let mut data = collect(&store, chosen, &arriving, transfer)?;
    let blobs = data.len() as u64;
    for path in &news.files {
        if let Some(bytes) = source.file(path)? {
            data.push((Member::data(bytes.len() as u64, Blake3::of(&bytes)), Content::Bytes(bytes.to_vec())));
        }
    }
    data.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    data.dedup_by(|(one, _), (other, _)| one.name == other.name);
    let signed = source.signed_checkpoint().to_vec();
    let last = Member { name: CHECKPOINT.to_owned(), size: signed.len() as u64, blake3: Blake3::of(&signed) };
    let mut parts = vec![(entries_member, Content::File(entries.path().to_owned()))];
    parts.extend(data);
    parts.push((last, Content::Bytes(signed)));
    let to = source.checkpoint().size;
    let manifest = Manifest {
        format: FORMAT,
        key: source.key().to_owned(),
        from,
        to,
        holds: holds.clone(),
        members: parts.iter().map(|(member, _)| member.clone()).collect(),
    };
    let bytes = write(out, folder, &manifest, &parts).map_err(MirrorError::io("write the bundle", out))?;
    arriving.remove();
    Ok(Exported { from, to, blobs, bytes, holds: holds.clone() })
}

/// Writes the file, whole or not at all; gives its size.
fn write(
    out: &Path,
    folder: &Path,
    manifest: &Manifest,
    parts: &[(Member, Content)],
) -> std::io::Result<u64> {
    let mut writer = ContainerWriter::new(BufWriter::new(files::temporary_file(folder)?), manifest)?;
    for (member, content) in parts {
        writer.append_member(member, content.open()?)?;
    }
    let file = writer.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.as_file().sync_data()?;
    let bytes = file.as_file().metadata()?.len();
    files::persist(file, out)?;
    Ok(bytes)
}

/// How many entries the state has that is to be continued, which must be one that `source` continues.
fn size_of(source: &Reader, since: &Since) -> Result<u64, MirrorError> {
    let now = source.checkpoint();
    let (location, path) = match since {
        Since::Nothing => return Ok(0),
        Since::Size(size) if *size <= now.size => return Ok(*size),
        Since::Size(size) => return Err(ahead(source, *size)?),
        Since::Checkpoint(path) => (path, path.clone()),
        Since::Mirror(dir) => (dir, dir.join(layout::CHECKPOINT)),
    };
    let location = location.display().to_string();
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(layout::MAX_CHECKPOINT).read_to_end(&mut bytes));
    read.map_err(|error| MirrorError::Since { since: location.clone(), reason: error.to_string() })?;
    let refused = |reason: String| MirrorError::Since { since: location.clone(), reason };
    let (size, root) = size_and_root(&bytes).ok_or_else(|| refused("it is not a checkpoint".into()))?;
    if size > now.size {
        return Err(ahead(source, size)?);
    }
    if log::root_at(source, now, size)? != root {
        let source = source.store()?.location();
        return Err(refused(format!(
            "{source} never had it: it is of another registry, or of another history of this one"
        )));
    }
    Ok(size)
}

/// What a checkpoint says. Its signature may be by a key that the log had before, and is not asked for: that the signed log
/// begins with this root is more than a signature could say.
fn size_and_root(bytes: &[u8]) -> Option<(u64, tlog_tiles::Hash)> {
    let note = signed_note::Note::from_bytes(bytes).ok()?;
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).ok()?;
    Some((checkpoint.size(), *checkpoint.hash()))
}

fn ahead(source: &Reader, since: u64) -> Result<MirrorError, MirrorError> {
    let location = source.store()?.location().to_owned();
    Ok(MirrorError::SinceAhead { location, since, has: source.checkpoint().size })
}

/// Writes the entries from `from` on, and notes what they bring.
fn write_entries(source: &Reader, from: u64, to: &File, out: &Path) -> Result<(Member, News), MirrorError> {
    let mut news = News::default();
    let mut hasher = blake3::Hasher::new();
    let mut to = BufWriter::new(to);
    let mut buffer = Vec::new();
    log::replay(source, source.checkpoint(), from, |number, entry| {
        let bad = |reason: String| RegistryError::Log { reason: format!("entry {number}: {reason}") };
        let line = std::str::from_utf8(entry).map_err(|_| bad("it is not UTF-8".into()))?;
        let record = Record::parse(line).map_err(|error| bad(error.to_string()))?;
        news.blobs.extend(record.artifacts().iter().map(layout::blob));
        news.blobs.extend(record.signatures().iter().map(layout::bundle));
        let attestations = record.artifacts().iter().filter_map(|artifact| artifact.provenance.as_ref());
        news.blobs.extend(attestations.map(layout::provenance));
        match record {
            Record::Seal(seal) => drop(news.index.insert(seal.path)),
            Record::File(file) => drop(news.files.insert(file.path)),
            _ => {}
        }
        buffer.clear();
        let written = write_entry(&mut buffer, entry).and_then(|()| to.write_all(&buffer));
        hasher.update(&buffer);
        written.map_err(|source| RegistryError::Io { action: "write", path: out.into(), source })
    })?;
    to.flush().map_err(MirrorError::io("write", out))?;
    let blake3 = Blake3(*hasher.finalize().as_bytes());
    Ok((Member { name: ENTRIES.to_owned(), size: hasher.count(), blake3 }, news))
}

/// The blobs to be carried: what is chosen, but for what the other side has.
fn wanted(
    source: &Reader,
    chooser: &Chooser,
    since: &Since,
    new: BTreeSet<String>,
    changed: &BTreeSet<String>,
) -> Result<Chosen, MirrorError> {
    match since {
        Since::Nothing => chosen(source, chooser),
        Since::Mirror(dir) => Ok(missing(dir, &chosen(source, chooser)?, false)),
        Since::Size(_) | Since::Checkpoint(_) => {
            let mut chosen = Chosen::default();
            for path in changed {
                if let Some(bytes) = source.file(path)? {
                    chooser.add(path, &bytes, &mut chosen)?;
                }
            }
            chosen.artifacts.retain(|path, _| new.contains(path));
            chosen.bundles.retain(|path, _| new.contains(path));
            Ok(chosen)
        }
    }
}

/// Where the bytes of a member are.
enum Content {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Content {
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Content::File(path) => Box::new(File::open(path)?),
            Content::Bytes(bytes) => Box::new(&bytes[..]),
        })
    }
}

/// A folder for what arrives from a server. It stays when a run is cut, and the next one goes on with it.
struct Arriving(PathBuf);

impl Arriving {
    fn beside(out: &Path) -> Self {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".arriving");
        Self(out.with_file_name(name))
    }

    fn remove(&self) {
        // Nothing but space is lost if it stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Has every blob on this machine. The same bytes under two names are one member.
fn collect(
    store: &Arc<dyn Store>,
    chosen: Chosen,
    arriving: &Arriving,
    transfer: &Transfer,
) -> Result<Vec<(Member, Content)>, MirrorError> {
    let sizes: BTreeMap<Blake3, u64> =
        chosen.artifacts.values().map(|artifact| (artifact.blake3, artifact.size)).collect();
    let wanted = chosen.artifacts.into_values().map(|artifact| Wanted { store: Arc::clone(store), artifact });
    let progress = Arc::clone(&transfer.progress);
    let downloader = Downloader::new(transfer.runtime.clone(), arriving.0.clone(), progress, false);
    let fetched = transfer.runtime.block_on(downloader.fetch(wanted))?;
    let mut data = Vec::with_capacity(fetched.len());
    for (digest, size) in sizes {
        if let Some(fetched) = fetched.get(&digest) {
            data.push((Member::data(size, digest), Content::File(fetched.path().to_owned())));
        }
    }
    for (path, bundle) in &chosen.bundles {
        let bytes = transfer.runtime.block_on(read_bundle(&**store, path, bundle))?;
        data.push((Member::data(bundle.size, bundle.blake3), Content::Bytes(bytes)));
    }
    Ok(data)
}
