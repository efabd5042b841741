//! The messages of SCRAM: RFC 5802, section 7, strictly.
//!
//! A gateway that watches an exchange must read in it what the broker reads: whatever both this grammar
//! and Kafka's admit, both read alike. So an attribute out of order, an `=` that escapes nothing, an
//! extension without a value is malformed. (Names beyond ASCII are admitted here and refused by Kafka.)

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::SaslError;

/// client-first-message.
pub(in super::super) struct ClientFirst<'a> {
    /// `n,,` or `y,,`, with the authorization id where one was sent; comes back as `c=`.
    pub(super) gs2_header: &'a str,
    /// client-first-message-bare.
    pub(super) bare: &'a str,
    /// The user's name, unescaped.
    pub(in super::super) user: String,
    pub(super) nonce: &'a str,
}

impl<'a> ClientFirst<'a> {
    pub(in super::super) fn parse(token: &'a [u8]) -> Result<Self, SaslError> {
        let text = text(token)?;
        let (flag, rest) =
            text.split_once(',').ok_or(SaslError::Malformed("SCRAM client-first: GS2 header"))?;
        match flag {
            // `y`: the client could bind, and saw rightly that we do not offer it.
            "n" | "y" => {}
            _ if flag.starts_with("p=") => return Err(SaslError::ChannelBinding),
            _ => return Err(SaslError::Malformed("SCRAM client-first: GS2 header")),
        }
        let (authzid, bare) = rest
            .split_once(',')
            .ok_or(SaslError::Malformed("SCRAM client-first: authorization id"))?;
        let gs2_header = text
            .strip_suffix(bare)
            .ok_or(SaslError::Malformed("SCRAM client-first: GS2 header"))?;

        let mut attributes = bare.split(',');
        let first = attributes.next().unwrap_or_default();
        if first.starts_with("m=") {
            return Err(SaslError::Malformed("SCRAM client-first: a mandatory extension"));
        }
        let user = first.strip_prefix("n=").and_then(unescape);
        let user = user.ok_or(SaslError::Malformed("SCRAM client-first: user name"))?;
        let nonce = attributes.next().and_then(|a| a.strip_prefix("r=")).filter(|n| is_nonce(n));
        let nonce = nonce.ok_or(SaslError::Malformed("SCRAM client-first: nonce"))?;
        for extension in attributes {
            let (name, _) = split_extension(extension)?;
            // Kafka takes the user name for a token id then. Refused whatever its value and spelling.
            if name.eq_ignore_ascii_case("tokenauth") {
                return Err(SaslError::DelegationToken);
            }
        }
        if !authzid.is_empty() {
            let authzid = authzid.strip_prefix("a=").and_then(unescape);
            let authzid =
                authzid.ok_or(SaslError::Malformed("SCRAM client-first: authorization id"))?;
            if authzid != user {
                return Err(SaslError::AuthorizationId);
            }
        }
        Ok(Self { gs2_header, bare, user, nonce })
    }
}

/// server-first-message.
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u64,
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, SaslError> {
        let mut attributes = text.split(',');
        let nonce = attributes.next().and_then(|a| a.strip_prefix("r=")).filter(|n| is_nonce(n));
        let nonce = nonce.ok_or(SaslError::Malformed("SCRAM server-first: nonce"))?;
        let salt = attributes.next().and_then(|a| a.strip_prefix("s="));
        let salt = salt.and_then(|s| STANDARD.decode(s).ok()).filter(|s| !s.is_empty());
        let salt = salt.ok_or(SaslError::Malformed("SCRAM server-first: salt"))?;
        let iterations =
            attributes.next().and_then(|a| a.strip_prefix("i=")).and_then(|i| i.parse().ok());
        let iterations =
            iterations.ok_or(SaslError::Malformed("SCRAM server-first: iterations"))?;
        for extension in attributes {
            split_extension(extension)?;
        }
        Ok(Self { nonce, salt, iterations })
    }
}

/// client-final-message.
pub(super) struct ClientFinal<'a> {
    pub(super) without_proof: &'a str,
    pub(super) channel_binding: &'a str,
    pub(super) nonce: &'a str,
    pub(super) proof: Vec<u8>,
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, SaslError> {
        let text = text(token)?;
        let (without_proof, proof) =
            text.rsplit_once(",p=").ok_or(SaslError::Malformed("SCRAM client-final: proof"))?;
        let proof = STANDARD
            .decode(proof)
            .map_err(|_| SaslError::Malformed("SCRAM client-final: proof"))?;
        let mut attributes = without_proof.split(',');
        let channel_binding = attributes.next().and_then(|a| a.strip_prefix("c="));
        let channel_binding =
            channel_binding.ok_or(SaslError::Malformed("SCRAM client-final: channel binding"))?;
        let nonce = attributes.next().and_then(|a| a.strip_prefix("r="));
        let nonce = nonce.ok_or(SaslError::Malformed("SCRAM client-final: nonce"))?;
        for extension in attributes {
            split_extension(extension)?;
        }
        Ok(Self { without_proof, channel_binding, nonce, proof })
    }
}

/// server-final-message: the server's signature, or its refusal.
pub(super) fn parse_server_final(token: &[u8]) -> Result<Vec<u8>, SaslError> {
    let mut attributes = text(token)?.split(',');
    let first = attributes.next().unwrap_or_default();
    if first.starts_with("e=") {
        return Err(SaslError::Refused);
    }
    first
        .strip_prefix("v=")
        .and_then(|v| STANDARD.decode(v).ok())
        .ok_or(SaslError::Malformed("SCRAM server-final: signature"))
}

/// AuthMessage, which both signatures cover.
pub(super) fn auth_message(
    client_first_bare: &str,
    server_first: &str,
    client_final_without_proof: &str,
) -> String {
    [client_first_bare, server_first, client_final_without_proof].join(",")
}

/// `=2C` and `=3D` for comma and equals sign, which a saslname must not hold.
pub(super) fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// The inverse of [`escape`]; `None` where the text is no saslname.
fn unescape(saslname: &str) -> Option<String> {
    if saslname.is_empty() || saslname.contains(['\0', ',']) {
        return None;
    }
    let mut pieces = saslname.split('=');
    let mut name = pieces.next()?.to_owned();
    for piece in pieces {
        if let Some(rest) = piece.strip_prefix("2C") {
            name.push(',');
            name.push_str(rest);
        } else {
            let rest = piece.strip_prefix("3D")?;
            name.push('=');
            name.push_str(rest);
        }
    }
    Some(name)
}

pub(super) fn text(token: &[u8]) -> Result<&str, SaslError> {
    std::str::from_utf8(token).map_err(|_| SaslError::Malformed("SCRAM: not UTF-8"))
}

fn is_nonce(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.bytes().all(|b| b.is_ascii_graphic() && b != b',')
}

fn split_extension(attribute: &str) -> Result<(&str, &str), SaslError> {
    attribute
        .split_once('=')
        .filter(|(name, value)| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphabetic())
                && !value.is_empty()
                && !value.contains('\0')
        })
        .ok_or(SaslError::Malformed("SCRAM: extension"))
}
