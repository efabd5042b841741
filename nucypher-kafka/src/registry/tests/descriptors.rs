//! Channel descriptors, against the vectors of an independent implementation, and through the
//! administrator.

use nucypher_pre::{MasterSecret, PublicKey};

use super::*;

#[derive(serde::Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    suite: u8,
    flags: u8,
    signatures: u8,
    channel: String,
    topics: Vec<Box<str>>,
    revision: u64,
    master: String,
    keys: Vec<Key>,
    producers: Vec<Key>,
    signers: Vec<VectorSigner>,
    fields: Vec<Field>,
    body: String,
    administrator_secret: String,
    administrator_public: String,
    signature: String,
}

#[derive(serde::Deserialize)]
struct Key {
    principal: Option<String>,
    epoch: u32,
    slot: u8,
    field: String,
    key: String,
}

#[derive(serde::Deserialize)]
struct VectorSigner {
    role: u8,
    key: String,
    principal: String,
}

#[derive(serde::Deserialize)]
struct Field {
    slot: u8,
    flags: u8,
    name: String,
    selectors: Vec<Box<str>>,
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn verifying(text: &str) -> VerifyingKey {
    VerifyingKey::from_bytes(&bytes(text)).unwrap()
}

impl Vector {
    /// The keys are derived here too, so that derivation is under the vectors.
    fn descriptor(&self) -> ChannelDescriptor {
        let suite = Suite::from_byte(self.suite).unwrap();
        let master = MasterSecret::from_bytes(&bytes::<32>(&self.master)).unwrap();
        let derived = |key: &Key| -> PublicKey {
            let (channel, field) = (&self.channel, &key.field);
            let secret = match &key.principal {
                None => master.channel_key(suite, channel, key.epoch, field),
                Some(principal) => master.producer_key(suite, channel, key.epoch, field, principal),
            };
            let public = secret.unwrap().public_key().clone();
            assert_eq!(hex::encode(public.to_bytes()), key.key, "{}", self.name);
            public
        };
        ChannelDescriptor {
            name: self.channel.as_str().into(),
            suite,
            require_encryption: self.flags & 1 != 0,
            retired: self.flags & 2 != 0,
            signatures: [
                RequiredSignature::None,
                RequiredSignature::Session,
                RequiredSignature::Record,
                RequiredSignature::Attested,
            ][usize::from(self.signatures)],
            topics: self.topics.clone(),
            revision: self.revision,
            keys: self
                .keys
                .iter()
                .map(|key| ChannelKey {
                    epoch: key.epoch,
                    slot: key.slot,
                    field: key.field.as_str().into(),
                    key: derived(key),
                })
                .collect(),
            producers: self
                .producers
                .iter()
                .map(|key| ProducerKey {
                    principal: key.principal.as_deref().unwrap().into(),
                    epoch: key.epoch,
                    slot: key.slot,
                    field: key.field.as_str().into(),
                    key: derived(key),
                })
                .collect(),
            signers: self
                .signers
                .iter()
                .map(|signer| match signer.role {
                    1 => Signer::producer(verifying(&signer.key), &signer.principal),
                    _ => Signer::channel(verifying(&signer.key)),
                })
                .collect(),
            fields: self
                .fields
                .iter()
                .map(|field| ProtectedField {
                    slot: field.slot,
                    name: field.name.as_str().into(),
                    required: field.flags == 1,
                    selectors: field.selectors.clone(),
                })
                .collect(),
        }
    }
}

#[test]
fn descriptors_are_as_the_independent_implementation_writes_them() {
    let text = include_str!("../../../tests/vectors/channel.json");
    let vectors: Vectors = serde_json::from_str(text).unwrap();
    assert!(vectors.vectors.len() >= 7);
    for vector in vectors.vectors {
        let descriptor = vector.descriptor();
        assert_eq!(hex::encode(descriptor.encode().unwrap()), vector.body, "{}", vector.name);
        let body = hex::decode(&vector.body).unwrap();
        assert_eq!(ChannelDescriptor::decode(&body).unwrap(), descriptor, "{}", vector.name);

        let signed = Signed {
            secret: &vector.administrator_secret,
            public: &vector.administrator_public,
            signature: &vector.signature,
        };
        signed.check(EntryKind::Channel, &body, &[], &vector.name);
    }
}

#[test]
fn fields_and_signers_stand_in_the_descriptor() {
    let world = World::new();
    let key = signing_key;
    let new = NewChannel {
        fields: vec![
            NewField::new("note", &[]),
            NewField { required: true, ..NewField::new("card", &["tag:PII", "$.card.number"]) },
        ],
        signatures: RequiredSignature::Session,
        signers: vec![Signer::channel(key(1)), Signer::producer(key(2), "app")],
        ..NewChannel::new("cards")
    };
    let summary = world.administrator.create_channel(&new, NOW).unwrap();
    let channel = world.administrator.channel("cards").unwrap();
    // Each field has a key; one without a selector has no more than that.
    let slots: Vec<_> = channel.keys.iter().map(|key| (key.slot, &*key.field)).collect();
    assert_eq!(slots, [(0, ""), (1, "note"), (2, "card")]);
    let card = &channel.fields[0];
    assert_eq!((card.slot, &*card.name, card.required), (2, "card", true));
    assert_eq!(card.selectors, ["$.card.number".into(), "tag:PII".into()]);
    assert_eq!(channel.signatures, RequiredSignature::Session);
    assert_eq!(channel.signers, [Signer::producer(key(2), "User:app"), Signer::channel(key(1))]);
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["signatures"], "session");
    assert_eq!(json["fields"][0]["selectors"][1], "tag:PII");
    assert_eq!(json["signers"][0]["principal"], "User:app");

    let refused =
        |new: NewChannel| world.administrator.create_channel(&new, NOW).unwrap_err().to_string();
    let fields = vec![NewField::new("card", &["card.number"])];
    let selector = refused(NewChannel { fields, ..NewChannel::new("other") });
    assert!(selector.contains("no selector"), "{selector}");
    // A key that verifies what nobody signed has no type that a signer could be made of.
    let signer = VerifyingKey::from_bytes(&[0; 32]).unwrap_err().to_string();
    assert!(signer.contains("not an Ed25519 public key"), "{signer}");
    let signers = vec![Signer::producer(key(1), "app"), Signer::producer(key(1), "other")];
    let twice = refused(NewChannel { signers, ..NewChannel::new("other") });
    assert!(twice.contains("one role and one principal"), "{twice}");
}
