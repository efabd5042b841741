//! `admin`, `channel` and `grant`: from nothing to a grant and its revocation.

use serde_json::Value;

use crate::support::{Scratch, mode, set_mode};

/// An administrator, a gateway, the channel `orders`, keys of `a` and `b`.
fn office() -> Scratch {
    let scratch = Scratch::with_keys();
    scratch.ok("key generate --gateway --out gateway.pem --public gateway.pub");
    scratch.ok("admin init");
    scratch.ok("admin add-gateway gateway.pub");
    scratch.ok("channel create orders --topic orders --topic returns");
    scratch
}

fn json(scratch: &Scratch, line: &str) -> Value {
    serde_json::from_slice(&scratch.ok(&format!("{line} --format json")).stdout).unwrap()
}

fn text(scratch: &Scratch, line: &str) -> String {
    String::from_utf8(scratch.ok(line).stdout).unwrap()
}

#[test]
fn from_nothing_to_a_revocation() {
    let scratch = office();
    let granted = json(
        &scratch,
        "grant add --channel orders --principal alice --to a.pub --topic returns --not-after +90d",
    );
    assert_eq!(granted["principal"], "User:alice");
    assert_eq!(granted["kind"], "non-interactive");
    assert_eq!(granted["topics"], serde_json::json!(["returns"]));
    scratch.ok("grant add --channel orders --principal mirror --pass-through");

    let listed = json(&scratch, "grant list --principal alice");
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0], granted);
    let table = text(&scratch, "grant list");
    assert!(table.contains("User:mirror") && table.contains("pass-through"), "{table}");
    assert!(text(&scratch, "channel list").contains("orders, returns"));

    let id = granted["id"].as_str().unwrap();
    assert!(text(&scratch, &format!("grant revoke {id}")).contains("User:alice on channel orders"));
    assert_eq!(json(&scratch, "grant revoke --principal mirror").as_array().unwrap().len(), 1);
    assert_eq!(json(&scratch, "grant list"), serde_json::json!([]));
    let shown = json(&scratch, "admin show");
    assert_eq!((&shown["channels"], &shown["grants"]), (&1.into(), &0.into()));
}

#[test]
fn what_is_secret_is_private() {
    let scratch = office();
    for (name, expected) in
        [("admin", 0o700), ("admin/master.pem", 0o600), ("admin/signing.pem", 0o600)]
    {
        assert_eq!(mode(&scratch.path(name)), expected, "{name}");
    }
    set_mode(&scratch.path("admin/master.pem"), 0o644);
    let said = scratch.fails("channel create more", 1);
    assert!(said.contains("master.pem") && said.contains("chmod 600"), "{said}");
}

#[test]
fn a_passphrase_is_asked_for() {
    let scratch = Scratch::with_keys();
    scratch.write_private("secret", "correct horse\n");
    scratch.ok("admin init --encrypt --passphrase-file secret");
    let said = scratch.fails("channel create orders", 1);
    assert!(said.contains("--passphrase-file"), "{said}");
    scratch.ok("channel create orders --passphrase-file secret");
    // Listing takes no secret.
    assert!(text(&scratch, "channel list").contains("orders"));
    scratch.write_private("wrong", "battery staple\n");
    let said = scratch.fails("channel create more --passphrase-file wrong", 1);
    assert!(said.contains("wrong passphrase"), "{said}");
}

#[test]
fn a_channel_goes_on_to_its_next_epoch_and_ends() {
    let scratch = office();
    scratch.ok("grant add --channel orders --principal alice --to a.pub");
    scratch.ok("grant add --channel orders --principal bob --to b.pem");
    let output = scratch.ok("channel rotate orders");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("1 grants carried over"), "{said}");
    assert!(said.contains("of User:bob: interactive"), "{said}");
    let grants = json(&scratch, "grant list --principal alice");
    assert_eq!((&grants[0]["epoch"], &grants[1]["epoch"]), (&1.into(), &2.into()));
    scratch.fails("channel set orders", 2);
    let shown = json(&scratch, "channel set orders --topic orders.* --allow-clear");
    assert_eq!(shown["topics"], serde_json::json!(["orders.*"]));
    assert_eq!(shown["require_encryption"], false);
    assert_eq!(json(&scratch, "grant revoke --channel orders").as_array().unwrap().len(), 3);
    assert!(text(&scratch, "channel retire orders").contains("retired"));
    assert!(scratch.fails("channel rotate orders", 1).contains("is retired"));
}

