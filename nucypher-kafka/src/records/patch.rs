//! EDEKs found in the records of one partition, and others written over them.
//!
//! Two phases. [`Scan::walk`] reads and notes positions; the caller looks the EDEKs up, one for each
//! run of equal neighbours ([`Scan::runs`]), re-encrypts the cold ones wherever it likes, and
//! [`Scan::apply`] puts the results in. Specification: `docs/spec/records.md`, "What is touched".
//!
//! *Cost* (benchmark `patch`; figures in `docs/spec/records.md`): a walk takes 12 ns a record and reads
//! its first bytes and its headers; a patch 23 ns an EDEK, less where neighbours are equal, whatever the
//! record's size, CRC included; no byte of a value is read. A batch without EDEKs costs its walk alone. A
//! compressed batch is decompressed by `walk` and, if something changed, compressed by `apply`: see
//! [`Scan::is_compressed`].

use std::ops::Range;

use super::batch::{Batch, Batches, Codec, Entry, HEADER_LEN, offset};
use super::compression::Codecs;
use super::crc::CrcChange;
use super::edits::{Edits, Overlap, Splice};
use super::error::BatchError;
use super::record::{Record, Records};

pub use nucypher_envelope::{EDEK_LEN, MAX_EDEKS};

/// The record header that holds a record's EDEKs, joined; names are bytes here.
pub const EDEK_HEADER: &[u8] = nucypher_envelope::EDEK_HEADER.as_bytes();

/// What compressed batches may decompress to.
///
/// A [`Scan`] holds the payloads of those that contain EDEKs until they are applied. Its memory is
/// at most twice (vectors double) the sum of `held` and 8 bytes for each EDEK: 8 % of the records
/// bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one batch. Default 32 MiB: a batch of Kafka's default `message.max.bytes`
    /// (1 MiB) at a ratio of 32; sealed values have a ratio of 1.
    pub batch: usize,
    /// Bytes of all the batches that one scan holds. Default 64 MiB: four times the 16 MiB to
    /// which the gateway clamps a fetch.
    pub held: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { batch: 32 << 20, held: 64 << 20 }
    }
}

impl Limits {
    /// Limits other than the default.
    #[must_use]
    pub fn new(batch: usize, held: usize) -> Self {
        Self { batch, held }
    }
}

/// What a walk came across.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Batches walked to their end.
    pub batches: usize,
    /// Records in them.
    pub records: usize,
    /// Records in them that hold well-formed EDEKs.
    pub sealed: usize,
    /// Records in them whose EDEK header is malformed, or there twice: left as they are.
    pub malformed: usize,
    /// Control batches: left as they are.
    pub control: usize,
    /// Batches that could not be walked, for any [`BatchError`]: left as they are.
    pub unwalkable: usize,
    /// Those among them that would have exceeded a limit.
    pub too_large: usize,
    /// Batches of magic 0, 1 or unknown: left as they are.
    pub opaque: usize,
    /// Bytes after the last whole batch: left as they are.
    pub rest: usize,
}

/// The EDEKs in the records of one partition.
///
/// Made to be used again: it keeps its buffers.
#[derive(Debug, Default)]
pub struct Scan {
    /// Front to back; in the frame, or in `payloads` where the batch is compressed.
    positions: Vec<usize>,
    /// Where runs of equal EDEKs begin, in `positions`.
    runs: Vec<usize>,
    /// Batches that hold at least one EDEK.
    found: Vec<Found>,
    /// Decompressed, joined.
    payloads: Vec<u8>,
    counts: Counts,
    first_error: Option<(usize, BatchError)>,
}

/// A batch with EDEKs.
#[derive(Clone, Debug)]
struct Found {
    /// In the frame.
    batch: Range<usize>,
    /// In `payloads`, where the batch is compressed.
    payload: Option<(Codec, Range<usize>)>,
    /// In `positions`.
    edeks: Range<usize>,
    /// In `runs`.
    runs: Range<usize>,
}

/// What [`Scan::apply`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// EDEKs that were replaced by different ones.
    pub replaced: usize,
    /// EDEKs that stayed.
    pub kept: usize,
    /// Compressed batches for which there is a splice now.
    pub spliced: usize,
    /// Compressed batches that could not be compressed again: left as they are.
    pub failed: usize,
}

