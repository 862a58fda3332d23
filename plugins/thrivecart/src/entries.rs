//! From the fields of an event to an entry.

use ltv_connector::{
    dates::{self, Day},
    money::{self, Mark},
    prelude::*,
};

use crate::{
    fields::Fields,
    names::{self, Namer, Rank},
};

/// What an event is read with, besides its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// When it arrived, milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) received_unix_ms: i64,
    /// The currency to take where the body names none.
    pub(crate) currency: Option<&'a str>,
}

/// The first charge of an order, with all its items.
pub(crate) fn sale(fields: &Fields, circumstances: Circumstances<'_>) -> Result<Entry, Fault> {
    let order_id = fields
        .first_id(&["order_id", "order.id", "invoice_id", "order.invoice_id"])
        .ok_or_else(|| Fault::at("order_id", "the order has no id"))?;
    let sum = Sum::read(fields, "order", "total")?;
    // `order[...]` is this very order here, so its date is the money's.
    let date = Date::read(
        fields,
        &["order_timestamp", "order.date_unix", "date_unix"],
        &["order_date", "order.date_iso8601", "order.date", "date_iso8601", "date"],
        circumstances,
    );
    let currency = currency(fields, &["currency", "order.currency"], circumstances)?;
    let charges = Charges::read(fields);

    // A file may go by the invoice number where it says "order number".
    let invoice_id = fields.first_id(&["invoice_id", "order.invoice_id"]).filter(|id| *id != order_id);
    let namer = Namer { what: "sale", currency: &currency, amount: sum.total };
    let also = invoice_id.map(names::charge_key).into_iter().chain(by_email(fields, namer, date.day));
    let also: Vec<_> = also.collect();

    let entry = Entry::sale(names::charge_key(order_id), order_id, date.at, currency, sum.total).initial();
    let mut entry = common(entry, fields, &sum)
        .tag("order-number", Some(order_id))
        .tag("invoice", invoice_id)
        .tag("cycle", charges.recurring.then_some("1"));
    for item in fields.below("subscriptions") {
        entry = entry.tag("subscription", fields.id(&format!("subscriptions.{item}")));
    }
    if charges.plans.is_empty() {
        entry = entry.tag("plan", fields.id("base_payment_plan"));
    }
    for plan in &charges.plans {
        entry = entry.tag("plan", Some(plan));
    }
    entry.lines = charges.lines;
    entry.also = also;
    // An upsell may bring a second event for the order: the larger total stays.
    Ok(entry.revision(date.rank.revision_by_total(sum.total)))
}

/// A later charge. The `order[...]` block is the original order, with its old date and total: neither is used.
pub(crate) fn rebill(fields: &Fields, circumstances: Circumstances<'_>) -> Result<Entry, Fault> {
    let order_id = fields.first_id(&["order_id", "order.id"]);
    let sum = Sum::read(fields, "subscription", "amount")?;
    let date = Date::of_event(fields, circumstances);
    let currency = currency(fields, &["subscription.currency", "currency"], circumstances)?;

    let index = fields.first_id(&["recurring_payment_idx", "subscription.recurring_payment_idx"]);
    let invoice_id = fields.first_id(&["invoice_id", "subscription.invoice_id"]);
    let own_id = match (invoice_id, index, order_id) {
        (Some(invoice_id), ..) if names::split_invoice(invoice_id).is_some() => invoice_id.to_owned(),
        (Some(base), Some(index), _) | (None, Some(index), Some(base)) => format!("{base}-{index}"),
        (_, None, Some(order_id)) if date.is_told() => names::rebill_order_id(order_id, date.day),
        _ => return Err(Fault::at("invoice_id", "the rebill has neither a numbered invoice nor an order and a date")),
    };
    let cycle = names::split_invoice(&own_id).map(|(_, number)| number).or_else(|| index?.parse().ok());

    let namer = Namer { what: "rebill", currency: &currency, amount: sum.total };
    // The list of transactions goes by events, newer webhooks name them too.
    let mut also: Vec<_> = fields.id("event_id").map(names::rebill_key).into_iter().collect();
    also.extend(order_id.iter().flat_map(|order_id| namer.webhook(order_id, date.day)));
    // A file without order ids cannot tell rebills from first charges.
    also.extend(by_email(fields, Namer { what: "sale", ..namer }, date.day));

    let entry = Entry::sale(names::rebill_key(&own_id), own_id.as_str(), date.at, currency, sum.total).rebill();
    let mut entry = common(entry, fields, &sum)
        .tag("order-number", order_id)
        .tag("invoice", Some(&own_id))
        .tag("cycle", cycle.map(|number| number.saturating_add(1).to_string()).as_deref())
        .tag("subscription", subscription_id(fields, "subscription"))
        .tag("plan", fields.first_id(&["subscription.payment_plan_name", "base_payment_plan"]))
        .line(line(fields, "subscription", &sum));
    entry.also = also;
    Ok(entry.revision(date.rank.revision()))
}

