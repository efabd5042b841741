use std::io::Write;

use proptest::prelude::*;

use super::*;

const CODECS: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
const LIMIT: usize = 1 << 20;

fn compress(codec: Codec, model: &[u8], input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Codecs::default().compress(codec, model, input, &mut out).unwrap();
    out
}

fn decompress(codec: Codec, input: &[u8], limit: usize) -> Result<Vec<u8>, BatchError> {
    let mut out = b"before".to_vec();
    let result = Codecs::default().decompress(codec, input, limit, &mut out);
    assert!(out.starts_with(b"before"));
    // What could come out bounds what is allocated; a vector doubles, zstd's tries quadruple.
    let could = match codec {
        Codec::Zstd => input.len() / 4 * (128 << 10),
        _ => 4 * out.len().max(input.len() * 22) + (8 << 10),
    };
    assert!(out.capacity() <= 2 * could.min(limit) + 64, "{codec}: {}", out.capacity());
    if result.is_err() {
        assert_eq!(out, b"before", "{codec}");
    }
    result.map(|()| out.split_off(6))
}

fn undecodable(codec: Codec) -> Result<Vec<u8>, BatchError> {
    Err(BatchError::Undecodable(codec))
}

fn too_large(codec: Codec, limit: usize) -> Result<Vec<u8>, BatchError> {
    Err(BatchError::TooLarge { codec, limit })
}

fn xerial(blocks: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [&XERIAL_MAGIC[..], XERIAL_VERSIONS].concat();
    for block in blocks {
        bytes.extend_from_slice(&(block.len() as i32).to_be_bytes());
        bytes.extend_from_slice(block);
    }
    bytes
}

#[test]
fn no_codec_is_a_copy() {
    assert_eq!(compress(Codec::None, b"", b"text"), b"text");
    assert_eq!(decompress(Codec::None, b"text", 4).unwrap(), b"text");
    assert_eq!(decompress(Codec::None, b"text", 3), too_large(Codec::None, 3));
}

#[test]
fn the_empty_payload() {
    for codec in CODECS {
        assert_eq!(decompress(codec, &compress(codec, b"", b""), LIMIT).unwrap(), b"", "{codec}");
    }
    assert_eq!(decompress(Codec::Snappy, &xerial(&[]), LIMIT).unwrap(), b"");
}

#[test]
fn snappy_keeps_its_framing() {
    let input = vec![7; 3 * XERIAL_BLOCK + 5];
    let raw = compress(Codec::Snappy, &[], &input);
    let framed = compress(Codec::Snappy, &xerial(&[]), &input);
    assert!(!raw.starts_with(XERIAL_MAGIC) && framed.starts_with(XERIAL_MAGIC));
    assert_eq!(&framed[8..16], XERIAL_VERSIONS);
    let blocks = std::iter::successors(Some(&framed[16..]), |rest| {
        let (len, rest) = rest.split_first_chunk()?;
        rest.get(u32::from_be_bytes(*len) as usize..)
    });
    assert_eq!(blocks.count(), 5, "the end and four blocks");
    assert_eq!(decompress(Codec::Snappy, &raw, LIMIT).unwrap(), input);
    assert_eq!(decompress(Codec::Snappy, &framed, LIMIT).unwrap(), input);
}

#[test]
fn lz4_is_what_java_reads() {
    let frame = compress(Codec::Lz4, &[], &[7; 100]);
    assert_eq!(&frame[..4], [0x04, 0x22, 0x4d, 0x18]);
    assert_eq!(frame[4] >> 6, 1, "version 01");
    assert_ne!(frame[4] & 1 << 5, 0, "blocks are independent");
    assert_eq!(frame[5] >> 4, 4, "blocks of 64 KiB");
    assert_eq!(&frame[frame.len() - 4..], [0; 4], "end mark");
}

#[test]
fn gzip_stores_what_did_not_shrink() {
    let input = vec![7; 1000];
    assert!(compress(Codec::Gzip, &[0; 100], &input).len() < 100);
    assert_eq!(compress(Codec::Gzip, &[0; 1000], &input).len(), 1000 + 23);
}

#[test]
fn gzip_members_and_zstd_frames_may_be_several() {
    for codec in [Codec::Gzip, Codec::Zstd] {
        let two = [compress(codec, b"", b"one "), compress(codec, b"", b"two")].concat();
        assert_eq!(decompress(codec, &two, LIMIT).unwrap(), b"one two");
    }
}

#[test]
fn bytes_after_the_end() {
    for codec in CODECS {
        let longer = [compress(codec, b"", b"text"), b"tail".to_vec()].concat();
        assert_eq!(decompress(codec, &longer, LIMIT), undecodable(codec), "{codec}");
    }
    assert_eq!(
        decompress(Codec::Snappy, &xerial(&[b"\x01\0x", b""])[..26], LIMIT),
        undecodable(Codec::Snappy)
    );
}

#[test]
fn an_lz4_frame_of_the_legacy_format() {
    let mut frame = compress(Codec::Lz4, b"", b"text");
    frame[..4].copy_from_slice(&0x184C_2102_u32.to_le_bytes());
    assert_eq!(decompress(Codec::Lz4, &frame, LIMIT), undecodable(Codec::Lz4));
}

