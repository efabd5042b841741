//! Key files: PKCS#8 (RFC 5958) and SPKI (RFC 5280) PEM with curve secp256k1 (RFC 5480, SEC 2),
//! as OpenSSL reads and writes them; and the re-encryption key file.
//!
//! A private key file may be encrypted with a passphrase: PBES2 (RFC 8018) with scrypt
//! (N = 2^14, r = 8, p = 1 when written, OpenSSL's own default) and AES-256-CBC. A file does not say to which suite its key
//! belongs: the caller does.

mod elgamal;

use alloc::{string::String, vec::Vec};
use core::fmt;

use pkcs8::{
    AlgorithmIdentifierRef, EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef,
    SubjectPublicKeyInfoRef,
    der::{
        self, Decode, Encode,
        asn1::{AnyRef, BitStringRef, OctetStringRef},
        pem::{self, LineEnding},
    },
    pkcs5::{pbes2, scrypt},
};
use rand_core::CryptoRng;
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

pub use elgamal::{
    ELGAMAL_ENCRYPTED_SECRET_KEY_LABEL, ELGAMAL_PUBLIC_KEY_LABEL, ELGAMAL_REENCRYPTION_KEY_LABEL,
    ELGAMAL_SECRET_KEY_LABEL,
};

use crate::{
    capsule::Precursor,
    curve::{POINT_LEN, Point, SCALAR_LEN},
    delegation::{DelegationKind, ReencryptionKey, UnverifiedReencryptionKey},
    error::Error,
    key::{PublicKey, SecretKey},
    scheme::Suite,
};

const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");

const PUBLIC_LABEL: &str = "PUBLIC KEY";
const PRIVATE_LABEL: &str = "PRIVATE KEY";
const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";
/// The PEM label of a re-encryption key file.
pub const REENCRYPTION_KEY_LABEL: &str = "NUCYPHER REENCRYPTION KEY";

/// N = 2^14, r = 8, p = 1: 16 MiB, the largest N that OpenSSL 3 reads without raising its own limit.
const SCRYPT_LOG_N: u8 = 14;

const REENCRYPTION_KEY_VERSION: u8 = 1;
/// version || suite || state || A || B || X || T || rk.
const REENCRYPTION_KEY_LEN: usize = 3 + 4 * POINT_LEN + SCALAR_LEN;

