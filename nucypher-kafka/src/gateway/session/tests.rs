//! Sessions in memory: order, what passes and what does not, identity, hostile peers.

mod bearer;
mod records;

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::metadata_response::{MetadataResponseBroker, MetadataResponseTopic};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, BrokerId, FetchRequest, FetchResponse,
    HeartbeatRequest, HeartbeatResponse, ListOffsetsRequest, MetadataRequest, MetadataResponse,
    ProduceRequest, ProduceResponse, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse, TopicName,
};

use super::in_memory::{InMemory, world};
use super::*;
use crate::gateway::fault::BrokerFault;
use crate::gateway::identity::{Mechanism, Password, Transport, User, Users};
use crate::gateway::reload::Reloadable;
use crate::gateway::session::{Ended, EndedSettings, Watched};
use crate::protocol::oracle::{read_request, read_response, request, response, text};
use crate::registry::Snapshot;

fn alice() -> Principal {
    Principal::user("alice").unwrap()
}

fn bench() -> InMemory {
    InMemory::known(world(Snapshot::empty()), alice())
}

/// The frames in what was sent, one by one.
fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let len = usize::try_from(i32::from_be_bytes(*bytes.first_chunk().unwrap())).unwrap();
        let (frame, rest) = bytes.split_at(4 + len);
        frames.push(frame.to_vec());
        bytes = rest;
    }
    frames
}

fn correlation_ids(bytes: &[u8]) -> Vec<i32> {
    frames(bytes)
        .iter()
        .map(|frame| i32::from_be_bytes(*frame[4..].first_chunk().unwrap()))
        .collect()
}

fn heartbeat(id: i32) -> Vec<u8> {
    request(ApiKey::Heartbeat, 4, id, &HeartbeatRequest::default())
}

fn heartbeat_response(id: i32) -> Vec<u8> {
    response(ApiKey::Heartbeat, 4, id, &HeartbeatResponse::default())
}

fn produce(id: i32, acks: i16) -> Vec<u8> {
    request(ApiKey::Produce, 9, id, &ProduceRequest::default().with_acks(acks))
}

#[test]
fn pipelined_requests_and_their_responses_stay_in_order_byte_for_byte() {
    let mut bench = bench();
    let requests: Vec<u8> = (0..5).flat_map(heartbeat).collect();
    let responses: Vec<u8> = (0..5).flat_map(heartbeat_response).collect();
    bench.from_client = requests.clone();
    bench.run().unwrap();
    assert_eq!(bench.to_broker, requests);
    // Whatever pieces the network makes of them.
    for chunk in responses.chunks(7) {
        bench.from_broker.extend_from_slice(chunk);
        bench.run().unwrap();
    }
    assert_eq!(bench.to_client, responses);
    assert!(bench.session.is_quiet());
}

#[test]
fn a_byte_at_a_time_gives_the_same() {
    let mut bench = bench();
    let body = FetchRequest::default().with_max_bytes(i32::MAX);
    let requests = [heartbeat(1), request(ApiKey::Fetch, 12, 2, &body), produce(3, 1)].concat();
    for byte in &requests {
        bench.from_client.push(*byte);
        bench.run().unwrap();
    }
    assert_eq!(frames(&bench.to_broker).len(), 3);
    let (_, fetch) = read_request::<FetchRequest>(&frames(&bench.to_broker)[1]);
    assert_eq!(fetch.max_bytes, 1 << 24);
    let responses = [
        heartbeat_response(1),
        response(ApiKey::Fetch, 12, 2, &FetchResponse::default()),
        response(ApiKey::Produce, 9, 3, &ProduceResponse::default()),
    ]
    .concat();
    for byte in &responses {
        bench.from_broker.push(*byte);
        bench.run().unwrap();
    }
    assert_eq!(bench.to_client, responses);
}

