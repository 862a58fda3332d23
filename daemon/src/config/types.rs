//! A configuration that was read and found right.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use ipnet::IpNet;
use secrecy::SecretString;

use super::rates::Rates;
use super::spend::Spend;
use crate::model::manifest::{DateOrder, SettingValue};
use crate::model::{Currency, Zone};

/// Everything that an operator decides. Debug output shows no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from, absolute.
    pub file: PathBuf,
    /// SHA-256 of its text, lower-case hexadecimal.
    pub sha256: String,
    /// Other files whose content counts: secrets, rates, spend, certificates. Absolute.
    pub more_files: Vec<PathBuf>,
    /// Folders.
    pub paths: Paths,
    /// `[report]`
    pub report: Report,
    /// `[rates]`
    pub rates: Rates,
    /// `[spend]`
    pub spend: Spend,
    /// `[api]`
    pub api: Api,
    /// `[webhooks]`
    pub webhooks: Webhooks,
    /// `[drop]`
    pub drop: DropFolder,
    /// `[integrations.NAME]` by name, disabled ones too.
    pub integrations: BTreeMap<String, Integration>,
}

/// Folders, absolute. None of them need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The database and the secrets that the daemon made. Its own: nobody else writes there.
    pub data_dir: PathBuf,
    /// Files for import are put here.
    pub drop_dir: PathBuf,
    /// Connector files, `*.wasm`.
    pub connectors_dir: PathBuf,
}

/// How figures are computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The one zone in which report dates are cut.
    pub timezone: Zone,
    /// The currency of figures.
    pub currency: Currency,
    /// Whether an order of nothing makes a customer.
    pub free_orders: FreeOrders,
    /// What makes two customers one.
    pub merge: Merge,
    /// Addresses that stand for many people, lower case.
    pub shared_emails: Vec<String>,
}

/// Whether an order of nothing makes a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeOrders {
    /// It does not: the first order is the first with a total above zero.
    Ignore,
    /// It does.
    Count,
}

/// What makes two customers one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// The same address, whichever the integration.
    Email,
    /// The same address in the same integration.
    Store,
}

/// The listener for reports.
#[derive(Debug, Clone)]
pub struct Api {
    /// Address.
    pub listen: SocketAddr,
    /// Bearer token. Always there if `listen` is not loopback.
    pub token: Option<SecretString>,
    /// Names, beside the address itself and `localhost`, that a `Host` header may carry. Lower case, without port.
    pub allowed_hosts: Vec<String>,
}

/// The listener for webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// Address.
    pub listen: SocketAddr,
    /// How platforms reach the listener, without trailing slash.
    pub public_url: String,
    /// Largest body, bytes.
    pub body_bytes_max: usize,
    /// Whose word is taken for who a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// Paths outside of `/hooks` that are answered with an empty 200: some platforms test one before they send anything.
    pub answer: Vec<String>,
}

/// The door for files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropFolder {
    /// Whether the folder is watched.
    pub enabled: bool,
    /// How long a file must stay as it is before it is taken.
    pub settle: Duration,
    /// How often the folder is looked through, whatever the operating system tells.
    pub scan: Duration,
    /// What happens to rows that cannot be read; integrations may differ.
    pub bad_rows: BadRows,
    /// With [`BadRows::Quarantine`]: the whole file is refused if more than this share of its rows is bad, percent.
    pub bad_rows_max_percent: u8,
}

/// What happens to a file with rows that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRows {
    /// The good rows count, the bad ones wait in quarantine.
    Quarantine,
    /// Nothing of the file counts.
    RejectFile,
}

pub use crate::files::DecimalMark;

/// One account or store.
#[derive(Debug, Clone)]
pub struct Integration {
    /// Name, as in the file.
    pub name: String,
    /// Id of its connector.
    pub connector: String,
    /// Whether anything is collected. What a disabled integration lacks is no error.
    pub enabled: bool,
    /// Zone of the account: times without a zone are read in it.
    pub zone: Zone,
    /// The connector's settings that are no secrets, defaults filled in.
    pub settings: BTreeMap<String, SettingValue>,
    /// The connector's secrets that have a value.
    pub secrets: BTreeMap<String, SecretString>,
    /// Generated secrets that the operator did not give. [`super::SecretsFile::complete`] gives them.
    pub ungiven_secrets: Vec<String>,
    /// Random part of its webhook address. [`super::SecretsFile::complete`] gives it.
    pub webhook_token: Option<SecretString>,
    /// The operator's word that everything up to the end of this day is in.
    pub complete_through: Option<NaiveDate>,
    /// The operator's word that webhooks alone bring everything.
    pub webhooks_complete: bool,
    /// What happens to rows that cannot be read.
    pub bad_rows: BadRows,
    /// Which number of `03/04/2026` is the month, if the file does not tell.
    pub date_order: Option<DateOrder>,
    /// What separates decimals, if the file does not tell.
    pub decimal_mark: Option<DecimalMark>,
    /// When and how the platform is asked.
    pub polling: Polling,
}

/// When and how the platform of an integration is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polling {
    /// First day of which orders are wanted. `None`: the platform is not asked.
    pub from: Option<NaiveDate>,
    /// Last day of which orders are wanted. `None`: it goes on for ever.
    pub to: Option<NaiveDate>,
    /// Time between two passes. A connector may want more.
    pub every: Duration,
    /// Days read again once a day, if not as many as the connector wants.
    pub recheck_days: Option<u32>,
    /// Days for which responses are kept. `None`: for ever.
    pub keep_responses_days: Option<u32>,
    /// Requests in a minute, if fewer than the connector allows itself.
    pub requests_per_minute: Option<u32>,
    /// Requests open at a time, if fewer than the connector allows itself.
    pub concurrent_requests: Option<u32>,
    /// The only hosts that may be asked, of those that the connector names. Lower case.
    pub hosts: Option<Vec<String>>,
    /// Whether hosts may have addresses outside the public internet.
    pub allow_private_addresses: bool,
    /// Hosts that are reached at another address than their name says.
    pub connect_to: BTreeMap<String, SocketAddr>,
    /// Certificates that are trusted besides those of the machine.
    pub ca_file: Option<PathBuf>,
}

impl Config {
    /// Keys that differ and that a running daemon cannot apply: it has to be started again.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        [
            ("data_dir", self.paths.data_dir != new.paths.data_dir),
            ("drop_dir", self.paths.drop_dir != new.paths.drop_dir),
            ("connectors_dir", self.paths.connectors_dir != new.paths.connectors_dir),
            ("api.listen", self.api.listen != new.api.listen),
            ("webhooks.listen", self.webhooks.listen != new.webhooks.listen),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}
