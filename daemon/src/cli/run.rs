//! `ltvd run`

use std::future::Future;
use std::io;
use std::path::Path;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;
use super::{runtime, setup};
use crate::limits::cli::SHUTDOWN;

pub(super) fn run(config: &Path) -> Result<(), Failure> {
    let setup = setup(config)?;
    for warning in &setup.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let shutdown =
            asked_to_stop().map_err(|error| Failure::Failed(format!("signals cannot be received: {error}")))?;
        crate::run::run(setup, shutdown).await.map_err(|error| Failure::Failed(format!("{error:#}")))
    });
    runtime.shutdown_timeout(SHUTDOWN);
    result
}

/// Ready at the first signal. At the second the process ends, whatever it does.
fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (first, asked) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        next(&mut terminate, &mut interrupt).await;
        tracing::info!("asked to stop; a second signal stops it at once");
        // Nobody listens any more if the daemon has ended by itself.
        let _ = first.send(());
        let number = next(&mut terminate, &mut interrupt).await;
        std::process::exit(128 + number);
    });
    Ok(async move {
        // An error means that no signal can come any more, and then it is better to stop.
        let _ = asked.await;
    })
}

/// The number of the next signal.
async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> i32 {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
    }
}
