#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod ark;
mod capsule;
mod curve;
mod delegation;
mod derive;
pub mod elgamal;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod key;
#[cfg(feature = "pem")]
mod pem;
pub mod proof;
mod reencrypt;
mod scheme;
mod secret;
pub mod split;
mod transcript;

pub use capsule::{Capsule, Precursor};
pub use curve::{POINT_LEN, SCALAR_LEN};
pub use delegation::{DelegationKind, ReencryptionKey, UnverifiedReencryptionKey};
pub use derive::MasterSecret;
pub use error::Error;
pub use key::{KeyId, PreparedPublicKey, PublicKey, SecretKey};
#[cfg(feature = "pem")]
pub use pem::{
    ELGAMAL_ENCRYPTED_SECRET_KEY_LABEL, ELGAMAL_PUBLIC_KEY_LABEL, ELGAMAL_REENCRYPTION_KEY_LABEL,
    ELGAMAL_SECRET_KEY_LABEL, PemError, REENCRYPTION_KEY_LABEL,
};
pub use rand_core;
pub use scheme::{Suite, UnknownSuite};
pub use secret::SharedSecret;

/// The operating system's random number generator.
///
/// Panics when the operating system has no randomness to give: a process without it must not
/// go on.
#[cfg(feature = "getrandom")]
pub fn os_rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}
