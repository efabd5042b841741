use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::*;
use crate::gateway::identity::{Password, Principal, ScramCredential, User, Users};

/// `alice` with both hashes, `bob` with SHA-512 alone; the fewest iterations, for speed.
static USERS: LazyLock<Arc<Users>> = LazyLock::new(|| {
    let credential = |hash, password: &str| {
        let salt = b"a salt of 16 byt";
        ScramCredential::from_password(
            hash,
            &secret(password),
            salt,
            ScramCredential::MIN_ITERATIONS,
        )
        .unwrap()
    };
    let alice = User::default()
        .with(credential(ScramHash::Sha256, "correct horse"))
        .with(credential(ScramHash::Sha512, "correct horse"));
    let bob = User::default().with(credential(ScramHash::Sha512, "battery,=staple"));
    let users = [("alice", alice.clone()), ("bob", bob), ("a,b=c", alice)];
    Arc::new(Users::of(users.map(|(name, user)| (name.to_owned(), user)).into()))
});

fn secret(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

fn account(name: &str, password: &str) -> Arc<Account> {
    Arc::new(Account::new(name, secret(password)).unwrap())
}

fn server(mechanism: Mechanism) -> SaslServer {
    SaslServer::start(mechanism, USERS.clone(), Transport::Loopback).unwrap()
}

fn client(mechanism: Mechanism, name: &str, password: &str) -> SaslClient {
    SaslClient::new(mechanism, account(name, password), Transport::Tls).unwrap()
}

fn token(step: ClientStep) -> Vec<u8> {
    match step {
        ClientStep::Send(token) => token.to_vec(),
        ClientStep::Done => panic!("the client is done"),
    }
}

fn reply(step: Step) -> Vec<u8> {
    match step {
        Step::Continue(token) => token,
        other => panic!("{other:?}"),
    }
}

fn run(step: Step) -> Result<Step, SaslError> {
    match step {
        Step::Check(check) => check.run(),
        step => Ok(step),
    }
}

/// Whole exchange between client and server.
fn exchange(mut client: SaslClient, mut server: SaslServer) -> Result<Principal, SaslError> {
    let mut from_server = Vec::new();
    loop {
        let from_client = token(client.step(&from_server)?);
        match run(server.step(&from_client)?)? {
            Step::Continue(token) => from_server = token,
            Step::Done { principal, token } => {
                assert!(matches!(client.step(&token)?, ClientStep::Done));
                assert_eq!(server.step(b"more").unwrap_err(), SaslError::OutOfOrder);
                assert_eq!(client.step(b"more").unwrap_err(), SaslError::OutOfOrder);
                return Ok(principal);
            }
            Step::Check(_) => panic!("a check within a check"),
        }
    }
}

#[test]
fn known_answers() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/scram.json")).unwrap();
    for vector in vectors["vectors"].as_array().unwrap() {
        let text = |field: &str| vector[field].as_str().unwrap();
        let mechanism: Mechanism = text("mechanism").parse().unwrap();
        let credential =
            ScramCredential::parse(mechanism.hash().unwrap(), text("credential")).unwrap();
        assert_eq!(credential.to_text().as_str(), text("credential"));
        let derived = ScramCredential::from_password(
            credential.hash,
            &secret(text("password")),
            &credential.salt,
            credential.iterations,
        );
        assert_eq!(derived.unwrap().to_text().as_str(), text("credential"));

        let users = Users::of([(text("user").to_owned(), User::default().with(credential))].into());
        let mut server = SaslServer::start(mechanism, Arc::new(users), Transport::Tls)
            .unwrap()
            .with_nonce(text("server_nonce"));
        let first = server.step(text("client_first").as_bytes()).unwrap();
        assert_eq!(reply(first), text("server_first").as_bytes());
        match server.step(text("client_final").as_bytes()).unwrap() {
            Step::Done { principal, token } => {
                assert_eq!(principal.name(), text("user"));
                assert_eq!(token, text("server_final").as_bytes());
            }
            other => panic!("{other:?}"),
        }

        // Our client sends no extensions and no authorization id.
        if text("client_first").starts_with("n,,") {
            let mut client = client(mechanism, text("user"), text("password"));
            let first = client.begin_scram(text("client_nonce").to_owned());
            assert_eq!(token(first), text("client_first").as_bytes());
            let last = client.step(text("server_first").as_bytes()).unwrap();
            assert_eq!(token(last), text("client_final").as_bytes());
            assert!(matches!(client.step(text("server_final").as_bytes()), Ok(ClientStep::Done)));
        }
    }
}

