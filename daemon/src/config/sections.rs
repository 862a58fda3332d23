//! The tables of the file, one function each, and what must hold between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::folder_of;
use super::integration::{self, BAD_ROWS};
use super::problem::quote;
use super::read::{Fault, Reader, Section, Site};
use super::secret::{self, Env, Vault};
use super::types::{Api, BadRows, Config, DropFolder, FreeOrders, Merge, Paths, Report, Webhooks};
use super::{parse, rates, schema, spend};
use crate::limits::config::{API_TOKEN_BYTES_MIN, DROP_WAIT_S, WEBHOOK_BODY_BYTES_HIGHEST, WEBHOOK_BODY_BYTES_LOWEST};
use crate::model::manifest::Manifest;

/// What a configuration is read against.
pub(super) struct Surroundings<'a> {
    /// The configuration file, absolute.
    pub(super) file: &'a Path,
    pub(super) manifests: &'a BTreeMap<String, Manifest>,
    pub(super) broken: &'a BTreeMap<String, String>,
    pub(super) hashes: &'a BTreeMap<String, String>,
    pub(super) env: &'a dyn Env,
}

/// The whole file. None if anything in it is wrong, all of which was noted.
pub(super) fn config(reader: &mut Reader<'_>, mut root: Section<'_>, around: &Surroundings<'_>) -> Option<Config> {
    let folder = folder_of(around.file);
    let sites = [schema::DATA_DIR, schema::DROP_DIR, schema::CONNECTORS_DIR].map(|key| root.site_of(key.name));
    let paths = paths(reader, &mut root, &folder);
    if let Some(paths) = &paths {
        check_overlap(reader, paths, sites);
    }
    let report = reader.section(&mut root, &schema::REPORT);
    let report = read_report(reader, report);
    let rates = reader.section(&mut root, &schema::RATES);
    let rates = rates::read(reader, rates, report.as_ref().map(|report| report.currency), &folder);
    let spend = reader.section(&mut root, &schema::SPEND);
    let spend = spend::read(reader, spend, report.as_ref().map(|report| report.currency), &folder);
    let api = reader.section(&mut root, &schema::API);
    let api_site = api.site_of(schema::API_LISTEN.name);
    let api = read_api(reader, api, &Vault { env: around.env, folder: &folder, required: true });
    let webhooks = reader.section(&mut root, &schema::WEBHOOKS);
    let webhooks_site = webhooks.site_of(schema::WEBHOOKS_LISTEN.name);
    let webhooks = read_webhooks(reader, webhooks);
    if let (Some(api), Some(webhooks)) = (&api, &webhooks)
        && overlap(api.listen, webhooks.listen)
    {
        let site = if webhooks_site.at.is_some() { webhooks_site } else { api_site };
        let fault = Fault::new("`api.listen` and `webhooks.listen` are the same address");
        let help = "the two listeners are apart so that one may face the internet: give each its own port";
        reader.error(site, fault.help(help));
    }
    let drop = reader.section(&mut root, &schema::DROP);
    let drop = read_drop(reader, drop);
    let integrations = reader.section(&mut root, &schema::INTEGRATION);
    let surroundings = integration::Surroundings {
        manifests: around.manifests,
        broken: around.broken,
        hashes: around.hashes,
        env: around.env,
        folder: &folder,
        // If it is wrong, that is an error of its own.
        bad_rows: drop.as_ref().map_or(BadRows::Quarantine, |drop| drop.bad_rows),
    };
    let integrations = integration::read_all(reader, integrations, &surroundings);
    let known: Vec<_> = schema::ROOT.keys.iter().map(|key| key.name).chain(schema::TABLES.map(|t| t.name)).collect();
    reader.finish(root, &known);
    Some(Config {
        file: around.file.to_owned(),
        sha256: reader.source.sha256(),
        more_files: std::mem::take(&mut reader.more_files),
        paths: paths?,
        report: report?,
        rates,
        spend,
        api: api?,
        webhooks: webhooks?,
        drop: drop?,
        integrations,
    })
}