/// A bug of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The bytes are not those that were walked.
    #[error("the frame is not the one that was walked: it ends before byte {at}")]
    WrongFrame {
        /// A position that the walk found and the frame lacks.
        at: usize,
    },
    /// Another edit wants the same bytes.
    #[error(transparent)]
    Overlap(#[from] Overlap),
}

impl Scan {
    /// A scan without buffers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Finds the EDEKs in `records`, the records bytes of one partition, which stand at position
    /// `at` of the frame. Forgets what it found before.
    ///
    /// Ensures: positions count from the start of the frame. What cannot be walked is counted
    /// and has no effect on other batches. No allocation for uncompressed batches but the
    /// growth of the list of positions.
    ///
    /// Cost: see the module; linear in records and, for compressed batches, in their size.
    pub fn walk(
        &mut self,
        records: &[u8],
        at: usize,
        limits: &Limits,
        codecs: &mut Codecs,
    ) -> &Counts {
        self.clear();
        for entry in Batches::new(records, at) {
            match entry {
                Entry::Batch(batch) if batch.attributes().is_control() => self.counts.control += 1,
                Entry::Batch(batch) => self.walk_batch(&batch, limits, codecs),
                Entry::Opaque { .. } => self.counts.opaque += 1,
                Entry::Rest(range) => self.counts.rest = range.len(),
            }
        }
        &self.counts
    }

    /// Forgets what was found and keeps the buffers.
    pub fn clear(&mut self) {
        self.positions.clear();
        self.runs.clear();
        self.found.clear();
        self.payloads.clear();
        self.counts = Counts::default();
        self.first_error = None;
    }

    /// Gives back buffers beyond `bytes` each, for a connection that goes idle.
    pub fn shrink(&mut self, bytes: usize) {
        self.clear();
        self.positions.shrink_to(bytes / size_of::<usize>());
        self.runs.shrink_to(bytes / size_of::<usize>());
        self.found.shrink_to(bytes / size_of::<Found>());
        self.payloads.shrink_to(bytes);
    }

    /// What the last walk came across.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Where the first batch that could not be walked stands, and why. For a log line.
    #[must_use]
    pub fn first_error(&self) -> Option<(usize, BatchError)> {
        self.first_error
    }

