//! `DescribeConfigs`: the values that name addresses at which brokers or controllers listen are
//! withheld, the way Kafka withholds passwords: null and sensitive.

use std::ops::Range;

use super::wire::{Read, Reader, put_nullable_string};
use crate::records::{Edits, Overlap, Splice};

/// What must not reach a client.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Withheld {
    values: Vec<Range<usize>>,
    sensitive: Vec<Range<usize>>,
    flexible: bool,
}

/// Whether the value of this configuration is an address, or a list with addresses in it.
#[must_use]
pub fn names_an_address(config: &str) -> bool {
    matches!(config, "listeners" | "advertised.listeners" | "host.name" | "advertised.host.name" | "zookeeper.connect")
        || config == "controller.quorum.voters"
        // With whatever prefix: the quorum's own, and those of remote log metadata and of reporters.
        || config.ends_with("bootstrap.servers")
}

/// Walks a response and notes the values to withhold.
pub fn walk_response(body: Reader<'_>, version: i16) -> Read<Withheld> {
    let mut reader = body;
    let mut withheld = Withheld { flexible: reader.is_flexible(), ..Withheld::default() };
    reader.i32("throttle_time_ms")?;
    for _ in 0..reader.array("results")?.unwrap_or(0) {
        reader.i16("error_code")?;
        reader.skip_string("error_message")?;
        reader.i8("resource_type")?;
        reader.skip_string("resource_name")?;
        for _ in 0..reader.array("configs")?.unwrap_or(0) {
            walk_config(&mut reader, version, &mut withheld)?;
        }
        reader.skip_tags()?;
    }
    reader.skip_tags()?;
    reader.end()?;
    Ok(withheld)
}

fn walk_config(reader: &mut Reader<'_>, version: i16, withheld: &mut Withheld) -> Read<()> {
    let hide = names_an_address(reader.string("name")?);
    let value = withheld.value(reader, hide)?;
    reader.i8("read_only")?;
    reader.i8("config_source")?;
    let sensitive = reader.position();
    reader.i8("is_sensitive")?;
    if hide && value {
        withheld.sensitive.push(sensitive..reader.position());
    }
    for _ in 0..reader.array("synonyms")?.unwrap_or(0) {
        let hide = names_an_address(reader.string("name")?) || hide;
        withheld.value(reader, hide)?;
        reader.i8("source")?;
        reader.skip_tags()?;
    }
    if version >= 3 {
        reader.i8("config_type")?;
        reader.skip_string("documentation")?;
    }
    reader.skip_tags()
}

impl Withheld {
    /// Reads a value and notes it if it must be hidden; says whether there was one.
    fn value(&mut self, reader: &mut Reader<'_>, hide: bool) -> Read<bool> {
        let start = reader.position();
        let value = reader.nullable_string("value")?;
        if hide && value.is_some() {
            self.values.push(start..reader.position());
        }
        Ok(value.is_some())
    }

    /// Puts null in the place of the values.
    ///
    /// # Errors
    ///
    /// [`Overlap`]: a bug of ours.
    pub fn rewrite(&self, edits: &mut Edits) -> Result<(), Overlap> {
        for range in &self.values {
            let mut bytes = Vec::with_capacity(2);
            put_nullable_string(&mut bytes, self.flexible, None);
            edits.push(Splice { range: range.clone(), bytes })?;
        }
        for range in &self.sensitive {
            edits.push(Splice { range: range.clone(), bytes: vec![1] })?;
        }
        Ok(())
    }
}
