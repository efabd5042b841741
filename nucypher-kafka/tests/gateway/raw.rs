//! A client that speaks the protocol frame by frame: for what librdkafka cannot be made to do.

use bytes::{Buf as _, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, Request, StrBytes};
use nucypher_kafka::gateway::identity::{
    Account, ClientStep, Mechanism, Password, SaslClient, Transport,
};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) struct Raw {
    pub(crate) stream: Box<dyn Stream>,
}

pub(crate) fn frame<R: Request>(version: i16, id: i32, body: &R) -> Vec<u8> {
    let mut out = BytesMut::from(&[0; 4][..]);
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(id)
        .with_client_id(Some(StrBytes::from_static_str("raw")));
    header.encode(&mut out, R::header_version(version)).unwrap();
    body.encode(&mut out, version).unwrap();
    let len = i32::try_from(out.len() - 4).unwrap();
    out[..4].copy_from_slice(&len.to_be_bytes());
    out.to_vec()
}

impl Raw {
    pub(crate) async fn connect(address: &str) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Self { stream: Box::new(tcp) }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The next response, whole; `None` when the gateway has closed.
    pub(crate) async fn receive(&mut self) -> Option<Bytes> {
        let len = self.stream.read_i32().await.ok()?;
        let mut frame = vec![0; usize::try_from(len).unwrap()];
        self.stream.read_exact(&mut frame).await.ok()?;
        Some(frame.into())
    }

    pub(crate) async fn ask<R: Request>(&mut self, version: i16, body: &R) -> Option<R::Response> {
        self.stream.write_all(&frame(version, 7, body)).await.ok()?;
        self.stream.flush().await.ok()?;
        let mut bytes = self.receive().await?;
        let key = ApiKey::try_from(R::KEY).unwrap();
        let header =
            ResponseHeader::decode(&mut bytes, key.response_header_version(version)).unwrap();
        assert_eq!(header.correlation_id, 7);
        let response = R::Response::decode(&mut bytes, version).unwrap();
        assert!(!bytes.has_remaining());
        Some(response)
    }

    /// Logs on; gives the error code of the last answer.
    pub(crate) async fn log_on(&mut self, mechanism: Mechanism, name: &str, password: &str) -> i16 {
        use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
        let name_on_wire = StrBytes::from_static_str(mechanism.name());
        let handshake = SaslHandshakeRequest::default().with_mechanism(name_on_wire);
        let shaken = self.ask(1, &handshake).await.unwrap();
        if shaken.error_code != 0 {
            return shaken.error_code;
        }
        let account = Account::new(name, Password::new(password.to_owned()).unwrap()).unwrap();
        let mut client =
            SaslClient::new(mechanism, Arc::new(account), Transport::Loopback).unwrap();
        let mut token = Vec::new();
        while let ClientStep::Send(bytes) = client.step(&token).unwrap() {
            let bytes = Bytes::copy_from_slice(&bytes);
            let answer = self
                .ask(2, &SaslAuthenticateRequest::default().with_auth_bytes(bytes))
                .await
                .unwrap();
            if answer.error_code != 0 {
                return answer.error_code;
            }
            token = answer.auth_bytes.to_vec();
        }
        0
    }
}
