//! Source distributions: only the metadata is read here, and nothing is unpacked.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use uv_distribution_filename::{SourceDistExtension, SourceDistFilename};

use super::metadata::{MAX_METADATA, Metadata};
use super::path::check_path;
use super::zip::{Archive, MAX_UNPACKED};
use super::{ArtifactInfo, PackageError, file_name};
use crate::model::Version;

const MAX_ENTRIES: usize = 500_000;
/// What may stand between two entries of a tar: headers, long names, PAX records.
const MAX_HEADERS: u64 = 1 << 20;

/// Reads `PKG-INFO` in the top folder of a `.tar.gz` or `.zip`, to the end of the archive so that a damaged one is noticed.
///
/// Name and version must be those of the file name. What `Metadata::dynamic` lists, a build may still change.
pub(super) fn read_sdist(path: &Path) -> Result<ArtifactInfo, PackageError> {
    let file_name = file_name(path)?;
    let fail = |reason: String| PackageError::content(path, reason);
    let extension = SourceDistExtension::from_path(file_name)
        .map_err(|_| PackageError::Kind { artifact: path.to_owned() })?;
    let found = if file_name.ends_with(".zip") { read_zip(path)? } else { read_tar(path)? };
    let (file, bytes) = found.ok_or_else(|| fail("it has no PKG-INFO in its top folder".into()))?;
    let metadata = Metadata::parse(&bytes).map_err(|source| PackageError::Metadata {
        artifact: path.to_owned(),
        file,
        source,
    })?;
    // Only with the name known is it clear where the version begins in a file name such as `a-1-1.zip`.
    let name = metadata
        .name
        .parse::<uv_normalize::PackageName>()
        .map_err(|error| fail(format!("its PKG-INFO has no valid name: {error}")))?;
    let parsed = SourceDistFilename::parse(file_name, extension, &name).map_err(|error| {
        fail(format!(
            "its PKG-INFO is of {name} {}, which its file name does not say: {error}",
            metadata.version
        ))
    })?;
    let version = Version::Pep440(parsed.version);
    if *metadata.package_version() != version {
        let reason = format!("its PKG-INFO is of version {}, its file name of {version}", metadata.version);
        return Err(fail(reason));
    }
    Ok(ArtifactInfo { name: metadata.package_name().clone(), version, metadata, wheel: None })
}

/// Whether this is `PKG-INFO` in the top folder, and not that of an `.egg-info` further down.
fn is_pkg_info(path: &str) -> bool {
    path.split_once('/').is_some_and(|(_, rest)| rest == "PKG-INFO")
}

type Found = Option<(String, Vec<u8>)>;

fn read_zip(path: &Path) -> Result<Found, PackageError> {
    let archive = Archive::open(path)?;
    let mut names = archive.entries().iter().map(|entry| &entry.path).filter(|path| is_pkg_info(path));
    let Some(name) = names.next() else { return Ok(None) };
    if names.next().is_some() {
        return Err(PackageError::content(path, "it has more than one PKG-INFO in its top folders"));
    }
    Ok(archive.read(name, MAX_METADATA as u64)?.map(|bytes| (name.clone(), bytes)))
}

fn read_tar(path: &Path) -> Result<Found, PackageError> {
    let file = File::open(path).map_err(PackageError::io("open", path))?;
    let allowance = Cell::new(MAX_HEADERS);
    let inflated = MultiGzDecoder::new(BufReader::with_capacity(64 << 10, file));
    let mut archive = tar::Archive::new(Allowed { inner: inflated, allowance: &allowance });
    let fail = |reason: String| PackageError::Tar { artifact: path.to_owned(), reason };
    let unreadable = |error: io::Error| fail(format!("it cannot be read to its end: {error}"));

    let mut found: Found = None;
    let mut unpacked = 0_u64;
    let mut entries = archive.entries().map_err(unreadable)?;
    for count in 1.. {
        // Long names are read into memory by the tar reader, which knows no limit of its own.
        allowance.set(MAX_HEADERS);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(unreadable)?;
        let size = entry.size();
        unpacked = unpacked.saturating_add(size);
        if count > MAX_ENTRIES || unpacked > MAX_UNPACKED {
            return Err(fail(format!(
                "it has more than {MAX_ENTRIES} entries, or they unpack to more than {MAX_UNPACKED} bytes"
            )));
        }
        let raw = entry.path_bytes().into_owned();
        let name = entry_name(&raw).map_err(fail)?;
        allowance.set(size.saturating_add(MAX_HEADERS));
        if name.is_some_and(is_pkg_info) && entry.header().entry_type().is_file() {
            let name = name.unwrap_or_default();
            if size > MAX_METADATA as u64 {
                return Err(fail(format!(
                    "`{name}` is {size} bytes long, and rvp reads at most {MAX_METADATA}"
                )));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(unreadable)?;
            if found.replace((name.to_owned(), bytes)).is_some() {
                return Err(fail("it has more than one PKG-INFO in its top folders".into()));
            }
        }
        io::copy(&mut entry, &mut io::sink()).map_err(unreadable)?;
    }
    // The checksum stands behind the padding of the tar.
    allowance.set(MAX_HEADERS);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
    Ok(found)
}

/// The checked path of an entry; none for the root and for the global PAX header, which are no files.
fn entry_name(raw: &[u8]) -> Result<Option<&str>, String> {
    let shown =
        || String::from_utf8_lossy(raw).chars().take(120).flat_map(char::escape_debug).collect::<String>();
    let name = std::str::from_utf8(raw)
        .map_err(|_| format!("the entry `{}` has a name that is not UTF-8", shown()))?;
    let name = name.strip_prefix("./").unwrap_or(name);
    let name = name.strip_suffix('/').unwrap_or(name);
    if name.is_empty() || name == "." || name == "pax_global_header" {
        return Ok(None);
    }
    check_path(name).map_err(|problem| format!("the entry `{}` has a name that {problem}", shown()))?;
    Ok(Some(name))
}

/// A reader that fails when more is read from it than it is allowed.
struct Allowed<'a, R> {
    inner: R,
    allowance: &'a Cell<u64>,
}

