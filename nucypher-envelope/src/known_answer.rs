//! The frozen vectors in `tests/vectors/`, made by an independent Python program from the
//! specification (`scripts/vectors/`). Inside the crate, because they fix what is not public: DEKs,
//! additional authenticated data, nonces.

use nucypher_pre::{KeyId, UnverifiedReencryptionKey};
use nucypher_pre::{Precursor, PublicKey, ReencryptionKey, SecretKey, Suite};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    ChannelName, Edek, EdekHeader, Malformed, OpenError, Opener, OpenerConfig, Padding, Place,
    SealedRecordRef, SealedValue, Text,
    binding::Binding,
    compression::Compressor,
    dem::Dek,
    open_file, reencrypt_file,
    signature::{Signature, SigningKey, VerifyingKey},
    value::{Flags, Nonce, TEXT_AT},
    wire::{EDEK_HEADER, NULL_HEADER},
};

const CAP: usize = 1 << 20;

#[derive(Deserialize)]
struct File<T> {
    vectors: Vec<T>,
}

fn vectors<T: DeserializeOwned>(json: &str) -> Vec<T> {
    let file: File<T> = serde_json::from_str(json).unwrap();
    assert!(!file.vectors.is_empty());
    file.vectors
}

/// Bytes that are hexadecimal in JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

fn suite(byte: u8) -> Suite {
    Suite::from_byte(byte).unwrap()
}

fn secret(suite_byte: u8, bytes: &Hex) -> SecretKey {
    SecretKey::from_bytes(suite(suite_byte), &bytes.0).unwrap()
}

/// version || suite || state || A || B || X or zeros || T || rk.
fn rekey(bytes: &[u8]) -> ReencryptionKey {
    let suite = suite(bytes[1]);
    let public = |at: usize| PublicKey::from_bytes(suite, &bytes[at..at + 33]).unwrap();
    let precursor = (bytes[2] == 2).then(|| Precursor::from_bytes(&bytes[69..102]).unwrap());
    UnverifiedReencryptionKey::new(
        public(3),
        public(36),
        precursor,
        &bytes[102..135],
        &bytes[135..167],
    )
    .unwrap()
    .verify()
    .unwrap()
}

/// Two DEKs are one if they encrypt alike.
fn assert_same_dek(dek: &Dek, expected: &Hex) {
    let expected = Dek::new(expected.0.as_slice().try_into().unwrap());
    let tag = |dek: &Dek| dek.seal(&[7; 12], b"aad", &mut [0; 40]).unwrap();
    assert_eq!(tag(dek), tag(&expected));
}

#[derive(Deserialize)]
#[expect(non_snake_case, reason = "the paper's letters")]
struct EdekVector {
    suite: u8,
    state: u8,
    slot: u8,
    delegating_public: Hex,
    opening_key_id: Hex,
    C: Hex,
    X: Hex,
    dek: Hex,
    commitment: Hex,
    edek: Hex,
    opening_secret: Hex,
    opening_public: Hex,
    rekey: Option<Hex>,
    fresh_edek: Hex,
    immutable: Hex,
}

#[test]
fn edeks() {
    for v in vectors::<EdekVector>(include_str!("../tests/vectors/edek.json")) {
        let edek = Edek::parse(&v.edek.0).unwrap();
        let delegating = PublicKey::from_bytes(suite(v.suite), &v.delegating_public.0).unwrap();
        let opening = PublicKey::from_bytes(suite(v.suite), &v.opening_public.0).unwrap();
        assert_eq!(edek.as_bytes().as_slice(), v.edek.0);
        assert_eq!(edek.suite(), suite(v.suite));
        assert_eq!(edek.state().as_byte(), v.state);
        assert_eq!(edek.slot(), v.slot);
        assert_eq!(edek.delegating_id(), delegating.id());
        assert_eq!(edek.opening_id(), opening.id());
        assert_eq!(edek.opening_id(), KeyId::from_bytes(v.opening_key_id.0.try_into().unwrap()));
        assert_eq!(edek.capsule().unwrap().to_bytes().as_slice(), v.C.0);
        let precursor = edek.precursor().unwrap().map_or([0; 33], |x| x.to_bytes());
        assert_eq!(precursor.as_slice(), v.X.0);
        assert_eq!(edek.commitment().as_slice(), v.commitment.0);
        assert_eq!(edek.immutable_part().as_slice(), v.immutable.0);
        assert_same_dek(&edek.decapsulate(&secret(v.suite, &v.opening_secret)).unwrap(), &v.dek);
        if let Some(bytes) = v.rekey {
            let fresh = Edek::parse(&v.fresh_edek.0).unwrap();
            assert_eq!(fresh.reencrypt(&rekey(&bytes.0)), Ok(edek));
        }
    }
}

