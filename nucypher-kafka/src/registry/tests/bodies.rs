//! Signed bodies: the vectors of an independent implementation, round trips, and what is refused.

use nucypher_pre::{DelegationKind, MasterSecret, Precursor, PublicKey, ReencryptionKey};
use proptest::prelude::*;

use super::*;

#[derive(serde::Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    suite: u8,
    state: u8,
    #[serde(rename = "A")]
    delegator: String,
    #[serde(rename = "B")]
    delegatee: String,
    #[serde(rename = "X")]
    precursor: Option<String>,
    #[serde(rename = "T")]
    target: String,
    channel: String,
    epoch: u32,
    field: String,
    principal: String,
    not_before: i64,
    not_after: i64,
    revision: u64,
    topics: Vec<String>,
    gateways: Vec<String>,
    body: String,
    administrator_secret: String,
    administrator_public: String,
    signature: String,
}

impl Vector {
    fn grant(&self) -> GrantBody {
        let suite = Suite::from_byte(self.suite).unwrap();
        let bytes = |text: &str| hex::decode(text).unwrap();
        let bound = |time: i64| (time != 0).then_some(time);
        GrantBody {
            kind: match self.state {
                1 => DelegationKind::Interactive,
                _ => DelegationKind::NonInteractive,
            },
            delegator: PublicKey::from_bytes(suite, &bytes(&self.delegator)).unwrap(),
            delegatee: PublicKey::from_bytes(suite, &bytes(&self.delegatee)).unwrap(),
            precursor: self
                .precursor
                .as_ref()
                .map(|text| Precursor::from_bytes(&bytes(text)).unwrap()),
            target: bytes(&self.target).try_into().unwrap(),
            channel: self.channel.as_str().into(),
            epoch: self.epoch,
            field: self.field.as_str().into(),
            principal: self.principal.as_str().into(),
            validity: Validity::new(bound(self.not_before), bound(self.not_after)).unwrap(),
            revision: self.revision,
            topics: self.topics.iter().map(|topic| topic.as_str().into()).collect(),
            gateways: self.gateways.iter().map(|id| id.parse().unwrap()).collect(),
        }
    }
}

#[test]
fn grants_are_as_the_independent_implementation_writes_them() {
    let text = include_str!("../../../tests/vectors/grant.json");
    let vectors: Vectors = serde_json::from_str(text).unwrap();
    assert!(vectors.vectors.len() >= 8);
    for vector in vectors.vectors {
        let body = hex::decode(&vector.body).unwrap();
        let grant = vector.grant();
        assert_eq!(hex::encode(grant.encode().unwrap()), vector.body, "{}", vector.name);
        assert_eq!(GrantBody::decode(&body).unwrap(), grant, "{}", vector.name);

        let signed = Signed {
            secret: &vector.administrator_secret,
            public: &vector.administrator_public,
            signature: &vector.signature,
        };
        let sealed = vec![0; 80 * grant.gateways.len()];
        signed.check(EntryKind::Grant, &body, &sealed, &vector.name);
    }
}

fn sample_grant() -> GrantBody {
    let rng = &mut Seeded(7);
    let master = MasterSecret::generate(rng);
    let delegator = master.channel_key(Suite::Ecies, "orders", 3, "card").unwrap();
    let delegatee = SecretKey::generate(Suite::Ecies, rng);
    let key = ReencryptionKey::non_interactive(&delegator, delegatee.public_key(), rng).unwrap();
    GrantBody {
        kind: key.kind(),
        delegator: key.delegator().clone(),
        delegatee: key.delegatee().clone(),
        precursor: key.precursor().copied(),
        target: key.target_bytes(),
        channel: "orders".into(),
        epoch: 3,
        field: "card".into(),
        principal: "User:alice".into(),
        validity: Validity::new(Some(NOW), Some(NOW + DAY)).unwrap(),
        revision: 9,
        topics: vec!["orders".into(), "returns".into()],
        gateways: vec![GatewayKeyId::from_bytes([1; 8]), GatewayKeyId::from_bytes([2; 8])],
    }
}

