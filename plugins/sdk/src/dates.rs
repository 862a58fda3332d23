//! Dates as platforms write them, and the little arithmetic that a connector needs.

use std::fmt;

use crate::types::Moment;

/// Why a text is no date. Shows the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateError(String);

impl DateError {
    fn new(text: &str) -> Self {
        DateError(text.chars().take(40).collect())
    }
}

impl fmt::Display for DateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a date that exists, such as 2026-04-01 or 2026-04-01T13:00:00Z", self.0)
    }
}

impl std::error::Error for DateError {}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// A day of the proleptic Gregorian calendar, years 0 to 9999, without zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    const FIRST: i64 = -719_528;
    const LAST: i64 = 2_932_896;

    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// If it is anything else, or no such day exists.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let error = || DateError::new(text);
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(error());
        }
        let number = |from: usize, to: usize| digits(bytes.get(from..to)?);
        let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
        year.zip(month).zip(day).and_then(|((year, month), day)| Day::from_civil(year, month, day)).ok_or_else(error)
    }

    /// From year, month and day. `None` if no such day exists.
    #[must_use]
    pub fn from_civil(year: i64, month: i64, day: i64) -> Option<Self> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            4 | 6 | 9 | 11 => 30,
            2 => 28 + i64::from(leap),
            1..=12 => 31,
            _ => return None,
        };
        if !(0..=9999).contains(&year) || !(1..=length).contains(&day) {
            return None;
        }
        // Years begin in March, so that the leap day is the last of its year; eras are the 400 years after which the
        // calendar repeats.
        let year = year - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(Day(era * 146_097 + day_of_era - 719_468))
    }

    /// Year, month and day.
    #[must_use]
    pub fn civil(self) -> (i64, i64, i64) {
        let days = self.0 + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }

    /// The day in UTC of a time in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn of_unix_ms(unix_ms: i64) -> Self {
        Day(unix_ms.div_euclid(DAY_MS).clamp(Self::FIRST, Self::LAST))
    }

    /// So many days later, or earlier if negative. Stops at the years 0 and 9999.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Day(self.0.saturating_add(days).clamp(Self::FIRST, Self::LAST))
    }

    /// Days from `other` to this one.
    #[must_use]
    pub fn days_since(self, other: Day) -> i64 {
        self.0 - other.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let valid = !bytes.is_empty() && bytes.len() <= 4 && bytes.iter().all(u8::is_ascii_digit);
    valid.then(|| bytes.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// A clock reading: milliseconds since midnight, and the offset from UTC in minutes if one was stated.
struct Clock {
    ms: i64,
    offset_min: Option<i64>,
}

/// Reads `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fff`, then nothing, `Z`, `UTC`, or an offset such as `+02:00`, `+0200`, `+02`.
fn clock(text: &str) -> Option<Clock> {
    let (reading, offset_min) = if let Some(reading) = text.strip_suffix(['Z', 'z']) {
        (reading, Some(0))
    } else if let Some(reading) = text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT")) {
        (reading, Some(0))
    } else if let Some(index) = text.rfind(['+', '-']) {
        let (reading, offset) = text.split_at(index);
        let digits_only: String = offset.get(1..)?.chars().filter(|c| *c != ':').collect();
        let hours = digits(digits_only.as_bytes().get(..2)?)?;
        let minutes = match digits_only.as_bytes().get(2..)? {
            [] => 0,
            minutes if minutes.len() == 2 => digits(minutes)?,
            _ => return None,
        };
        if hours > 18 || minutes > 59 {
            return None;
        }
        let total = hours * 60 + minutes;
        (reading, Some(if offset.starts_with('-') { -total } else { total }))
    } else {
        (text, None)
    };
    let (whole, fraction) = reading.trim_end().split_once('.').unwrap_or((reading.trim_end(), "0"));
    let mut parts = whole.split(':');
    let mut part = |limit: i64| {
        let bytes = parts.next()?.as_bytes();
        digits(bytes).filter(|number| bytes.len() == 2 && *number < limit)
    };
    let (hours, minutes) = (part(24)?, part(60)?);
    let seconds = if whole.len() > 5 { part(60)? } else { 0 };
    let in_form = matches!(whole.len(), 5 | 8) && !(fraction.is_empty() || whole.len() == 5 && reading.contains('.'));
    if !in_form || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    let ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + digits(thousandths.as_bytes())?;
    Some(Clock { ms, offset_min })
}

fn read(text: &str, zone_is_utc: bool) -> Option<Moment> {
    let text = text.trim();
    let day = Day::parse(text.get(..10)?).ok()?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(Moment::Day(day.to_string()));
    }
    let clock = clock(rest.strip_prefix(['T', 't', ' '])?.trim_start())?;
    Some(match clock.offset_min {
        Some(offset_min) => Moment::Utc(day.0 * DAY_MS + clock.ms - offset_min * 60_000),
        None if zone_is_utc => Moment::Utc(day.0 * DAY_MS + clock.ms),
        None => Moment::Local(wall_time(day, clock.ms)),
    })
}

