//! Order and transaction files: rows of one order are put together and told apart by their charge.

use std::collections::{BTreeMap, HashMap};

use ltv_connector::{dates::Day, prelude::*};

use super::{
    record::{self, Reading, Record, What},
    words::Type,
};
use crate::names::{self, Namer, Rank};

const DAYS_TELL: &str = "orders with payments on several days and no word that tells them apart: the earliest in the file \
    was taken as the first payment, the others as rebills. Upload the whole time range, so that the earliest is the first";
const LATE_CHARGES: &str = "first payments more than a day after their order's first one were taken as rebills";
const REFUND_TOLD_TWICE: &str =
    "refunds told on the row of their payment were left out, because their order has refunds in rows of their own";
const REFUND_UNDATED: &str = "refunds without a day of their own stand on the day of their payment, marked approximate";
const TOO_MUCH_BACK: &str = "orders with more money given back than paid in this file";
const ALONE: &str = "rows without an order id stand alone: an order of several items counts as several, and is not known \
    again when a webhook tells it as one";

/// Reads a batch.
pub(crate) fn read(format: &str, table: &Table, context: &Context) -> Batch {
    let mut batch = Batch::new();
    let today = Day::of_unix_ms(context.now.unix_ms);
    let mut without_id = HashMap::new();
    // Orders that have invoice numbers alone are not handed over together.
    let mut by_invoice: BTreeMap<&str, Vec<Record<'_>>> = BTreeMap::new();
    let groups = table.groups_by("order_id");
    for rows in &groups {
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            match record::read(row, context, today) {
                Ok(Reading::Money(record)) => records.push(*record),
                Ok(Reading::Ignored(why)) => batch.ignore(why),
                Err(fault) => batch.reject(row, fault),
            }
        }
        // Rows without an order id come one by one.
        let Some(first) = records.first() else { continue };
        match (first.order_id, first.invoice) {
            (Some(order_id), _) => group(&mut batch, order_id, true, &records),
            (None, Some(invoice)) => {
                let base = names::split_invoice(invoice).map_or(invoice, |(base, _)| base);
                by_invoice.entry(base).or_default().append(&mut records);
            }
            (None, None) => records.iter().for_each(|record| alone(&mut batch, format, record, &mut without_id)),
        }
    }
    for (base, records) in &by_invoice {
        group(&mut batch, base, false, records);
    }
    batch
}

/// All rows of one order. `is_order_id`: `order_id` is one, and not an invoice number in its place.
fn group(batch: &mut Batch, order_id: &str, is_order_id: bool, records: &[Record<'_>]) {
    let sorted = Sorted::of(batch, records);
    let group = Group { order_id, is_order_id, has_back_rows: !sorted.back.is_empty() };
    let mut balance = Balance::default();

    if let Some((first, same)) = in_one_currency(batch, &sorted.charge) {
        let key = names::charge_key(order_id);
        let mut entry = paid(&key, order_id, first, &same).initial();
        entry.revision = Rank::of_file(&first.at).revision_by_day(first.day, entry.amounts.total);
        balance.paid(&entry);
        batch.put(first.row, entry);
        group.told_on_payments(batch, &key, order_id, &same, &mut balance);
    }
    for (invoice, records) in &sorted.numbered {
        let Some((first, same)) = in_one_currency(batch, records) else { continue };
        let cycle = names::split_invoice(invoice).map(|(_, number)| number.saturating_add(1).to_string());
        group.rebill(batch, &names::rebill_key(invoice), invoice, first, &same, cycle.as_deref(), &mut balance);
    }
    let mut of_day = Counter::default();
    for record in &sorted.by_day {
        let own_id = of_day.numbered(names::rebill_order_id(order_id, record.day));
        group.rebill(batch, &names::rebill_key(&own_id), &own_id, record, &[record], None, &mut balance);
    }
    let mut of_key = Counter::default();
    for (kind, record) in &sorted.back {
        let entry = group.back_row(*kind, record, &mut of_key);
        balance.back(&entry);
        batch.put(record.row, entry);
    }
    if balance.is_overdrawn() {
        batch.note(TOO_MUCH_BACK);
    }
}

/// The rows of an order, told apart.
#[derive(Default)]
struct Sorted<'r> {
    /// Items of the first charge.
    charge: Vec<&'r Record<'r>>,
    /// Rebills with an invoice number, by it.
    numbered: BTreeMap<&'r str, Vec<&'r Record<'r>>>,
    /// Rebills without one.
    by_day: Vec<&'r Record<'r>>,
    /// Refunds and chargebacks in rows of their own.
    back: Vec<(Kind, &'r Record<'r>)>,
}

