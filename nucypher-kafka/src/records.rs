//! Record batches: walked without copying, EDEKs replaced in place.
//!
//! The gateway's hot path. A Fetch response holds, for each partition, a run of record batches.
//! [`Scan`] finds the EDEKs in it, the caller decides what stands in their place, and
//! [`Scan::apply`] writes that over the old bytes. An EDEK never changes size, so offsets,
//! sequence numbers, lengths, timestamps and transactions stay as the broker stored them; of an
//! uncompressed batch only EDEK bytes and the CRC change. A compressed batch changes size, so it
//! comes back as a [`Splice`], and [`Edits`] gives the pieces of the frame to write.
//!
//! ```text
//! Batches ──▶ Batch ──▶ Records ──▶ Record ──▶ Headers ──▶ Header      reading (Produce: inspect)
//!    └────────────── Scan::walk ── Scan::edeks ── Scan::apply ──▶ Edits    patching (Fetch: rewrite)
//! ```
//!
//! Called by the gateway only: Fetch and ShareFetch responses are patched, Produce requests
//! inspected (and patched where a producer has a grant). Specification: `docs/spec/records.md`.
//!
//! *Secret:* nothing. EDEKs are public, everything here is what the broker stores.
//!
//! *Hostile input:* all of it. A broker, and whoever may produce to it, chooses every byte. No
//! count or length from the wire is believed beyond the bytes that are there, nothing is
//! allocated in proportion to one, and what cannot be walked goes through as stored.
//!
//! *Cost:* benchmark `patch` in `benches/`; figures in `docs/spec/records.md`.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "tests cast small numbers of their own"
    )
)]

pub mod batch;
pub mod compression;
mod crc;
mod edits;
mod error;
#[doc(hidden)]
pub mod fixture;
#[doc(hidden)]
pub mod fuzzing;
pub mod patch;
pub mod record;
pub(crate) mod varint;

pub use batch::{Attributes, Batch, Batches, Codec, Entry, TimestampType};
pub use compression::Codecs;
pub use edits::{Edits, Overlap, Splice};
pub use error::{BatchError, Field};
pub use patch::{Applied, ApplyError, Counts, EDEK_HEADER, EDEK_LEN, Limits, MAX_EDEKS, Scan};
pub use record::{Header, Headers, Record, Records};

#[cfg(test)]
mod tests;