/// Written digit by digit: most rows of most files have one, and `format!` costs a tenth of reading a row.
fn wall_time(day: Day, ms: i64) -> String {
    let (seconds, fraction) = (ms / 1000, ms % 1000);
    let (year, month, of_month) = day.civil();
    let mut time = String::with_capacity(23);
    let mut put = |mark: &str, number: i64, width: u32| {
        time.push_str(mark);
        for place in (0..width).rev() {
            let digit = u8::try_from(number / 10_i64.pow(place) % 10).unwrap_or_default();
            time.push(char::from(b'0' + digit));
        }
    };
    put("", year, 4);
    put("-", month, 2);
    put("-", of_month, 2);
    put("T", seconds / 3600, 2);
    put(":", seconds / 60 % 60, 2);
    put(":", seconds % 60, 2);
    if fraction != 0 {
        put(".", fraction, 3);
    }
    time
}

/// Reads `YYYY-MM-DD`, alone or followed by `T` or a space and `HH:MM[:SS[.fff]]`. With `Z`, `UTC` or an offset it is a
/// point in time, without zone a wall clock reading, without time a day.
///
/// # Errors
/// If it is anything else, or no such day or time exists.
pub fn moment(text: &str) -> Result<Moment, DateError> {
    read(text, false).ok_or_else(|| DateError::new(text))
}

/// As [`moment`], for platforms whose times are UTC without saying so.
///
/// # Errors
/// As [`moment`].
pub fn utc(text: &str) -> Result<Moment, DateError> {
    read(text, true).ok_or_else(|| DateError::new(text))
}

/// As [`utc`], in milliseconds since 1970-01-01T00:00:00Z: for revisions, and to reckon with.
///
/// # Errors
/// As [`moment`]; a day without time is refused too.
pub fn utc_ms(text: &str) -> Result<i64, DateError> {
    match utc(text)? {
        Moment::Utc(unix_ms) => Ok(unix_ms),
        _ => Err(DateError::new(text)),
    }
}

/// A date column and, where there is one, a time column. The time counts only if the date has none of its own.
///
/// # Errors
/// As [`moment`].
pub fn day_and_time(date: &str, time: Option<&str>) -> Result<Moment, DateError> {
    match (moment(date)?, time) {
        (Moment::Day(day), Some(time)) => moment(&format!("{day}T{}", time.trim())),
        (moment, _) => Ok(moment),
    }
}

/// Seconds since 1970-01-01T00:00:00Z.
#[must_use]
pub const fn unix_seconds(seconds: i64) -> Moment {
    Moment::Utc(seconds.saturating_mul(1000))
}

/// Milliseconds since 1970-01-01T00:00:00Z.
#[must_use]
pub const fn unix_ms(ms: i64) -> Moment {
    Moment::Utc(ms)
}

