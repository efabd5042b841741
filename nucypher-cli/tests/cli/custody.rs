//! Where the administrator's passphrase comes from, and its secrets in shares.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::support::{Scratch, mode};

/// An administrator, a gateway, the channel `orders`, keys of `a` and `b`.
fn office() -> Scratch {
    let scratch = Scratch::with_keys();
    scratch.ok("key generate --gateway --out gateway.pem --public gateway.pub");
    scratch.ok("admin init");
    scratch.ok("admin add-gateway gateway.pub");
    scratch.ok("channel create orders --topic orders");
    scratch
}

fn text(scratch: &Scratch, line: &str) -> String {
    String::from_utf8(scratch.ok(line).stdout).unwrap()
}

#[test]
fn a_passphrase_comes_from_a_command_or_a_file_descriptor() {
    let scratch = Scratch::with_keys();
    let run = |words: &[&str], code: i32| {
        let output = scratch.nucypher("admin init --encrypt").args(words).assert().code(code);
        String::from_utf8_lossy(&output.get_output().stderr).into_owned()
    };
    for (command, said) in [
        ("exit 3", "exit status: 3"),
        ("true", "printed no passphrase"),
        ("printf '\\377'", "not text"),
    ] {
        let message = run(&["--passphrase-command", command], 1);
        assert!(message.contains("--passphrase-command") && message.contains(said), "{message}");
        assert!(!scratch.path("admin").exists(), "a failed command leaves nothing");
    }
    // The command learns which file it is for.
    let command = "echo secret of $(basename $NUCYPHER_KEY_FILE)";
    run(&["--passphrase-command", command], 0);
    scratch.write_private("secret", "secret of master.pem\n");
    let said = scratch.fails("channel create orders --passphrase-file secret", 1);
    assert!(said.contains("wrong passphrase"), "init asks for the home, not for one file: {said}");
    scratch.write_private("secret", "secret of admin\n");
    scratch.ok("channel create orders --passphrase-file secret");
    scratch
        .nucypher("channel create more --passphrase-command")
        .arg("echo secret of admin; echo to the operator >&2")
        .assert()
        .success();
    // A file descriptor: the shell opens one, as a service manager would.
    let output = Command::new("sh")
        .current_dir(scratch.folder())
        .args(["-c", "\"$0\" channel create third --passphrase-file /dev/fd/3 3<secret"])
        .arg(env!("CARGO_BIN_EXE_nucypher"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Runs a line in a shell on a terminal of its own (`script` of util-linux), and types.
fn on_a_terminal(scratch: &Scratch, line: &str, typed: &str) -> Option<(bool, String)> {
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--echo", "never", "--command", line, "/dev/null"]);
    let path = format!(
        "{}:{}",
        std::path::Path::new(env!("CARGO_BIN_EXE_nucypher")).parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    script.current_dir(scratch.folder()).env("PATH", path).env("TERM", "dumb");
    script.env_remove("NUCYPHER_PASSPHRASE").env_remove("NUCYPHER_KAFKA_PASSWORD");
    let child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!(
            "SKIPPED: `script` of util-linux is not installed, so nothing was asked on a terminal"
        );
        return None;
    };
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        output.read_to_end(&mut said).unwrap();
        sender.send(said).unwrap();
    });
    // What is typed before the program hides it is thrown away, so it is typed until that has read it.
    let said = loop {
        let _ = input.write_all(typed.as_bytes());
        match ended.recv_timeout(Duration::from_millis(200)) {
            Ok(said) => break said,
            Err(RecvTimeoutError::Timeout) => {}
            Err(error) => panic!("{error}"),
        }
    };
    let status = child.wait().unwrap();
    Some((status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn the_terminal_is_asked_also_where_standard_input_is_data() {
    let scratch = Scratch::with_keys();
    scratch.write_private("secret", "correct horse\n");
    scratch
        .ok("key generate --out locked.pem --public locked.pub --encrypt --passphrase-file secret");
    scratch.write("plain", "to whom it may concern");
    scratch.ok("seal --to locked.pub --context c plain sealed");
    let line = "cat sealed | nucypher open --key locked.pem --context c - opened";
    let Some((opened, said)) = on_a_terminal(&scratch, line, "correct horse\n") else {
        return;
    };
    assert!(opened && said.contains("Passphrase of locked.pem"), "{said}");
    assert!(!said.contains("correct horse"), "the terminal shows what is typed: {said}");
    assert_eq!(scratch.read("opened"), b"to whom it may concern");
    // The README's quick start: lines come from a pipe, the password from the terminal.
    let line = "echo one | nucypher produce -b 127.0.0.1:1 --user shop --topic orders --to a.pub -X message.timeout.ms=100";
    let (produced, said) = on_a_terminal(&scratch, line, "shop's\n").unwrap();
    assert!(!produced && said.contains("Password of shop"), "{said}");
    assert!(!said.contains("needs a password"), "{said}");
}

#[test]
fn the_secrets_are_split_among_keepers_and_put_together_again() {
    let scratch = office();
    let key = text(&scratch, "channel show orders --public -");
    scratch.ok("admin split --threshold 2 --shares 3 --out shares");
    assert_eq!(mode(&scratch.path("shares/share-3.pem")), 0o600);
    let said = scratch.fails("admin split --threshold 2 --shares 3 --out shares", 1);
    assert!(said.contains("exists"), "shares are never overwritten: {said}");
    let said = scratch.fails("admin split --threshold 4 --shares 3 --out more", 1);
    assert!(said.contains("4 of 3"), "{said}");
    scratch.ok("admin split --threshold 2 --shares 2 --out others");

    // The disk with the home is gone; the registry is on every gateway.
    std::fs::rename(scratch.path("admin"), scratch.path("lost")).unwrap();
    for (shares, cure) in [
        ("shares/share-1.pem", "2 are needed"),
        ("shares/share-1.pem shares/share-1.pem", "given twice"),
        ("shares/share-1.pem others/share-2.pem", "another splitting"),
        ("shares/share-1.pem a.pem", "share 2 is not a PEM file"),
    ] {
        let said = scratch.fails(&format!("admin restore {shares}"), 1);
        assert!(said.contains(cure), "{shares}: {said}");
        assert!(!scratch.path("admin").exists());
    }
    scratch.ok("admin restore shares/share-3.pem shares/share-1.pem");
    assert_eq!(
        scratch.read("admin/administrator.pub"),
        scratch.read("lost/administrator.pub"),
        "gateways trust the same key"
    );
    assert_eq!(text(&scratch, "channel show orders --public -"), key);
    let said = scratch.fails("grant add --channel orders --principal a --to a.pub", 1);
    assert!(said.contains("admin add-gateway"), "{said}");
    scratch.ok("admin add-gateway gateway.pub");
    scratch.ok("grant add --channel orders --principal a --to a.pub");
    let said = scratch.fails("admin restore shares/share-3.pem shares/share-1.pem", 1);
    assert!(said.contains("is there already"), "{said}");
}

#[test]
fn vault_decrypts_the_passphrase() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("SKIPPED: curl is not installed, so deploy/vault-passphrase was not run");
        return;
    }
    let scratch = Scratch::with_keys();
    // Vault's side of POST /v1/transit/decrypt/KEY, as its API documentation describes it.
    let vault = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = vault.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
            "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n",
        ] {
            let (stream, _) = vault.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&line);
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            asked.push((head, String::from_utf8(body).unwrap()));
            // "correct horse"
            let body = r#"{"request_id":"1","lease_id":"","renewable":false,"data":{"plaintext":"Y29ycmVjdCBob3JzZQ=="}}"#;
            write!(
                &stream,
                "{answer}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
        asked
    });
    scratch.write("wrapped", "vault:v1:AbCd+/12==\n");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/vault-passphrase");
    let command = format!("{script} nucypher wrapped");
    let run = |line: &str| {
        let mut run = scratch.nucypher(line);
        run.args(["--passphrase-command", &command])
            .env("VAULT_ADDR", format!("http://{address}"))
            .env("VAULT_TOKEN", "s.token")
            .env_remove("VAULT_NAMESPACE")
            .env_remove("VAULT_CACERT");
        run
    };
    run("admin init --encrypt").assert().success();
    // Refused by Vault: nothing is created, and curl's words are shown.
    let refused = run("admin init --encrypt --home other").assert().code(1);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(said.contains("403") && said.contains("--passphrase-command"), "{said}");
    assert!(!scratch.path("other").exists());
    let asked = served.join().unwrap();
    for (head, body) in &asked {
        assert!(head.starts_with("POST /v1/transit/decrypt/nucypher HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("X-Vault-Token: s.token\r\n"), "{head}");
        assert_eq!(body, r#"{"ciphertext":"vault:v1:AbCd+/12=="}"#);
    }
    // What Vault gave is the passphrase.
    scratch.write_private("secret", "correct horse\n");
    scratch.ok("channel create orders --passphrase-file secret");
    scratch.write("wrapped", "not wrapped");
    let said = run("channel create more").assert().code(1).get_output().stderr.clone();
    assert!(String::from_utf8_lossy(&said).contains("does not hold a ciphertext"));
}