/// A refund of one item, whole or in part.
pub(crate) fn refund(fields: &Fields, circumstances: Circumstances<'_>) -> Result<Entry, Fault> {
    let order_id = fields.first_id(&["order_id", "order.id"]);
    let invoice_id = fields.first_id(&["invoice_id", "refund.invoice_id"]);
    let sum = Sum::read(fields, "refund", "amount")?;
    let date = Date::of_event(fields, circumstances);
    let currency = currency(fields, &["refund.currency", "currency"], circumstances)?;

    // The refund of a rebill carries that rebill's invoice number, which is its order id here.
    let numbered = invoice_id.filter(|invoice_id| names::split_invoice(invoice_id).is_some());
    let paid = numbered
        .or(order_id)
        .or(invoice_id)
        .ok_or_else(|| Fault::at("order_id", "the refund names neither an order nor an invoice"))?;
    let key = match fields.id("event_id") {
        Some(event_id) => format!("refund:{event_id}"),
        None => {
            let item = item_id(fields, "refund").unwrap_or_default();
            // Without a date the amount has to tell refunds apart: the time of receipt would make a resend a second one.
            let when = match date.at {
                Moment::Utc(unix_ms) => unix_ms.div_euclid(1_000).to_string(),
                _ => names::canonical(sum.total),
            };
            format!("refund:{}:{item}:{when}", invoice_id.unwrap_or(paid))
        }
    };

    let namer = Namer { what: "refund", currency: &currency, amount: sum.total };
    let mut also = Vec::new();
    for who in order_id.map(str::to_owned).into_iter().chain(email(fields).map(names::normal_email)) {
        also.extend(namer.webhook(&who, date.day));
        also.extend(namer.any_day(&who));
    }

    let entry = Entry::refund(key, paid, date.at, currency, sum.total);
    let mut entry = common(entry, fields, &sum)
        .tag("order-number", order_id)
        .tag("invoice", invoice_id)
        .tag("subscription", subscription_id(fields, "refund"))
        .line(line(fields, "refund", &sum));
    entry.also = also;
    Ok(entry.revision(date.rank.revision()))
}

/// A total and the tax in it.
#[derive(Debug, Clone, Copy)]
struct Sum {
    total: Decimal,
    tax: Option<Decimal>,
}

impl Sum {
    /// Reads `<block>[<name>_gross]`, or else `<block>[<name>]` and the tax that is given apart. Never adds up charges: the
    /// line of a subscription stands there twice. [L: the plain field is without tax, the gross one with it]
    fn read(fields: &Fields, block: &str, name: &str) -> Result<Self, Fault> {
        let path = format!("{block}.{name}");
        // The sign of a refund differs between sources; the kind of the entry says which way the money went.
        let part = |path: &str| amount(fields, path).map(Decimal::abs);
        let (gross, net) = (part(&format!("{path}_gross")), part(&path));
        let stated = ["tax", "tax_paid"].iter().find_map(|tax| part(&format!("{block}.{tax}")));
        let total = match (gross, net, stated) {
            (Some(gross), ..) => gross,
            (None, Some(net), Some(tax)) => net.plus(tax)?,
            (None, Some(net), None) => net,
            (None, None, _) => return Err(Fault::at(format!("{block}[{name}]"), "no amount that can be read")),
        };
        let between = gross.zip(net).and_then(|(gross, net)| gross.minus(net).ok());
        let tax = stated.or(between).filter(|tax| !tax.is_negative() && *tax <= total);
        Ok(Self { total, tax })
    }

