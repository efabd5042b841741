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

/// What is open to a client besides the data plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Open {
    /// The admin plane.
    pub admin: bool,
    /// SASL ends at the gateway, so its APIs are there whether the broker has them or not.
    pub own_sasl: bool,
}

impl Advertised {
    /// Puts the intersection with the table in the place of the broker's ranges.
    ///
    /// # Errors
    ///
    /// [`Overlap`]: a bug of ours.
    pub fn rewrite(&self, edits: &mut Edits, open: Open) -> Result<(), Overlap> {
        // With an error there are the versions of ApiVersions itself, or none.
        let open = if self.error_code == 0 { open } else { Open::default() };
        let ranges = intersect(&self.ranges, open);
        let mut bytes = Vec::with_capacity(4 + ranges.len() * 7);
        put_ranges(&mut bytes, self.flexible, &ranges);
        edits.push(Splice { range: self.at.clone(), bytes })
    }
}

/// The broker's ranges as far as the table knows them and they are open to the client.
#[must_use]
pub fn intersect(ranges: &[Range], open: Open) -> Vec<Range> {
    let is_own =
        |key: i16| open.own_sasl && matches!(key, key::SASL_HANDSHAKE | key::SASL_AUTHENTICATE);
    let common = ranges.iter().filter(|range| !is_own(range.key)).filter_map(|range| {
        let api = table::api(range.key).filter(|api| api.is_open(open.admin))?;
        let (min, max) = (range.min.max(api.advertised_min()), range.max.min(api.max));
        (min <= max).then_some(Range { key: range.key, min, max })
    });
    let own = table::TABLE.iter().filter(|api| is_own(api.key));
    common.chain(own.map(|api| Range { key: api.key, min: api.min, max: api.max })).collect()
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
