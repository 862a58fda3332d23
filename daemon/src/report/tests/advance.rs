//! A view that was brought up to date answers like one that was built anew, whatever has changed.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::random::{a_fact, zones};
use super::shop::{Seen, by, currency, options, query};
use crate::report::*;

/// What comes in at once: entries by number, new or changed, and the products in them; `None` withdraws.
type Delivery = Vec<(u32, Option<(Fact, Vec<u32>)>)>;

/// An entry with or without a country, and its products.
fn told() -> impl Strategy<Value = (Fact, Vec<u32>)> {
    let labelled = (a_fact(), 0_u32..3).prop_map(|(fact, labels)| Fact { labels, ..fact });
    (labelled, prop::sample::subsequence(vec![0, 1, 2], 0..3))
}

fn deliveries() -> impl Strategy<Value = Vec<Delivery>> {
    let change = (0_u32..30, prop::option::weighted(0.8, told()));
    prop::collection::vec(prop::collection::vec(change, 0..6), 1..6)
}

fn deliver(shop: &mut Facts, delivery: Delivery) {
    shop.revision += 1;
    for (entry, fact) in delivery {
        let known = shop.facts.iter().position(|known| known.entry == entry);
        let before = Before { entry, fact: known.map(|at| shop.facts.remove(at)) };
        shop.changes.push((shop.revision, before));
        let Some((fact, products)) = fact else { continue };
        shop.facts.push(Fact { entry, ..fact });
        sell(shop, entry, &products);
    }
}

fn sell(shop: &mut Facts, entry: u32, products: &[u32]) {
    let entry = entry as usize;
    if shop.goods.len() <= entry {
        shop.goods.resize(entry + 1, Vec::new());
    }
    shop.goods[entry] = products.iter().map(|product| Good { product: *product, amount: 100 }).collect();
}

fn shop_of(entries: Vec<(Fact, Vec<u32>)>) -> Facts {
    let mut shop = super::shop::facts(entries.iter().map(|(fact, _)| *fact).collect());
    let country = |value| vec![Label { dimension: Dimension::Country, value }];
    shop.label_sets = vec![Vec::new(), country(0), country(1)];
    shop.values = vec!["DE".to_owned(), "US".to_owned()];
    shop.products = ["a", "b", "c"].map(|id| Product { key: format!("alpha/{id}").into(), name: None }).to_vec();
    for (entry, (_, products)) in (0..).zip(&entries) {
        sell(&mut shop, entry, products);
    }
    shop
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_view_brought_up_to_date_equals_one_built_anew(
        entries in prop::collection::vec(told(), 0..30),
        deliveries in deliveries(),
        zone in zones(),
        basis in prop::sample::select(vec![Basis::Net, Basis::Total]),
        refunds in prop::sample::select(vec![RefundDating::Event, RefundDating::Order]),
        shared in prop::collection::btree_set(0_u32..6, 0..2),
        only in prop::option::of(0_u16..2),
        only_orders in prop::sample::select(vec![None, Some((By::Currency, "USD")), Some((By::Label(Dimension::Country), "DE"))]),
    ) {
        let mut shop = shop_of(entries);
        let mut rates = Rates::new(currency("USD"));
        rates.set_constant(currency("EUR"), "1.0890".parse().unwrap());
        let only = only.map(|integration| BTreeSet::from([integration]));
        let conditions = only_orders.map(|(by, value)| Condition { by, any_of: vec![value.to_owned()] });
        let filter = Filter { conditions: conditions.into_iter().collect() };
        let options = ViewOptions {
            basis,
            integrations: only.as_ref(),
            orders: &filter,
            shared_customers: &shared,
            ..options(&rates, zone)
        };
        let mut view = View::build(&shop, &options).unwrap();
        for delivery in deliveries {
            deliver(&mut shop, delivery);
            prop_assert!(view.advance(&shop, &options).unwrap());
            let anew = Seen::with(&shop, options);
            // It may remember rates of entries that are gone.
            view.rates = anew.view.rates.clone();

            let horizons = [Horizon::FirstOrder, Horizon::Days(30), Horizon::Days(200), Horizon::ToDate];
            let mut ask = query(&horizons, "2025-11-01");
            ask.refunds = refunds;
            let by_value = [By::Currency, By::Product, By::Label(Dimension::Country)];
            let by_value = by_value.map(|by| Audience { group: Some(Group::By(by)), ..Audience::default() });
            let us = Condition { by: By::Label(Dimension::Country), any_of: vec!["US".to_owned()] };
            let from_us = Audience { first: Filter { conditions: vec![us] }, ..Audience::default() };
            for audience in by_value.into_iter().chain([Audience::by(Period::Month), from_us]) {
                ask.audience = audience.clone();
                prop_assert_eq!(&ltv(&view, &shop, &ask).unwrap(), &anew.ltv(&ask));
                let months = || CohortsQuery {
                    audience: audience.clone(), horizons: vec![20, 90], periods: 4, as_of: ask.as_of.clone(), limit: None,
                };
                prop_assert_eq!(&cohorts(&view, &shop, &months()).unwrap(), &cohorts(&anew.view, &shop, &months()).unwrap());
                let rebills = SurvivalQuery {
                    audience: audience.clone(), cycles: 4, cycle_days: 30, grace_days: 7, as_of: ask.as_of.clone(), limit: None,
                };
                prop_assert_eq!(&survival(&view, &shop, &rebills).unwrap(), &survival(&anew.view, &shop, &rebills).unwrap());
                let cost = PaybackQuery {
                    cost: Cost::PerCustomer(9_000), audience, refunds, as_of: ask.as_of.clone(), limit: None,
                };
                prop_assert_eq!(&payback(&view, &shop, &cost).unwrap(), &payback(&anew.view, &shop, &cost).unwrap());
            }
            let everybody = |view: &View| members(view, &shop, &ask, "all", Horizon::ToDate, 0, 3).unwrap();
            prop_assert_eq!(everybody(&view), everybody(&anew.view));
            for split in [None, Some(By::Product)] {
                let days = RevenueQuery { split, ..by(Period::Day) };
                prop_assert_eq!(&revenue(&view, &shop, &options, &days).unwrap(), &anew.revenue(&days));
            }
            prop_assert_eq!(view.absolute, anew.view.absolute);
        }
    }
}
