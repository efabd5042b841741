//! Record batches as they stand in a frame.
//!
//! Layout: `docs/spec/records.md`, "Batch". [`Batches`] cuts the records bytes of one partition
//! into batches by their length field and touches nothing behind the header.

use std::fmt;
use std::ops::Range;

use super::compression::Codecs;
use super::error::BatchError;
use super::record::Records;

/// Bytes of the header of a magic 2 batch; the records (or their compressed form) follow.
pub const HEADER_LEN: usize = 61;

/// Base offset and batch length: what the batch length does not count.
pub const LOG_OVERHEAD: usize = 12;

/// The smallest batch length that Kafka accepts for any magic: a message of magic 0 with
/// neither key nor value (`LegacyRecord.RECORD_OVERHEAD_V0`: CRC 4, magic 1, attributes 1, two
/// lengths of 4). Below it the length field is garbage, and so is what would follow.
const MIN_LENGTH: usize = 14;

/// Reads `N` bytes of a header. Both bounds are constants; this is one load.
#[inline(always)]
fn field<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(header.iter().skip(at)) {
        *to = *from;
    }
    bytes
}

/// One line for each field: its offset's name, the offset, the accessor, the type.
macro_rules! header {
    ($($(#[$doc:meta])* $offset:ident = $at:literal: $name:ident -> $type:ty;)*) => {
        /// Offsets of the header fields from the start of a magic 2 batch. All big-endian.
        pub mod offset {
            $($(#[$doc])* pub const $offset: usize = $at;)*
        }

        impl Batch<'_> {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> $type {
                <$type>::from_be_bytes(field(self.header, offset::$offset))
            })*
        }
    };
}

header! {
    /// Offset of the first record (of the batch as produced: compaction does not change it).
    BASE_OFFSET = 0: base_offset -> i64;
    /// Bytes that follow this field.
    LENGTH = 8: length -> i32;
    /// The leader's epoch when the batch was appended; not under the CRC.
    LEADER_EPOCH = 12: leader_epoch -> i32;
    /// The format: 2. In all formats at the same place.
    MAGIC = 16: magic -> i8;
    /// CRC-32C of all that follows this field.
    CRC = 17: crc -> u32;
    /// Codec, timestamp type, transaction, control, delete horizon: see `Attributes`.
    ATTRIBUTES = 21: attribute_bits -> u16;
    /// Offset of the last record as produced, less the base offset.
    LAST_OFFSET_DELTA = 23: last_offset_delta -> i32;
    /// Timestamp from which the deltas count; under a delete horizon, that horizon.
    BASE_TIMESTAMP = 27: base_timestamp -> i64;
    /// The largest timestamp; under LogAppendTime that of the append.
    MAX_TIMESTAMP = 35: max_timestamp -> i64;
    /// Producer id, or -1.
    PRODUCER_ID = 43: producer_id -> i64;
    /// Producer epoch, or -1.
    PRODUCER_EPOCH = 51: producer_epoch -> i16;
    /// Sequence number of the first record, or -1.
    BASE_SEQUENCE = 53: base_sequence -> i32;
    /// How many records the batch holds now.
    RECORD_COUNT = 57: record_count -> i32;
}

/// A whole batch of magic 2, not yet looked into.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    header: &'a [u8; HEADER_LEN],
    bytes: &'a [u8],
    payload: &'a [u8],
    position: usize,
}

impl<'a> Batch<'a> {
    /// Takes `bytes` for a batch that stands at position `at`; `None` if they are too short.
    fn new(bytes: &'a [u8], at: usize) -> Option<Self> {
        let (header, payload) = bytes.split_first_chunk()?;
        Some(Self { header, bytes, payload, position: at })
    }

    /// Where the batch stands, counted as in [`Batches::new`].
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.position..self.position + self.bytes.len()
    }

    /// The whole batch.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What follows the header: records, compressed or not.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The attribute bits by their names.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        Attributes(self.attribute_bits())
    }

    /// Compares the CRC with what follows it.
    ///
    /// Cost: one pass over the batch (22 GB/s with SSE 4.2). No patch needs it.
    #[must_use]
    pub fn crc_is_right(&self) -> bool {
        let checked = self.bytes.get(offset::ATTRIBUTES..).unwrap_or_default();
        crc32c::crc32c(checked) == self.crc()
    }

    /// The records, decompressed into `codecs`' buffer where they are compressed.
    ///
    /// # Errors
    /// An unknown codec, a payload that does not decompress within `limit` bytes, a negative
    /// count. What is wrong with a record shows when that record is read.
    pub fn records<'s>(
        &'s self,
        codecs: &'s mut Codecs,
        limit: usize,
    ) -> Result<Records<'s>, BatchError> {
        match self.attributes().codec()? {
            Codec::None => {
                Records::new(self.payload, self.position + HEADER_LEN, self.record_count())
            }
            codec => Records::new(codecs.open(codec, self.payload, limit)?, 0, self.record_count()),
        }
    }
}

