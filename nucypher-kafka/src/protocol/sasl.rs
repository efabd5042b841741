//! `SaslHandshake` and `SaslAuthenticate`: the frames around SASL tokens. Tokens are secrets: nothing
//! here prints or keeps them.

use super::frame;
use super::table::Api;
use super::wire::{Read, Reader, put_len, put_nullable_string, put_string};

/// The versions in which the gateway asks brokers: raw tokens after the handshake were version 0.
pub const HANDSHAKE_VERSION: i16 = 1;
/// The first version of `SaslAuthenticate` that tells a session's lifetime (KIP-368).
pub const AUTHENTICATE_VERSION: i16 = 1;

/// Reads the mechanism that a client asks for.
pub fn walk_handshake_request(body: Reader<'_>) -> Read<&str> {
    let mut reader = body;
    let mechanism = reader.string("mechanism")?;
    reader.end()?;
    Ok(mechanism)
}

/// Reads the error code of a broker's answer to a handshake.
pub fn walk_handshake_response(body: Reader<'_>) -> Read<i16> {
    let mut reader = body;
    reader.i16("error_code")
}

/// Reads a client's token.
pub fn walk_authenticate_request<'a>(frame: &'a [u8], body: Reader<'a>) -> Read<&'a [u8]> {
    let mut reader = body;
    let token = reader.byte_range("auth_bytes")?.unwrap_or(0..0);
    reader.skip_tags()?;
    reader.end()?;
    Ok(frame.get(token).unwrap_or_default())
}

/// A broker's answer to a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Authenticated<'a> {
    /// Zero, or why not.
    pub error_code: i16,
    /// The broker's token.
    pub token: &'a [u8],
    /// For how long this authentication holds; zero for as long as the connection.
    pub session_lifetime_ms: i64,
}

/// Reads a broker's answer to a token.
pub fn walk_authenticate_response<'a>(
    frame: &'a [u8],
    body: Reader<'a>,
    version: i16,
) -> Read<Authenticated<'a>> {
    let mut reader = body;
    let error_code = reader.i16("error_code")?;
    reader.skip_string("error_message")?;
    let token = reader.byte_range("auth_bytes")?.unwrap_or(0..0);
    let session_lifetime_ms = if version >= 1 { reader.i64("session_lifetime_ms")? } else { 0 };
    reader.skip_tags()?;
    reader.end()?;
    Ok(Authenticated {
        error_code,
        token: frame.get(token).unwrap_or_default(),
        session_lifetime_ms,
    })
}

/// The gateway's answer to a handshake.
#[must_use]
pub fn handshake_response<'m>(
    api: &Api,
    version: i16,
    correlation_id: i32,
    error_code: i16,
    mechanisms: impl ExactSizeIterator<Item = &'m str>,
) -> Vec<u8> {
    let mut out = frame::response(api, version, correlation_id);
    out.extend_from_slice(&error_code.to_be_bytes());
    put_len(&mut out, false, mechanisms.len());
    for mechanism in mechanisms {
        put_string(&mut out, false, mechanism);
    }
    frame::finish(out)
}

/// The gateway's answer to a token.
#[must_use]
pub fn authenticate_response(
    api: &Api,
    version: i16,
    correlation_id: i32,
    answer: Authenticated<'_>,
    message: Option<&str>,
) -> Vec<u8> {
    let flexible = api.is_flexible(version);
    let mut out = frame::response(api, version, correlation_id);
    out.extend_from_slice(&answer.error_code.to_be_bytes());
    put_nullable_string(&mut out, flexible, message);
    put_len(&mut out, flexible, answer.token.len());
    out.extend_from_slice(answer.token);
    if version >= 1 {
        out.extend_from_slice(&answer.session_lifetime_ms.to_be_bytes());
    }
    if flexible {
        out.push(0);
    }
    frame::finish(out)
}

/// The gateway's request for a mechanism.
#[must_use]
pub fn handshake_request(
    api: &Api,
    correlation_id: i32,
    client_id: &str,
    mechanism: &str,
) -> Vec<u8> {
    let mut out = frame::request(api, HANDSHAKE_VERSION, correlation_id, client_id);
    put_string(&mut out, false, mechanism);
    frame::finish(out)
}

/// The gateway's request with a token.
#[must_use]
pub fn authenticate_request(
    api: &Api,
    correlation_id: i32,
    client_id: &str,
    token: &[u8],
) -> Vec<u8> {
    let mut out = frame::request(api, AUTHENTICATE_VERSION, correlation_id, client_id);
    put_len(&mut out, false, token.len());
    out.extend_from_slice(token);
    frame::finish(out)
}
