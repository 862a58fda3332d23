//! One row of an order or transaction file, read but not yet put together with the others of its order.

use ltv_connector::{dates::Day, prelude::*};

use super::words::{self, Status, Type};
use crate::names;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A payment of this type: `Charge`, `Rebill` or, where nothing tells, `Payment`.
    Paid(Type),
    /// Money that went back, in a row of its own.
    Back(Kind),
}

/// Money that went back and is told on the row of its payment.
#[derive(Debug, Clone)]
pub(crate) struct Back {
    pub(crate) kind: Kind,
    pub(crate) amount: Decimal,
    /// `None`: the file tells no day.
    pub(crate) at: Option<Moment>,
}

/// A row that moved money.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) row: &'a Row<'a>,
    pub(crate) what: What,
    pub(crate) back: Option<Back>,
    pub(crate) order_id: Option<&'a str>,
    pub(crate) invoice: Option<&'a str>,
    pub(crate) email: &'a str,
    pub(crate) at: Moment,
    pub(crate) day: Day,
    pub(crate) currency: String,
    /// Not negative.
    pub(crate) amount: Decimal,
    pub(crate) tax: Option<Decimal>,
}

/// What became of a row.
#[derive(Debug)]
pub(crate) enum Reading<'a> {
    Money(Box<Record<'a>>),
    /// Left out on purpose, and why.
    Ignored(String),
}

const LIVE: &[&str] = &["live", "production", "false", "no", "n", "0", "2"];

/// Reads one row.
///
/// # Errors
/// If the row moves money but cannot be read.
pub(crate) fn read<'a>(row: &'a Row<'a>, context: &Context, today: Day) -> Result<Reading<'a>, Fault> {
    if ["order_id", "invoice", "email", "date"].iter().all(|column| row.get(column).is_none()) {
        return Ok(Reading::Ignored("without order, e-mail and date: taken for a line of totals".to_owned()));
    }
    if let Some(mode) = is_test(row) {
        return Ok(Reading::Ignored(format!("test orders (`{mode}`) are left out")));
    }
    let kind = known("type", row.get("type"), words::type_of)?;
    let status = known("status", row.get("status"), words::status_of)?;
    if kind == Some(Type::NoMoney) || status == Some(Status::NoMoney) {
        let word = if kind == Some(Type::NoMoney) { row.get("type") } else { row.get("status") };
        return Ok(Reading::Ignored(format!("`{}`: no money moved", word.unwrap_or_default())));
    }

    let stated = row.need_amount("amount")?;
    let refunded = row.amount("refund_amount")?.map(Decimal::abs).filter(|amount| !amount.is_zero());
    let what = match kind {
        Some(Type::Refund) => What::Back(Kind::Refund),
        Some(Type::Chargeback) => What::Back(Kind::Chargeback),
        _ if stated.is_negative() => What::Back(back_kind(status)),
        other => What::Paid(other.unwrap_or(Type::Payment)),
    };
    let amount = match what {
        // The amount of such a row may be that of the payment; a column for refunds knows better.
        What::Back(_) => refunded.unwrap_or(stated).abs(),
        What::Paid(_) => stated,
    };
    if matches!(what, What::Back(_)) && amount.is_zero() {
        return Ok(Reading::Ignored("a refund of nothing".to_owned()));
    }
    let back = match (what, status, refunded) {
        (What::Back(_), ..) | (_, None | Some(Status::Paid), None) => None,
        (_, Some(Status::PartlyRefunded), None) => {
            return Err(Fault::at("refund_amount", "partly refunded, but no column tells how much"));
        }
        (_, status, refunded) => {
            let at = row.moment("refund_date", None)?;
            Some(Back { kind: back_kind(status), amount: refunded.unwrap_or(amount), at })
        }
    };

    let at = row.need_moment("date", None)?;
    Ok(Reading::Money(Box::new(Record {
        row,
        what,
        back,
        order_id: id(row, "order_id")?,
        invoice: id(row, "invoice")?,
        email: row.need("email")?,
        day: names::day_of(&at, today),
        at,
        currency: names::currency(row.get("currency").or(context.text("currency")))?,
        amount,
        tax: row.amount("tax")?.map(Decimal::abs).filter(|tax| *tax <= amount),
    })))
}

/// The word by which a row says that it is a test.
pub(crate) fn is_test<'a>(row: &'a Row<'a>) -> Option<&'a str> {
    row.get("test").filter(|mode| !LIVE.contains(&words::normal(mode).as_str()))
}

impl Record<'_> {
    /// The invoice number, if it is that of a rebill.
    pub(crate) fn numbered_invoice(&self) -> Option<&str> {
        self.invoice.filter(|invoice| names::split_invoice(invoice).is_some())
    }

    pub(crate) fn product(&self) -> &str {
        self.row.get("product").unwrap_or_default()
    }

    /// The product, with so much of the row's money.
    pub(crate) fn line_of(&self, amount: Decimal, tax: Option<Decimal>) -> Line {
        let net = tax.and_then(|tax| amount.minus(tax).ok());
        Line::new(Decimal::ONE, net.unwrap_or(amount)).product(self.row.get("product_id")).name(self.row.get("product"))
    }
}

fn back_kind(status: Option<Status>) -> Kind {
    if status == Some(Status::ChargedBack) { Kind::Chargeback } else { Kind::Refund }
}

fn known<T>(column: &str, word: Option<&str>, meaning: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Fault> {
    let Some(word) = word else { return Ok(None) };
    match meaning(word) {
        Some(meaning) => Ok(Some(meaning)),
        None => {
            Err(Fault::at(column, format!("the word `{word}` is not known, so it is not clear whether money moved")))
        }
    }
}

/// An id. Spreadsheet programs write long numbers as `6.001E+11`: the digits are lost, and two orders may become one.
fn id<'a>(row: &'a Row<'a>, column: &str) -> Result<Option<&'a str>, Fault> {
    let Some(id) = row.get(column).map(|id| id.trim_start_matches('#')).filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    let looks_computed = id.split_once(['E', 'e']).is_some_and(|(mantissa, exponent)| {
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits(exponent) && mantissa.split(['.', ',']).all(digits)
    });
    if looks_computed {
        return Err(Fault::at(
            column,
            format!("`{id}` was shortened by a spreadsheet program: upload the file as ThriveCart exported it"),
        ));
    }
    Ok(Some(id))
}
