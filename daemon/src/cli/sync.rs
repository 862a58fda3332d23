//! `ltvd sync`, `ltvd reconcile` and `ltvd export`: what a platform has, fetched or compared, and what the ledger has.

use std::path::PathBuf;

use futures_util::StreamExt as _;
use serde_json::Value;

use super::call::Call;
use super::client::{Client, broken_off};
use super::failure::Failure;
use super::{import, output, progress};

/// Arguments of `ltvd sync`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The integration
    integration: String,
    /// Read the orders from this day on once more, instead of what is due
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// The last day of that range; today if left out
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<String>,
    /// What was done as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn sync(client: Client, args: Args) -> Result<(), Failure> {
    let call =
        Call::post(&["v1", "integrations", &args.integration, "sync"]).with("from", args.from).with("to", args.to);
    let answer = client.send(call).await?.into_body();
    let pass = progress::report(answer, None, args.json).await?;
    if pass.get("complete") == Some(&Value::Bool(false)) {
        return Err(Failure::Temporary("not everything was read; what was read is kept".to_owned()));
    }
    Ok(())
}

/// Arguments of `ltvd reconcile`.
#[derive(Debug, clap::Args)]
pub(super) struct ReconcileArgs {
    /// The integration
    integration: String,
    /// Compare with this exported file instead of the platform's API
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// First day; three months back if left out, or the first day of the file
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// Last day; today if left out, or the last day of the file
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<String>,
    /// All of it as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn reconcile(client: Client, args: ReconcileArgs) -> Result<(), Failure> {
    let call = Call::post(&["v1", "integrations", &args.integration, "reconcile"]);
    let call = call.with("from", args.from).with("to", args.to);
    let (call, size) = match &args.file {
        None => (call, None),
        Some(path) => {
            let file = import::open(path).await?;
            (call.with("name", Some(file.name)).body(import::body(file.source)), file.size)
        }
    };
    let answer = client.send(call).await?.into_body();
    progress::report(answer, size, args.json).await.map(drop)
}

/// Arguments of `ltvd export`.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// The integration; without it, all
    integration: Option<String>,
    /// First day, in the zone of the account
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// Last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<String>,
}

/// Passes the lines on as they come; an answer that broke off is no success.
pub(super) async fn export(client: Client, args: ExportArgs) -> Result<(), Failure> {
    let call = Call::get(&["v1", "entries"]).with("integration", args.integration);
    let mut pieces =
        client.send(call.with("from", args.from).with("to", args.to)).await?.into_body().into_data_stream();
    let mut last = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(broken_off)?;
        output::write(&piece)?;
        last = piece.to_vec();
    }
    let failed =
        last.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().is_some_and(|line| line.starts_with(b"{\"error\":"));
    if failed { Err(Failure::Failed("the entries could not be told to the end".to_owned())) } else { Ok(()) }
}
