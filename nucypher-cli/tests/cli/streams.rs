//! The real stack as its users set it up, each part a program of its own: administrator,
//! gateway, producer, consumers. The brokers are librdkafka's mock cluster in the test's process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use serde_json::Value;

use crate::support::Scratch;

type Cluster = MockCluster<'static, DefaultProducerContext>;

/// A gateway as a process, ended with the test.
struct Gateway {
    process: Child,
    address: String,
}

impl Gateway {
    fn start(scratch: &Scratch) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_nucypher"))
            .current_dir(scratch.folder())
            .args(["gateway", "--config", "gateway.toml"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            let (_, rest) = line.split_once("accepts clients at ")?;
            Some(rest.split(',').next()?.to_owned())
        });
        // What it says later must have somewhere to go.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address: address.expect("the gateway did not begin") }
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn cluster() -> Cluster {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic("orders", 3, 1).unwrap();
    cluster
}

/// A registry with the channel `orders`, users, keys, a gateway's configuration.
fn set_up(cluster: &Cluster) -> Scratch {
    let scratch = Scratch::new();
    scratch.ok("admin init");
    scratch.ok("key generate --gateway --out gateway.pem --public gateway.pub");
    scratch.ok("admin add-gateway gateway.pub");
    scratch.ok("channel create orders --topic orders");
    scratch.ok("channel show orders --public orders.pub");
    for name in ["alice", "mallory"] {
        scratch.ok(&format!("key generate --out {name}.pem --public {name}.pub"));
    }
    scratch.ok("grant add --channel orders --principal alice --to alice.pub");
    for name in ["shop", "alice", "mallory"] {
        scratch.write_private(&format!("{name}.password"), format!("password of {name}\n"));
        scratch.ok(&format!(
            "user add {name} --file users.toml --password-file {name}.password --iterations 4096"
        ));
    }
    let servers = cluster.bootstrap_servers();
    let servers: Vec<&str> = servers.split(',').collect();
    scratch.write(
        "gateway.toml",
        format!(
            r#"
            [cluster]
            bootstrap_servers = {servers:?}
            [[listener]]
            name = "test"
            bind = "127.0.0.1:0"
            advertised_host = "127.0.0.1"
            node_ports = {{ base = 0 }}
            identity = {{ kind = "sasl", users = "users.toml", mechanisms = ["PLAIN"] }}
            [registry]
            directory = "registry"
            administrators = ["admin/administrator.pub"]
            gateway_key = "gateway.pem"
            state = "gateway.state"
            "#
        ),
    );
    scratch
}

fn as_user(gateway: &Gateway, name: &str) -> String {
    format!("-b {} --user {name} --password-file {name}.password", gateway.address)
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let mut lines: Vec<_> =
        String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn what_is_produced_is_consumed_by_whom_it_is_granted_to() {
    let cluster = cluster();
    let scratch = set_up(&cluster);
    scratch.ok("gateway --config gateway.toml --check");
    let gateway = Gateway::start(&scratch);
    let (shop, alice, mallory) =
        (as_user(&gateway, "shop"), as_user(&gateway, "alice"), as_user(&gateway, "mallory"));

    let text = "a:1\nb:2\nc:\nd:4:with a separator\n";
    let produce = format!(
        "produce {shop} --topic orders --to orders.pub --key-separator : --empty-is-null --header source=test"
    );
    let produced = scratch.nucypher(&produce).write_stdin(text).assert().success();
    let said = String::from_utf8_lossy(&produced.get_output().stderr).into_owned();
    assert!(said.contains("4 records stored in orders"), "{said}");
    assert!(produced.get_output().stdout.is_empty());

    let consume = "consume --topic orders --from-beginning --max-messages 4";
    let text = scratch.ok(&format!("{consume} {alice} --key alice.pem --key-separator :"));
    assert_eq!(lines(&text.stdout), ["a:1", "b:2", "c:null", "d:4:with a separator"]);

    let json = scratch.ok(&format!("{consume} {alice} --key alice.pem --format json"));
    let records: Vec<Value> =
        lines(&json.stdout).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tombstone = records.iter().find(|record| record["key"] == "c").unwrap();
    assert_eq!(tombstone["value"], Value::Null);
    assert_eq!(tombstone["headers"][0], serde_json::json!(["source", "test"]));

    // Who was granted nothing is refused, with a code of its own.
    let said = scratch.fails(&format!("{consume} {mallory} --key mallory.pem"), 3);
    assert!(said.contains("no access to topic orders"), "{said}");
    let denied = scratch.nucypher(&format!("{consume} {mallory} --key mallory.pem --format json"));
    let denied = { denied }.assert().code(3).get_output().stdout.clone();
    let denied: Value = serde_json::from_slice(&denied).unwrap();
    assert_eq!(
        (&denied["error"], &denied["topics"][0]),
        (&"topic-denied".into(), &"orders".into())
    );

    // Alice's identity with another key: she gets the records, and they open with alice.pem only.
    let wrong = scratch.nucypher(&format!("{consume} {alice} --key mallory.pem"));
    let wrong = { wrong }.assert().code(3).get_output().clone();
    assert!(wrong.stdout.is_empty());
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(said.matches("not granted").count(), 4, "{said}");
    // Another channel than the one it was sealed for.
    let command = format!("{consume} {alice} --key alice.pem --channel payments");
    scratch.nucypher(&command).assert().code(4);

    // What the broker stores, past the gateway.
    let direct = cluster.bootstrap_servers();
    let stored = scratch.ok(&format!("inspect -b {direct} --topic orders --format json"));
    let stored: Vec<Value> =
        lines(&stored.stdout).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(stored.len(), 4);
    for record in stored {
        assert!(record["edeks"][0]["state"].as_str().unwrap().starts_with("fresh"), "{record}");
    }
    // And what alice gets: the same records, re-encrypted.
    let text = scratch.ok(&format!("inspect {alice} --topic orders")).stdout;
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.matches("re-encrypted by a non-interactive key").count(), 4, "{text}");
}

#[test]
fn grants_and_revocations_work_while_the_gateway_runs() {
    let cluster = cluster();
    let scratch = set_up(&cluster);
    let gateway = Gateway::start(&scratch);
    let (shop, mallory) = (as_user(&gateway, "shop"), as_user(&gateway, "mallory"));
    let produce = format!("produce {shop} --topic orders --to orders.pub");
    scratch.nucypher(&produce).write_stdin("one\ntwo\n").assert().success();

    // Waits for a grant that comes while it waits, then reads the history.
    let consume = format!(
        "consume {mallory} --key mallory.pem --topic orders --from-beginning --max-messages 2 --wait-for-grant"
    );
    let waiting = Command::new(env!("CARGO_BIN_EXE_nucypher"))
        .current_dir(scratch.folder())
        .args(consume.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut waiting = waiting;
    let mut said = BufReader::new(waiting.stderr.take().unwrap()).lines().map(Result::unwrap);
    said.by_ref()
        .find(|line| line.contains("waiting for a grant"))
        .expect("no denial was reported");
    std::thread::spawn(move || said.for_each(drop));
    scratch.ok("grant add --channel orders --principal mallory --to mallory.pub");
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(lines(&output.stdout), ["one", "two"]);
    assert_eq!(output.status.code(), Some(3), "that it was denied first is told by the code");

    scratch.ok("grant revoke --principal mallory");
    let said =
        retried(&scratch, &format!("{consume} --idle-timeout 20").replace(" --wait-for-grant", ""));
    assert!(said.contains("no access to topic orders"), "{said}");
}

/// Until the gateway has seen the change: it watches the registry, which takes moments.
fn retried(scratch: &Scratch, line: &str) -> String {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let output = scratch.nucypher(line).output().unwrap();
        if output.status.code() == Some(3) || Instant::now() > until {
            assert_eq!(output.status.code(), Some(3));
            return String::from_utf8(output.stderr).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_gateway_reads_its_users_again_and_ends_in_order() {
    let cluster = cluster();
    let scratch = set_up(&cluster);
    let mut gateway = Gateway::start(&scratch);
    let shop = as_user(&gateway, "shop");
    let produce = format!("produce {shop} --topic orders --to orders.pub");
    scratch.nucypher(&produce).write_stdin("one\n").assert().success();

    // A user who is not there yet, and is once the gateway was told to look.
    scratch.write_private("bank.password", "another password\n");
    let bank = format!("produce {} --topic orders --to orders.pub", as_user(&gateway, "bank"));
    let refused =
        scratch.nucypher(&bank).write_stdin("two\n").assert().code(1).get_output().clone();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("authentication failed"), "{said}");
    let consume = format!("consume {} --topic orders --key alice.pem", as_user(&gateway, "bank"));
    let said = scratch.fails(&consume, 1);
    assert!(said.contains("Authentication"), "{said}");
    scratch.ok("user add bank --file users.toml --password-file bank.password --iterations 4096");
    gateway.signal("-HUP");
    let until = Instant::now() + Duration::from_secs(20);
    while !scratch.nucypher(&bank).write_stdin("two\n").output().unwrap().status.success() {
        assert!(Instant::now() < until, "the users are not read again");
    }

    gateway.signal("-TERM");
    let until = Instant::now() + Duration::from_secs(20);
    let status = loop {
        if let Some(status) = gateway.process.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < until, "the gateway does not end");
        std::thread::yield_now();
    };
    assert!(status.success(), "{status}");
}

#[test]
fn a_group_goes_on_where_it_was() {
    let cluster = cluster();
    let scratch = set_up(&cluster);
    let gateway = Gateway::start(&scratch);
    let (shop, alice) = (as_user(&gateway, "shop"), as_user(&gateway, "alice"));
    let produce = format!("produce {shop} --topic orders --to orders.pub");
    scratch.nucypher(&produce).write_stdin("one\ntwo\nthree\nfour\n").assert().success();
    // The mock cluster lets a group that was left wait for the session's end.
    let consume = format!(
        "consume {alice} --key alice.pem --topic orders --group billing --from-beginning --max-messages 2 \
         -X session.timeout.ms=3000 -X heartbeat.interval.ms=500"
    );
    let mut all = lines(&scratch.ok(&consume).stdout);
    all.extend(lines(&scratch.ok(&consume).stdout));
    all.sort();
    assert_eq!(all, ["four", "one", "three", "two"], "each record once");
}

#[test]
fn settings_that_cannot_work_are_explained() {
    let scratch = Scratch::with_keys();
    let consume = "consume -b 127.0.0.1:1 --topic orders --key a.pem";
    let said = scratch.fails(&format!("{consume} --user alice"), 1);
    assert!(said.contains("--password-file") && said.contains("NUCYPHER_KAFKA_PASSWORD"), "{said}");
    let said = scratch.fails(&format!("{consume} -X sasl.password=secret"), 2);
    assert!(said.contains("command line") && !said.contains("=secret"), "{said}");
    let said = scratch.fails(&format!("{consume} -X no.such.property=1"), 1);
    assert!(said.contains("no.such.property"), "{said}");
    if !cfg!(any(feature = "client-tls", feature = "client-tls-vendored")) {
        let said = scratch.fails(&format!("{consume} --tls"), 1);
        assert!(said.contains("--features client-tls"), "{said}");
    }
    scratch.fails("produce -b 127.0.0.1:1 --topic orders --to a.pem", 5);
    let said = scratch.fails("gateway --config missing.toml", 1);
    assert!(said.contains("missing.toml"), "{said}");
    scratch.write("broken.toml", "listener = []\n[cluster]\nbootstrap_servers = [\"nonsense\"]\n");
    let said = scratch.fails("gateway --config broken.toml --check", 1);
    assert!(said.contains("host:port"), "{said}");
    // The properties file: secret ones must be private.
    scratch.write("client.properties", "# a remark\nsasl.password=secret\n");
    let said = scratch.fails(&format!("{consume} --client-config client.properties"), 1);
    assert!(said.contains("chmod 600"), "{said}");
}

#[test]
fn users_are_added_listed_and_removed() {
    let scratch = Scratch::new();
    scratch.write_private("password", "correct horse\n");
    scratch.ok("user add alice --file users.toml --password-file password");
    assert_eq!(crate::support::mode(&scratch.path("users.toml")), 0o600);
    let text = String::from_utf8(scratch.read("users.toml")).unwrap();
    assert!(!text.contains("correct horse"));
    let said = scratch.fails("user add alice --file users.toml --password-file password", 1);
    assert!(said.contains("alice"), "{said}");
    scratch.ok("user add alice --file users.toml --password-file password --replace");
    let listed = scratch.ok("user list --file users.toml --format json").stdout;
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(listed[0]["principal"], "User:alice");
    let text = String::from_utf8(scratch.ok("user list --file users.toml").stdout).unwrap();
    assert!(text.contains("alice") && text.contains("SCRAM-SHA-512"), "{text}");
    scratch.ok("user remove alice --file users.toml");
    scratch.fails("user remove alice --file users.toml", 1);
    let said = scratch.fails("user add bob --file users.toml", 1);
    assert!(said.contains("--password-file"), "{said}");
}
