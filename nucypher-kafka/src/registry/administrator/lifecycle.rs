//! A channel after it was created: the next epoch, other topics, the end.
//!
//! Called by `nucypher channel rotate`, `set` and `retire`, and `nucypher grant revoke --channel`.

use std::collections::HashMap;

use nucypher_pre::{DelegationKind, ReencryptionKey, rand_core::CryptoRng};

use super::{Administrator, AdministratorError, change::Change, request::checked_names};
use crate::registry::{
    channel::{ChannelDescriptor, ChannelKey},
    entry::EntryKind,
    grant::GrantBody,
    key::{GatewayKeyId, GatewayPublicKey},
    name::{NameError, is_topic_pattern},
    overview::{ChannelSummary, GrantStatus, GrantSummary},
};

/// What a rotation did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rotated {
    /// The channel with the keys of its new epoch.
    pub channel: ChannelSummary,
    /// The grants of the new epoch.
    pub granted: Vec<GrantSummary>,
    /// Grants of the epoch before that have no successor; they stay in force for their epoch.
    pub not_carried: Vec<NotCarried>,
}

/// A grant that a rotation did not carry over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NotCarried {
    /// The grant of the epoch before.
    pub grant: GrantSummary,
    /// Why.
    pub why: &'static str,
}

/// What is to be changed about a channel; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct ChannelChange {
    /// The topics that belong to it, in the place of those before.
    pub topics: Option<Vec<String>>,
    /// Whether the gateway refuses clear records.
    pub require_encryption: Option<bool>,
}

impl Administrator {
    /// Begins a channel's next epoch: new keys for the value and each field, and new grants for
    /// the consumers that have one for the epoch before, in force now or later. Grants for
    /// earlier epochs stay, so that what is stored stays readable.
    ///
    /// An interactive grant cannot be carried over without the consumer's private key, which
    /// would link the epochs; it is named in the result.
    pub fn rotate_channel(
        &self,
        name: &str,
        now_ms: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Rotated, AdministratorError> {
        let registered: HashMap<GatewayKeyId, GatewayPublicKey> =
            self.home.gateways()?.into_iter().map(|gateway| (gateway.id(), gateway)).collect();
        let mut change = Change::begin(self)?;
        let mut descriptor = change.channel(name)?.clone();
        if descriptor.retired {
            return Err(AdministratorError::Retired(name.to_owned()));
        }
        let last = descriptor.current_epoch().unwrap_or(0);
        let epoch = last.checked_add(1).ok_or(AdministratorError::OutOfRange("the epoch"))?;
        let mut fresh = Vec::new();
        for key in descriptor.keys.iter().filter(|key| key.epoch == last) {
            self.delegator(&descriptor, key)?;
            let secret = self.master.channel_key(descriptor.suite, name, epoch, &key.field)?;
            let (slot, field, key) = (key.slot, key.field.clone(), secret.public_key().clone());
            fresh.push(ChannelKey { epoch, slot, field, key });
        }
        descriptor.keys.extend(fresh);
        let mut keys = change.separation()?;
        keys.channel(&self.public, &descriptor)?;
        let old = change.grants_of(name, last, now_ms);
        self.replace_channel(&mut change, &mut descriptor)?;

        let (mut granted, mut not_carried) = (Vec::new(), Vec::new());
        for (grant, body) in old {
            if grant.status == GrantStatus::Expired || grant.status == GrantStatus::Superseded {
                continue;
            }
            if body.kind == DelegationKind::Interactive {
                let why = "interactive: the consumer's private key would link the epochs; grant the \
                           new epoch to another key of the consumer";
                not_carried.push(NotCarried { grant, why });
                continue;
            }
            let gateways: Vec<_> =
                body.gateways.iter().filter_map(|id| registered.get(id).cloned()).collect();
            if gateways.is_empty() {
                let why =
                    "none of its gateways is registered: register one and grant the new epoch";
                not_carried.push(NotCarried { grant, why });
                continue;
            }
            let Some(key) = descriptor.key(epoch, &body.field) else { continue };
            let delegator = self.delegator(&descriptor, key)?;
            let key = ReencryptionKey::non_interactive(&delegator, &body.delegatee, rng)?;
            let body = GrantBody {
                delegator: key.delegator().clone(),
                precursor: key.precursor().copied(),
                target: key.target_bytes(),
                epoch,
                revision: change.next_revision(),
                gateways: gateways.iter().map(GatewayPublicKey::id).collect(),
                ..body
            };
            keys.grant(&self.public, &body)?;
            let entry = self.seal_grant(&body, &key, &gateways, rng)?;
            granted.push(GrantSummary::of_grant(&entry, &body, now_ms));
            change.add(entry);
        }
        change.commit(now_ms)?;
        Ok(Rotated { channel: (&descriptor).into(), granted, not_carried })
    }

    /// Ends a channel: gateways take nothing in any more. What is stored stays readable.
    pub fn retire_channel(
        &self,
        name: &str,
        now_ms: i64,
    ) -> Result<ChannelSummary, AdministratorError> {
        let mut change = Change::begin(self)?;
        let mut descriptor = change.channel(name)?.clone();
        descriptor.retired = true;
        self.replace_channel(&mut change, &mut descriptor)?;
        change.commit(now_ms)?;
        Ok((&descriptor).into())
    }

    /// Changes a channel's topics, or whether it requires encryption.
    ///
    /// A topic that is taken away belongs to no channel any more: gateways let everyone read it as it is
    /// stored, and write to it what they like.
    pub fn change_channel(
        &self,
        name: &str,
        what: &ChannelChange,
        now_ms: i64,
    ) -> Result<ChannelSummary, AdministratorError> {
        let mut change = Change::begin(self)?;
        let mut descriptor = change.channel(name)?.clone();
        if let Some(topics) = &what.topics {
            descriptor.topics = checked_names(topics, is_topic_pattern, NameError::Topic)?;
            change.check_topics_free(name, &descriptor.topics)?;
        }
        if let Some(require_encryption) = what.require_encryption {
            descriptor.require_encryption = require_encryption;
        }
        self.replace_channel(&mut change, &mut descriptor)?;
        change.commit(now_ms)?;
        Ok((&descriptor).into())
    }

    /// Revokes everything that was granted on a channel. Returns what was removed.
    pub fn revoke_channel(
        &self,
        name: &str,
        now_ms: i64,
    ) -> Result<Vec<GrantSummary>, AdministratorError> {
        let mut change = Change::begin(self)?;
        change.channel(name)?;
        let mut removed = change.grants(now_ms);
        removed.retain(|grant| grant.channel == name);
        if removed.is_empty() {
            return Err(AdministratorError::NothingGrantedOn(name.to_owned()));
        }
        for grant in &removed {
            change.remove(grant.id);
        }
        change.commit(now_ms)?;
        Ok(removed)
    }

    fn replace_channel(
        &self,
        change: &mut Change<'_>,
        descriptor: &mut ChannelDescriptor,
    ) -> Result<(), AdministratorError> {
        descriptor.revision = change.next_revision();
        change.remove_channel(&descriptor.name);
        let entry = self.sign(EntryKind::Channel, &descriptor.encode()?, &[])?;
        change.add(entry);
        Ok(())
    }
}
