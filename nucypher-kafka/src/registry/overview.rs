//! What a registry says, for people and programs: channels and grants, without secrets. Anyone
//! with the administrator's public key can list it; that takes no gateway's key.

use std::path::Path;

use nucypher_pre::{DelegationKind, PublicKey};
use serde::Serialize;

use super::{
    channel::{
        ChannelDescriptor, ChannelKey, ProducerKey, ProtectedField, RequiredSignature, Signer,
        SignerRole,
    },
    directory::{Directory, DirectoryError, Found},
    entry::{Entry, EntryId},
    grant::{GrantBody, PassThroughBody, Validity},
    head::Head,
    key::{AdministratorKey, GatewayKeyId, SigningKeyId},
    ledger::{Content, Grants, Ledger, Refusal},
    seen::Seen,
};

/// Why a registry cannot be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OverviewError {
    /// The directory cannot be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The administrator's part is not accepted.
    #[error("the registry of administrator {administrator} is not accepted: {refusal}")]
    Refused {
        /// The administrator.
        administrator: SigningKeyId,
        /// Why.
        refusal: Refusal,
    },
}

/// One administrator's part of a registry, verified.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Overview {
    /// The administrator.
    pub administrator: SigningKeyId,
    /// The head's revision.
    pub revision: u64,
    /// When the head was signed, in milliseconds since 1970.
    pub issued: i64,
    /// Until when gateways act on it; `None`: without end.
    pub valid_until: Option<i64>,
    /// The channels, by name.
    pub channels: Vec<ChannelSummary>,
    /// The grants, by revision.
    pub grants: Vec<GrantSummary>,
    /// Grants that cannot be understood.
    pub unreadable: Vec<EntryId>,
}

/// A channel in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChannelSummary {
    /// The channel's name.
    pub name: String,
    /// `bbs98` or `ecies`.
    pub suite: String,
    /// The topics that belong to it.
    pub topics: Vec<String>,
    /// Whether clear records are refused.
    pub require_encryption: bool,
    /// When the descriptor was written, in the administrator's count.
    pub revision: u64,
    /// Whether nothing is taken in any more.
    pub retired: bool,
    /// The weakest signature that consumers accept: `none`, `session`, `record` or `attested`.
    pub signatures: &'static str,
    /// The delegating keys.
    pub keys: Vec<ChannelKeySummary>,
    /// Producers with keys of their own.
    pub producers: Vec<ProducerKeySummary>,
    /// The keys whose signatures count.
    pub signers: Vec<SignerSummary>,
    /// The protected fields.
    pub fields: Vec<ProtectedFieldSummary>,
}

/// A producer's own key in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProducerKeySummary {
    /// Whom the gateway must have authenticated.
    pub principal: String,
    /// The key; its epoch, slot and field are the channel's key's beside it.
    #[serde(flatten)]
    pub key: ChannelKeySummary,
}

/// A signing key in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SignerSummary {
    /// `producer` or `channel`.
    pub role: &'static str,
    /// The Ed25519 key, in hexadecimal.
    pub key: String,
    /// The producer; empty for the channel's key.
    pub principal: String,
}

/// A protected field in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProtectedFieldSummary {
    /// The slot of its keys.
    pub slot: u8,
    /// Its name.
    pub name: String,
    /// Whether a selector that matches nothing is an error.
    pub required: bool,
    /// Where it stands in a record's value.
    pub selectors: Vec<String>,
}

/// A channel's delegating key in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChannelKeySummary {
    /// The generation of the channel's keys.
    pub epoch: u32,
    /// 0 for the whole value.
    pub slot: u8,
    /// The protected field group; empty for the whole value.
    pub field: String,
    /// The key's id, as it stands in EDEKs.
    pub key_id: String,
    /// The key, compressed, in hexadecimal.
    pub public_key: String,
    /// The key itself.
    #[serde(skip)]
    pub key: PublicKey,
}

/// What a grant permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GrantKind {
    /// Re-encryption, from the consumer's public key.
    NonInteractive,
    /// Re-encryption, from the consumer's private key.
    Interactive,
    /// Fetching records as they are stored.
    PassThrough,
}

