//! The directory, the loader and the state file: rollback, resurrection, deletion, crashes.

use super::*;

fn restart(world: &World) -> Result<std::sync::Arc<Snapshot>, LoadError> {
    Loader::new(world.sources())?.load(&world.directory(), NOW).map(|(snapshot, unsaved)| {
        assert!(unsaved.is_none());
        snapshot
    })
}

fn refusal(result: Result<std::sync::Arc<Snapshot>, LoadError>) -> Refusal {
    match result {
        Err(LoadError::Snapshot(SnapshotError::Refused { refusal, .. })) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_registry_that_is_rolled_back_is_refused_also_after_a_restart() {
    let mut world = World::new();
    let granted = world.grant("orders", "alice");
    let old = world.files();
    let mut loader = Loader::new(world.sources()).unwrap();
    loader.load(&world.directory(), NOW).unwrap();
    world.administrator.revoke(granted.id, NOW).unwrap();
    let (snapshot, _) = loader.load(&world.directory(), NOW).unwrap();
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);

    world.put_all(&old);
    let (snapshot, _) = loader.load(&world.directory(), NOW).unwrap();
    assert!(snapshot.is_held_back());
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);
    assert_eq!(refusal(restart(&world)), Refusal::RolledBack { seen: 8, found: 7 });
    // The administrator notices too, and does not go on from there.
    let refused = world.administrator.renew_head(None, NOW).unwrap_err();
    assert!(refused.to_string().contains("rolled back"), "{refused}");
}

#[test]
fn a_revoked_grant_that_is_brought_back_is_noticed() {
    let mut world = World::new();
    let granted = world.grant("orders", "alice");
    let with_grant = world.files();
    world.administrator.revoke(granted.id, NOW).unwrap();
    let grant: Vec<_> =
        with_grant.into_iter().filter(|(name, _)| name.starts_with("grant")).collect();
    assert_eq!(grant.len(), 1);
    // Right after the revocation the head itself says that the entry does not count.
    world.put(&grant);
    assert_eq!(restart(&world).unwrap().access("orders", "User:alice", NOW), Access::Denied);
    // Later it does not match the head.
    world.administrator.renew_head(None, NOW).unwrap();
    world.put(&grant);
    assert!(matches!(refusal(restart(&world)), Refusal::Mismatch { expected: 2, found: 3, .. }));
}

#[test]
fn an_entry_that_is_removed_is_noticed() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let mut loader = Loader::new(world.sources()).unwrap();
    loader.load(&world.directory(), NOW).unwrap();
    for (name, content) in world.files() {
        fs::remove_file(world.registry().join(&name)).unwrap();
        let (snapshot, _) = loader.load(&world.directory(), NOW).unwrap();
        assert!(snapshot.is_held_back(), "{name}");
        assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
        assert_eq!(snapshot.access("orders", "User:bob", NOW), Access::Denied);
        let expected = if name.starts_with("head") { "no head" } else { "do not match" };
        let refused = refusal(restart(&world)).to_string();
        assert!(refused.contains(expected), "{name}: {refused}");
        world.put(&[(name, content)]);
    }
    assert!(!loader.load(&world.directory(), NOW).unwrap().0.is_held_back());
}

/// An old head beside the new one, copies, strangers: no effect.
#[test]
fn what_is_added_has_no_effect() {
    let mut world = World::new();
    let old_head: Vec<_> = world
        .files()
        .into_iter()
        .filter(|(name, _)| name.starts_with("head"))
        .map(|(_, content)| ("a-copy.pem".to_owned(), content))
        .collect();
    world.grant("orders", "alice");
    world.put(&old_head);
    let copies: Vec<_> = world
        .files()
        .into_iter()
        .map(|(name, content)| (format!("copy-of-{name}"), content))
        .collect();
    world.put(&copies);
    world.put(&[
        ("note.pem".into(), b"not an entry".to_vec()),
        ("README.md".into(), b"not looked at".to_vec()),
        (".new-1-1".into(), b"an interrupted write".to_vec()),
    ]);
    let snapshot = restart(&world).unwrap();
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Granted);
    assert_eq!(snapshot.problems().len(), 1);
    assert!(snapshot.problems()[0].to_string().starts_with("note.pem: ignored: not a PEM file"));
    // The administrator goes on, and tidies up what is its own.
    world.grant("orders", "bob");
    let names: Vec<_> = world.found().into_iter().map(|found| found.origin).collect();
    assert_eq!(names.len(), 6, "{names:?}");
}

