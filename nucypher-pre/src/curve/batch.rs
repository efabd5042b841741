//! One scalar, many points: the batch re-encryption of a proxy.
//!
//! Since the scalar is the same, every point takes the same steps. So all points of a block take
//! each step together in **affine** coordinates, where an addition costs 3 multiplications and a
//! division, and the divisions of a step share one inversion (Montgomery's trick: 3
//! multiplications each). Per point that is 6 multiplications for an addition instead of 11, and
//! 11 instead of 18 for a doubling with an addition, as (P + Q) + P without the ordinate between
//! (Eisentraeger, Lauter, Montgomery, CT-RSA 2003). The result is affine, so nothing remains to be
//! normalised. Two points stand side by side in a [`Pair`], because each chain alone is bound by
//! the latency of a multiplication.
//!
//! Below [`LOCKSTEP_FROM`] points an inversion a step is too much: points are multiplied one by one
//! and normalised together.
//!
//! Exceptions depend on the scalar alone, since no point is the identity and the order is prime.
//! In the fixed pattern there are none (see [`super::scalar_mul`]; the last window is
//! complete). In variable time one shows as a zero in the product of the denominators, and the
//! block is done again one by one.
//!
//! Cost per point, in a block of 256, without decoding: about 1130 multiplications (variable
//! time), 1370 (fixed pattern), in throughput rather than latency. Memory per point: 1.8 KiB. Benchmarks
//! `reencrypt_batch/*`.

use alloc::vec::Vec;

use super::{
    field::{Factor, FieldElement},
    formulas::{Affine, Projective},
    pair::Pair,
    scalar::Scalar,
    scalar_mul::{self, BETA, Digit, Digits, WIDTH},
    vartime::{self, Multiple, Schedule, Step},
};

/// Points from which the lockstep pays.
const LOCKSTEP_FROM: usize = 45;
/// Points of a block at most: its tables stay in a second-level cache.
const BLOCK: usize = 320;

/// Two points under way, with what the current step needs.
#[derive(Clone, Copy, Default)]
struct Sum {
    x: Pair,
    y: Pair,
    /// The points to be added.
    entry: Entry,
    /// Between the halves of a doubling with an addition: slope and abscissa of P + Q.
    slope: Pair,
    middle_x: Pair,
}

/// Two points, one of each table, and the abscissas of their images under λ.
#[derive(Clone, Copy, Default)]
struct Entry {
    x: Pair,
    lambda_x: Pair,
    y: Pair,
}

/// A block of points with N odd multiples of each.
struct Lockstep<const N: usize> {
    sums: Vec<Sum>,
    tables: Vec<[Entry; N]>,
    division: Division,
}

/// One inversion for all denominators of a step.
struct Division {
    invert: fn(FieldElement) -> FieldElement,
    /// Before each denominator the product of those before it, and the denominator.
    products: Vec<(Pair, Pair)>,
    /// Some denominator was zero.
    exceptional: bool,
}

impl Division {
    /// Calls `then` for every item with 1/denominator(item), from the last to the first.
    #[inline(always)]
    fn each<T>(
        &mut self,
        items: &mut [T],
        denominator: impl Fn(&T) -> Pair,
        then: impl Fn(&mut T, Pair),
    ) {
        self.products.clear();
        let mut product = Pair::ONE;
        for item in items.iter() {
            let denominator = denominator(item);
            self.products.push((product, denominator));
            product = product * denominator;
        }
        let total = product.product();
        self.exceptional |= bool::from(total.is_zero());
        let inverse = (self.invert)(total);
        let mut inverse = Pair([inverse; 2]) * product.swap();
        for (item, (before, denominator)) in items.iter_mut().zip(&self.products).rev() {
            let own = inverse * *before;
            inverse = inverse * *denominator;
            then(item, own);
        }
    }
}

impl<const N: usize> Lockstep<N> {
    /// Cost: N steps.
    fn new(points: &[Affine], invert: fn(FieldElement) -> FieldElement) -> Self {
        let sums: Vec<_> = points
            .chunks(2)
            .filter_map(|pair| {
                // An odd point stands twice.
                let (first, last) = (pair.first()?, pair.last()?);
                let (x, y) = (Pair([first.x, last.x]), Pair([first.y, last.y]));
                Some(Sum { x, y, ..Sum::default() })
            })
            .collect();
        let products = Vec::with_capacity(sums.len());
        let tables = sums.iter().map(|_| [Entry::default(); N]).collect();
        let division = Division { invert, products, exceptional: false };
        let mut this = Self { sums, tables, division };
        // 2P as what is added, P as the sum.
        let mut points: Vec<_> = this.sums.iter().map(|sum| (sum.x, sum.y)).collect();
        this.double();
        for (sum, point) in this.sums.iter_mut().zip(&mut points) {
            sum.entry = Entry { x: sum.x, y: sum.y, ..Entry::default() };
            (sum.x, sum.y) = *point;
        }
        for at in 0..N {
            if at > 0 {
                this.add();
            }
            for (sum, table) in this.sums.iter().zip(&mut this.tables) {
                if let Some(entry) = table.get_mut(at) {
                    *entry = Entry { x: sum.x, lambda_x: sum.x.map(|x| x * BETA), y: sum.y };
                }
            }
        }
        this
    }

