//! From stored entries to a snapshot, in two steps: each administrator's part is verified by
//! itself, then the parts are put together in the order of trust.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use nucypher_pre::UnverifiedReencryptionKey;

use super::{
    ActiveGrant, Channel, Content, Pair, Part, Problem, ProblemKind, Record, Snapshot, Trust,
};
use crate::registry::{
    channel::ChannelDescriptor,
    directory::Found,
    entry::Entry,
    grant::{GrantBody, PassThroughBody},
    key::{AdministratorKey, GatewaySecretKey, SigningKeyId},
    ledger::{self, Ledger, Live, Refusal},
    seal,
    separation::{Place, Separation},
};

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
    /// Cost: for each new grant two signature and key checks and one HPKE opening, about 0.3 ms;
    /// for a known entry a hash look-up.
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
        draft.report_strangers(found, trust);
        for administrator in trust.administrators {
            let known = previous.and_then(|previous| previous.part(administrator));
            let part = match Part::verify(found, administrator, trust, known) {
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
        Ok(draft.finish())
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
    ) -> Result<Self, Refusal> {
        let known = |hash: &[u8; 32]| previous.and_then(|part| part.record(hash));
        let ledger = Ledger::collect(found, administrator, trust.seen, &|hash| {
            known(hash).map(|record| record.revision)
        })?;
        let mut part = Self {
            administrator: administrator.clone(),
            head: ledger.head,
            head_hash: ledger.head_hash,
            records: Vec::with_capacity(ledger.live.len()),
            known: HashMap::with_capacity(ledger.live.len()),
            forged: ledger.forged.into_iter().map(str::to_owned).collect(),
        };
        for live in ledger.live {
            let content = match known(live.entry.hash()) {
                Some(record) => record.content.clone(),
                None => verify_content(&live, trust.gateway),
            };
            part.known.insert(*live.entry.hash(), part.records.len());
            part.records.push(Record {
                origin: live.origin.to_owned(),
                revision: live.revision,
                content,
            });
        }
        part.check_channels()?;
        Ok(part)
    }

    fn record(&self, hash: &[u8; 32]) -> Option<&Record> {
        self.known.get(hash).and_then(|index| self.records.get(*index))
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
        Some(ledger::Content::Grant(body)) => match open_grant(live.entry, body, gateway) {
            Ok(Some(grant)) => Content::Grant(Arc::new(grant)),
            Ok(None) => Content::Elsewhere,
            Err(problem) => Content::Invalid(problem),
        },
        Some(ledger::Content::Undecodable(error)) => {
            Content::Invalid(ProblemKind::Malformed(*error))
        }
        // The ledger leaves out the content only of what is known.
        None => Content::Elsewhere,
    }
}

