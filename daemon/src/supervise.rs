//! Keeps the long tasks of the daemon alive: one that fails or panics is logged, shown, and begun again after a pause that
//! doubles with each failure. None takes another one with it.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep};

use crate::clock::now_ms;
use crate::limits::supervise as limits;
use crate::redact;

/// Why a task ended before its time.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// The tasks that are kept alive, by name.
#[derive(Debug, Default)]
pub struct Supervisor {
    tasks: Mutex<BTreeMap<String, Task>>,
}

/// How a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// It runs; otherwise it has failed and waits to be begun again.
    pub running: bool,
    /// Since when that is so, milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: i64,
    /// How often it was begun again.
    pub restarts: u64,
    /// How it failed last.
    pub last_failure: Option<TaskFailure>,
}

/// How a task failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// When, milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// Why, without secrets.
    pub reason: String,
}

impl Supervisor {
    /// All tasks as they are, by name.
    pub fn tasks(&self) -> BTreeMap<String, Task> {
        self.table().clone()
    }

    /// Why this task does not run, if it has failed and waits.
    pub fn waits(&self, name: &str) -> Option<String> {
        let table = self.table();
        let task = table.get(name).filter(|task| !task.running)?;
        task.last_failure.as_ref().map(|failure| failure.reason.clone())
    }

    /// Does the work, again and again if it fails, until it is done. Dropped, it ends the work.
    pub async fn keep<W>(&self, name: &str, mut work: impl FnMut() -> W)
    where
        W: Future<Output = Result<(), TaskError>>,
    {
        let row = Row { supervisor: self, name };
        let mut failures = 0_u32;
        loop {
            row.set(|task| (task.running, task.since_ms) = (true, now_ms()));
            let began = Instant::now();
            // What a task leaves behind when it panics is behind locks that forgive that.
            let ended = AssertUnwindSafe(async { work().await }).catch_unwind().await;
            let reason = match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => format!("it panicked: {}", panic_text(&*panic)),
            };
            let reason = redact::clean(reason);
            failures = if began.elapsed() >= limits::HEALTHY { 1 } else { failures.saturating_add(1) };
            let pause = pause(failures);
            tracing::error!(task = name, reason, pause_s = pause.as_secs(), "a task failed; it is begun again");
            row.set(|task| {
                (task.running, task.since_ms) = (false, now_ms());
                task.restarts += 1;
                task.last_failure = Some(TaskFailure { at_ms: task.since_ms, reason });
            });
            sleep(pause).await;
        }
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<String, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row of a task in the table. It goes with the task.
struct Row<'a> {
    supervisor: &'a Supervisor,
    name: &'a str,
}

impl Row<'_> {
    fn set(&self, change: impl FnOnce(&mut Task)) {
        let mut table = self.supervisor.table();
        let new = || Task { running: true, since_ms: 0, restarts: 0, last_failure: None };
        change(table.entry(self.name.to_owned()).or_insert_with(new));
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.supervisor.table().remove(self.name);
    }
}

/// The pause after so many failures in a row (1 and up): somewhere between half and all of a time that doubles, so that tasks
/// which failed together do not come back together.
fn pause(failures: u32) -> Duration {
    let whole = limits::PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(limits::PAUSE_MAX);
    // Without a random number the pause is whole, which is as good.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}

/// The result of blocking work; a panic becomes an error that says what it said.
///
/// # Errors
/// Those of the work, and a panic.
pub async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, TaskError>
where
    T: Send + 'static,
    E: Into<TaskError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(error) => Err(match error.try_into_panic() {
            Ok(panic) => format!("it panicked: {}", panic_text(&*panic)).into(),
            Err(cancelled) => cancelled.into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Fails as often as it is told to, in the way it is told to, and then waits for ever.
    fn failing(times: u32, fail: fn() -> Result<(), TaskError>) -> (Arc<Supervisor>, tokio::task::JoinHandle<()>) {
        let supervisor = Arc::new(Supervisor::default());
        let (kept, begun) = (Arc::clone(&supervisor), Arc::new(AtomicU32::new(0)));
        let task = tokio::spawn(async move {
            let work = || {
                let begun = Arc::clone(&begun);
                async move {
                    if begun.fetch_add(1, Ordering::Relaxed) < times {
                        return fail();
                    }
                    std::future::pending().await
                }
            };
            kept.keep("one", work).await;
        });
        (supervisor, task)
    }

    async fn until(supervisor: &Supervisor, what: impl Fn(&Task) -> bool) -> Task {
        loop {
            if let Some(task) = supervisor.tasks().remove("one").filter(&what) {
                return task;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_fails_is_shown_and_begun_again() {
        let (supervisor, _task) = failing(1, || Err("the folder is gone".into()));
        let waiting = until(&supervisor, |task| !task.running).await;
        assert_eq!(waiting.last_failure.unwrap().reason, "the folder is gone");
        assert_eq!(supervisor.waits("one").as_deref(), Some("the folder is gone"));
        let running = until(&supervisor, |task| task.running).await;
        assert_eq!(running.restarts, 1);
        // How it failed stays to be seen.
        assert!(running.last_failure.is_some() && supervisor.waits("one").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure_like_any_other() {
        let (supervisor, _task) = failing(1, || panic!("index {} is out of range", 7));
        let running = until(&supervisor, |task| task.running && task.restarts == 1).await;
        assert_eq!(running.last_failure.unwrap().reason, "it panicked: index 7 is out of range");
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_their_limit() {
        let begin = Instant::now();
        let (supervisor, _task) = failing(5, || Err("again".into()));
        until(&supervisor, |task| task.running && task.restarts == 5).await;
        let took = begin.elapsed();
        // 1 + 2 + 4 + 8 + 16 pauses, each between half and all of it.
        assert!(took >= limits::PAUSE.mul_f64(15.5) && took <= limits::PAUSE * 31 + Duration::from_secs(1), "{took:?}");
        assert!((1..40).all(|failures| pause(failures) <= limits::PAUSE_MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_done_or_dropped_is_not_shown_any_more() {
        let supervisor = Supervisor::default();
        supervisor.keep("one", || async { Ok(()) }).await;
        assert!(supervisor.tasks().is_empty());
        let (supervisor, task) = failing(0, || Ok(()));
        until(&supervisor, |task| task.running).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(supervisor.tasks().is_empty());
    }
}