    /// P -> 2P.
    fn double(&mut self) {
        self.division.each(
            &mut self.sums,
            |sum| sum.y.double(),
            |Sum { x, y, .. }, inverse| {
                let xx = x.square();
                let slope = (xx.double() + xx) * inverse;
                let new_x = slope.square() - x.double();
                *y = slope * (*x - new_x) - *y;
                *x = new_x;
            },
        );
    }

    /// P -> P + Q.
    fn add(&mut self) {
        self.division.each(
            &mut self.sums,
            |sum| sum.entry.x - sum.x,
            |Sum { x, y, entry, .. }, inverse| {
                let slope = (entry.y - *y) * inverse;
                let new_x = slope.square() - *x - entry.x;
                *y = slope * (*x - new_x) - *y;
                *x = new_x;
            },
        );
    }

    /// P -> 2P + Q.
    fn double_and_add(&mut self) {
        self.division.each(
            &mut self.sums,
            |sum| sum.entry.x - sum.x,
            |Sum { x, y, entry, slope, middle_x }, inverse| {
                *slope = (entry.y - *y) * inverse;
                *middle_x = slope.square() - *x - entry.x;
            },
        );
        self.division.each(
            &mut self.sums,
            |sum| sum.middle_x - sum.x,
            |Sum { x, y, slope, middle_x, .. }, inverse| {
                // The slope through P and P + Q, negated: the ordinate of P + Q is not needed.
                let slope = *slope + y.double() * inverse;
                let new_x = slope.square() - *x - *middle_x;
                *y = slope * (new_x - *x) - *y;
                *x = new_x;
            },
        );
    }

    fn points(&self) -> impl Iterator<Item = Affine> {
        self.sums.iter().flat_map(|Sum { x: Pair(x), y: Pair(y), .. }| {
            let ([x, other_x], [y, other_y]) = (*x, *y);
            [Affine { x, y }, Affine { x: other_x, y: other_y }]
        })
    }
}

impl Lockstep<{ scalar_mul::ENTRIES }> {
    /// The next points to be added, by a scan over every table.
    fn select(&mut self, digit: Digit, lambda: bool) {
        if lambda {
            self.scan(digit, |entry| &entry.lambda_x);
        } else {
            self.scan(digit, |entry| &entry.x);
        }
    }

    #[inline(always)]
    fn scan(&mut self, digit: Digit, abscissa: impl Fn(&Entry) -> &Pair) {
        let masks = digit.masks();
        for (sum, table) in self.sums.iter_mut().zip(&self.tables) {
            let (mut x, mut y) = (Pair::default(), Pair::default());
            for (entry, &mask) in table.iter().zip(&masks) {
                x.accumulate(abscissa(entry), mask);
            }
            for (entry, &mask) in table.iter().zip(&masks) {
                y.accumulate(&entry.y, mask);
            }
            sum.entry.x = x;
            sum.entry.y = y.map(|y| y.negate_if(digit.sign()));
        }
    }

    /// Replaces every point by scalar·point, constant time.
    fn multiply(points: &mut [Affine], scalar: &Scalar) {
        let digits = Digits::new(scalar);
        let ([[u0, v0], middle @ ..], [u, v]) = digits.windows();
        let mut this = Self::new(points, FieldElement::invert);
        this.select(u, false);
        for sum in &mut this.sums {
            (sum.x, sum.y) = (sum.entry.x, sum.entry.y);
        }
        this.select(v, true);
        this.add();
        for &[u, v] in middle.iter().rev() {
            (1..WIDTH).for_each(|_| this.double());
            this.select(u, false);
            this.double_and_add();
            this.select(v, true);
            this.add();
        }
        (0..WIDTH).for_each(|_| this.double());
        // The last window, complete.
        let mut last: Vec<_> = this.points().map(|point| Projective::from_affine(&point)).collect();
        for (digit, lambda) in [(*u0, false), (*v0, true)] {
            this.select(digit, lambda);
            let entries = this.sums.iter().flat_map(|sum| {
                let (Pair([x, other_x]), Pair([y, other_y])) = (sum.entry.x, sum.entry.y);
                [Affine { x, y }, Affine { x: other_x, y: other_y }]
            });
            for (point, entry) in last.iter_mut().zip(entries) {
                *point = point.add(&Projective::from_affine(&entry));
            }
        }
        normalize(&last, FieldElement::invert, points);
    }
}

