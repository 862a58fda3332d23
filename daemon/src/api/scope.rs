//! What every question about figures has in common: whose entries, how they are seen, and which customers it is about.

use std::collections::BTreeSet;

use super::parameter::{CurrencyCode, Texts, Words, ZoneName, parameters};
use super::problem::Problem;
use crate::app::{App, Lens, Reading, Seeing};
use crate::limits::api::{FILTER_VALUES, INTEGRATIONS};
use crate::model::{Currency, Dimension, Zone};
use crate::report::{
    AsOf, Audience, Basis, By, Condition, Filter, Group, IntegrationFacts, Period, Products, ReportError, Source,
};

pub(super) const BASES: Words<Basis> = Words {
    words: &[("net", Basis::Net), ("total", Basis::Total), ("net_with_shipping", Basis::NetWithShipping)],
    default: "net",
};
const VALUES: Texts = Texts { times_max: FILTER_VALUES };

parameters! {
    /// Of every question about figures.
    pub(crate) struct ScopeParameters {
        /// Only this integration, as if there were no others; may be repeated
        integration: Vec<String> = Texts { times_max: INTEGRATIONS },
        /// Zone in which days are cut; `report.timezone` of the configuration where it is left out
        timezone: Option<Zone> = ZoneName,
        /// Currency of the figures; `report.currency` of the configuration where it is left out
        currency: Option<Currency> = CurrencyCode,
    }
}

parameters! {
    /// Which orders count.
    pub(crate) struct OrderParameters {
        /// Only orders with this product count, `integration/id` or the id alone; first orders are found among all; may be repeated
        order_product: Vec<String> = VALUES,
        /// Only orders with this coupon count, `(none)` for those without; may be repeated
        order_coupon: Vec<String> = VALUES,
        /// Only orders with this source count; may be repeated
        order_source: Vec<String> = VALUES,
        /// Only orders with this campaign count; may be repeated
        order_campaign: Vec<String> = VALUES,
        /// Only orders of this affiliate count; may be repeated
        order_affiliate: Vec<String> = VALUES,
        /// Only orders from this country count; may be repeated
        order_country: Vec<String> = VALUES,
        /// Only orders of this integration count, though first orders are found in all; may be repeated
        order_integration: Vec<String> = VALUES,
        /// Only orders paid in this currency count; may be repeated
        order_currency: Vec<String> = VALUES,
    }
}

parameters! {
    /// Which customers, and in which cohorts.
    pub(crate) struct AudienceParameters {
        /// Cohorts: the period of the first order, or what it was about
        group: Option<Group> = Words {
            words: &[
                ("month", Some(Group::Period(Period::Month))),
                ("week", Some(Group::Period(Period::Week))),
                ("quarter", Some(Group::Period(Period::Quarter))),
                ("product", Some(Group::By(By::Product))),
                ("coupon", Some(Group::By(By::Label(Dimension::Coupon)))),
                ("source", Some(Group::By(By::Label(Dimension::Source)))),
                ("campaign", Some(Group::By(By::Label(Dimension::Campaign)))),
                ("affiliate", Some(Group::By(By::Label(Dimension::Affiliate)))),
                ("country", Some(Group::By(By::Label(Dimension::Country)))),
                ("integration", Some(Group::By(By::Integration))),
                ("currency", Some(Group::By(By::Currency))),
                ("none", None),
            ],
            default: "month",
        },
        /// Where the first order has several products: its customer is in the cohort of each, or of the main one
        products: Products = Words { words: &[("each", Products::Each), ("main", Products::Main)], default: "each" },
        /// Only customers whose first order has this product, `integration/id` or the id alone; may be repeated
        first_product: Vec<String> = VALUES,
        /// Only customers whose first order has this coupon, `(none)` for those without; may be repeated
        first_coupon: Vec<String> = VALUES,
        /// Only customers whose first order has this source; may be repeated
        first_source: Vec<String> = VALUES,
        /// Only customers whose first order has this campaign; may be repeated
        first_campaign: Vec<String> = VALUES,
        /// Only customers whose first order is of this affiliate; may be repeated
        first_affiliate: Vec<String> = VALUES,
        /// Only customers whose first order is from this country; may be repeated
        first_country: Vec<String> = VALUES,
        /// Only customers whose first order is of this integration; may be repeated
        first_integration: Vec<String> = VALUES,
        /// Only customers whose first order was paid in this currency; may be repeated
        first_currency: Vec<String> = VALUES,
    }
}

