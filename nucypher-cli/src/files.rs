//! Files as the commands read and write them: `-` for standard input and output, whole
//! files only, secret ones with mode 0600.
//!
//! An output appears under its name complete or not at all: it is written beside its
//! place and then moved there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use zeroize::Zeroizing;

use crate::exit::{Coded, Exit};

/// Largest input in bytes. A sealed file is one AEAD message, so it is held in memory.
const MAX_INPUT: u64 = 1 << 30;

/// Largest key file, passphrase file or configuration in bytes.
const MAX_SMALL: u64 = 1 << 20;

/// Whether an output may be read by others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Mode 0666 less the umask.
    Public,
    /// Mode 0600.
    Secret,
}

/// Whether an output may replace what is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Refuse, and name `--force`.
    Keep,
    /// Replace it.
    Replace,
}

impl Existing {
    pub(crate) fn from_force(force: bool) -> Self {
        if force { Self::Replace } else { Self::Keep }
    }
}

/// Read a whole input; `-` is standard input. It may hold a plaintext.
pub(crate) fn read_input(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    if path == Path::new("-") {
        return read_bounded(io::stdin().lock(), MAX_INPUT).context("cannot read standard input");
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_bounded(file, MAX_INPUT).with_context(|| format!("cannot read {}", path.display()))
}

/// Read a small text file: a key, a passphrase, a configuration.
pub(crate) fn read_text(path: &Path) -> Result<Zeroizing<String>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bytes =
        read_bounded(file, MAX_SMALL).with_context(|| format!("cannot read {}", path.display()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Coded::error(Exit::Malformed, format!("{} is not a text file", path.display()))
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn read_bounded(source: impl Read, limit: u64) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(limit + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= limit, "it is larger than {limit} bytes, the most that is read");
    Ok(bytes)
}

/// Refuse a secret file that others can read, and name the cure.
pub(crate) fn ensure_private(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata =
            fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_file() && mode & 0o077 != 0 {
            bail!(
                "{0} is secret but others can read it (mode {mode:04o}); run: chmod 600 {0}",
                path.display()
            );
        }
    }
    Ok(())
}

/// Write a whole output; `-` is standard output.
pub(crate) fn write_output(
    path: &Path,
    bytes: &[u8],
    secrecy: Secrecy,
    existing: Existing,
) -> Result<()> {
    if path == Path::new("-") {
        let mut out = io::stdout().lock();
        return out
            .write_all(bytes)
            .and_then(|()| out.flush())
            .context("cannot write to standard output");
    }
    let done = match fs::metadata(path) {
        // A pipe or a device is written as it stands: nothing is lost and nothing can be moved over it.
        Ok(metadata) if !metadata.is_file() => OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(Into::into),
        Ok(_) if existing == Existing::Keep => {
            bail!("{} exists; give --force to replace it, or another name", path.display())
        }
        _ => write_beside(path, bytes, secrecy, existing),
    };
    done.with_context(|| format!("cannot write {}", path.display()))
}

fn write_beside(path: &Path, bytes: &[u8], secrecy: Secrecy, existing: Existing) -> Result<()> {
    // Through a symbolic link the file that it names is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".nucypher-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if secrecy == Secrecy::Secret { 0o600 } else { 0o666 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Replace => file.persist(&target)?,
        Existing::Keep => file.persist_noclobber(&target)?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_kept_unless_replaced_by_intent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        write_output(&path, b"first", Secrecy::Public, Existing::Keep).unwrap();
        let refused = write_output(&path, b"second", Secrecy::Public, Existing::Keep).unwrap_err();
        assert!(format!("{refused:#}").contains("--force"));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write_output(&path, b"second", Secrecy::Secret, Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no part file is left");
    }

    #[cfg(unix)]
    #[test]
    fn secret_outputs_are_private_and_shared_ones_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write_output(&path, b"k", Secrecy::Secret, Existing::Keep).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        ensure_private(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let message = ensure_private(&path).unwrap_err().to_string();
        assert!(message.contains("0640") && message.contains("chmod 600"), "{message}");
    }
}
