//! Revenue by what was sold, where, and how the buyer came.

use std::collections::HashMap;
use std::ops::Range;

use super::calendar::Period;
use super::error::ReportError;
use super::facts::Fact;
use super::figure::Figure;
use super::filter::By;
use super::group::{value_name, values};
use super::order::{Evaluator, Event};
use super::revenue::RowSums;
use super::source::{Good, Source};
use super::view::ViewOptions;
use crate::limits::report::REVENUE_ROWS;
use crate::model::{Kind, ZoneTable};

/// Number of a period, and of a value (`u32::MAX` for none).
type Row = (i32, u32);

/// Sums by period and value, over the events on these days.
pub(super) fn by_value(
    source: &impl Source,
    options: &ViewOptions<'_>,
    period: Period,
    by: By,
    days: Range<i32>,
) -> Result<HashMap<Row, RowSums>, ReportError> {
    let zone = ZoneTable::of(options.zone);
    let mut evaluator = Evaluator::new(source, options, &zone);
    let mut sums: HashMap<Row, RowSums> = HashMap::new();
    let mut result = Ok(());
    source.scan_orders(0..source.entries(), |facts| {
        if result.is_ok() {
            result = evaluator.order(source, facts);
        }
        if result.is_err() {
            return;
        }
        for event in evaluator.events.iter().filter(|event| event.counts && days.contains(&event.day)) {
            let number = period.number(event.day);
            for (value, part) in parts(source, by, facts, event, event.value.on(options.basis)) {
                add(sums.entry((number, value)).or_default(), event, part);
            }
        }
        if sums.len() > REVENUE_ROWS {
            result = Err(ReportError::Question(format!(
                "the answer would have more than {REVENUE_ROWS} rows; ask for a longer `by` or a shorter span"
            )));
        }
    });
    result?;
    evaluator.converter.finish()?;
    Ok(sums)
}

/// An entry behind a row of revenue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevenueEntry {
    /// The first entry of its order, live or not: entries come in the sequence of these.
    pub head: u32,
    /// Number of the entry.
    pub entry: u32,
    /// Its day in the reporting zone, days since 1970-01-01.
    pub day: i32,
    /// Its part in the row, with the sign of its kind.
    pub value: Figure,
    /// Whose it is; [`super::NO_CUSTOMER`] for nobody's.
    pub customer: u32,
}

/// Entries scanned before it is looked whether there are enough.
const STRETCH: u32 = 65_536;

/// Entries on these days, of all values or of one (`shop/12`, `DE`, `(none)`), order by order from the order on that begins with
/// `from`: at least `enough`, if there are so many.
///
/// # Errors
/// As [`super::revenue()`].
pub fn revenue_entries(
    source: &impl Source,
    options: &ViewOptions<'_>,
    days: &Range<i32>,
    value: Option<(By, &str)>,
    from: u32,
    enough: usize,
) -> Result<Vec<RevenueEntry>, ReportError> {
    let zone = ZoneTable::of(options.zone);
    let mut evaluator = Evaluator::new(source, options, &zone);
    let mut found = Vec::new();
    let mut start = from;
    while start < source.entries() && found.len() < enough {
        let end = start.saturating_add(STRETCH).min(source.entries());
        let mut result = Ok(());
        source.scan_orders(start..end, |facts| {
            if result.is_ok() {
                result = evaluator.order(source, facts);
            }
            let head = facts.iter().map(|fact| fact.entry).min().unwrap_or(0);
            let events = evaluator.events.iter().filter(|event| event.counts && days.contains(&event.day));
            for event in events.filter(|_| result.is_ok()) {
                let whole = event.value.on(options.basis);
                let part = match value {
                    None => Some(whole),
                    Some((by, wanted)) => parts(source, by, facts, event, whole)
                        .into_iter()
                        .find(|(value, _)| value_name(source, by, *value).cohort == wanted)
                        .map(|(_, part)| part),
                };
                found.extend(part.map(|part| RevenueEntry {
                    head,
                    entry: event.fact.entry,
                    day: event.day,
                    value: Figure::money(part, options.currency),
                    customer: event.owner,
                }));
            }
        });
        result?;
        start = end;
    }
    evaluator.converter.finish()?;
    Ok(found)
}

