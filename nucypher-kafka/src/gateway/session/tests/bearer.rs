//! OAUTHBEARER: ended at the gateway, and watched.

use super::*;
use crate::gateway::identity::Reading;
use crate::gateway::identity::bearer_fixture::{Issuer, NOW_MS, claims, message, unsecured};

fn authenticate(id: i32, token: &str) -> Vec<u8> {
    let body = SaslAuthenticateRequest::default().with_auth_bytes(message(token).into());
    request(ApiKey::SaslAuthenticate, 2, id, &body)
}

fn bench(issuer: &Issuer, lifetime: Option<Duration>) -> InMemory {
    let settings = EndedSettings {
        users: None,
        bearer: Some(issuer.bearer()),
        mechanisms: vec![Mechanism::OAuthBearer],
        lifetime,
    };
    let mut bench = InMemory::new(world(Snapshot::empty()), ended_by(settings));
    bench.now.wall_ms = NOW_MS;
    bench
}

fn answer(bench: &InMemory) -> SaslAuthenticateResponse {
    let answers = frames(&bench.to_client);
    read_response(ApiKey::SaslAuthenticate, 2, answers.last().unwrap()).1
}

fn pass(bench: &mut InMemory, seconds: u64) {
    bench.now.instant += Duration::from_secs(seconds);
    bench.now.wall_ms += i64::try_from(seconds).unwrap() * 1000;
}

#[test]
fn the_end_of_the_token_is_the_end_of_the_session() {
    let issuer = Issuer::new();
    // 30 seconds of clock skew are granted on top.
    for (lifetime, ms) in [(None, 90_000), (Some(Duration::from_secs(20)), 20_000)] {
        let mut bench = bench(&issuer, lifetime);
        bench.from_client = [
            handshake(1, 1, "OAUTHBEARER"),
            authenticate(2, &issuer.token(&claims("alice", 60))),
            heartbeat(3),
        ]
        .concat();
        bench.run().unwrap();
        let body = answer(&bench);
        assert_eq!((body.error_code, body.session_lifetime_ms), (0, ms));
        assert_eq!(bench.session.principal(), Some(&alice()));
        assert_eq!(bench.to_broker, heartbeat(3), "the broker does not see the token");
        bench.from_broker = heartbeat_response(3);
        bench.run().unwrap();
        pass(&mut bench, u64::try_from(ms / 1000).unwrap());
        bench.from_client = heartbeat(4);
        assert!(matches!(bench.run(), Err(Fault::Client(ClientFault::Expired))));
    }
}

#[test]
fn a_re_authentication_brings_a_new_end_and_no_other_principal() {
    let issuer = Issuer::new();
    let mut bench = bench(&issuer, None);
    let log_on = |id, token: &str| [handshake(id, 1, "OAUTHBEARER"), authenticate(id + 1, token)];
    bench.from_client = log_on(1, &issuer.token(&claims("alice", 60))).concat();
    bench.run().unwrap();
    pass(&mut bench, 80);
    bench.from_client = log_on(3, &issuer.token(&claims("alice", 200))).concat();
    bench.run().unwrap();
    assert_eq!(answer(&bench).session_lifetime_ms, 150_000);
    pass(&mut bench, 80);
    bench.from_client = heartbeat(5);
    bench.run().unwrap();
    assert_eq!(bench.to_broker, heartbeat(5));
    bench.from_broker = heartbeat_response(5);
    bench.run().unwrap();
    bench.from_client = log_on(6, &issuer.token(&claims("bob", 600))).concat();
    let fault = bench.run().unwrap_err();
    assert!(
        matches!(fault, Fault::Client(ClientFault::Sasl(SaslError::PrincipalChanged))),
        "{fault}"
    );
    assert_eq!(answer(&bench).error_code, 58);
    assert_eq!(bench.session.principal(), Some(&alice()));
}

