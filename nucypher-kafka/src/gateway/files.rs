//! Notices that a file of certificates, keys, users or token keys has changed, so that the gateway takes
//! it up without a signal.
//!
//! By asking the file system once a second: this also sees what a Kubernetes volume does (a link that is
//! turned to another folder) and what network file systems do, of which no event tells. Cost: one `stat`
//! a file and second, on a blocking thread.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How often to look.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<Option<(Option<SystemTime>, u64, u64)>>);

impl Fingerprint {
    /// Looks at each file. Blocks.
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let look = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            #[cfg(unix)]
            let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
            #[cfg(not(unix))]
            let inode = 0;
            Some((metadata.modified().ok(), metadata.len(), inode))
        };
        Self(files.iter().map(look).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use rustls::pki_types::ServerName;
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    use super::super::tls::client_config;
    use super::super::{Gateway, GatewayConfig};
    use super::*;

    #[test]
    fn a_file_that_is_replaced_changed_or_gone_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let files = [folder.path().join("a")];
        let mut seen = vec![Fingerprint::of(&files)];
        std::fs::write(&files[0], "1").unwrap();
        seen.push(Fingerprint::of(&files));
        assert_eq!(seen[1], Fingerprint::of(&files));
        std::fs::write(folder.path().join("b"), "2").unwrap();
        std::fs::rename(folder.path().join("b"), &files[0]).unwrap();
        seen.push(Fingerprint::of(&files));
        std::fs::write(&files[0], "33").unwrap();
        seen.push(Fingerprint::of(&files));
        for (at, one) in seen.iter().enumerate() {
            assert!(!seen[..at].contains(one), "{at}");
        }
    }

    fn certificate(folder: &Path, authority: &str) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join(authority), made.cert.pem()).unwrap();
        std::fs::write(folder.join("new.pem"), made.cert.pem()).unwrap();
        let key = folder.join("new.key");
        crate::registry::write_secret_file(&key, &made.signing_key.serialize_pem()).unwrap();
        std::fs::rename(key, folder.join("gateway.key")).unwrap();
        std::fs::rename(folder.join("new.pem"), folder.join("gateway.pem")).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_certificate_is_served_without_a_signal() {
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path(), "first.pem");
        let mut config = GatewayConfig::parse(
            r#"
            cluster = { bootstrap_servers = ["127.0.0.1:1"] }
            [[listener]]
            name = "test"
            bind = "127.0.0.1:0"
            advertised_host = "localhost"
            node_ports = { base = 0 }
            identity = { kind = "fixed", principal = "User:dev" }
            tls = { certificates = "gateway.pem", key = "gateway.key" }
            "#,
        )
        .unwrap();
        config.resolve(folder.path());
        let gateway = Gateway::bind(config).await.unwrap();
        let served = async |authority: &str| {
            let tcp = TcpStream::connect(gateway.local_addr()).await.unwrap();
            let config = client_config(&folder.path().join(authority), None).unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            TlsConnector::from(config).connect(name, tcp).await.is_ok()
        };
        assert!(served("first.pem").await);
        certificate(folder.path(), "second.pem");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !served("second.pem").await {
            assert!(Instant::now() < deadline, "the old certificate is still served");
            tokio::task::yield_now().await;
        }
        assert!(!served("first.pem").await);
    }
}
