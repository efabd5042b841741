//! What a gateway knows of the registry: built once from verified entries, immutable, looked up
//! for every partition and every EDEK that no cache holds.
//!
//! An entry that is not valid is left out and reported; a part that cannot be accepted leaves
//! the previous one in force, and where there is none nothing is built. Nothing that an attacker
//! adds, removes or alters widens access (`docs/spec/registry.md`, "Checks").
//!
//! Look-ups take three or four hash look-ups and allocate nothing; times are checked at each, so
//! that a clock that jumps opens nothing that is not valid by it. Contains re-encryption keys:
//! secret.

mod build;
mod problem;

use std::{collections::HashMap, sync::Arc};

use nucypher_pre::{KeyId, ReencryptionKey};

use super::{
    channel::{ChannelDescriptor, ChannelKey},
    entry::EntryId,
    grant::{PassThroughBody, Validity, covers},
    head::Head,
    key::{AdministratorKey, GatewaySecretKey, SigningKeyId},
    seen::Seen,
};

pub use build::SnapshotError;
pub use problem::{Problem, ProblemKind};

/// Whom a gateway trusts, and what it must not forget.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// The administrators, in the order in which their claims on topics count.
    pub administrators: &'a [AdministratorKey],
    /// The gateway's own key.
    pub gateway: &'a GatewaySecretKey,
    /// The highest revisions seen.
    pub seen: &'a Seen,
}

/// What a principal may do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The topic belongs to no channel.
    Open,
    /// There is at least one grant in force: records are re-encrypted where one matches.
    Granted,
    /// Records are forwarded as they are stored.
    PassThrough,
    /// The topic belongs to a channel, and nothing is in force for the principal.
    Denied,
}

/// A grant that this gateway can carry out, verified.
#[derive(Debug)]
#[non_exhaustive]
pub struct ActiveGrant {
    /// Names the grant, for caches and for people.
    pub id: EntryId,
    /// The re-encryption key. Secret.
    pub key: ReencryptionKey,
    /// The channel's name.
    pub channel: Box<str>,
    /// The generation of the channel's keys.
    pub epoch: u32,
    /// The protected field group; empty for the whole value.
    pub field: Box<str>,
    /// Whom the gateway must have authenticated.
    pub principal: Box<str>,
    /// The topics to which the grant is bound; empty: all topics of the channel.
    pub topics: Vec<Box<str>>,
    /// When the grant is in force.
    pub validity: Validity,
    /// When the grant was written, in the administrator's count.
    pub revision: u64,
}

/// A channel as the gateway knows it.
#[derive(Debug)]
pub struct Channel {
    descriptor: Arc<ChannelDescriptor>,
    administrator: SigningKeyId,
    valid_until: Option<i64>,
    keys: HashMap<KeyId, usize>,
}

impl Channel {
    /// The channel's name.
    pub fn name(&self) -> &str {
        &self.descriptor.name
    }

    /// The administrator who signed for it.
    pub fn administrator(&self) -> SigningKeyId {
        self.administrator
    }

    /// Whether records that are not encrypted are refused on Produce.
    pub fn require_encryption(&self) -> bool {
        self.descriptor.require_encryption
    }

    /// The channel's key with this id: what a producer may encrypt under.
    pub fn key(&self, id: KeyId) -> Option<&ChannelKey> {
        self.keys.get(&id).and_then(|index| self.descriptor.keys.get(*index))
    }

    /// The descriptor.
    pub fn descriptor(&self) -> &ChannelDescriptor {
        &self.descriptor
    }

    fn is_valid(&self, now_ms: i64) -> bool {
        self.valid_until.is_none_or(|until| now_ms <= until)
    }
}

/// The registry as one gateway sees it.
#[derive(Debug, Default)]
pub struct Snapshot {
    parts: Vec<Arc<Part>>,
    channels: Vec<Channel>,
    topics: HashMap<Box<str>, usize>,
    principals: HashMap<Box<str>, usize>,
    /// All grants of an (opening key, principal), newest first.
    pairs: Vec<Pair>,
    by_opening: HashMap<(KeyId, usize), usize>,
    by_channel: HashMap<(usize, usize), Rights>,
    changes: Vec<i64>,
    problems: Vec<Problem>,
    elsewhere: usize,
}

/// The grants of one (opening key, principal), newest first. An opening key belongs to one channel.
#[derive(Debug)]
struct Pair {
    channel: usize,
    grants: Vec<Arc<ActiveGrant>>,
}

/// What one principal has on one channel.
#[derive(Debug, Default)]
struct Rights {
    pairs: Vec<usize>,
    pass_through: Vec<Arc<PassThroughBody>>,
}

/// One administrator's part, kept so that the next snapshot need not verify it again.
#[derive(Debug)]
struct Part {
    administrator: AdministratorKey,
    head: Head,
    head_hash: [u8; 32],
    records: Vec<Record>,
    known: HashMap<[u8; 32], usize>,
    forged: Vec<String>,
}