pub(super) fn sample_channel() -> ChannelDescriptor {
    let master = MasterSecret::generate(&mut Seeded(8));
    let key = |epoch, slot, field: &str| ChannelKey {
        epoch,
        slot,
        field: field.into(),
        key: master.channel_key(Suite::Bbs98, "orders", epoch, field).unwrap().public_key().clone(),
    };
    let producer = |principal: &str, epoch, slot, field: &str| {
        let key = master.producer_key(Suite::Bbs98, "orders", epoch, field, principal).unwrap();
        let (principal, field, key) = (principal.into(), field.into(), key.public_key().clone());
        ProducerKey { principal, epoch, slot, field, key }
    };
    let mut signers = vec![
        Signer::producer(signing_key(1), "User:a"),
        Signer::producer(signing_key(2), "User:app-*"),
        Signer::channel(signing_key(1)),
    ];
    signers.sort_by_key(Signer::place);
    ChannelDescriptor {
        name: "orders".into(),
        suite: Suite::Bbs98,
        require_encryption: true,
        retired: true,
        signatures: RequiredSignature::Record,
        topics: vec!["orders".into(), "returns.*".into()],
        revision: 4,
        keys: vec![key(1, 0, ""), key(1, 1, "card"), key(2, 0, ""), key(2, 1, "card")],
        producers: vec![
            producer("User:a", 2, 0, ""),
            producer("User:a", 2, 1, "card"),
            producer("User:app-*", 1, 0, ""),
        ],
        signers,
        fields: vec![ProtectedField {
            slot: 1,
            name: "card".into(),
            required: true,
            selectors: vec!["$.card.number".into(), "tag:PII".into()],
        }],
    }
}

fn sample_head() -> Head {
    Head {
        revision: 12,
        issued: NOW,
        valid_until: Some(NOW + DAY),
        count: 3,
        digest: [7; 32],
        removed: vec![EntryId::from_bytes([1; 8]), EntryId::from_bytes([2; 8])],
    }
}

fn sample_pass_through() -> PassThroughBody {
    PassThroughBody {
        channel: "orders".into(),
        principal: "User:mirror".into(),
        validity: Validity::ALWAYS,
        revision: 5,
        topics: vec!["orders".into()],
    }
}

#[test]
fn bodies_come_back_as_they_were() {
    let grant = sample_grant();
    assert_eq!(GrantBody::decode(&grant.encode().unwrap()).unwrap(), grant);
    let channel = sample_channel();
    assert_eq!(ChannelDescriptor::decode(&channel.encode().unwrap()).unwrap(), channel);
    let head = sample_head();
    assert_eq!(Head::decode(&head.encode().unwrap()).unwrap(), head);
    let pass_through = sample_pass_through();
    assert_eq!(PassThroughBody::decode(&pass_through.encode().unwrap()).unwrap(), pass_through);
}

/// Every way to cut a body short, and a byte too many: malformed, never a panic.
#[test]
fn truncated_and_extended_bodies_are_refused() {
    type Decode = fn(&[u8]) -> bool;
    let bodies: [(Vec<u8>, Decode); 4] = [
        (sample_grant().encode().unwrap(), |body| GrantBody::decode(body).is_ok()),
        (sample_channel().encode().unwrap(), |body| ChannelDescriptor::decode(body).is_ok()),
        (sample_head().encode().unwrap(), |body| Head::decode(body).is_ok()),
        (sample_pass_through().encode().unwrap(), |body| PassThroughBody::decode(body).is_ok()),
    ];
    for (body, decodes) in bodies {
        assert!(decodes(&body));
        for len in 0..body.len() {
            assert!(!decodes(&body[..len]), "cut to {len}");
        }
        assert!(!decodes(&[&body[..], &[0]].concat()));
    }
}

