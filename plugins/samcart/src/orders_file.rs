//! The orders export: one row is one product of one charge, and rebills are further rows (likely; read so by a reader of
//! 2016). Rows of one order and day are one charge; rows of later days are rebills.
//!
//! A `tax` or `shipping` column is taken as part of the amount, not as added to it.

use ltv_connector::dates::Day;
use ltv_connector::prelude::*;

use crate::lines::{decimal, line};
use crate::money::Money;
use crate::names::{self, Charge};
use crate::orders_row::{OrderRow, Skip, spreadsheet_damage};
use crate::rank;
use crate::settings::Settings;

/// An upsell shortly after midnight belongs to the purchase; a rebill does not come that soon. In seconds.
const SAME_CHARGE_S: i64 = 20 * 60 * 60;

/// Reads a batch of rows.
///
/// # Errors
/// If a spreadsheet has spoilt the ids of the file.
pub(crate) fn read(table: &Table, settings: &Settings) -> Result<Batch, Failure> {
    let mut batch = Batch::new();
    for group in table.groups_by("order_id") {
        if let Some(damage) =
            group.iter().find_map(|row| spreadsheet_damage(row, &["order_id", "subscription_id", "transaction_id"]))
        {
            return Err(Failure::Malformed(damage));
        }
        let email = group.iter().find_map(|row| row.get("email"));
        let mut rows: Vec<OrderRow<'_>> = Vec::new();
        for row in &group {
            match OrderRow::read(row, email, settings) {
                Ok(read) if rows.first().is_some_and(|first| first.currency != read.currency) => {
                    let why = format!("`{}` is not the currency of the other rows of this order", read.currency);
                    batch.reject(row, Fault::at("currency", why));
                }
                Ok(read) => rows.push(read),
                Err(Skip::Ignored(why)) => batch.ignore(why),
                Err(Skip::Rejected(fault)) => batch.reject(row, fault),
            }
        }
        if let Some(order) = Order::new(rows, settings) {
            order.write(&mut batch);
        }
    }
    Ok(batch)
}

/// All charges that a file shows under one order id.
struct Order<'a> {
    id: String,
    /// By day. The first is taken as the purchase.
    charges: Vec<(Day, Vec<OrderRow<'a>>)>,
    /// Rows with a negative amount.
    negative: Vec<OrderRow<'a>>,
    currency: String,
    out: Option<usize>,
}

/// Money that went back, before it is known which telling of it counts.
struct Back<'a> {
    kind: Kind,
    product: String,
    key: String,
    amount: Money,
    at: Moment,
    /// The day of the charge it belongs to, or of its own row.
    charged: Day,
    dated: bool,
    of: OrderRow<'a>,
}

impl<'a> Order<'a> {
    fn new(mut rows: Vec<OrderRow<'a>>, settings: &Settings) -> Option<Self> {
        rows.sort_by_key(|row| (row.day, row.clock_s.unwrap_or_default()));
        let first = rows.first()?;
        let (id, currency) = (first.order.to_owned(), first.currency.clone());
        let out = rows.iter().all(|row| settings.excludes_product([row.product_id, row.product])).then_some(rows.len());
        let (negative, paid): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.amount.is_negative());
        let mut charges: Vec<(Day, Vec<OrderRow<'a>>)> = Vec::new();
        for row in paid {
            match charges.last_mut() {
                Some((day, rows)) if *day == row.day || charged_together(rows, &row) => rows.push(row),
                _ => charges.push((row.day, vec![row])),
            }
        }
        Some(Self { id, charges, negative, currency, out })
    }

    fn write(&self, batch: &mut Batch) {
        if let Some(rows) = self.out {
            for _ in 0..rows {
                batch.ignore("left out: the product is listed in `excluded_products`");
            }
            return;
        }
        for row in self.charges.iter().flat_map(|(_, rows)| rows).chain(&self.negative) {
            for note in &row.notes {
                batch.note(*note);
            }
        }
        for (position, (day, rows)) in self.charges.iter().enumerate() {
            if let (Some(first), Some(entry)) = (rows.first(), self.charge(position, *day, rows)) {
                batch.put(&first.row, entry);
            }
        }
        let back = self.back();
        for refund in &back {
            // Seen without its purchase, the same row looked like a refund of the purchase.
            let bare = format!("refund:{}:{}", self.id, refund.product);
            if refund.kind == Kind::Refund && refund.key != bare && !back.iter().any(|other| other.key == bare) {
                batch.withdraw(Withdrawal::new(Kind::Refund, names::fit(bare), rank::withdrawal(refund.charged)));
            }
        }
        for refund in back {
            let row = refund.of.row;
            batch.put(&row, self.refund(refund));
        }
    }

    // ---- charges ----------------------------------------------------------------------------------------------------

