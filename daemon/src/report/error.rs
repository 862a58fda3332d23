//! Why a question has no answer.

use std::fmt;

use crate::model::{Currency, day_of};

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Sums in other currencies cannot be converted on some days. All that is missing is listed.
    #[error(
        "no exchange rate to {to} for {}; add the days to the rate file, configure a constant rate, or ask for one currency at a time",
        list(.missing)
    )]
    MissingRates {
        /// The reporting currency.
        to: Currency,
        /// What is missing, by currency.
        missing: Vec<MissingRate>,
    },
    /// Nobody says up to when these integrations are complete, and the question names no day either.
    #[error(
        "{}",
        if .integrations.is_empty() {
            "there are no entries yet; drop an export into the drop folder or let the platform send webhooks, then ask again".to_owned()
        } else {
            format!("it is not known up to which day {} is complete; import it, declare `complete_through`, or ask with an as-of day", .integrations.join(", "))
        }
    )]
    NoAsOf {
        /// Names of the integrations without a mark.
        integrations: Vec<String>,
    },
    /// The sums do not fit into 64 bits of minor units.
    #[error("the amounts are too large to be added up{}", .entry.map_or(String::new(), |e| format!(" (entry {e})")))]
    TooLarge {
        /// Row in the book of the entry at which it shows, if it is one.
        entry: Option<u32>,
    },
    /// The question makes no sense.
    #[error("{0}")]
    Question(String),
    /// A fact points outside the tables that came with it. A fault of the program.
    #[error("entry {entry} of the book has an index outside its tables")]
    Inconsistent {
        /// Row in the book.
        entry: u32,
    },
}

/// Days for which one currency has no rate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct MissingRate {
    /// From this currency.
    #[serde(serialize_with = "super::figure::serialize_currency")]
    #[schemars(with = "super::schema::CurrencyCode")]
    pub currency: Currency,
    /// The first such day, as days since 1970-01-01.
    #[serde(serialize_with = "super::calendar::serialize_day")]
    #[schemars(with = "super::schema::Date")]
    pub first: i32,
    /// The last such day.
    #[serde(serialize_with = "super::calendar::serialize_day")]
    #[schemars(with = "super::schema::Date")]
    pub last: i32,
    /// How many days with entries have no rate.
    pub days: usize,
}

impl fmt::Display for MissingRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { currency, first, last, days } = self;
        match days {
            1 => write!(f, "{currency} on {}", day_of(*first)),
            _ => write!(f, "{currency} on {days} days from {} to {}", day_of(*first), day_of(*last)),
        }
    }
}

fn list(missing: &[MissingRate]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
