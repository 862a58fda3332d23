//! The sample for newcomers agrees with itself.

use ltv_connector::testing;

use super::*;

const ORDERS: &str = fixture!("sample/orders.csv");

#[test]
fn the_sample_file_is_read_whole() {
    let batch = file("orders", ORDERS, &context());
    assert_eq!(batch.rejects, []);
    assert_eq!((batch.ignored, batch.notes.len()), (0, 0), "{:?}", batch.notes);
    assert_eq!(entries(&batch).len(), ORDERS.lines().count() - 1);
}

#[test]
fn its_webhooks_tell_the_same_money() {
    let batch = file("orders", ORDERS, &context());
    let mut ledger = testing::Ledger::new();
    for body in [
        fixture!("sample/1-order.success.form"),
        fixture!("sample/2-order.subscription_payment.form"),
        fixture!("sample/3-order.refund.form"),
        fixture!("sample/4-order.subscription_cancelled.form"),
        fixture!("sample/5-order.success-new.form"),
    ] {
        ledger.receive::<ThriveCart>(&testing::delivery(FORM, body), &context()).expect("it is read");
    }
    let told = ledger.entries();
    assert_eq!(told.len(), 4);
    let is_known = |entry: &&&Entry| {
        entries(&batch).iter().any(|known| {
            known.amounts == entry.amounts
                && known.order_id == entry.order_id
                && (known.key == entry.key || known.also.iter().any(|name| entry.also.contains(name)))
        })
    };
    assert_eq!(told.iter().filter(is_known).count(), 3);
}
