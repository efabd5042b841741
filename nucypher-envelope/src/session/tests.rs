//! What can be reached from inside alone.

use nucypher_pre::{SecretKey, Suite};

use super::*;
use crate::limits::{MAX_SESSION_BYTES, MAX_SESSION_CALLS};

fn session() -> Session {
    use chacha20::{ChaCha20Rng, rand_core::SeedableRng};
    let rng = &mut ChaCha20Rng::seed_from_u64(60);
    let key = SecretKey::generate(Suite::Bbs98, rng);
    let Turn(session) = Session::begin(key.public_key(), 0, rng);
    session
}

#[test]
fn the_child_of_a_fork_begins_anew() {
    let mut session = session();
    assert_eq!(session.process, std::process::id());
    session.process ^= 1;
    assert!(session.turn(&Limits::MAX, 0, 0).is_none());
}

#[test]
fn the_formats_limits_end_a_session() {
    let last = Session { sealed: MAX_SESSION_CALLS - 1, ..session() };
    let Turn(after) = last.turn(&Limits::MAX, 0, 0).unwrap();
    let over = Session { sealed: MAX_SESSION_CALLS, ..after };
    assert!(over.turn(&Limits::MAX, 0, 0).is_none());

    let full = |bytes, len| Session { bytes, ..session() }.turn(&Limits::MAX, len, 0).is_some();
    assert!(full(MAX_SESSION_BYTES - 5, 5));
    assert!(!full(MAX_SESSION_BYTES - 5, 6));
    assert!(!full(u64::MAX, 1));
}

#[test]
fn a_nonce_says_session_record_and_token() {
    let nonce = Nonce::new([1, 2, 3, 4], 0x0506_0708_090a, 0x0b0c);
    assert_eq!(nonce.as_bytes(), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(nonce.session(), [1, 2, 3, 4]);
    assert_eq!(nonce.record_number(), 0x0506_0708_090a);
    assert_eq!(nonce.token_index(), 0x0b0c);
}
