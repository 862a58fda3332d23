//! `ltvd backup`

use std::path::PathBuf;

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use super::progress;

/// Arguments of `ltvd backup`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to make; it must not be there yet. The daemon writes it, if one runs
    folder: PathBuf,
    /// The report as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn backup(client: Client, args: Args) -> Result<(), Failure> {
    // The daemon may have been started in another folder.
    let folder = std::path::absolute(&args.folder)
        .map_err(|error| Failure::Failed(format!("{}: {error}", args.folder.display())))?;
    let Some(to) = folder.to_str() else {
        return Err(Failure::Usage("the name of the folder is not UTF-8; choose another".to_owned()));
    };
    let answer = client.send(Call::post(&["v1", "backup"]).with("to", Some(to))).await?.into_body();
    progress::report(answer, None, args.json).await.map(drop)
}
