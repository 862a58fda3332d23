//! A chargeback is a label on an old sale, with a date of its own or without.

use super::*;

fn charged_back(date: Option<&str>) -> (Shop, u64) {
    let mut account = account();
    let sale = account.sale("2026-03-01T15:00:00", "50.00");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    shop.account().chargeback(sale, "2026-05-20T14:00:00", date);
    shop.follow("2026-05-20", "2026-05-20");
    shop.agrees();
    (shop, sale)
}

fn chargeback(shop: &Shop, sale: u64) -> Option<&Entry> {
    shop.ledger.get(Kind::Chargeback, &format!("chargeback:{sale}"))
}

#[test]
fn weeks_later_with_its_own_date() {
    let (shop, sale) = charged_back(Some("2026-05-18"));
    let entry = chargeback(&shop, sale).unwrap();
    assert_eq!((&entry.at, tag(entry, "approximate")), (&Moment::Day("2026-05-18".into()), None));
    assert_eq!(tag(entry, "chargeback-reason"), Some("10.4"));
}

#[test]
fn without_a_date_it_keeps_the_one_it_was_first_seen_with() {
    let (mut shop, sale) = charged_back(None);
    let first = chargeback(&shop, sale).unwrap().clone();
    assert_eq!((&first.at, tag(&first, "approximate")), (&Moment::Local("2026-05-20T10:00:00".into()), Some("date")));
    // Whatever touches the row later does not move it.
    shop.account().touch(sale, "2026-05-27T14:00:00");
    shop.follow("2026-05-27", "2026-05-27");
    shop.load("2026-03-01", "2026-03-01");
    assert_eq!(format!("{:?}", chargeback(&shop, sale).unwrap()), format!("{first:?}"));
    shop.agrees();
    // Until the platform tells one.
    shop.account().chargeback(sale, "2026-05-28T14:00:00", Some("2026-05-19 00:00:00"));
    shop.follow("2026-05-28", "2026-05-28");
    shop.agrees();
    assert_eq!(tag(chargeback(&shop, sale).unwrap(), "approximate"), None);
}

#[test]
fn another_amount_of_one_without_a_date_keeps_its_date() {
    let (mut shop, sale) = charged_back(None);
    shop.account().tell(sale, "chargebackAmount", "20.00");
    shop.account().touch(sale, "2026-05-27T14:00:00");
    shop.follow("2026-05-27", "2026-05-27");
    let entry = chargeback(&shop, sale).unwrap();
    assert_eq!(entry.amounts.total, Decimal::new(2_000, 2));
    // The ledger of these tests resolves wall clocks as UTC.
    assert_eq!(entry.at, dates::utc("2026-05-20T10:00:00").unwrap());
}

#[test]
fn reverted_and_made_again() {
    for date in [None, Some("2026-05-18")] {
        let (mut shop, sale) = charged_back(date);
        shop.account().revert_chargeback(sale, "2026-05-25T14:00:00");
        shop.follow("2026-05-25", "2026-05-25");
        shop.agrees();
        assert!(chargeback(&shop, sale).is_none());
        shop.account().chargeback(sale, "2026-05-29T14:00:00", None);
        shop.follow("2026-05-29", "2026-05-29");
        shop.agrees();
        assert_eq!(chargeback(&shop, sale).unwrap().at, Moment::Local("2026-05-29T10:00:00".into()));
    }
}

#[test]
fn dates_as_americans_write_them_and_dates_that_are_none() {
    for (told, at) in [
        ("05/18/2026", Moment::Day("2026-05-18".into())),
        ("5/8/26 9:05 PM", Moment::Local("2026-05-08T21:05:00".into())),
        ("0000-00-00", Moment::Local("2026-05-20T10:00:00".into())),
        ("31/31/2026", Moment::Local("2026-05-20T10:00:00".into())),
    ] {
        let mut account = account();
        let sale = account.sale("2026-03-01T15:00:00", "50.00");
        account.chargeback(sale, "2026-05-20T14:00:00", Some(told));
        let mut shop = Shop::new(account);
        shop.load("2026-03-01", "2026-03-01");
        let entry = chargeback(&shop, sale).unwrap();
        assert_eq!(entry.at, at, "{told}");
        assert_eq!(tag(entry, "approximate").is_some(), told.starts_with("00") || told.starts_with("31"), "{told}");
    }
}

#[test]
fn its_own_amount_but_never_more_than_the_sale() {
    let mut account = account();
    let part = account.sale("2026-03-01T15:00:00", "50.00");
    account.chargeback_of(part, "2026-03-20T15:00:00", Some("2026-03-18"), "20.00");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    shop.account().chargeback_of(part, "2026-03-21T15:00:00", Some("2026-03-18"), "65.00");
    shop.load("2026-03-01", "2026-03-01");
    assert_eq!(chargeback(&shop, part).unwrap().amounts.total, Decimal::new(5_000, 2));
}

#[test]
fn a_refund_and_a_chargeback_of_one_sale_are_both_told() {
    let (mut shop, sale) = charged_back(Some("2026-05-18"));
    shop.account().refund("2026-05-21T15:00:00", sale, "50.00");
    shop.follow("2026-05-21", "2026-05-21");
    shop.agrees();
    assert_eq!(shop.found().len(), 3);
}
