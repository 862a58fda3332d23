//! The body of a webhook. No reference was ever published: paths are those that receivers in use read (likely), and
//! amounts are decimal currency units, as text or number.

use ltv_connector::form;
use ltv_connector::prelude::*;

use crate::lines::country;
use crate::money::Money;
use crate::names::normal;

/// What an event says about money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// A purchase, or one more product of it.
    Sale,
    /// A purchase that another event has told, or will tell.
    SaleAgain,
    /// A later charge of a subscription.
    Rebill,
    /// Money given back: the whole price, unless an amount is stated.
    Refund,
    /// Some money given back.
    PartialRefund,
    /// The state of a subscription: no money moved.
    State,
    /// Nothing that is known.
    Unknown,
}

impl Told {
    /// By the event's name, in lower case without blanks and signs. The first names of each line are likely, others guessed.
    pub(crate) fn by(event: &str) -> Self {
        match normal(event).as_str() {
            "order"
            | "productpurchased"
            | "purchase"
            | "checkoutcharged"
            | "upsellpurchased"
            | "productaddedtoorder"
            | "ordercompleted" => Self::Sale,
            "subscriptionstarted" => Self::SaleAgain,
            "subscriptioncharged"
            | "charge"
            | "recurringpayment"
            | "recurringpaymentsucceeded"
            | "subscriptionrebill" => Self::Rebill,
            "refund" | "productrefunded" | "subscriptionchargerefunded" => Self::Refund,
            "partialrefund" => Self::PartialRefund,
            "cancel"
            | "subscriptioncanceled"
            | "subscriptioncancelled"
            | "subscriptiondelinquent"
            | "subscriptionpaymentfailed"
            | "subscriptionchargefailed"
            | "subscriptionrecovered"
            | "subscriptionrestarted"
            | "subscriptioncompleted" => Self::State,
            word if word.ends_with("partiallyrefunded") => Self::PartialRefund,
            word if word.starts_with("cancelscheduled") || word.starts_with("subscriptioncancelscheduled") => {
                Self::State
            }
            _ => Self::Unknown,
        }
    }
}

/// One product of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) id: Option<String>,
    pub(crate) sku: Option<String>,
    pub(crate) name: Option<String>,
    /// Price for the whole quantity, without tax and shipping.
    pub(crate) price: Option<Money>,
    /// What a line shows: after discount, where it is stated.
    pub(crate) sub_total: Option<Money>,
    pub(crate) tax: Option<Money>,
    pub(crate) shipping: Option<Money>,
}

impl Product {
    /// Price, tax and shipping.
    pub(crate) fn gross(&self) -> Option<Money> {
        let extra = self.tax.unwrap_or_default().plus(self.shipping.unwrap_or_default());
        self.price.or(self.sub_total).map(|price| price.plus(extra))
    }

    fn read(value: &Value) -> Result<Self, Fault> {
        let quantity = value.text("quantity").and_then(|text| text.parse::<usize>().ok()).filter(|many| *many > 1);
        let each = amount(value, &["price", "product_price"])?;
        let price = each.map(|each| std::iter::repeat_n(each, quantity.unwrap_or(1).min(10_000)).sum());
        Ok(Self {
            id: id(value, &["id", "product_id"]),
            sku: text(value, &["sku"]),
            name: text(value, &["name", "product_name"]),
            price,
            sub_total: amount(value, &["sub_total", "subtotal"])?.or(price),
            tax: amount(value, &["tax", "taxes"])?,
            shipping: amount(value, &["shipping"])?,
        })
    }
}

/// What a webhook says.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The event's name as sent.
    pub(crate) name: String,
    pub(crate) told: Told,
    pub(crate) order: Option<String>,
    pub(crate) subscription: Option<String>,
    /// The id of this very charge. The gateway's ids in `order` are not taken: they may be those of the first charge.
    pub(crate) charge: Option<String>,
    pub(crate) refund: Option<String>,
    pub(crate) products: Vec<Product>,
    /// What was charged, where the charge itself states it.
    pub(crate) charged: Option<Money>,
    /// The whole order, which every body about one of its products repeats.
    pub(crate) order_total: Option<Money>,
    /// What was given back, if it is stated.
    pub(crate) refunded: Option<Money>,
    pub(crate) currency: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) customer: Option<String>,
    /// Names and values of tags.
    pub(crate) tags: Vec<(&'static str, String)>,
}

impl Event {
    /// Reads a delivery.
    ///
    /// # Errors
    /// If the body is neither JSON nor a form, or an amount in it is no amount.
    pub(crate) fn read(delivery: &Delivery) -> Result<Self, Failure> {
        let body = unfold(delivery.body()?);
        Ok(Self::from_value(&body)?)
    }

