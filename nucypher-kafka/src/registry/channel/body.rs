//! The channel descriptor's bytes (`docs/spec/registry.md`, "Channel descriptor"): strict, one
//! spelling for each descriptor.

use nucypher_envelope::signature::VerifyingKey;
use nucypher_pre::{PublicKey, Suite};

use super::{
    ChannelDescriptor, ChannelKey, ProducerKey, ProtectedField, RequiredSignature, Signer,
    SignerRole,
};
use crate::registry::{
    codec::{Malformed, Reader, TooLong, put_len16, put_texts, read_texts},
    name::{is_field, is_name, is_principal, is_selector, is_topic_pattern},
};

const DOMAIN: &[u8] = b"nucypher/v1/channel-body";

/// Producers' records must be encrypted: the gateway refuses clear ones.
const FLAG_REQUIRE_ENCRYPTION: u8 = 1;
/// The gateway refuses all records.
const FLAG_RETIRED: u8 = 1 << 1;
/// A selector that matches nothing is an error.
const FLAG_REQUIRED: u8 = 1;

impl ChannelDescriptor {
    /// Encodes the body that is signed.
    pub(in crate::registry) fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let mut out = DOMAIN.to_vec();
        out.push(self.suite.as_byte());
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(
            flag(self.require_encryption, FLAG_REQUIRE_ENCRYPTION)
                | flag(self.retired, FLAG_RETIRED),
        );
        out.push(signatures_byte(self.signatures));
        put_len16(&mut out, "channel", self.name.as_bytes())?;
        put_texts(&mut out, "topics", &self.topics)?;
        out.extend(self.revision.to_be_bytes());
        put_count(&mut out, "keys", self.keys.len())?;
        for key in &self.keys {
            put_key(&mut out, key.epoch, key.slot, &key.field, &key.key)?;
        }
        put_count(&mut out, "producers", self.producers.len())?;
        for producer in &self.producers {
            put_len16(&mut out, "principal", producer.principal.as_bytes())?;
            put_key(&mut out, producer.epoch, producer.slot, &producer.field, &producer.key)?;
        }
        put_count(&mut out, "signers", self.signers.len())?;
        for signer in &self.signers {
            out.push(signer.role.as_byte());
            out.extend(signer.key.to_bytes());
            put_len16(&mut out, "principal", signer.principal.as_bytes())?;
        }
        let fields = u8::try_from(self.fields.len()).map_err(|_| TooLong { field: "fields" })?;
        out.push(fields);
        for field in &self.fields {
            out.push(field.slot);
            out.push(flag(field.required, FLAG_REQUIRED));
            put_len16(&mut out, "field", field.name.as_bytes())?;
            put_texts(&mut out, "selectors", &field.selectors)?;
        }
        Ok(out)
    }

    /// Decodes a body. Cost: a square root for each key (about 10 us).
    pub(in crate::registry) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        reader.constant("domain", DOMAIN)?;
        let suite = read_suite(&mut reader)?;
        let flags_at = reader.fail("flags");
        let flags = reader.u8("flags")?;
        if flags & !(FLAG_REQUIRE_ENCRYPTION | FLAG_RETIRED) != 0 {
            return Err(flags_at);
        }
        let signatures = reader.map("signatures", |reader| {
            let byte = reader.u8("signatures")?;
            signatures_from_byte(byte).ok_or(reader.fail("signatures"))
        })?;
        let name = reader.text("channel", is_name)?.into();
        let topics_at = reader.fail("topics");
        let topics = read_texts(&mut reader, "topics", is_topic_pattern)?;
        if !ascending(&topics) {
            return Err(topics_at);
        }
        let revision = reader.u64("revision")?;
        let keys = read_keys(&mut reader, suite)?;
        let producers = read_producers(&mut reader, suite, &keys)?;
        let signers = read_signers(&mut reader)?;
        let fields = read_fields(&mut reader, &keys)?;
        reader.finish()?;
        Ok(Self {
            name,
            suite,
            require_encryption: flags & FLAG_REQUIRE_ENCRYPTION != 0,
            retired: flags & FLAG_RETIRED != 0,
            signatures,
            topics,
            revision,
            keys,
            producers,
            signers,
            fields,
        })
    }
}

const fn signatures_byte(required: RequiredSignature) -> u8 {
    match required {
        RequiredSignature::None => 0,
        RequiredSignature::Session => 1,
        RequiredSignature::Record => 2,
        RequiredSignature::Attested => 3,
    }
}

fn signatures_from_byte(byte: u8) -> Option<RequiredSignature> {
    use RequiredSignature::{Attested, None, Record, Session};
    [None, Session, Record, Attested]
        .into_iter()
        .find(|required| signatures_byte(*required) == byte)
}

impl SignerRole {
    fn as_byte(self) -> u8 {
        match self {
            Self::Producer => 1,
            Self::Channel => 2,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Producer, Self::Channel].into_iter().find(|role| role.as_byte() == byte)
    }
}

fn read_keys(reader: &mut Reader<'_>, suite: Suite) -> Result<Vec<ChannelKey>, Malformed> {
    let count = reader.u16("keys")?;
    let mut keys: Vec<ChannelKey> = Vec::new();
    for _ in 0..count {
        let at = reader.fail("keys");
        let key = read_key(reader, suite)?;
        let in_order =
            keys.last().is_none_or(|last| (last.epoch, last.slot) < (key.epoch, key.slot));
        let distinct = !keys
            .iter()
            .rev()
            .take_while(|other| other.epoch == key.epoch)
            .any(|other| other.field == key.field);
        if !in_order || !distinct {
            return Err(at);
        }
        keys.push(key);
    }
    Ok(keys)
}