    fn items(&self) -> Option<Decimal> {
        self.total.minus(self.tax?).ok()
    }
}

/// An amount: its decimal twin, which is right for currencies without decimals too, or else hundredths.
pub(crate) fn amount(fields: &Fields, path: &str) -> Option<Decimal> {
    let decimal = |text: &str| money::parse(text, Mark::Point).ok();
    let twin = fields.get(&format!("{path}_str")).and_then(decimal);
    twin.or_else(|| {
        let plain = fields.get(path)?;
        plain.parse().ok().map(Decimal::hundredths).or_else(|| decimal(plain))
    })
}

/// When money moved, and how well that is known.
#[derive(Debug)]
struct Date {
    at: Moment,
    /// In UTC.
    day: Day,
    rank: Rank,
}

impl Date {
    /// The date of the event itself, which is that of a rebill or refund.
    fn of_event(fields: &Fields, circumstances: Circumstances<'_>) -> Self {
        Self::read(fields, &["date_unix"], &["date_iso8601", "date"], circumstances)
    }

    fn read(fields: &Fields, unix: &[&str], texts: &[&str], circumstances: Circumstances<'_>) -> Self {
        let unix = unix.iter().find_map(|path| unix_seconds(fields.get(path)?));
        let told = unix.or_else(|| texts.iter().find_map(|path| utc_text(fields.get(path)?)));
        Self {
            at: told.map_or(Moment::Received, Moment::Utc),
            day: Day::of_unix_ms(told.unwrap_or(circumstances.received_unix_ms)),
            rank: if told.is_some() { Rank::Exact } else { Rank::Received },
        }
    }

    fn is_told(&self) -> bool {
        self.rank == Rank::Exact
    }
}

/// Milliseconds of a number of seconds that lies between 2001 and 2286; anything else is not a date of an order.
pub(crate) fn unix_seconds(text: &str) -> Option<i64> {
    let seconds: i64 = text.parse().ok()?;
    (1_000_000_000..10_000_000_000).contains(&seconds).then_some(seconds * 1_000)
}

/// A date with time; texts without zone are UTC (certain). A day alone is no better than the moment of receipt.
pub(crate) fn utc_text(text: &str) -> Option<i64> {
    match dates::utc(text) {
        Ok(Moment::Utc(unix_ms)) => Some(unix_ms),
        _ => None,
    }
}

fn currency(fields: &Fields, paths: &[&str], circumstances: Circumstances<'_>) -> Result<String, Fault> {
    let stated = paths.iter().find_map(|path| fields.id(path)).or(circumstances.currency);
    names::currency(stated)
}

fn email(fields: &Fields) -> Option<&str> {
    fields.id("customer.email")
}

fn by_email(fields: &Fields, namer: Namer<'_>, day: Day) -> Vec<String> {
    email(fields).map(|email| namer.webhook(&names::normal_email(email), day)).unwrap_or_default()
}

/// Lines of an order, for reports by product.
#[derive(Debug, Default)]
struct Charges {
    lines: Vec<Line>,
    /// True if a subscription begins with this order.
    recurring: bool,
    plans: Vec<String>,
}

impl Charges {
    /// Takes the lines that are paid now (`single`), since a subscription's line is there a second time with its future
    /// price; without any, those that are not put off.
    fn read(fields: &Fields) -> Self {
        let all: Vec<String> =
            fields.below("order.charges").iter().map(|index| format!("order.charges.{index}")).collect();
        let is = |block: &str, kind: &str| fields.get(&format!("{block}.type")) == Some(kind);
        let mut paid: Vec<&String> = all.iter().filter(|block| is(block, "single")).collect();
        if paid.is_empty() {
            paid = all.iter().filter(|block| fields.id(&format!("{block}.defer")).is_none()).collect();
        }
        let mut charges = Self {
            recurring: all.iter().any(|block| is(block, "recurring"))
                || !fields.below("order.future_charges").is_empty(),
            ..Self::default()
        };
        // An order of one item names it in the map of purchases even where its line has no id.
        let only = match (paid.as_slice(), fields.below("purchase_map").as_slice()) {
            ([_], [index]) => fields.id(&format!("purchase_map.{index}")),
            _ => None,
        };
        for block in paid {
            let net = amount(fields, &format!("{block}.amount"));
            let Some(amount) = net.or_else(|| amount(fields, &format!("{block}.amount_gross"))) else { continue };
            let plan_id = fields.id(&format!("{block}.payment_plan_id"));
            charges.plans.extend(fields.id(&format!("{block}.payment_plan_name")).or(plan_id).map(str::to_owned));
            let item = charge_item_id(fields, block);
            charges.lines.push(
                Line::new(quantity(fields, block), amount.abs())
                    .product(item.as_deref().or(only))
                    .variant(plan_id)
                    .name(item_name(fields, block)),
            );
        }
        charges
    }
}

