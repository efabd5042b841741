//! The formulas once more, over a field with 43 elements, where y² = x³ + 7 has 31 points, a prime
//! number as on secp256k1: every pair of points, in every representation by a factor Z.
//! (libsecp256k1 tests itself on the same curve: `tests_exhaustive.c`.)

extern crate std;

use std::vec::Vec;

use formulas::{Affine, Jacobian, Projective};

#[path = "formulas.rs"]
#[expect(clippy::duplicate_mod, reason = "the same text over another field is the point")]
#[expect(dead_code, reason = "a table's entries become points elsewhere")]
mod formulas;

/// In the place of the real field, for `formulas.rs` above.
mod field {
    const P: u32 = 43;

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct FieldElement(pub(super) u32);

    impl FieldElement {
        pub(super) const ZERO: Self = Self(0);
        pub(super) const ONE: Self = Self(1);

        pub(super) const fn add(self, other: Self) -> Self {
            Self((self.0 + other.0) % P)
        }
        pub(super) const fn sub(self, other: Self) -> Self {
            Self((self.0 + P - other.0) % P)
        }
        pub(super) const fn mul(self, other: Self) -> Self {
            Self(self.0 * other.0 % P)
        }
        pub(super) const fn square(self) -> Self {
            self.mul(self)
        }
        pub(super) const fn double(self) -> Self {
            self.add(self)
        }
        pub(super) const fn half(self) -> Self {
            self.mul(Self(P.div_ceil(2)))
        }
        pub(super) const fn multiply_small(self, factor: u32) -> Self {
            self.mul(Self(factor % P))
        }
        pub(super) fn inverse(self) -> Self {
            (1..P).map(Self).find(|other| self.mul(*other).0 == 1).unwrap()
        }
        pub(super) fn all() -> impl Iterator<Item = Self> {
            (0..P).map(Self)
        }
    }
}

use field::FieldElement;

/// A point as its coordinates, `None` for the identity.
type Point = Option<(FieldElement, FieldElement)>;

/// All multiples of one point by the schoolbook's case distinctions: index k is kG, from 0 to 30.
fn group() -> Vec<Point> {
    let on_curve =
        |x: FieldElement, y: FieldElement| y.square() == x.square().mul(x).add(FieldElement(7));
    let points = FieldElement::all().flat_map(|x| FieldElement::all().map(move |y| (x, y)));
    let points: Vec<_> = points.filter(|&(x, y)| on_curve(x, y)).collect();
    assert_eq!(points.len(), 30);
    let generator = Some(points[0]);
    let mut multiples = std::vec![None];
    for _ in 1..31 {
        multiples.push(schoolbook(*multiples.last().unwrap(), generator));
    }
    assert_eq!(schoolbook(*multiples.last().unwrap(), generator), None);
    multiples
}

fn schoolbook(first: Point, second: Point) -> Point {
    let (Some((x, y)), Some((u, v))) = (first, second) else { return first.or(second) };
    let slope = if x != u {
        v.sub(y).mul(u.sub(x).inverse())
    } else if y == v {
        x.square().multiply_small(3).mul(y.double().inverse())
    } else {
        return None;
    };
    let sum = slope.square().sub(x).sub(u);
    Some((sum, slope.mul(x.sub(sum)).sub(y)))
}

fn projectives(point: Point) -> Vec<Projective> {
    let (x, y, z) = match point {
        Some((x, y)) => (x, y, FieldElement::ONE),
        None => (FieldElement::ZERO, FieldElement::ONE, FieldElement::ZERO),
    };
    FieldElement::all()
        .skip(1)
        .map(|s| Projective { x: x.mul(s), y: y.mul(s), z: z.mul(s) })
        .collect()
}

fn from_projective(point: Projective) -> Point {
    (point.z.0 != 0).then(|| {
        let inverse = point.z.inverse();
        (point.x.mul(inverse), point.y.mul(inverse))
    })
}

fn jacobians((x, y): (FieldElement, FieldElement)) -> Vec<Jacobian> {
    FieldElement::all()
        .skip(1)
        .map(|z| Jacobian { x: x.mul(z.square()), y: y.mul(z.square().mul(z)), z })
        .collect()
}

fn from_jacobian(point: Jacobian) -> Point {
    (point.z.0 != 0).then(|| {
        let Affine { x, y } = point.to_affine(point.z.inverse());
        (x, y)
    })
}

#[test]
fn complete_addition_is_complete() {
    let group = group();
    for (i, &first) in group.iter().enumerate() {
        for (j, &second) in group.iter().enumerate() {
            for a in projectives(first) {
                for b in projectives(second) {
                    let sum = a.add(&b);
                    assert!(sum.y.0 != 0 || sum.z.0 != 0);
                    assert_eq!(from_projective(sum), group[(i + j) % 31]);
                }
            }
        }
    }
}

#[test]
fn jacobian_formulas_are_right_but_for_their_exceptions() {
    let group = group();
    for (i, &first) in group.iter().enumerate().skip(1) {
        for a in jacobians(first.unwrap()) {
            assert_eq!(from_jacobian(a.double()), group[2 * i % 31]);
            for s in FieldElement::all().skip(1) {
                // The point as it stands on the curve to which (x, y) -> (x s², y s³) leads.
                let (x, y) = first.unwrap();
                let (ss, sss) = (s.square(), s.square().mul(s));
                for there in jacobians((x.mul(ss), y.mul(sss))) {
                    assert_eq!(from_projective(there.to_projective(s)), first);
                }
            }
            for (j, &second) in group.iter().enumerate().skip(1) {
                let (x, y) = second.unwrap();
                let sum = a.add_affine(&Affine { x, y });
                if i == j || i + j == 31 {
                    // The exceptions show, and stay.
                    assert_eq!(sum.z.0, 0);
                    assert_eq!(sum.double().z.0, 0);
                    assert_eq!(sum.add_affine(&Affine { x, y }).z.0, 0);
                } else {
                    assert_eq!(from_jacobian(sum), group[(i + j) % 31]);
                }
            }
        }
    }
}
