//! What a gateway serves: look-ups, what the clock does, and what an attacker who can write the
//! registry, or a careless administrator, achieves (nothing).

use ed25519_dalek::SigningKey;
use nucypher_pre::{DelegationKind, KeyId, MasterSecret, ReencryptionKey};

use super::*;
use crate::registry::{channel::ChannelKey, head::set_digest, seal};

/// An administrator whose entries the tests write by hand, to write what ours refuses to.
struct Careless {
    signing: SigningKey,
    public: AdministratorKey,
    master: MasterSecret,
    entries: Vec<Entry>,
    rng: Seeded,
}

impl Careless {
    fn new(seed: u64) -> Self {
        let mut rng = Seeded(seed << 40);
        let mut bytes = [0; 32];
        rng.try_fill_bytes(&mut bytes).unwrap();
        let signing = SigningKey::from_bytes(&bytes);
        let public = AdministratorKey::from_bytes(&signing.verifying_key().to_bytes()).unwrap();
        let master = MasterSecret::generate(&mut rng);
        Self { signing, public, master, entries: Vec::new(), rng }
    }

    fn add(&mut self, kind: EntryKind, body: &[u8], sealed: &[u8]) {
        let entry = Entry::sign(kind, body, &self.signing, self.public.id(), sealed).unwrap();
        self.entries.push(entry);
    }

    fn descriptor(&self, name: &str, suite: Suite, topics: &[&str]) -> ChannelDescriptor {
        let secret = self.master.channel_key(suite, name, 1, "").unwrap();
        let key = secret.public_key().clone();
        ChannelDescriptor {
            name: name.into(),
            suite,
            require_encryption: true,
            topics: topics.iter().map(|topic| (*topic).into()).collect(),
            revision: self.entries.len() as u64 + 1,
            keys: vec![ChannelKey { epoch: 1, slot: 0, field: "".into(), key }],
        }
    }

    fn add_channel(&mut self, descriptor: &ChannelDescriptor) {
        self.add(EntryKind::Channel, &descriptor.encode().unwrap(), &[]);
    }

    /// A grant on a channel's first key, sealed to the gateway, after `alter` had its way.
    fn add_grant(
        &mut self,
        (channel, suite): (&str, Suite),
        consumer: &Consumer,
        gateway: &GatewayPublicKey,
        alter: impl FnOnce(&mut GrantBody),
    ) {
        let delegator = self.master.channel_key(suite, channel, 1, "").unwrap();
        let key = match consumer {
            Consumer::Public(key) => {
                ReencryptionKey::non_interactive(&delegator, key, &mut self.rng)
            }
            Consumer::Secret(key) => ReencryptionKey::interactive(&delegator, key),
        }
        .unwrap();
        let mut body = GrantBody {
            kind: key.kind(),
            delegator: key.delegator().clone(),
            delegatee: key.delegatee().clone(),
            precursor: key.precursor().copied(),
            target: key.target_bytes(),
            channel: channel.into(),
            epoch: 1,
            field: "".into(),
            principal: "User:alice".into(),
            validity: Validity::ALWAYS,
            revision: self.entries.len() as u64 + 1,
            topics: Vec::new(),
            gateways: vec![gateway.id()],
        };
        alter(&mut body);
        let body = body.encode().unwrap();
        let sealed = seal::seal(&key.to_scalar_bytes(), &body, gateway, &mut self.rng).unwrap();
        self.add(EntryKind::Grant, &body, &sealed);
    }

    /// The entries under a head that fits them.
    fn found(&self) -> Vec<Found> {
        self.found_at(100, None, Vec::new())
    }

    fn found_at(
        &self,
        revision: u64,
        valid_until: Option<i64>,
        removed: Vec<EntryId>,
    ) -> Vec<Found> {
        let hashes: Vec<_> = self.entries.iter().map(|entry| *entry.hash()).collect();
        let head = Head {
            revision,
            issued: NOW,
            valid_until,
            count: u32::try_from(hashes.len()).unwrap(),
            digest: set_digest(hashes),
            removed,
        };
        let body = head.encode().unwrap();
        let head =
            Entry::sign(EntryKind::Head, &body, &self.signing, self.public.id(), &[]).unwrap();
        let entries = self.entries.iter().cloned().chain([head]);
        entries.map(|entry| Found { origin: entry.id().to_string(), entry: Ok(entry) }).collect()
    }
}

