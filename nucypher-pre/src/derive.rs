//! Delegating keys derived from an administrator's master secret.
//!
//! ```text
//! channel key:  info = "nucypher/v1/channel-key"  || suite || len16(channel) || epoch as u32 || len16(field)
//! producer key: info = "nucypher/v1/producer-key" || ... the same ... || len16(producer)
//! a = HKDF-SHA-256(salt empty, ikm = master, info), 64 bytes, big-endian, mod n
//! ```
//!
//! Labels carry their length, so no two sets of labels give one `info`.

use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    curve::Scalar,
    error::{Error, array},
    key::SecretKey,
    scheme::Suite,
    transcript::{self, len16},
};

/// 32 random bytes from which every delegating key of an administrator follows. Secret; wiped on
/// drop. Whoever has it has every epoch of every channel.
#[derive(Clone)]
pub struct MasterSecret(Zeroizing<[u8; 32]>);

impl MasterSecret {
    /// Draws a master secret.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    /// Takes exactly 32 bytes. Errors: [`Error::Length`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        array(bytes).map(|bytes| Self(Zeroizing::new(*bytes)))
    }

    /// The 32 bytes. The result is the secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }

    /// Derives the delegating key of a channel's epoch and field (empty: the whole value).
    ///
    /// Errors: [`Error::LabelTooLong`]; [`Error::ZeroHash`] (probability 2^-256).
    pub fn channel_key(
        &self,
        suite: Suite,
        channel: &str,
        epoch: u32,
        field: &str,
    ) -> Result<SecretKey, Error> {
        self.derive(transcript::CHANNEL_KEY, suite, channel, epoch, field, None)
    }

    /// Derives the delegating key of one producer on a channel's epoch and field. The producer
    /// gets the public half alone.
    ///
    /// Errors: as [`channel_key`](Self::channel_key).
    pub fn producer_key(
        &self,
        suite: Suite,
        channel: &str,
        epoch: u32,
        field: &str,
        producer: &str,
    ) -> Result<SecretKey, Error> {
        self.derive(transcript::PRODUCER_KEY, suite, channel, epoch, field, Some(producer))
    }

    fn derive(
        &self,
        label: &[u8],
        suite: Suite,
        channel: &str,
        epoch: u32,
        field: &str,
        producer: Option<&str>,
    ) -> Result<SecretKey, Error> {
        let (producer_len, producer): (&[u8], &str) = match producer {
            None => (&[], ""),
            Some(producer) => (&len16(producer.as_bytes())?, producer),
        };
        let okm = transcript::expand::<64>(
            self.0.as_ref(),
            &[
                label,
                &[suite.as_byte()],
                &len16(channel.as_bytes())?,
                channel.as_bytes(),
                &epoch.to_be_bytes(),
                &len16(field.as_bytes())?,
                field.as_bytes(),
                producer_len,
                producer.as_bytes(),
            ],
        );
        Scalar::from_wide(&okm).map(|scalar| SecretKey::new(suite, scalar))
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(..)")
    }
}
