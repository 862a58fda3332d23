//! Reads dates and times of day in the notations that shop exports use.

use chrono::{Datelike, NaiveDate, TimeDelta, Timelike};

use crate::model::manifest::DateOrder;

pub(super) const NOT_A_DATE: &str = "is not a date";
pub(super) const NOT_A_TIME: &str = "is not a time of day";
const NO_SUCH_DAY: &str = "is a day that does not exist";
const EXPONENT: &str = "was shortened by a spreadsheet program; upload the original file";
const DAY_NUMBER: &str =
    "looks like a spreadsheet's day number; format the column as a date, or upload the original file";
const UNKNOWN_ZONE: &str = "has a time zone that is not known; use an offset such as +01:00";

/// Longest date, bytes.
const DATE_BYTES: usize = 80;

/// A date as the cell says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    day: Day,
    clock: Option<Clock>,
    /// Minutes east of Greenwich.
    offset: Option<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// No doubt about the month.
    Known { year: i32, month: u32, day: u32, evidence: DateEvidence },
    /// Two numbers up to 12.
    Either { year: i32, first: u32, second: u32, dotted: bool },
}

/// What a date tells about the order of day and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateEvidence {
    /// Nothing, and it needs to know nothing.
    None,
    /// Settles it.
    Certain(DateOrder),
    /// It can be read both ways. With dots (`03.04.2026`) the day nearly always comes first.
    Either {
        /// Written with dots.
        dotted: bool,
    },
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
}

impl Stamp {
    pub(super) fn evidence(&self) -> DateEvidence {
        match self.day {
            Day::Known { evidence, .. } => evidence,
            Day::Either { dotted, .. } => DateEvidence::Either { dotted },
        }
    }

    /// Writes `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS`, with `Z` if the offset was stated.
    pub(super) fn write(&self, order: DateOrder, out: &mut Vec<u8>) {
        let (mut year, mut month, mut day) = match (self.day, order) {
            (Day::Known { year, month, day, .. }, _) => (year, month, day),
            (Day::Either { year, first, second, .. }, DateOrder::MonthFirst) => (year, first, second),
            (Day::Either { year, first, second, .. }, DateOrder::DayFirst) => (year, second, first),
        };
        let mut clock = self.clock;
        let mut utc = false;
        if let (Some(offset), Some(local)) = (self.offset, self.clock) {
            let moment = NaiveDate::from_ymd_opt(year, month, day)
                .and_then(|day| day.and_hms_opt(local.hour, local.minute, local.second))
                .and_then(|moment| moment.checked_sub_signed(TimeDelta::minutes(i64::from(offset))));
            if let Some(moment) = moment {
                (year, month, day) = (moment.year(), moment.month(), moment.day());
                clock = Some(Clock { hour: moment.hour(), minute: moment.minute(), second: moment.second() });
                utc = true;
            }
        }
        let year = u32::try_from(year).unwrap_or_default();
        two_digits(year / 100, out);
        two_digits(year % 100, out);
        out.push(b'-');
        two_digits(month, out);
        out.push(b'-');
        two_digits(day, out);
        if let Some(clock) = clock {
            out.push(b'T');
            clock.write(out);
        }
        if utc {
            out.push(b'Z');
        }
    }
}

impl Clock {
    /// Writes `HH:MM:SS`.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        two_digits(self.hour, out);
        out.push(b':');
        two_digits(self.minute, out);
        out.push(b':');
        two_digits(self.second, out);
    }
}

fn two_digits(number: u32, out: &mut Vec<u8>) {
    let digit = |number: u32| b'0' + u8::try_from(number % 10).unwrap_or_default();
    out.extend_from_slice(&[digit(number / 10), digit(number)]);
}

