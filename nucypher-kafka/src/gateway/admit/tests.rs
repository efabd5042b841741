//! What a channel takes in: slots, epochs, deletions, the end.

use nucypher_envelope::Edek;
use nucypher_pre::{PublicKey, os_rng};

use super::*;
use crate::records::Codec;
use crate::records::fixture::BatchBuilder;
use crate::registry::{
    Administrator, Directory, GatewaySecretKey, Loader, NewChannel, NewField, Snapshot, Sources,
};

const NOW: i64 = 1_795_478_400_000;

/// A channel `orders` with the fields `card` and `name`, in slots 1 and 2.
struct Office {
    folder: tempfile::TempDir,
    administrator: Administrator,
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (home, registry) = (path("home"), path("registry"));
        let administrator =
            Administrator::init(&home, &registry, None, None, NOW, &mut os_rng()).unwrap();
        let fields = vec![NewField::new("card", &[]), NewField::new("name", &[])];
        let channel = NewChannel { fields, ..NewChannel::new("orders") };
        administrator.create_channel(&channel, NOW).unwrap();
        Self { folder, administrator }
    }

    fn snapshot(&self) -> std::sync::Arc<Snapshot> {
        let sources = Sources {
            administrators: vec![self.administrator.public_key().clone()],
            gateway: GatewaySecretKey::generate(&mut os_rng()),
            state: self.folder.path().join("seen"),
        };
        let directory = Directory::new(self.folder.path().join("registry"));
        Loader::new(sources).unwrap().load(&directory, NOW).unwrap().0
    }

    fn key(&self, epoch: u32, slot: u8) -> PublicKey {
        let field = ["", "card", "name"][usize::from(slot)];
        self.administrator.channel_key("orders", Some(epoch), field).unwrap()
    }

    fn edeks(&self, epoch: u32, slots: &[u8]) -> Vec<u8> {
        let edek = |slot| Edek::encapsulate(&self.key(epoch, slot), slot, &mut os_rng()).0;
        slots.iter().flat_map(|slot| *edek(*slot).as_bytes()).collect()
    }

    fn admit(
        &self,
        edeks: &[u8],
        value: Option<&[u8]>,
        null: Option<&[u8]>,
    ) -> Result<(), Refused> {
        let mut headers = vec![(EDEK_HEADER.as_bytes(), Some(edeks))];
        headers.extend(null.map(|null| (NULL_HEADER.as_bytes(), Some(null))));
        let batch = BatchBuilder::new(Codec::None).record(Some(b"key"), value, &headers).build();
        let snapshot = self.snapshot();
        admit(&batch, snapshot.channel_of_topic("orders").unwrap(), &mut Codecs::default())
    }
}

/// The form of a sealed empty value whose key is bound, so many times.
fn tombstones(count: usize) -> Vec<u8> {
    let mut one = [0; SEALED_OVERHEAD];
    one[0] = 1;
    one.repeat(count)
}

fn why(refused: Result<(), Refused>) -> &'static str {
    refused.unwrap_err().why
}

#[test]
fn a_deletion_has_a_tombstone_for_each_key_that_readers_may_have() {
    let office = Office::new();
    for (slots, wanted) in [(&[0][..], 1), (&[1], 1), (&[1, 2], 2), (&[0, 1, 2], 1)] {
        let edeks = office.edeks(1, slots);
        for count in 0..4 {
            let admitted = office.admit(&edeks, None, Some(&tombstones(count)));
            assert_eq!(admitted.is_ok(), count == wanted, "{slots:?}, {count} tombstones");
        }
        let mut garbled = tombstones(wanted);
        *garbled.get_mut((wanted - 1) * SEALED_OVERHEAD).unwrap() = 0xff;
        assert_eq!(
            why(office.admit(&edeks, None, Some(&garbled))),
            "the nu.null header is malformed"
        );
        garbled.truncate(garbled.len() - 1);
        assert!(office.admit(&edeks, None, Some(&garbled)).is_err());
        assert_eq!(why(office.admit(&edeks, None, None)), "a deletion without a nu.null header");
    }
}

#[test]
fn fields_alone_leave_the_value_in_clear_and_a_whole_value_does_not() {
    let office = Office::new();
    assert_eq!(office.admit(&office.edeks(1, &[1, 2]), Some(b"{}"), None), Ok(()));
    assert_eq!(
        why(office.admit(&office.edeks(1, &[0]), Some(b"{}"), None)),
        "the value is not sealed"
    );
    let mut exchanged = office.edeks(1, &[1]);
    exchanged[3] = 2;
    assert_eq!(
        why(office.admit(&exchanged, Some(b"{}"), None)),
        "an EDEK does not match the channel's key in slot or suite"
    );
}

#[test]
fn the_newest_epoch_and_the_one_before_are_taken_in_until_the_channel_is_retired() {
    let office = Office::new();
    let sealed = |epoch| office.admit(&office.edeks(epoch, &[1]), Some(b"{}"), None);
    for _ in 0..2 {
        assert_eq!(sealed(1), Ok(()));
        office.administrator.rotate_channel("orders", NOW, &mut os_rng()).unwrap();
    }
    assert!(why(sealed(1)).contains("old epoch"));
    assert_eq!((sealed(2), sealed(3)), (Ok(()), Ok(())));
    office.administrator.retire_channel("orders", NOW).unwrap();
    assert!(why(sealed(3)).contains("retired"));
}
