//! One instance of a connector, and calls into it that end in time and stay small.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wasmtime::component::Instance as WasmInstance;
use wasmtime::{PoolConcurrencyLimitError, ResourceLimiter, Store, Trap, WasmBacktrace};
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::bindings::{log as wit_log, types as wit_types};
use super::error::{CallError, CallSite};
use super::host::Connector;
use super::log::{LogLevel, LogLine, LogSink};
use super::prepared::{Indices, Prepared};
use super::wasi::Inert;
use crate::limits::connector::{MEMORY_BYTES, PARTS, TABLE_ELEMENTS, TICK};

/// What the daemon keeps for one instance while it lives.
pub(super) struct State {
    log: Arc<Mutex<LogSink>>,
    /// Bounds on what the instance takes.
    limits: Limits,
    /// The time of the call that runs, milliseconds since 1970.
    now_ms: i64,
    /// Made at the first use of WASI; most connectors have none.
    inert: Option<Inert>,
}

impl State {
    fn log(&self) -> MutexGuard<'_, LogSink> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn inert(&mut self) -> &mut Inert {
        self.inert.get_or_insert_with(|| Inert::new(self.now_ms, &self.log))
    }
}

impl wit_types::Host for State {}

impl wit_log::Host for State {
    fn log(&mut self, level: wit_log::Level, message: String) {
        let level = match level {
            wit_log::Level::Debug => LogLevel::Debug,
            wit_log::Level::Info => LogLevel::Info,
            wit_log::Level::Warn => LogLevel::Warn,
            wit_log::Level::Error => LogLevel::Error,
        };
        State::log(self).write(level, message);
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.inert().view()
    }
}

/// Memory and tables of one instance, all of its core instances together.
#[derive(Default)]
struct Limits {
    memory_bytes: usize,
    table_elements: usize,
    /// The instance wanted more memory than it may have.
    memory_refused: bool,
}

/// Refused rather than answered with "no memory": a guest that cannot allocate dies of it in an obscure way.
#[derive(Debug, thiserror::Error)]
#[error("memory limit reached")]
struct MemoryRefused;

#[derive(Debug, thiserror::Error)]
#[error("tables of more than {TABLE_ELEMENTS} elements")]
struct TableRefused;

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if bytes > MEMORY_BYTES {
            self.memory_refused = true;
            return Err(MemoryRefused.into());
        }
        self.memory_bytes = bytes;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let elements = self.table_elements.saturating_add(desired.saturating_sub(current));
        if elements > TABLE_ELEMENTS {
            return Err(TableRefused.into());
        }
        self.table_elements = elements;
        Ok(true)
    }

    fn instances(&self) -> usize {
        PARTS
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        PARTS
    }
}

/// What one call may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Time from begin to end.
    pub(super) time: Duration,
    /// What the answer may occupy in the daemon, bytes.
    pub(super) answer_bytes: usize,
}

/// For whom and when a call happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion<'a> {
    /// Empty where there is none.
    pub(super) integration: &'a str,
    /// Milliseconds since 1970.
    pub(super) now_ms: i64,
}

/// A connector with a memory of its own.
pub(super) struct Instance {
    store: Store<State>,
    instance: WasmInstance,
    prepared: Arc<Prepared>,
}

impl Instance {
    /// A fresh one. What runs while it starts counts against the budget.
    pub(super) fn new(
        prepared: &Arc<Prepared>,
        site: &CallSite,
        occasion: Occasion<'_>,
        budget: Budget,
    ) -> Result<Self, CallError> {
        let mut store = store(prepared, site, occasion);
        let instance = run(&mut store, site, occasion, budget, |store| prepared.pre.instantiate(store))?;
        Ok(Self { store, instance, prepared: Arc::clone(prepared) })
    }

    /// A fresh one for a call that is soon over: from the pool, if there is a place.
    pub(super) fn brief(
        connector: &Connector,
        site: &CallSite,
        occasion: Occasion<'_>,
        budget: Budget,
    ) -> Result<Self, CallError> {
        if let Some(pooled) = &connector.pooled {
            let mut store = store(pooled, site, occasion);
            let started = run(&mut store, site, occasion, budget, |store| match pooled.pre.instantiate(store) {
                Err(error) if error.is::<PoolConcurrencyLimitError>() => Ok(None),
                started => started.map(Some),
            })?;
            if let Some(instance) = started {
                return Ok(Self { store, instance, prepared: Arc::clone(pooled) });
            }
        }
        Self::new(&connector.prepared, site, occasion, budget)
    }

