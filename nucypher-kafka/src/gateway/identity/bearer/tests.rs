//! Tokens that are believed and those that are not. The signing key is drawn for each run.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::*;

pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

/// An issuer of tokens.
pub(crate) struct Issuer {
    key: Ed25519KeyPair,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { key: Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap() }
    }

    pub(crate) fn jwks(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key());
        format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"1","x":"{x}"}}]}}"#)
    }

    pub(crate) fn token(&self, claims: &str) -> String {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let signed = format!("{}.{}", part(r#"{"alg":"EdDSA","kid":"1"}"#), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    pub(crate) fn bearer(&self) -> Bearer {
        let jwks = self.jwks();
        Bearer {
            keys: Reloadable::new(move || Ok(Arc::new(KeySet::parse(&jwks).unwrap()))).unwrap(),
            issuer: "https://issuer.example".to_owned(),
            audiences: vec!["kafka".to_owned()],
            principal_claim: "sub".to_owned(),
            clock_skew: Duration::from_secs(30),
        }
    }
}

/// Good claims that end so many seconds from now.
pub(crate) fn claims(name: &str, seconds: i64) -> String {
    let exp = NOW_MS / 1000 + seconds;
    format!(r#"{{"iss":"https://issuer.example","aud":"kafka","sub":"{name}","exp":{exp}}}"#)
}

pub(crate) fn message(token: &str) -> Vec<u8> {
    format!("n,,\u{1}auth=Bearer {token}\u{1}\u{1}").into_bytes()
}

pub(crate) fn unsecured(claims: &str) -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    format!("{}.{}.", part(r#"{"alg":"none"}"#), part(claims))
}

#[test]
fn a_good_token_names_its_principal_and_ends_with_it() {
    let issuer = Issuer::new();
    let accepted =
        issuer.bearer().accept(&message(&issuer.token(&claims("alice", 60))), NOW_MS).unwrap();
    assert_eq!(accepted.principal, Principal::user("alice").unwrap());
    assert_eq!(accepted.left, Duration::from_secs(90));
    // With an authorization id that is the name, extensions, and a list of audiences.
    let exp = NOW_MS / 1000 - 29;
    let token = issuer.token(&format!(
        r#"{{"iss":"https://issuer.example","aud":["x","kafka"],"sub":"a,b","exp":{exp}.5,"nbf":1}}"#
    ));
    let text = format!("n,a=a=2Cb,\u{1}traceId=1=2\u{1}auth=bearer   {token}\u{1}\u{1}");
    let accepted = issuer.bearer().accept(text.as_bytes(), NOW_MS).unwrap();
    assert_eq!(accepted.principal, Principal::user("a,b").unwrap());
    assert_eq!(accepted.left, Duration::from_secs(1));
}

#[test]
fn tokens_that_are_not_believed() {
    let (issuer, other) = (Issuer::new(), Issuer::new());
    let good = claims("alice", 60);
    let with = |from: &str, to: &str| {
        let changed = good.replace(from, to);
        assert_ne!(changed, good);
        issuer.token(&changed)
    };
    let cases = [
        (other.token(&good), TokenError::Signature),
        (unsecured(&good), TokenError::Unsigned),
        (with("https://issuer.example", "https://evil.example"), TokenError::Issuer),
        (with(r#""iss":"https://issuer.example","#, ""), TokenError::Issuer),
        (with(r#""kafka""#, r#""billing""#), TokenError::Audience),
        (with(r#""aud":"kafka","#, ""), TokenError::Audience),
        (issuer.token(&claims("alice", -30)), TokenError::Expired),
        (with(r#""exp":"#, r#""expires":"#), TokenError::Claim("exp")),
        (with(r#""exp":"#, r#""exp":"x","y":"#), TokenError::Claim("exp")),
        (with(r#""exp":"#, r#""nbf":1700000031,"exp":"#), TokenError::Early),
        (with(r#""exp":"#, r#""nbf":"soon","exp":"#), TokenError::Claim("nbf")),
        (with(r#""sub":"alice","#, ""), TokenError::PrincipalClaim),
        (with(r#""sub":"alice""#, r#""sub":" alice""#), TokenError::PrincipalClaim),
        (with(r#""sub":"alice""#, r#""sub":["alice"]"#), TokenError::PrincipalClaim),
        (with(r#""sub":"alice""#, r#""sub":"bob","sub":"alice""#), TokenError::Malformed),
    ];
    for (token, error) in cases {
        let refused = issuer.bearer().accept(&message(&token), NOW_MS).unwrap_err();
        assert_eq!(refused, SaslError::Token(error));
        assert_eq!(refused.kafka_code(), 58);
        assert!(!refused.to_string().contains(&token));
    }
}

#[test]
fn messages_that_are_malformed() {
    let issuer = Issuer::new();
    let token = issuer.token(&claims("alice", 60));
    for text in [
        "".to_owned(),
        format!("y,,\u{1}auth=Bearer {token}\u{1}\u{1}"),
        format!("n,,auth=Bearer {token}\u{1}\u{1}"),
        format!("n,,\u{1}auth=Bearer {token}\u{1}"),
        format!("n,,\u{1}auth=Basic {token}\u{1}\u{1}"),
        "n,,\u{1}auth=Bearer \u{1}\u{1}".to_owned(),
        "n,,\u{1}\u{1}".to_owned(),
        "n,,\u{1}x=y\u{1}\u{1}".to_owned(),
        format!("n,,\u{1}auth=Bearer {token}\u{1}auth=Bearer {token}\u{1}\u{1}"),
        format!("n,,\u{1}auth=Bearer {token}\u{1}x1=y\u{1}\u{1}"),
        format!("n,a=a=2D,\u{1}auth=Bearer {token}\u{1}\u{1}"),
        format!("n,b=alice,\u{1}auth=Bearer {token}\u{1}\u{1}"),
    ] {
        let refused = issuer.bearer().accept(text.as_bytes(), NOW_MS).unwrap_err();
        assert!(matches!(refused, SaslError::Malformed(_)), "{text:?}: {refused}");
    }
    let text = format!("n,a=bob,\u{1}auth=Bearer {token}\u{1}\u{1}");
    let refused = issuer.bearer().accept(text.as_bytes(), NOW_MS);
    assert_eq!(refused.unwrap_err(), SaslError::AuthorizationId);
}

#[test]
fn what_passes_through_is_read_as_the_broker_reads_it() {
    let reading = Reading::default();
    // Somebody else's signature: the broker's to judge.
    let token = Issuer::new().token(&claims("alice", -1000));
    assert_eq!(reading.claimed(&message(&token)), Ok(Principal::user("alice").unwrap()));
    let token = unsecured(&claims("alice", 60));
    assert_eq!(reading.claimed(&message(&token)), Err(TokenError::Unsigned.into()));
    let development = Reading { principal_claim: "iss".to_owned(), unsecured: true };
    let principal = Principal::user("https://issuer.example").unwrap();
    assert_eq!(development.claimed(&message(&token)), Ok(principal));
}
