//! A WASI 0.2 that does nothing: for connectors whose toolchain cannot do without it.
//!
//! No environment, no arguments, no files, no sockets. Output goes into the log. Clocks stand still at the time of the
//! call, sleeping moves them on without taking any time, and random numbers are always the same: so equal calls give
//! equal answers, and no call into the host can outlast its deadline.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamResult, subscribe};
use wasmtime_wasi::{Deterministic, WasiCtx, WasiCtxView, async_trait};

use super::instance::State;
use super::log::{LogLevel, LogSink};
use crate::limits::connector::MESSAGE_BYTES;

/// Seed of all random numbers: any fixed bytes do.
const SEED: &[u8] = b"connectors are pure functions: the same arguments, the same answer";
/// Bytes that a stream takes at once.
const WRITE_BYTES: usize = 64 << 10;
/// Bytes of random numbers handed out in one call.
const RANDOM_BYTES: u64 = 1 << 20;

/// What an instance that imports WASI needs. Made at its first use of WASI.
pub(super) struct Inert {
    ctx: WasiCtx,
    table: ResourceTable,
    /// Nanoseconds since 1970, for both clocks.
    now_ns: u64,
}

impl Inert {
    pub(super) fn new(now_ms: i64, log: &Arc<Mutex<LogSink>>) -> Self {
        let mut builder = WasiCtx::builder();
        builder
            .stdout(Lines::new(LogLevel::Info, log))
            .stderr(Lines::new(LogLevel::Error, log))
            .secure_random(Deterministic::new(SEED.to_vec()))
            .insecure_random(Deterministic::new(SEED.to_vec()))
            .insecure_random_seed(1)
            .max_random_size(RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        Self { ctx: builder.build(), table: ResourceTable::new(), now_ns: nanos(now_ms) }
    }

    /// A further call of the same instance.
    pub(super) fn set_now(&mut self, now_ms: i64) {
        self.now_ns = nanos(now_ms);
    }

    pub(super) fn view(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

fn nanos(now_ms: i64) -> u64 {
    u64::try_from(now_ms).unwrap_or(0).saturating_mul(1_000_000)
}

/// Adds WASI to a linker, with clocks of our own.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<State, Clocks>(linker, |state| FrozenClocks(state.inert()))?;
    wall_clock::add_to_linker::<State, Clocks>(linker, |state| FrozenClocks(state.inert()))?;
    linker.allow_shadowing(false);
    Ok(())
}

struct Clocks;

impl HasData for Clocks {
    type Data<'a> = FrozenClocks<'a>;
}

struct FrozenClocks<'a>(&'a mut Inert);

impl FrozenClocks<'_> {
    /// Sleeping moves the clock, so that a guest that sleeps in a loop until a time comes to it.
    fn sleep_until(&mut self, when_ns: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.0.now_ns = self.0.now_ns.max(when_ns);
        let slept = self.0.table.push(Slept)?;
        subscribe(&mut self.0.table, slept)
    }
}

impl monotonic_clock::Host for FrozenClocks<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.0.now_ns)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1_000_000)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.sleep_until(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.sleep_until(self.0.now_ns.saturating_add(duration))
    }
}

impl wall_clock::Host for FrozenClocks<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let seconds = self.0.now_ns / 1_000_000_000;
        let nanoseconds = u32::try_from(self.0.now_ns % 1_000_000_000).unwrap_or(0);
        Ok(wall_clock::Datetime { seconds, nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: 1_000_000 })
    }
}

/// A sleep: over at once.
struct Slept;

#[async_trait]
impl Pollable for Slept {
    async fn ready(&mut self) {}
}

/// Standard output or error: each line becomes a line of the log.
#[derive(Clone)]
struct Lines {
    level: LogLevel,
    log: Arc<Mutex<LogSink>>,
    /// The line that has not ended yet.
    begun: Arc<Mutex<Vec<u8>>>,
}

impl Lines {
    fn new(level: LogLevel, log: &Arc<Mutex<LogSink>>) -> Self {
        Self { level, log: Arc::clone(log), begun: Arc::default() }
    }

    fn end_line(&self, line: &mut Vec<u8>) {
        if !line.is_empty() {
            let text = String::from_utf8_lossy(line).into_owned();
            self.log.lock().unwrap_or_else(PoisonError::into_inner).write(self.level, text);
            line.clear();
        }
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut line = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            // One byte more than fits, so that the cut shows.
            let room = (MESSAGE_BYTES + 1).saturating_sub(line.len());
            line.extend_from_slice(text.get(..room).unwrap_or(text));
            if text.len() < piece.len() {
                self.end_line(&mut line);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// Only WASI 0.3 asks for this, which is not offered.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

#[cfg(test)]
mod tests {
    use super::monotonic_clock::Host as _;
    use super::*;
    use crate::limits::connector::LOG_LINES;

    fn log() -> Arc<Mutex<LogSink>> {
        Arc::new(Mutex::new(LogSink::new("c")))
    }

    #[test]
    fn sleeping_takes_no_time_and_moves_the_clock() {
        let mut inert = Inert::new(1_500, &log());
        let mut clocks = FrozenClocks(&mut inert);
        assert_eq!(monotonic_clock::Host::now(&mut clocks).unwrap(), 1_500_000_000);
        clocks.subscribe_duration(3_600_000_000_000).unwrap();
        clocks.subscribe_instant(7).unwrap();
        let now = wall_clock::Host::now(&mut clocks).unwrap();
        assert_eq!((now.seconds, now.nanoseconds), (3_601, 500_000_000));
        clocks.subscribe_duration(u64::MAX).unwrap();
        assert_eq!(monotonic_clock::Host::now(&mut clocks).unwrap(), u64::MAX);
        assert_eq!(clocks.resolution_of_both(), (1_000_000, 1_000_000));
        inert.set_now(-1);
        assert_eq!(inert.now_ns, 0);
    }

    impl FrozenClocks<'_> {
        fn resolution_of_both(&mut self) -> (u64, u32) {
            let wall = wall_clock::Host::resolution(self).unwrap();
            (monotonic_clock::Host::resolution(self).unwrap(), wall.nanoseconds)
        }
    }

    #[test]
    fn output_becomes_lines_of_the_log() {
        let log = log();
        let mut output = Lines::new(LogLevel::Error, &log);
        for piece in ["panicked ", "at src\nit", " went\n\nÿ wrong\n", "unfinished"] {
            output.write(Bytes::from(piece.as_bytes().to_vec())).unwrap();
        }
        // Another handle of the same stream goes on with the same line.
        output.clone().write(Bytes::from_static(b" line\n")).unwrap();
        let lines: Vec<String> = log.lock().unwrap().take().into_iter().map(|line| line.message).collect();
        assert_eq!(lines, ["panicked at src", "it went", "ÿ wrong", "unfinished line"]);
    }

    #[test]
    fn output_without_end_is_bounded() {
        let log = log();
        let mut output = Lines::new(LogLevel::Info, &log);
        for _ in 0..100 {
            output.write(Bytes::from(vec![b'x'; WRITE_BYTES])).unwrap();
        }
        assert!(output.begun.lock().unwrap().len() <= MESSAGE_BYTES + 1);
        output.write(Bytes::from(vec![b'\n'; 10])).unwrap();
        output.write(Bytes::from(b"y\n".repeat(LOG_LINES * 2))).unwrap();
        let lines = log.lock().unwrap().take();
        assert_eq!(lines.len(), LOG_LINES);
        assert!(lines[0].message.len() <= MESSAGE_BYTES && lines[0].message.ends_with('…'));
    }
}
