//! `/v1/ltv`, `/v1/cohorts`, `/v1/survival`, `/v1/payback` and `/v1/revenue`.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::Call;
use super::parameter::{Amount, Day, Format, Formats, Horizons, Integer, Words, parameters};
use super::problem::Problem;
use super::scope::{AudienceParameters, BASES, OrderParameters, ScopeParameters, as_of};
use super::{answer, blocking, json};
use crate::app::App;
use crate::limits::report::{COHORTS, CYCLES, HORIZON_DAYS, RETENTION_PERIODS};
use crate::model::{Currency, Decimal, Dimension};
use crate::report::{
    self, Basis, By, CohortsQuery, Cost, Horizon, LtvQuery, Maturity, PaybackQuery, Period, RefundDating, RevenueQuery,
    SurvivalQuery,
};

pub(super) const FORMATS: Formats = Formats(&[Format::Json, Format::Csv, Format::Table]);
const LIMIT: Integer = Integer { min: 1, max: COHORTS as u64, default: 1_000 };
pub(super) const REFUNDS: Words<RefundDating> =
    Words { words: &[("event", RefundDating::Event), ("order", RefundDating::Order)], default: "event" };

parameters! {
    /// Of `/v1/ltv`.
    pub(crate) struct LtvParameters {
        /// Ages in days, `first_order` or `to_date`, separated by commas or repeated; 30, 60, 90, 180 and 365 where it is
        /// left out
        horizons: Vec<Horizon> = Horizons { default: &[30, 60, 90, 180, 365] },
        /// Whether refunds count on their own day (event) or on that of their order
        refunds: RefundDating = REFUNDS,
        /// Who must be old enough for a value: each customer, or the whole cohort
        maturity: Maturity = Words {
            words: &[("customer", Maturity::Customer), ("cohort", Maturity::Cohort)],
            default: "customer",
        },
        /// What goes into a value: net is without tax and shipping, total is all money that moved
        basis: Basis = BASES,
        /// What is known up to here, the day itself excluded; up to where everything is complete where it is left out
        as_of: Option<i32> = Day,
        /// Cohorts shown at most; where they are no periods, the largest
        limit: u64 = LIMIT,
        /// How the answer is written
        format: Option<Format> = FORMATS,
        ..audience: AudienceParameters,
        ..orders: OrderParameters,
        ..scope: ScopeParameters,
    }
}

parameters! {
    /// Of `/v1/cohorts`.
    pub(crate) struct CohortsParameters {
        /// Ages in days for the repeat rate, separated by commas or repeated; 30, 90, 180 and 365 where it is left out
        horizons: Vec<Horizon> = Horizons { default: &[30, 90, 180, 365] },
        /// Periods of thirty days that retention is followed for, after the first
        periods: u64 = Integer { min: 0, max: RETENTION_PERIODS as u64, default: 12 },
        /// What goes into a value: net is without tax and shipping, total is all money that moved
        basis: Basis = BASES,
        /// What is known up to here, the day itself excluded; up to where everything is complete where it is left out
        as_of: Option<i32> = Day,
        /// Cohorts shown at most; where they are no periods, the largest
        limit: u64 = LIMIT,
        /// How the answer is written
        format: Option<Format> = FORMATS,
        ..audience: AudienceParameters,
        ..orders: OrderParameters,
        ..scope: ScopeParameters,
    }
}

parameters! {
    /// Of `/v1/survival`.
    pub(crate) struct SurvivalParameters {
        /// Billing cycles after the first order
        cycles: u64 = Integer { min: 1, max: CYCLES as u64, default: 12 },
        /// Days from one charge to the next
        cycle_days: u64 = Integer { min: 1, max: HORIZON_DAYS as u64, default: 30 },
        /// Days that a charge may be late before it counts as missed
        grace_days: u64 = Integer { min: 0, max: HORIZON_DAYS as u64, default: 7 },
        /// What is known up to here, the day itself excluded; up to where everything is complete where it is left out
        as_of: Option<i32> = Day,
        /// Cohorts shown at most; where they are no periods, the largest
        limit: u64 = LIMIT,
        /// How the answer is written
        format: Option<Format> = FORMATS,
        ..audience: AudienceParameters,
        ..orders: OrderParameters,
        ..scope: ScopeParameters,
    }
}

