//! Hostile and unlucky peers, with real sockets: bounded time, bounded memory, no panic, and others
//! are served meanwhile.

use std::time::Duration;

use kafka_protocol::messages::{ApiVersionsRequest, FetchRequest, MetadataRequest};
use nucypher_kafka::gateway::{Gateway, GatewayConfig};
use nucypher_kafka::registry::{RegistryHandle, Snapshot};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::bench::{Cluster, PATIENCE};
use super::raw::{Raw, frame};

struct Gate {
    address: String,
    stop: tokio::sync::oneshot::Sender<()>,
    gateway: tokio::task::JoinHandle<()>,
}

async fn gate(servers: &str, limits: &str) -> Gate {
    let servers: Vec<_> = servers.split(',').map(|server| format!("{server:?}")).collect();
    let text = format!(
        r#"
        [cluster]
        bootstrap_servers = [{}]
        [[listener]]
        name = "test"
        bind = "127.0.0.1:0"
        advertised_host = "127.0.0.1"
        node_ports = {{ base = 0 }}
        identity = {{ kind = "fixed", principal = "alice" }}
        [limits]
        {limits}
        "#,
        servers.join(",")
    );
    let config = GatewayConfig::parse(&text).unwrap();
    let gateway =
        Gateway::bind_with(config, RegistryHandle::fixed(Snapshot::empty())).await.unwrap();
    let address = gateway.local_addr().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let gateway = tokio::spawn(gateway.run(async {
        let _ = stopped.await;
    }));
    Gate { address, stop, gateway }
}

impl Gate {
    async fn works(&self) {
        let mut raw = Raw::connect(&self.address).await;
        assert!(raw.ask(2, &ApiVersionsRequest::default()).await.is_some(), "others are served");
    }

    async fn stop(self) {
        drop(self.stop);
        tokio::time::timeout(PATIENCE, self.gateway).await.unwrap().unwrap();
    }
}

