//! Why a command ends without success, and how that is told.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::{coloured, output};
use crate::app::{OpenError, SetupError};
use crate::config::Problems;

/// Each case has an exit code of its own; the numbers above 2 are those of sysexits.h.
#[derive(Debug)]
pub(super) enum Failure {
    /// It did not work. 1.
    Failed(String),
    /// The arguments contradict each other. 2, as for arguments that cannot be read.
    Usage(String),
    /// It may work later without anybody doing anything. 75.
    Temporary(String),
    /// The configuration is wrong. 78.
    Config(String),
    /// Whoever reads the output has seen enough. 0.
    Closed,
}

impl Failure {
    /// What happened, for a message about something larger.
    pub(super) fn text(self) -> String {
        match self {
            Self::Failed(text) | Self::Usage(text) | Self::Temporary(text) | Self::Config(text) => text,
            Self::Closed => String::new(),
        }
    }

    /// Says what happened.
    pub(super) fn tell(self) -> ExitCode {
        let (code, text) = match self {
            Self::Failed(text) => (1, text),
            Self::Usage(text) => (2, text),
            Self::Temporary(text) => (75, text),
            Self::Config(text) => (78, text),
            Self::Closed => return ExitCode::SUCCESS,
        };
        let mut stderr = io::stderr().lock();
        let mark = if coloured(&stderr) { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
        // If standard error is gone as well, the code alone must do.
        let _ = writeln!(stderr, "{mark} {}", output::plain_lines(text.trim_end()));
        ExitCode::from(code)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let count = problems.0.len();
        let head = if count == 1 { String::new() } else { format!("{count} problems in the configuration\n\n") };
        Self::Config(format!("{head}{problems}"))
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Config(problems) => problems.into(),
            SetupError::DataDir(fault) => Self::Config(fault),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Ledger(error) => Self::Failed(error.to_string()),
            OpenError::Rate(error) => Self::Config(error.to_string()),
        }
    }
}
