//! Feeds a starting daemon what a shop would: exported files in the drop folder, then webhooks.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::http;
use crate::run::API;
use crate::workspace::{Workspace, output, status};

/// Time for the daemon to be ready; its first start compiles the connectors.
const READY: Duration = Duration::from_secs(120);
/// Time for all sample files to be taken, and for all webhooks to be read.
const TAKEN: Duration = Duration::from_secs(60);
/// How long the figures must stay equal to be final.
const QUIET: Duration = Duration::from_millis(1_500);
/// Pause between looks.
const PAUSE: Duration = Duration::from_millis(200);

const LTV: &str = "/v1/ltv?group=month&horizons=30,60,90";

#[derive(Args)]
pub(crate) struct Options {
    /// The daemon's binary.
    binary: PathBuf,
    /// Its configuration; it runs in the folder of this file.
    config: PathBuf,
    /// Its process id.
    daemon: u32,
}

impl Options {
    pub(crate) fn arguments(binary: &Path, config: &Path, daemon: u32) -> [OsString; 3] {
        [binary.into(), config.into(), daemon.to_string().into()]
    }

    /// The daemon is this process's parent: once it has gone, another one adopts us.
    fn daemon_lives(&self) -> bool {
        parent_id() == self.daemon
    }

    fn ltvd(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--config").arg(&self.config);
        command
    }
}

/// One integration of the example configuration and the sample files of its connector.
struct Shop {
    integration: String,
    files: Vec<PathBuf>,
    webhooks: Vec<PathBuf>,
}

/// Waits for the daemon, feeds it, shows the figures.
pub(crate) fn feed(workspace: &Workspace, options: &Options) -> Result<()> {
    let shops = shops(&workspace.root.join("plugins"))?;
    ensure!(!shops.is_empty(), "no connector has a folder fixtures/sample");
    let folder = options.config.parent().context("the configuration has no folder")?;

    let ready = wait(options, READY, || http::get(&url("/readyz")).is_ok_and(|answer| answer.status == 200));
    if !ready.context("ltvd does not become ready; its messages above say why")? {
        return Ok(());
    }
    let drop = folder.join("drop");
    for shop in &shops {
        let into = drop.join(&shop.integration);
        fs::create_dir_all(&into).with_context(|| format!("cannot make {}", into.display()))?;
        for file in &shop.files {
            hand_in(file, &into)?;
        }
    }
    for shop in &shops {
        if !wait(options, TAKEN, || settled(&drop, shop)).with_context(|| left_lying(&drop, shop))? {
            return Ok(());
        }
        if let Some(failed) = find_under(&drop, "failed", shop)? {
            bail!("ltvd refused a sample file: see {} and the report beside it", failed.display());
        }
        post_webhooks(options, shop)?;
    }
    let mut figures = Figures::default();
    if !wait(options, TAKEN, || figures.are_final()).context("the figures do not come to rest")? {
        return Ok(());
    }
    println!();
    status(&mut options.ltvd(&["ltv"]))?;
    farewell(options, &shops, folder);
    Ok(())
}

fn farewell(options: &Options, shops: &[Shop], folder: &Path) {
    let shop = shops.first().map(|shop| shop.integration.as_str()).unwrap_or_default();
    println!(
        "\nltvd goes on running; Ctrl-C stops it. Look at\n  \
         http://{API}{LTV}\n  \
         http://{API}/v1/revenue?by=month\n  \
         http://{API}/healthz\n\
         Drop a file of your own into\n  \
         {folder}/drop/{shop}/\n\
         and see done/ or failed/ in it. In another terminal, try\n  \
         {ltvd} status\n  \
         {ltvd} revenue\n  \
         {ltvd} connector inspect thrivecart",
        folder = folder.display(),
        ltvd = format_args!("{} --config {}", options.binary.display(), options.config.display()),
    );
}

fn url(path: &str) -> String {
    format!("http://{API}{path}")
}