/// Whether the gateway closes, within bounds.
async fn is_closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_closes_the_connection_and_nothing_else() {
    let cluster = Cluster::any(1);
    let gate = gate(&cluster.bootstrap(), "authentication_ms = 500\nprogress_ms = 500").await;
    let http = b"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n".to_vec();
    let tls = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3].to_vec();
    let mut half = frame(12, 1, &MetadataRequest::default());
    half.truncate(half.len() - 1);
    for bytes in
        [http, tls, vec![0; 3], vec![0xff; 100], vec![0, 0, 0, 200, 0, 3], half, Vec::new()]
    {
        let mut stream = TcpStream::connect(&gate.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        assert!(is_closed(stream).await, "{bytes:?}");
        gate.works().await;
    }
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_its_side_gets_a_clean_end() {
    let cluster = Cluster::any(1);
    let gate = gate(&cluster.bootstrap(), "").await;
    let mut stream = TcpStream::connect(&gate.address).await.unwrap();
    stream.write_all(&frame(4, 1, &MetadataRequest::default())).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(is_closed(stream).await);
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_and_given_back() {
    let cluster = Cluster::any(1);
    let gate = gate(&cluster.bootstrap(), "connections = 2").await;
    let mut first = Raw::connect(&gate.address).await;
    let mut second = Raw::connect(&gate.address).await;
    assert!(first.ask(2, &ApiVersionsRequest::default()).await.is_some());
    assert!(second.ask(2, &ApiVersionsRequest::default()).await.is_some());
    let third = TcpStream::connect(&gate.address).await.unwrap();
    assert!(is_closed(third).await);
    drop(first);
    loop {
        let mut again = Raw::connect(&gate.address).await;
        if again.ask(2, &ApiVersionsRequest::default()).await.is_some() {
            break;
        }
    }
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_connection_and_a_long_poll_is_no_silence() {
    let cluster = Cluster::any(1);
    let gate = gate(&cluster.bootstrap(), "idle_ms = 300").await;
    let mut raw = Raw::connect(&gate.address).await;
    assert!(raw.ask(2, &ApiVersionsRequest::default()).await.is_some());
    // The broker waits for longer than the client may be silent.
    let fetch = FetchRequest::default().with_max_wait_ms(1000).with_min_bytes(1);
    assert!(raw.ask(4, &fetch).await.is_some());
    let closed = tokio::time::timeout(PATIENCE, raw.receive()).await.unwrap();
    assert!(closed.is_none());
    gate.stop().await;
}

/// A broker that answers each fetch with as much as it is told, and everything else with nothing.
async fn generous_broker(bytes: usize) -> String {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.unwrap();
            tokio::spawn(async move {
                while let Ok(len) = stream.read_i32().await {
                    let mut request = vec![0; usize::try_from(len).unwrap()];
                    if stream.read_exact(&mut request).await.is_err() || request[..2] != [0, 1] {
                        return;
                    }
                    // Version 4: throttle time, one topic "t" with one partition of zeros.
                    let mut body = request[4..8].to_vec();
                    body.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
                    body.extend([0xff; 16]);
                    body.extend([0, 0, 0, 0]);
                    body.extend(u32::try_from(bytes).unwrap().to_be_bytes());
                    body.resize(body.len() + bytes, 0);
                    let len = i32::try_from(body.len()).unwrap();
                    if stream.write_i32(len).await.is_err()
                        || stream.write_all(&body).await.is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_read_wait_for_memory_and_are_cut_off() {
    let broker = generous_broker(8 << 20).await;
    // Room for one response at once, and six clients that do not read.
    let limits = "frame_memory_bytes = 20000000\nresponse_bytes = 9000000\nrequest_bytes = 1000000\nfetch_bytes = 8000000\nprogress_ms = 1500";
    let gate = gate(&broker, limits).await;
    let fetch = frame(4, 9, &FetchRequest::default());
    let mut slow = Vec::new();
    for _ in 0..6 {
        let mut stream = TcpStream::connect(&gate.address).await.unwrap();
        stream.write_all(&fetch).await.unwrap();
        slow.push(stream);
    }
    // One that reads gets its turn: those that do not are cut off, and their memory comes back.
    let mut raw = Raw::connect(&gate.address).await;
    raw.send(&fetch).await;
    let response = tokio::time::timeout(PATIENCE, raw.receive()).await.unwrap().unwrap();
    assert!(response.len() > 8 << 20);
    drop(slow);
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_away_in_the_middle_takes_its_client_along_and_no_other() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let broker = tokio::spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.unwrap();
            let len = stream.read_i32().await.unwrap_or(0);
            let mut request = vec![0; usize::try_from(len).unwrap()];
            let _ = stream.read_exact(&mut request).await;
            // Half a response, then gone.
            let _ = stream.write_all(&[0, 0, 1, 0]).await;
            let _ = stream.write_all(request.get(4..8).unwrap_or_default()).await;
        }
    });
    let gate = gate(&address, "").await;
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&gate.address).await.unwrap();
        stream.write_all(&frame(4, 1, &MetadataRequest::default())).await.unwrap();
        assert!(is_closed(stream).await);
    }
    gate.stop().await;
    broker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_answered_before_the_gateway_ends() {
    // A broker that answers late.
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let (asked, mut was_asked) = tokio::sync::mpsc::channel(1);
    let (answer, mut may_answer) = tokio::sync::mpsc::channel::<()>(1);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.unwrap();
            let Ok(len) = stream.read_i32().await else { continue };
            let mut request = vec![0; usize::try_from(len).unwrap()];
            stream.read_exact(&mut request).await.unwrap();
            // Heartbeat (12); the gateway's own questions are not answered.
            if request[..2] == [0, 12] {
                asked.send(()).await.unwrap();
                may_answer.recv().await;
                stream.write_all(&[0, 0, 0, 6]).await.unwrap();
                stream.write_all(&request[4..8]).await.unwrap();
                stream.write_all(&[0, 0]).await.unwrap();
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                assert!(rest.is_empty(), "no request is taken while draining");
            }
        }
    });
    let gate = gate(&address, "").await;
    let mut raw = Raw::connect(&gate.address).await;
    raw.send(&frame(0, 5, &kafka_protocol::messages::HeartbeatRequest::default())).await;
    was_asked.recv().await.unwrap();
    drop(gate.stop);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!gate.gateway.is_finished());
    answer.send(()).await.unwrap();
    let response = tokio::time::timeout(PATIENCE, raw.receive()).await.unwrap().unwrap();
    assert_eq!(&response[..], [0, 0, 0, 5, 0, 0]);
    tokio::time::timeout(PATIENCE, gate.gateway).await.unwrap().unwrap();
}
