//! A time zone's offsets by day, for reading every entry of a ledger.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use chrono::{DateTime, Offset, TimeZone};

use super::moment::{Moment, Resolved, Zone};

const DAY_MS: i64 = 86_400_000;
/// 1 January of the year 1 and 31 December 9999: what four digits can say. Days beyond are taken for these.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;
/// UTC days for which the offset is kept: 1970 to 2099.
const KEPT_DAYS: i64 = 47_482;

/// Finds the day of an instant, and the instant of a wall clock reading, in one zone, in a few nanoseconds.
#[derive(Debug)]
pub struct ZoneTable {
    zone: Zone,
    /// Seconds east of UTC at the start of each UTC day from 1970-01-01, one more than days.
    offsets: Vec<i32>,
}

impl ZoneTable {
    /// That of a zone. It is made once.
    pub fn of(zone: Zone) -> Arc<Self> {
        static TABLES: LazyLock<Mutex<HashMap<Zone, Arc<ZoneTable>>>> = LazyLock::new(Mutex::default);
        let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tables.entry(zone).or_insert_with(|| {
            let offsets = (0..=KEPT_DAYS).map(|day| offset_seconds(zone, day * DAY_MS)).collect();
            Arc::new(Self { zone, offsets })
        }))
    }

    /// Days since 1970-01-01, in the zone.
    pub fn day(&self, unix_ms: i64) -> i32 {
        let index = usize::try_from(unix_ms.div_euclid(DAY_MS)).unwrap_or(usize::MAX - 1);
        let offset = match (self.offsets.get(index), self.offsets.get(index + 1)) {
            // No zone changes its clock twice within a day and back to the same offset.
            (Some(start), Some(end)) if start == end => *start,
            _ => offset_seconds(self.zone, unix_ms),
        };
        let day = unix_ms.saturating_add(i64::from(offset) * 1000).div_euclid(DAY_MS);
        // Within 32 bits by the clamp.
        day.clamp(FIRST_DAY, LAST_DAY) as i32
    }

    /// Reads a moment in the zone, as [`Moment::resolve`] does.
    pub fn resolve(&self, moment: Moment) -> Resolved {
        let wall_ms = match moment {
            Moment::Utc(unix_ms) | Moment::Received(unix_ms) => return Resolved { unix_ms, clock_change: false },
            Moment::Local(ms) => ms,
            Moment::Day(day) => i64::from(day) * DAY_MS + DAY_MS / 2,
        };
        // An offset is less than a day, so the instant lies within a day of the reading taken as UTC.
        let first = wall_ms.div_euclid(DAY_MS).checked_sub(1).and_then(|day| usize::try_from(day).ok());
        let around = first.and_then(|first| self.offsets.get(first..first + 4));
        match around {
            Some(&[a, b, c, d]) if a == b && b == c && c == d => {
                Resolved { unix_ms: wall_ms - i64::from(a) * 1000, clock_change: false }
            }
            _ => moment.resolve(self.zone),
        }
    }
}

fn offset_seconds(zone: Zone, unix_ms: i64) -> i32 {
    DateTime::from_timestamp_millis(unix_ms)
        .map_or(0, |at| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::day_number;

    const ZONES: [Zone; 8] = [
        chrono_tz::America::New_York,
        chrono_tz::Europe::Berlin,
        chrono_tz::Australia::Lord_Howe,
        chrono_tz::America::Sao_Paulo,
        chrono_tz::America::Havana,
        chrono_tz::Pacific::Apia,
        chrono_tz::Africa::Casablanca,
        chrono_tz::UTC,
    ];

    fn day(text: &str) -> i32 {
        day_number(text.parse().unwrap())
    }

    #[test]
    fn days_and_readings_are_those_of_the_zone_on_both_sides_of_every_clock_change() {
        for zone in ZONES {
            let table = ZoneTable::of(zone);
            for quarter in (day("2005-01-01") * 96)..(day("2026-01-01") * 96) {
                let ms = i64::from(quarter) * 900_000 - 1;
                let naive = DateTime::from_timestamp_millis(ms).unwrap().with_timezone(&zone).date_naive();
                assert_eq!(table.day(ms), day_number(naive), "{zone} {ms}");
                assert_eq!(table.resolve(Moment::Local(ms)), Moment::Local(ms).resolve(zone), "{zone} {ms}");
            }
            for day in day("2005-01-01")..day("2026-01-01") {
                assert_eq!(table.resolve(Moment::Day(day)), Moment::Day(day).resolve(zone), "{zone} {day}");
            }
        }
    }

    #[test]
    fn absurd_instants_have_a_day() {
        let table = ZoneTable::of(chrono_tz::America::New_York);
        assert_eq!(table.day(i64::MIN), day("0001-01-01"));
        assert_eq!(table.day(i64::MAX), day("9999-12-31"));
        assert_eq!(table.day(-1), day("1969-12-31"));
        for ms in [i64::MIN, i64::MAX, -1, 0] {
            assert_eq!(table.resolve(Moment::Local(ms)), Moment::Local(ms).resolve(chrono_tz::America::New_York));
        }
    }
}
