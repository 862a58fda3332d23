//! One transaction of the list: one item of a charge, rebill, refund or cancellation.

use ltv_connector::prelude::*;

use crate::csv::{Type, type_of};
use crate::entries::{amount, unix_seconds, utc_text};
use crate::fields::Fields;

/// What became of a transaction.
#[derive(Debug)]
pub(super) enum Read {
    /// It moved money.
    Money(Row),
    /// It did not.
    Nothing(Row),
    /// It cannot be read.
    Fault { unix_ms: Option<i64>, fault: Fault },
}

impl Read {
    pub(super) fn unix_ms(&self) -> Option<i64> {
        match self {
            Read::Money(row) | Read::Nothing(row) => Some(row.unix_ms),
            Read::Fault { unix_ms, .. } => *unix_ms,
        }
    }

    /// What tells it from all others of the list.
    pub(super) fn id(&self) -> &str {
        match self {
            Read::Money(row) | Read::Nothing(row) => &row.id,
            Read::Fault { fault, .. } => fault.id.as_deref().unwrap_or_default(),
        }
    }
}

/// A transaction.
#[derive(Debug)]
pub(super) struct Row {
    /// The event's id, or what stands for it.
    pub(super) id: String,
    pub(super) event_id: Option<String>,
    pub(super) what: Type,
    pub(super) is_test: bool,
    pub(super) unix_ms: i64,
    pub(super) order_id: Option<String>,
    /// Not negative.
    pub(super) amount: Decimal,
    pub(super) currency: Option<String>,
    pub(super) email: Option<String>,
    pub(super) customer_id: Option<String>,
    /// As webhooks write it: `product-5`.
    pub(super) item: Option<String>,
    pub(super) name: Option<String>,
    pub(super) quantity: Decimal,
    pub(super) subscription: Option<String>,
    pub(super) coupon: Option<String>,
    pub(super) processor: Option<String>,
}

impl Row {
    /// Reads a transaction \[C; fields since 2020 L\].
    pub(super) fn read(value: &Value) -> Read {
        let fields = Fields::new(value.clone());
        let unix_ms = fields.get("timestamp").and_then(unix_seconds).or_else(|| utc_text(fields.get("time")?));
        let id = fields.id("event_id").map_or_else(|| stand_in(&fields), str::to_owned);
        match Self::of(&fields, id.clone(), unix_ms) {
            Ok(row) if row.is_test || row.what == Type::NoMoney => Read::Nothing(row),
            Ok(row) => Read::Money(row),
            Err(fault) => Read::Fault { unix_ms, fault: fault.id(id) },
        }
    }

    fn of(fields: &Fields, id: String, unix_ms: Option<i64>) -> Result<Self, Fault> {
        let word = fields.get("transaction_type").unwrap_or_default();
        let what = type_of(word).filter(|what| *what != Type::Payment).ok_or_else(|| {
            Fault::at("transaction_type", format!("`{word}` is not known, so it is not clear whether money moved"))
        })?;
        let unix_ms = unix_ms.ok_or_else(|| Fault::at("timestamp", "no time that can be read"))?;
        let stated = match what {
            Type::NoMoney => Decimal::ZERO,
            _ => amount(fields, "amount").ok_or_else(|| Fault::at("amount", "no amount that can be read"))?,
        };
        if matches!(what, Type::Charge | Type::Rebill) && stated.is_negative() {
            return Err(Fault::at("amount", format!("`{stated}` is negative, and yet it is called a {word}")));
        }
        let text = |paths: &[&str]| fields.first_id(paths).map(str::to_owned);
        Ok(Self {
            event_id: text(&["event_id"]),
            id,
            what,
            // The list was asked for live ones; a row that says something else is believed.
            is_test: fields.get("mode").is_some_and(|mode| !mode.eq_ignore_ascii_case("live"))
                || fields.get("mode_int").is_some_and(|mode| mode != "2"),
            unix_ms,
            order_id: text(&["order_id"]),
            amount: stated.abs(),
            currency: text(&["currency"]),
            email: text(&["customer.email"]),
            customer_id: text(&["customer.id", "customer.customer_id"]),
            item: item(fields),
            name: text(&["item_name"]),
            quantity: fields
                .get("quantity")
                .and_then(|text| money::plain(text).ok())
                .filter(|many| *many > Decimal::ZERO)
                .unwrap_or(Decimal::ONE),
            subscription: text(&["subscription_id"]),
            coupon: text(&["coupon.code", "coupon_code", "coupon"]),
            processor: text(&["processor"]),
        })
    }
}

fn item(fields: &Fields) -> Option<String> {
    let id = fields.id("item_id")?;
    Some(format!("{}-{id}", fields.id("item_type").unwrap_or("product")))
}

/// For a transaction without event id: all that does not change.
fn stand_in(fields: &Fields) -> String {
    let parts = ["order_id", "transaction_type", "timestamp", "time", "item_type", "item_id", "amount", "invoice_id"];
    stable_id(&parts.map(|path| fields.get(path).unwrap_or_default()))
}
