//! A view that was brought up to date answers like one that was built anew, whatever has changed.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::random::{a_fact, zones};
use super::shop::{Seen, by, currency, options, query};
use crate::report::*;

/// What comes in at once: entries by number, new or changed; `None` withdraws.
type Delivery = Vec<(u32, Option<Fact>)>;

fn deliveries() -> impl Strategy<Value = Vec<Delivery>> {
    let change = (0_u32..30, prop::option::weighted(0.8, a_fact()));
    prop::collection::vec(prop::collection::vec(change, 0..6), 1..6)
}

fn deliver(shop: &mut Facts, delivery: Delivery) {
    shop.revision += 1;
    for (entry, fact) in delivery {
        let known = shop.facts.iter().position(|known| known.entry == entry);
        let before = Before { entry, fact: known.map(|at| shop.facts.remove(at)) };
        shop.changes.push((shop.revision, before));
        shop.facts.extend(fact.map(|fact| Fact { entry, ..fact }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_view_brought_up_to_date_equals_one_built_anew(
        facts in prop::collection::vec(a_fact(), 0..30),
        deliveries in deliveries(),
        zone in zones(),
        basis in prop::sample::select(vec![Basis::Net, Basis::Total]),
        refunds in prop::sample::select(vec![RefundDating::Event, RefundDating::Order]),
        shared in prop::collection::btree_set(0_u32..6, 0..2),
        only in prop::option::of(0_u16..2),
        to_usd in any::<bool>(),
    ) {
        let mut shop = super::shop::facts(facts);
        let mut rates = Rates::new(currency("USD"));
        rates.set_constant(currency("EUR"), "1.0890".parse().unwrap());
        let only = only.map(|integration| BTreeSet::from([integration]));
        let filter = if to_usd {
            Filter { conditions: vec![Condition { by: By::Currency, any_of: vec!["USD".to_owned()] }] }
        } else {
            Filter::default()
        };
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
            for audience in [Audience::by(Period::Month), Audience { group: Some(Group::By(By::Currency)), ..Audience::default() }] {
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
            let days = RevenueQuery { split: Some(By::Currency), ..by(Period::Day) };
            prop_assert_eq!(&revenue(&view, &shop, &options, &days).unwrap(), &anew.revenue(&days));
            prop_assert_eq!(view.absolute, anew.view.absolute);
        }
    }
}