/// A producer's key stands beside the channel's of the same epoch, slot and field.
fn read_producers(
    reader: &mut Reader<'_>,
    suite: Suite,
    keys: &[ChannelKey],
) -> Result<Vec<ProducerKey>, Malformed> {
    let count = reader.u16("producers")?;
    let mut producers: Vec<ProducerKey> = Vec::new();
    for _ in 0..count {
        let at = reader.fail("producers");
        let principal: Box<str> = reader.text("principal", is_principal)?.into();
        let ChannelKey { epoch, slot, field, key } = read_key(reader, suite)?;
        let beside = find(keys, epoch, slot).is_some_and(|key| key.field == field);
        let in_order = producers.last().is_none_or(|last| {
            (&last.principal, last.epoch, last.slot) < (&principal, epoch, slot)
        });
        if !beside || !in_order {
            return Err(at);
        }
        producers.push(ProducerKey { principal, epoch, slot, field, key });
    }
    Ok(producers)
}

fn read_signers(reader: &mut Reader<'_>) -> Result<Vec<Signer>, Malformed> {
    let count = reader.u16("signers")?;
    let mut signers: Vec<Signer> = Vec::new();
    for _ in 0..count {
        let at = reader.fail("signers");
        let role = reader.map("role", |reader| {
            SignerRole::from_byte(reader.u8("role")?).ok_or(reader.fail("role"))
        })?;
        let key = reader.map("signing key", |reader| {
            VerifyingKey::from_bytes(reader.array("signing key")?)
                .map_err(|_| reader.fail("signing key"))
        })?;
        let principal = reader.text("principal", |principal| match role {
            SignerRole::Producer => is_principal(principal),
            SignerRole::Channel => principal.is_empty(),
        })?;
        let signer = Signer { role, key, principal: principal.into() };
        if signers.last().is_some_and(|last| last.place() >= signer.place()) {
            return Err(at);
        }
        signers.push(signer);
    }
    Ok(signers)
}

/// Each field has a key in the newest epoch.
fn read_fields(
    reader: &mut Reader<'_>,
    keys: &[ChannelKey],
) -> Result<Vec<ProtectedField>, Malformed> {
    let epoch = keys.last().map(|key| key.epoch);
    let count = reader.u8("fields")?;
    let mut fields: Vec<ProtectedField> = Vec::new();
    for _ in 0..count {
        let at = reader.fail("fields");
        let slot = reader.u8("slot")?;
        let flags_at = reader.fail("field flags");
        let flags = reader.u8("field flags")?;
        if flags & !FLAG_REQUIRED != 0 {
            return Err(flags_at);
        }
        let name = reader.text("field", |field| !field.is_empty() && is_field(field))?.into();
        let selectors_at = reader.fail("selectors");
        let selectors = read_texts(reader, "selectors", is_selector)?;
        if selectors.is_empty() || !ascending(&selectors) {
            return Err(selectors_at);
        }
        let has_key =
            epoch.and_then(|epoch| find(keys, epoch, slot)).is_some_and(|key| key.field == name);
        if !has_key || fields.last().is_some_and(|last| last.slot >= slot) {
            return Err(at);
        }
        let required = flags & FLAG_REQUIRED != 0;
        fields.push(ProtectedField { slot, name, required, selectors });
    }
    Ok(fields)
}

fn find(keys: &[ChannelKey], epoch: u32, slot: u8) -> Option<&ChannelKey> {
    let place = keys.binary_search_by_key(&(epoch, slot), |key| (key.epoch, key.slot)).ok()?;
    keys.get(place)
}

fn put_count(out: &mut Vec<u8>, field: &'static str, count: usize) -> Result<(), TooLong> {
    out.extend(u16::try_from(count).map_err(|_| TooLong { field })?.to_be_bytes());
    Ok(())
}

fn put_key(
    out: &mut Vec<u8>,
    epoch: u32,
    slot: u8,
    field: &str,
    key: &PublicKey,
) -> Result<(), TooLong> {
    out.extend(epoch.to_be_bytes());
    out.push(slot);
    put_len16(out, "field", field.as_bytes())?;
    out.extend(key.to_bytes());
    Ok(())
}

fn read_key(reader: &mut Reader<'_>, suite: Suite) -> Result<ChannelKey, Malformed> {
    let epoch = reader.u32("epoch")?;
    let slot = reader.u8("slot")?;
    // Slot 0 is the whole value, which has no field, and nothing else is.
    let field =
        reader.text("field", |field| is_field(field) && field.is_empty() == (slot == 0))?.into();
    let key = read_public_key(reader, "public key", suite)?;
    Ok(ChannelKey { epoch, slot, field, key })
}

pub(in crate::registry) fn read_suite(reader: &mut Reader<'_>) -> Result<Suite, Malformed> {
    reader.map("suite", |reader| Suite::from_byte(reader.u8("suite")?).ok_or(reader.fail("suite")))
}

pub(in crate::registry) fn read_public_key(
    reader: &mut Reader<'_>,
    field: &'static str,
    suite: Suite,
) -> Result<PublicKey, Malformed> {
    reader.map(field, |reader| {
        let bytes: &[u8; 33] = reader.array(field)?;
        PublicKey::from_bytes(suite, bytes).map_err(|_| reader.fail(field))
    })
}

/// Whether a list is sorted without duplicates.
fn ascending<T: Ord>(list: &[T]) -> bool {
    list.is_sorted_by(|a, b| a < b)
}
