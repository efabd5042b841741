//! Fetch requests.

use std::ops::Range;

use super::TOPIC_IDS;
use crate::protocol::topic::Topic;
use crate::protocol::wire::{Read, Reader, Uuid};

/// What a client asks for, as far as the gateway cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// How long the broker may wait for data, in milliseconds.
    pub max_wait_ms: i32,
    /// The id of the broker that copies a partition, or -1 for a consumer.
    pub replica: i32,
    /// The topics that are named by id, each once.
    pub ids: Vec<Uuid>,
    /// How much the response may hold.
    pub bounds: Bounds,
}

/// How much a response must and may hold, and where that stands in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    min_bytes: (i32, Range<usize>),
    max_bytes: (i32, Range<usize>),
}

/// Walks a whole request.
pub fn walk_request(body: Reader<'_>, version: i16) -> Read<Asked> {
    let mut reader = body;
    let mut replica = -1;
    if version <= 14 {
        replica = reader.i32("replica_id")?;
    }
    let max_wait_ms = reader.i32("max_wait_ms")?;
    let mut bounded = |field| {
        let start = reader.position();
        Ok::<_, crate::protocol::wire::Malformed>((reader.i32(field)?, start..reader.position()))
    };
    let min_bytes = bounded("min_bytes")?;
    let max_bytes = bounded("max_bytes")?;
    reader.i8("isolation_level")?;
    if version >= 7 {
        reader.i32("session_id")?;
        reader.i32("session_epoch")?;
    }
    let mut ids = Vec::new();
    for _ in 0..reader.array("topics")?.unwrap_or(0) {
        note_id(&mut ids, Topic::read(&mut reader, version >= TOPIC_IDS)?);
        for _ in 0..reader.array("partitions")?.unwrap_or(0) {
            reader.i32("partition")?;
            if version >= 9 {
                reader.i32("current_leader_epoch")?;
            }
            reader.i64("fetch_offset")?;
            if version >= 12 {
                reader.i32("last_fetched_epoch")?;
            }
            if version >= 5 {
                reader.i64("log_start_offset")?;
            }
            reader.i32("partition_max_bytes")?;
            reader.skip_tags()?;
        }
        reader.skip_tags()?;
    }
    if version >= 7 {
        for _ in 0..reader.array("forgotten_topics_data")?.unwrap_or(0) {
            Topic::read(&mut reader, version >= TOPIC_IDS)?;
            reader.skip_array_of(4, "partitions")?;
            reader.skip_tags()?;
        }
    }
    if version >= 11 {
        reader.skip_string("rack_id")?;
    }
    reader.tags(|tag| {
        if tag.number == 1 && version >= 15 {
            replica = tag.value.i32("replica_id")?;
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(Asked { max_wait_ms, replica, ids, bounds: Bounds { min_bytes, max_bytes } })
}

fn note_id(ids: &mut Vec<Uuid>, topic: Topic<'_>) {
    if let Topic::Id(id) = topic
        && ids.last() != Some(&id)
    {
        ids.push(id);
    }
}

impl Bounds {
    /// Lowers `max_bytes` in the frame, and `min_bytes` with it: a broker that may send less than it
    /// must wait for would always wait `max_wait_ms`.
    ///
    /// Requires: `frame` is the frame that was walked.
    ///
    /// KIP-74 keeps progress: a broker sends the first batch whole whatever `max_bytes` says.
    pub fn clamp(&self, frame: &mut [u8], max_bytes: i32) {
        for (value, at) in [&self.min_bytes, &self.max_bytes] {
            if *value > max_bytes
                && let Some(field) = frame.get_mut(at.clone())
            {
                field.copy_from_slice(&max_bytes.to_be_bytes());
            }
        }
    }
}
