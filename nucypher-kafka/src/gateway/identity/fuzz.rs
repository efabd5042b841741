//! Bodies of fuzz targets: whatever comes in, no panic, and nobody gets in without the password.

use std::sync::{Arc, LazyLock};

use super::{
    Account, ClientStep, MappingRules, Mechanism, Observation, Observed, Password, Reading,
    SaslClient, SaslServer, ScramCredential, ScramHash, Step, Transport, Users, mtls,
};

/// One user, made without PBKDF2.
static USERS: LazyLock<Option<Arc<Users>>> = LazyLock::new(|| {
    let text = "[users.alice]\n\
        scram-sha-256 = \"salt=c2FsdHNhbHQ=,stored_key=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,\
        server_key=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,iterations=4096\"\n";
    Users::parse(text).ok().map(Arc::new)
});

/// A SASL exchange: the first byte names role and mechanism, the tokens are separated by 0xff (which is no
/// UTF-8), and a 0x01 in a token stands for the nonce that the other side sent last.
#[doc(hidden)]
pub fn fuzz_sasl(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let mechanisms = Mechanism::PASSWORDS;
    let Some(&mechanism) = mechanisms.get(usize::from(choice >> 2) % mechanisms.len()) else {
        return;
    };
    let tokens = rest.split(|byte| *byte == 0xff);
    match choice & 3 {
        0 => server(mechanism, tokens),
        1 => client(mechanism, tokens),
        _ => observed(mechanism, tokens, choice & 1 == 1),
    }
}

fn server<'a>(mechanism: Mechanism, tokens: impl Iterator<Item = &'a [u8]>) {
    let Some(users) = USERS.clone() else { return };
    let Ok(mut server) = SaslServer::start(mechanism, users, Transport::Tls) else { return };
    let mut nonce = Vec::new();
    for token in tokens {
        match server.step(&with_nonce(token, &nonce)) {
            Ok(Step::Continue(reply)) => nonce = nonce_of(&reply),
            // The check itself is a PBKDF2: too slow here, and it takes any bytes.
            Ok(Step::Check(_)) | Err(_) => {}
            Ok(Step::Done { .. }) => unreachable_in_fuzzing("logged in without a password"),
        }
    }
}

fn client<'a>(mechanism: Mechanism, tokens: impl Iterator<Item = &'a [u8]>) {
    let Ok(password) = Password::new("password".to_owned()) else { return };
    let Ok(account) = Account::new("alice", password) else { return };
    let Ok(mut client) = SaslClient::new(mechanism, Arc::new(account), Transport::Tls) else {
        return;
    };
    let Ok(ClientStep::Send(first)) = client.step(b"") else { return };
    let nonce = nonce_of(&first);
    for token in tokens {
        // More iterations than the fewest only take time.
        let token = with_nonce(token, &nonce);
        if token.windows(2).any(|pair| pair == b"i=") && !token.ends_with(b"i=4096") {
            return;
        }
        if matches!(client.step(&token), Ok(ClientStep::Done)) && mechanism.hash().is_some() {
            unreachable_in_fuzzing("a broker without the credential was believed");
        }
    }
}

fn observed<'a>(mechanism: Mechanism, tokens: impl Iterator<Item = &'a [u8]>, accept: bool) {
    let Ok(mut observed) = Observed::new(mechanism, Transport::Tls) else { return };
    for (round, token) in tokens.enumerate() {
        if round % 2 == 0 {
            let _ = observed.client_token(token);
        } else if let Ok(Observation::Done(principal)) =
            observed.broker_token(token, i16::from(!accept))
        {
            if !accept {
                unreachable_in_fuzzing("believed without the broker's success");
            }
            let parsed = principal.as_str().parse();
            if parsed != Ok(principal) {
                unreachable_in_fuzzing("a principal that does not parse");
            }
        }
    }
}

/// The texts and structures that are parsed: a users file, a credential, a certificate.
#[doc(hidden)]
pub fn fuzz_texts(data: &[u8]) {
    let _ = mtls::principal(data);
    let _ = Reading { unsecured: true, ..Reading::default() }.claimed(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = MappingRules::parse(text).map(|rules| rules.map("CN=alice,O=y"));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Users::parse(text);
    for hash in ScramHash::ALL {
        if let Ok(credential) = ScramCredential::parse(hash, text) {
            let again = ScramCredential::parse(hash, &credential.to_text());
            if again.map(|again| again.to_text()) != Ok(credential.to_text()) {
                unreachable_in_fuzzing("a credential that changes when written");
            }
        }
    }
}

#[expect(clippy::panic, reason = "how a fuzz target reports")]
fn unreachable_in_fuzzing(what: &str) {
    panic!("{what}");
}

fn with_nonce(token: &[u8], nonce: &[u8]) -> Vec<u8> {
    token
        .iter()
        .flat_map(|byte| if *byte == 1 { nonce } else { std::slice::from_ref(byte) })
        .copied()
        .collect()
}

/// What stands after the first `r=`.
fn nonce_of(token: &[u8]) -> Vec<u8> {
    let from = token
        .windows(2)
        .position(|pair| pair == b"r=")
        .map_or(token.len(), |at| at.saturating_add(2));
    token.iter().skip(from).take_while(|byte| **byte != b',').copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds() {
        let scram: [&[u8]; 8] = [
            b"",
            b"n,,n=alice,r=x\xffc=biws,r=\x01,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            b"n,,n=nobody,r=x\xffc=biws,r=\x01,p=AAAA\xffmore",
            b"n,,n=alice,r=x,tokenauth=true\xffr=x",
            b"r=\x01x,s=c2FsdHNhbHQ=,i=4096\xffv=AAAA",
            b"r=\x01,s=,i=\xffe=other",
            b"n,,n=alice,r=x\xffr=xy,s=c2FsdA==,i=4096\xffc=biws,r=xy,p=AAAA\xffv=AAAA",
            b"\0alice\0password\xff\xff\0alice\0again",
        ];
        for choice in 0..12 {
            for tokens in scram {
                fuzz_sasl(&[&[choice], tokens].concat());
            }
        }
        fuzz_sasl(b"");
        for text in [
            "",
            "[users.alice]\nscram-sha-256 = \"salt=\"",
            "salt=,stored_key=,server_key=,iterations=",
            "0\u{82}",
        ] {
            fuzz_texts(text.as_bytes());
        }
    }

    /// A million pseudorandom bytes, shaped a little: no substitute for the fuzzer, but always there.
    #[test]
    fn noise() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let alphabet = b"nyp,=aArsvcitokenauth012CD\x00\x01\xff\xc3+/";
        let mut input = Vec::new();
        for _ in 0..20_000 {
            input.clear();
            for _ in 0..50 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                input.push(alphabet[(state >> 33) as usize % alphabet.len()]);
            }
            input[0] = state.to_be_bytes()[2];
            fuzz_sasl(&input);
            fuzz_texts(&input);
        }
    }
}
