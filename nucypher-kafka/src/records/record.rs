//! Records of one batch and their headers, borrowed from the batch.
//!
//! Layout: `docs/spec/records.md`, "Record". The iterators decode as they go, allocate nothing
//! and end at the first error. They are as strict as the Java client: a record fills its length
//! exactly, the records fill the batch exactly.

use super::error::{BatchError, Field};
use super::varint::Reader;

/// The records of a batch, in order.
///
/// After the last, one check: that nothing follows. So an iteration without an error has seen
/// the whole batch, and one that stops early has not.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    reader: Reader<'a>,
    remaining: u32,
    done: bool,
}

impl<'a> Records<'a> {
    /// Reads `count` records from `bytes`, of which the first stands at position `at`.
    ///
    /// # Errors
    /// A negative count. One that is too large shows when the bytes run out: a record takes
    /// seven bytes or more, so at most `bytes.len() / 7` records are ever read.
    pub fn new(bytes: &'a [u8], at: usize, count: i32) -> Result<Self, BatchError> {
        let remaining = u32::try_from(count)
            .map_err(|_| BatchError::Negative { field: Field::RecordCount, at })?;
        Ok(Self { reader: Reader::new(bytes, at), remaining, done: false })
    }

    #[inline(always)]
    fn read(&mut self) -> Result<Option<Record<'a>>, BatchError> {
        let Some(remaining) = self.remaining.checked_sub(1) else {
            return self.reader.finish(Field::Records).map(|()| None);
        };
        self.remaining = remaining;
        Record::read(&mut self.reader).map(Some)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, BatchError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// One record. Offset and timestamp are relative to the batch's base.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// Record attributes: none is defined yet, all bits are zero.
    pub attributes: u8,
    /// Milliseconds after the batch's base timestamp (without meaning under LogAppendTime).
    pub timestamp_delta: i64,
    /// Offset after the batch's base offset.
    pub offset_delta: i32,
    /// The key; `None` is null, which is not the empty key.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is null, a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, in order, duplicates and all.
    pub headers: Headers<'a>,
}

impl<'a> Record<'a> {
    #[inline(always)]
    fn read(batch: &mut Reader<'a>) -> Result<Self, BatchError> {
        let mut body = batch.nested(Field::RecordLength)?;
        Ok(Self {
            attributes: body.byte(Field::RecordAttributes)?,
            timestamp_delta: body.varlong(Field::TimestampDelta)?,
            offset_delta: body.varint(Field::OffsetDelta)?,
            key: body.nullable(Field::Key)?,
            value: body.nullable(Field::Value)?,
            headers: Headers {
                remaining: body.length(Field::HeaderCount)?,
                reader: body,
                done: false,
            },
        })
    }
}

/// The headers of a record, in order.
///
/// After the last, one check: that the record ends there.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    reader: Reader<'a>,
    remaining: usize,
    done: bool,
}

impl<'a> Headers<'a> {
    #[inline(always)]
    fn read(&mut self) -> Result<Option<Header<'a>>, BatchError> {
        let Some(remaining) = self.remaining.checked_sub(1) else {
            return self.reader.finish(Field::Record).map(|()| None);
        };
        self.remaining = remaining;
        let name_len = self.reader.length(Field::HeaderName)?;
        let name = self.reader.take(name_len, Field::HeaderName)?;
        let value = self.reader.nullable(Field::HeaderValue)?;
        let position = self.reader.position() - value.map_or(0, <[u8]>::len);
        Ok(Some(Header { name, value, position }))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<Header<'a>, BatchError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// One record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header<'a> {
    /// The name: Kafka says UTF-8, and nobody checks.
    pub name: &'a [u8],
    /// The value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// The position of the value's first byte, counted as in [`Records::new`].
    pub position: usize,
}

#[cfg(test)]
mod tests;
