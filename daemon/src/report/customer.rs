//! One customer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar;
use super::definition::{AsOf, Definition};
use super::facts::Facts;
use super::figure::{self, Figure};
use super::view::{Basis, View};
use crate::model::{Currency, Kind};

/// What one customer has brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CustomerAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// The day of the first order.
    #[serde(serialize_with = "calendar::serialize_day")]
    #[schemars(with = "super::schema::Date")]
    pub first_order_day: i32,
    /// The day of the last paid order.
    #[serde(serialize_with = "calendar::serialize_day")]
    #[schemars(with = "super::schema::Date")]
    pub last_order_day: i32,
    /// Paid orders, rebills included.
    pub orders: u64,
    /// Those of them that are rebills.
    pub rebills: u64,
    /// All sales.
    pub gross: Figure,
    /// Refunds and voids, as a positive sum.
    pub refunds: Figure,
    /// Chargebacks less reversals, as a positive sum.
    pub chargebacks: Figure,
    /// Gross less refunds and chargebacks.
    pub net: Figure,
    /// What moved, in the currencies in which it did.
    pub currencies: Vec<CurrencyTotals>,
    /// Rows in the book, by time.
    #[serde(skip)]
    pub entries: Vec<u32>,
}

/// Unconverted sums, with tax and shipping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CurrencyTotals {
    /// Of the amounts.
    #[serde(serialize_with = "figure::serialize_currency")]
    #[schemars(with = "super::schema::CurrencyCode")]
    pub currency: Currency,
    /// Sales.
    pub gross: Figure,
    /// Refunds, voids and chargebacks less reversals, as a positive sum.
    pub taken_back: Figure,
    /// Gross less that.
    pub net: Figure,
}

/// One customer's figures before the as-of day, or all of them. `facts` are those that the view was built from.
/// `None` if there is no first order by then.
pub fn customer(
    facts: &Facts,
    view: &View,
    customer: u32,
    basis: Basis,
    as_of: Option<&AsOf>,
) -> Option<CustomerAnswer> {
    let end = as_of.map_or(i32::MAX, |as_of| as_of.day);
    let lifetime = view.lifetime(customer).filter(|lifetime| lifetime.first_day < end)?;
    let (mut orders, mut rebills, mut last_order_day) = (0, 0, lifetime.first_day);
    let (mut gross, mut refunds, mut chargebacks) = (0, 0, 0);
    // Not converted, so not within what the view was checked for.
    let mut currencies: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
    let mut entries = Vec::new();
    for row in lifetime.events {
        let (Some(day), Some(marks)) = (view.events.day.get(row), view.events.marks.get(row)) else { continue };
        if *day >= end {
            continue;
        }
        if marks.is_paid_order() {
            orders += 1;
            rebills += u64::from(marks.is_rebill());
            last_order_day = last_order_day.max(*day);
        }
        let value = view.events.value(row).on(basis);
        match marks.kind() {
            Kind::Sale => gross += value,
            Kind::Refund | Kind::Void => refunds -= value,
            Kind::Chargeback | Kind::ChargebackReversal => chargebacks -= value,
        }
        let fact = view.events.fact.get(row).and_then(|index| facts.facts.get(*index as usize));
        let Some(fact) = fact else { continue };
        entries.push(fact.entry);
        if let Some(currency) = facts.currencies.get(usize::from(fact.currency)) {
            let (gross, taken_back) = currencies.entry(*currency).or_default();
            match fact.kind {
                Kind::Sale => *gross += i128::from(fact.total),
                kind => *taken_back -= i128::from(fact.total) * i128::from(kind.sign()),
            }
        }
    }
    let money = |minor| Figure::money(minor, view.currency);
    let totals = |(currency, (gross, taken_back)): (Currency, (i128, i128))| {
        let figure = |coefficient| Figure { coefficient, decimals: currency.exponent() };
        CurrencyTotals {
            currency,
            gross: figure(gross),
            taken_back: figure(taken_back),
            net: figure(gross - taken_back),
        }
    };
    Some(CustomerAnswer {
        definition: Definition {
            as_of: as_of.cloned(),
            ..Definition::new("one customer from the first order on", view, basis)
        },
        first_order_day: lifetime.first_day,
        last_order_day,
        orders,
        rebills,
        gross: money(gross),
        refunds: money(refunds),
        chargebacks: money(chargebacks),
        net: money(gross - refunds - chargebacks),
        currencies: currencies.into_iter().map(totals).collect(),
        entries,
    })
}
