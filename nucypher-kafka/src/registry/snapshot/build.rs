//! From stored entries to a snapshot, in two steps: each administrator's part is verified by
//! itself, then the parts are put together in the order of trust.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use hashbrown::HashTable;
use nucypher_pre::{DelegationKind, PublicKey};

use super::{
    Channel, Content, Part, Problem, ProblemKind, Record, Snapshot, Trust,
    index::{Index, PASS_THROUGH, spread},
    opened::Opened,
};
use crate::registry::{
    channel::ChannelDescriptor,
    directory::{Found, file_name},
    entry::Entry,
    grant::PassThroughBody,
    key::{AdministratorKey, GatewaySecretKey, SigningKeyId},
    ledger::{self, Grants, Ledger, Live, Refusal},
    separation::{Place, Separation},
};

/// So many new grants are opened when they are loaded, so that one that does not hold is reported at
/// once (0.1 s); the rest when they are used.
const OPENED_AT_LOAD: usize = 256;

/// Why there is no snapshot: a gateway must not serve without one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The gateway trusts nobody, so every topic would be open.
    #[error("no administrator is trusted: name at least one administrator's public key")]
    NoAdministrators,
    /// An administrator's part is not accepted, and there is none from before.
    #[error("the registry of administrator {administrator} is not accepted: {refusal}")]
    Refused {
        /// The administrator.
        administrator: SigningKeyId,
        /// Why.
        refusal: Refusal,
    },
}

impl Snapshot {
    /// Verifies stored entries and builds what a gateway serves from.
    ///
    /// `previous` is the snapshot in force: an administrator's part that is not accepted is
    /// taken from it, and entries that it holds are not verified again.
    /// Errors: where there is nothing to take, so at start-up.
    /// Cost: some 3 us an entry; 0.4 ms for each new grant that is interactive, or is among the first
    /// 256. The other grants are opened when they are used.
    pub fn build(
        found: &[Found],
        trust: &Trust<'_>,
        previous: Option<&Self>,
        now_ms: i64,
    ) -> Result<Self, SnapshotError> {
        if trust.administrators.is_empty() {
            return Err(SnapshotError::NoAdministrators);
        }
        let mut draft = Draft::default();
        draft.snapshot.opened = match previous {
            Some(previous) => Arc::clone(&previous.opened),
            None => Arc::new(Opened::new(trust.gateway)),
        };
        draft.report_strangers(found, trust);
        for administrator in trust.administrators {
            let known = previous.and_then(|previous| previous.part(administrator));
            let part =
                match Part::verify(found, administrator, trust, known, &draft.snapshot.opened) {
                    Ok(part) => Arc::new(part),
                    Err(refusal) => {
                        let administrator = administrator.id();
                        let Some(known) = known else {
                            return Err(SnapshotError::Refused { administrator, refusal });
                        };
                        let kept = known.head.revision;
                        draft.problem("", ProblemKind::Kept { administrator, kept, refusal });
                        Arc::clone(known)
                    }
                };
            if !part.head.is_valid(now_ms) {
                draft.problem("", ProblemKind::Expired(administrator.id()));
            }
            draft.add(part);
        }
        let snapshot = draft.finish();
        snapshot.opened.retain(|id| snapshot.parts.iter().any(|part| part.record(id).is_some()));
        Ok(snapshot)
    }

    fn part(&self, administrator: &AdministratorKey) -> Option<&Arc<Part>> {
        self.parts.iter().find(|part| part.administrator == *administrator)
    }
}

impl Part {
    fn verify(
        found: &[Found],
        administrator: &AdministratorKey,
        trust: &Trust<'_>,
        previous: Option<&Arc<Self>>,
        opened: &Opened,
    ) -> Result<Self, Refusal> {
        let known = |entry: &Entry| {
            let record = previous.and_then(|part| part.record(entry.id()));
            record.filter(|record| record.entry.hash() == entry.hash())
        };
        let revision = |entry: &Entry| known(entry).map(|record| record.revision);
        let seen = trust.seen;
        let ledger = Ledger::collect(found, administrator, seen, &revision, Grants::Covered)?;
        let count = ledger.live.len();
        let mut part = Self {
            administrator: administrator.clone(),
            head: ledger.head,
            head_hash: ledger.head_hash,
            records: Vec::with_capacity(count),
            known: HashTable::with_capacity(count),
            forged: ledger.forged.into_iter().map(str::to_owned).collect(),
        };
        let mut at_once = OPENED_AT_LOAD;
        for live in ledger.live {
            let record = match known(live.entry) {
                Some(record) => record.clone(),
                None => {
                    let (entry, revision) = (live.entry.clone(), live.revision);
                    let mut content = verify_content(&live, trust.gateway);
                    if matches!(content, Content::Grant)
                        && must_open(&entry, &mut at_once)
                        && let Err(problem) = opened.open(&entry, administrator)
                    {
                        content = Content::Invalid(Box::new(problem));
                    }
                    Record { entry, revision, content }
                }
            };
            // The head counts its entries as u32.
            let Ok(place) = u32::try_from(part.records.len()) else { break };
            let id = record.entry.id();
            part.records.push(record);
            let records = &part.records;
            part.known.insert_unique(spread(id), place, |place| {
                let record = usize::try_from(*place).ok().and_then(|place| records.get(place));
                record.map_or(0, |record| spread(record.entry.id()))
            });
        }
        part.check_channels()?;
        Ok(part)
    }