impl Lockstep<{ vartime::ENTRIES }> {
    /// The next points to be added.
    fn select(&mut self, Multiple { index, negative, lambda }: Multiple) {
        for (sum, table) in self.sums.iter_mut().zip(&self.tables) {
            if let Some(entry) = table.get(index) {
                sum.entry.x = if lambda { entry.lambda_x } else { entry.x };
                sum.entry.y = if negative { entry.y.map(|y| -y) } else { entry.y };
            }
        }
    }

    /// Replaces every point by scalar·point; `false`, and nothing replaced, for a scalar with
    /// exceptions.
    fn multiply(points: &mut [Affine], schedule: &Schedule) -> bool {
        let mut this = Self::new(points, FieldElement::invert_vartime);
        let mut steps = schedule.steps().peekable();
        if let Some(Step::Add(first)) = steps.next() {
            this.select(first);
            for sum in &mut this.sums {
                (sum.x, sum.y) = (sum.entry.x, sum.entry.y);
            }
        }
        while let Some(step) = steps.next() {
            match (step, steps.peek().copied()) {
                (Step::Double, Some(Step::Add(multiple))) => {
                    steps.next();
                    this.select(multiple);
                    this.double_and_add();
                }
                (Step::Double, _) => this.double(),
                (Step::Add(multiple), _) => {
                    this.select(multiple);
                    this.add();
                }
            }
        }
        if this.division.exceptional {
            return false;
        }
        for (point, product) in points.iter_mut().zip(this.points()) {
            *point = product;
        }
        true
    }
}

/// Runs `f` on blocks of about the same size, on all cores with the feature `rayon`.
fn blocks(points: &mut [Affine], f: impl Fn(&mut [Affine]) + Send + Sync) {
    if points.is_empty() {
        return;
    }
    let count = points.len().div_ceil(BLOCK);
    #[cfg(feature = "rayon")]
    {
        use rayon::prelude::*;
        // A block for each core, where the blocks stay large enough for the lockstep to pay.
        let cores = rayon::current_num_threads().min(points.len() / (2 * LOCKSTEP_FROM));
        let count = count.next_multiple_of(cores.max(1));
        points.par_chunks_mut(points.len().div_ceil(count)).for_each(f);
    }
    #[cfg(not(feature = "rayon"))]
    points.chunks_mut(points.len().div_ceil(count)).for_each(f);
}

/// Replaces every point by scalar·point, constant time.
pub(super) fn multiply(points: &mut [Affine], scalar: &Scalar) {
    blocks(points, |block| multiply_block(block, scalar));
}

fn multiply_block(block: &mut [Affine], scalar: &Scalar) {
    if block.len() < LOCKSTEP_FROM {
        let digits = Digits::new(scalar);
        let products: Vec<_> =
            block.iter().map(|point| scalar_mul::multiply(point, &digits)).collect();
        normalize(&products, FieldElement::invert, block);
    } else {
        Lockstep::<{ scalar_mul::ENTRIES }>::multiply(block, scalar);
    }
}

/// Replaces every point by scalar·point, in a time that depends on the scalar.
pub(super) fn multiply_vartime(points: &mut [Affine], scalar: &Scalar) {
    let schedule = Schedule::new(scalar);
    blocks(points, |block| {
        if block.len() >= LOCKSTEP_FROM
            && Lockstep::<{ vartime::ENTRIES }>::multiply(block, &schedule)
        {
            return;
        }
        let products: Vec<_> =
            block.iter().map(|point| vartime::multiply_jacobian(point, &schedule)).collect();
        if products.iter().any(|product| product.z.is_zero().into()) {
            // A scalar with exceptions.
            return multiply_block(block, scalar);
        }
        let mut inverses: Vec<_> = products.iter().map(|product| product.z).collect();
        invert_all(&mut inverses, FieldElement::invert_vartime);
        for ((point, product), inverse) in block.iter_mut().zip(products).zip(inverses) {
            *point = product.to_affine(inverse);
        }
    });
}

/// Writes products to points. Requires: none is the identity.
fn normalize(
    products: &[Projective],
    invert: fn(FieldElement) -> FieldElement,
    points: &mut [Affine],
) {
    let mut inverses: Vec<_> = products.iter().map(|product| product.z).collect();
    invert_all(&mut inverses, invert);
    for ((point, product), inverse) in points.iter_mut().zip(products).zip(inverses) {
        *point = Affine { x: product.x * inverse, y: product.y * inverse };
    }
}

/// Replaces every element by its inverse. Requires: none is zero. Cost: 3 multiplications each, one
/// inversion.
pub(super) fn invert_all(elements: &mut [FieldElement], invert: fn(FieldElement) -> FieldElement) {
    let mut product = FieldElement::ONE;
    let before: Vec<_> = elements
        .iter()
        .map(|element| {
            let before = product;
            product = product * *element;
            before
        })
        .collect();
    let mut inverse = invert(product);
    for (element, before) in elements.iter_mut().zip(before).rev() {
        let next = inverse * *element;
        *element = inverse * before;
        inverse = next;
    }
}

#[cfg(test)]
mod tests;
