//! Secret key files of administrators and gateways on disk: mode 0600, and refused when others can
//! read them. What is in them: `nucypher_envelope::key_file`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use nucypher_envelope::key_file::{KeyFormatError, ObjectIdentifier};
use zeroize::Zeroizing;

pub(super) const OID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const OID_X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
/// id-alg-hkdf-with-sha256 (RFC 8619), which is what it is: the administrator's master secret.
pub(super) const OID_MASTER: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.3.28");

/// No key file is as long; a longer one is not read.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Others than the owner may read the file.
    #[error("the key file is open to others (mode {mode:03o}): run `chmod 600` on it")]
    Permissions {
        /// The file's permission bits.
        mode: u32,
    },
    /// Longer than any key file.
    #[error("too long for a key file")]
    TooLong,
    /// What is in it is not the key that was expected.
    #[error(transparent)]
    Format(#[from] KeyFormatError),
}

/// Reads a secret key file, and refuses one that others can read.
pub fn read_secret_file(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Permissions { mode });
        }
    }
    if metadata.len() > MAX_KEY_FILE {
        return Err(KeyFileError::TooLong);
    }
    let mut text = Zeroizing::new(String::with_capacity(4096));
    file.take(MAX_KEY_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// Creates a secret key file with mode 0600. A file that is there already is never overwritten.
pub fn write_secret_file(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}