#[test]
fn lz4_with_linked_blocks_sizes_and_checksums_is_read() {
    let input = [b"some text ".repeat(20_000), vec![0; 10]].concat();
    let info = FrameInfo::new()
        .block_mode(BlockMode::Linked)
        .block_size(BlockSize::Max64KB)
        .block_checksums(true)
        .content_checksum(true)
        .content_size(Some(input.len() as u64));
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(&input).unwrap();
    assert!(decompress(Codec::Lz4, &encoder.finish().unwrap(), LIMIT).unwrap() == input);
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 8 << 20];
    for codec in CODECS {
        let bomb = compress(codec, b"", &zeros);
        assert!(bomb.len() < 1 << 20, "{codec}: {}", bomb.len());
        assert_eq!(decompress(codec, &bomb, 1 << 20), too_large(codec, 1 << 20));
        assert_eq!(decompress(codec, &bomb, 0), too_large(codec, 0));
        assert_eq!(decompress(codec, &bomb, zeros.len()).unwrap().len(), zeros.len());
    }
    let framed = compress(Codec::Snappy, &xerial(&[]), &zeros);
    assert_eq!(decompress(Codec::Snappy, &framed, 1 << 20), too_large(Codec::Snappy, 1 << 20));
}

#[test]
fn the_limit_is_exact() {
    for codec in CODECS {
        let bytes = compress(codec, b"", &[1; 1000]);
        assert!(decompress(codec, &bytes, 1000).is_ok(), "{codec}");
        assert_eq!(decompress(codec, &bytes, 999), too_large(codec, 999));
    }
}

#[test]
fn sizes_that_are_claimed_and_not_there() {
    // Snappy: 2^32 - 1 in a varint, then nothing.
    assert_eq!(
        decompress(Codec::Snappy, b"\xff\xff\xff\xff\x0f", usize::MAX),
        undecodable(Codec::Snappy)
    );
    // Snappy, xerial: a block of 2 GiB, a block of -1.
    for len in [i32::MAX, -1] {
        let bytes = [xerial(&[]), len.to_be_bytes().to_vec(), vec![0; 9]].concat();
        assert_eq!(decompress(Codec::Snappy, &bytes, LIMIT), undecodable(Codec::Snappy));
    }
    // zstd: content size 2^63 - 1, single segment, one empty last block.
    let zstd = b"\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\x7f\x01\0\0";
    assert_eq!(decompress(Codec::Zstd, zstd, LIMIT), undecodable(Codec::Zstd));
    // zstd: a window of 2 GiB, of which one byte comes.
    let window = b"\x28\xb5\x2f\xfd\x00\xa8\x09\0\0x";
    assert_eq!(decompress(Codec::Zstd, window, LIMIT).unwrap(), b"x");
}

#[test]
fn every_truncation_is_an_error() {
    let input = b"some text ".repeat(20);
    for codec in CODECS {
        let bytes = compress(codec, b"", &input);
        for end in 0..bytes.len() {
            let result = decompress(codec, &bytes[..end], LIMIT);
            match codec {
                // No bytes are no frames. The decoder takes a missing end mark for an end, and a
                // frame of fewer bytes than its header for none; the records then do not add up.
                Codec::Zstd | Codec::Gzip if end == 0 => {}
                Codec::Lz4 if result.is_ok() => {}
                _ => assert_eq!(result, undecodable(codec), "{codec} {end}"),
            }
        }
    }
}

#[test]
fn one_set_of_codecs_serves_many_payloads() {
    let mut codecs = Codecs::default();
    for n in [10, 100_000, 10, 0] {
        for codec in CODECS {
            let (mut packed, mut unpacked) = (Vec::new(), Vec::new());
            codecs.compress(codec, b"", &vec![3; n], &mut packed).unwrap();
            codecs.decompress(codec, &packed, LIMIT, &mut unpacked).unwrap();
            assert_eq!(unpacked, vec![3; n], "{codec} {n}");
            let _ = codecs.decompress(codec, b"garbage", LIMIT, &mut unpacked);
        }
    }
}

proptest! {
    #[test]
    fn decompressing_inverts_compressing(
        codec in 0..4_usize,
        framed: bool,
        input in proptest::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..3000),
    ) {
        let codec = CODECS[codec];
        let model = if framed { xerial(&[]) } else { vec![0; input.len()] };
        let bytes = compress(codec, &model, &input);
        prop_assert!(decompress(codec, &bytes, input.len()).unwrap() == input);
    }

    #[test]
    fn garbage_takes_no_memory(codec in 0..4_usize, framed: bool, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let prefix: &[u8] = match CODECS[codec] {
            Codec::Gzip => b"\x1f\x8b\x08\0\0\0\0\0\0\0",
            Codec::Snappy if framed => XERIAL_MAGIC,
            Codec::Lz4 => LZ4_MAGIC,
            Codec::Zstd => b"\x28\xb5\x2f\xfd",
            _ => b"",
        };
        let _ = decompress(CODECS[codec], &[prefix, &bytes].concat(), LIMIT);
    }

    #[test]
    fn flipped_bytes_take_no_memory(codec in 0..4_usize, at in any::<proptest::sample::Index>(), byte: u8) {
        let mut bytes = compress(CODECS[codec], b"", &b"some text ".repeat(50));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decompress(CODECS[codec], &bytes, LIMIT);
    }
}