#[derive(Deserialize)]
struct HeaderVector {
    suite: u8,
    slots: Vec<u8>,
    edeks: Vec<HeaderEdek>,
    nu_edek: Hex,
}

#[derive(Deserialize)]
struct HeaderEdek {
    slot: u8,
    state: u8,
    edek: Hex,
    opening_secret: Hex,
    dek: Hex,
}

#[test]
fn headers() {
    for v in vectors::<HeaderVector>(include_str!("../tests/vectors/header.json")) {
        let header = EdekHeader::parse(&v.nu_edek.0).unwrap();
        assert_eq!(header.iter().map(|edek| edek.slot()).collect::<Vec<_>>(), v.slots);
        for one in v.edeks {
            let edek = header.find(one.slot).unwrap();
            assert_eq!(edek.as_bytes().as_slice(), one.edek.0);
            assert_eq!(edek.state().as_byte(), one.state);
            let dek = edek.decapsulate(&secret(v.suite, &one.opening_secret)).unwrap();
            assert_same_dek(&dek, &one.dek);
        }
    }
}

#[derive(Deserialize)]
struct InvalidEdek {
    name: String,
    parse: String,
    bytes: Hex,
    field: String,
    offset: usize,
}

/// Parses and decodes every point, as the Python program does at once.
fn decode_all(edeks: impl Iterator<Item = (usize, Edek)>) -> Result<(), Malformed> {
    for (base, edek) in edeks {
        edek.capsule().map_err(|flaw| flaw.within(base))?;
        edek.precursor().map_err(|flaw| flaw.within(base))?;
    }
    Ok(())
}

#[test]
fn invalid_edeks() {
    for v in vectors::<InvalidEdek>(include_str!("../tests/vectors/edek-invalid.json")) {
        let parsed = match v.parse.as_str() {
            "edek" => Edek::parse(&v.bytes.0).and_then(|edek| decode_all([(0, edek)].into_iter())),
            "header" => EdekHeader::parse(&v.bytes.0).and_then(|header| {
                decode_all(header.iter().enumerate().map(|(at, edek)| (at * 102, edek)))
            }),
            other => panic!("{other}"),
        };
        let flaw = parsed.expect_err(&v.name);
        assert_eq!((flaw.field, flaw.offset), (v.field.as_str(), v.offset), "{}", v.name);
    }
}

#[derive(Deserialize)]
struct SealedVector {
    name: String,
    kind: String,
    flags: u8,
    nonce: Hex,
    dek: Hex,
    suite: u8,
    edek: Hex,
    opening_secret: Hex,
    context: String,
    record_key: Option<Hex>,
    topic: String,
    partition: u32,
    plaintext: Hex,
    compressed_text: Option<Hex>,
    aad: Hex,
    value: Hex,
}

fn binding<'a>(
    context: &'a str,
    key: Option<&'a Hex>,
    topic: &'a str,
    partition: u32,
) -> Binding<'a> {
    Binding {
        context: context.as_bytes(),
        key: key.map(|key| key.0.as_slice()),
        place: Some(Place { topic, partition }),
    }
}

/// Opens as a consumer does, through an opener.
fn open_record(
    key: SecretKey,
    context: &ChannelName,
    edek: &[u8],
    tombstone: bool,
    sealed: &[u8],
    binding: &Binding<'_>,
) -> Result<Option<Vec<u8>>, OpenError> {
    let mut headers = vec![(EDEK_HEADER.as_bytes(), Some(edek))];
    if tombstone {
        headers.push((NULL_HEADER.as_bytes(), Some(sealed)));
    }
    let record = SealedRecordRef {
        key: binding.key,
        value: (!tombstone).then_some(sealed),
        place: binding.place,
        headers,
    };
    Opener::new(OpenerConfig::new([key])).unwrap().open(record, context)
}

