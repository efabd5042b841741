//! One change to the registry: all of it or nothing.
//!
//! The order on disk is: new entries, then the head, then removal. Readers count an entry only up
//! to the head's revision and not if the head removed it (`head`), so replacing the head, one
//! rename, is the moment at which the change takes place. What a change that was cut short left
//! (entries above the head, entries that the head removed) the next one clears away first.

use std::collections::BTreeMap;

use super::{Administrator, AdministratorError, DEFAULT_HEAD_VALIDITY_MS};
use crate::registry::{
    channel::ChannelDescriptor,
    directory::{Found, Lock},
    entry::{Entry, EntryId, EntryKind},
    grant::GrantBody,
    head::{Head, set_digest},
    key::AdministratorKey,
    ledger::{Content, Grants, Ledger, Refusal},
    overview::{GrantSummary, mark_superseded},
    seen::Seen,
    separation::{Place, Separation, SeparationError},
};
use nucypher_pre::DelegationKind;

/// The administrator's set as it is, and what is to be done to it. Holds the lock.
pub(super) struct Change<'a> {
    administrator: &'a Administrator,
    seen: Seen,
    head: Head,
    entries: BTreeMap<EntryId, Current>,
    added: Vec<Entry>,
    removed: Vec<EntryId>,
    valid_for_ms: Option<i64>,
    _lock: Lock,
}

struct Current {
    origin: String,
    entry: Entry,
    content: Content,
}

impl Administrator {
    /// This administrator's set in what was found, checked against the highest revision signed.
    pub(super) fn ledger<'a>(&self, found: &'a [Found]) -> Result<Ledger<'a>, AdministratorError> {
        Ok(Ledger::collect(found, &self.public, &self.home.seen()?, &|_| None, Grants::Decoded)?)
    }
}

impl Ledger<'_> {
    pub(super) fn channel(&self, name: &str) -> Option<&ChannelDescriptor> {
        self.live.iter().find_map(|live| match &live.content {
            Some(Content::Channel(channel)) if *channel.name == *name => Some(channel.as_ref()),
            _ => None,
        })
    }
}

impl<'a> Change<'a> {
    /// Takes the lock, reads the set, and clears away what an earlier change left.
    pub(super) fn begin(administrator: &'a Administrator) -> Result<Self, AdministratorError> {
        let registry = &administrator.registry;
        let lock = registry.lock()?;
        registry.remove_temporary(&lock)?;
        let found = registry.read()?;
        let seen = administrator.home.seen()?;
        let mut change = Self {
            administrator,
            head: Head {
                revision: 0,
                issued: 0,
                valid_until: Some(DEFAULT_HEAD_VALIDITY_MS),
                count: 0,
                digest: [0; 32],
                removed: Vec::new(),
            },
            entries: BTreeMap::new(),
            added: Vec::new(),
            removed: Vec::new(),
            valid_for_ms: None,
            seen,
            _lock: lock,
        };
        match administrator.ledger(&found) {
            Ok(ledger) => change.take_over(ledger)?,
            // Nothing was signed so far: this change signs the first head.
            Err(AdministratorError::Registry(Refusal::NoHead)) if change.is_first() => {}
            Err(error) => return Err(error),
        }
        change.valid_for_ms =
            change.head.valid_until.map(|until| until.saturating_sub(change.head.issued));
        Ok(change)
    }

    fn is_first(&self) -> bool {
        self.seen.revision(self.administrator.public.id()).is_none()
    }

    fn take_over(&mut self, ledger: Ledger<'_>) -> Result<(), AdministratorError> {
        for name in ledger.leftover {
            self.administrator.registry.remove(name)?;
        }
        for live in ledger.live {
            if let Some(content) = live.content {
                let (origin, entry) = (live.origin.to_owned(), live.entry.clone());
                self.entries.insert(entry.id(), Current { origin, entry, content });
            }
        }
        self.head = ledger.head;
        Ok(())
    }

    /// How long the head that this change signs is valid; `None`: without end.
    pub(super) fn set_head_validity(&mut self, valid_for_ms: Option<i64>) {
        self.valid_for_ms = valid_for_ms;
    }

    /// The revision of the next entry that is added.
    pub(super) fn next_revision(&self) -> u64 {
        let added = u64::try_from(self.added.len()).unwrap_or(u64::MAX);
        self.head.revision.saturating_add(added).saturating_add(1)
    }

