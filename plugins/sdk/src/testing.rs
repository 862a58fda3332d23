//! Helpers for the tests of connectors, which run natively with plain texts: contexts, files, deliveries, a platform that
//! answers from a closure, and a ledger in memory. Not part of a component.
//!
//! They stand in for the daemon just far enough to test a connector: dates and amounts of files are normalised in the
//! simple cases only, moments are resolved as if every zone were UTC.

mod daemon;
mod files;
mod hash;
mod ledger;
mod proof;

use crate::dates::{self, Day};
use crate::types::{
    Context, Delivery, Header, Instant, Manifest, Moment, Response, Setting, SettingKind, SettingValue,
};

pub use files::{read, table};
pub use hash::hmac;
pub use ledger::{Door, Ledger};
pub use proof::{base64, hex, holds};

/// A context that a test fills in.
#[derive(Debug, Clone)]
pub struct ContextBuilder(Context);

/// An empty context: 2026-01-01T00:00:00Z, zone UTC, no settings.
#[must_use]
pub fn context() -> ContextBuilder {
    let now = instant("2026-01-01T00:00:00");
    ContextBuilder(Context { now, zone: "UTC".into(), settings: Vec::new(), secrets: Vec::new(), memory: None })
}

/// A context in which each setting of the manifest has its default.
///
/// # Panics
/// If a default does not fit its kind.
#[must_use]
pub fn context_for(manifest: &Manifest) -> ContextBuilder {
    let mut builder = context();
    for description in &manifest.settings {
        let Some(default) = &description.default else { continue };
        let value = match description.kind {
            SettingKind::Integer => SettingValue::Integer(default.parse().expect("an integer as default")),
            SettingKind::Boolean => SettingValue::Boolean(default.parse().expect("a boolean as default")),
            SettingKind::TextList => SettingValue::Texts(texts(default)),
            _ => SettingValue::Text(default.clone()),
        };
        builder = builder.with(&description.name, value);
    }
    builder
}

/// The texts of `["a", "b"]`.
fn texts(default: &str) -> Vec<String> {
    let Ok(crate::form::Value::List(items)) = crate::form::json(default.as_bytes()) else {
        panic!("a list as default, not {default}");
    };
    items.iter().filter_map(|item| item.text("").map(str::to_owned)).collect()
}

impl ContextBuilder {
    /// The time of the call: `YYYY-MM-DDTHH:MM:SS`, UTC.
    #[must_use]
    pub fn now(mut self, utc: &str) -> Self {
        self.0.now = instant(utc);
        self
    }

    /// IANA name of the zone of the integration.
    #[must_use]
    pub fn zone(mut self, zone: &str) -> Self {
        self.0.zone = zone.into();
        self
    }

    /// A text, url, choice, zone or currency.
    #[must_use]
    pub fn set(self, name: &str, text: &str) -> Self {
        self.with(name, SettingValue::Text(text.into()))
    }

    /// A list of texts.
    #[must_use]
    pub fn set_list(self, name: &str, texts: &[&str]) -> Self {
        self.with(name, SettingValue::Texts(texts.iter().map(|text| (*text).to_owned()).collect()))
    }

    /// A boolean.
    #[must_use]
    pub fn set_flag(self, name: &str, flag: bool) -> Self {
        self.with(name, SettingValue::Boolean(flag))
    }

    /// A whole number.
    #[must_use]
    pub fn set_integer(self, name: &str, number: i64) -> Self {
        self.with(name, SettingValue::Integer(number))
    }

    fn with(mut self, name: &str, value: SettingValue) -> Self {
        self.0.settings.retain(|setting| setting.name != name);
        self.0.settings.push(Setting { name: name.into(), value });
        self
    }

    /// A secret that has a value.
    #[must_use]
    pub fn secret(mut self, name: &str) -> Self {
        self.0.secrets.push(name.into());
        self
    }

    /// What the connector remembered.
    #[must_use]
    pub fn memory(mut self, memory: &[u8]) -> Self {
        self.0.memory = Some(memory.to_vec());
        self
    }

    /// The context.
    #[must_use]
    pub fn build(self) -> Context {
        self.0
    }
}

/// A point in time, in a zone that is UTC: `YYYY-MM-DDTHH:MM:SS`.
///
/// # Panics
/// If it is anything else.
#[must_use]
pub fn instant(utc: &str) -> Instant {
    let Ok(Moment::Utc(unix_ms)) = dates::utc(utc) else { panic!("`{utc}` is not YYYY-MM-DDTHH:MM:SS") };
    let wall = dates::format_utc(unix_ms - unix_ms.rem_euclid(1000));
    Instant { unix_ms, utc: wall.clone(), local: wall }
}

/// A window of whole days in UTC: `first` to `last`, both included.
///
/// # Panics
/// If one of them is not a day.
#[must_use]
pub fn window(axis: crate::types::Axis, first: &str, last: &str) -> crate::types::Window {
    let end = Day::parse(last).expect("a day").plus(1);
    crate::types::Window {
        axis,
        start: instant(&format!("{first}T00:00:00")),
        end: instant(&format!("{end}T00:00:00")),
        first_day: first.into(),
        last_day: last.into(),
    }
}

/// A delivery that arrived at 2026-01-01T00:00:00Z. `with_header`, `with_query` and `received_at` change it; [`holds`] tells
/// whether its proof does.
pub fn delivery(content_type: &str, body: impl Into<Vec<u8>>) -> Delivery {
    Delivery {
        query: String::new(),
        headers: vec![Header { name: "content-type".into(), value: content_type.into() }],
        body: body.into(),
        received: instant("2026-01-01T00:00:00"),
    }
}

/// A JSON response.
pub fn response(status: u16, body: impl Into<Vec<u8>>) -> Response {
    let headers = vec![Header { name: "content-type".into(), value: "application/json".into() }];
    Response { status, headers, body: body.into() }
}
