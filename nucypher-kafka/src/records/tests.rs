//! What holds for any records bytes: nothing to patch changes nothing, what the kafka-protocol
//! crate reads is what we read, and nothing a peer may send does harm.

use bytes::Bytes;
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records as reference;
use proptest::prelude::*;

use super::fixture::{BatchBuilder, correct_crc};
use super::varint::put_varint;
use super::*;

pub(super) const CODECS: [Codec; 5] =
    [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

/// EDEK number `n`, not a real one.
pub(super) fn edek(n: u8) -> [u8; EDEK_LEN] {
    std::array::from_fn(|i| (i as u8).wrapping_mul(31) ^ n)
}

/// Two records with an EDEK, one with two, one without.
pub(super) fn sealed(builder: BatchBuilder) -> BatchBuilder {
    let two = [edek(2), edek(3)].concat();
    builder
        .record(Some(b"key"), Some(&[7; 300]), &[(EDEK_HEADER, Some(&edek(0)))])
        .record(
            None,
            Some(b""),
            &[(b"before", None), (EDEK_HEADER, Some(&edek(1))), (b"after", Some(b"x"))],
        )
        .record(Some(b""), None, &[(EDEK_HEADER, Some(&two))])
        .record(Some(b"plain"), Some(b"text"), &[])
}

/// The 77 bytes that make a decoder which believes the record count ask for 378 GB.
pub(super) fn claims_everything() -> Vec<u8> {
    let batch =
        BatchBuilder::default().record(None, Some(b"123456789"), &[]).count(i32::MAX).build();
    assert_eq!(batch.len(), 77);
    batch
}

/// What brokers store and peers send, by name. Also the seeds of the fuzz corpus.
pub(super) fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let none = || BatchBuilder::new(Codec::None);
    let zeros = vec![0; 64 << 10];
    let bomb = |codec| {
        BatchBuilder::new(codec)
            .record(None, Some(&zeros), &[(EDEK_HEADER, Some(&edek(0)))])
            .build()
    };
    let mut legacy = sealed(none()).build();
    legacy[batch::offset::MAGIC] = 1;
    let mut oldest = sealed(none()).build();
    oldest[batch::offset::MAGIC] = 0;
    let mut damaged = sealed(none()).build();
    damaged[batch::offset::CRC] ^= 1;
    let plain = sealed(none()).build();
    let mut huge_header_count = vec![0, 0, 0, 1, 1];
    put_varint(&mut huge_header_count, i64::from(i32::MAX));
    vec![
        ("empty", vec![]),
        ("uncompressed", plain.clone()),
        ("gzip", sealed(BatchBuilder::new(Codec::Gzip)).build()),
        ("snappy-raw", sealed(BatchBuilder::new(Codec::Snappy)).build()),
        ("snappy-xerial", sealed(BatchBuilder::new(Codec::Snappy).xerial()).build()),
        ("lz4", sealed(BatchBuilder::new(Codec::Lz4)).build()),
        ("zstd", sealed(BatchBuilder::new(Codec::Zstd)).build()),
        ("transaction", sealed(none().attributes(1 << 4)).build()),
        ("log-append-time", sealed(none().attributes(1 << 3)).build()),
        ("delete-horizon", sealed(none().attributes(1 << 6)).build()),
        (
            "control",
            none()
                .attributes(1 << 4 | 1 << 5)
                .record(Some(&[0, 0, 0, 1]), Some(&[0; 6]), &[])
                .build(),
        ),
        ("compacted-gaps", sealed(sealed(none().gap(3)).gap(7)).gap(11).build()),
        ("compacted-empty", none().gap(9).build()),
        (
            "duplicate-headers",
            none()
                .record(
                    None,
                    None,
                    &[(b"h", Some(b"1")), (b"h", Some(b"2")), (EDEK_HEADER, Some(&edek(0)))],
                )
                .record(None, None, &[(EDEK_HEADER, Some(&edek(1))), (EDEK_HEADER, Some(&edek(1)))])
                .build(),
        ),
        (
            "names-not-utf8",
            none()
                .record(
                    None,
                    None,
                    &[(b"\xff\xfe", None), (b"", None), (EDEK_HEADER, Some(&edek(0)))],
                )
                .build(),
        ),
        (
            "edek-header-malformed",
            none()
                .record(None, None, &[(EDEK_HEADER, None)])
                .record(None, None, &[(EDEK_HEADER, Some(b""))])
                .record(None, None, &[(EDEK_HEADER, Some(&[1; EDEK_LEN - 1]))])
                .record(None, None, &[(EDEK_HEADER, Some(&[1; EDEK_LEN + 1]))])
                .build(),
        ),
        ("wrong-crc", damaged),
        ("magic-0", oldest),
        ("magic-1", [legacy.clone(), plain.clone()].concat()),
        ("truncated-tail", [plain.as_slice(), &plain[..plain.len() - 1]].concat()),
        (
            "bad-batch-between",
            [plain.clone(), none().raw_record(&[]).build(), plain.clone()].concat(),
        ),
        ("count-too-large", claims_everything()),
        ("count-negative", none().count(-1).build()),
        ("header-count-huge", none().raw_record(&huge_header_count).build()),
        ("codec-unknown", sealed(none().attributes(7)).build()),
        ("bomb-gzip", bomb(Codec::Gzip)),
        ("bomb-zstd", bomb(Codec::Zstd)),
    ]
}