/// `YYYY-MM-DDTHH:MM:SS` in UTC, with three decimals if there are any.
#[must_use]
pub fn format_utc(unix_ms: i64) -> String {
    wall_time(Day::of_unix_ms(unix_ms), unix_ms.rem_euclid(DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_as_the_calendar_does() {
        assert_eq!(Day::parse("1970-01-01").unwrap(), Day(0));
        assert_eq!(Day::parse("0000-01-01").unwrap(), Day(Day::FIRST));
        assert_eq!(Day::parse("9999-12-31").unwrap(), Day(Day::LAST));
        let mut day = Day::parse("1899-12-31").unwrap();
        let mut expected = (1899, 12, 31);
        for _ in 0..150_000 {
            assert_eq!(day.civil(), expected);
            assert_eq!(Day::from_civil(expected.0, expected.1, expected.2), Some(day));
            day = day.plus(1);
            let (year, month, number) = expected;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
            expected = match (month, number) {
                (12, 31) => (year + 1, 1, 1),
                (_, number) if number == length => (year, month + 1, 1),
                _ => (year, month, number + 1),
            };
        }
        assert_eq!(Day::parse("2024-03-01").unwrap().plus(-1).to_string(), "2024-02-29");
        assert_eq!(Day::parse("2024-03-01").unwrap().days_since(Day::parse("2023-03-01").unwrap()), 366);
        assert_eq!(Day(0).plus(i64::MAX).to_string(), "9999-12-31");
    }

    #[test]
    fn dates_as_platforms_write_them() {
        for (text, expected) in [
            ("2026-04-01", Moment::Day("2026-04-01".into())),
            ("2026-04-01 13:05:09", Moment::Local("2026-04-01T13:05:09".into())),
            ("2026-04-01T13:05", Moment::Local("2026-04-01T13:05:00".into())),
            ("2026-04-01T13:05:09.120999", Moment::Local("2026-04-01T13:05:09.120".into())),
            ("2026-04-01T13:05:09Z", Moment::Utc(1_775_048_709_000)),
            ("2026-04-01 13:05:09 UTC", Moment::Utc(1_775_048_709_000)),
            ("2026-04-01T13:05:09.5Z", Moment::Utc(1_775_048_709_500)),
            ("2026-04-01T15:05:09+02:00", Moment::Utc(1_775_048_709_000)),
            ("2026-04-01 08:35:09 -0430", Moment::Utc(1_775_048_709_000)),
            (" 2026-04-01T15:05:09+02 ", Moment::Utc(1_775_048_709_000)),
            ("1969-12-31T23:59:59Z", Moment::Utc(-1000)),
        ] {
            assert_eq!(moment(text), Ok(expected), "{text}");
        }
        assert_eq!(utc("2026-04-01 13:05:09"), Ok(Moment::Utc(1_775_048_709_000)));
        assert_eq!(unix_seconds(1_775_048_709), Moment::Utc(1_775_048_709_000));
        assert_eq!(format_utc(1_775_048_709_000), "2026-04-01T13:05:09");
        assert_eq!(format_utc(-1), "1969-12-31T23:59:59.999");
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "26-04-01",
            "2026/04/01",
            "2026-4-1",
            "2026-04-01T",
            "2026-04-01T24:00:00",
            "2026-04-01T12:60",
            "2026-04-01T12:00:60",
            "2026-04-01T1:00",
            "2026-04-01T12:00:00+",
            "2026-04-01T12:00:00+25:00",
            "2026-04-01T12:00:00.",
            "2026-04-01T12:00.5",
            "2026-04-01T12:00:00 Europe/Berlin",
            "2026-04-01x",
            "+026-04-01",
            "２026-04-01",
            "2026-04-01T12:00:00é",
            "0000-00-00 00:00:00",
        ] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_column_counts_where_the_date_has_no_time() {
        assert_eq!(day_and_time("2026-04-01", Some("09:30:00")), Ok(Moment::Local("2026-04-01T09:30:00".into())));
        assert_eq!(day_and_time("2026-04-01T08:00:00", Some("09:30:00")), moment("2026-04-01T08:00:00"));
        assert_eq!(day_and_time("2026-04-01", None), Ok(Moment::Day("2026-04-01".into())));
        assert!(day_and_time("2026-04-01", Some("noon")).is_err());
    }
}
