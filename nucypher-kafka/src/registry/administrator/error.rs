//! What an administrative operation may refuse, and what to do about it.

use std::{io, path::PathBuf};

use nucypher_pre::Suite;

use crate::registry::{
    codec::TooLong, custody::KeyFileError, directory::DirectoryError, entry::EntryId,
    key::GatewayKeyId, ledger::Refusal, name::NameError, seen::SeenError,
    separation::SeparationError,
};

use super::share::ShareError;

/// Why an administrative operation was not carried out. Nothing was changed, unless a file could
/// not be written: then the change is in force as a whole or not at all, and listing shows which.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdministratorError {
    /// A file of the administrator's home cannot be read or written.
    #[error("{}: {error}", path.display())]
    Home {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The home is there already.
    #[error("{} is there already: choose another directory, or use the administrator in it", .0.display())]
    HomeExists(PathBuf),
    /// A key file of the administrator's home cannot be used.
    #[error("{}: {error}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        error: KeyFileError,
    },
    /// The file with the highest revision or the history of interactive grants is damaged.
    #[error("{}: {error}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        error: SeenError,
    },
    /// The registry directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The registry is not as this administrator left it.
    #[error(
        "the registry is not as this administrator left it: {0}. Bring back the directory as it was, from a gateway or a backup"
    )]
    Registry(#[from] Refusal),
    /// A name that cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no channel with this name.
    #[error("there is no channel {0}: `nucypher channel list` shows what there is")]
    NoSuchChannel(String),
    /// There is a channel with this name.
    #[error("the channel {0} is there already")]
    ChannelExists(String),
    /// The topic belongs to another channel.
    #[error("the topic {topic} belongs to the channel {channel}: a topic belongs to one channel")]
    TopicTaken {
        /// The topic.
        topic: String,
        /// The channel that has it.
        channel: String,
    },
    /// The channel is retired.
    #[error("the channel {0} is retired: create another")]
    Retired(String),
    /// Nothing was granted on the channel.
    #[error("nothing is granted on the channel {0}")]
    NothingGrantedOn(String),
    /// The topic does not belong to the channel.
    #[error("the topic {topic} does not belong to the channel {channel}")]
    TopicOutside {
        /// The topic.
        topic: String,
        /// The channel.
        channel: String,
    },
    /// The channel has no key for this epoch and field.
    #[error("the channel {channel} has no key for epoch {}, field {field:?}", epoch.map_or_else(|| "(newest)".to_owned(), |epoch| epoch.to_string()))]
    NoSuchKey {
        /// The channel.
        channel: String,
        /// The epoch; `None` for the newest.
        epoch: Option<u32>,
        /// The field; empty for the whole value.
        field: String,
    },
    /// More than 255 fields.
    #[error("a channel has at most 255 fields, each named once")]
    TooManyFields,
    /// A signing key is named twice.
    #[error("a signing key has one role and one principal on a channel")]
    SignerTwice,
    /// The channel's keys do not follow from this administrator's master secret.
    #[error(
        "the keys of channel {0} do not follow from this master secret: is it the right home directory?"
    )]
    OtherMaster(String),
    /// The consumer's key is of the other suite.
    #[error(
        "the channel {channel} uses the suite {suite}, the consumer's key {key}: generate one for the channel's suite"
    )]
    Suite {
        /// The channel.
        channel: String,
        /// Its suite.
        suite: Suite,
        /// The key's suite.
        key: Suite,
    },
    /// There is no gateway to seal to.
    #[error(
        "no gateway is registered: name one with its public key (`nucypher admin add-gateway`)"
    )]
    NoGateways,
    /// More than 255 gateways.
    #[error("a grant is sealed to at most 255 gateways")]
    TooManyGateways,
    /// Nothing can be sealed to the gateway's key.
    #[error("nothing can be sealed to the gateway key {0}: it is not a valid X25519 key")]
    GatewayKey(GatewayKeyId),
    /// A key in two roles or suites, two keys with one id, or linked channels.
    #[error(transparent)]
    Separation(#[from] SeparationError),
    /// There is no grant with this id.
    #[error("there is no grant {0}: `nucypher grant list` shows what there is")]
    NoSuchGrant(EntryId),
    /// The principal was granted nothing.
    #[error("{0} was granted nothing")]
    NothingGranted(String),
    /// A text, a list or an entry is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// Proxy re-encryption refused.
    #[error(transparent)]
    Reencryption(#[from] nucypher_pre::Error),
    /// Secrets that cannot be split, or shares that do not give them back.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The clock shows a time before 1970 or the count of revisions has come to its end.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}
