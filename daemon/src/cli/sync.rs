//! `ltvd sync` and `ltvd reconcile`: what a platform has, fetched or compared.

use std::path::PathBuf;

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use super::{import, progress};

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
    progress::report(answer, None, args.json).await
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
    progress::report(answer, size, args.json).await
}
