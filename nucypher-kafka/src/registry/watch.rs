//! Watches a registry directory and publishes what changed: a grant or a revocation is in force
//! on the next fetch, without a restart.
//!
//! File system events trigger a load after a short rest; a slow poll finds what events miss
//! (network file systems, full event queues). The last good snapshot stays in force until there
//! is a better one. One task, one blocking load at a time.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arc_swap::{ArcSwap, Guard};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{self, Instant, MissedTickBehavior},
};

use super::{
    directory::Directory,
    loader::{LoadError, Loaded, Loader, Sources},
    snapshot::Snapshot,
    topic::TopicError,
};

/// After an event, how long to wait for the rest of the same change.
const REST: Duration = Duration::from_millis(20);

/// How often to look without an event.
const POLL: Duration = Duration::from_secs(1);

/// Milliseconds since 1970.
pub(super) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The registry as the gateway's connections see it: cheap to clone, cheap to read.
#[derive(Clone, Debug)]
pub struct RegistryHandle {
    current: Arc<ArcSwap<Snapshot>>,
    changes: watch::Receiver<u64>,
}

/// Keeps a [`RegistryHandle`] up to date; dropping it ends that.
#[derive(Debug)]
pub struct RegistryWatcher {
    task: JoinHandle<()>,
}

/// Why a registry cannot be served from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The first snapshot could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The registry's topic cannot be read.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The thread that loaded it ended.
    #[error("the registry could not be loaded")]
    Interrupted,
}

impl RegistryHandle {
    /// Loads the registry from a directory and begins to watch it. Must be called within a tokio runtime.
    ///
    /// Errors: where there is no snapshot to serve from. Later failures are logged, and the last
    /// good snapshot stays.
    pub async fn open(
        directory: Directory,
        sources: Sources,
    ) -> Result<(Self, RegistryWatcher), WatchError> {
        Self::open_with_clock(directory, sources, Arc::new(system_time_ms)).await
    }

    /// As [`open`](Self::open), with another clock (milliseconds since 1970).
    pub async fn open_with_clock(
        directory: Directory,
        sources: Sources,
        clock: Clock,
    ) -> Result<(Self, RegistryWatcher), WatchError> {
        // Before the first load, so that nothing falls between the two.
        let events = Events::of(directory.path());
        let fingerprint = directory.fingerprint().ok();
        let from = directory.clone();
        let load = move |loader: &mut Loader, now_ms| loader.load(&from, now_ms);
        let (handle, publisher) = Publisher::begin(sources, clock, load).await?;
        let keeper = Keeper { directory, fingerprint, publisher };
        let task = tokio::spawn(keeper.run(events));
        Ok((handle, RegistryWatcher { task }))
    }

    /// A registry that never changes, for tests and for gateways without one.
    pub fn fixed(snapshot: Snapshot) -> Self {
        let (_, changes) = watch::channel(0);
        Self { current: Arc::new(ArcSwap::from_pointee(snapshot)), changes }
    }

    /// The snapshot in force. Cost: a few atomic operations.
    pub fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// Ticks whenever another snapshot is in force, or a grant began or ended by the clock.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }
}

impl RegistryWatcher {
    pub(super) fn of(task: JoinHandle<()>) -> Self {
        Self { task }
    }
}

impl Drop for RegistryWatcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Keeper {
    directory: Directory,
    fingerprint: Option<u64>,
    publisher: Publisher,
}

impl Keeper {
    /// Loads on events, and looks for what they missed. The watcher lives as long as the task.
    async fn run(mut self, mut events: Events) {
        let mut poll = time::interval_at(Instant::now() + POLL, POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(()) = events.receiver.recv() => {
                    time::sleep(REST).await;
                    while events.receiver.try_recv().is_ok() {}
                    self.load().await;
                }
                _ = poll.tick() => {
                    let missed = self.look().await != self.fingerprint;
                    if missed {
                        // There are no events, or the directory was replaced by another.
                        events = Events::of(self.directory.path());
                    }
                    // What is not accepted may become acceptable without a change of its own (one
                    // that took longer than a load waits), so look until it is.
                    if missed || self.publisher.is_failing() {
                        self.load().await;
                    }
                    self.publisher.tick_on_time();
                }
            }
        }
    }

    async fn look(&self) -> Option<u64> {
        let directory = self.directory.clone();
        let looked = tokio::task::spawn_blocking(move || directory.fingerprint()).await;
        looked.ok().and_then(Result::ok)
    }

    async fn load(&mut self) {
        // Before the load: what changes during it is seen by the next look.
        self.fingerprint = self.look().await;
        let from = self.directory.clone();
        self.publisher.load(move |loader, now_ms| loader.load(&from, now_ms)).await;
    }
}

