//! Grants that are opened when they are used: what moves to first use, and that nothing widens.

use super::*;
use crate::registry::fixture::Population;

const MANY: usize = 300;

fn build(population: &Population, previous: Option<&Snapshot>) -> Snapshot {
    let administrators = [population.administrator().clone()];
    let seen = Seen::default();
    let trust =
        Trust { administrators: &administrators, gateway: population.gateway(), seen: &seen };
    Snapshot::build(&population.found(), &trust, previous, NOW).unwrap()
}

/// The newest grants are not opened at load. One that opens serves; one that does not is found
/// out at its first use, and denies from then on.
#[test]
fn what_does_not_hold_is_found_out_at_first_use() {
    let population = Population::new(MANY, NOW);
    let snapshot = build(&population, None);
    let (good, bad) = (population.principal(MANY - 1), population.principal(MANY - 2));
    // Sealed keys of the others are no sealed keys: those opened at load were reported.
    assert_eq!(problems(&snapshot).len(), 256);
    let grant = |principal: &str| snapshot.grant(population.key(), principal, "orders", NOW);
    assert_eq!(snapshot.access("orders", &bad, NOW), Access::Granted);
    assert!(grant(&bad).unwrap().key().is_err());
    assert_eq!(snapshot.access("orders", &bad, NOW), Access::Denied);
    assert!(grant(&good).unwrap().key().is_ok());
    assert_eq!(snapshot.access("orders", &good, NOW), Access::Granted);
    assert!(grant(&population.principal(0)).is_none(), "left out at load");
}

/// A forged grant beside a million good ones has no effect, as when each signature was checked.
#[test]
fn a_forged_grant_has_no_effect() {
    let population = Population::new(MANY, NOW);
    let mut found = population.found();
    found.push(population.forged("User:mallory"));
    let administrators = [population.administrator().clone()];
    let seen = Seen::default();
    let trust =
        Trust { administrators: &administrators, gateway: population.gateway(), seen: &seen };
    let snapshot = Snapshot::build(&found, &trust, None, NOW).unwrap();
    assert!(problems(&snapshot).contains(&ProblemKind::Signature));
    assert_eq!(snapshot.access("orders", "User:mallory", NOW), Access::Denied);
    assert_eq!(snapshot.grants().count(), MANY - 256);
}

/// A revoked grant's open key goes with it; the others stay open.
#[test]
fn a_revoked_grants_key_is_wiped() {
    let mut population = Population::new(MANY, NOW);
    let before = build(&population, None);
    let principal = population.principal(MANY - 1);
    let grant = before.grant(population.key(), &principal, "orders", NOW).unwrap();
    let key = grant.key().unwrap();
    assert!(std::sync::Arc::strong_count(&key) > 1, "the cache has it");
    population.revoke(MANY - 1, NOW);
    let after = build(&population, Some(&before));
    assert_eq!(std::sync::Arc::strong_count(&key), 1, "the cache has it no more");
    assert_eq!(after.access("orders", &principal, NOW), Access::Denied);
    assert_eq!(before.access("orders", &principal, NOW), Access::Granted);
}

/// A name wins over a pattern, the longer pattern over the shorter.
#[test]
fn patterns_of_principals() {
    let mut world = World::new();
    world.grant("orders", "app-*");
    world.grant("payments", "*");
    let ended = Validity::new(None, Some(NOW - 1)).unwrap();
    let named = GrantRequest { validity: ended, ..world.request("orders", "app-out") };
    world.issue(&named).unwrap();
    let snapshot = world.snapshot();
    assert_eq!(snapshot.problems(), []);
    let access = |topic, principal| snapshot.access(topic, principal, NOW);
    assert_eq!(access("orders", "User:app-1"), Access::Granted);
    assert_eq!(access("orders", "User:app"), Access::Denied);
    assert_eq!(access("orders", "User:app-out"), Access::Denied, "the name decides");
    assert_eq!(access("payments", "User:x"), Access::Granted);
    let key = world.key_id("orders");
    assert!(snapshot.grant(key, "User:app-1", "orders", NOW).is_some());
    assert!(snapshot.grant(key, "User:app-out", "orders", NOW).is_none());
}
