//! What a principal may read: by topic, then by record.
//!
//! *By topic*: a topic that belongs to a channel on which the principal has nothing in force is
//! denied. *By record*: with at least one grant nothing is denied; a record without a matching grant
//! goes through as it is stored, and its reader sees why. Stored bytes are public to the broker
//! anyway: denial is a signal, not what confidentiality rests on.

use std::sync::Arc;

use nucypher_pre::KeyId;

use super::identity::Principal;
use crate::protocol::fetch::TOPIC_AUTHORIZATION_FAILED;
use crate::registry::{Access, ActiveGrant, Channel, Snapshot};

/// What is done with the partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They go through as they stand.
    Forward,
    /// Their EDEKs are re-encrypted; the topic's name.
    Reencrypt(Arc<str>),
    /// They are refused with this error code.
    Deny(i16),
}

/// One principal's rights in one snapshot of the registry, at one instant.
#[derive(Debug, Clone)]
pub struct Authority {
    snapshot: Arc<Snapshot>,
    principal: Principal,
    now_ms: i64,
}

impl Authority {
    /// What `principal` may do by `snapshot` at `now_ms`.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, principal: Principal, now_ms: i64) -> Self {
        Self { snapshot, principal, now_ms }
    }

    /// Judges a topic.
    #[must_use]
    pub fn judge(&self, topic: &str) -> Verdict {
        match self.snapshot.access(topic, self.principal.as_str(), self.now_ms) {
            Access::Open | Access::PassThrough => Verdict::Forward,
            Access::Granted => Verdict::Reencrypt(topic.into()),
            Access::Denied => Verdict::Deny(TOPIC_AUTHORIZATION_FAILED),
        }
    }

    /// The grant under which an EDEK that `opening` opens is re-encrypted.
    #[must_use]
    pub fn grant(&self, opening: KeyId, topic: &str) -> Option<ActiveGrant> {
        self.snapshot.grant(opening, self.principal.as_str(), topic, self.now_ms)
    }

    /// The same for the EDEKs of one topic, one after the other.
    pub fn grants<'a>(&'a self, topic: &'a str) -> TopicGrants<'a> {
        TopicGrants { authority: self, topic, last: None }
    }

    /// Whether any channel refuses records.
    #[must_use]
    pub fn requires_encryption(&self) -> bool {
        self.snapshot.channels().any(refuses)
    }

    /// Whether records on this topic may be refused.
    #[must_use]
    pub fn must_be_encrypted(&self, topic: &str) -> bool {
        self.channel(topic).is_some_and(refuses)
    }

    /// The channel to which a topic belongs.
    #[must_use]
    pub fn channel(&self, topic: &str) -> Option<&Channel> {
        self.snapshot.channel_of_topic(topic)
    }

    /// Whether any topic belongs to a channel.
    #[must_use]
    pub fn has_channels(&self) -> bool {
        self.snapshot.channels().next().is_some()
    }
}

/// A principal's grants on one topic. Neighbours are mostly under one key, which is looked up once.
#[derive(Debug)]
pub struct TopicGrants<'a> {
    authority: &'a Authority,
    topic: &'a str,
    last: Option<(KeyId, Option<ActiveGrant>)>,
}

impl TopicGrants<'_> {
    /// As [`Authority::grant`].
    pub fn find(&mut self, opening: KeyId) -> Option<&ActiveGrant> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != opening) {
            self.last = Some((opening, self.authority.grant(opening, self.topic)));
        }
        self.last.as_ref().and_then(|(_, grant)| grant.as_ref())
    }
}

/// A channel that requires encryption refuses clear records, one that is retired all.
fn refuses(channel: &Channel) -> bool {
    channel.require_encryption() || channel.is_retired()
}
