//! From entries to snapshots, again and again: what a gateway calls when it starts and when
//! something changed. Keeps the last good snapshot, and the highest revisions seen in a file.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use super::{
    directory::{Directory, DirectoryError, Found},
    key::{AdministratorKey, GatewaySecretKey},
    ledger::Refusal,
    seen::{Seen, SeenError},
    snapshot::{Problem, ProblemKind, Snapshot, SnapshotError, Trust},
};

/// A change by an administrator takes a few milliseconds, during which the files do not match the
/// head: look again before saying that they do not.
const RETRIES: u32 = 4;
const RETRY_AFTER: Duration = Duration::from_millis(25);

/// Whom a gateway trusts, with what it opens what is sealed to it, and what it has seen.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The administrators, in the order in which their claims on topics count.
    pub administrators: Vec<AdministratorKey>,
    /// The gateway's own key.
    pub gateway: GatewaySecretKey,
    /// The file in which the highest revisions seen are kept.
    pub state: PathBuf,
}

/// Why no snapshot was loaded. The last good one stays in force, where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The directory cannot be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The state file cannot be read.
    #[error("state file {}: {error}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        error: SeenError,
    },
    /// The entries are not accepted.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// A snapshot, and why the state file could not be written, where it could not. An alias, because the three
/// places that hand it on would each spell it out.
pub(super) type Loaded = Result<(Arc<Snapshot>, Option<LoadError>), LoadError>;

/// Loads snapshots.
#[derive(Debug)]
pub struct Loader {
    sources: Sources,
    seen: Seen,
    current: Option<Arc<Snapshot>>,
}

impl Loader {
    /// Reads the state file. Nothing is loaded yet.
    pub fn new(sources: Sources) -> Result<Self, LoadError> {
        let seen = Seen::load(&sources.state)
            .map_err(|error| LoadError::State { path: sources.state.clone(), error })?;
        Ok(Self { sources, seen, current: None })
    }

    /// The last good snapshot.
    pub fn current(&self) -> Option<&Arc<Snapshot>> {
        self.current.as_ref()
    }

    /// Reads the directory and builds a snapshot, which becomes the current one.
    ///
    /// Blocks: reads files, may wait up to 0.1 s for a change that is under way, writes the state
    /// file. That the state file cannot be written is no reason to keep a revocation waiting:
    /// it is returned beside the snapshot.
    pub fn load(&mut self, directory: &Directory, now_ms: i64) -> Loaded {
        let mut attempt = 0;
        let snapshot = loop {
            let read = directory.read().map_err(LoadError::from);
            let built = read.and_then(|found| self.build(&found, now_ms));
            if attempt >= RETRIES || !is_in_between(&built) {
                break built?;
            }
            attempt += 1;
            thread::sleep(RETRY_AFTER);
        };
        Ok(self.accept(snapshot))
    }

    /// As [`load`](Self::load), from entries that the caller has read. Looks once.
    pub fn load_found(&mut self, found: &[Found], now_ms: i64) -> Loaded {
        let snapshot = self.build(found, now_ms)?;
        Ok(self.accept(snapshot))
    }

    fn accept(&mut self, snapshot: Snapshot) -> (Arc<Snapshot>, Option<LoadError>) {
        let snapshot = Arc::new(snapshot);
        let unsaved = self.note(&snapshot).err();
        self.current = Some(Arc::clone(&snapshot));
        (snapshot, unsaved)
    }

    fn build(&self, found: &[Found], now_ms: i64) -> Result<Snapshot, LoadError> {
        let trust = Trust {
            administrators: &self.sources.administrators,
            gateway: &self.sources.gateway,
            seen: &self.seen,
        };
        Ok(Snapshot::build(found, &trust, self.current.as_deref(), now_ms)?)
    }

    fn note(&mut self, snapshot: &Snapshot) -> Result<(), LoadError> {
        let mut seen = self.seen.clone();
        snapshot.note_in(&mut seen);
        if seen == self.seen {
            return Ok(());
        }
        self.seen = seen;
        let path = &self.sources.state;
        self.seen.save(path).map_err(|error| LoadError::State { path: path.clone(), error })
    }
}

/// Whether what was read may be the middle of a change.
fn is_in_between(built: &Result<Snapshot, LoadError>) -> bool {
    let in_between = |refusal: &Refusal| matches!(refusal, Refusal::Mismatch { .. });
    match built {
        Err(LoadError::Snapshot(SnapshotError::Refused { refusal, .. })) => in_between(refusal),
        Ok(snapshot) => snapshot.problems().iter().any(|problem| match problem {
            Problem { kind: ProblemKind::Kept { refusal, .. }, .. } => in_between(refusal),
            _ => false,
        }),
        Err(_) => false,
    }
}