fn build(
    found: &[Found],
    administrators: &[&Careless],
    gateway: &GatewaySecretKey,
) -> Result<Snapshot, SnapshotError> {
    let administrators: Vec<_> = administrators.iter().map(|one| one.public.clone()).collect();
    let trust = Trust { administrators: &administrators, gateway, seen: &Seen::default() };
    Snapshot::build(found, &trust, None, NOW)
}

fn gateway() -> GatewaySecretKey {
    GatewaySecretKey::generate(&mut Seeded(99))
}

fn consumer(suite: Suite, seed: u64) -> Consumer {
    let key = SecretKey::generate(suite, &mut Seeded(seed << 20));
    Consumer::Public(key.public_key().clone())
}

const BBS98: (&str, Suite) = ("orders", Suite::Bbs98);

#[test]
fn a_grant_opens_its_channel_to_its_principal_and_to_nobody_else() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let snapshot = world.snapshot();
    assert_eq!(snapshot.problems(), []);
    let access = |topic, principal| snapshot.access(topic, principal, NOW);
    assert_eq!(access("orders", "User:alice"), Access::Granted);
    assert_eq!(access("returns", "User:alice"), Access::Granted);
    assert_eq!(access("payments", "User:alice"), Access::Denied);
    assert_eq!(access("orders", "User:bob"), Access::Denied);
    assert_eq!(access("orders", ""), Access::Denied);
    assert_eq!(access("plain", "User:bob"), Access::Open);

    let (orders, payments) = (world.key_id("orders"), world.key_id("payments"));
    let found = |opening: KeyId, principal: &str, topic: &str| {
        snapshot.grant(opening, principal, topic, NOW).is_some()
    };
    assert!(found(orders, "User:alice", "orders"));
    assert!(found(orders, "User:alice", "returns"));
    assert!(!found(orders, "User:alice", "payments"), "a record of another channel's key");
    assert!(!found(orders, "User:alice", "plain"));
    assert!(!found(payments, "User:alice", "payments"));
    assert!(!found(orders, "User:bob", "orders"));

    let channel = snapshot.channel_of_topic("returns").unwrap();
    assert_eq!(channel.name(), "orders");
    assert!(channel.require_encryption());
    assert_eq!(channel.key(orders).unwrap().slot, 0);
    assert!(channel.key(payments).is_none());
    assert_eq!(channel.administrator(), world.administrator.public_key().id());
    assert_eq!(snapshot.revision(), 7);
}

/// What was granted is what it says: the re-encrypted capsule opens for the consumer.
#[test]
fn the_grants_key_leads_from_the_channels_key_to_the_consumer() {
    let mut world = World::new();
    let consumer = world.consumer();
    for who in [Consumer::Public(consumer.public_key().clone()), Consumer::Secret(consumer.clone())]
    {
        world.issue(&request("orders", "alice", who)).unwrap();
        let snapshot = world.snapshot();
        let producer = world.administrator.channel_key("orders", None, "").unwrap();
        let (capsule, secret) = producer.encapsulate(&mut world.rng);
        let grant = snapshot.grant(producer.id(), "User:alice", "orders", NOW).unwrap();
        let key = grant.key().unwrap();
        let capsule = key.reencrypt(&capsule);
        let opened = match key.precursor() {
            Some(precursor) => consumer.decapsulate_delegated(&capsule, precursor).unwrap(),
            None => consumer.decapsulate(&capsule),
        };
        assert_eq!(secret.expand::<32>(&[b"test"]), opened.expand::<32>(&[b"test"]));
    }
}