parameters! {
    /// Of `/v1/payback`.
    pub(crate) struct PaybackParameters {
        /// What a customer cost, in the currency of the figures; the spend of the configuration, by month, where it is left out
        cac: Option<Decimal> = Amount,
        /// Whether refunds count on their own day (event) or on that of their order
        refunds: RefundDating = REFUNDS,
        /// What goes into a value: net is without tax and shipping, total is all money that moved
        basis: Basis = BASES,
        /// What is known up to here, the day itself excluded; up to where everything is complete where it is left out
        as_of: Option<i32> = Day,
        /// Cohorts shown at most; where they are no periods, the largest
        limit: u64 = LIMIT,
        /// How the answer is written
        format: Option<Format> = FORMATS,
        ..audience: AudienceParameters,
        ..orders: OrderParameters,
        ..scope: ScopeParameters,
    }
}

parameters! {
    /// Of `/v1/revenue`.
    pub(crate) struct RevenueParameters {
        /// One row for each of these
        by: Period = Words {
            words: &[
                ("day", Period::Day),
                ("week", Period::Week),
                ("month", Period::Month),
                ("quarter", Period::Quarter),
            ],
            default: "month",
        },
        /// And for each value of this
        split: Option<By> = SPLIT,
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
        ..orders: OrderParameters,
        ..scope: ScopeParameters,
    }
}

pub(super) const SPLIT: Words<Option<By>> = Words {
    words: &[
        ("none", None),
        ("product", Some(By::Product)),
        ("coupon", Some(By::Label(Dimension::Coupon))),
        ("source", Some(By::Label(Dimension::Source))),
        ("campaign", Some(By::Label(Dimension::Campaign))),
        ("affiliate", Some(By::Label(Dimension::Affiliate))),
        ("country", Some(By::Label(Dimension::Country))),
        ("integration", Some(By::Integration)),
        ("currency", Some(By::Currency)),
    ],
    default: "none",
};

/// An answer in every form that it has.
struct Written<'a, T> {
    answer: &'a T,
    csv: fn(&T) -> String,
    table: fn(&T) -> String,
}

impl<T: Serialize + JsonSchema> Written<'_, T> {
    fn respond(&self, headers: &HeaderMap, format: Format, revision: u64) -> Result<Response, Problem> {
        let (content_type, body) = match format {
            Format::Json => ("application/json", json(self.answer)?),
            Format::Csv => ("text/csv; charset=utf-8", (self.csv)(self.answer).into_bytes()),
            Format::Table => ("text/plain; charset=utf-8", (self.table)(self.answer).into_bytes()),
        };
        Ok(answer(headers, revision, content_type, body))
    }
}

fn most(limit: u64) -> Option<usize> {
    usize::try_from(limit).ok()
}

pub(super) async fn ltv(call: Call<LtvParameters>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format);
    let Call { app, asked, headers, .. } = call;
    blocking(move || {
        let lens = asked.scope.lens(&app, asked.basis, asked.orders.filter())?;
        let query = LtvQuery {
            audience: asked.audience.audience(),
            horizons: asked.horizons,
            refunds: asked.refunds,
            maturity: asked.maturity,
            as_of: as_of(&lens, asked.as_of)?,
            limit: most(asked.limit),
        };
        let view = lens.view()?;
        let answer = report::ltv(&view, &lens.reading, &query)?;
        drop(lens);
        let written = Written { answer: &answer, csv: report::to_csv, table: report::to_table };
        written.respond(&headers, format, view.revision())
    })
    .await
}

