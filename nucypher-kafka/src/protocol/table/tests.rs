//! The table against the kafka-protocol crate, and against itself as it was reviewed.

use std::fmt::Write as _;

use kafka_protocol::messages::ApiKey;

use super::*;

#[test]
fn rows_stand_at_their_keys() {
    for (index, api) in TABLE.iter().enumerate() {
        assert_eq!(usize::try_from(api.key).unwrap(), index);
        assert!(api.min <= api.max && api.min >= 0, "{}", api.name);
        assert!(!api.why.is_empty(), "{}", api.name);
    }
    assert_eq!(api(-1), None);
    assert_eq!(api(i16::MAX), None);
    assert_eq!(api(93), None);
}

/// Every version of every API that the crate knows, and every one that the table allows: what is done
/// with it. A version that the crate has and the table lacks shows up here as "refused".
#[test]
fn every_version_is_reviewed() {
    let mut reviewed = String::new();
    for api in TABLE {
        let known = ApiKey::try_from(api.key).map(|key| key.valid_versions());
        let (min, max) =
            known.map_or((api.min, api.max), |k| (k.min.min(api.min), k.max.max(api.max)));
        let mut span: Option<(i16, i16, String)> = None;
        for version in min..=max + 1 {
            let action = match api.knows(version) {
                _ if version > max => String::new(),
                false => "refused".to_owned(),
                true => format!("{:?}", api.action).to_lowercase(),
            };
            match &mut span {
                Some((_, last, what)) if *what == action => *last = version,
                _ => {
                    if let Some((first, last, what)) = span.take() {
                        let plane = format!("{:?}", api.plane).to_lowercase();
                        let line = format!(
                            "{:>2} {} {first}-{last} {what} {plane}: {}",
                            api.key, api.name, api.why
                        );
                        writeln!(reviewed, "{line}").unwrap();
                    }
                    span = Some((version, version, action));
                }
            }
        }
    }
    let expected = include_str!("reviewed.txt");
    if reviewed != expected {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/protocol/table/reviewed.txt");
        if std::env::var_os("UPDATE_REVIEWED").is_some() {
            std::fs::write(path, &reviewed).unwrap();
        }
        panic!(
            "the table changed; review it, then run the test with UPDATE_REVIEWED=1:\n{reviewed}"
        );
    }
}

#[test]
fn header_versions_are_those_of_the_schemas() {
    for key in ApiKey::iter() {
        let api = api(key as i16).unwrap();
        for version in api.min..=api.max.min(key.valid_versions().max) {
            let flexible = api.is_flexible(version);
            assert_eq!(
                key.request_header_version(version),
                if flexible { 2 } else { 1 },
                "{key:?} {version}"
            );
            let tagged = i16::from(api.has_tagged_response_header(version));
            assert_eq!(key.response_header_version(version), tagged, "{key:?} {version}");
        }
    }
}

/// What kafka-notes.md lists as spoken between brokers, or as a way to an address.
#[test]
fn what_must_be_hidden_is_hidden() {
    let hidden = [4, 5, 6, 7, 27, 52, 53, 54, 56, 58, 59, 62, 63, 64, 67, 70, 73];
    for key in hidden.into_iter().chain(80..=87) {
        assert_eq!(api(key).unwrap().action, Action::Hide, "{key}");
    }
    assert_eq!(api(55).unwrap().max, 1, "DescribeQuorum 2 lists listeners");
}

/// A confused deputy's tools.
#[test]
fn what_reaches_beyond_a_clients_own_data_is_administration() {
    for api in TABLE.iter().filter(|api| api.plane == Plane::Data && api.action != Action::Hide) {
        let name = api.name;
        let reaching = [
            "Create", "Delete", "Alter", "Acl", "Scram", "Quota", "Token", "Configs", "Elect",
            "Update",
        ];
        assert!(!reaching.iter().any(|word| name.contains(word)), "{name}");
    }
}
