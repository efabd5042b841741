//! Batches made to order, for tests, fuzz seeds and benchmarks. Not part of the API.

use super::batch::{Codec, HEADER_LEN, LOG_OVERHEAD, offset};
use super::compression::{Codecs, XERIAL_MAGIC};
use super::varint::{put_bytes, put_varint};

/// Writes one batch of magic 2. What is not set is as a plain producer sets it.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    header: [u8; HEADER_LEN],
    records: Vec<u8>,
    count: i32,
    next_offset_delta: i32,
    model: Vec<u8>,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new(Codec::None)
    }
}

impl BatchBuilder {
    /// An empty batch. Snappy in raw blocks, as librdkafka writes it: see [`xerial`](Self::xerial).
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        let builder = Self {
            header: [0; HEADER_LEN],
            records: Vec::new(),
            count: 0,
            next_offset_delta: 0,
            model: Vec::new(),
        };
        let codec = match codec {
            Codec::None => 0_u16,
            Codec::Gzip => 1,
            Codec::Snappy => 2,
            Codec::Lz4 => 3,
            Codec::Zstd => 4,
        };
        builder
            .set(offset::MAGIC, [2])
            .set(offset::ATTRIBUTES, codec.to_be_bytes())
            .set(offset::BASE_TIMESTAMP, 1_700_000_000_000_i64.to_be_bytes())
            .set(offset::MAX_TIMESTAMP, 1_700_000_000_000_i64.to_be_bytes())
            .set(offset::PRODUCER_ID, (-1_i64).to_be_bytes())
            .set(offset::PRODUCER_EPOCH, (-1_i16).to_be_bytes())
            .set(offset::BASE_SEQUENCE, (-1_i32).to_be_bytes())
    }

    /// Snappy in the framing of the Java client.
    #[must_use]
    pub fn xerial(mut self) -> Self {
        self.model = [XERIAL_MAGIC.as_slice(), &[0; 8]].concat();
        self
    }

    /// Overwrites a header field; batch length, CRC and record count are set by `build`.
    #[must_use]
    pub fn set<const N: usize>(mut self, at: usize, bytes: [u8; N]) -> Self {
        for (to, from) in self.header.iter_mut().skip(at).zip(bytes) {
            *to = from;
        }
        self
    }

    /// Sets bits of the attributes.
    #[must_use]
    pub fn attributes(self, bits: u16) -> Self {
        let old = self
            .header
            .get(offset::ATTRIBUTES..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .unwrap_or_default();
        let new = u16::from_be_bytes(old) | bits;
        self.set(offset::ATTRIBUTES, new.to_be_bytes())
    }

    /// Leaves a gap of offsets before the next record, as compaction does.
    #[must_use]
    pub fn gap(mut self, offsets: i32) -> Self {
        self.next_offset_delta += offsets;
        self
    }

    /// Appends a record.
    #[must_use]
    pub fn record(
        mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) -> Self {
        let mut body = vec![0];
        put_varint(&mut body, i64::from(self.count));
        put_varint(&mut body, i64::from(self.next_offset_delta));
        put_bytes(&mut body, key);
        put_bytes(&mut body, value);
        put_varint(&mut body, i64::try_from(headers.len()).unwrap_or(i64::MAX));
        for (name, value) in headers {
            put_bytes(&mut body, Some(name));
            put_bytes(&mut body, *value);
        }
        self.next_offset_delta += 1;
        self.raw_record(&body)
    }

    /// Appends a record whose body is given, right or wrong.
    #[must_use]
    pub fn raw_record(mut self, body: &[u8]) -> Self {
        put_bytes(&mut self.records, Some(body));
        self.count += 1;
        self
    }

    /// Appends bytes to the records that belong to no record.
    #[must_use]
    pub fn raw_bytes(mut self, bytes: &[u8]) -> Self {
        self.records.extend_from_slice(bytes);
        self
    }

    /// Claims another number of records than there are.
    #[must_use]
    pub fn count(mut self, count: i32) -> Self {
        self.count = count;
        self
    }

    /// The batch, with the right length and CRC.
    #[must_use]
    pub fn build(self) -> Vec<u8> {
        let mut payload = Vec::new();
        let codec = super::Attributes(u16::from(self.header[offset::ATTRIBUTES + 1]))
            .codec()
            .unwrap_or(Codec::None);
        // A codec refuses nothing that a test gives it.
        let _ = Codecs::default().compress(codec, &self.model, &self.records, &mut payload);
        self.build_around(&payload)
    }

    /// The batch around a payload that is given, right or wrong.
    #[must_use]
    pub fn build_around(self, payload: &[u8]) -> Vec<u8> {
        let length = i32::try_from(HEADER_LEN - LOG_OVERHEAD + payload.len()).unwrap_or(i32::MAX);
        let (count, last) = (self.count, self.next_offset_delta - 1);
        let batch = self
            .set(offset::LENGTH, length.to_be_bytes())
            .set(offset::LAST_OFFSET_DELTA, last.to_be_bytes())
            .set(offset::RECORD_COUNT, count.to_be_bytes());
        let mut bytes = [batch.header.as_slice(), payload].concat();
        correct_crc(&mut bytes);
        bytes
    }
}

/// Makes the CRC of a batch right.
pub fn correct_crc(batch: &mut [u8]) {
    let crc = crc32c::crc32c(batch.get(offset::ATTRIBUTES..).unwrap_or_default());
    if let Some(field) = batch.get_mut(offset::CRC..).and_then(<[u8]>::first_chunk_mut) {
        *field = crc.to_be_bytes();
    }
}
