//! Who a client is, with real sockets: SASL ended and passed through, certificates, and the gateway's
//! own accounts at the brokers.

use std::path::Path;

use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, MetadataRequest};
use nucypher_kafka::gateway::identity::users::{self, Existing};
use nucypher_kafka::gateway::identity::{Mechanism, Password, User};
use nucypher_kafka::gateway::tls::{Identity, client_config};
use nucypher_kafka::gateway::{Gateway, GatewayConfig};
use nucypher_kafka::registry::write_secret_file;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::bench::{Cluster, PATIENCE};
use super::raw::Raw;

const USERS: [(&str, &str); 2] = [("alice", "secret of alice"), ("bob", "secret of bob")];

/// A gateway with one listener, and the folder of its files.
struct Gate {
    folder: TempDir,
    address: String,
    stop: tokio::sync::oneshot::Sender<()>,
    gateway: tokio::task::JoinHandle<()>,
}

impl Gate {
    /// `cluster` and `listener` are TOML, without headers of tables.
    async fn start(folder: TempDir, cluster: &str, listener: &str) -> Self {
        let text = format!(
            r#"
            [[listener]]
            name = "test"
            bind = "127.0.0.1:0"
            advertised_host = "localhost"
            node_ports = {{ base = 0 }}
            {listener}
            [cluster]
            {cluster}
            "#
        );
        let mut config = GatewayConfig::parse(&text).unwrap_or_else(|error| panic!("{error}"));
        config.resolve(folder.path());
        let gateway = Gateway::bind(config).await.unwrap_or_else(|error| panic!("{error}"));
        let address = gateway.local_addr().to_string();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let gateway = tokio::spawn(gateway.run(async {
            let _ = stopped.await;
        }));
        Self { folder, address, stop, gateway }
    }

    async fn stop(self) {
        drop(self.stop);
        self.gateway.await.unwrap();
    }
}

fn servers(cluster: &Cluster) -> String {
    format!("bootstrap_servers = {}", list(&cluster.bootstrap()))
}

/// `a:1,b:2` as TOML.
fn list(servers: &str) -> String {
    let servers: Vec<_> = servers.split(',').map(|server| format!("{server:?}")).collect();
    format!("[{}]", servers.join(","))
}

fn users_file(folder: &TempDir) {
    for (name, password) in USERS {
        let password = Password::new(password.to_owned()).unwrap();
        let user = User::from_password(&password, 4096).unwrap();
        users::add(&folder.path().join("users.toml"), name, user, Existing::Refuse).unwrap();
    }
}

const SASL: &str = r#"
    identity = { kind = "sasl", users = "users.toml", mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn sasl_ends_at_the_gateway_and_no_stranger_reaches_a_broker() {
    let cluster = Cluster::any(1);
    let topic = cluster.topic("sasl", 1).await;
    let folder = tempfile::tempdir().unwrap();
    users_file(&folder);
    let gate = Gate::start(folder, &servers(&cluster), SASL).await;
    for mechanism in Mechanism::PASSWORDS {
        let mut raw = Raw::connect(&gate.address).await;
        let versions = raw.ask(2, &ApiVersionsRequest::default()).await.unwrap();
        let keys: Vec<_> = versions.api_keys.iter().map(|range| range.api_key).collect();
        assert!(
            keys.contains(&(ApiKey::SaslAuthenticate as i16))
                || matches!(cluster, Cluster::Mock(_))
        );
        assert!(!keys.contains(&(ApiKey::CreateAcls as i16)), "a confused deputy");
        assert_eq!(raw.log_on(mechanism, "alice", "secret of alice").await, 0);
        let metadata =
            raw.ask(4, &MetadataRequest::default().with_topics(Some(Vec::new()))).await.unwrap();
        assert!(metadata.brokers.iter().all(|broker| broker.host.as_str() == "localhost"));

        for (name, password) in [("alice", "secret of bob"), ("carol", "secret of alice")] {
            let mut raw = Raw::connect(&gate.address).await;
            assert_eq!(raw.log_on(mechanism, name, password).await, 58, "{mechanism} {name}");
            assert!(raw.ask(4, &MetadataRequest::default()).await.is_none(), "closed");
        }
        let mut stranger = Raw::connect(&gate.address).await;
        assert!(stranger.ask(4, &MetadataRequest::default()).await.is_none());
    }
    // librdkafka speaks PLAIN without OpenSSL.
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &gate.address)
        .set("security.protocol", "sasl_plaintext")
        .set("sasl.mechanism", "PLAIN")
        .set("sasl.username", "bob")
        .set("sasl.password", "secret of bob");
    let producer: FutureProducer = client.create().unwrap();
    producer.send(FutureRecord::<str, _>::to(&topic).payload("x"), PATIENCE).await.unwrap();
    drop(producer);
    gate.stop().await;
}

