use super::*;
use crate::records::fixture::BatchBuilder;
use crate::records::tests::{CODECS, sealed};

fn only(bytes: &[u8]) -> Batch<'_> {
    match Batches::new(bytes, 0).collect::<Vec<_>>().as_slice() {
        [Entry::Batch(batch)] => *batch,
        entries => panic!("{entries:?}"),
    }
}

/// For each entry, `b`, `o` or `r` and its range.
fn entries(bytes: &[u8]) -> Vec<(char, Range<usize>)> {
    Batches::new(bytes, 0)
        .map(|entry| match entry {
            Entry::Batch(batch) => ('b', batch.range()),
            Entry::Opaque { range, .. } => ('o', range),
            Entry::Rest(range) => ('r', range),
        })
        .collect()
}

#[test]
fn every_header_field_stands_where_the_specification_says() {
    let mut bytes = BatchBuilder::default().build();
    let length = bytes[8..12].to_vec();
    bytes.iter_mut().zip(1..).for_each(|(byte, n)| *byte = n);
    bytes[8..12].copy_from_slice(&length);
    bytes[16] = 2;
    let batch = only(&bytes);
    assert_eq!(batch.base_offset(), 0x0102_0304_0506_0708);
    assert_eq!(batch.length(), 49);
    assert_eq!(batch.leader_epoch(), 0x0d0e_0f10);
    assert_eq!(batch.magic(), 2);
    assert_eq!(batch.crc(), 0x1213_1415);
    assert_eq!(batch.attributes(), Attributes(0x1617));
    assert_eq!(batch.last_offset_delta(), 0x1819_1a1b);
    assert_eq!(batch.base_timestamp(), 0x1c1d_1e1f_2021_2223);
    assert_eq!(batch.max_timestamp(), 0x2425_2627_2829_2a2b);
    assert_eq!(batch.producer_id(), 0x2c2d_2e2f_3031_3233);
    assert_eq!(batch.producer_epoch(), 0x3435);
    assert_eq!(batch.base_sequence(), 0x3637_3839);
    assert_eq!(batch.record_count(), 0x3a3b_3c3d);
}

#[test]
fn attribute_bits() {
    let attributes = Attributes(0);
    assert_eq!(attributes.codec(), Ok(Codec::None));
    assert_eq!(attributes.timestamp_type(), TimestampType::CreateTime);
    assert!(
        !attributes.is_transactional()
            && !attributes.is_control()
            && !attributes.has_delete_horizon()
    );
    assert_eq!(Attributes(1 << 3).timestamp_type(), TimestampType::LogAppendTime);
    assert!(Attributes(1 << 4).is_transactional());
    assert!(Attributes(1 << 5).is_control());
    assert!(Attributes(1 << 6).has_delete_horizon());
    for (bits, codec) in CODECS.into_iter().enumerate() {
        assert_eq!(Attributes(bits as u16 | 1 << 15).codec(), Ok(codec));
    }
    for bits in 5..8 {
        assert_eq!(Attributes(bits).codec(), Err(BatchError::UnknownCodec(bits as u8)));
    }
}

#[test]
fn a_crc_that_is_right_and_one_that_is_not() {
    let mut bytes = sealed(BatchBuilder::default()).build();
    assert!(only(&bytes).crc_is_right());
    *bytes.last_mut().unwrap() ^= 1;
    assert!(!only(&bytes).crc_is_right());
}

#[test]
fn the_leader_epoch_is_not_under_the_crc() {
    let mut bytes = sealed(BatchBuilder::default()).build();
    bytes[offset::LEADER_EPOCH] ^= 1;
    assert!(only(&bytes).crc_is_right());
}

#[test]
fn records_read_the_same_in_every_codec() {
    let read = |bytes: &[u8]| -> Vec<_> {
        let mut codecs = Codecs::default();
        let batch = only(bytes);
        let records = batch.records(&mut codecs, 1 << 20).unwrap();
        records
            .map(|record| record.unwrap())
            .map(|r| (r.offset_delta, r.value.map(<[u8]>::to_vec)))
            .collect()
    };
    let expected =
        vec![(0, Some(vec![7; 300])), (1, Some(vec![])), (2, None), (3, Some(b"text".to_vec()))];
    for codec in CODECS {
        assert_eq!(read(&sealed(BatchBuilder::new(codec)).build()), expected, "{codec}");
    }
    assert_eq!(read(&sealed(BatchBuilder::new(Codec::Snappy).xerial()).build()), expected);
}

#[test]
fn records_beyond_the_limit() {
    let bytes = sealed(BatchBuilder::new(Codec::Zstd)).build();
    let error = only(&bytes).records(&mut Codecs::default(), 100).unwrap_err();
    assert_eq!(error, BatchError::TooLarge { codec: Codec::Zstd, limit: 100 });
}

#[test]
fn a_tail_that_is_cut_off_anywhere_is_the_rest() {
    let batch = sealed(BatchBuilder::default()).build();
    let n = batch.len();
    for end in 1..n {
        assert_eq!(entries(&batch[..end]), [('r', 0..end)]);
        assert_eq!(entries(&[&batch, &batch[..end]].concat()), [('b', 0..n), ('r', n..n + end)]);
    }
}

#[test]
fn lengths_that_are_none() {
    let batch = BatchBuilder::default().build();
    for length in [i32::MIN, -1, 0, 4, 13, 50, i32::MAX] {
        let mut bytes = batch.clone();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        assert_eq!(entries(&bytes), [('r', 0..61)], "{length}");
    }
}

#[test]
fn other_formats_are_passed_over_whole() {
    let batch = BatchBuilder::default().build();
    for magic in [0, 1, 3, 0x7f, 0xff] {
        let mut other = batch.clone();
        other[offset::MAGIC] = magic;
        assert_eq!(
            entries(&[other, batch.clone()].concat()),
            [('o', 0..61), ('b', 61..122)],
            "{magic}"
        );
    }
}

#[test]
fn magic_2_shorter_than_its_header_is_passed_over_whole() {
    let batch = BatchBuilder::default().build();
    for length in [14, 48] {
        let mut short = batch[..LOG_OVERHEAD + length].to_vec();
        short[8..12].copy_from_slice(&(length as i32).to_be_bytes());
        let n = short.len();
        assert_eq!(
            entries(&[short, batch.clone()].concat()),
            [('o', 0..n), ('b', n..n + 61)],
            "{length}"
        );
    }
}

#[test]
fn debug_output_shows_no_payload() {
    let bytes = BatchBuilder::default().record(Some(b"SECRET"), None, &[]).build();
    let shown = format!("{:?}", only(&bytes));
    assert!(shown.contains("record_count: 1"));
    assert!(!shown.contains("83, 69, 67") && !shown.contains("SECRET"), "{shown}");
}
