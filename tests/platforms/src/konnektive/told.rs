//! A transaction as the account tells it.

use serde_json::{Map, Value, json};

use super::{Account, Kind, Transaction, decimal};

/// An id or amount as a text in one row and as a number in the next.
fn either(number: u64, row: u64) -> Value {
    if row.is_multiple_of(2) { json!(number) } else { json!(number.to_string()) }
}

fn amount(cents: i64, row: u64) -> Value {
    // A number that is whole, for the others would need binary floating point.
    if row.is_multiple_of(5) && cents % 100 == 0 { json!(cents / 100) } else { json!(decimal(cents)) }
}

impl Account {
    pub(super) fn told(&self, row: &Transaction) -> Value {
        let id = row.id;
        let kind = match row.kind {
            Kind::Sale => "SALE",
            Kind::Authorize => "AUTHORIZE",
            Kind::Capture => "CAPTURE",
            Kind::Void => "VOID",
            Kind::Refund => "REFUND",
        };
        let mut told = json!({
            "transactionId": either(id, id),
            "dateCreated": self.wall_clock(row.created_ms),
            "dateUpdated": self.wall_clock(row.updated_ms),
            "txnType": kind,
            "responseType": if row.succeeded { "SUCCESS" } else { ["SOFT_DECLINE", "HARD_DECLINE"][(id % 2) as usize] },
            "responseText": if row.succeeded { "Approved" } else { "Insufficient funds" },
            "totalAmount": amount(row.cents, id),
            "surcharge": "",
            "currencyCode": row.currency,
            "currencySymbol": "$",
            "orderId": row.order,
            "actualOrderId": id + 900_000,
            "clientOrderId": "",
        });
        let rest = json!({
            "purchaseId": either(row.purchase, id + 1),
            "campaignId": either(7, id),
            "campaignName": "Main funnel",
            "orderType": if row.cycle > 1 { "RECURRING" } else { "NEW_SALE" },
            "billingCycleNumber": either(u64::from(row.cycle), id),
            "recycleNumber": "0",
            "merchantTxnId": format!("gw-{id}"),
            "merchant": "Main gateway",
            "merchantId": 3,
            "midNumber": "5500",
        });
        let buyer = json!({
            "customerId": either(row.customer, id),
            "emailAddress": format!("Buyer{}@Example.org", row.customer),
            "firstName": "Bo",
            "lastName": "Müster",
            "paySource": "CREDITCARD",
            "cardType": "VISA",
            "cardBin": "411111",
            "cardLast4": "1111",
            "isChargedback": either(u64::from(row.chargeback.is_some()), id),
            "chargebackAmount": "",
            "chargebackDate": Value::Null,
            "items": items(row),
            "UTMSource": "newsletter",
            "utm_medium": "email",
            "affId": "aff-9",
            "sourceValue1": "sub-1",
            "custom1": "",
            "3DTxnResult": Value::Null,
            "achAccountNumber": "000123456789",
            "cardSecurityCode": "123",
        });
        for (field, value) in [rest, buyer].into_iter().filter_map(|part| part.as_object().cloned()).flatten() {
            told[field] = value;
        }
        if let Some(label) = &row.chargeback {
            told["chargebackDate"] = label.date.as_ref().map_or(Value::Null, |date| json!(date));
            told["chargebackAmount"] = label.cents.map_or_else(|| json!(""), |cents| json!(decimal(cents)));
            told["chargebackReasonCode"] = json!("10.4");
        }
        if let Some(parent) = row.parent {
            told["parentTxnId"] = either(parent, id + 1);
        }
        for (field, value) in &row.fields {
            told[field] = value.clone();
        }
        told
    }
}

/// An object by item id, an array, or nothing as an empty array.
fn items(row: &Transaction) -> Value {
    let item = json!({"orderItemId": row.id + 5, "productId": 31, "name": "Course", "qty": "1", "price": decimal(row.cents),
        "productSku": "C-31"});
    match row.id % 3 {
        0 => json!([]),
        1 => json!([item]),
        _ => Value::Object(Map::from_iter([((row.id + 5).to_string(), item)])),
    }
}
