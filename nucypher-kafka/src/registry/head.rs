//! The signed head of an administrator's entries: it makes of many signed files one set, so that
//! an entry that is removed, rolled back or resurrected is noticed.
//!
//! `docs/spec/registry.md`, "Head":
//!
//! ```text
//! "nucypher/v1/head-body" || revision as u64 || issued as i64 || valid until as i64 (ms, 0 = none)
//! || count as u32 || digest (32) || removed as u32 || entry ids removed by this revision (8 each)
//! ```
//!
//! ```text
//! digest = SHA-256("nucypher/v1/entry-set" || SHA-256 of each entry, ascending)
//! ```
//!
//! The set is: this administrator's entries of a revision not above the head's, without those
//! that the head names as removed. So a reader that comes between two steps of a change sees
//! the state before it (entries above the head do not count yet) or after it (entries that the
//! head removed do not count any more).

use sha2::{Digest, Sha256};

use super::{
    codec::{Malformed, Reader, TooLong},
    entry::EntryId,
};

const DOMAIN: &[u8] = b"nucypher/v1/head-body";
const SET_DOMAIN: &[u8] = b"nucypher/v1/entry-set";

/// An administrator's statement of which entries are in force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// Grows by at least one with every change.
    pub revision: u64,
    /// When the head was signed, in milliseconds since 1970.
    pub issued: i64,
    /// The last millisecond at which a gateway may act on the set.
    pub valid_until: Option<i64>,
    /// How many entries are in force.
    pub count: u32,
    /// The digest over them.
    pub digest: [u8; 32],
    /// The entries that this revision removed, ascending: their files may still be there.
    pub removed: Vec<EntryId>,
}

impl Head {
    /// Whether the set may still be acted on.
    pub fn is_valid(&self, now_ms: i64) -> bool {
        self.valid_until.is_none_or(|until| now_ms <= until)
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let mut out = DOMAIN.to_vec();
        out.extend(self.revision.to_be_bytes());
        out.extend(self.issued.to_be_bytes());
        out.extend(self.valid_until.unwrap_or(0).to_be_bytes());
        out.extend(self.count.to_be_bytes());
        out.extend(self.digest);
        let removed =
            u32::try_from(self.removed.len()).map_err(|_| TooLong { field: "removed" })?;
        out.extend(removed.to_be_bytes());
        for id in &self.removed {
            out.extend(id.as_bytes());
        }
        Ok(out)
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        reader.constant("domain", DOMAIN)?;
        let revision = reader.u64("revision")?;
        let issued = read_time(&mut reader, "issued")?.unwrap_or(0);
        let valid_until = read_time(&mut reader, "valid until")?;
        let count = reader.u32("count")?;
        let digest = *reader.array("digest")?;
        let mut removed: Vec<EntryId> = Vec::new();
        for _ in 0..reader.u32("removed")? {
            let at = reader.fail("removed");
            let id = EntryId::from_bytes(*reader.array("removed")?);
            if removed.last().is_some_and(|last| *last >= id) {
                return Err(at);
            }
            removed.push(id);
        }
        reader.finish()?;
        Ok(Self { revision, issued, valid_until, count, digest, removed })
    }
}

fn read_time(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<i64>, Malformed> {
    let at = reader.fail(field);
    match reader.i64(field)? {
        0 => Ok(None),
        time if time > 0 => Ok(Some(time)),
        _ => Err(at),
    }
}

/// The digest over a set of entries, given by their SHA-256 in any order.
pub(super) fn set_digest(mut hashes: Vec<[u8; 32]>) -> [u8; 32] {
    hashes.sort_unstable();
    let mut digest = Sha256::new_with_prefix(SET_DOMAIN);
    for hash in hashes {
        digest.update(hash);
    }
    digest.finalize().into()
}