/// Reads a trimmed, not empty cell as a date with or without time.
///
/// # Errors
/// The reason why it is none.
pub(super) fn read_date(cell: &[u8]) -> Result<Stamp, &'static str> {
    ascii(cell, |text| {
        if text.iter().all(u8::is_ascii_digit) {
            return read_number(text);
        }
        if text.iter().all(|byte| byte.is_ascii_digit() || b".,+eE".contains(byte)) && text.contains(&b'+') {
            return Err(EXPONENT);
        }
        let mut cursor = Cursor(text);
        let day = read_day(&mut cursor)?;
        let (clock, offset) = if cursor.at_end() { (None, None) } else { read_clock_behind_day(&mut cursor)? };
        Ok(Stamp { day, clock, offset })
    })
    .unwrap_or(Err(NOT_A_DATE))
}

/// Reads a trimmed, not empty cell as a time of day.
///
/// # Errors
/// The reason why it is none.
pub(super) fn read_time(cell: &[u8]) -> Result<Clock, &'static str> {
    ascii(cell, |text| {
        let mut cursor = Cursor(text);
        let clock = read_clock(&mut cursor).ok_or(NOT_A_TIME)?;
        if cursor.at_end() { Ok(clock) } else { Err(NOT_A_TIME) }
    })
    .unwrap_or(Err(NOT_A_TIME))
}

/// Gives the text to `read`, with blanks beyond ASCII as plain ones: newer libraries put a narrow one before `PM`.
fn ascii<T>(cell: &[u8], read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    if cell.len() > DATE_BYTES {
        return None;
    }
    if cell.is_ascii() {
        return Some(read(cell));
    }
    let text = std::str::from_utf8(cell).ok()?;
    let plain: String = text.chars().map(|letter| if letter.is_whitespace() { ' ' } else { letter }).collect();
    plain.is_ascii().then(|| read(plain.as_bytes()))
}

/// Digits alone: seconds or milliseconds since 1970, or `YYYYMMDD`.
fn read_number(text: &[u8]) -> Result<Stamp, &'static str> {
    let number = text.iter().fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    let seconds = match text.len() {
        5 => return Err(DAY_NUMBER),
        8 => {
            let part = |divisor: i64, modulus: i64| u32::try_from(number / divisor % modulus).unwrap_or_default();
            let year = i32::try_from(number / 10_000).unwrap_or_default();
            return Ok(Stamp {
                day: known(year, part(100, 100), part(1, 100), DateEvidence::None)?,
                clock: None,
                offset: None,
            });
        }
        10 => number,
        13 => number / 1000,
        _ => return Err(NOT_A_DATE),
    };
    let moment = chrono::DateTime::from_timestamp(seconds, 0).ok_or(NOT_A_DATE)?;
    let clock = Clock { hour: moment.hour(), minute: moment.minute(), second: moment.second() };
    let day = known(moment.year(), moment.month(), moment.day(), DateEvidence::None)?;
    Ok(Stamp { day, clock: Some(clock), offset: Some(0) })
}

