//! Which of the stored entries count: one administrator's set, under its head.
//!
//! Checks in this order: the head (signature, newest of several, not below the highest seen);
//! each entry's signature; the set (count and digest). A set that does not match its head is
//! refused as a whole: nobody can tell what was added or taken away. What is signed by nobody
//! whom the reader trusts is not in the set, and so harmless.
//!
//! A gateway ([`Grants::Covered`]) looks at the signatures of grants only where the set does
//! not match: a set that does holds what the head's signature covers, hash by hash, and nothing
//! else. The grant's own signature is checked when it is used for the first time.
//!
//! Called by `snapshot` for a gateway and by `administrator` before each change.

use std::{collections::HashSet, sync::Arc};

use super::{
    channel::ChannelDescriptor,
    codec::Malformed,
    directory::Found,
    entry::{Entry, EntryId, EntryKind},
    grant::{GrantBody, PassThroughBody},
    head::{Head, set_digest},
    key::AdministratorKey,
    seen::Seen,
};

/// Why an administrator's part of the registry is not accepted. The state before it stays in
/// force where there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no head signed by the administrator.
    #[error("there is no head signed by this administrator")]
    NoHead,
    /// The head is older than one seen before.
    #[error("rolled back: revision {found} is below revision {seen}, which was seen before")]
    RolledBack {
        /// The highest revision seen.
        seen: u64,
        /// The revision found.
        found: u64,
    },
    /// There are two heads of one revision.
    #[error(
        "two different heads of revision {revision}: the administrator's directory was copied or restored"
    )]
    Forked {
        /// The revision.
        revision: u64,
    },
    /// The entries are not those that the head was signed over.
    #[error(
        "the entries do not match the head of revision {revision} ({expected} in the head, {found} \
         found): one was removed, altered, rolled back or brought back, or a change is under way"
    )]
    Mismatch {
        /// The head's revision.
        revision: u64,
        /// The number of entries in the head.
        expected: u32,
        /// The number of entries found.
        found: usize,
    },
    /// A channel descriptor cannot be understood; without it the channel's topics would be open.
    #[error("the channel descriptor {entry} cannot be understood: {error}")]
    Channel {
        /// The descriptor's entry.
        entry: EntryId,
        /// Where it is malformed.
        error: Malformed,
    },
    /// Two descriptors for one channel are in force.
    #[error("two descriptors for the channel {0} are in force")]
    TwoDescriptors(Box<str>),
}

/// What is done with grants when a set is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grants {
    /// Each signature is verified, each point decoded: for the administrator.
    Decoded,
    /// Each signature is verified, no point decoded.
    Verified,
    /// The head's digest covers them; where it does not, as `Verified`: for gateways.
    Covered,
}

/// An entry of the set, verified by its own signature or by the head's.
#[derive(Debug)]
pub(super) struct Live<'a> {
    pub(super) origin: &'a str,
    pub(super) entry: &'a Entry,
    pub(super) revision: u64,
    /// What it says; `None` where the caller knows this very entry already.
    pub(super) content: Option<Content>,
}

/// What an entry says.
#[derive(Debug)]
pub(super) enum Content {
    Channel(Arc<ChannelDescriptor>),
    Grant(Box<GrantBody>),
    /// A grant whose points are not decoded ([`Grants::Covered`]).
    Unopened,
    PassThrough(Box<PassThroughBody>),
    /// A grant that cannot be understood. It is left out, which narrows access.
    Undecodable(Malformed),
}

/// One administrator's entries that count.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    pub(super) head: Head,
    pub(super) head_hash: [u8; 32],
    /// Ascending by revision.
    pub(super) live: Vec<Live<'a>>,
    /// Files that do not count (not yet, not any more): left by a change that was cut short.
    pub(super) leftover: Vec<&'a str>,
    /// Files that claim to be this administrator's and are not.
    pub(super) forged: Vec<&'a str>,
}

impl<'a> Ledger<'a> {
    /// Collects the administrator's set.
    ///
    /// Entries without a signature check are those that the head's digest covers. `known` gives the revision of an entry that the caller verified before;
    /// such an entry is neither verified nor decoded again. Cost otherwise: one signature
    /// verification an entry (about 40 us), and the decoding of its points.
    pub(super) fn collect(
        found: &'a [Found],
        administrator: &AdministratorKey,
        seen: &Seen,
        known: &dyn Fn(&Entry) -> Option<u64>,
        grants: Grants,
    ) -> Result<Self, Refusal> {
        let collected = Self::collect_once(found, administrator, seen, known, grants);
        match collected {
            // Which of them are forged?
            Err(Refusal::Mismatch { .. }) if grants == Grants::Covered => {
                Self::collect_once(found, administrator, seen, known, Grants::Verified)
            }
            collected => collected,
        }
    }

