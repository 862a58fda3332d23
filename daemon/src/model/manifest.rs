//! What a connector declares about itself, and what an operator sets. Mirrors `wit/connector.wit`, free of WASM.

use serde::Serialize;

/// Everything the daemon must know before it calls anything else of a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Id, lower case, letters, digits and hyphens. Never changes.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Semantic Versioning 2.0.0.
    pub version: String,
    /// Settings.
    pub settings: Vec<SettingDescription>,
    /// Hosts that requests may go to.
    pub hosts: Vec<Host>,
    /// Present if it can be polled.
    pub polling: Option<Polling>,
    /// Present if it reads webhooks.
    pub webhook: Option<WebhookDescription>,
    /// Not empty if it reads files.
    pub csv_formats: Vec<CsvFormat>,
}

/// A setting that an operator can give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingDescription {
    /// As in the configuration file.
    pub name: String,
    /// One line for people.
    pub label: String,
    /// Where to find the value.
    pub help: String,
    /// What it may hold.
    pub kind: SettingKind,
    /// Nothing works without it.
    pub required: bool,
    /// Value if left out.
    pub default: Option<String>,
}

/// What a setting may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    /// Any text.
    Text,
    /// A secret by reference.
    Secret,
    /// A secret that the daemon makes if none is given.
    GeneratedSecret,
    /// Absolute http or https address.
    Url,
    /// IANA zone.
    Zone,
    /// ISO 4217 code.
    Currency,
    /// Whole number.
    Integer,
    /// True or false.
    Boolean,
    /// One of several.
    Choice(Vec<Choice>),
    /// Several texts.
    TextList,
}

/// One possible value of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// As in the configuration file.
    pub value: String,
    /// What people read.
    pub label: String,
}

/// A host that the connector may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// This host.
    Exact(String),
    /// Every host below this domain.
    Subdomains(String),
    /// The host of the `url` setting with this name.
    Setting(String),
}

/// Which date of an object a window bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Last modification.
    Modified,
    /// Creation.
    Created,
}

/// How fine the date filter of a platform is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granularity {
    /// Seconds or finer.
    Second,
    /// Whole local days.
    Day,
}

/// How the platform wants to be polled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Polling {
    /// Dates that windows can bound.
    pub axes: Vec<Axis>,
    /// How fine windows are.
    pub granularity: Granularity,
    /// Longest window, days.
    pub window_days_max: u32,
    /// Reach back before the last mark, seconds.
    pub overlap_s: u32,
    /// Days read again once a day.
    pub recheck_days: u32,
    /// Shortest time between passes, seconds.
    pub interval_min_s: u32,
    /// Requests open at a time.
    pub concurrent_requests_max: u32,
    /// Requests in any minute.
    pub requests_per_minute_max: Option<u32>,
    /// Time for one request, milliseconds.
    pub request_timeout_ms: u32,
    /// `refresh` works.
    pub refreshes: bool,
    /// `subscribe` and `unsubscribe` work.
    pub subscribes: bool,
}

impl Manifest {
    /// `samcart 0.1.0`: which connector has read something.
    pub fn id_and_version(&self) -> String {
        format!("{} {}", self.id, self.version)
    }

    /// The optional key of the API, if the connector has one: without a value nothing is asked.
    pub fn optional_key(&self) -> Option<&SettingDescription> {
        let optional = |setting: &&SettingDescription| {
            setting.name == "api_key" && setting.kind == SettingKind::Secret && !setting.required
        };
        self.settings.iter().find(optional)
    }
}

/// What a platform sends by webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookDescription {
    /// The platform's own names.
    pub topics: Vec<String>,
    /// How to set it up by hand.
    pub manual_setup: Option<String>,
    /// Deliveries can be proven beyond the random part of the address.
    pub provable: bool,
}

/// What a column of a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnContent {
    /// Trimmed text.
    Text,
    /// `-?[0-9]+(\.[0-9]+)?`
    Amount,
    /// `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS`, with `Z` if UTC was stated.
    Date,
    /// `HH:MM:SS`
    Time,
}

/// Which number of `03/04/2026` is the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// March.
    MonthFirst,
    /// April.
    DayFirst,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name within the connector.
    pub name: String,
    /// Headings it goes by; the earlier wins. `name` itself counts.
    pub aliases: Vec<String>,
    /// Name of a text setting that holds the heading.
    pub named_by: Option<String>,
    /// What it holds.
    pub content: ColumnContent,
    /// A file without it is not of this format.
    pub required: bool,
}

/// A kind of file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CsvFormat {
    /// Id within the connector.
    pub id: String,
    /// As the platform calls the export.
    pub name: String,
    /// Columns, in the order of the cells handed over.
    pub columns: Vec<Column>,
    /// All other columns follow.
    pub other_columns: bool,
    /// Columns whose equal values keep rows together.
    pub group_by: Vec<String>,
    /// Taken where no date tells day from month.
    pub date_order: Option<DateOrder>,
    /// Recognised, but always refused with this text.
    pub refused: Option<String>,
}

/// The value of a setting, checked against its kind. Secrets are kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// `text`, `url`, `choice`, `zone`, `currency`.
    Text(String),
    /// `integer`.
    Integer(i64),
    /// `boolean`.
    Boolean(bool),
    /// `text-list`.
    Texts(Vec<String>),
}

/// A fault that a connector finds in its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingProblem {
    /// The setting at fault, if it is one.
    pub setting: Option<String>,
    /// What is wrong and what to write instead.
    pub message: String,
}
