//! One order, as the API gives it.

use ltv_connector::prelude::*;

use crate::moments::utc_ms;
use crate::settings::{Settings, Standing};
use crate::text;
use crate::walk::Record;

/// Products of one entry, at most what the daemon takes.
const LINES_MAX: usize = 1_000;
/// Coupons of one entry that become tags.
const COUPONS_MAX: usize = 20;

/// An order, with what is needed of it.
#[derive(Debug, Clone)]
pub(crate) struct ShopOrder {
    /// Its id. The number that people see may be another \[C\].
    pub(crate) id: u64,
    /// When it was last modified, or else created: which of two versions is newer.
    pub(crate) revision_ms: i64,
    created_ms: Option<i64>,
    modified_ms: Option<i64>,
    /// The sale. `None`: it is not paid, or no longer, and then its refunds are no money either.
    pub(crate) sale: Option<Entry>,
    /// Set by hand or by a gateway to refunded.
    pub(crate) is_refunded: bool,
    /// The refunds that the order names, with their totals: without dates.
    pub(crate) refunds: Vec<ListedRefund>,
}

/// A refund as its order names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListedRefund {
    /// Its id.
    pub(crate) id: u64,
    /// How much, not negative.
    pub(crate) total: Decimal,
}

impl Record for ShopOrder {
    const COLLECTION: &'static str = "orders";
    type Reading = Settings;

    fn read(value: &Value, settings: &Settings) -> Result<Self, Fault> {
        let id: u64 = value.need("id")?.parse().map_err(|_| Fault::at("id", "is not a number"))?;
        let fault = |fault: Fault| fault.id(format!("order:{id}"));
        let (created_ms, modified_ms) = (utc_ms(value, "date_created_gmt"), utc_ms(value, "date_modified_gmt"));
        let revision_ms = modified_ms
            .or(created_ms)
            .ok_or_else(|| fault(Fault::at("date_modified_gmt", "is missing, or not a date")))?;
        let status = value.need("status").map_err(fault)?;
        let paid_ms = utc_ms(value, "date_paid_gmt").or_else(|| utc_ms(value, "date_completed_gmt"));
        let is_child = value.integer("parent_id").is_some_and(|parent| parent > 0);
        let is_paid = match settings.standing(status) {
            Standing::Paid => true,
            Standing::Unpaid => false,
            // Also an order that nobody ever paid can be set to refunded [C live]: neither a sale nor a refund.
            Standing::IfDated => paid_ms.is_some(),
        } && !(is_child && settings.ignore_child_orders);
        let mut order = ShopOrder {
            id,
            revision_ms,
            created_ms,
            modified_ms,
            sale: None,
            is_refunded: status == "refunded",
            refunds: Vec::new(),
        };
        if is_paid {
            let at = paid_ms.or(created_ms).unwrap_or(revision_ms);
            order.sale = Some(sale(value, id, at, settings).map_err(fault)?);
            for refund in value.items("refunds") {
                order.refunds.push(listed(refund).map_err(fault)?);
            }
        }
        Ok(order)
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn stamp(&self) -> i64 {
        self.revision_ms
    }

    fn dated_ms(&self, axis: Axis) -> Option<i64> {
        match axis {
            Axis::Created => self.created_ms,
            Axis::Modified => self.modified_ms,
        }
    }
}

fn listed(refund: &Value) -> Result<ListedRefund, Fault> {
    let id = refund.need("id")?.parse().map_err(|_| Fault::at("refunds", "a refund without a number as its id"))?;
    Ok(ListedRefund { id, total: refund.need_amount("total")?.abs() })
}

/// The sale of a paid order.
fn sale(value: &Value, id: u64, at_ms: i64, settings: &Settings) -> Result<Entry, Fault> {
    let currency = value.need("currency")?.to_ascii_uppercase();
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Fault::at("currency", format!("`{}` is not a currency code", text::cut(&currency))));
    }
    let total = value.need_amount("total")?;
    if total.is_negative() {
        return Err(Fault::at("total", format!("is negative: {total}")));
    }
    let customer_id = value.text("customer_id").filter(|id| *id != "0");
    let mut entry = Entry::sale(format!("order:{id}"), id.to_string(), Moment::Utc(at_ms), currency, total)
        .email(value.text("billing.email").map(text::cut))
        .customer_id(customer_id.map(text::cut))
        .shipping(not_negative(value, "shipping_total"))
        .fees(sum(value, "fee_lines", "total"))
        .tax(not_negative(value, "total_tax"));
    // The totals of the lines are without tax, `subtotal` before discount, `total` after it.
    if let (Some(before), Some(after)) = (sum(value, "line_items", "subtotal"), sum(value, "line_items", "total")) {
        let discount = before.minus(after).ok().filter(|discount| !discount.is_negative());
        // A plugin that raises prices leaves the lower subtotal behind.
        let items = if discount.is_some() { before } else { after };
        entry =
            entry.items(Some(items).filter(|items| !items.is_negative())).discount(discount.unwrap_or(Decimal::ZERO));
    }
    entry.lines = value.items("line_items").into_iter().filter_map(line).take(LINES_MAX).collect();
    let renewal = meta(value, "_subscription_renewal");
    let is_renewal = renewal.is_some() || value.text("created_via") == Some("subscription");
    entry = if settings.rebills && is_renewal { entry.rebill() } else { entry.initial() };
    Ok(tagged(entry, value, renewal))
}

