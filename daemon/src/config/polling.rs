//! The keys of an integration that say when and how its platform is asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Datelike as _;
use toml::de::DeValue;

use super::integration::Surroundings;
use super::problem::quote;
use super::read::{Fault, Reader, Section, Value, mismatch};
use super::types::Polling;
use super::{parse, schema};
use crate::limits::config::{DAYS_MAX, EVERY_MAX_S, EVERY_MIN_S, REQUESTS_MAX};
use crate::model::manifest::Manifest;

/// An earlier year is hardly meant.
const EARLIEST_YEAR: i32 = 1995;

/// Reads them. What is wrong was noted.
pub(super) fn read(reader: &mut Reader<'_>, table: &mut Section<'_>, around: &Surroundings<'_>) -> Option<Polling> {
    let (from_site, to_site) = (table.site_of(schema::FROM.name), table.site_of(schema::TO.name));
    let from = reader.read(table, &schema::FROM, parse::date);
    if let Some(from) = from.filter(|from| from.year() < EARLIEST_YEAR) {
        let fault =
            Fault::new(format!("{from} lies before any shop on the internet, and every day since then is asked for"));
        reader.warn(
            from_site,
            fault.help("write the first day of which orders are wanted, for example from = 2024-01-01"),
        );
    }
    let to = reader.read(table, &schema::TO, parse::date);
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        reader.error(to_site.clone(), Fault::new("`to` is before `from`"));
    }
    if to.is_some() && from.is_none() {
        reader.warn(to_site, Fault::new("`to` has no effect without `from`"));
    }
    let every = reader.read(table, &schema::EVERY, duration);
    let number =
        |value: &Value<'_>, range| parse::integer_in(value, range).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let days = |value: &Value<'_>| number(value, 0..=DAYS_MAX);
    let recheck_days = reader.read(table, &schema::RECHECK_DAYS, days);
    let keep_responses_days = reader.read(table, &schema::KEEP_RESPONSES_DAYS, days);
    let count = |value: &Value<'_>| number(value, 1..=REQUESTS_MAX);
    let requests_per_minute = reader.read(table, &schema::REQUESTS_PER_MINUTE, count);
    let concurrent_requests = reader.read(table, &schema::CONCURRENT_REQUESTS, count);
    let hosts = reader.read(table, &schema::HOSTS, |value| {
        let hosts: Vec<_> = parse::texts(value)?.iter().map(|host| host.to_lowercase()).collect();
        match hosts.iter().find(|host| !parse::is_host(host)) {
            Some(wrong) => Err(Fault::new(format!("{} is no host name", quote(wrong)))
                .help("write names alone, without https:// or port")),
            None => Ok(hosts),
        }
    });
    let allow_private_addresses = reader.read(table, &schema::ALLOW_PRIVATE_ADDRESSES, parse::boolean);
    let connect_to = reader.read(table, &schema::CONNECT_TO, addresses);
    let ca_file = reader.read(table, &schema::CA_FILE, |value| path(value, around.folder));
    reader.more_files.extend(ca_file.clone());
    Some(Polling {
        from,
        to,
        every: every?,
        recheck_days,
        keep_responses_days,
        requests_per_minute,
        concurrent_requests,
        hosts,
        allow_private_addresses: allow_private_addresses?,
        connect_to: connect_to.unwrap_or_default(),
        ca_file,
    })
}

/// What is odd about an integration that can be polled and is not, or the other way round.
pub(super) fn question(manifest: &Manifest, polling: &Polling, has_key: bool) -> Option<Fault> {
    match (&manifest.polling, polling.from) {
        (Some(_), None) if has_key => Some(
            Fault::new("`from` is missing, so the platform is not asked for its orders")
                .help("write the day from which on they are wanted, for example from = 2024-01-01; the first load reads them once"),
        ),
        (Some(_), Some(_)) if !has_key && manifest.optional_key().is_some() => Some(
            Fault::new("`from` has no effect without `api_key`, so the platform is not asked for its orders")
                .help("its data comes by webhook and by file; give the key, or leave `from` out"),
        ),
        (None, Some(_)) => Some(
            Fault::new(format!("the connector {} does not ask its platform, so `from` has no effect", quote(&manifest.id)))
                .help("its data comes by webhook and by file"),
        ),
        _ => None,
    }
}

/// `15m`: a whole number and its unit.
fn duration(value: &Value<'_>) -> Result<Duration, Fault> {
    let text = parse::text(value)?;
    let help = "write a number and a unit: \"90s\", \"15m\", \"6h\" or \"1d\"";
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_s = match unit.trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(Fault::new(format!("{} is no length of time", quote(&text))).help(help)),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_s));
    match seconds {
        Some(seconds) if (EVERY_MIN_S..=EVERY_MAX_S).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        Some(_) => Err(Fault::new(format!(
            "{} is not between {EVERY_MIN_S} seconds and {} days",
            quote(&text),
            EVERY_MAX_S / 86_400
        ))),
        None => Err(Fault::new(format!("{} is no length of time", quote(&text))).help(help)),
    }
}

/// `{ "api.example.com" = "10.0.0.5:443" }`
fn addresses(value: &Value<'_>) -> Result<BTreeMap<String, SocketAddr>, Fault> {
    let DeValue::Table(table) = value.get_ref() else { return Err(mismatch("a table of hosts and addresses", value)) };
    let mut addresses = BTreeMap::new();
    for (host, address) in table {
        let host = host.get_ref().to_lowercase();
        if !parse::is_host(&host) {
            return Err(Fault::new(format!("{} is no host name", quote(&host))));
        }
        let text = parse::text(address)?;
        let address = text.parse().map_err(|_| {
            Fault::new(format!("{} is no address with port", quote(&text)))
                .help("for example \"10.0.0.5:443\" or \"[fd00::5]:443\"")
        })?;
        addresses.insert(host, address);
    }
    Ok(addresses)
}

fn path(value: &Value<'_>, folder: &Path) -> Result<PathBuf, Fault> {
    let path = parse::text(value)?;
    if path.trim().is_empty() {
        return Err(Fault::new("the path is empty"));
    }
    Ok(folder.join(path))
}
