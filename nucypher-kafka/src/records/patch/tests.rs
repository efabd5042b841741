use super::*;
use crate::records::Field;
use crate::records::fixture::{BatchBuilder, correct_crc};
use crate::records::tests::{CODECS, edek, sealed};

const COMPRESSED: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

/// A frame with records in the middle, walked and patched.
struct Patched {
    frame: Vec<u8>,
    edits: Edits,
    applied: Applied,
    counts: Counts,
}

fn patched(
    before: &[u8],
    replace: impl FnMut(&[u8; EDEK_LEN]) -> Option<[u8; EDEK_LEN]>,
) -> Patched {
    patched_within(before, &Limits::default(), replace)
}

fn patched_within(
    before: &[u8],
    limits: &Limits,
    replace: impl FnMut(&[u8; EDEK_LEN]) -> Option<[u8; EDEK_LEN]>,
) -> Patched {
    let mut frame = before.to_vec();
    let (mut scan, mut codecs, mut edits) = (Scan::new(), Codecs::default(), Edits::new());
    let counts = *scan.walk(&frame, 0, limits, &mut codecs);
    let applied = scan.apply(&mut frame, &mut codecs, &mut edits, replace).unwrap();
    Patched { frame, edits, applied, counts }
}

fn edeks(records: &[u8]) -> Vec<[u8; EDEK_LEN]> {
    let mut scan = Scan::new();
    scan.walk(records, 0, &Limits::default(), &mut Codecs::default());
    scan.edeks(records).copied().collect()
}

fn positions_of(needle: &[u8], bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|&at| bytes[at..].starts_with(needle)).collect()
}

fn crc_of(batch: &[u8]) -> u32 {
    u32::from_be_bytes(batch[offset::CRC..][..4].try_into().unwrap())
}

fn crc_is_right(records: &[u8]) -> Vec<bool> {
    Batches::new(records, 0)
        .filter_map(|entry| match entry {
            Entry::Batch(batch) => Some(batch.crc_is_right()),
            _ => None,
        })
        .collect()
}

fn odd_ones(old: &[u8; EDEK_LEN]) -> Option<[u8; EDEK_LEN]> {
    [edek(1), edek(3)].contains(old).then(|| old.map(|byte| !byte))
}

#[test]
fn edeks_are_found_in_order_in_every_codec() {
    for codec in CODECS {
        let records = sealed(BatchBuilder::new(codec)).build();
        assert_eq!(edeks(&records), [edek(0), edek(1), edek(2), edek(3)], "{codec}");
        let mut scan = Scan::new();
        scan.walk(&records, 0, &Limits::default(), &mut Codecs::default());
        assert_eq!((scan.len(), scan.is_empty()), (4, false));
        assert_eq!(scan.is_compressed(), codec != Codec::None);
        scan.clear();
        assert!(scan.is_empty() && !scan.is_compressed() && *scan.counts() == Counts::default());
    }
}

#[test]
fn only_the_edek_and_the_crc_differ() {
    let before = sealed(BatchBuilder::default()).build();
    let Patched { frame, edits, applied, .. } = patched(&before, odd_ones);
    assert!(edits.is_empty());
    assert_eq!((applied.replaced, applied.kept, applied.spliced), (2, 2, 0));
    let mut expected = before.clone();
    for n in [1, 3] {
        let [at] = positions_of(&edek(n), &before)[..] else { panic!() };
        expected[at..at + EDEK_LEN].copy_from_slice(&edek(n).map(|byte| !byte));
    }
    correct_crc(&mut expected);
    assert_eq!(frame, expected);
}

#[test]
fn positions_count_from_the_start_of_the_frame() {
    let records =
        [sealed(BatchBuilder::default()).build(), sealed(BatchBuilder::new(Codec::Lz4)).build()]
            .concat();
    let mut frame = [&b"before"[..], &records, b"after"].concat();
    let (mut scan, mut codecs, mut edits) = (Scan::new(), Codecs::default(), Edits::new());
    scan.walk(&records, 6, &Limits::default(), &mut codecs);
    assert_eq!(scan.edeks(&frame).count(), 8);
    scan.apply(&mut frame, &mut codecs, &mut edits, odd_ones).unwrap();
    let Patched { frame: alone, edits: edits_alone, .. } = patched(&records, odd_ones);
    assert_eq!(
        edits.joined(&frame),
        [&b"before"[..], &edits_alone.joined(&alone), b"after"].concat()
    );
    assert_eq!(edits.growth(6..6 + records.len()), edits_alone.growth(0..records.len()));
}

