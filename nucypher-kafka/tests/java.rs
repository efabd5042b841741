//! Identities against Apache Kafka's own Java code, in both directions: SCRAM and PLAIN exchanges with
//! kafka-clients, credentials in its form, and subjects as Java prints them.
//!
//! Needs a JDK of 17 or later and the jars that `scripts/kafka install` fetches (or a folder with
//! kafka-clients and slf4j-api in `KAFKA_TEST_LIBS`); skipped, aloud, without.

#![cfg(feature = "gateway")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
};

use nucypher_kafka::gateway::identity::{
    Account, ClientStep, Mechanism, Observation, Observed, Password, Principal, SaslClient,
    SaslError, SaslServer, ScramCredential, ScramHash, Step, Transport, User, Users, mtls, users,
};

/// `tests/java/Peer.java`, which answers a line with a line.
struct Peer {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Peer {
    fn start() -> Option<Self> {
        let Some(libs) = libs() else {
            skipped("no Kafka jars; run `scripts/kafka install` or set KAFKA_TEST_LIBS");
            return None;
        };
        let spawned = Command::new("java")
            .arg("-cp")
            .arg(libs.join("*"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/java/Peer.java"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut process) = spawned else {
            skipped("no java");
            return None;
        };
        let stdin = process.stdin.take().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Some(Self { process, stdin, stdout })
    }

    fn ask(&mut self, command: &str, words: &[&[u8]]) -> String {
        let words = words
            .iter()
            .map(|word| if word.is_empty() { "-".to_owned() } else { hex::encode(word) });
        let line: Vec<_> = std::iter::once(command.to_owned()).chain(words).collect();
        writeln!(self.stdin, "{}", line.join(" ")).unwrap();
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "Peer.java ended; is `java` a JDK of 17 or later?");
        answer.trim_end_matches('\n').to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says so past the test harness, which swallows what a passing test prints.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED, {why}");
}

/// The folder of jars.
fn libs() -> Option<PathBuf> {
    if let Some(libs) = std::env::var_os("KAFKA_TEST_LIBS") {
        return Some(libs.into());
    }
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache"),
    };
    let has_clients = |folder: &PathBuf| {
        std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .any(|file| file.file_name().to_string_lossy().starts_with("kafka-clients-"))
    };
    let folders = std::fs::read_dir(cache.join("nucypher-kafka")).ok()?;
    folders.flatten().map(|folder| folder.path()).find(has_clients)
}

/// `send HEX` or `done HEX`.
fn token(answer: &str) -> Result<Vec<u8>, String> {
    let hex = answer.rsplit(' ').next().unwrap();
    if answer.starts_with("fail") {
        return Err(answer.to_owned());
    }
    Ok(if hex == "-" { Vec::new() } else { hex::decode(hex).unwrap() })
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

/// ASCII: Kafka's SCRAM server takes no other names.
const NAME: &str = "a,b=c d";
const PASSWORD: &str = "pass ,= Wörter";

fn scram() -> [(Mechanism, ScramHash); 2] {
    [(Mechanism::ScramSha256, ScramHash::Sha256), (Mechanism::ScramSha512, ScramHash::Sha512)]
}

fn users(credential: ScramCredential) -> Arc<Users> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.toml");
    users::add(&path, NAME, User::default().with(credential), users::Existing::Refuse).unwrap();
    Arc::new(Users::load(&path).unwrap())
}

#[test]
fn kafkas_clients_log_in_here() {
    let Some(mut peer) = Peer::start() else { return };
    for (mechanism, hash) in scram() {
        // With a credential that Kafka made.
        let name = mechanism.name().as_bytes();
        let text = peer.ask("credential", &[name, PASSWORD.as_bytes(), b"4096"]);
        let users = users(ScramCredential::parse(hash, &text).unwrap());
        let mut login = |user: &str, password: &str, extension: &[&[u8]]| {
            let words = [&[name, user.as_bytes(), password.as_bytes()], extension].concat();
            let mut server = SaslServer::start(mechanism, users.clone(), Transport::Tls).unwrap();
            let mut to_server = token(&peer.ask("client", &words)).unwrap();
            loop {
                match server.step(&to_server)? {
                    Step::Continue(reply) => {
                        to_server = token(&peer.ask("challenge", &[&reply])).unwrap()
                    }
                    Step::Done { principal, token } => {
                        assert_eq!(peer.ask("challenge", &[&token]), "done -");
                        return Ok(principal);
                    }
                    Step::Check(_) => panic!("SCRAM has no password"),
                }
            }
        };
        assert_eq!(login(NAME, PASSWORD, &[]), Ok(Principal::user(NAME).unwrap()));
        assert_eq!(login(NAME, "other", &[]), Err(SaslError::Denied));
        assert_eq!(login("nobody", PASSWORD, &[]), Err(SaslError::Denied));
        assert_eq!(login(NAME, PASSWORD, &[b"tokenauth=true"]), Err(SaslError::DelegationToken));
        assert_eq!(login(NAME, PASSWORD, &[b"other=x"]), Ok(Principal::user(NAME).unwrap()));
    }
}

#[test]
fn our_client_logs_in_at_kafkas_servers_observed() {
    let Some(mut peer) = Peer::start() else { return };
    for mechanism in Mechanism::PASSWORDS {
        let mut login = |user: &str, secret: &str| {
            let started = match scram().into_iter().find(|(scram, _)| *scram == mechanism) {
                // With a credential that we made.
                Some((_, hash)) => {
                    let credential =
                        ScramCredential::generate(hash, &password(PASSWORD), 4096).unwrap();
                    let text = credential.to_text();
                    peer.ask(
                        "scram-server",
                        &[mechanism.name().as_bytes(), NAME.as_bytes(), text.as_bytes()],
                    )
                }
                None => peer.ask("plain-server", &[NAME.as_bytes(), PASSWORD.as_bytes()]),
            };
            assert_eq!(started, "ok");
            let account = Arc::new(Account::new(user, password(secret)).unwrap());
            let mut client = SaslClient::new(mechanism, account, Transport::Tls).unwrap();
            let mut observed = Observed::new(mechanism, Transport::Tls).unwrap();
            let (mut from_server, mut observation) = (Vec::new(), Observation::Continue);
            while let ClientStep::Send(from_client) = client.step(&from_server).unwrap() {
                observed.client_token(&from_client).unwrap();
                let answer = peer.ask("response", &[&from_client]);
                let Ok(reply) = token(&answer) else {
                    return observed.broker_token(b"", 58).unwrap();
                };
                if let Some(done) = answer.strip_prefix("done ") {
                    let name = hex::decode(done.split(' ').next().unwrap()).unwrap();
                    assert_eq!(name, user.as_bytes(), "the name that Kafka saw");
                }
                observation = observed.broker_token(&reply, 0).unwrap();
                from_server = reply;
            }
            observation
        };
        assert_eq!(login(NAME, PASSWORD), Observation::Done(Principal::user(NAME).unwrap()));
        assert_eq!(login(NAME, "other"), Observation::Refused, "{mechanism}");
        assert_eq!(login("nobody", PASSWORD), Observation::Refused);
    }
}

/// Random subjects made of what needs escaping and of what has a name or none.
#[test]
fn subjects_read_as_java_reads_them() {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
    const ALPHABET: [char; 20] = [
        ' ', ' ', ',', '=', '+', '<', '>', '#', ';', '"', '\\', '/', ':', 'a', 'Z', '0', 'ü', '日',
        '\'', '_',
    ];
    let types = || {
        let custom = |arc| DnType::CustomDnType(vec![2, 5, 4, arc]);
        let pilot = |arc| DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, arc]);
        // CN C L ST STREET O OU; serialNumber, title, postalCode, givenName, name; UID DC and mail.
        [3, 6, 7, 8, 9, 10, 11, 5, 12, 17, 42, 41]
            .map(custom)
            .into_iter()
            .chain([1, 25, 3].map(pilot))
    };
    let Some(mut peer) = Peer::start() else { return };
    let key = KeyPair::generate().unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % n as u64).unwrap()
    };
    for _ in 0..300 {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for _ in 0..=below(4) {
            let kind = types().nth(below(15)).unwrap();
            let text: String = (0..below(6)).map(|_| ALPHABET[below(ALPHABET.len())]).collect();
            let value = match (below(3), text.as_str().try_into(), text.as_str().try_into()) {
                (0, Ok(text), _) => DnValue::PrintableString(text),
                (1, _, Ok(text)) => DnValue::Ia5String(text),
                _ => DnValue::Utf8String(text),
            };
            params.distinguished_name.push(kind, value);
        }
        let certificate = params.self_signed(&key).unwrap();
        let theirs = peer.ask("subject", &[certificate.der()]);
        assert_eq!(mtls::principal(certificate.der()).unwrap().name(), theirs);
    }
}
