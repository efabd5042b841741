//! How a message names a topic: by name, or by id (KIP-516).

use super::wire::{Read, Reader, Uuid};

/// A topic as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic<'a> {
    /// By its name.
    Name(&'a str),
    /// By its id.
    Id(Uuid),
}

impl<'a> Topic<'a> {
    /// Reads the name of a topic, or its id in versions that use ids.
    pub fn read(reader: &mut Reader<'a>, by_id: bool) -> Read<Self> {
        if by_id {
            reader.uuid("topic_id").map(Self::Id)
        } else {
            reader.string("topic").map(Self::Name)
        }
    }
}

/// Walks a `DescribeTopicPartitions` response; `topic` learns each topic's id and name.
pub fn walk_describe_response<'a>(
    body: Reader<'a>,
    mut topic: impl FnMut(Uuid, &'a str),
) -> Read<()> {
    let mut reader = body;
    reader.i32("throttle_time_ms")?;
    for _ in 0..reader.array("topics")?.unwrap_or(0) {
        reader.i16("error_code")?;
        let name = reader.nullable_string("name")?;
        let id = reader.uuid("topic_id")?;
        if let Some(name) = name.filter(|_| id != Uuid::ZERO) {
            topic(id, name);
        }
        reader.i8("is_internal")?;
        for _ in 0..reader.array("partitions")?.unwrap_or(0) {
            reader.take(2 + 4 + 4 + 4, "partition")?;
            for field in [
                "replica_nodes",
                "isr_nodes",
                "eligible_leader_replicas",
                "last_known_elr",
                "offline_replicas",
            ] {
                reader.skip_array_of(4, field)?;
            }
            reader.skip_tags()?;
        }
        reader.i32("topic_authorized_operations")?;
        reader.skip_tags()?;
    }
    // The cursor behind the topics holds nothing that matters here.
    Ok(())
}