/// Why a key file cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemError {
    /// Not a PEM document.
    NotPem,
    /// A PEM document with another label than the one named.
    Label {
        /// The label required.
        expected: &'static str,
    },
    /// The DER inside is not a key in PKCS#8 or SPKI form.
    Structure,
    /// A key on another curve, or not an elliptic curve key.
    NotSecp256k1,
    /// The file is encrypted and no passphrase was given.
    PassphraseNeeded,
    /// The passphrase is wrong, or the file uses an encryption that is not supported.
    Passphrase,
    /// The public key inside a private key file is not that of the private key.
    PublicKeyMismatch,
    /// An unknown version, suite or state in a re-encryption key file.
    Unsupported {
        /// The field.
        field: &'static str,
    },
    /// The key itself is not valid.
    Key(Error),
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem => f.write_str("not a PEM file"),
            Self::Label { expected } => write!(f, "expected a PEM file with the label {expected}"),
            Self::Structure => f.write_str("the content is not a PKCS#8 or SPKI key"),
            Self::NotSecp256k1 => f.write_str("not a key on the curve secp256k1"),
            Self::PassphraseNeeded => f.write_str("the key is encrypted: a passphrase is needed"),
            Self::Passphrase => f.write_str("wrong passphrase, or an unsupported encryption"),
            Self::PublicKeyMismatch => {
                f.write_str("the public key in the file does not belong to the private key")
            }
            Self::Unsupported { field } => write!(f, "unsupported {field}"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PemError {}

impl From<Error> for PemError {
    fn from(error: Error) -> Self {
        Self::Key(error)
    }
}

impl From<der::Error> for PemError {
    fn from(_: der::Error) -> Self {
        Self::Structure
    }
}

impl PublicKey {
    /// Reads SPKI PEM, the point compressed or not.
    pub fn from_pem(suite: Suite, text: &str) -> Result<Self, PemError> {
        let (label, document) = decode(text)?;
        if label != PUBLIC_LABEL {
            return Err(PemError::Label { expected: PUBLIC_LABEL });
        }
        let info = SubjectPublicKeyInfoRef::from_der(&document)?;
        check_algorithm(&info.algorithm)?;
        let bytes = info.subject_public_key.as_bytes().ok_or(PemError::Structure)?;
        Ok(Self::new(suite, point(bytes)?))
    }

    /// Writes SPKI PEM, the point compressed.
    pub fn to_pem(&self) -> Result<String, PemError> {
        let bytes = self.to_bytes();
        let info = SubjectPublicKeyInfoRef {
            algorithm: algorithm(),
            subject_public_key: BitStringRef::from_bytes(&bytes)?,
        };
        encode(PUBLIC_LABEL, &info.to_der()?)
    }
}

impl SecretKey {
    /// Reads PKCS#8 PEM; an encrypted one needs the passphrase.
    ///
    /// Cost: with a passphrase, one scrypt (16 MiB, some 50 ms, for a file of ours).
    pub fn from_pem(suite: Suite, text: &str, passphrase: Option<&[u8]>) -> Result<Self, PemError> {
        let (label, document) = decode(text)?;
        match label {
            PRIVATE_LABEL => Self::from_pkcs8(suite, &document),
            ENCRYPTED_LABEL => {
                let passphrase = passphrase.ok_or(PemError::PassphraseNeeded)?;
                let document = EncryptedPrivateKeyInfoRef::from_der(&document)?
                    .decrypt(passphrase)
                    .map_err(|_| PemError::Passphrase)?;
                Self::from_pkcs8(suite, document.as_bytes())
            }
            _ => Err(PemError::Label { expected: PRIVATE_LABEL }),
        }
    }

    fn from_pkcs8(suite: Suite, document: &[u8]) -> Result<Self, PemError> {
        let info = PrivateKeyInfoRef::from_der(document)?;
        check_algorithm(&info.algorithm)?;
        let inner = EcPrivateKey::from_der(info.private_key.as_bytes())?;
        let key = Self::from_bytes(suite, inner.private_key)?;
        match inner.public_key {
            Some(public) if point(public)? != *key.public_key().point() => {
                Err(PemError::PublicKeyMismatch)
            }
            _ => Ok(key),
        }
    }

    /// Writes PKCS#8 PEM in clear. The result is the secret.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, PemError> {
        let document = self.with_pkcs8(|info| Ok(Zeroizing::new(info.to_der()?)))?;
        encode(PRIVATE_LABEL, &document).map(Zeroizing::new)
    }

    /// Writes PKCS#8 PEM under a passphrase (PBES2, scrypt, AES-256-CBC).
    pub fn to_encrypted_pem(
        &self,
        passphrase: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<String>, PemError> {
        let parameters = draw_encryption(rng)?;
        let document = self.with_pkcs8(|info| {
            info.encrypt_with_params(parameters, passphrase).map_err(|_| PemError::Passphrase)
        })?;
        encode(ENCRYPTED_LABEL, document.as_bytes()).map(Zeroizing::new)
    }

    fn with_pkcs8<T>(
        &self,
        write: impl FnOnce(&PrivateKeyInfoRef<'_>) -> Result<T, PemError>,
    ) -> Result<T, PemError> {
        let secret = self.to_bytes();
        let public = self.public_key().to_bytes();
        let inner = EcPrivateKey {
            private_key: secret.as_ref(),
            parameters: None,
            public_key: Some(&public),
        };
        let inner = Zeroizing::new(inner.to_der()?);
        write(&PrivateKeyInfoRef::new(algorithm(), OctetStringRef::new(&inner)?))
    }
}

impl ReencryptionKey {
    /// Writes the re-encryption key file: PEM over 167 bytes, version 1 || suite || state (1
    /// interactive, 2 non-interactive) || A || B || X (or zeros) || T || rk. The result is a secret.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, PemError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(REENCRYPTION_KEY_LEN));
        bytes.extend([REENCRYPTION_KEY_VERSION, self.suite().as_byte()]);
        bytes.push(match self.kind() {
            DelegationKind::Interactive => 1,
            DelegationKind::NonInteractive => 2,
        });
        bytes.extend(self.delegator().to_bytes());
        bytes.extend(self.delegatee().to_bytes());
        bytes.extend(self.precursor().map_or([0; POINT_LEN], Precursor::to_bytes));
        bytes.extend(self.target_bytes());
        bytes.extend(self.to_scalar_bytes().iter());
        encode(REENCRYPTION_KEY_LABEL, &bytes).map(Zeroizing::new)
    }
}

impl UnverifiedReencryptionKey {
    /// Reads a re-encryption key file.
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        let (label, document) = decode(text)?;
        if label != REENCRYPTION_KEY_LABEL {
            return Err(PemError::Label { expected: REENCRYPTION_KEY_LABEL });
        }
        if document.len() != REENCRYPTION_KEY_LEN {
            let found = document.len();
            return Err(Error::Length { expected: REENCRYPTION_KEY_LEN, found }.into());
        }
        let (head, rest) = document.split_at(3);
        let &[version, suite, state] = head else {
            return Err(PemError::Structure);
        };
        if version != REENCRYPTION_KEY_VERSION {
            return Err(PemError::Unsupported { field: "version" });
        }
        let suite = Suite::from_byte(suite).ok_or(PemError::Unsupported { field: "suite" })?;
        let (points, scalar) = rest.split_at(4 * POINT_LEN);
        let [delegator, delegatee, precursor, target] = points.as_chunks::<POINT_LEN>().0 else {
            return Err(PemError::Structure);
        };
        let precursor = match state {
            1 if *precursor == [0; POINT_LEN] => None,
            2 => Some(Precursor::from_bytes(precursor)?),
            _ => return Err(PemError::Unsupported { field: "state" }),
        };
        Ok(Self::new(
            PublicKey::from_bytes(suite, delegator)?,
            PublicKey::from_bytes(suite, delegatee)?,
            precursor,
            target,
            scalar,
        )?)
    }
}