/// The folders.
pub(super) fn paths(reader: &mut Reader<'_>, root: &mut Section<'_>, folder: &Path) -> Option<Paths> {
    let mut path = |key| {
        reader.read(root, key, |value| {
            let path = parse::text(value)?;
            if path.trim().is_empty() {
                return Err(Fault::new("the path is empty"));
            }
            // Without `.` in between; `..` stays, since it may lead through a link.
            Ok(folder.join(path).components().collect::<PathBuf>())
        })
    };
    let (data_dir, drop_dir, connectors_dir) =
        (path(&schema::DATA_DIR), path(&schema::DROP_DIR), path(&schema::CONNECTORS_DIR));
    Some(Paths { data_dir: data_dir?, drop_dir: drop_dir?, connectors_dir: connectors_dir? })
}

/// The report API.
pub(super) fn api(reader: &mut Reader<'_>, root: &mut Section<'_>, folder: &Path, env: &dyn Env) -> Option<Api> {
    let section = reader.section(root, &schema::API);
    read_api(reader, section, &Vault { env, folder, required: true })
}

/// Who may put files for import somewhere must not thereby reach the database or bring in connectors.
fn check_overlap(reader: &mut Reader<'_>, paths: &Paths, [data_site, drop_site, connectors_site]: [Site; 3]) {
    let [data, drop, connectors] = [&paths.data_dir, &paths.drop_dir, &paths.connectors_dir].map(|path| real(path));
    let own = "each needs a folder of its own";
    let nested = |a: &Path, b: &Path| a.starts_with(b) || b.starts_with(a);
    if nested(&drop, &data) {
        reader.error(drop_site.clone(), Fault::new("`drop_dir` and `data_dir` lie in one another").help(own));
    }
    if nested(&drop, &connectors) {
        reader.error(drop_site, Fault::new("`drop_dir` and `connectors_dir` lie in one another").help(own));
    }
    // Connectors below the data are a usual layout; data among connectors is a slip.
    if data.starts_with(&connectors) {
        let site = if connectors_site.at.is_some() { connectors_site } else { data_site };
        reader.error(site, Fault::new("`data_dir` lies in `connectors_dir`").help(own));
    }
}

/// With links followed as far as the path exists.
fn real(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
            return real.join(rest);
        }
    }
    path.to_owned()
}

fn read_report(reader: &mut Reader<'_>, mut section: Section<'_>) -> Option<Report> {
    let timezone = reader.read(&mut section, &schema::TIMEZONE, parse::zone);
    let currency = reader.read(&mut section, &schema::CURRENCY, parse::currency);
    let free_orders = reader.read(&mut section, &schema::FREE_ORDERS, |value| {
        parse::choice(value, &[("ignore", FreeOrders::Ignore), ("count", FreeOrders::Count)])
    });
    let merge = reader.read(&mut section, &schema::MERGE, |value| {
        parse::choice(value, &[("email", Merge::Email), ("store", Merge::Store)])
    });
    let shared_emails = reader.read(&mut section, &schema::SHARED_EMAILS, |value| {
        let addresses: Vec<_> = parse::texts(value)?.iter().map(|address| address.trim().to_lowercase()).collect();
        match addresses.iter().find(|address| !address.contains('@')) {
            Some(wrong) => Err(Fault::new(format!("{} is no e-mail address", quote(wrong)))),
            None => Ok(addresses),
        }
    });
    finish(reader, section, &schema::REPORT);
    Some(Report {
        timezone: timezone?,
        currency: currency?,
        free_orders: free_orders?,
        merge: merge?,
        shared_emails: shared_emails?,
    })
}

