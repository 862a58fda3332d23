//! Finds the header, the separator, and the format and integration that a file belongs to.

use std::collections::BTreeMap;
use std::fs::File;

use super::FileError;
use super::error::{KnownFormat, NearLayout, UnknownLayout};
use super::headings::{Fit, Heading, Wants};
use super::prepare::Prepared;
use super::records::{Place, Records};
use crate::limits::files::{COLUMNS, HEADER_LINES};
use crate::model::manifest::{ColumnContent, CsvFormat, DateOrder, SettingValue};

/// Separators that are tried, the usual first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Layouts told in the message about a file that fits none.
const NEAREST: usize = 3;

/// An integration that a file may belong to.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Name of the integration.
    pub integration: &'a str,
    /// Id of its connector.
    pub connector: &'a str,
    /// Formats of the connector.
    pub formats: &'a [CsvFormat],
    /// Settings of the integration.
    pub settings: &'a BTreeMap<String, SettingValue>,
}

/// A column as it is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedColumn {
    /// Name within the connector.
    pub name: String,
    /// What it holds.
    pub content: ColumnContent,
    /// Where it is in the file, from 0, if it is there.
    pub source: Option<usize>,
}

/// A file whose format is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// Which candidate.
    pub candidate: usize,
    /// Which of its formats.
    pub format: usize,
    /// Id of that format.
    pub format_id: String,
    /// Line of the header, from 1.
    pub header_line: u32,
    /// Separator.
    pub delimiter: u8,
    /// All headings of the file.
    pub headings: Vec<String>,
    /// Columns of the format.
    pub columns: Vec<MappedColumn>,
    /// Columns of the file, from 0, that are handed over after those of the format.
    pub others: Vec<usize>,
    /// Headings that are not handed over.
    pub ignored: Vec<String>,
    /// Columns of the format that keep rows together.
    pub(super) group_by: Vec<usize>,
    pub(super) date_order: Option<DateOrder>,
    pub(super) header: Place,
    pub(super) data: Place,
}

impl Recognised {
    /// Headings of the columns beyond those of the format, as they are handed over.
    pub fn other_headings(&self) -> Vec<String> {
        self.others.iter().filter_map(|other| self.headings.get(*other)).cloned().collect()
    }

    /// The heading in the file of a column of the format; the column's name if the file lacks it.
    pub(super) fn heading(&self, column: usize) -> String {
        let Some(mapped) = self.columns.get(column) else { return String::new() };
        mapped.source.and_then(|source| self.headings.get(source)).unwrap_or(&mapped.name).clone()
    }
}

/// A record near the top.
struct HeadRecord {
    /// At most one more than a file may have.
    headings: Vec<Heading>,
    columns: usize,
    place: Place,
    next: Place,
}

/// The top of the file, read with one separator.
struct View {
    delimiter: u8,
    records: Vec<HeadRecord>,
}

/// A format of a candidate.
struct Known<'a> {
    candidate: usize,
    format: usize,
    integration: &'a Candidate<'a>,
    wants: Wants<'a>,
}

impl Known<'_> {
    fn name(&self) -> KnownFormat {
        KnownFormat {
            integration: self.integration.integration.to_owned(),
            connector: self.integration.connector.to_owned(),
            format: self.wants.format().name.clone(),
        }
    }

    fn is_refused(&self) -> bool {
        self.wants.format().refused.is_some()
    }
}

/// A line, read with one separator, against all formats.
struct Trial<'v> {
    delimiter: u8,
    record: &'v HeadRecord,
    fits: Vec<Fit>,
    /// Some format has enough required columns for a header.
    header: bool,
    complete: bool,
    recognised: usize,
}

