//! Frames: four bytes of length, then a request or a response.
//!
//! A session looks at the first twelve bytes of a request, or the first eight of a response,
//! before it decides whether the rest is held or streamed.

use super::table::Api;
use super::wire::{Malformed, Read, Reader, put_nullable_string};
use crate::records::Edits;

/// The size of the length that stands before each message.
pub const PREFIX: usize = 4;
/// Length, API key, API version, correlation id.
pub const REQUEST_HEAD: usize = PREFIX + 8;
/// Length, correlation id.
pub const RESPONSE_HEAD: usize = PREFIX + 4;

/// Why a frame is refused by its length alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Frame {
    /// Too short for a header, or negative.
    #[error("a frame of length {len} cannot hold a header")]
    TooShort {
        /// The length as it stands.
        len: i32,
    },
    /// Longer than configured.
    #[error("a frame of {len} bytes is longer than the limit of {cap}")]
    TooLong {
        /// The length as it stands.
        len: u64,
        /// The limit.
        cap: u32,
    },
}

/// Reads a length prefix and gives the size of the frame with it.
fn size(bytes: &[u8], min: usize, cap: u32) -> Option<Result<usize, Frame>> {
    let len = i32::from_be_bytes(*bytes.first_chunk::<PREFIX>()?);
    let Ok(unsigned) = u32::try_from(len) else { return Some(Err(Frame::TooShort { len })) };
    let Ok(body) = usize::try_from(unsigned) else {
        return Some(Err(Frame::TooLong { len: unsigned.into(), cap }));
    };
    Some(if body + PREFIX < min {
        Err(Frame::TooShort { len })
    } else if unsigned > cap {
        Err(Frame::TooLong { len: unsigned.into(), cap })
    } else {
        Ok(body + PREFIX)
    })
}

/// The first fields of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHead {
    /// The size of the frame, length prefix included.
    pub size: usize,
    /// Which API.
    pub key: i16,
    /// In which version.
    pub version: i16,
    /// What the response must carry.
    pub correlation_id: i32,
}

impl RequestHead {
    /// Reads the head of a request; `None` until [`REQUEST_HEAD`] bytes are there. A bad length is
    /// found as soon as the length is.
    pub fn read(bytes: &[u8], cap: u32) -> Result<Option<Self>, Frame> {
        let Some(size) = size(bytes, REQUEST_HEAD, cap).transpose()? else { return Ok(None) };
        let mut reader = Reader::new(bytes, PREFIX, false);
        let head = (|| {
            Ok::<_, Malformed>(Self {
                size,
                key: reader.i16("request_api_key")?,
                version: reader.i16("request_api_version")?,
                correlation_id: reader.i32("correlation_id")?,
            })
        })();
        Ok(head.ok())
    }

    /// Passes over the rest of the header (client id, tagged fields) and gives a reader at the body.
    pub fn body<'a>(&self, bytes: &'a [u8], api: &Api) -> Read<Reader<'a>> {
        let bytes = bytes.get(..self.size).unwrap_or(bytes);
        let flexible = api.is_flexible(self.version);
        // The client id is never compact, for a broker must find it in versions it does not know.
        let mut reader = Reader::new(bytes, REQUEST_HEAD, false);
        reader.skip_string("client_id")?;
        let mut reader = Reader::new(bytes, reader.position(), flexible);
        reader.skip_tags()?;
        Ok(reader)
    }
}

/// The first fields of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead {
    /// The size of the frame, length prefix included.
    pub size: usize,
    /// Which request this answers.
    pub correlation_id: i32,
}

impl ResponseHead {
    /// Reads the head of a response; `None` until [`RESPONSE_HEAD`] bytes are there.
    pub fn read(bytes: &[u8], cap: u32) -> Result<Option<Self>, Frame> {
        let Some(size) = size(bytes, RESPONSE_HEAD, cap).transpose()? else { return Ok(None) };
        let mut reader = Reader::new(bytes, PREFIX, false);
        Ok(reader.i32("correlation_id").ok().map(|correlation_id| Self { size, correlation_id }))
    }
}

