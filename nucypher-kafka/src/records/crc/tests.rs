use proptest::prelude::*;

use super::*;

#[test]
fn a_power_of_x_shifts_by_as_many_zero_bytes() {
    for n in [0, 1, 2, 3, 4, 7, 8, 255, 2047, 2048, 2049, 65_536, 4 << 20, (4 << 20) + 1] {
        let mut message = vec![1, 2, 3];
        let before = CrcChange(linear(&message));
        message.resize(3 + n, 0);
        assert_eq!(before.unchanged(n), CrcChange(linear(&message)), "{n}");
    }
}

#[test]
fn multiplying_by_one_and_by_x() {
    assert_eq!(multiply(ONE, 0x1234_5678), 0x1234_5678);
    assert_eq!(multiply(0x8234_5678, ONE >> 1), 0x411A_2B3C);
    assert_eq!(multiply(1, ONE >> 1), POLYNOMIAL);
}

proptest! {
    #[test]
    fn multiplication_is_that_of_polynomials(a: u32, b: u32) {
        prop_assert_eq!(multiply(a, b), multiply_slowly(a, b));
    }

    #[test]
    fn the_change_is_that_of_two_passes(
        before in 0..5000_usize,
        gaps in proptest::collection::vec(0..5000_usize, 0..5),
        old: [u8; 32],
        new: [u8; 32],
    ) {
        let edek = |seed: [u8; 32]| std::array::from_fn(|i| seed[i % 32]);
        let mut message: Vec<u8> = (0..before).map(|i| i as u8).collect();
        let mut patched = message.clone();
        let mut change = CrcChange::default();
        let mut unchanged = before;
        for gap in gaps {
            message.extend(edek(old));
            patched.extend(edek(new));
            change = change.replaced(unchanged, &edek(old), &edek(new));
            message.extend(vec![0xa5; gap]);
            patched.extend(vec![0xa5; gap]);
            unchanged = gap;
        }
        let change = if patched.len() > before { change.unchanged(unchanged) } else { change };
        prop_assert_eq!(change.apply(crc32c::crc32c(&message)), crc32c::crc32c(&patched));
        // A corruption stays as visible as it was.
        prop_assert_eq!(change.apply(crc32c::crc32c(&message) ^ 1), crc32c::crc32c(&patched) ^ 1);
    }
}
