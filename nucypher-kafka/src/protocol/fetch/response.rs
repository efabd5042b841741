//! Fetch responses, versions 4 to 18.

use std::ops::Range;

use super::TOPIC_IDS;
use crate::protocol::endpoint::Addresses;
use crate::protocol::topic::Topic;
use crate::protocol::wire::{Read, Reader};
use crate::records::{Edits, Overlap, Splice};

/// One partition in a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Which of [`Located::topics`] it belongs to.
    pub topic: usize,
    /// Its number.
    pub index: i32,
    /// The broker's error code.
    pub error_code: i16,
    /// Everything behind the number: what a denial takes the place of.
    pub rest: Range<usize>,
    /// The length that stands before the records.
    pub records_len: Range<usize>,
    /// The record bytes; empty where the broker sent null.
    pub records: Range<usize>,
}

/// Where things lie in a response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Located<'a> {
    /// The topics, in the order of the wire.
    pub topics: Vec<Topic<'a>>,
    /// The partitions, in the order of the wire.
    pub partitions: Vec<Partition>,
    /// Addresses of current leaders (KIP-951), from version 16.
    pub addresses: Addresses,
}

/// Walks a response.
pub fn walk_response(body: Reader<'_>, version: i16) -> Read<Located<'_>> {
    let mut reader = body;
    let mut located =
        Located { addresses: Addresses::new(reader.is_flexible()), ..Located::default() };
    reader.i32("throttle_time_ms")?;
    if version >= 7 {
        reader.i16("error_code")?;
        reader.i32("session_id")?;
    }
    for topic in 0..reader.array("responses")?.unwrap_or(0) {
        located.topics.push(Topic::read(&mut reader, version >= TOPIC_IDS)?);
        for _ in 0..reader.array("partitions")?.unwrap_or(0) {
            located.partitions.push(walk_partition(&mut reader, version, topic)?);
        }
        reader.skip_tags()?;
    }
    reader.tags(|tag| match tag.number {
        0 if version >= 16 => located.addresses.read_tagged_node_endpoints(tag),
        _ => Ok(()),
    })?;
    located.addresses.end(&reader);
    Ok(located)
}

fn walk_partition(reader: &mut Reader<'_>, version: i16, topic: usize) -> Read<Partition> {
    let index = reader.i32("partition_index")?;
    let start = reader.position();
    let error_code = reader.i16("error_code")?;
    reader.i64("high_watermark")?;
    reader.i64("last_stable_offset")?;
    if version >= 5 {
        reader.i64("log_start_offset")?;
    }
    if reader.is_flexible() {
        for _ in 0..reader.array("aborted_transactions")?.unwrap_or(0) {
            reader.take(16, "aborted_transaction")?;
            reader.skip_tags()?;
        }
    } else {
        reader.skip_array_of(16, "aborted_transactions")?;
    }
    if version >= 11 {
        reader.i32("preferred_read_replica")?;
    }
    let len_at = reader.position();
    let records = reader.byte_range("records")?.unwrap_or(reader.position()..reader.position());
    reader.skip_tags()?;
    Ok(Partition {
        topic,
        index,
        error_code,
        rest: start..reader.position(),
        records_len: len_at..records.start,
        records,
    })
}

/// What takes the place of [`Partition::rest`] where a partition is denied: what Kafka itself sends
/// with an error. No offsets, no aborted transactions, no preferred replica, no tagged fields, and
/// records of length zero: with null the Java client throws for ever.
#[must_use]
pub fn denial(error_code: i16, version: i16, flexible: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + 24 + 4 + 4 + 4 + 1);
    out.extend_from_slice(&error_code.to_be_bytes());
    let offsets = if version >= 5 { 3 } else { 2 };
    for _ in 0..offsets {
        out.extend_from_slice(&(-1i64).to_be_bytes());
    }
    crate::protocol::wire::put_len(&mut out, flexible, 0);
    if version >= 11 {
        out.extend_from_slice(&(-1i32).to_be_bytes());
    }
    crate::protocol::wire::put_len(&mut out, flexible, 0);
    if flexible {
        out.push(0);
    }
    out
}

impl Partition {
    /// Brings the length before the records up to date with the edits in them.
    ///
    /// # Errors
    ///
    /// [`Overlap`]: a bug of ours.
    pub fn fix_records_len(&self, edits: &mut Edits, flexible: bool) -> Result<(), Overlap> {
        let growth = edits.growth(self.records.clone());
        if growth == 0 {
            return Ok(());
        }
        let len = i64::try_from(self.records.len()).unwrap_or(i64::MAX).saturating_add(growth);
        let mut bytes = Vec::with_capacity(5);
        crate::protocol::wire::put_len(&mut bytes, flexible, usize::try_from(len).unwrap_or(0));
        edits.push(Splice { range: self.records_len.clone(), bytes })
    }
}
