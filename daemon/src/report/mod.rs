//! What a customer is worth, and what the shop earns: figures from the live entries of the ledger.
//!
//! Everything here is a pure function of [`Facts`] and a question. A [`View`] is built once for a zone, a currency and a
//! choice of integrations; it answers many questions. Every answer carries its definition and what it left out.

mod build;
mod calendar;
mod cohorts;
mod customer;
mod days;
mod definition;
mod error;
mod facts;
mod figure;
mod ltv;
mod members;
mod orders;
mod payback;
mod rates;
mod repeat;
mod revenue;
mod schema;
mod sheet;
mod source;
mod spark;
mod split;
mod totals;
mod view;

#[cfg(test)]
mod tests;

pub use calendar::Period;
pub use customer::{CurrencyTotals, CustomerAnswer, customer};
pub use definition::{
    AsOf, Definition, IntegrationMark, LeftOut, LeftOutEntries, LeftOutOrders, SplitMissing, Uncertain,
};
pub use error::{MissingRate, ReportError};
pub use facts::{Fact, FactFlags, Facts, IntegrationFacts, Mark, MarkOrigin, NO_CUSTOMER};
pub use figure::{Figure, MoneyShare, Share};
pub use ltv::{CellState, Horizon, LtvAnswer, LtvCell, LtvColumn, LtvQuery, LtvRow, Maturity, RefundDating, ltv};
pub use members::{Member, members};
pub use payback::{PaybackAnswer, PaybackQuery, PaybackRow, payback};
pub use rates::{BadRate, DaysUsed, Rate, RateUsed, Rates};
pub use repeat::{RepeatAnswer, RepeatRow, repeat};
pub use revenue::{AnonymousRevenue, RevenueAnswer, RevenueQuery, RevenueRow, revenue};
pub use schema::{CurrencyCode, Date};
pub use sheet::{LTV_COLUMNS, REVENUE_COLUMNS, revenue_to_csv, revenue_to_table, to_csv, to_table};
pub use source::{Before, Dimension, Good, Label, Product, Source};
pub use totals::{TotalsAnswer, totals};
pub use view::{Basis, FreeOrders, View, ViewOptions};