/// An authority, the gateway's certificate, and those of two clients.
fn certificates(folder: &Path) {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    for name in ["gateway", "alice", "bob"] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &authority).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        write_secret_file(&folder.join(format!("{name}.key")), &key.serialize_pem()).unwrap();
    }
}

async fn over_tls(gate: &Gate, name: Option<&str>) -> std::io::Result<Raw> {
    let path = |file: String| gate.folder.path().join(file);
    let identity = name.map(|name| Identity {
        certificates: path(format!("{name}.pem")),
        key: path(format!("{name}.key")),
    });
    let config = client_config(&path("ca.pem".to_owned()), identity.as_ref()).unwrap();
    let tcp = TcpStream::connect(&gate.address).await?;
    let host = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(config).connect(host, tcp).await?;
    Ok(Raw { stream: Box::new(stream) })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subject_of_a_certificate_is_the_principal() {
    let cluster = Cluster::any(1);
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let listener = r#"
        identity = { kind = "mtls" }
        admin_principals = ["CN=alice"]
        tls = { certificates = "gateway.pem", key = "gateway.key", client_authorities = "ca.pem" }
    "#;
    let gate = Gate::start(folder, &servers(&cluster), listener).await;
    let topics = ApiKey::DescribeGroups as i16;
    for (name, admin) in [("alice", true), ("bob", false)] {
        let mut raw = over_tls(&gate, Some(name)).await.unwrap();
        let versions = raw.ask(2, &ApiVersionsRequest::default()).await.unwrap();
        let open = versions.api_keys.iter().any(|range| range.api_key == topics);
        assert!(open == admin || matches!(cluster, Cluster::Mock(_)), "{name}");
        assert!(raw.ask(4, &MetadataRequest::default()).await.is_some());
    }
    // TLS 1.3 tells a client that it was refused only when it reads.
    if let Ok(mut raw) = over_tls(&gate, None).await {
        assert!(raw.ask(2, &ApiVersionsRequest::default()).await.is_none());
    }
    gate.stop().await;
}

/// The variables of `scripts/kafka run`, or a skipped test that says so.
fn real(variables: &[&str]) -> Option<Vec<String>> {
    let values: Option<Vec<_>> =
        variables.iter().map(|name| std::env::var(format!("KAFKA_TEST_{name}")).ok()).collect();
    if values.is_none() {
        eprintln!("SKIPPED: needs a real Apache Kafka; run it under `scripts/kafka run --`");
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_logs_on_to_brokers_as_itself_over_tls() {
    let Some(env) = real(&["SASL_SSL_BOOTSTRAP", "CA_FILE"]) else { return };
    for mechanism in Mechanism::PASSWORDS {
        let folder = tempfile::tempdir().unwrap();
        users_file(&folder);
        write_secret_file(&folder.path().join("password"), "gateway-test-password\n").unwrap();
        let cluster = format!(
            r#"
            bootstrap_servers = {}
            tls = {{ authorities = "{}" }}
            sasl = {{ mechanism = "{mechanism}", username = "gateway", password_file = "password" }}
            "#,
            list(&env[0]),
            env[1]
        );
        let gate = Gate::start(folder, &cluster, SASL).await;
        let mut raw = Raw::connect(&gate.address).await;
        assert_eq!(raw.log_on(Mechanism::ScramSha256, "alice", "secret of alice").await, 0);
        let metadata = raw.ask(12, &MetadataRequest::default()).await.unwrap();
        assert!(!metadata.brokers.is_empty(), "{mechanism}");
        gate.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_with_an_account_of_its_own_is_seen_by_the_brokers() {
    let Some(env) = real(&["SASL_SSL_BOOTSTRAP", "CA_FILE"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    users_file(&folder);
    write_secret_file(&folder.path().join("gateway"), "gateway-test-password").unwrap();
    write_secret_file(&folder.path().join("alice"), "alice-test-password").unwrap();
    let cluster = format!(
        r#"
        bootstrap_servers = {}
        tls = {{ authorities = "{}" }}
        sasl = {{ mechanism = "PLAIN", username = "gateway", password_file = "gateway" }}
        [cluster.principals."User:alice"]
        mechanism = "SCRAM-SHA-256"
        username = "alice"
        password_file = "alice"
        "#,
        list(&env[0]),
        env[1]
    );
    let gate = Gate::start(folder, &cluster, SASL).await;
    for (name, sees_administration) in [("alice", true), ("bob", false)] {
        let mut raw = Raw::connect(&gate.address).await;
        let code = raw.log_on(Mechanism::ScramSha512, name, &format!("secret of {name}")).await;
        assert_eq!(code, 0);
        let versions = raw.ask(2, &ApiVersionsRequest::default()).await.unwrap();
        let acls = versions.api_keys.iter().any(|range| range.api_key == ApiKey::CreateAcls as i16);
        assert_eq!(acls, sees_administration, "{name}");
    }
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_shows_brokers_its_certificate() {
    let Some(env) = real(&["SSL_BOOTSTRAP", "CA_FILE", "TLS_DIR"]) else { return };
    let file = |end: &str| {
        let mut files = std::fs::read_dir(&env[2]).unwrap().map(|file| file.unwrap().path());
        let found = files.find(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.contains("gateway") && name.ends_with(end)
        });
        found.unwrap_or_else(|| panic!("no gateway*{end} in {}", env[2])).display().to_string()
    };
    let (certificates, key) = (file("pem"), file("key"));
    let cluster = format!(
        r#"
        bootstrap_servers = {}
        tls = {{ authorities = "{}", certificates = "{certificates}", key = "{key}" }}
        "#,
        list(&env[0]),
        env[1]
    );
    let listener = r#"identity = { kind = "fixed", principal = "alice" }"#;
    let gate = Gate::start(tempfile::tempdir().unwrap(), &cluster, listener).await;
    let mut raw = Raw::connect(&gate.address).await;
    assert!(raw.ask(12, &MetadataRequest::default()).await.is_some());
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sasl_passes_through_and_the_broker_has_the_last_word() {
    let Some(env) = real(&["SASL_SSL_BOOTSTRAP", "CA_FILE"]) else { return };
    let cluster = format!(
        r#"
        bootstrap_servers = {}
        tls = {{ authorities = "{}" }}
        "#,
        list(&env[0]),
        env[1]
    );
    let listener = r#"identity = { kind = "sasl-pass-through" }"#;
    let gate = Gate::start(tempfile::tempdir().unwrap(), &cluster, listener).await;
    for mechanism in Mechanism::PASSWORDS {
        let mut raw = Raw::connect(&gate.address).await;
        assert!(raw.ask(2, &ApiVersionsRequest::default()).await.is_some());
        assert_eq!(raw.log_on(mechanism, "alice", "alice-test-password").await, 0, "{mechanism}");
        let metadata = raw.ask(12, &MetadataRequest::default()).await.unwrap();
        assert!(metadata.brokers.iter().all(|broker| broker.host.as_str() == "localhost"));
        let mut wrong = Raw::connect(&gate.address).await;
        assert_eq!(wrong.log_on(mechanism, "alice", "bob-test-password").await, 58, "{mechanism}");
        assert!(wrong.ask(12, &MetadataRequest::default()).await.is_none());
    }
    gate.stop().await;
}