#[test]
fn a_field_has_its_own_key_and_grant() {
    let mut world = World::new();
    let field = GrantRequest { field: "card".into(), ..world.request("orders", "alice") };
    world.issue(&field).unwrap();
    let snapshot = world.snapshot();
    let card = world.administrator.channel_key("orders", None, "card").unwrap().id();
    assert!(snapshot.grant(card, "User:alice", "orders", NOW).is_some());
    assert!(snapshot.grant(world.key_id("orders"), "User:alice", "orders", NOW).is_none());
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
    assert_eq!(snapshot.channel_of_topic("orders").unwrap().key(card).unwrap().slot, 1);
}

#[test]
fn a_grant_bound_to_topics_is_no_grant_elsewhere() {
    let mut world = World::new();
    let bound = GrantRequest { topics: vec!["returns".into()], ..world.request("orders", "alice") };
    world.issue(&bound).unwrap();
    let snapshot = world.snapshot();
    let orders = world.key_id("orders");
    assert_eq!(snapshot.access("returns", "User:alice", NOW), Access::Granted);
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);
    assert!(snapshot.grant(orders, "User:alice", "returns", NOW).is_some());
    assert!(snapshot.grant(orders, "User:alice", "orders", NOW).is_none());
}

#[test]
fn pass_through_is_authorised_and_not_reencrypted() {
    let world = World::new();
    let mirror = PassThroughRequest {
        channel: "orders".into(),
        principal: "mirror".into(),
        validity: Validity::new(Some(NOW - HOUR), Some(NOW + HOUR)).unwrap(),
        topics: vec!["orders".into()],
    };
    world.administrator.pass_through(&mirror, NOW).unwrap();
    let snapshot = world.snapshot();
    assert_eq!(snapshot.access("orders", "User:mirror", NOW), Access::PassThrough);
    assert_eq!(snapshot.access("returns", "User:mirror", NOW), Access::Denied);
    assert_eq!(snapshot.access("orders", "User:mirror", NOW + 2 * HOUR), Access::Denied);
    assert!(snapshot.grant(world.key_id("orders"), "User:mirror", "orders", NOW).is_none());
}

/// Validity at each look-up, forwards and backwards.
#[test]
fn a_clock_that_jumps_opens_nothing_that_is_not_valid_by_it() {
    let mut world = World::new();
    let validity = Validity::new(Some(NOW + HOUR), Some(NOW + 2 * HOUR)).unwrap();
    let planned = GrantRequest { validity, ..world.request("orders", "alice") };
    world.issue(&planned).unwrap();
    let snapshot = world.snapshot();
    let orders = world.key_id("orders");
    for (now, open) in [
        (NOW, false),
        (NOW + HOUR, true),
        (NOW + 2 * HOUR, true),
        (NOW + 2 * HOUR + 1, false),
        (NOW + 90 * DAY, false),
        (NOW - 90 * DAY, false),
        (NOW + HOUR + 1, true),
        (0, false),
        (i64::MIN, false),
        (i64::MAX, false),
    ] {
        let granted = snapshot.access("orders", "User:alice", now) == Access::Granted;
        assert_eq!(granted, open, "{now}");
        assert_eq!(snapshot.grant(orders, "User:alice", "orders", now).is_some(), open, "{now}");
    }
    assert_eq!(snapshot.next_change_at(NOW), Some(NOW + HOUR));
    assert_eq!(snapshot.next_change_at(NOW + HOUR), Some(NOW + 2 * HOUR + 1));
    assert_eq!(snapshot.next_change_at(NOW + 2 * HOUR + 1), Some(NOW + 30 * DAY + 1));
    assert_eq!(snapshot.next_change_at(NOW + 30 * DAY + 1), None);
}

