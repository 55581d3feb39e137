//! `RECORD`: what a wheel says that it contains, with digests (binary distribution format specification).

use std::collections::HashMap;
use std::path::Path;

use sha2::Digest as _;

use super::PackageError;
use super::zip::Entry;

/// What a line of RECORD says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub algorithm: Algorithm,
    pub digest: Vec<u8>,
    pub size: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Of a digest, in bytes.
    fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512].into_iter().find(|one| one.as_str() == text)
    }
}

/// A digest in the making.
pub(super) enum Hasher {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha384 => Self::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

/// A digest as RECORD writes it: `sha256=` and URL-safe Base64 without padding.
pub(super) fn hash_text(algorithm: Algorithm, digest: &[u8]) -> String {
    format!("{}={}", algorithm.as_str(), data_encoding::BASE64URL_NOPAD.encode(digest))
}

/// Reads RECORD and checks it against the files of the archive: each is listed with a digest, and nothing else is.
/// RECORD itself and its signatures are not in the answer.
pub(super) fn read_record(
    artifact: &Path,
    dist_info: &str,
    bytes: &[u8],
    entries: &[Entry],
) -> Result<HashMap<String, Recorded>, PackageError> {
    let fail = |reason: String| PackageError::content(artifact, reason);
    let exempt = ["RECORD", "RECORD.jws", "RECORD.p7s"].map(|name| format!("{dist_info}/{name}"));
    let mut recorded = HashMap::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    for row in reader.records() {
        let row = row.map_err(|error| fail(format!("its RECORD is not valid CSV: {error}")))?;
        let Ok([path, hash, size]) = <[&str; 3]>::try_from(row.iter().collect::<Vec<_>>()) else {
            let first = row.get(0).unwrap_or_default().escape_debug();
            return Err(fail(format!("a line of RECORD has {} fields, not 3: `{first}`", row.len())));
        };
        let shown = || path.escape_debug();
        if exempt.iter().any(|name| name == path) {
            continue;
        }
        let line =
            parse_line(hash, size).map_err(|reason| fail(format!("RECORD lists `{}` {reason}", shown())))?;
        if recorded.get(path).is_some_and(|other| *other != line) {
            return Err(fail(format!("RECORD lists `{}` twice, and differently", shown())));
        }
        recorded.insert(path.to_owned(), line);
    }

    let files = || entries.iter().filter(|entry| !entry.folder && !exempt.contains(&entry.path));
    let mut matched = 0;
    for entry in files() {
        let Some(line) = recorded.get(&entry.path) else {
            return Err(fail(format!("RECORD does not list `{}`", entry.path)));
        };
        if line.size.is_some_and(|size| size != entry.size) {
            return Err(fail(format!("RECORD gives another size of `{}` than the archive", entry.path)));
        }
        matched += 1;
    }
    if matched < recorded.len() {
        let present: std::collections::HashSet<&str> = files().map(|entry| entry.path.as_str()).collect();
        let absent = recorded.keys().filter(|path| !present.contains(path.as_str())).min();
        let shown = absent.map_or("", String::as_str).escape_debug();
        return Err(fail(format!("RECORD lists `{shown}`, which is not there")));
    }
    Ok(recorded)
}

fn parse_line(hash: &str, size: &str) -> Result<Recorded, String> {
    let Some((name, digest)) = hash.split_once('=') else {
        return Err("without a digest".into());
    };
    let algorithm = Algorithm::parse(name).ok_or_else(|| {
        format!("with a digest by `{}`; sha256, sha384 and sha512 are read", name.escape_debug())
    })?;
    let digest = data_encoding::BASE64URL_NOPAD
        .decode(digest.trim_end_matches('=').as_bytes())
        .ok()
        .filter(|digest| digest.len() == algorithm.length())
        .ok_or_else(|| {
            format!("with a digest that is not {} bytes of URL-safe Base64", algorithm.length())
        })?;
    let size = match size {
        "" => None,
        text => {
            Some(text.parse().map_err(|_| format!("with the size `{}`, no number", text.escape_debug()))?)
        }
    };
    Ok(Recorded { algorithm, digest, size })
}