/// Looks until `done`; false when the daemon has stopped, which it has explained itself.
fn wait(options: &Options, limit: Duration, mut done: impl FnMut() -> bool) -> Result<bool> {
    let start = Instant::now();
    while !done() {
        if !options.daemon_lives() {
            return Ok(false);
        }
        if start.elapsed() > limit {
            bail!("gave up after {} s", limit.as_secs());
        }
        sleep(PAUSE);
    }
    Ok(true)
}

/// The connector `x` serves the integration `x-shop` of the example configuration.
fn shops(plugins: &Path) -> Result<Vec<Shop>> {
    let mut shops = Vec::new();
    for plugin in entries(plugins)? {
        let sample = plugin.join("fixtures/sample");
        let Some(id) = plugin.file_name().and_then(|name| name.to_str()) else { continue };
        if !sample.is_dir() {
            continue;
        }
        let (files, others): (Vec<_>, Vec<_>) =
            entries(&sample)?.into_iter().partition(|file| has_extension(file, "csv"));
        let webhooks = others.into_iter().filter(|file| content_type(file).is_some()).collect();
        shops.push(Shop { integration: format!("{id}-shop"), files, webhooks });
    }
    Ok(shops)
}

/// What a folder holds, in order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = listing.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

fn content_type(file: &Path) -> Option<&'static str> {
    if has_extension(file, "form") {
        Some("application/x-www-form-urlencoded")
    } else if has_extension(file, "json") {
        Some("application/json")
    } else {
        None
    }
}

/// Writes under a name that the daemon does not take, then renames: a half-written file must not be read.
fn hand_in(file: &Path, into: &Path) -> Result<()> {
    let name = file.file_name().context("a sample without a name")?;
    let part = into.join(format!(".{}.part", name.to_string_lossy()));
    fs::copy(file, &part).with_context(|| format!("cannot copy {} to {}", file.display(), part.display()))?;
    fs::rename(&part, into.join(name)).with_context(|| format!("cannot put {} in place", part.display()))
}

/// Whether every file of the shop has been taken: it no longer lies where it was put.
fn settled(drop: &Path, shop: &Shop) -> bool {
    shop.files.iter().filter_map(|file| file.file_name()).all(|name| !drop.join(&shop.integration).join(name).exists())
}

fn left_lying(drop: &Path, shop: &Shop) -> String {
    format!("the sample files in {} are not taken", drop.join(&shop.integration).display())
}

/// A path that lies in a folder called `outcome` and belongs to the shop.
fn find_under(drop: &Path, outcome: &str, shop: &Shop) -> Result<Option<PathBuf>> {
    let mut folders = vec![drop.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if has_component(&path, outcome) && has_component(&path, &shop.integration) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

fn has_component(path: &Path, name: &str) -> bool {
    path.components().any(|component| component.as_os_str() == name)
}

/// Sends the shop's webhooks as its platform would.
fn post_webhooks(options: &Options, shop: &Shop) -> Result<()> {
    if shop.webhooks.is_empty() {
        return Ok(());
    }
    let answer = output(&mut options.ltvd(&["webhook", "url", &shop.integration]))?;
    let url = answer.split_whitespace().find(|word| word.starts_with("http://"));
    let url = url.with_context(|| format!("ltvd webhook url {} printed no URL: {answer}", shop.integration))?;
    for file in &shop.webhooks {
        let body = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let answer = http::post(url, content_type(file).unwrap_or_default(), &body)?;
        ensure!(
            answer.status == 200,
            "the webhook {} was answered {}: {}",
            file.display(),
            answer.status,
            answer.body.trim()
        );
    }
    eprintln!("{}: {} files dropped, {} webhooks sent", shop.integration, shop.files.len(), shop.webhooks.len());
    Ok(())
}

/// Webhooks are read after they were answered, so the figures move for a moment.
#[derive(Default)]
struct Figures {
    last: Option<(String, Instant)>,
}

impl Figures {
    fn are_final(&mut self) -> bool {
        let Ok(answer) = http::get(&url(LTV)) else { return false };
        match &self.last {
            Some((body, since)) if *body == answer.body => since.elapsed() >= QUIET,
            _ => {
                self.last = Some((answer.body, Instant::now()));
                false
            }
        }
    }
}
