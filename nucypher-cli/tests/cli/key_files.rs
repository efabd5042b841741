//! Key files: modes, passphrases, what OpenSSL reads and writes, and what is refused.

use crate::support::{Scratch, mode, set_mode};

const SAMPLE: &str = "the quick brown fox";

fn id_of(scratch: &Scratch, file: &str) -> String {
    let output = scratch.ok(&format!("key show {file} --format json"));
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    shown["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_pair_is_written_with_the_right_modes_and_one_id() {
    let scratch = Scratch::new();
    let output = scratch.ok("key generate --out a.pem --public a.pub --format json");
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(mode(&scratch.path("a.pem")), 0o600);
    assert_ne!(mode(&scratch.path("a.pub")) & 0o044, 0, "a public key is for everybody");
    assert_eq!(shown["id"], id_of(&scratch, "a.pem"));
    assert_eq!(shown["id"], id_of(&scratch, "a.pub"));
    assert_eq!(shown["id"].as_str().unwrap().len(), 16);
}

#[test]
fn no_secret_is_printed() {
    let scratch = Scratch::new();
    let generated = scratch.ok("key generate --out a.pem");
    let shown = scratch.ok("key show a.pem");
    let pem = String::from_utf8(scratch.read("a.pem")).unwrap();
    let secret: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    for output in [generated, shown] {
        for said in [output.stdout, output.stderr] {
            let said = String::from_utf8(said).unwrap();
            assert!(!said.contains("PRIVATE KEY") && !said.contains(&secret[20..60]), "{said}");
        }
    }
}

#[test]
fn a_private_key_never_goes_to_standard_output() {
    let scratch = Scratch::new();
    assert!(scratch.fails("key generate --out -", 1).contains("standard output"));
}

#[test]
fn existing_files_are_kept_unless_forced() {
    let scratch = Scratch::with_keys();
    let before = scratch.read("a.pem");
    let said = scratch.fails("key generate --out a.pem", 1);
    assert!(said.contains("a.pem") && said.contains("--force"), "{said}");
    assert_eq!(scratch.read("a.pem"), before);
    // Refused because of the public half: the private half is not written either.
    scratch.fails("key generate --out c.pem --public a.pub", 1);
    assert!(!scratch.path("c.pem").exists());
    scratch.ok("key generate --out a.pem --public a.pub --force");
    assert_ne!(scratch.read("a.pem"), before);
    assert_eq!(mode(&scratch.path("a.pem")), 0o600);
}

#[test]
fn a_private_key_that_others_can_read_is_refused_with_the_cure() {
    let scratch = Scratch::with_keys();
    set_mode(&scratch.path("a.pem"), 0o644);
    let said = scratch.fails("key show a.pem", 1);
    assert!(said.contains("chmod 600 a.pem"), "{said}");
    set_mode(&scratch.path("a.pem"), 0o600);
    scratch.ok("key show a.pem");
}

#[test]
fn a_public_key_can_be_taken_from_a_private_one() {
    let scratch = Scratch::with_keys();
    let output = scratch.ok("key show a.pem --public -");
    assert_eq!(output.stdout, scratch.read("a.pub"));
    scratch.ok("key show a.pem --public again.pub");
    assert_eq!(scratch.read("again.pub"), scratch.read("a.pub"));
}

#[test]
fn a_passphrase_comes_from_a_file_or_the_environment() {
    let scratch = Scratch::new();
    scratch.write_private("pass", "correct horse\nsecond line\n");
    scratch.ok("key generate --out e.pem --public e.pub --encrypt --passphrase-file pass");
    let pem = String::from_utf8(scratch.read("e.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{pem}");

    scratch.ok("key show e.pem --passphrase-file pass");
    scratch
        .nucypher("key show e.pem")
        .env("NUCYPHER_PASSPHRASE", "correct horse")
        .assert()
        .success();
    let said = scratch.fails("key show e.pem", 1);
    assert!(said.contains("passphrase") && said.contains("--passphrase-file"), "{said}");

    scratch.write_private("wrong", "battery staple\n");
    let said = scratch.fails("key show e.pem --passphrase-file wrong", 1);
    assert!(said.contains("passphrase"), "{said}");
    assert!(!said.contains("battery") && !said.contains("correct"), "{said}");

    set_mode(&scratch.path("pass"), 0o644);
    assert!(scratch.fails("key show e.pem --passphrase-file pass", 1).contains("chmod 600"));
}

#[test]
fn a_passphrase_file_without_encrypt_is_refused() {
    let scratch = Scratch::new();
    scratch.write_private("pass", "correct horse\n");
    assert!(
        scratch.fails("key generate --out e.pem --passphrase-file pass", 1).contains("--encrypt")
    );
    assert!(!scratch.path("e.pem").exists());
}

#[test]
fn openssl_reads_our_keys() {
    let scratch = Scratch::with_keys();
    let Some(private) = scratch.openssl("pkey -in a.pem -noout -text") else { return };
    assert!(String::from_utf8_lossy(&private.stdout).contains("secp256k1"));
    scratch.openssl("pkey -pubin -in a.pub -noout -text");
    // The same public key from both files.
    let derived = scratch.openssl("pkey -in a.pem -pubout -outform DER").unwrap();
    let read = scratch.openssl("pkey -pubin -in a.pub -pubout -outform DER").unwrap();
    scratch.write("derived.der", derived.stdout);
    scratch.write("read.der", read.stdout);
    let id = id_of(&scratch, "a.pem");
    for name in ["derived", "read"] {
        scratch.openssl(&format!("pkey -pubin -inform DER -in {name}.der -out {name}.pub"));
        assert_eq!(id_of(&scratch, &format!("{name}.pub")), id);
    }
}

#[test]
fn openssl_reads_our_encrypted_keys() {
    let scratch = Scratch::new();
    scratch.write_private("pass", "correct horse\n");
    scratch.ok("key generate --out e.pem --encrypt --passphrase-file pass");
    let Some(_) = scratch.openssl("pkey -in e.pem -passin file:pass -out plain.pem") else {
        return;
    };
    set_mode(&scratch.path("plain.pem"), 0o600);
    assert_eq!(id_of(&scratch, "plain.pem"), {
        let output = scratch.ok("key show e.pem --passphrase-file pass --format json");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    });
}

#[test]
fn we_read_openssl_keys() {
    let scratch = Scratch::new();
    let made =
        scratch.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out o.pem");
    if made.is_none() {
        return;
    }
    scratch.openssl("pkey -in o.pem -pubout -out o.pub");
    scratch.openssl("ec -in o.pem -pubout -conv_form compressed -out compressed.pub");
    scratch.write_private("pass", "correct horse\n");
    scratch.openssl("pkcs8 -topk8 -scrypt -in o.pem -passout file:pass -out scrypt.pem");
    set_mode(&scratch.path("o.pem"), 0o600);
    set_mode(&scratch.path("scrypt.pem"), 0o600);
    let id = id_of(&scratch, "o.pem");
    assert_eq!(id_of(&scratch, "o.pub"), id);
    assert_eq!(id_of(&scratch, "compressed.pub"), id);
    scratch.ok("key show scrypt.pem --passphrase-file pass");

    // And they work.
    scratch.write("plain", SAMPLE);
    scratch.ok("seal --to o.pub --context c plain sealed");
    assert_eq!(scratch.ok("open --key o.pem --context c sealed").stdout, SAMPLE.as_bytes());
    scratch.ok("open --key scrypt.pem --passphrase-file pass --context c sealed");
}

#[test]
fn wrong_key_files_are_named_for_what_they_are() {
    let scratch = Scratch::with_keys();
    scratch.write("plain", SAMPLE);
    scratch.write_private("empty.pem", "");
    scratch.write_private("garbage.pem", [0xff, 0xfe, 0x00]);
    scratch.write_private("text.pem", "not a key\n");
    let pem = String::from_utf8(scratch.read("a.pem")).unwrap();
    scratch.write_private("cut.pem", &pem[..pem.len() / 2]);
    for name in ["empty.pem", "garbage.pem", "text.pem", "cut.pem"] {
        let said = scratch.fails(&format!("key show {name}"), 5);
        assert!(said.contains(name), "{said}");
    }
    let said = scratch.fails("seal --to a.pem --context c plain out", 5);
    assert!(said.contains("private key") && said.contains("key show a.pem --public"), "{said}");
    let said = scratch.fails("rekey --from a.pub --to b.pub --out r", 5);
    assert!(said.contains("public key"), "{said}");
    assert!(scratch.fails("key show missing.pem", 1).contains("missing.pem"));

    if scratch
        .openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.pem")
        .is_some()
    {
        set_mode(&scratch.path("p256.pem"), 0o600);
        assert!(scratch.fails("key show p256.pem", 5).contains("secp256k1"));
        scratch.openssl("genpkey -algorithm ed25519 -out ed.pem");
        set_mode(&scratch.path("ed.pem"), 0o600);
        scratch.fails("key show ed.pem", 5);
        // The old form has its own cure.
        scratch.openssl("ecparam -name secp256k1 -genkey -out sec1.pem");
        set_mode(&scratch.path("sec1.pem"), 0o600);
        let said = scratch.fails("key show sec1.pem", 5);
        assert!(said.contains("openssl pkcs8 -topk8"), "{said}");
    }
}