#[test]
fn a_produce_without_acknowledgement_expects_no_response() {
    let mut bench = bench();
    bench.from_client = [produce(1, 0), heartbeat(2), produce(3, 0), produce(4, -1)].concat();
    bench.run().unwrap();
    assert_eq!(bench.session.in_flight(), 2);
    let answer = response(ApiKey::Produce, 9, 4, &ProduceResponse::default());
    bench.from_broker = [heartbeat_response(2), answer].concat();
    bench.run().unwrap();
    assert_eq!(correlation_ids(&bench.to_client), [2, 4]);
}

#[test]
fn a_response_out_of_turn_ends_the_connection() {
    let mut bench = bench();
    bench.from_client = [heartbeat(1), heartbeat(2)].concat();
    bench.run().unwrap();
    bench.from_broker = heartbeat_response(2);
    let fault = bench.run().unwrap_err();
    assert!(matches!(fault, Fault::Broker(BrokerFault::OutOfOrder(2))), "{fault}");
    assert!(bench.to_client.is_empty());
    // Nor is one taken that nobody asked for.
    let mut idle = self::bench();
    idle.from_broker = heartbeat_response(0);
    assert!(matches!(idle.run(), Err(Fault::Broker(BrokerFault::OutOfOrder(0)))));
}

#[test]
fn the_queue_is_bounded_and_moves_on() {
    let mut bench = bench();
    bench.from_client = (0..20).flat_map(heartbeat).collect();
    bench.run().unwrap();
    assert_eq!(frames(&bench.to_broker).len(), 8);
    bench.from_broker =
        (0..20).flat_map(heartbeat_response).take(3 * heartbeat_response(0).len()).collect();
    bench.run().unwrap();
    assert_eq!(frames(&bench.to_broker).len(), 11);
    assert_eq!(bench.session.in_flight(), 8);
}

#[test]
fn what_was_not_advertised_ends_the_connection_before_the_broker_sees_it() {
    let frame = |key: i16, version: i16| {
        let mut frame = vec![0, 0, 0, 12];
        frame.extend(key.to_be_bytes());
        frame.extend(version.to_be_bytes());
        frame.extend([0, 0, 0, 1, 0xff, 0xff, 0, 0]);
        frame
    };
    type Check = fn(&ClientFault) -> bool;
    let cases: [(Vec<u8>, Check); 8] = [
        (frame(-1, 0), |fault| matches!(fault, ClientFault::UnknownApi { key: -1 })),
        (frame(i16::MAX, 0), |fault| matches!(fault, ClientFault::UnknownApi { .. })),
        (frame(93, 0), |fault| matches!(fault, ClientFault::UnknownApi { key: 93 })),
        (frame(58, 0), |fault| matches!(fault, ClientFault::Closed { api: "Envelope" })),
        (frame(78, 1), |fault| matches!(fault, ClientFault::Closed { api: "ShareFetch" })),
        (frame(30, 2), |fault| matches!(fault, ClientFault::Closed { api: "CreateAcls" })),
        (frame(3, 14), |fault| {
            matches!(fault, ClientFault::UnsupportedVersion { version: 14, .. })
        }),
        (frame(0, 2), |fault| matches!(fault, ClientFault::UnsupportedVersion { version: 2, .. })),
    ];
    for (bytes, check) in cases {
        let mut bench = bench();
        bench.from_client = bytes;
        match bench.run() {
            Err(Fault::Client(fault)) if check(&fault) => {}
            other => panic!("{other:?}"),
        }
        assert!(bench.to_broker.is_empty());
    }
}

#[test]
fn the_admin_plane_is_open_to_named_principals_and_where_the_broker_sees_who_asks() {
    let acls = request(
        ApiKey::DescribeAcls,
        3,
        1,
        &kafka_protocol::messages::DescribeAclsRequest::default(),
    );
    for admins in [Admins::Everyone, Admins::Named(Arc::from([alice()]))] {
        let world = World { admins, ..world(Snapshot::empty()) };
        let mut bench = InMemory::known(world, alice());
        bench.from_client = acls.clone();
        bench.run().unwrap();
        assert_eq!(bench.to_broker, acls);
    }
}

