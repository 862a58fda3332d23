//! What a customer is worth, and what the shop earns: figures from the live entries of the ledger.
//!
//! Everything here is a pure function of a [`Source`] and a question. A [`View`] is built once for a zone, a currency and a
//! choice of integrations; it answers many questions. Every answer carries its definition and what it left out.

mod advance;
mod behaviour_sheet;
mod build;
mod calendar;
mod cohorts;
mod customer;
mod days;
mod definition;
mod error;
mod facts;
mod figure;
mod filter;
mod gather;
mod group;
mod lay_out;
mod ltv;
mod members;
mod order;
mod payback;
mod rates;
mod revenue;
mod schema;
mod sheet;
mod source;
mod spark;
mod split;
mod split_revenue;
mod survival;
mod view;

#[cfg(test)]
mod tests;

pub use behaviour_sheet::{
    COHORTS_COLUMNS, PAYBACK_COLUMNS, SURVIVAL_COLUMNS, cohorts_to_csv, cohorts_to_table, payback_to_csv,
    payback_to_table, survival_to_csv, survival_to_table,
};
pub use calendar::Period;
pub use cohorts::{CohortRow, CohortsAnswer, CohortsQuery, Gaps, RepeatCell, RetentionCell, cohorts};
pub use customer::{CurrencyTotals, CustomerAnswer, customer};
pub use definition::{
    AsOf, Definition, IntegrationMark, IntegrationState, LeftOut, LeftOutEntries, LeftOutOrders, SplitMissing,
    Uncertain,
};
pub use error::{MissingRate, ReportError};
#[cfg(test)]
pub use facts::Facts;
pub use facts::{Fact, FactFlags, IntegrationFacts, Mark, MarkOrigin, NO_CUSTOMER};
pub use figure::{Figure, MoneyShare, Share};
pub use filter::{By, Condition, Filter, NONE_LABEL};
pub use group::{Audience, Group, Products};
pub use ltv::{CellState, Horizon, LtvAnswer, LtvCell, LtvColumn, LtvQuery, LtvRow, Maturity, RefundDating, ltv};
pub use members::{LifeEntry, Member, Members, entries_of, facts_of, members};
pub use payback::{Cost, PaybackAnswer, PaybackQuery, PaybackRow, payback};
pub use rates::{BadRate, DaysUsed, Rate, RateUsed, Rates};
pub use revenue::{AnonymousRevenue, RevenueAnswer, RevenueQuery, RevenueRow, revenue};
pub use schema::{CurrencyCode, Date};
pub use sheet::{LTV_COLUMNS, REVENUE_COLUMNS, revenue_to_csv, revenue_to_table, to_csv, to_table};
pub use source::{Before, Dimension, Good, Label, Product, Source};
pub use split_revenue::{RevenueEntry, revenue_entries};
pub use survival::{SurvivalAnswer, SurvivalCell, SurvivalQuery, SurvivalRow, survival};
pub use view::{Basis, FreeOrders, View, ViewOptions};
