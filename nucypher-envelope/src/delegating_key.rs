//! The delegating key of a sealer, which makes a table for it when that pays.
//!
//! Every session takes one encapsulation. Under a prepared key that costs two thirds
//! (`PreparedPublicKey`), but the table takes 26 KiB and six encapsulations to make. Who begins one
//! session an hour never has use for it; who binds places and begins thousands has it from the
//! seventeenth: by then the table would have paid for itself, so it costs nobody more than
//! twice what the better choice would have cost. Public data; benchmark `encapsulate/*`.

use nucypher_pre::{PreparedPublicKey, PublicKey, rand_core::CryptoRng};

use crate::session::{Session, Turn};

/// Sessions after which the table is made: the price of the table over what it saves each time,
/// 6 / (1 - 0.62).
const PREPARED_FROM: u32 = 16;

/// A delegating key under which sessions are begun.
#[derive(Debug)]
pub(crate) struct DelegatingKey {
    key: PublicKey,
    begun: u32,
    prepared: Option<PreparedPublicKey>,
}

impl DelegatingKey {
    pub(crate) fn new(key: PublicKey) -> Self {
        Self { key, begun: 0, prepared: None }
    }

    /// Begins a session.
    pub(crate) fn begin(&mut self, now_ms: u64, rng: &mut impl CryptoRng) -> Turn {
        if self.prepared.is_none() {
            if self.begun < PREPARED_FROM {
                self.begun += 1;
                return Session::begin(&self.key, now_ms, rng);
            }
            self.prepared = Some(PreparedPublicKey::new(self.key.clone()));
        }
        match &self.prepared {
            Some(prepared) => Session::begin_prepared(prepared, now_ms, rng),
            None => Session::begin(&self.key, now_ms, rng),
        }
    }
}

#[cfg(test)]
mod tests {
    use nucypher_pre::{SecretKey, Suite, os_rng};

    use super::*;
    use crate::{Bound, ChannelName, text::Text};

    #[test]
    fn the_table_is_made_once_it_pays_and_changes_nothing_else() {
        let channel = ChannelName::new("orders").unwrap();
        let bound = Bound { channel: &channel, key: None, place: None };
        for suite in [Suite::Bbs98, Suite::Ecies] {
            let secret = SecretKey::generate(suite, &mut os_rng());
            let mut key = DelegatingKey::new(secret.public_key().clone());
            for session in 0..PREPARED_FROM + 3 {
                assert_eq!(key.prepared.is_some(), session > PREPARED_FROM, "{session}");
                let (session, _) = key.begin(0, &mut os_rng()).seal(Text::empty(), &bound).unwrap();
                assert!(session.edek().decapsulate(&secret).is_ok());
            }
        }
    }
}
