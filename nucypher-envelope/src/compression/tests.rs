//! Frames that are not exactly one, or want to be more than they are.

use super::*;

const CAP: usize = 100_000;

fn frames() -> Vec<(Compression, Vec<u8>, Vec<u8>)> {
    let mut frames = Vec::new();
    for plaintext in [vec![], b"a".to_vec(), vec![b'a'; 1000], vec![0; CAP]] {
        let mut lz4 = FrameEncoder::new(Vec::new());
        lz4.write_all(&plaintext).unwrap();
        frames.push((Compression::Lz4, lz4.finish().unwrap(), plaintext.clone()));
        frames.push((Compression::Zstd, bulk::compress(&plaintext, 3).unwrap(), plaintext));
    }
    frames
}

fn is_malformed(result: &Result<Vec<u8>, OpenError>) -> bool {
    matches!(result, Err(OpenError::Malformed(flaw)) if flaw.field == "compressed_text")
}

#[test]
fn exactly_one_frame() {
    for (compression, frame, plaintext) in frames() {
        assert_eq!(decompress(compression, frame.clone(), CAP), Ok(plaintext.clone()));
        for len in 0..frame.len() {
            assert!(is_malformed(&decompress(compression, frame[..len].to_vec(), CAP)), "{len}");
        }
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7];
        for after in [&[0][..], &frame, &skippable] {
            let joined = [&frame, after].concat();
            assert!(is_malformed(&decompress(compression, joined, CAP)));
        }
        assert!(is_malformed(&decompress(compression, [&skippable, &frame[..]].concat(), CAP)));
        assert!(is_malformed(&decompress(compression, skippable.to_vec(), CAP)));
    }
}

#[test]
fn the_cap_is_exact() {
    for (compression, frame, plaintext) in frames() {
        let len = plaintext.len();
        assert_eq!(decompress(compression, frame.clone(), len), Ok(plaintext));
        if len > 0 {
            assert_eq!(decompress(compression, frame, len - 1), Err(OpenError::TooLarge));
        }
    }
}

#[test]
fn a_changed_frame_is_an_error_or_within_the_cap() {
    for (compression, frame, _) in frames() {
        for at in 0..frame.len().min(40) {
            for byte in 0..=u8::MAX {
                let mut frame = frame.clone();
                frame[at] = byte;
                if let Ok(plaintext) = decompress(compression, frame, CAP) {
                    assert!(plaintext.len() <= CAP);
                }
            }
        }
    }
}

#[test]
fn a_size_that_a_frame_states_is_not_trusted() {
    // zstd: single segment, content size 2^62 in eight bytes, then an empty last block.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1110_0000];
    frame.extend_from_slice(&(1_u64 << 62).to_le_bytes());
    frame.extend_from_slice(&[1, 0, 0]);
    assert!(is_malformed(&decompress(Compression::Zstd, frame, CAP)));

    // lz4: a stored block that states 2^31 - 1 bytes.
    let mut frame = FrameEncoder::new(Vec::new()).finish().unwrap();
    frame.truncate(7);
    frame.extend_from_slice(&[0xff; 4]);
    assert!(is_malformed(&decompress(Compression::Lz4, frame, CAP)));
}

#[test]
fn an_empty_block_does_not_hide_what_follows() {
    let mut lz4 = FrameEncoder::new(Vec::new());
    lz4.write_all(b"hidden").unwrap();
    let frame = lz4.finish().unwrap();
    // Behind magic and descriptor a compressed block of one token: no literals, no match.
    let (descriptor, blocks) = frame.split_at(7);
    let frame = [descriptor, &[1, 0, 0, 0, 0], blocks].concat();
    assert!(is_malformed(&decompress(Compression::Lz4, frame, CAP)));
}