/// Finds the header and the one format that fits it.
///
/// # Errors
/// If none fits, several integrations fit equally, the format is one that is always refused, or a heading occurs twice.
pub fn recognise(prepared: &Prepared, work: &File, candidates: &[Candidate<'_>]) -> Result<Recognised, FileError> {
    let known: Vec<Known<'_>> = candidates
        .iter()
        .enumerate()
        .flat_map(|(candidate, integration)| {
            integration.formats.iter().enumerate().map(move |(format, described)| {
                let wants = Wants::new(described, integration.settings);
                Known { candidate, format, integration, wants }
            })
        })
        .collect();
    if known.is_empty() {
        return Err(FileError::NoCandidates);
    }
    let views = views(prepared, work)?;
    let mut trials: Vec<Trial<'_>> = Vec::new();
    for view in &views {
        trials.extend(view.records.iter().map(|record| try_line(view.delimiter, record, &known)));
    }
    // The sort is stable: of equal trials the first separator wins.
    trials.sort_by_key(|trial| (trial.record.place.line, !trial.complete, usize::MAX - trial.recognised));
    let header = trials.iter().find(|trial| trial.complete).or_else(|| trials.iter().find(|trial| trial.header));
    let Some(trial) = header else {
        // Not a header, but the first of the lines that come nearest to one.
        let nearest = trials.iter().rev().max_by_key(|trial| (trial.recognised, trial.record.headings.len()));
        return Err(nearest.map_or(FileError::Empty, |trial| unknown(trial, &known)));
    };
    let (known, fit) = choose(trial, &known)?;
    settle(trial, known, fit)
}

fn try_line<'v>(delimiter: u8, record: &'v HeadRecord, known: &[Known<'_>]) -> Trial<'v> {
    let fits: Vec<Fit> = known.iter().map(|known| known.wants.fit(&record.headings)).collect();
    let header = known.iter().zip(&fits).any(|(known, fit)| known.wants.header_evidence(fit));
    let complete =
        known.iter().zip(&fits).any(|(known, fit)| fit.missing.is_empty() && known.wants.header_evidence(fit));
    let recognised = fits.iter().map(|fit| fit.recognised).max().unwrap_or_default();
    Trial { delimiter, record, fits, header, complete, recognised }
}

/// The format with all required columns that recognises most of the headings.
fn choose<'k, 'a>(trial: &'k Trial<'_>, known: &'k [Known<'a>]) -> Result<(&'k Known<'a>, &'k Fit), FileError> {
    let complete: Vec<_> = known
        .iter()
        .zip(&trial.fits)
        .filter(|(known, fit)| fit.missing.is_empty() && known.wants.header_evidence(fit))
        .collect();
    let most = complete.iter().map(|(_, fit)| fit.recognised).max();
    let mut best: Vec<_> = complete.into_iter().filter(|(_, fit)| Some(fit.recognised) == most).collect();
    if best.iter().any(|(known, _)| !known.is_refused()) {
        best.retain(|(known, _)| !known.is_refused());
    }
    // Within an integration the format that asks for more is the closer description, then the author's order counts.
    best.sort_by_key(|(known, fit)| (known.candidate, usize::MAX - fit.required, known.format));
    best.dedup_by_key(|(known, _)| known.candidate);
    match best[..] {
        [] => Err(unknown(trial, known)),
        [(known, fit), ref others @ ..] => match &known.wants.format().refused {
            Some(text) => Err(FileError::Refused { format: known.name(), text: text.clone() }),
            None if others.is_empty() => Ok((known, fit)),
            None => Err(FileError::Ambiguous { fits: best.iter().map(|(known, _)| known.name()).collect() }),
        },
    }
}

fn settle(trial: &Trial<'_>, known: &Known<'_>, fit: &Fit) -> Result<Recognised, FileError> {
    let format = known.wants.format();
    let line = trial.record.place.line;
    let headings: Vec<String> = trial.record.headings.iter().map(|heading| heading.text.clone()).collect();
    if headings.len() > COLUMNS {
        return Err(FileError::TooManyColumns { line, columns: trial.record.columns, limit: COLUMNS });
    }
    if let Some((first, second)) = fit.twice {
        let heading = headings.get(first).cloned().unwrap_or_default();
        return Err(FileError::HeadingTwice { heading, line, first: first + 1, second: second + 1 });
    }
    let columns = format.columns.iter().zip(&fit.mapping).map(|(column, source)| MappedColumn {
        name: column.name.clone(),
        content: column.content,
        source: *source,
    });
    let rest = (0..headings.len()).filter(|index| !fit.mapping.contains(&Some(*index)));
    let named = |index: &usize| headings.get(*index).is_some_and(|heading| !heading.is_empty());
    let (others, ignored): (Vec<_>, Vec<_>) = rest.filter(named).partition(|_| format.other_columns);
    let group_by =
        format.group_by.iter().filter_map(|name| format.columns.iter().position(|column| column.name == *name));
    Ok(Recognised {
        candidate: known.candidate,
        format: known.format,
        format_id: format.id.clone(),
        header_line: line,
        delimiter: trial.delimiter,
        columns: columns.collect(),
        others,
        ignored: ignored.into_iter().filter_map(|index| headings.get(index)).cloned().collect(),
        group_by: group_by.collect(),
        date_order: format.date_order,
        header: trial.record.place,
        data: trial.record.next,
        headings,
    })
}

fn unknown(trial: &Trial<'_>, known: &[Known<'_>]) -> FileError {
    let mut nearest: Vec<_> = known.iter().zip(&trial.fits).filter(|(known, _)| !known.is_refused()).collect();
    nearest.sort_by_key(|(_, fit)| (fit.missing.len(), usize::MAX - fit.recognised));
    let layouts = nearest.iter().take(NEAREST).map(|(known, fit)| NearLayout {
        format: known.name(),
        missing: fit.missing.iter().filter_map(|column| known.wants.missing(*column)).collect(),
    });
    FileError::UnknownLayout(Box::new(UnknownLayout {
        line: trial.record.place.line,
        found: trial.record.headings.iter().map(|heading| heading.text.clone()).collect(),
        nearest: layouts.collect(),
    }))
}

