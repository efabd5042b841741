//! A bounded reader: varints, and byte strings whose length is one; and how they are written.
//!
//! Every read either lies within the bytes that are there or is a [`BatchError`] that names the
//! field and its position; a failed read takes nothing. Varints are those of Kafka (and of
//! Protocol Buffers): seven bits a byte, the least significant first, zigzag for the sign.
//! Longer encodings than needed are read, as every client reads them; a value that exceeds
//! its type is not.

use super::error::{BatchError, Field};

/// Bytes not yet read, and where they end in what they were taken from.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Kept instead of the position: reading then moves one thing only.
    end: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, whose first stands at position `at`.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { rest: bytes, end: at.saturating_add(bytes.len()) }
    }

    /// The position of the next byte.
    pub(super) fn position(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Reads one byte.
    #[inline(always)]
    pub(super) fn byte(&mut self, field: Field) -> Result<u8, BatchError> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(|| self.truncated(field))?;
        self.rest = rest;
        Ok(byte)
    }

    /// Reads `len` bytes.
    #[inline(always)]
    pub(super) fn take(&mut self, len: usize, field: Field) -> Result<&'a [u8], BatchError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.truncated(field))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads a signed 32-bit varint: one to five bytes.
    #[inline(always)]
    pub(super) fn varint(&mut self, field: Field) -> Result<i32, BatchError> {
        // Lengths and deltas below 64 are one byte; the common case is one comparison.
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(zigzag32(u32::from(*byte)));
        }
        let value = self.unsigned(u32::BITS, field)?;
        u32::try_from(value).map(zigzag32).map_err(|_| self.bad_varint(field))
    }

    /// Reads a signed 64-bit varint: one to ten bytes.
    #[inline(always)]
    pub(super) fn varlong(&mut self, field: Field) -> Result<i64, BatchError> {
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(zigzag64(u64::from(*byte)));
        }
        self.unsigned(u64::BITS, field).map(zigzag64)
    }

    /// Reads a count or length: a varint that is not negative.
    #[inline(always)]
    pub(super) fn length(&mut self, field: Field) -> Result<usize, BatchError> {
        let before = self.rest;
        let len = self.varint(field)?;
        usize::try_from(len).map_err(|_| self.negative(before, field))
    }

    /// Reads a length and as many bytes; -1 is null.
    #[inline(always)]
    pub(super) fn nullable(&mut self, field: Field) -> Result<Option<&'a [u8]>, BatchError> {
        let before = self.rest;
        match self.varint(field)? {
            -1 => Ok(None),
            len => match usize::try_from(len) {
                Ok(len) => self.take(len, field).map(Some),
                Err(_) => Err(self.negative(before, field)),
            },
        }
    }

    /// Reads a length and hands out a reader of as many bytes.
    #[inline(always)]
    pub(super) fn nested(&mut self, field: Field) -> Result<Self, BatchError> {
        let len = self.length(field)?;
        let at = self.position();
        Ok(Self { rest: self.take(len, field)?, end: at + len })
    }

    /// Fails if a byte is left.
    #[inline(always)]
    pub(super) fn finish(&self, field: Field) -> Result<(), BatchError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(BatchError::TrailingBytes { field, at: self.position() })
        }
    }

    /// Seven bits a byte, as many bytes as `bits` bits need.
    #[inline]
    fn unsigned(&mut self, bits: u32, field: Field) -> Result<u64, BatchError> {
        let mut value = 0_u64;
        let mut shift = 0;
        let mut rest = self.rest;
        while shift < bits {
            let [byte, after @ ..] = rest else {
                return Err(self.truncated(field));
            };
            rest = after;
            let part = u64::from(byte & 0x7f);
            if shift + 7 > bits && part >> (bits - shift) != 0 {
                break;
            }
            value |= part << shift;
            if *byte < 0x80 {
                self.rest = rest;
                return Ok(value);
            }
            shift += 7;
        }
        Err(self.bad_varint(field))
    }

    #[cold]
    fn truncated(&self, field: Field) -> BatchError {
        BatchError::Truncated { field, at: self.position() }
    }

    #[cold]
    fn bad_varint(&self, field: Field) -> BatchError {
        BatchError::Varint { field, at: self.position() }
    }

    /// The varint that began at `before` is one.
    #[cold]
    fn negative(&mut self, before: &'a [u8], field: Field) -> BatchError {
        self.rest = before;
        BatchError::Negative { field, at: self.position() }
    }
}

/// 0, 1, 2, 3, .. stand for 0, -1, 1, -2, ..
fn zigzag32(n: u32) -> i32 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

fn zigzag64(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

/// Appends a signed varint, as [`Reader::varlong`] reads it.
pub(crate) fn put_varint(out: &mut Vec<u8>, n: i64) {
    let mut rest = ((n << 1) ^ (n >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

/// Appends a length and bytes, as [`Reader::nullable`] reads them; null is -1.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    put_varint(out, bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX)));
    out.extend_from_slice(bytes.unwrap_or_default());
}

#[cfg(test)]
mod tests;