#[test]
fn an_expired_head_denies_everything_on_channels() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let snapshot = world.snapshot();
    let after = NOW + 30 * DAY + 1;
    assert_eq!(snapshot.access("orders", "User:alice", after - 1), Access::Granted);
    assert_eq!(snapshot.access("orders", "User:alice", after), Access::Denied);
    assert_eq!(snapshot.access("plain", "User:alice", after), Access::Open);
    assert!(snapshot.grant(world.key_id("orders"), "User:alice", "orders", after).is_none());
    let id = world.administrator.public_key().id();
    assert_eq!(snapshot.expired(after).collect::<Vec<_>>(), [id]);
    // A gateway that starts then says so.
    let late = world.build_after(&world.found(), &Seen::default(), None, after).unwrap();
    assert_eq!(problems(&late), [ProblemKind::Expired(id)]);
    assert_eq!(late.access("orders", "User:alice", after), Access::Denied);
    // Until the administrator renews it.
    world.administrator.renew_head(None, after).unwrap();
    let renewed = world.build_after(&world.found(), &Seen::default(), None, after).unwrap();
    assert_eq!(renewed.access("orders", "User:alice", after), Access::Granted);
    assert_eq!(renewed.heads().next().unwrap().1.valid_until, Some(after + 30 * DAY));
}

/// Of several grants for one key and principal the newest that has begun counts, and what it
/// superseded does not come back when it ends.
#[test]
fn the_newest_grant_that_has_begun_counts() {
    let gateway = gateway();
    let mut admin = Careless::new(1);
    admin.add_channel(&admin.descriptor("orders", Suite::Bbs98, &["orders", "returns"]));
    let alice = consumer(Suite::Bbs98, 1);
    admin.add_grant(BBS98, &alice, gateway.public_key(), |_| {});
    admin.add_grant(BBS98, &alice, gateway.public_key(), |grant| {
        grant.validity = Validity::new(Some(NOW + HOUR), Some(NOW + 2 * HOUR)).unwrap();
        grant.topics = vec!["returns".into()];
    });
    let snapshot = build(&admin.found(), &[&admin], &gateway).unwrap();
    assert_eq!(snapshot.problems(), []);
    let access = |topic, now| snapshot.access(topic, "User:alice", now);
    assert_eq!(access("orders", NOW), Access::Granted);
    assert_eq!(access("orders", NOW + HOUR), Access::Denied);
    assert_eq!(access("returns", NOW + HOUR), Access::Granted);
    assert_eq!(access("returns", NOW + 3 * HOUR), Access::Denied);
    assert_eq!(access("orders", NOW + 3 * HOUR), Access::Denied);
    assert_eq!(snapshot.grants().count(), 2);
}

#[test]
fn a_revision_given_twice_counts_for_neither() {
    let gateway = gateway();
    let mut admin = Careless::new(1);
    admin.add_channel(&admin.descriptor("orders", Suite::Bbs98, &["orders"]));
    for seed in 0..2 {
        let one = consumer(Suite::Bbs98, seed);
        admin.add_grant(BBS98, &one, gateway.public_key(), |grant| grant.revision = 9);
    }
    let snapshot = build(&admin.found(), &[&admin], &gateway).unwrap();
    let twice = ProblemKind::DuplicateRevision(9);
    assert_eq!(problems(&snapshot), [twice.clone(), twice]);
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);
}

#[test]
fn a_grant_for_another_gateway_is_none_here() {
    let mut world = World::new();
    let other = GatewaySecretKey::generate(&mut world.rng);
    let gateways = vec![other.public_key().clone()];
    let elsewhere = GrantRequest { gateways, ..world.request("orders", "alice") };
    world.issue(&elsewhere).unwrap();
    let snapshot = world.snapshot();
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);
    assert_eq!(snapshot.sealed_elsewhere(), 1);
    assert_eq!(snapshot.problems(), []);
    let administrators = [world.administrator.public_key().clone()];
    let trust = Trust { administrators: &administrators, gateway: &other, seen: &Seen::default() };
    let there = Snapshot::build(&world.found(), &trust, None, NOW).unwrap();
    assert_eq!(there.access("orders", "User:alice", NOW), Access::Granted);
}

/// A grant sealed to two gateways opens at both; the keys sealed are not interchangeable.
#[test]
fn a_grant_serves_several_gateways() {
    let mut world = World::new();
    let second = GatewaySecretKey::generate(&mut world.rng);
    world.administrator.add_gateway(second.public_key()).unwrap();
    assert_eq!(world.administrator.gateways().unwrap().len(), 2);
    let summary = world.grant("orders", "alice");
    assert_eq!(summary.gateways.len(), 2);
    let administrators = [world.administrator.public_key().clone()];
    for gateway in [&world.gateway, &second] {
        let trust = Trust { administrators: &administrators, gateway, seen: &Seen::default() };
        let snapshot = Snapshot::build(&world.found(), &trust, None, NOW).unwrap();
        assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
    }
}

