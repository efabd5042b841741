//! Produce requests.

use std::ops::Range;

use super::TOPIC_IDS;
use crate::protocol::topic::Topic;
use crate::protocol::wire::{Read, Reader, Uuid, put_len};
use crate::records::{Edits, Overlap, Splice};

/// Reads the fields at the front of a request: the acknowledgements that are asked for. With none
/// (0) there is no response.
///
/// The front of a frame is enough; the caller calls again with more if it is cut off.
pub fn acks(body: Reader<'_>) -> Read<i16> {
    let mut reader = body;
    reader.skip_string("transactional_id")?;
    reader.i16("acks")
}

/// What a request holds, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The topics, in the order of the wire.
    pub topics: Vec<AskedTopic<'a>>,
    count: Range<usize>,
    flexible: bool,
}

/// One topic in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedTopic<'a> {
    /// Which topic.
    pub topic: Topic<'a>,
    /// Its partitions, in the order of the wire.
    pub partitions: Vec<AskedPartition>,
    count: Range<usize>,
    all: Range<usize>,
}

/// One partition in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedPartition {
    /// Its number.
    pub index: i32,
    /// The record bytes; empty where the client sent null.
    pub records: Range<usize>,
    all: Range<usize>,
}

impl Asked<'_> {
    /// The topics that are named by id.
    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.topics.iter().filter_map(|topic| match topic.topic {
            Topic::Id(id) => Some(id),
            Topic::Name(_) => None,
        })
    }
}

/// Walks a whole request.
pub fn walk_request(body: Reader<'_>, version: i16) -> Read<Asked<'_>> {
    let mut reader = body;
    reader.skip_string("transactional_id")?;
    reader.i16("acks")?;
    reader.i32("timeout_ms")?;
    let (count, n) = counted(&mut reader, "topic_data")?;
    let mut topics = Vec::new();
    for _ in 0..n {
        let start = reader.position();
        let topic = Topic::read(&mut reader, version >= TOPIC_IDS)?;
        let (count, n) = counted(&mut reader, "partition_data")?;
        let mut partitions = Vec::new();
        for _ in 0..n {
            partitions.push(walk_partition(&mut reader)?);
        }
        reader.skip_tags()?;
        topics.push(AskedTopic { topic, partitions, count, all: start..reader.position() });
    }
    reader.skip_tags()?;
    reader.end()?;
    Ok(Asked { topics, count, flexible: reader.is_flexible() })
}

fn walk_partition(reader: &mut Reader<'_>) -> Read<AskedPartition> {
    let start = reader.position();
    let index = reader.i32("index")?;
    let records = reader.byte_range("records")?.unwrap_or(reader.position()..reader.position());
    reader.skip_tags()?;
    Ok(AskedPartition { index, records, all: start..reader.position() })
}

fn counted(reader: &mut Reader<'_>, field: &'static str) -> Read<(Range<usize>, usize)> {
    let start = reader.position();
    let n = reader.array(field)?.unwrap_or(0);
    Ok((start..reader.position(), n))
}

/// Takes partitions out of a request: those for which `refused` says so, by the places of topic and
/// partition in [`Asked`]. Gives the number of partitions that are left.
///
/// # Errors
///
/// [`Overlap`]: a bug of ours.
pub fn without(
    asked: &Asked<'_>,
    edits: &mut Edits,
    refused: impl Fn(usize, usize) -> bool,
) -> Result<usize, Overlap> {
    let mut cut =
        |range: &Range<usize>, bytes: Vec<u8>| edits.push(Splice { range: range.clone(), bytes });
    let number = |n: usize| {
        let mut bytes = Vec::with_capacity(5);
        put_len(&mut bytes, asked.flexible, n);
        bytes
    };
    let (mut topics, mut partitions) = (0, 0);
    for (t, topic) in asked.topics.iter().enumerate() {
        let is_refused = |(p, _): &(usize, &AskedPartition)| refused(t, *p);
        let out: Vec<_> = topic.partitions.iter().enumerate().filter(is_refused).collect();
        let left = topic.partitions.len() - out.len();
        partitions += left;
        // A topic that was empty before stays: the broker may say what it thinks of that.
        if left == 0 && !out.is_empty() {
            cut(&topic.all, Vec::new())?;
            continue;
        }
        topics += 1;
        if !out.is_empty() {
            cut(&topic.count, number(left))?;
            out.iter().try_for_each(|(_, partition)| cut(&partition.all, Vec::new()))?;
        }
    }
    if topics != asked.topics.len() {
        cut(&asked.count, number(topics))?;
    }
    Ok(partitions)
}