pub(super) async fn cohorts(call: Call<CohortsParameters>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format);
    let Call { app, asked, headers, .. } = call;
    blocking(move || {
        let days = asked.horizons.iter().map(|horizon| match horizon {
            Horizon::Days(days) => Ok(*days),
            other => Err(Problem::question(format!("`horizons={other}`: a repeat rate has a number of days"))),
        });
        let horizons = days.collect::<Result<_, _>>()?;
        let lens = asked.scope.lens(&app, asked.basis, asked.orders.filter())?;
        let query = CohortsQuery {
            audience: asked.audience.audience(),
            horizons,
            periods: u32::try_from(asked.periods).unwrap_or(u32::MAX),
            as_of: as_of(&lens, asked.as_of)?,
            limit: most(asked.limit),
        };
        let view = lens.view()?;
        let answer = report::cohorts(&view, &lens.reading, &query)?;
        drop(lens);
        let written = Written { answer: &answer, csv: report::cohorts_to_csv, table: report::cohorts_to_table };
        written.respond(&headers, format, view.revision())
    })
    .await
}

pub(super) async fn survival(call: Call<SurvivalParameters>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format);
    let Call { app, asked, headers, .. } = call;
    blocking(move || {
        let lens = asked.scope.lens(&app, Basis::Net, asked.orders.filter())?;
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let query = SurvivalQuery {
            audience: asked.audience.audience(),
            cycles: small(asked.cycles),
            cycle_days: small(asked.cycle_days),
            grace_days: small(asked.grace_days),
            as_of: as_of(&lens, asked.as_of)?,
            limit: most(asked.limit),
        };
        let view = lens.view()?;
        let answer = report::survival(&view, &lens.reading, &query)?;
        drop(lens);
        let written = Written { answer: &answer, csv: report::survival_to_csv, table: report::survival_to_table };
        written.respond(&headers, format, view.revision())
    })
    .await
}

pub(super) async fn payback(call: Call<PaybackParameters>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format);
    let Call { app, asked, headers, .. } = call;
    blocking(move || {
        let lens = asked.scope.lens(&app, asked.basis, asked.orders.filter())?;
        let cost = cost(&app, asked.cac, lens.seeing.currency)?;
        let query = PaybackQuery {
            cost,
            audience: asked.audience.audience(),
            refunds: asked.refunds,
            as_of: as_of(&lens, asked.as_of)?,
            limit: most(asked.limit),
        };
        let view = lens.view()?;
        let answer = report::payback(&view, &lens.reading, &query)?;
        drop(lens);
        let written = Written { answer: &answer, csv: report::payback_to_csv, table: report::payback_to_table };
        written.respond(&headers, format, view.revision())
    })
    .await
}

/// What was asked, or else what the configuration says.
fn cost(app: &App, cac: Option<Decimal>, currency: Currency) -> Result<Cost, Problem> {
    if let Some(cac) = cac {
        let (minor, rounded) = cac.to_minor(currency).map_err(|error| Problem::question(format!("`cac`: {error}")))?;
        if rounded {
            return Err(Problem::question(format!("`cac` is finer than {currency} has decimals")));
        }
        return Ok(Cost::PerCustomer(minor));
    }
    let spend = &app.config.spend;
    if spend.by_month.is_empty() {
        return Err(Problem::question(
            "`cac` is missing: say what a customer cost, for example `cac=45`, or write what was spent in each month under \
             [spend] in the configuration",
        ));
    }
    if currency != app.config.report.currency {
        return Err(Problem::question(format!(
            "the spend of the configuration is in {}; ask without `currency`, or give a `cac`",
            app.config.report.currency
        )));
    }
    let months = spend.by_month.iter().map(|(month, minor)| (Period::Month.number(*month), *minor));
    Ok(Cost::PerMonth(months.collect::<BTreeMap<_, _>>()))
}

pub(super) async fn revenue(call: Call<RevenueParameters>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format);
    let Call { app, asked, headers, .. } = call;
    let RevenueParameters { by, split, from, to, basis, as_of: asked_day, orders, scope, .. } = asked;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(Problem::question("`from` must be before `to`, which is the first day that no longer counts"));
    }
    blocking(move || {
        let lens = scope.lens(&app, basis, orders.filter())?;
        let end = asked_day.map(|day| as_of(&lens, Some(day))).transpose()?;
        let query = RevenueQuery { by, split, from, to, as_of: end };
        let view = lens.view()?;
        let answer = report::revenue(&view, &lens.reading, &lens.options(), &query)?;
        drop(lens);
        let written = Written { answer: &answer, csv: report::revenue_to_csv, table: report::revenue_to_table };
        written.respond(&headers, format, view.revision())
    })
    .await
}