/// Conditions of what was given.
fn filter(given: [(By, &[String]); 8]) -> Filter {
    let given = given.into_iter().filter(|(_, any_of)| !any_of.is_empty());
    Filter { conditions: given.map(|(by, any_of)| Condition { by, any_of: any_of.to_vec() }).collect() }
}

impl OrderParameters {
    /// The same as conditions.
    pub(super) fn filter(&self) -> Filter {
        filter([
            (By::Product, &self.order_product),
            (By::Label(Dimension::Coupon), &self.order_coupon),
            (By::Label(Dimension::Source), &self.order_source),
            (By::Label(Dimension::Campaign), &self.order_campaign),
            (By::Label(Dimension::Affiliate), &self.order_affiliate),
            (By::Label(Dimension::Country), &self.order_country),
            (By::Integration, &self.order_integration),
            (By::Currency, &self.order_currency),
        ])
    }
}

impl AudienceParameters {
    /// The same as the reports take it.
    pub(super) fn audience(&self) -> Audience {
        let first = filter([
            (By::Product, &self.first_product),
            (By::Label(Dimension::Coupon), &self.first_coupon),
            (By::Label(Dimension::Source), &self.first_source),
            (By::Label(Dimension::Campaign), &self.first_campaign),
            (By::Label(Dimension::Affiliate), &self.first_affiliate),
            (By::Label(Dimension::Country), &self.first_country),
            (By::Integration, &self.first_integration),
            (By::Currency, &self.first_currency),
        ]);
        Audience { group: self.group, products: self.products, first }
    }
}

impl ScopeParameters {
    /// The book as the question sees it.
    pub(super) fn lens<'a>(&self, app: &'a App, basis: Basis, orders: Filter) -> Result<Lens<'a>, Problem> {
        let reading = app.reading()?;
        let integrations = self.integrations(app, &reading)?;
        let zone = self.timezone.unwrap_or(app.config.report.timezone);
        let currency = self.currency.unwrap_or(app.config.report.currency);
        let known = |name: &&String| reading.integrations().iter().any(|known| known.name == **name);
        let unknown = self.integration.iter().filter(|name| !known(name)).cloned().collect();
        let mut lens = app.lens(reading, Seeing { zone, currency, basis, integrations, orders });
        lens.unknown = unknown;
        Ok(lens)
    }

    fn integrations(&self, app: &App, reading: &Reading<'_>) -> Result<Option<BTreeSet<u16>>, Problem> {
        if self.integration.is_empty() {
            return Ok(None);
        }
        let mut found = BTreeSet::new();
        for name in &self.integration {
            let known = (0_u16..).zip(reading.integrations()).find(|(_, known)| known.name == *name);
            match known {
                Some((number, _)) => {
                    found.insert(number);
                }
                // Configured, but nothing came of it yet: an empty answer is right.
                None if app.config.integrations.contains_key(name) => {}
                None => {
                    let all: Vec<&str> = app.config.integrations.keys().map(String::as_str).collect();
                    return Err(Problem::question(format!(
                        "there is no integration `{name}`; there are {}",
                        all.join(", ")
                    )));
                }
            }
        }
        Ok(Some(found))
    }
}

/// The end of complete data for a question.
pub(super) fn as_of(lens: &Lens<'_>, asked: Option<i32>) -> Result<AsOf, Problem> {
    let (wanted, zone) = (lens.seeing.integrations.as_ref(), lens.seeing.zone);
    let known: &[IntegrationFacts] = lens.reading.integrations();
    AsOf::of(known, wanted, zone, asked).map_err(|error| match error {
        ReportError::NoAsOf { mut integrations } => {
            integrations.extend(lens.unknown.iter().cloned());
            ReportError::NoAsOf { integrations }.into()
        }
        other => other.into(),
    })
}