#[test]
fn a_list_made_beforehand_is_applied_in_order() {
    let records =
        [sealed(BatchBuilder::new(Codec::Zstd)).build(), sealed(BatchBuilder::default()).build()]
            .concat();
    let list: Vec<_> = (100..108).map(|n| (n % 2 == 0).then(|| edek(n))).collect();
    let mut next = list.iter().copied();
    let Patched { frame, edits, .. } = patched(&records, |_| next.next().flatten());
    let expected: Vec<_> =
        list.iter().zip(edeks(&records)).map(|(new, old)| new.unwrap_or(old)).collect();
    assert_eq!(edeks(&edits.joined(&frame)), expected);
}

#[test]
fn a_crc_that_was_wrong_stays_wrong_by_the_same_bits() {
    for codec in CODECS {
        let before = sealed(BatchBuilder::new(codec)).build();
        let good = patched(&before, odd_ones);
        let mut damaged = before.clone();
        damaged[offset::CRC + 2] ^= 0x10;
        let bad = patched(&damaged, odd_ones);
        let (good, bad) = (good.edits.joined(&good.frame), bad.edits.joined(&bad.frame));
        assert_eq!((crc_is_right(&good), crc_is_right(&bad)), (vec![true], vec![false]), "{codec}");
        assert_eq!(crc_of(&good) ^ crc_of(&bad), 0x0000_1000, "{codec}");
    }
}

#[test]
fn a_value_corrupted_upstream_stays_visible() {
    let mut before = sealed(BatchBuilder::default()).build();
    let [at] = positions_of(&[7; 300], &before)[..] else { panic!() };
    before[at] ^= 1;
    assert_eq!(crc_is_right(&patched(&before, odd_ones).frame), [false]);
}

#[test]
fn a_compressed_batch_becomes_a_splice_of_length_crc_and_payload() {
    for builder in COMPRESSED
        .map(BatchBuilder::new)
        .into_iter()
        .chain([BatchBuilder::new(Codec::Snappy).xerial()])
    {
        let batch = sealed(builder.attributes(1 << 4)).build();
        let records = [batch.as_slice(), &batch].concat();
        let Patched { frame, edits, applied, .. } = patched(&records, |_| Some([0x55; EDEK_LEN]));
        assert_eq!(frame, records, "the frame itself stays");
        assert_eq!((applied.replaced, applied.spliced, applied.failed), (8, 2, 0));
        let ranges: Vec<_> = edits.splices().iter().map(|splice| splice.range.clone()).collect();
        assert_eq!(ranges, [8..batch.len(), batch.len() + 8..2 * batch.len()]);

        let after = edits.joined(&frame);
        assert_eq!(edeks(&after), [[0x55; EDEK_LEN]; 8]);
        assert_eq!(crc_is_right(&after), [true, true]);
        assert_eq!(batch[..8], after[..8]);
        assert_eq!(batch[12..17], after[12..17]);
        assert_eq!(batch[21..61], after[21..61]);
    }
}

#[test]
fn a_compressed_batch_without_a_change_is_not_compressed_again() {
    for codec in COMPRESSED {
        let batch = sealed(BatchBuilder::new(codec)).build();
        for replace in [|_: &_| None, |same: &[u8; EDEK_LEN]| Some(*same)] {
            let Patched { frame, edits, applied, .. } = patched(&batch, replace);
            assert_eq!((frame, edits.is_empty(), applied.kept), (batch.clone(), true, 4));
        }
    }
}

#[test]
fn compressed_batches_without_edeks_are_not_held() {
    let batch = BatchBuilder::new(Codec::Zstd).record(None, Some(&[0; 1000]), &[]).build();
    let mut scan = Scan::new();
    let counts = scan.walk(&batch, 0, &Limits::default(), &mut Codecs::default());
    assert_eq!((counts.batches, counts.records), (1, 1));
    assert!(!scan.is_compressed());
}

#[test]
fn two_edek_headers_leave_the_record_alone() {
    for count in [2, 3, 4] {
        let edek = edek(0);
        let headers = vec![(EDEK_HEADER, Some(edek.as_slice())); count];
        let batch = BatchBuilder::default().record(None, None, &headers).build();
        let Patched { frame, counts, .. } = patched(&batch, |_| panic!("was asked for it"));
        assert_eq!((counts.malformed, counts.sealed), (1, 0));
        assert_eq!(frame, batch);
    }
}

