//! The administrator: who holds the delegating keys of its channels and says who may read them.
//! Works on two directories: its *home*, which is secret and stays with it, and the *registry*,
//! which is public and goes to the gateways.
//!
//! Each operation is one change: all of it or nothing, also when it is cut short
//! (`change`). Called by `nucypher admin`, `channel` and `grant`.

mod change;
mod error;
mod home;
mod lifecycle;
mod request;
mod share;

use std::path::Path;

use ed25519_dalek::SigningKey;
use nucypher_pre::{
    DelegationKind, MasterSecret, PublicKey, ReencryptionKey, SecretKey, rand_core::CryptoRng,
};

use super::{
    channel::{ChannelDescriptor, ChannelKey},
    directory::Directory,
    entry::{Entry, EntryId, EntryKind},
    grant::{GrantBody, PassThroughBody},
    key::{AdministratorKey, GatewayPublicKey},
    name::{NameError, is_field, is_name, is_topic_pattern, normalise_principal},
    overview::{ChannelSummary, GrantSummary, Overview},
    seal,
};
use change::Change;
#[cfg(test)]
pub(super) use change::crash;
use home::Home;
use request::{check_topics, checked_names, checked_signers, find_key, protected_fields};
use share::Secrets;
use zeroize::Zeroizing;

pub use error::AdministratorError;
pub use lifecycle::{ChannelChange, NotCarried, Rotated};
pub use request::{Consumer, GrantRequest, NewChannel, NewField, PassThroughRequest};
pub use share::ShareError;

/// How long a head is valid where `admin init` says nothing else: 90 days.
const DEFAULT_HEAD_VALIDITY_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// The first generation of a channel's keys.
const FIRST_EPOCH: u32 = 1;

/// An administrator at work. Holds secrets: the master secret and the signing key.
#[derive(Debug)]
pub struct Administrator {
    home: Home,
    registry: Directory,
    master: MasterSecret,
    signing: SigningKey,
    public: AdministratorKey,
}

