//! What a configuration must be beyond what its types say: every error names the key and what to do.

use super::{
    ClusterConfig, ConfigError, GatewayConfig, IdentityConfig, ListenerConfig, ListenerTls,
    NodePorts,
};
use crate::gateway::identity::{MappingRules, Mechanism, Principal, PrincipalError};

impl GatewayConfig {
    /// Checks what no type says.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.cluster.bootstrap_servers.is_empty() {
            return Err(ConfigError::value(
                "cluster.bootstrap_servers",
                "name at least one broker as \"host:port\"",
            ));
        }
        for server in &self.cluster.bootstrap_servers {
            host_and_port(server).ok_or_else(|| {
                ConfigError::value(
                    "cluster.bootstrap_servers",
                    format!("{server:?} is not \"host:port\""),
                )
            })?;
        }
        self.registry.as_ref().map_or(Ok(()), |registry| registry.place().map(|_| ()))?;
        if let Some(tls) = &self.cluster.tls
            && tls.certificates.is_some() != tls.key.is_some()
        {
            return Err(ConfigError::value(
                "cluster.tls",
                "for mTLS set both certificates and key",
            ));
        }
        let named = self
            .cluster
            .principals
            .iter()
            .map(|(name, sasl)| (format!("cluster.principals.{name}"), sasl));
        for (key, sasl) in
            self.cluster.sasl.iter().map(|sasl| ("cluster.sasl".to_owned(), sasl)).chain(named)
        {
            if mechanism(&key, &sasl.mechanism)? == Mechanism::OAuthBearer {
                let problem =
                    "the gateway's own account needs PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512";
                return Err(ConfigError::value(format!("{key}.mechanism"), problem));
            }
        }
        for name in self.cluster.principals.keys() {
            principal("cluster.principals", name)?;
        }
        if self.listeners.is_empty() {
            return Err(ConfigError::value(
                "listener",
                "add a table [[listener]]: clients need a place to connect",
            ));
        }
        self.listeners.iter().try_for_each(|listener| listener.check(&self.cluster))?;
        self.check_ports()?;
        self.limits.check()
    }

    fn check_ports(&self) -> Result<(), ConfigError> {
        let ranges = self.listeners.iter().filter(|listener| listener.node_ports.base != 0);
        let mut taken: Vec<(std::ops::RangeInclusive<i64>, &str)> = Vec::new();
        for listener in ranges {
            let NodePorts { base, first, last } = listener.node_ports;
            let range = i64::from(base) + i64::from(first)..=i64::from(base) + i64::from(last);
            let own = i64::from(listener.bind.port());
            if range.contains(&own) {
                let problem = format!("port {own} of bind lies in the range of node_ports");
                return Err(ConfigError::value(format!("listener {:?}", listener.name), problem));
            }
            if let Some((_, other)) =
                taken.iter().find(|(r, _)| r.start() <= range.end() && range.start() <= r.end())
            {
                let problem = format!("node_ports overlap those of listener {other:?}");
                return Err(ConfigError::value(format!("listener {:?}", listener.name), problem));
            }
            taken.push((range, &listener.name));
        }
        Ok(())
    }
}

