//! JSON Web Tokens (RFC 7519) signed by a key of a JWKS file (RFC 7515, RFC 7517, RFC 7518).
//!
//! Called where OAUTHBEARER ends at the gateway. Verification is ring's, which rustls links anyway; here is
//! the format alone. A key decides which algorithms it is good for, never the token: so `none`, and a
//! public key taken for an HMAC secret, cannot come up. Tokens are secrets and stand in no error.
//!
//! Cost: one signature, 20 to 150 microseconds.

use std::collections::BTreeMap;
use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Why a token is not believed. No text here holds a piece of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is not three parts of base64url with JSON in the first two.
    #[error("the token is not a JWT in compact form")]
    Malformed,
    /// It is not signed.
    #[error("the token is not signed (alg none)")]
    Unsigned,
    /// Its algorithm is none that is believed.
    #[error(
        "the token's algorithm is not accepted; use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA"
    )]
    Algorithm,
    /// It has header parameters that must be understood and are not.
    #[error("the token has critical header parameters, which are not supported")]
    Critical,
    /// No key of the file is the one that it names.
    #[error("no key of the JWKS fits the token's kid and alg")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim is missing or is of the wrong type.
    #[error("the token's claim {0} is missing or of the wrong type")]
    Claim(&'static str),
    /// The claim that names the principal is missing, empty, or begins or ends with a space.
    #[error("the token's principal claim is missing or is not a name")]
    PrincipalClaim,
    /// Somebody else issued it.
    #[error("the token's issuer is not the one that is trusted here")]
    Issuer,
    /// It is for another service.
    #[error("the token's audience is not this service")]
    Audience,
    /// It is too old.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet; compare the clocks")]
    Early,
}

/// Why a JWKS file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is not a JSON object with an array `keys`.
    #[error("{}: not a JWKS: {error}", path.display())]
    Syntax {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// It has no key with which a signature can be verified.
    #[error(
        "{}: no usable key; RSA (2048 to 8192 bits), EC (P-256, P-384) and OKP (Ed25519) public keys are", path.display()
    )]
    NoKey {
        /// The file.
        path: std::path::PathBuf,
    },
}

/// The public keys of a JWKS file.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The one algorithm that the file allows it, if it says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct JwksFile {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a file. Keys of other kinds are passed over, as RFC 7517 has it; symmetric ones as well.
    ///
    /// # Errors
    ///
    /// [`JwksError`].
    pub fn load(path: &std::path::Path) -> Result<Self, JwksError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| JwksError::Io { path: path.to_owned(), error })?;
        let set = Self::parse(&text)
            .map_err(|error| JwksError::Syntax { path: path.to_owned(), error })?;
        match set.keys.is_empty() {
            true => Err(JwksError::NoKey { path: path.to_owned() }),
            false => Ok(set),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// It is not a JSON object with an array `keys`.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let file: JwksFile = serde_json::from_str(text)?;
        Ok(Self { keys: file.keys.iter().filter_map(Key::read).collect() })
    }
}

impl Key {
    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let point = |size: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == size && y.len() == size).then(|| [&[4][..], &x, &y].concat())
        };
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                // ring refuses sizes beyond these at each signature; here the file is told.
                (256..=1024).contains(&n.len()).then_some(Material::Rsa { n, e })?
            }
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x").filter(|x| x.len() == 32)?),
            _ => return None,
        };
        let owned = |name: &str| text(name).map(str::to_owned);
        Some(Self { id: owned("kid"), algorithm: owned("alg"), material })
    }

    fn fits(&self, id: Option<&str>, algorithm: &str) -> bool {
        let by_kind = match &self.material {
            Material::Rsa { .. } => rsa(algorithm).is_some(),
            Material::P256(_) => algorithm == "ES256",
            Material::P384(_) => algorithm == "ES384",
            Material::Ed25519(_) => matches!(algorithm, "EdDSA" | "Ed25519"),
        };
        by_kind
            && self.algorithm.as_deref().is_none_or(|own| own == algorithm)
            && id.is_none_or(|id| self.id.as_deref() == Some(id))
    }

    fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { n, e } => rsa(algorithm).is_some_and(|parameters| {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }),
            Material::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
            Material::P384(point) => UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
                .verify(message, signature)
                .is_ok(),
            Material::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
            }
        }
    }
}