#[test]
fn sealed_keys_are_bound_to_grant_and_gateway() {
    let rng = &mut Seeded(5);
    let (one, two) = (GatewaySecretKey::generate(rng), GatewaySecretKey::generate(rng));
    let scalar = zeroize::Zeroizing::new([7; 32]);
    let sealed = seal::seal(&scalar, b"body", one.public_key(), rng).unwrap();
    assert_eq!(*seal::open(&sealed, b"body", &one).unwrap(), *scalar);
    assert!(seal::open(&sealed, b"another body", &one).is_err());
    assert!(seal::open(&sealed, b"body", &two).is_err());
    for at in 0..sealed.len() {
        let mut altered = sealed;
        altered[at] ^= 1;
        assert!(seal::open(&altered, b"body", &one).is_err(), "byte {at}");
    }
    let small_order = GatewayPublicKey::from_bytes([0; 32]);
    assert!(seal::seal(&scalar, b"body", &small_order, rng).is_err());
}

/// What the administrator signed by mistake or in bad faith is left out, and said.
#[test]
fn grants_that_do_not_hold_are_left_out() {
    let gateway = gateway();
    let alice = consumer(Suite::Bbs98, 1);
    let left_out = |alter: &dyn Fn(&mut GrantBody)| {
        let mut admin = Careless::new(1);
        admin.add_channel(&admin.descriptor("orders", Suite::Bbs98, &["orders"]));
        admin.add_channel(&admin.descriptor("payments", Suite::Bbs98, &["payments"]));
        admin.add_grant(BBS98, &alice, gateway.public_key(), alter);
        let snapshot = build(&admin.found(), &[&admin], &gateway).unwrap();
        assert_ne!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
        assert_ne!(snapshot.access("payments", "User:alice", NOW), Access::Granted);
        let mut problems = problems(&snapshot);
        assert_eq!(problems.len(), 1);
        problems.remove(0)
    };
    let other_key = Careless::new(2).master.channel_key(Suite::Bbs98, "x", 1, "").unwrap();
    let wrong_place = |problem| matches!(problem, ProblemKind::NotTheChannelsKey { .. });
    assert!(wrong_place(left_out(&|grant| grant.channel = "payments".into())));
    assert!(wrong_place(left_out(&|grant| grant.channel = "nowhere".into())));
    assert!(wrong_place(left_out(&|grant| grant.epoch = 2)));
    assert!(wrong_place(left_out(&|grant| grant.field = "card".into())));
    let mismatch = ProblemKind::ReencryptionKey(nucypher_pre::Error::KeyMismatch);
    assert_eq!(left_out(&|grant| grant.delegator = other_key.public_key().clone()), mismatch);
    assert_eq!(left_out(&|grant| grant.target = other_key.public_key().to_bytes()), mismatch);
    let interactive = left_out(&|grant| {
        grant.kind = DelegationKind::Interactive;
        grant.precursor = None;
        grant.target = grant.delegatee.to_bytes();
    });
    assert_eq!(interactive, mismatch);
    let undecodable = left_out(&|grant| grant.principal = "User:\u{7}".into());
    assert!(matches!(undecodable, ProblemKind::Malformed(Malformed { field: "principal", .. })));
}

#[test]
fn a_sealed_key_that_does_not_open_leaves_the_grant_out() {
    let gateway = gateway();
    let mut admin = Careless::new(1);
    admin.add_channel(&admin.descriptor("orders", Suite::Bbs98, &["orders"]));
    admin.add_grant(BBS98, &consumer(Suite::Bbs98, 1), gateway.public_key(), |_| {});
    let grant = admin.entries.pop().unwrap();
    admin.add(EntryKind::Grant, grant.body(), &[9; 80]);
    let snapshot = build(&admin.found(), &[&admin], &gateway).unwrap();
    assert_eq!(problems(&snapshot), [ProblemKind::Sealed]);
    // More sealed keys than gateways.
    admin.entries.pop();
    admin.add(EntryKind::Grant, grant.body(), &[9; 160]);
    let snapshot = build(&admin.found(), &[&admin], &gateway).unwrap();
    assert!(matches!(problems(&snapshot)[..], [ProblemKind::Malformed(_)]));
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);
}

