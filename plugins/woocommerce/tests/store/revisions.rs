//! Which of two versions counts, in whatever order they are read.

use ltv_connector::types::Axis;

use crate::kit::{Kit, NOW};

#[test]
fn cancelled_after_payment_and_back() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-05-10T10:00:00").sold("a@example.org", 9_900);
    kit.load();
    kit.shop.at("2026-05-11T10:00:00").cancel(id);
    kit.catch_up();
    kit.assert_true();
    assert_eq!(kit.money(), vec![]);
    kit.shop.at("2026-05-12T10:00:00").pay(id);
    kit.catch_up();
    kit.assert_true();
    assert_eq!(kit.money().len(), 1);
}

#[test]
fn trashed_and_restored() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-05-10T10:00:00").sold("a@example.org", 9_900);
    kit.load();
    kit.shop.at("2026-05-11T10:00:00").trash(id);
    kit.catch_up();
    kit.assert_true();
    assert_eq!(kit.money(), vec![]);
    kit.shop.at("2026-05-12T10:00:00").restore(id);
    kit.catch_up();
    kit.assert_true();
    assert_eq!(kit.money().len(), 1);
}

#[test]
fn gone_for_good_is_found_by_asking_for_it() {
    let mut kit = Kit::new();
    let stays = kit.shop.at("2026-05-10T10:00:00").sold("a@example.org", 9_900);
    let trashed = kit.shop.sold("b@example.org", 9_900);
    let gone = kit.shop.sold("c@example.org", 9_900);
    kit.load();
    kit.shop.delete(gone);
    kit.shop.trash(trashed);
    kit.catch_up();
    assert_eq!(kit.money().len(), 2, "nothing tells of it");
    kit.refresh(&[stays, trashed, gone, 999_999]);
    kit.assert_true();
    assert_eq!(kit.money().len(), 1);
    // A page that was read before it went, and comes late, is not newer than what was stored; the next look corrects it.
    kit.refresh(&[gone]);
    kit.assert_true();
}

#[test]
fn changes_within_one_second_count_as_they_are_read() {
    let mut kit = Kit::new();
    kit.shop.at("2026-05-10T10:00:00");
    let id = kit.shop.sold("a@example.org", 9_900);
    kit.load();
    kit.shop.refund(id, 100, &[]);
    kit.load();
    kit.assert_true();
    kit.shop.cancel(id);
    kit.load();
    kit.assert_true();
}

#[test]
fn reading_twice_changes_nothing() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-05-10T10:00:00").sold("a@example.org", 9_900);
    kit.shop.refund(id, 100, &[]);
    kit.load();
    let once = format!("{:?}", kit.ledger.entries());
    kit.load();
    kit.catch_up();
    kit.sync(Axis::Created, "2026-05-01T00:00:00", NOW);
    assert_eq!(format!("{:?}", kit.ledger.entries()), once);
}
