//! Limits, each with its arithmetic. The derivations are in `docs/spec/envelope.md`, "Limits".

use std::time::Duration;

use crate::error::ConfigError;

/// The length of an EDEK on the wire.
pub const EDEK_LEN: usize = 102;

/// The length of a `nu.sig` header: version (1), signer's id (8), Ed25519 signature (64).
pub const SIGNATURE_LEN: usize = 73;

/// Verified session signatures that a policy keeps, about 250 bytes each.
pub(crate) const VERIFIED_SESSIONS: usize = 4096;

/// EDEKs in one `nu.edek` header: at most 255, of the 256 slots that a byte can name.
pub const MAX_EDEKS: usize = 255;

/// What a sealed value adds to its text: flags (1), nonce (12), tag (16).
pub const SEALED_OVERHEAD: usize = 29;

/// Text in one sealed value: 2^36 bytes, as RFC 8452, section 6 has it.
pub const MAX_TEXT: u64 = 1 << 36;

/// AEAD calls in one session: 2^24. Far inside the bounds of AES-GCM-SIV: see [`Limits`].
pub const MAX_SESSION_CALLS: u64 = 1 << 24;

/// Text in one session: 64 GiB = 2^36 bytes = 2^32 AES blocks.
pub const MAX_SESSION_BYTES: u64 = 64 << 30;

/// The age of a session: one hour.
pub const MAX_SESSION_AGE: Duration = Duration::from_secs(60 * 60);

/// Sessions that a sealer with bound places keeps at a time, unless configured.
pub const DEFAULT_PLACES: usize = 4096;

/// DEKs that an opener keeps, unless configured: 4096, about 2 MiB.
pub const DEFAULT_CACHED_DEKS: usize = 4096;

/// Bytes that one compressed value may expand to, unless configured: 64 MiB.
pub const DEFAULT_MAX_DECOMPRESSED: usize = 64 << 20;

/// Bytes that a compressed sealed file may expand to: 1 GiB.
pub const MAX_DECOMPRESSED_FILE: usize = 1 << 30;

/// When a session ends and the next begins, with a DEK of its own.
///
/// The defaults are the most that the format allows; less may be configured.
///
/// * *Calls*, 2^24. A call derives its keys by 6 AES blocks under the DEK, so a session spends
///   6 * 2^24 < 2^27 of them: a distinguisher's advantage stays below 2^54 / 2^129 = 2^-75.
/// * *Bytes*, 64 GiB = 2^32 blocks, each message under keys of its own: at most
///   2^32 * 2^32 / 2^129 = 2^-65 even when one message takes them all.
/// * *Age*, one hour. Whoever had a DEK keeps it until the session ends; the age bounds how long
///   after a revocation that still matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// AEAD calls: 1 to 2^24.
    pub calls: u64,
    /// Bytes of text: 1 to 2^36. A session's first value may be longer than less than that; it
    /// is the session's last, too.
    pub bytes: u64,
    /// Time since the session began, in whole milliseconds: 1 ms to 1 h.
    pub age: Duration,
}

impl Limits {
    /// The most that the format allows.
    pub const MAX: Self =
        Self { calls: MAX_SESSION_CALLS, bytes: MAX_SESSION_BYTES, age: MAX_SESSION_AGE };

    /// Checks every limit against the format's.
    ///
    /// Errors: [`ConfigError::OutOfRange`] names the first that is zero or too large.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        in_range("session calls", self.calls, MAX_SESSION_CALLS)?;
        in_range("session bytes", self.bytes, MAX_SESSION_BYTES)?;
        in_range("session age in ms", self.age_ms(), Self::MAX.age_ms())
    }

    /// The age in milliseconds, rounded down.
    pub(crate) fn age_ms(&self) -> u64 {
        u64::try_from(self.age.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::MAX
    }
}

/// Checks that a setting is between one and its maximum.
pub(crate) fn in_range(setting: &'static str, value: u64, max: u64) -> Result<(), ConfigError> {
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(ConfigError::OutOfRange { setting, min: 1, max })
    }
}
