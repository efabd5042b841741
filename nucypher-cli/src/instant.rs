//! Instants as users write and read them: RFC 3339 in UTC, a date, or a span from now.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

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
    let days = instant_ms.div_euclid(DAY);
    let time = instant_ms.rem_euclid(DAY);
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (time / HOUR, time / MINUTE % 60, time / SECOND % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn span(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        'd' => DAY,
        'h' => HOUR,
        'm' => MINUTE,
        's' => SECOND,
        _ => return None,
    };
    let count = digits(text.get(..text.len() - 1)?)?;
    count.checked_mul(unit).filter(|span| *span > 0)
}

fn date_and_time(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once('T') {
        None => (text, 0),
        Some((date, time)) => (date, time_of_day(time.strip_suffix('Z')?)?),
    };
    let mut parts = date.split('-');
    let mut part = |len: usize| parts.next().filter(|part| part.len() == len).and_then(digits);
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    let days = days_from_civil(year, month, day);
    // A day that its month does not have comes back as another.
    let exists = parts.next().is_none() && civil_from_days(days) == (year, month, day);
    exists.then_some(days * DAY + time)
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut part = |below: i64| {
        parts.next().filter(|part| part.len() == 2).and_then(digits).filter(|n| *n < below)
    };
    let (hour, minute) = (part(24)?, part(60)?);
    let second = part(60).unwrap_or(0);
    let well_formed = text.len() == 8 || text.len() == 5;
    (well_formed && parts.next().is_none())
        .then_some(hour * HOUR + minute * MINUTE + second * SECOND)
}

fn digits(text: &str) -> Option<i64> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().ok())?
}

/// Days since 1970 of a date in the Gregorian calendar. Howard Hinnant, "chrono-compatible
/// low-level date algorithms": years begin in March, so that the leap day is their last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
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
        assert_eq!(parse("2026-11-24T07:00Z"), Ok(Instant::At(1_795_503_600_000)));
        assert_eq!(parse("2026-11-24"), Ok(Instant::At(1_795_478_400_000)));
        assert_eq!(parse("+90d"), Ok(Instant::FromNow(90 * DAY)));
        assert_eq!(parse("+12h").unwrap().resolve(HOUR), 13 * HOUR);
        assert_eq!(parse_span("45s"), Ok(45 * SECOND));
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
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:0Z",
            "2026-01-01 00:00:00",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_day_of_a_century_comes_back() {
        for days in 0..40_000 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }
}