impl Administrator {
    /// Creates an administrator: draws its secrets, writes its home, signs the first head.
    ///
    /// `head_valid_for_ms`: how long a head is valid (`None`: without end); each change signs a
    /// new one. Errors: a home that is there already.
    pub fn init(
        home: &Path,
        registry: &Path,
        passphrase: Option<&[u8]>,
        head_valid_for_ms: Option<i64>,
        now_ms: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, AdministratorError> {
        let secrets = Secrets::generate(rng);
        let home = Home::create(home, &secrets, passphrase, rng)?;
        let administrator = Self::with_secrets(home, registry, secrets)?;
        administrator.registry.create()?;
        let mut change = Change::begin(&administrator)?;
        change.set_head_validity(head_valid_for_ms);
        change.commit(now_ms)?;
        Ok(administrator)
    }

    /// Opens an administrator's home.
    ///
    /// Errors: files that others can read, a passphrase that is missing or wrong.
    pub fn open(
        home: &Path,
        registry: &Path,
        passphrase: Option<&[u8]>,
    ) -> Result<Self, AdministratorError> {
        let home = Home::at(home);
        let secrets = home.secrets(passphrase)?;
        Self::with_secrets(home, registry, secrets)
    }

    /// Splits the secrets into shares, of which `threshold` give them back and fewer say nothing.
    /// Each text is one share, in PEM, and secret.
    pub fn split(
        &self,
        threshold: u8,
        shares: u8,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Zeroizing<String>>, AdministratorError> {
        let secrets = Secrets { master: self.master.clone(), signing: self.signing.clone() };
        Ok(secrets.split(self.public.id(), threshold, shares, rng)?)
    }

    /// Makes a home again from shares. What was not secret in the old one is not in it: register the
    /// gateways again, and bring back the file `interactive` from a copy if there were such grants.
    ///
    /// Errors: a home that is there already; shares that are too few or do not belong together.
    pub fn restore(
        home: &Path,
        registry: &Path,
        shares: &[Zeroizing<String>],
        passphrase: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, AdministratorError> {
        let secrets = Secrets::join(shares)?;
        let home = Home::create(home, &secrets, passphrase, rng)?;
        Self::with_secrets(home, registry, secrets)
    }

    fn with_secrets(
        home: Home,
        registry: &Path,
        Secrets { master, signing }: Secrets,
    ) -> Result<Self, AdministratorError> {
        let public = AdministratorKey::from_bytes(&signing.verifying_key().to_bytes())
            .map_err(|error| home.signing_key_error(error))?;
        Ok(Self { home, registry: Directory::new(registry), master, signing, public })
    }

    /// The public key, which gateways and producers must get by a way they trust.
    pub fn public_key(&self) -> &AdministratorKey {
        &self.public
    }

    /// Registers a gateway: later grants are sealed to it. Existing ones are not: issue them anew.
    pub fn add_gateway(&self, gateway: &GatewayPublicKey) -> Result<(), AdministratorError> {
        self.home.add_gateway(gateway)
    }

    /// The gateways registered.
    pub fn gateways(&self) -> Result<Vec<GatewayPublicKey>, AdministratorError> {
        self.home.gateways()
    }

    /// What the registry says of this administrator's channels and grants.
    pub fn overview(&self, now_ms: i64) -> Result<Overview, AdministratorError> {
        let found = self.registry.read()?;
        let ledger = self.ledger(&found)?;
        Ok(Overview::of_ledger(&ledger, &self.public, now_ms))
    }

    /// The channels, by name.
    pub fn channels(&self) -> Result<Vec<ChannelSummary>, AdministratorError> {
        Ok(self.overview(0)?.channels)
    }

    /// The grants, by revision.
    pub fn grants(&self, now_ms: i64) -> Result<Vec<GrantSummary>, AdministratorError> {
        Ok(self.overview(now_ms)?.grants)
    }

    /// A channel's descriptor: its suite, topics and public keys.
    pub fn channel(&self, name: &str) -> Result<ChannelDescriptor, AdministratorError> {
        let found = self.registry.read()?;
        let ledger = self.ledger(&found)?;
        let channel = ledger.channel(name);
        channel.cloned().ok_or_else(|| AdministratorError::NoSuchChannel(name.to_owned()))
    }

    /// The public key under which producers of a channel encrypt. `epoch`: `None` for the newest.
    pub fn channel_key(
        &self,
        name: &str,
        epoch: Option<u32>,
        field: &str,
    ) -> Result<PublicKey, AdministratorError> {
        Ok(find_key(&self.channel(name)?, epoch, field)?.key.clone())
    }

    /// Creates a channel in its first epoch; its keys follow from the master secret.
    pub fn create_channel(
        &self,
        new: &NewChannel,
        now_ms: i64,
    ) -> Result<ChannelSummary, AdministratorError> {
        let topics = checked_names(&new.topics, is_topic_pattern, NameError::Topic)?;
        let names: Vec<_> = new.fields.iter().map(|field| field.name.clone()).collect();
        let distinct =
            checked_names(&names, |field| !field.is_empty() && is_field(field), NameError::Field)?;
        if distinct.len() != names.len() || names.len() > usize::from(u8::MAX) {
            return Err(AdministratorError::TooManyFields);
        }
        if !is_name(&new.name) {
            return Err(NameError::Channel(new.name.clone()).into());
        }
        let mut change = Change::begin(self)?;
        if change.channels().any(|channel| *channel.name == *new.name) {
            return Err(AdministratorError::ChannelExists(new.name.clone()));
        }
        change.check_topics_free(&new.name, &topics)?;
        let mut descriptor = ChannelDescriptor {
            require_encryption: new.require_encryption,
            signatures: new.signatures,
            topics,
            revision: change.next_revision(),
            signers: checked_signers(&new.signers)?,
            fields: protected_fields(&new.fields)?,
            ..ChannelDescriptor::new(&new.name, new.suite)
        };
        // Slot 0 is the whole value; the fields follow in the order given, which is theirs to keep.
        let fields = std::iter::once("").chain(names.iter().map(String::as_str));
        for (slot, field) in (0..=u8::MAX).zip(fields) {
            let secret = self.master.channel_key(new.suite, &new.name, FIRST_EPOCH, field)?;
            let key = secret.public_key().clone();
            descriptor.keys.push(ChannelKey { epoch: FIRST_EPOCH, slot, field: field.into(), key });
        }
        change.separation()?.channel(&self.public, &descriptor)?;
        let entry = self.sign(EntryKind::Channel, &descriptor.encode()?, &[])?;
        change.add(entry);
        change.commit(now_ms)?;
        Ok((&descriptor).into())
    }

    /// Issues a grant. One for the same key and principal that it supersedes is removed, so that
    /// revoking this one does not bring that one back.
    pub fn grant(
        &self,
        request: &GrantRequest,
        now_ms: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<GrantSummary, AdministratorError> {
        let principal = normalise_principal(&request.principal)?;
        let topics = checked_names(&request.topics, is_topic_pattern, NameError::Topic)?;
        let gateways = self.gateways_for(request)?;
        let mut change = Change::begin(self)?;
        let channel = change.channel(&request.channel)?;
        let channel_key = find_key(channel, request.epoch, &request.field)?;
        check_topics(channel, &topics)?;
        let delegatee = match &request.consumer {
            Consumer::Public(key) => key,
            Consumer::Secret(key) => key.public_key(),
        };
        if delegatee.suite() != channel.suite {
            return Err(AdministratorError::Suite {
                channel: request.channel.clone(),
                suite: channel.suite,
                key: delegatee.suite(),
            });
        }
        let delegator = self.delegator(channel, channel_key)?;
        let key = match &request.consumer {
            Consumer::Public(key) => ReencryptionKey::non_interactive(&delegator, key, rng)?,
            Consumer::Secret(key) => ReencryptionKey::interactive(&delegator, key)?,
        };
        let body = GrantBody {
            kind: key.kind(),
            delegator: key.delegator().clone(),
            delegatee: key.delegatee().clone(),
            precursor: key.precursor().copied(),
            target: key.target_bytes(),
            channel: channel.name.clone(),
            epoch: channel_key.epoch,
            field: channel_key.field.clone(),
            principal: principal.into(),
            validity: request.validity,
            revision: change.next_revision(),
            topics,
            gateways: gateways.iter().map(GatewayPublicKey::id).collect(),
        };
        change.separation()?.grant(&self.public, &body)?;
        if body.kind == DelegationKind::Interactive {
            // Before the gateway can have it: what was linked once stays linked.
            self.home.note_interactive(&body)?;
        }
        let entry = self.seal_grant(&body, &key, &gateways, rng)?;
        let summary = GrantSummary::of_grant(&entry, &body, now_ms);
        change.supersede(&summary, now_ms);
        change.add(entry);
        change.commit(now_ms)?;
        Ok(summary)
    }

    /// The private key of a channel's key, from the master secret.
    fn delegator(
        &self,
        channel: &ChannelDescriptor,
        key: &ChannelKey,
    ) -> Result<SecretKey, AdministratorError> {
        let secret =
            self.master.channel_key(channel.suite, &channel.name, key.epoch, &key.field)?;
        if *secret.public_key() == key.key {
            Ok(secret)
        } else {
            Err(AdministratorError::OtherMaster(channel.name.to_string()))
        }
    }

    /// Signs a grant and seals its re-encryption key to the gateways, in the order of the body's.
    fn seal_grant(
        &self,
        body: &GrantBody,
        key: &ReencryptionKey,
        gateways: &[GatewayPublicKey],
        rng: &mut impl CryptoRng,
    ) -> Result<Entry, AdministratorError> {
        let bytes = body.encode()?;
        let scalar = key.to_scalar_bytes();
        let mut sealed = Vec::new();
        for gateway in gateways {
            let one = seal::seal(&scalar, &bytes, gateway, rng)
                .map_err(|_| AdministratorError::GatewayKey(gateway.id()))?;
            sealed.extend(one);
        }
        self.sign(EntryKind::Grant, &bytes, &sealed)
    }

    /// Issues a pass-through grant: records as they are stored, for mirroring and backup.
    pub fn pass_through(
        &self,
        request: &PassThroughRequest,
        now_ms: i64,
    ) -> Result<GrantSummary, AdministratorError> {
        let topics = checked_names(&request.topics, is_topic_pattern, NameError::Topic)?;
        let mut change = Change::begin(self)?;
        let channel = change.channel(&request.channel)?;
        check_topics(channel, &topics)?;
        let body = PassThroughBody {
            channel: channel.name.clone(),
            principal: normalise_principal(&request.principal)?.into(),
            validity: request.validity,
            revision: change.next_revision(),
            topics,
        };
        let entry = self.sign(EntryKind::PassThrough, &body.encode()?, &[])?;
        let summary = GrantSummary::of_pass_through(&entry, &body, now_ms);
        change.supersede(&summary, now_ms);
        change.add(entry);
        change.commit(now_ms)?;
        Ok(summary)
    }

    /// Revokes a grant, and those that it superseded. Returns what was removed.
    pub fn revoke(
        &self,
        id: EntryId,
        now_ms: i64,
    ) -> Result<Vec<GrantSummary>, AdministratorError> {
        let mut change = Change::begin(self)?;
        let grants = change.grants(now_ms);
        let Some(grant) = grants.iter().find(|grant| grant.id == id) else {
            return Err(AdministratorError::NoSuchGrant(id));
        };
        change.remove(id);
        change.supersede(grant, now_ms);
        let removed = grants.iter().filter(|grant| change.removes(grant.id)).cloned().collect();
        change.commit(now_ms)?;
        Ok(removed)
    }

    /// Revokes everything that a principal was granted. Returns what was removed.
    pub fn revoke_principal(
        &self,
        principal: &str,
        now_ms: i64,
    ) -> Result<Vec<GrantSummary>, AdministratorError> {
        let principal = normalise_principal(principal)?;
        let mut change = Change::begin(self)?;
        let removed: Vec<_> = change
            .grants(now_ms)
            .into_iter()
            .filter(|grant| grant.principal == principal)
            .collect();
        if removed.is_empty() {
            return Err(AdministratorError::NothingGranted(principal));
        }
        for grant in &removed {
            change.remove(grant.id);
        }
        change.commit(now_ms)?;
        Ok(removed)
    }

    /// Signs a new head over what is there, so that gateways go on acting on it.
    ///
    /// `valid_for_ms`: `None` keeps the duration; `Some(None)`: without end.
    pub fn renew_head(
        &self,
        valid_for_ms: Option<Option<i64>>,
        now_ms: i64,
    ) -> Result<Overview, AdministratorError> {
        let mut change = Change::begin(self)?;
        if let Some(valid_for_ms) = valid_for_ms {
            change.set_head_validity(valid_for_ms);
        }
        change.commit(now_ms)?;
        self.overview(now_ms)
    }

    fn gateways_for(
        &self,
        request: &GrantRequest,
    ) -> Result<Vec<GatewayPublicKey>, AdministratorError> {
        let mut gateways = if request.gateways.is_empty() {
            self.home.gateways()?
        } else {
            request.gateways.clone()
        };
        gateways.sort_by_key(GatewayPublicKey::id);
        gateways.dedup();
        match gateways.len() {
            0 => Err(AdministratorError::NoGateways),
            1..=255 => Ok(gateways),
            _ => Err(AdministratorError::TooManyGateways),
        }
    }

    fn sign(
        &self,
        kind: EntryKind,
        body: &[u8],
        sealed: &[u8],
    ) -> Result<Entry, AdministratorError> {
        Ok(Entry::sign(kind, body, &self.signing, self.public.id(), sealed)?)
    }
}
