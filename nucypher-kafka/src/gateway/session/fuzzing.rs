//! Body of the fuzz target `frame`: a session fed from both sides. The committed corpus is replayed
//! by `cargo test`. Target: `fuzz/`.

use std::sync::Arc;

use super::in_memory::{InMemory, world};
use super::{Admins, Authentication, Watched, World};
use crate::gateway::identity::{Principal, Transport};
use crate::registry::Snapshot;

/// What stands in the fuzzer's input between the bytes of one side and those of the other.
const TURN: &[u8] = b"\nturn\n";

/// Feeds a session: the first byte says what kind of session, then come, turn by turn, bytes of the
/// client and bytes of the broker.
///
/// # Panics
/// If a promise is broken: that what goes out is in proportion to what came in, and that a client that
/// nobody knows reaches the broker with nothing but its identification.
pub fn frame(data: &[u8]) {
    let Some((kind, mut data)) = data.split_first() else { return };
    let admins = if kind & 1 == 0 { Admins::Everyone } else { Admins::Named(Arc::from([])) };
    let world = World { admins, ..world(Snapshot::empty()) };
    let watched = kind & 2 != 0;
    let authentication = match (watched, Principal::user("alice")) {
        (false, Ok(alice)) => Authentication::Known(alice),
        _ => Authentication::Watched(Watched::new(Transport::Tls)),
    };
    let mut bench = InMemory::new(world, authentication);
    let (mut client, data_len) = (true, data.len());
    while !data.is_empty() {
        let at = data.windows(TURN.len()).position(|window| window == TURN);
        let (bytes, rest) = match at {
            Some(at) => (
                data.get(..at).unwrap_or_default(),
                data.get(at + TURN.len()..).unwrap_or_default(),
            ),
            None => (data, &[][..]),
        };
        let side = if client { &mut bench.from_client } else { &mut bench.from_broker };
        side.extend_from_slice(bytes);
        client = !client;
        data = rest;
        if bench.run().is_err() {
            break;
        }
    }
    let sent = data_len + 64 * 1024;
    assert!(bench.to_client.len() <= sent && bench.to_broker.len() <= sent, "more than came in");
    if watched && bench.session.principal().is_none() {
        for key in keys(&bench.to_broker) {
            assert!(matches!(key, 17 | 18 | 36), "a stranger reached the broker with API {key}");
        }
    }
}

/// The API keys of the requests in `bytes`.
fn keys(mut bytes: &[u8]) -> Vec<u16> {
    let mut keys = Vec::new();
    while let Some([a, b, c, d, key, of, ..]) = bytes.get(..6) {
        keys.push(u16::from_be_bytes([*key, *of]));
        let len = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        bytes = len.checked_add(4).and_then(|len| bytes.get(len..)).unwrap_or_default();
    }
    keys
}
