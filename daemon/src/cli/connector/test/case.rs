//! The format of cases: a story that a connector is told, and what must come of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone};
use serde::Deserialize;

use super::super::settings::{self, Given};
use super::script::{Came, Exchange, Script};
use super::words::Words;
use crate::connector::{Connector, Delivery as Request, Header, Task, Window};
use crate::files::{DecimalMark, Options};
use crate::limits::cli::{CASE_BYTES, CASE_FILE_BYTES};
use crate::model::Zone;
use crate::model::manifest::{Axis, DateOrder, SettingDescription, SettingKind};

/// When a case begins if it does not say: 2026-04-01T12:00:00Z.
const NOW_MS: i64 = 1_775_044_800_000;
/// Between two deliveries that do not say when they come.
const STEP_MS: i64 = 60_000;

/// A story, ready to be told.
#[derive(Debug)]
pub(super) struct Case {
    /// The file's name without ending.
    pub(super) name: String,
    /// What it shows, for people.
    pub(super) about: String,
    /// What must come of it.
    pub(super) expected: PathBuf,
    pub(super) zone: Zone,
    pub(super) given: Given,
    pub(super) deliveries: Vec<Delivery>,
    /// Why its deliveries come in this order only.
    pub(super) in_order: Option<String>,
}

/// Something that arrives, or that is to be fetched.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// As the case has it: `webhook sale.json`.
    pub(super) title: String,
    /// When, milliseconds since 1970-01-01T00:00:00Z.
    pub(super) at_ms: i64,
    pub(super) act: Act,
    /// What the platform answers.
    pub(super) script: Script,
}

