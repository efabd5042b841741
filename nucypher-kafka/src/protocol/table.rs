//! The reviewed table: what the gateway does with each API of Kafka, as data.
//!
//! Reviewed against the message schemas of Apache Kafka 4.3.1 (`kafka-clients-4.3.1.jar`). A
//! version that is not here is not advertised, and a request that uses it all the same is
//! refused: a response that nobody has read may hold a broker's address. To review a new
//! version, read its schema for hosts, ports, record bytes and topic ids, then raise the maximum.
//!
//! Two things that no row can say. Produce is advertised from version 0 although brokers refuse
//! versions below 3, because librdkafka stops compressing otherwise (KAFKA-18659). The header of
//! an `ApiVersions` response has no tagged fields even where its body has (KIP-511).

/// One API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Api {
    /// The API key.
    pub key: i16,
    /// The name in Kafka's `ApiKeys`.
    pub name: &'static str,
    /// The oldest reviewed version.
    pub min: i16,
    /// The newest reviewed version.
    pub max: i16,
    /// The first version with compact lengths and tagged fields; [`NEVER`] where there is none.
    pub flexible: i16,
    /// What the gateway does with it.
    pub action: Action,
    /// Who may use it where the broker does not see who asks.
    pub plane: Plane,
    /// Why the action is enough: for reviewers.
    pub why: &'static str,
}

/// What the gateway does with an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Bytes stream through in both directions.
    Forward,
    /// The request or the response is read; it changes only where policy says so.
    Inspect,
    /// The response is edited.
    Rewrite,
    /// Answered by the gateway or passed on to the broker, as the listener's identity says.
    Identity,
    /// Never advertised; a request with it closes the connection.
    Hide,
}

/// What an API reaches.
///
/// Where the gateway has logged on to the broker as itself, the broker's ACLs check the gateway and
/// not the client. Then only the data plane is open, but to the principals named as administrators:
/// otherwise any client could have the gateway's rights exercised for it (a confused deputy).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// Producing, consuming, groups, transactions, and what clients need to find their way.
    Data,
    /// Topics, groups of others, configurations, ACLs, quotas, credentials, tokens.
    Admin,
}

/// No version is flexible.
pub const NEVER: i16 = i16::MAX;

/// The keys that code names.
pub mod key {
    #![allow(missing_docs, reason = "the names are Kafka's own")]
    pub const PRODUCE: i16 = 0;
    pub const FETCH: i16 = 1;
    pub const METADATA: i16 = 3;
    pub const FIND_COORDINATOR: i16 = 10;
    pub const SASL_HANDSHAKE: i16 = 17;
    pub const API_VERSIONS: i16 = 18;
    pub const DESCRIBE_CONFIGS: i16 = 32;
    pub const SASL_AUTHENTICATE: i16 = 36;
    pub const DESCRIBE_CLUSTER: i16 = 60;
    pub const DESCRIBE_TOPIC_PARTITIONS: i16 = 75;
}

use Action::{Forward, Hide, Identity, Inspect, Rewrite};
use Plane::{Admin, Data};

const fn row(
    key: i16,
    name: &'static str,
    versions: (i16, i16),
    flexible: i16,
    action: Action,
    plane: Plane,
    why: &'static str,
) -> Api {
    Api { key, name, min: versions.0, max: versions.1, flexible, action, plane, why }
}

const NO_ADDRESS: &str = "neither addresses nor records";
const BETWEEN_BROKERS: &str = "spoken between brokers and controllers only";
const SHARE: &str =
    "share groups: hidden until denial before acquisition is built (a response cannot be blanked)";