/// PBES2 with scrypt and AES-256-CBC, salt and initialisation vector drawn.
fn draw_encryption(rng: &mut impl CryptoRng) -> Result<pbes2::Parameters, PemError> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut iv);
    scrypt::Params::new(SCRYPT_LOG_N, 8, 1)
        .ok()
        .and_then(|cost| pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).ok())
        .ok_or(PemError::Passphrase)
}

fn decode(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), PemError> {
    pem::decode_vec(text.as_bytes())
        .map(|(label, document)| (label, Zeroizing::new(document)))
        .map_err(|_| PemError::NotPem)
}

fn encode(label: &'static str, document: &[u8]) -> Result<String, PemError> {
    pem::encode_string(label, LineEnding::LF, document).map_err(|_| PemError::Structure)
}

fn algorithm() -> AlgorithmIdentifierRef<'static> {
    AlgorithmIdentifierRef { oid: ID_EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&SECP256K1)) }
}

fn check_algorithm(found: &AlgorithmIdentifierRef<'_>) -> Result<(), PemError> {
    if *found == algorithm() { Ok(()) } else { Err(PemError::NotSecp256k1) }
}

fn point(bytes: &[u8]) -> Result<Point, Error> {
    if bytes.len() == POINT_LEN {
        Point::from_compressed(bytes)
    } else {
        Point::from_uncompressed(bytes)
    }
}