/// The top of the file with every separator, or with the one that the file itself states.
fn views(prepared: &Prepared, work: &File) -> Result<Vec<View>, FileError> {
    let start = Place { offset: prepared.text_start, line: 1 };
    if let Some((delimiter, place)) = stated_delimiter(prepared, work, start)? {
        return Ok(vec![view(prepared, work, place, delimiter)?]);
    }
    let mut views = Vec::new();
    let mut refusal = None;
    for delimiter in DELIMITERS {
        match view(prepared, work, start, delimiter) {
            Ok(view) => views.push(view),
            Err(error) if error.is_temporary() => return Err(error),
            // A quote that is open with one separator may be plain text with another.
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(refusal) if views.iter().all(|view| view.records.is_empty()) => Err(refusal),
        _ => Ok(views),
    }
}

fn view(prepared: &Prepared, work: &File, start: Place, delimiter: u8) -> Result<View, FileError> {
    let mut reader = Records::new(work, start, prepared.text_end, delimiter, 16 << 10);
    let mut records = Vec::new();
    loop {
        match reader.advance() {
            Ok(true) if reader.place().line as usize <= HEADER_LINES => {}
            Ok(_) => break,
            // The lines before it may hold the header; reading the rows will meet the fault again.
            Err(error) if !records.is_empty() && !error.is_temporary() => break,
            Err(error) => return Err(error),
        }
        if reader.cells().any(|cell| !cell.trim_ascii().is_empty()) {
            let headings = reader.cells().take(COLUMNS + 1).map(Heading::new).collect();
            records.push(HeadRecord {
                headings,
                columns: reader.len(),
                place: reader.place(),
                next: reader.next_place(),
            });
        }
    }
    Ok(View { delimiter, records })
}

/// Excel's own first line: `sep=;`.
fn stated_delimiter(prepared: &Prepared, work: &File, start: Place) -> Result<Option<(u8, Place)>, FileError> {
    // With a separator that no text has, a record is a line.
    let mut reader = Records::new(work, start, prepared.text_end, 0, 16 << 10);
    match reader.advance() {
        Ok(true) => {}
        Err(error) if error.is_temporary() => return Err(error),
        _ => return Ok(None),
    }
    let line = reader.raw();
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    Ok(match line {
        // A spreadsheet that saved the file again pads the line to the width of the table.
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter, padding @ ..]
            if (delimiter.is_ascii_punctuation() || *delimiter == b'\t')
                && *delimiter != b'"'
                && padding.iter().all(|byte| byte == delimiter) =>
        {
            Some((*delimiter, reader.next_place()))
        }
        _ => None,
    })
}