#[test]
fn truncated_files_are_refused() {
    let mut world = World::new();
    world.grant("orders", "alice");
    for (name, content) in world.files() {
        for len in [0, 1, content.len() / 2, content.len() - 1] {
            world.put(&[(name.clone(), content[..len].to_vec())]);
            restart(&world).unwrap_err();
        }
        world.put(&[(name, content)]);
    }
    restart(&world).unwrap();
}

#[test]
fn a_directory_that_cannot_be_read_is_an_error_and_leaves_the_state_before() {
    let world = World::new();
    let mut loader = Loader::new(world.sources()).unwrap();
    loader.load(&world.directory(), NOW).unwrap();
    let moved = world.folder.path().join("moved");
    fs::rename(world.registry(), &moved).unwrap();
    let error = loader.load(&world.directory(), NOW).unwrap_err();
    assert!(error.to_string().contains("registry directory"), "{error}");
    assert!(loader.current().is_some());
    assert!(matches!(restart(&world), Err(LoadError::Directory(_))));
    fs::rename(&moved, world.registry()).unwrap();
    loader.load(&world.directory(), NOW).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_is_reported() {
    let world = World::new();
    // A directory in the place of a file: it can be opened and not read, also by root.
    fs::create_dir(world.registry().join("odd.pem")).unwrap();
    let snapshot = restart(&world).unwrap();
    assert!(snapshot.problems()[0].to_string().starts_with("odd.pem: ignored: cannot be read"));
}

#[test]
fn the_state_file_is_strict_and_replaced_whole() {
    let world = World::new();
    restart(&world).unwrap();
    let state = world.sources().state;
    let text = fs::read_to_string(&state).unwrap();
    let id = world.administrator.public_key().id();
    assert!(text.starts_with("nucypher registry state 1\n"));
    assert_eq!(Seen::load(&state).unwrap().revision(id), Some(5));
    for damaged in [
        "",
        "nucypher registry state 1",
        "nucypher registry state 2\n",
        &text[..text.len() - 2],
        &text.replace(' ', "  "),
        &format!("{text}{}", text.lines().last().unwrap()),
        &format!("{text}{}\n", text.lines().last().unwrap()),
    ] {
        fs::write(&state, damaged).unwrap();
        let error = restart(&world).unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{damaged:?}: {error}");
    }
    assert_eq!(Seen::load(&world.folder.path().join("none")).unwrap(), Seen::default());
}

/// Two histories that fork: the second head of a revision is refused.
#[test]
fn a_forked_history_is_noticed() {
    let mut world = World::new();
    let before = world.files();
    let revision = fs::read(world.folder.path().join("home/revision")).unwrap();
    world.grant("orders", "alice");
    restart(&world).unwrap();
    // The administrator's home and the registry, restored from a backup.
    world.put_all(&before);
    fs::write(world.folder.path().join("home/revision"), revision).unwrap();
    world.grant("orders", "mallory");
    assert_eq!(refusal(restart(&world)), Refusal::Forked { revision: 7 });
}

/// A state file that cannot be written does not keep a revocation waiting.
#[test]
fn an_unwritable_state_file_is_said_and_nothing_waits_for_it() {
    let mut world = World::new();
    let granted = world.grant("orders", "alice");
    let state = world.folder.path().join("gone/state");
    let sources = Sources { state: state.clone(), ..world.sources() };
    let mut loader = Loader::new(sources).unwrap();
    let (_, unsaved) = loader.load(&world.directory(), NOW).unwrap();
    assert!(unsaved.unwrap().to_string().contains("state file"));
    world.administrator.revoke(granted.id, NOW).unwrap();
    let (snapshot, _) = loader.load(&world.directory(), NOW).unwrap();
    assert_eq!(snapshot.access("orders", "User:alice", NOW), Access::Denied);
    assert!(!state.exists());
}

#[test]
fn the_fingerprint_follows_the_files() {
    let mut world = World::new();
    let directory = Directory::new(world.registry());
    let before = directory.fingerprint().unwrap();
    assert_eq!(directory.fingerprint().unwrap(), before);
    world.put(&[(".new-2-2".into(), vec![])]);
    assert_eq!(directory.fingerprint().unwrap(), before);
    world.grant("orders", "alice");
    assert_ne!(directory.fingerprint().unwrap(), before);
}