#[test]
fn client_and_server_agree() {
    for mechanism in Mechanism::PASSWORDS {
        for (name, password) in [("alice", "correct horse"), ("a,b=c", "correct horse")] {
            let principal = exchange(client(mechanism, name, password), server(mechanism)).unwrap();
            assert_eq!(principal, Principal::user(name).unwrap());
        }
    }
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha512] {
        let principal =
            exchange(client(mechanism, "bob", "battery,=staple"), server(mechanism)).unwrap();
        assert_eq!(principal.as_str(), "User:bob");
    }
}

#[test]
fn wrong_password_and_unknown_user_get_the_same_answer() {
    for mechanism in Mechanism::PASSWORDS {
        for (name, password) in
            [("alice", "correct hors"), ("alice", "correct horse "), ("mallory", "correct horse")]
        {
            let error = exchange(client(mechanism, name, password), server(mechanism)).unwrap_err();
            assert_eq!(error, SaslError::Denied, "{mechanism} {name}");
        }
    }
    // No credential for this hash is like no user.
    let error = exchange(
        client(Mechanism::ScramSha256, "bob", "battery,=staple"),
        server(Mechanism::ScramSha256),
    );
    assert_eq!(error.unwrap_err(), SaslError::Denied);
}

#[test]
fn an_unknown_user_has_a_salt_that_stays() {
    let first = |mechanism, name: &str| {
        let message = format!("n,,n={name},r=nonce");
        let text =
            String::from_utf8(reply(server(mechanism).step(message.as_bytes()).unwrap())).unwrap();
        text.split_once(",s=").unwrap().1.to_owned()
    };
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let (mallory, trudy) = (first(mechanism, "mallory"), first(mechanism, "trudy"));
        assert_eq!(mallory, first(mechanism, "mallory"));
        assert_ne!(mallory, trudy);
        // Shaped like the real ones: 16 bytes, 4096 iterations.
        assert_eq!(mallory.len(), first(mechanism, "alice").len());
        assert!(mallory.ends_with(",i=4096"), "{mallory}");
    }
    assert_ne!(first(Mechanism::ScramSha256, "mallory"), first(Mechanism::ScramSha512, "mallory"));
}

/// Every bit of every token, one at a time: never a success, and never a panic.
#[test]
fn altered_tokens_are_refused() {
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let flips = |token: &[u8]| {
            let token = token.to_vec();
            (0..token.len() * 8).map(move |bit| {
                let mut token = token.clone();
                token[bit / 8] ^= 1 << (bit % 8);
                token
            })
        };
        let mut honest = client(mechanism, "alice", "correct horse");
        let client_first = token(honest.step(b"").unwrap());
        let mut original = server(mechanism);
        let server_first = reply(original.step(&client_first).unwrap());
        let client_final = token(honest.step(&server_first).unwrap());

        for altered in flips(&client_first) {
            let mut server =
                server(mechanism).with_nonce(&original_nonce(&client_first, &server_first));
            if server.step(&altered).is_ok() {
                assert!(server.step(&client_final).is_err());
            }
        }
        for altered in flips(&client_final) {
            let mut server =
                server(mechanism).with_nonce(&original_nonce(&client_first, &server_first));
            assert_eq!(reply(server.step(&client_first).unwrap()), server_first);
            assert!(server.step(&altered).is_err());
        }
        let Step::Done { token: server_final, .. } = original.step(&client_final).unwrap() else {
            panic!()
        };
        let nonce = std::str::from_utf8(&client_first).unwrap().split_once(",r=").unwrap().1;
        let account = account("alice", "correct horse");
        let again = || {
            let mut client = SaslClient::new(mechanism, account.clone(), Transport::Tls).unwrap();
            assert_eq!(token(client.begin_scram(nonce.to_owned())), client_first);
            client
        };
        for altered in flips(&server_final) {
            let mut client = again();
            assert_eq!(token(client.step(&server_first).unwrap()), client_final);
            assert!(client.step(&altered).is_err());
        }
        // The salt is left out: each altered one costs a PBKDF2. The signature covers it.
        let salt = std::str::from_utf8(&server_first).unwrap().find(",s=").unwrap();
        for altered in flips(&server_first).take(salt * 8) {
            let mut client = again();
            if client.step(&altered).is_ok() {
                assert!(client.step(&server_final).is_err());
            }
        }
    }
}

