//! Products of a row, and what else is worth asking by.

use ltv_connector::prelude::*;

use crate::row::Row;

/// Bytes of a tag at most, by the contract.
const TAG_BYTES: usize = 1_024;
/// Products of one row that are kept.
const LINES_MAX: usize = 200;

/// Fields that become tags as they are.
///
/// `campaign` is the platform's own word for a funnel; that of the advertisement is kept beside it.
const TAGS: [(&str, &str); 14] = [
    ("orderId", "order-number"),
    ("purchaseId", "subscription"),
    ("campaignName", "campaign"),
    ("campaignId", "campaign-id"),
    ("affId", "affiliate"),
    ("sourceValue1", "source-value-1"),
    ("sourceValue2", "source-value-2"),
    ("sourceValue3", "source-value-3"),
    ("sourceValue4", "source-value-4"),
    ("sourceValue5", "source-value-5"),
    ("paySource", "payment-method"),
    ("cardType", "card-type"),
    ("orderType", "order-type"),
    ("refundReason", "refund-reason"),
];

/// Advertisement fields; how they are written is not certain \[L\].
const ADVERTISEMENT: [(&str, &str); 5] = [
    ("utmsource", "source"),
    ("utmmedium", "medium"),
    ("utmcampaign", "utm-campaign"),
    ("utmcontent", "utm-content"),
    ("utmterm", "utm-term"),
];

/// Adds the tags of a row. Nothing of bank accounts, card numbers or card holders' secrets is ever looked at.
pub(crate) fn tagged(mut entry: Entry, row: &Row<'_>) -> Entry {
    for (field, tag) in TAGS {
        let value = row.text(field).filter(|value| *value != "0");
        entry = entry.tag(tag, value.map(cut));
    }
    for (field, tag) in ADVERTISEMENT {
        entry = entry.tag(tag, row.loosely(field).map(cut));
    }
    // The name of the coupon is not certain \[G\].
    let coupon = ["couponCode", "coupon", "couponCodes", "discountCode"].into_iter().find_map(|field| row.text(field));
    entry = entry.tag("coupon", coupon.map(cut));
    let processor = row.text("merchant").or_else(|| row.reference("merchantId")).or_else(|| row.reference("midNumber"));
    entry = entry.tag("processor", processor.map(cut));
    let country = ["country", "shipCountry"].into_iter().find_map(|field| row.text(field));
    let country = country.map(str::to_uppercase).filter(|code| is_country(code));
    entry = entry.tag("country", country.as_deref());
    let cycle = row.cycle().map(|cycle| cycle.to_string());
    entry.tag("cycle", cycle.as_deref())
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Not longer than a tag may be.
fn cut(text: &str) -> &str {
    let end = (0..=text.len().min(TAG_BYTES)).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// The products of a row that moved `total`.
pub(crate) fn lines(row: &Row<'_>, total: Decimal) -> Vec<Line> {
    let items = items(row);
    let quantity = |item: &Value| item.amount("qty").ok().flatten().filter(|qty| !qty.is_zero() && !qty.is_negative());
    let price = |item: &Value| item.amount("price").ok().flatten().unwrap_or(Decimal::ZERO).abs();
    // Whether `price` is that of one piece is not known \[G\]: it is, unless more than was paid would come of it.
    let pieces = |item: &Value| quantity(item).filter(|qty| qty.scale == 0).map_or(1, |qty| qty.coefficient);
    let together = |item: &&Value| price(item).times(pieces(item)).ok();
    let sum = items.iter().map(together).try_fold(Decimal::ZERO, |sum, amount| sum.plus(amount?).ok());
    let is_each = sum.is_some_and(|sum| total.minus(sum).is_ok_and(|rest| !rest.is_negative()));
    let line = |item: &&Value| {
        let amount = if is_each { together(item).unwrap_or_else(|| price(item)) } else { price(item) };
        Line::new(quantity(item).unwrap_or(Decimal::ONE), amount)
            .product(item.text("productId"))
            .name(item.text("name").or_else(|| item.text("productName")))
            .sku(item.text("productSku").or_else(|| item.text("sku")))
    };
    if items.is_empty() {
        let name = row.text("refundProductName").or_else(|| row.text("productName"));
        let id = row.reference("productId");
        if name.is_none() && id.is_none() {
            return Vec::new();
        }
        return vec![Line::new(Decimal::ONE, total).product(id).name(name).sku(row.text("productSku"))];
    }
    items.iter().take(LINES_MAX).map(line).collect()
}

/// An object keyed by item id, an array, or an empty array where there is nothing \[L\].
fn items<'a>(row: &Row<'a>) -> Vec<&'a Value> {
    let all: Vec<&Value> = match row.value("items") {
        Some(Value::List(items)) => items.iter().collect(),
        Some(Value::Map(items)) => items.iter().map(|(_, item)| item).collect(),
        _ => Vec::new(),
    };
    all.into_iter().filter(|item| matches!(item, Value::Map(_))).collect()
}
