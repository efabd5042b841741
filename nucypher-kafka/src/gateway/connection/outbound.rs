//! Sending pieces of bytes, with a bound on how slow the peer may be.

use std::io::{self, IoSlice};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How many pieces go into one system call; the system's limit is 1024.
const PIECES: usize = 64;

/// Sends all pieces, in order.
///
/// # Errors
///
/// `TimedOut` when the peer has taken nothing for `patience`: a slow reader may be slow, but it must
/// not hold a frame's memory for ever.
pub(super) async fn send<W: AsyncWrite + Unpin>(
    to: &mut W,
    mut pieces: Vec<IoSlice<'_>>,
    patience: Duration,
) -> io::Result<()> {
    pieces.retain(|piece| !piece.is_empty());
    if pieces.is_empty() {
        return Ok(());
    }
    let mut left = &mut pieces[..];
    while !left.is_empty() {
        let some = left.get(..left.len().min(PIECES)).unwrap_or_default();
        let n = timeout(patience, to.write_vectored(some)).await??;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut left, n);
    }
    timeout(patience, to.flush()).await?
}
