use super::*;
use crate::gateway::identity::{PrincipalError, sasl::MAX_TOKEN_LEN};

const FINAL: &[u8] = b"c=biws,r=xy,p=AAAA";

fn observed(mechanism: Mechanism) -> Observed {
    Observed::new(mechanism, Transport::Tls).unwrap()
}

fn principal(name: &str) -> Principal {
    Principal::user(name).unwrap()
}

#[test]
fn plain_is_believed_after_the_broker_accepted() {
    for token in [&b"\0alice\0secret"[..], b"alice\0alice\0secret"] {
        let mut observed = observed(Mechanism::Plain);
        observed.client_token(token).unwrap();
        assert_eq!(observed.broker_token(b"", 0), Ok(Observation::Done(principal("alice"))));
        assert_eq!(observed.broker_token(b"", 0), Err(SaslError::OutOfOrder));
        assert_eq!(observed.client_token(token), Err(SaslError::OutOfOrder));
    }
}

#[test]
fn scram_is_believed_after_the_last_round() {
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let mut observed = observed(mechanism);
        observed.client_token(b"n,,n=a=2Cb=3Dc,r=x").unwrap();
        assert_eq!(observed.broker_token(b"r=xy,s=c2FsdA==,i=4096", 0), Ok(Observation::Continue));
        observed.client_token(FINAL).unwrap();
        assert_eq!(observed.broker_token(b"v=AAAA", 0), Ok(Observation::Done(principal("a,b=c"))));
    }
}

#[test]
fn a_refusal_in_either_round_is_final() {
    let mut plain = observed(Mechanism::Plain);
    plain.client_token(b"\0alice\0wrong").unwrap();
    assert_eq!(plain.broker_token(b"", 58), Ok(Observation::Refused));
    assert_eq!(plain.client_token(b"\0alice\0secret"), Err(SaslError::OutOfOrder));

    let mut scram = observed(Mechanism::ScramSha256);
    scram.client_token(b"n,,n=alice,r=x").unwrap();
    assert_eq!(scram.broker_token(b"", 58), Ok(Observation::Refused));

    let mut scram = observed(Mechanism::ScramSha256);
    scram.client_token(b"n,,n=alice,r=x").unwrap();
    let _ = scram.broker_token(b"r=xy,s=c2FsdA==,i=4096", 0).unwrap();
    scram.client_token(FINAL).unwrap();
    assert_eq!(scram.broker_token(b"", 58), Ok(Observation::Refused));
    assert_eq!(scram.broker_token(b"v=AAAA", 0), Err(SaslError::OutOfOrder));
}

#[test]
fn a_broker_that_contradicts_itself_is_not_believed() {
    for last in [&b""[..], b"e=invalid-proof", b"r=xy,s=c2FsdA==,i=4096"] {
        let mut scram = observed(Mechanism::ScramSha256);
        scram.client_token(b"n,,n=alice,r=x").unwrap();
        let _ = scram.broker_token(b"r=xy,s=c2FsdA==,i=4096", 0).unwrap();
        scram.client_token(FINAL).unwrap();
        assert!(matches!(scram.broker_token(last, 0), Err(SaslError::Malformed(_))));
    }
}

#[test]
fn tokens_come_in_turn() {
    for mechanism in Mechanism::PASSWORDS {
        assert_eq!(observed(mechanism).broker_token(b"", 0), Err(SaslError::OutOfOrder));
    }
    let mut plain = observed(Mechanism::Plain);
    plain.client_token(b"\0alice\0secret").unwrap();
    assert_eq!(plain.client_token(b"\0bob\0secret"), Err(SaslError::OutOfOrder));
    assert_eq!(plain.broker_token(b"", 0), Err(SaslError::OutOfOrder));
}

#[test]
fn what_is_no_identity() {
    let error = |mechanism, token: &[u8]| observed(mechanism).client_token(token).unwrap_err();
    let scram = |token: &[u8]| error(Mechanism::ScramSha512, token);
    assert_eq!(scram(b"n,,n=token-id,r=x,tokenauth=true"), SaslError::DelegationToken);
    assert_eq!(scram(b"n,a=bob,n=alice,r=x"), SaslError::AuthorizationId);
    assert!(matches!(scram(b"n,,n=a=b,r=x"), SaslError::Malformed(_)));
    assert_eq!(error(Mechanism::Plain, b"bob\0alice\0x"), SaslError::AuthorizationId);
    assert_eq!(error(Mechanism::Plain, b"\0\0x"), SaslError::UserName(PrincipalError::Empty));
    assert_eq!(
        error(Mechanism::Plain, &[0; MAX_TOKEN_LEN + 1]),
        SaslError::TooLong { len: MAX_TOKEN_LEN + 1 }
    );
    assert!(Observed::new(Mechanism::Plain, Transport::Clear).is_err());
}

#[test]
fn a_re_authentication_may_not_change_the_principal() {
    let mut same = observed(Mechanism::Plain).known_as(principal("alice"));
    same.client_token(b"\0alice\0secret").unwrap();
    assert_eq!(same.broker_token(b"", 0), Ok(Observation::Done(principal("alice"))));
    for (mechanism, token) in
        [(Mechanism::Plain, &b"\0bob\0secret"[..]), (Mechanism::ScramSha256, b"n,,n=bob,r=x")]
    {
        let mut other = observed(mechanism).known_as(principal("alice"));
        assert_eq!(other.client_token(token), Err(SaslError::PrincipalChanged));
    }
}

#[test]
fn the_password_is_not_kept() {
    let mut observed = observed(Mechanism::Plain);
    observed.client_token(b"\0alice\0hunter2").unwrap();
    assert!(!format!("{observed:?}").contains("hunter2"));
}
