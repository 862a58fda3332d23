//! From a row to the money that it tells of.

use ltv_connector::prelude::*;

use crate::facts::is_more;
use crate::goods;
use crate::row::{Row, Type, key};
use crate::settings::Settings;
use crate::when;

/// What a row tells.
#[derive(Debug)]
pub(crate) enum Movement {
    /// Money came or went.
    Money(Box<Entry>),
    /// Something was undone. What, and whether it was money, its parent tells. Without amount it is that of the parent.
    Undone(Option<Decimal>),
    /// No money, and why.
    Nothing(&'static str),
    /// Money that the operator does not want counted, and why.
    LeftOut(&'static str),
}

/// A chargeback: a label on the sale, not a row of its own \[C\].
#[derive(Debug)]
pub(crate) enum Chargeback {
    None,
    /// With its own date.
    Dated(Box<Entry>),
    /// Without: dated by the change that brought it, if it was not known before.
    FirstSeen(Box<Entry>),
}

/// Which kind of entry a row of this type makes. `None`: never one.
pub(crate) const fn kind_of(row: Type) -> Option<Kind> {
    match row {
        Type::Sale | Type::Capture => Some(Kind::Sale),
        Type::Refund => Some(Kind::Refund),
        Type::Void => Some(Kind::Void),
        Type::Authorize | Type::Other => None,
    }
}

/// Reads a row.
///
/// # Errors
/// If money moved and it cannot be told how much, when, or of which currency.
pub(crate) fn read(row: &Row<'_>, settings: &Settings) -> Result<Movement, Fault> {
    if !row.succeeded() {
        return Ok(Movement::Nothing("declined"));
    }
    if let Some(why) = row.left_out(settings) {
        return Ok(Movement::LeftOut(why));
    }
    match row.kind() {
        Type::Authorize => Ok(Movement::Nothing("an authorisation: no money yet")),
        Type::Void => Ok(Movement::Undone(row.amount("totalAmount")?.filter(|amount| !amount.is_zero()))),
        Type::Other if row.amount("totalAmount")?.is_none_or(Decimal::is_zero) => {
            Ok(Movement::Nothing("of a type without money"))
        }
        Type::Other => {
            let said = row.text("txnType").unwrap_or_default();
            Err(Fault::at("txnType", format!("`{said}` is none of SALE, AUTHORIZE, CAPTURE, VOID and REFUND")))
        }
        kind @ (Type::Sale | Type::Capture | Type::Refund) => {
            let total = row.need_amount()?;
            let kind = kind_of(kind).unwrap_or(Kind::Sale);
            Ok(Movement::Money(Box::new(entry(row, settings, kind, key(row.id), row.created()?, total)?)))
        }
    }
}

/// The entry of a void whose parent was money.
///
/// # Errors
/// If it cannot be told when, or of which currency.
pub(crate) fn void(row: &Row<'_>, settings: &Settings, total: Decimal) -> Result<Entry, Fault> {
    entry(row, settings, Kind::Void, key(row.id), row.created()?, total)
}

/// The key of the chargeback of a sale.
pub(crate) fn chargeback_key(id: &str) -> String {
    format!("chargeback:{id}")
}

/// Reads the label on a sale.
///
/// # Errors
/// As [`read`].
pub(crate) fn chargeback(row: &Row<'_>, settings: &Settings, sale: &Entry, now: &Instant) -> Result<Chargeback, Fault> {
    if !row.is_charged_back() {
        return Ok(Chargeback::None);
    }
    let paid = sale.amounts.total;
    let told = row.amount("chargebackAmount")?.filter(|amount| !amount.is_zero());
    let mut total = told.unwrap_or(paid);
    // Net revenue of a sale never goes below minus its amount: a refund and a chargeback at most take it back twice.
    if is_more(total, paid) {
        log::warn(format!("transaction {}: a chargeback of {total} on a sale of {paid} counts as {paid}", row.id));
        total = paid;
    }
    if total.is_zero() {
        return Ok(Chargeback::None);
    }
    let date = row.text("chargebackDate").and_then(|text| match when::moment(text) {
        Ok(date) => date,
        Err(fault) => {
            log::warn(format!("transaction {}: the date of its chargeback cannot be read: {fault}", row.id));
            None
        }
    });
    let make = |at| -> Result<Entry, Fault> {
        let entry = entry(row, settings, Kind::Chargeback, chargeback_key(row.id), at, total)?;
        Ok(entry.tag("chargeback-reason", row.text("chargebackReasonCode")))
    };
    Ok(match date {
        Some(at) => Chargeback::Dated(Box::new(make(at)?)),
        None => {
            // The label restates the row, so at first sight the row's last change is when it was put on. Reading years
            // for the first time, that is far nearer than today.
            let changed = row.changed().and_then(|text| when::moment(text).ok().flatten());
            let at = changed.unwrap_or(Moment::Utc(now.unix_ms));
            Chargeback::FirstSeen(Box::new(make(at)?.tag("approximate", Some("date"))))
        }
    })
}

/// Reads a row of a file that is called a chargeback \[G\]: it is taken to bear the id of its sale.
///
/// # Errors
/// As [`read`].
pub(crate) fn chargeback_row(row: &Row<'_>, settings: &Settings) -> Result<Entry, Fault> {
    entry(row, settings, Kind::Chargeback, chargeback_key(row.id), row.created()?, row.need_amount()?)
}

fn entry(
    row: &Row<'_>,
    settings: &Settings,
    kind: Kind,
    id: String,
    at: Moment,
    total: Decimal,
) -> Result<Entry, Fault> {
    let currency = settings.currency(row.text("currencyCode"))?;
    let mut entry = Entry::new(kind, id, row.order(), at, currency, total)
        .billing(row.billing())
        .email(row.text("emailAddress"))
        .customer_id(row.reference("customerId"))
        .revision(row.revision());
    // A sale that says nothing about cycles is a purchase.
    if kind == Kind::Sale && entry.billing == Billing::Unknown {
        entry = entry.initial();
    }
    entry.lines = goods::lines(row, total);
    Ok(goods::tagged(entry, row))
}
