//! The daemon: opens everything, runs until told to stop, and ends in order.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::app::{App, InForce, Setup};
use crate::doors::webhook::{self, Commits, Gate};
use crate::doors::{drop_folder, inbox, poll};
use crate::limits::{doors as limits, end, http};
use crate::serve::{self, Listener, Routed};
use crate::supervise::TaskError;
use crate::{api, reload, service};

/// Runs the daemon until `shutdown`, or until its ledger fails.
///
/// # Errors
/// If it cannot start, or if it had to end because the state of the disk is not known.
pub async fn run(setup: Setup, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    for broken in &setup.registry.broken {
        tracing::error!("{broken}");
    }
    serve::raise_file_limit();
    let mut shutdown = pin!(shutdown);
    let opening = service::starting(tokio::task::spawn_blocking(move || App::open(setup)));
    let app = tokio::select! {
        opened = opening => opened??,
        // Nothing was taken in. What is begun on the disk is found unfinished at the next start, as after a crash.
        () = &mut shutdown => {
            tracing::info!("ltvd ends before it was ready");
            return Ok(());
        }
    };
    let api_socket = listen("api", app.config.api.listen).await?;
    let webhook_socket = listen("webhooks", app.config.webhooks.listen).await?;
    let in_force = InForce::new(Arc::clone(&app));
    let (stop, stopped) = watch::channel(false);
    let keeper = Keeper { app: Arc::clone(&app) };

    let commits = Arc::new(Commits::new(Arc::clone(&app)));
    let committer = keeper.keep(webhook::COMMITTER, {
        let commits = Arc::clone(&commits);
        move || Arc::clone(&commits).run()
    });
    let hooks = Routed::new(in_force.clone(), {
        let (commits, gate) = (Arc::clone(&commits), Arc::<Gate>::default());
        move |app| webhook::router(app, Arc::clone(&commits), Arc::clone(&gate))
    });
    let hooks = keeper.listen(webhook::LISTENER, webhook_socket, hooks.behind(webhook::is_proxy), &stopped);
    let api = Routed::new(in_force.clone(), api::router).behind(|_, address| address.to_canonical().is_loopback());
    let api = keeper.listen("api", api_socket, api, &stopped);

    let mut others = vec![keeper.keep("watchdog", {
        let commits = Arc::clone(&commits);
        move || service::watchdog(Arc::clone(&commits))
    })];
    let (desk, read) = (Arc::default(), in_force.clone());
    others.push(keeper.keep("inbox", move || inbox::run(read.clone(), Arc::clone(&desk))));
    let (wishes, reloaded) = (reload::wishes(&app), in_force.clone());
    others.push(keeper.keep("reload", move || reload::run(reloaded.clone(), Arc::clone(&wishes))));
    let kept_up = in_force.clone();
    others.push(keeper.keep("upkeep", move || reload::upkeep(kept_up.clone())));
    let configured = (keeper.clone(), in_force.clone());
    others.push(keeper.keep("configured tasks", move || keep_configured(configured.0.clone(), configured.1.clone())));
    tracing::info!(
        api = %app.config.api.listen,
        webhooks = %app.config.webhooks.listen,
        drop = %app.config.paths.drop_dir.display(),
        entries = app.ledger.book().len(),
        connectors = app.registry.connectors.len(),
        "ltvd is ready"
    );
    service::ready("in force");

    tokio::select! {
        () = &mut shutdown => tracing::info!("ltvd ends: what is under way is finished first"),
        () = app.process.ended.notified() => {}
    }
    service::stopping();
    // What arrives is kept as long as connections live; what was kept is read at the next start.
    app.process.stopping.store(true, Ordering::Relaxed);
    let _ = stop.send(true);
    // A pass that is broken off goes on where its last commit left it.
    others.iter().for_each(JoinHandle::abort);
    for listener in [api, hooks] {
        ended_within(http::DRAIN + end::SLACK, listener).await;
    }
    commits.close();
    if !ended_within(limits::LAST_COMMIT, committer).await {
        tracing::warn!("the last commit of webhook deliveries took too long; they were not acknowledged");
    }
    app.process.attempts.end();
    if let Some(fatal) = app.fatal() {
        bail!(fatal);
    }
    save_book(app).await;
    Ok(())
}