/// Errors name the field and where it begins.
#[test]
fn errors_name_field_and_offset() {
    let body = sample_grant().encode().unwrap();
    let domain = "nucypher/v1/grant-body".len();
    let with = |offset: usize, byte: u8| {
        let mut body = body.clone();
        body[offset] = byte;
        GrantBody::decode(&body).unwrap_err()
    };
    let malformed = |field, offset| Malformed { field, offset };
    assert_eq!(with(3, b'-'), malformed("domain", 0));
    assert_eq!(with(domain, 3), malformed("suite", domain));
    assert_eq!(with(domain + 1, 0), malformed("state", domain + 1));
    assert_eq!(with(domain + 2, 4), malformed("A", domain + 2));
    assert_eq!(with(domain + 35, 5), malformed("B", domain + 35));
    assert_eq!(with(domain + 68, 0), malformed("X", domain + 68));
    assert_eq!(with(domain + 101, 9), malformed("T", domain + 101));
    // State 1 with a precursor, as the specification has it zero.
    assert_eq!(with(domain + 1, 1), malformed("X", domain + 68));
    // The channel's length runs beyond the end.
    assert_eq!(with(domain + 134, 0xFF), malformed("channel", domain + 134));
    assert_eq!(with(body.len() - 17, 1), malformed("end", body.len() - 8));
    assert_eq!(with(body.len() - 17, 3), malformed("gateway key id", body.len()));
    // The same gateway twice.
    let twice = [&body[..body.len() - 8], &[1; 8]].concat();
    assert_eq!(GrantBody::decode(&twice).unwrap_err(), malformed("gateway key id", body.len() - 8));
    assert_eq!(malformed("T", 123).to_string(), "malformed T at byte 123");
}

#[test]
fn what_is_not_canonical_is_refused() {
    let mut channel = sample_channel();
    channel.keys.swap(0, 1);
    assert_eq!(refused(&channel), "keys");
    let mut channel = sample_channel();
    channel.keys[1].slot = 0;
    assert_eq!(refused(&channel), "field");
    let mut channel = sample_channel();
    channel.keys[0].slot = 9;
    assert_eq!(refused(&channel), "field");
    let mut channel = sample_channel();
    let again = ChannelKey { slot: 2, ..channel.keys[3].clone() };
    channel.keys.push(again);
    assert_eq!(refused(&channel), "keys");
    let mut channel = sample_channel();
    channel.topics.swap(0, 1);
    assert_eq!(refused(&channel), "topics");
    let mut channel = sample_channel();
    channel.topics = vec!["..".into()];
    assert_eq!(refused(&channel), "topics");
    let mut channel = sample_channel();
    channel.name = "a/b".into();
    assert_eq!(refused(&channel), "channel");

    for (field, alter) in CHANNEL_FLAWS {
        let mut channel = sample_channel();
        alter(&mut channel);
        assert_eq!(refused(&channel), *field);
    }
    // Flags and a signature that this version does not know.
    let body = sample_channel().encode().unwrap();
    let domain = "nucypher/v1/channel-body".len();
    for (place, byte, field) in [(1, 4, "flags"), (2, 4, "signatures")] {
        let mut body = body.clone();
        body[domain + place] = byte;
        let malformed = ChannelDescriptor::decode(&body).unwrap_err();
        assert_eq!((malformed.field, malformed.offset), (field, domain + place));
    }

    // Keys that verify what nobody signed: zeros, and a second spelling of the identity.
    let key = sample_channel().signers[0].key.to_bytes();
    let at = body.windows(32).position(|bytes| bytes == key).unwrap();
    let mut second = [0xff; 32];
    (second[0], second[31]) = (0xee, 0x7f);
    for bytes in [[0; 32], second] {
        let mut body = body.clone();
        body[at..at + 32].copy_from_slice(&bytes);
        let malformed = ChannelDescriptor::decode(&body).unwrap_err();
        assert_eq!((malformed.field, malformed.offset), ("signing key", at));
        assert!(AdministratorKey::from_bytes(&bytes).is_err());
    }

    let mut head = sample_head();
    head.removed.swap(0, 1);
    assert_eq!(Head::decode(&head.encode().unwrap()).unwrap_err().field, "removed");
    let mut head = sample_head();
    head.valid_until = Some(-1);
    assert_eq!(Head::decode(&head.encode().unwrap()).unwrap_err().field, "valid until");
    let mut grant = sample_grant();
    grant.principal = "User:al\nice".into();
    assert_eq!(GrantBody::decode(&grant.encode().unwrap()).unwrap_err().field, "principal");
}

type Alter = fn(&mut ChannelDescriptor);