#[test]
fn nothing_to_patch_returns_the_same_bytes() {
    for (name, bytes) in samples() {
        for replace in [|_: &_| None, |edek: &[u8; EDEK_LEN]| Some(*edek)] {
            let (mut scan, mut codecs, mut edits) = (Scan::new(), Codecs::default(), Edits::new());
            let mut frame = bytes.clone();
            scan.walk(&frame, 0, &Limits::default(), &mut codecs);
            let applied = scan.apply(&mut frame, &mut codecs, &mut edits, replace).unwrap();
            assert_eq!(applied.replaced, 0, "{name}");
            assert!(edits.is_empty(), "{name}");
            assert_eq!(frame, bytes, "{name}");
        }
    }
}

/// A sample's counts: batches, records, sealed, malformed, control, unwalkable, opaque, rest.
#[test]
fn every_sample_is_counted_for_what_it_is() {
    let expected = |name: &str| match name {
        "empty" => [0, 0, 0, 0, 0, 0, 0, 0],
        "control" => [0, 0, 0, 0, 1, 0, 0, 0],
        "compacted-gaps" => [1, 8, 6, 0, 0, 0, 0, 0],
        "compacted-empty" => [1, 0, 0, 0, 0, 0, 0, 0],
        "duplicate-headers" => [1, 2, 1, 1, 0, 0, 0, 0],
        "names-not-utf8" => [1, 1, 1, 0, 0, 0, 0, 0],
        "edek-header-malformed" => [1, 4, 0, 4, 0, 0, 0, 0],
        "magic-0" => [0, 0, 0, 0, 0, 0, 1, 0],
        "magic-1" => [1, 4, 3, 0, 0, 0, 1, 0],
        "truncated-tail" => {
            [1, 4, 3, 0, 0, 0, 0, sealed(BatchBuilder::default()).build().len() - 1]
        }
        "bad-batch-between" => [2, 8, 6, 0, 0, 1, 0, 0],
        "count-too-large" | "count-negative" | "header-count-huge" | "codec-unknown" => {
            [0, 0, 0, 0, 0, 1, 0, 0]
        }
        "bomb-gzip" | "bomb-zstd" => [1, 1, 1, 0, 0, 0, 0, 0],
        _ => [1, 4, 3, 0, 0, 0, 0, 0],
    };
    for (name, bytes) in samples() {
        let mut scan = Scan::new();
        let counts = *scan.walk(&bytes, 0, &Limits::default(), &mut Codecs::default());
        let Counts {
            batches, records, sealed, malformed, control, unwalkable, opaque, rest, ..
        } = counts;
        let found = [batches, records, sealed, malformed, control, unwalkable, opaque, rest];
        assert_eq!(found, expected(name), "{name}");
    }
}

