//! One row of the orders export.

use ltv_connector::dates::Day;
use ltv_connector::prelude::*;

use crate::lines::money;
use crate::money::Money;
use crate::names::normal;
use crate::settings::Settings;

/// What the status of a row says about its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Paid,
    Refunded,
    PartlyRefunded,
    ChargedBack,
    NoMoney,
}

impl Status {
    /// By its word; `charged` is certain for 2016, the others are likely or guessed.
    pub(crate) fn by(word: &str) -> Option<Self> {
        Some(match normal(word).as_str() {
            "charged" | "paid" | "completed" | "complete" | "fulfilled" | "success" => Self::Paid,
            "refunded" => Self::Refunded,
            "partiallyrefunded" => Self::PartlyRefunded,
            "reversed" | "chargeback" | "disputed" => Self::ChargedBack,
            "pending" | "declined" | "failed" | "canceled" | "cancelled" | "void" | "voided" => Self::NoMoney,
            _ => return None,
        })
    }
}

/// Why a row gives no entry.
pub(crate) enum Skip {
    Ignored(String),
    Rejected(Fault),
}

impl<F: Into<Fault>> From<F> for Skip {
    fn from(fault: F) -> Self {
        Self::Rejected(fault.into())
    }
}

/// A row that says something about money.
#[derive(Clone)]
pub(crate) struct OrderRow<'a> {
    pub(crate) row: Row<'a>,
    pub(crate) order: &'a str,
    pub(crate) day: Day,
    /// Seconds since midnight, if the file has times.
    pub(crate) clock_s: Option<i64>,
    pub(crate) at: Moment,
    pub(crate) amount: Money,
    pub(crate) tax: Option<Money>,
    pub(crate) shipping: Option<Money>,
    pub(crate) discount: Option<Money>,
    status: Status,
    refunded: Option<Money>,
    pub(crate) refund_at: Option<Moment>,
    pub(crate) email: &'a str,
    pub(crate) product_id: Option<&'a str>,
    pub(crate) product: Option<&'a str>,
    pub(crate) subscription: Option<&'a str>,
    pub(crate) transaction: Option<&'a str>,
    pub(crate) currency: String,
    /// The file says that it is no first charge.
    pub(crate) is_rebill: bool,
    /// What the operator should know about it.
    pub(crate) notes: Vec<&'static str>,
}

const NO_STATUS: &str = "a row without order status was taken as paid";
const PARTLY: &str = "partially refunded, but the file does not say how much: the refund is not counted";
const CAPPED: &str = "the refunded amount is larger than the row's price: the price was taken";
const TAX: &str = "tax and shipping were taken as contained in the amount, not as added to it";

impl<'a> OrderRow<'a> {
    /// Reads a row. `email` is that of another row of the order, should this one have none.
    pub(crate) fn read(row: &Row<'a>, email: Option<&'a str>, settings: &Settings) -> Result<Self, Skip> {
        let order = row.need("order_id")?;
        let mut notes = Vec::new();
        let status = match row.get("status") {
            Some(word) => Status::by(word).ok_or_else(|| {
                Fault::at(
                    "status",
                    format!("`{word}` is not known as an order status: paid, refunded or without money?"),
                )
            })?,
            None => {
                notes.push(NO_STATUS);
                Status::Paid
            }
        };
        if status == Status::NoMoney {
            return Err(Skip::Ignored(format!(
                "no money moved: {}",
                row.get("status").unwrap_or_default().to_lowercase()
            )));
        }
        if row
            .get("test")
            .is_some_and(|test| matches!(normal(test).as_str(), "true" | "yes" | "y" | "1" | "test" | "testmode"))
        {
            return Err(Skip::Ignored("left out: a test order".to_owned()));
        }
        let email = row.get("email").or(email).ok_or_else(|| Fault::at("email", "the row has no e-mail address"))?;
        if settings.excludes_email(Some(email)) {
            return Err(Skip::Ignored("left out: the customer is listed in `excluded_emails`".to_owned()));
        }
        let date = row.need("date")?;
        let day = Day::parse(date.get(..10).unwrap_or(date))?;
        let amount = needed(row, "amount")?;
        let (tax, shipping) = (optional(row, "tax")?, optional(row, "shipping")?);
        if tax.or(shipping).is_some_and(|extra| extra != Money::ZERO) {
            notes.push(TAX);
        }
        let refunded = optional(row, "refunded")?.map(Money::magnitude).filter(|refunded| *refunded != Money::ZERO);
        match (status, refunded) {
            (Status::PartlyRefunded, None) if !amount.is_negative() => notes.push(PARTLY),
            (_, Some(refunded)) if refunded > amount.magnitude() => notes.push(CAPPED),
            _ => {}
        }
        let clock = row.get("time").or_else(|| date.get(11..)).and_then(clock_s);
        Ok(Self {
            row: *row,
            order,
            day,
            clock_s: clock,
            at: row.need_moment("date", Some("time"))?,
            amount,
            tax,
            shipping,
            discount: optional(row, "discount")?.map(Money::magnitude),
            status,
            refunded,
            refund_at: row.moment("refund_date", None)?,
            email,
            product_id: row.get("product_id"),
            product: row.get("product"),
            subscription: row.get("subscription_id"),
            transaction: row.get("transaction_id"),
            currency: settings.currency(row.get("currency")),
            is_rebill: row.get("order_type").is_some_and(is_rebill),
            notes,
        })
    }

