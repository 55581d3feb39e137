//! What a record says of an artifact's bytes, against the bytes themselves.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::Digest as _;

use crate::model::{Artifact, Blake3, Sha256};

const BUFFER: usize = 1024 * 1024;

/// The digests and the length of bytes that arrive one piece at a time.
pub(super) struct Check {
    /// In a box, because it is 2 kB and moves between threads.
    blake3: Box<blake3::Hasher>,
    sha256: Option<sha2::Sha256>,
    length: u64,
}

/// In what way bytes are not those of an artifact: what was expected, and what was found.
pub(super) struct Mismatch {
    pub expected: String,
    pub found: String,
}

impl Check {
    /// SHA-256 is several times slower than BLAKE3, and says nothing more: `sha256` is for who does not trust that.
    pub fn new(sha256: bool) -> Self {
        Self { blake3: Box::default(), sha256: sha256.then(sha2::Sha256::new), length: 0 }
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        self.length += bytes.len() as u64;
    }

    /// Takes in what `file` holds from its position on, with all processors.
    ///
    /// The file is not mapped into memory: if somebody else shortens a mapped file, the process is killed.
    pub fn update_from(&mut self, mut file: &File) -> io::Result<()> {
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(BUFFER);
        let mut buffer = vec![0; length.clamp(1, BUFFER)];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => {
                    self.blake3.update_rayon(&buffer[..length]);
                    if let Some(sha256) = &mut self.sha256 {
                        sha256.update(&buffer[..length]);
                    }
                    self.length += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn compare(&self, artifact: &Artifact) -> Result<(), Mismatch> {
        let differ = |expected, found| Err(Mismatch { expected, found });
        if self.length != artifact.size {
            return differ(format!("{} bytes", artifact.size), format!("{} bytes", self.length));
        }
        let blake3 = Blake3(*self.blake3.finalize().as_bytes());
        if blake3 != artifact.blake3 {
            return differ(format!("BLAKE3 {}", artifact.blake3), blake3.to_string());
        }
        let Some(sha256) = &self.sha256 else { return Ok(()) };
        let sha256 = Sha256(sha256.clone().finalize().into());
        if sha256 != artifact.sha256 {
            return differ(format!("SHA-256 {}", artifact.sha256), sha256.to_string());
        }
        Ok(())
    }
}

/// The digest of the file at `path`, with all processors.
pub fn digest_of_file(path: &Path) -> io::Result<Blake3> {
    let mut check = Check::new(false);
    check.update_from(&File::open(path)?)?;
    Ok(Blake3(*check.blake3.finalize().as_bytes()))
}

/// Whether the file at `path` is `artifact`, using all processors; none if there is no file.
pub(super) fn check_file(
    path: &Path,
    artifact: &Artifact,
    sha256: bool,
) -> io::Result<Option<Result<(), Mismatch>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut check = Check::new(sha256);
    // The length first: it costs nothing, and most damaged files differ in it.
    let length = file.metadata()?.len();
    if length == artifact.size {
        check.update_from(&file)?;
    } else {
        check.length = length;
    }
    Ok(Some(check.compare(artifact)))
}
