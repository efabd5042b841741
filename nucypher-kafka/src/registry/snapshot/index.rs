//! Who has what on which channel: an index of 40 bytes a grant, beside the entries themselves.
//!
//! A name stands before a pattern of principals (`User:app-*`), the longer pattern before the shorter;
//! of one name or pattern, the newest comes first.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher as _, Hasher as _, RandomState},
};

use hashbrown::HashTable;

use super::Snapshot;
use crate::registry::{entry::EntryId, grant::Validity};

/// Not a key of a channel: a pass-through grant.
pub(super) const PASS_THROUGH: u32 = u32::MAX;
const NONE: u32 = u32::MAX;

/// What one grant or pass-through grant gives on one channel.
#[derive(Debug)]
pub(super) struct Right {
    pub(super) part: u32,
    pub(super) record: u32,
    channel: u32,
    /// The key's place in the channel's descriptor.
    pub(super) key: u32,
    pub(super) validity: Validity,
    /// The next older one of the same principal and channel.
    next: u32,
}

impl Right {
    pub(super) fn is_pass_through(&self) -> bool {
        self.key == PASS_THROUGH
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.part, self.record) == (other.part, other.record)
    }
}

/// All rights, by (channel, principal).
#[derive(Debug, Default)]
pub(super) struct Index {
    rights: Vec<Right>,
    /// Places in `rights`: the newest of each (channel, principal).
    newest: HashTable<u32>,
    /// The lengths of the patterns' prefixes.
    prefixes: BTreeSet<usize>,
    hasher: RandomState,
}

impl Index {
    pub(super) fn rights(&self) -> impl Iterator<Item = &Right> {
        self.rights.iter()
    }

    /// What a principal has on a channel, in the order of precedence.
    pub(super) fn of<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        channel: usize,
        principal: &'a str,
    ) -> impl Iterator<Item = &'a Right> {
        let patterns = self.prefixes.iter().rev().filter_map(|len| principal.get(..*len));
        let names = std::iter::once((principal, "")).chain(patterns.map(|prefix| (prefix, "*")));
        names.flat_map(move |name| {
            let first = u32::try_from(channel).ok().and_then(|channel| {
                self.newest.find(self.hash(channel, name), |place| {
                    self.right(*place).is_some_and(|right| {
                        right.channel == channel
                            && snapshot.principal(right).is_some_and(|own| is(own, name))
                    })
                })
            });
            std::iter::successors(first.and_then(|place| self.right(*place)), |right| {
                self.right(right.next)
            })
        })
    }

    /// Adds a right; those of one principal and channel in the order of their revisions.
    pub(super) fn add(
        &mut self,
        snapshot: &Snapshot,
        (part, record): (usize, usize),
        (channel, key): (usize, u32),
        principal: &str,
        validity: Validity,
    ) {
        // A set has at most 2^32 - 1 entries, which the head counts as u32.
        let narrow = |number: usize| u32::try_from(number).unwrap_or(NONE);
        let (part, record, channel) = (narrow(part), narrow(record), narrow(channel));
        let place = narrow(self.rights.len());
        let name = principal.strip_suffix('*').map_or((principal, ""), |prefix| (prefix, "*"));
        if !name.1.is_empty() {
            self.prefixes.insert(name.0.len());
        }
        let mut right = Right { part, record, channel, key, validity, next: NONE };
        let Self { rights, newest, hasher, .. } = self;
        let at = |place: u32| usize::try_from(place).ok().and_then(|place| rights.get(place));
        let principal_of = |right: &Right| snapshot.principal(right).unwrap_or_default();
        let found = newest.find_mut(hash(hasher, channel, name), |place| {
            at(*place)
                .is_some_and(|right| right.channel == channel && is(principal_of(right), name))
        });
        match found {
            Some(newest) => right.next = std::mem::replace(newest, place),
            None => {
                newest.insert_unique(hash(hasher, channel, name), place, |place| {
                    at(*place).map_or(0, |right| {
                        let own = principal_of(right);
                        let name = own.strip_suffix('*').map_or((own, ""), |own| (own, "*"));
                        hash(hasher, right.channel, name)
                    })
                });
            }
        }
        rights.push(right);
    }

    /// Room for so many more.
    pub(super) fn reserve(&mut self, rights: usize) {
        self.rights.reserve_exact(rights);
        if self.newest.is_empty() {
            self.newest.reserve(rights, |_| 0);
        }
    }

    fn right(&self, place: u32) -> Option<&Right> {
        usize::try_from(place).ok().and_then(|place| self.rights.get(place))
    }

    fn hash(&self, channel: u32, name: (&str, &str)) -> u64 {
        hash(&self.hasher, channel, name)
    }
}

/// Whether a name is made of these two pieces.
fn is(name: &str, (prefix, end): (&str, &str)) -> bool {
    name.strip_prefix(prefix) == Some(end)
}

fn hash(hasher: &RandomState, channel: u32, (prefix, end): (&str, &str)) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write_u32(channel);
    hasher.write(prefix.as_bytes());
    hasher.write(end.as_bytes());
    hasher.finish()
}

/// An entry id is a part of a hash already.
pub(super) fn spread(id: EntryId) -> u64 {
    u64::from_ne_bytes(*id.as_bytes())
}
