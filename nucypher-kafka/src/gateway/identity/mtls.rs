//! The principal of a client certificate: its subject as Kafka prints it, `User:CN=alice,OU=x,O=y,C=z`.
//!
//! Kafka takes Java's `X500Principal.getName()`: RFC 2253, which is most specific first, with Java's own
//! choices where the RFC leaves one. They are kept to the character, so that ACLs and grants written for
//! Kafka hold:
//!
//! * CN, C, L, ST, O, OU, STREET, DC and UID by name; every other type by its OID, with the value in hex;
//! * `,` `=` `+` `<` `>` `#` `;` `"` `\` escaped wherever they stand; leading and trailing spaces too;
//! * the attributes of a multi-valued RDN in the order of the encoding.
//!
//! OpenSSL differs: it names more types and turns multi-valued RDNs around.

use x509_parser::{
    asn1_rs::{Class, ToDer as _},
    certificate::X509Certificate,
    prelude::FromDer as _,
    x509::{AttributeTypeAndValue, X509Name},
};

use super::mapping::MappingRules;
use super::principal::{Principal, PrincipalError};

/// Why a certificate gives no principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MtlsError {
    /// It is no X.509 certificate.
    #[error("the client's certificate cannot be parsed")]
    Malformed,
    /// Its subject is empty; names in extensions are no identity for Kafka.
    #[error(
        "the subject of the client's certificate is empty; Kafka's identity is the subject, not an alternative name"
    )]
    NoSubject,
    /// A text is in an encoding that Java misreads.
    #[error(
        "the attribute {oid} of the certificate's subject is a {encoding}; issue it as UTF8String"
    )]
    Encoding {
        /// The attribute's type.
        oid: String,
        /// The ASN.1 type of its value.
        encoding: &'static str,
    },
    /// A text is not what its encoding says.
    #[error("the attribute {oid} of the certificate's subject is not valid text")]
    NotText {
        /// The attribute's type.
        oid: String,
    },
    /// No mapping rule fits the subject.
    #[error("no rule of principal_mapping_rules fits the subject {subject}; add one, or DEFAULT")]
    NoRule {
        /// The subject, as the rules see it.
        subject: String,
    },
    /// The subject is no principal.
    #[error("certificate subject: {0}")]
    Principal(#[from] PrincipalError),
}

/// Give the principal of a client's leaf certificate: its subject as it is.
///
/// # Errors
/// [`MtlsError`] where the subject is empty or cannot be printed as Java does.
pub fn principal(leaf: &[u8]) -> Result<Principal, MtlsError> {
    Ok(Principal::user(&subject(leaf)?)?)
}

/// Give the principal of a client's leaf certificate: its subject, by these rules.
///
/// Requires: the certificate was verified, as [`tls`](crate::gateway::tls) does it. Cost: some
/// microseconds a connection.
///
/// # Errors
/// [`MtlsError`] where the subject is empty or cannot be printed as Java does.
pub fn mapped(leaf: &[u8], rules: &MappingRules) -> Result<Principal, MtlsError> {
    let subject = subject(leaf)?;
    match rules.map(&subject) {
        Some(name) => Ok(Principal::user(&name)?),
        None => Err(MtlsError::NoRule { subject }),
    }
}

fn subject(leaf: &[u8]) -> Result<String, MtlsError> {
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| MtlsError::Malformed)?;
    let name = distinguished_name(certificate.subject())?;
    if name.is_empty() {
        return Err(MtlsError::NoSubject);
    }
    Ok(name)
}

fn distinguished_name(name: &X509Name<'_>) -> Result<String, MtlsError> {
    let mut rdns = Vec::new();
    for rdn in name.iter() {
        let attributes: Vec<_> = rdn.iter().map(attribute).collect::<Result<_, _>>()?;
        rdns.push(attributes.join("+"));
    }
    rdns.reverse();
    Ok(rdns.join(","))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Result<String, MtlsError> {
    let oid = attribute.attr_type().to_id_string();
    let value = attribute.attr_value();
    let universal = value.header.class() == Class::Universal && !value.header.is_constructed();
    let keyword = keyword(&oid).filter(|_| universal);
    match (keyword, value.header.tag().0) {
        // UTF8String, PrintableString, IA5String.
        (Some(keyword), 12 | 19 | 22) => {
            let text = std::str::from_utf8(value.data).map_err(|_| MtlsError::NotText { oid })?;
            Ok(format!("{keyword}={}", escape(text)))
        }
        // Java reads the bytes of these as if they were UTF-8: two subjects could become one text.
        (Some(_), 20) => Err(MtlsError::Encoding { oid, encoding: "TeletexString" }),
        (Some(_), 27) => Err(MtlsError::Encoding { oid, encoding: "GeneralString" }),
        (Some(_), 28) => Err(MtlsError::Encoding { oid, encoding: "UniversalString" }),
        (Some(_), 30) => Err(MtlsError::Encoding { oid, encoding: "BMPString" }),
        (keyword, _) => {
            let der = value.to_der_vec().map_err(|_| MtlsError::Malformed)?;
            Ok(format!("{}=#{}", keyword.unwrap_or(&oid), hex::encode(der)))
        }
    }
}

/// The types that RFC 2253 names.
fn keyword(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        _ => return None,
    })
}

fn escape(text: &str) -> String {
    let lead = text.len() - text.trim_start_matches(' ').len();
    let trail = text.trim_end_matches(' ').len();
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if at < lead
            || at >= trail
            || matches!(c, ',' | '=' | '+' | '<' | '>' | '#' | ';' | '"' | '\\')
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests;
