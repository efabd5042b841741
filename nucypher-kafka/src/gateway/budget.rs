//! The memory that frames may take, for the whole process.
//!
//! A frame that does not fit a connection's small buffer is read only once its size has been taken
//! from the budget, so what clients and brokers send at once is bounded however many they are. Who
//! finds nothing left waits, and does not read meanwhile: back-pressure reaches the peer through TCP.
//!
//! Buffers are recycled: fresh memory costs a page fault for every 4 KiB. What is kept for that is
//! part of the budget's arithmetic: at most an eighth on top.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit in which the budget is counted, in bytes.
const UNIT: usize = 1024;

/// Memory for frames.
#[derive(Debug)]
pub struct Budget {
    units: Arc<Semaphore>,
    total: usize,
    spare: Mutex<Spare>,
}

#[derive(Debug, Default)]
struct Spare {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

/// A buffer out of the budget; dropping it gives it back.
#[derive(Debug)]
pub struct Lease {
    budget: Arc<Budget>,
    /// The buffer, empty at first, with room for what was asked.
    pub buffer: Vec<u8>,
    _units: OwnedSemaphorePermit,
}

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Arc<Self> {
        let units = (bytes / UNIT).min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            units: Arc::new(Semaphore::new(units)),
            total: units,
            spare: Mutex::default(),
        })
    }

    /// Takes a buffer with room for `len` bytes; waits until the budget has it.
    ///
    /// Asked for more than the whole budget it gives what it has: the configuration makes sure that
    /// no frame is as large.
    pub async fn lease(self: &Arc<Self>, len: usize) -> Lease {
        let units = len.div_ceil(UNIT).min(self.total);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let permit = loop {
            match Arc::clone(&self.units).acquire_many_owned(units).await {
                Ok(permit) => break permit,
                // The semaphore is never closed.
                Err(_) => std::future::pending().await,
            }
        };
        Lease { buffer: self.buffer(len), budget: Arc::clone(self), _units: permit }
    }

    /// How many bytes are not taken.
    #[must_use]
    pub fn available(&self) -> usize {
        self.units.available_permits().saturating_mul(UNIT)
    }

    fn buffer(&self, len: usize) -> Vec<u8> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &Vec<u8>| (len..=len.saturating_mul(2)).contains(&buffer.capacity());
        if let Some(index) = spare.buffers.iter().position(fits) {
            let buffer = spare.buffers.swap_remove(index);
            spare.bytes -= buffer.capacity();
            return buffer;
        }
        drop(spare);
        Vec::with_capacity(len)
    }

    fn recycle(&self, mut buffer: Vec<u8>) {
        let keep = self.total.saturating_mul(UNIT) / 8;
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.capacity() > 0 && spare.bytes.saturating_add(buffer.capacity()) <= keep {
            buffer.clear();
            spare.bytes += buffer.capacity();
            spare.buffers.push(buffer);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.recycle(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_nothing_left_waits_for_it() {
        let budget = Budget::new(8 * UNIT);
        let first = budget.lease(6 * UNIT).await;
        assert_eq!(budget.available(), 2 * UNIT);
        let second = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.lease(4 * UNIT).await.buffer.capacity() }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.unwrap() >= 4 * UNIT);
        assert_eq!(budget.available(), 8 * UNIT);
    }

    #[tokio::test]
    async fn buffers_are_recycled_within_an_eighth() {
        let budget = Budget::new(64 * UNIT);
        let lease = budget.lease(4 * UNIT).await;
        let at = lease.buffer.as_ptr();
        drop(lease);
        let again = budget.lease(3 * UNIT).await;
        assert_eq!(again.buffer.as_ptr(), at);
        drop(again);
        drop(budget.lease(32 * UNIT).await);
        assert!(budget.spare.lock().unwrap().bytes <= 8 * UNIT);
    }
}
