//! Manifests in one expression.

use crate::types::{
    Axis, Choice, Column, ColumnContent, CsvFormat, DateOrder, Granularity, Host, Manifest, Polling,
    SettingDescription, SettingKind, WebhookDescription,
};

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

impl Manifest {
    /// A connector without settings and doors. The id never changes.
    pub fn new(id: impl Into<String>, name: impl Into<String>, version: impl Into<String>) -> Self {
        Manifest {
            id: id.into(),
            name: name.into(),
            version: version.into(),
            settings: Vec::new(),
            hosts: Vec::new(),
            polling: None,
            webhook: None,
            csv_formats: Vec::new(),
        }
    }

    /// Adds a setting.
    #[must_use]
    pub fn setting(mut self, setting: SettingDescription) -> Self {
        self.settings.push(setting);
        self
    }

    /// Adds settings.
    #[must_use]
    pub fn settings(mut self, settings: impl IntoIterator<Item = SettingDescription>) -> Self {
        self.settings.extend(settings);
        self
    }

    /// Adds a host that requests may go to.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.hosts.push(host);
        self
    }

    /// How it is polled.
    #[must_use]
    pub fn polling(mut self, polling: Polling) -> Self {
        self.polling = Some(polling);
        self
    }

    /// What arrives by webhook.
    #[must_use]
    pub fn webhook(mut self, webhook: WebhookDescription) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// Adds a kind of file.
    #[must_use]
    pub fn csv(mut self, format: CsvFormat) -> Self {
        self.csv_formats.push(format);
        self
    }
}

impl Polling {
    /// Gentle defaults: windows of at most 30 days to the second, ten minutes of overlap, a week read again daily, a pass
    /// every fifteen minutes, one request at a time of at most a minute.
    #[must_use]
    pub fn new(axes: &[Axis]) -> Self {
        Polling {
            axes: axes.to_vec(),
            granularity: Granularity::Second,
            window_days_max: 30,
            overlap_s: 600,
            recheck_days: 7,
            interval_min_s: 900,
            concurrent_requests_max: 1,
            requests_per_minute_max: None,
            request_timeout_ms: 60_000,
            refreshes: false,
            subscribes: false,
        }
    }
}

/// A setting that may hold any text, is optional and has no default.
pub fn setting(name: impl Into<String>, label: impl Into<String>) -> SettingDescription {
    SettingDescription {
        name: name.into(),
        label: label.into(),
        help: String::new(),
        kind: SettingKind::Text,
        required: false,
        default: None,
    }
}

/// Generates a method for each kind without parameters.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $kind:ident;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(mut self) -> Self {
            self.kind = SettingKind::$kind;
            self
        })*
    };
}

impl SettingDescription {
    /// Where to find the value, in sentences.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    kinds! {
        /// A secret, by reference in the configuration.
        secret Secret;
        /// A secret that the daemon makes if the operator gives none.
        generated_secret GeneratedSecret;
        /// An absolute http or https address.
        url Url;
        /// IANA name of a time zone.
        zone Zone;
        /// ISO 4217 code.
        currency Currency;
        /// A whole number.
        integer Integer;
        /// True or false.
        boolean Boolean;
        /// A list of texts.
        text_list TextList;
    }

    /// One of several: values and what people read.
    #[must_use]
    pub fn choice(mut self, choices: &[(&str, &str)]) -> Self {
        let choice = |(value, label): &(&str, &str)| Choice { value: (*value).into(), label: (*label).into() };
        self.kind = SettingKind::Choice(choices.iter().map(choice).collect());
        self
    }

    /// Nothing works without it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Value if left out: a text as it is, a number or boolean in its usual notation. For lists see
    /// [`default_list`](Self::default_list).
    #[must_use]
    pub fn default(mut self, value: impl Into<String>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// List if left out, written as in the configuration file: `["a", "b"]`.
    #[must_use]
    pub fn default_list(self, texts: &[&str]) -> Self {
        let quoted: Vec<String> =
            texts.iter().map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))).collect();
        self.default(format!("[{}]", quoted.join(", ")))
    }
}

/// A kind of file without columns.
pub fn csv_format(id: impl Into<String>, name: impl Into<String>) -> CsvFormat {
    CsvFormat {
        id: id.into(),
        name: name.into(),
        columns: Vec::new(),
        other_columns: false,
        group_by: Vec::new(),
        date_order: None,
        refused: None,
    }
}

impl CsvFormat {
    /// Adds columns. Rows are handed over with exactly these, in this order.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.columns.extend(columns);
        self
    }

    /// All other columns too.
    #[must_use]
    pub fn other_columns(mut self) -> Self {
        self.other_columns = true;
        self
    }

    /// Columns whose equal values make rows belong together.
    #[must_use]
    pub fn group_by(mut self, columns: &[&str]) -> Self {
        self.group_by = owned(columns);
        self
    }

    /// Taken where no date in the file tells day from month.
    #[must_use]
    pub fn date_order(mut self, order: DateOrder) -> Self {
        self.date_order = Some(order);
        self
    }

    /// The file is recognised but always refused with this text.
    #[must_use]
    pub fn refused(mut self, why: impl Into<String>) -> Self {
        self.refused = Some(why.into());
        self
    }
}

/// A column of text that a file may lack.
pub fn column(name: impl Into<String>) -> Column {
    Column { name: name.into(), aliases: Vec::new(), named_by: None, content: ColumnContent::Text, required: false }
}

impl Column {
    /// Headings that it goes by besides its name. The earlier wins.
    #[must_use]
    pub fn aliases(mut self, headings: &[&str]) -> Self {
        self.aliases = owned(headings);
        self
    }

    /// The text setting that holds the heading, if the operator gives one.
    #[must_use]
    pub fn named_by(mut self, setting: impl Into<String>) -> Self {
        self.named_by = Some(setting.into());
        self
    }

    /// Holds amounts of money.
    #[must_use]
    pub fn amount(mut self) -> Self {
        self.content = ColumnContent::Amount;
        self
    }

    /// Holds dates, with or without time.
    #[must_use]
    pub fn date(mut self) -> Self {
        self.content = ColumnContent::Date;
        self
    }

    /// Holds times of day.
    #[must_use]
    pub fn time(mut self) -> Self {
        self.content = ColumnContent::Time;
        self
    }

    /// A file without it is not of this format.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}
