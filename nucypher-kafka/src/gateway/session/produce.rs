//! Produce requests: streamed, unless a channel requires encryption.

use std::fmt;

use super::in_flight::Expect;
use super::requests::Request;
use super::responses::Response;
use super::{ClientFault, Fault, Now, Session, Step, Work};
use crate::gateway::admit::admit;
use crate::gateway::authorize::Authority;
use crate::protocol::fetch::UNKNOWN_TOPIC_ID;
use crate::protocol::produce::{self, Asked, INVALID_RECORD, Refusal, TopicName};
use crate::protocol::topic::Topic;
use crate::protocol::wire::{Flaw, Uuid};
use crate::records::{Codecs, Edits};
use std::ops::Range;

/// How far into a request the gateway looks for `acks`, in bytes: behind a client id and a
/// transactional id, which may have 32767 each in theory and have some dozens in practice. It fits a
/// connection's small buffer.
const FRONT: usize = 60 * 1024;

/// What is left to do for one request: its records are read on a pool, for most are compressed.
pub struct ProduceJob {
    authority: Authority,
    /// Where the records lie that must be encrypted: place of topic and partition, topic name.
    inspected: Vec<Inspected>,
    refused: Vec<Found>,
}

struct Inspected {
    place: (usize, usize),
    topic: String,
    records: Range<usize>,
}

struct Found {
    place: (usize, usize),
    error_code: i16,
    record: Option<i32>,
    message: String,
}

impl fmt::Debug for ProduceJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProduceJob")
            .field("partitions", &self.inspected.len())
            .finish_non_exhaustive()
    }
}

impl ProduceJob {
    /// Reads the records.
    ///
    /// Requires: `frame` begins with the frame for which the job was made.
    pub fn finish(&mut self, frame: &[u8]) {
        let mut codecs = Codecs::default();
        for Inspected { place, topic, records } in self.inspected.drain(..) {
            let records = frame.get(records).unwrap_or_default();
            let Some(channel) = self.authority.channel(&topic) else { continue };
            if let Err(refused) = admit(records, channel, &mut codecs) {
                let message = format!("channel {}: {refused}", channel.name());
                let (error_code, record) = (INVALID_RECORD, refused.record);
                self.refused.push(Found { place, error_code, record, message });
            }
        }
    }
}

impl Session {
    /// Tells the session that [`Work::Produce`] is done.
    pub fn inspected(&mut self, job: Box<ProduceJob>) {
        self.inspected = Some(job);
    }

    pub(super) fn produce(&mut self, request: &Request<'_>, now: Now) -> Result<Step, Fault> {
        let acks = match request.read(produce::acks) {
            Ok(acks) => acks,
            Err(ClientFault::Malformed { error, .. })
                if error.flaw == Flaw::Short
                    && !request.is_whole()
                    && request.frame.len() < FRONT =>
            {
                return Ok(Step::Receive(request.head.size.min(request.frame.len() + 1)));
            }
            Err(fault) => return Err(fault.into()),
        };
        if let Some(job) = self.inspected.take() {
            return self.send_inspected(request, acks, *job);
        }
        let authority = self.authority(now)?;
        if !authority.requires_encryption() {
            return self.pass(request, expect(acks, request.head.version, Vec::new()));
        }
        if !request.is_whole() {
            return Ok(Step::Receive(request.head.size));
        }
        let version = request.head.version;
        let asked = request.read(|body| produce::walk_request(body, version))?;
        if let Some(step) = self.learn_names(request, &asked)? {
            return Ok(step);
        }
        let job = self.inspection(authority, &asked);
        if job.inspected.is_empty() {
            return self.send_inspected(request, acks, job);
        }
        Ok(Step::Await(Work::Produce(Box::new(job))))
    }

