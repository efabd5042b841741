//! What a gateway has to say about the registry it reads.

use std::fmt;

use crate::registry::{
    codec::Malformed, entry::EntryError, key::SigningKeyId, ledger::Refusal,
    separation::SeparationError,
};

/// Something in the registry that was left out, or kept from before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file (or the record) where it stands; empty where it concerns a whole part.
    pub origin: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong, and what followed from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// Not an entry. It has no effect.
    #[error("ignored: {0}")]
    NotAnEntry(EntryError),
    /// Signed by someone whom this gateway does not trust. It has no effect.
    #[error("ignored: signed by {0}, whom this gateway does not trust")]
    UntrustedSigner(SigningKeyId),
    /// The signature is wrong. It has no effect.
    #[error("ignored: the signature does not verify")]
    Signature,
    /// The grant's body cannot be understood.
    #[error("grant left out: {0}")]
    Malformed(Malformed),
    /// The grant's channel is not there, or its key is not the channel's.
    #[error(
        "grant left out: its key is not that of channel {channel}, epoch {epoch}, field {field:?}"
    )]
    NotTheChannelsKey {
        /// The channel's name.
        channel: Box<str>,
        /// The epoch.
        epoch: u32,
        /// The field; empty for the whole value.
        field: Box<str>,
    },
    /// A pass-through grant for a channel that is not there.
    #[error("pass-through grant left out: there is no channel {0}")]
    NoSuchChannel(Box<str>),
    /// The sealed re-encryption key does not open.
    #[error("grant left out: the re-encryption key sealed to this gateway does not open")]
    Sealed,
    /// The re-encryption key does not lead from A to T.
    #[error("grant left out: {0}")]
    ReencryptionKey(nucypher_pre::Error),
    /// A key in two roles or suites, two keys with one id, or linked channels.
    #[error("left out: {0}")]
    Separation(SeparationError),
    /// Two entries with one revision.
    #[error("grant left out: revision {0} was given twice")]
    DuplicateRevision(u64),
    /// The topic belongs to another channel.
    #[error("channel {channel} does not get the topic {topic}, which belongs to channel {owner}")]
    TopicTaken {
        /// The topic.
        topic: Box<str>,
        /// The channel that claims it.
        channel: Box<str>,
        /// The channel that has it.
        owner: Box<str>,
    },
    /// The administrator's head has expired: all its channels are denied.
    #[error(
        "the head of administrator {0} has expired: all its channels are denied until it is renewed (`nucypher admin renew`)"
    )]
    Expired(SigningKeyId),
    /// The administrator's part is not accepted: the one before it stays in force.
    #[error(
        "the registry of administrator {administrator} is not accepted, revision {kept} stays in force: {refusal}"
    )]
    Kept {
        /// The administrator.
        administrator: SigningKeyId,
        /// The revision that stays in force.
        kept: u64,
        /// Why the new part is not accepted.
        refusal: Refusal,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin.is_empty() {
            self.kind.fmt(f)
        } else {
            write!(f, "{}: {}", self.origin, self.kind)
        }
    }
}

impl std::error::Error for Problem {}