/// Spares the next start most of the log, unless that takes too long.
async fn save_book(app: Arc<App>) {
    let saver = Arc::clone(&app.ledger);
    if timeout(end::SAVE_BOOK, tokio::task::spawn_blocking(move || saver.save_book())).await.is_err() {
        tracing::warn!("the book's snapshot took too long to be written; the next start reads the log instead");
        // The last one to let go of the ledger would wait for it.
        std::mem::forget(app);
    }
}

/// False if it has not ended in time; then it is ended.
async fn ended_within(time: Duration, task: JoinHandle<()>) -> bool {
    let abort = task.abort_handle();
    let ended = timeout(time, task).await.is_ok();
    abort.abort();
    ended
}

/// Starts tasks that are kept alive.
#[derive(Clone)]
struct Keeper {
    app: Arc<App>,
}

impl Keeper {
    fn keep<W>(&self, name: impl Into<String>, work: impl FnMut() -> W + Send + 'static) -> JoinHandle<()>
    where
        W: Future<Output = Result<(), TaskError>> + Send,
    {
        let (process, name) = (Arc::clone(&self.app.process), name.into());
        tokio::spawn(async move { process.tasks.keep(&name, work).await })
    }

    fn listen(
        &self,
        name: &'static str,
        socket: TcpListener,
        routed: Routed,
        stopped: &watch::Receiver<bool>,
    ) -> JoinHandle<()> {
        let process = Arc::clone(&self.app.process);
        let listener = Arc::new(Listener::new(name, socket, routed, process));
        let stopped = stopped.clone();
        self.keep(name, move || Arc::clone(&listener).serve(until(stopped.clone())))
    }
}

/// The tasks that the configuration decides on: the drop folder, and one for each platform that is asked.
async fn keep_configured(keeper: Keeper, in_force: InForce) -> Result<(), TaskError> {
    let mut changes = in_force.changes();
    let mut tasks = Configured::default();
    loop {
        let app = Arc::clone(&changes.borrow_and_update());
        let mut wanted: Vec<String> = poll::polled(&app).map(|name| format!("poll {name}")).collect();
        // Another folder is another task.
        let folder = format!("drop folder {}", app.config.paths.drop_dir.display());
        wanted.extend(app.config.drop.enabled.then(|| folder.clone()));
        tasks.end_all_but(&wanted).await;
        for name in wanted {
            let kept = || {
                let in_force = in_force.clone();
                match name.strip_prefix("poll ").map(str::to_owned) {
                    Some(integration) => keeper.keep(&name, move || poll::run(in_force.clone(), integration.clone())),
                    None => {
                        let watch = Arc::default();
                        keeper.keep(drop_folder::TASK, move || drop_folder::run(in_force.clone(), Arc::clone(&watch)))
                    }
                }
            };
            tasks.0.entry(name.clone()).or_insert_with(kept);
        }
        changes.changed().await?;
    }
}

/// Tasks by what they are. They end with this.
#[derive(Default)]
struct Configured(BTreeMap<String, JoinHandle<()>>);

impl Configured {
    async fn end_all_but(&mut self, wanted: &[String]) {
        let gone = |name: &String, task: &mut JoinHandle<()>| !wanted.contains(name) || task.is_finished();
        let gone: Vec<_> = self.0.extract_if(.., gone).collect();
        for (_, task) in gone {
            task.abort();
            // Its row in the table is gone before another task may take the name.
            let _ = task.await;
        }
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        self.0.values().for_each(JoinHandle::abort);
    }
}

async fn listen(what: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} for [{what}]; is another program there? Change `listen` under [{what}]")
    })
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
