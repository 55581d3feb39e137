//! Files that only their owner may read.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

/// Writes a new file with `text` and a newline, which only its owner may read. A file that exists is never replaced: keys have no copies.
pub fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let doing = || format!("cannot write the private key to {}", path.display());
    std::fs::create_dir_all(folder).with_context(doing)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(doing)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
    written.and_then(|()| file.sync_all()).with_context(doing).inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })
}
