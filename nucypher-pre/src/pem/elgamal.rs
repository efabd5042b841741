//! Key files of the classic scheme: PEM over the tagged encodings, under labels of their own, so that
//! neither OpenSSL nor a reader of KEM keys takes them for one of theirs. A private key is in clear, for a
//! file that nobody else can read, or under a passphrase in the container of the other keys: an
//! EncryptedPrivateKeyInfo (RFC 5958) whose plaintext is the tagged encoding.

use alloc::string::String;

use pkcs8::{
    EncryptedPrivateKeyInfoRef,
    der::{Decode, Encode, asn1::OctetStringRef},
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{PemError, decode, draw_encryption, encode};
use crate::elgamal::{
    ElGamalPublicKey, ElGamalReencryptionKey, ElGamalSecretKey, UnverifiedElGamalReencryptionKey,
};

/// The PEM label of an ElGamal public key.
pub const ELGAMAL_PUBLIC_KEY_LABEL: &str = "NUCYPHER ELGAMAL PUBLIC KEY";
/// The PEM label of an ElGamal private key.
pub const ELGAMAL_SECRET_KEY_LABEL: &str = "NUCYPHER ELGAMAL PRIVATE KEY";
/// The PEM label of an ElGamal private key under a passphrase.
pub const ELGAMAL_ENCRYPTED_SECRET_KEY_LABEL: &str = "NUCYPHER ELGAMAL ENCRYPTED PRIVATE KEY";
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
    /// Reads PEM with [`ELGAMAL_SECRET_KEY_LABEL`] over exactly 33 bytes, or with
    /// [`ELGAMAL_ENCRYPTED_SECRET_KEY_LABEL`], which needs the passphrase.
    ///
    /// Errors: [`PemError`]. Cost: with a passphrase, one scrypt (16 MiB, for a file of ours).
    pub fn from_pem(text: &str, passphrase: Option<&[u8]>) -> Result<Self, PemError> {
        let (label, document) = decode(text)?;
        match label {
            ELGAMAL_SECRET_KEY_LABEL => Ok(Self::from_bytes(&document)?),
            ELGAMAL_ENCRYPTED_SECRET_KEY_LABEL => {
                let passphrase = passphrase.ok_or(PemError::PassphraseNeeded)?;
                let info = EncryptedPrivateKeyInfoRef::from_der(&document)?;
                let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
                let plain = info
                    .encryption_algorithm
                    .decrypt_in_place(passphrase, &mut buffer)
                    .map_err(|_| PemError::Passphrase)?;
                Ok(Self::from_bytes(plain)?)
            }
            _ => Err(PemError::Label { expected: ELGAMAL_SECRET_KEY_LABEL }),
        }
    }

    /// Writes PEM under a passphrase (PBES2, scrypt, AES-256-CBC).
    ///
    /// Errors: none but for parameters that the container refuses, which ours are not.
    pub fn to_encrypted_pem(
        &self,
        passphrase: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<String>, PemError> {
        let parameters = draw_encryption(rng)?;
        let encrypted = parameters
            .encrypt(passphrase, self.to_bytes().as_ref())
            .map_err(|_| PemError::Passphrase)?;
        let document = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: parameters.into(),
            encrypted_data: OctetStringRef::new(&encrypted)?,
        };
        encode(ELGAMAL_ENCRYPTED_SECRET_KEY_LABEL, &document.to_der()?).map(Zeroizing::new)
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
