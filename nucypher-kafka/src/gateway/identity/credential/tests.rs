use super::*;

const TEXT: &str = "salt=W22ZaJ0SNY7soEsUEjb6gQ==,stored_key=WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,\
                    server_key=wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=,iterations=4096";

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

#[test]
fn kafkas_form_in_any_order() {
    let credential = ScramCredential::parse(ScramHash::Sha256, TEXT).unwrap();
    assert_eq!(credential.to_text().as_str(), TEXT);
    let mut fields: Vec<_> = TEXT.split(',').collect();
    fields.reverse();
    let reversed = ScramCredential::parse(ScramHash::Sha256, &fields.join(", ")).unwrap();
    assert_eq!(reversed.to_text().as_str(), TEXT);
    assert!(bool::from(credential.matches(&password("pencil"))));
    assert!(!bool::from(credential.matches(&password("pencils"))));
}

#[test]
fn what_is_no_credential() {
    use CredentialError::{Base64, Iterations, Missing, Salt, Size, Unknown};
    let with = |from: &str, to: &str| TEXT.replace(from, to);
    let long = STANDARD.encode([0; 129]);
    for (text, wanted) in [
        (String::new(), Unknown),
        ("salt".to_owned(), Unknown),
        (with("salt=", "sale="), Unknown),
        (format!("{TEXT},salt=AAAA"), Unknown),
        (format!("{TEXT},"), Unknown),
        (with("salt=W22ZaJ0SNY7soEsUEjb6gQ==,", ""), Missing("salt")),
        (with(",iterations=4096", ""), Missing("iterations")),
        (with("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNY7soEsUEjb6gQ"), Base64("salt")),
        (with("stored_key=W", "stored_key=*"), Base64("stored_key")),
        (with("W22ZaJ0SNY7soEsUEjb6gQ==", ""), Salt(0)),
        (with("W22ZaJ0SNY7soEsUEjb6gQ==", "AAAA"), Salt(3)),
        (with("W22ZaJ0SNY7soEsUEjb6gQ==", &long), Salt(129)),
        (
            with("wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=", "AAAA"),
            Size { field: "server_key", len: 3, size: 32 },
        ),
        (with("4096", "4095"), Iterations),
        (with("4096", "1000001"), Iterations),
        (with("4096", "-1"), Iterations),
        (with("4096", "99999999999999"), Iterations),
    ] {
        let error = ScramCredential::parse(ScramHash::Sha256, &text).unwrap_err();
        assert_eq!(error, wanted, "{text}");
        assert!(!error.to_string().contains("WG5d"), "{error}");
    }
    let error = ScramCredential::parse(ScramHash::Sha512, TEXT).unwrap_err();
    assert!(error.to_string().contains("other SCRAM mechanism"), "{error}");
}

#[test]
fn generated_credentials() {
    let made =
        |iterations| ScramCredential::generate(ScramHash::Sha256, &password("x"), iterations);
    assert_eq!(made(4095).unwrap_err(), CredentialError::Iterations);
    assert_eq!(made(1_000_001).unwrap_err(), CredentialError::Iterations);
    let (one, two) = (made(4096).unwrap(), made(4096).unwrap());
    assert_eq!(one.salt.len(), ScramCredential::SALT);
    assert_ne!(one.salt, two.salt);
}

#[test]
fn what_is_no_password() {
    use super::super::password::PasswordError;
    let made = |text: &str| Password::new(text.to_owned()).map(drop);
    assert_eq!(made(""), Err(PasswordError::Empty));
    assert_eq!(made("a\0b"), Err(PasswordError::Nul));
    assert_eq!(made(&"a".repeat(Password::MAX_LEN)), Ok(()));
    assert_eq!(made(&"a".repeat(Password::MAX_LEN + 1)), Err(PasswordError::TooLong));
}
