//! Keys, sealers and records for the tests, all from a seed.

use chacha20::ChaCha20Rng;
use nucypher_envelope::{
    ChannelName, EDEK_HEADER, Edek, NULL_HEADER, OpenError, Opener, OpenerConfig, Place, Record,
    SealedRecord, SealedRecordRef, Sealer, SealerConfig,
    pre::{SecretKey, Suite, rand_core::SeedableRng},
};

pub(crate) const PLACE: Place<'static> = Place { topic: "orders.eu", partition: 3 };

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn channel() -> ChannelName {
    ChannelName::new("orders").unwrap()
}

pub(crate) fn key(suite: Suite, seed: u64) -> SecretKey {
    SecretKey::generate(suite, &mut rng(seed))
}

pub(crate) fn config(key: &SecretKey) -> SealerConfig {
    SealerConfig::new(key.public_key().clone(), channel())
}

pub(crate) fn sealer(key: &SecretKey) -> Sealer {
    Sealer::new(config(key)).unwrap()
}

pub(crate) fn opener(key: &SecretKey) -> Opener {
    Opener::new(OpenerConfig::new([key.clone()])).unwrap()
}

pub(crate) fn record<'a>(key: &'a [u8], value: &'a [u8]) -> Record<'a> {
    Record { key: Some(key), value: Some(value), place: Some(PLACE) }
}

/// A record as a broker stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Stored {
    pub(crate) fn new(record: &Record<'_>, sealed: &SealedRecord) -> Self {
        let place = record.place.unwrap_or(PLACE);
        let headers = sealed.headers();
        Self {
            key: record.key.map(<[u8]>::to_vec),
            value: sealed.value.clone(),
            topic: place.topic.into(),
            partition: place.partition,
            headers: headers
                .map(|(name, value)| (name.as_bytes().to_vec(), Some(value.to_vec())))
                .collect(),
        }
    }

    pub(crate) fn header(&mut self, name: &str) -> &mut Vec<u8> {
        let header = self.headers.iter_mut().find(|(at, _)| at == name.as_bytes());
        header.unwrap().1.as_mut().unwrap()
    }

    pub(crate) fn edek(&self) -> Edek {
        let header = self.headers.iter().find(|(at, _)| at == EDEK_HEADER.as_bytes());
        Edek::parse(header.unwrap().1.as_deref().unwrap()).unwrap()
    }

    pub(crate) fn set_edek(&mut self, edek: &Edek) {
        *self.header(EDEK_HEADER) = edek.as_bytes().to_vec();
    }

    /// The sealed value, wherever it stands.
    pub(crate) fn sealed(&mut self) -> &mut Vec<u8> {
        match &self.value {
            None => self.header(NULL_HEADER),
            Some(_) => self.value.as_mut().unwrap(),
        }
    }

    pub(crate) fn open(&self, opener: &Opener) -> Result<Option<Vec<u8>>, OpenError> {
        self.open_in(opener, &channel())
    }

    pub(crate) fn open_in(
        &self,
        opener: &Opener,
        channel: &ChannelName,
    ) -> Result<Option<Vec<u8>>, OpenError> {
        let record = SealedRecordRef {
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            place: Some(Place { topic: &self.topic, partition: self.partition }),
            headers: self.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref())),
        };
        opener.open(record, channel)
    }
}
