//! The watcher: a grant and a revocation are in force without a restart.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the snapshot is as it should be; fails after a long time.
async fn until(handle: &RegistryHandle, what: &str, check: impl Fn(&Snapshot) -> bool) {
    let mut changes = handle.changes();
    let wait = async {
        while !check(&handle.snapshot()) {
            changes.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never came: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_and_revocations_are_in_force_at_once() {
    let mut world = World::new();
    let (handle, _watcher) =
        RegistryHandle::open(world.directory(), world.sources()).await.unwrap();
    let access = |snapshot: &Snapshot| snapshot.access("orders", "User:alice", NOW);
    assert_eq!(access(&handle.snapshot()), Access::Denied);

    let granted = world.grant("orders", "alice");
    until(&handle, "the grant", |snapshot| access(snapshot) == Access::Granted).await;
    let begin = std::time::Instant::now();
    world.administrator.revoke(granted.id, NOW).unwrap();
    until(&handle, "the revocation", |snapshot| access(snapshot) == Access::Denied).await;
    // Far below a second where nothing else runs; asserted loosely, for machines under load.
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_registry_leaves_the_last_good_snapshot() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let (handle, _watcher) =
        RegistryHandle::open(world.directory(), world.sources()).await.unwrap();
    let files = world.files();
    let (name, _) = files.iter().find(|(name, _)| name.starts_with("channel")).unwrap();
    fs::remove_file(world.registry().join(name)).unwrap();
    until(&handle, "the problem", Snapshot::is_held_back).await;
    assert_eq!(handle.snapshot().access("orders", "User:alice", NOW), Access::Granted);
    assert_eq!(handle.snapshot().access("orders", "User:bob", NOW), Access::Denied);
    world.put(&files);
    until(&handle, "the recovery", |snapshot| !snapshot.is_held_back()).await;
}

/// Another directory in the place of the first: its events are not those that were watched.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_replaced_is_watched_too() {
    let mut world = World::new();
    let (handle, _watcher) =
        RegistryHandle::open(world.directory(), world.sources()).await.unwrap();
    let copy = world.folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for (name, content) in world.files() {
        fs::write(copy.join(name), content).unwrap();
    }
    fs::rename(world.registry(), world.folder.path().join("old")).unwrap();
    fs::rename(&copy, world.registry()).unwrap();
    for principal in ["alice", "bob"] {
        world.grant("orders", principal);
        let principal = format!("User:{principal}");
        until(&handle, &principal, |snapshot| {
            snapshot.access("orders", &principal, NOW) == Access::Granted
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_first_snapshot_nothing_is_served() {
    let world = World::new();
    let none = Directory::new(world.folder.path().join("none"));
    let error = RegistryHandle::open(none, world.sources()).await.unwrap_err();
    assert!(error.to_string().contains("registry directory"), "{error}");
}

/// The clock passes a grant's end: those who cache are told.
#[tokio::test(flavor = "multi_thread")]
async fn the_clock_ticks_too() {
    let mut world = World::new();
    let validity = Validity::new(None, Some(NOW + HOUR)).unwrap();
    let brief = GrantRequest { validity, ..world.request("orders", "alice") };
    world.issue(&brief).unwrap();
    let clock = Arc::new(AtomicI64::new(NOW));
    let read = Arc::clone(&clock);
    let clock_of_gateway = Arc::new(move || read.load(Ordering::Relaxed));
    let opened =
        RegistryHandle::open_with_clock(world.directory(), world.sources(), clock_of_gateway).await;
    let (handle, _watcher) = opened.unwrap();
    let mut changes = handle.changes();
    clock.store(NOW + 2 * HOUR, Ordering::Relaxed);
    timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    assert_eq!(handle.snapshot().access("orders", "User:alice", NOW + 2 * HOUR), Access::Denied);
}

#[test]
fn a_fixed_registry_needs_no_runtime() {
    let world = World::new();
    let handle = RegistryHandle::fixed(world.snapshot());
    assert_eq!(handle.snapshot().revision(), 5);
}