impl<'r> Sorted<'r> {
    fn of(batch: &mut Batch, records: &'r [Record<'r>]) -> Self {
        let first_of = |wanted: Type| {
            let of_type = records.iter().filter(|r| r.what == What::Paid(wanted) && r.numbered_invoice().is_none());
            of_type.map(|record| record.day).min()
        };
        // The type column says what is first; only without it the days do.
        let (typed, untyped) = (first_of(Type::Charge), first_of(Type::Payment));
        let mut sorted = Self::default();
        for record in records {
            match (record.what, record.numbered_invoice()) {
                (What::Back(kind), _) => sorted.back.push((kind, record)),
                (What::Paid(_), Some(invoice)) => sorted.numbered.entry(invoice).or_default().push(record),
                (What::Paid(Type::Rebill), None) => sorted.by_day.push(record),
                // An upsell may be taken after midnight.
                (What::Paid(Type::Charge), None) if typed.is_some_and(|first| record.day.days_since(first) <= 1) => {
                    sorted.charge.push(record);
                }
                (What::Paid(Type::Charge), None) => {
                    batch.note(LATE_CHARGES);
                    sorted.by_day.push(record);
                }
                (What::Paid(_), None) if Some(record.day) == typed.or(untyped) => sorted.charge.push(record),
                (What::Paid(_), None) => sorted.by_day.push(record),
            }
        }
        if typed.is_none() && untyped.is_some() && sorted.by_day.iter().any(|r| r.what == What::Paid(Type::Payment)) {
            batch.note(DAYS_TELL);
        }
        // Keys that count must not depend on the order of rows, which differs between exports.
        sorted.charge.sort_by_key(|record| record.day);
        sorted.by_day.sort_by(|a, b| order_of(a).cmp(&order_of(b)));
        sorted.back.sort_by(|(_, a), (_, b)| order_of(a).cmp(&order_of(b)));
        sorted
    }
}

fn order_of<'r>(record: &'r Record<'_>) -> (Day, std::cmp::Reverse<Decimal>, &'r str) {
    (record.day, std::cmp::Reverse(record.amount), record.product())
}

struct Group<'a> {
    order_id: &'a str,
    is_order_id: bool,
    has_back_rows: bool,
}

