use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, KeyPair,
    string::{BmpString, TeletexString, UniversalString},
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::*;

/// CN=alice+UID=7,O=y: rcgen makes no multi-valued RDNs. By `openssl req -multivalue-rdn`.
const MULTI_VALUED: &str = "\
-----BEGIN CERTIFICATE-----
MIIBrzCCAVWgAwIBAgIUQ/QYUdbeQd4DuG8DhDe7kaa9OzcwCgYIKoZIzj0EAwIw
LTEKMAgGA1UECgwBeTEfMAwGA1UEAwwFYWxpY2UwDwYKCZImiZPyLGQBAQwBNzAe
Fw0yNjExMjQwNjU4MDJaFw0zNjExMjEwNjU4MDJaMC0xCjAIBgNVBAoMAXkxHzAM
BgNVBAMMBWFsaWNlMA8GCgmSJomT8ixkAQEMATcwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATyVJ7ViXISfaZzhaGFVmDKPIJltDjJtyG37wEPB6uglcedT51FSXUR
NTGfObmuIWgh6wd/h8mXoePoN7KZdeaPo1MwUTAdBgNVHQ4EFgQU51xqBvyW5Lm7
RCpsOiXSgZLwWJ4wHwYDVR0jBBgwFoAU51xqBvyW5Lm7RCpsOiXSgZLwWJ4wDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA/krmHnGpBlQpqm5Z1ZPM
Of+q3VZ6zneNTc3MOGwCtuQCICMvkf5VqHpGunf+4YeVa6Me9F9eKGCjdAmoor2w
urv1
-----END CERTIFICATE-----
";

const EMAIL: &[u64] = &[1, 2, 840, 113_549, 1, 9, 1];
const UID: &[u64] = &[0, 9, 2342, 19_200_300, 100, 1, 1];
const DC: &[u64] = &[0, 9, 2342, 19_200_300, 100, 1, 25];

fn utf8(text: &str) -> DnValue {
    DnValue::Utf8String(text.to_owned())
}

fn printable(text: &str) -> DnValue {
    DnValue::PrintableString(text.try_into().unwrap())
}

fn ia5(text: &str) -> DnValue {
    DnValue::Ia5String(text.try_into().unwrap())
}

fn certificate(attributes: &[(DnType, DnValue)]) -> CertificateDer<'static> {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in attributes {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

/// Subjects, what Java 17 prints for them (`tests/java.rs` asks it again), and whether OpenSSL agrees.
fn subjects() -> Vec<(CertificateDer<'static>, &'static str, bool)> {
    use DnType::{
        CommonName, CountryName, CustomDnType, LocalityName, OrganizationName,
        OrganizationalUnitName, StateOrProvinceName,
    };
    let custom = |oid: &[u64]| CustomDnType(oid.to_vec());
    vec![
        (
            certificate(&[
                (CountryName, printable("z")),
                (OrganizationName, utf8("y")),
                (OrganizationalUnitName, utf8("x")),
                (CommonName, utf8("alice")),
            ]),
            "CN=alice,OU=x,O=y,C=z",
            true,
        ),
        (
            certificate(&[
                (CountryName, printable("DE")),
                (StateOrProvinceName, utf8("Bayern")),
                (LocalityName, utf8("München")),
                (custom(DC), ia5("example")),
                (custom(UID), utf8("u1")),
                (CommonName, utf8("Ωmega 日本")),
            ]),
            "CN=Ωmega 日本,UID=u1,DC=example,L=München,ST=Bayern,C=DE",
            true,
        ),
        (
            certificate(&[(CommonName, utf8("a,b+c<d>e;f\"g\\h"))]),
            r#"CN=a\,b\+c\<d\>e\;f\"g\\h"#,
            true,
        ),
        (certificate(&[(CommonName, utf8("a=b#c"))]), r"CN=a\=b\#c", false),
        (certificate(&[(CommonName, utf8("#a"))]), r"CN=\#a", true),
        (
            certificate(&[(CommonName, utf8(" a ")), (OrganizationName, utf8("b"))]),
            r"O=b,CN=\ a\ ",
            true,
        ),
        (certificate(&[(CommonName, utf8("  a  b  "))]), r"CN=\ \ a  b\ \ ", false),
        (certificate(&[(CommonName, utf8("  "))]), r"CN=\ \ ", true),
        (certificate(&[(CommonName, utf8("a:b/c@d*e"))]), "CN=a:b/c@d*e", true),
        (certificate(&[(OrganizationName, utf8("")), (CommonName, utf8("a"))]), "CN=a,O=", true),
        (
            certificate(&[(custom(EMAIL), ia5("a@b.example")), (CommonName, utf8("alice"))]),
            "CN=alice,1.2.840.113549.1.9.1=#160b6140622e6578616d706c65",
            false,
        ),
        (
            certificate(&[(custom(&[2, 5, 4, 5]), printable("7")), (CommonName, utf8("a"))]),
            "CN=a,2.5.4.5=#130137",
            false,
        ),
        (
            CertificateDer::from_pem_slice(MULTI_VALUED.as_bytes()).unwrap(),
            "CN=alice+UID=7,O=y",
            false,
        ),
    ]
}