/// Every API of Kafka 4.3, ascending by key.
#[rustfmt::skip]
pub const TABLE: &[Api] = &[
    row(0, "Produce", (3, 13), 9, Rewrite, Data, "node endpoints in the response from 10; the request is inspected where a channel requires encryption"),
    row(1, "Fetch", (4, 18), 12, Rewrite, Data, "EDEKs re-encrypted, partitions denied, node endpoints from 16; max_bytes clamped in the request"),
    row(2, "ListOffsets", (1, 11), 6, Forward, Data, NO_ADDRESS),
    row(3, "Metadata", (0, 13), 9, Rewrite, Data, "the address of every broker; feeds the topic ids"),
    row(4, "LeaderAndIsr", (0, 7), 4, Hide, Admin, BETWEEN_BROKERS),
    row(5, "StopReplica", (0, 4), 2, Hide, Admin, BETWEEN_BROKERS),
    row(6, "UpdateMetadata", (0, 8), 6, Hide, Admin, BETWEEN_BROKERS),
    row(7, "ControlledShutdown", (0, 3), 3, Hide, Admin, BETWEEN_BROKERS),
    row(8, "OffsetCommit", (2, 10), 8, Forward, Data, NO_ADDRESS),
    row(9, "OffsetFetch", (1, 10), 6, Forward, Data, NO_ADDRESS),
    row(10, "FindCoordinator", (0, 6), 3, Rewrite, Data, "the coordinator's address, single up to 3, an array from 4"),
    row(11, "JoinGroup", (0, 9), 6, Forward, Data, "subscriptions are the clients' own bytes"),
    row(12, "Heartbeat", (0, 4), 4, Forward, Data, NO_ADDRESS),
    row(13, "LeaveGroup", (0, 5), 4, Forward, Data, NO_ADDRESS),
    row(14, "SyncGroup", (0, 5), 4, Forward, Data, "assignments are the clients' own bytes"),
    row(15, "DescribeGroups", (0, 6), 5, Forward, Admin, "client_host is a client's address, no broker's"),
    row(16, "ListGroups", (0, 5), 3, Forward, Admin, NO_ADDRESS),
    row(17, "SaslHandshake", (0, 1), NEVER, Identity, Data, "version 0 is refused: raw tokens would follow"),
    row(18, "ApiVersions", (0, 4), 3, Rewrite, Data, "the broker's ranges are intersected with this table"),
    row(19, "CreateTopics", (2, 7), 5, Forward, Admin, NO_ADDRESS),
    row(20, "DeleteTopics", (1, 6), 4, Forward, Admin, NO_ADDRESS),
    row(21, "DeleteRecords", (0, 2), 2, Forward, Admin, NO_ADDRESS),
    row(22, "InitProducerId", (0, 6), 2, Forward, Data, NO_ADDRESS),
    row(23, "OffsetForLeaderEpoch", (2, 4), 4, Forward, Data, NO_ADDRESS),
    row(24, "AddPartitionsToTxn", (0, 5), 3, Forward, Data, NO_ADDRESS),
    row(25, "AddOffsetsToTxn", (0, 4), 3, Forward, Data, NO_ADDRESS),
    row(26, "EndTxn", (0, 5), 3, Forward, Data, NO_ADDRESS),
    row(27, "WriteTxnMarkers", (1, 2), 1, Hide, Admin, BETWEEN_BROKERS),
    row(28, "TxnOffsetCommit", (0, 5), 3, Forward, Data, NO_ADDRESS),
    row(29, "DescribeAcls", (1, 3), 2, Forward, Admin, "hosts in ACLs are clients'"),
    row(30, "CreateAcls", (1, 3), 2, Forward, Admin, "hosts in ACLs are clients'"),
    row(31, "DeleteAcls", (1, 3), 2, Forward, Admin, "hosts in ACLs are clients'"),
    row(32, "DescribeConfigs", (1, 4), 4, Rewrite, Admin, "listeners, advertised.listeners, controller.quorum.* and bootstrap servers are withheld"),
    row(33, "AlterConfigs", (0, 2), 2, Forward, Admin, NO_ADDRESS),
    row(34, "AlterReplicaLogDirs", (1, 2), 2, Forward, Admin, NO_ADDRESS),
    row(35, "DescribeLogDirs", (1, 5), 2, Forward, Admin, "paths, not addresses"),
    row(36, "SaslAuthenticate", (0, 2), 2, Identity, Data, "tokens; never logged"),
    row(37, "CreatePartitions", (0, 3), 2, Forward, Admin, NO_ADDRESS),
    row(38, "CreateDelegationToken", (1, 3), 2, Forward, Admin, NO_ADDRESS),
    row(39, "RenewDelegationToken", (1, 2), 2, Forward, Admin, NO_ADDRESS),
    row(40, "ExpireDelegationToken", (1, 2), 2, Forward, Admin, NO_ADDRESS),
    row(41, "DescribeDelegationToken", (1, 3), 2, Forward, Admin, NO_ADDRESS),
    row(42, "DeleteGroups", (0, 2), 2, Forward, Admin, NO_ADDRESS),
    row(43, "ElectLeaders", (0, 2), 2, Forward, Admin, NO_ADDRESS),
    row(44, "IncrementalAlterConfigs", (0, 1), 1, Forward, Admin, NO_ADDRESS),
    row(45, "AlterPartitionReassignments", (0, 1), 0, Forward, Admin, NO_ADDRESS),
    row(46, "ListPartitionReassignments", (0, 0), 0, Forward, Admin, NO_ADDRESS),
    row(47, "OffsetDelete", (0, 0), NEVER, Forward, Admin, NO_ADDRESS),
    row(48, "DescribeClientQuotas", (0, 1), 1, Forward, Admin, "quota entities name clients' addresses"),
    row(49, "AlterClientQuotas", (0, 1), 1, Forward, Admin, "quota entities name clients' addresses"),
    row(50, "DescribeUserScramCredentials", (0, 0), 0, Forward, Admin, NO_ADDRESS),
    row(51, "AlterUserScramCredentials", (0, 0), 0, Forward, Admin, NO_ADDRESS),
    row(52, "Vote", (0, 2), 0, Hide, Admin, BETWEEN_BROKERS),
    row(53, "BeginQuorumEpoch", (0, 1), 1, Hide, Admin, BETWEEN_BROKERS),
    row(54, "EndQuorumEpoch", (0, 1), 1, Hide, Admin, BETWEEN_BROKERS),
    row(55, "DescribeQuorum", (0, 1), 0, Forward, Admin, "version 2 lists the controllers' listeners, so 1 is the last"),
    row(56, "AlterPartition", (2, 3), 0, Hide, Admin, BETWEEN_BROKERS),
    row(57, "UpdateFeatures", (0, 2), 0, Forward, Admin, NO_ADDRESS),
    row(58, "Envelope", (0, 0), 0, Hide, Admin, BETWEEN_BROKERS),
    row(59, "FetchSnapshot", (0, 1), 0, Hide, Admin, BETWEEN_BROKERS),
    row(60, "DescribeCluster", (0, 2), 0, Rewrite, Data, "the address of every broker, fenced ones too"),
    row(61, "DescribeProducers", (0, 0), 0, Forward, Admin, NO_ADDRESS),
    row(62, "BrokerRegistration", (0, 4), 0, Hide, Admin, BETWEEN_BROKERS),
    row(63, "BrokerHeartbeat", (0, 2), 0, Hide, Admin, BETWEEN_BROKERS),
    row(64, "UnregisterBroker", (0, 0), 0, Hide, Admin, "takes a broker out of the cluster: not through a gateway"),
    row(65, "DescribeTransactions", (0, 0), 0, Forward, Admin, NO_ADDRESS),
    row(66, "ListTransactions", (0, 2), 0, Forward, Admin, NO_ADDRESS),
    row(67, "AllocateProducerIds", (0, 0), 0, Hide, Admin, BETWEEN_BROKERS),
    row(68, "ConsumerGroupHeartbeat", (0, 1), 0, Forward, Data, NO_ADDRESS),
    row(69, "ConsumerGroupDescribe", (0, 1), 0, Forward, Admin, "client_host is a client's address, no broker's"),
    row(70, "ControllerRegistration", (0, 0), 0, Hide, Admin, BETWEEN_BROKERS),
    row(71, "GetTelemetrySubscriptions", (0, 0), 0, Forward, Data, NO_ADDRESS),
    row(72, "PushTelemetry", (0, 0), 0, Forward, Data, NO_ADDRESS),
    row(73, "AssignReplicasToDirs", (0, 0), 0, Hide, Admin, BETWEEN_BROKERS),
    row(74, "ListConfigResources", (0, 1), 0, Forward, Admin, NO_ADDRESS),
    row(75, "DescribeTopicPartitions", (0, 0), 0, Inspect, Data, "node ids only; feeds the topic ids"),
    row(76, "ShareGroupHeartbeat", (1, 1), 0, Hide, Data, SHARE),
    row(77, "ShareGroupDescribe", (1, 1), 0, Hide, Admin, SHARE),
    row(78, "ShareFetch", (1, 2), 0, Hide, Data, SHARE),
    row(79, "ShareAcknowledge", (1, 2), 0, Hide, Data, SHARE),
    row(80, "AddRaftVoter", (0, 1), 0, Hide, Admin, "carries controllers' listeners"),
    row(81, "RemoveRaftVoter", (0, 0), 0, Hide, Admin, BETWEEN_BROKERS),
    row(82, "UpdateRaftVoter", (0, 0), 0, Hide, Admin, BETWEEN_BROKERS),
    row(83, "InitializeShareGroupState", (0, 0), 0, Hide, Admin, BETWEEN_BROKERS),
    row(84, "ReadShareGroupState", (0, 0), 0, Hide, Admin, BETWEEN_BROKERS),
    row(85, "WriteShareGroupState", (0, 1), 0, Hide, Admin, BETWEEN_BROKERS),
    row(86, "DeleteShareGroupState", (0, 0), 0, Hide, Admin, BETWEEN_BROKERS),
    row(87, "ReadShareGroupStateSummary", (0, 1), 0, Hide, Admin, BETWEEN_BROKERS),
    row(88, "StreamsGroupHeartbeat", (0, 0), 0, Forward, Data, "endpoints are those that Streams applications announce"),
    row(89, "StreamsGroupDescribe", (0, 0), 0, Forward, Admin, "endpoints are those that Streams applications announce"),
    row(90, "DescribeShareGroupOffsets", (0, 1), 0, Hide, Admin, SHARE),
    row(91, "AlterShareGroupOffsets", (0, 0), 0, Hide, Admin, SHARE),
    row(92, "DeleteShareGroupOffsets", (0, 0), 0, Hide, Admin, SHARE),
];

/// Finds the row of an API key. Cost: one index; the rows stand at their keys.
#[must_use]
pub fn api(key: i16) -> Option<&'static Api> {
    TABLE.get(usize::try_from(key).ok()?).filter(|api| api.key == key)
}

impl Api {
    /// Whether the schemas of this version were reviewed.
    #[must_use]
    pub fn knows(&self, version: i16) -> bool {
        (self.min..=self.max).contains(&version)
    }

    /// Whether messages of this version have compact lengths and tagged fields.
    #[must_use]
    pub fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible
    }

    /// Whether the header of a response of this version ends in tagged fields.
    #[must_use]
    pub fn has_tagged_response_header(&self, version: i16) -> bool {
        self.is_flexible(version) && self.key != key::API_VERSIONS
    }

    /// Whether a client with these rights is told of this API.
    #[must_use]
    pub fn is_open(&self, admin: bool) -> bool {
        self.action != Action::Hide && (admin || self.plane == Plane::Data)
    }

    /// The oldest version that is advertised; see the module's remark on Produce.
    #[must_use]
    pub fn advertised_min(&self) -> i16 {
        if self.key == key::PRODUCE { 0 } else { self.min }
    }
}

#[cfg(test)]
mod tests;
