//! The sealed value: flags || nonce || AES-256-GCM-SIV(DEK, nonce, aad, text) || tag.
//!
//! Specification: `docs/spec/envelope.md`, "Sealed value". A sealed value is public.

use core::fmt;

use crate::{
    binding::{Binding, Place, Unbindable},
    compression::Compression,
    dem::{Dek, NONCE_LEN, TAG_LEN},
    edek::{Edek, WHOLE_VALUE},
    error::{Malformed, OpenError, SealError},
    limits::SEALED_OVERHEAD,
    text::{self, Text},
    wire::NULL_HEADER,
};

/// Where the text begins: after flags and nonce.
pub(crate) const TEXT_AT: usize = 1 + NONCE_LEN;

/// The first byte of a sealed value.
///
/// | bit | meaning |
/// | --- | --- |
/// | 0 | the record key is bound |
/// | 1-2 | compression before encryption: 0 none, 1 lz4 frame, 2 zstd frame |
/// | 3 | the place is bound |
/// | 4 | the text is padded |
/// | 5-7 | zero |
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    const KEY_BOUND: u8 = 1;
    const COMPRESSION: u8 = 0b110;
    const PLACE_BOUND: u8 = 1 << 3;
    const PADDED: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;

    /// No flag set.
    pub(crate) const NONE: Self = Self(0);

    /// Checks a byte from outside.
    fn parse(byte: u8) -> Result<Self, Malformed> {
        if byte & Self::RESERVED != 0 {
            return Err(Malformed::new("flags", 0, "reserved bits are set"));
        }
        if byte & Self::COMPRESSION == Self::COMPRESSION {
            return Err(Malformed::new("flags", 0, "compression 3"));
        }
        Ok(Self(byte))
    }

    pub(crate) const fn with_key_bound(self) -> Self {
        Self(self.0 | Self::KEY_BOUND)
    }

    pub(crate) const fn with_place_bound(self) -> Self {
        Self(self.0 | Self::PLACE_BOUND)
    }

    pub(crate) const fn with_padding(self) -> Self {
        Self(self.0 | Self::PADDED)
    }

    pub(crate) const fn with_compression(self, compression: Compression) -> Self {
        let code = match compression {
            Compression::None => 0,
            Compression::Lz4 => 1 << 1,
            Compression::Zstd => 2 << 1,
        };
        Self(self.0 & !Self::COMPRESSION | code)
    }

    /// The byte.
    pub const fn as_byte(self) -> u8 {
        self.0
    }

    /// Whether the record key is bound.
    pub const fn key_bound(self) -> bool {
        self.0 & Self::KEY_BOUND != 0
    }

    /// Whether topic and partition are bound.
    pub const fn place_bound(self) -> bool {
        self.0 & Self::PLACE_BOUND != 0
    }

    /// Whether the text is padded to a multiple of 16 bytes.
    pub const fn padded(self) -> bool {
        self.0 & Self::PADDED != 0
    }

    /// How the plaintext was compressed.
    pub const fn compression(self) -> Compression {
        // Parsing refuses code 3.
        match self.0 & Self::COMPRESSION {
            0b010 => Compression::Lz4,
            0b100 => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({:#07b})", self.0)
    }
}

/// The nonce: 4 random bytes for each session || record number as u48 || token index as u16.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce([u8; NONCE_LEN]);

impl Nonce {
    /// Joins the parts. Requires: `record_number` is below 2^48; a session ends long before.
    pub(crate) fn new(session: [u8; 4], record_number: u64, token: u16) -> Self {
        let [_, _, number @ ..] = record_number.to_be_bytes();
        let mut nonce = [0; NONCE_LEN];
        let parts = session.iter().chain(&number);
        let parts = parts.copied().chain(token.to_be_bytes());
        nonce.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Self(nonce)
    }

    /// The 12 bytes.
    pub const fn as_bytes(&self) -> &[u8; NONCE_LEN] {
        &self.0
    }

    /// The 4 random bytes that all values of a session share.
    pub const fn session(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0;
        [a, b, c, d]
    }

    /// The number of the record in its session; without gaps where the place is bound.
    pub const fn record_number(&self) -> u64 {
        let [_, _, _, _, a, b, c, d, e, f, ..] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The index of the protected field in its record; 0 for a whole value.
    pub const fn token_index(&self) -> u16 {
        let [.., a, b] = self.0;
        u16::from_be_bytes([a, b])
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.session();
        write!(
            f,
            "Nonce({a:02x}{b:02x}{c:02x}{d:02x}, record {}, token {})",
            self.record_number(),
            self.token_index()
        )
    }
}

/// A sealed value that is in the format; whether it is authentic shows only on opening.
#[derive(Clone, Copy)]
pub struct SealedValue<'a> {
    flags: Flags,
    nonce: Nonce,
    text: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> SealedValue<'a> {
    /// Parses flags, nonce, ciphertext and tag: at least 29 bytes.
    ///
    /// Errors: too short, reserved flags. Cost: no copy of the text, no cryptography.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let Some((&[flags], rest)) = bytes.split_first_chunk() else {
            return Err(Self::too_short(bytes));
        };
        let Some((nonce, rest)) = rest.split_first_chunk() else {
            return Err(Self::too_short(bytes));
        };
        let Some((text, tag)) = rest.split_last_chunk() else {
            return Err(Self::too_short(bytes));
        };
        Ok(Self { flags: Flags::parse(flags)?, nonce: Nonce(*nonce), text, tag })
    }

    const fn too_short(bytes: &[u8]) -> Malformed {
        Malformed::new("length", bytes.len(), "shorter than flags, nonce and tag")
    }

    /// Parses a whole value, which a tombstone is not: a deletion, shown as an empty value by
    /// whoever can write to the topic, is refused.
    ///
    /// Errors: as [`parse`](Self::parse); the form of a tombstone.
    pub fn parse_whole(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let value = Self::parse(bytes)?;
        if value.flags.key_bound()
            && !value.flags.padded()
            && value.flags.compression() == Compression::None
            && value.text.is_empty()
        {
            let why = "an empty value under a bound key is padded; this is a tombstone";
            return Err(Malformed::new("flags", 0, why));
        }
        Ok(value)
    }

    /// Parses the value of a `nu.null` header: the empty text, with the key bound.
    ///
    /// Errors: as [`parse`](Self::parse); a text, compression, padding, no key bound.
    pub fn parse_null(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let value = Self::parse(bytes)?;
        if !value.flags.key_bound() {
            return Err(Malformed::new("flags", 0, "a tombstone is bound to its key"));
        }
        if value.flags.padded() || value.flags.compression() != Compression::None {
            return Err(Malformed::new("flags", 0, "a tombstone's text is empty as it is"));
        }
        if bytes.len() != SEALED_OVERHEAD {
            return Err(Malformed::new(NULL_HEADER, TEXT_AT, "a tombstone's text is not empty"));
        }
        Ok(value)
    }

    /// The flags.
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// The nonce.
    pub const fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// Opens the value: authenticates, then removes padding and compression.
    ///
    /// Errors: [`OpenError::Altered`]; [`OpenError::Malformed`] for an authentic text that is not
    /// in the format; [`OpenError::TooLarge`] beyond `max_decompressed`.
    /// Cost: one copy of the text, which is decrypted where it lies.
    pub(crate) fn open(
        &self,
        dek: &Dek,
        edek: &Edek,
        binding: &Binding<'_>,
        max_decompressed: usize,
    ) -> Result<Vec<u8>, OpenError> {
        let mut aad = Vec::with_capacity(binding.aad_len());
        binding.write_aad(self.flags, edek, &mut aad).map_err(|unbindable| match unbindable {
            // Nobody can have sealed it with that.
            Unbindable::TooLong => OpenError::Altered,
            Unbindable::NoPlace => {
                Malformed::new("flags", 0, "the place is bound, and there is none").into()
            }
        })?;
        let mut text = self.text.to_vec();
        dek.open(self.nonce.as_bytes(), &aad, &mut text, self.tag).ok_or(OpenError::Altered)?;
        if edek.slot() == WHOLE_VALUE && self.nonce.token_index() != 0 {
            let why = "the token index of a whole value is not 0";
            return Err(Malformed::new("nonce", 1, why).into());
        }
        text::decode(self.flags, text, max_decompressed)
    }
}

