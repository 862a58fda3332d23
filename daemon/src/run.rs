//! The daemon: opens everything, runs until told to stop, and ends in order.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{App, Setup};
use crate::limits::doors as limits;
use crate::{api, doors, serve};

/// Runs the daemon until `shutdown`, or until its ledger fails.
///
/// # Errors
/// If it cannot start, or if it had to end because the state of the disk is not known.
pub async fn run(setup: Setup, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    for broken in &setup.registry.broken {
        tracing::error!("{broken}");
    }
    serve::raise_file_limit();
    let app = tokio::task::spawn_blocking(move || App::open(setup)).await??;
    let config = &app.config;
    let api_listener = listen("api", config.api.listen).await?;
    let webhook_listener = listen("webhooks", config.webhooks.listen).await?;
    let (stop, stopped) = watch::channel(false);

    let api = tokio::spawn(serve::serve(
        "api",
        api_listener,
        api::router(Arc::clone(&app)),
        |address| address.to_canonical().is_loopback(),
        until(stopped.clone()),
    ));
    let (hooks, committer) = doors::webhook::router(Arc::clone(&app));
    let hooks = tokio::spawn(serve::serve(
        "webhooks",
        webhook_listener,
        hooks,
        doors::webhook::proxies(config),
        until(stopped),
    ));
    let committer = tokio::spawn(committer);
    let inbox = tokio::spawn(doors::inbox::run(Arc::clone(&app)));
    let polls = tokio::spawn(doors::poll::run(Arc::clone(&app)));
    let upgraded = Arc::clone(&app);
    tokio::task::spawn_blocking(move || match doors::inbox::retry_after_upgrade(&upgraded) {
        Ok(0) => {}
        Ok(deliveries) => {
            tracing::info!(deliveries, "deliveries in quarantine were read again: their connector has changed");
        }
        Err(error) => {
            tracing::error!(%error, "the quarantine cannot be read again");
            upgraded.check_fatal(&error);
        }
    });
    let warmed = Arc::clone(&app);
    tokio::task::spawn_blocking(move || warmed.warm());
    let drop_folder = config.drop.enabled.then(|| tokio::spawn(doors::drop_folder::run(Arc::clone(&app))));
    tracing::info!(
        api = %config.api.listen,
        webhooks = %config.webhooks.listen,
        drop = %config.paths.drop_dir.display(),
        entries = app.ledger.book().len(),
        connectors = app.registry.connectors.len(),
        "ltvd is ready"
    );

    tokio::select! {
        () = shutdown => tracing::info!("ltvd ends: what is under way is finished first"),
        () = app.ended.notified() => {}
    }
    // What arrives is kept as long as connections live; what was kept is read at the next start.
    app.stopping.store(true, Ordering::Relaxed);
    let _ = stop.send(true);
    inbox.abort();
    // A pass that is broken off goes on where its last commit left it.
    polls.abort();
    if let Some(drop_folder) = drop_folder {
        drop_folder.abort();
    }
    let _ = api.await;
    // With the listener its sender is gone, so the committer ends with the last commit.
    let _ = hooks.await;
    if tokio::time::timeout(limits::LAST_COMMIT, committer).await.is_err() {
        tracing::warn!("the last commit of webhook deliveries took too long; they were not acknowledged");
    }
    if let Some(fatal) = app.fatal() {
        bail!(fatal);
    }
    tokio::task::spawn_blocking(move || app.ledger.save_book()).await?;
    Ok(())
}

async fn listen(what: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} for [{what}]; is another program there? Change `listen` under [{what}]")
    })
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
