//! Time and memory of a program.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace::show;

/// Pause between looks at the memory. The kernel keeps the maximum, so only growth in the last pause is missed.
const LOOK: Duration = Duration::from_millis(5);

/// One run.
pub(crate) struct Run {
    /// From start to end of the process, seconds.
    pub(crate) wall_s: f64,
    /// Largest resident memory, MiB; 0 where the system has no /proc.
    pub(crate) peak_mib: u64,
    /// The last line that it printed.
    pub(crate) report: Value,
}

/// Runs a program that prints a line of JSON at the end.
pub(crate) fn measure(command: &mut Command) -> Result<Run> {
    let shown = show(command);
    let start = Instant::now();
    let child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("{shown} could not be started"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let peak_kib = AtomicU64::new(0);
    let ended = AtomicBool::new(false);
    let (output, wall) = thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                peak_kib
                    .fetch_max(fs::read_to_string(&status_file).map_or(0, |status| peak(&status)), Ordering::Relaxed);
                thread::sleep(LOOK);
            }
        });
        let output = child.wait_with_output();
        let wall = start.elapsed();
        ended.store(true, Ordering::Relaxed);
        (output, wall)
    });
    let output = output.with_context(|| format!("{shown} was lost"))?;
    if !output.status.success() {
        bail!("{shown} failed: {}", output.status);
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let line = stdout.trim_end().lines().next_back().unwrap_or_default();
    let report = serde_json::from_str(line).with_context(|| format!("{shown} did not end with JSON: {line}"))?;
    Ok(Run { wall_s: wall.as_secs_f64(), peak_mib: peak_kib.into_inner().div_ceil(1024), report })
}

/// `VmHWM` of a status file, KiB.
fn peak(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The middle one; of an even number the upper of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_report() {
        let run = measure(Command::new("sh").args(["-c", "echo hello; sleep 0.1; echo '{\"a\": 1}'"])).unwrap();
        assert_eq!(run.report["a"], 1);
        assert!(run.wall_s >= 0.1, "{}", run.wall_s);
        assert!(measure(Command::new("sh").args(["-c", "echo '{}'; exit 3"])).is_err());
    }

    #[test]
    fn memory_and_medians() {
        assert_eq!(peak("Name:\tltvd\nVmHWM:\t  262144 kB\nVmRSS:\t 1 kB\n"), 262_144);
        assert_eq!(peak(""), 0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