/// The item of a charge in the form that maps of purchases use: `product-5`, `upsell-1`. A bare number would not tell a
/// product from an upsell with the same one.
fn charge_item_id(fields: &Fields, block: &str) -> Option<String> {
    if let Some(identifier) = fields.id(&format!("{block}.item_identifier")) {
        return Some(identifier.replacen('_', "-", 1));
    }
    let reference = fields.id(&format!("{block}.reference"))?;
    if !reference.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(reference.to_owned());
    }
    let kind = fields.id(&format!("{block}.item_type")).unwrap_or("product");
    Some(format!("{kind}-{reference}"))
}

/// The item of a `subscription` or `refund` block, in the same form. The block's `id` is the item's.
fn item_id(fields: &Fields, block: &str) -> Option<String> {
    let id = fields.first_id(&[&format!("{block}.id"), &format!("{block}.product_id")])?;
    let kind = fields.id(&format!("{block}.type")).unwrap_or("product");
    Some(format!("{kind}-{id}"))
}

fn subscription_id<'a>(fields: &'a Fields, block: &str) -> Option<&'a str> {
    let of_item = item_id(fields, block).and_then(|item| fields.id(&format!("subscriptions.{item}")));
    of_item.or_else(|| fields.first_id(&["subscription_id", "subscription.subscription_id"]))
}

fn line(fields: &Fields, block: &str, sum: &Sum) -> Line {
    Line::new(quantity(fields, block), sum.items().unwrap_or(sum.total))
        .product(item_id(fields, block).as_deref())
        .name(item_name(fields, block))
}

fn item_name<'a>(fields: &'a Fields, block: &str) -> Option<&'a str> {
    fields.first_id(&[&format!("{block}.name"), &format!("{block}.label")])
}

fn quantity(fields: &Fields, block: &str) -> Decimal {
    let stated = fields.get(&format!("{block}.quantity")).and_then(|text| money::parse(text, Mark::Point).ok());
    stated.filter(|quantity| *quantity > Decimal::ZERO).unwrap_or(Decimal::ONE)
}

/// What all events have.
fn common(entry: Entry, fields: &Fields, sum: &Sum) -> Entry {
    let affiliate = ["affiliate.id", "affiliate.affiliate_id", "affiliate.user_id", "affiliate"];
    let processor = ["subscription.processor", "refund.processor", "order.processor"];
    entry
        .email(email(fields))
        .customer_id(fields.first_id(&["customer_id", "customer.id"]))
        .items(sum.items())
        .tax(sum.tax)
        .tag("coupon", coupon(fields))
        .tag("country", names::country(fields.id("customer.address.country")).as_deref())
        .tag("affiliate", fields.first_id(&affiliate))
        .tag("processor", fields.first_id(&processor))
        .tag("payment-method", fields.id("order.payment_method"))
        .tag("tracking", fields.id("order.tracking_id"))
}

/// No published body holds a coupon; these are the places where one would be.
fn coupon(fields: &Fields) -> Option<&str> {
    let paths = ["coupon", "coupon_code", "coupon.code", "order.coupon", "order.coupon_code", "order.coupon.code"];
    fields.first_id(&paths).or_else(|| {
        let charges = fields.below("order.charges");
        charges.iter().find_map(|index| fields.id(&format!("order.charges.{index}.coupon")))
    })
}