#[test]
fn a_newer_api_versions_request_is_answered_in_version_0() {
    let mut bench = bench();
    let mut bytes = request(ApiKey::ApiVersions, 4, 77, &ApiVersionsRequest::default());
    bytes[6..8].copy_from_slice(&9i16.to_be_bytes());
    bench.from_client = [bytes, heartbeat(78)].concat();
    bench.run().unwrap();
    assert_eq!(bench.to_broker, heartbeat(78));
    let (id, body) = read_response::<ApiVersionsResponse>(ApiKey::ApiVersions, 0, &bench.to_client);
    assert_eq!((id, body.error_code, body.api_keys[0].api_key), (77, 35, 18));
}

#[test]
fn answers_of_the_gateway_wait_for_their_turn() {
    let mut bench = bench();
    let mut newer = request(ApiKey::ApiVersions, 4, 2, &ApiVersionsRequest::default());
    newer[6..8].copy_from_slice(&9i16.to_be_bytes());
    bench.from_client = [heartbeat(1), newer, heartbeat(3)].concat();
    bench.run().unwrap();
    assert!(bench.to_client.is_empty());
    bench.from_broker = [heartbeat_response(1), heartbeat_response(3)].concat();
    bench.run().unwrap();
    assert_eq!(correlation_ids(&bench.to_client), [1, 2, 3]);
}

#[test]
fn a_follower_does_not_fetch_through_a_gateway() {
    let mut bench = bench();
    let body = FetchRequest::default().with_replica_id(BrokerId(2));
    bench.from_client = request(ApiKey::Fetch, 11, 1, &body);
    assert!(matches!(bench.run(), Err(Fault::Client(ClientFault::Replica(2)))));
}

fn metadata_response(version: i16, id: i32) -> Vec<u8> {
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(4))
        .with_host(text("broker-4"))
        .with_port(9092);
    let topic = MetadataResponseTopic::default()
        .with_name(Some(TopicName(text("orders"))))
        .with_topic_id(uuid::Uuid::from_u128(7));
    response(
        ApiKey::Metadata,
        version,
        id,
        &MetadataResponse::default().with_brokers(vec![broker]).with_topics(vec![topic]),
    )
}

#[test]
fn a_port_is_bound_before_the_response_that_names_it_is_sent() {
    let mut bench = bench();
    bench.from_client = request(ApiKey::Metadata, 12, 1, &MetadataRequest::default());
    bench.run().unwrap();
    bench.from_broker = metadata_response(12, 1);
    let step = bench.session.response(&mut bench.from_broker, bench.now).unwrap();
    let Step::Await(Work::Route(sites)) = step else { panic!("{step:?}") };
    assert_eq!((sites[0].node, sites[0].upstream.host.as_str()), (4, "broker-4"));
    assert!(bench.to_client.is_empty());
    bench.work(Work::Route(sites)).unwrap();
    bench.run().unwrap();
    let (_, body) = read_response::<MetadataResponse>(ApiKey::Metadata, 12, &bench.to_client);
    assert_eq!((body.brokers[0].host.as_str(), body.brokers[0].port), ("gateway.example", 9004));
    assert_eq!(
        bench.world.topics.name(crate::protocol::wire::Uuid(7u128.to_be_bytes())).as_deref(),
        Some("orders")
    );
}

