//! Reading files that hold secrets: refused when others could read them too.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// The largest private file that is read: 16 MiB, some 30 000 users of 500 bytes each.
pub const MAX_LEN: u64 = 16 << 20;

/// Why a private file was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateFileError {
    /// It cannot be opened or read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Its mode lets others than its owner at it.
    #[error("{path} has mode {mode:04o}, so others than its owner can get at it; run `chmod 600 {path}`", path = path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A directory, a pipe or a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What is not a file.
        path: PathBuf,
    },
    /// It is larger than any such file should be.
    #[error("{} has {len} bytes; at most {MAX_LEN} are read", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        len: u64,
    },
}

/// Read a file that holds a secret.
///
/// Mode 0600 or stricter is required. As in PostgreSQL the owner's group may read (0640, 0440) where
/// the owner is root: that is how Kubernetes hands a secret to a process that is not root. The mode is
/// that of the open file, so it cannot be exchanged between check and reading. On systems without
/// Unix modes nothing is checked.
///
/// # Errors
/// [`PrivateFileError`], which names the file and what to do.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    let io = |error| PrivateFileError::Io { path: path.to_owned(), error };
    let not_a_file = || PrivateFileError::NotAFile { path: path.to_owned() };
    // Asked before opening too: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(not_a_file());
    }
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(not_a_file());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let mode = metadata.mode() & 0o7777;
        let allowed = if metadata.uid() == 0 { 0o740 } else { 0o700 };
        if mode & 0o777 & !allowed != 0 {
            return Err(PrivateFileError::Mode { path: path.to_owned(), mode });
        }
    }
    let len = metadata.len();
    if len > MAX_LEN {
        return Err(PrivateFileError::TooLong { path: path.to_owned(), len });
    }
    // Reserved at once, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1));
    file.take(MAX_LEN).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {

    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn with_mode(mode: u32) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, b"secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read(&path)
    }

    #[test]
    fn only_its_owner_may_get_at_a_private_file() {
        for mode in [0o600, 0o400] {
            assert_eq!(with_mode(mode).unwrap().as_slice(), b"secret");
        }
        for mode in [0o644, 0o604, 0o660, 0o620, 0o602, 0o601, 0o666, 0o777] {
            let error = with_mode(mode).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, PrivateFileError::Mode { .. }), "{mode:o}");
            assert!(text.contains("chmod 600 /"), "{text}");
            assert!(text.contains(&format!("{mode:04o}")), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_regular_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path()), Err(PrivateFileError::NotAFile { .. })));
        let missing = read(&folder.path().join("missing")).unwrap_err();
        assert!(missing.to_string().contains("missing"), "{missing}");
    }
}
