//! Secret key files of administrators and gateways: PKCS#8 PEM (RFC 5958, RFC 8410), optionally
//! under a passphrase (PBES2, RFC 8018: scrypt and AES-256-CBC), mode 0600 on disk. All of it as
//! the keys of `nucypher-pre`, `docs/spec/pre.md`, "Encodings".
//!
//! Every secret here is 32 bytes, wrapped as RFC 8410 does (an OCTET STRING inside
//! `privateKey`); the algorithm says whose it is, so that a signing key is not taken for a
//! gateway's. The master secret carries id-alg-hkdf-with-sha256 (RFC 8619), which is what it is.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use pem_rfc7468::LineEnding;
use pkcs8::{
    AlgorithmIdentifierRef, EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef,
    SubjectPublicKeyInfoRef,
    der::{
        Decode, Encode,
        asn1::{BitStringRef, OctetStringRef},
    },
    pkcs5::{pbes2, scrypt},
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

pub(super) const OID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const OID_X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
/// id-alg-hkdf-with-sha256: the administrator's master secret.
pub(super) const OID_MASTER: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.3.28");

const PUBLIC_LABEL: &str = "PUBLIC KEY";
const PRIVATE_LABEL: &str = "PRIVATE KEY";
const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// scrypt with N = 2^14, r = 8: 16 MiB, the largest that OpenSSL 3 reads with its default limits.
const SCRYPT_LOG_N: u8 = 14;

/// No key file is as long; a longer one is not read.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Others than the owner may read the file.
    #[error("the key file is open to others (mode {mode:03o}): run `chmod 600` on it")]
    Permissions {
        /// The file's permission bits.
        mode: u32,
    },
    /// Longer than any key file.
    #[error("too long for a key file")]
    TooLong,
    /// Not text, or not PEM.
    #[error("not a PEM file")]
    NotPem,
    /// PEM with another label.
    #[error("expected a PEM file with the label {expected}")]
    Label {
        /// The label required.
        expected: &'static str,
    },
    /// The content is not PKCS#8 or SPKI.
    #[error("the content is not a PKCS#8 or SPKI key")]
    Structure,
    /// A key of another kind.
    #[error("a key for another purpose: expected {expected}, found the algorithm {found}")]
    Algorithm {
        /// The object identifier required.
        expected: ObjectIdentifier,
        /// The object identifier found.
        found: ObjectIdentifier,
    },
    /// The file is encrypted.
    #[error("the key is encrypted: a passphrase is needed")]
    PassphraseNeeded,
    /// The file cannot be decrypted.
    #[error("wrong passphrase, or an unsupported encryption")]
    Passphrase,
    /// The key itself is not valid.
    #[error("the key is not valid")]
    Key,
}

impl From<pkcs8::der::Error> for KeyFileError {
    fn from(_: pkcs8::der::Error) -> Self {
        Self::Structure
    }
}

pub(super) fn decode_public(oid: ObjectIdentifier, text: &str) -> Result<[u8; 32], KeyFileError> {
    let (label, document) = decode_pem(text)?;
    if label != PUBLIC_LABEL {
        return Err(KeyFileError::Label { expected: PUBLIC_LABEL });
    }
    let info = SubjectPublicKeyInfoRef::from_der(&document)?;
    check_algorithm(oid, &info.algorithm)?;
    let bytes = info.subject_public_key.as_bytes().ok_or(KeyFileError::Structure)?;
    bytes.try_into().map_err(|_| KeyFileError::Structure)
}

pub(super) fn encode_public(
    oid: ObjectIdentifier,
    bytes: &[u8; 32],
) -> Result<String, KeyFileError> {
    let info = SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifierRef { oid, parameters: None },
        subject_public_key: BitStringRef::from_bytes(bytes)?,
    };
    encode_pem(PUBLIC_LABEL, &info.to_der()?)
}

/// Reads a secret of 32 bytes. Cost: with a passphrase, one scrypt.
pub(super) fn decode_secret(
    oid: ObjectIdentifier,
    text: &str,
    passphrase: Option<&[u8]>,
) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let (label, document) = decode_pem(text)?;
    match label {
        PRIVATE_LABEL => from_pkcs8(oid, &document),
        ENCRYPTED_LABEL => {
            let passphrase = passphrase.ok_or(KeyFileError::PassphraseNeeded)?;
            let document = EncryptedPrivateKeyInfoRef::from_der(&document)?
                .decrypt(passphrase)
                .map_err(|_| KeyFileError::Passphrase)?;
            from_pkcs8(oid, document.as_bytes())
        }
        _ => Err(KeyFileError::Label { expected: PRIVATE_LABEL }),
    }
}

/// Writes a secret of 32 bytes, under the passphrase if there is one. The result is the secret.
pub(super) fn encode_secret(
    oid: ObjectIdentifier,
    secret: &[u8; 32],
    passphrase: Option<&[u8]>,
    rng: &mut impl CryptoRng,
) -> Result<Zeroizing<String>, KeyFileError> {
    let inner = Zeroizing::new(OctetStringRef::new(secret)?.to_der()?);
    let info = PrivateKeyInfoRef::new(
        AlgorithmIdentifierRef { oid, parameters: None },
        OctetStringRef::new(&inner)?,
    );
    match passphrase {
        None => encode_pem(PRIVATE_LABEL, &Zeroizing::new(info.to_der()?)),
        Some(passphrase) => {
            let parameters = encryption(rng).ok_or(KeyFileError::Passphrase)?;
            let document = info
                .encrypt_with_params(parameters, passphrase)
                .map_err(|_| KeyFileError::Passphrase)?;
            encode_pem(ENCRYPTED_LABEL, document.as_bytes())
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

fn from_pkcs8(oid: ObjectIdentifier, document: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let info = PrivateKeyInfoRef::from_der(document)?;
    check_algorithm(oid, &info.algorithm)?;
    let inner = <&OctetStringRef>::from_der(info.private_key.as_bytes())?;
    inner.as_bytes().try_into().map(Zeroizing::new).map_err(|_| KeyFileError::Structure)
}

fn check_algorithm(
    expected: ObjectIdentifier,
    found: &AlgorithmIdentifierRef<'_>,
) -> Result<(), KeyFileError> {
    if found.oid == expected && found.parameters.is_none() {
        Ok(())
    } else {
        Err(KeyFileError::Algorithm { expected, found: found.oid })
    }
}

fn decode_pem(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), KeyFileError> {
    pem_rfc7468::decode_vec(text.as_bytes())
        .map(|(label, document)| (label, Zeroizing::new(document)))
        .map_err(|_| KeyFileError::NotPem)
}

fn encode_pem(label: &'static str, document: &[u8]) -> Result<String, KeyFileError> {
    pem_rfc7468::encode_string(label, LineEnding::LF, document).map_err(|_| KeyFileError::Structure)
}

/// Reads a secret key file, and refuses one that others can read.
pub fn read_secret_file(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Permissions { mode });
        }
    }
    if metadata.len() > MAX_KEY_FILE {
        return Err(KeyFileError::TooLong);
    }
    let mut text = Zeroizing::new(String::with_capacity(4096));
    file.take(MAX_KEY_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// Creates a secret key file with mode 0600. A file that is there already is never overwritten.
pub fn write_secret_file(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}
