//! The administrator's operations: what they do, refuse, and leave behind when they are cut short.

use super::*;
use crate::registry::administrator::crash;

fn message<T: std::fmt::Debug>(result: Result<T, AdministratorError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn an_administrator_is_reopened_and_goes_on() {
    let mut world = World::new();
    let granted = world.grant("orders", "alice");
    let home = world.folder.path().join("home");
    world.administrator = Administrator::open(&home, &world.registry(), None).unwrap();
    world.grant("payments", "bob");
    let overview = world.administrator.overview(NOW).unwrap();
    // Each change takes a revision for each entry and one for its head.
    assert_eq!(overview.revision, 9);
    assert_eq!(overview.valid_until, Some(NOW + 30 * DAY));
    let names: Vec<_> = overview.channels.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(names, ["orders", "payments"]);
    assert_eq!(overview.grants[0], granted);
    assert_eq!(overview.grants[1].principal, "User:bob");
    // Whoever has the public key can list it; nobody else's part is in it.
    let listed = Overview::of(&world.found(), world.administrator.public_key(), NOW).unwrap();
    assert_eq!(listed.grants, overview.grants);
    let json = serde_json::to_value(&listed).unwrap();
    assert_eq!(json["grants"][0]["kind"], "non-interactive");
    assert_eq!(json["grants"][0]["status"], "active");
    assert_eq!(json["channels"][0]["keys"][1]["field"], "card");
    let pem = fs::read_to_string(home.join("administrator.pub")).unwrap();
    assert_eq!(&AdministratorKey::from_pem(&pem).unwrap(), world.administrator.public_key());
}

#[test]
fn a_home_is_created_once() {
    let world = World::new();
    let home = world.folder.path().join("home");
    let again = Administrator::init(&home, &world.registry(), None, None, NOW, &mut Seeded(5));
    assert!(message(again).contains("is there already"));
}

#[cfg(unix)]
#[test]
fn secrets_are_private_and_open_ones_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let home = world.folder.path().join("home");
    let mode = |name: &str| fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("master.pem"), mode("signing.pem")), (0o700, 0o600, 0o600));
    for name in ["master.pem", "signing.pem"] {
        fs::set_permissions(home.join(name), fs::Permissions::from_mode(0o640)).unwrap();
        let refused = message(Administrator::open(&home, &world.registry(), None));
        assert!(refused.contains("mode 640") && refused.contains("chmod 600"), "{refused}");
        fs::set_permissions(home.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_passphrase_protects_the_home() {
    let folder = tempfile::tempdir().unwrap();
    let (home, registry) = (folder.path().join("home"), folder.path().join("registry"));
    let rng = &mut Seeded(4);
    Administrator::init(&home, &registry, Some(b"correct horse"), None, NOW, rng).unwrap();
    for name in ["master.pem", "signing.pem"] {
        let text = fs::read_to_string(home.join(name)).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    }
    let open = |passphrase| Administrator::open(&home, &registry, passphrase);
    assert!(message(open(None)).contains("a passphrase is needed"));
    assert!(message(open(Some(b"wrong"))).contains("wrong passphrase"));
    let overview = open(Some(b"correct horse")).unwrap().overview(NOW).unwrap();
    assert_eq!((overview.revision, overview.valid_until), (1, None));
}

#[test]
fn key_files_are_taken_for_what_they_are() {
    let rng = &mut Seeded(6);
    let gateway = GatewaySecretKey::generate(rng);
    let pem = gateway.to_pem(None, rng).unwrap();
    assert_eq!(GatewaySecretKey::from_pem(&pem, None).unwrap().id(), gateway.id());
    let public = gateway.public_key().to_pem().unwrap();
    assert_eq!(&GatewayPublicKey::from_pem(&public).unwrap(), gateway.public_key());
    // Written by `openssl genpkey -algorithm x25519` and `openssl pkey -pubout`.
    let openssl = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VuBCIEIAhyfWxzf3hYb0Rh8h9fF5mn0Wm6lbbIEQ9rSDVbmp5d\n\
        -----END PRIVATE KEY-----\n";
    assert!(GatewaySecretKey::from_pem(openssl, None).is_ok());
    // An administrator's key is not a gateway's.
    let world = World::new();
    let signing = fs::read_to_string(world.folder.path().join("home/signing.pem")).unwrap();
    let refused = GatewaySecretKey::from_pem(&signing, None).unwrap_err().to_string();
    assert!(refused.contains("another purpose"), "{refused}");
    assert!(GatewayPublicKey::from_pem(&pem).unwrap_err().to_string().contains("PUBLIC KEY"));
    assert!(AdministratorKey::from_pem(&public).is_err());
    assert!(AdministratorKey::from_bytes(&[0; 32]).is_err());
}

#[test]
fn channels_are_refused_with_a_reason() {
    let world = World::new();
    let create = |name: &str, topics: &[&str], fields: &[&str]| {
        message(world.administrator.create_channel(&new_channel(name, topics, fields), NOW))
    };
    assert!(create("orders", &["x"], &[]).contains("the channel orders is there already"));
    assert!(create("new", &["returns"], &[]).contains("belongs to the channel orders"));
    assert!(create("a/b", &["x"], &[]).contains("no channel name"));
    assert!(create("new", &[".."], &[]).contains("no topic name"));
    assert!(create("new", &["x"], &[""]).contains("no field name"));
    assert!(create("new", &["x"], &["a", "a"]).contains("each named once"));
    let many: Vec<_> = (0..256).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert!(create("new", &["x"], &many).contains("at most 255 fields"));
    assert_eq!(world.administrator.overview(NOW).unwrap().revision, 5, "nothing was changed");
}

#[test]
fn a_channels_keys_follow_from_the_master_secret_alone() {
    let world = World::new();
    let home = world.folder.path().join("home");
    let again = world.folder.path().join("again");
    fs::create_dir(&again).unwrap();
    // The same master secret with another registry: recovery from the home alone.
    let recovered = Administrator::open(&home, &again, None).unwrap();
    assert!(message(recovered.overview(NOW)).contains("no head"));
    fs::remove_file(home.join("revision")).unwrap();
    recovered.create_channel(&new_channel("orders", &["orders"], &["card"]), NOW).unwrap();
    for field in ["", "card"] {
        assert_eq!(
            recovered.channel_key("orders", None, field).unwrap(),
            world.administrator.channel_key("orders", Some(1), field).unwrap()
        );
    }
}

#[test]
fn grants_are_refused_with_a_reason() {
    let mut world = World::new();
    let mut refused = |alter: &dyn Fn(&mut GrantRequest)| {
        let mut request = world.request("orders", "alice");
        alter(&mut request);
        message(world.issue(&request))
    };
    assert!(refused(&|grant| grant.channel = "none".into()).contains("there is no channel none"));
    assert!(refused(&|grant| grant.epoch = Some(9)).contains("no key for epoch 9"));
    assert!(refused(&|grant| grant.field = "name".into()).contains("field \"name\""));
    assert!(refused(&|grant| grant.principal = "User:".into()).contains("no principal"));
    let outside = refused(&|grant| grant.topics = vec!["payments".into()]);
    assert!(outside.contains("payments does not belong to the channel orders"), "{outside}");
    let ecies = SecretKey::generate(Suite::Ecies, &mut Seeded(8));
    let suite = refused(&|grant| grant.consumer = Consumer::Public(ecies.public_key().clone()));
    assert!(suite.contains("uses the suite bbs98"), "{suite}");
    let bad_gateway = GatewayPublicKey::from_bytes([0; 32]);
    let gateway = refused(&|grant| grant.gateways = vec![bad_gateway.clone()]);
    assert!(gateway.contains("not a valid X25519 key"), "{gateway}");
    let channel_key = world.administrator.channel_key("payments", None, "").unwrap();
    let request = request("orders", "alice", Consumer::Public(channel_key));
    assert!(message(world.issue(&request)).contains("both a delegating key and a consumer's"));
    let overview = world.administrator.overview(NOW).unwrap();
    assert_eq!((overview.revision, overview.grants.len()), (5, 0), "nothing was changed");

    fs::remove_dir_all(world.folder.path().join("home/gateways")).unwrap();
    fs::create_dir(world.folder.path().join("home/gateways")).unwrap();
    let request = world.request("orders", "alice");
    assert!(message(world.issue(&request)).contains("no gateway is registered"));
}

/// Also after the first grant was revoked: a gateway may have kept its key.
#[test]
fn interactive_grants_that_would_link_channels_are_refused() {
    let mut world = World::new();
    let secret = world.consumer();
    let interactive = |channel: &str| request(channel, "alice", Consumer::Secret(secret.clone()));
    let first = world.issue(&interactive("orders")).unwrap();
    assert_eq!(first.kind, GrantKind::Interactive);
    let refused = message(world.issue(&interactive("payments")));
    assert!(refused.contains("already has an interactive grant on channel orders"), "{refused}");
    assert!(refused.contains("non-interactive"), "{refused}");
    let field = GrantRequest { field: "card".into(), ..interactive("orders") };
    assert!(message(world.issue(&field)).contains("field \"\""));
    // The same channel, epoch and field links nothing new.
    world.issue(&GrantRequest { principal: "bob".into(), ..interactive("orders") }).unwrap();

    world.administrator.revoke_principal("alice", NOW).unwrap();
    world.administrator.revoke_principal("bob", NOW).unwrap();
    assert!(message(world.issue(&interactive("payments"))).contains("already has an interactive"));
    world.issue(&interactive("orders")).unwrap();
    let public = Consumer::Public(secret.public_key().clone());
    world.issue(&request("payments", "alice", public)).unwrap();
    assert_eq!(world.snapshot().problems(), []);
}

/// The history outlives a write that was cut short.
#[test]
fn the_history_of_interactive_grants_is_kept_whole() {
    let mut world = World::new();
    let secret = world.consumer();
    let interactive = |channel: &str| request(channel, "alice", Consumer::Secret(secret.clone()));
    world.issue(&interactive("orders")).unwrap();
    let path = world.folder.path().join("home/interactive");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}bbs98 02ab")).unwrap();
    assert!(message(world.issue(&interactive("payments"))).contains("already has an interactive"));
    let other = world.consumer();
    world.issue(&request("payments", "bob", Consumer::Secret(other))).unwrap();
    let after = fs::read_to_string(&path).unwrap();
    assert!(after.starts_with(&whole) && after.lines().count() == 2 && after.ends_with('\n'));
    fs::write(&path, "nonsense\n").unwrap();
    assert!(message(world.issue(&interactive("orders"))).contains("line 1 is damaged"));
}

#[test]
fn a_new_grant_replaces_the_one_it_supersedes() {
    let mut world = World::new();
    let first = world.grant("orders", "alice");
    let second = world.grant("orders", "alice");
    let planned = GrantRequest {
        validity: Validity::new(Some(NOW + DAY), None).unwrap(),
        ..world.request("orders", "alice")
    };
    let third = world.issue(&planned).unwrap();
    let ids: Vec<_> =
        world.administrator.grants(NOW).unwrap().iter().map(|grant| grant.id).collect();
    assert_eq!(ids, [second.id, third.id]);
    assert!(message(world.administrator.revoke(first.id, NOW)).contains("there is no grant"));

    let later = world.administrator.grants(NOW + DAY).unwrap();
    assert_eq!(later[0].status, GrantStatus::Superseded);
    assert_eq!(later[1].status, GrantStatus::Active);
    // Revoking the newer one takes what it superseded with it: nothing comes back.
    let removed = world.administrator.revoke(third.id, NOW + DAY).unwrap();
    assert_eq!(removed.iter().map(|grant| grant.id).collect::<Vec<_>>(), [second.id, third.id]);
    assert_eq!(world.snapshot().access("orders", "User:alice", NOW), Access::Denied);
}

#[test]
fn a_plan_that_is_revoked_leaves_what_is_in_force() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let planned = GrantRequest {
        validity: Validity::new(Some(NOW + DAY), None).unwrap(),
        ..world.request("orders", "alice")
    };
    let planned = world.issue(&planned).unwrap();
    assert_eq!(planned.status, GrantStatus::NotYetValid);
    assert_eq!(world.administrator.revoke(planned.id, NOW).unwrap().len(), 1);
    assert_eq!(world.snapshot().access("orders", "User:alice", NOW), Access::Granted);
}

