use super::*;
use crate::records::varint::put_varint;

/// Attributes, timestamp delta -2, offset delta 300.
const PREFIX: &[u8] = &[0, 3, 0xd8, 4];

/// The records of one body each.
fn bodies(bodies: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for body in bodies {
        put_varint(&mut bytes, body.len() as i64);
        bytes.extend_from_slice(body);
    }
    bytes
}

fn body(rest: &[u8]) -> Vec<u8> {
    [PREFIX, rest].concat()
}

/// Reads records; the headers of all of them.
fn read(bytes: &[u8], count: i32) -> Result<Vec<Header<'_>>, BatchError> {
    let mut headers = Vec::new();
    for record in Records::new(bytes, 0, count)? {
        for header in record?.headers {
            headers.push(header?);
        }
    }
    Ok(headers)
}

fn error(rest: &[u8]) -> BatchError {
    read(&bodies(&[&body(rest)]), 1).unwrap_err()
}

#[test]
fn all_fields() {
    let bytes = bodies(&[&body(b"\x06key\x0avalue\x04\x02h\x02v\x04hh\x01")]);
    let mut records = Records::new(&bytes, 1000, 1).unwrap();
    let record = records.next().unwrap().unwrap();
    assert_eq!((record.attributes, record.timestamp_delta, record.offset_delta), (0, -2, 300));
    assert_eq!((record.key, record.value), (Some(&b"key"[..]), Some(&b"value"[..])));
    let headers: Vec<_> = record.headers.map(Result::unwrap).collect();
    let at = |needle: &[u8]| 1000 + bytes.windows(needle.len()).position(|w| w == needle).unwrap();
    assert_eq!(headers[0], Header { name: b"h", value: Some(b"v"), position: at(b"\x02v") + 1 });
    assert_eq!(headers[1], Header { name: b"hh", value: None, position: 1000 + bytes.len() });
    assert!(records.next().is_none());
}

#[test]
fn null_is_not_empty() {
    let bytes = bodies(&[&body(b"\x01\x00\x00"), &body(b"\x00\x01\x00")]);
    let records: Vec<_> = Records::new(&bytes, 0, 2).unwrap().map(Result::unwrap).collect();
    assert_eq!((records[0].key, records[0].value), (None, Some(&b""[..])));
    assert_eq!((records[1].key, records[1].value), (Some(&b""[..]), None));
}

#[test]
fn duplicate_headers_empty_names_and_names_that_are_not_utf8_survive() {
    let headers = b"\x08\x02h\x021\x02h\x022\x00\x01\x04\xff\xfe\x00";
    let bytes = bodies(&[&body(&[b"\x01\x01", &headers[..]].concat())]);
    let read: Vec<_> = read(&bytes, 1).unwrap().iter().map(|h| (h.name, h.value)).collect();
    let expected: [(&[u8], Option<&[u8]>); 4] =
        [(b"h", Some(b"1")), (b"h", Some(b"2")), (b"", None), (b"\xff\xfe", Some(b""))];
    assert_eq!(read, expected);
}

#[test]
fn a_record_longer_than_its_fields() {
    assert_eq!(
        error(b"\x01\x01\x00\x00"),
        BatchError::TrailingBytes { field: Field::Record, at: 8 }
    );
}

#[test]
fn records_longer_than_their_count() {
    let bytes = bodies(&[&body(b"\x01\x01\x00")]);
    assert_eq!(read(&bytes, 0), Err(BatchError::TrailingBytes { field: Field::Records, at: 0 }));
    assert_eq!(read(&bytes, 1), Ok(vec![]));
    assert_eq!(
        read(&bytes, 2),
        Err(BatchError::Truncated { field: Field::RecordLength, at: bytes.len() })
    );
    assert_eq!(read(&bytes, -1), Err(BatchError::Negative { field: Field::RecordCount, at: 0 }));
}

#[test]
fn fields_that_end_before_they_should() {
    let truncated = |field, at| BatchError::Truncated { field, at };
    assert_eq!(read(&bodies(&[b""]), 1), Err(truncated(Field::RecordAttributes, 1)));
    assert_eq!(read(&bodies(&[b"\0"]), 1), Err(truncated(Field::TimestampDelta, 2)));
    assert_eq!(read(&bodies(&[b"\0\0"]), 1), Err(truncated(Field::OffsetDelta, 3)));
    assert_eq!(error(b""), truncated(Field::Key, 5));
    assert_eq!(error(b"\x02"), truncated(Field::Key, 6));
    assert_eq!(error(b"\x01"), truncated(Field::Value, 6));
    assert_eq!(error(b"\x01\x01"), truncated(Field::HeaderCount, 7));
    assert_eq!(error(b"\x01\x01\x02"), truncated(Field::HeaderName, 8));
    assert_eq!(error(b"\x01\x01\x02\x02"), truncated(Field::HeaderName, 9));
    assert_eq!(error(b"\x01\x01\x02\x02h"), truncated(Field::HeaderValue, 10));
}

#[test]
fn lengths_below_zero() {
    let negative = |field, at| BatchError::Negative { field, at };
    assert_eq!(read(b"\x01", 1), Err(negative(Field::RecordLength, 0)));
    assert_eq!(error(b"\x03"), negative(Field::Key, 5));
    assert_eq!(error(b"\x01\x03"), negative(Field::Value, 6));
    assert_eq!(error(b"\x01\x01\x01"), negative(Field::HeaderCount, 7));
    assert_eq!(error(b"\x01\x01\x02\x01"), negative(Field::HeaderName, 8));
    assert_eq!(error(b"\x01\x01\x02\x00\x03"), negative(Field::HeaderValue, 9));
}

#[test]
fn a_huge_header_count_reads_what_is_there() {
    let bytes = bodies(&[&body(b"\x01\x01\xfe\xff\xff\xff\x0f\x02h\x01")]);
    let record = Records::new(&bytes, 0, 1).unwrap().next().unwrap().unwrap();
    assert_eq!(record.headers.size_hint().0, 0);
    let headers: Vec<_> = record.headers.collect();
    assert!(headers[0].is_ok() && headers[1].is_err() && headers.len() == 2);
}

#[test]
fn iterators_stay_at_their_end() {
    let bytes = bodies(&[&body(b"\x01\x01\x02\x01"), &body(b"\x01\x01\x00")]);
    let mut records = Records::new(&bytes, 0, 3).unwrap();
    // The first record's headers are wrong, which does not keep the others from being read.
    let mut headers = records.next().unwrap().unwrap().headers;
    assert!(headers.next().unwrap().is_err());
    assert!(headers.next().is_none());
    assert!(records.next().unwrap().is_ok());
    assert!(records.next().unwrap().is_err());
    assert!(records.next().is_none());
}
