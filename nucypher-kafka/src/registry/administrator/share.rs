//! The administrator's secrets in n shares, of which any t give them back and fewer say nothing:
//! Shamir, "How to Share a Secret", CACM 1979, byte by byte over GF(2^8). Called by `nucypher admin
//! split` and `restore`; the bytes are in `docs/spec/registry.md`, "Share of the administrator's
//! secrets".
//!
//! A share is secret: t of them are the administrator. The arithmetic is the crate blahaj's; it works
//! with tables, so it is not constant time: split and restore where nobody else runs programs.

use blahaj::{Share as Point, Sharks};
use ed25519_dalek::SigningKey;
use nucypher_pre::{MasterSecret, rand_core::CryptoRng};
use pem_rfc7468::LineEnding;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::registry::{
    codec::{Malformed, Reader},
    key::SigningKeyId,
};

const LABEL: &str = "NUCYPHER ADMINISTRATOR SHARE";
const VERSION: u8 = 1;
const CHECK_DOMAIN: &[u8] = b"nucypher/v1/administrator-share-check";
/// Master secret and signing key.
const SECRETS_LEN: usize = 64;
/// Version, threshold, number, set, signing key id, check, share.
const SHARE_LEN: usize = 3 + 8 + 8 + 8 + SECRETS_LEN;

/// Why secrets cannot be split, or not be put together again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// No number of shares that makes sense.
    #[error(
        "{threshold} of {shares} cannot be: the threshold is 2 or more, the shares at least as many and at most 255"
    )]
    Counts {
        /// Shares wanted for putting the secrets together.
        threshold: u8,
        /// Shares to be made.
        shares: u8,
    },
    /// Not a share.
    #[error("share {position} is not a PEM file with the label {LABEL}")]
    NotAShare {
        /// Which of those given, from 1.
        position: usize,
    },
    /// A share that is not in the form that was expected.
    #[error("share {position}: {error}")]
    Malformed {
        /// Which of those given, from 1.
        position: usize,
        /// The field, and where it stands.
        error: Malformed,
    },
    /// Shares of two splittings.
    #[error(
        "share {position} belongs to another splitting than the first: use the shares that were made together"
    )]
    OtherSet {
        /// Which of those given, from 1.
        position: usize,
    },
    /// A share given twice.
    #[error("share number {number} was given twice")]
    Twice {
        /// The number in the share.
        number: u8,
    },
    /// Fewer than the threshold.
    #[error("{given} shares were given and {threshold} are needed")]
    TooFew {
        /// How many were given.
        given: usize,
        /// How many are needed.
        threshold: u8,
    },
    /// The shares give something else than was split.
    #[error("the shares do not give the secrets that were split: one of them was altered")]
    Altered,
}

/// What is split: the secrets of an administrator's home.
pub(super) struct Secrets {
    pub(super) master: MasterSecret,
    pub(super) signing: SigningKey,
}

/// The header that all shares of a splitting have in common.
#[derive(PartialEq, Eq)]
struct Common {
    threshold: u8,
    set: [u8; 8],
    signer: [u8; 8],
    check: [u8; 8],
}

impl Secrets {
    /// Draws the secrets of a new administrator.
    pub(super) fn generate(rng: &mut impl CryptoRng) -> Self {
        let master = MasterSecret::generate(rng);
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self { master, signing: SigningKey::from_bytes(&seed) }
    }

    fn joined(&self) -> Zeroizing<[u8; SECRETS_LEN]> {
        let mut joined = Zeroizing::new([0; SECRETS_LEN]);
        let (master, signing) = joined.split_at_mut(SECRETS_LEN / 2);
        master.copy_from_slice(self.master.to_bytes().as_ref());
        signing.copy_from_slice(Zeroizing::new(self.signing.to_bytes()).as_ref());
        joined
    }

