//! The payload of a compressed batch, out and back in.
//!
//! Called by the walker and the patcher, and by the gateway's inspection of Produce. Formats:
//! `docs/spec/records.md`, "Compression".
//!
//! Output is bounded by a limit given with each call, and memory by what really comes out: a
//! payload's own claim of its size is at most compared, never believed.
//!
//! *Cost:* benchmark `patch`, `<codec>/..`: at 1 KiB a record from 8 times (snappy) to 80 times (gzip) what
//! patching the same bytes in place costs. It belongs in a pool, not in a reactor.

use std::io::{Read, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use zstd::zstd_safe::{self, CCtx, DCtx, zstd_sys::ZSTD_ErrorCode};

use super::batch::Codec;
use super::error::BatchError;

/// The first eight bytes of the framing that Java's snappy puts around blocks (xerial).
pub(super) const XERIAL_MAGIC: &[u8; 8] = b"\x82SNAPPY\0";
/// After the magic: version 1, lowest version that can read it 1.
const XERIAL_VERSIONS: &[u8; 8] = b"\0\0\0\x01\0\0\0\x01";
/// Bytes in a block of the xerial framing as the Java client writes it.
const XERIAL_BLOCK: usize = 32 << 10;

/// Snappy's best case is a copy of 64 bytes in an element of 3: below 22 for 1.
const SNAPPY_MAX_RATIO: usize = 22;

/// An LZ4 frame of the format since magic 1 (KIP-57), not the legacy one, which has no end mark.
const LZ4_MAGIC: &[u8; 4] = &0x184D_2204_u32.to_le_bytes();

/// What comes out of here crosses one network hop and is not stored, so speed counts for more
/// than the last percent; and sealed values do not compress at any level.
const GZIP_LEVEL: u32 = 1;
/// As for gzip. Kafka's own default is 3.
const ZSTD_LEVEL: i32 = 1;

/// Output of one zstd block at most, and the bytes that the smallest block takes: a header of 3,
/// and the byte to repeat (RFC 8878, section 3.1.1.2).
const ZSTD_BLOCK: (usize, usize) = (128 << 10, 4);

/// The first buffer tried for a zstd payload: four times its size, and no less than this.
const ZSTD_FIRST_TRY: usize = 64 << 10;

/// State of the codecs that is worth keeping from one batch to the next.
///
/// Empty until used. Used, it holds at most the state of one zstd compressor (about 1 MiB),
/// one zstd decompressor (160 KiB), one snappy compressor (64 KiB) and, after [`Batch::records`],
/// the last payload. One for each worker; it has no bearing on results.
///
/// [`Batch::records`]: super::Batch::records
#[derive(Default)]
pub struct Codecs {
    snappy: Option<Box<snap::raw::Encoder>>,
    zstd_out: Option<DCtx<'static>>,
    zstd_in: Option<CCtx<'static>>,
    payload: Vec<u8>,
}

impl std::fmt::Debug for Codecs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codecs").finish_non_exhaustive()
    }
}

/// Not what the codec writes, or more of it than allowed.
enum Failure {
    Undecodable,
    TooLarge,
}

impl From<std::io::Error> for Failure {
    fn from(_: std::io::Error) -> Self {
        Self::Undecodable
    }
}

impl From<snap::Error> for Failure {
    fn from(_: snap::Error) -> Self {
        Self::Undecodable
    }
}

impl Codecs {
    /// Decompresses into a buffer of its own.
    pub(super) fn open(
        &mut self,
        codec: Codec,
        input: &[u8],
        limit: usize,
    ) -> Result<&[u8], BatchError> {
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        let result = self.decompress(codec, input, limit, &mut payload);
        self.payload = payload;
        result.map(|()| self.payload.as_slice())
    }

