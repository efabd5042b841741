//! Opening records: what a consumer calls.
//!
//! An [`Opener`] holds a ring of private keys, so that a consumer's key can be rotated, and the
//! DEKs of recent sessions. Specification: `docs/spec/envelope.md`, "Opening". Cost of a record
//! whose session is known: one AEAD call; benchmark `open/*`. Of one whose session is not: two
//! multiplications more; benchmark `open_cold/*`.

use std::sync::Arc;

use nucypher_pre::SecretKey;
use quick_cache::sync::Cache;

use crate::{
    binding::{Binding, ChannelName, Place},
    dem::Dek,
    edek::{Edek, WHOLE_VALUE},
    error::{ConfigError, Malformed, OpenError},
    header::SealedHeaders,
    limits::{DEFAULT_CACHED_DEKS, DEFAULT_MAX_DECOMPRESSED, in_range},
    signature::{Signers, VerifiedSigner},
    value::SealedValue,
    wire::NULL_HEADER,
};

/// How to open: the keys, and what differs from the defaults.
#[derive(Clone, Debug)]
pub struct OpenerConfig {
    keys: Vec<SecretKey>,
    cached_deks: usize,
    max_decompressed: usize,
}

impl OpenerConfig {
    /// A ring of keys: the consumer's own, and those that it had before and still needs.
    pub fn new(keys: impl IntoIterator<Item = SecretKey>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
            cached_deks: DEFAULT_CACHED_DEKS,
            max_decompressed: DEFAULT_MAX_DECOMPRESSED,
        }
    }

    /// Says how many DEKs are kept; 4096 by default.
    #[must_use]
    pub fn cached_deks(self, cached_deks: usize) -> Self {
        Self { cached_deks, ..self }
    }

    /// Says how many bytes a compressed value may expand to; 64 MiB by default.
    #[must_use]
    pub fn max_decompressed(self, max_decompressed: usize) -> Self {
        Self { max_decompressed, ..self }
    }
}

/// A record as it was fetched.
#[derive(Clone, Copy)]
pub struct SealedRecordRef<'a, H> {
    /// The record key.
    pub key: Option<&'a [u8]>,
    /// The sealed value; `None` is Kafka's null.
    pub value: Option<&'a [u8]>,
    /// Where the record was fetched. A value whose place is bound opens nowhere else.
    pub place: Option<Place<'a>>,
    /// All headers in their order, duplicates too: names and values.
    pub headers: H,
}

/// A record that was opened, and who signed it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// The plaintext; `None` for a null value that is authentic.
    pub plaintext: Option<Vec<u8>>,
    /// The signature that was verified.
    pub signer: Option<VerifiedSigner>,
}

impl core::fmt::Debug for Opened {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let len = self.plaintext.as_ref().map(Vec::len);
        f.debug_struct("Opened").field("len", &len).field("signer", &self.signer).finish()
    }
}

/// Opens records with a ring of keys. Shared by reference between threads.
#[derive(Debug)]
pub struct Opener {
    keys: Vec<SecretKey>,
    /// By all 102 bytes, so that a hit is the very EDEK that passed every check before; filled
    /// only with what passed. The ring never changes, so a hit needs no key to be asked again.
    deks: Cache<Edek, Arc<Dek>>,
    max_decompressed: usize,
}

impl Opener {
    /// Checks the ring.
    ///
    /// Errors: [`ConfigError::NoKey`]; [`ConfigError::DuplicateKey`] for one id twice;
    /// [`ConfigError::OutOfRange`].
    pub fn new(config: OpenerConfig) -> Result<Self, ConfigError> {
        let OpenerConfig { keys, cached_deks, max_decompressed } = config;
        if keys.is_empty() {
            return Err(ConfigError::NoKey);
        }
        for (index, key) in keys.iter().enumerate() {
            if keys.iter().skip(index.saturating_add(1)).any(|other| other.id() == key.id()) {
                return Err(ConfigError::DuplicateKey { id: key.id() });
            }
        }
        in_range("cached DEKs", cached_deks as u64, u64::from(u32::MAX))?;
        in_range("largest decompressed value", max_decompressed as u64, u64::MAX)?;
        Ok(Self { keys, deks: Cache::new(cached_deks), max_decompressed })
    }

