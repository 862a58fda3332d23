//! Points in time as platforms tell them, and their reading in a zone.

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc};
use serde::{Deserialize, Serialize};

/// A time zone of the IANA database.
pub type Zone = chrono_tz::Tz;

/// When something happened, as exactly as the platform said. It is kept as said and read anew in the zone of the
/// integration each time the book is built, so a corrected zone needs no migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Moment {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Utc(i64),
    /// Wall clock in the zone of the integration: milliseconds since 1970-01-01T00:00:00 on that clock.
    Local(i64),
    /// A day in the zone of the integration: days since 1970-01-01. Read as noon, so that a small error of zone does not
    /// move it to another day.
    Day(i32),
    /// The platform gave no date: milliseconds since 1970-01-01T00:00:00Z at which the delivery arrived.
    Received(i64),
}

/// A moment read in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: i64,
    /// The wall clock reading was skipped or repeated by a clock change; the earlier offset was taken.
    pub clock_change: bool,
}

impl Moment {
    /// Reads it in the zone of its integration.
    pub fn resolve(self, zone: Zone) -> Resolved {
        match self {
            Self::Utc(unix_ms) | Self::Received(unix_ms) => Resolved { unix_ms, clock_change: false },
            Self::Local(ms) => resolve_local(ms, zone),
            Self::Day(day) => resolve_local(i64::from(day) * 86_400_000 + 43_200_000, zone),
        }
    }

    /// A wall clock reading.
    pub fn local(wall: NaiveDateTime) -> Self {
        Self::Local(wall.and_utc().timestamp_millis())
    }

    /// A day without time.
    pub fn day(day: NaiveDate) -> Self {
        Self::Day(day_number(day))
    }
}

/// Days since 1970-01-01.
pub fn day_number(day: NaiveDate) -> i32 {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
}

/// The day, in a zone, of an instant: days since 1970-01-01.
pub fn local_day(unix_ms: i64, zone: Zone) -> i32 {
    let at = DateTime::<Utc>::from_timestamp_millis(unix_ms).unwrap_or_default();
    day_number(at.with_timezone(&zone).date_naive())
}

/// The day with this number; saturates at the calendar's ends.
pub fn day_of(number: i32) -> NaiveDate {
    NaiveDate::default().checked_add_signed(Duration::days(i64::from(number))).unwrap_or(if number < 0 {
        NaiveDate::MIN
    } else {
        NaiveDate::MAX
    })
}

fn resolve_local(wall_ms: i64, zone: Zone) -> Resolved {
    let Some(wall) = DateTime::<Utc>::from_timestamp_millis(wall_ms).map(|utc| utc.naive_utc()) else {
        return Resolved { unix_ms: wall_ms, clock_change: false };
    };
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) => Resolved { unix_ms: at.timestamp_millis(), clock_change: false },
        LocalResult::Ambiguous(earlier, later) => {
            // The earlier offset is the one in force before the change, which gives the earlier instant.
            let at = earlier.timestamp_millis().min(later.timestamp_millis());
            Resolved { unix_ms: at, clock_change: true }
        }
        LocalResult::None => {
            // Skipped: take the offset in force before the gap. A day earlier is before any gap that swallows `wall`.
            let before = zone.offset_from_utc_datetime(&(wall - Duration::days(1)));
            let offset_ms = i64::from(before.fix().local_minus_utc()) * 1000;
            Resolved { unix_ms: wall_ms - offset_ms, clock_change: true }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str, zone: Zone) -> (String, bool) {
        let wall = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
        let read = Moment::local(wall).resolve(zone);
        (DateTime::from_timestamp_millis(read.unix_ms).unwrap().to_rfc3339(), read.clock_change)
    }

    #[test]
    fn wall_clock_is_read_in_the_zone() {
        let (at, odd) = local("2025-01-31 23:30:00", chrono_tz::America::New_York);
        assert_eq!((at.as_str(), odd), ("2025-02-01T04:30:00+00:00", false));
    }

    #[test]
    fn repeated_and_skipped_times_take_the_earlier_offset() {
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(local("2025-10-26 02:30:00", berlin), ("2025-10-26T00:30:00+00:00".into(), true));
        assert_eq!(local("2025-03-30 02:30:00", berlin), ("2025-03-30T01:30:00+00:00".into(), true));
    }

    #[test]
    fn a_day_is_its_noon() {
        let day = NaiveDate::from_ymd_opt(2025, 7, 1).unwrap();
        let read = Moment::day(day).resolve(chrono_tz::America::Los_Angeles);
        assert_eq!(DateTime::from_timestamp_millis(read.unix_ms).unwrap().to_rfc3339(), "2025-07-01T19:00:00+00:00");
        assert_eq!(day_of(day_number(day)), day);
    }
}