    /// Decompresses `input` and appends the result, at most `limit` bytes, to `out`.
    ///
    /// # Errors
    /// [`BatchError::Undecodable`], [`BatchError::TooLarge`]; `out` is then as it was.
    pub fn decompress(
        &mut self,
        codec: Codec,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), BatchError> {
        let start = out.len();
        let result = match codec {
            Codec::None if input.len() > limit => Err(Failure::TooLarge),
            Codec::None => {
                out.extend_from_slice(input);
                Ok(())
            }
            Codec::Gzip => gunzip(input, limit, out),
            Codec::Snappy => match xerial_blocks(input) {
                Some(blocks) => unsnap_blocks(blocks, limit, out),
                None => unsnap(input, limit, out),
            },
            Codec::Lz4 => unlz4(input, limit, out),
            Codec::Zstd => {
                unzstd(self.zstd_out.get_or_insert_with(DCtx::create), input, limit, out)
            }
        };
        result.map_err(|failure| {
            out.truncate(start);
            match failure {
                Failure::Undecodable => BatchError::Undecodable(codec),
                Failure::TooLarge => BatchError::TooLarge { codec, limit },
            }
        })
    }

    /// Compresses `input` and appends the result to `out`.
    ///
    /// `model` is what stands there now: snappy has two framings, and a client that wrote one
    /// may not read the other; and what did not shrink before will not shrink now.
    ///
    /// # Errors
    /// [`BatchError::Undecodable`] if the codec fails, which takes an input beyond its size
    /// limits (snappy: 4 GiB); `out` is then as it was.
    pub fn compress(
        &mut self,
        codec: Codec,
        model: &[u8],
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), BatchError> {
        let start = out.len();
        let result = match codec {
            Codec::None => {
                out.extend_from_slice(input);
                Ok(())
            }
            Codec::Gzip => gzip(model, input, out),
            Codec::Snappy => {
                let encoder =
                    self.snappy.get_or_insert_with(|| Box::new(snap::raw::Encoder::new()));
                match xerial_blocks(model) {
                    Some(_) => snap_blocks(encoder, input, out),
                    None => snap(encoder, input, out),
                }
            }
            Codec::Lz4 => lz4(input, out),
            Codec::Zstd => zstd(self.zstd_in.get_or_insert_with(CCtx::create), input, out),
        };
        result.map_err(|_| {
            out.truncate(start);
            BatchError::Undecodable(codec)
        })
    }
}

/// Any number of members, as Java and zlib's own tools read them.
fn gunzip(input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = flate2::bufread::MultiGzDecoder::new(input).take(most).read_to_end(out)?;
    if read > limit { Err(Failure::TooLarge) } else { Ok(()) }
}

/// Deflate spends 14 ms on a MiB that it then cannot shrink (sealed values), so where the producer's
/// own gzip gained less than an eighth, the bytes are stored.
fn gzip(model: &[u8], input: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
    let gained = model.len() < input.len() - input.len() / 8;
    let level = flate2::Compression::new(if gained { GZIP_LEVEL } else { 0 });
    let mut encoder = flate2::write::GzEncoder::new(out, level);
    encoder.write_all(input)?;
    encoder.finish()?;
    Ok(())
}

/// The blocks of the xerial framing, each behind its length; `None` if `input` is a raw block.
fn xerial_blocks(input: &[u8]) -> Option<&[u8]> {
    // The versions are not looked at, as Java's reader does not refuse later ones.
    input.strip_prefix(XERIAL_MAGIC)?.get(XERIAL_VERSIONS.len()..)
}

fn unsnap_blocks(mut blocks: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    let end = out.len().saturating_add(limit);
    while !blocks.is_empty() {
        let (len, rest) = blocks.split_first_chunk().ok_or(Failure::Undecodable)?;
        let len = usize::try_from(i32::from_be_bytes(*len)).map_err(|_| Failure::Undecodable)?;
        let (block, rest) = rest.split_at_checked(len).ok_or(Failure::Undecodable)?;
        unsnap(block, end - out.len(), out)?;
        blocks = rest;
    }
    Ok(())
}