#[derive(Clone, Debug)]
struct Record {
    origin: String,
    revision: u64,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Channel(Arc<ChannelDescriptor>),
    Grant(Arc<ActiveGrant>),
    PassThrough(Arc<PassThroughBody>),
    /// A grant sealed to other gateways.
    Elsewhere,
    Invalid(ProblemKind),
}

impl Snapshot {
    /// A registry without administrators: no channels, every topic is open.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The channel to which a topic belongs.
    pub fn channel_of_topic(&self, topic: &str) -> Option<&Channel> {
        self.topics.get(topic).and_then(|index| self.channels.get(*index))
    }

    /// What a principal may do with a topic. Cost: at most three hash look-ups, then as many
    /// steps as the principal has superseded or expired grants on the channel.
    pub fn access(&self, topic: &str, principal: &str, now_ms: i64) -> Access {
        let Some(index) = self.topics.get(topic) else { return Access::Open };
        if !self.channels.get(*index).is_some_and(|channel| channel.is_valid(now_ms)) {
            return Access::Denied;
        }
        let Some(rights) = self
            .principals
            .get(principal)
            .and_then(|principal| self.by_channel.get(&(*index, *principal)))
        else {
            return Access::Denied;
        };
        let granted = rights
            .pairs
            .iter()
            .filter_map(|pair| self.pairs.get(*pair)?.in_force(now_ms))
            .any(|grant| covers(&grant.topics, topic));
        if granted {
            return Access::Granted;
        }
        let pass_through = newest_in_force(&rights.pass_through, now_ms, |grant| &grant.validity)
            .is_some_and(|grant| covers(&grant.topics, topic));
        if pass_through { Access::PassThrough } else { Access::Denied }
    }

    /// The grant with which an EDEK that `opening` opens is re-encrypted for a principal, on a
    /// topic. Cost: three hash look-ups.
    pub fn grant(
        &self,
        opening: KeyId,
        principal: &str,
        topic: &str,
        now_ms: i64,
    ) -> Option<&Arc<ActiveGrant>> {
        let principal = self.principals.get(principal)?;
        let pair = self.pairs.get(*self.by_opening.get(&(opening, *principal))?)?;
        let channel = self.topics.get(topic)?;
        if *channel != pair.channel || !self.channels.get(*channel)?.is_valid(now_ms) {
            return None;
        }
        pair.in_force(now_ms).filter(|grant| covers(&grant.topics, topic))
    }

    /// All grants that the snapshot holds, in force or not.
    pub fn grants(&self) -> impl Iterator<Item = &Arc<ActiveGrant>> {
        self.pairs.iter().flat_map(|pair| &pair.grants)
    }

    /// All channels.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.iter()
    }

    /// The highest revision among the administrators' heads; 0 where there is none.
    pub fn revision(&self) -> u64 {
        self.heads().map(|(_, head)| head.revision).max().unwrap_or(0)
    }

    /// Each administrator's head.
    pub fn heads(&self) -> impl Iterator<Item = (SigningKeyId, &Head)> {
        self.parts.iter().map(|part| (part.administrator.id(), &part.head))
    }

    /// The administrators whose head is no longer valid: all their channels are denied.
    pub fn expired(&self, now_ms: i64) -> impl Iterator<Item = SigningKeyId> {
        self.heads().filter(move |(_, head)| !head.is_valid(now_ms)).map(|(id, _)| id)
    }

    /// The next instant after `now_ms` at which a grant or a head begins or ends.
    pub fn next_change_at(&self, now_ms: i64) -> Option<i64> {
        let next = self.changes.partition_point(|instant| *instant <= now_ms);
        self.changes.get(next).copied()
    }

    /// What was left out or kept from before, and why.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether a part of it is from before, because the newer one is not accepted.
    pub fn is_held_back(&self) -> bool {
        self.problems.iter().any(|problem| matches!(problem.kind, ProblemKind::Kept { .. }))
    }

    /// The number of grants that are sealed to other gateways only.
    pub fn sealed_elsewhere(&self) -> usize {
        self.elsewhere
    }

    /// Notes the heads of this snapshot as seen.
    pub(super) fn note_in(&self, seen: &mut Seen) {
        for part in &self.parts {
            seen.note(part.administrator.id(), part.head.revision, part.head_hash);
        }
    }
}

impl Pair {
    fn in_force(&self, now_ms: i64) -> Option<&Arc<ActiveGrant>> {
        newest_in_force(&self.grants, now_ms, |grant| &grant.validity)
    }
}

/// Of grants for the same thing, newest first: the newest that has begun, unless it has ended.
/// What it superseded does not come back when it ends.
fn newest_in_force<T>(
    grants: &[Arc<T>],
    now_ms: i64,
    validity: impl Fn(&T) -> &Validity,
) -> Option<&Arc<T>> {
    grants
        .iter()
        .find(|grant| validity(grant).has_begun(now_ms))
        .filter(|grant| validity(grant).contains(now_ms))
}
