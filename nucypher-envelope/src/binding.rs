//! What a sealed value is bound to: its EDEK, its context, its record key, its place.
//!
//! All of it enters the additional authenticated data, so a value that is moved to another
//! session, channel, key, topic or partition does not open. Specification:
//! `docs/spec/envelope.md`, "Additional authenticated data". Everything here is public.

use core::{fmt, str::FromStr};

use crate::{edek::Edek, error::ConfigError, value::Flags, wire::RECORD_LABEL};

/// A channel's name: the context in which its values are sealed. `[A-Za-z0-9._-]`, 1 to 249 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Box<str>);

impl ChannelName {
    /// The longest name: what Kafka allows a topic.
    pub const MAX_LEN: usize = 249;

    /// Checks and copies a name.
    ///
    /// Errors: [`ConfigError::ChannelName`].
    pub fn new(name: &str) -> Result<Self, ConfigError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=Self::MAX_LEN).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(ConfigError::ChannelName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ChannelName {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::new(name)
    }
}

impl AsRef<str> for ChannelName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Where a record lies: a topic's partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
}

/// What there is to bind a value to. The flags say what of it is bound.
#[derive(Clone, Copy)]
pub(crate) struct Binding<'a> {
    /// The channel's name, or the channel's name and a field's path.
    pub(crate) context: &'a [u8],
    /// The record key; `None` is Kafka's null key.
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) place: Option<Place<'a>>,
}

/// Why a binding cannot be written.
pub(crate) enum Unbindable {
    /// A part is longer than its length field can say.
    TooLong,
    /// The flags bind the place, and there is none.
    NoPlace,
}

impl Binding<'_> {
    /// Appends the additional authenticated data.
    ///
    /// Every part has a fixed length or its length before it, so no two bindings share a form.
    pub(crate) fn write_aad(
        &self,
        flags: Flags,
        edek: &Edek,
        aad: &mut Vec<u8>,
    ) -> Result<(), Unbindable> {
        aad.extend_from_slice(RECORD_LABEL);
        aad.extend_from_slice(&[flags.as_byte(), edek.suite().as_byte(), edek.slot()]);
        aad.extend_from_slice(edek.delegating_id().as_bytes());
        aad.extend_from_slice(&edek.commitment());
        write_len16(self.context, aad)?;
        if flags.key_bound() {
            write_key(self.key, aad)?;
        }
        if flags.place_bound() {
            let place = self.place.ok_or(Unbindable::NoPlace)?;
            write_len16(place.topic.as_bytes(), aad)?;
            aad.extend_from_slice(&place.partition.to_be_bytes());
        }
        Ok(())
    }

    /// About how long the additional authenticated data is; at least, for a key that is bound.
    pub(crate) fn aad_len(&self) -> usize {
        128 + self.context.len()
            + self.key.map_or(0, <[u8]>::len)
            + self.place.map_or(0, |place| place.topic.len())
    }
}

/// The length as u16, then the bytes.
fn write_len16(bytes: &[u8], aad: &mut Vec<u8>) -> Result<(), Unbindable> {
    let len = u16::try_from(bytes.len()).map_err(|_| Unbindable::TooLong)?;
    aad.extend_from_slice(&len.to_be_bytes());
    aad.extend_from_slice(bytes);
    Ok(())
}

/// The length as u32, then the key; a null key has the length 0xFFFFFFFF and no bytes.
fn write_key(key: Option<&[u8]>, aad: &mut Vec<u8>) -> Result<(), Unbindable> {
    const NULL: u32 = u32::MAX;
    let len = match key {
        None => NULL,
        Some(key) => {
            u32::try_from(key.len()).ok().filter(|len| *len != NULL).ok_or(Unbindable::TooLong)?
        }
    };
    aad.extend_from_slice(&len.to_be_bytes());
    aad.extend_from_slice(key.unwrap_or_default());
    Ok(())
}