/// By which door it comes.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Webhook(Request),
    File { bytes: Vec<u8>, format: Option<String>, options: Options },
    Poll(Task),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseToml {
    #[serde(default)]
    about: String,
    now: Option<String>,
    #[serde(default = "utc")]
    zone: String,
    in_order: Option<String>,
    #[serde(default)]
    settings: toml::Table,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    #[serde(default)]
    delivery: Vec<DeliveryToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveryToml {
    at: Option<String>,
    webhook: Option<String>,
    #[serde(default)]
    query: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    content_type: Option<String>,
    csv: Option<String>,
    format: Option<String>,
    date_order: Option<DateOrder>,
    decimal_mark: Option<String>,
    poll: Option<String>,
    axis: Option<String>,
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    orders: Vec<String>,
    address: Option<String>,
    #[serde(default)]
    exchange: Vec<ExchangeToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExchangeToml {
    request: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    form: BTreeMap<String, String>,
    #[serde(default)]
    json: BTreeMap<String, toml::Value>,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    text: Option<String>,
    fails: Option<String>,
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn ok() -> u16 {
    200
}

/// Every case of a folder and of the folders in it, by name.
///
/// # Errors
/// What is wrong with which file.
pub(super) fn load_all(folder: &Path, connector: &Connector) -> Result<Vec<Case>, String> {
    let mut files = Vec::new();
    find(folder, &mut files).map_err(|error| format!("{}: cannot be read: {error}", folder.display()))?;
    files.sort();
    files.iter().map(|file| load(folder, file, connector)).collect()
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

fn load(folder: &Path, file: &Path, connector: &Connector) -> Result<Case, String> {
    let at_fault = |what: String| format!("{}: {what}", file.display());
    let text = String::from_utf8(read(file, CASE_BYTES)?).map_err(|_| at_fault("it is not UTF-8".to_owned()))?;
    let told: CaseToml = toml::from_str(&text).map_err(|error| at_fault(format!("it is not a case\n{error}")))?;
    let relative = file.strip_prefix(folder).unwrap_or(file).with_extension("");
    let name = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    let case = Reader { beside: file.parent().unwrap_or(folder), connector }.case(told);
    let case = case.map_err(at_fault)?;
    Ok(Case { name, expected: file.with_extension("expected.json"), ..case })
}

/// Reads one case against the manifest.
struct Reader<'a> {
    /// Folder of the case, where its other files are.
    beside: &'a Path,
    connector: &'a Connector,
}

impl Reader<'_> {
    fn case(&self, told: CaseToml) -> Result<Case, String> {
        let zone = settings::zone(&told.zone)?;
        let now_ms = told.now.as_deref().map(|text| moment(text, zone)).transpose()?.unwrap_or(NOW_MS);
        let given = self.given(&told.settings, &told.secrets, &told.zone)?;
        let words = Words::new(&given.secrets);
        let mut deliveries = Vec::new();
        for (index, told) in told.delivery.into_iter().enumerate() {
            let after = STEP_MS.saturating_mul(i64::try_from(index).unwrap_or(i64::MAX));
            let at_ms = told.at.as_deref().map(|text| moment(text, zone)).transpose()?;
            let at_ms = at_ms.unwrap_or_else(|| now_ms.saturating_add(after));
            let delivery = self.delivery(told, at_ms, zone, &words);
            deliveries.push(delivery.map_err(|what| format!("delivery {}: {what}", index + 1))?);
        }
        if deliveries.is_empty() {
            return Err("nothing is delivered in it; begin with [[delivery]]".to_owned());
        }
        Ok(Case {
            name: String::new(),
            about: told.about,
            expected: PathBuf::new(),
            zone,
            given,
            deliveries,
            in_order: told.in_order,
        })
    }

    /// Every secret has a value that stands nowhere else, unless the case gives one or takes it away with an empty text.
    fn given(&self, values: &toml::Table, secrets: &BTreeMap<String, String>, zone: &str) -> Result<Given, String> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in values {
            match value {
                toml::Value::Array(items) => pairs.extend(items.iter().map(|item| (name.clone(), plain(item)))),
                value => pairs.push((name.clone(), plain(value))),
            }
        }
        let is_secret = |kind: &SettingKind| matches!(kind, SettingKind::Secret | SettingKind::GeneratedSecret);
        let declared: Vec<&str> = self
            .connector
            .manifest
            .settings
            .iter()
            .filter(|one| is_secret(&one.kind))
            .map(|one| one.name.as_str())
            .collect();
        if let Some(name) = secrets.keys().find(|name| !declared.contains(&name.as_str())) {
            return Err(format!("the connector has no secret `{name}`; it has {}", declared.join(", ")));
        }
        for name in declared {
            let word = secrets.get(name).cloned().unwrap_or_else(|| format!("word-of-{name}-Q7zk"));
            if !word.is_empty() {
                pairs.push((name.to_owned(), word));
            }
        }
        // The zone is the daemon's own key; a connector may only demand that it is written.
        let is_zone = |one: &&SettingDescription| one.name == "zone" && one.kind == SettingKind::Zone;
        if self.connector.manifest.settings.iter().any(|one| is_zone(&one)) {
            pairs.push(("zone".to_owned(), zone.to_owned()));
        }
        let read = settings::read(&self.connector.manifest, &pairs).map_err(|failure| failure.text());
        read.map(|mut given| {
            given.values.remove("zone");
            given
        })
    }

    fn delivery(&self, told: DeliveryToml, at_ms: i64, zone: Zone, words: &Words<'_>) -> Result<Delivery, String> {
        let script = told.exchange.iter().map(|told| self.exchange(told, words)).collect::<Result<Vec<_>, _>>()?;
        let (title, act) = match (&told.webhook, &told.csv, &told.poll) {
            (Some(file), None, None) => (format!("webhook {file}"), self.webhook(&told, file, at_ms, words)?),
            (None, Some(file), None) => (format!("csv {file}"), self.csv(&told, file)?),
            (None, None, Some(task)) => (format!("poll {task}"), Act::Poll(poll_task(&told, task, at_ms, zone)?)),
            _ => return Err("say one of `webhook`, `csv` and `poll`".to_owned()),
        };
        Ok(Delivery { title, at_ms, act, script: Script::new(script) })
    }

    fn webhook(&self, told: &DeliveryToml, file: &str, at_ms: i64, words: &Words<'_>) -> Result<Act, String> {
        let (mut body, usual_type) = self.body(file)?;
        if let Ok(text) = std::str::from_utf8(&body) {
            body = words.put_in(text, &[])?.into_bytes();
        }
        let content_type = told.content_type.clone().unwrap_or_else(|| usual_type.to_owned());
        let mut headers = vec![Header { name: "content-type".to_owned(), value: content_type }];
        let told_headers = words.headers(&told.headers, &body, at_ms)?;
        headers.extend(told_headers.into_iter().map(|(name, value)| Header { name, value }));
        Ok(Act::Webhook(Request { query: words.put_in(&told.query, &body)?, headers, body, received_ms: at_ms }))
    }

    fn csv(&self, told: &DeliveryToml, file: &str) -> Result<Act, String> {
        let decimal_mark = match told.decimal_mark.as_deref() {
            None => None,
            Some(".") => Some(DecimalMark::Point),
            Some(",") => Some(DecimalMark::Comma),
            Some(other) => return Err(format!("`decimal_mark` is \".\" or \",\", not `{other}`")),
        };
        let options = Options { date_order: told.date_order, decimal_mark };
        Ok(Act::File { bytes: read(&self.beside.join(file), CASE_FILE_BYTES)?, format: told.format.clone(), options })
    }

    fn exchange(&self, told: &ExchangeToml, words: &Words<'_>) -> Result<Exchange, String> {
        let (method, url) = told.request.split_once(' ').ok_or("write `request` as \"GET https://…\"")?;
        let (body, usual_type) = match (&told.body, &told.text) {
            (Some(file), None) => self.body(file)?,
            (None, Some(text)) => (text.clone().into_bytes(), "application/json"),
            (None, None) => (Vec::new(), "application/json"),
            (Some(_), Some(_)) => return Err("an exchange has `body` or `text`, not both".to_owned()),
        };
        let body = match std::str::from_utf8(&body) {
            Ok(text) => words.struck_out(&words.put_in(text, &[])?).into_bytes(),
            Err(_) => body,
        };
        let mut headers = vec![Header { name: "content-type".to_owned(), value: usual_type.to_owned() }];
        for (name, value) in &told.headers {
            headers.retain(|header| header.name != name.to_lowercase());
            headers.push(Header { name: name.to_lowercase(), value: value.clone() });
        }
        let came = match told.fails.as_deref() {
            None => Came::Response { status: told.status, headers, body },
            Some("timeout") => Came::Timeout,
            Some("connection") => Came::Connection,
            Some("too-large") => Came::TooLarge,
            Some(other) => return Err(format!("`fails` is timeout, connection or too-large, not `{other}`")),
        };
        let json = told.json.iter().map(|(pointer, value)| {
            let value = serde_json::to_value(value).map_err(|error| error.to_string())?;
            Ok((pointer.clone(), value))
        });
        Ok(Exchange {
            method: method.trim().to_owned(),
            url: url.trim().to_owned(),
            query: told.query.clone().into_iter().collect(),
            form: told.form.clone().into_iter().collect(),
            json: json.collect::<Result<_, String>>()?,
            came,
        })
    }

    /// A body and its content type. A `.fields` file is a form, one NAME=VALUE in each line.
    fn body(&self, file: &str) -> Result<(Vec<u8>, &'static str), String> {
        const FORM: &str = "application/x-www-form-urlencoded";
        let path = self.beside.join(file);
        let bytes = read(&path, CASE_FILE_BYTES)?;
        Ok(match path.extension().and_then(|end| end.to_str()) {
            Some("fields") => {
                let text = String::from_utf8(bytes).map_err(|_| format!("{file}: it is not UTF-8"))?;
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
                    form.append_pair(name, value);
                }
                // What stands for a secret is put in later, and must be found.
                (form.finish().replace("%24%7B", "${").replace("%3A", ":").replace("%7D", "}").into_bytes(), FORM)
            }
            Some("form") => (bytes.trim_ascii_end().to_vec(), FORM),
            Some("html") => (bytes, "text/html; charset=UTF-8"),
            _ => (bytes, "application/json"),
        })
    }
}

