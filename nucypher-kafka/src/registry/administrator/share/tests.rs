//! Shares: the vectors of the other implementation, and every way in which shares do not fit.

use serde_json::Value;

use super::*;
use crate::registry::tests::Seeded;

fn secrets() -> Secrets {
    Secrets::generate(&mut Seeded(7))
}

fn shares(threshold: u8, count: u8) -> Vec<Zeroizing<String>> {
    let signer = crate::registry::key::SigningKeyId::from_bytes([9; 8]);
    secrets().split(signer, threshold, count, &mut Seeded(8)).unwrap()
}

/// PEM with one byte of the share exchanged.
fn altered(text: &str, at: usize, to: u8) -> Zeroizing<String> {
    let (label, mut bytes) = pem_rfc7468::decode_vec(text.as_bytes()).unwrap();
    bytes[at] = to;
    Zeroizing::new(pem_rfc7468::encode_string(label, LineEnding::LF, &bytes).unwrap())
}

#[test]
fn any_threshold_of_them_give_the_secrets_back() {
    let shares = shares(3, 5);
    let pick = |numbers: &[usize]| numbers.iter().map(|n| shares[*n].clone()).collect::<Vec<_>>();
    for numbers in [&[0, 1, 2][..], &[4, 2, 0], &[1, 3, 4], &[0, 1, 2, 3, 4]] {
        let joined = Secrets::join(&pick(numbers)).unwrap();
        assert_eq!(*joined.joined(), *secrets().joined());
    }
    assert!(matches!(
        Secrets::join(&pick(&[0, 4])),
        Err(ShareError::TooFew { given: 2, threshold: 3 })
    ));
    assert!(matches!(Secrets::join(&[]), Err(ShareError::TooFew { given: 0, .. })));
}

#[test]
fn flaws_are_told_apart() {
    let shares = shares(2, 3);
    let with = |second: Zeroizing<String>| {
        Secrets::join(&[shares[0].clone(), second]).map(|_| ()).unwrap_err()
    };
    let malformed = |at: usize, to: u8| match with(altered(&shares[1], at, to)) {
        ShareError::Malformed { position: 2, error } => (error.field, error.offset),
        other => panic!("{other}"),
    };
    assert_eq!(malformed(0, 2), ("version", 0));
    assert_eq!(malformed(1, 1), ("threshold", 1));
    assert_eq!(malformed(2, 0), ("number", 2));
    assert!(matches!(with(altered(&shares[1], 2, 1)), ShareError::Twice { number: 1 }));
    // Threshold, set, signing key id, check: of another splitting.
    for at in [1, 3, 11, 19, 26] {
        assert!(matches!(
            with(altered(&shares[1], at, 0x55)),
            ShareError::OtherSet { position: 2 }
        ));
    }
    // Number and share: what comes out is not what was split.
    for (at, to) in [(2, 200), (27, 0), (SHARE_LEN - 1, 0)] {
        assert!(matches!(with(altered(&shares[1], at, to)), ShareError::Altered), "{at}");
    }
    // A third share is used too, so an altered one is noticed.
    let third = altered(&shares[2], 40, 0x55);
    assert!(matches!(
        Secrets::join(&[shares[0].clone(), shares[1].clone(), third]),
        Err(ShareError::Altered)
    ));
    for text in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        let text = Zeroizing::new(text.to_owned());
        assert!(matches!(with(text), ShareError::NotAShare { position: 2 }));
    }
    for (threshold, count) in [(0, 3), (1, 3), (4, 3)] {
        let signer = crate::registry::key::SigningKeyId::from_bytes([9; 8]);
        let split = secrets().split(signer, threshold, count, &mut Seeded(1));
        assert!(matches!(split, Err(ShareError::Counts { .. })));
    }
}

#[test]
fn shares_of_the_other_implementation() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/share.json")).unwrap();
    for case in vectors["vectors"].as_array().unwrap() {
        let texts: Vec<_> = case["shares"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| Zeroizing::new(text.as_str().unwrap().to_owned()))
            .collect();
        let joined = Secrets::join(&texts).unwrap();
        assert_eq!(hex::encode(joined.master.to_bytes()), case["master"].as_str().unwrap());
        assert_eq!(hex::encode(joined.signing.to_bytes()), case["signing"].as_str().unwrap());
    }
    assert_eq!(vectors["vectors"].as_array().unwrap().len(), 3);
}
