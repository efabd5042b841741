use std::{
    fs,
    io::{Read as _, Write as _},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use rustls::{
    ClientConnection, HandshakeKind, ProtocolVersion, ServerConnection, pki_types::ServerName,
};
use tempfile::TempDir;

use super::*;
use crate::gateway::{identity::mtls, reload::Reloadable};

/// A folder with two authorities, `ca` and `other`, and what they issued.
struct Pki {
    folder: TempDir,
}

struct Leaf {
    name: &'static str,
    usage: ExtendedKeyUsagePurpose,
    expired: bool,
}

impl Pki {
    fn new() -> Self {
        use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        let pki = Self { folder: tempfile::tempdir().unwrap() };
        let (ca, other) = (pki.authority("ca"), pki.authority("other"));
        for (issuer, name, usage, expired) in [
            (&ca, "broker", ServerAuth, false),
            (&ca, "expired-broker", ServerAuth, true),
            (&ca, "alice", ClientAuth, false),
            (&ca, "expired", ClientAuth, true),
            (&other, "mallory", ClientAuth, false),
        ] {
            pki.issue(issuer, &Leaf { name, usage, expired });
        }
        pki
    }

    fn authority(&self, name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(self.path(&format!("{name}.pem")), authority.pem()).unwrap();
        authority
    }

    fn issue(&self, issuer: &CertifiedIssuer<'_, KeyPair>, leaf: &Leaf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "y");
        params.distinguished_name.push(DnType::CommonName, leaf.name);
        params.extended_key_usages = vec![leaf.usage.clone()];
        if leaf.expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let certificate = params.signed_by(&key, issuer).unwrap();
        fs::write(self.path(&format!("{}.pem", leaf.name)), certificate.pem()).unwrap();
        self.private(&format!("{}.key", leaf.name), &key.serialize_pem());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn private(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
    }

    fn identity(&self, name: &str) -> Identity {
        Identity {
            certificates: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        }
    }

    fn required(&self) -> ClientAuth {
        ClientAuth::Required { authorities: self.path("ca.pem") }
    }

    fn server(&self, client_auth: &ClientAuth) -> Arc<ServerConfig> {
        server_config(&self.identity("broker"), client_auth).unwrap()
    }

    fn client(&self, name: Option<&str>) -> Arc<ClientConfig> {
        client_config(&self.path("ca.pem"), name.map(|name| self.identity(name)).as_ref()).unwrap()
    }
}

fn set_mode(path: &Path, mode: u32) {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    #[cfg(not(unix))]
    let _ = (path, mode);
}

/// Both ends of a handshake, in memory. The error of the side that refused, with its name.
fn handshake(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
) -> Result<(ServerConnection, ClientConnection), String> {
    handshake_with(server, client, "localhost")
}

fn handshake_with(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &'static str,
) -> Result<(ServerConnection, ClientConnection), String> {
    let mut server = ServerConnection::new(server.clone()).unwrap();
    let mut client =
        ClientConnection::new(client.clone(), ServerName::try_from(name).unwrap()).unwrap();
    client.writer().write_all(b"ping").unwrap();
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut wire = wire.as_slice();
        while !wire.is_empty() {
            server.read_tls(&mut wire).unwrap();
            server.process_new_packets().map_err(|error| format!("server: {error}"))?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut wire = wire.as_slice();
        while !wire.is_empty() {
            client.read_tls(&mut wire).unwrap();
            client.process_new_packets().map_err(|error| format!("client: {error}"))?;
        }
    }
    assert!(!server.is_handshaking() && !client.is_handshaking());
    let mut ping = [0; 4];
    server.reader().read_exact(&mut ping).unwrap();
    assert_eq!(&ping, b"ping");
    Ok((server, client))
}

fn refused(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> String {
    handshake(server, client).map(drop).unwrap_err()
}

#[test]
fn tls_1_2_and_1_3() {
    let pki = Pki::new();
    for client_auth in [ClientAuth::None, pki.required()] {
        let server = pki.server(&client_auth);
        let (connection, _) = handshake(&server, &pki.client(Some("alice"))).unwrap();
        assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(authorities(&pki.path("ca.pem")).unwrap());
        let (chain, key) = load(&pki.identity("alice")).unwrap();
        let old = Arc::new(builder.with_client_auth_cert(chain, key).unwrap());
        let (connection, _) = handshake(&server, &old).unwrap();
        assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    }
}

#[test]
fn a_client_is_known_by_its_certificate() {
    let pki = Pki::new();
    let requested = ClientAuth::Requested { authorities: pki.path("ca.pem") };
    for client_auth in [requested.clone(), pki.required()] {
        let (connection, _) =
            handshake(&pki.server(&client_auth), &pki.client(Some("alice"))).unwrap();
        let leaf = connection.peer_certificates().unwrap().first().unwrap();
        assert_eq!(mtls::principal(leaf).unwrap().as_str(), "User:CN=alice,O=y");
    }
    for (client_auth, client) in [(requested, None), (ClientAuth::None, Some("alice"))] {
        let (connection, _) = handshake(&pki.server(&client_auth), &pki.client(client)).unwrap();
        assert!(connection.peer_certificates().is_none());
    }
}

#[test]
fn clients_that_are_turned_away() {
    let pki = Pki::new();
    let requested = ClientAuth::Requested { authorities: pki.path("ca.pem") };
    for client_auth in [requested, pki.required()] {
        let server = pki.server(&client_auth);
        for (client, wanted) in
            [("mallory", "UnknownIssuer"), ("expired", "xpired"), ("broker", "extended key usage")]
        {
            let error = refused(&server, &pki.client(Some(client)));
            assert!(error.starts_with("server: ") && error.contains(wanted), "{client}: {error}");
        }
    }
    let error = refused(&pki.server(&pki.required()), &pki.client(None));
    assert_eq!(error, "server: peer sent no certificates");
}

#[test]
fn servers_that_are_not_believed() {
    let pki = Pki::new();
    let server = pki.server(&ClientAuth::None);
    let other = client_config(&pki.path("other.pem"), None).unwrap();
    assert!(refused(&server, &other).contains("client: invalid peer certificate: UnknownIssuer"));
    let error = handshake_with(&server, &pki.client(None), "broker.example").map(drop).unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
    let expired = server_config(&pki.identity("expired-broker"), &ClientAuth::None).unwrap();
    assert!(refused(&expired, &pki.client(None)).contains("xpired"));
    let client = server_config(&pki.identity("alice"), &ClientAuth::None).unwrap();
    assert!(refused(&client, &pki.client(None)).contains("extended key usage"));
}

#[test]
fn sessions_with_client_certificates_are_not_resumed() {
    let pki = Pki::new();
    for (client_auth, again) in
        [(ClientAuth::None, HandshakeKind::Resumed), (pki.required(), HandshakeKind::Full)]
    {
        let (server, client) = (pki.server(&client_auth), pki.client(Some("alice")));
        let (first, _) = handshake(&server, &client).unwrap();
        assert_eq!(first.handshake_kind(), Some(HandshakeKind::Full));
        let (second, _) = handshake(&server, &client).unwrap();
        assert_eq!(second.handshake_kind(), Some(again));
    }
}

#[test]
fn a_reload_acts_on_the_next_connection() {
    let pki = Pki::new();
    let (identity, client_auth) = (pki.identity("broker"), pki.required());
    let server = Reloadable::new(move || server_config(&identity, &client_auth)).unwrap();
    let client = pki.client(Some("alice"));
    assert!(handshake(&server.current(), &client).is_ok());

    let ca = fs::read(pki.path("ca.pem")).unwrap();
    fs::write(pki.path("ca.pem"), "nonsense").unwrap();
    assert!(server.reload().is_err());
    assert!(handshake(&server.current(), &client).is_ok(), "what was in force stays");

    fs::copy(pki.path("other.pem"), pki.path("ca.pem")).unwrap();
    server.reload().unwrap();
    assert!(handshake(&server.current(), &client).is_err());
    fs::write(pki.path("ca.pem"), ca).unwrap();
    server.reload().unwrap();
    assert!(handshake(&server.current(), &client).is_ok());
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let pki = Pki::new();
    let key = fs::read_to_string(pki.path("alice.key")).unwrap();
    let body = key.lines().nth(1).unwrap();
    let certificate = fs::read_to_string(pki.path("alice.pem")).unwrap();

    pki.private(
        "encrypted.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    pki.private("cut.key", &key.replace("-----END PRIVATE KEY-----", ""));
    pki.private("damaged.key", &key.replace(body, &format!("*{body}")));
    pki.private("certificate.key", &certificate);
    pki.private("open.key", &key);
    set_mode(&pki.path("open.key"), 0o644);
    fs::write(pki.path("der.pem"), [0x30, 0x82, 0xff]).unwrap();
    fs::write(
        pki.path("false.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();

    let mut cases = vec![
        ("alice", "encrypted", "encrypted.key is encrypted; decrypt it with `openssl pkey -in /"),
        ("alice", "cut", "cut.key: a PEM section without its END line"),
        ("alice", "damaged", "damaged.key: a PEM section that is not base64"),
        ("alice", "certificate", "certificate.key: no PEM private key"),
        ("alice", "missing", "missing.key: No such file"),
        ("alice", "broker", "broker.key: "),
        ("der", "alice", "der.pem: no PEM certificate (`openssl x509 -inform der` converts DER)"),
        ("false", "alice", "false.pem with /"),
        ("missing", "alice", "missing.pem: No such file"),
    ];
    if cfg!(unix) {
        cases.push(("alice", "open", "run `chmod 600 /"));
    }
    for (certificates, key, wanted) in cases {
        let identity = Identity {
            certificates: pki.path(&format!("{certificates}.pem")),
            key: pki.path(&format!("{key}.key")),
        };
        for error in [
            server_config(&identity, &ClientAuth::None).map(drop).unwrap_err(),
            client_config(&pki.path("ca.pem"), Some(&identity)).map(drop).unwrap_err(),
        ] {
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(wanted), "{shown}");
            assert!(!shown.contains(&body[..16]), "{shown}");
        }
    }
    for (authorities, wanted) in [
        ("der", "der.pem: no PEM certificate"),
        ("false", "false.pem: certificate 1 cannot be an authority"),
    ] {
        let error =
            client_config(&pki.path(&format!("{authorities}.pem")), None).map(drop).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
        let required =
            ClientAuth::Required { authorities: pki.path(&format!("{authorities}.pem")) };
        let error = server_config(&pki.identity("broker"), &required).map(drop).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}
