//! `ltvd connector read`: one delivery, without daemon and ledger.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;

use super::super::failure::Failure;
use super::super::output;
use super::settings::{self, Given};
use super::trial::Trial;
use super::{entries, trial};
use crate::clock;
use crate::connector::{CallContext, Connector, Delivery, Header};
use crate::files::{DecimalMark, Options};
use crate::limits::cli::BODY_BYTES;
use crate::model::Zone;
use crate::model::manifest::{DateOrder, SettingKind};

/// Arguments of `ltvd connector read`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The connector: its file, or its id if it lies in the connectors' folder
    pub(super) connector: String,
    /// What the delivery is: the body of a webhook, an exported file, or the answer to the first request of a poll
    #[arg(long = "as", value_name = "KIND")]
    kind: Kind,
    /// The delivery; - for standard input
    file: PathBuf,
    /// A setting of the connector; may be given several times. Secrets count as set unless --without-secret names them
    #[arg(long = "setting", value_name = "NAME=VALUE", value_parser = settings::pair)]
    settings: Vec<(String, String)>,
    /// A secret that has no value; may be given several times
    #[arg(long = "without-secret", value_name = "NAME")]
    without: Vec<String>,
    /// Read a webhook whatever its proof, as if it were signed
    #[arg(long)]
    unproven: bool,
    /// Begin of the window of which a response tells, like 2026-03-01T00:00:00Z [default: as long before its end as the
    /// connector walks at a time]
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<i64>,
    /// End of that window [default: when the response arrived]
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<i64>,
    /// Zone of the account
    #[arg(long, value_name = "ZONE", value_parser = settings::zone, default_value = "UTC")]
    zone: Zone,
    /// When it arrived, like 2026-04-01T12:30:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    received: Option<i64>,
    /// Content type of a webhook or response [default: JSON or a form, whichever it looks like]
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Another header of it; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Query of the address of a webhook
    #[arg(long, default_value = "", hide_default_value = true)]
    query: String,
    /// Status of a response
    #[arg(long, default_value_t = 200)]
    status: u16,
    /// Format of a file, if its header leaves several possibilities
    #[arg(long, value_name = "ID")]
    format_id: Option<String>,
    /// What 03/04/2026 means, if the file does not tell
    #[arg(long, value_parser = ["month-first", "day-first"])]
    date_order: Option<String>,
    /// What separates the decimals, if the file does not tell
    #[arg(long, value_parser = [".", ","])]
    decimal_mark: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    Webhook,
    Csv,
    Response,
}

pub(super) fn read(connector: &Arc<Connector>, args: &Args) -> Result<(), Failure> {
    let given = settings::read(&connector.manifest, &args.settings)?;
    let problems = connector.validate(&given.values).map_err(|error| Failure::Failed(error.to_string()))?;
    for problem in problems {
        let setting = problem.setting.map_or_else(String::new, |setting| format!("{setting}: "));
        output::warn(&format!("settings: {setting}{}", problem.message));
    }
    let context = context(connector, args, &given)?;
    let mut trial = Trial::default();
    let result = match args.kind {
        Kind::Webhook => {
            let delivery = delivery(args, &context)?;
            trial::webhook(connector, &delivery, args.unproven, &context, &given, &mut trial)
        }
        Kind::Response => {
            let answer = trial::Answer {
                response: delivery(args, &context)?,
                status: args.status,
                from_ms: args.from,
                to_ms: args.to,
            };
            trial::response(connector, answer, &context, &mut trial)
        }
        Kind::Csv => {
            let source = open(&args.file)?;
            let reading = trial::FileReading { source, format_id: args.format_id.as_deref(), options: args.options() };
            trial::file(connector, reading, &context, &mut trial)
        }
    };
    // What was read before a failure is worth seeing, and so is the log.
    if result.is_ok() || !trial.is_empty() {
        if args.json {
            output::print_json(&entries::to_json(&trial, context.zone))?;
        } else {
            output::print(&entries::to_text(&trial))?;
        }
    }
    result.map_err(Failure::Failed)
}

impl Args {
    fn options(&self) -> Options {
        Options {
            date_order: self.date_order.as_deref().map(|order| match order {
                "month-first" => DateOrder::MonthFirst,
                _ => DateOrder::DayFirst,
            }),
            decimal_mark: self.decimal_mark.as_deref().map(|mark| match mark {
                "." => DecimalMark::Point,
                _ => DecimalMark::Comma,
            }),
        }
    }
}

fn context(connector: &Connector, args: &Args, given: &Given) -> Result<CallContext, Failure> {
    // Secrets count as set: a connector acts differently without them, and here their values matter to nobody.
    let is_secret = |kind: &SettingKind| matches!(kind, SettingKind::Secret | SettingKind::GeneratedSecret);
    let secrets = connector.manifest.settings.iter().filter(|setting| is_secret(&setting.kind));
    let secrets: Vec<String> = secrets.map(|setting| setting.name.clone()).collect();
    if let Some(name) = args.without.iter().find(|name| !secrets.contains(name)) {
        let there =
            if secrets.is_empty() { "it has none".to_owned() } else { format!("it has {}", secrets.join(", ")) };
        return Err(Failure::Usage(format!("connector `{}` has no secret `{name}`; {there}", connector.manifest.id)));
    }
    Ok(CallContext {
        now_ms: args.received.unwrap_or_else(clock::now_ms),
        zone: args.zone,
        settings: given.values.clone(),
        secrets: secrets.into_iter().filter(|name| !args.without.contains(name)).collect(),
        memory: None,
        integration: String::new(),
    })
}

fn delivery(args: &Args, context: &CallContext) -> Result<Delivery, Failure> {
    let mut body = Vec::new();
    let failed = |what: String| Failure::Failed(format!("{}: {what}", args.file.display()));
    let read = open(&args.file)?.take(BODY_BYTES + 1).read_to_end(&mut body);
    read.map_err(|error| failed(format!("cannot be read: {error}")))?;
    if body.len() as u64 > BODY_BYTES {
        return Err(failed(format!("larger than {BODY_BYTES} bytes")));
    }
    let mut headers: Vec<Header> = args.headers.iter().map(|(name, value)| new_header(name, value)).collect();
    if !headers.iter().any(|header| header.name == "content-type") {
        let content_type = args.content_type.as_deref().unwrap_or_else(|| guess(&body));
        headers.insert(0, new_header("content-type", content_type));
    }
    Ok(Delivery { query: args.query.clone(), headers, body, received_ms: context.now_ms })
}

fn new_header(name: &str, value: &str) -> Header {
    Header { name: name.to_ascii_lowercase(), value: value.to_owned() }
}

fn guess(body: &[u8]) -> &'static str {
    match body.trim_ascii_start().first() {
        Some(b'{' | b'[') => "application/json",
        _ => "application/x-www-form-urlencoded",
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Failure::Failed(format!("{}: cannot be read: {error}", path.display()))),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Milliseconds since 1970.
fn time(text: &str) -> Result<i64, String> {
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed.map(|at| at.timestamp_millis()).map_err(|_| "write it like 2026-04-01T12:30:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_taken_for_what_they_look_like() {
        assert_eq!(guess(b" \n{\"a\":1}"), "application/json");
        assert_eq!(guess(b"event=order&x=1"), "application/x-www-form-urlencoded");
        assert_eq!(header("X-Sign:  a:b "), Ok(("X-Sign".to_owned(), "a:b".to_owned())));
        assert_eq!(time("1970-01-01T01:00:00+01:00"), Ok(0));
        assert!(time("yesterday").is_err() && header("no colon").is_err());
    }
}