/// Whether a grant is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GrantStatus {
    /// In force.
    Active,
    /// "Not before" lies ahead.
    NotYetValid,
    /// "Not after" has passed.
    Expired,
    /// A newer grant for the same key and principal has begun.
    Superseded,
}

/// A grant in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GrantSummary {
    /// Names the grant; `grant revoke` takes it.
    pub id: EntryId,
    /// What it permits.
    pub kind: GrantKind,
    /// Whether it is in force.
    pub status: GrantStatus,
    /// The channel's name.
    pub channel: String,
    /// The generation of the channel's keys; `None` for a pass-through grant.
    pub epoch: Option<u32>,
    /// The protected field group; empty for the whole value.
    pub field: String,
    /// Whom the gateway must have authenticated.
    pub principal: String,
    /// The id of the consumer's key; `None` for a pass-through grant.
    pub consumer_key: Option<String>,
    /// The topics to which the grant is bound; empty: all topics of the channel.
    pub topics: Vec<String>,
    /// The first millisecond in force.
    pub not_before: Option<i64>,
    /// The last millisecond in force.
    pub not_after: Option<i64>,
    /// When the grant was written, in the administrator's count.
    pub revision: u64,
    /// The gateways that can carry it out.
    pub gateways: Vec<GatewayKeyId>,
}

impl Overview {
    /// Reads a directory, verifies an administrator's part of it, and lists it.
    pub fn read(
        directory: &Path,
        administrator: &AdministratorKey,
        now_ms: i64,
    ) -> Result<Self, OverviewError> {
        let found = Directory::new(directory).read()?;
        Self::of(&found, administrator, now_ms).map_err(|refusal| OverviewError::Refused {
            administrator: administrator.id(),
            refusal,
        })
    }

    /// Verifies an administrator's part of a registry, and lists it.
    pub fn of(
        found: &[Found],
        administrator: &AdministratorKey,
        now_ms: i64,
    ) -> Result<Self, Refusal> {
        let ledger =
            Ledger::collect(found, administrator, &Seen::default(), &|_| None, Grants::Decoded)?;
        Ok(Self::of_ledger(&ledger, administrator, now_ms))
    }

    pub(super) fn of_ledger(
        ledger: &Ledger<'_>,
        administrator: &AdministratorKey,
        now_ms: i64,
    ) -> Self {
        let Head { revision, issued, valid_until, .. } = ledger.head;
        let mut overview = Self {
            administrator: administrator.id(),
            revision,
            issued,
            valid_until,
            channels: Vec::new(),
            grants: Vec::new(),
            unreadable: Vec::new(),
        };
        for live in &ledger.live {
            match &live.content {
                Some(Content::Channel(channel)) => overview.channels.push(channel.as_ref().into()),
                Some(Content::Grant(grant)) => {
                    overview.grants.push(GrantSummary::of_grant(live.entry, grant, now_ms));
                }
                Some(Content::PassThrough(grant)) => {
                    overview.grants.push(GrantSummary::of_pass_through(live.entry, grant, now_ms));
                }
                Some(Content::Undecodable(_) | Content::Unopened) | None => {
                    overview.unreadable.push(live.entry.id())
                }
            }
        }
        overview.channels.sort_by(|a, b| a.name.cmp(&b.name));
        mark_superseded(&mut overview.grants, now_ms);
        overview
    }

    /// The channel with this name.
    pub fn channel(&self, name: &str) -> Option<&ChannelSummary> {
        self.channels.iter().find(|channel| channel.name == name)
    }
}

impl From<&ChannelDescriptor> for ChannelSummary {
    fn from(channel: &ChannelDescriptor) -> Self {
        Self {
            name: channel.name.to_string(),
            suite: channel.suite.to_string(),
            topics: texts(&channel.topics),
            require_encryption: channel.require_encryption,
            revision: channel.revision,
            retired: channel.retired,
            signatures: match channel.signatures {
                RequiredSignature::None => "none",
                RequiredSignature::Session => "session",
                RequiredSignature::Record => "record",
                RequiredSignature::Attested => "attested",
            },
            producers: channel.producers.iter().map(ProducerKeySummary::from).collect(),
            signers: channel.signers.iter().map(SignerSummary::from).collect(),
            fields: channel.fields.iter().map(ProtectedFieldSummary::from).collect(),
            keys: channel.keys.iter().map(ChannelKeySummary::from).collect(),
        }
    }
}

