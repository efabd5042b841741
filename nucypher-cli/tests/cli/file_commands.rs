//! `seal`, `rekey`, `reencrypt` and `open` on files and pipes.

use crate::support::{Scratch, mode, set_mode};

const SAMPLE: &[u8] = b"17 barrels of oil, \0 bytes and all\n";

/// Keys, a plaintext, a file sealed for `a` under `suite`.
fn sealed(suite: &str) -> Scratch {
    let scratch = Scratch::with_keys();
    scratch.write("plain", SAMPLE);
    scratch.ok(&format!("seal --to a.pub --suite {suite} --context orders plain sealed"));
    scratch
}

#[test]
fn a_file_goes_from_key_to_key_in_both_suites() {
    for suite in ["bbs98", "ecies"] {
        let scratch = sealed(suite);
        assert_eq!(scratch.read("sealed").len(), 102 + 29 + SAMPLE.len());
        assert_eq!(scratch.read("sealed")[1], if suite == "bbs98" { 1 } else { 2 });
        assert_eq!(scratch.ok("open --key a.pem --context orders sealed").stdout, SAMPLE);

        scratch.ok(&format!("rekey --from a.pem --to b.pub --suite {suite} --out a-b.rekey"));
        assert_eq!(mode(&scratch.path("a-b.rekey")), 0o600);
        scratch.ok("reencrypt --rekey a-b.rekey sealed for-b");
        assert_eq!(scratch.read("for-b").len(), scratch.read("sealed").len());
        scratch.ok("open --key b.pem --context orders for-b opened");
        assert_eq!(scratch.read("opened"), SAMPLE);
        assert_eq!(mode(&scratch.path("opened")), 0o600);
        // What was sealed for a and moved to b is a's no more.
        let said = scratch.fails("open --key a.pem --context orders for-b", 3);
        assert!(said.contains("is sealed for the key"), "{said}");
    }
}

#[test]
fn interactive_keys_work_compose_and_say_so() {
    for suite in ["bbs98", "ecies"] {
        let scratch = sealed(suite);
        scratch.ok("key generate --out c.pem --public c.pub");
        let output =
            scratch.ok(&format!("rekey --from a.pem --to b.pem --suite {suite} --out a-b.rekey"));
        assert!(String::from_utf8_lossy(&output.stderr).contains("compose"));
        let quiet =
            scratch.ok(&format!("rekey --from b.pem --to c.pub --suite {suite} --out b-c.rekey"));
        assert!(quiet.stderr.is_empty(), "non-interactive keys carry no warning");
        scratch.ok("reencrypt --rekey a-b.rekey sealed for-b");
        assert_eq!(scratch.ok("open --key b.pem --context orders for-b").stdout, SAMPLE);
        scratch.ok("reencrypt --rekey b-c.rekey for-b for-c");
        assert_eq!(scratch.ok("open --key c.pem --context orders for-c").stdout, SAMPLE);
        // Non-interactive is the last step.
        let said = scratch.fails("reencrypt --rekey b-c.rekey for-c again", 3);
        assert!(said.contains("last step"), "{said}");
    }
}

#[test]
fn standard_input_and_output_work() {
    let scratch = sealed("bbs98");
    let sealed =
        scratch.nucypher("seal --to a.pub --context orders").write_stdin(SAMPLE).assert().success();
    let sealed = sealed.get_output().stdout.clone();
    let opened = scratch
        .nucypher("open --key a.pem --context orders - -")
        .write_stdin(sealed)
        .assert()
        .success();
    assert_eq!(opened.get_output().stdout, SAMPLE);
}

#[test]
fn an_empty_file_is_a_file() {
    let scratch = Scratch::with_keys();
    scratch.write("plain", b"");
    scratch.ok("seal --to a.pub --context orders plain sealed");
    scratch.ok("open --key a.pem --context orders sealed opened");
    assert!(scratch.read("opened").is_empty());
}

#[test]
fn every_flipped_byte_is_noticed() {
    let scratch = sealed("bbs98");
    let good = scratch.read("sealed");
    // Header fields, both key ids, capsule, zeros, commitment, flags, nonce, text, tag.
    // (Not the state: re-encryption changes it, so it is bound to nothing.)
    for at in [0, 1, 3, 4, 12, 20, 21, 53, 86, 101, 102, 103, 115, 120, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        scratch.write("bad", &bad);
        let output = scratch
            .nucypher("open --key a.pem --context orders bad")
            .assert()
            .failure()
            .get_output()
            .clone();
        assert!(output.stdout.is_empty(), "byte {at}");
        assert!(matches!(output.status.code(), Some(3..=5)), "byte {at}: {output:?}");
    }
    let mut bad = good.clone();
    bad[good.len() - 1] ^= 1;
    scratch.write("bad", &bad);
    assert!(scratch.fails("open --key a.pem --context orders bad", 4).contains("altered"));
}