/// Found by the fuzzer: two addresses for one node, and neither would ever have been the known one.
#[test]
fn a_node_with_two_addresses_does_not_hold_the_response_for_ever() {
    let mut bench = bench();
    bench.from_client = request(ApiKey::Metadata, 1, 1, &MetadataRequest::default());
    bench.run().unwrap();
    let broker = |host: &str| {
        MetadataResponseBroker::default().with_node_id(BrokerId(4)).with_host(text(host))
    };
    let body = MetadataResponse::default().with_brokers(vec![broker("one"), broker("two")]);
    bench.from_broker = response(ApiKey::Metadata, 1, 1, &body);
    bench.run().unwrap();
    let (_, body) = read_response::<MetadataResponse>(ApiKey::Metadata, 1, &bench.to_client);
    assert!(body.brokers.iter().all(|broker| broker.port == 9004));
}

fn fetch_by_id(id: i32, topic: u128) -> Vec<u8> {
    let topic = FetchTopic::default()
        .with_topic_id(uuid::Uuid::from_u128(topic))
        .with_partitions(vec![FetchPartition::default()]);
    request(ApiKey::Fetch, 13, id, &FetchRequest::default().with_topics(vec![topic]))
}

#[test]
fn an_unknown_topic_id_is_asked_for_on_the_clients_own_connection() {
    let mut bench = bench();
    bench.from_client = [fetch_by_id(50, 7), heartbeat(51)].concat();
    bench.run().unwrap();
    let sent = frames(&bench.to_broker);
    assert_eq!(sent.len(), 3);
    let (_, question) = read_request::<MetadataRequest>(&sent[0]);
    assert_eq!(question.topics.unwrap()[0].topic_id, uuid::Uuid::from_u128(7));
    let answer = response(ApiKey::Fetch, 13, 50, &FetchResponse::default());
    bench.from_broker =
        [metadata_response(12, 50), answer.clone(), heartbeat_response(51)].concat();
    bench.run().unwrap();
    assert_eq!(bench.to_client, [answer, heartbeat_response(51)].concat());
    // Known now: not asked again.
    bench.to_broker.clear();
    bench.from_client = fetch_by_id(52, 7);
    bench.run().unwrap();
    assert_eq!(frames(&bench.to_broker).len(), 1);
}

#[test]
fn records_of_open_topics_pass_byte_for_byte() {
    let mut bench = bench();
    bench.from_client = request(ApiKey::Fetch, 12, 1, &FetchRequest::default());
    bench.run().unwrap();
    let partition =
        PartitionData::default().with_records(Some(Bytes::from_static(b"no batch at all")));
    let topic = FetchableTopicResponse::default()
        .with_topic(TopicName(text("open")))
        .with_partitions(vec![partition]);
    let answer =
        response(ApiKey::Fetch, 12, 1, &FetchResponse::default().with_responses(vec![topic]));
    bench.from_broker = answer.clone();
    bench.run().unwrap();
    assert_eq!(bench.to_client, answer);
}

fn users() -> Users {
    let password = Password::new("secret of alice".to_owned()).unwrap();
    let user = User::from_password(&password, 4096).unwrap();
    let hash = crate::gateway::identity::ScramHash::Sha256;
    let credential = user.credential(hash).unwrap().to_text();
    Users::parse(&format!("[users.alice]\nscram-sha-256 = \"{}\"\n", *credential)).unwrap()
}

fn ended(lifetime: Option<Duration>) -> Authentication {
    let users = Arc::new(users());
    ended_by(EndedSettings {
        users: Some(Reloadable::new(move || Ok(Arc::clone(&users))).unwrap()),
        bearer: None,
        mechanisms: vec![Mechanism::Plain],
        lifetime,
    })
}

fn ended_by(settings: EndedSettings) -> Authentication {
    let ranges = [
        crate::protocol::api_versions::Range { key: 0, min: 0, max: 13 },
        crate::protocol::api_versions::Range { key: 18, min: 0, max: 4 },
        crate::protocol::api_versions::Range { key: 30, min: 1, max: 3 },
    ];
    Authentication::Ended(Ended::new(Arc::new(settings), Transport::Loopback, Arc::from(ranges)))
}