fn read_day(cursor: &mut Cursor<'_>) -> Result<Day, &'static str> {
    if cursor.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
        let mut word = cursor.word();
        if is_weekday(word) {
            cursor.skip(b"., ");
            word = cursor.word();
        }
        if !word.is_empty() {
            let month = month(word).ok_or(NOT_A_DATE)?;
            cursor.skip(b" -/.,");
            let (day, 1..=2) = cursor.number().ok_or(NOT_A_DATE)? else { return Err(NOT_A_DATE) };
            cursor.ordinal();
            cursor.skip(b" -/.,");
            let year = year(cursor.number()).ok_or(NOT_A_DATE)?;
            return known(year, month, day, DateEvidence::None);
        }
    }
    match cursor.number().ok_or(NOT_A_DATE)? {
        (year, 4) => {
            let separator = cursor.next().filter(|byte| b"-/. ".contains(byte)).ok_or(NOT_A_DATE)?;
            let month = if cursor.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
                month(cursor.word()).ok_or(NOT_A_DATE)?
            } else {
                cursor.short_number().ok_or(NOT_A_DATE)?
            };
            cursor.next().filter(|byte| *byte == separator).ok_or(NOT_A_DATE)?;
            let day = cursor.short_number().ok_or(NOT_A_DATE)?;
            known(i32::try_from(year).unwrap_or_default(), month, day, DateEvidence::None)
        }
        (first, 1..=2) => {
            let ordinal = cursor.ordinal();
            let separators = cursor.take(|byte| b" -/.,".contains(&byte));
            if cursor.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
                let month = month(cursor.word()).ok_or(NOT_A_DATE)?;
                cursor.skip(b" -/.,");
                let year = year(cursor.number()).ok_or(NOT_A_DATE)?;
                return known(year, month, first, DateEvidence::None);
            }
            let [separator @ (b'-' | b'/' | b'.')] = *separators else { return Err(NOT_A_DATE) };
            if ordinal {
                return Err(NOT_A_DATE);
            }
            let second = cursor.short_number().ok_or(NOT_A_DATE)?;
            cursor.next().filter(|byte| *byte == separator).ok_or(NOT_A_DATE)?;
            let year = year(cursor.number()).ok_or(NOT_A_DATE)?;
            two_numbers(year, first, second, separator == b'.')
        }
        _ => Err(NOT_A_DATE),
    }
}

fn two_numbers(year: i32, first: u32, second: u32, dotted: bool) -> Result<Day, &'static str> {
    match (first, second) {
        (13.., 13..) => Err(NO_SUCH_DAY),
        (13.., _) => known(year, second, first, DateEvidence::Certain(DateOrder::DayFirst)),
        (_, 13..) => known(year, first, second, DateEvidence::Certain(DateOrder::MonthFirst)),
        _ if first == second => known(year, first, second, DateEvidence::None),
        _ => {
            // Both are 12 at most, so both readings exist if one does.
            known(year, first, second, DateEvidence::None)?;
            known(year, second, first, DateEvidence::None)?;
            Ok(Day::Either { year, first, second, dotted })
        }
    }
}

fn known(year: i32, month: u32, day: u32, evidence: DateEvidence) -> Result<Day, &'static str> {
    // Years outside are mistakes, and would not fit into four digits after a change of zone.
    match (1900..=2199).contains(&year).then(|| NaiveDate::from_ymd_opt(year, month, day)).flatten() {
        Some(_) => Ok(Day::Known { year, month, day, evidence }),
        None => Err(NO_SUCH_DAY),
    }
}

fn year(number: Option<(u32, usize)>) -> Option<i32> {
    match number? {
        (year, 4) => i32::try_from(year).ok(),
        (year @ 0..70, 2) => i32::try_from(year).ok().map(|year| 2000 + year),
        (year, 2) => i32::try_from(year).ok().map(|year| 1900 + year),
        _ => None,
    }
}

fn read_clock_behind_day(cursor: &mut Cursor<'_>) -> Result<(Option<Clock>, Option<i32>), &'static str> {
    if !cursor.eat(b'T') && !cursor.eat(b't') {
        if !matches!(cursor.peek(), Some(b' ' | b',' | b':')) {
            return Err(NOT_A_DATE);
        }
        cursor.skip(b" ,:-");
        if cursor.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            if !cursor.word().eq_ignore_ascii_case(b"at") {
                return Err(NOT_A_DATE);
            }
            cursor.skip(b" ");
        }
    }
    let clock = read_clock(cursor).ok_or(NOT_A_DATE)?;
    let offset = if cursor.at_end() { None } else { Some(read_offset(cursor)?) };
    Ok((Some(clock), offset))
}

