//! A client that speaks the protocol itself: each request by hand, each response as its bytes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use bytes::{Buf as _, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiKey, FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, RequestHeader,
        ResponseHeader, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::PartitionData,
        metadata_request::MetadataRequestTopic,
    },
    protocol::{Decodable as _, Encodable as _, Request, StrBytes},
};

/// A connection to one address.
pub(crate) struct Wire<S = TcpStream> {
    stream: S,
    correlation: i32,
}

impl Wire {
    /// Connects without TLS and SASL.
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, correlation: 0 }
    }
}

impl<S: Read + Write> Wire<S> {
    /// Speaks over a stream that is connected already.
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, correlation: 0 }
    }

    /// Sends a request and does not wait.
    pub(crate) fn send<R: Request>(&mut self, version: i16, request: &R) {
        let key = ApiKey::try_from(R::KEY).unwrap();
        self.correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("wire")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, key.request_header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
        self.stream.write_all(&[&length[..], &frame].concat()).unwrap();
        self.stream.flush().unwrap();
    }

    /// The next response frame, without its length.
    pub(crate) fn receive_frame(&mut self) -> std::io::Result<Bytes> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut frame)?;
        Ok(frame.into())
    }

    /// The response to a request of this kind that was sent.
    pub(crate) fn receive<R: Request>(&mut self, version: i16) -> (R::Response, Bytes) {
        let frame = self.receive_frame().unwrap();
        let key = ApiKey::try_from(R::KEY).unwrap();
        let mut rest = frame.clone();
        let header =
            ResponseHeader::decode(&mut rest, key.response_header_version(version)).unwrap();
        assert!(header.correlation_id <= self.correlation);
        let response = R::Response::decode(&mut rest, version).unwrap();
        assert!(!rest.has_remaining(), "{key:?} {version}: {} bytes too many", rest.remaining());
        (response, frame)
    }

    /// Asks, and gives the answer together with its frame.
    pub(crate) fn call<R: Request>(&mut self, version: i16, request: &R) -> (R::Response, Bytes) {
        self.send(version, request);
        self.receive::<R>(version)
    }

    /// Topic metadata.
    pub(crate) fn metadata(&mut self, topics: &[&str]) -> (MetadataResponse, Bytes) {
        let topics = topics
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name))));
        let request = MetadataRequest::default()
            .with_topics(Some(topics.collect()))
            .with_allow_auto_topic_creation(false);
        self.call(12, &request)
    }

    /// Fetches partition 0 of these topics, by name, without a session.
    pub(crate) fn fetch(
        &mut self,
        topics: &[&str],
        offset: i64,
        max_wait_ms: i32,
    ) -> FetchResponse {
        self.call(FETCH, &fetch_request(topics, offset, max_wait_ms)).0
    }
}

/// The last version of Fetch that names topics.
pub(crate) const FETCH: i16 = 12;

pub(crate) fn fetch_request(topics: &[&str], offset: i64, max_wait_ms: i32) -> FetchRequest {
    let topics = topics.iter().map(|name| {
        let partition = FetchPartition::default()
            .with_partition(0)
            .with_fetch_offset(offset)
            .with_partition_max_bytes(1 << 20);
        FetchTopic::default().with_topic(topic_name(name)).with_partitions(vec![partition])
    });
    FetchRequest::default()
        .with_max_wait_ms(max_wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(8 << 20)
        .with_session_id(0)
        .with_session_epoch(-1)
        .with_topics(topics.collect())
}

/// Partition 0 of a topic in a response to a fetch by name.
pub(crate) fn partition_of<'a>(response: &'a FetchResponse, topic: &str) -> &'a PartitionData {
    let found = response.responses.iter().find(|found| found.topic.as_str() == topic);
    &found.unwrap_or_else(|| panic!("{topic} is missing")).partitions[0]
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// The address at which the leader of partition 0 is reached, by the metadata of this address.
pub(crate) fn leader(bootstrap: &str, topic: &str) -> String {
    let address = bootstrap.split(',').next().unwrap();
    let (metadata, _) = Wire::connect(address).metadata(&[topic]);
    let leader = metadata.topics[0]
        .partitions
        .iter()
        .find(|one| one.partition_index == 0)
        .unwrap()
        .leader_id;
    let broker = metadata.brokers.iter().find(|broker| broker.node_id == leader).unwrap();
    format!("{}:{}", broker.host, broker.port)
}

/// Whether a piece lies in these bytes.
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
