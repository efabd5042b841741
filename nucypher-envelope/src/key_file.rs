//! Key files of 32 secret or public bytes: PKCS#8 and SPKI PEM as RFC 8410 has them, which OpenSSL
//! reads and writes; a secret may be under a passphrase (PBES2, RFC 8018: scrypt and AES-256-CBC).
//!
//! A secret is wrapped as RFC 8410 does (an OCTET STRING inside `privateKey`); the algorithm says whose
//! it is, so that a key of one kind is not taken for another's. Called by `signature`, and by
//! nucypher-kafka for the keys of administrators and gateways. Specification: `docs/spec/pre.md`,
//! "Encodings". Cost: with a passphrase, one scrypt.

use core::fmt;

use nucypher_pre::rand_core::CryptoRng;
use pkcs8::{
    AlgorithmIdentifierRef, EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SubjectPublicKeyInfoRef,
    der::{
        self, Decode, Encode,
        asn1::{BitStringRef, OctetStringRef},
        pem::{self, LineEnding},
    },
    pkcs5::{pbes2, scrypt},
};
use zeroize::Zeroizing;

pub use pkcs8::ObjectIdentifier;

const PUBLIC_LABEL: &str = "PUBLIC KEY";
const PRIVATE_LABEL: &str = "PRIVATE KEY";
const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// N = 2^14, r = 8, p = 1: 16 MiB, the largest that OpenSSL 3 reads with its default limits.
const SCRYPT_LOG_N: u8 = 14;

/// Why a key file cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFormatError {
    /// Not text, or not a PEM document.
    NotPem,
    /// A PEM document with another label than the one named.
    Label {
        /// The label required.
        expected: &'static str,
    },
    /// The content is not a key in PKCS#8 or SPKI form.
    Structure,
    /// A key of another kind.
    Algorithm {
        /// The object identifier required.
        expected: ObjectIdentifier,
        /// The object identifier found.
        found: ObjectIdentifier,
    },
    /// The file is encrypted and no passphrase was given.
    PassphraseNeeded,
    /// The passphrase is wrong, or the file uses an encryption that is not supported.
    Passphrase,
    /// The key itself is not valid.
    Key,
}

impl fmt::Display for KeyFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem => f.write_str("not a PEM file"),
            Self::Label { expected } => write!(f, "expected a PEM file with the label {expected}"),
            Self::Structure => f.write_str("the content is not a PKCS#8 or SPKI key"),
            Self::Algorithm { expected, found } => write!(
                f,
                "a key for another purpose: expected {expected}, found the algorithm {found}"
            ),
            Self::PassphraseNeeded => f.write_str("the key is encrypted: a passphrase is needed"),
            Self::Passphrase => f.write_str("wrong passphrase, or an unsupported encryption"),
            Self::Key => f.write_str("the key is not valid"),
        }
    }
}

impl core::error::Error for KeyFormatError {}

impl From<der::Error> for KeyFormatError {
    fn from(_: der::Error) -> Self {
        Self::Structure
    }
}

/// Reads a public key from SPKI PEM.
pub fn decode_public(algorithm: ObjectIdentifier, text: &str) -> Result<[u8; 32], KeyFormatError> {
    let (label, document) = decode(text)?;
    if label != PUBLIC_LABEL {
        return Err(KeyFormatError::Label { expected: PUBLIC_LABEL });
    }
    let info = SubjectPublicKeyInfoRef::from_der(&document)?;
    check(algorithm, &info.algorithm)?;
    let bytes = info.subject_public_key.as_bytes().ok_or(KeyFormatError::Structure)?;
    bytes.try_into().map_err(|_| KeyFormatError::Structure)
}

/// Writes a public key as SPKI PEM.
pub fn encode_public(
    algorithm: ObjectIdentifier,
    key: &[u8; 32],
) -> Result<String, KeyFormatError> {
    let info = SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifierRef { oid: algorithm, parameters: None },
        subject_public_key: BitStringRef::from_bytes(key)?,
    };
    encode(PUBLIC_LABEL, &info.to_der()?)
}

/// Reads a secret from PKCS#8 PEM; an encrypted one needs the passphrase.
pub fn decode_secret(
    algorithm: ObjectIdentifier,
    text: &str,
    passphrase: Option<&[u8]>,
) -> Result<Zeroizing<[u8; 32]>, KeyFormatError> {
    let (label, document) = decode(text)?;
    match label {
        PRIVATE_LABEL => from_pkcs8(algorithm, &document),
        ENCRYPTED_LABEL => {
            let passphrase = passphrase.ok_or(KeyFormatError::PassphraseNeeded)?;
            let document = EncryptedPrivateKeyInfoRef::from_der(&document)?
                .decrypt(passphrase)
                .map_err(|_| KeyFormatError::Passphrase)?;
            from_pkcs8(algorithm, document.as_bytes())
        }
        _ => Err(KeyFormatError::Label { expected: PRIVATE_LABEL }),
    }
}

/// Writes a secret as PKCS#8 PEM, under the passphrase if there is one. The result is the secret.
pub fn encode_secret(
    algorithm: ObjectIdentifier,
    secret: &[u8; 32],
    passphrase: Option<&[u8]>,
    rng: &mut impl CryptoRng,
) -> Result<Zeroizing<String>, KeyFormatError> {
    let inner = Zeroizing::new(OctetStringRef::new(secret)?.to_der()?);
    let info = PrivateKeyInfoRef::new(
        AlgorithmIdentifierRef { oid: algorithm, parameters: None },
        OctetStringRef::new(&inner)?,
    );
    match passphrase {
        None => encode(PRIVATE_LABEL, &Zeroizing::new(info.to_der()?)),
        Some(passphrase) => {
            let parameters = encryption(rng).ok_or(KeyFormatError::Passphrase)?;
            let document = info
                .encrypt_with_params(parameters, passphrase)
                .map_err(|_| KeyFormatError::Passphrase)?;
            encode(ENCRYPTED_LABEL, document.as_bytes())
        }
    }
    .map(Zeroizing::new)
}

fn encryption(rng: &mut impl CryptoRng) -> Option<pbes2::Parameters> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut iv);
    let cost = scrypt::Params::new(SCRYPT_LOG_N, 8, 1).ok()?;
    pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).ok()
}

fn from_pkcs8(
    algorithm: ObjectIdentifier,
    document: &[u8],
) -> Result<Zeroizing<[u8; 32]>, KeyFormatError> {
    let info = PrivateKeyInfoRef::from_der(document)?;
    check(algorithm, &info.algorithm)?;
    let inner = <&OctetStringRef>::from_der(info.private_key.as_bytes())?;
    inner.as_bytes().try_into().map(Zeroizing::new).map_err(|_| KeyFormatError::Structure)
}

fn check(
    expected: ObjectIdentifier,
    found: &AlgorithmIdentifierRef<'_>,
) -> Result<(), KeyFormatError> {
    if found.oid == expected && found.parameters.is_none() {
        Ok(())
    } else {
        Err(KeyFormatError::Algorithm { expected, found: found.oid })
    }
}

fn decode(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), KeyFormatError> {
    pem::decode_vec(text.as_bytes())
        .map(|(label, document)| (label, Zeroizing::new(document)))
        .map_err(|_| KeyFormatError::NotPem)
}

fn encode(label: &'static str, document: &[u8]) -> Result<String, KeyFormatError> {
    pem::encode_string(label, LineEnding::LF, document).map_err(|_| KeyFormatError::Structure)
}
