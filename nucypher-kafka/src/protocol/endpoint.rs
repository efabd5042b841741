//! Where brokers' addresses stand in a response, and what stands there instead.
//!
//! A walk of the response notes each address as a [`Site`]. Only when all of them are known, and
//! the gateway has a bound port for each node, does [`Addresses::rewrite`] turn them into edits: so
//! a response is never sent before the port that it names accepts connections, and a site that a
//! walk has found is always replaced.

use std::ops::Range;

use super::wire::{Flaw, Malformed, Read, Reader, Tag, put_string, put_uvarint};
use crate::records::{Edits, Overlap, Splice};

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A name or an IP address.
    pub host: String,
    /// The port; Kafka has 32 bits for it on the wire.
    pub port: i32,
}

/// One broker's address in a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Whose address it is.
    pub node: i32,
    /// The address as the broker sent it.
    pub upstream: Endpoint,
    /// Where host and port lie.
    at: Range<usize>,
}

/// All addresses in one response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    sites: Vec<Site>,
    /// The tagged field that holds the sites: its size must follow.
    tag: Option<TagSpan>,
    /// What stands behind the last field.
    surplus: Range<usize>,
    flexible: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct TagSpan {
    size: Range<usize>,
    value: Range<usize>,
}

impl Addresses {
    /// No address yet; `flexible` as the message is.
    #[must_use]
    pub fn new(flexible: bool) -> Self {
        Self { flexible, ..Self::default() }
    }

    /// The addresses, in the order of the wire.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// Reads a host and a port that belong to `node`.
    ///
    /// An empty host is no address: that is how Kafka spells "none" where it answers with an error.
    pub fn read(&mut self, reader: &mut Reader<'_>, node: i32) -> Read<()> {
        let start = reader.position();
        let host = reader.string("host")?;
        let port = reader.i32("port")?;
        if !host.is_empty() {
            let upstream = Endpoint { host: host.to_owned(), port };
            self.sites.push(Site { node, upstream, at: start..reader.position() });
        }
        Ok(())
    }

    /// Reads the array of node endpoints (KIP-951): id, host, port, rack.
    pub fn read_node_endpoints(&mut self, reader: &mut Reader<'_>) -> Read<()> {
        for _ in 0..reader.array("node_endpoints")?.unwrap_or(0) {
            let node = reader.i32("node_id")?;
            self.read(reader, node)?;
            reader.skip_string("rack")?;
            reader.skip_tags()?;
        }
        Ok(())
    }

    /// Reads a tagged field that holds node endpoints.
    ///
    /// Requires: at most one such field in a message. A second one would be a broker that repeats
    /// a tag, which Kafka's own decoder refuses; then nothing is rewritten and the caller fails.
    pub fn read_tagged_node_endpoints(&mut self, tag: &mut Tag<'_>) -> Read<()> {
        let start = tag.value.position();
        self.read_node_endpoints(&mut tag.value)?;
        let end = tag.value.position() + tag.value.remaining();
        if self.tag.is_some() {
            return Err(Malformed { field: "node_endpoints", offset: start, flaw: Flaw::Value });
        }
        self.tag = Some(TagSpan { size: tag.size.clone(), value: start..end });
        Ok(())
    }

    /// Ends the walk of a message. Bytes behind its last field do not reach the client: they are no
    /// part of the schema that was reviewed. (Brokers send none; librdkafka's mock does, in Metadata.)
    pub fn end(&mut self, reader: &Reader<'_>) {
        self.surplus = reader.position()..reader.position() + reader.remaining();
    }

    /// Puts in the place of each address what `advertise` gives for its node.
    ///
    /// # Errors
    ///
    /// [`Overlap`]: `edits` already change the same bytes, a bug of ours.
    pub fn rewrite(
        &self,
        edits: &mut Edits,
        mut advertise: impl FnMut(&Site) -> Endpoint,
    ) -> Result<(), Overlap> {
        let mut growth = 0i64;
        for site in &self.sites {
            let endpoint = advertise(site);
            let mut bytes = Vec::with_capacity(endpoint.host.len() + 7);
            put_string(&mut bytes, self.flexible, &endpoint.host);
            bytes.extend_from_slice(&endpoint.port.to_be_bytes());
            let len = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
            growth += len(bytes.len()) - len(site.at.len());
            edits.push(Splice { range: site.at.clone(), bytes })?;
        }
        if let Some(tag) = &self.tag {
            let size = i64::try_from(tag.value.len()).unwrap_or(i64::MAX).saturating_add(growth);
            let mut bytes = Vec::new();
            put_uvarint(&mut bytes, u32::try_from(size).unwrap_or(u32::MAX));
            edits.push(Splice { range: tag.size.clone(), bytes })?;
        }
        if !self.surplus.is_empty() {
            edits.push(Splice { range: self.surplus.clone(), bytes: Vec::new() })?;
        }
        Ok(())
    }
}
