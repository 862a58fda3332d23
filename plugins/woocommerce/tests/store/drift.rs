//! Whatever happens while pages are read, the next passes end in the truth.

use ltv_connector::types::Axis;
use ltv_platforms::woocommerce::{Basket, Shop, Storage};
use proptest::prelude::*;

use crate::kit::Kit;

/// Something that a shop does to one of its orders.
#[derive(Debug, Clone)]
enum Deed {
    Sell,
    Pay,
    Cancel,
    Touch,
    Refund(i64),
    RefundSilently(i64),
    DeleteRefund,
    SetRefunded,
    Trash,
    Restore,
    Delete,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => Just(Deed::Sell),
        2 => Just(Deed::Pay),
        2 => Just(Deed::Cancel),
        3 => Just(Deed::Touch),
        3 => (1..50_i64).prop_map(Deed::Refund),
        3 => (1..50_i64).prop_map(Deed::RefundSilently),
        1 => Just(Deed::DeleteRefund),
        1 => Just(Deed::SetRefunded),
        3 => Just(Deed::Trash),
        2 => Just(Deed::Restore),
        2 => Just(Deed::Delete),
    ]
}

fn do_it(shop: &mut Shop, deed: &Deed, which: usize) {
    let ids = shop.ids();
    if ids.is_empty() || matches!(deed, Deed::Sell) {
        shop.sell(Basket::of("late@example.org").item(1, 1, 777));
        return;
    }
    let id = ids[which % ids.len()];
    let (trashed, rest) = (shop.order(id).status == "trash", shop.order(id).rest());
    match deed {
        Deed::Restore if trashed => shop.restore(id),
        Deed::Delete => shop.delete(id),
        _ if trashed => {}
        Deed::Trash => shop.trash(id),
        Deed::Pay => shop.pay(id),
        Deed::Cancel => shop.cancel(id),
        Deed::Touch => shop.touch(id),
        Deed::Refund(cents) if *cents <= rest => drop(shop.refund(id, *cents, &[])),
        Deed::RefundSilently(cents) if *cents <= rest => drop(shop.refund_silently(id, *cents)),
        Deed::DeleteRefund => {
            if let Some(refund) = shop.order(id).refunds.first().map(|refund| refund.id) {
                shop.delete_refund(id, refund);
            }
        }
        Deed::SetRefunded => shop.set_status(id, "refunded"),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_ends_in_the_truth(
        orders in 0..130_u64,
        posts in any::<bool>(),
        totals in any::<bool>(),
        breaks_above in prop_oneof![Just(None), (10..60_usize).prop_map(Some)],
        before in prop::collection::vec((deed(), 0..500_usize), 0..25),
        during in prop::collection::vec((0..30_usize, deed(), 0..500_usize), 0..25),
    ) {
        let mut kit = Kit::new();
        kit.shop.storage = if posts { Storage::Posts } else { Storage::Hpos };
        kit.shop.hides_totals = !totals;
        kit.shop.breaks_above = breaks_above;
        for number in 0..orders {
            kit.shop.at(&format!("2026-05-{:02}T{:02}:10:00", 2 + number / 24, number % 24));
            kit.shop.sold("a@example.org", 100 + number as i64);
        }
        kit.load();
        prop_assert_eq!(kit.money(), kit.shop.truth());
        kit.shop.at("2026-05-20T10:00:00");
        for (deed, which) in &before {
            do_it(&mut kit.shop, deed, *which);
        }
        let calls = kit.shop.calls();
        for (call, deed, which) in during {
            kit.shop.before_call(calls + call, move |shop| do_it(shop, &deed, which));
        }
        kit.catch_up();
        kit.shop.let_happen();
        kit.catch_up();
        // Deletions of refunds and of orders leave no trace: they are found by the daily re-check and its questions.
        kit.sync(Axis::Created, "2026-05-01T00:00:00", "2026-06-01T13:00:00");
        let stored: Vec<u64> = kit.ledger.entries().iter().filter_map(|entry| entry.order_id.parse().ok()).collect();
        for ids in stored.chunks(100) {
            kit.refresh(ids);
        }
        let left = kit.shop.truth();
        prop_assert_eq!(kit.money(), left);
    }
}
