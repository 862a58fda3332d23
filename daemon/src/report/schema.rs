//! JSON Schemas of what the reports write in a way of their own.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::calendar::Period;
use super::figure::Figure;
use super::filter::By;
use super::group::Group;
use super::ltv::Horizon;
use crate::limits::report::HORIZON_DAYS;
use crate::model::Currency;

/// A schema of its own name.
macro_rules! named {
    ($name:ident, $schema:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

/// A day, as it is written.
#[derive(Debug)]
pub struct Date;

named!(Date, json_schema!({ "type": "string", "format": "date", "description": "A day: `2026-10-31`." }));

/// A currency, as it is written.
#[derive(Debug)]
pub struct CurrencyCode;

named!(
    CurrencyCode,
    json_schema!({ "type": "string", "enum": currencies(), "description": "A currency by its code of ISO 4217." })
);

/// All codes that are known: those among all triples of letters.
fn currencies() -> Vec<String> {
    let letters = || 'A'..='Z';
    let codes =
        letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| String::from_iter([a, b, c]))));
    codes.filter(|code| code.parse::<Currency>().is_ok()).collect()
}

named!(
    Figure,
    json_schema!({
        "type": "string",
        "pattern": "^-?[0-9]+(\\.[0-9]+)?$",
        "description": "An exact decimal number with all its decimals. It is a string, since JSON's numbers are read as binary fractions.",
    })
);

named!(
    Horizon,
    json_schema!({
        "type": "string",
        "pattern": "^([1-9][0-9]{0,4}|first_order|to_date)$",
        "description": format!("Days from 1 to {HORIZON_DAYS}, `first_order` or `to_date`."),
    })
);

named!(
    By,
    json_schema!({ "type": "string", "enum": names(&By::ALL), "description": "What an order is told apart by." })
);

named!(
    Group,
    json_schema!({
        "type": "string",
        "enum": groups(),
        "description": "A period of the first order, or what the first order is told apart by.",
    })
);

fn groups() -> Vec<&'static str> {
    [names(&Period::ALL), names(&By::ALL)].concat()
}

fn names<T>(named: &[(&'static str, T)]) -> Vec<&'static str> {
    named.iter().map(|(name, _)| *name).collect()
}