fn read_clock(cursor: &mut Cursor<'_>) -> Option<Clock> {
    let hour = cursor.short_number()?;
    let (mut minute, mut second) = (0, 0);
    let minutes = cursor.eat(b':');
    if minutes {
        minute = cursor.two_digit_number()?;
        if cursor.eat(b':') {
            second = cursor.two_digit_number()?;
            if cursor.eat(b'.') || cursor.eat(b',') {
                cursor.digits().first()?;
            }
        }
    }
    let hour = match (cursor.half_of_day(), hour) {
        (Some(Half::Am), 12) => 0,
        (Some(Half::Am), 1..=11) => hour,
        (Some(Half::Am), 0) => 0,
        (Some(Half::Am), _) => return None,
        (Some(Half::Pm), 1..=11) => hour + 12,
        (Some(Half::Pm), _) => hour,
        (None, _) if minutes => hour,
        // A lone number is no time.
        (None, _) => return None,
    };
    // A leap second is read as the second before it.
    (hour < 24 && minute < 60 && second <= 60).then_some(Clock { hour, minute, second: second.min(59) })
}

enum Half {
    Am,
    Pm,
}

/// Behind a time: `Z`, `UTC`, `+01:00`, `GMT+0100 (…)`, or one of the zones that RFC 822 defines.
fn read_offset(cursor: &mut Cursor<'_>) -> Result<i32, &'static str> {
    cursor.skip(b" ");
    let mut offset = 0;
    if cursor.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
        offset = 60
            * match cursor.word().to_ascii_uppercase().as_slice() {
                b"Z" | b"UTC" | b"GMT" => 0,
                b"EDT" => -4,
                b"EST" | b"CDT" => -5,
                b"CST" | b"MDT" => -6,
                b"MST" | b"PDT" => -7,
                b"PST" => -8,
                _ => return Err(UNKNOWN_ZONE),
            };
    }
    if let Some(sign @ (b'+' | b'-')) = cursor.peek() {
        cursor.next();
        let (number, digits) = cursor.number().ok_or(UNKNOWN_ZONE)?;
        let (hours, minutes) = match digits {
            1 | 2 if cursor.eat(b':') => (number, cursor.two_digit_number().ok_or(UNKNOWN_ZONE)?),
            1 | 2 => (number, 0),
            4 => (number / 100, number % 100),
            _ => return Err(UNKNOWN_ZONE),
        };
        if offset != 0 || hours > 15 || minutes > 59 {
            return Err(UNKNOWN_ZONE);
        }
        let total = i32::try_from(hours * 60 + minutes).unwrap_or_default();
        offset = if sign == b'-' { -total } else { total };
    }
    cursor.skip(b" ");
    // The zone's name, which JavaScript adds.
    if cursor.peek() == Some(b'(') && cursor.0.last() == Some(&b')') {
        return Ok(offset);
    }
    if cursor.at_end() { Ok(offset) } else { Err(UNKNOWN_ZONE) }
}

fn month(word: &[u8]) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = std::str::from_utf8(word).ok()?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| {
        *month == word || (word.len() == 3 && month.starts_with(&word)) || (word == "sept" && *month == "september")
    })?;
    u32::try_from(at + 1).ok()
}

fn is_weekday(word: &[u8]) -> bool {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let Ok(word) = std::str::from_utf8(word).map(str::to_ascii_lowercase) else { return false };
    word.len() >= 3 && DAYS.iter().any(|day| day.starts_with(&word))
}