fn unsnap(block: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    let len = snap::raw::decompress_len(block)?;
    if len > block.len().saturating_mul(SNAPPY_MAX_RATIO) {
        return Err(Failure::Undecodable);
    }
    if len > limit {
        return Err(Failure::TooLarge);
    }
    let written = snap::raw::Decoder::new().decompress(block, grow(out, len))?;
    if written == len { Ok(()) } else { Err(Failure::Undecodable) }
}

fn snap_blocks(
    encoder: &mut snap::raw::Encoder,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    out.extend_from_slice(XERIAL_MAGIC);
    out.extend_from_slice(XERIAL_VERSIONS);
    for block in input.chunks(XERIAL_BLOCK) {
        let length_at = out.len();
        out.extend_from_slice(&[0; 4]);
        snap(encoder, block, out)?;
        let written = out.get_mut(length_at..).and_then(<[u8]>::split_first_chunk_mut);
        let (length, block) = written.ok_or(Failure::Undecodable)?;
        *length = i32::try_from(block.len()).map_err(|_| Failure::TooLarge)?.to_be_bytes();
    }
    Ok(())
}

fn snap(encoder: &mut snap::raw::Encoder, input: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
    let start = out.len();
    let written = encoder.compress(input, grow(out, snap::raw::max_compress_len(input.len())))?;
    out.truncate(start + written);
    Ok(())
}

/// One frame and nothing after it, as Java reads it.
fn unlz4(input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    if !input.starts_with(LZ4_MAGIC) {
        return Err(Failure::Undecodable);
    }
    // Buffers of the decoder: the frame's block size, of which the largest is 4 MiB.
    let mut decoder = FrameDecoder::new(input);
    let end = out.len().saturating_add(limit);
    let mut chunk = [0; 8 << 10];
    loop {
        match decoder.read(&mut chunk)? {
            0 => break,
            read if read > end - out.len() => return Err(Failure::TooLarge),
            read => out.extend_from_slice(chunk.get(..read).unwrap_or_default()),
        }
    }
    if decoder.get_ref().is_empty() { Ok(()) } else { Err(Failure::Undecodable) }
}

/// Independent blocks, without which Java does not read it; 64 KiB, as Java and librdkafka write.
fn lz4(input: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
    let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, out);
    encoder.write_all(input)?;
    encoder.finish().map_err(|_| Failure::Undecodable)?;
    Ok(())
}

/// Any number of frames. Decodes into one buffer, which needs no window of its own (a frame may
/// claim one of 2 GiB). How large is not known beforehand: four times the input, and four times
/// that, and so on up to what its blocks could hold; so a bomb costs a third more than its size.
fn unzstd(
    context: &mut DCtx<'static>,
    input: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let start = out.len();
    let (output, least_input) = ZSTD_BLOCK;
    let most = (input.len() / least_input).saturating_mul(output).min(limit);
    let mut size = input.len().saturating_mul(4).max(ZSTD_FIRST_TRY).min(most);
    loop {
        match context.decompress(grow(out, size), input) {
            Ok(written) => {
                out.truncate(start + written);
                return Ok(());
            }
            Err(code) if !is_too_small(code) => return Err(Failure::Undecodable),
            Err(_) if size == limit => return Err(Failure::TooLarge),
            Err(_) if size == most => return Err(Failure::Undecodable),
            Err(_) => {
                out.truncate(start);
                size = size.saturating_mul(4).min(most);
            }
        }
    }
}

/// zstd returns its error numbers negated; this one is pinned since zstd 1.3.1.
fn is_too_small(code: zstd_safe::ErrorCode) -> bool {
    code.wrapping_neg() == ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall as usize
}

fn zstd(context: &mut CCtx<'static>, input: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
    let start = out.len();
    let buffer = grow(out, zstd_safe::compress_bound(input.len()));
    let written = context.compress(buffer, input, ZSTD_LEVEL).map_err(|_| Failure::Undecodable)?;
    out.truncate(start + written);
    Ok(())
}

/// Appends `len` zeros and hands them out to be written over.
fn grow(out: &mut Vec<u8>, len: usize) -> &mut [u8] {
    let start = out.len();
    out.resize(start + len, 0);
    out.get_mut(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
