//! What an administrator is asked to do, and what is checked of it before anything is changed.

use nucypher_pre::{PublicKey, SecretKey, Suite};

use super::AdministratorError;
use crate::registry::{
    channel::{
        ChannelDescriptor, ChannelKey, ProtectedField, RequiredSignature, Signer, SignerRole,
    },
    grant::Validity,
    key::GatewayPublicKey,
    name::{NameError, is_selector, matches_topic, normalise_principal},
};

/// A channel to be created.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// Its name.
    pub name: String,
    /// The suite of its keys.
    pub suite: Suite,
    /// The topics that belong to it.
    pub topics: Vec<String>,
    /// Protected field groups; each gets a slot, in this order.
    pub fields: Vec<NewField>,
    /// Whether the gateway refuses clear records.
    pub require_encryption: bool,
    /// The weakest signature that consumers accept.
    pub signatures: RequiredSignature,
    /// The keys whose signatures count.
    pub signers: Vec<Signer>,
}

impl NewChannel {
    /// A channel that requires encryption, with the topic of its name and without fields.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            suite: Suite::Bbs98,
            topics: vec![name.to_owned()],
            fields: Vec::new(),
            require_encryption: true,
            signatures: RequiredSignature::None,
            signers: Vec::new(),
        }
    }
}

/// A protected field group of a channel to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewField {
    /// Its name.
    pub name: String,
    /// Whether a selector that matches nothing is an error.
    pub required: bool,
    /// Where it stands in a record's value. Without any it has keys, and no place in the descriptor.
    pub selectors: Vec<String>,
}

impl NewField {
    /// A field at these selectors, which need not match.
    pub fn new(name: &str, selectors: &[&str]) -> Self {
        let selectors = selectors.iter().map(ToString::to_string).collect();
        Self { name: name.to_owned(), required: false, selectors }
    }
}

/// The consumer's key in a grant.
#[derive(Clone, Debug)]
pub enum Consumer {
    /// A non-interactive grant, from the public key alone: the default.
    Public(PublicKey),
    /// An interactive grant, from the private key. Such grants compose; see `docs/administration.md`.
    Secret(SecretKey),
}

/// A grant to be issued.
#[derive(Clone, Debug)]
pub struct GrantRequest {
    /// The channel's name.
    pub channel: String,
    /// The generation of the channel's keys; `None`: the newest.
    pub epoch: Option<u32>,
    /// The protected field group; empty for the whole value.
    pub field: String,
    /// Whom the gateway must have authenticated.
    pub principal: String,
    /// To whose key.
    pub consumer: Consumer,
    /// When it is in force.
    pub validity: Validity,
    /// The topics to which it is bound; empty: all topics of the channel.
    pub topics: Vec<String>,
    /// The gateways that may carry it out; empty: all that the administrator has registered.
    pub gateways: Vec<GatewayPublicKey>,
}

/// A pass-through grant to be issued.
#[derive(Clone, Debug)]
pub struct PassThroughRequest {
    /// The channel's name.
    pub channel: String,
    /// Whom the gateway must have authenticated.
    pub principal: String,
    /// When it is in force.
    pub validity: Validity,
    /// The topics to which it is bound; empty: all topics of the channel.
    pub topics: Vec<String>,
}

/// Sorts a list of names and refuses what is none.
pub(super) fn checked_names(
    names: &[String],
    check: impl Fn(&str) -> bool,
    error: impl Fn(String) -> NameError,
) -> Result<Vec<Box<str>>, NameError> {
    if let Some(wrong) = names.iter().find(|name| !check(name)) {
        return Err(error(wrong.clone()));
    }
    let mut names: Vec<Box<str>> = names.iter().map(|name| name.as_str().into()).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// The fields that have selectors, in their slots: 1 for the first.
pub(super) fn protected_fields(fields: &[NewField]) -> Result<Vec<ProtectedField>, NameError> {
    let mut protected = Vec::new();
    for (slot, field) in (1..=u8::MAX).zip(fields) {
        let selectors = checked_names(&field.selectors, is_selector, NameError::Selector)?;
        if !selectors.is_empty() {
            let name = field.name.as_str().into();
            protected.push(ProtectedField { slot, name, required: field.required, selectors });
        }
    }
    Ok(protected)
}

/// Sorts signers and refuses a key that stands twice in one role.
pub(super) fn checked_signers(signers: &[Signer]) -> Result<Vec<Signer>, AdministratorError> {
    let mut signers = signers.to_vec();
    for signer in &mut signers {
        signer.principal = match signer.role {
            SignerRole::Producer => normalise_principal(&signer.principal)?.into(),
            SignerRole::Channel => "".into(),
        };
    }
    signers.sort_by_key(Signer::place);
    match signers.is_sorted_by(|a, b| a.place() < b.place()) {
        true => Ok(signers),
        false => Err(AdministratorError::SignerTwice),
    }
}

pub(super) fn check_topics(
    channel: &ChannelDescriptor,
    topics: &[Box<str>],
) -> Result<(), AdministratorError> {
    let belongs = |topic: &str| channel.topics.iter().any(|own| matches_topic(own, topic));
    match topics.iter().find(|topic| !belongs(topic)) {
        None => Ok(()),
        Some(topic) => Err(AdministratorError::TopicOutside {
            topic: topic.to_string(),
            channel: channel.name.to_string(),
        }),
    }
}

pub(super) fn find_key<'a>(
    channel: &'a ChannelDescriptor,
    epoch: Option<u32>,
    field: &str,
) -> Result<&'a ChannelKey, AdministratorError> {
    epoch.or(channel.current_epoch()).and_then(|epoch| channel.key(epoch, field)).ok_or_else(|| {
        AdministratorError::NoSuchKey {
            channel: channel.name.to_string(),
            epoch,
            field: field.to_owned(),
        }
    })
}