fn handshake(id: i32, version: i16, mechanism: &str) -> Vec<u8> {
    request(
        ApiKey::SaslHandshake,
        version,
        id,
        &SaslHandshakeRequest::default().with_mechanism(text(mechanism)),
    )
}

fn token(id: i32, token: &'static [u8]) -> Vec<u8> {
    let body = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from_static(token));
    request(ApiKey::SaslAuthenticate, 2, id, &body)
}

#[test]
fn before_authentication_the_admin_plane_is_told_of_where_there_are_administrators() {
    for (admins, told) in [(vec![], false), (vec![alice()], true)] {
        let world = World { admins: Admins::Named(admins.into()), ..world(Snapshot::empty()) };
        let mut bench = InMemory::new(world, ended(Some(Duration::from_secs(60))));
        bench.from_client = request(ApiKey::ApiVersions, 3, 1, &ApiVersionsRequest::default());
        bench.run().unwrap();
        let (_, versions) =
            read_response::<ApiVersionsResponse>(ApiKey::ApiVersions, 3, &bench.to_client);
        let create_acls = ApiKey::CreateAcls as i16;
        assert_eq!(versions.api_keys.iter().any(|range| range.api_key == create_acls), told);
    }
}

#[test]
fn sasl_ends_at_the_gateway() {
    let mut bench = InMemory::new(world(Snapshot::empty()), ended(Some(Duration::from_secs(60))));
    bench.from_client = request(ApiKey::ApiVersions, 3, 1, &ApiVersionsRequest::default());
    bench.run().unwrap();
    let (_, versions) =
        read_response::<ApiVersionsResponse>(ApiKey::ApiVersions, 3, &bench.to_client);
    let keys: Vec<_> = versions.api_keys.iter().map(|range| range.api_key).collect();
    assert_eq!(keys, [0, 18, 17, 36], "CreateAcls is administration");
    bench.to_client.clear();

    bench.from_client =
        [handshake(2, 1, "PLAIN"), token(3, b"\0alice\0secret of alice"), heartbeat(4)].concat();
    bench.run().unwrap();
    let answers = frames(&bench.to_client);
    let (_, shaken) = read_response::<SaslHandshakeResponse>(ApiKey::SaslHandshake, 1, &answers[0]);
    assert_eq!((shaken.error_code, shaken.mechanisms), (0, vec![text("PLAIN")]));
    let (_, authenticated) =
        read_response::<SaslAuthenticateResponse>(ApiKey::SaslAuthenticate, 2, &answers[1]);
    assert_eq!((authenticated.error_code, authenticated.session_lifetime_ms), (0, 60_000));
    assert_eq!(bench.session.principal(), Some(&alice()));
    assert_eq!(bench.to_broker, heartbeat(4), "the broker sees neither handshake nor token");

    // Again in time: the session goes on. Too late: it ends.
    bench.from_broker = heartbeat_response(4);
    bench.run().unwrap();
    bench.now.instant += Duration::from_secs(50);
    bench.from_client = [handshake(5, 1, "PLAIN"), token(6, b"\0alice\0secret of alice")].concat();
    bench.run().unwrap();
    bench.now.instant += Duration::from_secs(50);
    bench.from_client = heartbeat(7);
    bench.run().unwrap();
    bench.from_broker = heartbeat_response(7);
    bench.run().unwrap();
    bench.now.instant += Duration::from_secs(50);
    bench.from_client = heartbeat(8);
    assert!(matches!(bench.run(), Err(Fault::Client(ClientFault::Expired))));
}

