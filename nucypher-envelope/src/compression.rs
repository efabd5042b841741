//! Compression before encryption: exactly one lz4 or zstd frame.
//!
//! Off unless configured: the length of a sealed value then tells how well the plaintext
//! compresses, which leaks where an attacker chooses part of it (Kelsey, FSE 2002; CRIME, BREACH).
//! Decompression trusts no size that a frame states, and stops at the cap.

use std::io::{Read, Write};

use lz4_flex::frame::{FrameDecoder, FrameEncoder};
use zstd::{
    bulk,
    zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, compress_bound},
};

use crate::{
    error::{ConfigError, Malformed, OpenError, SealError},
    value::TEXT_AT,
};

/// How a plaintext is compressed before it is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// As one lz4 frame.
    Lz4,
    /// As one zstd frame, level 3.
    Zstd,
}

const ZSTD_LEVEL: i32 = 3;

/// A codec with its working memory.
pub struct Compressor(Codec);

enum Codec {
    None,
    Lz4,
    Zstd(bulk::Compressor<'static>),
}

impl Compressor {
    /// The codec that leaves everything as it is.
    pub const fn none() -> Self {
        Self(Codec::None)
    }

    /// Prepares a codec.
    ///
    /// Errors: [`ConfigError::Compression`] where the library refuses.
    pub fn new(compression: Compression) -> Result<Self, ConfigError> {
        Ok(match compression {
            Compression::None => Self::none(),
            Compression::Lz4 => Self(Codec::Lz4),
            Compression::Zstd => bulk::Compressor::new(ZSTD_LEVEL)
                .map(|zstd| Self(Codec::Zstd(zstd)))
                .map_err(|_| ConfigError::Compression)?,
        })
    }

    /// Which codec this is.
    pub fn compression(&self) -> Compression {
        match self.0 {
            Codec::None => Compression::None,
            Codec::Lz4 => Compression::Lz4,
            Codec::Zstd(_) => Compression::Zstd,
        }
    }

    /// Appends the compressed plaintext; `false` if it does not shrink, and then nothing is
    /// appended.
    pub(crate) fn compress(
        &mut self,
        plaintext: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<bool, SealError> {
        let start = buffer.len();
        match &mut self.0 {
            Codec::None => return Ok(false),
            Codec::Lz4 => {
                let mut encoder = FrameEncoder::new(&mut *buffer);
                encoder.write_all(plaintext).map_err(|_| SealError::Compression)?;
                encoder.finish().map_err(|_| SealError::Compression)?;
            }
            Codec::Zstd(compressor) => {
                buffer.resize(start.saturating_add(compress_bound(plaintext.len())), 0);
                let room = buffer.get_mut(start..).unwrap_or_default();
                let len = compressor
                    .compress_to_buffer(plaintext, room)
                    .map_err(|_| SealError::Compression)?;
                buffer.truncate(start.saturating_add(len));
            }
        }
        let shrinks = buffer.len().saturating_sub(start) < plaintext.len();
        if !shrinks {
            buffer.truncate(start);
        }
        Ok(shrinks)
    }
}

impl core::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Compressor({:?})", self.compression())
    }
}

/// Decompresses an authentic text: exactly one frame, nothing after it, at most `max` bytes.
///
/// Errors: [`OpenError::Malformed`], [`OpenError::TooLarge`]. A bomb costs `max` bytes and the
/// time to write them.
pub(crate) fn decompress(
    compression: Compression,
    text: Vec<u8>,
    max: usize,
) -> Result<Vec<u8>, OpenError> {
    match compression {
        Compression::None => Ok(text),
        Compression::Lz4 => lz4(&text, max),
        Compression::Zstd => zstd(&text, max),
    }
}

fn not_a_frame(why: &'static str) -> OpenError {
    Malformed::new("compressed_text", TEXT_AT, why).into()
}

