//! Why a file is not taken. Every message is complete: what is wrong, where, and what to do.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use crate::model::manifest::ColumnContent;

/// Why a file as a whole is not taken.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file itself could not be read. It may work later.
    #[error("the file could not be read: {0}")]
    Read(#[source] io::Error),
    /// The working copy could not be written or read. It may work later.
    #[error("the working copy of the file failed: {0}; {room}", room = room(.0))]
    Work(#[source] io::Error),
    /// The archive could not be written. It may work later.
    #[error("the copy of the file for the archive could not be written: {0}; {room}", room = room(.0))]
    Archive(#[source] io::Error),
    /// Nothing but blanks.
    #[error("the file is empty; export it again, and wait until the download is complete before moving it here")]
    Empty,
    /// Over the limit.
    #[error("the file is larger than {limit} bytes; export it in parts, for example one year at a time")]
    TooLarge {
        /// The limit, bytes.
        limit: u64,
    },
    /// More lines than can be numbered.
    #[error("the file has more than {limit} lines; export it in parts, for example one year at a time")]
    TooManyLines {
        /// The limit.
        limit: u32,
    },
    /// Another kind of file.
    #[error("this is {what}, not a table of text; {advice}")]
    Foreign {
        /// What it is, with article.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// NUL bytes.
    #[error("this is not a text file: it holds a zero byte at position {position}; export it again as CSV")]
    Binary {
        /// Bytes from the start.
        position: u64,
    },
    /// The last character is cut in two.
    #[error("the file ends in the middle of a character, so the end is missing; copy or export it again")]
    CutOff,
    /// Nobody to ask.
    #[error("no integration here reads files; add one to the configuration, or enable it")]
    NoCandidates,
    /// No format fits.
    #[error("{0}")]
    UnknownLayout(Box<UnknownLayout>),
    /// Several integrations could take it.
    #[error(
        "the file could belong to several integrations: {}; put it into the folder of the right one: {}",
        list(fits.iter().map(|fit| format!("`{}` ({})", fit.integration, fit.format)), "and"),
        list(fits.iter().map(|fit| format!("drop/{}/", fit.integration)), "or")
    )]
    Ambiguous {
        /// Those that could.
        fits: Vec<KnownFormat>,
    },
    /// A format that is always refused.
    #[error("this looks like \"{}\", which is not taken: {text}", format.format)]
    Refused {
        /// The format.
        format: KnownFormat,
        /// The connector's explanation.
        text: String,
    },
    /// Two columns with one heading.
    #[error(
        "two columns are headed \"{heading}\": the {} and the {}; rename or remove one of them in line {line}",
        ordinal(*first), ordinal(*second)
    )]
    HeadingTwice {
        /// The heading.
        heading: String,
        /// Line of the header.
        line: u32,
        /// Number of the column, from 1.
        first: usize,
        /// Number of the other column, from 1.
        second: usize,
    },
    /// Too many columns.
    #[error("the header in line {line} has {columns} columns, more than {limit}; export fewer columns")]
    TooManyColumns {
        /// Line of the header.
        line: u32,
        /// Columns there.
        columns: usize,
        /// Columns allowed.
        limit: usize,
    },
    /// A quote that never closes.
    #[error(
        "the quote that opens in line {line} is never closed: the file was cut off there, or the quote does not belong \
         there; copy or export the file again"
    )]
    OpenQuote {
        /// Where it opens.
        line: u32,
    },
    /// A record over the limit.
    #[error(
        "the row that begins in line {line} is longer than {limit} bytes{}; correct that line or export the file again",
        quote.map_or(String::new(), |line| format!(", because the quote that opens in line {line} is not closed"))
    )]
    RecordTooLong {
        /// Where it begins.
        line: u32,
        /// Where a quote opens that does not close, if one does.
        quote: Option<u32>,
        /// The limit, bytes.
        limit: usize,
    },
    /// Most cells of a column are not what it should hold.
    #[error(
        "column \"{heading}\" does not hold {}: {unreadable} of {filled} cannot be read, the first in line {}: \
         {} {reason}; see that the right column has this heading",
        contents(*content), first.line, first.value
    )]
    ColumnUnreadable {
        /// Heading in the file.
        heading: String,
        /// What it should hold.
        content: ColumnContent,
        /// Cells that are not that.
        unreadable: u64,
        /// Cells that are not empty.
        filled: u64,
        /// The first one.
        first: Seen,
        /// Why.
        reason: &'static str,
    },
    /// Both decimal marks in one column.
    #[error(
        "column \"{heading}\" contradicts itself: line {} writes {} with a decimal point, line {} writes {} with a decimal \
         comma; correct one of them, or export the file again without editing it",
        point.line, point.value, comma.line, comma.value
    )]
    MixedAmounts {
        /// Heading in the file.
        heading: String,
        /// With a point.
        point: Seen,
        /// With a comma.
        comma: Seen,
    },
    /// Nothing tells the thousands from decimals.
    #[error(
        "column \"{heading}\" can be read in two ways: {} in line {} is either a whole number with thousands or a number with \
         three decimals, and no other row settles it; set `decimal_mark = \".\"` or `decimal_mark = \",\"` for this integration",
        seen.value, seen.line
    )]
    AmbiguousAmounts {
        /// Heading in the file.
        heading: String,
        /// An example.
        seen: Seen,
    },
    /// Both orders of day and month.
    #[error(
        "the dates contradict each other: {} in line {} has the month first, {} in line {} has the day first; correct one of \
         them, or export the file again without editing it",
        month_first.value, month_first.line, day_first.value, day_first.line
    )]
    MixedDates {
        /// Month first.
        month_first: Seen,
        /// Day first.
        day_first: Seen,
    },
    /// Nothing tells the day from the month.
    #[error(
        "no date in column \"{heading}\" tells day from month: {} in line {} can be read both ways; set \
         `date_order = \"month-first\"` or `date_order = \"day-first\"` for this integration",
        seen.value, seen.line
    )]
    AmbiguousDates {
        /// Heading in the file.
        heading: String,
        /// An example.
        seen: Seen,
    },
    /// Too many rows that belong together.
    #[error(
        "more than {limit} rows, or {limit_bytes} bytes, have the same value {} in column \"{heading}\", the first in line {}; \
         see that the right column has this heading",
        first.value, first.line
    )]
    GroupTooLarge {
        /// Heading in the file.
        heading: String,
        /// The first of them.
        first: Seen,
        /// The limit, rows.
        limit: usize,
        /// The limit, bytes.
        limit_bytes: usize,
    },
}

