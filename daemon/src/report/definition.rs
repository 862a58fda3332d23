//! What every answer says about itself: how it was computed, up to when, and what it left out.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::Serialize;

use super::calendar;
use super::days::DaySums;
use super::error::ReportError;
use super::facts::{IntegrationFacts, MarkOrigin};
use super::figure::{self, Figure, MoneyShare, Share};
use super::filter::{By, Filter};
use super::group::{Audience, Group, Products};
use super::ltv::{Maturity, RefundDating};
use super::rates::RateUsed;
use super::source::Source;
use super::view::{Basis, FreeOrders, View, ViewOptions};
use crate::model::{Currency, Zone};

/// The exclusive end of complete data, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AsOf {
    /// The first day that does not count, in the reporting zone: days since 1970-01-01.
    #[serde(serialize_with = "calendar::serialize_day")]
    #[schemars(with = "super::schema::Date")]
    pub day: i32,
    /// True if the question named the day; else it is the smallest mark.
    pub asked: bool,
    /// The marks of the integrations in the question.
    pub integrations: Vec<IntegrationMark>,
}

/// Up to when one integration is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IntegrationMark {
    /// Its name.
    pub name: String,
    /// RFC 3339, UTC; `null` if nobody knows.
    pub complete_through: Option<String>,
    /// Who says so.
    pub origin: Option<MarkOrigin>,
    /// True if it is not known to be complete up to the as-of day, so that the answer may lack entries.
    pub behind: bool,
}

impl AsOf {
    /// The smallest mark of the wanted integrations, or the day that was asked for.
    ///
    /// # Errors
    /// If no day was asked for and an integration has no mark.
    pub fn of(
        integrations: &[IntegrationFacts],
        wanted: Option<&BTreeSet<u16>>,
        zone: Zone,
        asked: Option<i32>,
    ) -> Result<Self, ReportError> {
        let wanted: Vec<(&IntegrationFacts, Option<i32>)> = (0_u16..)
            .zip(integrations)
            .filter(|(index, _)| wanted.is_none_or(|set| set.contains(index)))
            .map(|(_, i)| (i, i.complete_through.map(|mark| calendar::day_in(zone, mark.unix_ms))))
            .collect();
        let smallest = wanted.iter().filter_map(|(_, day)| *day).min();
        let unknown = || wanted.iter().filter(|(_, day)| day.is_none()).map(|(i, _)| i.name.clone()).collect();
        let day = match (asked, smallest) {
            (Some(day), _) => day,
            (None, Some(day)) if wanted.iter().all(|(_, day)| day.is_some()) => day,
            _ => return Err(ReportError::NoAsOf { integrations: unknown() }),
        };
        let marks = wanted.iter().map(|(integration, complete)| IntegrationMark {
            name: integration.name.clone(),
            complete_through: integration.complete_through.and_then(|mark| rfc3339(mark.unix_ms)),
            origin: integration.complete_through.map(|mark| mark.origin),
            behind: complete.is_none_or(|complete| complete < day),
        });
        Ok(Self { day, asked: asked.is_some(), integrations: marks.collect() })
    }
}

fn rfc3339(unix_ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(unix_ms).map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// An integration in a question: how far its data goes, and what of it is in no figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IntegrationState {
    /// Its name.
    pub name: String,
    /// Up to when it is complete: RFC 3339, UTC; `null` if nobody knows.
    pub complete_through: Option<String>,
    /// Who says so.
    pub origin: Option<MarkOrigin>,
    /// Its rows and deliveries that could not be read, and are in no figure until they are. `/v1/quarantine` lists them.
    pub quarantined: u64,
}

impl IntegrationState {
    /// Those that a view is about. Of an integration of which nothing was read yet, only what could not be read is known.
    pub(super) fn of(source: &impl Source, options: &ViewOptions<'_>) -> Vec<Self> {
        let wanted = |index: &u16| options.integrations.is_none_or(|set| set.contains(index));
        let known = source.integrations();
        let states = (0_u16..).zip(known).filter(|(index, _)| wanted(index)).map(|(_, integration)| Self {
            name: integration.name.clone(),
            complete_through: integration.complete_through.and_then(|mark| rfc3339(mark.unix_ms)),
            origin: integration.complete_through.map(|mark| mark.origin),
            quarantined: source.quarantined().get(&integration.name).copied().unwrap_or(0),
        });
        let all = options.integrations.is_none();
        let unread = source.quarantined().iter().filter(|(name, _)| all && known.iter().all(|one| one.name != **name));
        let unread = unread.map(|(name, quarantined)| Self {
            name: name.clone(),
            complete_through: None,
            origin: None,
            quarantined: *quarantined,
        });
        states.chain(unread).collect()
    }
}