    /// How many EDEKs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are none: nothing to apply.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Whether [`apply`](Self::apply) may have to compress: then it belongs in a pool.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        !self.payloads.is_empty()
    }

    /// The EDEKs, in order.
    ///
    /// Requires: `frame` is the frame that was walked, from its beginning.
    pub fn edeks<'a>(&'a self, frame: &'a [u8]) -> impl Iterator<Item = &'a [u8; EDEK_LEN]> {
        self.found.iter().flat_map(move |found| {
            let bytes = if found.payload.is_some() { &self.payloads } else { frame };
            let positions = self.positions.get(found.edeks.clone()).unwrap_or_default();
            positions.iter().filter_map(|&at| bytes.get(at..)?.first_chunk())
        })
    }

    /// One EDEK for each run of equal neighbours in a batch, in the order in which
    /// [`apply`](Self::apply) asks for them. Records of one producer's session share theirs, so there
    /// are far fewer runs than EDEKs.
    ///
    /// Requires: `frame` is the frame that was walked, from its beginning.
    pub fn runs<'a>(&'a self, frame: &'a [u8]) -> impl Iterator<Item = &'a [u8; EDEK_LEN]> {
        self.found.iter().flat_map(move |found| {
            let bytes = if found.payload.is_some() { &self.payloads } else { frame };
            let runs = self.runs.get(found.runs.clone()).unwrap_or_default();
            let positions = runs.iter().filter_map(|run| self.positions.get(*run));
            positions.filter_map(|&at| bytes.get(at..)?.first_chunk())
        })
    }

    /// Asks `replace` for each run of equal EDEKs, in order, and writes what it returns over all of
    /// them; `None` leaves them.
    ///
    /// A list made beforehand, in the order of [`runs`](Self::runs), is applied with
    /// `|_| list.next().flatten()`.
    ///
    /// Requires: `frame` is the frame that was walked, from its beginning; `apply` is called once
    /// after each walk.
    ///
    /// Ensures: in an uncompressed batch the replaced EDEKs and the CRC change, in place. A
    /// compressed batch stays, and `edits` gets a splice in which batch length, CRC and
    /// payload differ; without a change, none. A CRC that was right is right, one that was
    /// wrong is wrong.
    ///
    /// # Errors
    /// [`ApplyError`], if the requirements do not hold; batches before that are patched.
    ///
    /// Cost: see the module.
    pub fn apply(
        &mut self,
        frame: &mut [u8],
        codecs: &mut Codecs,
        edits: &mut Edits,
        mut replace: impl FnMut(&[u8; EDEK_LEN]) -> Option<[u8; EDEK_LEN]>,
    ) -> Result<Applied, ApplyError> {
        let mut applied = Applied::default();
        for found in &self.found {
            let edeks = found.edeks.len();
            let runs = Runs {
                positions: &self.positions,
                starts: self.runs.get(found.runs.clone()).unwrap_or_default(),
                end: found.edeks.end,
            };
            let batch = frame
                .get_mut(found.batch.clone())
                .ok_or(ApplyError::WrongFrame { at: found.batch.end })?;
            let Some((codec, payload)) = &found.payload else {
                let (replaced, change) = patch(batch, found.batch.start, runs, &mut replace)?;
                if replaced > 0 {
                    update_crc(batch, change);
                }
                applied.replaced += replaced;
                applied.kept += edeks - replaced;
                continue;
            };
            let payload_start = payload.start;
            let payload = self.payloads.get_mut(payload.clone()).unwrap_or_default();
            let (replaced, _) = patch(payload, payload_start, runs, &mut replace)?;
            applied.replaced += replaced;
            applied.kept += edeks - replaced;
            if replaced > 0 {
                match recompress(batch, *codec, payload, codecs) {
                    Some(bytes) => {
                        edits.push(Splice {
                            range: found.batch.start + offset::LENGTH..found.batch.end,
                            bytes,
                        })?;
                        applied.spliced += 1;
                    }
                    None => applied.failed += 1,
                }
            }
        }
        Ok(applied)
    }

    fn walk_batch(&mut self, batch: &Batch<'_>, limits: &Limits, codecs: &mut Codecs) {
        let (edeks, runs, payloads) = (self.positions.len(), self.runs.len(), self.payloads.len());
        match self.find(batch, limits, codecs) {
            Ok(payload) => {
                if self.positions.len() > edeks {
                    self.found.push(Found {
                        batch: batch.range(),
                        payload,
                        edeks: edeks..self.positions.len(),
                        runs: runs..self.runs.len(),
                    });
                } else {
                    self.payloads.truncate(payloads);
                }
            }
            Err(error) => {
                self.positions.truncate(edeks);
                self.runs.truncate(runs);
                self.payloads.truncate(payloads);
                self.counts.unwalkable += 1;
                self.counts.too_large += usize::from(matches!(error, BatchError::TooLarge { .. }));
                self.first_error.get_or_insert((batch.range().start, error));
            }
        }
    }

    /// Notes the EDEKs of one batch; returns where its payload is held if it is compressed.
    fn find(
        &mut self,
        batch: &Batch<'_>,
        limits: &Limits,
        codecs: &mut Codecs,
    ) -> Result<Option<(Codec, Range<usize>)>, BatchError> {
        let codec = batch.attributes().codec()?;
        let (payload, base, held) = if codec == Codec::None {
            (batch.payload(), batch.range().start + HEADER_LEN, None)
        } else {
            let start = self.payloads.len();
            let limit = limits.batch.min(limits.held.saturating_sub(start));
            codecs.decompress(codec, batch.payload(), limit, &mut self.payloads)?;
            let payload = self.payloads.get(start..).unwrap_or_default();
            let held = start..self.payloads.len();
            (payload, start, Some((codec, held)))
        };
        let records = Records::new(payload, base, batch.record_count())?;
        let mut last: Option<&[u8; EDEK_LEN]> = None;
        let mut counts = Counts { batches: self.counts.batches + 1, ..self.counts };
        for record in records {
            counts.records += 1;
            let before = self.positions.len();
            match note(&record?, &mut self.positions)? {
                Noted::None => {}
                Noted::Sealed => {
                    counts.sealed += 1;
                    let noted = self.positions.get(before..).unwrap_or_default();
                    for (index, at) in (before..).zip(noted) {
                        let edek = payload.get(at - base..).and_then(<[u8]>::first_chunk);
                        if edek != last {
                            self.runs.push(index);
                            last = edek;
                        }
                    }
                }
                Noted::Malformed => counts.malformed += 1,
            }
        }
        self.counts = counts;
        Ok(held)
    }
}

/// What a record's headers say of its EDEKs.
enum Noted {
    None,
    Sealed,
    Malformed,
}

