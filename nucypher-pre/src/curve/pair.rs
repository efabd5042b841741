//! Two field elements side by side.

use core::ops::{Add, Mul, Sub};

use super::field::{Factor, FieldElement};

/// Two elements, operated on in turn. A chain of multiplications is bound by the latency of each;
/// two chains side by side take a processor not much longer than one.
#[derive(Clone, Copy, Default)]
pub(super) struct Pair(pub(super) [FieldElement; 2]);

impl Pair {
    pub(super) const ONE: Self = Self([FieldElement::ONE; 2]);

    /// [`FieldElement::accumulate`] in both lanes.
    #[inline(always)]
    pub(super) fn accumulate(&mut self, entry: &Self, mask: u64) {
        for (lane, entry) in self.0.iter_mut().zip(&entry.0) {
            lane.accumulate(entry, mask);
        }
    }

    /// Both lanes by `f`.
    #[inline(always)]
    pub(super) fn map(self, f: impl Fn(FieldElement) -> FieldElement) -> Self {
        let Self([a, b]) = self;
        Self([f(a), f(b)])
    }

    /// 2·self.
    #[inline(always)]
    pub(super) fn double(self) -> Self {
        self.map(FieldElement::double)
    }

    /// The product of the lanes.
    pub(super) fn product(self) -> FieldElement {
        let Self([a, b]) = self;
        a * b
    }

    /// The lanes in each other's place.
    pub(super) fn swap(self) -> Self {
        let Self([a, b]) = self;
        Self([b, a])
    }
}

impl Factor for Pair {
    #[inline(always)]
    fn square(self) -> Self {
        self.map(FieldElement::square)
    }
}

macro_rules! lanewise {
    ($($operator:ident $method:ident),*) => {$(
        impl $operator for Pair {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let (Self([a, b]), Self([c, d])) = (self, other);
                Self([FieldElement::$method(a, c), FieldElement::$method(b, d)])
            }
        }
    )*};
}

lanewise!(Add add, Sub sub, Mul mul);