/// Passes over a response's header and gives a reader at the body of `frame`.
pub fn response_body<'a>(frame: &'a [u8], api: &Api, version: i16) -> Read<Reader<'a>> {
    let mut reader = Reader::new(frame, RESPONSE_HEAD, api.is_flexible(version));
    if api.has_tagged_response_header(version) {
        reader.skip_tags()?;
    }
    Ok(reader)
}

/// Begins a request of the gateway's own; [`finish`] sets the length.
#[must_use]
pub fn request(api: &Api, version: i16, correlation_id: i32, client_id: &str) -> Vec<u8> {
    let mut out = vec![0; PREFIX];
    out.extend_from_slice(&api.key.to_be_bytes());
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&correlation_id.to_be_bytes());
    put_nullable_string(&mut out, false, Some(client_id));
    if api.is_flexible(version) {
        out.push(0);
    }
    out
}

/// Begins a response of the gateway's own; [`finish`] sets the length.
#[must_use]
pub fn response(api: &Api, version: i16, correlation_id: i32) -> Vec<u8> {
    let mut out = vec![0; PREFIX];
    out.extend_from_slice(&correlation_id.to_be_bytes());
    if api.has_tagged_response_header(version) {
        out.push(0);
    }
    out
}

/// Sets the length of a message of the gateway's own.
#[must_use]
pub fn finish(mut frame: Vec<u8>) -> Vec<u8> {
    // A message of ours is far below 2 GiB, so this cannot fail.
    let _ = fix_length(&mut frame, &Edits::new());
    frame
}

/// Sets the length prefix of a whole frame to what it will be with these edits.
///
/// # Errors
///
/// The edited frame would be longer than a prefix can say.
pub fn fix_length(frame: &mut [u8], edits: &Edits) -> Result<(), Frame> {
    let len = i64::try_from(frame.len()).unwrap_or(i64::MAX);
    // An edit may begin at the very end.
    let growth = edits.growth(0..frame.len().saturating_add(1));
    let len = len.saturating_add(growth).saturating_sub(4);
    let too_long =
        |_| Frame::TooLong { len: u64::try_from(len).unwrap_or(0), cap: i32::MAX.unsigned_abs() };
    let prefix = i32::try_from(len).map_err(too_long)?;
    if let Some(at) = frame.first_chunk_mut::<PREFIX>() {
        *at = prefix.to_be_bytes();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_wait_for_their_bytes() {
        let frame = [0, 0, 0, 10, 0, 3, 0, 1, 0, 0, 0, 9, 0, 0];
        for len in 0..REQUEST_HEAD {
            assert_eq!(RequestHead::read(&frame[..len], 100), Ok(None));
        }
        let head = RequestHead { size: 14, key: 3, version: 1, correlation_id: 9 };
        assert_eq!(RequestHead::read(&frame, 100), Ok(Some(head)));
    }

    #[test]
    fn a_bad_length_is_found_at_the_fourth_byte() {
        assert_eq!(RequestHead::read(&[0xff; 4], 100), Err(Frame::TooShort { len: -1 }));
        assert_eq!(RequestHead::read(&[0, 0, 0, 7], 100), Err(Frame::TooShort { len: 7 }));
        assert_eq!(
            RequestHead::read(&[0, 0, 0, 101], 100),
            Err(Frame::TooLong { len: 101, cap: 100 })
        );
        assert_eq!(
            ResponseHead::read(&[0x7f, 0xff, 0xff, 0xff], 100),
            Err(Frame::TooLong { len: 0x7fff_ffff, cap: 100 })
        );
        assert_eq!(ResponseHead::read(&[0, 0, 0, 3], 100), Err(Frame::TooShort { len: 3 }));
    }
}
