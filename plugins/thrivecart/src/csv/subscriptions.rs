//! Lists of subscriptions: one row for each subscription, with counts and last dates but no single payments. They add no
//! money, unless the operator asks for estimates.

use ltv_connector::{dates::Day, prelude::*};

use super::{interval::Interval, record, words};
use crate::names::{self, Namer, Rank};

/// Changes that one batch may hold; the contract allows a few more.
const CHANGES_MAX: usize = 8_000;
/// Payments estimated for one subscription.
const PAYMENTS_MAX: i64 = 600;

/// Reads a batch.
pub(crate) fn read(table: &Table, context: &Context) -> Batch {
    let mut batch = Batch::new();
    if context.flag("estimate_rebills") {
        for row in table.rows() {
            match estimate(&row, context) {
                Ok(Estimate::Payments(entries)) if batch.changes.len() + entries.len() > CHANGES_MAX => {
                    let reason = "too many estimated payments at once: split the file, or turn `estimate_rebills` off";
                    batch.reject(&row, Fault::new(reason));
                }
                Ok(Estimate::Payments(entries)) => entries.into_iter().for_each(|entry| batch.put(&row, entry)),
                Ok(Estimate::Nothing(why)) => batch.ignore(why),
                Err(fault) => batch.reject(&row, fault),
            }
        }
        return batch;
    }
    let (mut subscriptions, mut payments, mut silent) = (0_u64, 0_i64, 0_u64);
    for row in table.rows() {
        batch.ignored += 1;
        subscriptions += 1;
        match shown(&row) {
            Some(count) => payments = payments.saturating_add(count),
            None => silent += 1,
        }
    }
    if subscriptions > 0 {
        let without = if silent > 0 { format!(" ({silent} of them show no number)") } else { String::new() };
        batch.note(format!(
            "{subscriptions} subscriptions show {payments} payments{without}; no payments were made up from them. Payments \
             come from order and transaction files and from webhooks; `estimate_rebills = true` computes missing rebills"
        ));
    }
    batch
}

enum Estimate {
    Payments(Vec<Entry>),
    Nothing(String),
}

/// Payments that a row says were made, the first one included.
fn shown(row: &Row<'_>) -> Option<i64> {
    let count = |column: &str| row.get(column)?.parse::<i64>().ok().filter(|count| *count >= 0);
    count("paid").or_else(|| Some(count("rebills")? + 1))
}

/// The rebills of one subscription: start + n intervals. The first payment is not among them: it is an order, and orders
/// are exported.
fn estimate(row: &Row<'_>, context: &Context) -> Result<Estimate, Fault> {
    let nothing = |why: &str| Ok(Estimate::Nothing(format!("no payments estimated: {why}")));
    if record::is_test(row).is_some() {
        return nothing("a test order");
    }
    let Some(payments) = shown(row) else { return nothing("the file does not tell how many were made") };
    if payments <= 1 {
        return nothing("the subscription shows no rebill");
    }
    let Some(interval) = row.get("interval") else { return nothing("the file tells no interval") };
    let Some(interval) = Interval::parse(interval) else {
        return nothing(&format!("`{interval}` is not an interval that is understood, such as `month` or `2 weeks`"));
    };
    let today = Day::of_unix_ms(context.now.unix_ms);
    let day = |column: &str| Ok::<_, Fault>(row.moment(column, None)?.map(|at| names::day_of(&at, today)));
    let Some(start) = day("start")? else { return nothing("the file tells no start") };
    let Some(amount) = row.amount("amount")?.filter(|amount| *amount > Decimal::ZERO) else {
        return nothing("the file tells no amount of the rebills");
    };
    let (next, end) = (day("next")?, day("end")?);
    let currency = names::currency(row.get("currency").or(context.text("currency")))?;
    let email = row.need("email")?;
    let subscription = row.need("subscription_id")?;
    let (what, named_by) = match row.get("order_id") {
        Some(order_id) => ("rebill", order_id.to_owned()),
        None => ("sale", names::normal_email(email)),
    };
    let namer = Namer { what, currency: &currency, amount };

    let entries = (1..payments.min(PAYMENTS_MAX))
        .map(|n| (n, interval.after(start, n)))
        .take_while(|(_, day)| {
            *day <= today && next.is_none_or(|next| *day < next) && end.is_none_or(|end| *day <= end)
        })
        .map(|(n, day)| {
            // The id of a file's rebill without invoice number: on the same day the file's row takes its place.
            let own_id = names::rebill_order_id(row.get("order_id").unwrap_or(subscription), day);
            let at = Moment::Day(day.to_string());
            let mut entry = Entry::sale(names::rebill_key(&own_id), own_id, at, currency.as_str(), amount)
                .rebill()
                .email(Some(email))
                .tag("estimated", Some("true"))
                .tag("subscription", Some(subscription))
                .tag("order-number", row.get("order_id"))
                .tag("cycle", Some(&(n + 1).to_string()))
                .revision(Rank::Estimated.revision());
            if let Some(product) = row.get("product").filter(|product| !words::normal(product).is_empty()) {
                entry = entry.line(Line::new(Decimal::ONE, amount).name(Some(product)));
            }
            entry.also = namer.estimate(&named_by, day, interval.reach());
            entry
        })
        .collect();
    Ok(Estimate::Payments(entries))
}
