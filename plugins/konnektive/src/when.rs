//! Dates as the platform writes them: wall clock of the account, without zone \[C\].

use ltv_connector::dates::{self, Day};
use ltv_connector::prelude::*;

/// Reads `YYYY-MM-DD`, and `MM/DD/YYYY` or `M/D/YY` \[L\], each with a time of day or without, of 24 or of 12 hours. `None`
/// for a text that stands for no date: `0000-00-00`.
///
/// # Errors
/// If it is anything else, or no such day or time exists.
pub(crate) fn moment(text: &str) -> Result<Option<Moment>, Fault> {
    let text = text.trim();
    if text.is_empty() || text.starts_with("0000-00-00") {
        return Ok(None);
    }
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let day = if date.contains('/') { slashed(date) } else { Day::parse(date).ok() };
    let read = day.and_then(|day| {
        let time = time.trim();
        let time = if time.is_empty() { String::new() } else { format!("T{}", clock(time)?) };
        dates::moment(&format!("{day}{time}")).ok()
    });
    let shown: String = text.chars().take(40).collect();
    read.map(Some)
        .ok_or_else(|| Fault::new(format!("`{shown}` is not a date that exists, such as 2026-03-01 23:30:00")))
}

/// `MM/DD/YYYY` or `M/D/YY`: the platform is American, the month comes first \[L\].
fn slashed(date: &str) -> Option<Day> {
    let mut parts = date.split('/');
    let mut number = |digits: std::ops::RangeInclusive<usize>| {
        let part = parts.next()?;
        let plain = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i64>().ok().filter(|_| plain)
    };
    let (month, day, year) = (number(1..=2)?, number(1..=2)?, number(2..=4)?);
    let year = match year {
        0..100 => 2000 + year,
        100..1000 => return None,
        year => year,
    };
    if parts.next().is_some() { None } else { Day::from_civil(year, month, day) }
}

/// `9:05 PM` as `21:05`; what has no half of the day stays as it is.
fn clock(time: &str) -> Option<String> {
    let upper = time.to_ascii_uppercase();
    let (reading, afternoon) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(reading), _) => (reading, false),
        (_, Some(reading)) => (reading, true),
        _ => {
            let padded = if time.find(':') == Some(1) { format!("0{time}") } else { time.to_owned() };
            return Some(padded);
        }
    };
    let (hour, rest) = reading.trim().split_once(':')?;
    let hour: u32 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    Some(format!("{:02}:{rest}", hour % 12 + if afternoon { 12 } else { 0 }))
}

/// A revision from the time of the last change, in whole hours: `2026030123`.
///
/// Not finer, because the wall clock goes back in autumn: a change at 01:50 may be older than one at 01:10. Within an hour
/// the later answer wins, and answers always show a row as it stands.
pub(crate) fn revision(changed: Option<&str>) -> i64 {
    let moment = changed.and_then(|text| moment(text).ok().flatten());
    let wall = match moment {
        Some(Moment::Local(wall)) => wall,
        Some(Moment::Day(day)) => format!("{day}T00"),
        Some(Moment::Utc(unix_ms)) => dates::format_utc(unix_ms),
        Some(Moment::Received) | None => return 0,
    };
    let digits: String = wall.chars().filter(char::is_ascii_digit).take("YYYYMMDDHH".len()).collect();
    digits.parse().unwrap_or(0)
}

/// `2026-03-01` as the platform wants it: `03/01/2026` \[C\].
pub(crate) fn american(day: Day) -> String {
    let (year, month, of_month) = day.civil();
    format!("{month:02}/{of_month:02}/{year:04}")
}
