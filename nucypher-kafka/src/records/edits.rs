//! What changes size in a frame: pieces cut out and others put in their place, written vectored.

use std::ops::Range;

/// `range` of the frame is replaced by `bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// What goes out; may be empty.
    pub range: Range<usize>,
    /// What comes in; may be empty.
    pub bytes: Vec<u8>,
}

impl Splice {
    /// By how much the frame grows.
    fn growth(&self) -> i64 {
        let size = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        size(self.bytes.len()) - size(self.range.len())
    }
}

/// Splices of one frame, in order and without overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    splices: Vec<Splice>,
}

/// Two splices of one frame want the same bytes: a bug of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a splice at byte {at} overlaps another")]
pub struct Overlap {
    /// Where the refused splice begins.
    pub at: usize,
}

impl Edits {
    /// No edits: the frame is written as it stands.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a splice; several at one empty range keep their order.
    ///
    /// # Errors
    /// [`Overlap`], and nothing is added.
    ///
    /// Cost: constant if splices come front to back.
    pub fn push(&mut self, splice: Splice) -> Result<(), Overlap> {
        let Range { start, end } = splice.range;
        let i = match self.splices.last() {
            Some(last) if last.range.start > start => {
                self.splices.partition_point(|s| s.range.start <= start)
            }
            _ => self.splices.len(),
        };
        let (before, after) = self.splices.split_at_checked(i).unwrap_or_default();
        let fits = start <= end
            && before.last().is_none_or(|s| s.range.end <= start)
            && after.first().is_none_or(|s| end <= s.range.start);
        if !fits {
            return Err(Overlap { at: start });
        }
        self.splices.insert(i, splice);
        Ok(())
    }

    /// The splices, front to back.
    #[must_use]
    pub fn splices(&self) -> &[Splice] {
        &self.splices
    }

    /// Whether the frame keeps its size and bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// Forgets all splices.
    pub fn clear(&mut self) {
        self.splices.clear();
    }

    /// By how many bytes the splices that begin in `range` make it longer (or shorter): what is
    /// added to a length field that covers it.
    #[must_use]
    pub fn growth(&self, range: Range<usize>) -> i64 {
        self.splices.iter().filter(|s| range.contains(&s.range.start)).map(Splice::growth).sum()
    }

    /// The edited frame piece by piece, none of them empty, ready for a vectored write.
    ///
    /// Requires: `frame` is the one that the splices are for. Pieces beyond its end are missing.
    pub fn pieces<'a>(&'a self, frame: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let starts = std::iter::once(0).chain(self.splices.iter().map(|s| s.range.end));
        let ends = self.splices.iter().map(|s| s.range.start).chain(std::iter::once(frame.len()));
        let kept = starts.zip(ends).map(|(start, end)| frame.get(start..end).unwrap_or_default());
        let new =
            self.splices.iter().map(|s| s.bytes.as_slice()).chain(std::iter::once::<&[u8]>(&[]));
        kept.zip(new).flat_map(|(kept, new)| [kept, new]).filter(|piece| !piece.is_empty())
    }

    /// The edited frame in one piece. For tests and tools: it copies.
    #[must_use]
    pub fn joined(&self, frame: &[u8]) -> Vec<u8> {
        self.pieces(frame).flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests;
