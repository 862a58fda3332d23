//! Instants for connectors, and what connectors say of time.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};

use super::bindings::types as wit;
use super::log::start_of;
use crate::model::{Moment, Zone, day_number};

/// First and last year that an entry may lie in: everything else is a mistake in reading it.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;

/// 2200-01-01T00:00:00 in milliseconds since 1970, UTC or wall clock.
const END_MS: i64 = 7_258_118_400_000;

/// An instant as connectors see it. Times beyond the calendar are drawn to its ends.
pub(super) fn instant(unix_ms: i64, zone: Zone) -> wit::Instant {
    let at = utc(unix_ms);
    wit::Instant { unix_ms, utc: wall_time(at), local: wall_time(zone.from_utc_datetime(&at).naive_local()) }
}

/// The local day of an instant, `YYYY-MM-DD`.
pub(super) fn local_day(unix_ms: i64, zone: Zone) -> String {
    zone.from_utc_datetime(&utc(unix_ms)).naive_local().format("%Y-%m-%d").to_string()
}

fn utc(unix_ms: i64) -> NaiveDateTime {
    DateTime::<Utc>::from_timestamp_millis(unix_ms.clamp(0, END_MS)).unwrap_or_default().naive_utc()
}

/// `YYYY-MM-DDTHH:MM:SS`. Every call of a connector has some of them, and reading a pattern takes five times as long.
fn wall_time(wall: NaiveDateTime) -> String {
    format!("{:?}", wall.with_nanosecond(0).unwrap_or(wall))
}

/// Reads a moment. `received_ms` is when the delivery arrived, where there is one.
///
/// # Errors
/// What is wrong, for the connector's author.
pub(super) fn moment(said: &wit::Moment, received_ms: Option<i64>) -> Result<Moment, String> {
    match said {
        wit::Moment::Utc(ms) if (0..END_MS).contains(ms) => Ok(Moment::Utc(*ms)),
        wit::Moment::Utc(ms) => Err(format!("the moment {ms} ms is not within the years 1970 to 2199")),
        wit::Moment::Local(text) => wall(text).map(Moment::local).ok_or_else(|| {
            format!("{} is no wall clock reading of the years 1970 to 2199, like 2026-04-01T12:30:00", quoted(text))
        }),
        wit::Moment::Day(text) => day(text.as_bytes())
            .map(|day| Moment::Day(day_number(day)))
            .ok_or_else(|| format!("{} is no day of the years 1970 to 2199, like 2026-04-01", quoted(text))),
        wit::Moment::Received => received_ms
            .map(Moment::Received)
            .ok_or_else(|| "`received` is given as a moment where there is no webhook delivery".to_owned()),
    }
}

/// A value of a connector inside a message: short, and without control characters.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN_BYTES: usize = 60;
    let shown = start_of(text, SHOWN_BYTES);
    let mark = if shown.len() < text.len() { "…" } else { "" };
    format!("`{}{mark}`", shown.escape_debug())
}

fn day(text: &[u8]) -> Option<NaiveDate> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    YEARS
        .contains(&year)
        .then(|| NaiveDate::from_ymd_opt(year, number(&[m1, m2]).unwrap_or(0), number(&[d1, d2]).unwrap_or(0)))?
}

fn wall(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.split_once('T')?;
    let (time, millis) = match time.split_once('.') {
        Some((time, decimals)) if (1..=3).contains(&decimals.len()) => {
            let scale = 10_u32.pow(3 - u32::try_from(decimals.len()).ok()?);
            (time, number(decimals.as_bytes())? * scale)
        }
        Some(_) => return None,
        None => (time, 0),
    };
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = time.as_bytes() else { return None };
    let time = NaiveTime::from_hms_milli_opt(number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?, millis)?;
    Some(day(date.as_bytes())?.and_time(time))
}

/// Digits alone.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> Result<Moment, String> {
        moment(&wit::Moment::Local(text.into()), None)
    }

    #[test]
    fn wall_clocks_and_days_are_read_strictly() {
        assert_eq!(local("1970-01-01T00:00:01"), Ok(Moment::Local(1_000)));
        assert_eq!(local("1970-01-02T00:00:00.5"), Ok(Moment::Local(86_400_500)));
        assert_eq!(local("2199-12-31T23:59:59.999"), Ok(Moment::Local(END_MS - 1)));
        for wrong in [
            "",
            "T",
            "2026-04-01",
            "2026-04-01 12:00:00",
            "2026-04-01T12:00:00Z",
            "2026-04-01T12:00:00.",
            "2026-04-01T12:00:00.1234",
            "2026-04-01T12:00",
            "2026-4-1T12:00:00",
            "2026-02-29T12:00:00",
            "2026-04-01T24:00:00",
            "2026-04-01T12:00:60",
            "1969-12-31T23:59:59",
            "2200-01-01T00:00:00",
            "+026-04-01T12:00:00",
            "2026-04-01T12:00:00.-1",
            "２026-04-01T12:00:00",
        ] {
            assert!(local(wrong).is_err(), "{wrong}");
        }
        assert_eq!(moment(&wit::Moment::Day("1970-01-02".into()), None), Ok(Moment::Day(1)));
        assert!(moment(&wit::Moment::Day("1970-01-02T00:00:00".into()), None).is_err());
    }

    #[test]
    fn instants_of_absurd_times_are_refused() {
        assert_eq!(moment(&wit::Moment::Utc(0), None), Ok(Moment::Utc(0)));
        for ms in [-1, END_MS, i64::MIN, i64::MAX] {
            assert!(moment(&wit::Moment::Utc(ms), None).is_err());
        }
        assert_eq!(moment(&wit::Moment::Received, Some(7)), Ok(Moment::Received(7)));
        assert!(moment(&wit::Moment::Received, None).is_err());
        assert_eq!(utc(END_MS).to_string(), "2200-01-01 00:00:00");
    }

    #[test]
    fn instants_name_one_point_in_three_ways() {
        let at = instant(1_775_001_600_999, chrono_tz::America::New_York);
        assert_eq!((at.utc.as_str(), at.local.as_str()), ("2026-04-01T00:00:00", "2026-03-31T20:00:00"));
        assert_eq!(local_day(1_775_001_600_999, chrono_tz::America::New_York), "2026-03-31");
        for far in [i64::MIN, i64::MAX] {
            assert_eq!(instant(far, chrono_tz::Asia::Tokyo).unix_ms, far);
        }
    }

    #[test]
    fn values_are_shown_short_and_harmless() {
        assert_eq!(quoted("a\u{1b}[31m"), r"`a\u{1b}[31m`");
        assert!(quoted(&"x".repeat(1 << 20)).len() < 70);
    }
}