    /// Opens a record of a channel with its rule for signatures, which is asked first.
    ///
    /// Errors: as [`open`](Self::open); [`OpenError::Unsigned`], [`OpenError::WrongSigner`],
    /// [`OpenError::WrongSignature`], [`OpenError::BadSignature`].
    /// Cost: as `open`, and one verification for each session, or for each record where records
    /// are signed.
    pub fn open_signed<'a, H>(
        &self,
        record: SealedRecordRef<'a, H>,
        signers: &Signers,
    ) -> Result<Opened, OpenError>
    where
        H: IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    {
        let headers = SealedHeaders::pick(record.headers)?.ok_or(OpenError::NotSealed)?;
        let signer = signers.verify(&headers.edeks, headers.signature, record.key, record.value)?;
        let plaintext =
            self.open_picked(headers, record.key, record.value, record.place, signers.channel())?;
        Ok(Opened { plaintext, signer })
    }

    /// Opens a record: its plaintext, or `None` for a null value that is authentic.
    ///
    /// The order of the checks: format; own key id, before any multiplication; commitment, in
    /// constant time; tag.
    ///
    /// Errors: [`OpenError`]. A null value with `nu.edek` and without `nu.null` is
    /// [`OpenError::Altered`], not `NotSealed`: a sealer was here, and would have sealed the
    /// deletion, so either value or header was taken away. Who tolerates clear records in a
    /// migration must not thereby accept deletions that nobody authenticated.
    /// Cost: for a known session one AEAD call and one copy of the text.
    pub fn open<'a, H>(
        &self,
        record: SealedRecordRef<'a, H>,
        context: &ChannelName,
    ) -> Result<Option<Vec<u8>>, OpenError>
    where
        H: IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    {
        let headers = SealedHeaders::pick(record.headers)?.ok_or(OpenError::NotSealed)?;
        self.open_picked(headers, record.key, record.value, record.place, context)
    }

    fn open_picked(
        &self,
        headers: SealedHeaders<'_>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        place: Option<Place<'_>>,
        context: &ChannelName,
    ) -> Result<Option<Vec<u8>>, OpenError> {
        let sealed = match (value, headers.null) {
            (Some(value), None) => Some(SealedValue::parse_whole(value)?),
            (None, Some(null)) => Some(SealedValue::parse_null(null)?),
            (Some(_), Some(_)) => {
                let why = "the value is there, and authenticated as null";
                return Err(Malformed::new(NULL_HEADER, 0, why).into());
            }
            (None, None) => None,
        };
        // No EDEK for the whole value: it was taken out, or its slot was changed.
        let edek = headers.edeks.find(WHOLE_VALUE).ok_or(OpenError::Altered)?;
        let dek = self.dek(&edek)?;
        let binding = Binding { context: context.as_str().as_bytes(), key, place };
        let plaintext =
            sealed.ok_or(OpenError::Altered)?.open(&dek, &edek, &binding, self.max_decompressed)?;
        Ok(value.map(|_| plaintext))
    }

    /// The DEK of an EDEK, from the cache or with the key that it names.
    pub(crate) fn dek(&self, edek: &Edek) -> Result<Arc<Dek>, OpenError> {
        if let Some(dek) = self.deks.get(edek) {
            return Ok(dek);
        }
        let opening_id = edek.opening_id();
        let key = self
            .keys
            .iter()
            .find(|key| key.id() == opening_id)
            .ok_or(OpenError::NotGranted { opening_id })?;
        let dek = Arc::new(edek.decapsulate(key)?);
        self.deks.insert(*edek, Arc::clone(&dek));
        Ok(dek)
    }

    /// How many DEKs are cached.
    pub fn cached_deks(&self) -> usize {
        self.deks.len()
    }

    /// Forgets every DEK.
    pub fn forget(&self) {
        self.deks.clear();
    }
}