#[test]
fn keys_keep_one_suite_and_one_role() {
    let gateway = gateway();
    let mut admin = Careless::new(1);
    admin.add_channel(&admin.descriptor("orders", Suite::Bbs98, &["orders"]));
    admin.add_channel(&admin.descriptor("events", Suite::Ecies, &["events"]));
    let secret = SecretKey::generate(Suite::Bbs98, &mut Seeded(1));
    let same_in_other_suite = SecretKey::from_bytes(Suite::Ecies, secret.to_bytes().as_ref());
    let alice = Consumer::Public(secret.public_key().clone());
    let alice_in_ecies = Consumer::Public(same_in_other_suite.unwrap().public_key().clone());
    let key_of_events = admin.master.channel_key(Suite::Ecies, "events", 1, "").unwrap();
    let in_bbs98 = SecretKey::from_bytes(Suite::Bbs98, key_of_events.to_bytes().as_ref()).unwrap();
    let public = gateway.public_key();
    admin.add_grant(BBS98, &alice, public, |_| {});
    admin.add_grant(("events", Suite::Ecies), &alice_in_ecies, public, |_| {});
    admin.add_grant(BBS98, &Consumer::Public(in_bbs98.public_key().clone()), public, |grant| {
        grant.principal = "User:bob".into();
    });
    let snapshot = build(&admin.found(), &[&admin], &gateway).unwrap();
    assert_eq!(
        problems(&snapshot),
        [
            ProblemKind::Separation(SeparationError::Suite { id: secret.id(), used: Suite::Bbs98 }),
            ProblemKind::Separation(SeparationError::Suite {
                id: key_of_events.id(),
                used: Suite::Ecies
            }),
        ]
    );
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
    assert_eq!(snapshot.access("events", "User:alice", NOW), Access::Denied);
    assert_eq!(snapshot.access("orders", "User:bob", NOW), Access::Denied);

    // A channel's key as another channel's consumer key.
    let mut admin = Careless::new(1);
    admin.add_channel(&admin.descriptor("orders", Suite::Bbs98, &["orders"]));
    admin.add_channel(&admin.descriptor("payments", Suite::Bbs98, &["payments"]));
    let payments = admin.master.channel_key(Suite::Bbs98, "payments", 1, "").unwrap();
    admin.add_grant(BBS98, &Consumer::Public(payments.public_key().clone()), public, |_| {});
    let snapshot = build(&admin.found(), &[&admin], &gateway).unwrap();
    let role = SeparationError::Role { id: payments.id() };
    assert_eq!(problems(&snapshot), [ProblemKind::Separation(role)]);
}

/// b/a1 and b/a2 give a2/a1: the second grant is left out.
#[test]
fn interactive_grants_that_link_channels_are_left_out() {
    let gateway = gateway();
    let public = gateway.public_key();
    let mut admin = Careless::new(1);
    admin.add_channel(&admin.descriptor("orders", Suite::Bbs98, &["orders"]));
    admin.add_channel(&admin.descriptor("payments", Suite::Bbs98, &["payments"]));
    let secret = SecretKey::generate(Suite::Bbs98, &mut Seeded(1));
    let (interactive, public_only) =
        (Consumer::Secret(secret.clone()), Consumer::Public(secret.public_key().clone()));
    admin.add_grant(BBS98, &interactive, public, |_| {});
    admin.add_grant(("payments", Suite::Bbs98), &interactive, public, |_| {});
    let snapshot = build(&admin.found(), &[&admin], &gateway).unwrap();
    assert!(matches!(
        problems(&snapshot)[..],
        [ProblemKind::Separation(SeparationError::Linked { .. })]
    ));
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
    assert_eq!(snapshot.access("payments", "User:alice", NOW), Access::Denied);

    // The same consumer for another principal on the same channel links nothing, and neither
    // does a non-interactive grant.
    admin.entries.pop();
    admin.add_grant(BBS98, &interactive, public, |grant| grant.principal = "User:bob".into());
    admin.add_grant(("payments", Suite::Bbs98), &public_only, public, |_| {});
    let snapshot = build(&admin.found(), &[&admin], &gateway).unwrap();
    assert_eq!(snapshot.problems(), []);
    assert_eq!(snapshot.access("payments", "User:alice", NOW), Access::Granted);
}