fn original_nonce(client_first: &[u8], server_first: &[u8]) -> String {
    let client = std::str::from_utf8(client_first).unwrap().split_once(",r=").unwrap().1;
    let joined = std::str::from_utf8(server_first).unwrap().split(',').next().unwrap();
    joined.strip_prefix("r=").unwrap().strip_prefix(client).unwrap().to_owned()
}

#[test]
fn truncated_tokens_are_refused() {
    for mechanism in Mechanism::PASSWORDS {
        let first = token(client(mechanism, "alice", "correct horse").step(b"").unwrap());
        for len in 0..first.len() {
            match server(mechanism).step(&first[..len]).and_then(run) {
                // A nonce or a password cut short is as good a nonce or password.
                Ok(Step::Continue(_)) | Err(SaslError::Denied) => {}
                Err(SaslError::Malformed(_)) => {}
                other => panic!("{len}: {other:?}"),
            }
        }
    }
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let mut honest = client(mechanism, "alice", "correct horse");
        let client_first = token(honest.step(b"").unwrap());
        let mut original = server(mechanism);
        let server_first = reply(original.step(&client_first).unwrap());
        let client_final = token(honest.step(&server_first).unwrap());
        for len in 0..client_final.len() {
            let mut server =
                server(mechanism).with_nonce(&original_nonce(&client_first, &server_first));
            let _ = reply(server.step(&client_first).unwrap());
            assert!(matches!(server.step(&client_final[..len]), Err(SaslError::Malformed(_))));
        }
    }
}

