use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;

const HOUR_MS: i64 = 3_600_000;

fn platform(axes: &[Axis], granularity: Granularity) -> Polling {
    Polling {
        axes: axes.to_vec(),
        granularity,
        window_days_max: 30,
        overlap_s: 600,
        recheck_days: 7,
        interval_min_s: 60,
        concurrent_requests_max: 1,
        requests_per_minute_max: None,
        request_timeout_ms: 1_000,
        refreshes: true,
        subscribes: false,
    }
}

fn wanted(from: &str, to: Option<&str>) -> config::Polling {
    config::Polling {
        from: Some(from.parse().unwrap()),
        to: to.map(|to| to.parse().unwrap()),
        every: Duration::from_secs(900),
        recheck_days: None,
        keep_responses_days: None,
        requests_per_minute: None,
        concurrent_requests: None,
        hosts: None,
        allow_private_addresses: false,
        connect_to: BTreeMap::new(),
        ca_file: None,
    }
}

fn at(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

fn terms<'a>(platform: &'a Polling, wanted: &'a config::Polling, zone: &str, now: &str) -> Terms<'a> {
    Terms { platform, wanted, zone: zone.parse().unwrap(), now_ms: at(now) }
}

/// Reads everything of a plan.
fn done(terms: &Terms<'_>, cursor: &Cursor) -> (Cursor, Vec<Leg>, Option<i64>) {
    let (mut cursor, legs) = terms.plan(cursor);
    let mut synced = None;
    for leg in &legs {
        for window in &leg.windows {
            let (next, marks) = terms.after(&cursor, leg, *window);
            cursor = next;
            synced = synced.max(marks.synced_ms);
        }
    }
    (cursor, legs, synced)
}

fn purposes(legs: &[Leg]) -> Vec<Purpose> {
    legs.iter().map(|leg| leg.purpose).collect()
}

const BOTH: [Axis; 2] = [Axis::Modified, Axis::Created];

#[test]
fn the_first_pass_loads_everything_and_later_ones_what_is_new() {
    let (platform, wanted) = (platform(&BOTH, Granularity::Second), wanted("2026-01-01", None));
    let first = terms(&platform, &wanted, "UTC", "2026-03-15T10:00:00Z");
    let (cursor, legs, synced) = done(&first, &Cursor::default());
    assert_eq!(purposes(&legs), [Purpose::Load, Purpose::Recent]);
    assert_eq!(legs[0].axis, Axis::Created);
    assert_eq!(legs[0].windows.len(), 3);
    assert_eq!(legs[0].windows[0].0, at("2026-01-01T00:00:00Z"));
    assert_eq!(legs[0].windows[2].1, first.now_ms);
    assert_eq!((cursor.load, synced), (None, Some(first.now_ms)));

    let second = terms(&platform, &wanted, "UTC", "2026-03-15T10:15:00Z");
    let (cursor, legs, synced) = done(&second, &cursor);
    assert_eq!(purposes(&legs), [Purpose::Recent]);
    assert_eq!((legs[0].axis, &legs[0].windows), (Axis::Modified, &vec![(first.now_ms - 600_000, second.now_ms)]));
    assert_eq!(synced, Some(second.now_ms));

    let next_day = terms(&platform, &wanted, "UTC", "2026-03-16T10:00:00Z");
    let (_, legs, _) = done(&next_day, &cursor);
    assert_eq!(purposes(&legs), [Purpose::Recent, Purpose::Recheck]);
    assert_eq!((legs[1].axis, legs[1].windows[0].0), (Axis::Created, at("2026-03-09T10:00:00Z")));
}

#[test]
fn a_load_that_was_broken_off_goes_on_and_its_hole_keeps_the_mark_back() {
    let (platform, wanted) = (platform(&BOTH, Granularity::Second), wanted("2026-01-01", None));
    let first = terms(&platform, &wanted, "UTC", "2026-03-15T10:00:00Z");
    let (cursor, legs) = first.plan(&Cursor::default());
    let (cursor, marks) = first.after(&cursor, &legs[0], legs[0].windows[0]);
    assert_eq!(marks.synced_ms, Some(at("2026-01-31T00:00:00Z")));
    // The second window never came to its end, but what is recent did.
    let (cursor, marks) = first.after(&cursor, &legs[1], legs[1].windows[0]);
    assert_eq!(marks.synced_ms, None);
    let second = terms(&platform, &wanted, "UTC", "2026-03-15T11:00:00Z");
    let (_, legs, synced) = done(&second, &cursor);
    assert_eq!(purposes(&legs), [Purpose::Load, Purpose::Recent]);
    assert_eq!(legs[0].windows[0].0, at("2026-01-31T00:00:00Z"));
    assert_eq!(legs[0].windows.last().unwrap().1, first.now_ms, "the load ends where it was to end");
    assert_eq!(legs[1].windows[0].0, first.now_ms - 600_000);
    assert_eq!(synced, Some(second.now_ms));
}

#[test]
fn more_of_the_past_is_loaded_alone() {
    let (platform, early) = (platform(&BOTH, Granularity::Second), wanted("2025-12-01", None));
    let late = wanted("2026-01-01", None);
    let (cursor, ..) = done(&terms(&platform, &late, "UTC", "2026-02-01T00:00:00Z"), &Cursor::default());
    let again = terms(&platform, &early, "UTC", "2026-02-01T01:00:00Z");
    let (cursor, legs, _) = done(&again, &cursor);
    assert_eq!(legs[0].windows.first().unwrap().0, at("2025-12-01T00:00:00Z"));
    assert_eq!(legs[0].windows.last().unwrap().1, at("2026-01-01T00:00:00Z"));
    // And a later `from` unloads nothing.
    let (_, legs, _) = done(&terms(&platform, &late, "UTC", "2026-02-01T02:00:00Z"), &cursor);
    assert_eq!(purposes(&legs), [Purpose::Recent]);
}

#[test]
fn whole_days_follow_the_clock_of_the_account() {
    let mut platform = platform(&BOTH, Granularity::Day);
    (platform.window_days_max, platform.overlap_s) = (1, 86_400);
    let wanted = wanted("2026-03-07", None);
    // New York goes to summer time on 8 March: that day has 23 hours.
    let pass = terms(&platform, &wanted, "America/New_York", "2026-03-09T15:00:00Z");
    let (cursor, legs, synced) = done(&pass, &Cursor::default());
    let hours: Vec<i64> = legs[0].windows.iter().map(|(start, end)| (end - start) / HOUR_MS).collect();
    assert_eq!(hours, [24, 23, 24]);
    assert_eq!(legs[0].windows[0].0, at("2026-03-07T05:00:00Z"));
    // Today is always read whole, though the mark is now.
    assert_eq!(legs[0].windows[2].1, at("2026-03-10T04:00:00Z"));
    assert_eq!((synced, cursor.load), (Some(pass.now_ms), None));
    let next = terms(&platform, &wanted, "America/New_York", "2026-03-09T16:00:00Z");
    let (_, legs, _) = done(&next, &cursor);
    assert_eq!(legs[0].windows.first().unwrap().0, at("2026-03-08T05:00:00Z"));
}

#[test]
fn without_modification_dates_recent_days_are_read_by_every_pass() {
    let (platform, wanted) = (platform(&[Axis::Created], Granularity::Second), wanted("2026-01-01", None));
    let (cursor, legs, synced) = done(&terms(&platform, &wanted, "UTC", "2026-02-01T00:00:00Z"), &Cursor::default());
    assert_eq!(purposes(&legs), [Purpose::Load, Purpose::Recent]);
    assert_eq!(synced, Some(at("2026-02-01T00:00:00Z")));
    let (_, legs, _) = done(&terms(&platform, &wanted, "UTC", "2026-02-03T00:00:00Z"), &cursor);
    assert_eq!(purposes(&legs), [Purpose::Recent]);
    assert_eq!((legs[0].axis, legs[0].windows[0].0), (Axis::Created, at("2026-01-27T00:00:00Z")));
}

#[test]
fn a_range_that_has_ended_is_looked_at_again_for_a_while_and_then_left() {
    let (platform, wanted) = (platform(&BOTH, Granularity::Second), wanted("2026-01-01", Some("2026-01-31")));
    let (cursor, legs, synced) = done(&terms(&platform, &wanted, "UTC", "2026-02-03T00:00:00Z"), &Cursor::default());
    assert_eq!(purposes(&legs), [Purpose::Load]);
    assert_eq!(synced, Some(at("2026-02-01T00:00:00Z")));
    let (_, legs, _) = done(&terms(&platform, &wanted, "UTC", "2026-02-05T00:00:00Z"), &cursor);
    assert_eq!(purposes(&legs), [Purpose::Recheck]);
    assert_eq!(legs[0].windows, [(at("2026-01-29T00:00:00Z"), at("2026-02-01T00:00:00Z"))]);
    let (_, legs, _) = done(&terms(&platform, &wanted, "UTC", "2026-03-05T00:00:00Z"), &cursor);
    assert!(legs.is_empty(), "{legs:?}");
}

#[test]
fn a_range_made_longer_goes_on_from_its_end() {
    let platform = platform(&BOTH, Granularity::Second);
    let (short, open) = (wanted("2026-01-01", Some("2026-01-31")), wanted("2026-01-01", None));
    let (cursor, ..) = done(&terms(&platform, &short, "UTC", "2026-06-01T00:00:00Z"), &Cursor::default());
    let (_, legs, synced) = done(&terms(&platform, &open, "UTC", "2026-06-02T00:00:00Z"), &cursor);
    assert!(legs.iter().any(|leg| leg.windows[0].0 <= at("2026-02-01T00:00:00Z")), "{legs:?}");
    assert_eq!(synced, Some(at("2026-06-02T00:00:00Z")));
    // Another day of the past: what lies between is read by creation date.
    let longer = wanted("2026-01-01", Some("2026-02-28"));
    let (cursor, legs, _) = done(&terms(&platform, &longer, "UTC", "2026-06-03T00:00:00Z"), &cursor);
    assert_eq!((legs[0].purpose, legs[0].axis), (Purpose::Recent, Axis::Created));
    assert!(legs[0].windows[0].0 <= at("2026-02-01T00:00:00Z"));
    assert_eq!(legs[0].windows.last().unwrap().1, at("2026-03-01T00:00:00Z"));
    let (_, legs, _) = done(&terms(&platform, &longer, "UTC", "2026-06-04T00:00:00Z"), &cursor);
    assert!(legs.is_empty(), "{legs:?}");
}

#[test]
fn a_clock_that_was_ahead_is_forgotten() {
    let (platform, wanted) = (platform(&BOTH, Granularity::Second), wanted("2026-01-01", None));
    let (cursor, ..) = done(&terms(&platform, &wanted, "UTC", "2099-01-01T00:00:00Z"), &Cursor::default());
    let (_, legs, _) = done(&terms(&platform, &wanted, "UTC", "2026-02-01T00:00:00Z"), &cursor);
    assert_eq!(purposes(&legs), [Purpose::Load, Purpose::Recent]);
}

#[test]
fn nothing_is_read_without_a_first_day_or_before_it() {
    let (platform, mut wanted) = (platform(&BOTH, Granularity::Day), wanted("2026-06-01", None));
    let (_, legs, _) = done(&terms(&platform, &wanted, "UTC", "2026-05-01T00:00:00Z"), &Cursor::default());
    assert!(legs.iter().all(|leg| leg.purpose != Purpose::Load), "{legs:?}");
    wanted.from = None;
    assert!(terms(&platform, &wanted, "UTC", "2026-07-01T00:00:00Z").plan(&Cursor::default()).1.is_empty());
}

proptest! {
    /// However passes end, whatever lies before the mark has been read by creation date or by modification date.
    #[test]
    fn the_mark_never_runs_ahead_of_what_was_read(
        by_day: bool, modified: bool, gaps in proptest::collection::vec((1_i64..200, 0_usize..12), 1..12)
    ) {
        let axes: &[Axis] = if modified { &BOTH } else { &[Axis::Created] };
        let mut platform = platform(axes, if by_day { Granularity::Day } else { Granularity::Second });
        platform.window_days_max = 2;
        let wanted = wanted("2026-01-10", None);
        let zone = "Europe/Berlin".parse().unwrap();
        let mut now_ms = at("2026-01-20T12:34:56Z");
        let from = at("2026-01-09T23:00:00Z");
        let (mut cursor, mut mark) = (Cursor::default(), None);
        // What was read by creation date, and up to when changes were followed.
        let (mut loaded_to, mut followed) = (from, None);
        for (hours, fails_at) in gaps {
            let terms = Terms { platform: &platform, wanted: &wanted, zone, now_ms };
            let (begun, legs) = terms.plan(&cursor);
            cursor = begun;
            followed = followed.or(Some(now_ms));
            let mut read = 0;
            'pass: for leg in &legs {
                for window in &leg.windows {
                    if read == fails_at {
                        break 'pass;
                    }
                    read += 1;
                    let (next, marks) = terms.after(&cursor, leg, *window);
                    cursor = next;
                    mark = mark.max(marks.synced_ms);
                    if leg.axis == Axis::Created && window.0 <= loaded_to {
                        loaded_to = loaded_to.max(window.1);
                    }
                    if leg.axis == Axis::Modified && followed.is_some_and(|known| window.0 <= known) {
                        followed = followed.max(Some(window.1));
                    }
                }
            }
            if let Some(mark) = mark {
                let reached = if modified && cursor.load.is_none() { followed.unwrap_or(from) } else { loaded_to };
                prop_assert!(mark <= reached.max(loaded_to), "{mark} is ahead of {reached}");
                prop_assert!(mark <= now_ms);
            }
            now_ms += hours * HOUR_MS;
        }
        prop_assert_eq!(NaiveDate::from_ymd_opt(2026, 1, 10).map(day_number), cursor.from_day);
    }
}