/// Also across administrators, who do not know of each other.
#[test]
fn interactive_grants_of_two_administrators_do_not_link() {
    let gateway = gateway();
    let interactive = Consumer::Secret(SecretKey::generate(Suite::Bbs98, &mut Seeded(1)));
    let (mut one, mut two) = (Careless::new(1), Careless::new(2));
    one.add_channel(&one.descriptor("orders", Suite::Bbs98, &["orders"]));
    two.add_channel(&two.descriptor("orders", Suite::Bbs98, &["other"]));
    one.add_grant(BBS98, &interactive, gateway.public_key(), |_| {});
    two.add_grant(BBS98, &interactive, gateway.public_key(), |_| {});
    let found = [one.found(), two.found()].concat();
    let snapshot = build(&found, &[&one, &two], &gateway).unwrap();
    assert_eq!(problems(&snapshot).len(), 1);
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
    assert_eq!(snapshot.access("other", "User:alice", NOW), Access::Denied);
}

#[test]
fn a_topic_belongs_to_the_first_channel_that_claims_it() {
    let gateway = gateway();
    let (mut one, mut two) = (Careless::new(1), Careless::new(2));
    one.add_channel(&one.descriptor("orders", Suite::Bbs98, &["orders"]));
    two.add_channel(&two.descriptor("grab", Suite::Bbs98, &["orders", "own"]));
    two.add_grant(("grab", Suite::Bbs98), &consumer(Suite::Bbs98, 1), gateway.public_key(), |_| {});
    let found = [two.found(), one.found()].concat();
    let snapshot = build(&found, &[&one, &two], &gateway).unwrap();
    assert_eq!(
        problems(&snapshot),
        [ProblemKind::TopicTaken {
            topic: "orders".into(),
            channel: "grab".into(),
            owner: "orders".into()
        }]
    );
    assert_eq!(snapshot.channel_of_topic("orders").unwrap().administrator(), one.public.id());
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);
    assert_eq!(snapshot.access("own", "User:alice", NOW), Access::Granted);
    let grab = two.master.channel_key(Suite::Bbs98, "grab", 1, "").unwrap().id();
    assert!(snapshot.grant(grab, "User:alice", "orders", NOW).is_none());
    assert!(snapshot.grant(grab, "User:alice", "own", NOW).is_some());
}

/// A channel descriptor left out would open its topics: the part is refused as a whole.
#[test]
fn a_channel_that_cannot_be_understood_refuses_the_part() {
    let gateway = gateway();
    let mut admin = Careless::new(1);
    let mut descriptor = admin.descriptor("orders", Suite::Bbs98, &["orders"]);
    descriptor.name = "a/b".into();
    admin.add_channel(&descriptor);
    let refused = build(&admin.found(), &[&admin], &gateway).unwrap_err();
    assert!(refused.to_string().contains("cannot be understood: malformed channel"), "{refused}");

    let mut admin = Careless::new(1);
    admin.add_channel(&admin.descriptor("orders", Suite::Bbs98, &["orders"]));
    admin.add_channel(&admin.descriptor("orders", Suite::Bbs98, &["returns"]));
    let refused = build(&admin.found(), &[&admin], &gateway).unwrap_err();
    assert!(refused.to_string().contains("two descriptors for the channel orders"), "{refused}");
}