#[test]
fn fields_stand_where_they_were_said_to() {
    let scratch = office();
    let shown = json(
        &scratch,
        "channel create cards --field card!=$.card --field note --field card=tag:PII",
    );
    assert_eq!(shown["fields"].as_array().unwrap().len(), 1);
    assert_eq!(shown["fields"][0]["required"], true);
    assert_eq!(shown["fields"][0]["selectors"], serde_json::json!(["$.card", "tag:PII"]));
    assert_eq!(shown["keys"].as_array().unwrap().len(), 3);
}

#[test]
fn producers_get_the_channels_public_key() {
    let scratch = office();
    let shown = json(&scratch, "channel show orders --public orders.pub");
    let key = json(&scratch, "key show orders.pub");
    assert_eq!(shown["keys"][0]["key_id"], key["id"]);
    scratch.write("plain", "to whom it may concern");
    scratch.ok("seal --to orders.pub --suite bbs98 --context orders plain sealed");
    assert_eq!(
        text(&scratch, "channel show orders --public -"),
        String::from_utf8(scratch.read("orders.pub")).unwrap()
    );
    // Whoever has the administrator's public key can ask, from anywhere.
    scratch.ok("channel show orders --administrator admin/administrator.pub");
    let said = scratch.fails("channel show none", 1);
    assert!(said.contains("channel list"), "{said}");
}

#[test]
fn an_interactive_grant_warns_and_must_not_link_channels() {
    let scratch = office();
    scratch.ok("channel create payments");
    let output = scratch.ok("grant add --channel orders --principal alice --to a.pem");
    assert!(String::from_utf8_lossy(&output.stderr).contains("compose"));
    let said = scratch.fails("grant add --channel payments --principal alice --to a.pem", 1);
    assert!(said.contains("non-interactive"), "{said}");
    scratch.ok("grant add --channel payments --principal alice --to a.pub");
}

#[test]
fn mistakes_are_named_with_their_cure() {
    let scratch = office();
    for (line, code, cure) in [
        ("admin init", 1, "is there already"),
        ("channel create orders", 1, "is there already"),
        ("channel create more --topic returns", 1, "belongs to the channel orders"),
        ("channel create more --suite rsa", 2, "bbs98 or ecies"),
        ("grant add --channel none --principal a --to a.pub", 1, "nucypher channel list"),
        ("grant add --channel orders --principal a", 2, "--to"),
        ("grant add --channel orders --principal a --to gateway.pub", 5, "secp256k1"),
        ("grant add --channel orders --principal a --to a.pub --gateway a.pub", 5, "--gateway"),
        ("grant add --channel orders --principal a --to a.pub --not-after soon", 2, "+90d"),
        (
            "grant add --channel orders --principal a --to a.pub --not-before +2d --not-after +1d",
            1,
            "leave no time",
        ),
        ("grant revoke 0123456789abcdef", 1, "grant list"),
        ("grant revoke --principal nobody", 1, "was granted nothing"),
        ("grant revoke nonsense", 2, "16 hexadecimal digits"),
        ("grant list --registry nowhere", 1, "nowhere"),
        ("channel list --home nowhere", 1, "--administrator"),
        ("channel create more --home nowhere", 1, "nucypher admin init"),
    ] {
        let said = scratch.fails(line, code);
        assert!(said.contains(cure), "{line}: {said}");
    }
}

#[test]
fn the_head_is_renewed() {
    let scratch = office();
    let before = json(&scratch, "admin show");
    let renewed = json(&scratch, "admin renew --valid-for 1d");
    assert!(renewed["revision"].as_u64() > before["revision"].as_u64());
    assert!(renewed["valid_until"].as_i64() < before["valid_until"].as_i64());
    assert_eq!(json(&scratch, "admin renew --valid-for forever")["valid_until"], Value::Null);
}

#[test]
fn a_registry_that_was_tampered_with_is_not_listed() {
    let scratch = office();
    let channel = std::fs::read_dir(scratch.path("registry"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("channel"))
        .unwrap();
    std::fs::remove_file(channel).unwrap();
    assert!(scratch.fails("channel list", 1).contains("do not match the head"));
    assert!(scratch.fails("admin renew", 1).contains("Bring back the directory"));
}

#[test]
fn every_command_helps_with_an_example() {
    let scratch = Scratch::new();
    for command in [
        "admin init",
        "admin add-gateway",
        "admin renew",
        "admin show",
        "channel create",
        "channel list",
        "channel show",
        "channel rotate",
        "channel set",
        "channel retire",
        "grant add",
        "grant list",
        "grant revoke",
    ] {
        let help = text(&scratch, &format!("{command} --help"));
        assert!(help.contains("Example"), "{command}");
        assert!(help.contains(&format!("nucypher {command}")), "{command}");
    }
}
