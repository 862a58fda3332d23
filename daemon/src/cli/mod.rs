//! The command line. Data goes to standard output, messages to standard error.
//!
//! Every command about data is one request to the HTTP API: of the daemon, if one runs, or of the same API inside this
//! process. So there is one way of asking, and one of answering.

mod backup;
mod call;
mod check;
mod client;
mod connector;
mod delivery;
mod failure;
mod forget;
mod import;
mod log;
mod output;
mod progress;
mod quarantine;
mod reload;
mod report;
mod run;
mod status;
mod sync;
mod webhook;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::client::Client;
use self::failure::Failure;
use self::report::Question;
use crate::api::reports::{CohortsParameters, LtvParameters, PaybackParameters, RevenueParameters, SurvivalParameters};
use crate::app::{Setup, SetupError};

/// Collects what a shop sells, and answers what a customer is worth.
#[derive(Debug, Parser)]
#[command(
    name = "ltvd",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 75 try again later, 78 wrong configuration.\n\
        A question is answered by the daemon if it runs, and otherwise by this command itself."
)]
pub struct Cli {
    /// Configuration file [default: ltvd.toml, or $LTVD_CONFIG]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What is logged: error, warn, info, debug, trace, or a filter [default: info for run, or $LTVD_LOG]
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until SIGTERM or Ctrl-C; the same signal again ends it at once
    Run,
    /// Tell everything that is wrong with the configuration and the connectors
    Check(check::Args),
    /// Show the integrations, how far their data goes, and what waits
    Status(status::Args),
    /// Have the running daemon take over a changed configuration and changed connectors, all or nothing
    Reload,
    /// Read an exported file; the same file again adds nothing
    Import(import::Args),
    /// Ask a platform now, for what is due or for a range of days
    Sync(sync::Args),
    /// Hold the ledger against the platform, or against an exported file, and list the orders that differ
    Reconcile(sync::ReconcileArgs),
    /// Lifetime value of customers, by cohort
    Ltv(Question<LtvParameters>),
    /// How customers behave: orders, refunds, repetition and retention, by cohort
    Cohorts(Question<CohortsParameters>),
    /// How long subscriptions last, by billing cycle
    Survival(Question<SurvivalParameters>),
    /// The day from which cohorts have earned what they cost
    Payback(Question<PaybackParameters>),
    /// Orders, rebills, refunds and net revenue by period
    Revenue(Question<RevenueParameters>),
    /// Everything about one customer
    Customer(report::CustomerArgs),
    /// Delete a person: identity leaves the ledger and the archive, figures stay
    Forget(forget::Args),
    /// What arrived, as it was kept: the source of an entry
    Delivery(delivery::Args),
    /// Print every entry as a line of JSON
    Export(sync::ExportArgs),
    /// Copy everything that is kept into a new folder, while the daemon goes on
    Backup(backup::Args),
    /// What could not be read, and waits for you or for a newer connector
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// Read again what was kept: files, webhooks and answers of platforms, after a connector has changed
    Replay(quarantine::ReplayArgs),
    /// What a platform must be told to send webhooks
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// The connectors: what they are, and what they make of a file
    #[command(subcommand)]
    Connector(connector::Command),
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Cli {
    fn config(&self) -> PathBuf {
        let named = self.config.clone().or_else(|| variable("LTVD_CONFIG").map(PathBuf::from));
        named.unwrap_or_else(|| PathBuf::from("ltvd.toml"))
    }

    fn log(&self) -> Option<String> {
        self.log.clone().or_else(|| variable("LTVD_LOG"))
    }
}

/// A variable of the environment, unless it is empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads the arguments of the process, does what they say, and tells the exit code.
pub fn main() -> ExitCode {
    // One for the process; another was there only if this is called twice.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match execute(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn execute(cli: Cli) -> Result<(), Failure> {
    let config = cli.config();
    log::start(cli.log().as_deref(), matches!(cli.command, Command::Run))?;
    let ask = |work: Work| answer(&config, work);
    match cli.command {
        Command::Run => run::run(&config),
        Command::Check(args) => check::check(&config, &args),
        Command::Status(args) => ask(Box::new(move |client| Box::pin(status::status(client, args)))),
        Command::Reload => reload::reload(&config),
        Command::Import(args) => ask(Box::new(move |client| Box::pin(import::import(client, args)))),
        Command::Sync(args) => ask(Box::new(move |client| Box::pin(sync::sync(client, args)))),
        Command::Reconcile(args) => ask(Box::new(move |client| Box::pin(sync::reconcile(client, args)))),
        Command::Ltv(question) => ask(Box::new(|client| Box::pin(report::report(client, "ltv", question)))),
        Command::Cohorts(question) => ask(Box::new(|client| Box::pin(report::report(client, "cohorts", question)))),
        Command::Survival(question) => ask(Box::new(|client| Box::pin(report::report(client, "survival", question)))),
        Command::Payback(question) => ask(Box::new(|client| Box::pin(report::report(client, "payback", question)))),
        Command::Revenue(question) => ask(Box::new(|client| Box::pin(report::report(client, "revenue", question)))),
        Command::Customer(args) => ask(Box::new(move |client| Box::pin(report::customer(client, args)))),
        Command::Forget(args) => ask(Box::new(move |client| Box::pin(forget::forget(client, args)))),
        Command::Delivery(args) => ask(Box::new(move |client| Box::pin(delivery::delivery(client, args)))),
        Command::Export(args) => ask(Box::new(move |client| Box::pin(sync::export(client, args)))),
        Command::Backup(args) => ask(Box::new(move |client| Box::pin(backup::backup(client, args)))),
        Command::Quarantine(command) => ask(Box::new(move |client| Box::pin(quarantine::quarantine(client, command)))),
        Command::Replay(args) => ask(Box::new(move |client| Box::pin(quarantine::replay(client, args)))),
        Command::Webhook(webhook::Command::Url { integration }) => webhook::url(&config, integration.as_deref()),
        Command::Webhook(command) => ask(Box::new(move |client| Box::pin(webhook::at_platform(client, command)))),
        Command::Connector(command) => connector::connector(&config, command),
        Command::Completions { shell } => completions(shell),
    }
}

type Answered = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;
/// A command about data.
type Work = Box<dyn FnOnce(Client) -> Answered>;

fn answer(config: &Path, work: Work) -> Result<(), Failure> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let client = match setup(config) {
            Ok(setup) => Client::open(setup)?,
            // A daemon that runs still has what was in force before.
            Err(failure) => Client::of_running_daemon(config).await.ok_or(failure)?,
        };
        work(client).await
    });
    // A thread that still waits for standard input must not keep the process.
    runtime.shutdown_background();
    result
}