    /// Calls into it. After an error the instance must not be used again.
    pub(super) fn call<R>(
        &mut self,
        site: &CallSite,
        occasion: Occasion<'_>,
        budget: Budget,
        work: impl FnOnce(&mut Store<State>, &WasmInstance, &Indices) -> wasmtime::Result<R>,
    ) -> Result<R, CallError> {
        let (instance, indices) = (&self.instance, &self.prepared.indices);
        run(&mut self.store, site, occasion, budget, |store| work(store, instance, indices))
    }

    /// What it has logged since this was last called.
    pub(super) fn take_log(&mut self) -> Vec<LogLine> {
        self.store.data().log().take()
    }

    pub(super) fn parts(&mut self) -> (&mut Store<State>, &WasmInstance) {
        (&mut self.store, &self.instance)
    }
}

fn store(prepared: &Prepared, site: &CallSite, occasion: Occasion<'_>) -> Store<State> {
    let log = Arc::new(Mutex::new(LogSink::new(&site.connector)));
    let state = State { log, limits: Limits::default(), now_ms: occasion.now_ms, inert: None };
    let mut store = Store::new(prepared.pre.engine(), state);
    store.limiter(|state| &mut state.limits);
    store.epoch_deadline_trap();
    store
}

fn run<R>(
    store: &mut Store<State>,
    site: &CallSite,
    occasion: Occasion<'_>,
    budget: Budget,
    work: impl FnOnce(&mut Store<State>) -> wasmtime::Result<R>,
) -> Result<R, CallError> {
    // One tick more, since the first may be nearly over.
    let ticks = budget.time.as_millis().div_ceil(TICK.as_millis()).saturating_add(1);
    store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX));
    store.set_hostcall_fuel(budget.answer_bytes);
    let state = store.data_mut();
    state.now_ms = occasion.now_ms;
    if let Some(inert) = &mut state.inert {
        inert.set_now(occasion.now_ms);
    }
    state.log().begin(occasion.integration);
    let result = work(store);
    store.data().log().end();
    result.map_err(|error| fault(store.data(), site, budget, &error))
}

/// Which of our limits, or which fault of the guest, an error of the runtime stands for.
fn fault(state: &State, site: &CallSite, budget: Budget, error: &wasmtime::Error) -> CallError {
    let site = site.clone();
    if state.limits.memory_refused {
        return CallError::Memory { site, limit_bytes: MEMORY_BYTES };
    }
    let trap = error.downcast_ref::<Trap>();
    if matches!(trap, Some(Trap::Interrupt)) {
        return CallError::Deadline { site, limit: budget.time };
    }
    // The runtime gives this error no type of its own.
    if trap.is_none() && error.chain().any(|cause| cause.to_string().contains("fuel allocated for hostcalls")) {
        let what = format!("an answer or log line occupies more than {} MiB", budget.answer_bytes >> 20);
        return CallError::Absurd { site, what };
    }
    let said = state.log().last_errors();
    let cause = match trap {
        Some(Trap::StackOverflow) => "the call stack is exhausted, as by endless recursion".to_owned(),
        // Toolchains put the stack at the bottom of the memory, so that it runs out of it.
        Some(Trap::MemoryOutOfBounds) => "it reached outside its memory, as by endless recursion".to_owned(),
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => causes(error),
    };
    let message = match (said.is_empty(), place(error)) {
        (false, _) => format!("{said} ({cause})"),
        (true, Some(place)) => format!("{cause}, in {place}"),
        (true, None) => cause,
    };
    CallError::Trap { site, message: super::log::cut(message) }
}

/// The chain of causes in one line, without the backtrace that the runtime puts around it.
pub(super) fn causes(error: &wasmtime::Error) -> String {
    let skip = usize::from(error.downcast_ref::<WasmBacktrace>().is_some());
    let chain: Vec<String> =
        error.chain().skip(skip).map(|cause| cause.to_string().trim().replace('\n', " ")).collect();
    if chain.is_empty() { error.to_string() } else { chain.join(": ") }
}

/// The innermost functions of the guest, where they have names.
fn place(error: &wasmtime::Error) -> Option<String> {
    const FRAMES: usize = 3;
    let backtrace = error.downcast_ref::<WasmBacktrace>()?;
    let names: Vec<&str> = backtrace.frames().iter().filter_map(|frame| frame.func_name()).take(FRAMES).collect();
    (!names.is_empty()).then(|| names.join(" < "))
}