    /// What went back of a paid row, and how.
    pub(crate) fn went_back(&self) -> Option<(Kind, Money)> {
        let stated = self.refunded.map(|refunded| refunded.min(self.amount));
        let (kind, amount) = match self.status {
            Status::ChargedBack => (Kind::Chargeback, Some(self.amount)),
            Status::Refunded => (Kind::Refund, stated.or(Some(self.amount))),
            Status::Paid | Status::PartlyRefunded => (Kind::Refund, stated),
            Status::NoMoney => return None,
        };
        amount.filter(|amount| *amount > Money::ZERO).map(|amount| (kind, amount))
    }

    /// What stands for the product in keys.
    pub(crate) fn product_key(&self) -> String {
        let named = self.product.map(normal).filter(|name| !name.is_empty());
        self.product_id.map(str::to_owned).or(named).unwrap_or_else(|| "-".to_owned())
    }

    /// What the product cost after discount, without tax and shipping.
    pub(crate) fn net(&self) -> Money {
        self.amount.minus(self.tax.unwrap_or_default()).minus(self.shipping.unwrap_or_default())
    }
}

/// Says what to do if an id of the row looks like `1.23457E+11`: most of its digits are lost for ever.
pub(crate) fn spreadsheet_damage(row: &Row<'_>, columns: &[&str]) -> Option<String> {
    let damaged = |column: &&str| row.get(column).filter(|id| is_exponent(id));
    columns.iter().find_map(damaged).map(|id| {
        format!(
            "line {}: the id `{id}` was shortened by a spreadsheet program, so orders cannot be told apart. Import the file as it \
             came from SamCart, without opening and saving it in Excel or a similar program.",
            row.line()
        )
    })
}

fn is_exponent(id: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    id.split_once(['E', 'e']).is_some_and(|(mantissa, exponent)| {
        let whole =
            mantissa.split_once(['.', ',']).map_or(digits(mantissa), |(left, right)| digits(left) && digits(right));
        whole && exponent.strip_prefix('+').is_some_and(digits)
    })
}

/// Payment types such as `recurring_subscription` name a kind of product, not a later charge.
fn is_rebill(word: &str) -> bool {
    let word = normal(word);
    [
        "rebill",
        "renewal",
        "recurringcharge",
        "recurringpayment",
        "subscriptioncharge",
        "subscriptionpayment",
        "installment",
    ]
    .iter()
    .any(|known| word.starts_with(known))
}

fn clock_s(text: &str) -> Option<i64> {
    let mut parts = text.trim_end_matches('Z').split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next().flatten().unwrap_or_default());
    Some(hours * 3_600 + minutes * 60 + seconds)
}

fn needed(row: &Row<'_>, column: &str) -> Result<Money, Fault> {
    readable(column, row.need_amount(column)?)
}

fn optional(row: &Row<'_>, column: &str) -> Result<Option<Money>, Fault> {
    row.amount(column)?.map(|amount| readable(column, amount)).transpose()
}

fn readable(column: &str, amount: Decimal) -> Result<Money, Fault> {
    money(amount).ok_or_else(|| Fault::at(column, format!("{amount} is larger or finer than any amount of money")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_word_is_understood() {
        for (status, words) in [
            (Some(Status::Paid), "charged,Paid,completed,complete,fulfilled,success"),
            (Some(Status::Refunded), "refunded"),
            (Some(Status::PartlyRefunded), "partially_refunded,PartiallyRefunded,Partially Refunded"),
            (Some(Status::ChargedBack), "reversed,chargeback,disputed"),
            (Some(Status::NoMoney), "pending,declined,failed,canceled,void"),
            (None, "on hold,,?,charged twice"),
        ] {
            for word in words.split(',') {
                assert_eq!(Status::by(word), status, "{word}");
            }
        }
    }

    #[test]
    fn ids_in_exponent_notation_are_seen() {
        for id in ["1.23457E+11", "1,23457E+11", "8e+05"] {
            assert!(is_exponent(id), "{id}");
        }
        for id in ["800100", "1E5", "ch_1E+", "E+11", "3.14", "abcE+11", "1.2.3E+4"] {
            assert!(!is_exponent(id), "{id}");
        }
    }

    #[test]
    fn pricing_types_are_no_rebills() {
        assert!(is_rebill("Rebill") && is_rebill("subscription_charged") && is_rebill("Renewal"));
        assert!(!is_rebill("recurring_subscription") && !is_rebill("one_time") && !is_rebill("limited_subscription"));
    }
}
