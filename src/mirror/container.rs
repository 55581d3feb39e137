//! The container of a bundle: a plain tar file of regular members with short names, read as hostile input.
//!
//! No name in it ever becomes a path. It is not compressed: nearly all of it is packages, which are.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tar::{Archive, Builder, EntryType, Header};

use super::MirrorError;
use super::manifest::{CHECKPOINT, ENTRIES, FORMAT, Manifest, Member};
use crate::model::Blake3;

const MANIFEST: &str = "manifest.json";
/// Some two million members.
const MAX_MANIFEST: u64 = 1 << 28;

/// A bundle that was opened: where its members stand.
pub(super) struct Container {
    path: PathBuf,
    file: File,
    pub manifest: Manifest,
    offsets: HashMap<String, (u64, u64)>,
}

impl Container {
    /// Reads the manifest, and finds its members to be those of the file.
    pub fn open(path: &Path) -> Result<Self, MirrorError> {
        let file = File::open(path).map_err(MirrorError::io("open the bundle", path))?;
        let length = file.metadata().map_err(MirrorError::io("read", path))?.len();
        let no_bundle = |reason: String| MirrorError::NotABundle { path: path.into(), reason };
        let damaged = |reason: String| MirrorError::DamagedBundle { path: path.into(), reason };
        let mut archive = Archive::new(&file);
        let entries = archive.entries_with_seek().map_err(|error| no_bundle(error.to_string()))?;
        // Raw: the extensions of tar for long names and sparse files are members like any other, and none of ours.
        let mut entries = entries.raw(true);
        let mut first = match entries.next() {
            Some(Ok(entry)) => entry,
            // The library's reason quotes what stands there, which may be anything.
            Some(Err(_)) => return Err(no_bundle("it is not a tar file".into())),
            None => return Err(no_bundle("it is empty".into())),
        };
        let is_manifest =
            first.header().entry_type() == EntryType::Regular && &*first.path_bytes() == MANIFEST.as_bytes();
        if !is_manifest {
            return Err(no_bundle(format!("it does not begin with {MANIFEST}")));
        }
        let size = first.size();
        if size > MAX_MANIFEST.min(length) {
            return Err(no_bundle(format!("its {MANIFEST} would have {size} bytes")));
        }
        let mut bytes = Vec::new();
        first.read_to_end(&mut bytes).map_err(MirrorError::io("read", path))?;
        drop(first);
        let manifest = parse_manifest(path, &bytes)?;
        let mut offsets = HashMap::new();
        for member in &manifest.members {
            let cut = || damaged(format!("it ends before {}", member.name));
            let entry = entries.next().ok_or_else(cut)?.map_err(|_| cut())?;
            let header = entry.header();
            let fits = header.entry_type() == EntryType::Regular
                && &*entry.path_bytes() == member.name.as_bytes()
                && entry.size() == member.size;
            if !fits {
                return Err(damaged(format!("where {} should be, it has something else", member.name)));
            }
            let begin = entry.raw_file_position();
            if begin.checked_add(member.size).is_none_or(|end| end > length) {
                return Err(cut());
            }
            offsets.insert(member.name.clone(), (begin, member.size));
        }
        if entries.next().is_some() {
            return Err(damaged("it has more members than its manifest".into()));
        }
        Ok(Self { path: path.into(), file, manifest, offsets })
    }

    /// Compares every byte with the manifest; `each` hears of how many were read.
    pub fn check(&self, each: &dyn Fn(u64)) -> Result<(), MirrorError> {
        let mut buffer = vec![0; 1 << 18];
        for member in &self.manifest.members {
            let mut hasher = blake3::Hasher::new();
            let mut from = self.member(&member.name)?;
            loop {
                let length = from.read(&mut buffer).map_err(MirrorError::io("read", &self.path))?;
                if length == 0 {
                    break;
                }
                hasher.update(&buffer[..length]);
                each(length as u64);
            }
            if Blake3(*hasher.finalize().as_bytes()) != member.blake3 {
                return Err(self.damaged(format!("{} is not what its manifest says", member.name)));
            }
        }
        Ok(())
    }

    pub fn has_data(&self, digest: Blake3) -> bool {
        self.offsets.contains_key(&Member::data(0, digest).name)
    }

