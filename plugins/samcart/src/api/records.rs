//! What SamCart's lists hold \[C; where a comment says otherwise, less sure\]. Amounts are whole cents, dates UTC.

use ltv_connector::prelude::*;

use crate::lines::money;
use crate::money::Money;
use crate::names::{self, normal};

/// A record that cannot be read, and when it was made, if that can.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) unix_ms: Option<i64>,
    pub(super) fault: Fault,
}

/// Money that a customer paid.
#[derive(Debug, Clone)]
pub(super) struct Charge {
    pub(super) id: String,
    /// The order of the purchase, for rebills too.
    pub(super) order: String,
    pub(super) customer: Option<String>,
    pub(super) affiliate: Option<String>,
    /// It says that it belongs to a rebill. First charges of a subscription may say so too \[G\].
    pub(super) says_rebill: bool,
    pub(super) test: bool,
    /// Something of it was given back.
    pub(super) refunded: bool,
    /// False for what failed or is pending. Charges that failed have a list of their own; but who knows \[G\].
    pub(super) paid: bool,
    pub(super) processor: Option<String>,
    pub(super) transaction: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) total: Money,
    pub(super) unix_ms: i64,
}

impl Charge {
    pub(super) fn read(value: &Value) -> Result<Self, Unreadable> {
        record(value, names::charge, |value, unix_ms| {
            let status = value.text("status").or(value.text("charge_refund_status")).map(normal).unwrap_or_default();
            Ok(Self {
                id: value.need("id")?.to_owned(),
                order: value.need("order_id")?.to_owned(),
                customer: id(value, "customer_id"),
                affiliate: id(value, "affiliate_id"),
                says_rebill: id(value, "subscription_rebill_id").is_some(),
                test: value.flag("test_mode"),
                refunded: status.contains("refund"),
                paid: !matches!(status.as_str(), "failed" | "pending" | "declined" | "void" | "voided"),
                processor: text(value, "processor_name"),
                transaction: text(value, "processor_transaction_id"),
                currency: text(value, "currency"),
                total: cents(value, "total")?.ok_or_else(|| Fault::at("total", "is missing"))?,
                unix_ms: unix_ms.ok_or_else(|| Fault::at("created_at", "no time that can be read"))?,
            })
        })
    }
}

/// Money given back.
#[derive(Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) charge: String,
    pub(super) item: Option<String>,
    pub(super) test: bool,
    pub(super) currency: Option<String>,
    pub(super) amount: Money,
    pub(super) unix_ms: i64,
    /// It was asked for by its charge, not by its day.
    pub(super) by_charge: bool,
}

impl Refund {
    pub(super) fn read(value: &Value) -> Result<Self, Unreadable> {
        record(value, names::refund, |value, unix_ms| {
            Ok(Self {
                id: value.need("id")?.to_owned(),
                charge: value.need("charge_id")?.to_owned(),
                item: id(value, "cart_item_id"),
                test: value.flag("test_mode"),
                currency: text(value, "currency"),
                amount: cents(value, "refund_amount")?
                    .ok_or_else(|| Fault::at("refund_amount", "is missing"))?
                    .magnitude(),
                unix_ms: unix_ms.ok_or_else(|| Fault::at("created_at", "no time that can be read"))?,
                by_charge: false,
            })
        })
    }
}

/// What was bought.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) test: bool,
    /// When it was made.
    pub(super) unix_ms: Option<i64>,
    pub(super) items: Vec<Item>,
    /// Names and values of tags.
    pub(super) tags: Vec<(&'static str, String)>,
}