/// What is left of a date.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        if is {
            self.next();
        }
        is
    }

    fn skip(&mut self, bytes: &[u8]) {
        self.take(|byte| bytes.contains(&byte));
    }

    fn take(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !is(*byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(end).unwrap_or((self.0, &[]));
        self.0 = rest;
        taken
    }

    fn word(&mut self) -> &'a [u8] {
        self.take(|byte| byte.is_ascii_alphabetic())
    }

    fn digits(&mut self) -> &'a [u8] {
        self.take(|byte| byte.is_ascii_digit())
    }

    /// A number of at most nine digits, and how many there are.
    fn number(&mut self) -> Option<(u32, usize)> {
        let digits = self.digits();
        let number =
            digits.iter().fold(0, |sum: u32, digit| sum.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
        matches!(digits.len(), 1..=9).then_some((number, digits.len()))
    }

    /// A number of one or two digits.
    fn short_number(&mut self) -> Option<u32> {
        self.number().filter(|(_, digits)| *digits <= 2).map(|(number, _)| number)
    }

    fn two_digit_number(&mut self) -> Option<u32> {
        self.number().filter(|(_, digits)| *digits == 2).map(|(number, _)| number)
    }

    /// `st`, `nd`, `rd` or `th`
    fn ordinal(&mut self) -> bool {
        let mut ahead = Cursor(self.0);
        let word = ahead.word();
        let is = [b"st", b"nd", b"rd", b"th"].iter().any(|ending| word.eq_ignore_ascii_case(*ending));
        if is {
            self.0 = ahead.0;
        }
        is
    }

    /// `AM`, `pm`, `a.m.`
    fn half_of_day(&mut self) -> Option<Half> {
        let mut ahead = Cursor(self.0);
        ahead.skip(b" ");
        let half = match ahead.next()? {
            b'a' | b'A' => Half::Am,
            b'p' | b'P' => Half::Pm,
            _ => return None,
        };
        ahead.eat(b'.');
        if !matches!(ahead.next(), Some(b'm' | b'M')) || ahead.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            return None;
        }
        ahead.eat(b'.');
        self.0 = ahead.0;
        Some(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DateOrder::{DayFirst, MonthFirst};

    fn date(cell: &str, order: DateOrder) -> Result<String, &'static str> {
        let mut out = Vec::new();
        read_date(cell.as_bytes())?.write(order, &mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn notations() {
        for (cell, expected) in [
            ("2026-03-01", "2026-03-01"),
            ("2026/3/1", "2026-03-01"),
            ("20260301", "2026-03-01"),
            ("2026-03-01 10:00", "2026-03-01T10:00:00"),
            ("2026-03-01T10:00:05.123", "2026-03-01T10:00:05"),
            ("2026-03-01T10:00:05Z", "2026-03-01T10:00:05Z"),
            ("2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00Z"),
            ("2026-03-01 23:30:00 -0500", "2026-03-02T04:30:00Z"),
            ("2026-03-01 10:00:00 UTC", "2026-03-01T10:00:00Z"),
            ("2026-03-01 10:00:00 PST", "2026-03-01T18:00:00Z"),
            ("03/25/2026", "2026-03-25"),
            ("25/3/26", "2026-03-25"),
            ("3/25/2026 12:05 AM", "2026-03-25T00:05:00"),
            ("3/25/2026 12:05\u{202f}PM", "2026-03-25T12:05:00"),
            ("25.03.2026, 14:05", "2026-03-25T14:05:00"),
            ("25-03-2026", "2026-03-25"),
            ("1 Mar 2026", "2026-03-01"),
            ("01-Mar-26", "2026-03-01"),
            ("1st of", NOT_A_DATE),
            ("March 1st, 2026 at 2:30 p.m.", "2026-03-01T14:30:00"),
            ("Sunday, March 1, 2026", "2026-03-01"),
            ("Sun Mar 01 2026 10:00:00 GMT+0100 (Central European Time)", "2026-03-01T09:00:00Z"),
            ("Sun, 01 Mar 2026 10:00:00 +0000", "2026-03-01T10:00:00Z"),
            ("01/Mar/2026:10:00:00 +0000", "2026-03-01T10:00:00Z"),
            ("1772359200", "2026-03-01T10:00:00Z"),
            ("1772359200123", "2026-03-01T10:00:00Z"),
            ("2024-02-29", "2024-02-29"),
            ("12/31/99", "1999-12-31"),
            ("2026-12-31 23:59:60", "2026-12-31T23:59:59"),
        ] {
            assert_eq!(date(cell, MonthFirst).unwrap_or_else(str::to_owned), expected, "{cell}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for cell in [
            "soon",
            "2026",
            "03/2026",
            "Mar 2026",
            "2026-03",
            "2026-03-01 25:00",
            "2026-03-01 10:60",
            "2026-03-01x",
            "1/2/3",
            "1/2/026",
            "$5.00",
            "10:00",
            "2026-03-01 10",
            "Tuesday",
            "1//2/2026",
            "٣/٤/2026",
            "3/4-2026",
            "123456789012345678901234567890",
            "2026-03-01 13:00 AM",
            "2026-03-01 10:00 (x)y",
            "",
        ] {
            assert!(date(cell, MonthFirst).is_err(), "{cell}: {:?}", date(cell, MonthFirst));
        }
        for cell in ["2026-02-29", "13/13/2026", "31/04/2026", "0/1/2026", "2026-00-10", "0026-01-01"] {
            assert_eq!(date(cell, MonthFirst), Err(NO_SUCH_DAY), "{cell}");
        }
        assert_eq!(date("46082", MonthFirst), Err(DAY_NUMBER));
        assert_eq!(date("1.77236E+12", MonthFirst), Err(EXPONENT));
        assert_eq!(date("2026-03-01 10:00 IST", MonthFirst), Err(UNKNOWN_ZONE));
    }

    #[test]
    fn a_value_above_twelve_settles_the_order() {
        let evidence = |cell: &str| read_date(cell.as_bytes()).unwrap().evidence();
        assert_eq!(evidence("03/25/2026"), DateEvidence::Certain(MonthFirst));
        assert_eq!(evidence("25/03/2026"), DateEvidence::Certain(DayFirst));
        assert_eq!(evidence("03/04/2026"), DateEvidence::Either { dotted: false });
        assert_eq!(evidence("03.04.2026"), DateEvidence::Either { dotted: true });
        assert_eq!(evidence("04/04/2026"), DateEvidence::None);
        assert_eq!(evidence("2026-03-04"), DateEvidence::None);
        assert_eq!(date("03/04/2026", MonthFirst).unwrap(), "2026-03-04");
        assert_eq!(date("03/04/2026", DayFirst).unwrap(), "2026-04-03");
    }

    #[test]
    fn times() {
        let time = |cell: &str| {
            let mut out = Vec::new();
            read_time(cell.as_bytes())?.write(&mut out);
            Ok::<_, &str>(String::from_utf8(out).unwrap())
        };
        for (cell, expected) in [
            ("10:00 AM", "10:00:00"),
            ("2:30 PM", "14:30:00"),
            ("12:00am", "00:00:00"),
            ("2 pm", "14:00:00"),
            ("14:05", "14:05:00"),
            ("14:05:33.5", "14:05:33"),
        ] {
            assert_eq!(time(cell), Ok(expected.to_owned()), "{cell}");
        }
        for cell in ["10", "24:00", "10:5", "10:00 XM", "10:00 AMx", "13:00 AM", "10:00 EST", "-1:00"] {
            assert_eq!(time(cell), Err(NOT_A_TIME), "{cell}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_instant_reads_back(seconds in 0_i64..4_000_000_000, minutes in -899_i32..=899) {
            let utc = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
            let zone = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
            let expected = utc.format("%Y-%m-%dT%H:%M:%SZ").to_string();
            for format in ["%Y-%m-%dT%H:%M:%S%:z", "%a, %d %b %Y %H:%M:%S %z", "%B %e, %Y %I:%M:%S %p %z", "%Y/%m/%d %H:%M:%S %z"] {
                let cell = utc.with_timezone(&zone).format(format).to_string();
                proptest::prop_assert_eq!(date(&cell, DayFirst).unwrap_or_else(str::to_owned), expected.clone(), "{}", cell);
            }
        }
    }
}
