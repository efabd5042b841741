//! The registry in a topic, without a broker: what a reader makes of the records that it is sent.

use super::*;
use crate::{
    records::Codecs,
    registry::topic::{Mirror, encode_batch, key},
};

/// The bytes of a log.
struct Log(Vec<u8>, i64);

impl Log {
    fn append(&mut self, records: &[(&[u8], Option<&[u8]>)]) {
        let mut batch = encode_batch(records, NOW);
        batch[..8].copy_from_slice(&self.1.to_be_bytes());
        self.1 += i64::try_from(records.len()).unwrap();
        self.0.extend(batch);
    }

    fn put(&mut self, entry: &Entry) {
        self.append(&[(&key(entry), Some(entry.as_bytes()))]);
    }

    fn of(world: &World) -> Self {
        let mut log = Self(Vec::new(), 0);
        let entries = entries(world);
        let (heads, others): (Vec<_>, Vec<_>) =
            entries.iter().partition(|entry| entry.kind() == EntryKind::Head);
        let keys: Vec<_> = others.iter().map(|entry| key(entry)).collect();
        let records: Vec<_> = keys
            .iter()
            .zip(&others)
            .map(|(key, entry)| (key.as_slice(), Some(entry.as_bytes())))
            .collect();
        log.append(&records);
        log.put(heads[0]);
        log
    }

    fn mirror(&self) -> Mirror {
        let mut mirror = Mirror::default();
        mirror.take(&self.0, &mut Codecs::default());
        assert_eq!(mirror.next(), self.1);
        mirror
    }
}

fn entries(world: &World) -> Vec<Entry> {
    world.found().into_iter().map(|found| found.entry.unwrap()).collect()
}

fn sorted(mut found: Vec<Found>) -> Vec<String> {
    found.sort_by(|a, b| a.origin.cmp(&b.origin));
    found.into_iter().map(|found| format!("{:?}", found.entry)).collect()
}

#[test]
fn a_topic_says_what_a_directory_says() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let log = Log::of(&world);
    assert_eq!(sorted(log.mirror().found()), sorted(world.found()));
    // Read in pieces, also again from within a batch, it is the same.
    let mut mirror = log.mirror();
    assert_eq!(mirror.take(&log.0, &mut Codecs::default()), 0, "nothing is new");
    let snapshot = world.build(&mirror.found()).unwrap();
    assert_eq!(snapshot.problems(), []);
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
}

/// New entries count from the head on, removed ones until the head: not from their own records.
#[test]
fn the_head_is_the_moment_of_the_change() {
    let mut world = World::new();
    let alice = world.grant("orders", "alice");
    let mut log = Log::of(&world);
    let before = world.build(&log.mirror().found()).unwrap();
    let old = entries(&world);
    world.administrator.revoke(alice.id, NOW).unwrap();
    world.grant("orders", "bob");
    let new = entries(&world);
    let access = |log: &Log| {
        let snapshot =
            world.build_after(&log.mirror().found(), &Seen::default(), Some(&before), NOW).unwrap();
        ["User:alice", "User:bob"].map(|who| snapshot.access("orders", who, NOW))
    };
    for entry in new.iter().filter(|entry| !old.contains(entry) && entry.kind() != EntryKind::Head)
    {
        log.put(entry);
    }
    assert_eq!(access(&log), [Access::Granted, Access::Denied]);
    log.put(new.iter().find(|entry| entry.kind() == EntryKind::Head).unwrap());
    // Two changes were published as one, so what the first removed the head does not name: the set
    // fits once the removal is in the log too, and until then the one before stays.
    let gone = old.iter().find(|entry| entry.id() == alice.id).unwrap();
    log.append(&[(&key(gone), None)]);
    assert_eq!(access(&log), [Access::Denied, Access::Granted]);
}

/// Who can write the topic can neither forge, nor swap, nor bring back, nor roll back.
#[test]
fn writers_of_the_topic_widen_nothing() {
    let mut world = World::new();
    let alice = world.grant("orders", "alice");
    let old = entries(&world);
    let old_head = old.iter().find(|entry| entry.kind() == EntryKind::Head).unwrap().clone();
    let grant = old.iter().find(|entry| entry.id() == alice.id).unwrap().clone();
    world.administrator.revoke(alice.id, NOW).unwrap();
    // The head after the next names alice's grant no more.
    world.grant("orders", "bob");
    let log = Log::of(&world);
    let current = world.build(&log.mirror().found()).unwrap();
    let mut seen = Seen::default();
    current.note_in(&mut seen);
    let alter = |alter: &dyn Fn(&mut Log)| {
        let mut log = Log(log.0.clone(), log.1);
        alter(&mut log);
        let snapshot =
            world.build_after(&log.mirror().found(), &seen, Some(&current), NOW).unwrap();
        assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);
        assert_eq!(snapshot.access("payments", "User:bob", NOW), Access::Denied);
        assert_eq!(snapshot.access("orders", "User:bob", NOW), Access::Granted);
        snapshot
    };
    let brought_back = alter(&|log| log.put(&grant));
    assert!(brought_back.is_held_back());
    let rolled_back = alter(&|log| {
        log.put(&grant);
        log.put(&old_head);
    });
    assert!(rolled_back.is_held_back());
    // Bob's grant is gone, or alice's stands in its place.
    let bobs = entries(&world);
    let bobs = bobs.iter().find(|entry| entry.kind() == EntryKind::Grant).unwrap();
    assert!(alter(&|log| log.append(&[(&key(bobs), None)])).is_held_back());
    assert!(alter(&|log| log.append(&[(&key(bobs), Some(grant.as_bytes()))])).is_held_back());
    // Under a key of its own choice it is reported, and has no effect.
    let strange = alter(&|log| log.append(&[(b"another k", Some(grant.as_bytes()))]));
    assert_eq!(problems(&strange), [ProblemKind::NotAnEntry(EntryError::Key)]);
    let garbage = alter(&|log| log.append(&[(b"x", Some(b"y")), (b"", None)]));
    assert!(!garbage.is_held_back());
}