#[test]
fn what_a_client_first_message_must_not_be() {
    use SaslError::{AuthorizationId, ChannelBinding, DelegationToken, Malformed};
    let malformed = Malformed("");
    for (message, wanted) in [
        ("n,,n=alice,r=x,tokenauth=true", &DelegationToken),
        ("n,,n=alice,r=x,other=1,tokenauth=true", &DelegationToken),
        ("n,,n=alice,r=x,tokenauth=false", &DelegationToken),
        ("n,,n=alice,r=x,TokenAuth=TRUE", &DelegationToken),
        ("n,a=bob,n=alice,r=x", &AuthorizationId),
        ("n,a=alice=2C,n=alice,r=x", &AuthorizationId),
        ("p=tls-exporter,,n=alice,r=x", &ChannelBinding),
        ("", &malformed),
        ("n", &malformed),
        ("n,", &malformed),
        ("n,,", &malformed),
        ("x,,n=alice,r=x", &malformed),
        ("n,a=,n=alice,r=x", &malformed),
        ("n,alice,n=alice,r=x", &malformed),
        ("n,,m=ext,n=alice,r=x", &malformed),
        ("n,,n=,r=x", &malformed),
        ("n,,n=a=b,r=x", &malformed),
        ("n,,n=a=2c,r=x", &malformed),
        ("n,,n=a=,r=x", &malformed),
        ("n,,n=a\0b,r=x", &malformed),
        ("n,,r=x,n=alice", &malformed),
        ("n,,n=alice", &malformed),
        ("n,,n=alice,r=", &malformed),
        ("n,,n=alice,r=a b", &malformed),
        ("n,,n=alice,r=ü", &malformed),
        ("n,,n=alice,n=bob,r=x", &malformed),
        ("n,,n=alice,r=x,", &malformed),
        ("n,,n=alice,r=x,tokenauth", &malformed),
        ("n,,n=alice,r=x,=v", &malformed),
        ("n,,n=alice,r=x, tokenauth=true", &malformed),
        ("n,,n=alice,r=x,a=", &malformed),
    ] {
        let error = server(Mechanism::ScramSha256).step(message.as_bytes()).unwrap_err();
        match wanted {
            Malformed(_) => assert!(matches!(error, Malformed(_)), "{message}: {error:?}"),
            wanted => assert_eq!(error, *wanted, "{message}"),
        }
    }
    assert!(server(Mechanism::ScramSha256).step(b"n,,n=\xff,r=x").is_err());
    let error = server(Mechanism::ScramSha256).step(b"n,,n=a\nb,r=x").unwrap_err();
    assert!(matches!(error, SaslError::UserName(_)));
    for message in
        ["n,,n=alice,r=x", "y,,n=alice,r=x", "n,a=alice,n=alice,r=x", "n,,n=alice,r=x,e=f=g"]
    {
        assert!(server(Mechanism::ScramSha256).step(message.as_bytes()).is_ok(), "{message}");
    }
}

#[test]
fn the_channel_binding_comes_back_as_it_was_sent() {
    // `y,,` stripped to `n,,` on the way: what an attacker does who takes -PLUS off the list.
    let mut client = client(Mechanism::ScramSha256, "alice", "correct horse");
    let first = token(client.step(b"").unwrap());
    let mut server = server(Mechanism::ScramSha256);
    let altered = [b"y", &first[1..]].concat();
    let server_first = reply(server.step(&altered).unwrap());
    let client_final = token(client.step(&server_first).unwrap());
    assert!(
        matches!(server.step(&client_final), Err(SaslError::Malformed(m)) if m.contains("binding"))
    );
}

/// The proof is right for what the message says, but the message names another nonce than ours.
#[test]
fn the_nonce_comes_back_as_it_was_sent() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let hash = ScramHash::Sha256;
    let (salt, iterations) = (b"a salt of 16 byt", ScramCredential::MIN_ITERATIONS);
    let keys = account("alice", "correct horse").keys(hash, salt, iterations);
    for (nonce, accepted) in
        [("clientserver", true), ("clientother", false), ("client", false), ("", false)]
    {
        let mut server = server(Mechanism::ScramSha256).with_nonce("server");
        let server_first = reply(server.step(b"n,,n=alice,r=client").unwrap());
        let server_first = std::str::from_utf8(&server_first).unwrap();
        let without_proof = format!("c=biws,r={nonce}");
        let message = scram::auth_message("n=alice,r=client", server_first, &without_proof);
        let mut proof = hash.hmac(&hash.digest(&keys.client_key), &[message.as_bytes()]);
        proof.iter_mut().zip(keys.client_key.iter()).for_each(|(proof, key)| *proof ^= key);
        let client_final = format!("{without_proof},p={}", STANDARD.encode(&*proof));
        assert_eq!(server.step(client_final.as_bytes()).is_ok(), accepted, "{nonce}");
    }
}