    /// Splits the secrets. Every text is one share in PEM, and secret.
    pub(super) fn split(
        &self,
        signer: SigningKeyId,
        threshold: u8,
        shares: u8,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Zeroizing<String>>, ShareError> {
        if threshold < 2 || shares < threshold {
            return Err(ShareError::Counts { threshold, shares });
        }
        let secrets = self.joined();
        let mut set = [0; 8];
        rng.fill_bytes(&mut set);
        let common = Common { threshold, set, signer: *signer.as_bytes(), check: check(&secrets) };
        let points = Sharks(threshold).dealer_rng(secrets.as_ref(), rng);
        Ok(points.take(shares.into()).map(|point| common.encode(&point)).collect())
    }

    /// Puts the secrets together again; shares beyond the threshold are used as well, so that one
    /// that was altered is noticed.
    pub(super) fn join(texts: &[Zeroizing<String>]) -> Result<Self, ShareError> {
        let mut found: Option<(Common, Vec<Point>)> = None;
        for (text, position) in texts.iter().zip(1..) {
            let (common, point) = Common::decode(text, position)?;
            match &mut found {
                None => found = Some((common, vec![point])),
                Some((first, _)) if *first != common => {
                    return Err(ShareError::OtherSet { position });
                }
                Some((_, points)) if points.iter().any(|other| other.x == point.x) => {
                    return Err(ShareError::Twice { number: number(&point) });
                }
                Some((_, points)) => points.push(point),
            }
        }
        let Some((common, points)) = found else {
            return Err(ShareError::TooFew { given: 0, threshold: 2 });
        };
        if points.len() < common.threshold.into() {
            return Err(ShareError::TooFew { given: points.len(), threshold: common.threshold });
        }
        let field = Sharks(common.threshold);
        let joined = field.recover(&points).map(Zeroizing::new);
        let joined: Zeroizing<[u8; SECRETS_LEN]> = joined
            .ok()
            .and_then(|bytes| bytes.as_slice().try_into().ok())
            .map(Zeroizing::new)
            .ok_or(ShareError::Altered)?;
        if check(&joined) != common.check {
            return Err(ShareError::Altered);
        }
        let (master, signing) = joined.split_at(SECRETS_LEN / 2);
        let half = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map(Zeroizing::new);
        let (Ok(master), Ok(signing)) = (half(master), half(signing)) else {
            return Err(ShareError::Altered);
        };
        let master = MasterSecret::from_bytes(master.as_ref()).map_err(|_| ShareError::Altered)?;
        Ok(Self { master, signing: SigningKey::from_bytes(&signing) })
    }
}

impl Common {
    fn encode(&self, point: &Point) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SHARE_LEN));
        bytes.extend([VERSION, self.threshold, number(point)]);
        bytes.extend(self.set);
        bytes.extend(self.signer);
        bytes.extend(self.check);
        // The first byte is the number.
        bytes.extend(Zeroizing::new(Vec::from(point)).iter().skip(1));
        // The label is constant and the length small, so this cannot fail.
        Zeroizing::new(
            pem_rfc7468::encode_string(LABEL, LineEnding::LF, &bytes).unwrap_or_default(),
        )
    }

    fn decode(text: &str, position: usize) -> Result<(Self, Point), ShareError> {
        let (label, bytes) = pem_rfc7468::decode_vec(text.as_bytes())
            .map_err(|_| ShareError::NotAShare { position })?;
        let bytes = Zeroizing::new(bytes);
        if label != LABEL {
            return Err(ShareError::NotAShare { position });
        }
        Self::read(&bytes).map_err(|error| ShareError::Malformed { position, error })
    }

    fn read(bytes: &[u8]) -> Result<(Self, Point), Malformed> {
        let mut reader = Reader::new(bytes);
        reader.constant("version", &[VERSION])?;
        let threshold_at = reader.fail("threshold");
        let threshold = reader.u8("threshold")?;
        if threshold < 2 {
            return Err(threshold_at);
        }
        let number_at = reader.fail("number");
        let number = reader.u8("number")?;
        if number == 0 {
            return Err(number_at);
        }
        let common = Self {
            threshold,
            set: *reader.array("set")?,
            signer: *reader.array("signing key id")?,
            check: *reader.array("check")?,
        };
        let share: &[u8; SECRETS_LEN] = reader.array("share")?;
        reader.finish()?;
        let point = Zeroizing::new([&[number], share.as_slice()].concat());
        let at = Reader::new(bytes).fail("share");
        Point::try_from(point.as_slice()).map(|point| (common, point)).map_err(|_| at)
    }
}

/// The number of a share: where its polynomials were evaluated.
fn number(point: &Point) -> u8 {
    point.x.0
}

/// Shows that the shares fit together. 64 bits of a hash of 64 secret random bytes: it helps
/// nobody to guess them.
fn check(secrets: &[u8; SECRETS_LEN]) -> [u8; 8] {
    let digest: [u8; 32] =
        Sha256::new_with_prefix(CHECK_DOMAIN).chain_update(secrets).finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests;
