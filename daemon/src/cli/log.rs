//! The log, on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use super::coloured;
use super::failure::Failure;
use crate::redact::{self, CleanStderr};

/// Starts logging. A daemon tells what it does; other commands tell what is wrong, and nothing of what connectors say,
/// since they show that themselves.
pub(super) fn start(filter: Option<&str>, daemon: bool) -> Result<(), Failure> {
    redact::clean_panics();
    let filter = filter.unwrap_or(if daemon { "info" } else { "warn,connector=off" });
    let parsed = EnvFilter::try_new(filter).map_err(|error| {
        Failure::Usage(format!("`{filter}` is no log level: {error}; use error, warn, info, debug or trace"))
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(|| CleanStderr)
        .with_ansi(coloured(&io::stderr()));
    // It fails only where somebody else logs already, and then there is a log.
    let _ = subscriber.try_init();
    Ok(())
}
