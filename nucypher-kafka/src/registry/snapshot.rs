//! What a gateway knows of the registry: built once from entries that the heads cover, immutable,
//! looked up for every partition and every EDEK that no cache holds.
//!
//! An entry that is not valid is left out and reported; a part that cannot be accepted leaves
//! the previous one in force, and where there is none nothing is built. Nothing that an attacker
//! adds, removes or alters widens access (`docs/spec/registry.md`, "Checks").
//!
//! A grant is kept as it is stored, and its re-encryption key is opened when it is used for the first
//! time (`opened`): a million grants are loaded in seconds. Look-ups take three or four hash look-ups
//! and allocate nothing; times are checked at each, so that a clock that jumps opens nothing that is
//! not valid by it. Contains re-encryption keys: secret.

mod build;
mod index;
mod opened;
mod problem;
mod topics;

use std::{collections::HashMap, sync::Arc};

use hashbrown::HashTable;
use nucypher_pre::KeyId;

use super::{
    channel::{ChannelDescriptor, ChannelKey},
    entry::{Entry, EntryId},
    grant::{PassThroughBody, covers},
    head::Head,
    key::{AdministratorKey, GatewaySecretKey, SigningKeyId},
    seen::Seen,
};
use index::{Index, Right};
use opened::Opened;
use topics::Topics;

pub use build::SnapshotError;
pub use opened::ActiveGrant;
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

    /// Whether all records are refused on Produce.
    pub fn is_retired(&self) -> bool {
        self.descriptor.retired
    }

    /// Whether producers may still encrypt under keys of this epoch: the newest, and the one before,
    /// for a session that was begun before a rotation lasts on.
    pub fn takes_in(&self, epoch: u32) -> bool {
        let newest = self.descriptor.current_epoch();
        newest.is_some_and(|newest| epoch.checked_add(1).is_none_or(|next| newest <= next))
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
    topics: Topics,
    index: Index,
    opened: Arc<Opened>,
    changes: Vec<i64>,
    problems: Vec<Problem>,
    elsewhere: usize,
}

/// One administrator's part, kept so that the next snapshot need not verify it again.
#[derive(Debug)]
struct Part {
    administrator: AdministratorKey,
    head: Head,
    head_hash: [u8; 32],
    /// Ascending by revision.
    records: Vec<Record>,
    /// Places in `records`, by entry id.
    known: HashTable<u32>,
    forged: Vec<String>,
}

#[derive(Clone, Debug)]
struct Record {
    entry: Entry,
    revision: u64,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Channel(Arc<ChannelDescriptor>),
    /// Sealed to this gateway; its key is opened when it is needed.
    Grant,
    PassThrough(Arc<PassThroughBody>),
    /// A grant sealed to other gateways.
    Elsewhere,
    Invalid(Box<ProblemKind>),
}

impl Snapshot {
    /// A registry without administrators: no channels, every topic is open.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The channel to which a topic belongs.
    pub fn channel_of_topic(&self, topic: &str) -> Option<&Channel> {
        self.topics.channel(topic).and_then(|index| self.channels.get(index))
    }

    /// What a principal may do with a topic. Cost: two hash look-ups, then as many steps as the
    /// principal has grants on the channel; one more look-up for each length that a pattern of
    /// principals has on any channel.
    pub fn access(&self, topic: &str, principal: &str, now_ms: i64) -> Access {
        let Some(channel) = self.topics.channel(topic) else { return Access::Open };
        if !self.channels.get(channel).is_some_and(|channel| channel.is_valid(now_ms)) {
            return Access::Denied;
        }
        let mut access = Access::Denied;
        for right in self.index.of(self, channel, principal) {
            if !right.validity.contains(now_ms) || !self.covers(right, topic) {
                continue;
            }
            // What was superseded by a newer one that has begun does not come back.
            let decides = |other: &&Right| other.key == right.key;
            let mut newer = self.index.of(self, channel, principal).filter(decides);
            let decided = newer.find(|other| other.validity.has_begun(now_ms));
            if !decided.is_some_and(|decided| decided.is_same(right)) {
                continue;
            }
            if right.is_pass_through() {
                access = Access::PassThrough;
            } else if !self.opened.is_broken(self.id(right)) {
                return Access::Granted;
            }
        }
        access
    }

    /// The grant with which an EDEK that `opening` opens is re-encrypted for a principal, on a
    /// topic. Cost: three hash look-ups.
    pub fn grant(
        &self,
        opening: KeyId,
        principal: &str,
        topic: &str,
        now_ms: i64,
    ) -> Option<ActiveGrant> {
        let number = self.topics.channel(topic)?;
        let channel = self.channels.get(number)?;
        if !channel.is_valid(now_ms) {
            return None;
        }
        let key = u32::try_from(*channel.keys.get(&opening)?).ok()?;
        let mut rights = self.index.of(self, number, principal).filter(|right| right.key == key);
        let right = rights.find(|right| right.validity.has_begun(now_ms))?;
        if !right.validity.contains(now_ms) || !self.covers(right, topic) {
            return None;
        }
        self.active(right)
    }

    /// All grants that the snapshot holds, in force or not.
    pub fn grants(&self) -> impl Iterator<Item = ActiveGrant> {
        let rights = self.index.rights().filter(|right| !right.is_pass_through());
        rights.filter_map(|right| self.active(right))
    }

    fn record(&self, right: &Right) -> Option<(&Arc<Part>, &Record)> {
        let part = self.parts.get(usize::try_from(right.part).ok()?)?;
        Some((part, part.records.get(usize::try_from(right.record).ok()?)?))
    }

    fn id(&self, right: &Right) -> Option<EntryId> {
        self.record(right).map(|(_, record)| record.entry.id())
    }

    fn active(&self, right: &Right) -> Option<ActiveGrant> {
        let (part, record) = self.record(right)?;
        let opened = Arc::clone(&self.opened);
        Some(ActiveGrant::new(record.entry.clone(), Arc::clone(part), opened))
    }

    fn covers(&self, right: &Right, topic: &str) -> bool {
        let Some((_, record)) = self.record(right) else { return false };
        match &record.content {
            Content::PassThrough(grant) => covers(grant.topics.iter().map(|bound| &**bound), topic),
            _ => record.entry.grant_view().is_ok_and(|view| covers(view.topics.iter(), topic)),
        }
    }

    /// The principal's name, or pattern, in the record of a right.
    fn principal(&self, right: &Right) -> Option<&str> {
        let (_, record) = self.record(right)?;
        match &record.content {
            Content::PassThrough(grant) => Some(&grant.principal),
            _ => record.entry.grant_view().ok().map(|view| view.principal),
        }
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

impl Part {
    fn record(&self, id: EntryId) -> Option<&Record> {
        let at = self.known.find(index::spread(id), |place| self.holds(*place, id))?;
        usize::try_from(*at).ok().and_then(|place| self.records.get(place))
    }

    fn holds(&self, place: u32, id: EntryId) -> bool {
        let record = usize::try_from(place).ok().and_then(|place| self.records.get(place));
        record.is_some_and(|record| record.entry.id() == id)
    }
}
