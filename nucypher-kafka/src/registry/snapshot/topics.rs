//! Which channel has a topic: by name, or by a pattern (`orders.*`).
//!
//! Administrators count in the order of trust, so that none takes a topic that one before it has;
//! of one administrator a name stands before a pattern, the longer pattern before the shorter.

use std::{cmp::Reverse, collections::BTreeSet, collections::HashMap};

/// A channel's claim on a name or a pattern.
#[derive(Clone, Copy, Debug)]
struct Claim {
    /// The administrator's place in the order of trust.
    rank: usize,
    channel: usize,
}

/// The topics of all channels.
#[derive(Debug, Default)]
pub(super) struct Topics {
    names: HashMap<Box<str>, Claim>,
    prefixes: HashMap<Box<str>, Claim>,
    /// The lengths of the prefixes, the longest first.
    lengths: BTreeSet<Reverse<usize>>,
}

impl Topics {
    /// The channel to which a topic belongs. Cost: a hash look-up, and one for each length that a
    /// pattern has.
    pub(super) fn channel(&self, topic: &str) -> Option<usize> {
        let patterns = self.lengths.iter().filter_map(|Reverse(len)| {
            topic.get(..*len).and_then(|prefix| self.prefixes.get(prefix))
        });
        let claims = self.names.get(topic).into_iter().chain(patterns);
        // Of equals the first.
        claims.min_by_key(|claim| claim.rank).map(|claim| claim.channel)
    }

    /// Claims a name or a pattern for a channel, unless it is taken: then the channel that has it.
    ///
    /// Requires: administrators come in the order of trust.
    pub(super) fn claim(&mut self, topic: &str, rank: usize, channel: usize) -> Result<(), usize> {
        let claim = Claim { rank, channel };
        let (claims, key) = match topic.strip_suffix('*') {
            Some(prefix) => (&mut self.prefixes, prefix),
            None => (&mut self.names, topic),
        };
        if let Some(owner) = claims.get(key) {
            return Err(owner.channel);
        }
        claims.insert(key.into(), claim);
        if key.len() < topic.len() {
            self.lengths.insert(Reverse(key.len()));
        } else if let Some(owner) = self.channel(topic).filter(|owner| *owner != channel) {
            // An administrator who is trusted more has it by a pattern.
            return Err(owner);
        }
        Ok(())
    }
}
