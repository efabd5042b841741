//! Who sealed a record: what a broker, a reader and a stranger can and cannot make of it.

use std::sync::Arc;

use nucypher_envelope::{
    ChannelName, EDEK_HEADER, EdekHeader, OpenError, Opened, Opener, Place, SIGNATURE_HEADER,
    SealedRecordRef, Sealer,
    key_file::KeyFormatError,
    pre::{ReencryptionKey, Suite},
    signature::{
        RequiredSignature, Signature, SignatureKind, Signers, Signing, SigningKey, VerifyingKey,
    },
};

use crate::fixture::{Stored, channel, config, key, opener, record, rng};

fn signing(seed: u64) -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(&mut rng(seed)))
}

fn open(stored: &Stored, opener: &Opener, signers: &Signers) -> Result<Opened, OpenError> {
    let record = SealedRecordRef {
        key: stored.key.as_deref(),
        value: stored.value.as_deref(),
        place: Some(Place { topic: &stored.topic, partition: stored.partition }),
        headers: stored.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref())),
    };
    opener.open_signed(record, signers)
}

fn rule(required: RequiredSignature) -> Signers {
    Signers::new(channel(), required)
        .producer(signing(1).verifying_key().clone())
        .attester(signing(2).verifying_key().clone())
}

fn sealed(how: Signing, seed: u64) -> Stored {
    let owner = key(Suite::Bbs98, 1);
    let mut sealer = Sealer::new(config(&owner).signing(how)).unwrap();
    let record = record(b"k", b"v");
    Stored::new(&record, &sealer.seal(&record, 0, &mut rng(seed)).unwrap())
}

fn attested() -> Stored {
    let mut stored = sealed(Signing::Record(signing(1)), 3);
    let edeks = stored.header(EDEK_HEADER).clone();
    let edeks = EdekHeader::parse(&edeks).unwrap();
    let (key, value) = (stored.key.as_deref(), stored.value.as_deref());
    let signature = Signature::attest(&signing(2), &channel(), &edeks, key, value);
    let place = stored.header(SIGNATURE_HEADER);
    assert_eq!(place.len(), signature.as_bytes().len());
    *place = signature.as_bytes().to_vec();
    stored
}

#[test]
fn each_channel_accepts_what_it_requires_and_nothing_weaker() {
    use RequiredSignature::{Attested, None, Record, Session};
    let opener = opener(&key(Suite::Bbs98, 1));
    let wrong = |kind| Some(OpenError::WrongSignature { kind });
    let id = signing(9).id();
    let stranger = Some(OpenError::WrongSigner { signer: id });
    let unsigned = Some(OpenError::Unsigned);
    let (session, record) = (SignatureKind::Session, SignatureKind::Record);
    #[rustfmt::skip]
    let table = [
        // A record, and what comes of it where none, session, record, attested is required.
        (sealed(Signing::None, 3), [Option::None, unsigned, unsigned, unsigned]),
        (sealed(Signing::Session(signing(1)), 3), [Option::None, Option::None, wrong(session), wrong(session)]),
        (sealed(Signing::Record(signing(1)), 3), [Option::None, Option::None, Option::None, wrong(record)]),
        (attested(), [Option::None, wrong(SignatureKind::Attested), wrong(SignatureKind::Attested), Option::None]),
        (sealed(Signing::Session(signing(9)), 3), [Option::None, stranger, stranger, stranger]),
        (sealed(Signing::Record(signing(9)), 3), [Option::None, stranger, stranger, stranger]),
    ];
    for (stored, expected) in table {
        for (required, expected) in [None, Session, Record, Attested].into_iter().zip(expected) {
            let opened = open(&stored, &opener, &rule(required));
            assert_eq!(opened.as_ref().err(), expected.as_ref(), "{required:?}");
            if let Ok(opened) = opened {
                assert_eq!(opened.plaintext.as_deref(), Some(b"v".as_slice()));
            }
        }
    }
}

