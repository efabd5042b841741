//! Sealing records: what a producer calls.
//!
//! A [`Sealer`] encrypts under a channel's public key and holds no private one. It begins and ends
//! its sessions by itself. Specification: `docs/spec/envelope.md`. Cost of a record: one AEAD call,
//! two allocations; benchmark `seal/*`.

use nucypher_pre::{PublicKey, rand_core::CryptoRng};

use crate::{
    binding::{ChannelName, Place},
    compression::{Compression, Compressor},
    delegating_key::DelegatingKey,
    error::{ConfigError, SealError},
    limits::{DEFAULT_PLACES, Limits, in_range},
    places::Places,
    session::{Bound, Session},
    signature::{Signature, Signer, Signing},
    text::{Padding, Text},
    wire::{EDEK_HEADER, NULL_HEADER, SIGNATURE_HEADER},
};

#[cfg(feature = "fields")]
use crate::field::{FieldSealer, FieldSealing};

/// Whether the record key is bound, so that a value does not open under another key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyBinding {
    /// Where the key is not null. A null value's is bound in any case.
    #[default]
    UnlessNull,
    /// Always: that a key is null is bound, too.
    Always,
    /// Never, for what changes keys on the way. Whoever can write to the topic can then move
    /// values between keys.
    Never,
}

/// Whether topic and partition are bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaceBinding {
    /// No: a record may be mirrored to another topic, or find its partition after it is sealed.
    #[default]
    Unbound,
    /// Yes: a session for each topic and partition, whose record numbers have no gaps, so that a
    /// reader can tell replay, reordering and loss.
    Bound,
}

/// How to seal: the delegating key, the channel, and what differs from the defaults.
#[derive(Clone, Debug)]
pub struct SealerConfig {
    to: Option<PublicKey>,
    channel: ChannelName,
    key_binding: KeyBinding,
    place_binding: PlaceBinding,
    padding: Padding,
    compression: Compression,
    limits: Limits,
    max_places: usize,
    signing: Signing,
    #[cfg(feature = "fields")]
    fields: Option<FieldSealing>,
}

impl SealerConfig {
    /// The defaults: a key that is not null is bound, the place is not, nothing is padded or
    /// compressed, sessions are as long as the format allows.
    pub fn new(to: PublicKey, channel: ChannelName) -> Self {
        Self::with(Some(to), channel)
    }

    /// Seals fields alone: the rest of the value stays in clear. Otherwise the defaults of
    /// [`new`](Self::new).
    #[cfg(feature = "fields")]
    pub fn fields_only(channel: ChannelName, fields: FieldSealing) -> Self {
        Self::with(None, channel).fields(fields)
    }

    fn with(to: Option<PublicKey>, channel: ChannelName) -> Self {
        Self {
            to,
            channel,
            key_binding: KeyBinding::default(),
            place_binding: PlaceBinding::default(),
            padding: Padding::default(),
            compression: Compression::default(),
            limits: Limits::default(),
            max_places: DEFAULT_PLACES,
            signing: Signing::None,
            #[cfg(feature = "fields")]
            fields: None,
        }
    }

    /// Seals these fields first, and then the whole value around them, where that is sealed.
    #[cfg(feature = "fields")]
    #[must_use]
    pub fn fields(self, fields: FieldSealing) -> Self {
        Self { fields: Some(fields), ..self }
    }

    /// Says whether record keys are bound.
    #[must_use]
    pub fn key_binding(self, key_binding: KeyBinding) -> Self {
        Self { key_binding, ..self }
    }

    /// Says whether topic and partition are bound.
    #[must_use]
    pub fn place_binding(self, place_binding: PlaceBinding) -> Self {
        Self { place_binding, ..self }
    }

    /// Says whether values are padded.
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// Says how values are compressed before they are encrypted. Their length then tells how well
    /// they compress: not where an attacker chooses a part of them.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// Says when sessions end.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Says whether and with what key sessions or records are signed; not at all by default.
    #[must_use]
    pub fn signing(self, signing: Signing) -> Self {
        Self { signing, ..self }
    }

    /// Says how many sessions are open at a time where places are bound; 4096 by default, about
    /// 1 KiB each.
    #[must_use]
    pub fn max_places(self, max_places: usize) -> Self {
        Self { max_places, ..self }
    }
}