/// Opens the re-encryption key that is sealed to this gateway and checks it against the grant.
fn open_grant(
    entry: &Entry,
    body: &GrantBody,
    gateway: &GatewaySecretKey,
) -> Result<Option<ActiveGrant>, ProblemKind> {
    let own = body.gateways.iter().zip(entry.sealed()).find(|(id, _)| **id == gateway.id());
    let Some((_, sealed)) = own else { return Ok(None) };
    let scalar = seal::open(sealed, entry.body(), gateway).map_err(|_| ProblemKind::Sealed)?;
    let key = UnverifiedReencryptionKey::new(
        body.delegator.clone(),
        body.delegatee.clone(),
        body.precursor,
        &body.target,
        scalar.as_ref(),
    )
    .and_then(UnverifiedReencryptionKey::verify)
    .map_err(ProblemKind::ReencryptionKey)?;
    Ok(Some(ActiveGrant {
        id: entry.id(),
        key,
        channel: body.channel.clone(),
        epoch: body.epoch,
        field: body.field.clone(),
        principal: body.principal.clone(),
        topics: body.topics.clone(),
        validity: body.validity,
        revision: body.revision,
    }))
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
                let index = self.add_channel(&part, &record.origin, descriptor);
                own.insert(&*descriptor.name, index);
            }
        }
        let duplicates = part.duplicate_revisions();
        for record in &part.records {
            let added = match &record.content {
                Content::Grant(_) | Content::PassThrough(_)
                    if duplicates.contains(&record.revision) =>
                {
                    Err(ProblemKind::DuplicateRevision(record.revision))
                }
                Content::Channel(_) => Ok(()),
                Content::Grant(grant) => self.add_grant(&own, grant),
                Content::PassThrough(grant) => self.add_pass_through(&own, grant),
                Content::Elsewhere => {
                    self.snapshot.elsewhere += 1;
                    Ok(())
                }
                Content::Invalid(problem) => Err(problem.clone()),
            };
            if let Err(problem) = added {
                self.problem(&record.origin, problem);
            }
        }
        drop(own);
        self.snapshot.parts.push(part);
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
            if let Some(owner) = self.snapshot.channel_of_topic(topic) {
                let (topic, channel) = (topic.clone(), descriptor.name.clone());
                let owner = owner.name().into();
                self.problem(origin, ProblemKind::TopicTaken { topic, channel, owner });
            } else {
                self.snapshot.topics.insert(topic.clone(), index);
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
        grant: &Arc<ActiveGrant>,
    ) -> Result<(), ProblemKind> {
        let delegator = grant.key.delegator();
        let channel = own.get(&*grant.channel).copied().filter(|index| {
            self.snapshot
                .channels
                .get(*index)
                .and_then(|channel| channel.key(delegator.id()))
                .is_some_and(|key| {
                    key.key == *delegator && key.epoch == grant.epoch && key.field == grant.field
                })
        });
        let Some(channel) = channel else {
            return Err(ProblemKind::NotTheChannelsKey {
                channel: grant.channel.clone(),
                epoch: grant.epoch,
                field: grant.field.clone(),
            });
        };
        let delegatee = grant.key.delegatee();
        self.separation.consumer(delegatee).map_err(ProblemKind::Separation)?;
        if grant.key.kind() == nucypher_pre::DelegationKind::Interactive {
            self.separation.interactive(delegator, delegatee).map_err(ProblemKind::Separation)?;
        }
        let principal = self.principal(&grant.principal);
        let snapshot = &mut self.snapshot;
        let pair = *snapshot.by_opening.entry((delegator.id(), principal)).or_insert_with(|| {
            snapshot.pairs.push(Pair { channel, grants: Vec::new() });
            let pair = snapshot.pairs.len() - 1;
            snapshot.by_channel.entry((channel, principal)).or_default().pairs.push(pair);
            pair
        });
        if let Some(pair) = snapshot.pairs.get_mut(pair) {
            pair.grants.push(Arc::clone(grant));
        }
        snapshot.changes.extend(grant.validity.changes());
        Ok(())
    }

    fn add_pass_through(
        &mut self,
        own: &HashMap<&str, usize>,
        grant: &Arc<PassThroughBody>,
    ) -> Result<(), ProblemKind> {
        let Some(channel) = own.get(&*grant.channel) else {
            return Err(ProblemKind::NoSuchChannel(grant.channel.clone()));
        };
        let principal = self.principal(&grant.principal);
        let rights = self.snapshot.by_channel.entry((*channel, principal)).or_default();
        rights.pass_through.push(Arc::clone(grant));
        self.snapshot.changes.extend(grant.validity.changes());
        Ok(())
    }

    fn principal(&mut self, name: &str) -> usize {
        let next = self.snapshot.principals.len();
        *self.snapshot.principals.entry(name.into()).or_insert(next)
    }

    fn finish(self) -> Snapshot {
        let Self { mut snapshot, .. } = self;
        for pair in &mut snapshot.pairs {
            pair.grants.sort_by_key(|grant| std::cmp::Reverse(grant.revision));
        }
        for rights in snapshot.by_channel.values_mut() {
            rights.pass_through.sort_by_key(|grant| std::cmp::Reverse(grant.revision));
            // The newest keys are the most read: look at them first.
            rights.pairs.reverse();
        }
        snapshot.changes.sort_unstable();
        snapshot.changes.dedup();
        snapshot
    }
}