impl Group<'_> {
    #[allow(clippy::too_many_arguments, reason = "the parts of one entry")]
    fn rebill(
        &self,
        batch: &mut Batch,
        key: &str,
        own_id: &str,
        first: &Record<'_>,
        same: &[&Record<'_>],
        cycle: Option<&str>,
        balance: &mut Balance,
    ) {
        let mut entry = paid(key, own_id, first, same).rebill().tag("cycle", cycle);
        let namer = Namer { what: "rebill", currency: &first.currency, amount: entry.amounts.total };
        entry.also = self.names(namer, first);
        entry.revision = Rank::of_file(&first.at).revision();
        balance.paid(&entry);
        batch.put(first.row, entry);
        self.told_on_payments(batch, key, own_id, same, balance);
    }

    /// A refund or chargeback in a row of its own.
    fn back_row(&self, kind: Kind, record: &Record<'_>, counter: &mut Counter) -> Entry {
        let what = what_of(kind);
        let (day, amount) = (record.day, names::canonical(record.amount));
        let row = record.row;
        let key = match (row.get("event_id"), row.get("transaction_id")) {
            (Some(event_id), _) => format!("{what}:{event_id}"),
            // It may be the payment's id, which all its refunds would share.
            (None, Some(transaction)) => format!("{what}:{transaction}:{day}:{amount}"),
            (None, None) => format!("{what}:{}:{day}:{amount}", self.order_id),
        };
        let paid = record.numbered_invoice().unwrap_or(self.order_id);
        let mut entry = back(kind, &counter.numbered(key), paid, record, record.at.clone(), record.amount);
        let namer = Namer { what, currency: &record.currency, amount: record.amount };
        entry.also = self.names(namer, record);
        entry.revision = Rank::of_file(&record.at).revision();
        entry
    }

    /// Refunds and chargebacks told on the rows of a payment: one for each item, as the webhooks tell them.
    fn told_on_payments(
        &self,
        batch: &mut Batch,
        key: &str,
        order_id: &str,
        records: &[&Record<'_>],
        balance: &mut Balance,
    ) {
        let mut counter = Counter::default();
        for record in records {
            let Some(told) = &record.back else { continue };
            if self.has_back_rows {
                batch.note(REFUND_TOLD_TWICE);
                continue;
            }
            let key = match record.product() {
                "" => format!("{}:{key}", what_of(told.kind)),
                product => format!("{}:{key}:{product}", what_of(told.kind)),
            };
            let entry = told_on_payment(batch, told, &counter.numbered(key), order_id, self.order_id, record);
            balance.back(&entry);
            batch.put(record.row, entry);
        }
    }

    /// A webhook knows the order id; where the file does not, the e-mail address has to do.
    fn names(&self, namer: Namer<'_>, record: &Record<'_>) -> Vec<String> {
        if self.is_order_id {
            return namer.file(self.order_id, record.day);
        }
        by_email(namer, record)
    }
}

/// A row without an order. What it is known by leaves out all that may change from one export to the next, such as its
/// status; rows that are equal in the rest are numbered, so that genuine twins stay two and one file imported again adds
/// nothing. `seen` counts them in this batch; the twin number counts in the whole file, but only rows equal in everything.
fn alone(batch: &mut Batch, format: &str, record: &Record<'_>, seen: &mut HashMap<String, u32>) {
    let (kind, billing) = match record.what {
        What::Paid(Type::Rebill) => (Kind::Sale, Billing::Rebill),
        What::Paid(Type::Charge) => (Kind::Sale, Billing::Initial),
        What::Paid(_) => (Kind::Sale, Billing::Unknown),
        What::Back(kind) => (kind, Billing::Unknown),
    };
    let at = match &record.at {
        Moment::Utc(unix_ms) => unix_ms.to_string(),
        Moment::Local(text) | Moment::Day(text) => text.clone(),
        Moment::Received => String::new(),
    };
    let email = names::normal_email(record.email);
    let amount = names::canonical(record.amount);
    let cell = |column: &str| record.row.get(column).unwrap_or_default();
    let transaction = record.row.get("event_id").unwrap_or(cell("transaction_id"));
    let what =
        [format, &email, &at, &amount, &record.currency, record.product(), cell("plan"), transaction, what_of(kind)];
    let before = seen.entry(stable_id(&what)).and_modify(|count| *count += 1).or_default();
    let twin = record.row.twin().max(*before).to_string();
    let id = format!("row:{}", stable_id(&[&what[..], &[&twin]].concat()));
    let namer = Namer { what: what_of(kind), currency: &record.currency, amount: record.amount };

    let mut entry = if kind == Kind::Sale {
        paid(&id, &id, record, &[record]).billing(billing)
    } else {
        back(kind, &id, &id, record, record.at.clone(), record.amount)
    };
    entry.also = by_email(namer, record);
    entry.revision = Rank::of_file(&record.at).revision();
    batch.put(record.row, entry);
    batch.note(ALONE);
    if let Some(told) = &record.back {
        let key = format!("{}:{id}", what_of(told.kind));
        let entry = told_on_payment(batch, told, &key, &id, &email, record);
        batch.put(record.row, entry);
    }
}

/// A payment of one or more rows.
fn paid(key: &str, order_id: &str, first: &Record<'_>, rows: &[&Record<'_>]) -> Entry {
    // Sums of a file cannot overflow what a total may be; if they do, the daemon says so.
    let add = |a: Decimal, b: Decimal| a.plus(b).unwrap_or(Decimal::new(i64::MAX, 0));
    let total = rows.iter().map(|row| row.amount).fold(Decimal::ZERO, add);
    let taxes: Option<Vec<Decimal>> = rows.iter().map(|row| row.tax).collect();
    let tax = taxes.map(|taxes| taxes.into_iter().fold(Decimal::ZERO, add));
    let entry = Entry::sale(key, order_id, first.at.clone(), first.currency.as_str(), total);
    let mut entry = common(entry, first).items(tax.and_then(|tax| total.minus(tax).ok())).tax(tax);
    for row in rows {
        if row.row.get("product").is_some() || row.row.get("product_id").is_some() {
            entry = entry.line(row.line_of(row.amount, row.tax));
        }
    }
    entry
}

