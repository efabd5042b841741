//! Batches against single multiplications, at every length around a boundary and for scalars at
//! which incomplete additions meet their exceptions.

extern crate std;

use std::vec::Vec;

use super::*;
use crate::curve::{Point, tests::exceptional_scalars};

fn points(count: usize) -> Vec<Point> {
    let mut scalar = Scalar::from_wide(&[0x5a; 64]).unwrap();
    (0..count)
        .map(|_| {
            scalar = scalar.multiply(&scalar);
            Point::generate(&scalar)
        })
        .collect()
}

#[test]
fn batches_of_every_kind_agree_with_single_multiplications() {
    let scalar = Scalar::from_wide(&[0xc3; 64]).unwrap();
    let points = points(BLOCK + 3);
    let expected: Vec<_> = points.iter().map(|point| point.multiply(&scalar)).collect();
    for count in [0, 1, 2, 3, LOCKSTEP_FROM - 1, LOCKSTEP_FROM, LOCKSTEP_FROM + 1, BLOCK, BLOCK + 3]
    {
        let (mut fixed, mut vartime) = (points[..count].to_vec(), points[..count].to_vec());
        Point::multiply_batch(&mut fixed, &scalar);
        Point::multiply_batch_vartime(&mut vartime, &scalar);
        assert!(fixed == expected[..count] && vartime == expected[..count], "{count}");
    }
}

#[test]
fn batches_agree_for_scalars_with_exceptions() {
    let points = points(LOCKSTEP_FROM);
    for scalar in exceptional_scalars().into_iter().step_by(37) {
        let expected: Vec<_> = points.iter().map(|point| point.multiply(&scalar)).collect();
        for count in [2, LOCKSTEP_FROM] {
            let (mut fixed, mut vartime) = (points[..count].to_vec(), points[..count].to_vec());
            Point::multiply_batch(&mut fixed, &scalar);
            Point::multiply_batch_vartime(&mut vartime, &scalar);
            assert!(fixed == expected[..count] && vartime == expected[..count]);
        }
    }
}