impl fmt::Debug for Batch<'_> {
    /// Header fields only: no payload bytes in any log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("range", &self.range())
            .field("base_offset", &self.base_offset())
            .field("attributes", &self.attributes())
            .field("record_count", &self.record_count())
            .finish_non_exhaustive()
    }
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes(pub u16);

impl Attributes {
    /// Bits 0 to 2.
    ///
    /// # Errors
    /// 5, 6 and 7 are not assigned.
    pub fn codec(self) -> Result<Codec, BatchError> {
        Ok(match self.0 & 0b111 {
            0 => Codec::None,
            1 => Codec::Gzip,
            2 => Codec::Snappy,
            3 => Codec::Lz4,
            4 => Codec::Zstd,
            5 => return Err(BatchError::UnknownCodec(5)),
            6 => return Err(BatchError::UnknownCodec(6)),
            _ => return Err(BatchError::UnknownCodec(7)),
        })
    }

    /// Bit 3.
    #[must_use]
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & 1 << 3 == 0 { TimestampType::CreateTime } else { TimestampType::LogAppendTime }
    }

    /// Bit 4: the batch belongs to a transaction.
    #[must_use]
    pub fn is_transactional(self) -> bool {
        self.0 & 1 << 4 != 0
    }

    /// Bit 5: commit and abort markers, no user's records.
    #[must_use]
    pub fn is_control(self) -> bool {
        self.0 & 1 << 5 != 0
    }

    /// Bit 6: the base timestamp is the delete horizon of a compacted batch (KIP-534).
    #[must_use]
    pub fn has_delete_horizon(self) -> bool {
        self.0 & 1 << 6 != 0
    }
}

/// What a batch's timestamps are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// When the producer made the record.
    CreateTime,
    /// When the broker appended the batch: its maximum timestamp, for every record.
    LogAppendTime,
}

/// How a batch's payload is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names of codecs")]
pub enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

/// One piece of the records bytes of a partition.
#[derive(Clone, Debug)]
pub enum Entry<'a> {
    /// A whole batch of magic 2.
    Batch(Batch<'a>),
    /// A whole batch that is not read: a message set of magic 0 or 1, a format of the future, or
    /// magic 2 shorter than its own header.
    Opaque {
        /// The format.
        magic: i8,
        /// Where it stands.
        range: Range<usize>,
    },
    /// The rest: a batch that is cut off, as the last of a fetch may be, or a length that is
    /// none. Always the last entry.
    Rest(Range<usize>),
}

/// The batches in the records bytes of one partition, in order. Nothing is skipped: the ranges
/// of the entries cover the bytes.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    rest: &'a [u8],
    position: usize,
}

impl<'a> Batches<'a> {
    /// Cuts up `records`, whose first byte stands at position `at` of the frame.
    #[must_use]
    pub fn new(records: &'a [u8], at: usize) -> Self {
        Self { rest: records, position: at }
    }

    /// The next batch of any format, if all of it is there, and its magic.
    fn whole(&self) -> Option<(&'a [u8], i8)> {
        let length = self.rest.get(offset::LENGTH..)?.first_chunk()?;
        let length =
            usize::try_from(i32::from_be_bytes(*length)).ok().filter(|len| *len >= MIN_LENGTH)?;
        let bytes = self.rest.get(..LOG_OVERHEAD + length)?;
        let magic = bytes.get(offset::MAGIC)?.cast_signed();
        Some((bytes, magic))
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.position;
        let Some((bytes, magic)) = self.whole() else {
            let range = at..at + self.rest.len();
            self.rest = &[];
            return Some(Entry::Rest(range));
        };
        self.rest = self.rest.get(bytes.len()..).unwrap_or_default();
        self.position = at + bytes.len();
        let batch = (magic == 2).then(|| Batch::new(bytes, at)).flatten();
        Some(batch.map_or(Entry::Opaque { magic, range: at..self.position }, Entry::Batch))
    }
}

#[cfg(test)]
mod tests;