    pub(super) fn channels(&self) -> impl Iterator<Item = &ChannelDescriptor> {
        self.entries.values().filter_map(|current| match &current.content {
            Content::Channel(channel) => Some(channel.as_ref()),
            _ => None,
        })
    }

    pub(super) fn channel(&self, name: &str) -> Result<&ChannelDescriptor, AdministratorError> {
        self.channels()
            .find(|channel| *channel.name == *name)
            .ok_or_else(|| AdministratorError::NoSuchChannel(name.to_owned()))
    }

    /// Refuses names and patterns that another channel has.
    pub(super) fn check_topics_free(
        &self,
        name: &str,
        topics: &[Box<str>],
    ) -> Result<(), AdministratorError> {
        for channel in self.channels().filter(|channel| *channel.name != *name) {
            if let Some(topic) = channel.topics.iter().find(|topic| topics.contains(topic)) {
                let (topic, channel) = (topic.to_string(), channel.name.to_string());
                return Err(AdministratorError::TopicTaken { topic, channel });
            }
        }
        Ok(())
    }

    /// Takes a channel's descriptor out of the set, for another one to come.
    pub(super) fn remove_channel(&mut self, name: &str) {
        let is_its = |current: &Current| matches!(&current.content, Content::Channel(channel) if *channel.name == *name);
        let ids: Vec<_> =
            self.entries.iter().filter(|(_, current)| is_its(current)).map(|(id, _)| *id).collect();
        for id in ids {
            self.remove(id);
        }
    }

    /// The grants on a channel's epoch, by revision, those that are superseded marked.
    pub(super) fn grants_of(
        &self,
        channel: &str,
        epoch: u32,
        now_ms: i64,
    ) -> Vec<(GrantSummary, GrantBody)> {
        let mut summaries = self.grants(now_ms);
        mark_superseded(&mut summaries, now_ms);
        let mut grants = Vec::new();
        for summary in summaries {
            if let Some(Current { content: Content::Grant(body), .. }) =
                self.entries.get(&summary.id)
                && *body.channel == *channel
                && body.epoch == epoch
            {
                grants.push((summary, body.as_ref().clone()));
            }
        }
        grants
    }

    /// All grants, by revision.
    pub(super) fn grants(&self, now_ms: i64) -> Vec<GrantSummary> {
        let mut grants: Vec<_> = self
            .entries
            .values()
            .filter_map(|current| match &current.content {
                Content::Grant(grant) => {
                    Some(GrantSummary::of_grant(&current.entry, grant, now_ms))
                }
                Content::PassThrough(grant) => {
                    Some(GrantSummary::of_pass_through(&current.entry, grant, now_ms))
                }
                _ => None,
            })
            .collect();
        grants.sort_by_key(|grant| grant.revision);
        grants
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.added.push(entry);
    }

    pub(super) fn remove(&mut self, id: EntryId) {
        if let Err(place) = self.removed.binary_search(&id) {
            self.removed.insert(place, id);
        }
    }

    pub(super) fn removes(&self, id: EntryId) -> bool {
        self.removed.binary_search(&id).is_ok()
    }

    /// Removes what `newer` supersedes: older grants for the same key and principal, once it has
    /// begun.
    pub(super) fn supersede(&mut self, newer: &GrantSummary, now_ms: i64) {
        if newer.not_before.is_some_and(|begin| now_ms < begin) {
            return;
        }
        let older = self
            .grants(now_ms)
            .into_iter()
            .filter(|grant| grant.subject() == newer.subject() && grant.revision < newer.revision);
        for grant in older {
            self.remove(grant.id);
        }
    }

    /// The keys in use, those of past interactive grants included.
    pub(super) fn separation(&self) -> Result<Keys, AdministratorError> {
        let mut keys = Keys::default();
        let public = &self.administrator.public;
        for channel in self.channels() {
            keys.channel(public, channel)?;
        }
        for past in self.administrator.home.past_interactive()? {
            let place = Place {
                administrator: public.id(),
                channel: past.channel.into(),
                epoch: past.epoch,
                field: past.field.into(),
            };
            keys.0.delegating(&past.delegator, &place)?;
            keys.0.consumer(&past.delegatee)?;
            keys.0.interactive(&past.delegator, &past.delegatee)?;
        }
        for current in self.entries.values() {
            if let Content::Grant(grant) = &current.content {
                keys.grant(public, grant)?;
            }
        }
        Ok(keys)
    }

