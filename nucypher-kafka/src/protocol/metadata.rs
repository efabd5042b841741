//! Metadata: the addresses of all brokers, and which id belongs to which topic name.

use super::endpoint::Addresses;
use super::frame;
use super::table::Api;
use super::wire::{Read, Reader, Uuid, put_len};

/// The first version that is asked by topic id.
pub const BY_ID: i16 = 12;

/// Walks a response and notes each broker's address; `topic` learns each topic's id and name.
pub fn walk_response<'a>(
    body: Reader<'a>,
    version: i16,
    mut topic: impl FnMut(Uuid, &'a str),
) -> Read<Addresses> {
    let mut reader = body;
    let mut addresses = Addresses::new(reader.is_flexible());
    if version >= 3 {
        reader.i32("throttle_time_ms")?;
    }
    for _ in 0..reader.array("brokers")?.unwrap_or(0) {
        let node = reader.i32("node_id")?;
        addresses.read(&mut reader, node)?;
        if version >= 1 {
            reader.skip_string("rack")?;
        }
        reader.skip_tags()?;
    }
    if version >= 2 {
        reader.skip_string("cluster_id")?;
    }
    if version >= 1 {
        reader.i32("controller_id")?;
    }
    for _ in 0..reader.array("topics")?.unwrap_or(0) {
        reader.i16("error_code")?;
        let name = reader.nullable_string("name")?;
        let id = if version >= 10 { reader.uuid("topic_id")? } else { Uuid::ZERO };
        if let Some(name) = name.filter(|_| id != Uuid::ZERO) {
            topic(id, name);
        }
        if version >= 1 {
            reader.i8("is_internal")?;
        }
        for _ in 0..reader.array("partitions")?.unwrap_or(0) {
            skip_partition(&mut reader, version)?;
        }
        if version >= 8 {
            reader.i32("topic_authorized_operations")?;
        }
        reader.skip_tags()?;
    }
    if (8..=10).contains(&version) {
        reader.i32("cluster_authorized_operations")?;
    }
    if version >= 13 {
        reader.i16("error_code")?;
    }
    reader.skip_tags()?;
    addresses.end(&reader);
    Ok(addresses)
}

fn skip_partition(reader: &mut Reader<'_>, version: i16) -> Read<()> {
    reader.take(2 + 4 + 4, "partition")?;
    if version >= 7 {
        reader.i32("leader_epoch")?;
    }
    reader.skip_array_of(4, "replica_nodes")?;
    reader.skip_array_of(4, "isr_nodes")?;
    if version >= 5 {
        reader.skip_array_of(4, "offline_replicas")?;
    }
    reader.skip_tags()
}

/// A request for the names of these topic ids, in version [`BY_ID`].
///
/// Every broker that speaks Fetch by topic id (13) speaks it.
#[must_use]
pub fn request_by_id(api: &Api, correlation_id: i32, client_id: &str, ids: &[Uuid]) -> Vec<u8> {
    let mut out = frame::request(api, BY_ID, correlation_id, client_id);
    put_len(&mut out, true, ids.len());
    for id in ids {
        out.extend_from_slice(&id.0);
        out.extend_from_slice(&[0, 0]); // name: null; no tagged fields
    }
    // allow_auto_topic_creation, include_topic_authorized_operations: no. No tagged fields.
    out.extend_from_slice(&[0, 0, 0]);
    frame::finish(out)
}

/// A request for the brokers of the cluster and no topic, in version 1: any broker answers it.
#[must_use]
pub fn request_brokers(api: &Api, correlation_id: i32, client_id: &str) -> Vec<u8> {
    let mut out = frame::request(api, 1, correlation_id, client_id);
    put_len(&mut out, false, 0);
    frame::finish(out)
}
