//! What connectors log: passed on to the daemon's own log, bounded, and kept for whoever asks.

use std::collections::VecDeque;

use crate::limits::connector::{CAPTURED_LINES, LOG_LINES, MESSAGE_BYTES};

/// A panic written to standard error takes up to three lines: where, what, and a hint.
const LAST_ERRORS: usize = 3;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author of the connector.
    Debug,
    /// Worth keeping.
    Info,
    /// The operator should look.
    Warn,
    /// Something was lost or refused.
    Error,
}

impl LogLevel {
    /// Lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line that a connector logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The text, cut where it was too long.
    pub message: String,
}

/// Takes the lines of one instance.
#[derive(Debug, Default)]
pub(super) struct LogSink {
    connector: String,
    integration: String,
    /// Lines not yet taken.
    captured: Vec<LogLine>,
    /// Lines seen in the call that runs.
    in_call: usize,
    /// The last errors of the call that runs: a panic's text is among them.
    last_errors: VecDeque<String>,
}

impl LogSink {
    pub(super) fn new(connector: &str) -> Self {
        Self { connector: connector.to_owned(), ..Self::default() }
    }

    /// A call begins.
    pub(super) fn begin(&mut self, integration: &str) {
        if self.integration != integration {
            integration.clone_into(&mut self.integration);
        }
        self.in_call = 0;
        self.last_errors.clear();
    }

    /// A call ended: says how many lines were left out.
    pub(super) fn end(&mut self) {
        let left_out = self.in_call.saturating_sub(LOG_LINES);
        if left_out > 0 {
            self.in_call = 0;
            self.write(LogLevel::Warn, format!("{left_out} more lines of this call were left out"));
        }
    }

    pub(super) fn write(&mut self, level: LogLevel, message: String) {
        self.in_call = self.in_call.saturating_add(1);
        // A panic is the last thing that an instance says, so its text is kept even where the log is full.
        if self.in_call > LOG_LINES && level != LogLevel::Error {
            return;
        }
        let message = cut(message);
        if level == LogLevel::Error {
            self.last_errors.push_back(message.clone());
            if self.last_errors.len() > LAST_ERRORS {
                self.last_errors.pop_front();
            }
        }
        if self.in_call > LOG_LINES {
            return;
        }
        let (connector, integration) = (self.connector.as_str(), self.integration.as_str());
        match level {
            LogLevel::Debug => tracing::debug!(target: "connector", connector, integration, "{message}"),
            LogLevel::Info => tracing::info!(target: "connector", connector, integration, "{message}"),
            LogLevel::Warn => tracing::warn!(target: "connector", connector, integration, "{message}"),
            LogLevel::Error => tracing::error!(target: "connector", connector, integration, "{message}"),
        }
        if self.captured.len() < CAPTURED_LINES {
            self.captured.push(LogLine { level, message });
        }
    }

    /// The last errors of the call that runs or ran, the latest last; empty if there were none.
    pub(super) fn last_errors(&self) -> String {
        self.last_errors.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
    }

    /// All lines since the last time this was called.
    pub(super) fn take(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.captured)
    }
}

/// Cuts a message for people where it is too long, between characters.
pub(super) fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        let mark = '…';
        let kept = start_of(&message, MESSAGE_BYTES - mark.len_utf8()).len();
        message.truncate(kept);
        message.push(mark);
        message.shrink_to_fit();
    }
    message
}

/// As much of the start of a text as fits, in whole characters.
pub(super) fn start_of(text: &str, max_bytes: usize) -> &str {
    (0..=max_bytes).rev().find_map(|end| text.get(..end.min(text.len()))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_between_characters() {
        let long = cut("ä".repeat(MESSAGE_BYTES));
        assert!(long.len() <= MESSAGE_BYTES && long.ends_with("ä…"));
        assert_eq!(cut("short".into()), "short");
        assert_eq!(cut("x".repeat(MESSAGE_BYTES)).len(), MESSAGE_BYTES);
    }

    #[test]
    fn a_flood_is_counted_and_the_last_error_kept() {
        let mut sink = LogSink::new("c");
        sink.begin("i");
        for n in 0..LOG_LINES * 3 {
            sink.write(LogLevel::Info, n.to_string());
        }
        sink.write(LogLevel::Error, "panicked".into());
        sink.end();
        let lines = sink.take();
        assert_eq!(lines.len(), LOG_LINES + 1);
        assert_eq!(lines.last().unwrap().message, "201 more lines of this call were left out");
        assert_eq!(sink.last_errors(), "panicked");
        assert!(sink.take().is_empty());
    }
}