#[test]
fn a_malformed_edek_header_does_not_hide_its_neighbours() {
    let most = vec![9; MAX_EDEKS * EDEK_LEN];
    let too_many = vec![9; (MAX_EDEKS + 1) * EDEK_LEN];
    let batch = BatchBuilder::default()
        .record(None, None, &[(EDEK_HEADER, Some(&edek(1)))])
        .record(None, None, &[(EDEK_HEADER, None)])
        .record(None, None, &[(EDEK_HEADER, Some(b""))])
        .record(None, None, &[(EDEK_HEADER, Some(&[0; 101]))])
        .record(None, None, &[(EDEK_HEADER, Some(&[0; 103]))])
        .record(None, None, &[(EDEK_HEADER, Some(&too_many))])
        .record(None, None, &[(EDEK_HEADER, Some(b"")), (EDEK_HEADER, Some(&edek(0)))])
        .record(
            None,
            None,
            &[(b"NU.EDEK", Some(&edek(0))), (b"nu.edek2", Some(&edek(0))), (b"nu.ede", None)],
        )
        .record(None, None, &[(EDEK_HEADER, Some(&most))])
        .record(None, None, &[(EDEK_HEADER, Some(&edek(3)))])
        .build();
    let Patched { frame, counts, applied, .. } = patched(&batch, odd_ones);
    assert_eq!((counts.records, counts.sealed, counts.malformed), (10, 3, 6));
    assert_eq!((applied.replaced, applied.kept), (2, 255));
    assert_eq!(crc_is_right(&frame), [true]);
}

#[test]
fn a_batch_that_cannot_be_walked_does_not_fail_its_siblings() {
    let good = sealed(BatchBuilder::default()).build();
    // EDEKs before the flaw are forgotten again.
    let bad = sealed(BatchBuilder::default()).raw_record(b"\0").build();
    let garbage = BatchBuilder::new(Codec::Gzip).count(1).build_around(b"garbage");
    let records = [&good[..], &bad, &garbage, &good].concat();
    let mut scan = Scan::new();
    let counts = *scan.walk(&records, 0, &Limits::default(), &mut Codecs::default());
    assert_eq!((counts.batches, counts.records, counts.sealed, counts.unwalkable), (2, 8, 6, 2));
    let at = good.len() + bad.len();
    let error = BatchError::Truncated { field: Field::TimestampDelta, at };
    assert_eq!(scan.first_error(), Some((good.len(), error)));

    let Patched { frame, applied, .. } = patched(&records, odd_ones);
    assert_eq!(applied.replaced, 4);
    assert_eq!(frame[good.len()..at + garbage.len()], records[good.len()..at + garbage.len()]);
    assert_eq!(crc_is_right(&frame), [true; 4]);
}

#[test]
fn batches_beyond_the_limits_go_through_as_stored() {
    let zeros = vec![0; 10_000];
    for codec in COMPRESSED {
        let large = BatchBuilder::new(codec)
            .record(None, Some(&zeros), &[(EDEK_HEADER, Some(&edek(1)))])
            .build();
        let records = [&large[..], &sealed(BatchBuilder::new(codec)).build()].concat();
        let Patched { frame, edits, counts, .. } =
            patched_within(&records, &Limits::new(9_000, 1 << 20), odd_ones);
        assert_eq!((counts.unwalkable, counts.too_large, counts.batches), (1, 1, 1), "{codec}");
        assert_eq!(edits.joined(&frame)[..large.len()], large);

        // Of three that fit alone, the third exceeds what may be held.
        let records = [&large[..], &large, &large].concat();
        let mut scan = Scan::new();
        let counts = *scan.walk(&records, 0, &Limits::new(20_000, 21_000), &mut Codecs::default());
        assert_eq!((counts.batches, counts.too_large, scan.len()), (2, 1, 2), "{codec}");
        assert!(scan.payloads.len() <= 21_000);
    }
}

#[test]
fn positions_take_memory_for_edeks_that_are_there() {
    let records = sealed(BatchBuilder::default()).build();
    let mut scan = Scan::new();
    for _ in 0..100 {
        scan.walk(&records, 0, &Limits::default(), &mut Codecs::default());
    }
    assert!(scan.positions.capacity() <= 8 && scan.found.capacity() <= 4);
    scan.shrink(0);
    assert_eq!(
        (scan.positions.capacity(), scan.found.capacity(), scan.payloads.capacity()),
        (0, 0, 0)
    );
}

#[test]
fn a_frame_that_is_not_the_one_walked() {
    let records = sealed(BatchBuilder::default()).build();
    let mut scan = Scan::new();
    let mut codecs = Codecs::default();
    scan.walk(&records, 0, &Limits::default(), &mut codecs);
    let mut shorter = records[..records.len() - 1].to_vec();
    let error = scan.apply(&mut shorter, &mut codecs, &mut Edits::new(), odd_ones).unwrap_err();
    assert_eq!(error, ApplyError::WrongFrame { at: records.len() });
}

#[test]
fn a_splice_that_is_in_the_way() {
    let mut records = sealed(BatchBuilder::new(Codec::Lz4)).build();
    let (mut scan, mut codecs, mut edits) = (Scan::new(), Codecs::default(), Edits::new());
    edits.push(Splice { range: 0..20, bytes: vec![] }).unwrap();
    scan.walk(&records, 0, &Limits::default(), &mut codecs);
    let error = scan.apply(&mut records, &mut codecs, &mut edits, odd_ones).unwrap_err();
    assert_eq!(error, ApplyError::Overlap(Overlap { at: 8 }));
}
