//! `DescribeCluster`: the addresses of all brokers, fenced ones too, or of the controllers.

use super::endpoint::Addresses;
use super::wire::{Read, Reader};

/// Whose addresses a response lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Described {
    /// Brokers: clients may be routed to them.
    Brokers,
    /// Controllers, or a kind unknown to us: clients have no business there.
    Others,
}

/// Walks a response and notes each address.
pub fn walk_response(body: Reader<'_>, version: i16) -> Read<(Described, Addresses)> {
    let mut reader = body;
    let mut addresses = Addresses::new(reader.is_flexible());
    reader.i32("throttle_time_ms")?;
    reader.i16("error_code")?;
    reader.skip_string("error_message")?;
    let described = match if version >= 1 { reader.i8("endpoint_type")? } else { 1 } {
        1 => Described::Brokers,
        _ => Described::Others,
    };
    reader.skip_string("cluster_id")?;
    reader.i32("controller_id")?;
    for _ in 0..reader.array("brokers")?.unwrap_or(0) {
        let node = reader.i32("broker_id")?;
        addresses.read(&mut reader, node)?;
        reader.skip_string("rack")?;
        if version >= 2 {
            reader.i8("is_fenced")?;
        }
        reader.skip_tags()?;
    }
    reader.i32("cluster_authorized_operations")?;
    reader.skip_tags()?;
    addresses.end(&reader);
    Ok((described, addresses))
}
