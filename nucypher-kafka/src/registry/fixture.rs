//! A registry of many grants, made quickly: for tests and benchmarks.
//!
//! Every entry is signed and the head fits them, but only the last grant is one that can be carried
//! out. The others have distinct consumer keys that are no points, and sealed keys that do not open: what
//! a gateway does with a grant before its first use does not depend on that.

#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc, reason = "for tests")]

use ed25519_dalek::SigningKey;
use nucypher_pre::{KeyId, MasterSecret, ReencryptionKey, SecretKey, Suite, os_rng};
use sha2::{Digest, Sha256};

use super::{
    channel::{ChannelDescriptor, ChannelKey},
    directory::{Found, file_name},
    entry::{Entry, EntryKind},
    grant::{GrantBody, Validity},
    head::{Head, set_digest},
    key::{AdministratorKey, GatewaySecretKey},
    seal,
};

/// One administrator, one channel `orders`, one gateway, many consumers.
#[derive(Debug)]
pub struct Population {
    signing: SigningKey,
    administrator: AdministratorKey,
    gateway: GatewaySecretKey,
    key: KeyId,
    entries: Vec<Entry>,
    head: Entry,
    revision: u64,
}

impl Population {
    /// Makes so many grants. Cost: 20 us each.
    #[must_use]
    pub fn new(grants: usize, now_ms: i64) -> Self {
        let rng = &mut os_rng();
        let signing = SigningKey::from_bytes(&[7; 32]);
        let administrator =
            AdministratorKey::from_bytes(&signing.verifying_key().to_bytes()).unwrap();
        let id = administrator.id();
        let gateway = GatewaySecretKey::generate(rng);
        let master = MasterSecret::generate(rng);
        let delegator = master.channel_key(Suite::Bbs98, "orders", 1, "").unwrap();
        let key = delegator.public_key().clone();
        let key_id = key.id();
        let descriptor = ChannelDescriptor {
            name: "orders".into(),
            suite: Suite::Bbs98,
            require_encryption: true,
            topics: vec!["orders".into()],
            revision: 1,
            keys: vec![ChannelKey { epoch: 1, slot: 0, field: "".into(), key }],
        };
        let body = descriptor.encode().unwrap();
        let mut entries = vec![Entry::sign(EntryKind::Channel, &body, &signing, id, &[]).unwrap()];
        let consumer = SecretKey::generate(Suite::Bbs98, rng);
        let rk = ReencryptionKey::non_interactive(&delegator, consumer.public_key(), rng).unwrap();
        let mut template = GrantBody {
            kind: rk.kind(),
            delegator: rk.delegator().clone(),
            delegatee: rk.delegatee().clone(),
            precursor: rk.precursor().copied(),
            target: rk.target_bytes(),
            channel: "orders".into(),
            epoch: 1,
            field: "".into(),
            principal: "".into(),
            validity: Validity::ALWAYS,
            revision: 0,
            topics: Vec::new(),
            gateways: vec![gateway.id()],
        };
        for number in 0..grants {
            template.principal = principal(number).into();
            template.revision = number as u64 + 2;
            let mut body = template.encode().unwrap();
            let mut sealed = vec![0; seal::SEALED_LEN];
            if number + 1 == grants {
                let gateway = gateway.public_key();
                sealed = seal::seal(&rk.to_scalar_bytes(), &body, gateway, rng).unwrap().to_vec();
            } else {
                // B: after the domain, suite, state and A; its first byte stays 2 or 3.
                let b = 22 + 2 + 33 + 1;
                body.get_mut(b..b + 32)
                    .unwrap()
                    .copy_from_slice(&Sha256::digest(number.to_be_bytes()));
            }
            entries.push(Entry::sign(EntryKind::Grant, &body, &signing, id, &sealed).unwrap());
        }
        let revision = grants as u64 + 2;
        let head = entries.first().unwrap().clone();
        let mut population =
            Self { signing, administrator, gateway, key: key_id, entries, head, revision };
        population.sign(now_ms, Vec::new());
        population
    }

    #[must_use]
    pub fn administrator(&self) -> &AdministratorKey {
        &self.administrator
    }

    #[must_use]
    pub fn gateway(&self) -> &GatewaySecretKey {
        &self.gateway
    }

    /// The channel's key.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// To whom the grant with this number is.
    #[must_use]
    pub fn principal(&self, number: usize) -> String {
        principal(number)
    }

    /// The entries, as a directory gives them.
    #[must_use]
    pub fn found(&self) -> Vec<Found> {
        let entries = self.entries.iter().chain([&self.head]);
        let found = |entry: &Entry| Found { origin: file_name(entry), entry: Ok(entry.clone()) };
        entries.map(found).collect()
    }

    /// A grant that somebody else signed in the administrator's name.
    #[must_use]
    pub fn forged(&self, principal: &str) -> Found {
        let last = self.entries.last().unwrap();
        let mut body = last.decode_grant().unwrap();
        body.principal = principal.into();
        let body = body.encode().unwrap();
        let signing = SigningKey::from_bytes(&[8; 32]);
        let (id, sealed) = (self.administrator.id(), last.sealed().as_flattened());
        let entry = Entry::sign(EntryKind::Grant, &body, &signing, id, sealed).unwrap();
        Found { origin: "forged.pem".to_owned(), entry: Ok(entry) }
    }

    /// Revokes the grant with this number; the numbers of later ones go down by one.
    pub fn revoke(&mut self, number: usize, now_ms: i64) {
        let entry = self.entries.remove(number + 1);
        self.sign(now_ms, vec![entry.id()]);
    }

    fn sign(&mut self, now_ms: i64, removed: Vec<super::EntryId>) {
        self.revision += 1;
        let hashes: Vec<_> = self.entries.iter().map(|entry| *entry.hash()).collect();
        let head = Head {
            revision: self.revision,
            issued: now_ms,
            valid_until: None,
            count: u32::try_from(hashes.len()).unwrap(),
            digest: set_digest(hashes),
            removed,
        };
        let (body, id) = (head.encode().unwrap(), self.administrator.id());
        self.head = Entry::sign(EntryKind::Head, &body, &self.signing, id, &[]).unwrap();
    }
}

fn principal(number: usize) -> String {
    format!("User:consumer-{number}")
}