fn add(sums: &mut RowSums, event: &Event, value: i64) {
    let marks = event.marks;
    sums.orders += u64::from(marks.is_paid_order());
    sums.rebills += u64::from(marks.is_paid_order() && marks.is_rebill());
    match marks.kind() {
        Kind::Sale if marks.is_rebill() => sums.rebill_revenue += value,
        Kind::Sale => sums.order_revenue += value,
        Kind::Refund | Kind::Void => sums.refunds += value,
        Kind::Chargeback | Kind::ChargebackReversal => sums.chargebacks += value,
    }
}

/// The values that an entry counts for, and how much of it for each. A product gets its part, so that products add up; every
/// other value the whole.
pub(super) fn parts(source: &impl Source, by: By, order: &[Fact], event: &Event, value: i64) -> Vec<(u32, i64)> {
    if by != By::Product {
        let sales = || order.iter().filter(|fact| fact.kind == Kind::Sale).copied();
        // Integration and currency are each entry's own.
        let telling: Vec<Fact> =
            if matches!(by, By::Label(_)) && sales().next().is_some() { sales().collect() } else { vec![event.fact] };
        return values(source, by, &telling).into_iter().map(|number| (number, value)).collect();
    }
    let mut goods = source.goods(event.fact.entry);
    if goods.is_empty() {
        // What takes a sale back is about what was sold.
        goods = event.sale.map(|sale| source.goods(sale)).unwrap_or_default();
    }
    divide(value, goods)
}

/// Divides a value over products in proportion to their amounts, equally if there are none. The parts add up: what rounding
/// down leaves goes to the largest remainders, among equals to the product with the lower number.
fn divide(value: i64, mut goods: Vec<Good>) -> Vec<(u32, i64)> {
    goods.sort_unstable_by_key(|good| good.product);
    goods.dedup_by(|later, first| {
        let same = later.product == first.product;
        if same {
            first.amount = first.amount.saturating_add(later.amount);
        }
        same
    });
    match goods.as_slice() {
        [] => return vec![(u32::MAX, value)],
        [one] => return vec![(one.product, value)],
        _ => {}
    }
    if goods.iter().all(|good| good.amount <= 0) {
        goods.iter_mut().for_each(|good| good.amount = 1);
    }
    let whole: i128 = goods.iter().map(|good| i128::from(good.amount.max(0))).sum();
    let size = i128::from(value.unsigned_abs());
    let shares = goods.iter().map(|good| {
        let exact = size * i128::from(good.amount.max(0));
        (good.product, exact / whole, exact % whole)
    });
    let mut shares: Vec<(u32, i128, i128)> = shares.collect();
    let mut rest = size - shares.iter().map(|(_, part, _)| part).sum::<i128>();
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder
        .sort_by_key(|at| shares.get(*at).map(|(product, _, remainder)| (std::cmp::Reverse(*remainder), *product)));
    for at in by_remainder {
        if rest == 0 {
            break;
        }
        if let Some((_, part, _)) = shares.get_mut(at) {
            *part += 1;
            rest -= 1;
        }
    }
    let signed = |part: i128| i64::try_from(part).unwrap_or(i64::MAX) * value.signum();
    shares.into_iter().map(|(product, part, _)| (product, signed(part))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(product: u32, amount: i64) -> Good {
        Good { product, amount }
    }

    #[test]
    fn parts_follow_amounts_and_add_up() {
        assert_eq!(divide(100, vec![]), [(u32::MAX, 100)]);
        assert_eq!(divide(-100, vec![good(4, 0)]), [(4, -100)]);
        assert_eq!(divide(100, vec![good(2, 1), good(1, 2)]), [(1, 67), (2, 33)]);
        assert_eq!(divide(-100, vec![good(1, 1), good(2, 1), good(3, 1)]), [(1, -34), (2, -33), (3, -33)]);
        assert_eq!(divide(5, vec![good(1, 0), good(2, 0)]), [(1, 3), (2, 2)]);
        assert_eq!(divide(9, vec![good(1, 1), good(1, 1), good(2, 1)]), [(1, 6), (2, 3)]);
    }
}
