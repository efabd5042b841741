//! What is loaded from files and may be loaded again while it is in use: users, certificates.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;

type Load<T, E> = Box<dyn Fn() -> Result<Arc<T>, E> + Send + Sync>;

/// A value in force, and the way to load it anew.
///
/// Connections take [`current`](Self::current) once and keep it; a reload acts on the connections
/// that come after it.
pub struct Reloadable<T, E> {
    current: ArcSwap<T>,
    load: Load<T, E>,
}

impl<T, E> Reloadable<T, E> {
    /// Load for the first time.
    pub fn new(load: impl Fn() -> Result<Arc<T>, E> + Send + Sync + 'static) -> Result<Self, E> {
        Ok(Self { current: ArcSwap::new(load()?), load: Box::new(load) })
    }

    /// What is in force now. Cost: one reference count.
    pub fn current(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Load again. On an error what was in force stays in force. Cost: reads files, so not for the
    /// reactor.
    pub fn reload(&self) -> Result<(), E> {
        self.current.store((self.load)()?);
        Ok(())
    }
}

impl<T, E> fmt::Debug for Reloadable<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloadable").finish_non_exhaustive()
    }
}
