//! Gateways: in this process, and in one of their own.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use nucypher_kafka::{
    gateway::{
        Gateway, GatewayConfig,
        identity::{Password, User, users},
    },
    registry::RegistryHandle,
};
use rdkafka::ClientConfig;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::cluster::poll;

/// Iterations of a test password: the fewest that SCRAM allows.
const ITERATIONS: u32 = 4096;

/// The first line of the configuration: the cluster, without TLS or an account.
pub(crate) fn behind(bootstrap: &str) -> String {
    let servers: Vec<String> = bootstrap.split(',').map(|server| format!("{server:?}")).collect();
    format!("[cluster]\nbootstrap_servers = [{}]\n", servers.join(", "))
}

/// A listener on free ports.
pub(crate) fn listener(name: &str, identity: &str) -> String {
    listener_at(name, identity, 0, 0)
}

/// A listener on this port, with these ports for the nodes; zero: free ones.
pub(crate) fn listener_at(name: &str, identity: &str, port: u16, nodes: u16) -> String {
    format!(
        "[[listener]]\nname = {name:?}\nbind = \"127.0.0.1:{port}\"\nadvertised_host = \"127.0.0.1\"\n\
         node_ports = {{ base = {nodes}, last = 9 }}\nidentity = {identity}\n\
         admin_principals = [\"User:admin\"]\n"
    )
}

/// A listener all of whose clients are one principal, which is its name.
pub(crate) fn fixed(principal: &str) -> String {
    listener(principal, &format!("{{ kind = \"fixed\", principal = \"User:{principal}\" }}"))
}

/// A listener with SASL PLAIN that ends at the gateway; each user's password is `NAME-password`.
pub(crate) fn plain(folder: &Path, users: &[&str]) -> String {
    let file = folder.join("users.toml");
    for name in users {
        let password = Password::new(format!("{name}-password")).unwrap();
        let user = User::from_password(&password, ITERATIONS).unwrap();
        users::add(&file, name, user, users::Existing::Refuse).unwrap();
    }
    listener(
        "sasl",
        &format!(
            "{{ kind = \"sasl\", users = {:?}, mechanisms = [\"PLAIN\"] }}",
            file.display().to_string()
        ),
    )
}

/// A gateway in this process.
pub(crate) struct InProcess {
    addresses: Vec<(String, String)>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl InProcess {
    /// Starts one with this configuration, TOML. Registry sections come before listeners.
    pub(crate) async fn start(config: &str) -> Self {
        let config =
            GatewayConfig::parse(config).unwrap_or_else(|error| panic!("{error}\n{config}"));
        let names = names(&config);
        Self::run(Gateway::bind(config).await.unwrap(), names)
    }

    /// Starts one on a registry that the test holds.
    pub(crate) async fn start_with(config: &str, registry: RegistryHandle) -> Self {
        let config =
            GatewayConfig::parse(config).unwrap_or_else(|error| panic!("{error}\n{config}"));
        let names = names(&config);
        Self::run(Gateway::bind_with(config, registry).await.unwrap(), names)
    }

    fn run(gateway: Gateway, names: Vec<String>) -> Self {
        let addresses = names
            .into_iter()
            .map(|name| {
                let address = gateway.listener_addr(&name).unwrap().to_string();
                (name, address)
            })
            .collect();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(gateway.run(async {
            let _ = stopped.await;
        }));
        Self { addresses, stop, task }
    }

    /// The bootstrap address of a listener.
    pub(crate) fn at(&self, listener: &str) -> &str {
        let found = self.addresses.iter().find(|(name, _)| name == listener);
        &found.unwrap_or_else(|| panic!("no listener {listener}")).1
    }

    /// A client of librdkafka that goes to this listener, without SASL.
    pub(crate) fn client(&self, listener: &str) -> ClientConfig {
        ClientConfig::new().set("bootstrap.servers", self.at(listener)).clone()
    }

    /// Ends it in good order.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap();
    }
}

fn names(config: &GatewayConfig) -> Vec<String> {
    config.listeners.iter().map(|listener| listener.name.clone()).collect()
}

/// `nucypher gateway` in a process of its own; killed when dropped.
pub(crate) struct OwnProcess {
    child: Child,
}

impl OwnProcess {
    /// Starts one and waits until its bootstrap port accepts connections.
    pub(crate) async fn start(folder: &Path, config: &str, port: u16) -> Self {
        let file = folder.join("gateway.toml");
        std::fs::write(&file, config).unwrap();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("gateway.log"))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_nucypher"))
            .args(["gateway", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut gateway = Self { child };
        let log = folder.join("gateway.log");
        let pid = gateway.child.id();
        poll("the gateway listens", move || {
            let connected = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                panic!("the gateway has ended: {}", std::fs::read_to_string(&log).unwrap());
            }
            connected.then_some(())
        })
        .await;
        assert!(gateway.child.try_wait().unwrap().is_none());
        gateway
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator would, with SIGTERM, and waits for its end.
    pub(crate) async fn terminate(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap();
        assert!(status.success(), "the gateway ended with {status}");
    }

    /// Ends it without warning.
    pub(crate) async fn kill(mut self) {
        self.child.kill().unwrap();
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap();
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first of ten neighbouring ports that are free, below those that the system hands out.
pub(crate) fn free_ports() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let start = std::process::id() as u16 % 500;
    for _ in 0..500 {
        let step = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let base = 12_000 + (start + step) % 500 * 10;
        let free: Vec<_> = (base..base + 10)
            .map_while(|port| TcpListener::bind(("127.0.0.1", port)).ok())
            .collect();
        if free.len() == 10 {
            return base;
        }
    }
    panic!("no ten free ports between 12000 and 17000");
}
