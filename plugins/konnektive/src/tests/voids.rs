//! A void undoes what its parent was: money, or an authorisation that never was any.

use super::*;

#[test]
fn a_void_of_a_sale_is_dated_by_itself() {
    let mut account = account();
    let sale = account.sale("2026-03-01T15:00:00", "50.00");
    account.void("2026-03-02T15:00:00", sale);
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-02");
    shop.agrees();
    assert_eq!(shop.platform.calls.len(), 2, "the ledger knows the sale");
}

#[test]
fn a_void_of_an_authorisation_is_nothing() {
    let mut account = account();
    let authorisation = account.authorize("2026-03-01T15:00:00", "1.00");
    account.void("2026-03-01T15:01:00", authorisation);
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    assert_eq!((shop.found().len(), shop.platform.calls.len()), (0, 1));
}

#[test]
fn a_void_of_an_authorisation_of_another_day_asks_for_its_order() {
    let mut account = account();
    let authorisation = account.authorize("2026-03-01T15:00:00", "1.00");
    account.void("2026-03-05T15:01:00", authorisation);
    let captured = account.authorize("2026-03-01T15:00:00", "20.00");
    account.capture("2026-03-02T15:00:00", captured, "20.00");
    account.void("2026-03-05T16:00:00", captured);
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-05");
    shop.agrees();
    assert_eq!(shop.platform.calls.len(), 7, "one for each day and each order");
}

#[test]
fn a_void_takes_back_no_more_than_was_captured() {
    let mut account = account();
    let authorisation = account.authorize("2026-03-01T15:00:00", "80.00");
    account.capture("2026-03-01T16:00:00", authorisation, "10.00");
    account.capture("2026-03-01T17:00:00", authorisation, "20.00");
    let void = account.void("2026-03-01T18:00:00", authorisation);
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    assert_eq!(shop.entry(Kind::Void, void).amounts.total, Decimal::new(3_000, 2));
}

#[test]
fn a_void_that_comes_before_its_sale() {
    let mut account = account();
    let sale = account.sale("2026-03-01T15:00:00", "50.00");
    account.void("2026-03-02T15:00:00", sale);
    account.touch(sale, "2026-03-09T15:00:00");
    let mut shop = Shop::new(account);
    shop.follow("2026-03-02", "2026-03-09");
    shop.agrees();
}

#[test]
fn a_void_of_a_test_or_a_declined_sale_is_nothing() {
    let mut account = account();
    let test = account.sale("2026-03-01T15:00:00", "50.00");
    account.test_card(test);
    account.void("2026-03-01T15:10:00", test);
    let declined = account.decline("2026-03-01T15:00:00", "50.00");
    account.void("2026-03-01T15:10:00", declined);
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    assert_eq!(shop.found(), []);
}

#[test]
fn a_void_without_parent_and_amount_finds_the_sale_of_its_order() {
    let mut account = account();
    let sale = account.sale("2026-03-01T15:00:00", "50.00");
    let void = account.void("2026-03-02T15:00:00", sale);
    account.tell(void, "parentTxnId", "");
    let other = account.sale("2026-03-01T15:00:00", "60.00");
    let bare = account.void("2026-03-01T15:10:00", other);
    account.tell(bare, "totalAmount", "");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-02");
    shop.agrees();
}

#[test]
fn a_void_of_something_unknown_is_left_out_and_told() {
    let mut account = account();
    let sale = account.sale("2026-03-01T15:00:00", "50.00");
    let void = account.void("2026-03-02T15:00:00", sale);
    account.tell(void, "parentTxnId", "1");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    let coverage = shop.sync(Axis::Created, "2026-03-02", "2026-03-02").unwrap();
    assert!(coverage.complete && coverage.note.is_some_and(|note| note.starts_with("1 voids are left out")));
    assert_eq!(shop.found().len(), 1);
}
