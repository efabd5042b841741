//! Produce responses.

use std::ops::Range;

use super::TOPIC_IDS;
use crate::protocol::endpoint::Addresses;
use crate::protocol::frame;
use crate::protocol::table::Api;
use crate::protocol::topic::Topic;
use crate::protocol::wire::{Read, Reader, Uuid, put_len, put_nullable_string, put_string};
use crate::records::{Edits, Overlap, Splice};

/// A topic that outlives its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicName {
    /// By its name.
    Name(String),
    /// By its id.
    Id(Uuid),
}

impl From<Topic<'_>> for TopicName {
    fn from(topic: Topic<'_>) -> Self {
        match topic {
            Topic::Name(name) => Self::Name(name.to_owned()),
            Topic::Id(id) => Self::Id(id),
        }
    }
}

impl PartialEq<Topic<'_>> for TopicName {
    fn eq(&self, topic: &Topic<'_>) -> bool {
        match (self, topic) {
            (Self::Name(name), Topic::Name(other)) => name == other,
            (Self::Id(id), Topic::Id(other)) => id == other,
            _ => false,
        }
    }
}

/// A partition that the gateway has refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub index: i32,
    /// Kafka's error code.
    pub error_code: i16,
    /// The place in its batch of the first record that is at fault, if it is a record.
    pub record: Option<i32>,
    /// Why, for people.
    pub message: String,
}

/// A response, as far as it is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<'a> {
    topics: Vec<AnsweredTopic<'a>>,
    count: Range<usize>,
    end: usize,
    /// Addresses of current leaders (KIP-951), from version 10.
    pub addresses: Addresses,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AnsweredTopic<'a> {
    topic: Topic<'a>,
    partitions: usize,
    count: Range<usize>,
    end: usize,
}

/// Walks a response.
pub fn walk_response(body: Reader<'_>, version: i16) -> Read<Answered<'_>> {
    let mut reader = body;
    let mut addresses = Addresses::new(reader.is_flexible());
    let start = reader.position();
    let n = reader.array("responses")?.unwrap_or(0);
    let count = start..reader.position();
    let mut topics = Vec::new();
    for _ in 0..n {
        let topic = Topic::read(&mut reader, version >= TOPIC_IDS)?;
        let start = reader.position();
        let partitions = reader.array("partition_responses")?.unwrap_or(0);
        let count = start..reader.position();
        for _ in 0..partitions {
            skip_partition(&mut reader, version)?;
        }
        let end = reader.position();
        reader.skip_tags()?;
        topics.push(AnsweredTopic { topic, partitions, count, end });
    }
    let end = reader.position();
    reader.i32("throttle_time_ms")?;
    reader.tags(|tag| match tag.number {
        0 if version >= 10 => addresses.read_tagged_node_endpoints(tag),
        _ => Ok(()),
    })?;
    addresses.end(&reader);
    Ok(Answered { topics, count, end, addresses })
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

/// Adds refusals to a broker's response: to the topics that are in it, or as new ones.
///
/// Requires: refusals of one topic are neighbours, as they are in a request.
///
/// # Errors
///
/// [`Overlap`]: a bug of ours.
pub fn add(
    answered: &Answered<'_>,
    edits: &mut Edits,
    refusals: &[Refusal],
    version: i16,
    flexible: bool,
) -> Result<(), Overlap> {
    let mut new_topics = 0;
    let mut appended = Vec::new();
    for group in refusals.chunk_by(|a, b| a.topic == b.topic) {
        let Some(first) = group.first() else { continue };
        let known = answered.topics.iter().find(|topic| first.topic == topic.topic);
        let Some(topic) = known else {
            new_topics += 1;
            put_topic(&mut appended, group, version, flexible);
            continue;
        };
        let mut count = Vec::with_capacity(5);
        put_len(&mut count, flexible, topic.partitions + group.len());
        edits.push(Splice { range: topic.count.clone(), bytes: count })?;
        let mut bytes = Vec::new();
        group.iter().for_each(|refusal| put_partition(&mut bytes, refusal, version, flexible));
        edits.push(Splice { range: topic.end..topic.end, bytes })?;
    }
    if new_topics > 0 {
        let mut count = Vec::with_capacity(5);
        put_len(&mut count, flexible, answered.topics.len() + new_topics);
        edits.push(Splice { range: answered.count.clone(), bytes: count })?;
        edits.push(Splice { range: answered.end..answered.end, bytes: appended })?;
    }
    Ok(())
}

/// A response of the gateway's own, to a request of which nothing is left.
#[must_use]
pub fn refuse_all(api: &Api, version: i16, correlation_id: i32, refusals: &[Refusal]) -> Vec<u8> {
    let flexible = api.is_flexible(version);
    let mut out = frame::response(api, version, correlation_id);
    let groups = || refusals.chunk_by(|a, b| a.topic == b.topic);
    put_len(&mut out, flexible, groups().count());
    groups().for_each(|group| put_topic(&mut out, group, version, flexible));
    out.extend_from_slice(&0i32.to_be_bytes());
    if flexible {
        out.push(0);
    }
    frame::finish(out)
}

fn put_topic(out: &mut Vec<u8>, refusals: &[Refusal], version: i16, flexible: bool) {
    match refusals.first().map(|refusal| &refusal.topic) {
        Some(TopicName::Name(name)) => put_string(out, flexible, name),
        Some(TopicName::Id(id)) => out.extend_from_slice(&id.0),
        None => return,
    }
    put_len(out, flexible, refusals.len());
    refusals.iter().for_each(|refusal| put_partition(out, refusal, version, flexible));
    if flexible {
        out.push(0);
    }
}

fn put_partition(out: &mut Vec<u8>, refusal: &Refusal, version: i16, flexible: bool) {
    out.extend_from_slice(&refusal.index.to_be_bytes());
    out.extend_from_slice(&refusal.error_code.to_be_bytes());
    // Base offset, log append time and, from 5, log start offset: none.
    for _ in 0..if version >= 5 { 3 } else { 2 } {
        out.extend_from_slice(&(-1i64).to_be_bytes());
    }
    if version >= 8 {
        put_len(out, flexible, usize::from(refusal.record.is_some()));
        if let Some(record) = refusal.record {
            out.extend_from_slice(&record.to_be_bytes());
            put_nullable_string(out, flexible, Some(&refusal.message));
            if flexible {
                out.push(0);
            }
        }
        put_nullable_string(out, flexible, Some(&refusal.message));
    }
    if flexible {
        out.push(0);
    }
}
