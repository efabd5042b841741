//! Bodies of the fuzz targets for record batches. Targets: `fuzz/`; the committed corpus is
//! replayed by `cargo test`.

use super::{Batch, Batches, Codecs, EDEK_LEN, Edits, Entry, Limits, Scan, batch};

/// Small, so that a fuzzer reaches them and needs little memory.
const LIMITS: Limits = Limits { batch: 1 << 20, held: 2 << 20 };

/// Takes `data` for the records bytes of one partition and asserts what `docs/spec/records.md`
/// promises of any bytes whatever.
///
/// # Panics
/// If a promise is broken.
pub fn record_batch(data: &[u8]) {
    let mut codecs = Codecs::default();
    entries_cover(data);
    records_end(data, &mut codecs);
    nothing_to_patch(data, &mut codecs);
    everything_to_patch(data, &mut codecs);
}

fn entries_cover(data: &[u8]) {
    let mut end = 0;
    for entry in Batches::new(data, 0) {
        let range = match entry {
            Entry::Batch(batch) => batch.range(),
            Entry::Opaque { range, .. } | Entry::Rest(range) => range,
        };
        assert_eq!(range.start, end, "a gap between entries");
        assert!(range.end > end, "an empty entry");
        end = range.end;
    }
    assert_eq!(end, data.len(), "bytes outside of all entries");
}

fn records_end(data: &[u8], codecs: &mut Codecs) {
    for batch in batches(data) {
        let Ok(records) = batch.records(codecs, LIMITS.batch) else {
            continue;
        };
        let mut read = 0;
        for record in records.map_while(Result::ok) {
            read += 1;
            let headers = record.headers.count();
            assert!(
                headers <= LIMITS.batch.max(data.len()) / 2,
                "more headers than there is room for"
            );
        }
        assert!(read <= LIMITS.batch.max(data.len()) / 7, "more records than there is room for");
    }
}

fn nothing_to_patch(data: &[u8], codecs: &mut Codecs) {
    for same in [false, true] {
        let (frame, edits, _) = patched(data, codecs, |edek| same.then_some(*edek));
        assert!(edits.is_empty(), "a splice without a change");
        assert_eq!(frame, data, "bytes changed without a change");
    }
}

fn everything_to_patch(data: &[u8], codecs: &mut Codecs) {
    let (frame, edits, scan) = patched(data, codecs, |edek| Some(flipped(edek)));
    let edeks: Vec<_> = scan.edeks(data).copied().collect();
    if edeks.is_empty() {
        assert_eq!(frame, data, "bytes changed without an EDEK");
    }
    let after = edits.joined(&frame);

    // Each batch against what became of it: header, CRC verdict, bytes outside of EDEKs.
    let mut old = batches(data);
    let mut new = batches(&after);
    for (old, new) in old.by_ref().zip(new.by_ref()) {
        assert_eq!(
            outside_length_and_crc(&old),
            outside_length_and_crc(&new),
            "the header changed"
        );
        assert_eq!(
            old.crc_is_right(),
            new.crc_is_right(),
            "a right CRC went wrong, or a wrong one right"
        );
        if old.attributes().codec() == Ok(batch::Codec::None) {
            assert_eq!(old.length(), new.length());
            let differing =
                old.payload().iter().zip(new.payload()).filter(|(old, new)| old != new).count();
            assert!(differing % EDEK_LEN == 0, "something else than whole EDEKs changed");
        }
    }
    assert!(old.next().is_none() && new.next().is_none(), "another number of batches");

    // A second walk finds the same, flipped.
    let mut again = Scan::new();
    again.walk(&after, 0, &LIMITS, codecs);
    assert_eq!(scan.counts(), again.counts(), "the patched bytes read differently");
    assert!(
        again.edeks(&after).eq(edeks.iter().map(flipped).collect::<Vec<_>>().iter()),
        "not what was put in"
    );
}

fn patched(
    data: &[u8],
    codecs: &mut Codecs,
    replace: impl FnMut(&[u8; EDEK_LEN]) -> Option<[u8; EDEK_LEN]>,
) -> (Vec<u8>, Edits, Scan) {
    let mut frame = data.to_vec();
    let (mut scan, mut edits) = (Scan::new(), Edits::new());
    scan.walk(data, 0, &LIMITS, codecs);
    // `apply` changes the payloads that a scan holds; the caller wants them as they were.
    let mut applied = Scan::new();
    applied.walk(data, 0, &LIMITS, codecs);
    let outcome = applied.apply(&mut frame, codecs, &mut edits, replace);
    assert!(outcome.is_ok_and(|applied| applied.failed == 0), "{outcome:?}");
    (frame, edits, scan)
}

fn batches(data: &[u8]) -> impl Iterator<Item = Batch<'_>> {
    Batches::new(data, 0).filter_map(|entry| match entry {
        Entry::Batch(batch) => Some(batch),
        _ => None,
    })
}

/// Every byte differs.
fn flipped(edek: &[u8; EDEK_LEN]) -> [u8; EDEK_LEN] {
    edek.map(|byte| !byte)
}

fn outside_length_and_crc<'a>(batch: &Batch<'a>) -> [&'a [u8]; 3] {
    use batch::{HEADER_LEN, offset};
    [0..offset::LENGTH, offset::LENGTH + 4..offset::CRC, offset::CRC + 4..HEADER_LEN]
        .map(|range| batch.bytes().get(range).unwrap_or_default())
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;

    pub(in super::super) fn corpus() -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "..", "fuzz", "corpus", "record_batch"].iter().collect()
    }

    #[test]
    fn the_committed_corpus_breaks_no_promise() {
        let seeds: Vec<_> = match std::fs::read_dir(corpus()) {
            Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
            Err(error) => return println!("skipped: no corpus in a packaged crate ({error})"),
        };
        assert!(seeds.len() >= 10);
        for seed in seeds {
            println!("{}", seed.display());
            super::record_batch(&std::fs::read(seed).unwrap());
        }
    }

    #[test]
    fn no_sample_breaks_a_promise() {
        for (name, bytes) in crate::records::tests::samples() {
            println!("{name}");
            super::record_batch(&bytes);
        }
    }

    #[test]
    #[ignore = "writes fuzz/corpus/record_batch; run it when the samples change"]
    fn write_the_corpus() {
        std::fs::create_dir_all(corpus()).unwrap();
        for (name, bytes) in crate::records::tests::samples() {
            std::fs::write(corpus().join(name), bytes).unwrap();
        }
    }
}
