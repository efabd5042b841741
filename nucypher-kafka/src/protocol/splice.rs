//! Edits over a frame: what is cut out, and what stands there instead.
//!
//! A frame is received once and written once. What changes size is noted here and written with
//! the untouched pieces around it in one vectored write, so a megabyte of records is not moved
//! because a host name before it grew.

use std::io::IoSlice;
use std::ops::Range;

use super::frame::{Frame, PREFIX};

/// Replacements, ascending and not overlapping.
#[derive(Debug, Default, Clone)]
pub struct Edits {
    cuts: Vec<Cut>,
}

#[derive(Debug, Clone)]
struct Cut {
    at: Range<usize>,
    with: Vec<u8>,
}

impl Edits {
    /// Nothing to change.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Puts `with` in the place of the bytes at `at`.
    ///
    /// Requires: edits are added from front to back. A walk of a message does that by itself; an
    /// edit that begins before the end of the last one is a bug of ours and is dropped in release
    /// builds, which leaves the bytes as they came.
    pub fn replace(&mut self, at: Range<usize>, with: Vec<u8>) {
        let in_order = at.start <= at.end && self.cuts.last().is_none_or(|last| last.at.end <= at.start);
        debug_assert!(in_order, "edits out of order");
        if in_order {
            self.cuts.push(Cut { at, with });
        }
    }

    /// Appends the edits of a later part of the same frame.
    pub fn extend(&mut self, later: Self) {
        for cut in later.cuts {
            self.replace(cut.at, cut.with);
        }
    }

    /// The length of `len` bytes after the edits.
    #[must_use]
    pub fn edited_len(&self, len: usize) -> usize {
        self.cuts.iter().fold(len, |len, cut| (len + cut.with.len()).saturating_sub(cut.at.len()))
    }

    /// Brings the length prefix of a whole frame up to date with the edits.
    ///
    /// # Errors
    ///
    /// The edited frame would be longer than a length prefix can say.
    pub fn fix_length(&self, frame: &mut [u8]) -> Result<(), Frame> {
        let len = self.edited_len(frame.len()).saturating_sub(PREFIX);
        let len = i32::try_from(len).map_err(|_| Frame::TooLong { len: u64::try_from(len).unwrap_or(u64::MAX), cap: i32::MAX.unsigned_abs() })?;
        if let Some(prefix) = frame.first_chunk_mut::<PREFIX>() {
            *prefix = len.to_be_bytes();
        }
        Ok(())
    }

    /// The pieces of `original` after the edits, in order, for a vectored write.
    pub fn pieces<'a>(&'a self, original: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let mut kept_from = 0;
        let last = original.get(self.cuts.last().map_or(0, |cut| cut.at.end)..).unwrap_or_default();
        self.cuts
            .iter()
            .flat_map(move |cut| {
                let kept = original.get(kept_from..cut.at.start).unwrap_or_default();
                kept_from = cut.at.end;
                [kept, cut.with.as_slice()]
            })
            .chain([last])
            .filter(|piece| !piece.is_empty())
    }

    /// The pieces as slices for `write_vectored`.
    #[must_use]
    pub fn io_slices<'a>(&'a self, original: &'a [u8]) -> Vec<IoSlice<'a>> {
        self.pieces(original).map(IoSlice::new).collect()
    }

    /// The edited bytes, copied together: for small messages and tests.
    #[must_use]
    pub fn apply(&self, original: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.edited_len(original.len()));
        self.pieces(original).for_each(|piece| out.extend_from_slice(piece));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_edits_give_the_same_bytes() {
        assert_eq!(Edits::none().apply(b"as it stands"), b"as it stands");
    }

    #[test]
    fn edits_keep_everything_between_them() {
        let mut edits = Edits::none();
        edits.replace(0..1, b"AA".to_vec());
        edits.replace(2..2, b"-".to_vec());
        edits.replace(3..5, Vec::new());
        assert_eq!(edits.apply(b"abcdef"), b"AAb-cf");
        assert_eq!(edits.edited_len(6), 6);
        let mut end = Edits::none();
        end.replace(6..6, b"!".to_vec());
        assert_eq!(end.apply(b"abcdef"), b"abcdef!");
    }

    #[test]
    fn the_length_prefix_follows() {
        let mut frame = [0, 0, 0, 2, 7, 8];
        let mut edits = Edits::none();
        edits.replace(4..5, vec![1, 2, 3]);
        edits.fix_length(&mut frame).unwrap();
        assert_eq!(edits.apply(&frame), [0, 0, 0, 4, 1, 2, 3, 8]);
    }
}
