//! What is wrong with a configuration, told so that it can be mended without a manual.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::limits::config::QUOTED_CHARS;

/// One thing that is wrong, or that deserves a warning. Holds no secret: neither its texts nor the line it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file that has to be changed.
    pub file: PathBuf,
    /// Line, from 1. None if it is about something that is not there.
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: Option<usize>,
    /// Path of the key, for example `report.timezone`.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    #[serde(skip)]
    pub(super) excerpt: Option<Excerpt>,
}

/// A line of the file, without what must not be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) line: usize,
    pub(super) text: String,
    /// Characters before the passage.
    pub(super) indent: usize,
    /// Characters of the passage; 0 if it is not shown.
    pub(super) width: usize,
}

impl Problem {
    /// About a file as a whole.
    pub(super) fn of_file(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            column: None,
            key: None,
            message: message.into(),
            help: None,
            excerpt: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if let Some(column) = self.column {
            write!(f, "{column}:")?;
        }
        if let Some(key) = &self.key {
            write!(f, " {key}:")?;
        }
        write!(f, " {}", self.message)?;
        let number = self.excerpt.as_ref().map(|excerpt| excerpt.line.to_string()).unwrap_or_default();
        let margin = number.len();
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n {:margin$} |\n {number} | {}", "", excerpt.text)?;
            if excerpt.width > 0 {
                write!(f, "\n {:margin$} | {:indent$}{}", "", "", "^".repeat(excerpt.width), indent = excerpt.indent)?;
            }
        }
        if let Some(help) = &self.help {
            write!(f, "\n {:margin$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// A word of the file in a message: in backticks, cut, and without characters that a terminal would obey.
pub(super) fn quote(word: &str) -> String {
    let mut chars = word.chars();
    let head: String = chars.by_ref().take(QUOTED_CHARS).flat_map(char::escape_debug).collect();
    let rest = if chars.next().is_some() { "…" } else { "" };
    format!("`{}{rest}`", head.replace("\\'", "'").replace("\\\"", "\""))
}
