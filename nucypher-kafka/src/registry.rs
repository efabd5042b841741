//! The registry: who may read which channel, signed by administrators, checked by gateways.
//!
//! An *administrator* ([`Administrator`]) writes signed entries: channel descriptors, grants,
//! pass-through grants, and one signed head that binds the whole set. A *gateway* ([`Loader`],
//! or `RegistryHandle` with the feature `gateway`) reads them from a [`Directory`], checks all of
//! it and serves an immutable [`Snapshot`] to the fetch path. Everything in the registry is
//! public but the re-encryption keys, which are sealed to the gateways that may use them.
//!
//! Specification: `docs/spec/registry.md`.
//!
//! | module | says |
//! | --- | --- |
//! | `codec` | a bounded reader; what "malformed" means |
//! | `key` | administrators' and gateways' keys and their ids |
//! | `custody` | secret key files on disk: mode 0600 |
//! | `channel`, `grant`, `head` | the signed bodies, byte by byte |
//! | `entry` | a signed body as it is stored: binary and PEM |
//! | `seal` | re-encryption keys sealed to gateways (HPKE) |
//! | `ledger` | which stored entries count: one administrator's set under its head |
//! | `separation` | keys keep one role, and channels stay apart |
//! | `snapshot` | what a gateway knows: built once, looked up often |
//! | `seen` | the highest revisions seen, kept across restarts |
//! | `directory`, `loader`, `watch` | from files to snapshots, again and again |
//! | `topic` | the same from a compacted topic |
//! | `administrator`, `overview` | the administrator's operations, and what they list |

mod administrator;
mod channel;
mod codec;
mod custody;
mod directory;
mod entry;
#[doc(hidden)]
pub mod fixture;
mod grant;
mod head;
mod key;
mod ledger;
mod loader;
mod name;
mod overview;
mod seal;
mod seen;
mod separation;
mod snapshot;
#[cfg(feature = "gateway")]
mod topic;
#[cfg(feature = "gateway")]
mod watch;

#[cfg(test)]
mod tests;

pub use administrator::{
    Administrator, AdministratorError, ChannelChange, Consumer, GrantRequest, NewChannel, NewField,
    NotCarried, PassThroughRequest, Rotated, ShareError,
};
pub use channel::{
    ChannelDescriptor, ChannelKey, ProducerKey, ProtectedField, RequiredSignature, Signer,
    SignerRole,
};
pub use codec::Malformed;
pub use custody::{KeyFileError, read_secret_file, write_secret_file};
pub use directory::{Directory, DirectoryError, Found};
pub use entry::{Entry, EntryError, EntryId, EntryKind, fuzz_registry_entry};
pub use grant::{GrantBody, PassThroughBody, Validity, ValidityError};
pub use head::Head;
pub use key::{AdministratorKey, GatewayKeyId, GatewayPublicKey, GatewaySecretKey, SigningKeyId};
pub use ledger::Refusal;
pub use loader::{LoadError, Loader, Sources};
pub use name::{NameError, is_topic, normalise_principal};
pub use overview::{
    ChannelKeySummary, ChannelSummary, GrantKind, GrantStatus, GrantSummary, Overview,
    OverviewError,
};
pub use seen::{Seen, SeenError};
pub use separation::SeparationError;
pub use snapshot::{
    Access, ActiveGrant, Channel, Problem, ProblemKind, Snapshot, SnapshotError, Trust,
};
#[cfg(feature = "gateway")]
pub use topic::{RegistryTopic, TopicError};
#[cfg(feature = "gateway")]
pub use watch::{RegistryHandle, RegistryWatcher, WatchError};
