use proptest::prelude::*;

use super::*;

fn splice(range: Range<usize>, bytes: &[u8]) -> Splice {
    Splice { range, bytes: bytes.to_vec() }
}

fn edits(splices: &[(Range<usize>, &[u8])]) -> Edits {
    let mut edits = Edits::new();
    for (range, bytes) in splices {
        edits.push(splice(range.clone(), bytes)).unwrap();
    }
    edits
}

#[test]
fn without_splices_the_frame_is_one_piece() {
    let edits = Edits::new();
    assert!(edits.is_empty());
    assert_eq!(edits.pieces(b"frame").collect::<Vec<_>>(), [b"frame"]);
    assert_eq!(edits.pieces(b"").count(), 0);
}

#[test]
fn pieces_are_what_stays_and_what_comes() {
    let edits = edits(&[(1..3, b"XYZ"), (3..4, b""), (5..5, b"!")]);
    assert_eq!(edits.pieces(b"abcdef").collect::<Vec<_>>(), [&b"a"[..], b"XYZ", b"e", b"!", b"f"]);
    assert_eq!(edits.joined(b"abcdef"), b"aXYZe!f");
}

#[test]
fn splices_may_come_in_any_order() {
    let backwards = edits(&[(5..5, b"!"), (3..4, b""), (1..3, b"XYZ")]);
    assert_eq!(backwards, edits(&[(1..3, b"XYZ"), (3..4, b""), (5..5, b"!")]));
}

#[test]
fn insertions_at_one_place_keep_their_order() {
    assert_eq!(edits(&[(2..2, b"1"), (2..2, b"2"), (0..1, b"")]).joined(b"abc"), b"b12c");
}

#[test]
fn overlaps_are_refused() {
    let mut edits = edits(&[(2..5, b"x")]);
    for range in [0..3, 2..5, 3..4, 4..9, 3..3] {
        let at = range.start;
        assert_eq!(edits.push(splice(range, b"y")), Err(Overlap { at }));
    }
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let backwards = 9..8;
    assert_eq!(edits.push(splice(backwards, b"")), Err(Overlap { at: 9 }));
    assert_eq!(edits.splices(), [splice(2..5, b"x")]);
    edits.push(splice(2..2, b"y")).unwrap_err();
    edits.push(splice(5..5, b"y")).unwrap();
    edits.push(splice(0..2, b"y")).unwrap();
}

#[test]
fn growth_of_a_part() {
    let edits = edits(&[(1..3, b"XYZ"), (4..8, b""), (9..9, b"!")]);
    assert_eq!(edits.growth(0..10), 1 - 4 + 1);
    assert_eq!(edits.growth(0..4), 1);
    assert_eq!(edits.growth(4..9), -4);
    assert_eq!(edits.growth(2..4), 0);
}

#[test]
fn a_frame_that_is_too_short_is_no_panic() {
    assert_eq!(edits(&[(5..9, b"x")]).joined(b"abc"), b"x");
}

proptest! {
    #[test]
    fn joined_is_what_replacing_back_to_front_gives(
        frame in proptest::collection::vec(any::<u8>(), 0..60),
        splices in proptest::collection::vec((0..61_usize, 0..20_usize, proptest::collection::vec(any::<u8>(), 0..9)), 0..12),
    ) {
        let mut edits = Edits::new();
        for (start, len, bytes) in splices {
            let start = start.min(frame.len());
            let _ = edits.push(splice(start..(start + len).min(frame.len()), &bytes));
        }
        let mut expected = frame.clone();
        for splice in edits.splices().iter().rev() {
            expected.splice(splice.range.clone(), splice.bytes.iter().copied());
        }
        prop_assert_eq!(edits.joined(&frame), &expected[..]);
        prop_assert_eq!(edits.growth(0..frame.len() + 1), expected.len() as i64 - frame.len() as i64);
        prop_assert!(edits.pieces(&frame).all(|piece| !piece.is_empty()));
    }
}
