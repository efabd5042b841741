//! What a consumer can meet in a topic, and what it is told.

use nucypher_envelope::{
    ConfigError, EDEK_HEADER, Edek, KeyBinding, NULL_HEADER, OpenError, Opener, OpenerConfig,
    PlaceBinding, Record, SealError, Sealer, WHOLE_VALUE,
    pre::{ReencryptionKey, SecretKey, Suite},
};

use crate::fixture::{Stored, config, key, opener, record, rng, sealer};

fn stored(owner: &SecretKey, record: &Record<'_>) -> Stored {
    Stored::new(record, &sealer(owner).seal(record, 0, &mut rng(20)).unwrap())
}

#[test]
fn a_stranger_learns_which_key_it_takes_and_nothing_else() {
    let (owner, stranger) = (key(Suite::Bbs98, 1), key(Suite::Bbs98, 2));
    let mut stored = stored(&owner, &record(b"k", b"v"));
    let refused = Err(OpenError::NotGranted { opening_id: owner.id() });
    assert_eq!(stored.open(&opener(&stranger)), refused);
    // Altered or not: that shows only to whom it is for.
    stored.header(EDEK_HEADER)[101] ^= 1;
    assert_eq!(stored.open(&opener(&stranger)), refused);
    assert_eq!(stored.open(&opener(&owner)), Err(OpenError::Altered));
}

#[test]
fn a_ring_opens_with_whichever_key_it_takes() {
    let rng = &mut rng(21);
    let owner = key(Suite::Bbs98, 1);
    let (old, new) =
        (SecretKey::generate(Suite::Bbs98, rng), SecretKey::generate(Suite::Bbs98, rng));
    let ring = Opener::new(OpenerConfig::new([new.clone(), old.clone()])).unwrap();
    for to in [&old, &new] {
        let rekey = ReencryptionKey::non_interactive(&owner, to.public_key(), rng).unwrap();
        let mut stored = stored(&owner, &record(b"k", b"v"));
        stored.set_edek(&stored.edek().reencrypt(&rekey).unwrap());
        assert_eq!(stored.open(&ring), Ok(Some(b"v".to_vec())));
    }
}

#[test]
fn a_ring_is_checked() {
    let one = key(Suite::Bbs98, 1);
    let again = SecretKey::from_bytes(Suite::Ecies, &*one.to_bytes()).unwrap();
    let new = |keys: Vec<SecretKey>| Opener::new(OpenerConfig::new(keys)).map(|_| ());
    assert_eq!(new(vec![]), Err(ConfigError::NoKey));
    assert_eq!(new(vec![one.clone(), again]), Err(ConfigError::DuplicateKey { id: one.id() }));
    let none = Opener::new(OpenerConfig::new([one]).cached_deks(0)).map(|_| ());
    assert!(matches!(none, Err(ConfigError::OutOfRange { .. })));
}

#[test]
fn a_key_is_not_used_in_the_other_suite() {
    let owner = key(Suite::Bbs98, 1);
    let same_scalar = SecretKey::from_bytes(Suite::Ecies, &*owner.to_bytes()).unwrap();
    let stored = stored(&owner, &record(b"k", b"v"));
    assert_eq!(stored.open(&opener(&same_scalar)), Err(OpenError::Altered));
}

#[test]
fn clear_records_are_not_sealed() {
    let opener = opener(&key(Suite::Bbs98, 1));
    let mut clear = stored(&key(Suite::Bbs98, 1), &record(b"k", b"v"));
    clear.headers.clear();
    assert_eq!(clear.open(&opener), Err(OpenError::NotSealed));
    clear.value = None;
    assert_eq!(clear.open(&opener), Err(OpenError::NotSealed));
    clear.headers.push((NULL_HEADER.as_bytes().to_vec(), Some(vec![0; 29])));
    assert_eq!(clear.open(&opener), Err(OpenError::NotSealed));
}

#[test]
fn a_deletion_that_nobody_authenticated_is_altered() {
    let owner = key(Suite::Bbs98, 1);
    let mut stored = stored(&owner, &record(b"k", b"v"));
    stored.value = None;
    assert_eq!(stored.open(&opener(&owner)), Err(OpenError::Altered));
    // Not even that is told to whom it is not for.
    let stranger = key(Suite::Bbs98, 2);
    let refused = Err(OpenError::NotGranted { opening_id: owner.id() });
    assert_eq!(stored.open(&opener(&stranger)), refused);
}

#[test]
fn a_value_and_its_deletion_at_once_are_malformed() {
    let owner = key(Suite::Bbs98, 1);
    let deletion = Record { key: Some(b"k"), value: None, place: None };
    let mut stored = stored(&owner, &deletion);
    assert_eq!(stored.open(&opener(&owner)), Ok(None));
    stored.value = Some(stored.header(NULL_HEADER).clone());
    let error = stored.open(&opener(&owner)).unwrap_err();
    assert!(matches!(error, OpenError::Malformed(flaw) if flaw.field == NULL_HEADER));
}

