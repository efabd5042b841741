//! Re-encryption keys, opened when they are used for the first time: check 12 of
//! `docs/spec/registry.md`, and check 5 once more for the one grant.
//!
//! Kept in a bounded cache, wiped when they leave it, and taken out when their grant goes. Called
//! where re-encryptions are computed, never on the reactor: opening costs about 0.4 ms. Secret.

use std::sync::Arc;

use nucypher_pre::{ReencryptionKey, UnverifiedReencryptionKey};
use quick_cache::sync::Cache;

use super::{Part, ProblemKind};
use crate::registry::{
    entry::{Entry, EntryId},
    key::{AdministratorKey, GatewaySecretKey},
    seal,
};

/// So many keys stay open: 0.4 KiB each, 26 MiB for all.
const KEPT: usize = 1 << 16;

/// The keys that are open. Shared by the snapshots of one gateway.
#[derive(Debug)]
pub(super) struct Opened {
    gateway: Option<GatewaySecretKey>,
    /// `None`: the grant does not hold.
    keys: Cache<EntryId, Option<Arc<ReencryptionKey>>>,
}

impl Default for Opened {
    /// For a gateway without a registry: opens nothing.
    fn default() -> Self {
        Self { gateway: None, keys: Cache::new(0) }
    }
}

impl Opened {
    pub(super) fn new(gateway: &GatewaySecretKey) -> Self {
        Self { gateway: Some(gateway.clone()), keys: Cache::new(KEPT) }
    }

    /// Whether the grant was found not to hold. Cost: one look-up.
    pub(super) fn is_broken(&self, id: Option<EntryId>) -> bool {
        id.is_none_or(|id| self.keys.peek(&id).is_some_and(|key| key.is_none()))
    }

    /// Wipes the keys of grants that are gone.
    pub(super) fn retain(&self, keep: impl Fn(EntryId) -> bool) {
        self.keys.retain(|id, _| keep(*id));
    }

    /// Opens a grant's key, or takes it from the cache.
    pub(super) fn open(
        &self,
        entry: &Entry,
        administrator: &AdministratorKey,
    ) -> Result<Arc<ReencryptionKey>, ProblemKind> {
        let broken = ProblemKind::Sealed;
        let mut problem = None;
        let opened = self.keys.get_or_insert_with(&entry.id(), || {
            let gateway = self.gateway.as_ref().ok_or(())?;
            Ok::<_, ()>(match open(entry, administrator, gateway) {
                Ok(key) => Some(Arc::new(key)),
                Err(why) => {
                    problem = Some(why);
                    None
                }
            })
        });
        match (opened, problem) {
            (_, Some(problem)) => Err(problem),
            (Ok(Some(key)), None) => Ok(key),
            _ => Err(broken),
        }
    }
}

/// A grant that this gateway may carry out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ActiveGrant {
    entry: Entry,
    part: Arc<Part>,
    opened: Arc<Opened>,
}

impl ActiveGrant {
    pub(super) fn new(entry: Entry, part: Arc<Part>, opened: Arc<Opened>) -> Self {
        Self { entry, part, opened }
    }

    /// Names the grant, for caches and for people.
    pub fn id(&self) -> EntryId {
        self.entry.id()
    }

    /// The re-encryption key. Secret.
    ///
    /// Cost: at first use about 0.4 ms (a signature, four points, one HPKE opening, one multiplication),
    /// so not for the reactor; then a look-up. Errors: the grant does not hold, which is said once.
    pub fn key(&self) -> Result<Arc<ReencryptionKey>, ProblemKind> {
        let known = self.opened.is_broken(Some(self.id()));
        let key = self.opened.open(&self.entry, &self.part.administrator);
        #[cfg(feature = "gateway")]
        if let (Err(problem), false) = (&key, known) {
            tracing::warn!(grant = %self.id(), %problem, "registry");
        }
        let _ = known;
        key
    }
}

/// Opens the re-encryption key that is sealed to this gateway and checks it against the grant.
pub(super) fn open(
    entry: &Entry,
    administrator: &AdministratorKey,
    gateway: &GatewaySecretKey,
) -> Result<ReencryptionKey, ProblemKind> {
    entry.verify(administrator).map_err(|_| ProblemKind::Signature)?;
    let body = entry.decode_grant().map_err(ProblemKind::Malformed)?;
    let own = body.gateways.iter().zip(entry.sealed()).find(|(id, _)| **id == gateway.id());
    let (_, sealed) = own.ok_or(ProblemKind::Sealed)?;
    let scalar = seal::open(sealed, entry.body(), gateway).map_err(|_| ProblemKind::Sealed)?;
    UnverifiedReencryptionKey::new(
        body.delegator,
        body.delegatee,
        body.precursor,
        &body.target,
        scalar.as_ref(),
    )
    .and_then(UnverifiedReencryptionKey::verify)
    .map_err(ProblemKind::ReencryptionKey)
}
