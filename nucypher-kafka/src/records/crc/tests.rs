use proptest::prelude::*;

use super::*;

#[test]
fn a_power_of_x_shifts_by_as_many_zero_bytes() {
    let new: [u8; EDEK_LEN] = std::array::from_fn(|i| i as u8);
    for n in [0, 1, 2, 3, 4, 7, 8, 255, 2047, 2048, 2049, 65_536, 4 << 20, (4 << 20) + 1] {
        let mut change = CrcChange::default();
        change.begin(&[0; EDEK_LEN], &new);
        change.replaced(n);
        let message = [&new[..], &vec![0; n]].concat();
        assert_eq!(change.apply(0), linear(&message), "{n}");
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
        // How many bytes follow, and whether the EDEK differs from the one before.
        gaps in proptest::collection::vec((0..5000_usize, any::<bool>()), 0..9),
        old: [u8; 32],
        new: [u8; 32],
    ) {
        let edek = |seed: [u8; 32], n: u8| -> [u8; EDEK_LEN] { std::array::from_fn(|i| seed[i % 32] ^ n) };
        let mut message: Vec<u8> = (0..before).map(|i| i as u8).collect();
        let mut patched = message.clone();
        let (mut replaced, mut n) = (Vec::new(), 0);
        for (gap, other) in gaps {
            n += u8::from(other);
            message.extend(edek(old, n));
            patched.extend(edek(new, n.wrapping_mul(3)));
            replaced.push((n, message.len()));
            message.extend(vec![0xa5; gap]);
            patched.extend(vec![0xa5; gap]);
        }
        let mut change = CrcChange::default();
        let mut last = None;
        for (n, end) in replaced {
            if last.replace(n) != Some(n) {
                change.begin(&edek(old, n), &edek(new, n.wrapping_mul(3)));
            }
            change.replaced(message.len() - end);
        }
        prop_assert_eq!(change.apply(crc32c::crc32c(&message)), crc32c::crc32c(&patched));
        // A corruption stays as visible as it was.
        prop_assert_eq!(change.apply(crc32c::crc32c(&message) ^ 1), crc32c::crc32c(&patched) ^ 1);
    }
}
