use proptest::prelude::*;

use super::put_varint;
use super::*;

const FIELD: Field = Field::Key;

fn written(n: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, n);
    bytes
}

fn varint(bytes: &[u8]) -> Result<i32, BatchError> {
    Reader::new(bytes, 10).varint(FIELD)
}

fn varlong(bytes: &[u8]) -> Result<i64, BatchError> {
    Reader::new(bytes, 10).varlong(FIELD)
}

fn truncated(at: usize) -> BatchError {
    BatchError::Truncated { field: FIELD, at }
}

fn no_varint(at: usize) -> BatchError {
    BatchError::Varint { field: FIELD, at }
}

#[test]
fn known_encodings() {
    for (bytes, n) in [
        (&b"\x00"[..], 0),
        (b"\x01", -1),
        (b"\x02", 1),
        (b"\x7e", 63),
        (b"\x7f", -64),
        (b"\x80\x01", 64),
        (b"\xff\xff\xff\xff\x0f", i64::from(i32::MIN)),
        (b"\xfe\xff\xff\xff\x0f", i64::from(i32::MAX)),
    ] {
        assert_eq!(varint(bytes).map(i64::from), Ok(n));
        assert_eq!(varlong(bytes), Ok(n));
        assert_eq!(written(n), bytes);
    }
    assert_eq!(varlong(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Ok(i64::MIN));
    assert_eq!(varlong(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Ok(i64::MAX));
}

#[test]
fn longer_than_needed_is_read() {
    assert_eq!(varint(b"\x82\x80\x80\x80\x00"), Ok(1));
    assert_eq!(varlong(b"\x82\x80\x80\x80\x80\x80\x80\x80\x80\x00"), Ok(1));
}

#[test]
fn one_byte_too_many() {
    assert_eq!(varint(b"\x80\x80\x80\x80\x80\x00"), Err(no_varint(10)));
    assert_eq!(varint(&[0xff; 10]), Err(no_varint(10)));
    assert_eq!(varlong(b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), Err(no_varint(10)));
    assert_eq!(varlong(&[0xff; 10]), Err(no_varint(10)));
}

#[test]
fn a_value_beyond_its_type() {
    assert_eq!(varint(b"\x80\x80\x80\x80\x10"), Err(no_varint(10)));
    assert_eq!(varlong(b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"), Err(no_varint(10)));
}

#[test]
fn the_bytes_end() {
    assert_eq!(varint(b""), Err(truncated(10)));
    assert_eq!(varint(b"\x80\x80\x80\x80"), Err(truncated(10)));
    assert_eq!(varlong(b"\x80\x80\x80\x80\x80\x80\x80\x80\x80"), Err(truncated(10)));
    assert_eq!(Reader::new(b"", 10).byte(FIELD), Err(truncated(10)));
    assert_eq!(Reader::new(b"ab", 10).take(3, FIELD), Err(truncated(10)));
    assert_eq!(Reader::new(b"ab", 10).take(usize::MAX, FIELD), Err(truncated(10)));
    assert_eq!(Reader::new(b"\x06ab", 10).nullable(FIELD), Err(truncated(11)));
    assert_eq!(Reader::new(b"\x06ab", 10).nested(FIELD).unwrap_err(), truncated(11));
}

#[test]
fn lengths_below_zero() {
    let negative = Err(BatchError::Negative { field: FIELD, at: 10 });
    assert_eq!(Reader::new(b"\x01", 10).length(FIELD), negative);
    assert_eq!(Reader::new(b"\x01", 10).nullable(FIELD), Ok(None));
    assert_eq!(Reader::new(b"\x03", 10).nullable(FIELD), negative.map(|_| None));
    let least = Reader::new(b"\xff\xff\xff\xff\x0f", 10).nullable(FIELD);
    assert_eq!(least, Err(BatchError::Negative { field: FIELD, at: 10 }));
}

#[test]
fn nested_readers_keep_the_position_and_do_not_leave_their_part() {
    let mut outer = Reader::new(b"\x04abc", 100);
    let mut inner = outer.nested(FIELD).unwrap();
    assert_eq!((inner.position(), outer.position()), (101, 103));
    assert_eq!(inner.take(3, FIELD), Err(truncated(101)));
    assert_eq!(inner.take(2, FIELD), Ok(&b"ab"[..]));
    assert_eq!(inner.finish(FIELD), Ok(()));
    assert_eq!(outer.finish(FIELD), Err(BatchError::TrailingBytes { field: FIELD, at: 103 }));
    assert_eq!(outer.byte(FIELD), Ok(b'c'));
}

proptest! {
    #[test]
    fn reading_inverts_writing(n: i64, m: i32) {
        prop_assert_eq!(varlong(&written(n)), Ok(n));
        prop_assert_eq!(varint(&written(m.into())), Ok(m));
    }

    #[test]
    fn a_failed_read_takes_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
        let mut reader = Reader::new(&bytes, 0);
        if reader.varint(FIELD).is_err() {
            prop_assert_eq!(reader.position(), 0);
        }
        let mut reader = Reader::new(&bytes, 0);
        if reader.varlong(FIELD).is_err() {
            prop_assert_eq!(reader.position(), 0);
        }
    }
}