/// Money that went back.
fn back(kind: Kind, key: &str, order_id: &str, record: &Record<'_>, at: Moment, amount: Decimal) -> Entry {
    // What is told of the tax is told of the whole amount of the row.
    let tax = record.tax.filter(|_| amount == record.amount);
    let entry = common(Entry::new(kind, key, order_id, at, record.currency.as_str(), amount), record)
        .items(tax.and_then(|tax| amount.minus(tax).ok()))
        .tax(tax);
    if record.product().is_empty() { entry } else { entry.line(record.line_of(amount, tax)) }
}

fn told_on_payment(
    batch: &mut Batch,
    told: &record::Back,
    key: &str,
    order_id: &str,
    who: &str,
    record: &Record<'_>,
) -> Entry {
    let namer = Namer { what: what_of(told.kind), currency: &record.currency, amount: told.amount };
    let at = told.at.clone();
    let (at, also, rank) = match at {
        Some(at) => {
            let day = names::day_of(&at, record.day);
            let rank = Rank::of_file(&at);
            (at, namer.file(who, day), rank)
        }
        None => {
            batch.note(REFUND_UNDATED);
            (record.at.clone(), namer.any_day(who), Rank::Undated)
        }
    };
    let mut entry = back(told.kind, key, order_id, record, at, told.amount)
        .tag("approximate", (rank == Rank::Undated).then_some("date"))
        // A refund that grows in a later file is the same one.
        .revision(rank.revision_by_total(told.amount));
    entry.also = also;
    entry
}

fn common(entry: Entry, record: &Record<'_>) -> Entry {
    let row = record.row;
    entry
        .email(Some(record.email))
        .customer_id(row.get("customer_id"))
        .tag("order-number", record.order_id)
        .tag("invoice", record.invoice)
        .tag("plan", row.get("plan"))
        .tag("subscription", row.get("subscription_id"))
        .tag("processor", row.get("processor"))
        .tag("coupon", row.get("coupon"))
        .tag("affiliate", row.get("affiliate"))
        .tag("country", names::country(row.get("country")).as_deref())
}

fn by_email(namer: Namer<'_>, record: &Record<'_>) -> Vec<String> {
    // Webhooks name rebills by e-mail as sales, since files without order ids cannot tell them.
    let what = if namer.what == "rebill" { "sale" } else { namer.what };
    Namer { what, ..namer }.file(&names::normal_email(record.email), record.day)
}

/// The rows in the currency of the first; the others are refused.
fn in_one_currency<'r>(batch: &mut Batch, records: &[&'r Record<'r>]) -> Option<(&'r Record<'r>, Vec<&'r Record<'r>>)> {
    let first = *records.first()?;
    let (same, other): (Vec<&Record<'_>>, Vec<&Record<'_>>) =
        records.iter().copied().partition(|record| record.currency == first.currency);
    for record in other {
        let reason = format!("one charge in two currencies: {} and {}", first.currency, record.currency);
        batch.reject(record.row, Fault::at("currency", reason));
    }
    Some((first, same))
}

fn what_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Chargeback => "chargeback",
        Kind::Sale => "sale",
        _ => "refund",
    }
}

/// Numbers equal ids from the second on: `id`, `id#2`.
#[derive(Default)]
struct Counter(HashMap<String, u32>);

impl Counter {
    fn numbered(&mut self, id: String) -> String {
        let seen = self.0.entry(id.clone()).or_default();
        *seen += 1;
        if *seen == 1 { id } else { format!("{id}#{seen}") }
    }
}

/// Payments and refunds of one order, to see refunds that are too high.
#[derive(Default)]
struct Balance {
    paid: i64,
    back: i64,
}

impl Balance {
    fn paid(&mut self, entry: &Entry) {
        self.paid = self.paid.saturating_add(names::hundredths(entry.amounts.total));
    }

    fn back(&mut self, entry: &Entry) {
        self.back = self.back.saturating_add(names::hundredths(entry.amounts.total));
    }

    /// A file that begins after the payment holds refunds alone, which says nothing.
    fn is_overdrawn(&self) -> bool {
        self.paid > 0 && self.back > self.paid
    }
}
