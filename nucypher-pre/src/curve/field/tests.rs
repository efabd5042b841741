//! F_p and the inversions against ark-ff's generic arithmetic, at random and at the edges of the
//! weak reduction.

extern crate std;

use std::vec::Vec;

use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};
use ark_secp256k1::{Fq, Fr};
use proptest::prelude::*;

use super::*;
use crate::curve::{Scalar, pair::Pair};

/// Values around which carries and foldings change: 0, K, 2^64, 2^128, p, 2^256, and what two of
/// them overflow to.
fn edges() -> Vec<[u64; 4]> {
    let top = u64::MAX;
    let mut values = Vec::new();
    for near in [
        [0; 4],
        [977, 0, 0, 0],
        [1 << 32, 0, 0, 0],
        [K, 0, 0, 0],
        [2 * K, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [K, top, top, 0],
        [0, 0, 0, 1 << 63],
        [K.wrapping_neg(), top, top, top],
        [(2 * K).wrapping_neg(), top, top, top],
        [977u64.wrapping_neg(), top, top, top],
        [K.wrapping_neg(), 0, top, top],
        [top, top, 0, top],
    ] {
        for offset in [-3i64, -2, -1, 0, 1, 2, 3] {
            let [low, rest @ ..] = near;
            let mut value = [low.wrapping_add_signed(offset), rest[0], rest[1], rest[2]];
            if offset < 0 && low < offset.unsigned_abs() {
                // Borrow on: below 0 comes 2^256 - 1.
                for limb in &mut value[1..] {
                    let (next, borrow) = limb.overflowing_sub(1);
                    *limb = next;
                    if !borrow {
                        break;
                    }
                }
            }
            values.push(value);
        }
    }
    values
}

fn limbs() -> impl Strategy<Value = [u64; 4]> {
    let limb = prop_oneof![
        4 => any::<u64>(),
        1 => Just(0),
        1 => Just(u64::MAX),
        1 => Just(K),
        1 => Just(K.wrapping_neg()),
    ];
    prop_oneof![1 => proptest::array::uniform4(limb), 1 => proptest::sample::select(edges())]
}

fn ark(limbs: [u64; 4]) -> Fq {
    Fq::from_le_bytes_mod_order(&limbs.map(u64::to_le_bytes).concat())
}

fn check(ours: FieldElement, theirs: Fq) {
    assert_eq!(ours.normalize().0, theirs.into_bigint().0);
}

/// Every operation on a and b.
fn agrees(a: [u64; 4], b: [u64; 4]) {
    let (x, y) = (FieldElement(a), FieldElement(b));
    let (s, t) = (ark(a), ark(b));
    check(x, s);
    check(x + y, s + t);
    check(x - y, s - t);
    check(-x, -s);
    check(x * y, s * t);
    check(x.square(), s.square());
    check(x.double(), s.double());
    check(x.half().double(), s);
    check(x.multiply_small(21), s * Fq::from(21));
    check(x.multiply_small(u32::MAX), s * Fq::from(u32::MAX));
    let (mut pair, other) = (Pair([x, y]), Pair([y, x]));
    pair = pair * other + pair.square() - other;
    let Pair([first, second]) = pair;
    check(first, s * t + s.square() - t);
    check(second, s * t + t.square() - s);
    assert_eq!(bool::from(x.ct_eq(&y)), s == t);
    assert_eq!(bool::from(x.is_zero()), s == Fq::ZERO);
    assert_eq!(x.is_odd().unwrap_u8(), (s.into_bigint().0[0] & 1) as u8);
    let bytes = x.to_bytes();
    check(FieldElement::from_bytes(&bytes).unwrap(), s);
    for (choice, expected) in [(0, a), (1, b)] {
        let picked = FieldElement::conditional_select(&x, &y, Choice::from(choice));
        assert_eq!(picked.0, expected);
    }
    check(x.negate_if(0), s);
    check(x.negate_if(u64::MAX), -s);
}

fn inverts(a: [u64; 4]) {
    let inverse = ark(a).inverse().unwrap_or(Fq::ZERO);
    check(FieldElement(a).invert(), inverse);
    check(FieldElement(a).invert_vartime(), inverse);
    let root = FieldElement(a).square_root_candidate();
    assert_eq!(bool::from(root.square().ct_eq(&FieldElement(a))), !ark(a).legendre().is_qnr());
}

#[test]
fn edges_agree_with_ark() {
    let edges = edges();
    for &a in &edges {
        for &b in &edges {
            agrees(a, b);
        }
        inverts(a);
    }
}

#[test]
fn bytes_of_p_and_above_are_refused() {
    for above in 0..3u64 {
        let mut bytes = [0xff; 32];
        bytes[24..].copy_from_slice(&(K.wrapping_neg() + above).to_be_bytes());
        assert!(FieldElement::from_bytes(&bytes).is_none());
    }
    assert!(FieldElement::from_bytes(&[0xff; 32]).is_none());
    assert!(FieldElement::from_bytes(&(-FieldElement::ONE).to_bytes()).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn elements_agree_with_ark(a in limbs(), b in limbs()) {
        agrees(a, b);
        inverts(a);
    }

    /// 512 bits modulo n, products and inverses.
    #[test]
    fn scalars_agree_with_ark(a in limbs(), b in limbs(), c in limbs(), d in limbs()) {
        let wide = |high: [u64; 4], low: [u64; 4]| {
            let mut bytes = [0u8; 64];
            for (chunk, limb) in bytes.rchunks_mut(8).zip(low.iter().chain(&high)) {
                chunk.copy_from_slice(&limb.to_be_bytes());
            }
            (Scalar::from_wide(&bytes), Fr::from_be_bytes_mod_order(&bytes))
        };
        let ((x, s), (y, t)) = (wide(a, b), wide(c, d));
        prop_assert_eq!(x.is_err(), s == Fr::ZERO);
        let (Ok(x), Ok(y)) = (x, y) else { return Ok(()) };
        let check = |ours: &Scalar, theirs: Fr| BigInt(*ours.limbs()) == theirs.into_bigint();
        prop_assert!(check(&x, s) && check(&y, t));
        prop_assert!(check(&x.multiply(&y), s * t));
        prop_assert!(check(&x.invert(), s.inverse().unwrap()));
    }
}

#[test]
fn scalars_around_n_agree_with_ark() {
    let order = <Fr as PrimeField>::MODULUS.0;
    for high in [0u64, 1, 2, 4, u64::MAX] {
        for offset in 0..5u64 {
            let mut bytes = [0u8; 64];
            bytes[24..32].copy_from_slice(&high.to_be_bytes());
            for (chunk, limb) in bytes[32..].rchunks_mut(8).zip(order) {
                chunk.copy_from_slice(&limb.to_be_bytes());
            }
            bytes[63] = bytes[63].wrapping_sub(2).wrapping_add(offset as u8);
            let theirs = Fr::from_be_bytes_mod_order(&bytes);
            match Scalar::from_wide(&bytes) {
                Ok(ours) => assert_eq!(BigInt(*ours.limbs()), theirs.into_bigint()),
                Err(_) => assert_eq!(theirs, Fr::ZERO),
            }
        }
    }
}
