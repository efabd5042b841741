//! Tests of the registry, on a small world: one administrator, one gateway, two channels.

mod administrator;
mod bodies;
mod descriptors;
mod entries;
mod files;
mod lazy;
mod lifecycle;
mod snapshots;
#[cfg(feature = "gateway")]
mod topic;
#[cfg(feature = "gateway")]
mod watching;

use std::{convert::Infallible, fs, path::PathBuf};

use nucypher_envelope::signature::{SigningKey, VerifyingKey};
use nucypher_pre::{
    SecretKey, Suite,
    rand_core::{TryCryptoRng, TryRng},
};
use sha2::{Digest, Sha256};

use super::*;

/// 2026-11-24, in milliseconds.
const NOW: i64 = 1_795_478_400_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A deterministic generator: SHA-256 of a counter. For tests alone.
pub(super) struct Seeded(pub(super) u64);

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&Sha256::digest(self.0.to_be_bytes())[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}

/// An administrator with a registry, a gateway and two channels: `orders` (topics `orders` and
/// `returns`, field `card`) and `payments` (topic `payments`).
struct World {
    folder: tempfile::TempDir,
    rng: Seeded,
    administrator: Administrator,
    gateway: GatewaySecretKey,
}

impl World {
    fn new() -> Self {
        Self::with_seed(1)
    }

    fn with_seed(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = Seeded(seed << 32);
        let gateway = GatewaySecretKey::generate(&mut rng);
        let administrator = Administrator::init(
            &folder.path().join("home"),
            &folder.path().join("registry"),
            None,
            Some(30 * DAY),
            NOW,
            &mut rng,
        )
        .unwrap();
        administrator.add_gateway(gateway.public_key()).unwrap();
        let world = Self { folder, rng, administrator, gateway };
        world.channel("orders", &["orders", "returns"], &["card"]);
        world.channel("payments", &["payments"], &[]);
        world
    }

    fn channel(&self, name: &str, topics: &[&str], fields: &[&str]) {
        self.administrator.create_channel(&new_channel(name, topics, fields), NOW).unwrap();
    }

    fn consumer(&mut self) -> SecretKey {
        SecretKey::generate(Suite::Bbs98, &mut self.rng)
    }

    fn request(&mut self, channel: &str, principal: &str) -> GrantRequest {
        let consumer = Consumer::Public(self.consumer().public_key().clone());
        request(channel, principal, consumer)
    }

    fn grant(&mut self, channel: &str, principal: &str) -> GrantSummary {
        let request = self.request(channel, principal);
        self.issue(&request).unwrap()
    }

    fn issue(&mut self, request: &GrantRequest) -> Result<GrantSummary, AdministratorError> {
        self.administrator.grant(request, NOW, &mut self.rng)
    }

    fn registry(&self) -> PathBuf {
        self.folder.path().join("registry")
    }

    fn found(&self) -> Vec<Found> {
        let mut found = Directory::new(self.registry()).read().unwrap();
        found.sort_by(|a, b| a.origin.cmp(&b.origin));
        found
    }

    fn build(&self, found: &[Found]) -> Result<Snapshot, SnapshotError> {
        self.build_after(found, &Seen::default(), None, NOW)
    }

    fn build_after(
        &self,
        found: &[Found],
        seen: &Seen,
        previous: Option<&Snapshot>,
        now_ms: i64,
    ) -> Result<Snapshot, SnapshotError> {
        let administrators = [self.administrator.public_key().clone()];
        let trust = Trust { administrators: &administrators, gateway: &self.gateway, seen };
        Snapshot::build(found, &trust, previous, now_ms)
    }

    fn snapshot(&self) -> Snapshot {
        self.build(&self.found()).unwrap()
    }

    fn key_id(&self, channel: &str) -> nucypher_pre::KeyId {
        self.administrator.channel_key(channel, None, "").unwrap().id()
    }

    fn directory(&self) -> Directory {
        Directory::new(self.registry())
    }

    fn sources(&self) -> Sources {
        Sources {
            administrators: vec![self.administrator.public_key().clone()],
            gateway: self.gateway.clone(),
            state: self.folder.path().join("state"),
        }
    }

    /// A copy of the registry's files, to bring back later.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let read = |found: Found| {
            let content = fs::read(self.registry().join(&found.origin)).unwrap();
            (found.origin, content)
        };
        self.found().into_iter().map(read).collect()
    }

    fn put(&self, files: &[(String, Vec<u8>)]) {
        for (name, content) in files {
            fs::write(self.registry().join(name), content).unwrap();
        }
    }

    fn put_all(&self, files: &[(String, Vec<u8>)]) {
        for found in self.found() {
            fs::remove_file(self.registry().join(found.origin)).unwrap();
        }
        self.put(files);
    }
}

fn request(channel: &str, principal: &str, consumer: Consumer) -> GrantRequest {
    GrantRequest {
        channel: channel.into(),
        epoch: None,
        field: String::new(),
        principal: principal.into(),
        consumer,
        validity: Validity::ALWAYS,
        topics: Vec::new(),
        gateways: Vec::new(),
    }
}

fn new_channel(name: &str, topics: &[&str], fields: &[&str]) -> NewChannel {
    NewChannel {
        topics: topics.iter().map(ToString::to_string).collect(),
        fields: fields.iter().map(|field| NewField::new(field, &[])).collect(),
        ..NewChannel::new(name)
    }
}

fn problems(snapshot: &Snapshot) -> Vec<ProblemKind> {
    snapshot.problems().iter().map(|problem| problem.kind.clone()).collect()
}

/// A signer's public key.
fn signing_key(seed: u8) -> VerifyingKey {
    SigningKey::from_seed(&[seed; 32]).verifying_key().clone()
}

/// What a vector says of the administrator's signature.
struct Signed<'a> {
    secret: &'a str,
    public: &'a str,
    signature: &'a str,
}

impl Signed<'_> {
    /// Signs the body as a vector's administrator, and finds the vector's signature.
    fn check(&self, kind: EntryKind, body: &[u8], sealed: &[u8], name: &str) {
        let bytes = |text| <[u8; 32]>::try_from(hex::decode(text).unwrap()).unwrap();
        let administrator = AdministratorKey::from_bytes(&bytes(self.public)).unwrap();
        let signing = ed25519_dalek::SigningKey::from_bytes(&bytes(self.secret));
        let entry = Entry::sign(kind, body, &signing, administrator.id(), sealed).unwrap();
        entry.verify(&administrator).unwrap();
        let signature = &entry.as_bytes()[14 + body.len()..][..64];
        assert_eq!(hex::encode(signature), self.signature, "{name}");
    }
}
