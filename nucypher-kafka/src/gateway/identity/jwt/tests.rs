//! Signatures of the RFCs, and tokens that nobody should believe.

use super::*;

/// RFC 7515, A.2: RS256. (The key is the RFC's own example.)
const RSA_JWKS: &str = r#"{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}"#;
const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
/// RFC 7515, A.3: ES256.
const EC_JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
const EC_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn keys(jwks: &str) -> KeySet {
    KeySet::parse(jwks).unwrap()
}

#[test]
fn the_examples_of_rfc_7515() {
    for (jwks, token) in [(RSA_JWKS, RSA_TOKEN), (EC_JWKS, EC_TOKEN)] {
        let jws = Jws::parse(token).unwrap();
        assert_eq!(jws.verify(&keys(jwks)), Ok(()));
        assert_eq!(jws.text("iss"), Some("joe"));
        assert_eq!(jws.time_ms("exp"), Ok(Some(1_300_819_380_000)));
        assert!(!jws.is_unsecured());
    }
    // The other one's key fits neither.
    assert_eq!(Jws::parse(RSA_TOKEN).unwrap().verify(&keys(EC_JWKS)), Err(TokenError::UnknownKey));
    assert_eq!(Jws::parse(EC_TOKEN).unwrap().verify(&keys(RSA_JWKS)), Err(TokenError::UnknownKey));
}

#[test]
fn a_changed_byte_is_a_wrong_signature() {
    for (jwks, token) in [(RSA_JWKS, RSA_TOKEN), (EC_JWKS, EC_TOKEN)] {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        // Another signature, and other claims under this one.
        let other = signature.replacen(['C', 'E'], "Q", 1);
        let changed = format!("{signed}.{other}");
        assert_ne!(changed, token);
        assert_eq!(Jws::parse(&changed).unwrap().verify(&keys(jwks)), Err(TokenError::Signature));
        let claims = URL_SAFE_NO_PAD.encode(r#"{"iss":"eve"}"#);
        let changed = format!("{}.{claims}.{signature}", signed.split_once('.').unwrap().0);
        assert_eq!(Jws::parse(&changed).unwrap().verify(&keys(jwks)), Err(TokenError::Signature));
    }
}

#[test]
fn the_token_does_not_choose_the_algorithm() {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"iss":"joe"}"#);
    let with = |header: &str, signature: &str| {
        format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header))
    };
    let cases = [
        (with(r#"{"alg":"none"}"#, ""), TokenError::Unsigned),
        (with(r#"{"alg":"None"}"#, "AAAA"), TokenError::Unsigned),
        (with("{}", "AAAA"), TokenError::Unsigned),
        (with(r#"{"alg":"RS256"}"#, ""), TokenError::Unsigned),
        (with(r#"{"alg":"HS256"}"#, "AAAA"), TokenError::Algorithm),
        (with(r#"{"alg":"RS256","crit":["b64"]}"#, "AAAA"), TokenError::Critical),
        (with(r#"{"alg":"RS256","kid":"other"}"#, "AAAA"), TokenError::UnknownKey),
        (with(r#"{"alg":"RS256","kid":7}"#, "AAAA"), TokenError::Malformed),
        (with(r#"{"alg":"RS256"}"#, "AAAA"), TokenError::Signature),
    ];
    for (token, error) in cases {
        assert_eq!(Jws::parse(&token).unwrap().verify(&keys(RSA_JWKS)), Err(error), "{token}");
    }
}

#[test]
fn what_is_no_token() {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let header = part(r#"{"alg":"RS256"}"#);
    let cases = [
        String::new(),
        "a.b".to_owned(),
        format!("{header}.{}.x.AAAA", part("{}")),
        format!("{header}.{}=.AAAA", part("{}")),
        format!("{header}.{}.AAAA", part("[]")),
        format!("{header}.{}.AAAA", part(r#"{"sub":"a","sub":"b"}"#)),
        format!("{header}.{}.AAAA", part(r#"{"sub":"a"} x"#)),
    ];
    for token in cases {
        assert_eq!(Jws::parse(&token).unwrap_err(), TokenError::Malformed, "{token}");
    }
}

#[test]
fn keys_that_are_of_no_use_are_passed_over() {
    let jwks = r#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"EC","crv":"secp256k1"},{"kty":"RSA","use":"enc"},7]}"#;
    assert!(keys(jwks).keys.is_empty());
    assert!(KeySet::parse("{}").is_err() && KeySet::parse("[]").is_err());
}