    fn from_value(body: &Value) -> Result<Self, Fault> {
        let name = text(body, &["type", "event", "event_type"]).unwrap_or_default();
        let subscription =
            id(body, &["subscription.id", "subscription.subscription_id", "order.subscription_id", "subscription_id"]);
        let tags = [
            ("subscription", subscription.clone()),
            ("coupon", text(body, &["coupon.code", "order.coupon.code", "coupon"])),
            ("affiliate", text(body, &["affiliate.name", "affiliate.id"])),
            ("campaign", text(body, &["order.analytics.campaign"])),
            ("country", text(body, &["customer.billing_country"]).and_then(|name| country(&name))),
        ];
        Ok(Self {
            told: Told::by(&name),
            name,
            order: id(body, &["order.id", "order.order_id", "order_id"]),
            subscription,
            charge: id(body, &["charge.id", "charge_id", "order.charge_id", "subscription.charge_id"]),
            refund: id(body, &["refund.id", "refund_id", "order.refund_id"]),
            products: products(body)?,
            charged: amount(body, &["charge.total", "charge.amount", "amount"])?,
            order_total: amount(body, &["order.total", "order_total"])?,
            refunded: amount(body, REFUNDED)?.map(Money::magnitude).filter(|refunded| *refunded != Money::ZERO),
            currency: text(body, &["currency", "order.currency", "charge.currency", "product.currency"]),
            email: text(body, &["customer.email", "email"]),
            customer: id(body, &["customer.customer_id", "customer.id", "order.customer_id"]),
            tags: tags.into_iter().filter_map(|(tag, value)| value.map(|value| (tag, value))).collect(),
        })
    }

    /// What all products cost together, if each says it.
    pub(crate) fn gross(&self) -> Option<Money> {
        let each: Option<Vec<Money>> = self.products.iter().map(Product::gross).collect();
        each.filter(|each| !each.is_empty()).map(|each| each.into_iter().sum())
    }

    /// Name of the first product, for what estimates and charges have in common.
    pub(crate) fn product_name(&self) -> &str {
        self.products.first().and_then(|product| product.name.as_deref()).unwrap_or_default()
    }
}

const REFUNDED: &[&str] = &[
    "refund.amount",
    "refund.refund_amount",
    "refund.total",
    "refund_amount",
    "refunded_amount",
    "amount_refunded",
    "order.refund_amount",
    "order.amount_refunded",
    "product.refund_amount",
    "amount",
];

fn products(body: &Value) -> Result<Vec<Product>, Fault> {
    let mut found: Vec<&Value> = body.items("products");
    if found.is_empty() {
        found.extend(body.at("product").filter(|product| !product.entries().is_empty()));
    }
    if found.is_empty() {
        found = body.items("product");
    }
    found.into_iter().map(Product::read).collect()
}

fn text(value: &Value, paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| value.text(path)).map(str::to_owned)
}

/// An id; `0` stands for none.
fn id(value: &Value, paths: &[&str]) -> Option<String> {
    paths.iter().filter_map(|path| value.text(path)).find(|id| *id != "0").map(str::to_owned)
}

fn amount(value: &Value, paths: &[&str]) -> Result<Option<Money>, Fault> {
    let Some((path, text)) = paths.iter().find_map(|path| value.text(path).map(|text| (path, text))) else {
        return Ok(None);
    };
    Money::parse(text).map(Some).ok_or_else(|| Fault::at(*path, format!("`{text}` is no amount")))
}

/// Some relays put JSON into a field of a form: the whole body into one, or each object into its own.
fn unfold(body: Value) -> Value {
    let Value::Map(fields) = body else {
        return match body {
            Value::List(mut events) if events.len() == 1 => events.pop().map_or(Value::Null, unfold),
            other => other,
        };
    };
    let fields: Vec<(String, Value)> = fields.into_iter().map(|(name, value)| (name, parsed(value))).collect();
    let is_event = |value: &Value| {
        matches!(value, Value::Map(_)) && (value.text("type").is_some() || value.text("event").is_some())
    };
    let bare = !fields.iter().any(|(name, _)| matches!(name.as_str(), "type" | "event" | "event_type"));
    match fields.iter().position(|(_, value)| is_event(value)) {
        Some(position) if bare => fields.into_iter().nth(position).map_or(Value::Null, |(_, value)| value),
        _ => Value::Map(fields),
    }
}

fn parsed(value: Value) -> Value {
    match value {
        Value::Text(text) if text.trim_start().starts_with(['{', '[']) => {
            form::json(text.as_bytes()).unwrap_or(Value::Text(text))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_table_is_understood_in_any_spelling() {
        for (told, names) in [
            (
                Told::Sale,
                "Order,ProductPurchased,Purchase,Checkout Charged,upsell_purchased,Product-Added-To-Order,ORDER COMPLETED",
            ),
            (Told::SaleAgain, "Subscription Started"),
            (
                Told::Rebill,
                "SubscriptionCharged,Charge,RecurringPayment,recurring_payment_succeeded,Subscription Rebill",
            ),
            (Told::Refund, "Refund,Product Refunded,SubscriptionChargeRefunded"),
            (Told::PartialRefund, "PartialRefund,ProductPartiallyRefunded,Subscription Charge Partially Refunded"),
            (
                Told::State,
                "Cancel,SubscriptionCanceled,Subscription Cancelled,CancelScheduledStopped,Subscription Cancel Scheduled,\
                 SubscriptionDelinquent,SubscriptionPaymentFailed,Subscription Charge Failed,SubscriptionRecovered,\
                 SubscriptionRestarted,Subscription Completed",
            ),
            (Told::Unknown, "ProspectCreated,,Order 66,CourseStarted"),
        ] {
            for name in names.split(',') {
                assert_eq!(Told::by(name), told, "{name}");
            }
        }
    }

    #[test]
    fn quantity_multiplies_the_price_once() {
        let body = form::json(br#"{"products":[{"id":1,"price":"10.00","quantity":3,"tax":"1.50"}]}"#).unwrap();
        let product = &products(&body).unwrap()[0];
        assert_eq!(product.gross().unwrap().to_string(), "31.50");
        assert_eq!(product.sub_total.unwrap().to_string(), "30.00");
    }
}
