//! Webhooks: proof, and what each event does to the ledger.

use ltv_connector::dates::Day;
use ltv_connector::prelude::*;

use crate::lines::{decimal, line, money};
use crate::money::Money;
use crate::names::{self, Charge};
use crate::rank;
use crate::settings::Settings;
use crate::webhook_body::{Event, Told};

/// Two tellings of one charge lie closer than this; two charges of one subscription do not. In milliseconds.
const SAME_CHARGE_MS: u64 = 20 * 60 * 60 * 1_000;

/// SamCart signs nothing: the random part of the address is all there is (likely).
pub(crate) fn prove(delivery: &Delivery) -> Proof {
    let mut significant = delivery.body.iter().filter(|byte| !byte.is_ascii_whitespace());
    // The shortest event is longer. A mark of byte order counts for three.
    let start: Vec<u8> = significant.by_ref().take(6).copied().collect();
    let body = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
    if matches!(body, b"" | b"{}" | b"[]") { Proof::Ping(None) } else { Proof::AddressOnly }
}

/// Reads a delivery.
pub(crate) async fn receive(daemon: Daemon, delivery: &Delivery, context: &Context) -> Result<Outcome, Failure> {
    let settings = Settings::read(context)?;
    let event = Event::read(delivery)?;
    match event.told {
        // It may be a sale all the same: somebody should look at it.
        Told::Unknown if event.name.is_empty() => {
            return malformed("the body has no `type`, so it does not say what happened");
        }
        Told::Unknown => return ignored(format!("`{}` is no event that is known to carry money", event.name)),
        Told::State => return ignored(format!("`{}` carries no money", event.name)),
        _ => {}
    }
    if let Some(why) = excluded(&event, &settings) {
        return ignored(why);
    }
    let stored = match &event.order {
        Some(order) => daemon.order(order.as_str()).await.entries,
        None => Vec::new(),
    };
    let reading = Reading { event: &event, settings: &settings, stored: &stored, delivery };
    let entries = match event.told {
        Told::Rebill => vec![reading.rebill()?],
        Told::Refund | Told::PartialRefund => reading.refunds()?,
        _ => match reading.sale()? {
            Read::Entry(entry) => vec![*entry],
            Read::Nothing(why) => return ignored(why),
        },
    };
    if entries.is_empty() {
        return ignored("nothing is left of the order that could be refunded".to_owned());
    }
    for entry in entries {
        daemon.put(entry);
    }
    Ok(Outcome::Read)
}

fn ignored(why: String) -> Result<Outcome, Failure> {
    Ok(Outcome::Ignored(why))
}

fn malformed<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Malformed(why.into()))
}

fn excluded(event: &Event, settings: &Settings) -> Option<String> {
    if settings.excludes_email(event.email.as_deref()) {
        return Some("the customer is listed in `excluded_emails`".to_owned());
    }
    let out = |product: &crate::webhook_body::Product| {
        settings.excludes_product([product.id.as_deref(), product.name.as_deref(), product.sku.as_deref()])
    };
    let all = !event.products.is_empty() && event.products.iter().all(out);
    all.then(|| "the product is listed in `excluded_products`".to_owned())
}

enum Read {
    Entry(Box<Entry>),
    Nothing(String),
}

/// One event with all that is needed to read it.
struct Reading<'a> {
    event: &'a Event,
    settings: &'a Settings,
    /// What the ledger holds of the order.
    stored: &'a [StoredEntry],
    delivery: &'a Delivery,
}

