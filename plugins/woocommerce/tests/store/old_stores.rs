//! Stores that ignore filters.

use ltv_connector::types::Axis;

use crate::kit::{Kit, NOW};

#[test]
fn before_5_8_changes_are_read_by_date_of_creation_and_that_is_said() {
    let mut kit = Kit::new();
    kit.shop.version = (5, 7);
    kit.shop.at("2026-01-10T10:00:00").sold("old@example.org", 100);
    let id = kit.shop.at("2026-05-31T10:00:00").sold("new@example.org", 100);
    kit.load();
    kit.shop.at("2026-06-01T10:00:00").cancel(id);
    let coverage = kit.sync(Axis::Modified, "2026-05-30T00:00:00", NOW);
    assert_eq!(coverage.axis, Axis::Created);
    assert!(coverage.complete);
    assert!(coverage.note.is_some_and(|note| note.contains("before 5.8")));
    kit.assert_true();
    let calls = kit.shop.calls();
    kit.sync(Axis::Modified, "2026-05-30T00:00:00", NOW);
    assert_eq!(kit.shop.calls() - calls, 2, "orders and trash: it is remembered");
}

#[test]
fn before_5_4_dates_are_read_in_local_time_and_none_is_lost() {
    for zone in [chrono_tz::America::New_York, chrono_tz::Europe::Berlin, chrono_tz::Pacific::Kiritimati] {
        let mut kit = Kit::new();
        (kit.shop.version, kit.shop.zone) = ((5, 3), zone);
        // One that shows that the filter by modification is ignored.
        kit.shop.at("2026-01-10T10:00:00").sold("old@example.org", 9_900);
        for hour in 0..48 {
            kit.shop
                .at(&format!("2026-05-{:02}T{:02}:30:00", 20 + hour / 24, hour % 24))
                .sold("a@example.org", 100 + hour);
        }
        let coverage = kit.sync(Axis::Modified, "2026-05-20T00:00:00", "2026-05-22T00:00:00");
        assert!(coverage.complete && coverage.axis == Axis::Created);
        let in_window: Vec<_> = kit.shop.truth().into_iter().filter(|money| money.at.as_str() > "2026-05").collect();
        assert_eq!(in_window.len(), 48);
        assert_eq!(kit.money(), in_window);
    }
}

#[test]
fn a_store_that_ignores_every_filter_is_read_whole_and_filtered_here() {
    let mut kit = Kit::new();
    kit.shop.ignores_dates = true;
    for day in 1..=28 {
        kit.shop.at(&format!("2026-03-{day:02}T10:00:00")).sold("a@example.org", 100);
    }
    let coverage = kit.sync(Axis::Created, "2026-03-10T00:00:00", "2026-03-12T00:00:00");
    assert!(coverage.note.is_some_and(|note| note.contains("ignores date filters")));
    let days: Vec<_> = kit.money().into_iter().map(|money| money.at[..10].to_owned()).collect();
    let half_a_day_on_either_side = ["2026-03-09", "2026-03-10", "2026-03-11", "2026-03-12"];
    assert_eq!(days, half_a_day_on_either_side, "since nothing says in which zone such a store reads dates");
}