/// How an answer was computed. With it and the ledger the figures can be computed again by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Definition {
    /// What the figures are.
    pub figure: &'static str,
    /// Which ages a horizon covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<&'static str>,
    /// What goes into a value.
    pub basis: Basis,
    /// Which day a refund counts on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunds: Option<RefundDating>,
    /// Who must be old enough for a cell to have a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// What makes a cohort or a row; `null` for all together.
    pub group: Option<Group>,
    /// Rows are split by this as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<By>,
    /// True if a customer or an order can be in several rows, so that rows do not add up to the total.
    pub overlapping: bool,
    /// Where a first order has several products: in which cohort its customer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub products: Option<Products>,
    /// Only customers whose first order fulfils these.
    #[serde(skip_serializing_if = "Filter::is_empty")]
    pub first_order: Filter,
    /// Only orders that fulfil these count; first orders are found among all.
    #[serde(skip_serializing_if = "Filter::is_empty")]
    pub orders: Filter,
    /// The first day that counts, for questions about a span of time.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "calendar::serialize_day_option")]
    #[schemars(with = "Option<super::schema::Date>")]
    pub from: Option<i32>,
    /// The first day after it that does not count.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "calendar::serialize_day_option")]
    #[schemars(with = "Option<super::schema::Date>")]
    pub to: Option<i32>,
    /// The exclusive end of complete data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOf>,
    /// Days are cut in this zone.
    pub zone: String,
    /// Of all amounts.
    #[serde(serialize_with = "figure::serialize_currency")]
    #[schemars(with = "super::schema::CurrencyCode")]
    pub currency: Currency,
    /// Rates that amounts in other currencies were converted by: at the day of the event, a refund at its sale's. Some may be of
    /// entries that have gone since the daemon started.
    pub rates: Vec<RateUsed>,
    /// What becomes of sales for nothing.
    pub free_orders: FreeOrders,
    /// The integrations in the question.
    pub integrations: Vec<IntegrationState>,
    /// The revision of the ledger.
    pub ledger_revision: u64,
}

impl Definition {
    pub(super) fn new(figure: &'static str, view: &View) -> Self {
        Self {
            figure,
            window: None,
            basis: view.basis,
            refunds: None,
            maturity: None,
            group: None,
            split: None,
            overlapping: false,
            products: None,
            first_order: Filter::default(),
            orders: view.orders.clone(),
            from: None,
            to: None,
            as_of: None,
            zone: view.zone.name().to_owned(),
            currency: view.currency,
            rates: view.rates.list(view.rates_to),
            free_orders: view.free_orders,
            integrations: view.integrations.clone(),
            ledger_revision: view.revision,
        }
    }

    /// The same, about these customers.
    pub(super) fn of(self, audience: &Audience) -> Self {
        let by_product = audience.group == Some(Group::By(By::Product));
        Self {
            group: audience.group,
            overlapping: audience.overlaps(),
            products: by_product.then_some(audience.products),
            first_order: audience.first.clone(),
            ..self
        }
    }
}

/// What an answer does not contain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOut {
    /// Orders without customer, or with an address that many share, and what was taken back of them. Revenue has them.
    pub anonymous: LeftOutOrders,
    /// Events of a customer before the first order, such as a refund whose order is older than the ledger. Revenue has
    /// them.
    pub before_first_order: LeftOutEntries,
    /// Events on or after the as-of day.
    pub after_as_of: LeftOutEntries,
    /// Sales for nothing.
    pub free_orders: u64,
}

/// Orders that are not in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOutOrders {
    /// Paid orders.
    pub orders: u64,
    /// Entries of all kinds.
    pub entries: u64,
    /// Their sum.
    pub net: Figure,
}

/// Entries that are not in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOutEntries {
    /// How many.
    pub entries: u64,
    /// Their sum.
    pub net: Figure,
}

impl LeftOut {
    pub(super) fn new(view: &View, as_of: i32) -> Self {
        let basis = view.basis;
        let counted = view.days.sum(i32::MIN, as_of);
        let after = view.days.sum(as_of, i32::MAX);
        let money = |minor| Figure::money(minor, view.currency);
        let net_after = after.gross().on(basis) + after.taken_back().on(basis);
        Self {
            anonymous: LeftOutOrders {
                orders: counted.anonymous_orders,
                entries: counted.anonymous_entries,
                net: money(counted.anonymous.on(basis)),
            },
            before_first_order: LeftOutEntries {
                entries: counted.orphan_entries,
                net: money(counted.orphans.on(basis)),
            },
            after_as_of: LeftOutEntries { entries: after.entries, net: money(net_after) },
            free_orders: counted.free_sales,
        }
    }
}

/// Events that an answer contains though something about them is not certain. Anonymous ones and those before a first
/// order are counted along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Uncertain {
    /// The day is a stand-in, such as the day of receipt.
    pub approximate_dates: u64,
    /// The amount was computed, not reported.
    pub estimated: u64,
    /// A local time that a clock change skipped or repeated.
    pub clock_changes: u64,
    /// Refunds and chargebacks whose sale is not in the ledger, dated and split by themselves.
    pub without_sale: u64,
}

impl Uncertain {
    pub(super) fn new(sums: &DaySums) -> Self {
        Self {
            approximate_dates: sums.approximate_dates,
            estimated: sums.estimated,
            clock_changes: sums.clock_changes,
            without_sale: sums.without_sale,
        }
    }
}

/// Sales that do not tell their parts. They are summed by what is known of them, so the answer is a little too high.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SplitMissing {
    /// How many of the sales.
    pub sales: Share,
    /// How much of their total.
    pub total: MoneyShare,
}

impl SplitMissing {
    /// Sales without known tax: summed by their total.
    pub(super) fn tax(sums: &DaySums, currency: Currency) -> Self {
        Self {
            sales: Share::new(sums.unsplit_tax, sums.sales),
            total: MoneyShare::new(sums.unsplit_tax_total, sums.gross().total, currency),
        }
    }

    /// Sales with known tax but without known shipping: shipping, if any, is in their net.
    pub(super) fn shipping(sums: &DaySums, currency: Currency) -> Self {
        Self {
            sales: Share::new(sums.unsplit_shipping, sums.sales),
            total: MoneyShare::new(sums.unsplit_shipping_total, sums.gross().total, currency),
        }
    }
}
