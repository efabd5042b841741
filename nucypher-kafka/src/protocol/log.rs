//! What it takes to use a topic of one partition as a log: five requests in old versions that every
//! broker from 2.1 to 4.x speaks and that are not flexible. Called by the registry's topic reader.
//!
//! A response is hostile: it is walked with the bounded reader, and what it says is about one
//! topic and one partition or it is malformed.

use std::ops::Range;

use super::endpoint::Endpoint;
use super::wire::{Flaw, Malformed, Read, Reader, put_len, put_nullable_string, put_string};

/// API key and version.
pub const METADATA: (i16, i16) = (3, 1);
/// API key and version.
pub const LIST_OFFSETS: (i16, i16) = (2, 1);
/// API key and version.
pub const FETCH: (i16, i16) = (1, 4);
/// API key and version.
pub const PRODUCE: (i16, i16) = (0, 3);
/// API key and version.
pub const CREATE_TOPICS: (i16, i16) = (19, 2);

/// How much one fetch brings at most, but for the first batch.
pub const FETCH_BYTES: i32 = 8 << 20;

/// The beginning of the log, for [`put_list_offsets`].
pub const EARLIEST: i64 = -2;
/// Its end.
pub const LATEST: i64 = -1;

/// Asks for a topic's leader.
pub fn put_metadata(out: &mut Vec<u8>, topic: &str) {
    put_len(out, false, 1);
    put_string(out, false, topic);
}

/// The leader of the topic's only partition, or the broker's error code; `node` learns the brokers.
pub fn walk_metadata(
    body: Reader<'_>,
    mut node: impl FnMut((i32, Endpoint)),
) -> Read<Result<i32, i16>> {
    let mut reader = body;
    for _ in 0..reader.array("brokers")?.unwrap_or(0) {
        let id = reader.i32("node_id")?;
        let host = reader.string("host")?.to_owned();
        let port = reader.i32("port")?;
        reader.skip_string("rack")?;
        node((id, Endpoint { host, port }));
    }
    reader.i32("controller_id")?;
    one(&mut reader, "topics")?;
    let error = reader.i16("error_code")?;
    reader.skip_string("name")?;
    reader.i8("is_internal")?;
    if error != 0 {
        return Ok(Err(error));
    }
    // A registry has one partition: with more there is no order between an entry and its head.
    one(&mut reader, "partitions")?;
    let error = reader.i16("error_code")?;
    reader.i32("partition_index")?;
    let leader = reader.i32("leader_id")?;
    Ok(if error == 0 { Ok(leader) } else { Err(error) })
}

/// Asks for the offset at a place ([`EARLIEST`], [`LATEST`]).
pub fn put_list_offsets(out: &mut Vec<u8>, topic: &str, place: i64) {
    out.extend((-1_i32).to_be_bytes()); // replica_id
    put_one(out, topic);
    out.extend(place.to_be_bytes());
}

/// The error code and the offset.
pub fn walk_list_offsets(body: Reader<'_>) -> Read<(i16, i64)> {
    let mut reader = body;
    walk_one(&mut reader)?;
    let error = reader.i16("error_code")?;
    reader.i64("timestamp")?;
    Ok((error, reader.i64("offset")?))
}

/// Asks for what follows an offset; the broker waits for it up to `max_wait_ms`.
pub fn put_fetch(out: &mut Vec<u8>, topic: &str, offset: i64, max_wait_ms: i32) {
    out.extend((-1_i32).to_be_bytes()); // replica_id
    out.extend(max_wait_ms.to_be_bytes());
    out.extend(1_i32.to_be_bytes()); // min_bytes
    out.extend(FETCH_BYTES.to_be_bytes());
    out.push(0); // isolation_level
    put_one(out, topic);
    out.extend(offset.to_be_bytes());
    out.extend(FETCH_BYTES.to_be_bytes());
}

/// The error code, the end of the log, and the record bytes.
pub fn walk_fetch(body: Reader<'_>) -> Read<(i16, i64, &[u8])> {
    let at_body = body.clone();
    let mut reader = body;
    reader.i32("throttle_time_ms")?;
    walk_one(&mut reader)?;
    let error = reader.i16("error_code")?;
    let end = reader.i64("high_watermark")?;
    reader.i64("last_stable_offset")?;
    reader.skip_array_of(16, "aborted_transactions")?;
    let start = reader.position();
    let records: Range<usize> = reader.byte_range("records")?.unwrap_or(start..start);
    let mut bytes = at_body;
    bytes.take(records.start.saturating_sub(bytes.position()), "records")?;
    Ok((error, end, bytes.take(records.len(), "records")?))
}

/// Appends one batch, acknowledged by all replicas in sync.
pub fn put_produce(out: &mut Vec<u8>, topic: &str, batch: &[u8]) {
    put_nullable_string(out, false, None); // transactional_id
    out.extend((-1_i16).to_be_bytes()); // acks: all
    out.extend(20_000_i32.to_be_bytes()); // timeout_ms
    put_one(out, topic);
    put_len(out, false, batch.len());
    out.extend(batch);
}

/// The error code.
pub fn walk_produce(body: Reader<'_>) -> Read<i16> {
    let mut reader = body;
    walk_one(&mut reader)?;
    reader.i16("error_code")
}

/// Creates a topic of one partition with these settings.
pub fn put_create_topic(
    out: &mut Vec<u8>,
    topic: &str,
    replicas: i16,
    settings: &[(&str, String)],
) {
    put_len(out, false, 1);
    put_string(out, false, topic);
    out.extend(1_i32.to_be_bytes()); // num_partitions
    out.extend(replicas.to_be_bytes());
    put_len(out, false, 0); // assignments
    put_len(out, false, settings.len());
    for (name, value) in settings {
        put_string(out, false, name);
        put_nullable_string(out, false, Some(value));
    }
    out.extend(30_000_i32.to_be_bytes()); // timeout_ms
    out.push(0); // validate_only
}

/// The error code, and what the broker says to it.
pub fn walk_create_topic(body: Reader<'_>) -> Read<(i16, Option<String>)> {
    let mut reader = body;
    reader.i32("throttle_time_ms")?;
    one(&mut reader, "topics")?;
    reader.skip_string("name")?;
    let error = reader.i16("error_code")?;
    let message = reader.nullable_string("error_message")?.map(ToOwned::to_owned);
    Ok((error, message))
}

fn put_one(out: &mut Vec<u8>, topic: &str) {
    put_len(out, false, 1);
    put_string(out, false, topic);
    put_len(out, false, 1);
    out.extend(0_i32.to_be_bytes());
}

fn walk_one(reader: &mut Reader<'_>) -> Read<()> {
    one(reader, "topics")?;
    reader.skip_string("name")?;
    one(reader, "partitions")?;
    reader.i32("partition_index")?;
    Ok(())
}

fn one(reader: &mut Reader<'_>, field: &'static str) -> Read<()> {
    let offset = reader.position();
    match reader.array(field)? {
        Some(1) => Ok(()),
        _ => Err(Malformed { field, offset, flaw: Flaw::Value }),
    }
}
