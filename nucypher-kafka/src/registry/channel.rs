//! The channel descriptor: the public keys under which producers of a channel encrypt, who may sign
//! its records, which fields are protected, and the topics that belong to it. Public; signed by the
//! channel's administrator.
//!
//! `docs/spec/registry.md`, "Channel descriptor", has the byte table.

mod body;

use nucypher_envelope::signature::VerifyingKey;
use nucypher_pre::{PublicKey, Suite};

pub(super) use body::{read_public_key, read_suite};
pub use nucypher_envelope::signature::RequiredSignature;

/// One delegating key of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelKey {
    /// The generation of the channel's keys.
    pub epoch: u32,
    /// The slot in which EDEKs under this key stand: 0 for the whole value.
    pub slot: u8,
    /// The protected field group; empty for the whole value.
    pub field: Box<str>,
    /// The key A under which producers encrypt.
    pub key: PublicKey,
}

/// A producer's own key: it encrypts under this one, and gateways re-encrypt to the channel's key
/// of the same epoch and field as they take its records in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProducerKey {
    /// Whom the gateway must have authenticated.
    pub principal: Box<str>,
    /// The generation of the channel's keys.
    pub epoch: u32,
    /// The slot in which EDEKs under this key stand: 0 for the whole value.
    pub slot: u8,
    /// The protected field group; empty for the whole value.
    pub field: Box<str>,
    /// The key under which the producer encrypts.
    pub key: PublicKey,
}

/// What a signer's signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SignerRole {
    /// A producer signs its own records.
    Producer,
    /// The channel attests records whose producer's signature a gateway verified.
    Channel,
}

/// A key whose signatures count on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signer {
    /// What its signature says.
    pub role: SignerRole,
    /// The public key.
    pub key: VerifyingKey,
    /// The producer; empty for the channel's key.
    pub principal: Box<str>,
}

impl Signer {
    /// A producer's signing key.
    pub fn producer(key: VerifyingKey, principal: &str) -> Self {
        Self { role: SignerRole::Producer, key, principal: principal.into() }
    }

    /// The channel's signing key.
    pub fn channel(key: VerifyingKey) -> Self {
        Self { role: SignerRole::Channel, key, principal: "".into() }
    }

    /// Where it stands in a descriptor: no two may be equal.
    pub(super) fn place(&self) -> (SignerRole, [u8; 32]) {
        (self.role, self.key.to_bytes())
    }
}

/// A field group that producers encrypt by itself, and where it stands in a record's value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtectedField {
    /// The slot of its keys.
    pub slot: u8,
    /// Its name.
    pub name: Box<str>,
    /// Whether a selector that matches nothing is an error.
    pub required: bool,
    /// Where it stands: JSONPath (RFC 9535), `tag:NAME` or `property:NAME`; ascending.
    pub selectors: Vec<Box<str>>,
}

/// What everyone may know about a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelDescriptor {
    /// The channel's name.
    pub name: Box<str>,
    /// The suite of all its keys.
    pub suite: Suite,
    /// Whether the gateway refuses records that are not encrypted.
    pub require_encryption: bool,
    /// Whether the gateway takes in nothing any more. What is stored stays readable.
    pub retired: bool,
    /// The weakest signature that consumers accept.
    pub signatures: RequiredSignature,
    /// The topics that belong to the channel, ascending: names, and patterns that end in `*`.
    pub topics: Vec<Box<str>>,
    /// When the descriptor was written, in the administrator's count.
    pub revision: u64,
    /// The delegating keys, ascending by (epoch, slot).
    pub keys: Vec<ChannelKey>,
    /// Producers that encrypt under keys of their own, ascending by (principal, epoch, slot).
    pub producers: Vec<ProducerKey>,
    /// The keys whose signatures count, ascending by (role, key).
    pub signers: Vec<Signer>,
    /// The protected fields, ascending by slot.
    pub fields: Vec<ProtectedField>,
}

impl ChannelDescriptor {
    /// A channel of this name without topics and keys, which requires encryption and no signature.
    pub(super) fn new(name: &str, suite: Suite) -> Self {
        Self {
            name: name.into(),
            suite,
            require_encryption: true,
            retired: false,
            signatures: RequiredSignature::None,
            topics: Vec::new(),
            revision: 0,
            keys: Vec::new(),
            producers: Vec::new(),
            signers: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// The key of an epoch and a field.
    pub fn key(&self, epoch: u32, field: &str) -> Option<&ChannelKey> {
        self.keys.iter().find(|key| key.epoch == epoch && *key.field == *field)
    }

    /// The newest epoch.
    pub fn current_epoch(&self) -> Option<u32> {
        self.keys.last().map(|key| key.epoch)
    }
}