#[test]
fn another_context_is_altered_and_the_message_says_which() {
    let scratch = sealed("bbs98");
    let said = scratch.fails("open --key a.pem --context payments sealed", 4);
    assert!(said.contains("--context") && said.contains("payments"), "{said}");
}

#[test]
fn what_is_not_sealed_is_malformed() {
    let scratch = sealed("bbs98");
    assert!(
        scratch.fails("open --key a.pem --context orders plain", 5).contains("not a sealed file")
    );
    scratch.write("text", vec![b'x'; 500]);
    assert!(scratch.fails("open --key a.pem --context orders text", 5).contains("version"));
    let sealed = scratch.read("sealed");
    scratch.write("short", &sealed[..110]);
    scratch.fails("open --key a.pem --context orders short", 5);
    scratch.fails("reencrypt --rekey a.pem sealed out", 5);
}

#[test]
fn a_wrong_re_encryption_key_is_explained() {
    let scratch = sealed("bbs98");
    scratch.ok("rekey --from b.pem --to a.pub --out b-a.rekey");
    let said = scratch.fails("reencrypt --rekey b-a.rekey sealed out", 3);
    assert!(said.contains("opens it now"), "{said}");
    // The same two keys under the other suite: a key belongs to one suite.
    scratch.ok("rekey --from a.pem --to b.pub --suite ecies --out wrong.rekey");
    let said = scratch.fails("reencrypt --rekey wrong.rekey sealed out", 3);
    assert!(said.contains("suite"), "{said}");
    assert!(!scratch.path("out").exists());
}

#[test]
fn a_re_encryption_key_is_secret_and_checked() {
    let scratch = sealed("bbs98");
    assert!(scratch.fails("rekey --from a.pem --to b.pub --out -", 1).contains("secret"));
    scratch.ok("rekey --from a.pem --to b.pub --out r");
    set_mode(&scratch.path("r"), 0o640);
    assert!(scratch.fails("reencrypt --rekey r sealed out", 1).contains("chmod 600"));
    let said = scratch.fails("rekey --from a.pem --to a.pub --out self", 1);
    assert!(said.contains("itself"), "{said}");
    scratch.ok("rekey --from a.pem --to b.pub --out r");
    scratch.ok("reencrypt --rekey r sealed out");
}

#[test]
fn usage_errors_have_code_2() {
    let scratch = Scratch::with_keys();
    scratch.fails("", 2);
    scratch.fails("seal --to a.pub", 2);
    scratch.fails("seal --to a.pub --suite rsa --context c", 2);
    scratch.fails("nonsense", 2);
    let said = scratch.fails("seal --to a.pub --context not/a/name a.pub out", 2);
    assert!(said.contains("channel name"), "{said}");
}

#[test]
fn outputs_are_replaced_as_a_whole() {
    let scratch = sealed("bbs98");
    let before = scratch.read("sealed");
    scratch.fails("seal --to missing.pub --context orders plain sealed", 1);
    assert_eq!(scratch.read("sealed"), before, "a command that fails leaves what was there");
    scratch.ok("seal --to a.pub --context orders plain sealed");
    assert_ne!(scratch.read("sealed"), before, "sealing is randomised");
    let said = scratch.fails("seal --to a.pub --context orders plain no/such/folder", 1);
    assert!(said.contains("no/such/folder"), "{said}");
}

#[test]
fn inspect_shows_what_is_public() {
    let scratch = sealed("ecies");
    let output = scratch.ok("inspect sealed --format json");
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let edek = &shown["edeks"][0];
    assert_eq!(edek["suite"], "ecies");
    assert_eq!(edek["valid_points"], true);
    assert_eq!(shown["sealed_value_bytes"], 29 + SAMPLE.len());

    let header = hex(&scratch.read("sealed")[..102]);
    let text = String::from_utf8(scratch.ok(&format!("inspect --edek {header}")).stdout).unwrap();
    assert!(
        text.contains("fresh") && text.contains(edek["opening_key"].as_str().unwrap()),
        "{text}"
    );

    scratch.fails("inspect --edek zz!", 5);
    scratch.fails("inspect --edek 0102", 5);
    scratch.fails("inspect", 2);
    scratch.fails("inspect --topic orders", 2);
}

#[test]
fn every_command_has_help_with_an_example() {
    let scratch = Scratch::new();
    for command in [
        "demo",
        "key generate",
        "key show",
        "seal",
        "rekey",
        "reencrypt",
        "open",
        "admin init",
        "channel create",
        "channel list",
        "channel show",
        "grant add",
        "grant list",
        "grant revoke",
        "user add",
        "user remove",
        "user list",
        "gateway",
        "produce",
        "consume",
        "inspect",
    ] {
        let output = scratch.ok(&format!("{command} --help"));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("Example") && text.contains(&format!("nucypher {command}")),
            "{command}: {text}"
        );
    }
    let text = String::from_utf8(scratch.ok("--help").stdout).unwrap();
    assert!(text.contains("Exit codes") && text.contains("NUCYPHER_PASSPHRASE"), "{text}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
