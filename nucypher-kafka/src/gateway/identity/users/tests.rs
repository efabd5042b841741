use std::{fs, path::PathBuf};

use super::*;
use crate::gateway::reload::Reloadable;

fn user(password: &str) -> User {
    let password = Password::new(password.to_owned()).unwrap();
    User::from_password(&password, ScramCredential::MIN_ITERATIONS).unwrap()
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.toml");
    (folder, path)
}

fn text(user: &User) -> Vec<String> {
    ScramHash::ALL
        .iter()
        .filter_map(|hash| Some(user.credential(*hash)?.to_text().to_string()))
        .collect()
}

#[test]
fn what_is_written_is_read() {
    let (folder, path) = folder();
    let names = [
        "alice",
        "a.b",
        "with \"quotes\"",
        "a,b=c",
        "'",
        "CN=alice,O=y",
        "Größe",
        r"back\slash",
        "10",
    ];
    let users: Vec<_> = names.iter().map(|name| (*name, user(name))).collect();
    for (name, user) in &users {
        add(&path, name, user.clone(), Existing::Refuse).unwrap();
    }
    let loaded = Users::load(&path).unwrap();
    assert_eq!(loaded.names().count(), names.len());
    for (name, user) in &users {
        assert_eq!(text(loaded.user(name).unwrap()), text(user));
    }
    // Nothing is left beside the file, and its mode is 0600.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn adding_replacing_removing() {
    let (_folder, path) = folder();
    add(&path, "alice", user("one"), Existing::Refuse).unwrap();
    let before = fs::read_to_string(&path).unwrap();
    assert!(matches!(
        add(&path, "alice", user("two"), Existing::Refuse),
        Err(UsersError::Exists { name }) if name == "alice"
    ));
    assert!(matches!(remove(&path, "bob"), Err(UsersError::NoSuchUser { .. })));
    assert!(matches!(add(&path, "", user("two"), Existing::Refuse), Err(UsersError::Name(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), before, "an error leaves the file alone");

    add(&path, "alice", user("two"), Existing::Replace).unwrap();
    let after = fs::read_to_string(&path).unwrap();
    let decoy_key =
        |text: &str| text.lines().find(|line| line.starts_with("decoy_key")).unwrap().to_owned();
    assert_eq!(decoy_key(&before), decoy_key(&after));
    assert_ne!(before, after);
    remove(&path, "alice").unwrap();
    assert_eq!(Users::load(&path).unwrap().names().count(), 0);
}

#[test]
fn two_changes_at_once_do_not_lose_one_another() {
    let (_folder, path) = folder();
    add(&path, "alice", user("one"), Existing::Refuse).unwrap();
    let lock = path.with_extension("toml.lock");
    fs::write(&lock, b"").unwrap();
    let error = add(&path, "bob", user("two"), Existing::Refuse).unwrap_err();
    assert!(error.to_string().contains("users.toml.lock exists"), "{error}");
    assert!(lock.exists(), "the other's lock stays");
    fs::remove_file(&lock).unwrap();

    let adding = |name: String| loop {
        match add(&path, &name, User::default().with(user("x").sha256.unwrap()), Existing::Refuse) {
            Ok(()) => break,
            Err(UsersError::Locked { .. }) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || (0..5).for_each(|n| adding(format!("user-{thread}-{n}"))));
        }
    });
    assert_eq!(Users::load(&path).unwrap().names().count(), 21);
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = folder();
    add(&path, "alice", user("one"), Existing::Refuse).unwrap();
    for mode in [0o644, 0o604] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for error in
            [Users::load(&path).map(drop).unwrap_err(), remove(&path, "alice").unwrap_err()]
        {
            let wanted = format!("chmod 600 {}", path.display());
            assert!(error.to_string().contains(&wanted), "{error}");
        }
    }
}

