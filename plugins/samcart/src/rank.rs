//! Revisions: which of two tellings of the same money counts.
//!
//! SamCart numbers no versions and dates no webhook, so the rank is made of what is known about the source:
//!
//! - A file's row is dated and complete: it outranks a webhook about the same day.
//! - Of two days for one order id the **earlier** is its purchase. An export of a single month shows a rebill under the
//!   order id of the purchase as if it were the purchase; it must not replace the one that is stored.
//! - A webhook that calls itself a rebill knows better than a row that stands alone, which looks like a purchase.
//! - Of two webhooks of one order the larger total counts: an upsell was added. Then the one that names more products.
//! - A refund webhook comes on the day of the refund and tells its amount; a file has often only a status.
//! - The API knows more about everything than all others.
//! - An estimate loses against everything.

use crate::money::Money;
use ltv_connector::dates::Day;

/// Room for the amounts inside one day.
const DAY: i64 = 1_000_000_000_000;
/// Days are counted backwards from here (the year 2243).
const HORIZON: i64 = 100_000;
/// How many days a file's row may lie after the webhook and still outrank it: zones differ by up to one day.
const STEP: i64 = 3;

/// Rank of a rebill that was computed, not reported.
pub(crate) const ESTIMATE: i64 = 0;
/// Rank of a refund, or chargeback, told by webhook.
pub(crate) const WEBHOOK_REFUND: i64 = 2 * HORIZON * DAY;

/// Rank of what the API tells, but for its total: it knows the cent and the second of everything.
pub(crate) const API: i64 = 2 * WEBHOOK_REFUND;

/// Rank of what the API tells. Of two tellings the larger total counts: an upsell was charged in between.
pub(crate) fn api(total: Money) -> i64 {
    API + size(total, 0)
}

/// Rank of a purchase told by webhook.
pub(crate) fn webhook_sale(day: Day, total: Money, products: usize) -> i64 {
    earlier_wins(day) + size(total, products)
}

/// Rank of the first charge that a file shows of an order.
pub(crate) fn file_sale(day: Day) -> i64 {
    earlier_wins(day) + STEP * DAY
}

/// Rank of a rebill told by webhook.
pub(crate) fn webhook_rebill(day: Day, total: Money, products: usize) -> i64 {
    earlier_wins(day) + 2 * STEP * DAY + size(total, products)
}

/// Rank of a later charge that a file shows of an order.
pub(crate) fn file_rebill(day: Day) -> i64 {
    earlier_wins(day) + 3 * STEP * DAY
}

/// Rank of a refund, or chargeback, shown by a file for a charge of this day.
pub(crate) fn file_refund(charged: Day, dated: bool) -> i64 {
    earlier_wins(charged) + i64::from(dated)
}

/// Rank of withdrawing a refund that a file with fewer days took for one of the first charge.
pub(crate) fn withdrawal(charged: Day) -> i64 {
    earlier_wins(charged) + 2
}

fn earlier_wins(day: Day) -> i64 {
    (HORIZON - day.days_since(Day::of_unix_ms(0))).clamp(1, HORIZON) * DAY
}

fn size(total: Money, products: usize) -> i64 {
    let products = i64::try_from(products).unwrap_or(7).min(7);
    total.hundredths().clamp(0, DAY / 16) * 8 + products
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    #[test]
    fn a_row_outranks_the_webhook_of_the_same_day_in_any_zone() {
        let hook = webhook_sale(day("2026-03-02"), money("99999999.99"), 9);
        for row in ["2026-03-01", "2026-03-02", "2026-03-03"] {
            assert!(file_sale(day(row)) > hook, "{row}");
        }
    }

    #[test]
    fn a_row_of_a_later_month_does_not_outrank_the_purchase() {
        let march = webhook_sale(day("2026-03-01"), money("1.00"), 1);
        assert!(file_sale(day("2026-04-01")) < march);
        assert!(file_sale(day("2026-03-08")) < march, "not even a weekly rebill");
        assert!(file_sale(day("2026-04-01")) < file_sale(day("2026-03-01")));
    }

    #[test]
    fn larger_totals_and_then_more_products_win_within_a_day() {
        let rank = |total, products| webhook_sale(day("2026-03-01"), money(total), products);
        assert!(rank("30.01", 1) > rank("30.00", 7));
        assert!(rank("30.00", 2) > rank("30.00", 1));
        assert!(rank("999999999999.99", 500) < file_sale(day("2026-03-03")), "no amount reaches into the next day");
    }

    #[test]
    fn who_knows_that_it_is_a_rebill_wins() {
        let (at, total) = (day("2026-04-01"), money("30.00"));
        assert!(webhook_rebill(at, total, 1) > file_sale(at));
        assert!(file_rebill(at) > webhook_rebill(at, total, 1));
        assert!(webhook_sale(day("2200-01-01"), money("0"), 0) > ESTIMATE);
    }

    #[test]
    fn webhooks_know_most_about_refunds() {
        let at = day("1970-01-01");
        assert!(WEBHOOK_REFUND > withdrawal(at) && withdrawal(at) > file_refund(at, true));
        assert!(file_refund(at, true) > file_refund(at, false));
    }

    #[test]
    fn the_api_knows_most() {
        let early = day("0000-01-01");
        let others =
            [webhook_rebill(early, money("99999999.99"), 9), file_rebill(early), WEBHOOK_REFUND, withdrawal(early)];
        assert!(others.into_iter().all(|other| other < API));
        assert!(api(money("2.00")) > api(money("1.99")));
    }
}