    fn collect_once(
        found: &'a [Found],
        administrator: &AdministratorKey,
        seen: &Seen,
        known: &dyn Fn(&Entry) -> Option<u64>,
        grants: Grants,
    ) -> Result<Self, Refusal> {
        let mut set = Candidates::default();
        for item in found {
            match &item.entry {
                Ok(entry) if entry.signer() == administrator.id() => {
                    set.add(&item.origin, entry, administrator, known, grants)?;
                }
                _ => {}
            }
        }
        let (head, head_hash) = set.head.ok_or(Refusal::NoHead)?;
        seen.check(administrator.id(), head.revision, &head_hash)?;

        let mut ledger =
            Self { head, head_hash, live: Vec::new(), leftover: set.old_heads, forged: set.forged };
        let mut candidates = set.entries;
        candidates.sort_unstable_by(|a, b| a.entry.hash().cmp(b.entry.hash()));
        let mut hashes: Vec<[u8; 32]> = Vec::with_capacity(candidates.len());
        ledger.live.reserve_exact(candidates.len());
        for live in candidates {
            let removed = ledger.head.removed.binary_search(&live.entry.id()).is_ok();
            // The same entry under two names counts once.
            let twice = hashes.last() == Some(live.entry.hash());
            if removed || twice || live.revision > ledger.head.revision {
                ledger.leftover.push(live.origin);
            } else {
                hashes.push(*live.entry.hash());
                ledger.live.push(live);
            }
        }
        ledger.check_set(hashes)?;
        ledger.check_channels()?;
        ledger.live.sort_unstable_by_key(|live| (live.revision, live.entry.id()));
        Ok(ledger)
    }

    fn check_set(&self, hashes: Vec<[u8; 32]>) -> Result<(), Refusal> {
        let found = hashes.len();
        let Head { revision, count, digest, .. } = self.head;
        if usize::try_from(count) == Ok(found) && set_digest(hashes) == digest {
            Ok(())
        } else {
            Err(Refusal::Mismatch { revision, expected: count, found })
        }
    }

    fn check_channels(&self) -> Result<(), Refusal> {
        let mut names = HashSet::new();
        for live in &self.live {
            match &live.content {
                Some(Content::Channel(channel)) if !names.insert(&channel.name) => {
                    return Err(Refusal::TwoDescriptors(channel.name.clone()));
                }
                Some(Content::Undecodable(error)) if live.entry.kind() == EntryKind::Channel => {
                    return Err(Refusal::Channel { entry: live.entry.id(), error: *error });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The administrator's verified entries, before the head says which of them count.
#[derive(Default)]
struct Candidates<'a> {
    head: Option<(Head, [u8; 32])>,
    old_heads: Vec<&'a str>,
    head_origin: &'a str,
    entries: Vec<Live<'a>>,
    forged: Vec<&'a str>,
}

impl<'a> Candidates<'a> {
    fn add(
        &mut self,
        origin: &'a str,
        entry: &'a Entry,
        administrator: &AdministratorKey,
        known: &dyn Fn(&Entry) -> Option<u64>,
        grants: Grants,
    ) -> Result<(), Refusal> {
        if let Some(revision) = known(entry) {
            self.entries.push(Live { origin, entry, revision, content: None });
            return Ok(());
        }
        let is_grant = entry.kind() == EntryKind::Grant;
        if !(is_grant && grants == Grants::Covered) && entry.verify(administrator).is_err() {
            self.forged.push(origin);
            return Ok(());
        }
        if is_grant && grants != Grants::Decoded {
            let (revision, content) = match entry.grant_view() {
                Ok(view) => (view.revision, Content::Unopened),
                Err(error) => (0, Content::Undecodable(error)),
            };
            self.entries.push(Live { origin, entry, revision, content: Some(content) });
            return Ok(());
        }
        if entry.kind() == EntryKind::Head {
            return self.add_head(origin, entry);
        }
        let (revision, content) = decode(entry);
        self.entries.push(Live { origin, entry, revision, content: Some(content) });
        Ok(())
    }

    /// The newest head counts. Older ones, whoever put them there, do no harm.
    fn add_head(&mut self, origin: &'a str, entry: &'a Entry) -> Result<(), Refusal> {
        let Ok(head) = Head::decode(entry.body()) else {
            self.forged.push(origin);
            return Ok(());
        };
        match &self.head {
            Some((newest, hash)) if newest.revision == head.revision => {
                if hash != entry.hash() {
                    return Err(Refusal::Forked { revision: head.revision });
                }
                self.old_heads.push(origin);
            }
            Some((newest, _)) if newest.revision > head.revision => self.old_heads.push(origin),
            newest => {
                if newest.is_some() {
                    self.old_heads.push(self.head_origin);
                }
                self.head = Some((head, *entry.hash()));
                self.head_origin = origin;
            }
        }
        Ok(())
    }
}

/// What cannot be decoded has revision 0, so that it counts and the set still matches.
fn decode(entry: &Entry) -> (u64, Content) {
    let decoded = match entry.kind() {
        EntryKind::Channel => ChannelDescriptor::decode(entry.body())
            .map(|channel| (channel.revision, Content::Channel(Arc::new(channel)))),
        EntryKind::Grant => {
            entry.decode_grant().map(|grant| (grant.revision, Content::Grant(Box::new(grant))))
        }
        EntryKind::PassThrough => PassThroughBody::decode(entry.body())
            .map(|grant| (grant.revision, Content::PassThrough(Box::new(grant)))),
        EntryKind::Head => Err(Malformed { field: "kind", offset: 1 }),
    };
    decoded.unwrap_or_else(|error| (0, Content::Undecodable(error)))
}