#[test]
fn what_a_plain_message_must_not_be() {
    for (message, wanted) in [
        (&b"alice\0alice\0correct horse"[..], None),
        (b"\0alice\0correct horse", None),
        (b"bob\0alice\0correct horse", Some(SaslError::AuthorizationId)),
        (b"\0alice\0wrong", Some(SaslError::Denied)),
        (b"\0alice\0\xff", Some(SaslError::Malformed("PLAIN: not UTF-8"))),
        (b"\0alice", Some(SaslError::Malformed("PLAIN: not three parts"))),
        (b"\0alice\0a\0b", Some(SaslError::Malformed("PLAIN: not three parts"))),
        (b"\0alice\0", Some(SaslError::Malformed("PLAIN: password empty or too long"))),
        (b"\0\0secret", Some(SaslError::UserName(PrincipalError::Empty))),
        (b"", Some(SaslError::Malformed("PLAIN: not three parts"))),
    ] {
        let result = server(Mechanism::Plain).step(message).and_then(run);
        assert_eq!(result.err(), wanted, "{}", message.escape_ascii());
    }
}

#[test]
fn oversized_tokens_are_refused() {
    let oversized = vec![b'a'; MAX_TOKEN_LEN + 1];
    let wanted = SaslError::TooLong { len: MAX_TOKEN_LEN + 1 };
    for mechanism in Mechanism::PASSWORDS {
        assert_eq!(server(mechanism).step(&oversized).unwrap_err(), wanted);
        let mut client = client(mechanism, "alice", "correct horse");
        let _ = client.step(b"").unwrap();
        assert_eq!(client.step(&oversized).unwrap_err(), wanted);
    }
}

#[test]
fn after_an_error_the_exchange_is_over() {
    for mechanism in Mechanism::PASSWORDS {
        let mut server = server(mechanism);
        assert!(server.step(b"nonsense").is_err());
        let first = token(client(mechanism, "alice", "correct horse").step(b"").unwrap());
        assert_eq!(server.step(&first).unwrap_err(), SaslError::OutOfOrder);
    }
}

#[test]
fn a_re_authentication_may_not_change_the_principal() {
    let alice = Principal::user("alice").unwrap();
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha512] {
        let again = || server(mechanism).known_as(alice.clone());
        assert_eq!(exchange(client(mechanism, "alice", "correct horse"), again()).unwrap(), alice);
        let error = exchange(client(mechanism, "bob", "battery,=staple"), again()).unwrap_err();
        assert_eq!(error, SaslError::PrincipalChanged);
    }
}

#[test]
fn passwords_go_over_tls_or_loopback_alone() {
    for mechanism in Mechanism::PASSWORDS {
        let error = SaslServer::start(mechanism, USERS.clone(), Transport::Clear).unwrap_err();
        assert_eq!(error, SaslError::NeedsTls { mechanism });
        assert!(SaslClient::new(mechanism, account("a", "b"), Transport::Clear).is_err());
    }
    for (tls, peer, transport) in [
        (true, "192.0.2.1", Transport::Tls),
        (false, "192.0.2.1", Transport::Clear),
        (false, "127.8.8.8", Transport::Loopback),
        (false, "::1", Transport::Loopback),
        (false, "::ffff:127.0.0.1", Transport::Loopback),
        (false, "::ffff:192.0.2.1", Transport::Clear),
        (false, "0.0.0.0", Transport::Clear),
    ] {
        assert_eq!(Transport::new(tls, peer.parse().unwrap()), transport, "{peer}");
    }
}

#[test]
fn mechanisms_by_name() {
    for mechanism in Mechanism::ALL {
        assert_eq!(mechanism.name().parse(), Ok(mechanism));
    }
    for name in ["GSSAPI", "OAuthBearer", "plain", "SCRAM-SHA-256-PLUS", "", "a\nb"] {
        let error = name.parse::<Mechanism>().unwrap_err();
        assert_eq!(error.kafka_code(), 33);
        let text = error.to_string();
        assert!(
            text.contains("PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER")
                && !text.contains('\n'),
            "{text}"
        );
    }
}