#[test]
fn sealed_values() {
    for v in vectors::<SealedVector>(include_str!("../tests/vectors/sealed.json")) {
        let edek = Edek::parse(&v.edek.0).unwrap();
        let dek = Dek::new(v.dek.0.as_slice().try_into().unwrap());
        let binding = binding(&v.context, v.record_key.as_ref(), &v.topic, v.partition);
        let value = SealedValue::parse(&v.value.0).unwrap();
        assert_eq!(value.flags().as_byte(), v.flags, "{}", v.name);
        assert_eq!(value.nonce().as_bytes().as_slice(), v.nonce.0, "{}", v.name);

        let mut aad = Vec::new();
        assert!(binding.write_aad(value.flags(), &edek, &mut aad).is_ok());
        assert_eq!(aad, v.aad.0, "{}", v.name);
        assert_eq!(value.open(&dek, &edek, &binding, CAP), Ok(v.plaintext.0.clone()), "{}", v.name);

        // Sealed again, it is the same bytes. What our compressors make may differ.
        let padding = if value.flags().padded() { Padding::Blocks } else { Padding::None };
        let text = v.compressed_text.as_ref().unwrap_or(&v.plaintext);
        let text = Text::new(&text.0, padding, &mut Compressor::none()).unwrap();
        let flags = text.flags().with_compression(value.flags().compression());
        let flags = if value.flags().key_bound() { flags.with_key_bound() } else { flags };
        let flags = if value.flags().place_bound() { flags.with_place_bound() } else { flags };
        let mut again = text.into_buffer();
        let nonce = value.nonce();
        let nonce = Nonce::new(nonce.session(), nonce.record_number(), nonce.token_index());
        again[0] = flags.as_byte();
        again[1..TEXT_AT].copy_from_slice(nonce.as_bytes());
        let tag = dek.seal(nonce.as_bytes(), &aad, &mut again[TEXT_AT..]).unwrap();
        again.extend_from_slice(&tag);
        assert_eq!(again, v.value.0, "{}", v.name);

        if v.kind == "field" {
            continue;
        }
        let tombstone = v.kind == "tombstone";
        let key = secret(v.suite, &v.opening_secret);
        let context = ChannelName::new(&v.context).unwrap();
        let opened = open_record(key, &context, &v.edek.0, tombstone, &v.value.0, &binding);
        assert_eq!(opened, Ok((!tombstone).then_some(v.plaintext.0)), "{}", v.name);
    }
}

#[derive(Deserialize)]
struct InvalidValue {
    name: String,
    kind: String,
    expected: String,
    suite: u8,
    edek: Hex,
    opening_secret: Hex,
    context: String,
    record_key: Option<Hex>,
    topic: String,
    partition: u32,
    value: Hex,
}

fn kind_of(error: &OpenError) -> &'static str {
    match error {
        OpenError::NotSealed => "not-sealed",
        OpenError::NotGranted { .. } => "not-for-this-key",
        OpenError::Altered => "altered",
        OpenError::Malformed(_) => "malformed",
        OpenError::TooLarge => "too-large",
        OpenError::Unsigned => "unsigned",
        OpenError::WrongSigner { .. } => "wrong-signer",
        OpenError::WrongSignature { .. } => "wrong-signature",
        OpenError::BadSignature => "bad-signature",
    }
}