/// What must not decode, and the field to blame.
const CHANNEL_FLAWS: &[(&str, Alter)] = &[
    ("topics", |channel| channel.topics = vec!["a*b".into()]),
    ("topics", |channel| channel.topics = vec!["a**".into()]),
    ("producers", |channel| channel.producers.swap(0, 1)),
    ("producers", |channel| channel.producers[0].epoch = 3),
    ("producers", |channel| channel.producers[1].field = "name".into()),
    ("principal", |channel| channel.producers[0].principal = "".into()),
    ("signers", |channel| channel.signers.swap(0, 1)),
    ("signers", |channel| channel.signers[1] = channel.signers[0].clone()),
    ("principal", |channel| channel.signers[0].principal = "".into()),
    ("principal", |channel| channel.signers[2].principal = "User:a".into()),
    ("fields", |channel| channel.fields[0].slot = 2),
    ("fields", |channel| channel.fields[0].name = "name".into()),
    ("fields", |channel| channel.fields.push(channel.fields[0].clone())),
    ("selectors", |channel| channel.fields[0].selectors.swap(0, 1)),
    ("selectors", |channel| channel.fields[0].selectors.clear()),
    ("selectors", |channel| channel.fields[0].selectors = vec!["card".into()]),
    ("selectors", |channel| channel.fields[0].selectors = vec!["tag:".into()]),
    ("selectors", |channel| channel.fields[0].selectors = vec!["$.a\n".into()]),
];

fn refused(channel: &ChannelDescriptor) -> &'static str {
    ChannelDescriptor::decode(&channel.encode().unwrap()).unwrap_err().field
}

#[test]
fn what_does_not_fit_its_length_field_is_not_written() {
    let mut grant = sample_grant();
    grant.gateways = (0..=255_u8).map(|byte| GatewayKeyId::from_bytes([byte; 8])).collect();
    assert_eq!(grant.encode().unwrap_err().to_string(), "gateways is too long");
    let mut grant = sample_grant();
    grant.topics = (0..300).map(|n| format!("{n:0>249}").into()).collect();
    assert_eq!(grant.encode().unwrap_err().to_string(), "topics is too long");
}

#[test]
fn validity_includes_both_ends_and_survives_extreme_clocks() {
    let validity = Validity::new(Some(10), Some(20)).unwrap();
    let inside: Vec<i64> = (8..23).filter(|now| validity.contains(*now)).collect();
    assert_eq!(inside, (10..=20).collect::<Vec<_>>());
    assert_eq!(validity.changes().collect::<Vec<_>>(), [10, 21]);
    assert!(!validity.contains(i64::MIN) && !validity.contains(i64::MAX));
    assert!(Validity::ALWAYS.contains(i64::MIN) && Validity::ALWAYS.contains(i64::MAX));
    assert_eq!(Validity::new(Some(20), Some(10)), Err(ValidityError::Empty));
    assert_eq!(Validity::new(Some(0), None), Err(ValidityError::Zero));
    assert_eq!(Validity::new(None, Some(i64::MAX)).unwrap().changes().count(), 0);
}

#[test]
fn principals_take_kafkas_form() {
    assert_eq!(normalise_principal("alice").unwrap(), "User:alice");
    assert_eq!(normalise_principal("User:alice").unwrap(), "User:alice");
    assert_eq!(normalise_principal("CN=alice,O=Shop").unwrap(), "User:CN=alice,O=Shop");
    for wrong in ["", "User:", "al\nice", &"x".repeat(5000)] {
        assert!(normalise_principal(wrong).is_err(), "{wrong:?}");
    }
}

proptest! {
    /// Whatever decodes encodes to the same bytes, also after random damage.
    #[test]
    fn one_spelling_for_each_body(at in 0_usize..800, byte: u8, len in 0_usize..800) {
        for body in [
            sample_grant().encode().unwrap(),
            sample_channel().encode().unwrap(),
            sample_head().encode().unwrap(),
            sample_pass_through().encode().unwrap(),
        ] {
            let mut body = body;
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            body.truncate(len.max(30));
            // Asserts that what decodes encodes to itself.
            fuzz_registry_entry(&body);
        }
    }
}