    /// The bytes of a blob or a listed file.
    pub fn data(&self, digest: Blake3) -> Result<impl Read + use<'_>, MirrorError> {
        self.member(&Member::data(0, digest).name)
    }

    /// The bytes of a member. Two of them must not be read at once.
    fn member<'a>(&'a self, name: &str) -> Result<impl Read + use<'a>, MirrorError> {
        let (begin, size) =
            *self.offsets.get(name).ok_or_else(|| self.damaged(format!("it has no {name}")))?;
        (&self.file).seek(SeekFrom::Start(begin)).map_err(MirrorError::io("read", &self.path))?;
        Ok((&self.file).take(size))
    }

    /// The signed checkpoint.
    pub fn checkpoint(&self) -> Result<Vec<u8>, MirrorError> {
        let limit = crate::registry::layout::MAX_CHECKPOINT;
        let mut bytes = Vec::new();
        let read = self.member(CHECKPOINT)?.take(limit).read_to_end(&mut bytes);
        read.map_err(MirrorError::io("read", &self.path))?;
        Ok(bytes)
    }

    /// All entries of the log that it carries, in order.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<String, MirrorError>>, MirrorError> {
        let mut from = BufReader::new(self.member(ENTRIES)?);
        Ok(std::iter::from_fn(move || match read_entry(&mut from) {
            Ok(Some(entry)) => Some(
                String::from_utf8(entry).map_err(|_| self.damaged("an entry of its log is not UTF-8".into())),
            ),
            Ok(None) => None,
            Err(error) => Some(Err(self.damaged(format!("{ENTRIES}: {error}")))),
        }))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn damaged(&self, reason: String) -> MirrorError {
        MirrorError::DamagedBundle { path: self.path.clone(), reason }
    }
}

fn parse_manifest(path: &Path, bytes: &[u8]) -> Result<Manifest, MirrorError> {
    /// What every version of the manifest has.
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
    }
    let no_bundle = |reason: String| MirrorError::NotABundle { path: path.into(), reason };
    let unreadable = |error: serde_json::Error| no_bundle(format!("{MANIFEST} cannot be read: {error}"));
    let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
    if head.format != FORMAT {
        return Err(MirrorError::BundleFormat { path: path.into(), format: head.format });
    }
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(unreadable)?;
    let mut names = std::collections::HashSet::new();
    let ordered = manifest.members.first().is_some_and(|member| member.name == ENTRIES)
        && manifest.members.last().is_some_and(|member| member.name == CHECKPOINT)
        && manifest.members.iter().all(|member| member.has_valid_name() && names.insert(&member.name));
    if !ordered || manifest.from > manifest.to {
        return Err(no_bundle(format!("{MANIFEST} does not hold together")));
    }
    Ok(manifest)
}

/// Reads a length and so many bytes; none at the end.
fn read_entry(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    if from.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[1..])?;
    let mut entry = vec![0; usize::from(u16::from_be_bytes(length))];
    from.read_exact(&mut entry)?;
    Ok(Some(entry))
}

/// Writes one entry as `entries` reads it.
pub(super) fn write_entry(to: &mut impl Write, entry: &[u8]) -> io::Result<()> {
    let length = u16::try_from(entry.len()).map_err(|_| io::Error::other("an entry is too long"))?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(entry)
}

/// Writes a bundle, member after member. The same content has the same bytes.
pub(super) struct ContainerWriter<W: Write>(Builder<W>);

impl<W: Write> ContainerWriter<W> {
    pub fn new(to: W, manifest: &Manifest) -> io::Result<Self> {
        let mut writer = Self(Builder::new(to));
        let bytes = serde_json::to_vec_pretty(manifest)?;
        writer.append(MANIFEST, bytes.len() as u64, &mut &bytes[..])?;
        Ok(writer)
    }

    /// Appends a member, whose digest must be the one that the manifest gives.
    pub fn append_member(&mut self, member: &Member, from: impl Read) -> io::Result<()> {
        let mut from = Hashed { from: from.take(member.size), hasher: blake3::Hasher::new() };
        self.append(&member.name, member.size, &mut from)?;
        let fits =
            from.hasher.count() == member.size && Blake3(*from.hasher.finalize().as_bytes()) == member.blake3;
        if fits { Ok(()) } else { Err(io::Error::other("it is not what its record says")) }
    }

    fn append(&mut self, name: &str, size: u64, from: &mut dyn Read) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_path(name)?;
        header.set_size(size);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_cksum();
        self.0.append(&header, from)
    }

    pub fn finish(self) -> io::Result<W> {
        self.0.into_inner()
    }
}

/// Hashes what is read.
struct Hashed<R> {
    from: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        Ok(length)
    }
}
