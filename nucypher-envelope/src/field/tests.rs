//! Fields sealed and opened: the acceptance example, laws, attacks, and what is no JSON.

use std::sync::Arc;

use nucypher_pre::{SecretKey, Suite, os_rng};
use proptest::prelude::*;

use super::{scan::Selection, *};
use crate::{
    ChannelName, EDEK_HEADER, EdekHeader, KeyBinding, NULL_HEADER, OpenError, Opener, OpenerConfig,
    Record, SealError, SealedRecord, SealedRecordRef, Sealer, SealerConfig,
};

const EXAMPLE: &str =
    r#"{"a":[false,true],"b":{"b":10},"c":"c","d":null,"e":{"e":{"e":[{"e":"e"}]}},"z":"z"}"#;

fn channel() -> ChannelName {
    ChannelName::new("orders").unwrap()
}

fn fields(of: &[(u8, &str, &str)]) -> Arc<ProtectedFields> {
    let fields = of.iter().map(|(slot, name, path)| Field::new(*slot, name, [path]).unwrap());
    Arc::new(ProtectedFields::new(fields).unwrap())
}

/// Secret keys of all slots, as a reader with every grant has them, and a sealer.
struct Fixture {
    fields: Arc<ProtectedFields>,
    keys: Vec<SecretKey>,
    sealer: Sealer,
}

impl Fixture {
    fn new(of: &[(u8, &str, &str)]) -> Self {
        Self::with(fields(of))
    }

    fn with(fields: Arc<ProtectedFields>) -> Self {
        let keys: Vec<_> =
            fields.iter().map(|_| SecretKey::generate(Suite::Bbs98, &mut os_rng())).collect();
        let public = fields
            .iter()
            .zip(&keys)
            .map(|(field, key)| FieldKey { slot: field.slot(), key: key.public_key().clone() });
        let sealing = FieldSealing::new(Arc::clone(&fields), public).unwrap();
        let sealer = Sealer::new(SealerConfig::fields_only(channel(), sealing)).unwrap();
        Self { fields, keys, sealer }
    }

    fn seal(&mut self, document: &str) -> Result<SealedRecord, SealError> {
        let record = Record { key: Some(b"k"), value: Some(document.as_bytes()), place: None };
        self.sealer.seal(&record, 0, &mut os_rng())
    }

    fn policy(&self) -> FieldPolicy {
        FieldPolicy { fields: Some(Arc::clone(&self.fields)), ..FieldPolicy::default() }
    }

    /// With the keys of these fields.
    fn open(
        &self,
        sealed: &SealedRecord,
        granted: impl Fn(&str) -> bool,
        policy: &FieldPolicy,
    ) -> Result<OpenedRecord, FieldError> {
        let named = self.fields.iter().zip(&self.keys);
        let stranger = SecretKey::generate(Suite::Bbs98, &mut os_rng());
        let keys = named.filter(|(field, _)| granted(field.name())).map(|(_, key)| key.clone());
        let opener = Opener::new(OpenerConfig::new(keys.chain([stranger]))).unwrap();
        open(&opener, b"k", sealed, policy)
    }

    fn open_all(&self, sealed: &SealedRecord) -> Result<OpenedRecord, FieldError> {
        self.open(sealed, |_| true, &self.policy())
    }
}

fn open(
    opener: &Opener,
    key: &[u8],
    sealed: &SealedRecord,
    policy: &FieldPolicy,
) -> Result<OpenedRecord, FieldError> {
    let headers: Vec<_> =
        sealed.headers().map(|(name, value)| (name.as_bytes(), Some(value))).collect();
    let record =
        SealedRecordRef { key: Some(key), value: sealed.value.as_deref(), place: None, headers };
    opener.open_fields(record, &channel(), policy)
}

fn text(value: &Option<Vec<u8>>) -> &str {
    core::str::from_utf8(value.as_deref().unwrap()).unwrap()
}

/// Replaces the token at `path` in a sealed document.
fn replace(sealed: &SealedRecord, path: &str, with: &str) -> SealedRecord {
    let document = sealed.value.as_deref().unwrap();
    let marks = scan::scan(document, &Selection::nothing(), 0).unwrap();
    let mark = marks.iter().find(|mark| mark.path == path).unwrap();
    let cut = splice::Cut { start: mark.start, end: mark.end, with: with.into() };
    SealedRecord { value: Some(splice::splice(document, &[cut])), ..sealed.clone() }
}

