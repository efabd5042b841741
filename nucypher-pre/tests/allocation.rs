//! A single re-encryption, decode to encode, allocates nothing. (A file of its own: the counting
//! allocator serves the whole process.)
#![allow(clippy::unwrap_used, reason = "a test")]

use allocation_counter::measure;
use nucypher_pre::{Capsule, ReencryptionKey, SecretKey, Suite, os_rng};

#[test]
fn a_single_reencryption_allocates_nothing() {
    let rng = &mut os_rng();
    for suite in [Suite::Bbs98, Suite::Ecies] {
        let (a, b) = (SecretKey::generate(suite, rng), SecretKey::generate(suite, rng));
        let key = ReencryptionKey::non_interactive(&a, b.public_key(), rng).unwrap();
        let encoded = a.public_key().encapsulate(rng).0.to_bytes();
        let (mut fixed, mut vartime) = ([0; 33], [0; 33]);
        let allocations = measure(|| {
            fixed = key.reencrypt(&Capsule::from_bytes(&encoded).unwrap()).to_bytes();
            vartime = key.reencrypt_vartime(&Capsule::from_bytes(&encoded).unwrap()).to_bytes();
        });
        assert_eq!(allocations.count_total, 0);
        assert_eq!(fixed, vartime);
    }
    assert!(measure(|| drop(vec![1])).count_total > 0, "the counter counts");
}
