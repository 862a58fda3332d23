//! What the SQL is asked, and the engine in its own words.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::random::zones;
use super::super::shop::{currency, day};
use crate::model::{Currency, Zone};
use crate::report::*;

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

    /// The engine's word for the cohorts and whom they are of.
    pub(super) fn audience(&self) -> Audience {
        let period = Period::ALL.into_iter().find(|(name, _)| *name == self.cohort_by);
        let products = if self.cohort_by == "main_product" { Products::Main } else { Products::Each };
        let group = match (self.cohort_by, period) {
            ("none", _) => None,
            (_, Some((_, period))) => Some(Group::Period(period)),
            ("main_product", _) => Some(Group::By(By::Product)),
            (name, _) => Some(Group::By(by(name))),
        };
        Audience { group, products, first: self.filter("first") }
    }

    /// The engine's word for what revenue is divided by.
    pub(super) fn split(&self) -> Option<By> {
        (self.divided_by != "none").then(|| by(self.divided_by))
    }

    /// The filters of one scope, for the engine.
    pub(super) fn filter(&self, scope: &str) -> Filter {
        let mut conditions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (_, dimension, value) in self.filters.iter().filter(|(of, _, _)| *of == scope) {
            conditions.entry(dimension).or_default().push((*value).to_owned());
        }
        let conditions = conditions.into_iter().map(|(dimension, any_of)| Condition { by: by(dimension), any_of });
        Filter { conditions: conditions.collect() }
    }

    /// One cost for each customer, or what was spent, for the engine.
    pub(super) fn costs(&self, cost: Option<i64>) -> Cost {
        let number = |month: &str| Period::Month.number(day(&format!("{month}-01")));
        match cost {
            Some(minor) => Cost::PerCustomer(minor),
            None => Cost::PerMonth(self.spend.iter().map(|(month, minor)| (number(month), *minor)).collect()),
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

/// What orders are told apart by, under its name.
fn by(name: &str) -> By {
    By::ALL.into_iter().find(|(known, _)| *known == name).unwrap().1
}

fn currencies() -> impl Strategy<Value = Currency> {
    prop::sample::select(["USD", "EUR", "JPY"].map(currency).to_vec())
}

/// Constant rates of both other currencies, or of one only with dated rates beside it.
fn rates() -> impl Strategy<Value = Vec<RateLine>> {
    let line = |currency, day, rate| RateLine { currency, day, rate };
    let dated = (20_089_i32..20_440, prop::sample::select(vec!["1.2", "0.9137", "1.0875"]));
    let dated = prop::collection::vec(dated, 0..6);
    (dated, 0_u8..8).prop_map(move |(dated, choice)| {
        let mut rates = vec![line("EUR", None, "1.0890"), line("JPY", None, "0.0067")];
        if choice == 0 {
            rates.remove(0);
        }
        let mut days = BTreeSet::new();
        rates
            .extend(dated.iter().filter(|(day, _)| days.insert(*day)).map(|(day, rate)| line("EUR", Some(*day), rate)));
        rates
    })
}

const COHORTS: [&str; 14] = [
    "none",
    "day",
    "week",
    "month",
    "quarter",
    "product",
    "main_product",
    "coupon",
    "source",
    "campaign",
    "affiliate",
    "country",
    "integration",
    "currency",
];

/// Values that random shops have, and some that they do not have.
const VALUES: [(&str, &str); 22] = [
    ("product", "alpha/p0"),
    ("product", "alpha/p1"),
    ("product", "p2"),
    ("product", "beta/p0"),
    ("product", NONE_LABEL),
    ("coupon", "WELCOME"),
    ("coupon", "SPRING"),
    ("coupon", NONE_LABEL),
    ("source", "mail"),
    ("source", NONE_LABEL),
    ("campaign", "one"),
    ("campaign", NONE_LABEL),
    ("affiliate", "a-7"),
    ("affiliate", NONE_LABEL),
    ("country", "DE"),
    ("country", "US"),
    ("country", NONE_LABEL),
    ("integration", "alpha"),
    ("integration", "beta"),
    ("currency", "USD"),
    ("currency", "EUR"),
    ("currency", NONE_LABEL),
];

/// Mostly none or few: of many conditions nothing is left.
fn filters() -> impl Strategy<Value = Vec<(&'static str, &'static str, &'static str)>> {
    let one = (prop::sample::select(vec!["first", "every"]), prop::sample::select(VALUES.to_vec()));
    let some = prop::collection::vec(one.prop_map(|(scope, (dimension, value))| (scope, dimension, value)), 1..4);
    prop_oneof![1 => Just(Vec::new()), 2 => some]
}

/// What was spent in some months, one of them before all orders.
fn spend() -> impl Strategy<Value = Vec<(&'static str, i64)>> {
    let months = ["2024-12", "2025-01", "2025-02", "2025-03", "2025-05", "2025-06", "2025-09", "2025-12"];
    let months = prop::sample::subsequence(months.to_vec(), 0..=months.len());
    (months, prop::collection::vec(0_i64..40_000, 8))
        .prop_map(|(months, spent)| months.into_iter().zip(spent).collect())
}

/// Any question about the random shops.
pub(super) fn questions() -> impl Strategy<Value = Asked> {
    let choices = (
        prop::sample::select(vec![Basis::Net, Basis::Total, Basis::NetWithShipping]),
        prop::sample::select(vec![RefundDating::Event, RefundDating::Order]),
        prop::sample::select(vec![Maturity::Customer, Maturity::Cohort]),
        prop::sample::select(vec![FreeOrders::Ignore, FreeOrders::Count]),
        prop::sample::select(Period::ALL.map(|(_, period)| period).to_vec()),
    );
    let span = (prop::option::of(20_089_i32..20_300), prop::option::of(20_150_i32..20_500));
    let days = prop::collection::btree_set(1_u32..400, 0..4);
    let whose = (
        prop::option::weighted(0.2, prop::collection::btree_set(0_u16..2, 1..2)),
        prop::collection::btree_set(0_u32..6, 0..2),
    );
    let money = (currencies(), rates(), 0_i64..20_000, spend());
    let dimensions = By::ALL.map(|(name, _)| name);
    let divided_by = prop::sample::select([&["none"], dimensions.as_slice()].concat());
    // What was spent is told by month.
    let cohorts = prop_oneof![1 => Just("month"), 5 => prop::sample::select(COHORTS.to_vec())];
    let told_apart = (cohorts, divided_by, filters());
    let rebills = (1_u32..90, 0_u32..30);
    (choices, zones(), 20_089_i32..20_500, span, days, whose, money, told_apart, rebills).prop_map(
        |(
            (basis, refunds, maturity, free_orders, period),
            zone,
            as_of,
            span,
            days,
            whose,
            money,
            told_apart,
            rebills,
        )| Asked {
            currency: money.0,
            rates: money.1,
            cost: Some(money.2),
            spend: money.3,
            cohort_by: told_apart.0,
            divided_by: told_apart.1,
            filters: told_apart.2,
            cycle_days: rebills.0,
            grace_days: rebills.1,
            integrations: whose.0,
            shared: whose.1,
            free_orders,
            basis,
            refunds,
            maturity,
            horizons: days.into_iter().map(Horizon::Days).chain([Horizon::FirstOrder, Horizon::ToDate]).collect(),
            period,
            span,
            ..Asked::new(zone, as_of)
        },
    )
}
