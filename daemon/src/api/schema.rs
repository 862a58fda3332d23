//! JSON Schemas of what several answers share.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::book::Counts;

pub(super) use crate::report::{CurrencyCode, Date};

/// An instant, as it is written.
pub(super) struct Instant;

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "description": "An instant in UTC: `2026-10-31T12:00:00Z`." })
    }
}

/// A time zone, as it is written.
pub(super) struct ZoneName;

impl JsonSchema for ZoneName {
    fn schema_name() -> Cow<'static, str> {
        "ZoneName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        json_schema!({ "type": "string", "enum": names, "description": "A time zone of the IANA database." })
    }
}

/// [`Counts`], as they are described. The book knows nothing of schemas.
#[derive(JsonSchema)]
#[schemars(rename = "Counts", description = "What became of entries in the ledger.")]
#[allow(dead_code, reason = "only its schema is used")]
struct CountsAnswer {
    /// Entries that were not stored.
    new: u64,
    /// Entries that were stored with other content or a lower revision.
    changed: u64,
    /// Entries that were stored just so.
    unchanged: u64,
    /// Entries that were stored with a higher revision, which stays.
    outranked: u64,
    /// Entries that were removed.
    withdrawn: u64,
    /// Among the others: entries recognised as the same money that had come through another door under another id.
    matched: u64,
}

impl JsonSchema for Counts {
    fn schema_name() -> Cow<'static, str> {
        CountsAnswer::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        CountsAnswer::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        CountsAnswer::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_described_as_they_are_written() {
        let written = serde_json::to_value(Counts::default()).unwrap();
        let written: Vec<&String> = written.as_object().unwrap().keys().collect();
        let described = schemars::schema_for!(Counts);
        let described: Vec<&String> = described.get("properties").unwrap().as_object().unwrap().keys().collect();
        assert_eq!(written, described);
    }
}