/// Whoever is not trusted has no say, and no effect on those who are.
#[test]
fn foreign_administrators_have_no_effect() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let mut foreign = Careless::new(7);
    foreign.add_channel(&foreign.descriptor("orders", Suite::Bbs98, &["orders", "plain"]));
    foreign.add_grant(BBS98, &consumer(Suite::Bbs98, 1), world.gateway.public_key(), |grant| {
        grant.principal = "User:mallory".into();
    });
    let mut found = foreign.found();
    found.extend(world.found());
    let snapshot = world.build(&found).unwrap();
    assert_eq!(problems(&snapshot), vec![ProblemKind::UntrustedSigner(foreign.public.id()); 3]);
    assert_eq!(snapshot.access("orders", "User:mallory", NOW), Access::Denied);
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
    assert_eq!(snapshot.access("plain", "User:mallory", NOW), Access::Open);
    // Nor has one who uses the id of one who is trusted.
    let mut forged = world.found();
    let body = foreign.entries[0].body().to_vec();
    let id = world.administrator.public_key().id();
    let entry = Entry::sign(EntryKind::Channel, &body, &foreign.signing, id, &[]).unwrap();
    forged.push(Found { origin: "forged.pem".into(), entry: Ok(entry) });
    let snapshot = world.build(&forged).unwrap();
    assert_eq!(snapshot.problems().len(), 1);
    assert_eq!(
        snapshot.problems()[0].to_string(),
        "forged.pem: ignored: the signature does not verify"
    );
    assert_eq!(snapshot.channel_of_topic("plain").map(Channel::name), None);
}

#[test]
fn nobody_trusted_means_no_snapshot() {
    let trust = Trust { administrators: &[], gateway: &gateway(), seen: &Seen::default() };
    let refused = Snapshot::build(&[], &trust, None, NOW).unwrap_err();
    assert_eq!(refused, SnapshotError::NoAdministrators);
    assert_eq!(Snapshot::empty().access("any", "User:alice", NOW), Access::Open);
    assert_eq!(Snapshot::empty().revision(), 0);
}

/// One administrator's broken part does not hold up another's revocation.
#[test]
fn administrators_stand_for_themselves() {
    let gateway = gateway();
    let (mut one, mut two) = (Careless::new(1), Careless::new(2));
    one.add_channel(&one.descriptor("orders", Suite::Bbs98, &["orders"]));
    two.add_channel(&two.descriptor("orders", Suite::Bbs98, &["other"]));
    one.add_grant(BBS98, &consumer(Suite::Bbs98, 1), gateway.public_key(), |_| {});
    two.add_grant(BBS98, &consumer(Suite::Bbs98, 2), gateway.public_key(), |_| {});
    let administrators = [one.public.clone(), two.public.clone()];
    let seen = Seen::default();
    let trust = Trust { administrators: &administrators, gateway: &gateway, seen: &seen };
    let before = [one.found(), two.found()].concat();
    let before = Snapshot::build(&before, &trust, None, NOW).unwrap();

    let mut broken = one.found();
    broken.remove(0);
    let revoked = two.entries.pop().unwrap();
    let found = [broken, two.found_at(101, None, vec![revoked.id()])].concat();
    let after = Snapshot::build(&found, &trust, Some(&before), NOW).unwrap();
    assert_eq!(after.access("orders", "User:alice", NOW), Access::Granted);
    assert_eq!(after.access("other", "User:alice", NOW), Access::Denied);
    assert!(after.is_held_back());
    assert!(Snapshot::build(&found, &trust, None, NOW).is_err());
}

/// A known entry is neither verified nor opened again: the same key, the same allocation.
#[test]
fn what_is_known_is_kept() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let before = world.snapshot();
    world.grant("orders", "bob");
    let after = world.build_after(&world.found(), &Seen::default(), Some(&before), NOW).unwrap();
    let id = world.key_id("orders");
    let grant = |snapshot: &Snapshot| {
        snapshot.grant(id, "User:alice", "orders", NOW).unwrap().key().unwrap()
    };
    assert!(std::sync::Arc::ptr_eq(&grant(&before), &grant(&after)));
    assert_eq!(after.access("orders", "User:bob", NOW), Access::Granted);
}
