//! A channel after it was created: epochs, topics and patterns, the end.

use super::*;
use crate::registry::administrator::crash;

impl World {
    fn rotate(&mut self, channel: &str) -> Rotated {
        self.administrator.rotate_channel(channel, NOW, &mut self.rng).unwrap()
    }

    fn epoch_key(&self, channel: &str, epoch: u32) -> nucypher_pre::KeyId {
        self.administrator.channel_key(channel, Some(epoch), "").unwrap().id()
    }
}

#[test]
fn a_rotation_carries_over_whoever_is_still_entitled() {
    let mut world = World::new();
    let alice = world.grant("orders", "alice");
    let mut field = world.request("orders", "alice");
    field.field = "card".into();
    field.topics = vec!["returns".into()];
    field.validity = Validity::new(None, Some(NOW + DAY)).unwrap();
    let field = world.issue(&field).unwrap();
    let mut expired = world.request("orders", "bob");
    expired.validity = Validity::new(None, Some(NOW - 1)).unwrap();
    world.issue(&expired).unwrap();
    let secret = Consumer::Secret(world.consumer());
    let carol = world.issue(&request("orders", "carol", secret)).unwrap();
    world.grant("payments", "dave");

    let rotated = world.rotate("orders");
    assert_eq!(rotated.channel.keys.len(), 4);
    assert_eq!(rotated.not_carried.len(), 1);
    assert_eq!(rotated.not_carried[0].grant.id, carol.id);
    assert!(rotated.not_carried[0].why.contains("interactive"));
    let carried = |old: &GrantSummary, new: &GrantSummary| {
        let copy =
            GrantSummary { epoch: Some(2), id: new.id, revision: new.revision, ..old.clone() };
        assert_eq!(&copy, new);
    };
    let [first, second] = &rotated.granted[..] else { panic!("{:?}", rotated.granted) };
    carried(&alice, first);
    carried(&field, second);

    let snapshot = world.snapshot();
    assert_eq!(problems(&snapshot), []);
    let opens = |epoch, who: &str| {
        snapshot.grant(world.epoch_key("orders", epoch), who, "orders", NOW).is_some()
    };
    // What is stored stays readable, what is new too.
    assert!(opens(1, "User:alice") && opens(2, "User:alice"));
    assert!(opens(1, "User:carol") && !opens(2, "User:carol"));
    assert!(!opens(1, "User:bob") && !opens(2, "User:bob"));
    assert_ne!(world.epoch_key("orders", 1), world.epoch_key("orders", 2));
    assert_eq!(world.key_id("orders"), world.epoch_key("orders", 2));
}

#[test]
fn producers_have_the_newest_epoch_and_the_one_before() {
    let mut world = World::new();
    world.rotate("orders");
    world.rotate("orders");
    let snapshot = world.snapshot();
    let orders = snapshot.channel_of_topic("orders").unwrap();
    let takes = |epoch| orders.takes_in(epoch);
    assert_eq!([takes(1), takes(2), takes(3)], [false, true, true]);
    let payments = snapshot.channel_of_topic("payments").unwrap();
    assert!(payments.takes_in(1));
}

#[test]
fn a_retired_channel_stays_readable_and_is_not_rotated() {
    let mut world = World::new();
    world.grant("orders", "alice");
    assert!(world.administrator.retire_channel("orders", NOW).unwrap().retired);
    let snapshot = world.snapshot();
    assert!(snapshot.channel_of_topic("orders").unwrap().is_retired());
    assert!(!snapshot.channel_of_topic("payments").unwrap().is_retired());
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
    assert_eq!(snapshot.access("orders", "User:bob", NOW), Access::Denied);
    let refused = world.administrator.rotate_channel("orders", NOW, &mut Seeded(2)).unwrap_err();
    assert!(refused.to_string().contains("is retired"), "{refused}");
}

#[test]
fn everything_on_a_channel_is_revoked_at_once() {
    let mut world = World::new();
    world.grant("orders", "alice");
    world.grant("payments", "alice");
    world.rotate("orders");
    let removed = world.administrator.revoke_channel("orders", NOW).unwrap();
    assert_eq!(removed.len(), 2, "of both epochs");
    let snapshot = world.snapshot();
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);
    assert_eq!(snapshot.access("payments", "User:alice", NOW), Access::Granted);
    let nothing = world.administrator.revoke_channel("orders", NOW).unwrap_err().to_string();
    assert!(nothing.contains("nothing is granted on the channel orders"), "{nothing}");
}

#[test]
fn topics_and_the_requirement_are_changed() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let change = |topics: &[&str]| ChannelChange {
        topics: Some(topics.iter().map(ToString::to_string).collect()),
        require_encryption: Some(false),
    };
    let changed =
        world.administrator.change_channel("orders", &change(&["orders", "eu.*"]), NOW).unwrap();
    assert_eq!(
        (changed.topics, changed.require_encryption),
        (vec!["eu.*".to_owned(), "orders".into()], false)
    );
    let snapshot = world.snapshot();
    assert_eq!(snapshot.access("returns", "User:alice", NOW), Access::Open);
    assert_eq!(snapshot.access("eu.orders", "User:alice", NOW), Access::Granted);
    assert_eq!(snapshot.access("eu.orders", "User:bob", NOW), Access::Denied);
    let taken = world.administrator.change_channel("orders", &change(&["payments"]), NOW);
    assert!(taken.unwrap_err().to_string().contains("belongs to the channel payments"));
}

