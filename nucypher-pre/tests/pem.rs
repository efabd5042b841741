//! Key files against OpenSSL, both ways.
#![cfg(feature = "pem")]
#![allow(clippy::unwrap_used, reason = "a test")]
use std::io::Write;
use std::process::{Command, Stdio};

use nucypher_pre::{
    PemError, PublicKey, ReencryptionKey, SecretKey, Suite, UnverifiedReencryptionKey, os_rng,
};

/// Runs openssl; `None` (said aloud) where it is missing.
fn openssl(arguments: &[&str], input: &str) -> Option<String> {
    let child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("SKIPPED: openssl cannot be run here ({error})");
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn openssl_reads_our_keys() {
    let key = SecretKey::generate(Suite::Bbs98, &mut os_rng());
    let Some(public) =
        openssl(&["pkey", "-pubout", "-ec_conv_form", "compressed"], &key.to_pem().unwrap())
    else {
        return;
    };
    assert_eq!(public, key.public_key().to_pem().unwrap());
    let encrypted = key.to_encrypted_pem(b"correct horse", &mut os_rng()).unwrap();
    let clear = openssl(&["pkey", "-passin", "pass:correct horse"], &encrypted).unwrap();
    assert_eq!(SecretKey::from_pem(Suite::Bbs98, &clear, None).unwrap().id(), key.id());
}

#[test]
fn we_read_openssl_keys() {
    let Some(text) =
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "")
    else {
        return;
    };
    let key = SecretKey::from_pem(Suite::Ecies, &text, None).unwrap();
    let public = openssl(&["pkey", "-pubout"], &text).unwrap();
    assert_eq!(PublicKey::from_pem(Suite::Ecies, &public).unwrap(), *key.public_key());
    for extra in [&["-scrypt"][..], &["-v2", "aes-256-cbc"]] {
        let arguments = [&["pkcs8", "-topk8", "-passout", "pass:secret"], extra].concat();
        let encrypted = openssl(&arguments, &text).unwrap();
        assert_eq!(
            SecretKey::from_pem(Suite::Ecies, &encrypted, Some(b"secret")).unwrap().id(),
            key.id()
        );
        assert_eq!(
            SecretKey::from_pem(Suite::Ecies, &encrypted, None).unwrap_err(),
            PemError::PassphraseNeeded
        );
        assert_eq!(
            SecretKey::from_pem(Suite::Ecies, &encrypted, Some(b"wrong")).unwrap_err(),
            PemError::Passphrase
        );
    }
    let other =
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "")
            .unwrap();
    assert_eq!(
        SecretKey::from_pem(Suite::Ecies, &other, None).unwrap_err(),
        PemError::NotSecp256k1
    );
}

#[test]
fn reencryption_key_files_round_trip() {
    let rng = &mut os_rng();
    let (a, b) = (SecretKey::generate(Suite::Ecies, rng), SecretKey::generate(Suite::Ecies, rng));
    for key in [
        ReencryptionKey::interactive(&a, &b).unwrap(),
        ReencryptionKey::non_interactive(&a, b.public_key(), rng).unwrap(),
    ] {
        let read =
            UnverifiedReencryptionKey::from_pem(&key.to_pem().unwrap()).unwrap().verify().unwrap();
        assert_eq!(
            (read.kind(), read.delegator(), read.delegatee()),
            (key.kind(), a.public_key(), b.public_key())
        );
        assert_eq!(read.to_scalar_bytes(), key.to_scalar_bytes());
    }
}
