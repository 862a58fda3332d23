//! Deliveries come twice, late, and in any order.

use super::super::case::{Act, Delivery};
use super::super::play::{End, Stage};
use super::spoil::Dice;
use super::{Law, Played, difference};
use crate::limits::cli::CASE_ORDERS;
use crate::model::EntryKey;

const DAY_MS: i64 = 86_400_000;

/// Each delivery twice in a row, and all of them twice.
pub(super) fn repeated(stages: &[(Stage, &Played<'_>)]) -> Law {
    let mut law = Law::new("what is delivered twice counts once");
    for (stage, played) in stages {
        let all = &played.case.deliveries;
        let twice_each: Vec<&Delivery> = all.iter().flat_map(|one| [one, one]).collect();
        let twice_all: Vec<&Delivery> = all.iter().chain(all).collect();
        for (how, deliveries) in [("each delivery twice", twice_each), ("all deliveries twice", twice_all)] {
            law.tried += 1;
            let (_, ledger) = stage.play(deliveries);
            if let Some(difference) = difference(&played.ledger, &ledger) {
                law.violated(&played.case.name, format!("{how}\n{difference}"));
            }
        }
    }
    law
}

/// Other orders. The daemon asks platforms in the order of time, so polls stay in theirs.
pub(super) fn reordered(stages: &[(Stage, &Played<'_>)]) -> Law {
    let mut law = Law::new("the order of deliveries does not matter");
    for (stage, played) in stages {
        let case = played.case;
        if let Some(why) = &case.in_order {
            law.left_out.push(format!("{}: {why}", case.name));
            continue;
        }
        for order in orders(case.deliveries.len()) {
            let deliveries: Vec<&Delivery> = order.iter().filter_map(|at| case.deliveries.get(*at)).collect();
            let polls =
                order.iter().filter(|at| case.deliveries.get(**at).is_some_and(|one| matches!(one.act, Act::Poll(_))));
            if !polls.is_sorted() {
                continue;
            }
            law.tried += 1;
            let (_, ledger) = stage.play(deliveries);
            if let Some(difference) = difference(&played.ledger, &ledger) {
                let told: Vec<String> = order.iter().map(|at| (at + 1).to_string()).collect();
                law.violated(&case.name, format!("deliveries in the order {}\n{difference}", told.join(", ")));
            }
        }
    }
    law
}

/// All other orders of a few deliveries; of many, some.
fn orders(deliveries: usize) -> Vec<Vec<usize>> {
    let first: Vec<usize> = (0..deliveries).collect();
    let mut all = vec![first.clone()];
    if (1..=4).contains(&deliveries) {
        // Heap's algorithm, by putting the next delivery in at every place.
        all = vec![Vec::new()];
        for next in 0..deliveries {
            all = all
                .iter()
                .flat_map(|order| {
                    (0..=order.len()).map(move |at| {
                        [order.get(..at).unwrap_or_default(), &[next], order.get(at..).unwrap_or_default()].concat()
                    })
                })
                .collect();
        }
    } else {
        all.push(first.iter().rev().copied().collect());
        let mut dice = Dice::new(deliveries as u64);
        while all.len() < CASE_ORDERS {
            let mut order = first.clone();
            dice.shuffle(&mut order);
            all.push(order);
        }
    }
    all.retain(|order| *order != first);
    all.truncate(CASE_ORDERS);
    all
}

/// Keys must not follow from the clock or the zone: read again later, or with a corrected zone, the same money must have the
/// same key. Polls are left out, since what they ask follows from both.
pub(super) fn ids(stages: &[(Stage, &Played<'_>)]) -> Law {
    const EMPTY: [&str; 7] = ["null", "none", "nil", "undefined", "nan", "[object object]", "-"];
    let mut law = Law::new("ids are stable and not empty");
    for (stage, played) in stages {
        let name = &played.case.name;
        law.tried += 1;
        for entry in &played.ledger {
            for id in [&entry.key.id, &entry.order_id] {
                let last = id.rsplit([':', '/', ' ']).next().unwrap_or_default();
                if EMPTY.contains(&last.trim().to_lowercase().as_str()) || last.trim().is_empty() {
                    law.violated(name, format!("`{id}` is an id that was made of nothing"));
                }
            }
        }
        let asks = |delivery: &&Delivery| matches!(delivery.act, Act::Poll(_)) || !delivery.script.is_empty();
        if played.case.deliveries.iter().any(|delivery| asks(&delivery)) {
            continue;
        }
        let later = Stage { late_ms: 40 * DAY_MS + 3_661_000, ..stage.clone() };
        let other_zone = if stage.zone == chrono_tz::Asia::Tokyo { chrono_tz::UTC } else { chrono_tz::Asia::Tokyo };
        let elsewhere = Stage { zone: other_zone, ..stage.clone() };
        for (how, stage) in [("forty days later", later), ("in another zone", elsewhere)] {
            law.tried += 1;
            let (told, ledger) = stage.play(&played.case.deliveries);
            // A signature may be too old by then, and a zone may be what a file is refused for.
            if told.iter().any(|told| matches!(told.end, Some(End::NotRead(_) | End::File(_)))) {
                continue;
            }
            let keys = |entries: &[crate::model::Entry]| -> Vec<EntryKey> {
                entries.iter().map(|entry| entry.key.clone()).collect()
            };
            let (expected, found) = (keys(&played.ledger), keys(&ledger));
            if let Some(key) = expected.iter().find(|key| !found.contains(key)) {
                law.violated(name, format!("read {how}, the {} `{}` has another key", key.kind.as_str(), key.id));
            }
        }
    }
    law
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_deliveries_come_in_all_other_orders_and_many_in_some() {
        assert_eq!([0, 1, 2, 3, 4].map(|deliveries| orders(deliveries).len()), [0, 0, 1, 5, 23]);
        let many = orders(9);
        assert!(many.len() > 5 && many.len() <= CASE_ORDERS, "{}", many.len());
        for order in many {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..9).collect::<Vec<_>>());
        }
    }
}