    fn charge(&self, position: usize, day: Day, rows: &[OrderRow<'a>]) -> Option<Entry> {
        let first = rows.first()?;
        let total: Money = rows.iter().map(|row| row.amount).sum();
        let purchase = position == 0;
        let key = if purchase { names::order(&self.id) } else { names::rebill(&self.id, day) };
        let rebill = !purchase || rows.iter().all(|row| row.is_rebill);
        let entry = Entry::sale(key, self.id.as_str(), first.at.clone(), self.currency.as_str(), decimal(total));
        let entry = entry.billing(if rebill { Billing::Rebill } else { Billing::Initial });
        let entry = entry.revision(if purchase { rank::file_sale(day) } else { rank::file_rebill(day) });
        let entry = entry.email(Some(first.email)).tag("subscription", first.subscription);
        let entry = rows.iter().fold(parts(entry, rows, total), |entry, row| entry.line(row.line(row.net())));
        // A charge that stands alone may be a rebill with an order id of its own.
        let alone = self.charges.len() == 1;
        let transaction = first.transaction.filter(|id| rows.iter().all(|row| row.transaction == Some(id)));
        let charge = Charge {
            charge: transaction,
            order: (alone || !purchase).then_some(self.id.as_str()),
            subscription: first.subscription.filter(|_| alone || !purchase),
            email: first.email,
            product: first.product.unwrap_or_default(),
        };
        Some(names::of_file(charge, day).into_iter().fold(entry, Entry::also))
    }

    // ---- money that went back ------------------------------------------------------------------------------------------

    fn back(&self) -> Vec<Back<'a>> {
        let mut back: Vec<Back<'a>> = Vec::new();
        for (position, (day, rows)) in self.charges.iter().enumerate() {
            for row in rows {
                if let Some((kind, amount)) = row.went_back() {
                    let at = row.refund_at.clone().unwrap_or_else(|| row.at.clone());
                    let dated = row.refund_at.is_some();
                    let key = self.back_key(kind, row, (position > 0).then_some(*day));
                    merge(
                        &mut back,
                        Back {
                            kind,
                            product: row.product_key(),
                            key,
                            amount,
                            at,
                            charged: *day,
                            dated,
                            of: row.clone(),
                        },
                    );
                }
            }
        }
        // A row of its own tells more than a status: when, and how much. It takes the place of one that a status told.
        let mut told: Vec<Back<'a>> = Vec::new();
        for row in &self.negative {
            let product = row.product_key();
            let same =
                |other: &Back<'a>| other.kind == Kind::Refund && (other.product == product || row.product_id.is_none());
            let replaced = back.iter().position(same).map(|position| back.remove(position));
            let bare = self.back_key(Kind::Refund, row, None);
            let key = match &replaced {
                Some(replaced) => replaced.key.clone(),
                None if told.iter().all(|other| other.key != bare || other.charged == row.day) => bare,
                None => self.back_key(Kind::Refund, row, Some(row.day)),
            };
            let charged = replaced.as_ref().map_or(row.day, |replaced| replaced.charged);
            let product = replaced.map_or(product, |replaced| replaced.product);
            let (amount, at) = (row.amount.magnitude(), row.at.clone());
            merge(
                &mut told,
                Back { kind: Kind::Refund, product, key, amount, at, charged, dated: true, of: row.clone() },
            );
        }
        back.extend(told);
        back
    }

    fn back_key(&self, kind: Kind, row: &OrderRow<'a>, day: Option<Day>) -> String {
        let what = if kind == Kind::Chargeback { "chargeback" } else { "refund" };
        let day = day.map(|day| format!(":{day}")).unwrap_or_default();
        format!("{what}:{}:{}{day}", self.id, row.product_key())
    }

    fn refund(&self, back: Back<'a>) -> Entry {
        let key = names::fit(back.key);
        let currency = self.currency.as_str();
        let entry = Entry::new(back.kind, key, self.id.as_str(), back.at, currency, decimal(back.amount));
        let entry = entry.email(Some(back.of.email)).tag("subscription", back.of.subscription);
        let entry = entry.tag("approximate", (!back.dated).then_some("date"));
        let product = Some(back.product.as_str()).filter(|product| *product != "-");
        let entry = names::refunds_of_file(&self.id, product).into_iter().fold(entry, Entry::also);
        entry.revision(rank::file_refund(back.charged, back.dated)).line(back.of.line(back.amount))
    }
}

/// True for a product that was added within hours of the purchase, past midnight.
fn charged_together(rows: &[OrderRow<'_>], row: &OrderRow<'_>) -> bool {
    let Some(first) = rows.first() else { return false };
    let (Some(start), Some(clock)) = (first.clock_s, row.clock_s) else { return false };
    let new = row.product_id.is_some()
        && rows.iter().all(|other| other.product_id.is_some() && other.product_id != row.product_id);
    new && row.day == first.day.plus(1) && clock + 86_400 - start < SAME_CHARGE_S
}

/// Rows of one charge and product went back together.
fn merge<'a>(back: &mut Vec<Back<'a>>, one: Back<'a>) {
    match back.iter_mut().find(|other| other.key == one.key) {
        Some(other) => other.amount = other.amount.plus(one.amount),
        None => back.push(one),
    }
}

/// Adds tax, shipping and discount where the file states them.
fn parts(entry: Entry, rows: &[OrderRow<'_>], total: Money) -> Entry {
    let sum = |part: fn(&OrderRow<'_>) -> Option<Money>| -> Option<Money> {
        let stated: Vec<Money> = rows.iter().filter_map(part).collect();
        (!stated.is_empty()).then(|| stated.into_iter().sum())
    };
    let (tax, shipping, discount) = (sum(|row| row.tax), sum(|row| row.shipping), sum(|row| row.discount));
    let goods =
        tax.zip(shipping).map(|(tax, shipping)| total.minus(tax).minus(shipping).plus(discount.unwrap_or_default()));
    entry
        .tax(tax.map(decimal))
        .shipping(shipping.map(decimal))
        .discount(discount.map(decimal))
        .items(goods.filter(|goods| !goods.is_negative()).map(decimal))
}

impl OrderRow<'_> {
    fn line(&self, amount: Money) -> Line {
        line(self.product_id, self.product, None, amount)
    }
}