#[test]
fn a_signature_survives_reencryption_and_nothing_else() {
    let (a, b) = (key(Suite::Bbs98, 1), key(Suite::Bbs98, 2));
    let rekey = ReencryptionKey::non_interactive(&a, b.public_key(), &mut rng(5)).unwrap();
    let opener = opener(&b);
    for (how, required) in [
        (Signing::Session(signing(1)), RequiredSignature::Session),
        (Signing::Record(signing(1)), RequiredSignature::Record),
    ] {
        let mut stored = sealed(how, 3);
        stored.set_edek(&stored.edek().reencrypt(&rekey).unwrap());
        let rule = rule(required);
        let signer = open(&stored, &opener, &rule).unwrap().signer.unwrap();
        assert_eq!(signer.signer, signing(1).id());
        // The genuine one is remembered: what differs in any bit must not find it.
        for at in 0..73 {
            let mut flipped = stored.clone();
            flipped.header(SIGNATURE_HEADER)[at] ^= 1;
            let error = open(&flipped, &opener, &rule).unwrap_err();
            let expected = match error {
                OpenError::Malformed(_) | OpenError::WrongSignature { .. } => at == 0,
                OpenError::WrongSigner { .. } => at < 9,
                OpenError::BadSignature => true,
                _ => false,
            };
            assert!(expected, "byte {at}: {error}");
        }
        let other = Signers::new(ChannelName::new("other").unwrap(), required)
            .producer(signing(1).verifying_key().clone());
        assert_eq!(open(&stored, &opener, &other), Err(OpenError::BadSignature));
    }
}

#[test]
fn a_signature_of_another_session_does_not_count() {
    let opener = opener(&key(Suite::Bbs98, 1));
    let rule = rule(RequiredSignature::Session);
    let mut one = sealed(Signing::Session(signing(1)), 3);
    let mut forged = sealed(Signing::None, 4);
    open(&one, &opener, &rule).unwrap();
    let stolen = one.header(SIGNATURE_HEADER).clone();
    forged.headers.push((SIGNATURE_HEADER.as_bytes().to_vec(), Some(stolen)));
    assert_eq!(open(&forged, &opener, &rule), Err(OpenError::BadSignature));
    let twice = one.headers.last().unwrap().clone();
    one.headers.push(twice);
    assert!(matches!(open(&one, &opener, &rule), Err(OpenError::Malformed(_))));
}

#[test]
fn a_reader_forges_under_a_session_signature_and_not_under_a_record_signature() {
    // A reader has the DEK. Two records of one session stand for what it could write: their values
    // swapped open under the session's signature, and not under the records'.
    let owner = key(Suite::Bbs98, 1);
    let opener = opener(&owner);
    for (how, required, expected) in [
        (Signing::Session(signing(1)), RequiredSignature::Session, None),
        (Signing::Record(signing(1)), RequiredSignature::Record, Some(OpenError::BadSignature)),
    ] {
        let mut sealer = Sealer::new(config(&owner).signing(how)).unwrap();
        let rng = &mut rng(3);
        let [mut one, two] = [b"1", b"2"].map(|value| {
            let record = record(b"k", value);
            Stored::new(&record, &sealer.seal(&record, 0, rng).unwrap())
        });
        let signatures_agree = one.headers.last() == two.headers.last();
        assert_eq!(signatures_agree, required == RequiredSignature::Session);
        one.value.clone_from(&two.value);
        assert_eq!(open(&one, &opener, &rule(required)).err(), expected);
    }
}

#[test]
fn weak_keys_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut not_canonical = [0xff; 32];
    (not_canonical[0], not_canonical[31]) = (0xf0, 0x7f);
    for bytes in [[0; 32], identity, not_canonical] {
        assert!(VerifyingKey::from_bytes(&bytes).is_err());
    }
}

#[test]
fn signing_keys_are_files_and_show_nothing() {
    let key = signing(1);
    let rng = &mut rng(6);
    let plain = key.to_pem(None, rng).unwrap();
    assert_eq!(SigningKey::from_pem(&plain, None).unwrap().id(), key.id());
    let hidden = key.to_pem(Some(b"pass"), rng).unwrap();
    assert_eq!(SigningKey::from_pem(&hidden, Some(b"pass")).unwrap().id(), key.id());
    let refused = |passphrase| SigningKey::from_pem(&hidden, passphrase).unwrap_err();
    assert_eq!(refused(None), KeyFormatError::PassphraseNeeded);
    assert_eq!(refused(Some(b"other")), KeyFormatError::Passphrase);
    let public = key.verifying_key();
    assert_eq!(&VerifyingKey::from_pem(&public.to_pem().unwrap()).unwrap(), public);
    let shown = format!("{key:?} {:?}", Signing::Session(Arc::clone(&key)));
    assert_eq!(shown, format!("SigningKey({0}, ..) Session(SigningKey({0}, ..))", key.id()));
}
