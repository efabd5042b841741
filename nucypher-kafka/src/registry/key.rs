//! Keys of administrators (Ed25519, they sign) and of gateways (X25519, re-encryption keys are
//! sealed to them), their ids and their files.
//!
//! ```text
//! sig_id(V)         = first 8 bytes of SHA-256("nucypher/v1/sig-key-id" || V)
//! gateway_key_id(P) = first 8 bytes of SHA-256("nucypher/v1/gateway-key-id" || P)
//! ```
//!
//! Ids are look-up handles, not proofs. Files are PKCS#8 and SPKI PEM in the form of RFC 8410,
//! which OpenSSL reads and writes (`openssl genpkey -algorithm x25519`).

use std::{fmt, str::FromStr};

use hpke::{Deserializable, Kem, Serializable, kem::X25519HkdfSha256};
use nucypher_envelope::{
    key_file::{self, KeyFormatError},
    signature::VerifyingKey,
};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::custody::{KeyFileError, OID_X25519};

const GATEWAY_KEY_ID: &[u8] = b"nucypher/v1/gateway-key-id";

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 8]);

        impl $name {
            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; 8]) -> Self {
                Self(bytes)
            }

            /// The 8 bytes.
            pub const fn as_bytes(&self) -> &[u8; 8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", u64::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = $crate::registry::key::BadId;

            /// 16 hexadecimal digits.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                match u64::from_str_radix(text, 16) {
                    Ok(id) if digits => Ok(Self(id.to_be_bytes())),
                    _ => Err($crate::registry::key::BadId),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}
pub(super) use id;

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 16 hexadecimal digits")]
pub struct BadId;

id! {
    /// The id of a signing key.
    SigningKeyId
}

id! {
    /// The id of a gateway's key.
    GatewayKeyId
}

/// The first 8 bytes of SHA-256(domain || bytes).
fn short_id(domain: &[u8], bytes: &[u8; 32]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::new_with_prefix(domain).chain_update(bytes).finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    [a, b, c, d, e, f, g, h]
}

/// An administrator's public key: who holds it can check what that administrator signed. A type of its
/// own, so that it is not taken for a producer's.
#[derive(Clone, PartialEq, Eq)]
pub struct AdministratorKey(VerifyingKey);

impl AdministratorKey {
    /// Decodes 32 bytes. Keys of small order (they verify what nobody signed) and second spellings of a
    /// key are refused.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyFileError> {
        Ok(Self(VerifyingKey::from_bytes(bytes).map_err(|_| KeyFormatError::Key)?))
    }

    /// Encodes 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Reads SPKI PEM.
    pub fn from_pem(text: &str) -> Result<Self, KeyFileError> {
        Ok(Self(VerifyingKey::from_pem(text)?))
    }

    /// Writes SPKI PEM.
    pub fn to_pem(&self) -> Result<String, KeyFileError> {
        Ok(self.0.to_pem()?)
    }

    /// The key's id.
    pub fn id(&self) -> SigningKeyId {
        SigningKeyId(*self.0.id().as_bytes())
    }

    /// As [`VerifyingKey::verifies`].
    pub(super) fn verifies(&self, body: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verifies(body, signature)
    }
}

impl fmt::Debug for AdministratorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdministratorKey({})", self.id())
    }
}

/// A gateway's public key, to which re-encryption keys are sealed.
#[derive(Clone)]
pub struct GatewayPublicKey {
    bytes: [u8; 32],
    id: GatewayKeyId,
}

impl GatewayPublicKey {
    /// Takes 32 bytes. (Every string of 32 bytes is an X25519 key; HPKE refuses those of small
    /// order when sealing.)
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, id: GatewayKeyId(short_id(GATEWAY_KEY_ID, &bytes)) }
    }

    /// The 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.bytes
    }

    /// Reads SPKI PEM.
    pub fn from_pem(text: &str) -> Result<Self, KeyFileError> {
        Ok(Self::from_bytes(key_file::decode_public(OID_X25519, text)?))
    }

    /// Writes SPKI PEM.
    pub fn to_pem(&self) -> Result<String, KeyFileError> {
        Ok(key_file::encode_public(OID_X25519, &self.bytes)?)
    }

    /// The key's id.
    pub fn id(&self) -> GatewayKeyId {
        self.id
    }
}

impl PartialEq for GatewayPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for GatewayPublicKey {}

impl fmt::Debug for GatewayPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayPublicKey({})", self.id)
    }
}

/// A gateway's private key. Secret: it opens every re-encryption key sealed to the gateway.
#[derive(Clone)]
pub struct GatewaySecretKey {
    secret: <X25519HkdfSha256 as Kem>::PrivateKey,
    public: GatewayPublicKey,
}

impl GatewaySecretKey {
    /// Draws a key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut());
        loop {
            // X25519 takes any 32 bytes (they are clamped), so the first round ends the loop.
            if let Ok(key) = Self::from_bytes(&bytes) {
                return key;
            }
            rng.fill_bytes(bytes.as_mut());
        }
    }

    /// Takes 32 bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyFileError> {
        let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(bytes)
            .map_err(|_| KeyFormatError::Key)?;
        let public = X25519HkdfSha256::sk_to_pk(&secret).to_bytes().into();
        Ok(Self { secret, public: GatewayPublicKey::from_bytes(public) })
    }

    /// Reads PKCS#8 PEM; an encrypted one needs the passphrase.
    pub fn from_pem(text: &str, passphrase: Option<&[u8]>) -> Result<Self, KeyFileError> {
        Self::from_bytes(&*key_file::decode_secret(OID_X25519, text, passphrase)?)
    }

    /// Writes PKCS#8 PEM, under the passphrase if there is one. The result is the secret.
    pub fn to_pem(
        &self,
        passphrase: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<String>, KeyFileError> {
        let bytes = Zeroizing::new(self.secret.to_bytes().into());
        Ok(key_file::encode_secret(OID_X25519, &bytes, passphrase, rng)?)
    }

    /// The public key.
    pub fn public_key(&self) -> &GatewayPublicKey {
        &self.public
    }

    /// The id of the public key.
    pub fn id(&self) -> GatewayKeyId {
        self.public.id
    }

    pub(super) fn hpke(&self) -> &<X25519HkdfSha256 as Kem>::PrivateKey {
        &self.secret
    }
}

impl fmt::Debug for GatewaySecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewaySecretKey({}, ..)", self.public.id)
    }
}
