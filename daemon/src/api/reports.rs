//! `/v1/ltv`, `/v1/cohorts`, `/v1/survival`, `/v1/payback` and `/v1/revenue`.

use std::collections::BTreeMap;

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::Call;
use super::parameter::{Amount, Asked, Day, Format, Formats, Horizons, Integer, Words, parameters};
use super::problem::Problem;
use super::scope::{AudienceParameters, BASES, OrderParameters, ScopeParameters, as_of};
use super::{answer, blocking, json};
use crate::app::{App, Lens};
use crate::limits::report::{COHORTS, CYCLES, HORIZON_DAYS, RETENTION_PERIODS};
use crate::model::{Currency, Decimal, Dimension};
use crate::report::{
    self, Basis, By, CohortsAnswer, CohortsQuery, Cost, Horizon, LtvAnswer, LtvQuery, Maturity, PaybackAnswer,
    PaybackQuery, Period, RefundDating, RevenueAnswer, RevenueQuery, Source as _, SurvivalAnswer, SurvivalQuery,
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

/// Writes an answer as rows of values, and as a table for people.
type Sheets<T> = (fn(&T) -> String, fn(&T) -> String);

/// A question that has one answer, in several forms.
pub(super) trait Question: Asked {
    /// What is answered.
    type Answer: Serialize + JsonSchema;
    /// The answer in its other forms than JSON.
    const SHEETS: Sheets<Self::Answer>;

    /// How the answer is to be written, if that was said.
    fn format(&self) -> Option<Format>;

    /// The book as this question sees it.
    fn lens<'a>(&self, app: &'a App) -> Result<Lens<'a>, Problem>;

    /// Answers.
    fn answer(self, app: &App, lens: &Lens<'_>) -> Result<Self::Answer, Problem>;
}

/// Answers any of these questions.
pub(super) async fn report<Q: Question>(call: Call<Q>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format());
    let Call { app, asked, headers, .. } = call;
    blocking(move || {
        let lens = asked.lens(&app)?;
        let revision = lens.reading.revision();
        let told = asked.answer(&app, &lens)?;
        // Commits need not wait until it is written.
        drop(lens);
        let (csv, table) = Q::SHEETS;
        let (content_type, body) = match format {
            Format::Json => ("application/json", json(&told)?),
            Format::Csv => ("text/csv; charset=utf-8", csv(&told).into_bytes()),
            Format::Table => ("text/plain; charset=utf-8", table(&told).into_bytes()),
        };
        Ok(answer(&headers, revision, content_type, body))
    })
    .await
}

/// What all questions have in common.
macro_rules! common {
    ($basis:expr) => {
        fn format(&self) -> Option<Format> {
            self.format
        }

        fn lens<'a>(&self, app: &'a App) -> Result<Lens<'a>, Problem> {
            let basis: fn(&Self) -> Basis = $basis;
            self.scope.lens(app, basis(self), self.orders.filter())
        }
    };
}

fn most(limit: u64) -> Option<usize> {
    usize::try_from(limit).ok()
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Question for LtvParameters {
    type Answer = LtvAnswer;
    const SHEETS: Sheets<LtvAnswer> = (report::to_csv, report::to_table);

    common!(|asked| asked.basis);

    fn answer(self, _: &App, lens: &Lens<'_>) -> Result<LtvAnswer, Problem> {
        let query = LtvQuery {
            audience: self.audience.audience(),
            horizons: self.horizons,
            refunds: self.refunds,
            maturity: self.maturity,
            as_of: as_of(lens, self.as_of)?,
            limit: most(self.limit),
        };
        Ok(report::ltv(&*lens.view()?, &lens.reading, &query)?)
    }
}

impl Question for CohortsParameters {
    type Answer = CohortsAnswer;
    const SHEETS: Sheets<CohortsAnswer> = (report::cohorts_to_csv, report::cohorts_to_table);

    common!(|asked| asked.basis);

    fn answer(self, _: &App, lens: &Lens<'_>) -> Result<CohortsAnswer, Problem> {
        let days = self.horizons.iter().map(|horizon| match horizon {
            Horizon::Days(days) => Ok(*days),
            other => Err(Problem::question(format!("`horizons={other}`: a repeat rate has a number of days"))),
        });
        let query = CohortsQuery {
            audience: self.audience.audience(),
            horizons: days.collect::<Result<_, _>>()?,
            periods: small(self.periods),
            as_of: as_of(lens, self.as_of)?,
            limit: most(self.limit),
        };
        Ok(report::cohorts(&*lens.view()?, &lens.reading, &query)?)
    }
}

impl Question for SurvivalParameters {
    type Answer = SurvivalAnswer;
    const SHEETS: Sheets<SurvivalAnswer> = (report::survival_to_csv, report::survival_to_table);

    // Charges are counted, so any basis would do.
    common!(|_| Basis::Net);

    fn answer(self, _: &App, lens: &Lens<'_>) -> Result<SurvivalAnswer, Problem> {
        let query = SurvivalQuery {
            audience: self.audience.audience(),
            cycles: small(self.cycles),
            cycle_days: small(self.cycle_days),
            grace_days: small(self.grace_days),
            as_of: as_of(lens, self.as_of)?,
            limit: most(self.limit),
        };
        Ok(report::survival(&*lens.view()?, &lens.reading, &query)?)
    }
}

impl Question for PaybackParameters {
    type Answer = PaybackAnswer;
    const SHEETS: Sheets<PaybackAnswer> = (report::payback_to_csv, report::payback_to_table);

    common!(|asked| asked.basis);

    fn answer(self, app: &App, lens: &Lens<'_>) -> Result<PaybackAnswer, Problem> {
        let query = PaybackQuery {
            cost: cost(app, self.cac, lens.seeing.currency)?,
            audience: self.audience.audience(),
            refunds: self.refunds,
            as_of: as_of(lens, self.as_of)?,
            limit: most(self.limit),
        };
        Ok(report::payback(&*lens.view()?, &lens.reading, &query)?)
    }
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

impl Question for RevenueParameters {
    type Answer = RevenueAnswer;
    const SHEETS: Sheets<RevenueAnswer> = (report::revenue_to_csv, report::revenue_to_table);

    common!(|asked| asked.basis);

    fn answer(self, _: &App, lens: &Lens<'_>) -> Result<RevenueAnswer, Problem> {
        let Self { by, split, from, to, .. } = self;
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            return Err(Problem::question("`from` must be before `to`, which is the first day that no longer counts"));
        }
        let end = self.as_of.map(|day| as_of(lens, Some(day))).transpose()?;
        let query = RevenueQuery { by, split, from, to, as_of: end };
        Ok(report::revenue(&*lens.view()?, &lens.reading, &lens.options(), &query)?)
    }
}