/// Configuration and connectors. If the connectors' folder is at fault, that is told as well: it explains the rest.
fn setup(config: &Path) -> Result<Setup, Failure> {
    Setup::load(config).map_err(|error| {
        let is_config = matches!(error, SetupError::Config(_));
        let failure = Failure::from(error);
        let paths = crate::config::locate(config).ok().filter(|_| is_config);
        match (failure, paths.and_then(|paths| connector::folder_at_fault(&paths.connectors_dir))) {
            (Failure::Config(problems), Some(fault)) => Failure::Config(format!("{problems}\n\n{fault}")),
            (failure, _) => failure,
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| Failure::Failed(format!("the threads for input and output cannot be started: {error}")))
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ltvd", &mut script);
    output::write(&script)
}

/// Whether a stream shows colours: it is a terminal, and nobody asked for plain text (<https://no-color.org>).
fn coloured(stream: &impl io::IsTerminal) -> bool {
    variable("NO_COLOR").is_none() && stream.is_terminal()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }

    /// The options of a command that are parameters of the API, by their names there.
    fn options(path: &[&str], own: &[&str]) -> BTreeSet<String> {
        let root = Cli::command();
        let command = path.iter().fold(&root, |command, name| command.find_subcommand(name).unwrap());
        let arguments = command.get_arguments().filter(|argument| !argument.is_global_set());
        let names = arguments.map(|argument| argument.get_id().as_str().to_owned());
        names.filter(|name| !own.contains(&name.as_str())).collect()
    }

    #[test]
    fn options_and_parameters_are_the_same() {
        use crate::api::{
            backup, customers, deliveries, entries, imports, parameter::Asked, platform, reading, reports,
        };
        fn of<P: Asked>() -> BTreeSet<String> {
            P::table().map(|parameter| parameter.name.to_owned()).collect()
        }
        let without = |mut names: BTreeSet<String>, less: &[&str]| {
            less.iter().for_each(|name| assert!(names.remove(*name), "{name}"));
            names
        };
        // Beside each: what is of the command alone, and what it tells the API by itself.
        assert_eq!(options(&["ltv"], &[]), of::<reports::LtvParameters>());
        assert_eq!(options(&["cohorts"], &[]), of::<reports::CohortsParameters>());
        assert_eq!(options(&["survival"], &[]), of::<reports::SurvivalParameters>());
        assert_eq!(options(&["payback"], &[]), of::<reports::PaybackParameters>());
        assert_eq!(options(&["revenue"], &[]), of::<reports::RevenueParameters>());
        assert_eq!(options(&["customer"], &["email"]), of::<customers::CustomerParameters>());
        assert_eq!(options(&["export"], &[]), of::<entries::EntriesParameters>());
        assert_eq!(options(&["import"], &["file", "json"]), without(of::<imports::ImportParameters>(), &["name"]));
        assert_eq!(options(&["backup"], &["folder", "json"]), without(of::<backup::BackupParameters>(), &["to"]));
        assert_eq!(options(&["sync"], &["integration", "json"]), of::<platform::SyncParameters>());
        let reconcile = without(of::<platform::ReconcileParameters>(), &["name"]);
        assert_eq!(options(&["reconcile"], &["integration", "file", "json"]), reconcile);
        assert_eq!(options(&["replay"], &[]), of::<reading::ReplayParameters>());
        assert_eq!(options(&["quarantine", "retry"], &[]), of::<reading::RetryParameters>());
        let list = without(of::<deliveries::QuarantineParameters>(), &["cursor", "integration", "limit"]);
        assert_eq!(options(&["quarantine", "list"], &["json"]), list);
    }

    #[test]
    fn global_options_may_follow_the_command() {
        let cli = Cli::try_parse_from(["ltvd", "status", "--config", "shop.toml", "--json"]).unwrap();
        assert_eq!(cli.config(), PathBuf::from("shop.toml"));
        assert!(Cli::try_parse_from(["ltvd", "ltv", "--group", "year"]).is_err());
    }
}
