//! What must hold for every input of each parser of foreign bytes. One function is one fuzz target.
//!
//! The functions panic where something does not hold. `fuzz_targets` hands them to libFuzzer; the tests here run them
//! over the inputs that once failed (`regressions`) and over the corpora, where there are any.

mod archives;
mod documents;
mod index_files;
mod indexes;
mod merkle;
mod signatures;
mod trust;

pub use archives::{entry_points, record, sdist, wheel, wheel_files};
pub use documents::{config_toml, lock, metadata, pyproject, requirement};
pub use index_files::{index_file, index_line, registry_config};
pub use indexes::{simple_html, simple_json};
pub use merkle::{log_proofs, log_tiles, snapshot_nodes};
pub use signatures::{checkpoint, pattern, public_key};
pub use trust::{bundle, cosignature, evidence, policy, statement};

/// A fuzz target under its name.
pub type Target = (&'static str, fn(&[u8]));

macro_rules! targets {
    ($($name:ident)*) => { &[$((stringify!($name), $name)),*] };
}

/// All of them.
pub const TARGETS: &[Target] = targets! {
    bundle checkpoint config_toml cosignature entry_points evidence index_file index_line lock
    log_proofs log_tiles metadata pattern policy public_key pyproject record registry_config
    requirement sdist simple_html simple_json snapshot_nodes statement wheel wheel_files
};

/// A new folder in memory, where there is such a place: thousands of files a second are written.
fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("rvp-fuzz-").tempdir_in(parent).expect("a temporary folder is made")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TARGETS;

    #[test]
    fn known_inputs_hold() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (name, target) in TARGETS {
            for folder in ["regressions", "corpus"].map(|kind| home.join(kind).join(name)) {
                let Ok(files) = std::fs::read_dir(&folder) else { continue };
                for file in files.map(Result::unwrap) {
                    eprintln!("{name}: {}", file.file_name().display());
                    target(&std::fs::read(file.path()).unwrap());
                }
            }
        }
    }

    #[test]
    fn every_target_has_its_program() {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
        let mut found: Vec<String> = std::fs::read_dir(programs)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        found.sort_unstable();
        assert_eq!(found, TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
