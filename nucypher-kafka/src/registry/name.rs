//! Names that stand in signed bodies: channels, topics, fields, principals.

/// A name that cannot be used, and what would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A channel's name.
    #[error("{0:?} is no channel name: use 1 to 249 of A-Z a-z 0-9 . _ -")]
    Channel(String),
    /// A topic's name.
    #[error(
        "{0:?} is no topic name: use 1 to 249 of A-Z a-z 0-9 . _ -, not \".\" or \"..\"; a pattern ends in *"
    )]
    Topic(String),
    /// A protected field group's name.
    #[error("{0:?} is no field name: use at least one character, and no control characters")]
    Field(String),
    /// A protected field's selector.
    #[error(
        "{0:?} is no selector: use JSONPath such as $.card.number, tag:NAME or property:NAME, at most 1024 bytes"
    )]
    Selector(String),
    /// A principal.
    #[error("{0:?} is no principal: use a name such as User:alice, without control characters")]
    Principal(String),
}

const MAX_NAME: usize = 249;
const MAX_SELECTOR: usize = 1024;
/// Distinguished names of client certificates can be long.
const MAX_PRINCIPAL: usize = 4096;

pub(super) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Whether Kafka takes this for a topic's name.
pub fn is_topic(text: &str) -> bool {
    is_name(text) && text != "." && text != ".."
}

/// A topic's name, or a prefix of names followed by `*`, which stands for all that begin with it.
pub(super) fn is_topic_pattern(text: &str) -> bool {
    match text.strip_suffix('*') {
        Some(prefix) => prefix.is_empty() || is_name(prefix),
        None => is_topic(text),
    }
}

/// Whether a name or a pattern stands for a topic, or takes in all of another pattern.
pub(super) fn matches_topic(pattern: &str, topic: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => topic.starts_with(prefix),
        None => pattern == topic,
    }
}

/// Where a protected field stands: JSONPath (RFC 9535), an Avro tag or an Avro field property. What
/// it means is nucypher-envelope's; here only its form is checked.
pub(super) fn is_selector(text: &str) -> bool {
    let named = |prefix| text.strip_prefix(prefix).is_some_and(|name: &str| !name.is_empty());
    text.len() <= MAX_SELECTOR
        && !text.chars().any(char::is_control)
        && (text.starts_with('$') || named("tag:") || named("property:"))
}

/// A field group's name; empty stands for the whole value.
pub(super) fn is_field(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

pub(super) fn is_principal(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_PRINCIPAL && !text.chars().any(char::is_control)
}

/// Brings a principal into Kafka's form: `alice` becomes `User:alice`, `User:alice` stays.
pub fn normalise_principal(text: &str) -> Result<String, NameError> {
    let full = if text.starts_with("User:") { text.to_owned() } else { format!("User:{text}") };
    if full.len() > "User:".len() && is_principal(&full) {
        Ok(full)
    } else {
        Err(NameError::Principal(text.to_owned()))
    }
}