#[test]
fn every_prefix_of_every_sample_keeps_the_promises() {
    for (name, bytes) in samples() {
        println!("{name}");
        for end in 0..bytes.len() {
            fuzzing::record_batch(&bytes[..end]);
        }
    }
}

/// As before, but the batch says that it ends where it is cut, and its CRC agrees.
#[test]
fn every_prefix_of_a_batch_that_hides_its_truncation_keeps_the_promises() {
    for codec in CODECS {
        let bytes = sealed(BatchBuilder::new(codec)).build();
        for end in batch::HEADER_LEN..bytes.len() {
            let mut prefix = bytes[..end].to_vec();
            let length = (end - batch::LOG_OVERHEAD) as i32;
            prefix[batch::offset::LENGTH..][..4].copy_from_slice(&length.to_be_bytes());
            correct_crc(&mut prefix);
            fuzzing::record_batch(&prefix);
            let mut scan = Scan::new();
            let counts = scan.walk(&prefix, 0, &Limits::default(), &mut Codecs::default());
            // LZ4 alone may lose its end mark: the records are all there then.
            assert_eq!(
                counts.unwalkable,
                usize::from(codec != Codec::Lz4 || end < bytes.len() - 4),
                "{codec} {end}"
            );
        }
    }
}

#[test]
fn a_huge_count_takes_no_memory() {
    let batch = claims_everything();
    let mut scan = Scan::new();
    let counts = *scan.walk(&batch, 0, &Limits::default(), &mut Codecs::default());
    assert_eq!((counts.unwalkable, counts.records), (1, 0));
    assert_eq!(
        scan.first_error(),
        Some((0, BatchError::Truncated { field: Field::RecordLength, at: 77 }))
    );

    let Some(Entry::Batch(batch)) = Batches::new(&batch, 0).next() else { panic!() };
    let mut codecs = Codecs::default();
    let records = batch.records(&mut codecs, 1 << 20).unwrap();
    assert_eq!(records.size_hint().0, 0);
    assert_eq!(records.collect::<Vec<_>>().len(), 2);
}

/// Batches that Apache Kafka's own code wrote: `scripts/RecordVectors.java`.
fn from_java() -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(fuzzing::tests::corpus()) else {
        println!("skipped: no corpus in a packaged crate");
        return vec![];
    };
    let files = entries.map(|entry| entry.unwrap());
    let java = files.map(|file| (file.file_name().into_string().unwrap(), file.path()));
    let java = java.filter(|(name, _)| name.starts_with("java-"));
    let java: Vec<_> = java.map(|(name, path)| (name, std::fs::read(path).unwrap())).collect();
    assert_eq!(java.len(), 11);
    java
}

#[test]
fn batches_that_java_wrote_are_walked() {
    for (name, bytes) in from_java() {
        let mut scan = Scan::new();
        let counts = *scan.walk(&bytes, 0, &Limits::default(), &mut Codecs::default());
        let Counts { batches, records, sealed, control, opaque, .. } = counts;
        let expected = match &*name {
            "java-magic-0" | "java-magic-1" => [0, 0, 0, 0, 1],
            "java-control" => [0, 0, 0, 1, 0],
            "java-compacted-empty" => [1, 0, 0, 0, 0],
            _ => [1, 4, 3, 0, 0],
        };
        assert_eq!([batches, records, sealed, control, opaque], expected, "{name}");
        assert_eq!((counts.unwalkable, counts.malformed, counts.rest), (0, 0, 0), "{name}");
        if sealed > 0 {
            let edeks: Vec<_> = scan.edeks(&bytes).copied().collect();
            assert_eq!(edeks, [edek(0), edek(1), edek(2), edek(3)], "{name}");
        }
    }
}

