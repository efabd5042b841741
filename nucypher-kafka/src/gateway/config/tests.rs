//! The documented example is what the program reads, and errors name the key.

use super::*;

const EXAMPLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/gateway.toml"));

const SMALL: &str = r#"
    [cluster]
    bootstrap_servers = ["kafka:9092"]
    [[listener]]
    name = "dev"
    bind = "127.0.0.1:9092"
    advertised_host = "localhost"
    node_ports = { base = 9100 }
    identity = { kind = "fixed", principal = "dev" }
"#;

#[test]
fn the_example_parses_and_its_limits_are_the_defaults() {
    let config = GatewayConfig::parse(EXAMPLE).unwrap();
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.listeners.len(), 2);
    assert!(config.registry.is_some());
}

#[test]
fn every_key_is_in_the_example() {
    // A commented key counts: it is documented.
    let limits = format!("{:?}", Limits::default());
    let names = limits.split(['{', ',']).filter_map(|part| part.split_once(':'));
    for (name, _) in names {
        assert!(EXAMPLE.contains(&format!("{} =", name.trim())), "{name} is not documented");
    }
    for name in
        ["certificates", "key", "client_authorities", "principals", "first", "last", "users"]
    {
        assert!(EXAMPLE.contains(name), "{name} is not documented");
    }
}

#[test]
fn a_small_configuration_has_defaults() {
    let config = GatewayConfig::parse(SMALL).unwrap();
    assert_eq!(config.listeners[0].node_ports, NodePorts { base: 9100, first: 0, last: 99 });
    assert!(config.registry.is_none() && config.cluster.tls.is_none());
}