/// A record on its way to be sealed.
#[derive(Clone, Copy, Default)]
pub struct Record<'a> {
    /// The record key; `None` is Kafka's null. It is not encrypted.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is Kafka's null, a deletion in a compacted topic.
    pub value: Option<&'a [u8]>,
    /// Where it will lie. Needed, and read, only where places are bound.
    pub place: Option<Place<'a>>,
}

/// A sealed record: what to send in the place of the value, and the headers to add.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedRecord {
    /// The value of the header `nu.edek`.
    pub edek: Vec<u8>,
    /// The sealed value; `None` where the value was null, and stays null.
    pub value: Option<Vec<u8>>,
    /// The value of the header `nu.null`, which authenticates a null value.
    pub null: Option<Vec<u8>>,
    /// The value of the header `nu.sig`, where the sealer signs.
    pub signature: Option<Signature>,
}

impl SealedRecord {
    /// The headers to add to the record, by name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let null = self.null.as_deref().map(|null| (NULL_HEADER, null));
        let signature = self.signature.as_ref();
        let signature = signature.map(|one| (SIGNATURE_HEADER, one.as_bytes().as_slice()));
        core::iter::once((EDEK_HEADER, self.edek.as_slice())).chain(null).chain(signature)
    }
}

/// Seals records of one channel.
#[derive(Debug)]
pub struct Sealer {
    config: SealerConfig,
    compressor: Compressor,
    /// `None` where fields alone are sealed.
    to: Option<DelegatingKey>,
    /// The open session, where places are not bound.
    anywhere: Option<Session>,
    /// The open sessions, where they are.
    places: Places,
    signer: Signer,
    #[cfg(feature = "fields")]
    fields: Option<FieldSealer>,
}

impl Sealer {
    /// Checks the configuration. Begins no session yet.
    ///
    /// Errors: [`ConfigError::OutOfRange`] for limits beyond the format's, or zero.
    pub fn new(config: SealerConfig) -> Result<Self, ConfigError> {
        config.limits.check()?;
        in_range("sessions at a time", config.max_places as u64, u64::MAX)?;
        Ok(Self {
            compressor: Compressor::new(config.compression)?,
            to: config.to.clone().map(DelegatingKey::new),
            anywhere: None,
            places: Places::new(config.max_places),
            signer: Signer::new(config.signing.clone(), config.max_places),
            #[cfg(feature = "fields")]
            fields: match &config.fields {
                None => None,
                // A session of fields for each place would be a second Places.
                Some(_) if config.place_binding == PlaceBinding::Bound => {
                    return Err(ConfigError::Field { why: "their place cannot be bound" });
                }
                Some(fields) => Some(FieldSealer::new(fields.clone(), config.channel.clone())),
            },
            config,
        })
    }

    /// Seals one record.
    ///
    /// Requires: `now_ms` counts milliseconds, best by a clock that is never set; `rng` gives bytes
    /// that no other process gets, also after a fork, as the operating system's does.
    /// Ensures: no two values share a DEK and a nonce, whatever fails. Where the place is bound,
    /// the record has its session's next number.
    /// Errors: [`SealError`]; the session that was to seal it is then over.
    /// Cost: one AEAD call; where a session begins, two multiplications (from the seventeenth on with
    /// tables for both points, 26 KiB a sealer) and, where sessions are signed, a signature; where
    /// records are signed, a signature each.
    pub fn seal(
        &mut self,
        record: &Record<'_>,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedRecord, SealError> {
        let mut sealed = self.seal_unsigned(record, now_ms, rng)?;
        sealed.signature = self.signer.sign(&self.config.channel, &sealed, record.key)?;
        Ok(sealed)
    }

    fn seal_unsigned(
        &mut self,
        record: &Record<'_>,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedRecord, SealError> {
        #[cfg(feature = "fields")]
        if let Some(fields) = &mut self.fields {
            let key = self.config.key_binding.choose(record);
            let limits = &self.config.limits;
            let whole = self.config.to.is_some();
            // A deletion is sealed as a whole where that is what readers have a grant for.
            if !(whole && record.value.is_none()) {
                let inner = fields.seal(record.value, key, limits, now_ms, rng)?;
                if !whole {
                    return Ok(inner);
                }
                let record = Record { value: inner.value.as_deref(), ..*record };
                let mut sealed = self.seal_whole(&record, now_ms, rng)?;
                sealed.edek.extend_from_slice(&inner.edek);
                return Ok(sealed);
            }
        }
        self.seal_whole(record, now_ms, rng)
    }