#[test]
fn a_token_that_is_not_believed_ends_the_connection() {
    let issuer = Issuer::new();
    for token in [
        issuer.token(&claims("alice", -31)),
        issuer.token(&claims("alice", 60).replace("issuer.", "other.")),
        Issuer::new().token(&claims("alice", 60)),
        unsecured(&claims("alice", 60)),
    ] {
        let mut bench = bench(&issuer, None);
        bench.from_client =
            [handshake(1, 1, "OAUTHBEARER"), authenticate(2, &token), heartbeat(3)].concat();
        let fault = bench.run().unwrap_err();
        assert!(matches!(fault, Fault::Client(ClientFault::Sasl(SaslError::Token(_)))), "{fault}");
        assert_eq!(answer(&bench).error_code, 58);
        assert_eq!(bench.session.principal(), None);
        assert!(bench.to_broker.is_empty());
    }
}

fn watched(reading: Reading, token: &str) -> (InMemory, Result<(), Fault>) {
    let watched = Watched::new(Transport::Tls).reading(reading);
    let mut bench = InMemory::new(world(Snapshot::empty()), Authentication::Watched(watched));
    bench.from_client = handshake(1, 1, "OAUTHBEARER");
    bench.run().unwrap();
    bench.from_broker = response(ApiKey::SaslHandshake, 1, 1, &SaslHandshakeResponse::default());
    bench.from_client = authenticate(2, token);
    let ran = bench.run();
    (bench, ran)
}

#[test]
fn a_watched_token_counts_once_the_broker_has_accepted_it() {
    let token = Issuer::new().token(&claims("alice", 60));
    let (mut bench, ran) = watched(Reading::default(), &token);
    ran.unwrap();
    assert_eq!(bench.session.principal(), None);
    let accepted = SaslAuthenticateResponse::default().with_session_lifetime_ms(5_000);
    bench.from_broker = response(ApiKey::SaslAuthenticate, 2, 2, &accepted);
    bench.run().unwrap();
    assert_eq!(bench.session.principal(), Some(&alice()));
    pass(&mut bench, 5);
    bench.from_client = heartbeat(3);
    assert!(matches!(bench.run(), Err(Fault::Client(ClientFault::Expired))));
}

#[test]
fn a_watched_token_that_the_broker_refuses_is_no_identity() {
    let token = Issuer::new().token(&claims("alice", 60));
    let challenge = SaslAuthenticateResponse::default()
        .with_auth_bytes(Bytes::from_static(br#"{"status":"invalid_token"}"#));
    let challenge = response(ApiKey::SaslAuthenticate, 2, 2, &challenge);
    for code in [58, 0] {
        let (mut bench, ran) = watched(Reading::default(), &token);
        ran.unwrap();
        bench.from_broker = challenge.clone();
        bench.run().unwrap();
        assert_eq!(bench.session.principal(), None, "a challenge is no success");
        bench.from_client = super::token(3, b"\x01");
        bench.run().unwrap();
        let refused = SaslAuthenticateResponse::default().with_error_code(code);
        bench.from_broker = response(ApiKey::SaslAuthenticate, 2, 3, &refused);
        // A broker that first refuses and then accepts contradicts itself.
        assert_eq!(bench.run().is_ok(), code != 0);
        assert_eq!(bench.session.principal(), None);
    }
    // Nor does a second token count after a challenge.
    let (mut bench, ran) = watched(Reading::default(), &token);
    ran.unwrap();
    bench.from_broker = challenge;
    bench.run().unwrap();
    bench.from_client = authenticate(3, &token);
    assert!(matches!(bench.run(), Err(Fault::Client(ClientFault::Sasl(_)))));
}

#[test]
fn an_unsigned_token_passes_only_where_that_is_configured() {
    let token = unsecured(&claims("alice", 60));
    let (bench, ran) = watched(Reading::default(), &token);
    assert!(matches!(ran, Err(Fault::Client(ClientFault::Sasl(SaslError::Token(_))))));
    assert_eq!(frames(&bench.to_broker).len(), 1, "the broker does not see the token");
    let development = Reading { unsecured: true, ..Reading::default() };
    let (mut bench, ran) = watched(development, &token);
    ran.unwrap();
    bench.from_broker =
        response(ApiKey::SaslAuthenticate, 2, 2, &SaslAuthenticateResponse::default());
    bench.run().unwrap();
    assert_eq!(bench.session.principal(), Some(&alice()));
}
