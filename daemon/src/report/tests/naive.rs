//! The definitions once more, written as directly as can be and as slowly, against random shops.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike};
use proptest::prelude::*;

use super::random::{a_fact, zones};
use super::shop::{Seen, by, options, query};
use crate::model::{Billing, Kind, Zone, day_number, day_of};
use crate::report::*;

const EUR_RATE: (i128, i128) = (1089, 1000);

/// `n / d`, half to even, by comparing both neighbours.
fn round(n: i128, d: i128) -> i128 {
    let low = n.div_euclid(d);
    let (below, above) = (n - low * d, (low + 1) * d - n);
    match below.cmp(&above) {
        std::cmp::Ordering::Less => low,
        std::cmp::Ordering::Greater => low + 1,
        std::cmp::Ordering::Equal => low + low.rem_euclid(2),
    }
}

struct Naive<'a> {
    shop: &'a Facts,
    zone: Zone,
    count_free: bool,
    shared: &'a BTreeSet<u32>,
}

impl Naive<'_> {
    fn day(&self, fact: &Fact) -> i32 {
        day_number(DateTime::from_timestamp_millis(fact.unix_ms).unwrap().with_timezone(&self.zone).date_naive())
    }

    fn counts(&self, fact: &Fact) -> bool {
        fact.kind != Kind::Sale || fact.total > 0 || self.count_free
    }

    fn sales_of(&self, order: u32) -> Vec<&Fact> {
        let mut sales: Vec<&Fact> =
            self.shop.facts.iter().filter(|f| f.kind == Kind::Sale && f.order == order).collect();
        sales.sort_by_key(|f| (f.unix_ms, f.tie, f.entry));
        sales
    }

    fn owner(&self, fact: &Fact) -> Option<u32> {
        let names = self.sales_of(fact.order).iter().map(|f| f.customer).chain([fact.customer]).collect::<Vec<_>>();
        let has_sale = names.len() > 1;
        let named = if has_sale { names.into_iter().find(|c| *c != NO_CUSTOMER) } else { Some(fact.customer) };
        named.filter(|c| *c != NO_CUSTOMER && !self.shared.contains(c))
    }

    fn sale(&self, fact: &Fact) -> Option<&Fact> {
        if fact.kind == Kind::Sale {
            return self.shop.facts.iter().find(|f| f.entry == fact.entry);
        }
        let sales = self.sales_of(fact.order);
        sales.iter().rev().find(|s| s.unix_ms <= fact.unix_ms).or(sales.first()).copied()
    }

    /// The entries that stand for paid orders.
    fn paid_orders(&self) -> Vec<&Fact> {
        let sales = self.shop.facts.iter().filter(|f| f.kind == Kind::Sale && self.counts(f));
        let stands = |f: &&Fact| {
            f.billing == Billing::Rebill
                || self
                    .sales_of(f.order)
                    .iter()
                    .find(|s| s.billing != Billing::Rebill && self.counts(s))
                    .is_some_and(|s| s.entry == f.entry)
        };
        sales.filter(stands).collect()
    }

    fn first_order(&self, customer: u32) -> Option<&Fact> {
        let mine = self.paid_orders().into_iter().filter(|f| self.owner(f) == Some(customer));
        mine.min_by_key(|f| (f.unix_ms, f.integration, f.tie, f.entry))
    }

    fn value(&self, fact: &Fact, basis: Basis) -> i128 {
        let known = |f: &Fact, flag| f.flags.has(flag);
        let (tax_known, shipping_known) = (FactFlags::TAX_KNOWN, FactFlags::SHIPPING_KNOWN);
        let total = i128::from(fact.total);
        let model = self.sale(fact).filter(|s| s.total > 0 || fact.kind == Kind::Sale).unwrap_or(fact);
        let (mut tax, mut shipping) = (0, 0);
        if known(model, tax_known) && (model.entry != fact.entry || known(fact, tax_known)) {
            let whole = i128::from(model.total);
            let (sale_tax, sale_shipping) =
                (i128::from(model.tax), if known(model, shipping_known) { i128::from(model.shipping) } else { 0 });
            let splits_shipping = known(model, shipping_known);
            let own_tax = known(fact, tax_known).then_some(i128::from(fact.tax));
            let own_shipping = match (splits_shipping, known(fact, shipping_known)) {
                (false, _) => Some(0),
                (true, true) => Some(i128::from(fact.shipping)),
                (true, false) => None,
            };
            let part = |of: i128, n: i128, d: i128| if d > 0 { round(of * n, d) } else { 0 };
            tax = own_tax.unwrap_or_else(|| match own_shipping {
                Some(s) => part(total - s, sale_tax, whole - sale_shipping),
                None => part(total, sale_tax, whole),
            });
            shipping = own_shipping.unwrap_or_else(|| match own_tax {
                Some(t) => part(total - t, sale_shipping, whole - sale_tax),
                None => part(total, sale_shipping, whole),
            });
        }
        let convert = |minor: i128| if fact.currency == 1 { round(minor * EUR_RATE.0, EUR_RATE.1) } else { minor };
        let unsigned = match basis {
            Basis::Net => convert(total - tax - shipping),
            Basis::Total => convert(total),
            Basis::NetWithShipping => convert(total - tax - shipping) + convert(shipping),
        };
        unsigned * i128::from(fact.kind.sign())
    }

    fn label(&self, group: Option<Period>, day: i32) -> String {
        let date = day_of(day);
        match group {
            None => "all".to_owned(),
            Some(Period::Day) => date.to_string(),
            Some(Period::Week) => date.format("%G-W%V").to_string(),
            Some(Period::Month) => format!("{}-{:02}", date.year(), date.month()),
            Some(Period::Quarter) => format!("{}-Q{}", date.year(), date.month().div_ceil(3)),
        }
    }

    /// Customers, mature ones and their sum, by cohort and horizon.
    fn ltv(
        &self,
        query: &LtvQuery,
        group: Option<Period>,
        basis: Basis,
    ) -> BTreeMap<(String, Horizon), (u64, u64, i128)> {
        let mut cells: BTreeMap<_, (u64, u64, i128)> = BTreeMap::new();
        for customer in 0..self.shop.customers {
            let Some(first) = self.first_order(customer) else { continue };
            let first_day = self.day(first);
            if first_day >= query.as_of.day {
                continue;
            }
            for horizon in &query.horizons {
                let mature = match horizon {
                    Horizon::Days(h) => first_day + i32::try_from(*h).unwrap() <= query.as_of.day,
                    _ => true,
                };
                let events = self.shop.facts.iter().filter(|f| self.counts(f) && self.owner(f) == Some(customer));
                let events = events.filter(|f| self.day(f) < query.as_of.day);
                let events = events.filter(|f| self.day(f) >= first_day || f.unix_ms >= first.unix_ms);
                let within = events.filter(|f| match horizon {
                    Horizon::ToDate => true,
                    Horizon::FirstOrder if first.billing == Billing::Rebill => f.entry == first.entry,
                    Horizon::FirstOrder => {
                        f.kind == Kind::Sale && f.billing != Billing::Rebill && f.order == first.order
                    }
                    Horizon::Days(h) => {
                        let dated = match query.refunds {
                            RefundDating::Event => self.day(f),
                            RefundDating::Order => self.sale(f).map_or(self.day(f), |s| self.day(s)),
                        };
                        dated - first_day < i32::try_from(*h).unwrap()
                    }
                });
                let sum: i128 = within.map(|f| self.value(f, basis)).sum();
                for cohort in BTreeSet::from(["all".to_owned(), self.label(group, first_day)]) {
                    let cell = cells.entry((cohort, *horizon)).or_default();
                    cell.0 += 1;
                    if mature {
                        cell.1 += 1;
                        cell.2 += sum;
                    }
                }
            }
        }
        cells
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fast_way_and_the_slow_way_agree(
        facts in prop::collection::vec(a_fact(), 0..40),
        zone in zones(),
        as_of_day in 20_089_i32..20_500,
        group in prop::sample::select(vec![None, Some(Period::Day), Some(Period::Week), Some(Period::Month), Some(Period::Quarter)]),
        basis in prop::sample::select(vec![Basis::Net, Basis::Total, Basis::NetWithShipping]),
        refunds in prop::sample::select(vec![RefundDating::Event, RefundDating::Order]),
        days in prop::collection::btree_set(1_u32..400, 0..4),
        count_free in any::<bool>(),
        shared in prop::collection::btree_set(0_u32..6, 0..2),
    ) {
        let shop = super::shop::facts(facts);
        let mut rates = Rates::new(super::shop::currency("USD"));
        rates.set_constant(super::shop::currency("EUR"), "1.0890".parse().unwrap());
        let free_orders = if count_free { FreeOrders::Count } else { FreeOrders::Ignore };
        let options = ViewOptions { free_orders, basis, shared_customers: &shared, ..options(&rates, zone) };
        let seen = Seen::with(&shop, options);
        let view = &seen.view;
        let naive = Naive { shop: &shop, zone, count_free, shared: &shared };

        let horizons = days.into_iter().map(Horizon::Days).chain([Horizon::FirstOrder, Horizon::ToDate]);
        let mut query = query(&horizons.collect::<Vec<_>>(), "2025-01-01");
        query.as_of.day = as_of_day;
        query.refunds = refunds;
        query.audience = group.map(Audience::by).unwrap_or_default();
        let answer = seen.ltv(&query);
        let expected = naive.ltv(&query, group, basis);

        // Lifetime value, cell by cell, and who is behind each.
        let mut found = BTreeMap::new();
        for row in answer.rows.iter().chain([&answer.total]).filter(|row| row.customers > 0) {
            for cell in &row.cells {
                let net = cell.net.map_or(0, |net| net.coefficient);
                found.insert((row.cohort.clone(), cell.horizon), (cell.customers, cell.mature, net));
                let members = members(view, &shop, &query, &row.cohort, cell.horizon, 0, 100).unwrap().members;
                let mature = || members.iter().filter(|member| member.mature);
                prop_assert_eq!((members.len() as u64, mature().count() as u64), (cell.customers, cell.mature));
                prop_assert_eq!(mature().map(|member| member.net.coefficient).sum::<i128>(), net);
            }
        }
        prop_assert_eq!(found, expected);

        // Sums over all events: everything is somewhere.
        let known = || shop.facts.iter().filter(|f| naive.counts(f) && naive.day(f) < as_of_day);
        let all: i128 = known().map(|f| naive.value(f, basis)).sum();
        let span = RevenueQuery { to: Some(as_of_day), ..by(Period::Month) };
        let all_time = seen.revenue(&span).total;
        prop_assert_eq!(all_time.net.coefficient, all);
        let to_date = answer.total.cells.last().and_then(|cell| cell.net).map_or(0, |net| net.coefficient);
        let left_out = &answer.left_out;
        prop_assert_eq!(to_date + left_out.anonymous.net.coefficient + left_out.before_first_order.net.coefficient, all);
        let paid = naive.paid_orders();
        prop_assert_eq!(all_time.orders, paid.iter().filter(|f| naive.day(f) < as_of_day).count() as u64);
        let taken_back: BTreeSet<u32> = known()
            .filter(|f| f.kind.sign() < 0)
            .filter_map(|f| naive.sale(f))
            .filter_map(|s| if s.billing == Billing::Rebill {
                paid.iter().find(|p| p.entry == s.entry)
            } else {
                paid.iter().find(|p| p.billing != Billing::Rebill && p.order == s.order)
            })
            .filter(|paid| naive.day(paid) < as_of_day)
            .map(|paid| paid.entry)
            .collect();
        prop_assert_eq!(view.days.sum(i32::MIN, as_of_day).refunded_orders, taken_back.len() as u64);

        // Revenue by period.
        let period = group.unwrap_or(Period::Month);
        for row in seen.revenue(&RevenueQuery { by: period, ..span }).rows {
            let inside = || known().filter(|f| naive.label(Some(period), naive.day(f)) == row.period);
            let sum = |kinds: &[Kind], rebill: Option<bool>| inside()
                .filter(|f| kinds.contains(&f.kind))
                .filter(|f| rebill.is_none_or(|rebill| rebill == (f.billing == Billing::Rebill)))
                .map(|f| naive.value(f, basis))
                .sum::<i128>();
            prop_assert_eq!(row.order_revenue.coefficient, sum(&[Kind::Sale], Some(false)));
            prop_assert_eq!(row.rebill_revenue.coefficient, sum(&[Kind::Sale], Some(true)));
            prop_assert_eq!(-row.refunds.coefficient, sum(&[Kind::Refund, Kind::Void], None));
            prop_assert_eq!(-row.chargebacks.coefficient, sum(&[Kind::Chargeback, Kind::ChargebackReversal], None));
            prop_assert_eq!(row.net.coefficient, sum(&Kind::ALL, None));
        }

        // Repeat rate and payback of everybody.
        let horizon = 60;
        let audience = Audience::default();
        let ask = CohortsQuery { audience, horizons: vec![horizon], periods: 0, as_of: query.as_of.clone(), limit: None };
        let repeated = cohorts(view, &shop, &ask).unwrap().total.repeat.remove(0);
        let (mut with, mut without) = (0, 0);
        let mut curve: BTreeMap<i32, i128> = BTreeMap::new();
        let firsts: BTreeMap<u32, i32> = (0..shop.customers)
            .filter_map(|c| naive.first_order(c).map(|f| (c, naive.day(f))))
            .filter(|(_, day)| *day < as_of_day)
            .collect();
        for (customer, first) in &firsts {
            let mine = || paid.iter().filter(|f| naive.owner(f) == Some(*customer) && naive.day(f) < as_of_day);
            let young = || mine().filter(|f| naive.day(f) < *first + 60);
            if *first + 60 <= as_of_day {
                with += u64::from(young().count() >= 2);
                without += u64::from(young().filter(|f| f.billing != Billing::Rebill).count() >= 2);
            }
            let first_instant = naive.first_order(*customer).map(|f| f.unix_ms).unwrap();
            let lived = known().filter(|f| naive.owner(f) == Some(*customer));
            for f in lived.filter(|f| naive.day(f) >= *first || f.unix_ms >= first_instant) {
                *curve.entry((naive.day(f) - first).max(0)).or_default() += naive.value(f, basis);
            }
        }
        prop_assert_eq!((repeated.with_rebills.count, repeated.without_rebills.count), (with, without));

        let cost_minor = 5_000;
        let (cost, as_of) = (Cost::PerCustomer(cost_minor), query.as_of.clone());
        let audience = query.audience.clone();
        let ask = PaybackQuery { cost, audience, refunds: RefundDating::Event, as_of, limit: None };
        let row = payback(view, &shop, &ask).unwrap().total;
        let last = firsts.values().max().map(|youngest| as_of_day - youngest - 1);
        let enough = |age: i32| {
            curve.range(..=age).map(|(_, value)| value).sum::<i128>() >= i128::from(cost_minor) * firsts.len() as i128
        };
        let reached = last.and_then(|last| (0..=last).find(|age| enough(*age)));
        let stays = last.and_then(|last| (0..=last).find(|age| (*age..=last).all(enough)));
        prop_assert_eq!(row.last_mature_day.map(|d| d as i32), last);
        prop_assert_eq!(row.first_reached_day.map(|d| d as i32), reached);
        prop_assert_eq!(row.paid_back_day.map(|d| d as i32), stays);
    }
}
