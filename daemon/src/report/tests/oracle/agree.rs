//! The engine and the SQL are asked the same about random shops. A question that the engine learns is one more function
//! beside this, called in [`agree`].

use std::fmt::Display;

use chrono::DateTime;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::super::shop::day;
use super::Oracle;
use super::asked::{Asked, questions};
use super::of_customers::{agree_on_behaviour, agree_on_ltv, agree_on_payback, agree_on_survival};
use super::of_money::{agree_on_missing_rates, agree_on_revenue, agree_on_totals};
use super::shop::{Shop, changes, shops};
use crate::model::day_number;
use crate::report::*;

pub(super) type Agreed = Result<(), TestCaseError>;

/// The question as the engine takes it.
pub(super) struct Engine<'a> {
    pub(super) view: &'a View,
    pub(super) shop: &'a Facts,
    pub(super) options: &'a ViewOptions<'a>,
    pub(super) asked: &'a Asked,
    pub(super) audience: Audience,
    pub(super) as_of: AsOf,
}

impl Engine<'_> {
    pub(super) fn ltv_query(&self) -> LtvQuery {
        LtvQuery {
            audience: self.audience.clone(),
            horizons: self.asked.horizons.clone(),
            refunds: self.asked.refunds,
            maturity: self.asked.maturity,
            as_of: self.as_of.clone(),
            limit: None,
        }
    }

    /// A sum in minor units.
    pub(super) fn money(&self, sum: Option<Figure>) -> Option<i128> {
        sum.map(|sum| {
            assert_eq!(sum.decimals, self.asked.currency.exponent());
            sum.coefficient
        })
    }

    /// A mean of money: in hundredths at least.
    pub(super) fn mean(&self, mean: Option<Figure>) -> Option<i128> {
        mean.map(|mean| {
            assert_eq!(mean.decimals, self.asked.currency.exponent().max(2));
            mean.coefficient
        })
    }

    pub(super) fn day_of(&self, fact: &Fact) -> i32 {
        let instant = DateTime::from_timestamp_millis(fact.unix_ms).unwrap();
        day_number(instant.with_timezone(&self.asked.zone).date_naive())
    }
}

/// A number as the SQL's answers are shown.
pub(super) fn shown(value: Option<impl Display>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

/// The rows and the total, each with 1 if it is the total.
pub(super) fn both<'a, R>(rows: &'a [R], total: &'a R) -> impl Iterator<Item = (u8, &'a R)> {
    rows.iter().map(|row| (0, row)).chain([(1, total)])
}

/// `earlier` is what the engine knew first; its view is then brought up to date.
fn agree(shop: &Shop, earlier: Option<&Shop>, asked: &Asked) -> Agreed {
    let rates = asked.engine_rates();
    let orders = asked.filter("every");
    let options = ViewOptions {
        zone: asked.zone,
        currency: asked.currency,
        rates: &rates,
        basis: asked.basis,
        integrations: asked.integrations.as_ref(),
        orders: &orders,
        free_orders: asked.free_orders,
        shared_customers: &asked.shared,
    };
    let view = match earlier {
        None => View::build(&shop.facts, &options),
        Some(earlier) => {
            let Ok(mut view) = View::build(&earlier.facts, &options) else { return Ok(()) };
            match view.advance(&shop.facts, &options) {
                Ok(true) => Ok(view),
                // What was sold in an entry is not remembered.
                Ok(false) if orders.tells_products_apart() => View::build(&shop.facts, &options),
                Ok(false) => return Err(TestCaseError::fail("too much for so little a change")),
                Err(error) => Err(error),
            }
        }
    };
    let oracle = Oracle::new(shop, asked);
    agree_on_missing_rates(&oracle, view.as_ref().err())?;
    let Ok(view) = view else { return Ok(()) };
    let engine = Engine {
        view: &view,
        shop: &shop.facts,
        options: &options,
        asked,
        audience: asked.audience(),
        as_of: AsOf { day: asked.as_of, asked: true, integrations: Vec::new() },
    };
    agree_on_ltv(&oracle, &engine)?;
    agree_on_behaviour(&oracle, &engine)?;
    agree_on_survival(&oracle, &engine)?;
    agree_on_payback(&oracle, &engine)?;
    agree_on_revenue(&oracle, &engine)?;
    agree_on_totals(&oracle, &engine)
}

fn cases(cases: u32) -> ProptestConfig {
    // The variable of the environment goes before.
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { cases };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

/// In St. John's, clocks went from 00:01 on 7 November 2010 back to 23:01 of the day before: the days of some entries run
/// backwards. All entries of the shop in the three hours around it.
fn in_that_night(mut shop: Shop, mut asked: Asked) -> (Shop, Asked) {
    let eleven = DateTime::parse_from_rfc3339("2010-11-06T23:00:00-02:30").unwrap().timestamp_millis();
    for fact in &mut shop.facts.facts {
        fact.unix_ms = eleven + fact.unix_ms / 1_800_000 % 12 * 900_000;
    }
    asked.zone = chrono_tz::America::St_Johns;
    asked.as_of = day("2010-11-06") + asked.as_of % 4;
    asked.span = (None, None);
    asked.cycle_days %= 3;
    asked.grace_days %= 3;
    (shop, Asked { cycle_days: asked.cycle_days.max(1), ..asked })
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn the_engine_and_the_definitions_in_sql_agree(shop in shops(), asked in questions()) {
        agree(&shop, None, &asked)?;
    }

    #[test]
    fn a_view_brought_up_to_date_and_the_definitions_in_sql_agree(
        shop in shops(),
        changes in changes(),
        asked in questions(),
    ) {
        let mut shop = shop;
        let earlier = shop.before(&changes);
        agree(&shop, Some(&earlier), &asked)?;
    }

    #[test]
    fn they_agree_in_a_night_whose_days_run_backwards(shop in shops(), asked in questions()) {
        let (shop, asked) = in_that_night(shop, asked);
        agree(&shop, None, &asked)?;
    }
}
