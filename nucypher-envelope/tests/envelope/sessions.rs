//! When sessions end, and that no nonce serves twice.

use std::{collections::HashSet, time::Duration};

use nucypher_envelope::{
    ConfigError, Limits, Place, PlaceBinding, Record, SealError, SealedRecord, SealedValue, Sealer,
    pre::Suite,
};

use crate::fixture::{Stored, config, key, opener, record, rng};

const HOUR: u64 = 3_600_000;

fn sealer(limits: Limits) -> Sealer {
    Sealer::new(config(&key(Suite::Bbs98, 1)).limits(limits)).unwrap()
}

/// Which session sealed it, and as which record of the session.
fn session_and_number(sealed: &SealedRecord) -> (Vec<u8>, u64) {
    let value =
        SealedValue::parse(sealed.value.as_ref().or(sealed.null.as_ref()).unwrap()).unwrap();
    (sealed.edek.clone(), value.nonce().record_number())
}

#[test]
fn a_session_ends_after_its_calls() {
    let mut sealer = sealer(Limits { calls: 3, ..Limits::MAX });
    let rng = &mut rng(30);
    let sealed: Vec<_> = (0..9)
        .map(|_| session_and_number(&sealer.seal(&record(b"k", b"v"), 0, rng).unwrap()))
        .collect();
    let numbers: Vec<u64> = sealed.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    let sessions: HashSet<_> = sealed.iter().map(|(session, _)| session).collect();
    assert_eq!(sessions.len(), 3);
}

#[test]
fn a_session_ends_before_it_has_too_many_bytes() {
    let mut sealer = sealer(Limits { bytes: 100, ..Limits::MAX });
    let rng = &mut rng(31);
    let mut number = |len: usize| {
        session_and_number(&sealer.seal(&record(b"k", &vec![0; len]), 0, rng).unwrap()).1
    };
    assert_eq!([number(60), number(40), number(1)], [0, 1, 0]);
    // What is longer than the limit has a session of its own.
    assert_eq!([number(101), number(1), number(99), number(1)], [0, 0, 1, 0]);
}

#[test]
fn a_session_ends_with_its_age() {
    let rng = &mut rng(32);
    // Whatever way the clock went, an hour of movement is an hour.
    let clocks: [(&[u64], u64); 6] = [
        (&[0, HOUR - 1], 1),
        (&[0, HOUR], 0),
        (&[5, 5, 5], 2),
        (&[10 * HOUR, 9 * HOUR], 0),
        (&[10 * HOUR, 10 * HOUR - 1, 10 * HOUR], 2),
        (&[HOUR, HOUR / 2, HOUR - 1, HOUR], 0),
    ];
    for (clock, last) in clocks {
        let mut sealer = sealer(Limits::MAX);
        let mut number = None;
        for now in clock {
            let sealed = sealer.seal(&record(b"k", b"v"), *now, rng).unwrap();
            number = Some(session_and_number(&sealed).1);
        }
        assert_eq!(number, Some(last), "{clock:?}");
    }
}

#[test]
fn limits_beyond_the_formats_are_refused() {
    let new = |limits| Sealer::new(config(&key(Suite::Bbs98, 1)).limits(limits)).map(|_| ());
    assert_eq!(new(Limits::MAX), Ok(()));
    let max = Limits::MAX;
    for wrong in [
        Limits { calls: (1 << 24) + 1, ..max },
        Limits { calls: 0, ..max },
        Limits { bytes: (64 << 30) + 1, ..max },
        Limits { bytes: 0, ..max },
        Limits { age: Duration::from_millis(HOUR + 1), ..max },
        Limits { age: Duration::from_micros(999), ..max },
        Limits { age: Duration::MAX, ..max },
    ] {
        assert!(matches!(new(wrong), Err(ConfigError::OutOfRange { .. })), "{wrong:?}");
    }
}

