//! What the SQL is asked, and about which shop.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::random::a_fact;
use super::super::shop::{currency, facts};
use crate::model::{Currency, Zone};
use crate::report::*;

/// Entries with all that they are told apart by.
#[derive(Debug, Clone)]
pub(super) struct Shop {
    pub(super) facts: Facts,
    /// By [`Fact::labels`]; the first is empty.
    pub(super) label_sets: Vec<Vec<Label>>,
    /// By [`Label::value`].
    pub(super) values: Vec<String>,
    pub(super) products: Vec<Product>,
    /// By entry; shorter if the last ones have none.
    pub(super) goods: Vec<Vec<Good>>,
}

impl Shop {
    /// Entries without labels and goods, numbered as they come.
    pub(super) fn plain(entries: Vec<Fact>) -> Self {
        let mut facts = facts(entries);
        facts.currencies.push(currency("JPY"));
        Self { facts, label_sets: vec![Vec::new()], values: Vec::new(), products: Vec::new(), goods: Vec::new() }
    }

    /// The number of a value, which is noted if it is new.
    fn value(&mut self, text: &str) -> u32 {
        let known = self.values.iter().position(|known| known == text);
        let number = known.unwrap_or_else(|| {
            self.values.push(text.to_owned());
            self.values.len() - 1
        });
        number.try_into().unwrap()
    }

    /// Gives an entry its labels.
    pub(super) fn label(&mut self, entry: usize, labels: &[(Dimension, &str)]) {
        let set = labels.iter().map(|(dimension, text)| Label { dimension: *dimension, value: self.value(text) });
        let set = set.collect();
        self.label_sets.push(set);
        self.facts.facts[entry].labels = (self.label_sets.len() - 1).try_into().unwrap();
    }

    /// Gives an entry its goods: numbers of products, which are called `alpha/p0`, `alpha/p1` and so on, and amounts.
    pub(super) fn sell(&mut self, entry: usize, goods: &[(u32, i64)]) {
        for (product, _) in goods {
            for number in self.products.len() as u32..=*product {
                self.products.push(Product { key: format!("alpha/p{number}").into(), name: None });
            }
        }
        if self.goods.len() <= entry {
            self.goods.resize(entry + 1, Vec::new());
        }
        self.goods[entry] = goods.iter().map(|(product, amount)| Good { product: *product, amount: *amount }).collect();
    }
}

/// A rate as it is written: of a currency, on a day or always.
#[derive(Debug, Clone)]
pub(super) struct RateLine {
    pub(super) currency: &'static str,
    pub(super) day: Option<i32>,
    pub(super) rate: &'static str,
}

/// The question, for all files at once.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) zone: Zone,
    pub(super) currency: Currency,
    pub(super) base: Currency,
    pub(super) rates: Vec<RateLine>,
    pub(super) integrations: Option<BTreeSet<u16>>,
    pub(super) shared: BTreeSet<u32>,
    pub(super) free_orders: FreeOrders,
    pub(super) as_of: i32,
    pub(super) basis: Basis,
    pub(super) refunds: RefundDating,
    pub(super) maturity: Maturity,
    /// `none`, a period, or something about the first order: see `schema.sql`.
    pub(super) cohort_by: &'static str,
    pub(super) horizons: Vec<Horizon>,
    pub(super) cost: Option<i64>,
    pub(super) spend: Vec<(&'static str, i64)>,
    pub(super) cycle_days: u32,
    pub(super) grace_days: u32,
    pub(super) period: Period,
    pub(super) divided_by: &'static str,
    pub(super) span: (Option<i32>, Option<i32>),
    /// Scope (`first` or `every`), dimension, value.
    pub(super) filters: Vec<(&'static str, &'static str, &'static str)>,
}

impl Asked {
    /// Everything as it is by default, of all customers together.
    pub(super) fn new(zone: Zone, as_of: i32) -> Self {
        Self {
            zone,
            currency: currency("USD"),
            base: currency("USD"),
            rates: vec![RateLine { currency: "EUR", day: None, rate: "1.10" }],
            integrations: None,
            shared: BTreeSet::new(),
            free_orders: FreeOrders::Ignore,
            as_of,
            basis: Basis::Net,
            refunds: RefundDating::Event,
            maturity: Maturity::Customer,
            cohort_by: "none",
            horizons: Vec::new(),
            cost: None,
            spend: Vec::new(),
            cycle_days: 30,
            grace_days: 7,
            period: Period::Month,
            divided_by: "none",
            span: (None, None),
            filters: Vec::new(),
        }
    }

    /// The same rates for the engine.
    pub(super) fn engine_rates(&self) -> Rates {
        let mut rates = Rates::new(self.base);
        for line in &self.rates {
            let (of, rate) = (currency(line.currency), line.rate.parse().unwrap());
            match line.day {
                Some(day) => rates.set(of, day, rate),
                None => rates.set_constant(of, rate),
            }
        }
        rates
    }
}

/// What may be said about an entry besides its money: labels, and goods with their amounts.
type Said = (Vec<(Dimension, &'static str)>, Vec<(u32, i64)>);

fn said() -> impl Strategy<Value = Said> {
    let labels = prop::sample::subsequence(
        vec![
            (Dimension::Coupon, "WELCOME"),
            (Dimension::Coupon, "SPRING"),
            (Dimension::Source, "mail"),
            (Dimension::Campaign, "one"),
            (Dimension::Affiliate, "a-7"),
            (Dimension::Country, "DE"),
            (Dimension::Country, "US"),
        ],
        0..4,
    );
    let amounts = prop_oneof![1 => Just(0_i64), 4 => 1_i64..9_000];
    let goods = prop::collection::btree_map(0_u32..4, amounts, 0..4).prop_map(|goods| goods.into_iter().collect());
    (labels, prop_oneof![1 => Just(Vec::new()), 3 => goods])
}

/// Up to forty entries in three currencies.
pub(super) fn shops() -> impl Strategy<Value = Shop> {
    let currencies = prop_oneof![3 => Just(0_u16), 2 => Just(1), 1 => Just(2)];
    prop::collection::vec((a_fact(), currencies, said()), 0..40).prop_map(|entries| {
        let facts = entries.iter().map(|(fact, currency, _)| Fact { currency: *currency, ..*fact }).collect();
        let mut shop = Shop::plain(facts);
        for (entry, (_, _, (labels, goods))) in entries.iter().enumerate() {
            if !labels.is_empty() {
                shop.label(entry, labels);
            }
            shop.sell(entry, goods);
        }
        shop
    })
}