#[test]
fn a_refused_client_is_told_why_and_then_closed() {
    let cases: [(Vec<u8>, i16); 4] = [
        ([handshake(1, 1, "PLAIN"), token(2, b"\0alice\0wrong")].concat(), 58),
        ([handshake(1, 1, "PLAIN"), token(2, b"\0nobody\0wrong")].concat(), 58),
        (token(2, b"\0alice\0secret of alice"), 34),
        ([handshake(1, 1, "PLAIN"), token(2, b"no nul at all")].concat(), 58),
    ];
    for (bytes, code) in cases {
        let mut bench = InMemory::new(world(Snapshot::empty()), ended(None));
        bench.from_client = bytes;
        assert!(matches!(bench.run(), Err(Fault::Client(ClientFault::Sasl(_)))));
        let answers = frames(&bench.to_client);
        let (_, body) = read_response::<SaslAuthenticateResponse>(
            ApiKey::SaslAuthenticate,
            2,
            answers.last().unwrap(),
        );
        assert_eq!(body.error_code, code);
        assert!(bench.to_broker.is_empty());
    }
    for (version, mechanism, code) in
        [(1, "GSSAPI", 33), (1, "SCRAM-SHA-256", 33), (0, "PLAIN", 35)]
    {
        let mut bench = InMemory::new(world(Snapshot::empty()), ended(None));
        bench.from_client = handshake(1, version, mechanism);
        assert!(matches!(bench.run(), Err(Fault::Client(_))));
        let (_, body) = read_response::<SaslHandshakeResponse>(
            ApiKey::SaslHandshake,
            version,
            &bench.to_client,
        );
        assert_eq!(body.error_code, code, "{mechanism} v{version}");
    }
}

#[test]
fn nothing_but_authentication_before_authentication() {
    for authentication in [ended(None), Authentication::Watched(Watched::new(Transport::Tls))] {
        let mut bench = InMemory::new(world(Snapshot::empty()), authentication);
        bench.from_client = heartbeat(1);
        let fault = bench.run().unwrap_err();
        assert!(
            matches!(fault, Fault::Client(ClientFault::Unauthenticated { api: "Heartbeat" })),
            "{fault}"
        );
        assert!(bench.to_broker.is_empty());
    }
}

#[test]
fn sasl_is_watched_and_believed_after_the_brokers_word() {
    let mut bench = InMemory::new(
        world(Snapshot::empty()),
        Authentication::Watched(Watched::new(Transport::Tls)),
    );
    let (shake, plain) = (handshake(1, 1, "PLAIN"), token(2, b"\0alice\0secret"));
    bench.from_client = [shake.clone(), plain.clone(), heartbeat(3)].concat();
    bench.run().unwrap();
    assert_eq!(bench.to_broker, shake, "the token waits for the broker's answer to the handshake");
    bench.from_broker = response(ApiKey::SaslHandshake, 1, 1, &SaslHandshakeResponse::default());
    bench.run().unwrap();
    assert_eq!(
        bench.to_broker,
        [shake, plain].concat(),
        "the heartbeat waits for the authentication"
    );
    assert_eq!(bench.session.principal(), None);
    let accepted = response(ApiKey::SaslAuthenticate, 2, 2, &SaslAuthenticateResponse::default());
    bench.from_broker = accepted.clone();
    bench.run().unwrap();
    assert_eq!(bench.session.principal(), Some(&alice()));
    assert!(bench.to_client.ends_with(&accepted));
    assert!(bench.to_broker.ends_with(&heartbeat(3)));

    // Bob may not take over.
    bench.from_broker = heartbeat_response(3);
    bench.from_client = handshake(4, 1, "PLAIN");
    bench.run().unwrap();
    bench.from_broker = response(ApiKey::SaslHandshake, 1, 4, &SaslHandshakeResponse::default());
    bench.run().unwrap();
    let sent = bench.to_broker.len();
    bench.from_client = token(5, b"\0bob\0secret");
    assert!(matches!(bench.run(), Err(Fault::Client(ClientFault::Sasl(_)))));
    assert_eq!(bench.to_broker.len(), sent, "the broker does not see the token");
    assert_eq!(bench.session.principal(), Some(&alice()));
}