#[test]
fn invalid_values() {
    for v in vectors::<InvalidValue>(include_str!("../tests/vectors/sealed-invalid.json")) {
        let key = secret(v.suite, &v.opening_secret);
        let binding = binding(&v.context, v.record_key.as_ref(), &v.topic, v.partition);
        let tombstone = v.kind == "tombstone";

        // What the value itself says, whatever slot its EDEK names.
        let opened = || {
            let value = if tombstone {
                SealedValue::parse_null(&v.value.0)?
            } else {
                SealedValue::parse_whole(&v.value.0)?
            };
            let edek = Edek::parse(&v.edek.0)?;
            value.open(&edek.decapsulate(&key)?, &edek, &binding, CAP)
        };
        assert_eq!(kind_of(&opened().expect_err(&v.name)), v.expected, "{}", v.name);

        // What a consumer sees.
        if let Ok(context) = ChannelName::new(&v.context) {
            let opened =
                open_record(key.clone(), &context, &v.edek.0, tombstone, &v.value.0, &binding);
            assert_eq!(kind_of(&opened.expect_err(&v.name)), v.expected, "{}", v.name);
        }
    }
}

#[derive(Deserialize)]
struct FileVector {
    name: String,
    suite: u8,
    context: String,
    secret: Hex,
    file: Hex,
    plaintext: Hex,
    b_secret: Hex,
    interactive: MovedFile,
    non_interactive: MovedFile,
}

#[derive(Deserialize)]
struct MovedFile {
    rekey: Hex,
    file: Hex,
}

#[test]
fn files() {
    for v in vectors::<FileVector>(include_str!("../tests/vectors/file.json")) {
        let context = ChannelName::new(&v.context).unwrap();
        let (a, b) = (secret(v.suite, &v.secret), secret(v.suite, &v.b_secret));
        assert_eq!(open_file(&a, &context, &v.file.0), Ok(v.plaintext.0.clone()), "{}", v.name);
        for moved in [v.interactive, v.non_interactive] {
            let reencrypted = reencrypt_file(&rekey(&moved.rekey.0), &v.file.0);
            assert_eq!(reencrypted.as_deref(), Ok(moved.file.0.as_slice()), "{}", v.name);
            assert_eq!(open_file(&b, &context, &moved.file.0), Ok(v.plaintext.0.clone()));
            let refused = open_file(&a, &context, &moved.file.0);
            assert_eq!(refused, Err(OpenError::NotGranted { opening_id: b.id() }));
        }
    }
}

#[test]
fn flags_say_what_they_were_told() {
    let flags = Flags::NONE.with_key_bound().with_padding();
    assert_eq!(flags.as_byte(), 0b1_0001);
    assert!(flags.key_bound() && flags.padded() && !flags.place_bound());
}

#[derive(Deserialize)]
struct SignatureVector {
    name: String,
    version: u8,
    secret: Hex,
    public: Hex,
    sig_id: Hex,
    channel: String,
    nu_edek: Hex,
    nu_edek_reencrypted: Hex,
    value: Option<Hex>,
    key: Option<Hex>,
    signed: Hex,
    nu_sig: Hex,
}

#[test]
fn signatures() {
    for v in vectors::<SignatureVector>(include_str!("../tests/vectors/signature.json")) {
        let signing = SigningKey::from_seed(v.secret.0.as_slice().try_into().unwrap());
        let public = VerifyingKey::from_bytes(v.public.0.as_slice().try_into().unwrap()).unwrap();
        assert_eq!(signing.verifying_key(), &public);
        assert_eq!(public.id().as_bytes().as_slice(), v.sig_id.0, "{}", v.name);
        let channel = ChannelName::new(&v.channel).unwrap();
        let edeks = EdekHeader::parse(&v.nu_edek.0).unwrap();
        let (key, value) = (v.key.as_ref().map(|k| &*k.0), v.value.as_ref().map(|v| &*v.0));
        let made = match v.version {
            1 => Signature::session(&signing, &channel, &edeks),
            2 => Signature::record(&signing, &channel, &edeks, key, value),
            _ => Signature::attest(&signing, &channel, &edeks, key, value),
        };
        // Ed25519 is deterministic.
        assert_eq!(made.as_bytes().as_slice(), v.nu_sig.0, "{}", v.name);
        assert_eq!(made.signed(&channel, &edeks, key, value), v.signed.0, "{}", v.name);
        assert_eq!(Signature::parse(&v.nu_sig.0), Ok(made), "{}", v.name);
        let moved = EdekHeader::parse(&v.nu_edek_reencrypted.0).unwrap();
        assert!(made.verifies(&public, &channel, &moved, key, value), "{}", v.name);
    }
}
