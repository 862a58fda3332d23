//! Asking a platform for something: now, its webhooks, and the comparison with what it or a file has.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Call, Integration};
use super::lines::told;
use super::parameter::{Day, NoParameters, Text, parameters};
use super::problem::Problem;
use super::syncs::PassAnswer;
use super::to_the_end;
use super::upload::Pieces;
use crate::app::App;
use crate::connector::SubscriptionAction;
use crate::doors::poll::{self, SyncError, Wish};
use crate::doors::reconcile::{ReconcileError, Reconciled, with_file, with_platform};
use crate::ledger::Pass;
use crate::model::{Zone, local_day};

parameters! {
    /// Of `/v1/integrations/{name}/sync`.
    pub(crate) struct SyncParameters {
        /// Read the orders from this day on once more, instead of what is due
        from: Option<i32> = Day,
        /// The last day of that range; today where it is left out
        to: Option<i32> = Day,
    }
}

parameters! {
    /// Of `/v1/integrations/{name}/reconcile`.
    pub(crate) struct ReconcileParameters {
        /// First day; three months back where it is left out, or the first day of the file
        from: Option<i32> = Day,
        /// Last day; today where it is left out, or the last day of the file
        to: Option<i32> = Day,
        /// Compare with the file in the body, which has this name, instead of the platform
        name: Option<String> = Text,
    }
}

/// What a pass did.
#[derive(Serialize, JsonSchema)]
pub(super) struct Synced {
    #[serde(flatten)]
    pass: PassAnswer,
    /// The report for people.
    text: String,
}

/// What became of the webhooks at a platform.
#[derive(Serialize, JsonSchema)]
pub(super) struct Subscribed {
    /// Those that deliver here now.
    webhooks: Vec<WebhookAnswer>,
    /// Whether a test call of the platform has come here; `null` if none was due.
    reached: Option<bool>,
    /// What to do if none has come.
    advice: Option<String>,
}

/// A webhook at a platform.
#[derive(Serialize, JsonSchema)]
struct WebhookAnswer {
    /// The platform's id.
    id: String,
    /// What it tells of.
    topic: String,
    /// What was done.
    action: Action,
}

/// What was done about a webhook.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// It was there and active.
    Kept,
    /// It was made.
    Created,
    /// It was disabled, and is active again.
    Reactivated,
}

/// What became of the webhooks at a platform.
#[derive(Serialize, JsonSchema)]
pub(super) struct Unsubscribed {
    /// How many were removed.
    removed: u32,
}

/// What was compared, and what came of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Compared {
    #[serde(flatten)]
    compared: Reconciled,
    /// The report for people.
    text: String,
}

fn known(app: &App, name: &str) -> Result<(), Problem> {
    match app.config.integrations.contains_key(name) {
        true => Ok(()),
        false => Err(Problem::not_found(format!("there is no integration `{name}`"))),
    }
}

/// Asks the platform now, and tells how far it is, line by line; the last line is what the pass did, or the problem.
pub(super) async fn sync(call: Call<SyncParameters, Integration>) -> Result<Response, Problem> {
    let Call { app, asked: SyncParameters { from, to }, place: Integration(name), .. } = call;
    known(&app, &name)?;
    let range = range(&app, &name, from, to)?;
    let wish = Wish { range, person: true };
    Ok(told(&app, &name.clone(), {
        let app = Arc::clone(&app);
        async move {
            let pass = poll::sync(&app, &name, wish).await.map_err(|error| problem(&app, error))?;
            Ok(Synced { text: pass_text(&name, &pass), pass: PassAnswer::new(&pass) })
        }
    }))
}

/// Both ends included. Where one is left out, it follows the configuration or today.
fn range(app: &App, name: &str, from: Option<i32>, to: Option<i32>) -> Result<Option<(i32, i32)>, Problem> {
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let integration = app.config.integrations.get(name);
    let zone = integration.map_or(Zone::UTC, |integration| integration.zone);
    let configured = integration.and_then(|integration| integration.polling.from).map(crate::model::day_number);
    let last = to.unwrap_or_else(|| local_day(crate::clock::now_ms(), zone));
    let Some(first) = from.or(configured) else {
        return Err(Problem::question("`to` needs `from`, since the configuration has no first day either"));
    };
    if first > last {
        return Err(Problem::question("`from` is after `to`"));
    }
    Ok(Some((first, last)))
}