fn poll_task(told: &DeliveryToml, task: &str, at_ms: i64, zone: Zone) -> Result<Task, String> {
    let address = || told.address.clone().ok_or_else(|| format!("a poll `{task}` needs `address`"));
    Ok(match task {
        "check" => Task::Check,
        "sync" => {
            let axis = match told.axis.as_deref() {
                None | Some("modified") => Axis::Modified,
                Some("created") => Axis::Created,
                Some(other) => return Err(format!("`axis` is modified or created, not `{other}`")),
            };
            let from = told.from.as_deref().ok_or("a poll `sync` needs `from`, like \"2026-03-01\"")?;
            let end_ms = told.to.as_deref().map(|text| moment(text, zone)).transpose()?.unwrap_or(at_ms);
            Task::Sync(Window { axis, start_ms: moment(from, zone)?, end_ms })
        }
        "refresh" => Task::Refresh(told.orders.clone()),
        "subscribe" => Task::Subscribe(address()?),
        "unsubscribe" => Task::Unsubscribe(address()?),
        other => return Err(format!("`poll` is check, sync, refresh, subscribe or unsubscribe, not `{other}`")),
    })
}

/// A moment, or a day, which begins at midnight in the zone. Milliseconds since 1970-01-01T00:00:00Z.
fn moment(text: &str, zone: Zone) -> Result<i64, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.timestamp_millis());
    }
    let midnight = text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN));
    let at = midnight.and_then(|midnight| zone.from_local_datetime(&midnight).earliest());
    at.map(|at| at.timestamp_millis())
        .ok_or_else(|| format!("`{text}` is no time; write it like 2026-04-01T12:30:00Z or 2026-04-01"))
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let failed = |error| format!("{}: cannot be read: {error}", path.display());
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(failed)?.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(format!("{}: larger than {most} bytes", path.display()));
    }
    Ok(bytes)
}