    /// As in the ledger, which does not see the descriptors that were known before.
    fn check_channels(&self) -> Result<(), Refusal> {
        let mut names = HashSet::new();
        for record in &self.records {
            if let Content::Channel(channel) = &record.content
                && !names.insert(&channel.name)
            {
                return Err(Refusal::TwoDescriptors(channel.name.clone()));
            }
        }
        Ok(())
    }

    fn duplicate_revisions(&self) -> HashSet<u64> {
        let mut once = HashSet::new();
        self.records.iter().map(|record| record.revision).filter(|one| !once.insert(*one)).collect()
    }
}

fn verify_content(live: &Live<'_>, gateway: &GatewaySecretKey) -> Content {
    match &live.content {
        Some(ledger::Content::Channel(channel)) => Content::Channel(Arc::clone(channel)),
        Some(ledger::Content::PassThrough(grant)) => {
            Content::PassThrough(Arc::new((**grant).clone()))
        }
        Some(ledger::Content::Grant(_) | ledger::Content::Unopened) => {
            match live.entry.grant_view() {
                Ok(view) if view.gateways.contains(gateway.id().as_bytes()) => Content::Grant,
                Ok(_) => Content::Elsewhere,
                Err(error) => Content::Invalid(Box::new(ProblemKind::Malformed(error))),
            }
        }
        Some(ledger::Content::Undecodable(error)) => {
            Content::Invalid(Box::new(ProblemKind::Malformed(*error)))
        }
        // The ledger leaves out the content only of what is known.
        None => Content::Elsewhere,
    }
}

/// Whether a new grant is opened before it counts: the first few, and each that is interactive, whose
/// keys must be right for check 13.
fn must_open(entry: &Entry, at_once: &mut usize) -> bool {
    let interactive = entry.grant_view().is_ok_and(|view| view.kind == DelegationKind::Interactive);
    if interactive {
        return true;
    }
    let open = *at_once > 0;
    *at_once = at_once.saturating_sub(1);
    open
}

/// A snapshot in the making.
#[derive(Default)]
struct Draft {
    snapshot: Snapshot,
    separation: Separation,
}

impl Draft {
    fn problem(&mut self, origin: &str, kind: ProblemKind) {
        self.snapshot.problems.push(Problem { origin: origin.to_owned(), kind });
    }

    fn report_strangers(&mut self, found: &[Found], trust: &Trust<'_>) {
        for item in found {
            match &item.entry {
                Err(error) => {
                    self.problem(&item.origin, ProblemKind::NotAnEntry(error.clone()));
                }
                Ok(entry) => {
                    let signer = entry.signer();
                    if !trust.administrators.iter().any(|key| key.id() == signer) {
                        self.problem(&item.origin, ProblemKind::UntrustedSigner(signer));
                    }
                }
            }
        }
    }

    fn add(&mut self, part: Arc<Part>) {
        for origin in &part.forged {
            self.problem(origin, ProblemKind::Signature);
        }
        let head_end = part.head.valid_until.and_then(|until| until.checked_add(1));
        self.snapshot.changes.extend(head_end);
        let mut own = HashMap::new();
        for record in &part.records {
            if let Content::Channel(descriptor) = &record.content {
                let index = self.add_channel(&part, &file_name(&record.entry), descriptor);
                own.insert(&*descriptor.name, index);
            }
        }
        // The index reads what it holds from the snapshot's records.
        let number = self.snapshot.parts.len();
        self.snapshot.parts.push(Arc::clone(&part));
        let mut index = std::mem::take(&mut self.snapshot.index);
        index.reserve(part.records.len());
        let duplicates = part.duplicate_revisions();
        for (place, record) in part.records.iter().enumerate() {
            let added = match &record.content {
                Content::Grant | Content::PassThrough(_)
                    if duplicates.contains(&record.revision) =>
                {
                    Err(ProblemKind::DuplicateRevision(record.revision))
                }
                Content::Channel(_) => Ok(()),
                Content::Grant => self.add_grant(&own, &mut index, (number, place), &record.entry),
                Content::PassThrough(grant) => {
                    self.add_pass_through(&own, &mut index, (number, place), grant)
                }
                Content::Elsewhere => {
                    self.snapshot.elsewhere += 1;
                    Ok(())
                }
                Content::Invalid(problem) => Err((**problem).clone()),
            };
            if let Err(problem) = added {
                self.problem(&file_name(&record.entry), problem);
            }
        }
        self.snapshot.index = index;
    }

