//! What can go wrong with a connector: it cannot be loaded, or a call into it did not give an answer.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::types::{Failure, Pause};

/// Why a connector file is not used. Every text names the file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The runtime itself could not be set up.
    #[error("the WebAssembly runtime cannot start: {0}")]
    Runtime(String),
    /// The file or folder cannot be read.
    #[error("{path}: cannot be read: {source}", path = .path.display())]
    Read {
        /// File or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Larger than a connector may be.
    #[error("{path}: {size} bytes, and a connector may have {limit}; build it without debug information", path = .path.display())]
    TooLarge {
        /// File.
        path: PathBuf,
        /// Its size, bytes.
        size: u64,
        /// What is allowed, bytes.
        limit: u64,
    },
    /// Neither a component nor a core module, or one that does not compile.
    #[error("{path}: not a connector: {chain}", path = .path.display())]
    NotConnector {
        /// File.
        path: PathBuf,
        /// The whole chain of causes.
        chain: String,
    },
    /// Made for another version of the contract, or for something else altogether.
    #[error(
        "{path}: built for {found}, and this ltvd speaks {supported}; get a build of the connector for that version{chain}",
        path = .path.display()
    )]
    Contract {
        /// File.
        path: PathBuf,
        /// What it exports, for example `ltv:connector@0.2.0`.
        found: String,
        /// What this daemon supports.
        supported: &'static str,
        /// `: ` and the whole chain of causes, if there is more to say.
        chain: String,
    },
    /// Wants more than a logger.
    #[error(
        "{path}: refused, since it asks for {imports}; a connector may import only ltv:connector/log and WASI 0.2",
        path = .path.display(), imports = .imports.join(", ")
    )]
    Import {
        /// File.
        path: PathBuf,
        /// The imports that are not allowed.
        imports: Vec<String>,
    },
    /// It trapped or ran over a limit while it was started or described.
    #[error("{path}: {source}", path = .path.display())]
    Call {
        /// File.
        path: PathBuf,
        /// What happened.
        source: CallError,
    },
    /// Its manifest contradicts itself or its exports.
    #[error("{path}: its manifest is wrong: {problems}; the author of the connector must mend it", path = .path.display(), problems = .problems.join("; "))]
    Manifest {
        /// File.
        path: PathBuf,
        /// Everything that is wrong.
        problems: Vec<String>,
    },
    /// Two files have the same id; neither is used.
    #[error("{first} and {second} are both the connector `{id}`; remove one", first = .first.display(), second = .second.display())]
    Twin {
        /// The id.
        id: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl LoadError {
    /// The file that it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Runtime(_) => None,
            Self::Twin { second, .. } => Some(second),
            Self::Read { path, .. }
            | Self::TooLarge { path, .. }
            | Self::NotConnector { path, .. }
            | Self::Contract { path, .. }
            | Self::Import { path, .. }
            | Self::Call { path, .. }
            | Self::Manifest { path, .. } => Some(path),
        }
    }
}

/// Where a call went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSite {
    /// Id of the connector; its file name while it is not known yet.
    pub connector: Arc<str>,
    /// Version of the connector; empty while it is not known yet.
    pub version: Arc<str>,
    /// The function of the contract, for example `webhook.receive`.
    pub function: &'static str,
}

impl fmt::Display for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.version.is_empty() {
            write!(f, "connector {}, {}", self.connector, self.function)
        } else {
            write!(f, "connector {} {}, {}", self.connector, self.version, self.function)
        }
    }
}

/// Why a call gave no answer. Nothing of the call has any effect, and its instance is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The connector itself says so.
    #[error("{site}: {failure}")]
    Failure {
        /// Where.
        site: CallSite,
        /// What it says.
        failure: Failure,
    },
    /// It crashed.
    #[error("{site}: the connector crashed: {message}; report it to its author")]
    Trap {
        /// Where.
        site: CallSite,
        /// The panic's text if it said one, and the cause.
        message: String,
    },
    /// It took too long.
    #[error("{site}: no answer within {} s, so it was stopped; report it to the connector's author", .limit.as_secs())]
    Deadline {
        /// Where.
        site: CallSite,
        /// The time allowed.
        limit: Duration,
    },
    /// It wanted too much memory.
    #[error(
        "{site}: it reached the memory limit of {} MiB, so it was stopped; report it to the connector's author",
        .limit_bytes >> 20
    )]
    Memory {
        /// Where.
        site: CallSite,
        /// The memory allowed, bytes.
        limit_bytes: usize,
    },
    /// It answered what the contract forbids.
    #[error("{site}: {what}, so the whole answer was refused; report it to the connector's author")]
    Absurd {
        /// Where.
        site: CallSite,
        /// What, and how much of it.
        what: String,
    },
    /// The connector has no such interface.
    #[error("{site}: this connector does not do that; its manifest says what it does")]
    Unsupported {
        /// Where.
        site: CallSite,
    },
}

impl CallError {
    /// Where it happened.
    pub const fn site(&self) -> &CallSite {
        match self {
            Self::Failure { site, .. }
            | Self::Trap { site, .. }
            | Self::Deadline { site, .. }
            | Self::Memory { site, .. }
            | Self::Absurd { site, .. }
            | Self::Unsupported { site } => site,
        }
    }

    /// What the connector says, if it was the connector that failed the call.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failure { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(text) => write!(f, "a setting is wrong: {text}; edit the integration's settings"),
            Self::Unauthorized(text) => {
                write!(
                    f,
                    "the platform refuses the credentials: {text}; check the integration's secrets and permissions"
                )
            }
            Self::Throttled(pause) => write!(f, "too many requests: {pause}"),
            Self::Unavailable(pause) => write!(f, "the platform does not work at the moment: {pause}"),
            Self::Malformed(text) => {
                write!(f, "what came cannot be read: {text}")
            }
            Self::Internal(text) => write!(f, "a fault of the connector: {text}; report it to its author"),
        }
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after_ms {
            Some(ms) => write!(f, "{}; tried again in {} s at the earliest", self.message, ms.div_ceil(1000)),
            None => write!(f, "{}; tried again later", self.message),
        }
    }
}
