//! What has been received from one side and not yet passed on.

use std::io;
use std::sync::Arc;

use bytes::BufMut as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::gateway::budget::{Budget, Lease};

/// What a connection may hold in each direction without taking it from the budget, in bytes.
const SMALL: usize = 64 * 1024;

/// The first room for a read: an idle connection holds two of these, in bytes.
const IDLE: usize = 8 * 1024;

/// A buffer: small and the connection's own, or, for one large frame, a lease.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    small: Vec<u8>,
    start: usize,
    large: Option<Lease>,
    /// The last read filled its room: the next one gets more.
    filled: bool,
}

impl Inbound {
    /// What is there.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.large {
            Some(lease) => &lease.buffer,
            None => self.small.get(self.start..).unwrap_or_default(),
        }
    }

    /// What is there behind the first `ready` bytes.
    pub(super) fn after(&mut self, ready: usize) -> &mut [u8] {
        let bytes = match &mut self.large {
            Some(lease) => &mut lease.buffer[..],
            None => self.small.get_mut(self.start..).unwrap_or_default(),
        };
        bytes.get_mut(ready..).unwrap_or_default()
    }

    /// Drops the first `n` bytes.
    pub(super) fn consume(&mut self, n: usize) {
        if let Some(lease) = &mut self.large {
            // A large buffer holds one frame, and frames that are held are consumed whole; but a frame
            // that was held may be let pass in pieces.
            if n >= lease.buffer.len() {
                self.large = None;
            } else {
                lease.buffer.drain(..n);
            }
            return;
        }
        self.start = self.start.saturating_add(n);
        if self.start >= self.small.len() {
            self.small.clear();
            self.start = 0;
        }
    }

    /// Receives once, toward `want` bytes in all. Gives the number of bytes received; zero means the
    /// peer has ended.
    ///
    /// Cancel safe: a read that is dropped has taken nothing.
    pub(super) async fn receive<R: AsyncRead + Unpin>(
        &mut self,
        from: &mut R,
        want: usize,
        budget: &Arc<Budget>,
    ) -> io::Result<usize> {
        if want > SMALL && self.large.is_none() {
            let mut lease = budget.lease(want).await;
            lease.buffer.extend_from_slice(self.bytes());
            self.small = Vec::new();
            self.start = 0;
            self.large = Some(lease);
        }
        if let Some(lease) = &mut self.large {
            // Not a byte more than the frame: what follows is not in the budget.
            let room = want.saturating_sub(lease.buffer.len());
            return from.read_buf(&mut (&mut lease.buffer).limit(room)).await;
        }
        self.small.drain(..self.start);
        self.start = 0;
        let room = if self.filled || want > IDLE { SMALL } else { IDLE };
        let room = room.max(self.small.len().saturating_add(1).min(SMALL));
        let spare = room.saturating_sub(self.small.len());
        if self.small.is_empty() && self.small.capacity() > room {
            self.small = Vec::new();
        }
        self.small.reserve_exact(spare);
        let n = from.read_buf(&mut (&mut self.small).limit(spare)).await?;
        self.filled = n == spare;
        Ok(n)
    }

    /// Takes the bytes out, for work on another thread; [`put_back`](Self::put_back) returns them.
    pub(super) fn take(&mut self) -> Taken {
        match &mut self.large {
            Some(lease) => Taken { bytes: std::mem::take(&mut lease.buffer), start: 0 },
            None => Taken { bytes: std::mem::take(&mut self.small), start: self.start },
        }
    }

    /// Returns what [`take`](Self::take) took.
    pub(super) fn put_back(&mut self, taken: Taken) {
        match &mut self.large {
            Some(lease) => lease.buffer = taken.bytes,
            None => (self.small, self.start) = (taken.bytes, taken.start),
        }
    }
}

/// Bytes on their way to another thread and back.
#[derive(Debug)]
pub(super) struct Taken {
    bytes: Vec<u8>,
    start: usize,
}

impl Taken {
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..).unwrap_or_default()
    }
}
