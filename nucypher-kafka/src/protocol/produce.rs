//! Produce: whether a response comes, and the addresses in it.

use super::endpoint::Addresses;
use super::topic::Topic;
use super::wire::{Read, Reader};

/// The first version that names topics by id.
pub const TOPIC_IDS: i16 = 13;

/// Reads the fields at the front of a request: the acknowledgements that are asked for. With none
/// (0) there is no response.
///
/// The front of a frame is enough; the caller calls again with more if it is cut off.
pub fn acks(body: Reader<'_>) -> Read<i16> {
    let mut reader = body;
    reader.skip_string("transactional_id")?;
    reader.i16("acks")
}

/// Walks a response and notes each current leader's address (KIP-951), from version 10.
pub fn walk_response(body: Reader<'_>, version: i16) -> Read<Addresses> {
    let mut reader = body;
    let mut addresses = Addresses::new(reader.is_flexible());
    for _ in 0..reader.array("responses")?.unwrap_or(0) {
        Topic::read(&mut reader, version >= TOPIC_IDS)?;
        for _ in 0..reader.array("partition_responses")?.unwrap_or(0) {
            skip_partition(&mut reader, version)?;
        }
        reader.skip_tags()?;
    }
    reader.i32("throttle_time_ms")?;
    reader.tags(|tag| match tag.number {
        0 if version >= 10 => addresses.read_tagged_node_endpoints(tag),
        _ => Ok(()),
    })?;
    addresses.end(&reader);
    Ok(addresses)
}

fn skip_partition(reader: &mut Reader<'_>, version: i16) -> Read<()> {
    reader.i32("index")?;
    reader.i16("error_code")?;
    reader.i64("base_offset")?;
    reader.i64("log_append_time_ms")?;
    if version >= 5 {
        reader.i64("log_start_offset")?;
    }
    if version >= 8 {
        for _ in 0..reader.array("record_errors")?.unwrap_or(0) {
            reader.i32("batch_index")?;
            reader.skip_string("batch_index_error_message")?;
            reader.skip_tags()?;
        }
        reader.skip_string("error_message")?;
    }
    reader.skip_tags()
}
