//! A Fetch response on its way: denied by topic, re-encrypted by record, patched in place.
//!
//! The registry's snapshot is taken when the response is there, not when it was asked for: a
//! revocation during a long poll is in force on that poll's response.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::responses::Response;
use super::{Fault, Now, Session, Step, Work};
use crate::gateway::authorize::{Authority, Verdict};
use crate::gateway::reencryptor::{CHUNK, CacheId, Cold, Decision, Reencryptor, Warm, chunks};
use crate::protocol::endpoint::Addresses;
use crate::protocol::fetch::{self, Partition};
use crate::protocol::topic::Topic;
use crate::records::{Batches, Codec, Codecs, Edits, Entry, Limits, Scan};

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
/// first partition on for which that does not hold, on a pool. Cold EDEKs are computed together: those of
/// all partitions that are not compressed, then those of each that is; where they are many, in
/// pieces, on all threads.
pub struct FetchJob {
    authority: Authority,
    flexible: bool,
    records: Vec<(Partition, Arc<str>)>,
    next: usize,
    addresses: Addresses,
    edits: Edits,
    scratch: Scratch,
    gathered: bool,
    /// What was computed for this response, for the cache may be too small to hold it.
    warm: HashMap<CacheId, Warm>,
}

/// Buffers that a session keeps from one response to the next.
#[derive(Default)]
pub(super) struct Scratch {
    scan: Scan,
    codecs: Codecs,
    decisions: Vec<Decision>,
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

/// How far a job has come.
enum Advance {
    /// To the end.
    Done,
    /// To a partition for which these must be computed first, or which must be unpacked.
    Cold(Vec<Cold>),
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
            gathered: false,
            warm: HashMap::new(),
        };
        match job.advance(frame, &self.world.reencryptor, Place::Inline)? {
            Advance::Done => self.send_fetch(frame, response, job),
            Advance::Cold(_) => Ok(Step::Await(Work::Fetch(Box::new(job)))),
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
    /// Goes on until all is done, then gives nothing; or until more is cold than one thread should
    /// compute: then that is given in pieces, to be computed anywhere, and told by
    /// [`warmed`](Self::warmed). Takes milliseconds, so it belongs on a pool.
    ///
    /// Requires: `frame` begins with the frame for which the job was made.
    ///
    /// # Errors
    ///
    /// A bug.
    pub fn proceed(
        &mut self,
        frame: &mut [u8],
        reencryptor: &Reencryptor,
    ) -> Result<Vec<Vec<Cold>>, Fault> {
        loop {
            let cold = if self.gathered {
                match self.advance(frame, reencryptor, Place::Pool)? {
                    Advance::Done => return Ok(Vec::new()),
                    Advance::Cold(cold) => cold,
                }
            } else {
                self.gathered = true;
                self.gather(frame, reencryptor)
            };
            let mut pieces = chunks(cold);
            if pieces.len() > 1 {
                return Ok(pieces);
            }
            self.warmed(reencryptor.compute(&pieces.pop().unwrap_or_default()));
        }
    }

    /// Tells the job what was computed.
    pub fn warmed(&mut self, computed: Vec<(CacheId, Warm)>) {
        self.warm.extend(computed);
    }

    /// Finishes the job on this thread.
    ///
    /// # Errors
    ///
    /// A bug.
    pub fn finish(&mut self, frame: &mut [u8], reencryptor: &Reencryptor) -> Result<(), Fault> {
        loop {
            let pieces = self.proceed(frame, reencryptor)?;
            if pieces.is_empty() {
                return Ok(());
            }
            pieces.iter().for_each(|cold| self.warmed(reencryptor.compute(cold)));
        }
    }

    /// What is cold in the partitions that are left, each once, but for those that are compressed.
    fn gather(&mut self, frame: &[u8], reencryptor: &Reencryptor) -> Vec<Cold> {
        let Self { authority, scratch: Scratch { scan, codecs, .. }, warm, .. } = self;
        let mut cold = Unique::default();
        for (partition, topic) in self.records.get(self.next..).unwrap_or_default() {
            let records = frame.get(partition.records.clone()).unwrap_or_default();
            if is_compressed(records) {
                continue;
            }
            scan.walk(records, partition.records.start, &Limits::default(), codecs);
            let mut grants = authority.grants(topic);
            for edek in scan.runs(frame) {
                if let Decision::Cold(one) = reencryptor.decide(&mut grants, edek) {
                    cold.add(&one, warm);
                }
            }
        }
        cold.list
    }

    /// Treats partitions until all are done, or until one needs what is not there.
    fn advance(
        &mut self,
        frame: &mut [u8],
        reencryptor: &Reencryptor,
        place: Place,
    ) -> Result<Advance, Fault> {
        let Self { authority, scratch: Scratch { scan, codecs, decisions }, edits, warm, .. } =
            self;
        while let Some((partition, topic)) = self.records.get(self.next) {
            let records = frame.get(partition.records.clone()).unwrap_or_default();
            if place == Place::Inline && is_compressed(records) {
                return Ok(Advance::Cold(Vec::new()));
            }
            scan.walk(records, partition.records.start, &Limits::default(), codecs);
            if !scan.is_empty() {
                decisions.clear();
                let mut grants = authority.grants(topic);
                let mut cold = Unique::default();
                for edek in scan.runs(frame) {
                    let mut decision = reencryptor.decide(&mut grants, edek);
                    if let Decision::Cold(one) = &decision {
                        match warm.get(&one.id()) {
                            Some(warm) => decision = warm.map_or(Decision::Keep, Decision::Put),
                            None if place == Place::Inline => {
                                return Ok(Advance::Cold(Vec::new()));
                            }
                            None => cold.add(one, warm),
                        }
                    }
                    decisions.push(decision);
                }
                if cold.list.len() > CHUNK {
                    return Ok(Advance::Cold(cold.list));
                }
                if !cold.list.is_empty() {
                    warm.extend(reencryptor.compute(&cold.list));
                }
                let mut decisions = decisions.iter();
                scan.apply(frame, codecs, edits, |_| match decisions.next()? {
                    Decision::Put(edek) => Some(*edek),
                    Decision::Cold(cold) => warm.get(&cold.id()).copied().flatten(),
                    Decision::Keep => None,
                })?;
                partition.fix_records_len(edits, self.flexible)?;
            }
            self.next += 1;
        }
        Ok(Advance::Done)
    }
}

/// What is cold, each once.
#[derive(Default)]
struct Unique {
    list: Vec<Cold>,
    seen: HashSet<CacheId>,
}

impl Unique {
    fn add(&mut self, cold: &Cold, warm: &HashMap<CacheId, Warm>) {
        if !warm.contains_key(&cold.id()) && self.seen.insert(cold.id()) {
            self.list.push(cold.clone());
        }
    }
}

/// Whether a walk would unpack something.
fn is_compressed(records: &[u8]) -> bool {
    Batches::new(records, 0).any(|entry| match entry {
        Entry::Batch(batch) => batch.attributes().codec() != Ok(Codec::None),
        Entry::Opaque { .. } | Entry::Rest(_) => false,
    })
}
