//! Whatever happens to an account while it is read: after one quiet pass the ledger holds the truth.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Edit {
    Sale { cents: u16 },
    Refund { of: usize, cents: u16 },
    Void { of: usize },
    Authorize,
    Capture { of: usize },
    Chargeback { of: usize, dated: bool },
    Revert { of: usize },
    Touch { of: usize },
}

fn edit() -> impl Strategy<Value = Edit> {
    let of = 0..40_usize;
    prop_oneof![
        3 => (1..9_999_u16).prop_map(|cents| Edit::Sale { cents }),
        2 => (of.clone(), 1..99_u16).prop_map(|(of, cents)| Edit::Refund { of, cents }),
        1 => of.clone().prop_map(|of| Edit::Void { of }),
        1 => Just(Edit::Authorize),
        1 => of.clone().prop_map(|of| Edit::Capture { of }),
        2 => (of.clone(), any::<bool>()).prop_map(|(of, dated)| Edit::Chargeback { of, dated }),
        1 => of.clone().prop_map(|of| Edit::Revert { of }),
        2 => of.prop_map(|of| Edit::Touch { of }),
    ]
}

/// The ids that edits pick from, by what they are.
#[derive(Debug, Clone, Default)]
struct Ids {
    sales: Vec<u64>,
    authorisations: Vec<u64>,
}

fn pick(ids: &[u64], of: usize) -> Option<u64> {
    ids.get(of.checked_rem(ids.len())?).copied()
}

/// Does it, at this minute of 2 March, while the daemon reads.
fn apply(account: &mut Account, ids: &mut Ids, edit: &Edit, minute: u32) {
    let at = format!("2026-03-02T{:02}:{:02}:00", 15 + minute / 60, minute % 60);
    match edit {
        Edit::Sale { cents } => ids.sales.push(account.sale(&at, &format!("{}.{:02}", cents / 100, cents % 100))),
        Edit::Authorize => ids.authorisations.push(account.authorize(&at, "9.00")),
        Edit::Refund { of, cents } => {
            if let Some(sale) = pick(&ids.sales, *of) {
                account.refund(&at, sale, &format!("0.{cents:02}"));
            }
        }
        Edit::Void { of } => {
            let all: Vec<u64> = ids.sales.iter().chain(&ids.authorisations).copied().collect();
            if let Some(parent) = pick(&all, *of) {
                account.void(&at, parent);
            }
        }
        Edit::Capture { of } => {
            if let Some(parent) = pick(&ids.authorisations, *of) {
                ids.sales.push(account.capture(&at, parent, "9.00"));
            }
        }
        Edit::Chargeback { of, dated } => {
            if let Some(sale) = pick(&ids.sales, *of).filter(|sale| !account.is_charged_back(*sale)) {
                account.chargeback(sale, &at, dated.then_some("2026-03-02"));
            }
        }
        Edit::Revert { of } => {
            if let Some(sale) = pick(&ids.sales, *of) {
                account.revert_chargeback(sale, &at);
            }
        }
        Edit::Touch { of } => {
            if let Some(sale) = pick(&ids.sales, *of) {
                account.touch(sale, &at);
            }
        }
    }
}

/// Without the dates of chargebacks that have none: the ledger has that of the first sight, which may be a later one.
fn comparable(mut money: Vec<Money>, undated: &[String]) -> Vec<Money> {
    for money in money.iter_mut().filter(|money| undated.contains(&money.id)) {
        money.at.clear();
    }
    money.sort();
    money
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_edit_while_it_is_read_is_in_the_ledger_in_the_end(
        start in 0..35_u32,
        edits in proptest::collection::vec((0..14_usize, edit()), 0..24),
        created: bool,
        by_change: bool,
        descending: bool,
        cap in proptest::option::of(3..9_usize),
    ) {
        let mut account = account();
        let mut ids = Ids::default();
        for number in 0..start {
            ids.sales.push(account.sale(&format!("2026-03-01T15:{number:02}:00"), "20.00"));
        }
        account.quirks.sorted_by_change = by_change;
        account.quirks.always_descending = descending;
        account.quirks.page_cap = cap;
        let ids = std::sync::Arc::new(std::sync::Mutex::new(ids));
        let mut edits = edits;
        edits.sort_by_key(|(query, _)| *query);
        for (minute, (query, edit)) in (0..).zip(edits) {
            let ids = ids.clone();
            account.before_query(query, move |account| apply(account, &mut ids.lock().unwrap(), &edit, minute));
        }
        let mut shop = Shop::new(account).with(|context| context.memory(b"10 2026-03-02").now("2026-03-02T20:00:00"));

        // While it changes, a pass may be incomplete; it must not fail. If it says that it is complete, then nothing that
        // was there when it began is missing.
        let before = ids.lock().unwrap().sales.clone();
        let axis = if created { Axis::Created } else { Axis::Modified };
        let one = shop.sync(axis, "2026-03-01", "2026-03-01").unwrap();
        let two = shop.sync(axis, "2026-03-02", "2026-03-02").unwrap();
        if one.complete && two.complete {
            for sale in before {
                prop_assert!(shop.ledger.get(Kind::Sale, &format!("txn:{sale}")).is_some(), "{sale} is missing");
            }
        }
        let mut passes = 0;
        loop {
            let queries = shop.platform.calls.len();
            let one = shop.sync(Axis::Modified, "2026-03-01", "2026-03-01").unwrap();
            let two = shop.sync(Axis::Modified, "2026-03-02", "2026-03-02").unwrap();
            passes += 1;
            if one.complete && two.complete && queries > 14 {
                break;
            }
            prop_assert!(passes < 40, "it never comes to rest: {one:?} {two:?}");
        }

        prop_assert_eq!(&shop.ledger.rejects, &[]);
        let undated = shop.account().undated_chargebacks();
        let truth = shop.account().truth();
        prop_assert_eq!(comparable(shop.found(), &undated), comparable(truth, &undated));
    }
}
