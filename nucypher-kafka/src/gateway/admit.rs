//! What a channel that requires encryption takes in.
//!
//! Every record must carry well-formed, fresh EDEKs under keys of the channel, and a value that can
//! be sealed. Whether the ciphertext is good only its reader can tell. One bad record refuses its
//! partition, as with Kafka's own validation; its siblings go on.

use std::fmt;

use nucypher_envelope::{
    EDEK_HEADER, EdekHeader, NULL_HEADER, SEALED_OVERHEAD, SealedValue, State, WHOLE_VALUE,
};

use crate::records::{Batches, Codecs, Entry, Limits, Record};
use crate::registry::Channel;

/// Why records are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The place of the record in its batch, if it is a record that is at fault.
    pub record: Option<i32>,
    /// Why.
    pub why: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record {
            Some(record) => write!(f, "record {record}: {}", self.why),
            None => f.write_str(self.why),
        }
    }
}

const fn batch(why: &'static str) -> Refused {
    Refused { record: None, why }
}

/// Checks the records of one partition.
///
/// Cost: some 50 ns a record, and what unpacking costs where they are compressed.
///
/// # Errors
///
/// [`Refused`]: the first record that is at fault.
pub fn admit(records: &[u8], channel: &Channel, codecs: &mut Codecs) -> Result<(), Refused> {
    if channel.is_retired() {
        return Err(batch("the channel is retired: it takes nothing in any more"));
    }
    for entry in Batches::new(records, 0) {
        let Entry::Batch(whole) = entry else {
            return Err(batch(
                "the channel requires encryption, and only record batches of magic 2 can carry it",
            ));
        };
        let walked = whole.records(codecs, Limits::default().batch);
        let mut walked = walked.map_err(|_| batch("the batch cannot be read"))?;
        for place in 0.. {
            let at = |why| Refused { record: Some(place), why };
            match walked.next() {
                None => break,
                Some(Err(_)) => return Err(at("the record cannot be read")),
                Some(Ok(record)) => check(record, channel).map_err(at)?,
            }
        }
    }
    Ok(())
}

fn check(record: Record<'_>, channel: &Channel) -> Result<(), &'static str> {
    let (mut edeks, mut null) = (None, None);
    for header in record.headers {
        let header = header.map_err(|_| "the headers cannot be read")?;
        let place = match header.name {
            name if name == EDEK_HEADER.as_bytes() => &mut edeks,
            name if name == NULL_HEADER.as_bytes() => &mut null,
            _ => continue,
        };
        let value = header.value.ok_or("an envelope header is null")?;
        if place.replace(value).is_some() {
            return Err("an envelope header is there twice");
        }
    }
    let edeks =
        edeks.ok_or("not encrypted: the channel requires it, and there is no nu.edek header")?;
    let edeks = EdekHeader::parse(edeks).map_err(|_| "the nu.edek header is malformed")?;
    let mut whole_value = false;
    for edek in edeks.iter() {
        if edek.state() != State::Fresh {
            return Err("an EDEK is not fresh");
        }
        let key = channel
            .key(edek.delegating_id())
            .ok_or("an EDEK is under a key that is not the channel's")?;
        if key.slot != edek.slot() || key.key.suite() != edek.suite() {
            return Err("an EDEK does not match the channel's key in slot or suite");
        }
        if !channel.takes_in(key.epoch) {
            return Err("an EDEK is under a key of an old epoch: read the channel's key again");
        }
        whole_value |= edek.slot() == WHOLE_VALUE;
    }
    match (record.value, null) {
        (Some(value), None) if whole_value => {
            SealedValue::parse_whole(value).map(|_| ()).map_err(|_| "the value is not sealed")
        }
        (Some(_), None) => Ok(()),
        (Some(_), Some(_)) => Err("a value beside a nu.null header"),
        (None, Some(null)) => {
            // Under the key of the whole value, or else under each field's.
            let wanted = if whole_value { 1 } else { edeks.iter().len() };
            let mut tombstones = null.chunks(SEALED_OVERHEAD);
            if tombstones.len() == wanted
                && tombstones.all(|tombstone| SealedValue::parse_null(tombstone).is_ok())
            {
                Ok(())
            } else {
                Err("the nu.null header is malformed")
            }
        }
        (None, None) => Err("a deletion without a nu.null header"),
    }
}

#[cfg(test)]
mod tests;
