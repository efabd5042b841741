//! Instants as users write and read them: RFC 3339 in UTC, a date, or a span from now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// 9999-12-31 and its last second.
const YEAR_10000: i64 = 253_402_300_800_000;

/// How an instant is written, for help and messages.
const FORMS: &str =
    "2026-12-31T23:59:59Z, 2026-12-31 (its first second, UTC) or +90d (from now; d, h, m, s)";

/// The clock, in milliseconds since 1970.
pub(crate) fn now() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    i64::try_from(since.as_millis()).context("the clock is out of range")
}

/// An instant as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instant {
    /// Milliseconds since 1970.
    At(i64),
    /// Milliseconds from now.
    FromNow(i64),
}

impl Instant {
    /// Milliseconds since 1970.
    pub(crate) fn resolve(self, now_ms: i64) -> i64 {
        match self {
            Self::At(instant) => instant,
            Self::FromNow(span) => now_ms.saturating_add(span),
        }
    }
}

/// Parses an instant, for clap.
pub(crate) fn parse(text: &str) -> Result<Instant, String> {
    let parsed = match text.strip_prefix('+') {
        Some(text) => span(text).map(Instant::FromNow),
        None => date_and_time(text).map(Instant::At),
    };
    parsed.ok_or_else(|| format!("write it as {FORMS}"))
}

/// Parses a span of time such as `90d`, for clap.
pub(crate) fn parse_span(text: &str) -> Result<i64, String> {
    span(text).ok_or_else(|| "write it as 90d, 12h, 30m or 45s".to_owned())
}

/// Writes an instant.
pub(crate) fn show(instant_ms: i64) -> String {
    let since = u64::try_from(instant_ms).ok().map(Duration::from_millis);
    match since.and_then(|since| UNIX_EPOCH.checked_add(since)) {
        // Ten thousand years from now there is another way to write a year.
        Some(instant) if instant_ms < YEAR_10000 => {
            humantime::format_rfc3339_seconds(instant).to_string()
        }
        _ => format!("{instant_ms} ms"),
    }
}

fn span(text: &str) -> Option<i64> {
    let span = humantime::parse_duration(text).ok()?;
    i64::try_from(span.as_millis()).ok().filter(|span| *span > 0)
}

fn date_and_time(text: &str) -> Option<i64> {
    let instant = match text.len() {
        10 => humantime::parse_rfc3339(&format!("{text}T00:00:00Z")),
        _ => humantime::parse_rfc3339(text),
    };
    i64::try_from(instant.ok()?.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_and_written() {
        for (text, instant) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:30:45Z", 951_827_445_000),
            ("2026-11-24T07:00:00Z", 1_795_503_600_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ] {
            assert_eq!(parse(text), Ok(Instant::At(instant)), "{text}");
            assert_eq!(show(instant), text);
        }
        assert_eq!(parse("2026-11-24"), Ok(Instant::At(1_795_478_400_000)));
        assert_eq!(parse("+90d"), Ok(Instant::FromNow(90 * 86_400_000)));
        assert_eq!(parse("+12h").unwrap().resolve(3_600_000), 13 * 3_600_000);
        assert_eq!(parse_span("45s"), Ok(45_000));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "+",
            "+d",
            "+0d",
            "+-1d",
            "90d",
            "+9223372036854775807d",
            "tomorrow",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "2026-01-01-01",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:0Z",
            "2026-01-01 00:00:00",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