fn pass_text(name: &str, pass: &Pass) -> String {
    let counts = pass.counts;
    let mut text = format!(
        "{name}: {} of {} windows read; {} new, {} changed, {} unchanged, {} withdrawn; {} requests\n",
        pass.windows,
        pass.windows_planned,
        counts.new,
        counts.changed,
        counts.unchanged,
        counts.withdrawn,
        pass.requests
    );
    for (collection, tally) in &pass.tallies {
        let announced = match tally.announced {
            Some(announced) => format!(" of {announced} announced"),
            None => String::new(),
        };
        text.push_str(&format!("  {collection}: {} came{announced}\n", tally.received));
    }
    if pass.refreshed > 0 {
        text.push_str(&format!("  asked for {} orders that the platform does not list any more\n", pass.refreshed));
    }
    for note in &pass.notes {
        text.push_str(&format!("  {note}\n"));
    }
    if !pass.complete {
        text.push_str("not everything was read; the next pass goes on where this one ended\n");
    }
    text
}

fn problem(app: &App, error: SyncError) -> Problem {
    match error {
        SyncError::NotPolled(text) => Problem::question(text),
        SyncError::Stopped(text) => Problem::platform(text),
        SyncError::Ledger(error) => {
            app.check_fatal(&error);
            error.into()
        }
    }
}

/// Sees to it that the platform delivers its webhooks here.
pub(super) async fn subscribe(call: Call<NoParameters, Integration>) -> Result<Response, Problem> {
    let Call { app, place: Integration(name), .. } = call;
    known(&app, &name)?;
    let worker = Arc::clone(&app);
    let subscribed = to_the_end(async move { poll::subscribe(&worker, &name).await }).await?;
    let subscribed = subscribed.map_err(|error| problem(&app, error))?;
    let webhook = |webhook: crate::connector::Subscription| WebhookAnswer {
        id: webhook.id,
        topic: webhook.topic,
        action: match webhook.action {
            SubscriptionAction::Kept => Action::Kept,
            SubscriptionAction::Created => Action::Created,
            SubscriptionAction::Reactivated => Action::Reactivated,
        },
    };
    let public = &app.config.webhooks.public_url;
    let advice = (subscribed.reached == Some(false)).then(|| {
        format!(
            "no test call of the platform has arrived. It must be able to reach {public}: look at `webhooks.public_url`, at the \
             proxy or tunnel in front of ltvd, and at what the platform says about the addresses and ports it delivers to"
        )
    });
    let webhooks = subscribed.webhooks.into_iter().map(webhook).collect();
    Ok(axum::Json(Subscribed { webhooks, reached: subscribed.reached, advice }).into_response())
}

/// Removes the webhooks that the platform delivers here.
pub(super) async fn unsubscribe(call: Call<NoParameters, Integration>) -> Result<Response, Problem> {
    let Call { app, place: Integration(name), .. } = call;
    known(&app, &name)?;
    let worker = Arc::clone(&app);
    let removed = to_the_end(async move { poll::unsubscribe(&worker, &name).await }).await?;
    let removed = removed.map_err(|error| problem(&app, error))?;
    Ok(axum::Json(Unsubscribed { removed }).into_response())
}

/// Compares the ledger with the platform, or with the file in the body, and lists what differs.
pub(super) async fn reconcile(call: Call<ReconcileParameters, Integration>) -> Result<Response, Problem> {
    let Call { app, asked: ReconcileParameters { from, to, name: file }, place: Integration(name), body, .. } = call;
    known(&app, &name)?;
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Problem::question("`from` is after `to`"));
    }
    let work = {
        let (app, name) = (Arc::clone(&app), name.clone());
        let source = file.map(|file| (file, Pieces::of(body)));
        async move {
            let compared = match source {
                None => with_platform(&app, &name, (from, to)).await,
                Some((file, pieces)) => {
                    let (app, name) = (Arc::clone(&app), name.clone());
                    let compared =
                        tokio::task::spawn_blocking(move || with_file(&app, &name, &file, pieces, (from, to))).await;
                    compared.unwrap_or_else(|panic| {
                        tracing::error!(%panic, "a request failed");
                        Err(ReconcileError::Failed("ltvd met an error of its own; its log says more".to_owned()))
                    })
                }
            };
            match compared {
                Ok(compared) => Ok(Compared { text: compared.to_string(), compared }),
                Err(ReconcileError::Sync(error)) => Err(problem(&app, error)),
                Err(ReconcileError::Import(error)) => Err(Problem::from(&error)),
                Err(ReconcileError::Failed(text)) => Err(Problem::platform(text)),
            }
        }
    };
    Ok(told(&app, &name, work))
}
