//! EDEKs re-encrypted: from the cache, or by one multiplication each.
//!
//! The cache is keyed by the EDEK as the broker stores it and by the grant. A grant is found through
//! the registry's current snapshot at every look-up, so what was cached under a grant that is gone
//! is out of reach on the next response, and the cache needs no clearing to be safe. It is public
//! data all the same: a re-encrypted EDEK opens nothing without the consumer's key.
//!
//! Cost: a look-up some 100 ns; a re-encryption some 25 us (`benches/`, `reencrypt_encoded/*`), never on
//! the reactor.

use nucypher_envelope::Edek;
use quick_cache::sync::Cache;

use super::authorize::Authority;
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
#[derive(Debug)]
pub struct Cold {
    /// The EDEK as it is stored.
    pub edek: Edek,
    grant: ActiveGrant,
}

/// Re-encrypts EDEKs, and remembers.
#[derive(Debug)]
pub struct Reencryptor {
    cache: Cache<([u8; EDEK_LEN], EntryId), [u8; EDEK_LEN]>,
}

impl Reencryptor {
    /// Room for `capacity` EDEKs; one takes some 300 bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity.max(1)) }
    }

    /// Decides what is done with an EDEK in a record of `topic`.
    #[must_use]
    pub fn decide(&self, authority: &Authority, topic: &str, bytes: &[u8; EDEK_LEN]) -> Decision {
        let Ok(edek) = Edek::parse(bytes) else { return Decision::Keep };
        let Some(grant) = authority.grant(edek.opening_id(), topic) else { return Decision::Keep };
        match self.cache.get(&(*bytes, grant.id())) {
            Some(put) => Decision::Put(put),
            None => Decision::Cold(Cold { edek, grant }),
        }
    }

    /// C' = rk·C. `None` where it cannot be done (another suite, a point that is none): the record
    /// goes through as it is stored, and its reader sees why.
    #[must_use]
    pub fn compute(&self, cold: &Cold) -> Option<[u8; EDEK_LEN]> {
        let put = *cold.edek.reencrypt(&*cold.grant.key().ok()?).ok()?.as_bytes();
        self.cache.insert((*cold.edek.as_bytes(), cold.grant.id()), put);
        Some(put)
    }
}