#[test]
fn no_nonce_serves_twice_under_one_dek() {
    let mut sealer = sealer(Limits { calls: 7, ..Limits::MAX });
    let rng = &mut rng(33);
    let mut seen = HashSet::new();
    for at in 0..200_u64 {
        let value = (at % 3 != 0).then_some(b"v".as_slice());
        let record = Record { key: Some(b"k"), value, place: None };
        let sealed = sealer.seal(&record, at * HOUR / 16, rng).unwrap();
        let value =
            SealedValue::parse(sealed.value.or(sealed.null).as_ref().unwrap()).unwrap().nonce();
        assert!(seen.insert((sealed.edek, value)), "record {at}");
    }
}

#[test]
fn what_fails_ends_its_session() {
    let config = config(&key(Suite::Bbs98, 1)).place_binding(PlaceBinding::Bound);
    let mut sealer = Sealer::new(config).unwrap();
    let rng = &mut rng(34);
    let good = record(b"k", b"v");
    let long = "t".repeat(70_000);
    let bad = Record { place: Some(Place { topic: &long, partition: 0 }), ..good };
    let first = session_and_number(&sealer.seal(&good, 0, rng).unwrap());
    assert_eq!(sealer.seal(&bad, 0, rng), Err(SealError::TooLarge));
    // Another place's session goes on; the one that failed is gone.
    let second = session_and_number(&sealer.seal(&good, 0, rng).unwrap());
    assert_eq!((second.0, second.1), (first.0, 1));
    assert_eq!(sealer.open_sessions(), 1);
}

#[test]
fn each_place_has_its_session_without_gaps() {
    let owner = key(Suite::Bbs98, 1);
    let mut sealer = Sealer::new(config(&owner).place_binding(PlaceBinding::Bound)).unwrap();
    let rng = &mut rng(35);
    let opener = opener(&owner);
    let places = [("a", 0), ("a", 1), ("b", 0), ("b", u32::MAX)];
    let mut sessions = HashSet::new();
    for round in 0..5 {
        for (topic, partition) in places {
            let place = Some(Place { topic, partition });
            let record = Record { place, ..record(b"k", b"v") };
            let sealed = sealer.seal(&record, 0, rng).unwrap();
            assert_eq!(Stored::new(&record, &sealed).open(&opener), Ok(Some(b"v".to_vec())));
            let (session, number) = session_and_number(&sealed);
            assert_eq!(number, round);
            sessions.insert(session);
        }
    }
    assert_eq!(sessions.len(), places.len());
    assert_eq!(sealer.open_sessions(), places.len());
}

#[test]
fn begun_anew_is_another_session() {
    let config = config(&key(Suite::Bbs98, 1)).place_binding(PlaceBinding::Bound);
    let mut sealer = Sealer::new(config).unwrap();
    let rng = &mut rng(36);
    let at = |partition| Place { topic: "t", partition };
    let mut number = |sealer: &mut Sealer, partition| {
        let record = Record { place: Some(at(partition)), ..record(b"k", b"v") };
        session_and_number(&sealer.seal(&record, 0, rng).unwrap()).1
    };
    assert_eq!([number(&mut sealer, 0), number(&mut sealer, 1)], [0, 0]);
    sealer.begin_anew_at(at(0));
    assert_eq!([number(&mut sealer, 0), number(&mut sealer, 1)], [0, 1]);
    sealer.begin_anew();
    assert_eq!(sealer.open_sessions(), 0);
    assert_eq!([number(&mut sealer, 0), number(&mut sealer, 1)], [0, 0]);
}

#[test]
fn open_sessions_are_bounded_and_the_least_recently_used_ends() {
    let config = config(&key(Suite::Bbs98, 1)).place_binding(PlaceBinding::Bound).max_places(3);
    let mut sealer = Sealer::new(config).unwrap();
    let rng = &mut rng(37);
    let mut number = |partition| {
        let record = Record { place: Some(Place { topic: "t", partition }), ..record(b"k", b"v") };
        let number = session_and_number(&sealer.seal(&record, 0, rng).unwrap()).1;
        assert!(sealer.open_sessions() <= 3);
        number
    };
    assert_eq!([number(0), number(1), number(2), number(0)], [0, 0, 0, 1]);
    // A fourth: partition 1 was used least recently.
    assert_eq!([number(3), number(0), number(2), number(1)], [0, 2, 1, 0]);
}
