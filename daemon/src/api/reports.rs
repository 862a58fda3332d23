//! `/v1/ltv` and `/v1/revenue`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::response::Response;

use super::call::Call;
use super::parameter::{CurrencyCode, Day, Format, Formats, Horizons, Texts, Words, ZoneName, parameters};
use super::problem::Problem;
use super::{answer, blocking, json};
use crate::app::App;
use crate::limits::api::INTEGRATIONS;
use crate::model::{Currency, Zone};
use crate::report::{self, AsOf, Basis, Facts, Horizon, LtvQuery, Maturity, Period, RefundDating, RevenueQuery, View};

const BASES: Words<Basis> = Words {
    words: &[("net", Basis::Net), ("total", Basis::Total), ("net_with_shipping", Basis::NetWithShipping)],
    default: "net",
};
const FORMATS: Formats = Formats(&[Format::Json, Format::Csv, Format::Table]);

parameters! {
    /// Of `/v1/ltv`.
    pub(crate) struct LtvParameters {
        /// Cohorts by the period of the first order
        group: Option<Period> = Words {
            words: &[("month", Some(Period::Month)), ("week", Some(Period::Week)), ("none", None)],
            default: "month",
        },
        /// Ages in days, `first_order` or `to_date`, separated by commas or repeated; 30, 60, 90, 180 and 365 where it is
        /// left out
        horizons: Vec<Horizon> = Horizons { default: &[30, 60, 90, 180, 365] },
        /// Whether refunds count on their own day (event) or on that of their order
        refunds: RefundDating = Words {
            words: &[("event", RefundDating::Event), ("order", RefundDating::Order)],
            default: "event",
        },
        /// Who must be old enough for a value: each customer, or the whole cohort
        maturity: Maturity = Words {
            words: &[("customer", Maturity::Customer), ("cohort", Maturity::Cohort)],
            default: "customer",
        },
        /// What goes into a value: net is without tax and shipping, total is all money that moved
        basis: Basis = BASES,
        /// What is known up to here, the day itself excluded; up to where everything is complete where it is left out
        as_of: Option<i32> = Day,
        /// How the answer is written
        format: Option<Format> = FORMATS,
        ..scope: ScopeParameters,
    }
}

parameters! {
    /// Of `/v1/revenue`.
    pub(crate) struct RevenueParameters {
        /// One row for each of these
        by: Period = Words {
            words: &[("day", Period::Day), ("week", Period::Week), ("month", Period::Month)],
            default: "month",
        },
        /// First day
        from: Option<i32> = Day,
        /// First day that does not count any more
        to: Option<i32> = Day,
        /// What goes into a value: net is without tax and shipping, total is all money that moved
        basis: Basis = BASES,
        /// What is known up to here, the day itself excluded; everything where it is left out
        as_of: Option<i32> = Day,
        /// How the answer is written
        format: Option<Format> = FORMATS,
        ..scope: ScopeParameters,
    }
}

parameters! {
    /// Of every question about figures.
    pub(crate) struct ScopeParameters {
        /// Only this integration; may be repeated
        integration: Vec<String> = Texts { times_max: INTEGRATIONS },
        /// Zone in which days are cut; `report.timezone` of the configuration where it is left out
        timezone: Option<Zone> = ZoneName,
        /// Currency of the figures; `report.currency` of the configuration where it is left out
        currency: Option<Currency> = CurrencyCode,
    }
}

/// What every report is asked about.
struct Scope {
    facts: Arc<Facts>,
    view: Arc<View>,
    integrations: Option<BTreeSet<u16>>,
    zone: Zone,
}

pub(super) async fn ltv(call: Call<LtvParameters>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format);
    let Call { app, asked, headers, .. } = call;
    let LtvParameters { group, horizons, refunds, maturity, basis, as_of, scope, .. } = asked;
    blocking(move || {
        let scope = scope.resolve(&app)?;
        let as_of = AsOf::of(&scope.facts.integrations, scope.integrations.as_ref(), scope.zone, as_of)?;
        let answered = report::ltv(&scope.view, &LtvQuery { group, horizons, basis, refunds, maturity, as_of })?;
        let (content_type, body) = match format {
            Format::Json => ("application/json", json(&answered)?),
            Format::Csv => ("text/csv; charset=utf-8", report::to_csv(&answered).into_bytes()),
            Format::Table => ("text/plain; charset=utf-8", report::to_table(&answered).into_bytes()),
        };
        Ok(answer(&headers, scope.facts.revision, content_type, body))
    })
    .await
}

pub(super) async fn revenue(call: Call<RevenueParameters>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format);
    let Call { app, asked, headers, .. } = call;
    let RevenueParameters { by, from, to, basis, as_of: asked_day, scope, .. } = asked;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(Problem::question("`from` must be before `to`, which is the first day that no longer counts"));
    }
    blocking(move || {
        let scope = scope.resolve(&app)?;
        let as_of = match asked_day {
            Some(_) => Some(AsOf::of(&scope.facts.integrations, scope.integrations.as_ref(), scope.zone, asked_day)?),
            None => None,
        };
        let answered = report::revenue(&scope.view, &RevenueQuery { by, basis, from, to, as_of })?;
        let (content_type, body) = match format {
            Format::Json => ("application/json", json(&answered)?),
            Format::Csv => ("text/csv; charset=utf-8", report::revenue_to_csv(&answered).into_bytes()),
            Format::Table => ("text/plain; charset=utf-8", report::revenue_to_table(&answered).into_bytes()),
        };
        Ok(answer(&headers, scope.facts.revision, content_type, body))
    })
    .await
}

impl ScopeParameters {
    fn resolve(&self, app: &App) -> Result<Scope, Problem> {
        let facts = app.facts()?;
        let zone = self.zone(app);
        let currency = self.currency(app);
        let integrations = self.integrations(app, &facts)?;
        let view = app.view(&facts, zone, currency, integrations.as_ref())?;
        Ok(Scope { facts, view, integrations, zone })
    }

    pub(super) fn zone(&self, app: &App) -> Zone {
        self.timezone.unwrap_or(app.config.report.timezone)
    }

    pub(super) fn currency(&self, app: &App) -> Currency {
        self.currency.unwrap_or(app.config.report.currency)
    }

    pub(super) fn integrations(&self, app: &App, facts: &Facts) -> Result<Option<BTreeSet<u16>>, Problem> {
        if self.integration.is_empty() {
            return Ok(None);
        }
        let mut found = BTreeSet::new();
        for name in &self.integration {
            let known = (0_u16..).zip(&facts.integrations).find(|(_, known)| known.name == *name);
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
