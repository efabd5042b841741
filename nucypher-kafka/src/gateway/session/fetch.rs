//! A Fetch response on its way: denied by topic, re-encrypted by record, patched in place.
//!
//! The registry's snapshot is taken when the response is there, not when it was asked for: a
//! revocation during a long poll is in force on that poll's response.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::responses::Response;
use super::{Fault, Now, Session, Step, Work};
use crate::gateway::authorize::{Authority, Verdict};
use crate::gateway::reencryptor::{Cold, Decision, Reencryptor};
use crate::protocol::endpoint::Addresses;
use crate::protocol::fetch::{self, Partition};
use crate::protocol::topic::Topic;
use crate::records::{Batches, Codec, Codecs, EDEK_LEN, Edits, Entry, Limits, Scan};

/// How long a response with nothing but denials is held back at most: a client that is refused must
/// not ask in a tight loop, and must not be made to wait longer than it asked to.
const HOLD: Duration = Duration::from_millis(500);

/// How long a response to a request with this `max_wait_ms` may be held back.
pub(super) fn fetch_hold(max_wait_ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(max_wait_ms).unwrap_or(0)).min(HOLD)
}

/// What is left to do for one response.
///
/// Records are treated partition by partition, so that what a compressed one unpacks to is held for
/// one at a time. Inline as long as nothing is compressed and every EDEK is in the cache; from the
/// first partition on for which that does not hold, on a pool.
pub struct FetchJob {
    authority: Authority,
    flexible: bool,
    records: Vec<(Partition, Arc<str>)>,
    next: usize,
    addresses: Addresses,
    edits: Edits,
    scratch: Scratch,
}

/// Buffers that a session keeps from one response to the next.
#[derive(Default)]
pub(super) struct Scratch {
    scan: Scan,
    codecs: Codecs,
    runs: Runs,
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

impl fmt::Debug for FetchJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.records.len().saturating_sub(self.next);
        f.debug_struct("FetchJob").field("partitions_left", &left).finish_non_exhaustive()
    }
}

/// Where a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On the reactor: nothing that takes long.
    Inline,
    /// On a pool.
    Pool,
}

impl Session {
    /// Tells the session that [`Work::Fetch`] is done.
    pub fn fetched(&mut self, job: Box<FetchJob>) {
        self.fetched = Some(job);
    }

    pub(super) fn fetch_response(
        &mut self,
        frame: &mut [u8],
        response: Response,
        hold: Duration,
        since: Instant,
        now: Now,
    ) -> Result<Step, Fault> {
        if let Some(job) = self.fetched.take() {
            return self.send_fetch(frame, response, *job);
        }
        let version = response.version;
        let located = response.read(frame, |body| fetch::walk_response(body, version))?;
        if let Some(step) = self.route(&located.addresses) {
            return Ok(step);
        }
        let authority = self.authority(now)?;
        let verdicts: Vec<_> =
            located.topics.iter().map(|topic| self.judge(&authority, *topic)).collect();

        let mut edits = Edits::new();
        let mut records = Vec::new();
        let (mut denied, total) = (0usize, located.partitions.len());
        for partition in located.partitions {
            match verdicts.get(partition.topic) {
                // A broker's own error stays: it says more than a denial.
                Some(Verdict::Deny(code)) if partition.error_code == 0 => {
                    denied += 1;
                    let bytes = fetch::denial(*code, version, response.is_flexible());
                    edits.push(crate::records::Splice { range: partition.rest, bytes })?;
                }
                Some(Verdict::Reencrypt(topic)) if !partition.records.is_empty() => {
                    records.push((partition, Arc::clone(topic)));
                }
                _ => {}
            }
        }
        let waited = now.instant.saturating_duration_since(since);
        if denied > 0 && denied == total && waited < hold {
            return Ok(Step::Await(Work::Hold(hold - waited)));
        }
        let mut job = FetchJob {
            authority,
            flexible: response.is_flexible(),
            records,
            next: 0,
            addresses: located.addresses,
            edits,
            scratch: std::mem::take(&mut self.scratch),
        };
        match job.advance(frame, &self.world.reencryptor, Place::Inline)? {
            true => self.send_fetch(frame, response, job),
            false => Ok(Step::Await(Work::Fetch(Box::new(job)))),
        }
    }