impl Order {
    pub(super) fn read(value: &Value) -> Result<Self, Unreadable> {
        record(value, names::order, |value, created| {
            let items: Result<Vec<Item>, Fault> = value.items("cart_items").into_iter().map(Item::read).collect();
            // The names within are likely; those without `utm_` guessed.
            let tags: [(_, &[&str]); 4] = [
                ("source", &["utm_parameters.utm_source", "utm_parameters.source"]),
                ("medium", &["utm_parameters.utm_medium", "utm_parameters.medium"]),
                ("campaign", &["utm_parameters.utm_campaign", "utm_parameters.campaign"]),
                ("affiliate", &["affiliate_id"]),
            ];
            let tag =
                |(tag, paths): (&'static str, &[&str])| Some((tag, paths.iter().find_map(|path| id(value, path))?));
            Ok(Self {
                id: value.need("id")?.to_owned(),
                test: value.flag("test_mode"),
                unix_ms: time(value, "order_date").or(created),
                items: items?,
                tags: tags.into_iter().filter_map(tag).collect(),
            })
        })
    }

    pub(super) fn has_subscription(&self) -> bool {
        self.items.iter().any(|item| item.recurs || item.subscription.is_some())
    }
}

/// One product of an order.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: Option<String>,
    pub(super) product: Option<String>,
    pub(super) subscription: Option<String>,
    pub(super) sku: Option<String>,
    pub(super) name: Option<String>,
    /// The charge that first paid for it.
    pub(super) charge: Option<String>,
    pub(super) paid: bool,
    /// Taken back by the bank, or void \[G\].
    pub(super) reversed: bool,
    pub(super) recurs: bool,
    pub(super) quantity: Decimal,
    pub(super) first: Price,
    pub(super) later: Price,
    pub(super) coupon: Option<String>,
}

impl Item {
    fn read(value: &Value) -> Result<Self, Fault> {
        let status = value.text("status").map(normal).unwrap_or_default();
        let quantity = value.amount("quantity")?.filter(|quantity| *quantity > Decimal::ZERO);
        Ok(Self {
            id: id(value, "id"),
            product: id(value, "product_id"),
            subscription: id(value, "subscription_id"),
            sku: text(value, "sku"),
            name: text(value, "product_name").or_else(|| text(value, "internal_product_name")),
            charge: id(value, "charge_id"),
            paid: !matches!(status.as_str(), "pending" | "declined"),
            reversed: status == "reversed",
            recurs: value.text("pricing_type").is_some_and(|kind| kind.contains("subscription")),
            quantity: quantity.unwrap_or(Decimal::ONE),
            first: Price::read(value, "initial_price")?,
            later: Price::read(value, "recurring_price")?,
            coupon: text(value, "coupon.code"),
        })
    }
}

/// What an item costs, once or each time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Price {
    pub(super) subtotal: Option<Money>,
    pub(super) taxes: Option<Money>,
    pub(super) shipping: Option<Money>,
    /// After discount, with taxes and shipping.
    pub(super) total: Option<Money>,
}

impl Price {
    fn read(value: &Value, path: &str) -> Result<Self, Fault> {
        let part = |name: &str| cents(value, &format!("{path}.{name}"));
        Ok(Self {
            subtotal: part("subtotal")?,
            taxes: part("taxes")?,
            shipping: part("shipping")?,
            total: part("total")?,
        })
    }

    /// After discount, without taxes and shipping.
    pub(super) fn net(&self) -> Option<Money> {
        let total = self.total?;
        Some(total.minus(self.taxes.unwrap_or_default()).minus(self.shipping.unwrap_or_default()))
    }
}

/// The e-mail address of a customer.
pub(super) fn email(value: &Value) -> Option<String> {
    text(value, "email")
}

/// Reads a record, and dates it even if it cannot be read.
fn record<T>(
    value: &Value,
    key: fn(&str) -> String,
    read: impl FnOnce(&Value, Option<i64>) -> Result<T, Fault>,
) -> Result<T, Unreadable> {
    let unix_ms = time(value, "created_at");
    read(value, unix_ms).map_err(|fault| {
        let fault = match value.text("id") {
            Some(id) if fault.id.is_none() => fault.id(key(id)),
            _ => fault,
        };
        Unreadable { unix_ms, fault }
    })
}

/// Dates are UTC without saying so; newer versions write `T` and `Z`.
fn time(value: &Value, path: &str) -> Option<i64> {
    match dates::utc(value.text(path)?) {
        Ok(Moment::Utc(unix_ms)) => Some(unix_ms),
        _ => None,
    }
}

fn cents(value: &Value, path: &str) -> Result<Option<Money>, Fault> {
    let amount = value.cents(path)?;
    amount.map(|amount| money(amount).ok_or_else(|| Fault::at(path, format!("{amount} is too large")))).transpose()
}

fn text(value: &Value, path: &str) -> Option<String> {
    value.text(path).map(str::to_owned)
}

/// An id; `0` stands for none.
pub(super) fn id(value: &Value, path: &str) -> Option<String> {
    value.text(path).filter(|id| *id != "0").map(str::to_owned)
}
