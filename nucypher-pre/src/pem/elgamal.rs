//! Key files of the classic scheme: PEM over the tagged encodings, under labels of their own, so that
//! neither OpenSSL nor a reader of KEM keys takes them for one of theirs. In clear: keep private ones
//! in files that nobody else can read.

use alloc::string::String;

use zeroize::Zeroizing;

use super::{PemError, decode, encode};
use crate::elgamal::{
    ElGamalPublicKey, ElGamalReencryptionKey, ElGamalSecretKey, UnverifiedElGamalReencryptionKey,
};

/// The PEM label of an ElGamal public key.
pub const ELGAMAL_PUBLIC_KEY_LABEL: &str = "NUCYPHER ELGAMAL PUBLIC KEY";
/// The PEM label of an ElGamal private key.
pub const ELGAMAL_SECRET_KEY_LABEL: &str = "NUCYPHER ELGAMAL PRIVATE KEY";
/// The PEM label of a re-encryption key of the classic scheme.
pub const ELGAMAL_REENCRYPTION_KEY_LABEL: &str = "NUCYPHER ELGAMAL REENCRYPTION KEY";

fn read<T>(
    text: &str,
    expected: &'static str,
    parse: impl FnOnce(&[u8]) -> Result<T, crate::Error>,
) -> Result<T, PemError> {
    let (label, document) = decode(text)?;
    if label == expected { Ok(parse(&document)?) } else { Err(PemError::Label { expected }) }
}

impl ElGamalPublicKey {
    /// Reads PEM with [`ELGAMAL_PUBLIC_KEY_LABEL`] over exactly 34 bytes. Errors: [`PemError`].
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        read(text, ELGAMAL_PUBLIC_KEY_LABEL, Self::from_bytes)
    }

    /// Writes PEM. Errors: none for a key that exists.
    pub fn to_pem(&self) -> Result<String, PemError> {
        encode(ELGAMAL_PUBLIC_KEY_LABEL, &self.to_bytes())
    }
}

impl ElGamalSecretKey {
    /// Reads PEM with [`ELGAMAL_SECRET_KEY_LABEL`] over exactly 33 bytes. Errors: [`PemError`].
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        read(text, ELGAMAL_SECRET_KEY_LABEL, Self::from_bytes)
    }

    /// Writes PEM in clear. The result is the secret. Errors: none for a key that exists.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, PemError> {
        encode(ELGAMAL_SECRET_KEY_LABEL, self.to_bytes().as_ref()).map(Zeroizing::new)
    }
}

impl ElGamalReencryptionKey {
    /// Writes PEM in clear. The result is a secret. Errors: none for a key that exists.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, PemError> {
        encode(ELGAMAL_REENCRYPTION_KEY_LABEL, self.to_bytes().as_ref()).map(Zeroizing::new)
    }
}

impl UnverifiedElGamalReencryptionKey {
    /// Reads PEM with [`ELGAMAL_REENCRYPTION_KEY_LABEL`] over exactly 99 bytes. Errors: [`PemError`].
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        read(text, ELGAMAL_REENCRYPTION_KEY_LABEL, Self::from_bytes)
    }
}