#[test]
fn java_reads_what_we_patched() {
    let Some(libs) = std::env::var_os("KAFKA_LIBS") else {
        return println!("skipped: KAFKA_LIBS names no folder with Kafka's jars (scripts/kafka)");
    };
    let classes = std::path::Path::new(&libs).join("*");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/RecordVectors.java");
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut files = [vec![], vec![]];
    for (name, bytes) in from_java() {
        let (mut scan, mut codecs, mut edits) = (Scan::new(), Codecs::default(), Edits::new());
        let mut frame = bytes.clone();
        scan.walk(&frame, 0, &Limits::default(), &mut codecs);
        let invert = |edek: &[u8; EDEK_LEN]| Some(edek.map(|byte| !byte));
        scan.apply(&mut frame, &mut codecs, &mut edits, invert).unwrap();
        for (i, bytes) in [bytes, edits.joined(&frame)].iter().enumerate() {
            files[i].push(dirs[i].path().join(&name));
            std::fs::write(files[i].last().unwrap(), bytes).unwrap();
        }
    }
    let [before, after] = files.map(|files| {
        let mut java = std::process::Command::new("java");
        let output =
            java.arg("-cp").arg(&classes).args([script, "read"]).args(files).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    });
    let hex = |bytes: [u8; EDEK_LEN]| bytes.map(|byte| format!("{byte:02x}")).concat();
    let expected =
        (0..4).fold(before, |text, n| text.replace(&hex(edek(n)), &hex(edek(n).map(|byte| !byte))));
    assert!(expected.contains(&hex(edek(0).map(|byte| !byte))));
    assert_eq!(after, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn flipped_bytes_keep_the_promises(
        sample in 0..samples().len(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        crc_is_right: bool,
    ) {
        let mut bytes = samples()[sample].1.clone();
        for (at, byte) in flips {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        if crc_is_right {
            correct_crc(&mut bytes);
        }
        fuzzing::record_batch(&bytes);
    }

    #[test]
    fn any_records_bytes_keep_the_promises(
        codec in 0..5_u16,
        count in prop_oneof![0..8_i32, any::<i32>()],
        payload in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let batch = BatchBuilder::default().attributes(codec).count(count).build_around(&payload);
        fuzzing::record_batch(&batch);
    }

    /// The lossless subset of that crate: header names are distinct and UTF-8, one batch.
    #[test]
    fn we_read_what_kafka_protocol_wrote(records in proptest::collection::vec(record(), 1..20), codec in 0..5_usize) {
        let records = numbered(records);
        let bytes = encode(&records, codec);
        let mut read = Vec::new();
        let mut codecs = Codecs::default();
        for entry in Batches::new(&bytes, 0) {
            let Entry::Batch(batch) = entry else { panic!("{entry:?}") };
            prop_assert!(batch.crc_is_right());
            for record in batch.records(&mut codecs, 1 << 20).unwrap() {
                read.push(as_reference(&batch, &record.unwrap()));
            }
        }
        prop_assert_eq!(read, records);
    }

    #[test]
    fn kafka_protocol_reads_what_we_patched(records in proptest::collection::vec(record(), 1..20), codec in 0..5_usize) {
        let mut records = numbered(records);
        let bytes = encode(&records, codec);
        let (mut scan, mut codecs, mut edits) = (Scan::new(), Codecs::default(), Edits::new());
        let mut frame = bytes.to_vec();
        scan.walk(&frame, 0, &Limits::default(), &mut codecs);
        let invert = |old: &[u8; EDEK_LEN]| old.map(|byte| !byte);
        let mut asked = 0;
        let applied = scan.apply(&mut frame, &mut codecs, &mut edits, |old| {
            asked += 1;
            Some(invert(old))
        });

        let mut sealed = 0;
        let (mut runs, mut last) = (0, None);
        for record in &mut records {
            if let Some(value) = record.headers.get_mut(EDEK_HEADER) {
                sealed += 1;
                let old: [u8; EDEK_LEN] = value.as_deref().unwrap().try_into().unwrap();
                runs += usize::from(last.replace(old) != Some(old));
                *value = Some(Bytes::copy_from_slice(&invert(&old)));
            }
        }
        prop_assert_eq!(applied.unwrap().replaced, sealed);
        // One question for each run of equal ones.
        prop_assert_eq!(asked, runs);
        let decompress = |payload: &mut Bytes, compression| {
            let mut out = Vec::new();
            Codecs::default().decompress(codec_of(compression), payload, 1 << 20, &mut out)?;
            Ok(Bytes::from(out))
        };
        let mut patched = Bytes::from(edits.joined(&frame));
        let read = reference::RecordBatchDecoder::decode_with_custom_compression(&mut patched, Some(decompress)).unwrap();
        prop_assert_eq!(read.records, records);
    }
}

fn codec_of(compression: reference::Compression) -> Codec {
    CODECS[compression as usize]
}

fn encode(records: &[reference::Record], codec: usize) -> Bytes {
    use reference::Compression::*;
    let options = reference::RecordEncodeOptions {
        version: 2,
        compression: [None, Gzip, Snappy, Lz4, Zstd][codec],
    };
    let mut buf = bytes::BytesMut::new();
    let compress = |payload: &mut bytes::BytesMut, out: &mut bytes::BytesMut, compression| {
        let mut compressed = Vec::new();
        Codecs::default().compress(codec_of(compression), &[], payload, &mut compressed)?;
        out.extend_from_slice(&compressed);
        Ok(())
    };
    reference::RecordBatchEncoder::encode_with_custom_compression(
        &mut buf,
        records,
        &options,
        Some(compress),
    )
    .unwrap();
    buf.freeze()
}

/// A record without its place: that is given by `numbered`.
fn record() -> impl Strategy<Value = reference::Record> {
    let bytes = || {
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80).prop_map(Bytes::from))
    };
    let headers = proptest::collection::vec(("[a-zß]{0,9}", bytes()), 0..4);
    (bytes(), bytes(), headers, any::<bool>(), -1000..1_000_000_i64).prop_map(
        |(key, value, headers, sealed, timestamp)| {
            let mut headers: IndexMap<_, _> = headers
                .into_iter()
                .map(|(name, value)| (StrBytes::from_string(name), value))
                .collect();
            if sealed {
                headers.insert(
                    StrBytes::from_static_str("nu.edek"),
                    Some(Bytes::copy_from_slice(&edek(0))),
                );
            }
            reference::Record {
                transactional: true,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: 5,
                producer_id: 1 << 40,
                producer_epoch: 3,
                timestamp_type: reference::TimestampType::Creation,
                offset: 0,
                sequence: 0,
                timestamp,
                key,
                value,
                headers,
            }
        },
    )
}

fn numbered(mut records: Vec<reference::Record>) -> Vec<reference::Record> {
    for (record, n) in records.iter_mut().zip(0..) {
        (record.offset, record.sequence) = (1_000_000_000_000 + i64::from(n), 17 + n);
    }
    records
}

fn as_reference(batch: &Batch<'_>, record: &Record<'_>) -> reference::Record {
    let bytes = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
    let attributes = batch.attributes();
    reference::Record {
        transactional: attributes.is_transactional(),
        control: attributes.is_control(),
        delete_horizon: attributes.has_delete_horizon(),
        partition_leader_epoch: batch.leader_epoch(),
        producer_id: batch.producer_id(),
        producer_epoch: batch.producer_epoch(),
        timestamp_type: match attributes.timestamp_type() {
            TimestampType::CreateTime => reference::TimestampType::Creation,
            TimestampType::LogAppendTime => reference::TimestampType::LogAppend,
        },
        offset: batch.base_offset() + i64::from(record.offset_delta),
        sequence: batch.base_sequence() + record.offset_delta,
        timestamp: batch.base_timestamp() + record.timestamp_delta,
        key: bytes(record.key),
        value: bytes(record.value),
        headers: record
            .headers
            .clone()
            .map(|header| header.unwrap())
            .map(|header| {
                (
                    StrBytes::from_utf8(Bytes::copy_from_slice(header.name)).unwrap(),
                    bytes(header.value),
                )
            })
            .collect(),
    }
}
