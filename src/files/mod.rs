//! Giving files and folders their names in one step, while other programs may hold them open.
//!
//! On Windows a virus scanner or an indexer opens what has just been written, a reader may hold the file that is to be
//! replaced, and paths of more than 260 characters need care: hence these three in place of those of `std` and `tempfile`.

mod temporary;
#[cfg(unix)]
mod unix;
mod unsynced;
#[cfg(windows)]
mod windows;

pub use temporary::{Purpose, temporary_folder};
#[cfg(unix)]
pub use unix::{persist, rename, temporary_file};
pub use unsynced::Unsynced;
#[cfg(windows)]
pub use windows::{persist, rename, temporary_file};

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn a_file_is_replaced_while_it_is_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        fs::write(&path, "old").unwrap();
        let mut reader = File::open(&path).unwrap();
        let mut file = temporary_file(folder.path()).unwrap();
        file.write_all(b"new").unwrap();
        persist(file, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_path_of_any_length_is_written_renamed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let deep = (0..6).fold(folder.path().to_owned(), |path, _| path.join("x".repeat(60)));
        fs::create_dir_all(&deep).unwrap();
        let path = deep.join("wheel");
        assert!(path.as_os_str().len() > 360);
        let mut file = temporary_file(&deep).unwrap();
        file.write_all(b"bytes").unwrap();
        persist(file, &path).unwrap();
        rename(&path, &deep.join("renamed")).unwrap();
        let other = folder.path().join("x".repeat(60)).join("y".repeat(60));
        rename(&folder.path().join("x".repeat(60)).join("x".repeat(60)), &other).unwrap();
        fs::remove_dir_all(&other).unwrap();
    }

    #[test]
    fn a_folder_does_not_replace_one_that_has_something_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        for path in [&one, &other] {
            fs::create_dir(path).unwrap();
            fs::write(path.join("file"), "").unwrap();
        }
        assert!(rename(&one, &other).is_err());
        assert!(one.join("file").exists());
    }
}