#[test]
fn everything_of_a_principal_is_revoked_at_once() {
    let mut world = World::new();
    world.grant("orders", "alice");
    world.grant("payments", "alice");
    world.grant("orders", "bob");
    let removed = world.administrator.revoke_principal("alice", NOW).unwrap();
    assert_eq!(removed.len(), 2);
    let snapshot = world.snapshot();
    assert_eq!(snapshot.revision(), 12);
    assert_eq!(snapshot.access("payments", "User:alice", NOW), Access::Denied);
    assert_eq!(snapshot.access("orders", "User:bob", NOW), Access::Granted);
    let nothing = message(world.administrator.revoke_principal("alice", NOW));
    assert!(nothing.contains("User:alice was granted nothing"), "{nothing}");
}

#[test]
fn two_commands_at_once_exclude_each_other() {
    let world = World::new();
    let held = fs::File::options().write(true).open(world.registry().join(".lock")).unwrap();
    held.lock().unwrap();
    let refused = message(world.administrator.renew_head(None, NOW));
    assert!(refused.contains("another administrative command"), "{refused}");
    // Reading needs no lock.
    world.administrator.overview(NOW).unwrap();
    drop(held);
    world.administrator.renew_head(None, NOW).unwrap();
}

#[test]
fn the_duration_of_a_heads_validity_is_kept_until_changed() {
    let world = World::new();
    let until = |overview: Overview| overview.valid_until;
    let later = NOW + 10 * DAY;
    let renew = |duration| until(world.administrator.renew_head(duration, later).unwrap());
    assert_eq!(renew(None), Some(later + 30 * DAY));
    assert_eq!(renew(Some(Some(DAY))), Some(later + DAY));
    assert_eq!(renew(None), Some(later + DAY));
    assert_eq!(renew(Some(None)), None);
    assert_eq!(renew(None), None);
}