impl ListenerConfig {
    fn check(&self, cluster: &ClusterConfig) -> Result<(), ConfigError> {
        let key = |name: &str| format!("listener {:?}: {name}", self.name);
        let NodePorts { base, first, last } = self.node_ports;
        if first < 0 || last < first {
            return Err(ConfigError::value(
                key("node_ports"),
                "first and last must be node ids, first <= last",
            ));
        }
        if base != 0 && i64::from(base) + i64::from(last) > i64::from(u16::MAX) {
            return Err(ConfigError::value(
                key("node_ports"),
                "base + last is beyond port 65535; lower one of them",
            ));
        }
        if self.advertised_host.is_empty() || self.advertised_host.len() > 255 {
            return Err(ConfigError::value(
                key("advertised_host"),
                "name the host at which clients reach this gateway",
            ));
        }
        for name in &self.admin_principals {
            principal(&key("admin_principals"), name)?;
        }
        match &self.identity {
            IdentityConfig::Fixed { principal: name } => {
                principal(&key("identity.principal"), name).map(|_| ())
            }
            IdentityConfig::Sasl { mechanisms, users, oauth, .. } => {
                if mechanisms.is_empty() {
                    return Err(ConfigError::value(
                        key("identity.mechanisms"),
                        "offer at least one mechanism",
                    ));
                }
                for name in mechanisms {
                    let bearer =
                        mechanism(&key("identity.mechanisms"), name)? == Mechanism::OAuthBearer;
                    match (bearer, users, oauth) {
                        (true, _, None) => {
                            return Err(ConfigError::value(
                                key("identity.oauth"),
                                "OAUTHBEARER needs the table oauth with jwks, issuer and audiences",
                            ));
                        }
                        (false, None, _) => {
                            return Err(ConfigError::value(
                                key("identity.users"),
                                format!("{name} needs a users file"),
                            ));
                        }
                        _ => {}
                    }
                }
                match oauth {
                    Some(oauth) if oauth.audiences.is_empty() => Err(ConfigError::value(
                        key("identity.oauth.audiences"),
                        "name the audience that tokens for this cluster have",
                    )),
                    _ => Ok(()),
                }
            }
            IdentityConfig::SaslPassThrough { unsecured_tokens, .. } => {
                if cluster.sasl.is_some() || !cluster.principals.is_empty() {
                    return Err(ConfigError::value(
                        key("identity"),
                        "with sasl-pass-through the clients' own accounts are used: remove cluster.sasl and cluster.principals",
                    ));
                }
                let local = cluster.bootstrap_servers.iter().all(|server| is_loopback(server));
                if *unsecured_tokens && !(local && self.bind.ip().is_loopback()) {
                    return Err(ConfigError::value(
                        key("identity.unsecured_tokens"),
                        "anybody can make such a token: only with brokers and bind on loopback addresses",
                    ));
                }
                if cluster.tls.is_none() && !local {
                    return Err(ConfigError::value(
                        key("identity"),
                        "sasl-pass-through believes the broker's answer, so it needs [cluster.tls]",
                    ));
                }
                Ok(())
            }
            IdentityConfig::Mtls { principal_mapping_rules } => match &self.tls {
                Some(ListenerTls { client_authorities: Some(_), .. }) => {
                    mapping_rules(&key("identity"), principal_mapping_rules.as_deref()).map(|_| ())
                }
                _ => Err(ConfigError::value(
                    key("tls.client_authorities"),
                    "identity mtls needs the authorities for client certificates",
                )),
            },
        }
    }
}

/// Parses a principal.
pub(in crate::gateway) fn principal(key: &str, name: &str) -> Result<Principal, ConfigError> {
    name.parse().map_err(|error: PrincipalError| ConfigError::value(key, error))
}

/// Parses mapping rules; none are Kafka's default.
pub(in crate::gateway) fn mapping_rules(
    key: &str,
    rules: Option<&str>,
) -> Result<MappingRules, ConfigError> {
    let rules = MappingRules::parse(rules.unwrap_or("DEFAULT"));
    rules.map_err(|error| ConfigError::value(format!("{key}.principal_mapping_rules"), error))
}

/// Parses a mechanism.
pub(in crate::gateway) fn mechanism(key: &str, name: &str) -> Result<Mechanism, ConfigError> {
    name.parse().map_err(|error| ConfigError::value(key, error))
}

/// Splits `host:port`; an IPv6 address stands in brackets.
pub(in crate::gateway) fn host_and_port(server: &str) -> Option<(&str, u16)> {
    let (host, port) = server.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match bracketed {
        Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok().then_some((host, port)),
        None => (!host.is_empty() && host.chars().all(is_host)).then_some((host, port)),
    }
}

fn is_loopback(server: &str) -> bool {
    host_and_port(server).is_some_and(|(host, _)| {
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    })
}
