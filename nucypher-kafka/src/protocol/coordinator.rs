//! `FindCoordinator`: the address of a group's or a transaction's coordinator.

use super::endpoint::Addresses;
use super::wire::{Read, Reader};

/// Walks a response and notes each coordinator's address: one up to version 3, an array from 4.
pub fn walk_response(body: Reader<'_>, version: i16) -> Read<Addresses> {
    let mut reader = body;
    let mut addresses = Addresses::new(reader.is_flexible());
    if version >= 1 {
        reader.i32("throttle_time_ms")?;
    }
    if version <= 3 {
        reader.i16("error_code")?;
        if version >= 1 {
            reader.skip_string("error_message")?;
        }
        let node = reader.i32("node_id")?;
        addresses.read(&mut reader, node)?;
    } else {
        for _ in 0..reader.array("coordinators")?.unwrap_or(0) {
            reader.skip_string("key")?;
            let node = reader.i32("node_id")?;
            addresses.read(&mut reader, node)?;
            reader.i16("error_code")?;
            reader.skip_string("error_message")?;
            reader.skip_tags()?;
        }
    }
    reader.skip_tags()?;
    addresses.end(&reader);
    Ok(addresses)
}