#[test]
fn a_deletion_is_bound_to_its_key_also_when_nothing_else_is() {
    let owner = key(Suite::Bbs98, 1);
    let mut sealer = Sealer::new(config(&owner).key_binding(KeyBinding::Never)).unwrap();
    let rng = &mut rng(22);
    let mut open_under_another_key = |value| {
        let record = Record { key: Some(b"k"), value, place: None };
        let mut stored = Stored::new(&record, &sealer.seal(&record, 0, rng).unwrap());
        stored.key = Some(b"other".to_vec());
        stored.open(&opener(&owner))
    };
    assert_eq!(open_under_another_key(None), Err(OpenError::Altered));
    assert_eq!(open_under_another_key(Some(b"v")), Ok(Some(b"v".to_vec())));
}

#[test]
fn a_null_key_is_bound_where_that_is_wanted() {
    let owner = key(Suite::Bbs98, 1);
    let rng = &mut rng(23);
    for (binding, opens) in
        [(KeyBinding::UnlessNull, true), (KeyBinding::Never, true), (KeyBinding::Always, false)]
    {
        let mut sealer = Sealer::new(config(&owner).key_binding(binding)).unwrap();
        let record = Record { key: None, value: Some(b"v"), place: None };
        let mut stored = Stored::new(&record, &sealer.seal(&record, 0, rng).unwrap());
        assert!(stored.open(&opener(&owner)).is_ok());
        stored.key = Some(b"k".to_vec());
        assert_eq!(stored.open(&opener(&owner)).is_ok(), opens, "{binding:?}");
    }
}

#[test]
fn the_whole_value_has_slot_0_among_several() {
    let owner = key(Suite::Bbs98, 1);
    let rng = &mut rng(24);
    let mut stored = stored(&owner, &record(b"k", b"v"));
    let (field, _) = Edek::encapsulate(owner.public_key(), 1, rng);
    stored.header(EDEK_HEADER).extend_from_slice(field.as_bytes());
    assert_eq!(stored.open(&opener(&owner)), Ok(Some(b"v".to_vec())));
    // Without it, the value's EDEK is gone.
    stored.set_edek(&field);
    assert_ne!(stored.edek().slot(), WHOLE_VALUE);
    assert_eq!(stored.open(&opener(&owner)), Err(OpenError::Altered));
}

#[test]
fn a_bound_place_is_needed_on_both_sides() {
    let owner = key(Suite::Bbs98, 1);
    let mut sealer = Sealer::new(config(&owner).place_binding(PlaceBinding::Bound)).unwrap();
    let nowhere = Record { key: None, value: Some(b"v"), place: None };
    assert_eq!(sealer.seal(&nowhere, 0, &mut rng(25)), Err(SealError::NoPlace));

    let there = record(b"k", b"v");
    let sealed = sealer.seal(&there, 0, &mut rng(25)).unwrap();
    let fetched = nucypher_envelope::SealedRecordRef {
        key: there.key,
        value: sealed.value.as_deref(),
        place: None,
        headers: [(EDEK_HEADER.as_bytes(), Some(sealed.edek.as_slice()))],
    };
    let error = opener(&owner).open(fetched, &crate::fixture::channel()).unwrap_err();
    assert!(matches!(error, OpenError::Malformed(flaw) if flaw.field == "flags"));
}

#[test]
fn the_dek_cache_is_bounded() {
    let owner = key(Suite::Bbs98, 1);
    for capacity in [1, 4, 100] {
        let config = OpenerConfig::new([owner.clone()]).cached_deks(capacity);
        let opener = Opener::new(config).unwrap();
        let rng = &mut rng(26);
        for _ in 0..3 * capacity {
            let record = record(b"k", b"v");
            let stored = Stored::new(&record, &sealer(&owner).seal(&record, 0, rng).unwrap());
            for _ in 0..2 {
                assert_eq!(stored.open(&opener), Ok(Some(b"v".to_vec())));
                assert!(opener.cached_deks() <= capacity);
            }
        }
        assert!(opener.cached_deks() > 0);
        opener.forget();
        assert_eq!(opener.cached_deks(), 0);
    }
}

#[test]
fn what_does_not_open_is_not_cached() {
    let owner = key(Suite::Bbs98, 1);
    let opener = opener(&owner);
    let mut stored = stored(&owner, &record(b"k", b"v"));
    stored.header(EDEK_HEADER)[101] ^= 1;
    assert_eq!(stored.open(&opener), Err(OpenError::Altered));
    assert_eq!(opener.cached_deks(), 0);
}
