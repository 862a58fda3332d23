//! Days of the reporting zone, and the weeks and months that they form.

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::model::{Zone, day_number, day_of};

const DAY_MS: i64 = 86_400_000;
/// 1 January of the year 1 and 31 December 9999: what four digits can say. Days beyond are taken for these.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;
/// UTC days for which the offset is kept: 1970 to 2099.
const KEPT_DAYS: i64 = 47_482;

/// Finds the day of an instant in one zone, fast enough for every entry of the ledger.
pub(super) struct ZoneDays {
    zone: Zone,
    /// Seconds east of UTC at the start of each UTC day from 1970-01-01, one more than days.
    offsets: Vec<i32>,
}

impl ZoneDays {
    pub(super) fn new(zone: Zone) -> Self {
        let offsets = (0..=KEPT_DAYS).map(|day| offset_seconds(zone, day * DAY_MS)).collect();
        Self { zone, offsets }
    }

    /// Days since 1970-01-01, in the zone.
    pub(super) fn day(&self, unix_ms: i64) -> i32 {
        let index = usize::try_from(unix_ms.div_euclid(DAY_MS)).unwrap_or(usize::MAX - 1);
        let offset = match (self.offsets.get(index), self.offsets.get(index + 1)) {
            // No zone changes its clock twice within a day and back to the same offset.
            (Some(start), Some(end)) if start == end => *start,
            _ => offset_seconds(self.zone, unix_ms),
        };
        local_day(unix_ms, offset)
    }
}

/// The day of one instant in a zone.
pub(super) fn day_in(zone: Zone, unix_ms: i64) -> i32 {
    local_day(unix_ms, offset_seconds(zone, unix_ms))
}

fn offset_seconds(zone: Zone, unix_ms: i64) -> i32 {
    DateTime::from_timestamp_millis(unix_ms)
        .map_or(0, |at| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
}

fn local_day(unix_ms: i64, offset_seconds: i32) -> i32 {
    let day = unix_ms.saturating_add(i64::from(offset_seconds) * 1000).div_euclid(DAY_MS);
    // Within 32 bits by the clamp.
    day.clamp(FIRST_DAY, LAST_DAY) as i32
}

/// Writes a day number as `2025-01-31`.
pub(super) fn serialize_day<S: Serializer>(day: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&day_of(*day))
}

/// Writes a day number as `2025-01-31`, or null.
pub(super) fn serialize_day_option<S: Serializer>(day: &Option<i32>, serializer: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serialize_day(day, serializer),
        None => serializer.serialize_none(),
    }
}

/// Parts of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// `2025-01-31`
    Day,
    /// ISO 8601 weeks, from Monday: `2025-W05`
    Week,
    /// `2025-01`
    Month,
}

impl Period {
    /// The running number of the period that holds this day. Later periods have higher numbers.
    pub fn number(self, day: i32) -> i32 {
        match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday.
            Self::Week => (day + 3).div_euclid(7),
            Self::Month => {
                let date = day_of(day);
                date.year() * 12 + date.month0() as i32
            }
        }
    }

    /// The first day of a period.
    pub fn first_day(self, number: i32) -> i32 {
        match self {
            Self::Day => number,
            Self::Week => number * 7 - 3,
            Self::Month => {
                let month = number.rem_euclid(12).unsigned_abs() + 1;
                NaiveDate::from_ymd_opt(number.div_euclid(12), month, 1).map_or(0, day_number)
            }
        }
    }

    /// The name of a period.
    pub fn label(self, number: i32) -> String {
        let first = day_of(self.first_day(number));
        match self {
            Self::Day => first.to_string(),
            Self::Week => format!("{:04}-W{:02}", first.iso_week().year(), first.iso_week().week()),
            Self::Month => format!("{:04}-{:02}", first.year(), first.month()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        day_number(text.parse().unwrap())
    }

    #[test]
    fn periods_are_named_as_people_name_them() {
        let name = |period: Period, text: &str| period.label(period.number(day(text)));
        assert_eq!(name(Period::Day, "2025-01-31"), "2025-01-31");
        assert_eq!(name(Period::Month, "2025-01-31"), "2025-01");
        assert_eq!(name(Period::Week, "2025-01-31"), "2025-W05");
        // The days around New Year belong to the ISO year of their Thursday.
        assert_eq!(name(Period::Week, "2024-12-30"), "2025-W01");
        assert_eq!(name(Period::Week, "2021-01-03"), "2020-W53");
        assert_eq!(name(Period::Month, "1969-12-31"), "1969-12");
    }

    #[test]
    fn every_period_begins_where_the_last_one_ended() {
        for period in [Period::Day, Period::Week, Period::Month] {
            for d in day("1969-01-01")..day("2032-01-01") {
                let number = period.number(d);
                assert!((period.first_day(number)..period.first_day(number + 1)).contains(&d), "{period:?} {d}");
            }
        }
    }

    #[test]
    fn days_are_those_of_the_zone_on_both_sides_of_every_clock_change() {
        let zones = [
            chrono_tz::America::New_York,
            chrono_tz::Europe::Berlin,
            chrono_tz::Australia::Lord_Howe,
            chrono_tz::America::Sao_Paulo,
            chrono_tz::Pacific::Apia,
            chrono_tz::Africa::Casablanca,
            chrono_tz::UTC,
        ];
        for zone in zones {
            let days = ZoneDays::new(zone);
            for quarter in (day("2005-01-01") * 96)..(day("2026-01-01") * 96) {
                let ms = i64::from(quarter) * 900_000 - 1;
                let naive = DateTime::from_timestamp_millis(ms).unwrap().with_timezone(&zone).date_naive();
                assert_eq!(days.day(ms), day_number(naive), "{zone} {ms}");
            }
        }
    }

    #[test]
    fn absurd_instants_have_a_day() {
        let days = ZoneDays::new(chrono_tz::America::New_York);
        assert_eq!(days.day(i64::MIN), day("0001-01-01"));
        assert_eq!(days.day(i64::MAX), day("9999-12-31"));
        assert_eq!(days.day(-1), day("1969-12-31"));
    }
}