impl<R: Read> Read for Allowed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = usize::try_from(self.allowance.get()).unwrap_or(usize::MAX).min(buffer.len());
        if allowed == 0 && !buffer.is_empty() {
            return Err(io::Error::other(format!("more than {MAX_HEADERS} bytes stand between two entries")));
        }
        let read = self.inner.read(&mut buffer[..allowed])?;
        self.allowance.set(self.allowance.get() - read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_artifact;
    use super::super::test_support::{message, write};
    use super::*;
    use crate::testing::archive::{Member, zip};

    const PKG_INFO: &[u8] = b"Metadata-Version: 2.2\nName: acme.geometry\nVersion: 1.2\nDynamic: License\n";

    fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder =
            tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            // `set_path` would refuse what a hostile archive has.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn read(name: &str, bytes: &[u8]) -> Result<String, String> {
        let (folder, path) = write(name, bytes);
        read_artifact(&path)
            .map(|info| format!("{} {} {:?}", info.name, info.version, info.metadata.dynamic))
            .map_err(|error| message(&folder, &error))
    }

    fn refused(files: &[(&str, &[u8])], reason: &str) {
        assert_eq!(
            read("acme_geometry-1.2.tar.gz", &tar_gz(files)),
            Err(format!("acme_geometry-1.2.tar.gz {reason}"))
        );
    }

    #[test]
    fn the_metadata_of_both_kinds_is_read() {
        let good = tar_gz(&[
            ("acme_geometry-1.2/src/acme.egg-info/PKG-INFO", b"not this"),
            ("acme_geometry-1.2/PKG-INFO", PKG_INFO),
            ("acme_geometry-1.2/setup.py", &[b'#'; 100_000]),
        ]);
        let expected = Ok("acme-geometry 1.2 [\"License\"]".to_owned());
        assert_eq!(read("acme_geometry-1.2.tar.gz", &good), expected);
        assert_eq!(
            read("acme-geometry-1.2.0.tar.gz", &good),
            expected.clone().map(|text| text.replace("1.2", "1.2.0"))
        );
        assert_eq!(
            read("acme_geometry-1.2.zip", &zip(&[Member::deflated("acme-geometry-1.2/PKG-INFO", PKG_INFO)])),
            expected
        );
        let cut = read("acme_geometry-1.2.tar.gz", &good[..good.len() - 20]).unwrap_err();
        assert!(cut.contains("it cannot be read to its end"), "{cut}");
        let mut damaged = good;
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        let damaged = read("acme_geometry-1.2.tar.gz", &damaged).unwrap_err();
        assert!(damaged.contains("it cannot be read to its end"), "{damaged}");
    }

    #[test]
    fn a_source_distribution_that_lies_is_refused() {
        let good = ("a/PKG-INFO", PKG_INFO);
        refused(&[], "does not hold together: it has no PKG-INFO in its top folder");
        refused(
            &[good, ("b/PKG-INFO", PKG_INFO)],
            "is not a safe archive: it has more than one PKG-INFO in its top folders",
        );
        refused(
            &[good, ("a/../../x", b"")],
            "is not a safe archive: the entry `a/../../x` has a name that contains `..`",
        );
        refused(
            &[good, ("/x", b"")],
            "is not a safe archive: the entry `/x` has a name that is an absolute path",
        );
        refused(
            &[("a/PKG-INFO", b"Metadata-Version: 2.1\nName: acme-geometry\nVersion: 1.3\n")],
            "does not hold together: its PKG-INFO is of version 1.3, its file name of 1.2",
        );
        refused(
            &[("a/PKG-INFO", b"Metadata-Version: 2.1\nName: other\nVersion: 1.2\n")],
            "does not hold together: its PKG-INFO is of other 1.2, which its file name does not say: Failed to parse source distribution filename acme_geometry-1.2.tar.gz: Name doesn't start with package name other",
        );
    }

    #[test]
    fn a_name_that_would_fill_the_memory_is_refused() {
        let mut builder =
            tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_path("././@LongLink").unwrap();
        header.set_size(8 << 20);
        header.set_cksum();
        builder.append(&header, io::repeat(b'a').take(8 << 20)).unwrap();
        let bytes = builder.into_inner().unwrap().finish().unwrap();
        assert_eq!(
            read("a-1.tar.gz", &bytes),
            Err("a-1.tar.gz is not a safe archive: it cannot be read to its end: more than 1048576 bytes stand between two entries".into())
        );
    }
}