    /// Adds fields to a record that another sealer has sealed fields of: under slots that its
    /// header `nu.edek` lacks.
    ///
    /// Ensures: `edek` of the result holds the EDEKs of both. Errors: also where the record is
    /// sealed as a whole, or this sealer would do that.
    #[cfg(feature = "fields")]
    pub fn seal_more(
        &mut self,
        record: &Record<'_>,
        edek: &[u8],
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedRecord, SealError> {
        let key = self.config.key_binding.choose(record);
        match (&mut self.fields, record.value, &self.config.to) {
            (Some(fields), Some(value), None) => {
                let limits = &self.config.limits;
                let mut sealed = fields.seal_more(value, edek, key, limits, now_ms, rng)?;
                sealed.signature = self.signer.sign(&self.config.channel, &sealed, record.key)?;
                Ok(sealed)
            }
            _ => Err(crate::field::FieldError::NothingToAdd.into()),
        }
    }

    fn seal_whole(
        &mut self,
        record: &Record<'_>,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedRecord, SealError> {
        let place = match self.config.place_binding {
            PlaceBinding::Unbound => None,
            PlaceBinding::Bound => Some(record.place.ok_or(SealError::NoPlace)?),
        };
        let text = match record.value {
            Some(value) => self.text(value)?,
            None => Text::empty(),
        };
        let bound = Bound {
            channel: &self.config.channel,
            key: self.config.key_binding.choose(record),
            place,
        };

        let to = self.to.as_mut().ok_or(SealError::NoKey)?;
        let open = match place {
            None => self.anywhere.take(),
            Some(place) => self.places.take(place),
        };
        let turn = open
            .and_then(|session| session.turn(&self.config.limits, text.len(), now_ms))
            .unwrap_or_else(|| to.begin(now_ms, rng));
        let (session, sealed) = turn.seal(text, &bound)?;
        let edek = session.edek().as_bytes().to_vec();
        match place {
            None => self.anywhere = Some(session),
            Some(place) => self.places.put(place, session),
        }

        Ok(match record.value {
            Some(_) => SealedRecord { edek, value: Some(sealed), null: None, signature: None },
            None => SealedRecord { edek, value: None, null: Some(sealed), signature: None },
        })
    }

    /// Compresses and pads a value as configured.
    ///
    /// An empty value is padded in any case: without padding and with its key bound it would
    /// read, byte for byte, as the tombstone of its key, and whoever can write to the topic could
    /// make a deletion of it.
    fn text(&mut self, value: &[u8]) -> Result<Text, SealError> {
        let padding = if value.is_empty() { Padding::Blocks } else { self.config.padding };
        Text::new(value, padding, &mut self.compressor)
    }

    /// Ends every session; the next record begins another.
    ///
    /// For whoever lost a record that was sealed, where places are bound: its number is a gap that
    /// readers take for a loss. A forked child need not call it: sessions notice.
    pub fn begin_anew(&mut self) {
        self.anywhere = None;
        self.places.clear();
        #[cfg(feature = "fields")]
        if let Some(fields) = &mut self.fields {
            fields.begin_anew();
        }
    }

    /// Ends the session of one place, as [`begin_anew`](Self::begin_anew) ends them all.
    pub fn begin_anew_at(&mut self, place: Place<'_>) {
        drop(self.places.take(place));
    }

    /// How many sessions are open.
    pub fn open_sessions(&self) -> usize {
        self.places.len().saturating_add(usize::from(self.anywhere.is_some()))
    }
}

impl KeyBinding {
    /// The record's key, if it is to be bound.
    fn choose<'a>(self, record: &Record<'a>) -> Option<Option<&'a [u8]>> {
        let bound = match self {
            Self::Always => true,
            Self::UnlessNull => record.key.is_some() || record.value.is_none(),
            Self::Never => record.value.is_none(),
        };
        bound.then_some(record.key)
    }
}
