//! From a plaintext to the text that is encrypted, and back: compression, then padding.
//!
//! Called by sealing and opening. The buffer of a [`Text`] has room before it for flags and nonce
//! and behind it for the tag, so that a value is encrypted where it lies. A text is the
//! plaintext, more or less: secret, though not a key.

use core::fmt;

use crate::{
    compression::{Compressor, decompress},
    dem::TAG_LEN,
    error::{Malformed, OpenError, SealError},
    limits::MAX_TEXT,
    value::{Flags, TEXT_AT},
};

/// The padding is to a multiple of this.
const PAD_TO: usize = 16;
/// What ends the plaintext in a padded text; zeros follow.
const PAD_MARK: u8 = 0x80;

/// Whether a text is padded: plaintext, 0x80, zeros up to a multiple of 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// No: the length of the sealed value gives that of the plaintext.
    #[default]
    None,
    /// Yes: it gives the length rounded up. The least that hides whether a field says yes or no.
    Blocks,
}

/// A text on its way to be sealed, in a buffer with room for what will stand around it.
pub struct Text {
    /// 13 bytes, then the text.
    buffer: Vec<u8>,
    flags: Flags,
}

impl Text {
    /// The empty text of a tombstone.
    pub fn empty() -> Self {
        Self { buffer: head(0), flags: Flags::NONE }
    }

    /// Compresses and pads a plaintext.
    ///
    /// A plaintext that does not shrink stays uncompressed, and says so in its flags.
    /// Errors: [`SealError::TooLarge`], [`SealError::Compression`].
    /// Cost: one copy of the plaintext; with compression that of the codec.
    pub fn new(
        plaintext: &[u8],
        padding: Padding,
        compressor: &mut Compressor,
    ) -> Result<Self, SealError> {
        if u64::try_from(plaintext.len()).map_or(true, |len| len > MAX_TEXT - PAD_TO as u64) {
            return Err(SealError::TooLarge);
        }
        let mut text = Self { buffer: head(plaintext.len()), flags: Flags::NONE };
        if compressor.compress(plaintext, &mut text.buffer)? {
            text.flags = text.flags.with_compression(compressor.compression());
        } else {
            text.buffer.extend_from_slice(plaintext);
        }
        if padding == Padding::Blocks {
            text.flags = text.flags.with_padding();
            text.pad();
        }
        Ok(text)
    }

    /// Appends 0x80 and zeros.
    fn pad(&mut self) {
        self.buffer.push(PAD_MARK);
        let len = self.len().next_multiple_of(PAD_TO);
        self.buffer.resize(TEXT_AT.saturating_add(len), 0);
    }

    /// The length of the text in bytes.
    pub fn len(&self) -> usize {
        self.buffer.len().saturating_sub(TEXT_AT)
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What compression and padding say in the flags.
    pub(crate) fn flags(&self) -> Flags {
        self.flags
    }

    /// The buffer: 13 bytes for flags and nonce, then the text.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes, {:?})", self.len(), self.flags)
    }
}

/// A buffer with the room in front of the text, and room for the text, its padding and its tag.
fn head(len: usize) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(len.saturating_add(TEXT_AT + PAD_TO + TAG_LEN));
    buffer.resize(TEXT_AT, 0);
    buffer
}

/// Takes padding and compression away again. Requires: the text is authentic.
pub(crate) fn decode(
    flags: Flags,
    mut text: Vec<u8>,
    max_decompressed: usize,
) -> Result<Vec<u8>, OpenError> {
    if flags.padded() {
        let len = unpadded_len(&text).ok_or(Malformed::new(
            "padding",
            TEXT_AT,
            "not 0x80 and zeros up to a multiple of 16",
        ))?;
        text.truncate(len);
    }
    decompress(flags.compression(), text, max_decompressed)
}

/// The length of the plaintext in a padded text; `None` if the padding is not exactly right.
///
/// Not in constant time: the text is authentic, so this is no oracle.
fn unpadded_len(text: &[u8]) -> Option<usize> {
    let (_, block) = text.split_last_chunk::<PAD_TO>()?;
    let zeros = block.iter().rev().take_while(|byte| **byte == 0).count();
    let mark = text.len().checked_sub(zeros.checked_add(1)?)?;
    (text.len().is_multiple_of(PAD_TO) && zeros < PAD_TO && text.get(mark) == Some(&PAD_MARK))
        .then_some(mark)
}

#[cfg(test)]
mod tests;