    fn judge(&self, authority: &Authority, topic: Topic<'_>) -> Verdict {
        match topic {
            Topic::Name(name) => authority.judge(name),
            Topic::Id(id) => match self.world.topics.name(id) {
                Some(name) => authority.judge(&name),
                // Named neither by the request of this session nor by any Metadata response. The
                // client asks for metadata when it sees this error, and that fills the gap.
                None if authority.has_channels() => Verdict::Deny(fetch::UNKNOWN_TOPIC_ID),
                None => Verdict::Forward,
            },
        }
    }

    fn send_fetch(
        &mut self,
        frame: &mut [u8],
        response: Response,
        mut job: FetchJob,
    ) -> Result<Step, Fault> {
        self.rewrite_addresses(&job.addresses, &mut job.edits)?;
        self.scratch = job.scratch;
        self.send_edited(frame, response, job.edits)
    }
}

impl FetchJob {
    /// Finishes the job; takes as long as re-encrypting every EDEK that no cache holds, so it belongs
    /// on a pool.
    ///
    /// Requires: `frame` begins with the frame for which the job was made.
    pub fn finish(&mut self, frame: &mut [u8], reencryptor: &Reencryptor) -> Result<(), Fault> {
        self.advance(frame, reencryptor, Place::Pool).map(|_| ())
    }

    /// Treats partitions until all are done, or until one belongs on the pool: then `false`.
    fn advance(
        &mut self,
        frame: &mut [u8],
        reencryptor: &Reencryptor,
        place: Place,
    ) -> Result<bool, Fault> {
        let Self { authority, scratch: Scratch { scan, codecs, runs }, edits, .. } = self;
        while let Some((partition, topic)) = self.records.get(self.next) {
            let records = frame.get(partition.records.clone()).unwrap_or_default();
            if place == Place::Inline && is_compressed(records) {
                return Ok(false);
            }
            scan.walk(records, partition.records.start, &Limits::default(), codecs);
            if !scan.is_empty() {
                runs.clear();
                for edek in scan.edeks(frame) {
                    runs.push(edek, |edek| reencryptor.decide(authority, topic, edek));
                }
                if runs.has_cold() {
                    if place == Place::Inline {
                        return Ok(false);
                    }
                    runs.warm(|cold| reencryptor.compute(cold));
                }
                let mut runs = runs.iter();
                scan.apply(frame, codecs, edits, |_| runs.next().flatten())?;
                partition.fix_records_len(edits, self.flexible)?;
            }
            self.next += 1;
        }
        Ok(true)
    }
}

/// Whether a walk would unpack something.
fn is_compressed(records: &[u8]) -> bool {
    Batches::new(records, 0).any(|entry| match entry {
        Entry::Batch(batch) => batch.attributes().codec() != Ok(Codec::None),
        Entry::Opaque { .. } | Entry::Rest(_) => false,
    })
}

/// What is done with each EDEK of a partition, in order. Neighbours are mostly of one session and
/// equal, so they are decided once and counted.
#[derive(Default)]
struct Runs {
    runs: Vec<(usize, Decision)>,
    last: Option<[u8; EDEK_LEN]>,
    cold: HashMap<[u8; EDEK_LEN], Option<[u8; EDEK_LEN]>>,
}

impl Runs {
    fn clear(&mut self) {
        self.runs.clear();
        self.last = None;
        self.cold.clear();
    }

    fn push(&mut self, edek: &[u8; EDEK_LEN], decide: impl FnOnce(&[u8; EDEK_LEN]) -> Decision) {
        if self.last.as_ref() == Some(edek)
            && let Some((count, _)) = self.runs.last_mut()
        {
            *count += 1;
            return;
        }
        self.last = Some(*edek);
        self.runs.push((1, decide(edek)));
    }

    fn has_cold(&self) -> bool {
        self.runs.iter().any(|(_, decision)| matches!(decision, Decision::Cold(_)))
    }

    /// Computes what is cold, equal ones once.
    fn warm(&mut self, compute: impl Fn(&Cold) -> Option<[u8; EDEK_LEN]>) {
        for (_, decision) in &mut self.runs {
            if let Decision::Cold(cold) = decision {
                let warm = self.cold.entry(*cold.edek.as_bytes()).or_insert_with(|| compute(cold));
                *decision = warm.map_or(Decision::Keep, Decision::Put);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = Option<[u8; EDEK_LEN]>> {
        self.runs.iter().flat_map(|(count, decision)| {
            let put = match decision {
                Decision::Put(edek) => Some(*edek),
                Decision::Keep | Decision::Cold(_) => None,
            };
            std::iter::repeat_n(put, *count)
        })
    }
}