#[test]
fn a_clock_before_1970_signs_nothing() {
    let world = World::new();
    assert!(message(world.administrator.renew_head(None, 0)).contains("out of range"));
    assert!(message(world.administrator.renew_head(None, -5)).contains("out of range"));
}

/// A command that is cut short before any of its steps leaves the registry as before or after,
/// for a gateway that starts then, and the next command goes on from there.
#[test]
fn a_crash_at_any_step_leaves_before_or_after() {
    for seed in [3, 4] {
        let mut world = World::with_seed(seed);
        world.grant("orders", "alice");
        world.grant("payments", "alice");
        let (mut before, mut after) = (0, 0);
        for steps in 0.. {
            let revision = world.snapshot().revision();
            let request = world.request("orders", "alice");
            crash::after(Some(steps));
            let result = match seed {
                // One added, one removed.
                3 => world.issue(&request).map(|_| ()),
                // Two removed.
                _ => world.administrator.revoke_principal("alice", NOW).map(|_| ()),
            };
            crash::after(None);
            let snapshot = world.build(&world.found()).unwrap();
            assert_eq!(snapshot.problems(), [], "step {steps}");
            let access = snapshot.access("orders", "User:alice", NOW);
            if snapshot.revision() == revision {
                before += 1;
                assert_eq!(access, Access::Granted);
                result.unwrap_err();
                continue;
            }
            after += 1;
            assert_eq!(access, if seed == 3 { Access::Granted } else { Access::Denied });
            assert!(snapshot.grants().count() <= 2);
            if result.is_ok() {
                break;
            }
            // The next command clears away what is left, and works.
            world.administrator.renew_head(None, NOW).unwrap();
            assert_eq!(world.found().len(), 3 + world.snapshot().grants().count());
            if seed == 4 {
                world.grant("orders", "alice");
                world.grant("payments", "alice");
            }
        }
        assert!(before >= 1 && after >= 3, "{before} before, {after} after");
    }
}