#[test]
fn a_refusal_that_is_watched_leaves_the_client_unknown() {
    let mut bench = InMemory::new(
        world(Snapshot::empty()),
        Authentication::Watched(Watched::new(Transport::Tls)),
    );
    bench.from_client = handshake(1, 1, "PLAIN");
    bench.run().unwrap();
    bench.from_broker = response(ApiKey::SaslHandshake, 1, 1, &SaslHandshakeResponse::default());
    bench.from_client = token(2, b"\0alice\0wrong");
    bench.run().unwrap();
    let refused = SaslAuthenticateResponse::default().with_error_code(58);
    bench.from_broker = response(ApiKey::SaslAuthenticate, 2, 2, &refused);
    bench.run().unwrap();
    assert_eq!(bench.session.principal(), None);
    bench.from_client = heartbeat(3);
    assert!(matches!(bench.run(), Err(Fault::Client(ClientFault::Unauthenticated { .. }))));
}

#[test]
fn a_client_that_is_known_is_told_that_there_is_no_sasl_here() {
    let mut bench = bench();
    bench.from_client = [handshake(1, 1, "PLAIN"), token(2, b"x")].concat();
    bench.run().unwrap();
    let answers = frames(&bench.to_client);
    let (_, shaken) = read_response::<SaslHandshakeResponse>(ApiKey::SaslHandshake, 1, &answers[0]);
    let (_, answer) =
        read_response::<SaslAuthenticateResponse>(ApiKey::SaslAuthenticate, 2, &answers[1]);
    assert_eq!((shaken.error_code, answer.error_code), (34, 34));
}

#[test]
fn hostile_requests_are_errors() {
    let whole = request(ApiKey::Fetch, 13, 1, &FetchRequest::default());
    let mut cases: Vec<Vec<u8>> = vec![
        vec![0xff; 64],
        vec![0; 64],
        vec![0x7f, 0xff, 0xff, 0xff],
        [&(1u32 << 21).to_be_bytes()[..], &[0; 32]].concat(),
        // An ApiVersions request of a megabyte, in a version that is not known.
        [&(1u32 << 20).to_be_bytes()[..], &18i16.to_be_bytes(), &99i16.to_be_bytes(), &[0; 8]]
            .concat(),
        // A SASL token of a megabyte.
        [&(1u32 << 20).to_be_bytes()[..], &36i16.to_be_bytes(), &2i16.to_be_bytes(), &[0; 8]]
            .concat(),
    ];
    // A fetch whose counts are larger than the frame.
    for at in 20..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] = 0xff;
        cases.push(bytes);
    }
    for bytes in cases {
        let mut bench = bench();
        bench.from_client = bytes;
        let _ = bench.run();
        let mut stranger = InMemory::new(world(Snapshot::empty()), ended(None));
        stranger.from_client = bench.from_client.clone();
        let _ = stranger.run();
        assert!(stranger.to_broker.is_empty());
    }
}

#[test]
fn hostile_responses_are_errors() {
    for version in [9, 12] {
        let whole = metadata_response(version.max(10), 1);
        for at in 8..whole.len() {
            for bits in [0xff, 0x80, 0x7f] {
                let mut bench = bench();
                let asked = version.max(10);
                bench.from_client =
                    request(ApiKey::Metadata, asked, 1, &MetadataRequest::default());
                bench.run().unwrap();
                let mut bytes = whole.clone();
                bytes[at] ^= bits;
                bench.from_broker = bytes;
                // It is refused, or what it names is replaced.
                if bench.run().is_ok() {
                    assert!(!bench.to_client.windows(8).any(|window| window == b"broker-4"));
                }
            }
        }
    }
}

#[test]
fn an_unanswered_list_of_offsets_does_not_block_its_neighbours() {
    let mut bench = bench();
    bench.from_client =
        [request(ApiKey::ListOffsets, 7, 1, &ListOffsetsRequest::default()), heartbeat(2)].concat();
    bench.run().unwrap();
    assert_eq!(frames(&bench.to_broker).len(), 2);
    assert!(!bench.session.is_quiet());
}

