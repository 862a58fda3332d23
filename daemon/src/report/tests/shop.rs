//! A small shop, for tests.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::model::{Billing, Currency, Kind, Moment, Zone, day_number};
use crate::report::*;

pub(super) fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

pub(super) fn day(text: &str) -> i32 {
    day_number(text.parse().unwrap())
}

/// Milliseconds of a wall clock reading, such as `2025-01-31 23:30`.
pub(super) fn at(text: &str, zone: Zone) -> i64 {
    let wall = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    Moment::local(wall).resolve(zone).unix_ms
}

/// A sale of a hundred dollars, without tax and shipping.
pub(super) const SALE: Fact = Fact {
    unix_ms: 0,
    total: 10_000,
    tax: 0,
    shipping: 0,
    tie: 0,
    customer: 0,
    order: 0,
    entry: 0,
    integration: 0,
    currency: 0,
    labels: 0,
    kind: Kind::Sale,
    billing: Billing::Initial,
    flags: FactFlags::TAX_KNOWN.with(FactFlags::SHIPPING_KNOWN),
};

/// Facts in two currencies (USD, EUR) and two integrations that are complete to the end of time.
pub(super) fn facts(mut facts: Vec<Fact>) -> Facts {
    for (entry, fact) in (0..).zip(&mut facts) {
        fact.entry = entry;
    }
    let integration = |name: &str| IntegrationFacts { name: name.to_owned(), complete_through: None };
    Facts {
        facts,
        currencies: vec![currency("USD"), currency("EUR")],
        integrations: vec![integration("alpha"), integration("beta")],
        customers: 16,
        orders: 64,
        revision: 7,
        ..Facts::default()
    }
}

pub(super) fn rates() -> Rates {
    let mut rates = Rates::new(currency("USD"));
    rates.set_constant(currency("EUR"), "1.10".parse().unwrap());
    rates
}

static NOBODY: BTreeSet<u32> = BTreeSet::new();
static RATES: LazyLock<Rates> = LazyLock::new(rates);

pub(super) fn options(rates: &Rates, zone: Zone) -> ViewOptions<'_> {
    ViewOptions {
        zone,
        currency: rates.base(),
        rates,
        basis: Basis::Net,
        integrations: None,
        orders: Filter::NONE,
        free_orders: FreeOrders::Ignore,
        shared_customers: &NOBODY,
    }
}

/// A shop as one view sees it.
pub(super) struct Seen<'a> {
    pub(super) shop: &'a Facts,
    pub(super) options: ViewOptions<'a>,
    pub(super) view: View,
}

pub(super) fn seen(shop: &Facts, zone: Zone) -> Seen<'_> {
    Seen::with(shop, options(&RATES, zone))
}

impl<'a> Seen<'a> {
    pub(super) fn with(shop: &'a Facts, options: ViewOptions<'a>) -> Self {
        Self { shop, options, view: View::build(shop, &options).unwrap() }
    }

    pub(super) fn ltv(&self, query: &LtvQuery) -> LtvAnswer {
        ltv(&self.view, self.shop, query).unwrap()
    }

    pub(super) fn revenue(&self, query: &RevenueQuery) -> RevenueAnswer {
        revenue(&self.view, self.shop, &self.options, query).unwrap()
    }

    /// Everything before a day.
    pub(super) fn all(&self, to: &str) -> RevenueAnswer {
        self.revenue(&RevenueQuery { to: Some(day(to)), ..by(Period::Month) })
    }

    /// Behaviour of all customers.
    pub(super) fn behaviour(&self, horizons: &[u32], as_of_day: &str) -> CohortRow {
        let (audience, horizons) = (Audience::default(), horizons.to_vec());
        let query = CohortsQuery { audience, horizons, periods: 2, as_of: as_of(as_of_day), limit: None };
        cohorts(&self.view, self.shop, &query).unwrap().total
    }
}

pub(super) fn by(by: Period) -> RevenueQuery {
    RevenueQuery { by, split: None, from: None, to: None, as_of: None }
}

pub(super) fn as_of(text: &str) -> AsOf {
    AsOf { day: day(text), asked: true, integrations: Vec::new() }
}

pub(super) fn query(horizons: &[Horizon], as_of_day: &str) -> LtvQuery {
    LtvQuery {
        audience: Audience::default(),
        horizons: horizons.to_vec(),
        refunds: RefundDating::Event,
        maturity: Maturity::Customer,
        as_of: as_of(as_of_day),
        limit: None,
    }
}

/// `net / mature = ltv` of each cell, `-` for null.
pub(super) fn cells(row: &LtvRow) -> Vec<String> {
    let text = |figure: Option<Figure>| figure.map_or("-".to_owned(), |f| f.to_string());
    row.cells.iter().map(|cell| format!("{} / {} = {}", text(cell.net), cell.mature, text(cell.ltv))).collect()
}
