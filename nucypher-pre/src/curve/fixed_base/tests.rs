//! The table of G against one made anew.

extern crate std;

use std::{env, format, fs, string::String};

use super::*;

/// G (SEC 2 v2, section 2.4.1).
const G: Affine = Affine {
    x: FieldElement::from_limbs([
        0x59f2_815b_16f8_1798,
        0x029b_fcdb_2dce_28d9,
        0x55a0_6295_ce87_0b07,
        0x79be_667e_f9dc_bbac,
    ]),
    y: FieldElement::from_limbs([
        0x9c47_d08f_fb10_d4b8,
        0xfd17_b448_a685_5419,
        0x5da4_fbfc_0e11_08a8,
        0x483a_da77_26a3_c465,
    ]),
};

/// Where it fails because the layout changed: `BLESS=1 cargo test -p nucypher-pre table_of_g`.
#[test]
fn the_table_of_g_is_right() {
    let committed = include_str!("generator.rs");
    let (head, _) = committed.split_once("FixedBase([\n").unwrap();
    let mut expected = String::from(head) + "FixedBase([\n";
    let entries = |list: &[FieldElement]| -> String {
        let limbs = |e: &FieldElement| {
            let bytes = e.to_bytes();
            let limb = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
            [24, 16, 8, 0].map(|at| format!("{:#018x}", limb(at))).join(", ")
        };
        list.iter().map(|e| format!("    e([{}]),\n", limbs(e))).collect()
    };
    for Row { x, y } in FixedBase::new(&G).0 {
        expected += &format!("Row {{ x: [\n{}], y: [\n{}] }},\n", entries(&x), entries(&y));
    }
    expected += "]);\n";
    if env::var_os("BLESS").is_some() {
        fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/src/curve/fixed_base/generator.rs"),
            expected,
        )
        .unwrap();
    } else {
        assert!(committed == expected);
    }
}