/// Appends the positions of a record's EDEKs.
#[inline(always)]
fn note(record: &Record<'_>, positions: &mut Vec<usize>) -> Result<Noted, BatchError> {
    let mut noted = Noted::None;
    let before = positions.len();
    for header in record.headers.clone() {
        let header = header?;
        if header.name != EDEK_HEADER {
            continue;
        }
        let len = header.value.map_or(0, <[u8]>::len);
        let good = matches!(noted, Noted::None)
            && len > 0
            && len % EDEK_LEN == 0
            && len <= MAX_EDEKS * EDEK_LEN;
        if good {
            positions.extend((0..len / EDEK_LEN).map(|i| header.position + i * EDEK_LEN));
            noted = Noted::Sealed;
        } else {
            positions.truncate(before);
            noted = Noted::Malformed;
        }
    }
    Ok(noted)
}

/// The runs of equal EDEKs of one batch.
#[derive(Clone, Copy)]
struct Runs<'a> {
    /// Of all batches.
    positions: &'a [usize],
    /// Where the runs begin, in `positions`.
    starts: &'a [usize],
    /// Where the last one ends.
    end: usize,
}

impl<'a> Runs<'a> {
    /// The positions of each.
    fn iter(self) -> impl Iterator<Item = &'a [usize]> {
        let ends = self.starts.iter().skip(1).copied().chain(std::iter::once(self.end));
        let runs = self.starts.iter().zip(ends);
        runs.map(move |(start, end)| self.positions.get(*start..end).unwrap_or_default())
    }
}

/// Replaces EDEKs in `bytes`, of which the first stands at position `base`; returns how many, and
/// how a CRC over `bytes` changes.
fn patch(
    bytes: &mut [u8],
    base: usize,
    runs: Runs<'_>,
    replace: &mut impl FnMut(&[u8; EDEK_LEN]) -> Option<[u8; EDEK_LEN]>,
) -> Result<(usize, CrcChange), ApplyError> {
    let len = bytes.len();
    let mut replaced = 0;
    let mut change = CrcChange::default();
    for positions in runs.iter() {
        let Some(&at) = positions.first() else { continue };
        let first = at.checked_sub(base).and_then(|at| bytes.get(at..)?.first_chunk());
        let old = first.ok_or(ApplyError::WrongFrame { at })?;
        let Some(new) = replace(old).filter(|new| new != old) else { continue };
        change.begin(old, &new);
        for &at in positions {
            let place = at.checked_sub(base).and_then(|at| bytes.get_mut(at..)?.first_chunk_mut());
            *place.ok_or(ApplyError::WrongFrame { at })? = new;
            change.replaced(len - (at - base) - EDEK_LEN);
        }
        replaced += positions.len();
    }
    Ok((replaced, change))
}

/// Brings the stored CRC of a batch up to date.
fn update_crc(batch: &mut [u8], change: CrcChange) {
    if let Some(crc) = batch.get_mut(offset::CRC..).and_then(<[u8]>::first_chunk_mut) {
        *crc = change.apply(u32::from_be_bytes(*crc)).to_be_bytes();
    }
}

/// The batch from its length field on, with `payload` compressed; `None` if that fails.
fn recompress(batch: &[u8], codec: Codec, payload: &[u8], codecs: &mut Codecs) -> Option<Vec<u8>> {
    const LENGTH_END: usize = offset::LENGTH + 4;
    let (header, stored) = batch.split_at_checked(HEADER_LEN)?;
    let mut bytes = Vec::with_capacity(batch.len());
    bytes.extend_from_slice(header.get(offset::LENGTH..)?);
    codecs.compress(codec, stored, payload, &mut bytes).ok()?;

    let length = i32::try_from(bytes.len() - (LENGTH_END - offset::LENGTH)).ok()?;
    *bytes.first_chunk_mut()? = length.to_be_bytes();

    // stored ^ crc(before) ^ crc(after): right if it was right, wrong if it was wrong.
    let before = crc32c::crc32c(batch.get(offset::ATTRIBUTES..)?);
    let after = crc32c::crc32c(bytes.get(offset::ATTRIBUTES - offset::LENGTH..)?);
    let crc = bytes.get_mut(offset::CRC - offset::LENGTH..)?.first_chunk_mut()?;
    *crc = (u32::from_be_bytes(*crc) ^ before ^ after).to_be_bytes();
    Some(bytes)
}

#[cfg(test)]
mod tests;
