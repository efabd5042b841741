//! A record batch of magic 2, uncompressed, without a producer id: sending a record twice changes
//! nothing, for its value is the same.

use crate::records::varint::{put_bytes, put_varint};

/// Encodes records (key, value or tombstone) as one batch. `now_ms` is their timestamp.
pub(in crate::registry) fn encode(records: &[(&[u8], Option<&[u8]>)], now_ms: i64) -> Vec<u8> {
    let count = i32::try_from(records.len()).unwrap_or(i32::MAX);
    let mut checked = Vec::new();
    checked.extend(0_u16.to_be_bytes()); // attributes
    checked.extend(count.saturating_sub(1).to_be_bytes()); // last offset delta
    checked.extend(now_ms.to_be_bytes()); // base timestamp
    checked.extend(now_ms.to_be_bytes()); // max timestamp
    checked.extend((-1_i64).to_be_bytes()); // producer id
    checked.extend((-1_i16).to_be_bytes()); // producer epoch
    checked.extend((-1_i32).to_be_bytes()); // base sequence
    checked.extend(count.to_be_bytes());
    for ((key, value), delta) in records.iter().zip(0_i64..) {
        let mut record = vec![0]; // attributes
        put_varint(&mut record, 0); // timestamp delta
        put_varint(&mut record, delta);
        put_bytes(&mut record, Some(key));
        put_bytes(&mut record, *value);
        put_varint(&mut record, 0); // headers
        put_bytes(&mut checked, Some(&record));
    }
    let mut out = Vec::with_capacity(checked.len() + 21);
    out.extend(0_i64.to_be_bytes()); // base offset: the broker's
    let after_length = i32::try_from(checked.len() + 9).unwrap_or(i32::MAX);
    out.extend(after_length.to_be_bytes());
    out.extend((-1_i32).to_be_bytes()); // leader epoch
    out.push(2); // magic
    out.extend(crc32c::crc32c(&checked).to_be_bytes());
    out.extend(checked);
    out
}
