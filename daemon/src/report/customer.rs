//! One customer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar;
use super::definition::{AsOf, Definition};
use super::error::ReportError;
use super::figure::{self, Figure};
use super::members::LifeEntry;
use super::source::Source;
use super::view::{View, ViewOptions};
use crate::model::{Billing, Currency, Kind};

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
    /// What each entry is in them, by time.
    #[serde(skip)]
    pub entries: Vec<LifeEntry>,
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

/// One customer's figures before the as-of day, or all of them, with what each entry is in them. `None` if there is no first
/// order by then.
///
/// # Errors
/// As [`View::build`].
pub fn customer(
    view: &View,
    source: &impl Source,
    options: &ViewOptions<'_>,
    customer: u32,
    as_of: Option<&AsOf>,
) -> Result<Option<CustomerAnswer>, ReportError> {
    let end = as_of.map_or(i32::MAX, |as_of| as_of.day);
    let entries = super::members::entries_of(source, options, customer)?;
    let first = entries.iter().find(|entry| entry.first_order && entry.paid_order).map(|entry| entry.day);
    let Some(first_order_day) = first.filter(|day| *day < end) else { return Ok(None) };
    let (mut orders, mut rebills, mut last_order_day) = (0, 0, first_order_day);
    let (mut gross, mut refunds, mut chargebacks) = (0, 0, 0);
    // Not converted, so not within what the view was checked for.
    let mut currencies: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
    let of_lifetime = entries.iter().filter(|entry| entry.age.is_some() && entry.day < end);
    for (entry, fact) in of_lifetime.filter_map(|entry| Some((entry, source.fact(entry.entry)?))) {
        if entry.paid_order {
            orders += 1;
            rebills += u64::from(fact.billing == Billing::Rebill);
            last_order_day = last_order_day.max(entry.day);
        }
        let value = i64::try_from(entry.value.coefficient).unwrap_or(0);
        match fact.kind {
            Kind::Sale => gross += value,
            Kind::Refund | Kind::Void => refunds -= value,
            Kind::Chargeback | Kind::ChargebackReversal => chargebacks -= value,
        }
        if let Some(currency) = source.currencies().get(usize::from(fact.currency)) {
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
    Ok(Some(CustomerAnswer {
        definition: Definition {
            as_of: as_of.cloned(),
            ..Definition::new("one customer from the first order on", view)
        },
        first_order_day,
        last_order_day,
        orders,
        rebills,
        gross: money(gross),
        refunds: money(refunds),
        chargebacks: money(chargebacks),
        net: money(gross - refunds - chargebacks),
        currencies: currencies.into_iter().map(totals).collect(),
        entries,
    }))
}
