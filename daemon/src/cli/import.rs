//! `ltvd import`

use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use super::progress;
use crate::limits::cli::PIECE_BYTES;

/// Arguments of `ltvd import`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The exported file; - for standard input
    file: PathBuf,
    /// Where it belongs, if its header leaves several possibilities
    #[arg(long, value_name = "NAME")]
    integration: Option<String>,
    /// Read it and tell what would happen, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Your word that everything through this day is in, for example because the export was complete
    #[arg(long, value_name = "YYYY-MM-DD")]
    complete_through: Option<String>,
    /// The report as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn import(client: Client, args: Args) -> Result<(), Failure> {
    let File { name, size, source } = open(&args.file).await?;
    let call = Call::post(&["v1", "imports"])
        .with("integration", args.integration)
        .with("name", Some(name))
        .with("dry_run", Some(args.dry_run))
        .with("complete_through", args.complete_through)
        .body(body(source));
    let answer = client.send(call).await?.into_body();
    progress::report(answer, size, args.json).await.map(drop)
}

pub(super) type Source = Box<dyn AsyncRead + Send + Unpin>;

pub(super) struct File {
    /// For reports.
    pub(super) name: String,
    /// Bytes, where that is known.
    pub(super) size: Option<u64>,
    pub(super) source: Source,
}

pub(super) async fn open(path: &Path) -> Result<File, Failure> {
    if path == Path::new("-") {
        return Ok(File { name: "standard input".to_owned(), size: None, source: Box::new(tokio::io::stdin()) });
    }
    let failed = |what: String| Failure::Failed(format!("{}: {what}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(|error| failed(format!("cannot be read: {error}")))?;
    let metadata = file.metadata().await.ok();
    if metadata.as_ref().is_some_and(|metadata| metadata.is_dir()) {
        return Err(failed("this is a folder; name one file, or put its files into the drop folder".to_owned()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let size = metadata.filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
    Ok(File { name, size, source: Box::new(file) })
}

pub(super) fn body(source: Source) -> Body {
    Body::from_stream(stream::try_unfold(source, async |mut source| {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        // `read_buf` fills what is reserved, and returns as soon as there is something.
        let read = source.read_buf(&mut piece).await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), source)))
    }))
}