impl FileError {
    /// True if the file is not at fault and the same file may be taken later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Work(_) | Self::Archive(_))
    }

    /// True if the disk has no room for a copy of the file.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Work(error) | Self::Archive(error) if is_full(error))
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn room(error: &io::Error) -> &'static str {
    if is_full(error) {
        "the disk is full, free some space: a file needs room for a copy as text and for a compressed one"
    } else {
        "see that the disk can be written and has room for a second copy of the file"
    }
}

/// A cell and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Line of the row's start, from 1.
    pub line: u32,
    /// The cell as people can read it: quoted, control characters escaped, cut when long.
    pub value: String,
}

impl Seen {
    pub(super) fn new(line: u32, cell: &[u8]) -> Self {
        Self { line, value: shown(cell) }
    }
}

/// A format of a connector, of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFormat {
    /// Name of the integration.
    pub integration: String,
    /// Id of the connector.
    pub connector: String,
    /// Name of the format for people.
    pub format: String,
}

/// A column that a format requires and the file lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingColumn {
    /// Name within the connector.
    pub column: String,
    /// Headings that would do.
    pub accepted: Vec<String>,
    /// The setting that names the heading, if one does.
    pub setting: Option<String>,
}

/// A format that a file nearly has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearLayout {
    /// The format.
    pub format: KnownFormat,
    /// What is missing.
    pub missing: Vec<MissingColumn>,
}

/// No format fits the headings of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLayout {
    /// The line taken for the header.
    pub line: u32,
    /// The headings there.
    pub found: Vec<String>,
    /// The formats that come nearest.
    pub nearest: Vec<NearLayout>,
}

impl fmt::Display for UnknownLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the headings fit no known kind of file.")?;
        let fewest = self.nearest.iter().map(|near| near.missing.len()).min().unwrap_or_default();
        for near in self.nearest.iter().filter(|near| near.missing.len() == fewest) {
            let KnownFormat { integration, format, .. } = &near.format;
            write!(f, " For \"{format}\" of integration `{integration}` ")?;
            f.write_str(if near.missing.len() == 1 {
                "one column is missing: "
            } else {
                "these columns are missing: "
            })?;
            let columns = near.missing.iter().map(|missing| {
                let more = missing.accepted.len().saturating_sub(SHOWN_ACCEPTED);
                let shown = missing.accepted.iter().take(SHOWN_ACCEPTED).map(|heading| format!("\"{heading}\""));
                let accepted = list(shown.chain((more > 0).then(|| format!("{more} others"))), "or");
                match &missing.setting {
                    Some(setting) => format!("{} (setting `{setting}` says {accepted})", missing.column),
                    None => format!("{} (headed {accepted})", missing.column),
                }
            });
            write!(f, "{}.", list(columns, "and"))?;
        }
        let named = || self.found.iter().filter(|heading| !heading.is_empty());
        let found: Vec<_> = named().take(SHOWN_HEADINGS).map(|heading| format!("\"{}\"", cut(heading))).collect();
        let more = named().count().saturating_sub(SHOWN_HEADINGS);
        write!(f, " Headings found in line {}: {}", self.line, found.join(", "))?;
        if more > 0 {
            write!(f, " and {more} more")?;
        }
        f.write_str(". Export the kind of file that is named here, with its header row and all columns")?;
        let connectors: BTreeSet<_> = self.nearest.iter().map(|near| near.format.connector.as_str()).collect();
        let commands = connectors.into_iter().map(|connector| format!("`ltvd connector inspect {connector}`"));
        match list(commands, "or") {
            commands if commands.is_empty() => Ok(()),
            commands => write!(f, "; {commands} tells all that is understood"),
        }
    }
}

/// Headings that would do, told for each missing column.
const SHOWN_ACCEPTED: usize = 4;
/// Headings told in a message.
const SHOWN_HEADINGS: usize = 40;
/// Characters of a cell told in a message.
const SHOWN_CHARS: usize = 60;

/// A cell for a message: quoted, control characters escaped, cut when long.
pub(super) fn shown(cell: &[u8]) -> String {
    format!("`{}`", cut(&String::from_utf8_lossy(cell)))
}

/// Control characters escaped, cut when long.
fn cut(text: &str) -> String {
    let visible = |letter: char| match letter {
        '"' | '\'' | '\\' => letter.to_string(),
        _ => letter.escape_debug().to_string(),
    };
    let mut short: String = text.chars().take(SHOWN_CHARS).map(visible).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// `a, b and c`
fn list(items: impl Iterator<Item = String>, word: &str) -> String {
    let items: Vec<_> = items.collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {word} {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// The plural of what a column holds.
pub(super) fn contents(content: ColumnContent) -> &'static str {
    match content {
        ColumnContent::Text => "text",
        ColumnContent::Amount => "amounts",
        ColumnContent::Date => "dates",
        ColumnContent::Time => "times of day",
    }
}
