//! Classic: a purchase as it now stands, with its fields beside `event` or below `purchase`.

use ltv_connector::prelude::*;

use crate::text::{need, said, status, time};

/// States in which nothing was paid, as [`status`] gives them.
const UNPAID: [&str; 8] = ["failed", "pending", "declined", "unpaid", "canceled", "cancelled", "void", "voided"];

/// True for the test call that Classic makes before it saves a webhook: its body holds a time and nothing else of use.
pub(crate) fn is_test(body: &Value) -> bool {
    body.text("time").is_some()
        && ["event", "purchase", "contact", "products"].iter().all(|name| body.get(name).is_none())
}

/// Reads a delivery.
pub(crate) fn read(daemon: &Daemon, body: &Value) -> Result<Outcome, Fault> {
    let flat = body.get("products").is_some() && body.get("contact").is_some() && body.get("status").is_some();
    let purchase = match body.get("purchase") {
        Some(purchase) => purchase,
        None if flat => body,
        None if body.get("event").is_some() => {
            return Ok(Outcome::Ignored("an event of a contact moves no money".into()));
        }
        None => {
            return Err(Fault::new("is neither an event of ClickFunnels 2.0 nor a purchase of Classic"));
        }
    };
    let id = need(purchase, "id")?;
    order(purchase, id).map(|order| daemon.replace_order(order)).map_err(|fault| fault.id(format!("purchase:{id}")))?;
    Ok(Outcome::Read)
}

/// All that is to be kept of a purchase. It replaces what an earlier state left: a purchase that turns out to have failed
/// is no sale, in whatever order its deliveries come.
fn order(purchase: &Value, id: &str) -> Result<Order, Fault> {
    let key = format!("purchase:{id}");
    let created = time(purchase, "created_at")?;
    let changed = if said(purchase, "updated_at").is_some() { time(purchase, "updated_at")? } else { created };
    let told = status(need(purchase, "status")?);
    let entries = match told.as_str() {
        "paid" => vec![sale(purchase, &key, created)?.revision(changed)],
        "refunded" => {
            let sale = sale(purchase, &key, created)?.revision(changed);
            let (currency, total) = (sale.currency.clone(), sale.amounts.total);
            // When the money went back is not told: the last change of the purchase stands in.
            let refund = Entry::refund(&key, &key, Moment::Utc(changed), currency, total);
            let refund = refund.email(said(purchase, "contact.email")).tag("approximate", Some("date"));
            vec![sale, refund.revision(changed)]
        }
        // A part of unknown size, or a dispute: no guess, and the sale stays as it was.
        part if ["refund", "disput", "charge"].iter().any(|word| part.contains(word)) => {
            return Err(Fault::at("status", format!("`{told}` does not tell how much money went back")));
        }
        state if UNPAID.contains(&state) => Vec::new(),
        // An unknown word must not take away a sale that is paid.
        state => return Err(Fault::at("status", format!("`{state}` is not a state of a purchase that is known"))),
    };
    Ok(Order::new(key, changed, entries))
}

fn sale(purchase: &Value, key: &str, created: i64) -> Result<Entry, Fault> {
    let total =
        ["original_amount_cents", "original_amount.cents"].into_iter().find(|path| said(purchase, path).is_some());
    let total = purchase.need_cents(total.unwrap_or("original_amount_cents"))?;
    let currency = ["original_amount_currency", "original_amount.currency_iso"];
    let currency =
        currency.into_iter().find(|path| said(purchase, path).is_some()).unwrap_or("original_amount_currency");
    let currency = crate::text::currency(purchase, currency)?;
    if money::exponent(&currency) != 2 {
        return Err(Fault::at("original_amount_cents", format!("what a cent of {currency} is, is not known")));
    }
    let contact = |name: &str| said(purchase, &format!("contact.{name}"));
    let utm = |name: &str| contact(&format!("additional_info.utm_{name}"));
    let mut sale = Entry::sale(key, key, Moment::Utc(created), currency.as_str(), total)
        .initial()
        .email(contact("email"))
        .customer_id(contact("id"))
        .tag("subscription", said(purchase, "subscription_id"))
        .tag("charge", said(purchase, "charge_id"))
        .tag("source", utm("source"))
        .tag("medium", utm("medium"))
        .tag("campaign", utm("campaign"));
    for product in purchase.items("products") {
        let same_currency = said(product, "amount.currency_iso").or(said(product, "amount_currency"));
        let cents = product.cents("amount.cents").ok().flatten().filter(|cents| !cents.is_negative());
        // A product whose price cannot be read costs detail, not money.
        if let (Some(cents), true) = (cents, same_currency.is_none_or(|code| code.eq_ignore_ascii_case(&currency))) {
            let line = Line::new(Decimal::ONE, cents);
            sale = sale.line(line.product(said(product, "id")).name(said(product, "name")));
        }
    }
    if let Some(product) = purchase.items("products").first() {
        sale = sale.tag("processor", said(product, "billing_integration"));
    }
    Ok(sale)
}
