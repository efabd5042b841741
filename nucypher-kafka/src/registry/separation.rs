//! What keeps keys apart (`docs/spec/registry.md`, "Checks"): one suite and one role for each key,
//! no two keys with one id, and no interactive grants that link channels.
//!
//! Interactive keys compose: b/a1 and b/a2 give a2/a1, and with it everything under a2 to whoever
//! may have a1. So the graph that interactive grants form (keys as nodes) must fall into
//! components of which each lies within one (administrator, channel, epoch, field).

use std::collections::HashMap;

use nucypher_pre::{KeyId, PublicKey, Suite};

use super::key::SigningKeyId;

/// The one place to which a delegating key belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) administrator: SigningKeyId,
    pub(super) channel: Box<str>,
    pub(super) epoch: u32,
    pub(super) field: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Delegating,
    Consumer,
}

/// Why a key or a grant would bring together what must stay apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeparationError {
    /// The key is used in the other suite.
    #[error("the key {id} is already used in the suite {used}: one suite for each key")]
    Suite {
        /// The key.
        id: KeyId,
        /// The suite in which it is used.
        used: Suite,
    },
    /// A key is both a delegating and a consumer key.
    #[error(
        "the key {id} would be both a delegating key and a consumer's: use another key for the consumer"
    )]
    Role {
        /// The key.
        id: KeyId,
    },
    /// A delegating key that belongs to another channel, epoch or field.
    #[error("the delegating key {id} already belongs to another channel, epoch or field")]
    Place {
        /// The key.
        id: KeyId,
    },
    /// Two different keys with one id.
    #[error("two different keys have the id {id}: generate another key")]
    Id {
        /// The id.
        id: KeyId,
    },
    /// Interactive grants of two places meet in one key.
    #[error(
        "the consumer key {consumer} already has an interactive grant on channel {channel}, epoch \
         {epoch}, field {field:?}: with both, the keys of the two channels follow from each other. \
         Grant to its public key (non-interactive), or give the consumer one key for each"
    )]
    Linked {
        /// The consumer's key.
        consumer: KeyId,
        /// The channel to which it is already tied.
        channel: Box<str>,
        /// The epoch.
        epoch: u32,
        /// The field; empty for the whole value.
        field: Box<str>,
    },
}

/// The keys of a registry and what is known of each.
#[derive(Debug, Default)]
pub(super) struct Separation {
    /// By id, since no two keys have one: 48 bytes a key, while a registry is put together.
    keys: HashMap<KeyId, ([u8; 33], Suite, Role)>,
    components: Components,
}

impl Separation {
    /// Adds a channel's delegating key.
    pub(super) fn delegating(
        &mut self,
        key: &PublicKey,
        place: &Place,
    ) -> Result<(), SeparationError> {
        self.role(key.id(), &key.to_bytes(), key.suite(), Role::Delegating)?;
        match self.components.place(&key.to_bytes()) {
            Some(other) if other != place => Err(SeparationError::Place { id: key.id() }),
            Some(_) => Ok(()),
            None => {
                self.components.settle(key.to_bytes(), place.clone());
                Ok(())
            }
        }
    }

    /// Adds a consumer's key.
    pub(super) fn consumer(&mut self, key: &PublicKey) -> Result<(), SeparationError> {
        self.role(key.id(), &key.to_bytes(), key.suite(), Role::Consumer)
    }

    /// As [`consumer`](Self::consumer), for a key whose point is not decoded. Cost: one hash.
    pub(super) fn encoded_consumer(
        &mut self,
        key: &[u8; 33],
        suite: Suite,
    ) -> Result<(), SeparationError> {
        self.role(KeyId::of_encoded(key), key, suite, Role::Consumer)
    }

    /// Adds an interactive grant from a delegating key to a consumer's; both were added before.
    pub(super) fn interactive(
        &mut self,
        delegator: &PublicKey,
        delegatee: &PublicKey,
    ) -> Result<(), SeparationError> {
        self.components.join(delegator.to_bytes(), delegatee.to_bytes()).map_err(|place| {
            SeparationError::Linked {
                consumer: delegatee.id(),
                channel: place.channel,
                epoch: place.epoch,
                field: place.field,
            }
        })
    }

    fn role(
        &mut self,
        id: KeyId,
        key: &[u8; 33],
        suite: Suite,
        role: Role,
    ) -> Result<(), SeparationError> {
        let (known, used, has) = self.keys.entry(id).or_insert((*key, suite, role));
        if known != key {
            return Err(SeparationError::Id { id });
        }
        if *used != suite {
            return Err(SeparationError::Suite { id, used: *used });
        }
        if *has != role {
            return Err(SeparationError::Role { id });
        }
        Ok(())
    }
}

/// Disjoint sets of keys (union-find), each with the place in which it lies.
#[derive(Debug, Default)]
struct Components {
    parents: HashMap<[u8; 33], [u8; 33]>,
    places: HashMap<[u8; 33], Place>,
}

impl Components {
    fn root(&self, key: &[u8; 33]) -> [u8; 33] {
        let mut root = *key;
        while let Some(parent) = self.parents.get(&root) {
            root = *parent;
        }
        root
    }

    fn place(&self, key: &[u8; 33]) -> Option<&Place> {
        self.places.get(&self.root(key))
    }

    fn settle(&mut self, key: [u8; 33], place: Place) {
        self.places.insert(self.root(&key), place);
    }

    /// Joins the two components, or gives the place in which `to` lies and `from` does not.
    fn join(&mut self, from: [u8; 33], to: [u8; 33]) -> Result<(), Place> {
        let (from, to) = (self.root(&from), self.root(&to));
        if from == to {
            return Ok(());
        }
        match (self.places.get(&from), self.places.get(&to)) {
            (Some(here), Some(there)) if here != there => Err(there.clone()),
            // A delegating key has its place from the beginning, so it makes the root.
            (Some(_), _) => {
                self.parents.insert(to, from);
                Ok(())
            }
            (None, _) => {
                self.parents.insert(from, to);
                Ok(())
            }
        }
    }
}
