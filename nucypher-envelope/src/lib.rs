#![doc = include_str!("../README.md")]
//!
//! # Reading order
//!
//! `wire` and `limits` hold the constants; [`Edek`] and [`EdekHeader`] parse; `dem` derives a DEK and
//! encrypts under it; [`SealedValue`] is what comes out, bound by `binding`; a [`Session`] hands
//! out nonces; [`Sealer`] and [`Opener`] are what producers and consumers call; the file functions
//! do the same without records. [`signature`] says who sealed. The specification is `docs/spec/envelope.md`.

mod binding;
mod compression;
mod delegating_key;
mod dem;
mod edek;
mod error;
#[cfg(feature = "fields")]
pub mod field;
mod file;
#[doc(hidden)]
pub mod fuzzing;
mod header;
pub mod key_file;
#[cfg(test)]
mod known_answer;
mod limits;
mod open;
mod places;
mod seal;
mod session;
pub mod signature;
mod text;
mod value;
mod wire;

pub use binding::{ChannelName, Place};
pub use compression::{Compression, Compressor};
pub use dem::Dek;
pub use edek::{Edek, State, WHOLE_VALUE};
pub use error::{ConfigError, Malformed, OpenError, ReencryptError, SealError};
pub use file::{FILE_OVERHEAD, open_file, reencrypt_file, seal_file, split_file};
pub use header::EdekHeader;
pub use limits::{
    DEFAULT_CACHED_DEKS, DEFAULT_MAX_DECOMPRESSED, DEFAULT_PLACES, EDEK_LEN, Limits,
    MAX_DECOMPRESSED_FILE, MAX_EDEKS, MAX_SESSION_AGE, MAX_SESSION_BYTES, MAX_SESSION_CALLS,
    MAX_TEXT, SEALED_OVERHEAD, SIGNATURE_LEN,
};
pub use nucypher_pre as pre;
pub use open::{Opened, Opener, OpenerConfig, SealedRecordRef};
pub use seal::{KeyBinding, PlaceBinding, Record, SealedRecord, Sealer, SealerConfig};
pub use session::{Bound, Session, Turn};
pub use text::{Padding, Text};
pub use value::{Flags, Nonce, SealedValue};
pub use wire::{EDEK_HEADER, NULL_HEADER, SIGNATURE_HEADER};