    /// Signs the new head and writes everything. Cost: proportional to the size of the set.
    pub(super) fn commit(self, now_ms: i64) -> Result<(), AdministratorError> {
        let head = self.sign_head(now_ms)?;
        let Self { administrator, mut seen, entries, added, removed, .. } = self;
        let registry = &administrator.registry;
        for entry in &added {
            step()?;
            registry.write(entry)?;
        }
        step()?;
        registry.write(&head.entry)?;
        step()?;
        seen.note(administrator.public.id(), head.revision, *head.entry.hash());
        administrator.home.save_seen(&seen)?;
        for id in &removed {
            step()?;
            if let Some(current) = entries.get(id) {
                registry.remove(&current.origin)?;
            }
        }
        Ok(())
    }

    fn sign_head(&self, now_ms: i64) -> Result<SignedHead, AdministratorError> {
        if now_ms <= 0 {
            return Err(AdministratorError::OutOfRange("the clock's time"));
        }
        let kept = self.entries.values().map(|current| &current.entry);
        let kept = kept.filter(|entry| !self.removes(entry.id()));
        let hashes: Vec<_> = kept.chain(&self.added).map(|entry| *entry.hash()).collect();
        let out_of_range = AdministratorError::OutOfRange("the number of entries");
        let head = Head {
            revision: self.next_revision(),
            issued: now_ms,
            valid_until: self.valid_for_ms.map(|valid_for| now_ms.saturating_add(valid_for)),
            count: u32::try_from(hashes.len()).map_err(|_| out_of_range)?,
            digest: set_digest(hashes),
            removed: self.removed.clone(),
        };
        if head.revision == u64::MAX {
            return Err(AdministratorError::OutOfRange("the count of revisions"));
        }
        let entry = self.administrator.sign(EntryKind::Head, &head.encode()?, &[])?;
        Ok(SignedHead { revision: head.revision, entry })
    }
}

struct SignedHead {
    revision: u64,
    entry: Entry,
}

/// The keys of a registry, with the rules that keep them apart.
#[derive(Default)]
pub(super) struct Keys(Separation);

impl Keys {
    pub(super) fn channel(
        &mut self,
        administrator: &AdministratorKey,
        channel: &ChannelDescriptor,
    ) -> Result<(), SeparationError> {
        channel.keys.iter().try_for_each(|key| {
            let place = Place {
                administrator: administrator.id(),
                channel: channel.name.clone(),
                epoch: key.epoch,
                field: key.field.clone(),
            };
            self.0.delegating(&key.key, &place)
        })
    }

    pub(super) fn grant(
        &mut self,
        administrator: &AdministratorKey,
        grant: &GrantBody,
    ) -> Result<(), SeparationError> {
        let place = Place {
            administrator: administrator.id(),
            channel: grant.channel.clone(),
            epoch: grant.epoch,
            field: grant.field.clone(),
        };
        self.0.delegating(&grant.delegator, &place)?;
        self.0.consumer(&grant.delegatee)?;
        match grant.kind {
            DelegationKind::Interactive => self.0.interactive(&grant.delegator, &grant.delegatee),
            DelegationKind::NonInteractive => Ok(()),
        }
    }
}

/// Tests cut a change short before any of its steps.
#[cfg(not(test))]
fn step() -> Result<(), AdministratorError> {
    Ok(())
}

#[cfg(test)]
pub(crate) use crash::step;

#[cfg(test)]
pub(crate) mod crash {
    use std::cell::Cell;

    use super::AdministratorError;

    thread_local! {
        static STEPS_LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// Lets this thread's next change fail before its step number `steps` (from 0).
    pub(crate) fn after(steps: Option<u32>) {
        STEPS_LEFT.set(steps);
    }

    pub(crate) fn step() -> Result<(), AdministratorError> {
        match STEPS_LEFT.get() {
            Some(0) => Err(AdministratorError::OutOfRange("the power supply")),
            Some(left) => {
                STEPS_LEFT.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }
}