/// The string at `path`, with its quotes.
fn token_at(sealed: &SealedRecord, path: &str) -> String {
    let document = sealed.value.as_deref().unwrap();
    let marks = scan::scan(document, &Selection::nothing(), 0).unwrap();
    let mark = marks.iter().find(|mark| mark.path == path).unwrap();
    String::from_utf8(document[mark.start..mark.end].to_vec()).unwrap()
}

fn example() -> Fixture {
    Fixture::new(&[
        (1, "a", "$.a[0]"),
        (2, "b", "$.b.b"),
        (3, "c", "$.c"),
        (4, "d", "$.d"),
        (5, "e", "$.e.e.e[0]"),
    ])
}

#[test]
fn the_example_of_the_issue() {
    let mut fixture = example();
    let sealed = fixture.seal(EXAMPLE).unwrap();
    let document = text(&sealed.value);
    let nu = |path| token_at(&sealed, path);
    let skeleton = format!(
        r#"{{"a":[{},true],"b":{{"b":{}}},"c":{},"d":{},"e":{{"e":{{"e":[{}]}}}},"z":"z"}}"#,
        nu("/a/0"),
        nu("/b/b"),
        nu("/c"),
        nu("/d"),
        nu("/e/e/e/0"),
    );
    assert_eq!(document, skeleton, "every other byte stays");

    let all = fixture.open_all(&sealed).unwrap();
    assert_eq!(text(&all.value), EXAMPLE);
    assert!(all.fields.iter().all(|field| field.state == FieldState::Opened));
    assert_eq!(all.fields.len(), 5);

    let but_c = fixture.open(&sealed, |name| name != "c", &fixture.policy()).unwrap();
    let token = nu("/c");
    assert_eq!(text(&but_c.value), EXAMPLE.replace(r#""c":"c""#, &format!(r#""c":{token}"#)));
    let states: Vec<_> = but_c
        .fields
        .iter()
        .map(|field| (field.path.as_str(), matches!(field.state, FieldState::Opened)))
        .collect();
    let paths = [("/a/0", true), ("/b/b", true), ("/c", false), ("/d", true), ("/e/e/e/0", true)];
    assert_eq!(states, paths);
}

#[test]
fn what_was_not_granted_is_kept_removed_null_or_an_error() {
    let mut fixture = example();
    let sealed = fixture.seal(EXAMPLE).unwrap();
    let with = |not_granted| FieldPolicy { not_granted, ..fixture.policy() };
    let none = |_: &str| false;
    let removed = fixture.open(&sealed, none, &with(NotGranted::Remove)).unwrap();
    assert_eq!(text(&removed.value), r#"{"a":[true],"b":{},"e":{"e":{"e":[]}},"z":"z"}"#);
    let null = fixture.open(&sealed, none, &with(NotGranted::Null)).unwrap();
    let nulls =
        r#"{"a":[null,true],"b":{"b":null},"c":null,"d":null,"e":{"e":{"e":[null]}},"z":"z"}"#;
    assert_eq!(text(&null.value), nulls);
    let error = fixture.open(&sealed, |name| name != "c", &with(NotGranted::Error)).unwrap_err();
    assert!(matches!(error, FieldError::NotGranted { path, .. } if path == "/c"));
}

#[test]
fn removal_keeps_the_commas_right() {
    for (document, left) in
        [(r#"[1,2,3]"#, r#"[]"#), (r#"[ 1 , {"c":1} , 3 ]"#, "[   ]"), (r#"[1]"#, r#"[]"#)]
    {
        let mut fixture = Fixture::new(&[(1, "x", "$[*]")]);
        let sealed = fixture.seal(document).unwrap();
        let policy = FieldPolicy { not_granted: NotGranted::Remove, ..fixture.policy() };
        let opened = fixture.open(&sealed, |_| false, &policy).unwrap();
        assert_eq!(text(&opened.value).replace(' ', ""), left.replace(' ', ""), "{document}");
    }
    for (path, left) in [
        ("$['a','b']", r#"{"c":3,"d":4}"#),
        ("$['a','c']", r#"{"b":2,"d":4}"#),
        ("$['b','c']", r#"{"a":1,"d":4}"#),
        ("$['a','d']", r#"{"b":2,"c":3}"#),
        ("$['c','d']", r#"{"a":1,"b":2}"#),
        ("$['a','b','d']", r#"{"c":3}"#),
        ("$", "null"),
    ] {
        let mut fixture = Fixture::new(&[(1, "x", path)]);
        let sealed = fixture.seal(r#"{"a":1,"b":2,"c":3,"d":4}"#).unwrap();
        let policy = FieldPolicy { not_granted: NotGranted::Remove, ..fixture.policy() };
        let opened = fixture.open(&sealed, |_| false, &policy).unwrap();
        assert_eq!(text(&opened.value), left, "{path}");
    }
}

#[test]
fn true_and_false_have_one_length() {
    let mut fixture = Fixture::new(&[(1, "x", "$.x")]);
    let yes = fixture.seal(r#"{"x":true}"#).unwrap().value.unwrap().len();
    let no = fixture.seal(r#"{"x":false}"#).unwrap().value.unwrap().len();
    assert_eq!(yes, no);
}

#[test]
fn clear_strings_that_look_like_tokens_are_escaped() {
    let mut fixture = Fixture::new(&[(1, "x", "$.x")]);
    let document =
        r#"{"x":"nu1.x","y":"nu1.y","z":"\u006eu0.","w":["nu0.nu1.","nu2.","nu"],"nu1.":0}"#;
    let sealed = fixture.seal(document).unwrap();
    let shown = text(&sealed.value);
    assert!(
        shown.contains(
            r#""y":"nu0.nu1.y","z":"nu0.\u006eu0.","w":["nu0.nu0.nu1.","nu2.","nu"],"nu1.":0"#
        ),
        "{shown}"
    );
    assert_eq!(text(&fixture.open_all(&sealed).unwrap().value), document);
}

#[test]
fn a_selected_container_is_sealed_whole_with_what_is_selected_in_it() {
    let mut fixture = Fixture::new(&[(1, "in", "$.a.b"), (2, "out", "$.a"), (3, "all", "$..ssn")]);
    let document =
        r#"{"a" : {"b": [1, "nu1."], "ssn": 7}, "q": [{"ssn": 8}, {"ssn": {"ssn": 1}}]}"#;
    let sealed = fixture.seal(document).unwrap();
    let found = tokens(sealed.value.as_deref().unwrap()).unwrap();
    let found: Vec<_> = found.iter().map(|(path, token)| (path.as_str(), token.slot())).collect();
    assert_eq!(found, [("/a", 2), ("/q/0/ssn", 3), ("/q/1/ssn", 3)]);
    assert_eq!(text(&fixture.open_all(&sealed).unwrap().value), document);
}

#[test]
fn a_second_sealer_adds_slots_and_escapes_nothing_again() {
    let mut first = Fixture::new(&[(1, "x", "$.x")]);
    let document = r#"{"x":1,"y":["nu1.","\u006eu0."],"z":"nu1.z"}"#;
    let sealed = first.seal(document).unwrap();
    let mut second = Fixture::new(&[(1, "x", "$.x"), (2, "y", "$.y")]);
    let record = Record { key: Some(b"k"), value: sealed.value.as_deref(), place: None };
    let more = second.sealer.seal_more(&record, &sealed.edek, 0, &mut os_rng()).unwrap();
    assert_eq!(EdekHeader::parse(&more.edek).unwrap().iter().len(), 2);
    assert!(text(&more.value).contains(r#""z":"nu0.nu1.z""#));
    let keys = [first.keys[0].clone(), second.keys[1].clone()];
    let opener = Opener::new(OpenerConfig::new(keys)).unwrap();
    let opened = open(&opener, b"k", &more, &second.policy()).unwrap();
    assert_eq!(text(&opened.value), document);

    let mut whole = Fixture::new(&[(2, "root", "$")]);
    let refused = whole.sealer.seal_more(&record, &sealed.edek, 0, &mut os_rng());
    let already = FieldError::AlreadySealed { path: String::new() };
    assert_eq!(refused, Err(SealError::from(already)));
    let nothing = first.sealer.seal_more(&record, &sealed.edek, 0, &mut os_rng());
    assert_eq!(nothing, Err(SealError::from(FieldError::NothingToAdd)));
}

#[test]
fn fields_inside_a_sealed_whole() {
    let fixture = example();
    let whole = SecretKey::generate(Suite::Ecies, &mut os_rng());
    let public = fixture.fields.iter().zip(&fixture.keys);
    let public = public.map(|(f, key)| FieldKey { slot: f.slot(), key: key.public_key().clone() });
    let sealing = FieldSealing::new(Arc::clone(&fixture.fields), public).unwrap();
    let config = SealerConfig::new(whole.public_key().clone(), channel()).fields(sealing);
    let mut sealer = Sealer::new(config).unwrap();
    let record = Record { key: Some(b"k"), value: Some(EXAMPLE.as_bytes()), place: None };
    let sealed = sealer.seal(&record, 0, &mut os_rng()).unwrap();
    assert_eq!(EdekHeader::parse(&sealed.edek).unwrap().iter().len(), 6);
    let keys = fixture.keys.iter().take(2).cloned().chain([whole.clone()]);
    let opener = Opener::new(OpenerConfig::new(keys)).unwrap();
    let opened = open(&opener, b"k", &sealed, &fixture.policy()).unwrap();
    assert!(text(&opened.value).starts_with(r#"{"a":[false,true],"b":{"b":10},"c":"nu1."#));
    let without_whole = fixture.open_all(&sealed).unwrap_err();
    assert!(matches!(without_whole, FieldError::Record(OpenError::NotGranted { .. })));
    // Without their EDEKs the tokens are not taken for text.
    let cut = SealedRecord { edek: sealed.edek[..102].to_vec(), ..sealed };
    let error = open(&opener, b"k", &cut, &fixture.policy()).unwrap_err();
    assert_eq!(error, FieldError::Altered { path: "/a/0".into() });
}

#[test]
fn a_deletion_is_authentic_to_whoever_has_one_grant() {
    let mut fixture = example();
    let record = Record { key: Some(b"k"), value: None, place: None };
    let sealed = fixture.sealer.seal(&record, 0, &mut os_rng()).unwrap();
    assert_eq!(sealed.null.as_ref().map(Vec::len), Some(5 * 29));
    let one = fixture.open(&sealed, |name| name == "c", &fixture.policy()).unwrap();
    assert_eq!(one.value, None);
    let none = fixture.open(&sealed, |_| false, &fixture.policy()).unwrap_err();
    assert!(matches!(none, FieldError::Record(OpenError::NotGranted { .. })));
    let bare = SealedRecord { null: None, ..sealed.clone() };
    assert_eq!(fixture.open_all(&bare), Err(OpenError::Altered.into()));
    let opener = Opener::new(OpenerConfig::new(fixture.keys.iter().cloned())).unwrap();
    let moved = open(&opener, b"other", &sealed, &fixture.policy());
    assert_eq!(moved, Err(OpenError::Altered.into()));
    assert!(NULL_HEADER.starts_with("nu.") && EDEK_HEADER.starts_with("nu."));
}

#[test]
fn swapped_moved_and_altered_fields_are_errors() {
    let mut fixture = Fixture::new(&[(1, "x", "$['x','y']"), (2, "z", "$.z")]);
    let one = fixture.seal(r#"{"x":1,"y":2,"z":3}"#).unwrap();
    let other = fixture.seal(r#"{"x":4,"y":5,"z":6}"#).unwrap();
    let altered = |path: &str| Err(FieldError::Altered { path: path.into() });

    let (x, y) = (token_at(&one, "/x"), token_at(&one, "/y"));
    let swapped = replace(&replace(&one, "/x", &y), "/y", &x);
    assert_eq!(fixture.open_all(&swapped), altered("/x"));
    // The same place in another record of the session, also under another slot.
    for path in ["/x", "/z"] {
        let moved = replace(&one, path, &token_at(&other, path));
        assert!(matches!(fixture.open_all(&moved), Err(FieldError::Altered { .. })), "{path}");
    }
    let twice = replace(&one, "/y", &x);
    assert_eq!(fixture.open_all(&twice), altered("/y"));
    // Even to a reader who was not granted it.
    assert_eq!(fixture.open(&twice, |name| name == "z", &fixture.policy()), altered("/y"));
    let opener = Opener::new(OpenerConfig::new(fixture.keys.iter().cloned())).unwrap();
    assert_eq!(open(&opener, b"other", &one, &fixture.policy()), altered("/x"));
    // A path that is renamed.
    let renamed = text(&one.value).replace(r#""z""#, r#""zz""#).into_bytes();
    let renamed = SealedRecord { value: Some(renamed), ..one.clone() };
    assert_eq!(fixture.open_all(&renamed), altered("/zz"));
    // Clear text in a token's place.
    let clear = replace(&one, "/z", r#""3""#);
    let expected = FieldError::Clear { path: "/z".into(), field: "z".into() };
    assert_eq!(fixture.open_all(&clear), Err(expected));
    let accepting = FieldPolicy { clear: ClearText::Accept, ..fixture.policy() };
    let opened = fixture.open(&clear, |_| true, &accepting).unwrap();
    assert_eq!(opened.fields[2].state, FieldState::Clear);
    // An EDEK taken away.
    let cut = SealedRecord { edek: one.edek[..102].to_vec(), ..one.clone() };
    assert_eq!(fixture.open_all(&cut), altered("/z"));
    let clear = SealedRecord { edek: Vec::new(), ..one.clone() };
    assert!(matches!(fixture.open_all(&clear), Err(FieldError::Record(OpenError::Malformed(_)))));
}

#[test]
fn every_byte_of_a_token_counts() {
    let mut fixture = Fixture::new(&[(1, "x", "$.x")]);
    let sealed = fixture.seal(r#"{"x":true}"#).unwrap();
    let token = token_at(&sealed, "/x");
    for at in 1..token.len() - 1 {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = replace(&sealed, "/x", core::str::from_utf8(&bytes).unwrap());
        assert!(fixture.open_all(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn duplicate_names_are_refused_on_protected_paths_only() {
    let mut fixture = Fixture::new(&[(1, "x", "$.a.x")]);
    for (document, refused) in [
        (r#"{"a":{"x":1,"x":2}}"#, true),
        (r#"{"a":{"x":1,"\u0078":2}}"#, true),
        (r#"{"a":{},"a":{"x":2}}"#, true),
        (r#"{"a":{"x":1,"y":2,"y":3},"b":1,"b":2}"#, false),
        (r#"{"a":{"x":{"q":1,"q":2}}}"#, false),
    ] {
        let sealed = fixture.seal(document);
        assert_eq!(sealed.is_err(), refused, "{document}");
        if let Ok(sealed) = sealed {
            assert_eq!(text(&fixture.open_all(&sealed).unwrap().value), document);
        }
    }
    // A filter may look anywhere.
    let mut filter = Fixture::new(&[(1, "x", "$[?@.k=='s'].v")]);
    assert!(filter.seal(r#"[{"k":"s","v":1,"k":"t"}]"#).is_err());
}

#[test]
fn filters_slices_and_indexes_from_the_end() {
    for (path, document, paths) in [
        (
            "$[?@.k=='s'].v",
            r#"[{"k":"s","v":1e999},{"k":"t","v":2},{"k":"s","v":{}}]"#,
            &["/0/v", "/2/v"][..],
        ),
        ("$.a[-1]", r#"{"a":[1,2,3]}"#, &["/a/2"]),
        ("$[1:3]", "[0, 1, 2, 3]", &["/1", "/2"]),
        (r#"$["a\u002fb"]"#, r#"{"a/b": 1, "a": 2}"#, &["/a~1b"]),
        ("$[?match(@.k, 's.*')].v", r#"[{"k":"secret","v":1}]"#, &["/0/v"]),
    ] {
        let mut fixture = Fixture::new(&[(1, "x", path)]);
        let sealed = fixture.seal(document).unwrap();
        let found = tokens(sealed.value.as_deref().unwrap()).unwrap();
        let found: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(found, paths, "{path}");
        let opened = fixture.open(&sealed, |_| true, &FieldPolicy::default()).unwrap();
        assert_eq!(text(&opened.value), document);
    }
}

#[test]
fn required_fields() {
    let required = Field::new(1, "x", ["$.x", "$.other"]).unwrap().required(true);
    let mut fixture = Fixture::with(Arc::new(ProtectedFields::new([required]).unwrap()));
    let missing = FieldError::Missing { field: "x".into() };
    assert_eq!(fixture.seal(r#"{"y":1}"#), Err(missing.clone().into()));
    let sealed = fixture.seal(r#"{"other":1}"#).unwrap();
    assert_eq!(text(&fixture.open_all(&sealed).unwrap().value), r#"{"other":1}"#);
    let gone = SealedRecord { value: Some(b"{}".to_vec()), ..sealed };
    assert_eq!(fixture.open_all(&gone), Err(missing));
}

#[test]
fn a_field_that_appears_later_is_sealed() {
    let mut fixture = Fixture::new(&[(1, "x", "$.x")]);
    assert_eq!(text(&fixture.seal(r#"{"y":1}"#).unwrap().value), r#"{"y":1}"#);
    assert!(!text(&fixture.seal(r#"{"y":1,"x":"late"}"#).unwrap().value).contains("late"));
}

#[test]
fn what_is_no_json_is_refused() {
    let deep = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    let mut fixture = Fixture::new(&[(1, "x", "$..x")]);
    let mut seal = |document: &[u8]| {
        let record = Record { key: None, value: Some(document), place: None };
        fixture.sealer.seal(&record, 0, &mut os_rng())
    };
    let bad: &[&[u8]] = &[
        b"",
        b" ",
        b"{",
        b"[",
        b"[1,]",
        b"[,1]",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{a:1}",
        b"{'a':1}",
        b"01",
        b"-",
        b"1.",
        b".5",
        b"1e",
        b"+1",
        b"0x1",
        b"NaN",
        b"-Infinity",
        b"nul",
        b"truefalse",
        b"[1 2]",
        b"1 2",
        b"\"",
        b"\"\\\"",
        b"\"\\x\"",
        b"\"\\u12\"",
        b"\"\\ud800\"",
        b"\"\\ud800\\u0041\"",
        b"\"\\udc00\"",
        b"\"\n\"",
        b"\"\t\"",
        b"\"\x00\"",
        b"\xff",
        b"\"\xc3\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\x80\"",
        b"\xef\xbb\xbf1",
        b"[1}",
        b"{\"a\":1]",
        b"]",
        b"}",
        b",",
        b"[1]]",
        b"/**/1",
        b"\x00\x00\x00\x00\x01",
        b"[\"a\",\n4\n,1,",
    ];
    for document in bad {
        let shown = String::from_utf8_lossy(document);
        assert!(matches!(seal(document), Err(SealError::Field(_))), "{shown}");
        assert!(serde_json::from_slice::<serde_json::Value>(document).is_err(), "{shown}");
    }
    assert!(seal(&deep(MAX_DEPTH)).is_ok());
    assert!(seal(&deep(MAX_DEPTH + 1)).is_err());
    let good: &[&[u8]] = &[
        b"0",
        b"-0",
        b"-0.0e-0",
        b"1E+2",
        b"123456789012345678901234567890",
        b"\"\"",
        b"[]",
        b"{}",
        b" [ ] ",
        b"\r\n\t{ }",
        b"\"\\ud83d\\ude00\"",
        b"\"\\u0000\"",
        b"\"\x7f\"",
        b"{\"\":0}",
        b"[[],{}]",
        b"\"\xf4\x8f\xbf\xbf\"",
        b"null",
        b"1e99999",
        b"[0,-1.5e3]",
    ];
    for document in good {
        assert!(seal(document).is_ok(), "{}", String::from_utf8_lossy(document));
    }
}

#[test]
fn text_that_another_reader_sealed_cannot_add_members() {
    for text in ["1,\"admin\":true", "1 ", " 1", "", "1 2", "{", "nu"] {
        assert!(scan::exactly_one_value(text.as_bytes(), 0).is_err(), "{text}");
    }
    assert!(scan::exactly_one_value(b"{\"a\": 1}", 0).is_ok());
    assert!(scan::exactly_one_value(b"[]", MAX_DEPTH).is_err());
}

#[test]
fn selectors_and_fields_that_are_none() {
    for wrong in ["", "a", "$.", "$[", "$.a b", "$[?]", "tag:PII", "property:x", "$\n", "$[01]"] {
        assert!(Field::new(1, "x", [wrong]).is_err(), "{wrong}");
    }
    assert!(Field::new(0, "x", ["$"]).is_err());
    assert!(Field::new(1, "x", [""; 0]).is_err());
    let field = |slot| Field::new(slot, "x", ["$"]).unwrap();
    assert!(ProtectedFields::new([field(1), field(1)]).is_err());
    assert!(ProtectedFields::new([]).is_err());
    let key = SecretKey::generate(Suite::Bbs98, &mut os_rng()).public_key().clone();
    let fields = fields(&[(1, "x", "$")]);
    assert!(FieldSealing::new(Arc::clone(&fields), []).is_err());
    assert!(FieldSealing::new(fields, [FieldKey { slot: 2, key }]).is_err());
    assert_eq!(KeyBinding::default(), KeyBinding::UnlessNull);
}

/// Documents with the names `a`, `b`, `c` and `nu1.`, some white space, and strings like tokens.
fn document() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-1.50e+3".to_owned()),
        Just("\"nu1.AQ\"".to_owned()),
        Just("\"\\u006eu0.\"".to_owned()),
        Just("\"\\\"é\"".to_owned()),
        "\"[a-z]{0,20}\"",
        "[1-9][0-9]{0,25}",
    ];
    scalar.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|v| format!("[{}]", v.join(" , "))),
            prop::collection::btree_map("[abc]|nu1\\.", inner, 0..4).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\" :{value}")).collect();
                format!("{{ {}}}", members.join(","))
            }),
        ]
    })
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        Just(".a".to_owned()),
        Just(".b".to_owned()),
        Just("[*]".to_owned()),
        Just(".*".to_owned()),
        Just("[0]".to_owned()),
        Just("[1]".to_owned()),
        Just("['a', \"c\"]".to_owned()),
        Just("..a".to_owned()),
        Just("..[0]".to_owned()),
        Just("..*".to_owned()),
        Just("['nu1.']".to_owned()),
        Just("[0, 'b', *]".to_owned()),
    ];
    prop::collection::vec(segment, 0..4).prop_map(|segments| format!("${}", segments.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn opening_inverts_sealing(document in document(), one in path(), two in path()) {
        let mut fixture = Fixture::new(&[(1, "one", &one), (9, "two", &two)]);
        let sealed = fixture.seal(&document).unwrap();
        let opened = fixture.open_all(&sealed).unwrap();
        prop_assert_eq!(text(&opened.value), &document);
        // Nothing granted: no text of a selected value is there, all else is.
        let kept = fixture.open(&sealed, |_| false, &fixture.policy()).unwrap();
        prop_assert_eq!(kept.fields.len(), opened.fields.len());
    }

    /// The scanner's own paths select what the library selects.
    #[test]
    fn simple_paths_select_what_the_library_selects(document in document(), path in path()) {
        let library = serde_json_path::JsonPath::parse(&path).unwrap();
        let tree = json::tree(document.as_bytes()).unwrap();
        let mut expected: Vec<String> = library.query_located(&tree).locations()
            .map(|location| location.to_json_pointer()).collect();
        expected.sort();
        expected.dedup();
        let all = expected.clone();
        // The topmost alone.
        expected.retain(|path| !all.iter().any(|other| path.starts_with(&format!("{other}/"))));
        let fields = fields(&[(1, "x", &path)]);
        prop_assert!(fields.program.general.is_empty());
        let selection = Selection::new(&fields, |_| true, document.as_bytes()).unwrap();
        let marks = scan::scan(document.as_bytes(), &selection, 0).unwrap();
        let mut found: Vec<String> = marks.into_iter()
            .filter(|mark| mark.field.is_some()).map(|mark| mark.path).collect();
        found.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_bytes_make_the_scanner_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = scan::scan(&bytes, &Selection::nothing(), 0);
        let _ = tokens(&bytes);
    }

    #[test]
    fn the_scanner_accepts_what_serde_json_accepts(text in "[\\[\\]{}:,\"a1\\\\0.eu -]{0,12}") {
        let ours = scan::scan(text.as_bytes(), &Selection::nothing(), 0).is_ok();
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
        prop_assert_eq!(ours, theirs);
    }
}
