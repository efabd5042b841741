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
        if by_id { reader.uuid("topic_id").map(Self::Id) } else { reader.string("topic").map(Self::Name) }
    }
}
