//! Files of private keys.

use std::path::Path;

use anyhow::Context as _;

/// Writes a new file that only its owner may read.
pub fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let doing = || format!("cannot write the private key to {}", path.display());
    std::fs::create_dir_all(folder).with_context(doing)?;
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(doing)?;
    writeln!(file, "{text}").and_then(|()| file.sync_all()).with_context(doing)?;
    Ok(())
}
