//! Native tests, with plain texts: `cargo test`. The cases in `cases/` go through the sandbox: `ltvd connector test .`

use ltv_connector::prelude::*;
use ltv_connector::testing::{self, Ledger};

use crate::KioskConnector;
// door webhook
use crate::manifest::WEBHOOK_SECRET;
// end

fn context() -> Context {
    testing::context_for(&KioskConnector::describe()).set("currency", "USD").build()
}

// door csv
const FILE: &str = "\
Payment ID,Payment type,Order ID,Paid at (UTC),Total,Sales tax,Currency,Customer e-mail,Product name
p-1,Payment,o-1,2026-03-01 10:00:00,12.50,2.00,USD,ada@example.org,Tea
r-1,Refund,o-1,2026-03-05 09:00:00,-12.50,-2.00,USD,ada@example.org,Tea
p-2,Authorization,o-2,2026-03-06 09:00:00,5.00,,USD,bo@example.org,Pot
";

#[test]
fn a_file_has_sales_and_refunds_and_what_is_neither() {
    let batch = testing::read::<KioskConnector>("payments", FILE, &context()).unwrap();
    let mut ledger = Ledger::new();
    ledger.apply(&batch);
    assert_eq!((ledger.entries().len(), batch.rejects.len(), batch.ignored), (2, 0, 1));
    assert_eq!(ledger.get(Kind::Refund, "r-1").unwrap().amounts.total, Decimal::hundredths(1250));
}

// end
// door webhook
const PAID: &str = r#"{"event": "payment.paid", "payment": {"id": "p-1", "kind": "payment", "order": "o-1",
    "amount": "12.50", "tax": "2.00", "currency": "usd", "email": "ada@example.org", "product": {"id": "7", "name": "Tea"},
    "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:01Z"}}"#;

#[test]
fn a_webhook_is_one_sale() {
    let mut ledger = Ledger::new();
    let delivery = testing::delivery("application/json", PAID);
    assert_eq!(ledger.receive::<KioskConnector>(&delivery, &context()), Ok(Outcome::Read));
    let sale = ledger.get(Kind::Sale, "p-1").unwrap();
    assert_eq!((sale.amounts.total, sale.currency.as_str()), (Decimal::hundredths(1250), "USD"));
}

#[test]
fn only_what_is_signed_with_the_secret_is_believed() {
    let believed = |delivery: &Delivery| {
        let proof = KioskConnector::prove(delivery, &context()).unwrap();
        testing::holds(&proof, delivery, &[(WEBHOOK_SECRET, "sesame")])
    };
    let signed = |word: &str| {
        let signature = testing::hmac(Hash::Sha256, word.as_bytes(), PAID.as_bytes());
        let delivery = testing::delivery("application/json", PAID);
        delivery.with_header("x-kiosk-signature", &testing::hex(&signature))
    };
    assert!(believed(&signed("sesame")));
    assert!(!believed(&signed("thyme")) && !believed(&testing::delivery("application/json", PAID)));
}

// end
// door csv and webhook
#[test]
fn file_and_webhook_are_one_sale() {
    let mut ledger = Ledger::new();
    ledger.receive::<KioskConnector>(&testing::delivery("application/json", PAID), &context()).unwrap();
    ledger.apply(&testing::read::<KioskConnector>("payments", FILE, &context()).unwrap());
    assert_eq!(ledger.entries().len(), 2);
    // The webhook knows when the payment was changed, so it is the better source.
    assert!(ledger.get(Kind::Sale, "p-1").unwrap().revision > 0);
}

// end
// door poll
#[test]
fn every_page_is_read() {
    let page = |number: u32| {
        let (id, next) = if number == 1 { ("1", "2") } else { ("2", "null") };
        format!(
            r#"{{"data": [{{"id": "p-{id}", "kind": "payment", "order": "o-{id}", "amount": "12.50",
            "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:01Z"}}],
            "next_page": {next}, "total": 2}}"#
        )
    };
    let mut ledger = Ledger::new();
    let mut asked = 0;
    let task = Task::Sync(testing::window(Axis::Modified, "2026-03-01", "2026-03-31"));
    let ended = ledger.poll::<KioskConnector>(task, &context(), |_| {
        asked += 1;
        Ok(testing::response(200, page(asked)))
    });
    assert!(matches!(ended, Ok(Outcome::Synced(coverage)) if coverage.complete));
    assert_eq!((asked, ledger.entries().len()), (2, 2));
}
// end
