//! The curve against k256, another implementation, at random and at edge values.

extern crate std;

use k256::{
    ProjectivePoint, Scalar as Reference,
    elliptic_curve::{PrimeField, sec1::ToSec1Point},
};
use proptest::prelude::*;

use super::*;
use crate::error::Error;

/// n - 1, big-endian.
const LAST: [u8; 32] = {
    let mut bytes = [0xff; 32];
    let tail = *b"\xfe\xba\xae\xdc\xe6\xaf\x48\xa0\x3b\xbf\xd2\x5e\x8c\xd0\x36\x41\x40";
    let mut at = 0;
    while at < tail.len() {
        bytes[32 - tail.len() + at] = tail[at];
        at += 1;
    }
    bytes
};

fn small(value: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[31] = value;
    bytes
}

fn edges() -> std::vec::Vec<[u8; 32]> {
    let mut near_top = LAST;
    near_top[31] -= 1;
    let mut one_bit = [0; 32];
    one_bit[0] = 0x80;
    std::vec![small(1), small(2), small(3), LAST, near_top, one_bit]
}

/// ±(u + vλ) for small u and v, at which the last additions of a multiplication meet equal points,
/// opposite points and the identity; and halves near the limits of the decomposition.
pub(super) fn exceptional_scalars() -> std::vec::Vec<Scalar> {
    let lambda = Reference::from_repr(LAMBDA.into()).unwrap();
    let mut scalars = std::vec::Vec::new();
    for u in (0..=34u64).chain([48, 62, 64, 65, 992, 1023]) {
        for v in [0u64, 1, 2, 3, 15, 16, 17, 30, 31, 32, 33, 62] {
            let (u, v) = (Reference::from(u), Reference::from(v) * lambda);
            scalars.extend([u + v, u - v, v - u, -u - v]);
        }
    }
    scalars
        .into_iter()
        .filter_map(|scalar| Scalar::from_bytes(&<[u8; 32]>::from(scalar.to_repr())).ok())
        .collect()
}

/// λ, big-endian.
const LAMBDA: [u8; 32] = *b"\x53\x63\xad\x4c\xc0\x5c\x30\xe0\xa5\x26\x1c\x02\x88\x12\x64\x5a\
    \x12\x2e\x22\xea\x20\x81\x66\x78\xdf\x02\x96\x7c\x1b\x23\xbd\x72";

fn scalars() -> impl Strategy<Value = [u8; 32]> {
    prop_oneof![
        3 => any::<[u8; 32]>().prop_filter("in range", |bytes| Scalar::from_bytes(bytes).is_ok()),
        1 => proptest::sample::select(edges()),
    ]
}

fn reference(bytes: &[u8; 32]) -> Reference {
    Option::from(Reference::from_repr((*bytes).into())).unwrap()
}

fn encode(point: ProjectivePoint) -> std::vec::Vec<u8> {
    point.to_affine().to_sec1_point(true).as_bytes().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn multiplication_agrees(a in scalars(), b in scalars()) {
        let point = Point::generate(&Scalar::from_bytes(&a).unwrap());
        let expected = ProjectivePoint::GENERATOR * reference(&a);
        prop_assert_eq!(&point.to_compressed()[..], encode(expected));
        let product = point.multiply(&Scalar::from_bytes(&b).unwrap());
        prop_assert_eq!(&product.to_compressed()[..], encode(expected * reference(&b)));
        prop_assert!(point.multiply_vartime(&Scalar::from_bytes(&b).unwrap()) == product);
    }

    #[test]
    fn scalar_arithmetic_agrees(a in scalars(), b in scalars()) {
        let product = Scalar::from_bytes(&a).unwrap().multiply(&Scalar::from_bytes(&b).unwrap());
        prop_assert_eq!(*product.to_bytes(), <[u8; 32]>::from((reference(&a) * reference(&b)).to_repr()));
        let inverse = Scalar::from_bytes(&a).unwrap().invert();
        prop_assert_eq!(*inverse.to_bytes(), <[u8; 32]>::from(reference(&a).invert().unwrap().to_repr()));
    }

    #[test]
    fn sums_agree(a in scalars(), b in scalars()) {
        let [x, y] = [&a, &b].map(|bytes| Scalar::from_bytes(bytes).unwrap());
        let [p, q] = [&x, &y].map(Point::generate);
        let sum = reference(&a) + reference(&b);
        prop_assert_eq!(
            x.add(&y).map(|sum| *sum.to_bytes()),
            (!bool::from(sum.is_zero())).then_some(sum.to_repr().into())
        );
        prop_assert_eq!(*x.negate().to_bytes(), <[u8; 32]>::from((-reference(&a)).to_repr()));
        prop_assert_eq!(
            p.add(&q).map(|sum| sum.to_compressed().to_vec()),
            (!bool::from(sum.is_zero())).then(|| encode(ProjectivePoint::GENERATOR * sum))
        );
        // The cases that formulas get wrong.
        prop_assert!(p.add(&p) == x.add(&x).map(|double| Point::generate(&double)));
        prop_assert!(p.add(&p.negate()).is_none() && x.add(&x.negate()).is_none());
        prop_assert!(p.negate() == Point::generate(&x.negate()));
    }

    #[test]
    fn decoding_inverts_encoding(a in scalars()) {
        let point = Point::generate(&Scalar::from_bytes(&a).unwrap());
        let bytes = point.to_compressed();
        prop_assert!(Point::from_compressed(&bytes).unwrap() == point);
        let uncompressed = (ProjectivePoint::GENERATOR * reference(&a)).to_affine().to_sec1_point(false);
        prop_assert!(Point::from_uncompressed(uncompressed.as_bytes()).unwrap() == point);
    }

    #[test]
    fn decoding_agrees_on_any_bytes(tag in 0u8..6, x: [u8; 32]) {
        let mut bytes = [0; 33];
        bytes[0] = tag;
        bytes[1..].copy_from_slice(&x);
        let theirs = k256::PublicKey::from_sec1_bytes(&bytes);
        match Point::from_compressed(&bytes) {
            Ok(point) => {
                prop_assert!(theirs.is_ok());
                prop_assert_eq!(point.to_compressed(), bytes);
            }
            // 5 is SEC 1's "compact" tag, which we do not have.
            Err(_) => prop_assert!(theirs.is_err() || tag == 5),
        }
    }
}

#[test]
fn wide_reduction_agrees_at_the_edges() {
    // n, 2n and 0 reduce to zero, n + 1 to one.
    assert!(Scalar::from_wide(&[0; 64]).is_err());
    let mut order = [0u8; 64];
    order[32..].copy_from_slice(&LAST);
    order[63] += 1;
    assert_eq!(Scalar::from_wide(&order).err(), Some(Error::ZeroHash));
    order[63] += 1;
    assert_eq!(*Scalar::from_wide(&order).unwrap().to_bytes(), small(1));
}

#[test]
fn multiplication_agrees_where_additions_have_exceptions() {
    let base = Scalar::from_wide(&[0x77; 64]).unwrap();
    let point = Point::generate(&base);
    let theirs = ProjectivePoint::GENERATOR * reference(&base.to_bytes());
    for scalar in exceptional_scalars() {
        let k = reference(&scalar.to_bytes());
        let expected = encode(theirs * k);
        assert_eq!(&point.multiply(&scalar).to_compressed()[..], expected);
        assert_eq!(&point.multiply_vartime(&scalar).to_compressed()[..], expected);
        let generated = encode(ProjectivePoint::GENERATOR * k);
        assert_eq!(&Point::generate(&scalar).to_compressed()[..], generated);
    }
}
