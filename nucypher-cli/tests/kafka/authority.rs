//! An administrator with a registry of its own, in a temporary folder.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use nucypher_envelope::{ChannelName, SealerConfig};
use nucypher_kafka::registry::{
    Administrator, Consumer, EntryId, GatewaySecretKey, GrantRequest, NewChannel,
    PassThroughRequest, Sources, Validity, write_secret_file,
};
use nucypher_pre::{PublicKey, SecretKey, Suite, os_rng};
use tempfile::TempDir;

pub(crate) struct Authority {
    folder: TempDir,
    administrator: Administrator,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = folder.path().join("registry");
        let administrator = Administrator::init(
            &folder.path().join("home"),
            &registry,
            None,
            None,
            now_ms(),
            &mut os_rng(),
        )
        .unwrap();
        let gateway = GatewaySecretKey::generate(&mut os_rng());
        let pem = gateway.to_pem(None, &mut os_rng()).unwrap();
        write_secret_file(&folder.path().join("gateway.key"), &pem).unwrap();
        std::fs::write(
            folder.path().join("administrator.pub"),
            administrator.public_key().to_pem().unwrap(),
        )
        .unwrap();
        administrator.add_gateway(gateway.public_key()).unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        Self { folder, administrator }
    }

    /// A channel that takes clear records too.
    pub(crate) fn channel(&self, name: &str, suite: Suite, topics: &[&str]) -> ChannelName {
        let new = NewChannel {
            suite,
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            require_encryption: false,
            ..NewChannel::new(name)
        };
        self.administrator.create_channel(&new, now_ms()).unwrap();
        ChannelName::new(name).unwrap()
    }

    /// What a producer for a channel needs.
    pub(crate) fn sealing(&self, channel: &ChannelName) -> SealerConfig {
        let key = self.administrator.channel_key(channel.as_str(), None, "").unwrap();
        SealerConfig::new(key, channel.clone())
    }

    pub(crate) fn grant(&self, channel: &ChannelName, principal: &str, key: &PublicKey) -> EntryId {
        self.grant_for(channel, principal, Consumer::Public(key.clone()), &[])
    }

    pub(crate) fn grant_for(
        &self,
        channel: &ChannelName,
        principal: &str,
        consumer: Consumer,
        topics: &[&str],
    ) -> EntryId {
        let request = GrantRequest {
            channel: channel.as_str().to_owned(),
            epoch: None,
            field: String::new(),
            principal: principal.to_owned(),
            consumer,
            validity: Validity::ALWAYS,
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            gateways: Vec::new(),
        };
        self.administrator.grant(&request, now_ms(), &mut os_rng()).unwrap().id
    }

    pub(crate) fn pass_through(&self, channel: &ChannelName, principal: &str) -> EntryId {
        let request = PassThroughRequest {
            channel: channel.as_str().to_owned(),
            principal: principal.to_owned(),
            validity: Validity::ALWAYS,
            topics: Vec::new(),
        };
        self.administrator.pass_through(&request, now_ms()).unwrap().id
    }

    pub(crate) fn revoke(&self, id: EntryId) {
        self.administrator.revoke(id, now_ms()).unwrap();
    }

    /// The section of the gateway's configuration that names this registry.
    pub(crate) fn section(&self) -> String {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        format!(
            "[registry]\ndirectory = {:?}\nadministrators = [{:?}]\ngateway_key = {:?}\nstate = {:?}\n",
            path("registry"),
            path("administrator.pub"),
            path("gateway.key"),
            path("state/seen"),
        )
    }

    /// The same for a gateway that follows a topic; each gateway has a state of its own.
    pub(crate) fn section_of_topic(&self, topic: &str, gateway: u32) -> String {
        let directory = format!("directory = {:?}", self.directory().display().to_string());
        let section = self.section().replace(&directory, &format!("topic = {topic:?}"));
        section.replace("state/seen", &format!("state/seen-{gateway}"))
    }

    /// The registry as a directory.
    pub(crate) fn directory(&self) -> PathBuf {
        self.folder.path().join("registry")
    }

    /// The same for a gateway whose registry the test holds itself.
    pub(crate) fn sources(&self) -> Sources {
        let pem = std::fs::read_to_string(self.folder.path().join("gateway.key")).unwrap();
        Sources {
            administrators: vec![self.administrator.public_key().clone()],
            gateway: GatewaySecretKey::from_pem(&pem, None).unwrap(),
            state: self.folder.path().join("state/seen"),
        }
    }

    /// Where temporary files of this test may lie.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file of the test cluster's TLS folder, private so that the gateway takes it.
    pub(crate) fn private_copy(&self, file: &Path) -> PathBuf {
        self.private_copy_of(file, file.file_name().unwrap().to_str().unwrap())
    }

    /// The same under another name.
    pub(crate) fn private_copy_of(&self, file: &Path, name: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = self.folder.path().join("private");
        std::fs::create_dir_all(&folder).unwrap();
        let copy = folder.join(name);
        std::fs::copy(file, &copy).unwrap();
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o600)).unwrap();
        copy
    }
}

/// A consumer's key.
pub(crate) fn consumer_key(suite: Suite) -> SecretKey {
    SecretKey::generate(suite, &mut os_rng())
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
