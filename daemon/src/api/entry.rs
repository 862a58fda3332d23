//! One entry, as answers tell it: what the platform said, what it counts for, and which delivery brought it.

use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::Serialize;

use super::problem::Problem;
use super::schema::{CurrencyCode, Date, Instant};
use crate::app::{App, Reading};
use crate::book::Identity;
use crate::model::{Billing, Kind, Zone, day_of, format_minor, local_day};
use crate::report::{Fact, Figure, Source};

/// One dated movement of money.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EntryAnswer {
    /// Which integration.
    pub(super) integration: String,
    /// Which way money moved, and why.
    pub(super) kind: Kind,
    /// Whether a subscription caused it.
    pub(super) billing: Billing,
    /// The platform's id.
    pub(super) id: String,
    /// The platform's id of its order.
    pub(super) order_id: String,
    /// When.
    #[schemars(with = "Option<Instant>")]
    pub(super) at: Option<String>,
    /// The day, in the reporting zone.
    #[schemars(with = "Date")]
    pub(super) day: String,
    /// The date is a stand-in, such as the day of receipt.
    pub(super) approximate_date: bool,
    /// Of the amounts that follow.
    #[schemars(with = "CurrencyCode")]
    pub(super) currency: String,
    /// All money that moved; negative if it went back.
    #[schemars(with = "Figure")]
    pub(super) total: String,
    /// Of the total; `null` if it is not known.
    #[schemars(with = "Option<Figure>")]
    pub(super) tax: Option<String>,
    /// Of the total; `null` if it is not known.
    #[schemars(with = "Option<Figure>")]
    pub(super) shipping: Option<String>,
    /// Names of what was sold, or its ids.
    pub(super) products: Vec<String>,
    /// Name and value.
    pub(super) tags: Vec<(String, String)>,
    /// The delivery that brought it as it is now: see `/v1/deliveries/{number}`.
    pub(super) delivery: Option<u64>,
}

/// Reads a whole entry. `None` if it is gone.
pub(super) fn entry(app: &App, reading: &Reading<'_>, fact: &Fact, zone: Zone) -> Result<Option<EntryAnswer>, Problem> {
    let Some(place) = reading.place(fact.entry) else { return Ok(None) };
    let Some(entry) = app.ledger.entry(place)? else { return Ok(None) };
    let money = |minor: i64| format_minor(minor * entry.key.kind.sign(), entry.currency);
    let integration = reading.integrations().get(usize::from(fact.integration));
    Ok(Some(EntryAnswer {
        integration: integration.map(|integration| integration.name.clone()).unwrap_or_default(),
        kind: entry.key.kind,
        billing: entry.billing,
        at: DateTime::from_timestamp_millis(fact.unix_ms).map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        day: day_of(local_day(fact.unix_ms, zone)).to_string(),
        approximate_date: entry.date_is_approximate(),
        currency: entry.currency.to_string(),
        total: money(entry.amounts.total),
        tax: entry.amounts.tax.map(money),
        shipping: entry.amounts.shipping.map(money),
        products: entry.lines.iter().filter_map(|line| line.name.clone().or(line.product_id.clone())).collect(),
        tags: entry.tags.iter().map(|tag| (tag.name.clone(), tag.value.clone())).collect(),
        delivery: app.ledger.delivery_of(place)?,
        id: entry.key.id,
        order_id: entry.order_id,
    }))
}

/// How a customer is named in paths: the address, or `integration/id` where there is none. `None` if no entry names them.
pub(super) fn customer_name(reading: &Reading<'_>, customer: u32) -> Result<Option<String>, Problem> {
    Ok(reading.identity(customer)?.map(|identity| match identity {
        Identity::Email(email) => email.into(),
        Identity::Id { integration, id } => {
            let name = reading.integrations().get(usize::from(integration)).map(|known| known.name.as_str());
            format!("{}/{id}", name.unwrap_or_default())
        }
    }))
}