/// The seeds of the fuzzer: one for each API that is walked, with its response.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let mut add = |name: &str, kind: u8, turns: &[Vec<u8>]| {
        let mut seed = vec![kind];
        seed.extend(turns.join(&b"\nturn\n"[..]));
        seeds.push((name.to_owned(), seed));
    };
    add("heartbeat", 0, &[heartbeat(1), heartbeat_response(1)]);
    add(
        "metadata-12",
        0,
        &[request(ApiKey::Metadata, 12, 1, &MetadataRequest::default()), internal_metadata(12, 1)],
    );
    add(
        "metadata-1",
        0,
        &[request(ApiKey::Metadata, 1, 1, &MetadataRequest::default()), internal_metadata(1, 1)],
    );
    add(
        "fetch-13",
        1,
        &[fetch_by_id(5, 7), [internal_metadata(12, 5), fetch_response(13, 5)].concat()],
    );
    let fetch = request(ApiKey::Fetch, 4, 1, &FetchRequest::default());
    add("fetch-4", 1, &[fetch, fetch_response(4, 1)]);
    let produce = [produce(1, 0), produce(2, 1)].concat();
    add("produce-9", 0, &[produce, response(ApiKey::Produce, 9, 2, &ProduceResponse::default())]);
    let versions = request(ApiKey::ApiVersions, 3, 1, &ApiVersionsRequest::default());
    add(
        "api-versions-3",
        0,
        &[versions, response(ApiKey::ApiVersions, 3, 1, &ApiVersionsResponse::default())],
    );
    let watched = [
        handshake(1, 1, "PLAIN"),
        response(ApiKey::SaslHandshake, 1, 1, &SaslHandshakeResponse::default()),
        token(2, b"\0alice\0secret"),
        response(ApiKey::SaslAuthenticate, 2, 2, &SaslAuthenticateResponse::default()),
        heartbeat(3),
        heartbeat_response(3),
    ];
    add("sasl-watched", 2, &watched);
    add("garbage", 0, &[vec![0xff; 40], vec![0; 40]]);
    seeds
}

fn internal_metadata(version: i16, id: i32) -> Vec<u8> {
    let broker = |n: i32| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(n))
            .with_host(text(&format!("broker-{n}.internal")))
            .with_port(9092)
    };
    let mut body = MetadataResponse::default().with_brokers(vec![broker(4), broker(5)]);
    if version >= 10 {
        let topic = MetadataResponseTopic::default()
            .with_name(Some(TopicName(text("orders"))))
            .with_topic_id(uuid::Uuid::from_u128(7));
        body.topics = vec![topic];
    }
    response(ApiKey::Metadata, version, id, &body)
}

fn fetch_response(version: i16, id: i32) -> Vec<u8> {
    let partition = PartitionData::default().with_records(Some(Bytes::from_static(b"records")));
    let mut topic = FetchableTopicResponse::default().with_partitions(vec![partition]);
    if version >= 13 {
        topic.topic_id = uuid::Uuid::from_u128(7);
    } else {
        topic.topic = TopicName(text("orders"));
    }
    response(ApiKey::Fetch, version, id, &FetchResponse::default().with_responses(vec![topic]))
}

/// Replays the committed corpus, and these seeds with each byte flipped. With `UPDATE_CORPUS` set it
/// writes the seeds there.
#[test]
fn the_fuzzers_corpus_is_replayed() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/frame"));
    for (name, seed) in seeds() {
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(&name), &seed).unwrap();
        }
        for at in 0..seed.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut changed = seed.clone();
                changed[at] ^= bits;
                super::fuzzing::frame(&changed);
            }
        }
    }
    let mut replayed = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        super::fuzzing::frame(&std::fs::read(file.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 9, "the corpus is there");
}
