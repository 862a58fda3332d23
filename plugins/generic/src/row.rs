//! One row, one movement of money.

use ltv_connector::prelude::*;

use crate::describe::PURPOSES;
use crate::words::{Meaning, Words};

/// What a row turned out to be.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Money moved. What was derived or left out stands in the notes.
    Entry(Box<Entry>, Vec<String>),
    /// No money moved, and why.
    Ignored(String),
}

pub(crate) fn read(row: &Row<'_>, context: &Context, words: &Words) -> Result<Reading, Fault> {
    match read_anonymous(row, context, words) {
        Err(fault) => Err(Fault { id: row.get("id").or(row.get("order_id")).map(str::to_owned), ..fault }),
        reading => reading,
    }
}

fn read_anonymous(row: &Row<'_>, context: &Context, words: &Words) -> Result<Reading, Fault> {
    let stated = row.get("kind").map(|word| words.kind(word).map(|meaning| (word, meaning))).transpose()?;
    if let Some((word, Meaning::Ignored)) = stated {
        return Ok(Reading::Ignored(format!("`{word}` is one of `ignored_words`: no money moved")));
    }
    let mut notes = Vec::new();
    let amount = row.need_amount("amount")?;
    let (kind, billing_by_kind) = match stated {
        Some((_, Meaning::Kind(kind, billing))) => (kind, billing),
        _ => (default_kind(context), None),
    };
    let kind = match kind {
        Kind::Sale if amount.is_negative() && stated.is_some() => {
            return Err(Fault::at("amount", format!("a sale of {amount}: a sale cannot be negative")));
        }
        Kind::Sale if amount.is_negative() => {
            notes.push("a negative amount without a kind: read as a refund".to_owned());
            Kind::Refund
        }
        kind => kind,
    };
    let at = row.need_moment("date", Some("time"))?;
    let currency = currency(row, context)?;
    let parts = Parts::read(row, kind, amount, context.text("amount_is") == Some("without_tax"))?;
    let id = match row.get("id") {
        Some(id) => id.to_owned(),
        None => {
            notes.push("no id: the row is identified by what stands in it, so an edited row is a new one".to_owned());
            identity(row)
        }
    };
    let order_id = row.get("order_id").unwrap_or(&id).to_owned();
    if kind != Kind::Sale && row.get("order_id").is_none() {
        notes.push("a refund, void or chargeback without order id: it stands for itself".to_owned());
    }
    let billing = match row.get("billing") {
        Some(word) => words.billing(word)?,
        None => billing_by_kind.unwrap_or_else(|| default_billing(context, kind)),
    };
    let email = row.get("email");
    let customer_id = row.get("customer_id").filter(|id| *id != "0");
    if email.is_none() && customer_id.is_none() {
        notes.push("neither e-mail nor customer id: counts as revenue, not as a customer".to_owned());
    }
    let tag_or_constant = |name: &str| row.get(name).or_else(|| context.text(name));
    let entry = Entry::new(kind, id, order_id, at, currency, parts.total)
        .billing(billing)
        .email(email)
        .customer_id(customer_id)
        .items(parts.items()?)
        .tax(parts.tax)
        .shipping(parts.shipping)
        .discount(parts.discount)
        .fees(parts.fees)
        .tag("coupon", row.get("coupon"))
        .tag("country", country(tag_or_constant("country"), &mut notes).as_deref())
        .tag("source", tag_or_constant("source"))
        .tag("medium", tag_or_constant("medium"))
        .tag("campaign", tag_or_constant("campaign"))
        .tag("affiliate", row.get("affiliate"));
    let entry = match (row.get("product_id"), row.get("product")) {
        (None, None) => entry,
        (id, name) => entry.line(Line::new(quantity(row)?, parts.goods()?).product(id).name(name)),
    };
    Ok(Reading::Entry(Box::new(entry), notes))
}

fn default_kind(context: &Context) -> Kind {
    match context.text("kind") {
        Some("refund") => Kind::Refund,
        Some("void") => Kind::Void,
        Some("chargeback") => Kind::Chargeback,
        Some("chargeback_reversal") => Kind::ChargebackReversal,
        _ => Kind::Sale,
    }
}

