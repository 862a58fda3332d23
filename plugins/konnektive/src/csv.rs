//! The "Transaction Details" export \[L\]: the same rows as the API's, with the same ids.
//!
//! A row of the file becomes the row that the API would have told, and is read by the same rules. It has no date of change,
//! so its revision is 0 and what the API told stays.

use ltv_connector::prelude::*;

use crate::facts::{Facts, Undid, Undoing};
use crate::movement::{self, Movement};
use crate::row::Row as Transaction;
use crate::settings::Settings;

/// Columns of the file and the fields of the API that they stand for.
const FIELDS: [(&str, &str); 27] = [
    ("transactionId", "transactionId"),
    ("type", "txnType"),
    ("amount", "totalAmount"),
    ("currency", "currencyCode"),
    ("orderId", "orderId"),
    ("parentTxnId", "parentTxnId"),
    ("purchaseId", "purchaseId"),
    ("billCycle", "billingCycleNumber"),
    ("orderType", "orderType"),
    ("response", "responseText"),
    ("email", "emailAddress"),
    ("customerId", "customerId"),
    ("campaign", "campaignName"),
    ("campaignId", "campaignId"),
    ("merchant", "merchant"),
    ("merchantId", "merchantId"),
    ("mid", "midNumber"),
    ("paySource", "paySource"),
    ("cardType", "cardType"),
    ("cardBin", "cardBin"),
    ("cardLast4", "cardLast4"),
    ("country", "country"),
    ("coupon", "couponCode"),
    ("affiliate", "affId"),
    ("product", "productName"),
    ("productId", "productId"),
    ("sku", "productSku"),
];

pub(crate) fn read(table: &Table, settings: &Settings) -> Batch {
    let mut batch = Batch::new();
    for group in table.groups_by("orderId") {
        // What a void undid stands in its order, further up or down.
        let values: Vec<(Row<'_>, Value)> = group.into_iter().map(|row| (row, as_told(&row))).collect();
        let mut facts = Facts::default();
        values.iter().filter_map(|(_, value)| Transaction::new(value).ok()).for_each(|row| facts.learn(&row, settings));
        for (row, value) in &values {
            match numbered(row) {
                Number::Id => one(&mut batch, row, value, &facts, settings),
                Number::None => batch.ignore("no transaction: the id is not a number"),
                Number::Spoilt(fault) => batch.reject(row, fault),
            }
        }
    }
    batch
}

enum Number {
    Id,
    /// A line of totals.
    None,
    Spoilt(Fault),
}

fn numbered(row: &Row<'_>) -> Number {
    let id = row.get("transactionId").unwrap_or_default();
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(id) {
        return Number::Id;
    }
    let mantissa = id.to_ascii_uppercase();
    let mantissa = mantissa.split_once('E').map(|(mantissa, _)| mantissa.replace(['.', ','], ""));
    if mantissa.is_some_and(|mantissa| is_digits(&mantissa)) {
        let why = format!("`{id}` was shortened by a spreadsheet program; upload the original file");
        return Number::Spoilt(Fault::at("transactionId", why));
    }
    Number::None
}

fn one(batch: &mut Batch, row: &Row<'_>, value: &Value, facts: &Facts, settings: &Settings) {
    let read = Transaction::new(value).and_then(|told| {
        if is_chargeback(row) {
            if let Some(why) = told.left_out(settings) {
                return Ok(Err(why));
            }
            return movement::chargeback_row(&told, settings).map(Ok);
        }
        match movement::read(&told, settings)? {
            Movement::Money(entry) => Ok(Ok(*entry)),
            Movement::Nothing(why) | Movement::LeftOut(why) => Ok(Err(why)),
            Movement::Undone(amount) => match facts.undone_by(&Undoing::new(&told, amount)) {
                Undid::Sale(total) => movement::void(&told, settings, total).map(Ok),
                Undid::NoMoney => Ok(Err("a void of what was no money")),
                Undid::Unknown => Ok(Err("a void without its sale in the same file")),
            },
        }
    });
    match read {
        Ok(Ok(entry)) => batch.put(row, entry),
        Ok(Err(why)) => batch.ignore(format!("left out: {why}")),
        Err(fault) => batch.reject(row, fault),
    }
}

fn is_chargeback(row: &Row<'_>) -> bool {
    row.get("type").is_some_and(|kind| kind.to_ascii_lowercase().replace([' ', '-'], "").starts_with("chargeback"))
}

/// The row as the API would have told it.
fn as_told(row: &Row<'_>) -> Value {
    let text = |field: &str, text: &str| (field.to_owned(), Value::Text(text.to_owned()));
    let mut fields: Vec<(String, Value)> =
        FIELDS.iter().filter_map(|(column, field)| row.get(column).map(|cell| text(field, cell))).collect();
    let date = row.get("date").unwrap_or_default();
    match row.get("time").filter(|_| !date.contains([' ', 'T'])) {
        Some(time) => fields.push(text("dateCreated", &format!("{date} {time}"))),
        None => fields.push(text("dateCreated", date)),
    }
    let result = row.get("result").unwrap_or_default();
    let result = if result.eq_ignore_ascii_case("approved") { "SUCCESS" } else { result };
    fields.push(text("responseType", result));
    Value::Map(fields)
}