#[test]
fn errors_name_line_and_field_and_no_value() {
    let good = ScramCredential::generate(
        ScramHash::Sha256,
        &Password::new("x".to_owned()).unwrap(),
        ScramCredential::MIN_ITERATIONS,
    );
    let good = good.unwrap().to_text();
    let secret = good.split("stored_key=").nth(1).unwrap().split('=').next().unwrap();
    for (text, wanted) in [
        (
            format!("[users.alice]\nscram-sha-1 = \"{secret}\"\n"),
            "line 2, users.alice.scram-sha-1: unknown field",
        ),
        (
            format!("[users.alice]\n\nscram-sha-512 = \"{}\"", *good),
            "line 3, users.alice.scram-sha-512: `stored_key` has 32",
        ),
        (format!("[users]\nalice = \"{secret}\""), "line 2, users.alice: not a table"),
        (format!("users = \"{secret}\""), "line 1, users: not a table"),
        (format!("\nuser = \"{secret}\""), "line 2, user: unknown field"),
        (
            format!("[users.alice]\nscram-sha-256 = {{ a = \"{secret}\" }}"),
            "line 2, users.alice.scram-sha-256: not a string",
        ),
        (
            format!("[users.alice]\nscram-sha-256 = \"stored_key={secret}\""),
            "line 2, users.alice.scram-sha-256: `salt` is missing",
        ),
        (format!("decoy_key = \"{secret}\""), "line 1, decoy_key: not the base64 of 32 bytes"),
        ("decoy_key = 7".to_owned(), "line 1, decoy_key: not a string"),
        ("[users.alice]".to_owned(), "line 1, users.alice: no credential"),
        ("[users.\"\"]".to_owned(), "line 1, users.: the name of a principal is empty"),
        (format!("[users.alice]\nscram-sha-256 = \"{secret}"), "line 2: "),
        (format!("[users.alice]\nscram-sha-256 = {secret}"), "line 2: "),
        (format!("[users.alice]\n\n[users.alice]\nscram-sha-256 = \"{}\"", *good), "line 3: "),
    ] {
        let error = Users::parse(&text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.starts_with(wanted), "{shown}\n{text}");
        assert!(!shown.contains(&secret[..8]), "{shown}");
    }
    let (_folder, path) = folder();
    add(&path, "alice", user("one"), Existing::Refuse).unwrap();
    fs::write(&path, b"[users.a]\n\xff").unwrap();
    let error = Users::load(&path).unwrap_err().to_string();
    assert!(
        error.starts_with(&path.display().to_string()) && error.ends_with("line 2: not UTF-8"),
        "{error}"
    );
    fs::write(&path, b"x = 1").unwrap();
    let error = Users::load(&path).unwrap_err().to_string();
    assert!(error.contains("users.toml, line 1, x: unknown field"), "{error}");
}

#[test]
fn a_failed_reload_keeps_the_users_in_force() {
    let (_folder, path) = folder();
    add(&path, "alice", user("one"), Existing::Refuse).unwrap();
    let file = path.clone();
    let users = Reloadable::new(move || Users::load(&file).map(Into::into)).unwrap();
    let at_work = users.current();
    add(&path, "bob", user("two"), Existing::Refuse).unwrap();
    users.reload().unwrap();
    assert_eq!(users.current().names().collect::<Vec<_>>(), ["alice", "bob"]);
    assert_eq!(at_work.names().collect::<Vec<_>>(), ["alice"]);
    fs::write(&path, "nonsense").unwrap();
    assert!(users.reload().is_err());
    assert_eq!(users.current().names().count(), 2);
}

#[test]
fn made_up_credentials_are_spread_like_the_real_ones() {
    let password = Password::new("x".to_owned()).unwrap();
    let made = |salt: &[u8], iterations| {
        User::default().with(
            ScramCredential::from_password(ScramHash::Sha256, &password, salt, iterations).unwrap(),
        )
    };
    let users = [("a", made(&[1; 8], 4096)), ("b", made(&[2; 128], 5000))];
    let users = Users::of(users.map(|(name, user)| (name.to_owned(), user)).into());
    let mut seen = BTreeMap::new();
    for n in 0..400 {
        let (credential, known) = users.lookup(ScramHash::Sha256, &format!("nobody-{n}"));
        assert_eq!(known.unwrap_u8(), 0);
        *seen.entry((credential.salt.len(), credential.iterations)).or_insert(0) += 1;
    }
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [(8, 4096), (128, 5000)]);
    assert!(seen.values().all(|count| (120..280).contains(count)), "{seen:?}");
    // Without users there is still an answer.
    let (credential, _) = Users::parse("").unwrap().lookup(ScramHash::Sha512, "nobody");
    assert_eq!(credential.iterations, ScramCredential::DEFAULT_ITERATIONS);
    assert_eq!(users.lookup_any("a").1.unwrap_u8(), 1);
}

/// The decoy key stands in the file, so two gateways and two runs make up the same.
#[test]
fn made_up_credentials_outlive_the_process() {
    let (_folder, path) = folder();
    add(&path, "alice", user("one"), Existing::Refuse).unwrap();
    let salt = |users: &Users| users.lookup(ScramHash::Sha256, "nobody").0.salt;
    assert_eq!(salt(&Users::load(&path).unwrap()), salt(&Users::load(&path).unwrap()));
}
