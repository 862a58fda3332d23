//! The "Transaction Details" export.

use super::*;
use crate::manifest::TRANSACTIONS;

const FILE: &str = include_str!("../../fixtures/transaction-details.csv");

/// The file from its header on, as the daemon finds it below the preamble.
fn from_header(file: &str) -> &str {
    &file[file.find("date,").expect("a header")..]
}

fn read(file: &str, context: &Context) -> testing::Ledger {
    let batch = testing::read::<Konnektive>(TRANSACTIONS, from_header(file), context).unwrap();
    let mut ledger = testing::Ledger::new();
    ledger.apply(&batch);
    ledger
}

fn context() -> testing::ContextBuilder {
    testing::context_for(&Konnektive::describe()).set("default_currency", "USD")
}

#[test]
fn rows_become_what_the_api_would_have_told() {
    let batch = testing::read::<Konnektive>(TRANSACTIONS, from_header(FILE), &context().build()).unwrap();
    let rows = from_header(FILE).lines().count() - 1;
    assert_eq!(batch.changes.len() + batch.rejects.len() + batch.ignored as usize, rows, "each row ends somewhere");
    let mut ledger = testing::Ledger::new();
    ledger.apply(&batch);
    assert_eq!(ledger.rejects, []);
    let told: Vec<(Kind, &str, String, Moment)> = ledger
        .entries()
        .into_iter()
        .map(|entry| (entry.key.kind, &*entry.key.id, entry.amounts.total.to_string(), entry.at.clone()))
        .collect();
    let local = |text: &str| Moment::Local(text.into());
    assert_eq!(
        told,
        [
            (Kind::Sale, "txn:70001", "50.00".to_owned(), local("2026-03-01T23:30:00")),
            (Kind::Sale, "txn:70004", "29.99".to_owned(), local("2026-03-02T09:05:00")),
            (Kind::Sale, "txn:70005", "10.00".to_owned(), local("2026-03-02T09:10:00")),
            (Kind::Refund, "txn:70002", "20.00".to_owned(), local("2026-03-02T00:10:00")),
            (Kind::Void, "txn:70006", "10.00".to_owned(), local("2026-03-02T09:20:00")),
        ]
    );
    let rebill = ledger.get(Kind::Sale, "txn:70004").unwrap();
    assert_eq!((rebill.billing, rebill.order_id.as_str()), (Billing::Rebill, "0B0B0B0B0B"));
    assert!(batch.notes.iter().any(|note| note.contains("the id is not a number")), "{:?}", batch.notes);
}

#[test]
fn the_api_and_the_file_meet() {
    let mut account = account();
    let sale = account.sale("2026-03-02T04:30:00", "50.00");
    let refund = account.refund("2026-03-02T05:10:00", sale, "20.00");
    let order = account.order(sale);
    let file = format!(
        "date,type,result,transactionId,orderId,amount\n2026-03-01 23:30:00,Sale,Success,{sale},{order},50.00\n\
         2026-03-02 00:10:00,Refund,Success,{refund},{order},-20.00\n"
    );
    let batch = testing::read::<Konnektive>(TRANSACTIONS, &file, &context().build()).unwrap();
    let mut shop = Shop::new(account);
    shop.ledger.apply(&batch);
    shop.agrees();
    shop.load("2026-03-01", "2026-03-02");
    shop.agrees();
    let by_api = format!("{:?}", shop.ledger.entries());
    // What the API told knows more, and stays.
    shop.ledger.apply(&batch);
    assert_eq!(format!("{:?}", shop.ledger.entries()), by_api);
}

#[test]
fn a_heading_that_only_the_operator_knows() {
    let file = "date,type,result,transactionId,Gross,Total\n2026-03-01,Sale,Success,1,50.00,1\n";
    let ledger = read(file, &context().set("amount_column", "Gross").build());
    assert_eq!(ledger.get(Kind::Sale, "txn:1").unwrap().amounts.total, Decimal::new(5_000, 2));
}

#[test]
fn ids_that_a_spreadsheet_has_shortened_are_refused() {
    let file = "date,type,result,transactionId,amount\n2026-03-01,Sale,Success,7.0001E+12,50.00\n,,,Total,50.00\n";
    let ledger = read(file, &context().build());
    assert_eq!((ledger.entries().len(), ledger.rejects.len()), (0, 1));
}

#[test]
fn times_in_a_column_of_their_own_and_dates_that_are_none() {
    let file = "date,time,type,result,transactionId,amount\n3/1/2026,14:05,Sale,Success,1,5.00\n\
                31.12.2026,,Sale,Success,2,5.00\n";
    let ledger = read(file, &context().build());
    assert_eq!(ledger.get(Kind::Sale, "txn:1").unwrap().at, Moment::Local("2026-03-01T14:05:00".into()));
    assert_eq!((ledger.rejects.len(), ledger.rejects[0].field.as_deref()), (1, Some("dateCreated")));
}