fn tagged(mut entry: Entry, value: &Value, renewal: Option<&str>) -> Entry {
    for coupon in value.items("coupon_lines").into_iter().take(COUPONS_MAX) {
        entry = entry.tag("coupon", coupon.text("code").map(text::shown).as_deref());
    }
    let country = value.text("billing.country").or_else(|| value.text("shipping.country"));
    let country = country.filter(|code| code.len() == 2).map(str::to_ascii_uppercase);
    let parent = value.text("parent_id").filter(|id| *id != "0");
    let tags = [
        ("order-number", value.text("number")),
        ("country", country.as_deref()),
        ("payment-method", value.text("payment_method")),
        ("created-via", value.text("created_via")),
        ("parent-order", parent),
        // Order attribution, part of WooCommerce since 8.5 [L].
        ("source", meta(value, "_wc_order_attribution_utm_source")),
        ("medium", meta(value, "_wc_order_attribution_utm_medium")),
        ("campaign", meta(value, "_wc_order_attribution_utm_campaign")),
        // The mark of the Subscriptions plugin: the id of the subscription that this order renews [L].
        ("subscription", renewal),
    ];
    tags.into_iter().fold(entry, |entry, (name, value)| entry.tag(name, value.map(text::cut)))
}

/// A product of an order or, with negative numbers, of a refund. `None` if it has no total, or one of the other sign: a
/// discount booked as a product.
pub(crate) fn line(line: &Value) -> Option<Line> {
    let total = line.amount("total").ok()??;
    let quantity = line.amount("quantity").ok()??;
    if !total.is_zero() && total.is_negative() != quantity.is_negative() {
        return None;
    }
    // 0 stands for a product that was deleted since, or for no variation [C live].
    let id = |path: &str| line.text(path).filter(|id| *id != "0").map(text::cut);
    Some(
        Line::new(quantity.abs(), total.abs())
            .product(id("product_id"))
            .variant(id("variation_id"))
            .sku(line.text("sku").map(text::cut))
            .name(line.text("name").map(text::shown).as_deref()),
    )
}

/// The sum of one member of all lines; of none it is zero. `None` if the list is missing, or one cannot be read.
fn sum(value: &Value, list: &str, member: &str) -> Option<Decimal> {
    value.at(list)?;
    value.items(list).into_iter().try_fold(Decimal::ZERO, |sum, line| sum.plus(line.amount(member).ok()??).ok())
}

fn not_negative(value: &Value, path: &str) -> Option<Decimal> {
    value.amount(path).ok()?.filter(|amount| !amount.is_negative())
}

/// The meta value with this key. Values may be of any type; only plain ones count.
fn meta<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.items("meta_data").into_iter().find(|meta| meta.text("key") == Some(key))?.text("value")
}