#[test]
fn a_broker_is_not_believed_blindly() {
    use SaslError::{Iterations, Malformed, Refused};
    let malformed = Malformed("");
    for (message, wanted) in [
        ("r=NONCEx,s=c2FsdHNhbHQ=,i=4095", Iterations(4095)),
        ("r=NONCEx,s=c2FsdHNhbHQ=,i=1000001", Iterations(1_000_001)),
        ("r=NONCEx,s=c2FsdHNhbHQ=,i=9999999999", Iterations(9_999_999_999)),
        ("r=NONCE,s=c2FsdHNhbHQ=,i=4096", malformed.clone()),
        ("r=other,s=c2FsdHNhbHQ=,i=4096", malformed.clone()),
        ("r=NONCEx,s=,i=4096", malformed.clone()),
        ("r=NONCEx,s=!,i=4096", malformed.clone()),
        ("r=NONCEx,s=c2FsdHNhbHQ=,i=-1", malformed.clone()),
        ("r=NONCEx,s=c2FsdHNhbHQ=", malformed.clone()),
        ("m=x,r=NONCEx,s=c2FsdHNhbHQ=,i=4096", malformed.clone()),
        ("", malformed.clone()),
    ] {
        let mut client = client(Mechanism::ScramSha256, "alice", "correct horse");
        let _ = client.begin_scram("NONCE".to_owned());
        let error = client.step(message.as_bytes()).unwrap_err();
        match wanted {
            Malformed(_) => assert!(matches!(error, Malformed(_)), "{message}: {error:?}"),
            wanted => assert_eq!(error, wanted, "{message}"),
        }
    }
    for (message, wanted) in [
        ("e=invalid-proof", Refused),
        ("v=c2FsdA==", SaslError::ServerSignature),
        ("v=", SaslError::ServerSignature),
        ("v=!", Malformed("SCRAM server-final: signature")),
        ("", Malformed("SCRAM server-final: signature")),
    ] {
        let mut client = client(Mechanism::ScramSha256, "alice", "correct horse");
        let _ = client.begin_scram("NONCE".to_owned());
        let _ = client.step(b"r=NONCEx,s=c2FsdHNhbHQ=,i=4096").unwrap();
        assert_eq!(client.step(message.as_bytes()).unwrap_err(), wanted);
    }
    let mut client = client(Mechanism::Plain, "alice", "correct horse");
    assert_eq!(client.step(b"x").unwrap_err(), SaslError::OutOfOrder);
}

#[test]
fn an_account_keeps_the_keys_of_one_salt() {
    let account = account("alice", "correct horse");
    for (salt, hash) in [
        (b"salt one", ScramHash::Sha256),
        (b"salt two", ScramHash::Sha256),
        (b"salt two", ScramHash::Sha512),
    ] {
        let keys = account.keys(hash, salt, 4096);
        let again = account.keys(hash, salt, 4096);
        assert_eq!(*keys.client_key, *again.client_key);
        let credential =
            ScramCredential::from_password(hash, &secret("correct horse"), salt, 4096).unwrap();
        assert_eq!(*credential.stored_key, *hash.digest(&keys.client_key));
    }
}

#[test]
fn nothing_shows_a_secret() {
    let password = "correct horse";
    let mut server = server(Mechanism::ScramSha256);
    let mut client = client(Mechanism::ScramSha256, "alice", password);
    let sent = client.step(b"").unwrap();
    let mut shown = format!("{sent:?}");
    let server_first = reply(server.step(&token(sent)).unwrap());
    let client_final = client.step(&server_first).unwrap();
    shown += &format!("{client:?} {server:?} {client_final:?}");
    let plain = self::server(Mechanism::Plain).step(b"\0alice\0correct horse").unwrap();
    shown += &format!("{plain:?} {:?} {:?}", account("alice", password), secret(password));
    let credential = USERS.user("alice").unwrap().credential(ScramHash::Sha256).unwrap();
    shown += &format!("{credential:?} {:?} {:?}", USERS.user("alice"), **USERS);
    for secret in [&credential.stored_key, &credential.server_key] {
        let numbers = format!("{:?}", &secret[..4]);
        assert!(!shown.contains(numbers.trim_matches(['[', ']'])));
    }
    let text = credential.to_text();
    for part in text.split([',', '=']).filter(|part| part.len() > 12) {
        assert!(!shown.contains(part), "{shown}");
    }
    assert!(!shown.contains("correct") && !shown.contains("horse"), "{shown}");
}