impl Reading<'_> {
    // ---- sales ------------------------------------------------------------------------------------------------------

    fn sale(&self) -> Result<Read, Failure> {
        let event = self.event;
        let again = event.told == Told::SaleAgain;
        let Some(order) = event.order.as_deref() else {
            if again {
                return Ok(Read::Nothing(format!(
                    "`{}` without order id: the purchase itself is told apart",
                    event.name
                )));
            }
            return malformed(format!("`{}` has no `order.id`", event.name));
        };
        let sales: Vec<&StoredEntry> = self.stored.iter().filter(|entry| entry.key.kind == Kind::Sale).collect();
        if again && !sales.is_empty() {
            return Ok(Read::Nothing(format!("`{}`: the order is known", event.name)));
        }
        let purchase = sales.iter().copied().find(|entry| entry.key.id == names::order(order));
        let nearest = sales.iter().copied().min_by_key(|entry| self.age_ms(entry).unsigned_abs());
        if let Some(nearest) = nearest {
            let recent = self.age_ms(nearest).unsigned_abs() <= SAME_CHARGE_MS;
            if recent && purchase.is_none_or(|purchase| purchase.key != nearest.key) {
                return Ok(Read::Nothing(format!("`{}` tells a charge again that is known as a rebill", event.name)));
            }
            // The name says purchase, but nobody buys an order twice.
            if !recent && self.age_ms(nearest) > 0 && event.subscription.is_some() && self.same_product(&sales) {
                return self.rebill().map(|entry| Read::Entry(Box::new(entry)));
            }
        }
        self.purchase(order, purchase)
    }

    fn purchase(&self, order: &str, known: Option<&StoredEntry>) -> Result<Read, Failure> {
        let event = self.event;
        let Some(total) = event.order_total.or(event.charged).or_else(|| event.gross()) else {
            return malformed(format!("`{}` of order {order} states no amount", event.name));
        };
        let own: Vec<&str> = event.products.iter().filter_map(|product| product.id.as_deref()).collect();
        let missing = |entry: &StoredEntry| -> Vec<String> {
            entry.product_ids.iter().filter(|id| !own.contains(&id.as_str())).cloned().collect()
        };
        let others = known.map(missing).unwrap_or_default();
        if let Some(known) = known {
            let new = own.iter().any(|id| !known.product_ids.iter().any(|stored| stored == id));
            let larger = money(known.total).is_none_or(|stored| total > stored);
            if !others.is_empty() && !new && !larger {
                return Ok(Read::Nothing(format!("`{}` tells less of the order than is known", event.name)));
            }
        }
        let day = known.map_or_else(|| self.day(), |known| Day::of_unix_ms(known.unix_ms));
        let mut entry = self
            .entry(Entry::sale(names::order(order), order, Moment::Received, self.currency(), decimal(total)))
            .initial()
            .revision(rank::webhook_sale(day, total, own.len() + others.len()));
        entry = self.with_parts(entry, total);
        // Products that other bodies of this order told: what they cost is what this body leaves of the total.
        let left = total.minus(event.gross().unwrap_or_default());
        for (id, share) in others.iter().zip(left.shares(others.len())) {
            entry = entry.line(line(Some(id), None, None, share));
        }
        for name in self.names(day) {
            entry = entry.also(name);
        }
        Ok(Read::Entry(Box::new(entry)))
    }

    fn same_product(&self, sales: &[&StoredEntry]) -> bool {
        let mut known = sales.iter().flat_map(|sale| &sale.product_ids).peekable();
        // Without any product id, the subscription and the order id must do.
        known.peek().is_none()
            || self.event.products.iter().all(|product| product.id.is_none())
            || known.any(|id| self.event.products.iter().any(|product| product.id.as_ref() == Some(id)))
    }

    // ---- rebills ----------------------------------------------------------------------------------------------------

    fn rebill(&self) -> Result<Entry, Failure> {
        let event = self.event;
        let Some(total) = self.rebill_total() else {
            return malformed(format!("`{}` states no amount", event.name));
        };
        let Some(of) = event.subscription.as_deref().or(event.order.as_deref()).or(event.charge.as_deref()) else {
            return malformed(format!("`{}` has neither an order nor a subscription nor a charge id", event.name));
        };
        let day = self.rebill_day(of);
        let key = event.charge.as_deref().map_or_else(|| names::rebill(of, day), names::charge);
        let entry = Entry::sale(key, self.order_id(of), Moment::Received, self.currency(), decimal(total)).rebill();
        let entry = self.with_parts(self.entry(entry), total);
        let entry = entry.revision(rank::webhook_rebill(day, total, event.products.len()));
        Ok(self.names(day).into_iter().fold(entry, Entry::also))
    }

    /// The day of receipt, unless the same rebill was told shortly before midnight.
    fn rebill_day(&self, of: &str) -> Day {
        let today = self.day();
        let yesterday = names::rebill(of, today.plus(-1));
        let told = self.stored.iter().find(|entry| entry.key.kind == Kind::Sale && entry.key.id == yesterday);
        let again = told.is_some_and(|entry| self.age_ms(entry).unsigned_abs() <= SAME_CHARGE_MS);
        if again { today.plus(-1) } else { today }
    }

    /// `order.total` may still be that of the purchase, with products that are not charged again. Then the price counts.
    fn rebill_total(&self) -> Option<Money> {
        let event = self.event;
        let (total, gross) = (event.charged.or(event.order_total), event.gross().filter(|gross| *gross != Money::ZERO));
        let purchase = event.order.as_deref().map(names::order);
        let purchase = self.stored.iter().find(|entry| Some(&entry.key.id) == purchase.as_ref());
        let repeated = event.charged.is_none() && purchase.is_some_and(|entry| money(entry.total) == total);
        match (total, gross) {
            (Some(total), Some(gross)) if repeated && gross < total => Some(gross),
            (total, gross) => total.or(gross),
        }
    }

    // ---- refunds ----------------------------------------------------------------------------------------------------

    fn refunds(&self) -> Result<Vec<Entry>, Failure> {
        let event = self.event;
        let Some(of) = event.order.as_deref().or(event.subscription.as_deref()).or(event.charge.as_deref()) else {
            return malformed(format!("`{}` has neither an order nor a subscription nor a charge id", event.name));
        };
        let order = self.order_id(of);
        let parts = self.refund_parts()?;
        let several = parts.len() > 1;
        let mut left = if event.refunded.is_some() { None } else { self.refundable(&order) };
        let mut entries = Vec::new();
        for part in parts {
            let product = part.product.as_deref();
            let key = match &event.refund {
                Some(refund) if several => format!("refund:{refund}:{}", product.unwrap_or("-")),
                Some(refund) => format!("refund:{refund}"),
                None => format!("refund:{order}:{}:{}", product.unwrap_or("-"), part.amount),
            };
            let key = names::fit(key);
            let known = self.stored.iter().find(|entry| entry.key.kind == Kind::Refund && entry.key.id == key);
            // A refund that is sent again keeps its amount, whatever is left by now.
            let capped = left.map_or(part.amount, |left| part.amount.min(left));
            let amount = known.and_then(|known| money(known.total)).unwrap_or(capped);
            if known.is_none() {
                left = left.map(|left| left.minus(amount));
            }
            if amount <= Money::ZERO {
                continue;
            }
            let entry = Entry::refund(key, order.as_str(), Moment::Received, self.currency(), decimal(amount));
            let names = names::refunds_of_webhook(&order, product);
            let entry = self.entry(entry).revision(rank::WEBHOOK_REFUND);
            let entry = names.into_iter().fold(entry, Entry::also);
            entries.push(entry.line(line(product, part.name.as_deref(), None, amount)));
        }
        Ok(entries)
    }

    /// One part for each product, so that they meet the rows of a file, which has one for each.
    fn refund_parts(&self) -> Result<Vec<Part>, Failure> {
        let event = self.event;
        let products = || -> Option<Vec<Part>> {
            let part = |product: &crate::webhook_body::Product| {
                Some(Part { product: product.id.clone(), name: product.name.clone(), amount: product.gross()? })
            };
            event.products.iter().map(part).collect::<Option<Vec<Part>>>().filter(|parts| !parts.is_empty())
        };
        let one = |amount| {
            let ids: Vec<&str> = event.products.iter().filter_map(|product| product.id.as_deref()).collect();
            let names: Vec<&str> = event.products.iter().filter_map(|product| product.name.as_deref()).collect();
            let joined = |texts: Vec<&str>| (!texts.is_empty()).then(|| texts.join("+"));
            vec![Part { product: joined(ids), name: joined(names), amount }]
        };
        match event.refunded {
            Some(amount) if event.products.len() > 1 && event.gross() == Some(amount) => {
                Ok(products().unwrap_or_else(|| one(amount)))
            }
            Some(amount) => Ok(one(amount)),
            None if event.told == Told::PartialRefund => malformed(format!(
                "`{}` does not say how much was refunded; import the Orders export, or look it up in SamCart",
                event.name
            )),
            None => match (products(), event.order_total) {
                (Some(parts), _) => Ok(parts),
                (None, Some(total)) => Ok(one(total)),
                (None, None) => malformed(format!("`{}` states neither an amount nor a price", event.name)),
            },
        }
    }

    /// What the order still has. Refunds that a file showed are not taken off: this is one of them, or the file is older.
    fn refundable(&self, order: &str) -> Option<Money> {
        let total = |kinds: &[Kind]| -> Money {
            let of_kind = self.stored.iter().filter(|entry| kinds.contains(&entry.key.kind));
            let counted = of_kind.filter(|entry| entry.key.kind != Kind::Refund || !self.is_of_file(entry, order));
            counted.filter_map(|entry| money(entry.total)).sum()
        };
        let paid = total(&[Kind::Sale, Kind::ChargebackReversal]);
        (paid > Money::ZERO).then(|| paid.minus(total(&[Kind::Refund, Kind::Void, Kind::Chargeback])))
    }

    /// True for the keys that the Orders export gives to refunds of a product of this body.
    fn is_of_file(&self, entry: &StoredEntry, order: &str) -> bool {
        self.event.products.iter().filter_map(|product| product.id.as_deref()).chain(["-"]).any(|product| {
            let own = format!("refund:{order}:{product}");
            let rest = entry.key.id.strip_prefix(own.as_str());
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix(':').is_some_and(|day| Day::parse(day).is_ok())
            })
        })
    }

    // ---- what all entries share ---------------------------------------------------------------------------------------

    fn entry(&self, entry: Entry) -> Entry {
        let event = self.event;
        let entry = entry.email(event.email.as_deref()).customer_id(event.customer.as_deref());
        event.tags.iter().fold(entry, |entry, (name, value)| entry.tag(*name, Some(value.as_str())))
    }

    /// Adds the products, and tax and shipping if they explain the total.
    fn with_parts(&self, mut entry: Entry, total: Money) -> Entry {
        let products = &self.event.products;
        for product in products {
            let amount = product.sub_total.unwrap_or_default();
            entry = entry.line(line(product.id.as_deref(), product.name.as_deref(), product.sku.as_deref(), amount));
        }
        let sum = |part: fn(&crate::webhook_body::Product) -> Option<Money>| -> Option<Money> {
            products.iter().map(part).sum::<Option<Money>>()
        };
        let explained = !products.is_empty() && self.event.gross() == Some(total);
        match (explained, sum(|of| of.price), sum(|of| of.tax), sum(|of| of.shipping)) {
            (true, Some(items), Some(tax), Some(shipping)) => {
                entry.items(decimal(items)).tax(decimal(tax)).shipping(decimal(shipping))
            }
            _ => entry,
        }
    }

    fn names(&self, day: Day) -> Vec<String> {
        let event = self.event;
        let charge = Charge {
            charge: event.charge.as_deref(),
            order: event.order.as_deref(),
            subscription: event.subscription.as_deref(),
            email: event.email.as_deref().unwrap_or_default(),
            product: event.product_name(),
        };
        names::of_webhook(charge, day)
    }

    /// The order of the purchase, for rebills too: refunds name no other.
    fn order_id(&self, of: &str) -> String {
        match (&self.event.order, &self.event.subscription) {
            (Some(order), _) => names::fit(order.clone()),
            (None, Some(subscription)) => names::fit(format!("subscription:{subscription}")),
            (None, None) => names::charge(of),
        }
    }

    fn currency(&self) -> String {
        self.settings.currency(self.event.currency.as_deref())
    }

    fn day(&self) -> Day {
        Day::of_unix_ms(self.delivery.received.unix_ms)
    }

    /// How long before this delivery it happened.
    fn age_ms(&self, entry: &StoredEntry) -> i64 {
        self.delivery.received.unix_ms.saturating_sub(entry.unix_ms)
    }
}

struct Part {
    product: Option<String>,
    name: Option<String>,
    amount: Money,
}