impl From<&ChannelKey> for ChannelKeySummary {
    fn from(key: &ChannelKey) -> Self {
        Self::new(key.epoch, key.slot, &key.field, &key.key)
    }
}

impl ChannelKeySummary {
    fn new(epoch: u32, slot: u8, field: &str, key: &PublicKey) -> Self {
        Self {
            epoch,
            slot,
            field: field.to_owned(),
            key_id: key.id().to_string(),
            public_key: hex::encode(key.to_bytes()),
            key: key.clone(),
        }
    }
}

impl From<&ProducerKey> for ProducerKeySummary {
    fn from(producer: &ProducerKey) -> Self {
        Self {
            principal: producer.principal.to_string(),
            key: ChannelKeySummary::new(
                producer.epoch,
                producer.slot,
                &producer.field,
                &producer.key,
            ),
        }
    }
}

impl From<&Signer> for SignerSummary {
    fn from(signer: &Signer) -> Self {
        Self {
            role: match signer.role {
                SignerRole::Producer => "producer",
                SignerRole::Channel => "channel",
            },
            key: hex::encode(signer.key.to_bytes()),
            principal: signer.principal.to_string(),
        }
    }
}

impl From<&ProtectedField> for ProtectedFieldSummary {
    fn from(field: &ProtectedField) -> Self {
        Self {
            slot: field.slot,
            name: field.name.to_string(),
            required: field.required,
            selectors: texts(&field.selectors),
        }
    }
}

impl GrantSummary {
    pub(super) fn of_grant(entry: &Entry, grant: &GrantBody, now_ms: i64) -> Self {
        Self {
            id: entry.id(),
            kind: match grant.kind {
                DelegationKind::Interactive => GrantKind::Interactive,
                DelegationKind::NonInteractive => GrantKind::NonInteractive,
            },
            status: status(&grant.validity, now_ms),
            channel: grant.channel.to_string(),
            epoch: Some(grant.epoch),
            field: grant.field.to_string(),
            principal: grant.principal.to_string(),
            consumer_key: Some(grant.delegatee.id().to_string()),
            topics: texts(&grant.topics),
            not_before: grant.validity.not_before(),
            not_after: grant.validity.not_after(),
            revision: grant.revision,
            gateways: grant.gateways.clone(),
        }
    }

    pub(super) fn of_pass_through(entry: &Entry, grant: &PassThroughBody, now_ms: i64) -> Self {
        Self {
            id: entry.id(),
            kind: GrantKind::PassThrough,
            status: status(&grant.validity, now_ms),
            channel: grant.channel.to_string(),
            epoch: None,
            field: String::new(),
            principal: grant.principal.to_string(),
            consumer_key: None,
            topics: texts(&grant.topics),
            not_before: grant.validity.not_before(),
            not_after: grant.validity.not_after(),
            revision: grant.revision,
            gateways: Vec::new(),
        }
    }

    /// What a newer grant replaces: the same key (or none) for the same principal.
    pub(super) fn subject(&self) -> (&str, Option<u32>, &str, &str) {
        (&self.channel, self.epoch, &self.field, &self.principal)
    }
}

fn status(validity: &Validity, now_ms: i64) -> GrantStatus {
    if !validity.has_begun(now_ms) {
        GrantStatus::NotYetValid
    } else if validity.contains(now_ms) {
        GrantStatus::Active
    } else {
        GrantStatus::Expired
    }
}

/// Grants ascend by revision, so the last that has begun for a subject is the one that counts.
pub(super) fn mark_superseded(grants: &mut [GrantSummary], now_ms: i64) {
    let mut newer: std::collections::HashSet<(String, Option<u32>, String, String)> =
        std::collections::HashSet::new();
    for grant in grants.iter_mut().rev() {
        if grant.not_before.is_some_and(|begin| now_ms < begin) {
            continue;
        }
        let (channel, epoch, field, principal) = grant.subject();
        let subject = (channel.into(), epoch, field.into(), principal.into());
        if !newer.insert(subject) {
            grant.status = GrantStatus::Superseded;
        }
    }
}

fn texts(list: &[Box<str>]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