/// One change to the small configuration, and what the error must name.
#[test]
fn errors_name_the_key_and_what_to_do() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "bootstrap_servers = [\"kafka:9092\"]",
            "bootstrap_servers = []",
            &["cluster.bootstrap_servers", "host:port"],
        ),
        ("kafka:9092", "kafka", &["cluster.bootstrap_servers", "\"kafka\" is not \"host:port\""]),
        ("kafka:9092", "kafka:0", &["cluster.bootstrap_servers"]),
        ("kafka:9092", "kafka:70000", &["cluster.bootstrap_servers"]),
        ("name = \"dev\"", "nmae = \"dev\"", &["unknown field `nmae`"]),
        ("base = 9100", "base = 9100, last = 60000", &["listener \"dev\": node_ports", "65535"]),
        (
            "base = 9100",
            "base = 9100, first = 5, last = 4",
            &["listener \"dev\": node_ports", "first <= last"],
        ),
        ("base = 9100", "base = 9050", &["port 9092 of bind"]),
        ("localhost", "", &["advertised_host"]),
        ("principal = \"dev\"", "principal = \"Group:dev\"", &["identity.principal", "User:NAME"]),
        ("principal = \"dev\"", "principle = \"dev\"", &["principle"]),
        ("kind = \"fixed\", principal = \"dev\"", "kind = \"mtls\"", &["tls.client_authorities"]),
        (
            "kind = \"fixed\", principal = \"dev\"",
            "kind = \"sasl-pass-through\"",
            &["[cluster.tls]"],
        ),
        (
            "kind = \"fixed\", principal = \"dev\"",
            "kind = \"sasl\", users = \"u\", mechanisms = [\"GSSAPI\"]",
            &["identity.mechanisms", "GSSAPI"],
        ),
        (
            "kind = \"fixed\", principal = \"dev\"",
            "kind = \"sasl\", users = \"u\", mechanisms = []",
            &["identity.mechanisms"],
        ),
    ];
    for (from, to, named) in cases {
        let text = SMALL.replace(from, to);
        assert_ne!(text, SMALL, "{from}");
        let error = GatewayConfig::parse(&text).unwrap_err().to_string();
        for word in *named {
            assert!(error.contains(word), "{to}: {error}");
        }
    }
    let limits: &[(&str, &[&str])] = &[
        ("frame_memory_bytes = 1000", &["limits.frame_memory_bytes", "209846272"]),
        ("fetch_bytes = 0", &["limits.fetch_bytes"]),
        ("request_bytes = 3000000000", &["limits.request_bytes"]),
        ("response_bytes = 1000", &["limits.fetch_bytes", "response_bytes"]),
        ("in_flight = 0", &["limits.in_flight"]),
        ("idle = 3", &["unknown field `idle`"]),
    ];
    for (line, named) in limits {
        let error =
            GatewayConfig::parse(&format!("{SMALL}\n[limits]\n{line}")).unwrap_err().to_string();
        for word in *named {
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}

#[test]
fn listeners_do_not_share_ports() {
    let second =
        SMALL.split_once("[[listener]]").unwrap().1.replace("dev", "other").replace("9092", "9400");
    let error =
        GatewayConfig::parse(&format!("{SMALL}[[listener]]{second}")).unwrap_err().to_string();
    assert!(error.contains("node_ports overlap those of listener \"dev\""), "{error}");
}

#[test]
fn pass_through_uses_no_account_of_the_gateways() {
    let text =
        SMALL.replace("kind = \"fixed\", principal = \"dev\"", "kind = \"sasl-pass-through\"");
    let sasl = "[cluster.sasl]\nmechanism = \"PLAIN\"\nusername = \"u\"\npassword_file = \"p\"\n";
    let error = GatewayConfig::parse(&format!("{text}{sasl}")).unwrap_err().to_string();
    assert!(error.contains("remove cluster.sasl"), "{error}");
    // To a broker on this very machine the way is safe without TLS.
    assert!(GatewayConfig::parse(&text.replace("kafka:9092", "127.0.0.1:9092")).is_ok());
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.toml"), EXAMPLE).unwrap();
    let config = GatewayConfig::load(&folder.path().join("gateway.toml")).unwrap();
    let registry = config.registry.unwrap();
    assert_eq!(registry.directory, Some(folder.path().join("registry")));
    assert_eq!(registry.administrators, [folder.path().join("administrator.pub.pem")]);
    assert_eq!(config.cluster.sasl.unwrap().password_file, folder.path().join("kafka-password"));
    let missing = GatewayConfig::load(&folder.path().join("missing.toml")).unwrap_err().to_string();
    assert!(missing.contains("missing.toml"), "{missing}");
}

#[test]
fn hosts_and_ports() {
    assert_eq!(host_and_port("kafka:9092"), Some(("kafka", 9092)));
    assert_eq!(host_and_port("[::1]:9092"), Some(("::1", 9092)));
    for bad in [
        "kafka",
        ":9092",
        "kafka:",
        "kafka:x",
        "kafka:0",
        "kafka:65536",
        "a:1,b:2",
        "::1:9092",
        "ka fka:1",
        "http://kafka:1",
    ] {
        assert_eq!(host_and_port(bad), None, "{bad}");
    }
}

#[test]
fn what_oauthbearer_and_mapping_rules_need() {
    let listener = |identity: &str, rest: &str| {
        GatewayConfig::parse(&format!(
            r#"
            cluster = {{ bootstrap_servers = ["127.0.0.1:9092"] }}
            [[listener]]
            name = "a"
            bind = "127.0.0.1:0"
            advertised_host = "localhost"
            node_ports = {{ base = 0 }}
            identity = {{ {identity} }}
            {rest}
            "#
        ))
        .map(|_| ())
        .map_err(|error| error.to_string())
    };
    let oauth = r#"oauth = { jwks = "jwks.json", issuer = "https://i", audiences = ["kafka"] }"#;
    let sasl = |mechanisms: &str, rest: &str| {
        listener(&format!(r#"kind = "sasl", mechanisms = {mechanisms}, {rest}"#), "")
    };
    assert_eq!(sasl(r#"["OAUTHBEARER"]"#, oauth), Ok(()));
    let error = sasl(r#"["OAUTHBEARER"]"#, r#"users = "u""#).unwrap_err();
    assert!(error.contains("identity.oauth"), "{error}");
    let error = sasl(r#"["OAUTHBEARER", "PLAIN"]"#, oauth).unwrap_err();
    assert!(error.contains("PLAIN needs a users file"), "{error}");
    let error = sasl(r#"["OAUTHBEARER"]"#, &oauth.replace(r#"["kafka"]"#, "[]")).unwrap_err();
    assert!(error.contains("audiences"), "{error}");

    let through = r#"kind = "sasl-pass-through", unsecured_tokens = true"#;
    assert_eq!(listener(through, ""), Ok(()));
    let open = listener(through, "").map(|()| {
        GatewayConfig::parse(&format!(
            "cluster = {{ bootstrap_servers = [\"127.0.0.1:9092\"] }}\n[[listener]]\nname = \"a\"\n\
             bind = \"0.0.0.0:0\"\nadvertised_host = \"localhost\"\nnode_ports = {{ base = 0 }}\n\
             identity = {{ {through} }}\n"
        ))
    });
    let error = open.unwrap().unwrap_err().to_string();
    assert!(error.contains("anybody can make such a token"), "{error}");

    let tls = r#"tls = { certificates = "c", key = "k", client_authorities = "a" }"#;
    let mtls = |rules: &str| {
        listener(&format!(r#"kind = "mtls", principal_mapping_rules = "{rules}""#), tls)
    };
    assert_eq!(mtls("RULE:^CN=(.*?),.*$/$1/L, DEFAULT"), Ok(()));
    let error = mtls("CN=a").unwrap_err();
    assert!(error.contains("principal_mapping_rules"), "{error}");
}
