//! Configuration and tasks of the running daemon: how they are, and the wish to read the configuration again.

use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;

use super::call::Call;
use super::parameter::NoParameters;
use super::problem::Problem;
use super::schema::Instant;
use super::time;
use crate::app::App;
use crate::reload::Asked;
use crate::supervise::Task;

/// Configuration and connectors.
#[derive(Serialize, JsonSchema)]
pub(super) struct Configuration {
    /// Since when they are in force.
    #[schemars(with = "Option<Instant>")]
    in_force_since: Option<String>,
    /// Names the text of the configuration and the files of the connectors: whatever changes in them changes it.
    hash: String,
    /// What became of the last change; `null` if there was none since the start.
    last_reload: Option<LastReload>,
}

/// What became of reading configuration and connectors again.
#[derive(Serialize, JsonSchema)]
struct LastReload {
    /// When.
    #[schemars(with = "Option<Instant>")]
    at: Option<String>,
    /// They are in force.
    ok: bool,
    /// Why what was in force before still is.
    problems: Vec<String>,
}

impl Configuration {
    pub(super) fn of(app: &App) -> Self {
        let last_reload = app.process.last_reload().map(|last| LastReload {
            at: time(last.at_ms),
            ok: last.problems.is_empty(),
            problems: last.problems,
        });
        Self { in_force_since: time(app.in_force_ms), hash: app.hash.clone(), last_reload }
    }
}

/// Reads configuration and connectors again, and takes them over if nothing is wrong with them.
pub(super) async fn reload(call: Call<NoParameters>) -> Result<Response, Problem> {
    let no_daemon = || Problem::unready("no daemon runs here that could take a change over");
    let wishes = call.app.process.reload.get().ok_or_else(no_daemon)?;
    let (answer, taken_over) = oneshot::channel();
    wishes.send(Asked { answer }).await.map_err(|_| no_daemon())?;
    let stopping = |_| Problem::stopping("ltvd is stopping, or its reading failed; its log says more");
    match taken_over.await.map_err(stopping)? {
        Ok(app) => Ok(axum::Json(Configuration::of(&app)).into_response()),
        Err(problems) => Err(Problem::configuration(problems)),
    }
}

/// Something that the daemon keeps doing.
#[derive(Serialize, JsonSchema)]
pub(super) struct TaskAnswer {
    /// What it is.
    name: String,
    /// Whether it goes on.
    state: TaskState,
    /// Since when that is so.
    #[schemars(with = "Option<Instant>")]
    since: Option<String>,
    /// How often it failed and was begun again.
    restarts: u64,
    /// How it failed last; `null` if it never did.
    last_failure: Option<TaskFailure>,
}

/// Whether a task goes on.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TaskState {
    /// It does.
    Running,
    /// It failed, and is begun again after a pause.
    Waiting,
}

/// How a task failed.
#[derive(Serialize, JsonSchema)]
struct TaskFailure {
    /// When.
    #[schemars(with = "Option<Instant>")]
    at: Option<String>,
    /// Why.
    reason: String,
}

pub(super) fn tasks(app: &App) -> Vec<TaskAnswer> {
    let answer = |(name, task): (String, Task)| TaskAnswer {
        name,
        state: if task.running { TaskState::Running } else { TaskState::Waiting },
        since: time(task.since_ms),
        restarts: task.restarts,
        last_failure: task.last_failure.map(|failure| TaskFailure { at: time(failure.at_ms), reason: failure.reason }),
    };
    app.process.tasks.tasks().into_iter().map(answer).collect()
}