#[test]
fn subjects_as_java_prints_them() {
    for (certificate, wanted, _) in subjects() {
        let principal = principal(&certificate).unwrap();
        assert_eq!(principal.name(), wanted);
        assert_eq!(principal.as_str().parse::<Principal>().unwrap(), principal);
    }
}

#[test]
fn subjects_as_openssl_prints_them() {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };
    for (certificate, wanted, agrees) in subjects() {
        let spawned = Command::new("openssl")
            .args([
                "x509",
                "-inform",
                "der",
                "-noout",
                "-subject",
                "-nameopt",
                "RFC2253,-esc_msb,utf8",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut openssl) = spawned else {
            // Past the test harness, which swallows what a passing test prints.
            let _ = writeln!(std::io::stderr(), "SKIPPED, no openssl to compare with");
            return;
        };
        openssl.stdin.take().unwrap().write_all(&certificate).unwrap();
        let output = openssl.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let text = text.strip_prefix("subject=").unwrap().trim_end_matches('\n');
        assert_eq!(text == wanted, agrees, "{text} and {wanted}");
    }
}

#[test]
fn mapping_rules_give_the_name_or_there_is_no_identity() {
    let alice = certificate(&[(DnType::CommonName, utf8("Alice"))]);
    let rules = MappingRules::parse("RULE:^CN=(.*)$/$1/L").unwrap();
    assert_eq!(mapped(&alice, &rules).unwrap(), Principal::user("alice").unwrap());
    let rules = MappingRules::parse("RULE:^CN=bob$/bob/").unwrap();
    let subject = "CN=Alice".to_owned();
    assert_eq!(mapped(&alice, &rules), Err(MtlsError::NoRule { subject }));
}

#[test]
fn certificates_without_a_principal() {
    let named = |value| principal(&certificate(&[(DnType::CommonName, value)]));
    let encoding = |value| match named(value) {
        Err(MtlsError::Encoding { oid, encoding }) if oid == "2.5.4.3" => encoding,
        other => panic!("{other:?}"),
    };
    assert_eq!(encoding(DnValue::BmpString(BmpString::try_from("alice").unwrap())), "BMPString");
    assert_eq!(
        encoding(DnValue::TeletexString(TeletexString::try_from("alice").unwrap())),
        "TeletexString"
    );
    assert_eq!(
        encoding(DnValue::UniversalString(UniversalString::try_from("alice").unwrap())),
        "UniversalString"
    );
    assert_eq!(principal(&certificate(&[])), Err(MtlsError::NoSubject));
    assert!(matches!(
        named(utf8("a\nb")),
        Err(MtlsError::Principal(PrincipalError::Control { .. }))
    ));
    assert!(matches!(
        named(utf8("a\0b")),
        Err(MtlsError::Principal(PrincipalError::Control { .. }))
    ));
    assert!(matches!(
        named(utf8(&"a".repeat(2000))),
        Err(MtlsError::Principal(PrincipalError::TooLong { .. }))
    ));
}

/// Cut short anywhere or changed in one byte: another principal or an error, never a panic.
#[test]
fn damaged_certificates() {
    let certificate =
        certificate(&[(DnType::CountryName, printable("z")), (DnType::CommonName, utf8("alice"))]);
    for len in 0..certificate.len() {
        assert_eq!(principal(&certificate[..len]), Err(MtlsError::Malformed));
    }
    for at in 0..certificate.len() {
        for value in [0, 0x7f, 0x80, 0xff] {
            let mut damaged = certificate.to_vec();
            damaged[at] = value;
            let _ = principal(&damaged);
        }
    }
}
