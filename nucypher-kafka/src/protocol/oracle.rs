//! The kafka-protocol crate as an oracle: frames that it encodes, and what it reads in ours. It is
//! generated from Kafka's schemas, so it shares no line with the walkers.

use bytes::{Buf as _, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use super::frame::{self, RequestHead};
use super::table::{self, Api};

/// The row of an API of the crate.
pub(crate) fn row(key: ApiKey) -> &'static Api {
    table::api(key as i16).unwrap()
}

/// A response as it stands on the wire.
pub(crate) fn response(
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    body: &impl Encodable,
) -> Vec<u8> {
    let mut out = BytesMut::from(&[0; 4][..]);
    let header = ResponseHeader::default().with_correlation_id(correlation_id);
    header.encode(&mut out, key.response_header_version(version)).unwrap();
    body.encode(&mut out, version).unwrap();
    frame::finish(out.to_vec())
}

/// A request as it stands on the wire.
pub(crate) fn request(
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    body: &impl Encodable,
) -> Vec<u8> {
    let mut out = BytesMut::from(&[0; 4][..]);
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(StrBytes::from_static_str("a client")));
    header.encode(&mut out, key.request_header_version(version)).unwrap();
    body.encode(&mut out, version).unwrap();
    frame::finish(out.to_vec())
}

/// Reads a response, to its last byte.
pub(crate) fn read_response<M: Decodable>(key: ApiKey, version: i16, frame: &[u8]) -> (i32, M) {
    let mut bytes = Bytes::copy_from_slice(frame);
    assert_eq!(
        usize::try_from(bytes.get_i32()).unwrap(),
        bytes.len(),
        "the length prefix is wrong"
    );
    let header = ResponseHeader::decode(&mut bytes, key.response_header_version(version)).unwrap();
    let body = M::decode(&mut bytes, version).unwrap();
    assert!(!bytes.has_remaining(), "bytes behind the message");
    (header.correlation_id, body)
}

/// Reads a request, to its last byte.
pub(crate) fn read_request<M: Decodable>(frame: &[u8]) -> (RequestHeader, M) {
    let head = RequestHead::read(frame, u32::MAX).unwrap().unwrap();
    let key = ApiKey::try_from(head.key).unwrap();
    let mut bytes = Bytes::copy_from_slice(frame);
    assert_eq!(
        usize::try_from(bytes.get_i32()).unwrap(),
        bytes.len(),
        "the length prefix is wrong"
    );
    let header =
        RequestHeader::decode(&mut bytes, key.request_header_version(head.version)).unwrap();
    let body = M::decode(&mut bytes, head.version).unwrap();
    assert!(!bytes.has_remaining(), "bytes behind the message");
    (header, body)
}

/// A string of the crate.
pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