fn default_billing(context: &Context, kind: Kind) -> Billing {
    match context.text("billing").filter(|_| kind == Kind::Sale) {
        Some("initial") => Billing::Initial,
        Some("rebill") => Billing::Rebill,
        _ => Billing::Unknown,
    }
}

fn currency(row: &Row<'_>, context: &Context) -> Result<String, Fault> {
    let code = row.get("currency").or_else(|| context.text("currency"));
    let code = code.ok_or_else(|| Fault::at("currency", "is empty, and the setting `currency` is not set"))?;
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        Ok(code.to_ascii_uppercase())
    } else {
        Err(Fault::at("currency", format!("`{code}` is not an ISO 4217 code such as USD")))
    }
}

fn country(code: Option<&str>, notes: &mut Vec<String>) -> Option<String> {
    let code = code?;
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Some(code.to_ascii_uppercase());
    }
    notes.push(format!("`{code}` is not a country of two letters: left out"));
    None
}

fn quantity(row: &Row<'_>) -> Result<Decimal, Fault> {
    let quantity = row.amount("quantity")?.unwrap_or(Decimal::ONE);
    // Refunds often state it as a negative number, like the amount.
    Ok(quantity.abs())
}

/// The same for the same row at every import: made of the columns that have a value, so that a column which a later
/// version learns to read changes nothing for files that lack it.
fn identity(row: &Row<'_>) -> String {
    let cells = PURPOSES.iter().filter_map(|purpose| row.get(purpose.name).map(|cell| [purpose.name, cell]));
    let twin = row.twin().to_string();
    let parts: Vec<&str> = cells.flatten().chain([twin.as_str()]).collect();
    format!("row-{}", stable_id(&parts))
}

/// The sum of money and its parts, none negative but fees. What the row does not state is `None`.
struct Parts {
    total: Decimal,
    tax: Option<Decimal>,
    shipping: Option<Decimal>,
    discount: Option<Decimal>,
    fees: Option<Decimal>,
}

impl Parts {
    fn read(row: &Row<'_>, kind: Kind, amount: Decimal, without_tax: bool) -> Result<Self, Fault> {
        let part = |name: &str| {
            let part = row.amount(name)?;
            match part {
                // Money that goes back is written with a minus sign, or without: its parts likewise.
                Some(part) if kind != Kind::Sale => Ok(Some(part.abs())),
                Some(part) if part.is_negative() => {
                    Err(Fault::at(name, format!("{part} is negative, though the row is a sale")))
                }
                part => Ok(part),
            }
        };
        let (tax, shipping) = (part("tax")?, part("shipping")?);
        // Written as a positive or as a negative number; the meaning is the same.
        let discount = row.amount("discount")?.map(Decimal::abs);
        // A shop may book a discount as a negative fee, so here the sign counts, against that of the amount.
        let fees = row.amount("fees")?.map(|fees| if amount.is_negative() { fees.negated() } else { fees });
        let mut total = amount.abs();
        if without_tax {
            total = money::sum([Some(total), tax, shipping, fees].into_iter().flatten())?;
            if total.is_negative() {
                return Err(Fault::at("fees", format!("the fees make the total negative: {total}")));
            }
        }
        Ok(Parts { total, tax, shipping, discount, fees })
    }

    /// Goods after discount, without tax; what is not stated counts as nothing.
    fn goods(&self) -> Result<Decimal, Fault> {
        let mut goods = self.total;
        for part in [self.tax, self.shipping, self.fees].into_iter().flatten() {
            goods = goods.minus(part)?;
        }
        if goods.is_negative() {
            return Err(Fault::at("amount", format!("tax, shipping and fees exceed the total of {}", self.total)));
        }
        Ok(goods)
    }

    /// Goods before discount, so that the parts add up to the total. Not known unless the tax is.
    fn items(&self) -> Result<Option<Decimal>, Fault> {
        let goods = self.goods()?;
        match self.tax {
            Some(_) => Ok(Some(goods.plus(self.discount.unwrap_or(Decimal::ZERO))?)),
            None => Ok(None),
        }
    }
}