/// A name stands before a pattern, the longer pattern before the shorter; a pattern that nobody may
/// read denies as a name does.
#[test]
fn the_nearest_claim_has_a_topic() {
    let mut world = World::new();
    world.channel("everything", &["*"], &[]);
    world.channel("eu", &["eu.*"], &[]);
    world.channel("eu-cards", &["eu.cards.*"], &[]);
    world.channel("eu-returns", &["eu.returns"], &[]);
    world.grant("eu", "alice");
    let snapshot = world.snapshot();
    let owner = |topic: &str| snapshot.channel_of_topic(topic).unwrap().name().to_owned();
    let expected = [
        ("x", "everything"),
        ("eu", "everything"),
        ("eu.", "eu"),
        ("eu.orders", "eu"),
        ("eu.cards", "eu"),
        ("eu.cards.new", "eu-cards"),
        ("eu.returns", "eu-returns"),
        ("eu.returns.old", "eu"),
        ("payments", "payments"),
    ];
    for (topic, channel) in expected {
        assert_eq!(owner(topic), channel, "{topic}");
    }
    let access = |topic| snapshot.access(topic, "User:alice", NOW);
    assert_eq!(access("eu.orders"), Access::Granted);
    assert_eq!([access("eu.cards.new"), access("eu.returns"), access("x")], [Access::Denied; 3]);
    assert_eq!(snapshot.access("eu.orders", "User:bob", NOW), Access::Denied);
    let key = world.key_id("eu");
    let open = |topic| snapshot.grant(key, "User:alice", topic, NOW).is_some();
    assert!(open("eu.orders") && !open("eu.cards.new") && !open("x"));
}

#[test]
fn a_grant_is_bound_to_a_pattern_of_topics() {
    let mut world = World::new();
    world.channel("eu", &["eu.*", "home"], &[]);
    let mut bound = world.request("eu", "alice");
    bound.topics = vec!["eu.cards.*".into(), "home".into()];
    world.issue(&bound).unwrap();
    let snapshot = world.snapshot();
    let access = |topic| snapshot.access(topic, "User:alice", NOW);
    assert_eq!([access("eu.cards.new"), access("home")], [Access::Granted; 2]);
    assert_eq!([access("eu.orders"), access("eu.cards")], [Access::Denied; 2]);
    for outside in ["x", "*", "e*", "homes"] {
        let mut wrong = world.request("eu", "alice");
        wrong.topics = vec![outside.into()];
        let refused = world.issue(&wrong).unwrap_err().to_string();
        assert!(refused.contains("does not belong to the channel eu"), "{refused}");
    }
}

/// Cut short before any of its steps a rotation has happened or has not.
#[test]
fn a_rotation_that_is_cut_short_leaves_before_or_after() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let mut seen = [0; 2];
    for steps in 0.. {
        crash::after(Some(steps));
        let result = world.administrator.rotate_channel("orders", NOW, &mut world.rng);
        crash::after(None);
        let snapshot = world.build(&world.found()).unwrap();
        assert_eq!(problems(&snapshot), [], "step {steps}");
        let channel = snapshot.channel_of_topic("orders").unwrap();
        let epoch = channel.descriptor().current_epoch().unwrap();
        let key = channel.descriptor().key(epoch, "").unwrap();
        let rotated = epoch == 2;
        seen[usize::from(rotated)] += 1;
        // A grant for every epoch that there is.
        assert_eq!(snapshot.grants().count(), if rotated { 2 } else { 1 }, "step {steps}");
        assert!(snapshot.grant(key.key.id(), "User:alice", "orders", NOW).is_some());
        if rotated {
            break;
        }
        result.unwrap_err();
    }
    assert!(seen[0] >= 3 && seen[1] == 1, "{seen:?}");
}

/// A name stands before a pattern, also when what it has has ended.
#[test]
fn a_pattern_of_principals_gives_way_to_a_name() {
    let mut world = World::new();
    world.grant("orders", "app-*");
    let access = |world: &World, who: &str| world.snapshot().access("orders", who, NOW);
    assert_eq!(access(&world, "User:app-1"), Access::Granted);
    assert_eq!(access(&world, "User:app-"), Access::Granted);
    assert_eq!(access(&world, "User:app"), Access::Denied);
    assert_eq!(access(&world, "User:other"), Access::Denied);

    let mut ended = world.request("orders", "app-1");
    ended.validity = Validity::new(None, Some(NOW - 1)).unwrap();
    world.issue(&ended).unwrap();
    assert_eq!(access(&world, "User:app-1"), Access::Denied);
    assert_eq!(access(&world, "User:app-2"), Access::Granted);
    world.administrator.revoke_principal("app-*", NOW).unwrap();
    assert_eq!(access(&world, "User:app-2"), Access::Denied);
}
