//! The registry as a directory: one PEM file for each entry. Reading never writes, so that a
//! gateway needs no more than read permission.
//!
//! ```text
//! channel-ID.pem   grant-ID.pem   pass-through-ID.pem   head-ADMINISTRATOR.pem   .lock
//! ```
//!
//! Names are for people: what an entry is stands inside it, signed. Files whose name begins with
//! a dot or does not end in `.pem` are ignored, so also what an interrupted write left.
//! A file comes into being by rename, whole, after its content is on disk.

use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::entry::{Entry, EntryError, EntryKind, MAX_PEM};

const LOCK: &str = ".lock";
const TEMPORARY: &str = ".new-";

/// A registry directory.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// A file of the directory, or a record of the topic: what it holds, not verified.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file's name.
    pub origin: String,
    /// What is in it.
    pub entry: Result<Entry, EntryError>,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The directory, or something in it, cannot be read or written.
    #[error("registry directory {}: {error}", path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// Another administrative command holds the lock.
    #[error(
        "registry directory {}: another administrative command is at work; wait until it has ended",
        path.display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
}

impl Directory {
    /// The directory at `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all entries. A file that is no entry is reported in its place; a directory that
    /// cannot be listed is an error.
    pub fn read(&self) -> Result<Vec<Found>, DirectoryError> {
        let mut found = Vec::new();
        for item in fs::read_dir(&self.path).map_err(|error| self.error(error))? {
            let name = item.map_err(|error| self.error(error))?.file_name();
            if !is_entry_name(&name) {
                continue;
            }
            // A file that went away since the listing was removed by its administrator.
            if let Some(entry) = read_entry(&self.path.join(&name)) {
                found.push(Found { origin: name.to_string_lossy().into_owned(), entry });
            }
        }
        Ok(found)
    }

    /// A number that changes when a file is added, removed, or replaced: cheaper than reading.
    pub fn fingerprint(&self) -> Result<u64, DirectoryError> {
        let mut sum = 0_u64;
        for item in fs::read_dir(&self.path).map_err(|error| self.error(error))? {
            let item = item.map_err(|error| self.error(error))?;
            let name = item.file_name();
            if !is_entry_name(&name) {
                continue;
            }
            // Through symbolic links: some deployments switch a whole directory behind them.
            let Ok(metadata) = fs::metadata(item.path()) else { continue };
            let mut hasher = DefaultHasher::new();
            (name, metadata.len(), metadata.modified().ok()).hash(&mut hasher);
            // The order of a listing means nothing.
            sum = sum.wrapping_add(hasher.finish());
        }
        Ok(sum)
    }

    /// Creates the directory if it is not there.
    pub(super) fn create(&self) -> Result<(), DirectoryError> {
        fs::create_dir_all(&self.path).map_err(|error| self.error(error))
    }

    /// Keeps other administrative commands out until the lock is dropped.
    pub(super) fn lock(&self) -> Result<Lock, DirectoryError> {
        let path = self.path.join(LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|error| self.error(error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(DirectoryError::Locked { path: self.path.clone() })
            }
            Err(TryLockError::Error(error)) => Err(self.error(error)),
        }
    }

    /// Writes an entry, atomically.
    pub(super) fn write(&self, entry: &Entry) -> Result<(), DirectoryError> {
        let path = self.path.join(file_name(entry));
        replace_file(&path, entry.to_pem().as_bytes())
            .map_err(|error| DirectoryError::Io { path, error })
    }

    /// Removes a file; one that is gone already is no error.
    pub(super) fn remove(&self, name: &str) -> Result<(), DirectoryError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(DirectoryError::Io { path, error })
            }
            _ => Ok(()),
        }
    }

    /// Removes what interrupted writes left. Only under the lock: a write may be under way.
    pub(super) fn remove_temporary(&self, _lock: &Lock) -> Result<(), DirectoryError> {
        for item in fs::read_dir(&self.path).map_err(|error| self.error(error))? {
            let name = item.map_err(|error| self.error(error))?.file_name();
            if let Some(name) = name.to_str().filter(|name| name.starts_with(TEMPORARY)) {
                self.remove(name)?;
            }
        }
        Ok(())
    }

    fn error(&self, error: io::Error) -> DirectoryError {
        DirectoryError::Io { path: self.path.clone(), error }
    }
}

/// Held by one administrative command at a time; released on drop, also by a crash.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// The name under which an entry is stored.
pub(super) fn file_name(entry: &Entry) -> String {
    match entry.kind() {
        EntryKind::Head => format!("head-{}.pem", entry.signer()),
        kind => format!("{}-{}.pem", kind.stem(), entry.id()),
    }
}

fn is_entry_name(name: &OsStr) -> bool {
    name.to_str().is_none_or(|name| !name.starts_with('.') && name.ends_with(".pem"))
}

fn read_entry(path: &Path) -> Option<Result<Entry, EntryError>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(EntryError::Unreadable(error.kind()))),
    };
    let mut text = Vec::new();
    Some(match file.take(MAX_PEM + 1).read_to_end(&mut text) {
        Ok(_) => Entry::from_pem(&text),
        Err(error) => Err(EntryError::Unreadable(error.kind())),
    })
}

/// Replaces a file: a new one beside it, on disk, then renamed, then the directory on disk. After
/// a crash there is the old content or the new, never a part.
pub(super) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let temporary = directory.join(format!("{TEMPORARY}{}-{count}", std::process::id()));
    let written = (|| {
        let mut file = File::create_new(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // It never became a file of the registry; that it is there harms nobody.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_directory(directory)
}

/// Brings a directory's names to disk.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Where directories cannot be opened the file system orders renames itself.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
