//! The keys of the configuration and their defaults, each written as it would stand in the file. `config.example.toml`
//! says what they mean; a test keeps the two equal.

/// A key of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// As TOML. None: there is no default.
    pub(super) default: Option<&'static str>,
}

impl Key {
    const fn new(name: &'static str, default: &'static str) -> Self {
        Self { name, default: Some(default) }
    }

    const fn without_default(name: &'static str) -> Self {
        Self { name, default: None }
    }
}

/// A table and its keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) keys: &'static [Key],
}

impl Table {
    pub(super) fn has(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }
}

pub(super) const DATA_DIR: Key = Key::new("data_dir", r#""data""#);
pub(super) const DROP_DIR: Key = Key::new("drop_dir", r#""drop""#);
pub(super) const CONNECTORS_DIR: Key = Key::new("connectors_dir", r#""connectors""#);

pub(super) const TIMEZONE: Key = Key::new("timezone", r#""UTC""#);
pub(super) const CURRENCY: Key = Key::new("currency", r#""USD""#);
pub(super) const FREE_ORDERS: Key = Key::new("free_orders", r#""ignore""#);
pub(super) const MERGE: Key = Key::new("merge", r#""email""#);
pub(super) const SHARED_EMAILS: Key = Key::new("shared_emails", "[]");

/// Every other key of `[rates]` is a currency.
pub(super) const RATES_FILE: Key = Key::without_default("file");

/// Every other key of `[spend]` is a month.
pub(super) const SPEND_FILE: Key = Key::without_default("file");

pub(super) const API_LISTEN: Key = Key::new("listen", r#""127.0.0.1:8380""#);
pub(super) const API_TOKEN: Key = Key::without_default("token");
pub(super) const ALLOWED_HOSTS: Key = Key::new("allowed_hosts", "[]");

pub(super) const WEBHOOKS_LISTEN: Key = Key::new("listen", r#""127.0.0.1:8381""#);
/// If `listen` is given and this is not, it follows `listen`.
pub(super) const PUBLIC_URL: Key = Key::new("public_url", r#""http://127.0.0.1:8381""#);
pub(super) const BODY_BYTES_MAX: Key = Key::new("body_bytes_max", "1_048_576");
pub(super) const TRUSTED_PROXIES: Key = Key::new("trusted_proxies", r#"["127.0.0.0/8", "::1"]"#);

/// Paths outside of `/hooks` that are answered with an empty 200.
pub(super) const ANSWER: Key = Key::new("answer", r#"["/funnel_webhooks/test"]"#);

pub(super) const DROP_ENABLED: Key = Key::new("enabled", "true");
pub(super) const SETTLE_S: Key = Key::new("settle_s", "10");
pub(super) const SCAN_S: Key = Key::new("scan_s", "10");
pub(super) const BAD_ROWS: Key = Key::new("bad_rows", r#""quarantine""#);
pub(super) const BAD_ROWS_MAX_PERCENT: Key = Key::new("bad_rows_max_percent", "2");

pub(super) const CONNECTOR: Key = Key::without_default("connector");
pub(super) const SHA256: Key = Key::without_default("sha256");
pub(super) const ENABLED: Key = Key::new("enabled", "true");
pub(super) const ZONE: Key = Key::new("zone", r#""UTC""#);
pub(super) const COMPLETE_THROUGH: Key = Key::without_default("complete_through");
pub(super) const WEBHOOKS_COMPLETE: Key = Key::new("webhooks_complete", "false");
/// Falls back to `[drop]`.
pub(super) const INTEGRATION_BAD_ROWS: Key = Key::without_default("bad_rows");
pub(super) const DATE_ORDER: Key = Key::without_default("date_order");
pub(super) const DECIMAL_MARK: Key = Key::without_default("decimal_mark");

/// Without it nothing is polled.
pub(super) const FROM: Key = Key::without_default("from");
pub(super) const TO: Key = Key::without_default("to");
pub(super) const EVERY: Key = Key::new("every", r#""15m""#);
/// Falls back to what the connector wants.
pub(super) const RECHECK_DAYS: Key = Key::without_default("recheck_days");
pub(super) const KEEP_RESPONSES_DAYS: Key = Key::without_default("keep_responses_days");
pub(super) const REQUESTS_PER_MINUTE: Key = Key::without_default("requests_per_minute");
pub(super) const CONCURRENT_REQUESTS: Key = Key::without_default("concurrent_requests");
pub(super) const HOSTS: Key = Key::without_default("hosts");
pub(super) const ALLOW_PRIVATE_ADDRESSES: Key = Key::new("allow_private_addresses", "false");
pub(super) const CONNECT_TO: Key = Key::without_default("connect_to");
pub(super) const CA_FILE: Key = Key::without_default("ca_file");

/// Keys before the first table. The tables themselves are keys too: see [`TABLES`].
pub(super) const ROOT: Table = Table { name: "", keys: &[DATA_DIR, DROP_DIR, CONNECTORS_DIR] };
pub(super) const REPORT: Table =
    Table { name: "report", keys: &[TIMEZONE, CURRENCY, FREE_ORDERS, MERGE, SHARED_EMAILS] };
pub(super) const RATES: Table = Table { name: "rates", keys: &[RATES_FILE] };
pub(super) const SPEND: Table = Table { name: "spend", keys: &[SPEND_FILE] };
pub(super) const API: Table = Table { name: "api", keys: &[API_LISTEN, API_TOKEN, ALLOWED_HOSTS] };
pub(super) const WEBHOOKS: Table =
    Table { name: "webhooks", keys: &[WEBHOOKS_LISTEN, PUBLIC_URL, BODY_BYTES_MAX, TRUSTED_PROXIES, ANSWER] };
pub(super) const DROP: Table =
    Table { name: "drop", keys: &[DROP_ENABLED, SETTLE_S, SCAN_S, BAD_ROWS, BAD_ROWS_MAX_PERCENT] };
/// The daemon's own keys of one integration. The settings of its connector stand beside them.
pub(super) const INTEGRATION: Table = Table {
    name: "integrations",
    keys: &[
        CONNECTOR,
        SHA256,
        ENABLED,
        ZONE,
        COMPLETE_THROUGH,
        WEBHOOKS_COMPLETE,
        INTEGRATION_BAD_ROWS,
        DATE_ORDER,
        DECIMAL_MARK,
        FROM,
        TO,
        EVERY,
        RECHECK_DAYS,
        KEEP_RESPONSES_DAYS,
        REQUESTS_PER_MINUTE,
        CONCURRENT_REQUESTS,
        HOSTS,
        ALLOW_PRIVATE_ADDRESSES,
        CONNECT_TO,
        CA_FILE,
    ],
};

/// Every table of the file.
pub(super) const TABLES: [Table; 7] = [REPORT, RATES, SPEND, API, WEBHOOKS, DROP, INTEGRATION];