fn lz4(frame: &[u8], max: usize) -> Result<Vec<u8>, OpenError> {
    // The decoder takes an end of the input for an end of the frame, so the end mark is looked
    // for beforehand.
    if lz4_frame_len(frame) != Some(frame.len()) {
        return Err(not_a_frame("not exactly one lz4 frame"));
    }
    let mut decoder = FrameDecoder::new(frame);
    let mut plaintext = Vec::new();
    let cap = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    (&mut decoder)
        .take(cap)
        .read_to_end(&mut plaintext)
        .map_err(|_| not_a_frame("not an lz4 frame"))?;
    if plaintext.len() > max {
        return Err(OpenError::TooLarge);
    }
    // An empty block, too, looks to the decoder's caller like the end.
    if decoder.get_ref().is_empty() {
        Ok(plaintext)
    } else {
        Err(not_a_frame("an lz4 frame with an empty block"))
    }
}

/// The length of the lz4 frame at the front, if there is a whole one.
///
/// magic (4) || FLG || BD || content size (8)? || dictionary id (4)? || header checksum || blocks:
/// size (4, top bit: stored) || data || checksum (4)? || end mark: size 0 || content checksum (4)?
fn lz4_frame_len(bytes: &[u8]) -> Option<usize> {
    const MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();
    const STORED: u32 = 1 << 31;
    let (magic, rest) = bytes.split_first_chunk()?;
    let (&[flg, _], mut rest) = rest.split_first_chunk()?;
    let flag = |bit: u8, len: usize| if flg & 1 << bit != 0 { len } else { 0 };
    let (block_checksum, content_checksum) = (flag(4, 4), flag(2, 4));
    rest = rest.get(flag(3, 8) + flag(0, 4) + 1..)?;
    if *magic != MAGIC {
        return None;
    }
    loop {
        let (size, data) = rest.split_first_chunk()?;
        let size = u32::from_le_bytes(*size);
        if size == 0 {
            let after = data.get(content_checksum..)?;
            return bytes.len().checked_sub(after.len());
        }
        let len = usize::try_from(size & !STORED).ok()?;
        rest = data.get(len.checked_add(block_checksum)?..)?;
    }
}

fn zstd(frame: &[u8], max: usize) -> Result<Vec<u8>, OpenError> {
    const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
    const FIRST: usize = 64 << 10;
    // A skippable frame is a frame to the library, but holds nothing.
    if !frame.starts_with(&MAGIC) {
        return Err(not_a_frame("not a zstd frame"));
    }
    let broken = |_| not_a_frame("not a zstd frame");
    let mut context = DCtx::try_create().ok_or(OpenError::TooLarge)?;
    // The window is memory, too: no larger than what may come out, but for the 8 MiB that RFC
    // 8878, section 3.1.1.1.2, wants every decoder to allow.
    let window_log = usize::BITS - max.saturating_sub(1).leading_zeros();
    context.set_parameter(DParameter::WindowLogMax(window_log.clamp(23, 27))).map_err(broken)?;
    let mut input = InBuffer::around(frame);
    let mut plaintext = Vec::with_capacity(FIRST.min(max).max(1));
    loop {
        let filled = plaintext.len();
        let mut output = OutBuffer::around_pos(&mut plaintext, filled);
        let hint = context.decompress_stream(&mut output, &mut input).map_err(broken)?;
        if plaintext.len() > max {
            return Err(OpenError::TooLarge);
        }
        if hint == 0 {
            return if input.pos() == frame.len() {
                Ok(plaintext)
            } else {
                Err(not_a_frame("bytes after the zstd frame"))
            };
        }
        if plaintext.len() == plaintext.capacity() {
            // Up to one byte more than allowed: what fills it is too large.
            let more = plaintext.len().min(max.saturating_sub(plaintext.len()));
            plaintext.reserve_exact(more.saturating_add(1));
        } else if input.pos() == frame.len() {
            return Err(not_a_frame("the zstd frame is cut"));
        }
    }
}

#[cfg(test)]
mod tests;