impl fmt::Debug for SealedValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedValue")
            .field("flags", &self.flags)
            .field("nonce", &self.nonce)
            .field("text_len", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// What a text is sealed with and bound to: the counterpart of [`SealedValue::open`].
pub(crate) struct Sealing<'a> {
    pub(crate) edek: &'a Edek,
    pub(crate) dek: &'a Dek,
    /// Serves once.
    pub(crate) nonce: Nonce,
    pub(crate) context: &'a [u8],
    /// The record key, if it is bound.
    pub(crate) key: Option<Option<&'a [u8]>>,
    /// The place, if it is bound.
    pub(crate) place: Option<Place<'a>>,
}

impl Sealing<'_> {
    /// Seals a text in its buffer. `aad` is overwritten, and kept by the caller for the next time.
    pub(crate) fn seal(&self, text: Text, aad: &mut Vec<u8>) -> Result<Vec<u8>, SealError> {
        let mut flags = text.flags();
        if self.key.is_some() {
            flags = flags.with_key_bound();
        }
        if self.place.is_some() {
            flags = flags.with_place_bound();
        }
        let binding = Binding { context: self.context, key: self.key.flatten(), place: self.place };
        aad.clear();
        binding.write_aad(flags, self.edek, aad).map_err(|unbindable| match unbindable {
            Unbindable::TooLong => SealError::TooLarge,
            Unbindable::NoPlace => SealError::NoPlace,
        })?;
        let mut value = text.into_buffer();
        let (head, text) = value.split_at_mut(TEXT_AT);
        let tag = self.dek.seal(self.nonce.as_bytes(), aad, text).ok_or(SealError::TooLarge)?;
        let fields = core::iter::once(flags.as_byte()).chain(*self.nonce.as_bytes());
        head.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        value.extend_from_slice(&tag);
        Ok(value)
    }
}
