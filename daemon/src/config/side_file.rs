//! CSV files that the configuration names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::problem::{Problem, quote};
use super::read::{Fault, Reader, Site};
use crate::limits::config::{SIDE_FILE_BYTES, SIDE_FILE_PROBLEMS};

/// What is wrong with a file.
pub(super) enum FileFault {
    Unreadable(String),
    Wrong(Vec<Problem>),
}

impl FileFault {
    /// Says it: of the place that names the file, or of the lines in it.
    pub(super) fn tell(self, reader: &mut Reader<'_>, named_at: Site, file: &Path) {
        match self {
            Self::Unreadable(reason) => {
                let message = format!("{} cannot be read: {reason}", quote(&file.to_string_lossy()));
                reader.error(named_at, Fault::new(message));
            }
            Self::Wrong(problems) => problems.into_iter().for_each(|problem| reader.error_elsewhere(problem)),
        }
    }

    /// A line for each fault, with the number of its line.
    #[cfg(test)]
    pub(super) fn lines(self) -> String {
        match self {
            Self::Unreadable(reason) => reason,
            Self::Wrong(problems) => {
                let line = |problem: &Problem| problem.line.map(|line| line.to_string()).unwrap_or_default();
                let lines: Vec<_> = problems.iter().map(|p| format!("{}: {}", line(p), p.message)).collect();
                lines.join("\n")
            }
        }
    }
}

/// Reads a CSV file whose first line names these columns, in any order and among others. `take` gets the cells of each line in
/// the order of `columns`, and says what is wrong with them.
pub(super) fn read_rows<const N: usize>(
    path: &Path,
    columns: [&str; N],
    mut take: impl FnMut([&str; N]) -> Result<(), String>,
) -> Result<(), FileFault> {
    let unreadable = |error: std::io::Error| FileFault::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() > SIDE_FILE_BYTES {
        return Err(FileFault::Unreadable(format!("it is larger than {SIDE_FILE_BYTES} bytes")));
    }
    let problem = |line: Option<u64>, message: String| Problem {
        line: line.and_then(|line| usize::try_from(line).ok()),
        ..Problem::of_file(path, message)
    };
    let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file.take(SIDE_FILE_BYTES));
    let headings = csv.headers().map_err(|error| FileFault::Wrong(vec![problem(None, told(&error))]))?.clone();
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(columns) {
        let is_it = |heading: &str| heading.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name);
        let Some(found) = headings.iter().position(is_it) else {
            let message = format!("the first line must name the columns {}", listed(&columns));
            return Err(FileFault::Wrong(vec![problem(Some(1), message)]));
        };
        *place = found;
    }
    let (mut wrong, mut more) = (Vec::new(), 0_usize);
    for record in csv.records() {
        let (line, outcome) = match &record {
            Ok(record) => {
                let cells = places.map(|place| record.get(place).unwrap_or_default());
                (record.position().map(|position| position.line()), take(cells))
            }
            Err(error) => (error.position().map(|position| position.line()), Err(told(error))),
        };
        match outcome {
            Err(message) if wrong.len() < SIDE_FILE_PROBLEMS => wrong.push(problem(line, message)),
            Err(_) => more += 1,
            Ok(()) => {}
        }
    }
    if more > 0 {
        wrong.push(problem(None, format!("and {more} more wrong lines")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(FileFault::Wrong(wrong)) }
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

/// Without the position, which stands before the message already.
fn told(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the line is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} cells, the first line has {expected_len}")
        }
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => "the line is no CSV".to_owned(),
    }
}
