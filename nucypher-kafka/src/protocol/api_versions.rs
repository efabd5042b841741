//! `ApiVersions`: which versions the broker and this gateway both speak.
//!
//! What a client may use is the broker's range intersected with the reviewed table. The ranges of
//! features stay as the broker sent them.

use super::frame;
use super::table::{self, Api, key};
use super::wire::{Flaw, Malformed, Read, Reader, put_len};
use crate::records::{Edits, Overlap, Splice};

/// `UNSUPPORTED_VERSION`.
pub const UNSUPPORTED_VERSION: i16 = 35;

/// The versions of one API that somebody speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The API key.
    pub key: i16,
    /// The oldest version.
    pub min: i16,
    /// The newest version.
    pub max: i16,
}

/// A broker's response, as far as it is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    /// The broker's error code.
    pub error_code: i16,
    /// The broker's ranges.
    pub ranges: Vec<Range>,
    at: std::ops::Range<usize>,
    flexible: bool,
}

/// Walks a response to a request of this version.
///
/// A broker that does not know the version answers in version 0 with `UNSUPPORTED_VERSION` and its
/// versions of `ApiVersions` (KIP-511). Where it answers in another form (librdkafka's mock does), the
/// client is told of version 0, which every broker speaks.
pub fn walk_response(body: &Reader<'_>, version: i16, api: &Api) -> Read<Advertised> {
    let error_code = body.clone().i16("error_code")?;
    if error_code == UNSUPPORTED_VERSION {
        let end = body.position() + body.remaining();
        return Ok(walk(body, 0, false).unwrap_or(Advertised {
            error_code,
            ranges: vec![Range { key: key::API_VERSIONS, min: 0, max: 0 }],
            at: body.position() + 2..end,
            flexible: false,
        }));
    }
    walk(body, version, api.is_flexible(version))
}

fn walk(body: &Reader<'_>, version: i16, flexible: bool) -> Read<Advertised> {
    let mut reader = body.with_flexible(flexible);
    let error_code = reader.i16("error_code")?;
    let start = reader.position();
    let mut ranges = Vec::new();
    for _ in 0..reader.array("api_keys")?.unwrap_or(0) {
        let (key, min) = (reader.i16("api_key")?, reader.i16("min_version")?);
        ranges.push(Range { key, min, max: reader.i16("max_version")? });
        reader.skip_tags()?;
    }
    let at = start..reader.position();
    if version >= 1 {
        reader.i32("throttle_time_ms")?;
    }
    reader.skip_tags()?;
    reader.end()?;
    Ok(Advertised { error_code, ranges, at, flexible })
}

impl Advertised {
    /// Puts the intersection with the table in the place of the broker's ranges.
    ///
    /// # Errors
    ///
    /// [`Overlap`]: a bug of ours.
    pub fn rewrite(&self, edits: &mut Edits, admin: bool) -> Result<(), Overlap> {
        let ranges: Vec<_> = intersect(&self.ranges, admin).collect();
        let mut bytes = Vec::with_capacity(4 + ranges.len() * 7);
        put_ranges(&mut bytes, self.flexible, &ranges);
        edits.push(Splice { range: self.at.clone(), bytes })
    }
}

/// The broker's ranges as far as the table knows them and a client with these rights may use them.
pub fn intersect(ranges: &[Range], admin: bool) -> impl Iterator<Item = Range> {
    ranges.iter().filter_map(move |range| {
        let api = table::api(range.key).filter(|api| api.is_open(admin))?;
        let both = Range {
            key: range.key,
            min: range.min.max(api.advertised_min()),
            max: range.max.min(api.max),
        };
        (both.min <= both.max).then_some(both)
    })
}

/// A broker's ranges with the SASL APIs as the gateway speaks them, which ends SASL itself: a broker
/// may lack them (librdkafka's mock does).
#[must_use]
pub fn with_own_sasl(ranges: &[Range]) -> Vec<Range> {
    let is_sasl = |key: i16| [key::SASL_HANDSHAKE, key::SASL_AUTHENTICATE].contains(&key);
    let own = [key::SASL_HANDSHAKE, key::SASL_AUTHENTICATE].into_iter().filter_map(table::api);
    let own = own.map(|api| Range { key: api.key, min: api.min, max: api.max });
    ranges.iter().copied().filter(|range| !is_sasl(range.key)).chain(own).collect()
}

fn put_ranges(out: &mut Vec<u8>, flexible: bool, ranges: &[Range]) {
    put_len(out, flexible, ranges.len());
    for range in ranges {
        for number in [range.key, range.min, range.max] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        if flexible {
            out.push(0);
        }
    }
}

/// A response of the gateway's own, in a version that the client understands.
#[must_use]
pub fn response(
    api: &Api,
    version: i16,
    correlation_id: i32,
    error_code: i16,
    ranges: &[Range],
) -> Vec<u8> {
    let mut out = frame::response(api, version, correlation_id);
    out.extend_from_slice(&error_code.to_be_bytes());
    put_ranges(&mut out, api.is_flexible(version), ranges);
    if version >= 1 {
        out.extend_from_slice(&0i32.to_be_bytes());
    }
    if api.is_flexible(version) {
        out.push(0);
    }
    frame::finish(out)
}

/// The answer to a version that is not in the table: version 0, which every client reads, with the
/// versions of `ApiVersions` itself, so that the client can ask again (KIP-511).
#[must_use]
pub fn unsupported(api: &Api, correlation_id: i32) -> Vec<u8> {
    let own = Range { key: key::API_VERSIONS, min: api.min, max: api.max };
    response(api, 0, correlation_id, UNSUPPORTED_VERSION, &[own])
}

/// A request of the gateway's own, in version 0.
#[must_use]
pub fn request(api: &Api, correlation_id: i32, client_id: &str) -> Vec<u8> {
    frame::finish(frame::request(api, 0, correlation_id, client_id))
}

/// Checks that a response reports no error.
pub fn succeeded(advertised: &Advertised) -> Read<&[Range]> {
    match advertised.error_code {
        0 => Ok(&advertised.ranges),
        _ => Err(Malformed { field: "error_code", offset: advertised.at.start, flaw: Flaw::Value }),
    }
}