fn read_api(reader: &mut Reader<'_>, mut section: Section<'_>, vault: &Vault<'_>) -> Option<Api> {
    let listen_site = section.site_of(schema::API_LISTEN.name);
    let listen = reader.read(&mut section, &schema::API_LISTEN, parse::listen);
    let given = section.take(schema::API_TOKEN.name);
    let token_given = given.is_some();
    let token_site = given.as_ref().map(|(site, _)| site.clone());
    let token = given.and_then(|(site, value)| secret::read(reader, &site, value, vault));
    let allowed_hosts = reader.read(&mut section, &schema::ALLOWED_HOSTS, |value| {
        let hosts: Vec<_> = parse::texts(value)?.iter().map(|host| host.to_ascii_lowercase()).collect();
        match hosts.iter().find(|host| !parse::is_host(host)) {
            Some(wrong) => Err(Fault::new(format!("{} is no host name", quote(wrong)))
                .help("write names alone, without http:// or port")),
            None => Ok(hosts),
        }
    });
    finish(reader, section, &schema::API);
    let public = listen.is_some_and(|listen| !listen.ip().is_loopback());
    if let (true, false, Some(listen)) = (public, token_given, listen) {
        let message = format!("other machines can reach {listen}, so `api.token` has to be set");
        let help = "add token = { env = \"LTVD_TOKEN\" }, or listen on \"127.0.0.1:8380\"";
        reader.error(listen_site, Fault::new(message).help(help));
    }
    if let (Some(token), Some(site)) = (&token, token_site)
        && token.expose_secret().len() < API_TOKEN_BYTES_MIN
    {
        let fault = Fault::new(format!("the token is shorter than {API_TOKEN_BYTES_MIN} bytes and can be guessed"))
            .help("make one with: openssl rand -hex 32");
        if public { reader.error(site, fault) } else { reader.warn(site, fault) }
    }
    Some(Api { listen: listen?, token, allowed_hosts: allowed_hosts? })
}

fn read_webhooks(reader: &mut Reader<'_>, mut section: Section<'_>) -> Option<Webhooks> {
    let follows_listen = section.has(&schema::WEBHOOKS_LISTEN) && !section.has(&schema::PUBLIC_URL);
    let listen = reader.read(&mut section, &schema::WEBHOOKS_LISTEN, parse::listen);
    let url_site = section.site_of(schema::PUBLIC_URL.name);
    let public_url = reader.read(&mut section, &schema::PUBLIC_URL, parse::url);
    let body_bytes_max = reader.read(&mut section, &schema::BODY_BYTES_MAX, |value| {
        parse::integer_in(value, WEBHOOK_BODY_BYTES_LOWEST..=WEBHOOK_BODY_BYTES_HIGHEST)
    });
    let trusted_proxies = reader.read(&mut section, &schema::TRUSTED_PROXIES, parse::networks);
    let answer = reader.read(&mut section, &schema::ANSWER, parse::paths);
    finish(reader, section, &schema::WEBHOOKS);
    let listen = listen?;
    let public_url = if follows_listen { format!("http://{listen}") } else { public_url? };
    let host = public_url.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or(rest));
    if host.is_some_and(|host| host != "localhost" && !host.starts_with("127.") && !host.starts_with('[')) {
        let fault = Fault::new("platforms want https, and over http everyone on the way reads the orders");
        reader.warn(url_site, fault.help("put a proxy with a certificate in front, and write its https:// address"));
    }
    Some(Webhooks {
        listen,
        public_url,
        body_bytes_max: usize::try_from(body_bytes_max?).ok()?,
        trusted_proxies: trusted_proxies?,
        answer: answer?,
    })
}

fn read_drop(reader: &mut Reader<'_>, mut section: Section<'_>) -> Option<DropFolder> {
    let enabled = reader.read(&mut section, &schema::DROP_ENABLED, parse::boolean);
    let settle = reader.read(&mut section, &schema::SETTLE_S, |value| parse::integer_in(value, 0..=DROP_WAIT_S));
    let scan = reader.read(&mut section, &schema::SCAN_S, |value| parse::integer_in(value, 1..=DROP_WAIT_S));
    let bad_rows = reader.read(&mut section, &schema::BAD_ROWS, |value| parse::choice(value, &BAD_ROWS));
    let percent = reader.read(&mut section, &schema::BAD_ROWS_MAX_PERCENT, |value| parse::integer_in(value, 0..=100));
    finish(reader, section, &schema::DROP);
    Some(DropFolder {
        enabled: enabled?,
        settle: Duration::from_secs(settle?.unsigned_abs()),
        scan: Duration::from_secs(scan?.unsigned_abs()),
        bad_rows: bad_rows?,
        bad_rows_max_percent: u8::try_from(percent?).ok()?,
    })
}

fn finish(reader: &mut Reader<'_>, section: Section<'_>, table: &schema::Table) {
    let known: Vec<_> = table.keys.iter().map(|key| key.name).collect();
    reader.finish(section, &known);
}

/// Whether both cannot be listened on. Port 0 is a different free port each time.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}