/// Another implementation, on both sides: rsasl.
mod rsasl_peer {
    use std::io::Cursor;

    use rsasl::{
        callback::{Context, Request, SessionCallback, SessionData},
        config::SASLConfig,
        mechanisms::scram::properties::ScramStoredPassword,
        prelude::{Mechname, SASLClient, SASLServer, SessionError, State, Validation},
        validate::{Validate, ValidationError},
    };

    use super::*;

    fn login(mechanism: Mechanism, name: &str, password: &str) -> Result<Principal, SaslError> {
        let config =
            SASLConfig::with_credentials(None, name.to_owned(), password.to_owned()).unwrap();
        let mut peer = SASLClient::new(config)
            .start_suggested(&[Mechname::parse(mechanism.name().as_bytes()).unwrap()])
            .unwrap();
        let mut server = server(mechanism);
        let mut input: Option<Vec<u8>> = None;
        loop {
            let mut out = Cursor::new(Vec::new());
            let state = peer.step(input.as_deref(), &mut out).unwrap();
            assert!(state.has_sent_message());
            match run(server.step(&out.into_inner())?)? {
                Step::Continue(token) => input = Some(token),
                Step::Done { principal, token } => {
                    if mechanism != Mechanism::Plain {
                        let state = peer.step(Some(&token), &mut Cursor::new(Vec::new())).unwrap();
                        assert!(matches!(state, State::Finished(_)));
                    }
                    return Ok(principal);
                }
                Step::Check(_) => panic!(),
            }
        }
    }

    #[test]
    fn its_client_logs_in_here() {
        for mechanism in Mechanism::PASSWORDS {
            assert_eq!(login(mechanism, "alice", "correct horse").unwrap().as_str(), "User:alice");
            assert_eq!(login(mechanism, "alice", "wrong").unwrap_err(), SaslError::Denied);
            assert_eq!(login(mechanism, "mallory", "wrong").unwrap_err(), SaslError::Denied);
        }
    }

    struct Stored;
    struct Accepted;
    impl Validation for Accepted {
        type Value = ();
    }

    impl SessionCallback for Stored {
        fn callback(
            &self,
            session: &SessionData,
            _: &Context<'_>,
            request: &mut Request<'_>,
        ) -> Result<(), SessionError> {
            let hash = if session.mechanism().mechanism.as_str().ends_with("512") {
                ScramHash::Sha512
            } else {
                ScramHash::Sha256
            };
            let credential = USERS.user("alice").unwrap().credential(hash).unwrap();
            request.satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(
                credential.iterations,
                &credential.salt,
                &credential.stored_key,
                &credential.server_key,
            ))?;
            Ok(())
        }

        fn validate(
            &self,
            _: &SessionData,
            _: &Context<'_>,
            validate: &mut Validate<'_>,
        ) -> Result<(), ValidationError> {
            validate.with::<Accepted, _>(|| Ok(()))?;
            Ok(())
        }
    }

    #[test]
    fn our_client_logs_in_there() {
        for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
            let login = |password| {
                let config =
                    SASLConfig::builder().with_default_mechanisms().with_callback(Stored).unwrap();
                let mut peer = SASLServer::<Accepted>::new(config)
                    .start_suggested(Mechname::parse(mechanism.name().as_bytes()).unwrap())
                    .unwrap();
                let mut client = client(mechanism, "alice", password);
                let mut input = Vec::new();
                loop {
                    match client.step(&input)? {
                        ClientStep::Done => return Ok(()),
                        ClientStep::Send(token) => {
                            let mut out = Cursor::new(Vec::new());
                            peer.step(Some(&token), &mut out).unwrap();
                            input = out.into_inner();
                        }
                    }
                }
            };
            assert_eq!(login("correct horse"), Ok(()));
            assert_eq!(login("wrong"), Err(SaslError::Refused));
        }
    }
}
