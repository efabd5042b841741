//! Stored entries: what is altered in one bit is no entry, or not signed, or not in the set.

use super::*;

/// Every bit of every entry's binary form.
#[test]
fn every_bit_of_an_entry_counts() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let administrator = world.administrator.public_key();
    for found in world.found() {
        let entry = found.entry.unwrap();
        let grant_end = entry.as_bytes().len() - 80 * entry.sealed().len();
        for at in 0..entry.as_bytes().len() {
            for bit in [0x01, 0x80] {
                let mut bytes = entry.as_bytes().to_vec();
                bytes[at] ^= bit;
                let Ok(altered) = Entry::decode(&bytes) else { continue };
                // The sealed keys are not signed: the head's digest covers them.
                assert_eq!(altered.verify(administrator).is_ok(), at >= grant_end, "byte {at}");
                assert_ne!(altered.hash(), entry.hash());
            }
        }
    }
}

/// Every byte of every file: the set does not match, the state before stays, and at start-up
/// nothing is served.
#[test]
fn every_byte_of_every_file_counts() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let before = world.snapshot();
    let files = world.files();
    for (index, (name, content)) in files.iter().enumerate() {
        for at in 0..content.len() {
            let mut altered = content.clone();
            altered[at] ^= 0x01;
            let mut found = world.found();
            found[index].entry = Entry::from_pem(&altered);
            let refused = world.build(&found).unwrap_err();
            let expected = if name.starts_with("head") { "no head" } else { "do not match" };
            assert!(refused.to_string().contains(expected), "{name}, byte {at}: {refused}");
            let kept = world.build_after(&found, &Seen::default(), Some(&before), NOW).unwrap();
            assert!(kept.is_held_back());
            assert_eq!(kept.access("orders", "User:alice", NOW), Access::Granted);
        }
    }
}

#[test]
fn only_the_canonical_text_is_an_entry() {
    let world = World::new();
    let (_, text) = world.files().remove(0);
    let text = String::from_utf8(text).unwrap();
    assert!(Entry::from_pem(text.as_bytes()).is_ok());
    for altered in [
        format!("a preamble\n{text}"),
        format!("{text}\n"),
        format!("{text}{text}"),
        text.replace('\n', "\r\n"),
        text.trim_end().to_owned(),
        text.replace("NUCYPHER CHANNEL", "NUCYPHER GRANT"),
        String::new(),
        "x".repeat(2_000_000),
    ] {
        assert!(Entry::from_pem(altered.as_bytes()).is_err(), "{altered:.80}");
    }
}

#[test]
fn lengths_that_the_wire_claims_are_not_believed() {
    let mut bytes = vec![1, 1];
    bytes.extend([0; 8]);
    bytes.extend(u32::MAX.to_be_bytes());
    assert_eq!(Entry::decode(&bytes).unwrap_err(), Malformed { field: "body length", offset: 10 });
    bytes[10..14].copy_from_slice(&1000_u32.to_be_bytes());
    assert_eq!(Entry::decode(&bytes).unwrap_err(), Malformed { field: "body", offset: 14 });
}

/// The corpus of the fuzz target `registry_entry`.
#[test]
fn the_fuzz_corpus_is_replayed() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/registry_entry");
    let mut replayed = 0;
    for file in fs::read_dir(corpus).unwrap() {
        fuzz_registry_entry(&fs::read(file.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 8, "only {replayed} files in {corpus}");
}

/// Writes the corpus anew: `cargo test -p nucypher-kafka write_the_fuzz_corpus -- --ignored`.
#[test]
#[ignore = "writes files"]
fn write_the_fuzz_corpus() {
    let mut world = World::new();
    world.grant("orders", "alice");
    let pass_through = PassThroughRequest {
        channel: "payments".into(),
        principal: "mirror".into(),
        validity: Validity::new(Some(NOW), Some(NOW + DAY)).unwrap(),
        topics: vec!["payments".into()],
    };
    world.administrator.pass_through(&pass_through, NOW).unwrap();
    let corpus =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/registry_entry"));
    fs::create_dir_all(&corpus).unwrap();
    for found in world.found() {
        let entry = found.entry.unwrap();
        let name = format!("{:?}", entry.kind()).to_lowercase();
        fs::write(corpus.join(format!("{name}.pem")), entry.to_pem()).unwrap();
        fs::write(corpus.join(format!("{name}.entry")), entry.as_bytes()).unwrap();
        fs::write(corpus.join(format!("{name}.body")), entry.body()).unwrap();
    }
    let whole = bodies::sample_channel().encode().unwrap();
    fs::write(corpus.join("channel-whole.body"), whole).unwrap();
}

#[test]
fn secrets_do_not_show() {
    let world = World::new();
    let pem = world.gateway.to_pem(None, &mut Seeded(3)).unwrap();
    let shown = format!("{:?} {:?} {:?}", world.gateway, world.sources(), world.administrator);
    let home = world.folder.path().join("home");
    let secrets: Vec<String> = ["master.pem", "signing.pem"]
        .iter()
        .map(|name| fs::read_to_string(home.join(name)).unwrap())
        .chain([pem.to_string()])
        .collect();
    for secret in secrets {
        // The last 32 bytes of the DER are the secret itself.
        let der = pem_rfc7468::decode_vec(secret.as_bytes()).unwrap().1;
        let bytes = &der[der.len() - 32..];
        assert!(!shown.contains(&hex::encode(bytes)));
        assert!(!shown.contains(&hex::encode(&bytes[..4])));
        assert!(!shown.contains(&format!("{}, {}, {}", bytes[0], bytes[1], bytes[2])));
    }
    assert!(shown.contains("GatewaySecretKey("));
}
