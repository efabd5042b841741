//! Where work runs that would stall the reactor: cold capsules, compressed batches, password hashes.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::fault::Fault;

/// A bounded number of threads for work that takes long.
#[derive(Debug, Clone)]
pub struct Pool {
    slots: Arc<Semaphore>,
}

impl Pool {
    /// As many at once as there are processors, or as many as `threads` says.
    #[must_use]
    pub fn new(threads: Option<usize>) -> Self {
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        let threads = threads.unwrap_or_else(cores).max(1);
        Self { slots: Arc::new(Semaphore::new(threads)) }
    }

    /// Runs `work` on a thread of its own, when its turn comes.
    ///
    /// # Errors
    ///
    /// `work` panicked, or the runtime is ending.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|_| Fault::Bug("the pool is closed"))?;
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        done.await.map_err(|_| Fault::Bug("work on the pool did not end"))
    }

    /// Runs all `pieces` of work, on all threads if they are free; gives what they give, in no order.
    ///
    /// One piece at a time queues for a thread, behind what others have queued before: who has a
    /// thousand pieces does not keep those waiting who have one.
    ///
    /// # Errors
    ///
    /// A piece panicked, or the runtime is ending.
    pub async fn run_all<T: Send + 'static>(
        &self,
        pieces: impl IntoIterator<Item = impl FnOnce() -> T + Send + 'static>,
    ) -> Result<Vec<T>, Fault> {
        let mut running = JoinSet::new();
        let mut done = Vec::new();
        let ended =
            |piece: Result<T, _>| piece.map_err(|_| Fault::Bug("work on the pool did not end"));
        for piece in pieces {
            let slot = Arc::clone(&self.slots).acquire_owned().await;
            let slot = slot.map_err(|_| Fault::Bug("the pool is closed"))?;
            running.spawn_blocking(move || {
                let _slot = slot;
                piece()
            });
        }
        while let Some(piece) = running.join_next().await {
            done.push(ended(piece)?);
        }
        Ok(done)
    }
}