    /// Asks for topic names that are not known, and waits for the answer.
    fn learn_names(
        &mut self,
        request: &Request<'_>,
        asked: &Asked<'_>,
    ) -> Result<Option<Step>, Fault> {
        let unknown = asked.ids().filter(|id| self.world.topics.name(*id).is_none());
        let unknown: Vec<Uuid> = unknown.collect();
        if unknown.is_empty() {
            return Ok(None);
        }
        if !self.asked_names {
            return self.ask_names(request.head.correlation_id, &unknown).map(Some);
        }
        let waiting = self.in_flight.iter().any(|waiting| matches!(waiting.expect, Expect::Names));
        Ok(waiting.then_some(Step::Await(Work::OtherDirection)))
    }

    fn inspection(&self, authority: Authority, asked: &Asked<'_>) -> ProduceJob {
        let mut job = ProduceJob { authority, inspected: Vec::new(), refused: Vec::new() };
        for (t, topic) in asked.topics.iter().enumerate() {
            let name = match topic.topic {
                Topic::Name(name) => Some(name.to_owned()),
                Topic::Id(id) => self.world.topics.name(id).map(|name| name.to_string()),
            };
            for (p, partition) in topic.partitions.iter().enumerate() {
                let place = (t, p);
                match &name {
                    // The client asks for metadata when it sees this error, and tries again.
                    None => job.refused.push(Found {
                        place,
                        error_code: UNKNOWN_TOPIC_ID,
                        record: None,
                        message: "the gateway does not know this topic id yet".to_owned(),
                    }),
                    Some(name) if job.authority.must_be_encrypted(name) => {
                        let (topic, records) = (name.clone(), partition.records.clone());
                        job.inspected.push(Inspected { place, topic, records });
                    }
                    Some(_) => {}
                }
            }
        }
        job
    }

    /// Sends on what was not refused.
    fn send_inspected(
        &mut self,
        request: &Request<'_>,
        acks: i16,
        job: ProduceJob,
    ) -> Result<Step, Fault> {
        let (version, size) = (request.head.version, request.head.size);
        if job.refused.is_empty() {
            return self.pass(request, expect(acks, version, Vec::new()));
        }
        if acks == 0 {
            return Err(ClientFault::RefusedUnacknowledged.into());
        }
        let asked = request.read(|body| produce::walk_request(body, version))?;
        let mut edits = Edits::new();
        let is_refused = |t, p| job.refused.iter().any(|found| found.place == (t, p));
        let left = produce::without(&asked, &mut edits, is_refused)?;
        let mut found = job.refused;
        found.sort_by_key(|found| found.place);
        let refusals: Vec<_> =
            found.into_iter().filter_map(|found| refusal(&asked, found)).collect();
        if left == 0 {
            let id = request.head.correlation_id;
            let bytes = produce::refuse_all(request.api, version, id, &refusals);
            return self.answer(request, bytes);
        }
        let _ = self.pass(request, expect(acks, version, refusals))?;
        Ok(Step::ForwardEdited(size, edits))
    }

    /// Adds the refusals to the broker's answer.
    pub(super) fn produce_response(
        &mut self,
        frame: &[u8],
        response: Response,
        edits: &mut Edits,
    ) -> Result<Option<Step>, Fault> {
        let version = response.version;
        let answered = response.read(frame, |body| produce::walk_response(body, version))?;
        if let Some(step) = self.route(&answered.addresses) {
            return Ok(Some(step));
        }
        if let Some(Expect::Produced(refusals)) = self.in_flight.front().map(|front| &front.expect)
        {
            produce::add(&answered, edits, refusals, version, response.is_flexible())?;
        }
        self.rewrite_addresses(&answered.addresses, edits)?;
        Ok(None)
    }
}

/// What to expect of a broker that gets a request with these acknowledgements.
fn expect(acks: i16, version: i16, refusals: Vec<Refusal>) -> Option<Expect> {
    match acks {
        0 => None,
        _ if refusals.is_empty() && version < 10 => Some(Expect::Forward),
        _ => Some(Expect::Produced(refusals)),
    }
}

fn refusal(asked: &Asked<'_>, found: Found) -> Option<Refusal> {
    let (t, p) = found.place;
    let topic = asked.topics.get(t)?;
    let Found { error_code, record, message, .. } = found;
    let index = topic.partitions.get(p)?.index;
    Some(Refusal { topic: TopicName::from(topic.topic), index, error_code, record, message })
}