/// Loads snapshots on a thread of their own, puts them in force, says so, and tells those who wait.
pub(super) struct Publisher {
    /// Away while a load is under way; gone for good if one panicked.
    loader: Option<Loader>,
    current: Arc<ArcSwap<Snapshot>>,
    ticks: watch::Sender<u64>,
    clock: Clock,
    /// The clock at the last look.
    seen_at: i64,
    failing: bool,
}

impl Publisher {
    /// Loads the first snapshot.
    pub(super) async fn begin(
        sources: Sources,
        clock: Clock,
        load: impl FnOnce(&mut Loader, i64) -> Loaded + Send + 'static,
    ) -> Result<(RegistryHandle, Self), WatchError> {
        let seen_at = clock();
        let first = tokio::task::spawn_blocking(move || {
            let mut loader = Loader::new(sources)?;
            let loaded = load(&mut loader, seen_at)?;
            Ok::<_, LoadError>((loader, loaded))
        });
        let (loader, (snapshot, unsaved)) = first.await.map_err(|_| WatchError::Interrupted)??;
        report(&snapshot, unsaved);
        let (ticks, changes) = watch::channel(0);
        let handle = RegistryHandle { current: Arc::new(ArcSwap::new(snapshot)), changes };
        let current = Arc::clone(&handle.current);
        let loader = Some(loader);
        Ok((handle, Self { loader, current, ticks, clock, seen_at, failing: false }))
    }

    /// Loads another one. What cannot be loaded is logged, and the snapshot in force stays.
    pub(super) async fn load(
        &mut self,
        load: impl FnOnce(&mut Loader, i64) -> Loaded + Send + 'static,
    ) {
        let Some(mut loader) = self.loader.take() else { return };
        let now_ms = (self.clock)();
        let loaded = tokio::task::spawn_blocking(move || {
            let loaded = load(&mut loader, now_ms);
            (loader, loaded)
        });
        let Ok((loader, loaded)) = loaded.await else {
            tracing::error!("loading the registry failed for good: the snapshot in force stays");
            return;
        };
        self.loader = Some(loader);
        self.publish(loaded);
    }

    pub(super) fn revision(&self) -> u64 {
        self.current.load().revision()
    }

    /// Whether what is in force is not what was read last.
    pub(super) fn is_failing(&self) -> bool {
        self.failing
    }

    fn publish(&mut self, loaded: Loaded) {
        let (snapshot, unsaved) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                if !self.failing {
                    let revision = self.revision();
                    tracing::error!(%error, revision, "the registry cannot be loaded: the snapshot in force stays");
                }
                self.failing = true;
                return;
            }
        };
        self.failing = snapshot.is_held_back();
        let before = self.current.swap(Arc::clone(&snapshot));
        let is_news = before.revision() != snapshot.revision()
            || before.problems() != snapshot.problems()
            || unsaved.is_some();
        if is_news {
            report(&snapshot, unsaved);
        }
        self.tick();
    }

    fn tick(&self) {
        self.ticks.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What begins or ends by the clock is checked at each look-up; this tells those who cache.
    pub(super) fn tick_on_time(&mut self) {
        let now_ms = (self.clock)();
        let next = self.current.load().next_change_at(self.seen_at);
        if now_ms < self.seen_at || next.is_some_and(|instant| instant <= now_ms) {
            for administrator in self.current.load().expired(now_ms) {
                tracing::error!(%administrator, "the registry's head has expired: all channels of this administrator are denied until it is renewed");
            }
            self.tick();
        }
        self.seen_at = now_ms;
    }
}

/// Events of the directory, or none where the system has none: then the poll finds changes.
struct Events {
    receiver: mpsc::Receiver<()>,
    /// Dropping it ends the events.
    _watcher: Option<RecommendedWatcher>,
}

impl Events {
    fn of(path: &Path) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading the directory is an event too, on some systems.
            if event.as_ref().map_or(true, |event| !event.kind.is_access()) {
                // Full: a load is due anyway.
                let _ = sender.try_send(());
            }
        })
        .and_then(|mut watcher| {
            watcher.watch(path, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, path = %path.display(), "no file system events: the registry is polled");
        }
        Self { receiver, _watcher: watcher.ok() }
    }
}

fn report(snapshot: &Snapshot, unsaved: Option<LoadError>) {
    if let Some(error) = unsaved {
        tracing::error!(%error, "the highest revision seen is not saved: a rolled back registry would not be noticed after a restart");
    }
    for problem in snapshot.problems() {
        tracing::warn!(%problem, "registry");
    }
    for (administrator, head) in snapshot.heads() {
        tracing::info!(%administrator, revision = head.revision, entries = head.count, "registry in force");
    }
}

pub(super) fn system_time_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
