//! EDEKs re-encrypted: from the cache, or by one multiplication each, many at once.
//!
//! The cache is keyed by the EDEK as the broker stores it and by the grant. A grant is found through
//! the registry's current snapshot at every look-up, so what was cached under a grant that is gone
//! is out of reach on the next response, and the cache needs no clearing to be safe. It is public
//! data all the same: a re-encrypted EDEK opens nothing without the consumer's key.
//!
//! Cost: a look-up some 100 ns; a re-encryption some 25 us, two thirds of that in batches
//! (`benches/`, `cold/*`), never on the reactor.

use nucypher_envelope::Edek;
use quick_cache::sync::Cache;

use super::authorize::TopicGrants;
use crate::records::EDEK_LEN;
use crate::registry::{ActiveGrant, EntryId};

/// What is done with one EDEK.
#[derive(Debug)]
pub enum Decision {
    /// It stays as it is stored: it is malformed, or there is no grant for it.
    Keep,
    /// This takes its place.
    Put([u8; EDEK_LEN]),
    /// It must be computed.
    Cold(Cold),
}

/// An EDEK that is not in the cache, and the grant to re-encrypt it under.
#[derive(Debug, Clone)]
pub struct Cold {
    /// The EDEK as it is stored.
    pub edek: Edek,
    grant: ActiveGrant,
}

impl Cold {
    /// What it is remembered by.
    #[must_use]
    pub fn id(&self) -> CacheId {
        (*self.edek.as_bytes(), self.grant.id())
    }
}

/// An EDEK as it is stored, and the grant to re-encrypt it under.
pub type CacheId = ([u8; EDEK_LEN], EntryId);

/// What takes an EDEK's place; `None` where it stays.
pub type Warm = Option<[u8; EDEK_LEN]>;

/// How many EDEKs a thread computes before others get their turn: some 2 ms. A batch of as many costs
/// within a tenth of what larger ones do.
pub const CHUNK: usize = 128;

/// Re-encrypts EDEKs, and remembers.
#[derive(Debug)]
pub struct Reencryptor {
    cache: Cache<CacheId, [u8; EDEK_LEN]>,
}

impl Reencryptor {
    /// Room for `capacity` EDEKs; one takes some 300 bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity.max(1)) }
    }

    /// Decides what is done with an EDEK in a record of the topic of these grants.
    #[must_use]
    pub fn decide(&self, grants: &mut TopicGrants<'_>, bytes: &[u8; EDEK_LEN]) -> Decision {
        let Ok(edek) = Edek::parse(bytes) else { return Decision::Keep };
        let Some(grant) = grants.find(edek.opening_id()) else { return Decision::Keep };
        match self.cache.get(&(*bytes, grant.id())) {
            Some(put) => Decision::Put(put),
            None => Decision::Cold(Cold { edek, grant: grant.clone() }),
        }
    }

    /// C' = rk·C for each, those next to each other under one grant at once. `None` where it cannot be
    /// done (another suite, a point that is none): the record goes through as it is stored, and its
    /// reader sees why.
    #[must_use]
    pub fn compute(&self, cold: &[Cold]) -> Vec<(CacheId, Warm)> {
        let mut done = Vec::with_capacity(cold.len());
        for same in cold.chunk_by(|a, b| a.grant.id() == b.grant.id()) {
            let Some(first) = same.first() else { continue };
            let edeks: Vec<_> = same.iter().map(|cold| cold.edek).collect();
            let computed = match first.grant.key() {
                Ok(key) => {
                    Edek::reencrypt_batch(&edeks, &key).into_iter().map(Result::ok).collect()
                }
                Err(_) => vec![None; edeks.len()],
            };
            for (cold, edek) in same.iter().zip(computed) {
                let warm = edek.map(|edek| *edek.as_bytes());
                if let Some(put) = warm {
                    self.cache.insert(cold.id(), put);
                }
                done.push((cold.id(), warm));
            }
        }
        done
    }
}

/// What is cold, each once, cut into even pieces of at most [`CHUNK`]; what is under one grant stands together.
#[must_use]
pub fn chunks(mut cold: Vec<Cold>) -> Vec<Vec<Cold>> {
    cold.sort_unstable_by_key(|cold| *cold.grant.id().as_bytes());
    let size = cold.len().div_ceil(cold.len().div_ceil(CHUNK).max(1)).max(1);
    let mut chunks = Vec::new();
    while !cold.is_empty() {
        let rest = cold.split_off(size.min(cold.len()));
        chunks.push(std::mem::replace(&mut cold, rest));
    }
    chunks
}
