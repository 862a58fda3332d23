//! Days of the reporting zone, and the weeks and months that they form.

use chrono::{Datelike, NaiveDate};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::model::{Zone, ZoneTable, day_number, day_of};

/// The day of one instant in a zone.
pub(super) fn day_in(zone: Zone, unix_ms: i64) -> i32 {
    ZoneTable::of(zone).day(unix_ms)
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
    /// `2025-Q1`
    Quarter,
}

impl Period {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 4] =
        [("day", Self::Day), ("week", Self::Week), ("month", Self::Month), ("quarter", Self::Quarter)];

    /// Its name in questions and answers.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, period)| *period == self).map_or("", |(name, _)| name)
    }

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
            Self::Quarter => Self::Month.number(day).div_euclid(3),
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
            Self::Quarter => Self::Month.first_day(number.saturating_mul(3)),
        }
    }

    /// The running number of the period with this name.
    pub fn named(self, label: &str) -> Option<i32> {
        let day = match self {
            Self::Day => label.parse().ok(),
            Self::Month => format!("{label}-01").parse().ok(),
            Self::Week => {
                let (year, week) = label.split_once("-W")?;
                NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, chrono::Weekday::Mon)
            }
            Self::Quarter => {
                let (year, quarter) = label.split_once("-Q")?;
                let month = quarter.parse::<u32>().ok()?.checked_sub(1)?.checked_mul(3)?.checked_add(1)?;
                NaiveDate::from_ymd_opt(year.parse().ok()?, month, 1)
            }
        };
        // Written in one way only.
        day.map(|day| self.number(day_number(day))).filter(|number| self.label(*number) == label)
    }

    /// The name of a period.
    pub fn label(self, number: i32) -> String {
        let first = day_of(self.first_day(number));
        match self {
            Self::Day => first.to_string(),
            Self::Week => format!("{:04}-W{:02}", first.iso_week().year(), first.iso_week().week()),
            Self::Month => format!("{:04}-{:02}", first.year(), first.month()),
            Self::Quarter => format!("{:04}-Q{}", first.year(), first.month0() / 3 + 1),
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
        assert_eq!(name(Period::Quarter, "2025-03-31"), "2025-Q1");
        assert_eq!(name(Period::Quarter, "1969-12-31"), "1969-Q4");
    }

    #[test]
    fn every_period_begins_where_the_last_one_ended() {
        for (_, period) in Period::ALL {
            for d in day("1969-01-01")..day("2032-01-01") {
                let number = period.number(d);
                assert!((period.first_day(number)..period.first_day(number + 1)).contains(&d), "{period:?} {d}");
                assert_eq!(period.named(&period.label(number)), Some(number));
            }
        }
    }
}
