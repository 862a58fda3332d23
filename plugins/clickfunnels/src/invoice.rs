//! Invoices of 2.0: each paid one is a sale. What became of it since stands in its status.

use ltv_connector::prelude::*;

use crate::api::{self, Buyer};
use crate::event::Event;
use crate::refunds::{self, Whole};
use crate::text::{amount, currency, need, said, status, time};

/// An invoice that was paid.
#[derive(Debug)]
pub(crate) struct Invoice {
    /// The sale, without its buyer.
    sale: Entry,
    buyer: Buyer,
    back: Back,
    /// When this was told.
    told: i64,
}

impl Invoice {
    /// The key of its entry.
    pub(crate) fn key(&self) -> &str {
        &self.sale.key.id
    }
}

/// What went back of it.
#[derive(Debug, Clone, Copy)]
enum Back {
    Nothing,
    /// The amount is not told.
    Part,
    Whole(Kind),
}

/// Reads an invoice.
pub(crate) fn parse(event: &str, invoice: &Value, told: i64) -> Result<Event, Fault> {
    let state = status(need(invoice, "status")?);
    let contradicts = || Fault::at("data.status", format!("is {state}, and the event is `{event}`"));
    let back = match state.as_str() {
        "paid" if event.ends_with(".refunded") => return Err(contradicts()),
        "paid" => Back::Nothing,
        "partially-refunded" => Back::Part,
        "refunded" => Back::Whole(Kind::Refund),
        "disputed" => Back::Whole(Kind::Chargeback),
        _ if event.ends_with(".paid") || event.ends_with(".refunded") => return Err(contradicts()),
        "voided" if said(invoice, "paid_at").is_some() => {
            return Err(Fault::at("data.status", "a paid invoice was voided: what became of the money is not told"));
        }
        _ => {
            return Ok(Event::Nothing(format!("an invoice that is {state} moves no money")));
        }
    };
    let empty = Value::Null;
    let order = invoice.get("order").unwrap_or(&empty);
    let order_id = said(invoice, "order_id")
        .or_else(|| said(order, "id"))
        .ok_or_else(|| Fault::at("data.order_id", "is missing"))?;
    let buyer = Buyer::of(order);
    if buyer.live == Some(false) {
        return Ok(Event::Test { order: order_id.to_owned() });
    }
    // Checked before its order is looked up: the daemon refuses a whole answer for an id with control characters.
    let sale = sale(invoice, order, order_id)?.revision(told).checked()?;
    Ok(Event::Invoice(Invoice { sale, buyer, back, told }))
}

fn sale(invoice: &Value, order: &Value, order_id: &str) -> Result<Entry, Fault> {
    let total = amount(invoice, "total_amount")?.ok_or_else(|| Fault::at("data.total_amount", "is missing"))?;
    let at = Moment::Utc(time(invoice, "paid_at")?);
    let code = currency(invoice, "currency")?;
    let tax = amount(invoice, "tax_amount")?;
    let shipping = amount(invoice, "shipping_amount")?;
    let lines = invoice.items("line_items");
    let cycle = lines.iter().filter_map(|line| line.integer("period_number")).max();
    let subscription = said(order, "order_type").is_some_and(|kind| status(kind) == "subscription");
    let billing = match cycle {
        Some(2..) => Billing::Rebill,
        Some(1) => Billing::Initial,
        _ if said(order, "order_type").is_some() && !subscription => Billing::Initial,
        _ => Billing::Unknown,
    };
    let mut sale = Entry::sale(format!("invoice:{}", need(invoice, "id")?), order_id, at, code, total)
        .billing(billing)
        .tax(tax)
        .shipping(shipping)
        .tag("subscription", Some(order_id).filter(|_| subscription))
        .tag("cycle", cycle.filter(|cycle| *cycle > 0).map(|cycle| cycle.to_string()).as_deref())
        .tag("order-number", said(order, "order_number"))
        .tag("processor", said(invoice, "payment_processor"));
    // Whether the discount is part of the subtotal is not documented: both are told only where they add up.
    if let (Some(items), Some(discount)) = (amount(invoice, "subtotal_amount")?, amount(invoice, "discount_amount")?) {
        let others = [Some(items), Some(discount.negated()), tax, shipping];
        if money::sum(others.into_iter().flatten()).is_ok_and(|sum| sum == total) {
            sale = sale.items(items).discount(discount);
        }
    }
    for line in lines {
        // A line that cannot be read costs detail, not money.
        let told = amount(line, "amount").ok().flatten().filter(|amount| !amount.is_negative());
        let quantity = amount(line, "quantity").ok().flatten().filter(|quantity| !quantity.is_negative());
        if let Some(told) = told {
            let variant = |name: &str| said(line, &format!("products_variant.{name}"));
            let name = variant("name").or_else(|| said(line, "description"));
            let line = Line::new(quantity.unwrap_or(Decimal::ONE), told);
            sale = sale.line(line.product(variant("product_id")).variant(variant("id")).sku(variant("sku")).name(name));
        }
    }
    Ok(sale)
}

/// Stores the sale, and what went back of it.
pub(crate) async fn apply(daemon: &Daemon, invoice: Invoice, context: &Context) -> Result<Outcome, Failure> {
    let Invoice { sale, buyer, back, told } = invoice;
    let can_ask = api::address(context, "").is_some();
    let buyer = api::look_up(daemon, &sale.order_id, buyer, context).await?;
    if buyer.live == Some(false) {
        return Ok(refunds::forget_test(daemon, sale.order_id));
    }
    // Without its buyer a sale would stay nobody's: a stored entry cannot be given one later.
    if buyer.email.is_none() && !(can_ask && buyer.contact_id.is_some()) {
        let hint = "is missing: give `api_key` and `workspace`, and have it read again with `ltvd quarantine retry`";
        return Err(Fault::at("data.order.contact.email_address", hint).id(&sale.key.id).into());
    }
    let (id, order) = (sale.key.id.clone(), sale.order_id.clone());
    let (currency, total) = (sale.currency.clone(), sale.amounts.total);
    daemon.put(sale.email(buyer.email.as_deref()).customer_id(buyer.contact_id.as_deref()));
    match back {
        Back::Nothing => {}
        Back::Part => refunds::part(daemon, &order, &id).await,
        Back::Whole(kind) => {
            let whole = Whole { kind, id, at: told, currency, total };
            refunds::settle(daemon, &order, Some(whole)).await?;
        }
    }
    Ok(Outcome::Read)
}