fn rsa(algorithm: &str) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "PS384" => &RSA_PSS_2048_8192_SHA384,
        "PS512" => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// A token in its three parts. Nothing in it is believed yet.
pub(super) struct Jws<'a> {
    header: Object,
    claims: Object,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    ///
    /// [`TokenError::Malformed`]: also for a name that stands twice in an object, which two readers
    /// could take for two different values.
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        if claims.contains('.') {
            return Err(TokenError::Malformed);
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let object = |part: &str| -> Result<Object, TokenError> {
            serde_json::from_slice(&decode(part)?).map_err(|_| TokenError::Malformed)
        };
        Ok(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed,
            signature: decode(signature)?,
        })
    }

    /// Whether the token claims to need no signature.
    pub(super) fn is_unsecured(&self) -> bool {
        let algorithm = self.header.text("alg");
        algorithm.is_none_or(|algorithm| algorithm.eq_ignore_ascii_case("none"))
            || self.signature.is_empty()
    }

    /// A claim that is a text.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.text(claim)
    }

    /// Checks the signature.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub(super) fn verify(&self, keys: &KeySet) -> Result<(), TokenError> {
        if self.is_unsecured() {
            return Err(TokenError::Unsigned);
        }
        if self.header.0.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        let algorithm = self.header.text("alg").ok_or(TokenError::Algorithm)?;
        let known = ["ES256", "ES384", "EdDSA", "Ed25519"].contains(&algorithm);
        if !known && rsa(algorithm).is_none() {
            return Err(TokenError::Algorithm);
        }
        let id = match self.header.0.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.as_str()),
            Some(_) => return Err(TokenError::Malformed),
        };
        let mut fitting = keys.keys.iter().filter(|key| key.fits(id, algorithm)).peekable();
        if fitting.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        match fitting.any(|key| key.verify(algorithm, self.signed.as_bytes(), &self.signature)) {
            true => Ok(()),
            false => Err(TokenError::Signature),
        }
    }

    /// The claim that is a time, in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`TokenError::Claim`]: it is there and no number.
    pub(super) fn time_ms(&self, claim: &'static str) -> Result<Option<i64>, TokenError> {
        match self.claims.0.get(claim) {
            None => Ok(None),
            Some(value) => {
                let whole = value.as_i64().map(|seconds| seconds.saturating_mul(1000));
                // RFC 7519 allows fractions; the part below a second is of no use here.
                #[expect(clippy::cast_possible_truncation, reason = "saturates")]
                let fraction =
                    || value.as_f64().map(|seconds| (seconds as i64).saturating_mul(1000));
                whole.or_else(fraction).map(Some).ok_or(TokenError::Claim(claim))
            }
        }
    }

    /// Whether one of the token's audiences is one of these.
    pub(super) fn is_for(&self, audiences: &[String]) -> bool {
        let wanted = |value: &Value| {
            value.as_str().is_some_and(|name| audiences.iter().any(|wanted| wanted == name))
        };
        match self.claims.0.get("aud") {
            Some(Value::Array(names)) => names.iter().any(wanted),
            Some(name) => wanted(name),
            None => false,
        }
    }
}

impl fmt::Debug for Jws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws").finish_non_exhaustive()
    }
}

/// A JSON object in which no name stands twice.
struct Object(BTreeMap<String, Value>);

impl Object {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;
        impl<'de> Visitor<'de> for Unique {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if object.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                }
                Ok(Object(object))
            }
        }
        deserializer.deserialize_map(Unique)
    }
}

#[cfg(test)]
mod tests;