    /// A topic goes to the first channel that claims it: administrators in the order of trust,
    /// descriptors by revision. A key that another place has is left out, the channel stays.
    fn add_channel(
        &mut self,
        part: &Part,
        origin: &str,
        descriptor: &Arc<ChannelDescriptor>,
    ) -> usize {
        let index = self.snapshot.channels.len();
        for topic in &descriptor.topics {
            // Its own part comes behind all that are there.
            let rank = self.snapshot.parts.len();
            if let Err(owner) = self.snapshot.topics.claim(topic, rank, index) {
                let (topic, channel) = (topic.clone(), descriptor.name.clone());
                let owner = self.snapshot.channels.get(owner).map(Channel::name);
                let owner = owner.unwrap_or(&channel).into();
                self.problem(origin, ProblemKind::TopicTaken { topic, channel, owner });
            }
        }
        let mut keys = HashMap::new();
        for (position, key) in descriptor.keys.iter().enumerate() {
            let place = Place {
                administrator: part.administrator.id(),
                channel: descriptor.name.clone(),
                epoch: key.epoch,
                field: key.field.clone(),
            };
            match self.separation.delegating(&key.key, &place) {
                Ok(()) => {
                    keys.insert(key.key.id(), position);
                }
                Err(error) => self.problem(origin, ProblemKind::Separation(error)),
            }
        }
        self.snapshot.channels.push(Channel {
            descriptor: Arc::clone(descriptor),
            administrator: part.administrator.id(),
            valid_until: part.head.valid_until,
            keys,
        });
        index
    }

    fn add_grant(
        &mut self,
        own: &HashMap<&str, usize>,
        index: &mut Index,
        place: (usize, usize),
        entry: &Entry,
    ) -> Result<(), ProblemKind> {
        let view = entry.grant_view().map_err(ProblemKind::Malformed)?;
        let channel = own.get(view.channel).copied();
        let key = channel.and_then(|channel| {
            let channel = self.snapshot.channels.get(channel)?;
            channel.keys.values().find_map(|position| {
                let key = channel.descriptor.keys.get(*position)?;
                let is_its = key.key.to_bytes() == *view.delegator
                    && key.key.suite() == view.suite
                    && key.epoch == view.epoch
                    && *key.field == *view.field;
                is_its.then_some((*position, key.key.clone()))
            })
        });
        let (Some(channel), Some((position, delegator))) = (channel, key) else {
            return Err(ProblemKind::NotTheChannelsKey {
                channel: view.channel.into(),
                epoch: view.epoch,
                field: view.field.into(),
            });
        };
        let consumer = self.separation.encoded_consumer(view.delegatee, view.suite);
        consumer.map_err(ProblemKind::Separation)?;
        if view.kind == DelegationKind::Interactive {
            let delegatee = PublicKey::from_bytes(view.suite, view.delegatee)
                .map_err(ProblemKind::ReencryptionKey)?;
            self.separation.interactive(&delegator, &delegatee).map_err(ProblemKind::Separation)?;
        }
        // A descriptor counts its keys as u16.
        let position = u32::try_from(position).unwrap_or(PASS_THROUGH - 1);
        index.add(&self.snapshot, place, (channel, position), view.principal, view.validity);
        self.snapshot.changes.extend(view.validity.changes());
        Ok(())
    }

    fn add_pass_through(
        &mut self,
        own: &HashMap<&str, usize>,
        index: &mut Index,
        place: (usize, usize),
        grant: &PassThroughBody,
    ) -> Result<(), ProblemKind> {
        let Some(channel) = own.get(&*grant.channel) else {
            return Err(ProblemKind::NoSuchChannel(grant.channel.clone()));
        };
        let of = (*channel, PASS_THROUGH);
        index.add(&self.snapshot, place, of, &grant.principal, grant.validity);
        self.snapshot.changes.extend(grant.validity.changes());
        Ok(())
    }

    fn finish(self) -> Snapshot {
        let Self { mut snapshot, .. } = self;
        snapshot.changes.sort_unstable();
        snapshot.changes.dedup();
        snapshot
    }
}
