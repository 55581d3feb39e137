//! Wheels, as the binary distribution format specification has them.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;

use uv_distribution_filename::{WheelFilename, WheelFilenameError};

use super::entry_points::EntryPoints;
use super::metadata::{MAX_METADATA, Metadata};
use super::record::{Recorded, read_record};
use super::zip::{Archive, Entry};
use super::{PackageError, file_name};
use crate::model::{Family, PackageName, Version};

/// More than half a million lines of RECORD.
const MAX_RECORD: u64 = 128 << 20;
const MAX_WHEEL: u64 = 64 << 10;
const MAX_ENTRY_POINTS: u64 = 1 << 20;

/// A wheel that holds together: archive, file name, `WHEEL`, `METADATA` and `RECORD` agree.
///
/// The content of its files is checked against `RECORD` when it is read, by [`Wheel::unpack`] or [`Wheel::verify`].
pub struct Wheel {
    pub filename: WheelFilename,
    pub metadata: Metadata,
    /// Whether its files go to `purelib`; else to `platlib`.
    pub root_is_purelib: bool,
    /// The name of the `.dist-info` folder.
    pub dist_info: String,
    pub entry_points: EntryPoints,
    pub(super) archive: Archive,
    pub(super) recorded: HashMap<String, Recorded>,
}

impl Wheel {
    pub fn open(path: &Path) -> Result<Self, PackageError> {
        Self::open_as(path, file_name(path)?)
    }

    /// The wheel `file`, whose bytes stand at `path` under whatever name.
    pub fn open_as(path: &Path, file: &str) -> Result<Self, PackageError> {
        let filename: WheelFilename = file.parse().map_err(|error: WheelFilenameError| {
            PackageError::FileName { artifact: path.to_owned(), reason: error.to_string() }
        })?;
        let archive = Archive::open(path)?;
        let dist_info = find_dist_info(archive.entries().iter().map(|entry| entry.path.as_str()), &filename)
            .map_err(|reason| PackageError::content(path, reason))?;
        let read = |name: &str, limit: u64| archive.read(&format!("{dist_info}/{name}"), limit);
        let required = |name: &str, limit: u64| {
            read(name, limit)?
                .ok_or_else(|| PackageError::content(path, format!("it has no `{dist_info}/{name}`")))
        };

        let root_is_purelib = read_wheel_file(&required("WHEEL", MAX_WHEEL)?)
            .map_err(|reason| PackageError::content(path, reason))?;
        let metadata =
            read_metadata(path, &dist_info, &required("METADATA", MAX_METADATA as u64)?, &filename)?;
        let files = archive.entries().iter().filter(|entry| !entry.folder);
        check_data(files.map(|entry| entry.path.as_str()), &dist_info)
            .map_err(|reason| PackageError::content(path, reason))?;
        let recorded = read_record(path, &dist_info, &required("RECORD", MAX_RECORD)?, archive.entries())?;
        let entry_points = match read("entry_points.txt", MAX_ENTRY_POINTS)? {
            None => EntryPoints::default(),
            Some(bytes) => std::str::from_utf8(&bytes)
                .map_err(|error| error.to_string())
                .and_then(EntryPoints::parse)
                .map_err(|reason| PackageError::content(path, format!("its entry_points.txt: {reason}")))?,
        };
        Ok(Self { filename, metadata, root_is_purelib, dist_info, entry_points, archive, recorded })
    }

    /// Its files and folders, in the order of the archive.
    pub fn entries(&self) -> &[Entry] {
        self.archive.entries()
    }

    pub fn name(&self) -> &PackageName {
        self.metadata.package_name()
    }

    /// As the file name has it: it may write the version of the metadata in another way.
    pub fn version(&self) -> Version {
        Version::Pep440(self.filename.version.clone())
    }
}

/// The one `.dist-info` folder at the top, whose name must be that of the wheel. An error is a sentence.
pub(super) fn find_dist_info<'a>(
    paths: impl Iterator<Item = &'a str>,
    filename: &WheelFilename,
) -> Result<String, String> {
    let mut folders: Vec<&str> =
        paths.filter_map(|path| path.split('/').next()).filter(|top| top.ends_with(".dist-info")).collect();
    folders.sort_unstable();
    folders.dedup();
    let [folder] = folders[..] else {
        return Err(match folders[..] {
            [] => "it has no .dist-info folder".into(),
            _ => format!("it has several .dist-info folders: {}", folders.join(", ")),
        });
    };
    let expected = Version::Pep440(filename.version.clone());
    let agrees = folder.strip_suffix(".dist-info").and_then(|stem| stem.rsplit_once('-')).is_some_and(
        |(name, version)| {
            PackageName::python(name).is_ok_and(|name| name.as_str() == filename.name.as_ref())
                && Version::parse(Family::Python, version).is_ok_and(|version| version == expected)
        },
    );
    if agrees {
        Ok(folder.to_owned())
    } else {
        Err(format!("its folder `{folder}` is not that of {} {}", filename.name, filename.version))
    }
}

/// What lies in the `.data` folder must be for one of the places that there are. An error is a sentence.
fn check_data<'a>(paths: impl Iterator<Item = &'a str>, dist_info: &str) -> Result<(), String> {
    let data = format!("{}.data/", dist_info.strip_suffix(".dist-info").unwrap_or(dist_info));
    for path in paths {
        let place = path.strip_prefix(&data).map(|rest| rest.split('/').next().unwrap_or_default());
        if !matches!(place, None | Some("purelib" | "platlib" | "scripts" | "headers" | "data")) {
            return Err(format!(
                "its file `{path}` is for none of purelib, platlib, scripts, headers and data, which are all the places that there are"
            ));
        }
    }
    Ok(())
}

/// `Root-Is-Purelib` of a `WHEEL` file whose version this reader knows. An error is a sentence.
fn read_wheel_file(bytes: &[u8]) -> Result<bool, String> {
    use mailparse::MailHeaderMap as _;

    let (headers, _) =
        mailparse::parse_headers(bytes).map_err(|error| format!("its WHEEL cannot be read: {error}"))?;
    let version = headers.get_first_value("Wheel-Version").unwrap_or_default();
    if version.trim().split('.').next() != Some("1") {
        return Err(format!("its Wheel-Version is `{}`, and rvp reads 1.x", version.trim().escape_debug()));
    }
    let purelib = headers.get_first_value("Root-Is-Purelib").unwrap_or_default();
    match purelib.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("its Root-Is-Purelib is `{}`, not `true` or `false`", other.escape_debug())),
    }
}

fn read_metadata(
    path: &Path,
    dist_info: &str,
    bytes: &[u8],
    filename: &WheelFilename,
) -> Result<Metadata, PackageError> {
    let metadata = Metadata::parse(bytes).map_err(|source| PackageError::Metadata {
        artifact: path.to_owned(),
        file: format!("{dist_info}/METADATA"),
        source,
    })?;
    let same = metadata.package_name().as_str() == filename.name.as_ref()
        && *metadata.package_version() == Version::Pep440(filename.version.clone());
    if same {
        return Ok(metadata);
    }
    let reason = format!(
        "its METADATA is of {} {}, and its file name of {} {}",
        metadata.package_name(),
        metadata.version,
        filename.name,
        filename.version
    );
    Err(PackageError::content(path, reason))
}
