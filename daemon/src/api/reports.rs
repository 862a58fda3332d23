//! `/v1/ltv` and `/v1/revenue`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::app::App;
use crate::model::{Currency, Zone};
use crate::report::{self, AsOf, Basis, Facts, Horizon, LtvQuery, Maturity, Period, RefundDating, RevenueQuery, View};

use super::problem::Problem;
use super::query::{Format, Parameters};
use super::{answer, blocking, json};

const PERIODS: [(&str, Period); 3] = [("day", Period::Day), ("week", Period::Week), ("month", Period::Month)];
const BASES: [(&str, Basis); 3] =
    [("net", Basis::Net), ("total", Basis::Total), ("net_with_shipping", Basis::NetWithShipping)];
/// Horizons, in days, of a question that names none.
const HORIZONS: [u32; 5] = [30, 60, 90, 180, 365];

/// What every report is asked about.
struct Scope {
    facts: Arc<Facts>,
    view: Arc<View>,
    integrations: Option<BTreeSet<u16>>,
    zone: Zone,
}

pub(super) async fn ltv(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let format = parameters.format(accept(&headers))?;
    let groups = [("none", None), ("week", Some(Period::Week)), ("month", Some(Period::Month))];
    let group = parameters.choice("group", &groups)?.unwrap_or(Some(Period::Month));
    let horizons = horizons(&mut parameters)?;
    let basis = parameters.choice("basis", &BASES)?.unwrap_or(Basis::Net);
    let refunds = [("event", RefundDating::Event), ("order", RefundDating::Order)];
    let refunds = parameters.choice("refunds", &refunds)?.unwrap_or_default();
    let maturity = [("customer", Maturity::Customer), ("cohort", Maturity::Cohort)];
    let maturity = parameters.choice("maturity", &maturity)?.unwrap_or_default();
    let asked = parameters.day("as_of")?;
    let scoped = ScopeParameters::take(&mut parameters)?;
    parameters.done()?;
    blocking(move || {
        let scope = scoped.resolve(&app)?;
        let as_of = AsOf::of(&scope.facts.integrations, scope.integrations.as_ref(), scope.zone, asked)?;
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

pub(super) async fn revenue(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let format = parameters.format(accept(&headers))?;
    let by = parameters.choice("by", &PERIODS)?.unwrap_or(Period::Month);
    let basis = parameters.choice("basis", &BASES)?.unwrap_or(Basis::Net);
    let (from, to) = (parameters.day("from")?, parameters.day("to")?);
    let asked = parameters.day("as_of")?;
    let scoped = ScopeParameters::take(&mut parameters)?;
    parameters.done()?;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(Problem::question("`from` must be before `to`, which is the first day that no longer counts"));
    }
    blocking(move || {
        let scope = scoped.resolve(&app)?;
        let as_of = match asked {
            Some(_) => Some(AsOf::of(&scope.facts.integrations, scope.integrations.as_ref(), scope.zone, asked)?),
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

fn horizons(parameters: &mut Parameters) -> Result<Vec<Horizon>, Problem> {
    let given = parameters.all("horizons");
    if given.is_empty() {
        return Ok(HORIZONS.map(Horizon::Days).to_vec());
    }
    let texts = given.iter().flat_map(|text| text.split(','));
    Ok(texts.map(|text| text.trim().parse()).collect::<Result<_, report::ReportError>>()?)
}

pub(super) fn accept(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok())
}

/// `integration`, `timezone` and `currency`, as they were given.
pub(super) struct ScopeParameters {
    integrations: Vec<String>,
    zone: Option<String>,
    currency: Option<Currency>,
}

impl ScopeParameters {
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        Ok(Self {
            integrations: parameters.all("integration"),
            zone: parameters.one("timezone")?,
            currency: parameters.parsed("currency")?,
        })
    }

    fn resolve(&self, app: &App) -> Result<Scope, Problem> {
        let facts = app.facts()?;
        let zone = self.zone(app)?;
        let currency = self.currency.unwrap_or(app.config.report.currency);
        let integrations = self.integrations(app, &facts)?;
        let view = app.view(&facts, zone, currency, integrations.as_ref())?;
        Ok(Scope { facts, view, integrations, zone })
    }

    pub(super) fn zone(&self, app: &App) -> Result<Zone, Problem> {
        let Some(name) = &self.zone else { return Ok(app.config.report.timezone) };
        name.parse().map_err(|_| {
            Problem::question(format!(
                "`timezone={name}` is not a time zone; use a name of the IANA database, for example Europe/Berlin"
            ))
        })
    }

    pub(super) fn currency(&self, app: &App) -> Currency {
        self.currency.unwrap_or(app.config.report.currency)
    }

    pub(super) fn integrations(&self, app: &App, facts: &Facts) -> Result<Option<BTreeSet<u16>>, Problem> {
        if self.integrations.is_empty() {
            return Ok(None);
        }
        let mut found = BTreeSet::new();
        for name in &self.integrations {
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
