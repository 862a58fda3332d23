//! The second pass: looks at all rows once, decides what holds for the whole file, and finds the rows that are bad.

use std::collections::HashMap;
use std::fs::File;

use super::cells::{Cells, Fault, Verdict, plain_text};
use super::encoding::Encoding;
use super::error::{FileError, Seen, shown};
use super::groups::{GroupFinder, Groups, HashKeys, group_key};
use super::marks::CurrencyMarks;
use super::notation::{Evidence, Notation, Options};
use super::prepare::Prepared;
use super::recognise::Recognised;
use super::records::{Place, Records};
use super::{Batches, Progress, date};
use crate::limits::files::{BAD_ROWS, GROUP_BYTES, GROUP_ROWS, RAW_ROW_BYTES};
use crate::model::manifest::ColumnContent;

/// Bytes read at a time on a walk through the file.
pub(super) const WALK_BYTES: usize = 256 << 10;
/// One record in so many is remembered by its place, so that any line is found quickly.
const LANDMARK_RECORDS: u64 = 1024;
/// Records between two calls of the progress function.
const PROGRESS_RECORDS: u64 = 8192;
/// Dates shown as they were understood.
const SAMPLE_DATES: usize = 3;

/// A row that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Line of the row's start, from 1.
    pub line: u32,
    /// Heading of the column at fault, if it is one.
    pub column: Option<String>,
    /// The cell at fault as people can read it: quoted and cut.
    pub value: Option<String>,
    /// Why, as the end of a sentence that begins with the cell or the row.
    pub reason: String,
}

/// A row as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRow {
    /// Line of the row's start, from 1.
    pub line: u32,
    /// Its text without line end, UTF-8.
    pub text: String,
    /// The text was longer than is kept.
    pub cut: bool,
}

/// A date as it was written and as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleDate {
    /// Line of the row's start, from 1.
    pub line: u32,
    /// As in the file.
    pub written: String,
    /// As handed over.
    pub read: String,
}

/// How a file was understood, for its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How characters are written.
    pub encoding: Encoding,
    /// Some characters were broken and are now U+FFFD.
    pub damaged: bool,
    /// Separator.
    pub delimiter: char,
    /// Line of the header, from 1.
    pub header_line: u32,
    /// Heading in the file, name of the column within the connector.
    pub mapping: Vec<(String, String)>,
    /// Columns of the format that the file lacks.
    pub absent: Vec<String>,
    /// Headings that are not handed over.
    pub ignored: Vec<String>,
    /// How numbers and dates are written.
    pub notation: Notation,
    /// Rows without any content, and empty lines.
    pub blank_rows: u64,
    /// The first dates.
    pub dates: Vec<SampleDate>,
    /// Signs and codes of currencies that stand beside amounts.
    pub currency_marks: Vec<String>,
}

/// A file that is understood and ready to be handed over.
#[derive(Debug)]
pub struct Plan {
    pub(super) work: File,
    pub(super) prepared: Prepared,
    pub(super) recognised: Recognised,
    pub(super) notation: Notation,
    pub(super) groups: Groups,
    pub(super) keys: HashKeys,
    pub(super) rows: u64,
    blank_rows: u64,
    bad: Vec<BadRow>,
    bad_total: u64,
    landmarks: Vec<Place>,
    dates: Vec<SampleDate>,
    currency_marks: Vec<String>,
    /// Groups that have a bad row, by their key, and the line of the first of these.
    pub(super) spoilt: HashMap<u64, u32>,
}

impl Plan {
    /// Looks at all rows. `progress` is told the bytes of text read so far.
    ///
    /// # Errors
    /// If the file is cut off within quotes, a column does not hold what it should or contradicts itself, the notation
    /// stays open, or a group is too large.
    pub fn scan(
        work: File,
        prepared: Prepared,
        recognised: Recognised,
        options: &Options,
        progress: Progress<'_>,
    ) -> Result<Self, FileError> {
        let keys = HashKeys::random();
        let mut scan = Scan::new(&recognised);
        let mut cells = Cells::new(&recognised);
        let mut records = Records::new(&work, recognised.data, prepared.text_end, recognised.delimiter, WALK_BYTES);
        let mut seen = 0_u64;
        while records.advance()? {
            if seen.is_multiple_of(LANDMARK_RECORDS) {
                scan.landmarks.push(records.place());
            }
            seen += 1;
            if seen.is_multiple_of(PROGRESS_RECORDS) {
                progress(records.place().offset - prepared.text_start);
            }
            match cells.inspect(&records, &mut scan.evidence) {
                Verdict::Good => scan.good(&records, group_key(&records, &recognised, keys)),
                Verdict::Blank => scan.blank_rows += 1,
                Verdict::Bad(fault) => {
                    if let Some(key) = group_key(&records, &recognised, keys) {
                        scan.spoilt.entry(key).or_insert(records.place().line);
                    }
                    scan.bad(&records, fault);
                }
            }
        }
        progress(prepared.text_end - prepared.text_start);
        let Scan { evidence, groups, rows, blank_rows, bad, bad_total, landmarks, dates, marks, spoilt, .. } = scan;
        let groups = match groups.finish() {
            Ok(groups) => groups,
            Err(place) => {
                records.seek(place);
                records.advance()?;
                return Err(group_too_large(&recognised, &records));
            }
        };
        drop(records);
        let notation = evidence.decide(&recognised, options)?;
        let dates = dates.into_iter().filter_map(|(line, cell)| sample(line, &cell, &notation)).collect();
        Ok(Self {
            work,
            prepared,
            recognised,
            notation,
            groups,
            keys,
            rows,
            blank_rows,
            bad,
            bad_total,
            landmarks,
            dates,
            currency_marks: marks.finish(),
            spoilt,
        })
    }

    /// Rows that will be handed over.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The first rows that are left out, at most [`BAD_ROWS`], in the order of the file.
    pub fn bad_rows(&self) -> &[BadRow] {
        &self.bad
    }

    /// All rows that are left out.
    pub fn bad_rows_total(&self) -> u64 {
        self.bad_total
    }

    /// The format, and where its columns are.
    pub fn recognised(&self) -> &Recognised {
        &self.recognised
    }

    /// Size, checksum and encoding of the file.
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// How the file was understood.
    pub fn summary(&self) -> Summary {
        let Recognised { columns, headings, .. } = &self.recognised;
        let mapping = columns.iter().filter_map(|column| {
            let heading = headings.get(column.source?)?;
            Some((heading.clone(), column.name.clone()))
        });
        Summary {
            encoding: self.prepared.encoding,
            damaged: self.prepared.damaged,
            delimiter: char::from(self.recognised.delimiter),
            header_line: self.recognised.header_line,
            mapping: mapping.collect(),
            absent: columns.iter().filter(|column| column.source.is_none()).map(|column| column.name.clone()).collect(),
            ignored: self.recognised.ignored.clone(),
            notation: self.notation.clone(),
            blank_rows: self.blank_rows,
            dates: self.dates.clone(),
            currency_marks: self.currency_marks.clone(),
        }
    }

    /// All rows in batches, normalised. Can be called again.
    pub fn batches(&self) -> Batches<'_> {
        Batches::new(self)
    }

    /// The header row as it stands in the file.
    ///
    /// # Errors
    /// If reading fails.
    pub fn raw_header(&self) -> Result<RawRow, FileError> {
        let mut records = self.walk(self.recognised.header, 16 << 10);
        records.advance()?;
        Ok(raw_row(&records))
    }

    /// The rows that begin in these lines, as they stand in the file. Lines where none begins are left out.
    ///
    /// # Errors
    /// If reading fails.
    pub fn raw_rows(&self, lines: &[u32]) -> Result<Vec<RawRow>, FileError> {
        let mut lines = lines.to_vec();
        lines.sort_unstable();
        lines.dedup();
        let mut found = Vec::with_capacity(lines.len());
        let mut records = self.walk(self.recognised.data, WALK_BYTES);
        for line in lines {
            let Some(near) = self.landmarks.partition_point(|place| place.line <= line).checked_sub(1) else {
                continue;
            };
            let Some(landmark) = self.landmarks.get(near).copied() else { continue };
            // Walk on from the last find, unless a landmark is nearer.
            if records.next_place().offset < landmark.offset || records.next_place().line > line {
                records.seek(landmark);
            }
            while records.next_place().line <= line && records.advance()? {
                if records.place().line == line {
                    found.push(raw_row(&records));
                    break;
                }
            }
        }
        Ok(found)
    }

    pub(super) fn walk(&self, place: Place, buffer_bytes: usize) -> Records<'_> {
        Records::new(&self.work, place, self.prepared.text_end, self.recognised.delimiter, buffer_bytes)
    }
}

/// What the walk collects.
struct Scan<'r> {
    recognised: &'r Recognised,
    evidence: Evidence,
    groups: GroupFinder,
    rows: u64,
    blank_rows: u64,
    bad: Vec<BadRow>,
    bad_total: u64,
    landmarks: Vec<Place>,
    /// The column that dates are shown from, and the first of them.
    date_column: Option<usize>,
    dates: Vec<(u32, Vec<u8>)>,
    marks: CurrencyMarks,
    spoilt: HashMap<u64, u32>,
}

impl<'r> Scan<'r> {
    fn new(recognised: &'r Recognised) -> Self {
        let is_date = |column: &&super::MappedColumn| column.content == ColumnContent::Date && column.source.is_some();
        Self {
            recognised,
            evidence: Evidence::new(recognised.columns.len()),
            groups: GroupFinder::default(),
            rows: 0,
            blank_rows: 0,
            bad: Vec::new(),
            bad_total: 0,
            landmarks: Vec::new(),
            date_column: recognised.columns.iter().find(is_date).and_then(|column| column.source),
            dates: Vec::new(),
            marks: CurrencyMarks::default(),
            spoilt: HashMap::new(),
        }
    }

    fn good(&mut self, record: &Records<'_>, key: Option<u64>) {
        self.rows += 1;
        self.groups.push(key, record.place());
        self.marks.look(record, self.recognised);
        if let Some(column) = self.date_column.filter(|_| self.dates.len() < SAMPLE_DATES) {
            let cell = plain_text(record.cell(column));
            if !cell.is_empty() {
                self.dates.push((record.place().line, cell.to_vec()));
            }
        }
    }

    fn bad(&mut self, record: &Records<'_>, fault: Fault) {
        self.bad_total += 1;
        if self.bad.len() < BAD_ROWS {
            let source = fault.column.and_then(|column| self.recognised.columns.get(column)?.source);
            self.bad.push(BadRow {
                line: record.place().line,
                column: fault.column.map(|column| self.recognised.heading(column)),
                value: source.map(|source| shown(plain_text(record.cell(source)))),
                reason: fault.reason.into_owned(),
            });
        }
    }
}

pub(super) fn group_too_large(recognised: &Recognised, first: &Records<'_>) -> FileError {
    let column = recognised.group_by.first().copied().unwrap_or_default();
    let source = recognised.columns.get(column).and_then(|column| column.source);
    let cell = source.map_or(&[][..], |source| first.cell(source));
    FileError::GroupTooLarge {
        heading: recognised.heading(column),
        first: Seen::new(first.place().line, plain_text(cell)),
        limit: GROUP_ROWS,
        limit_bytes: GROUP_BYTES,
    }
}

fn sample(line: u32, cell: &[u8], notation: &Notation) -> Option<SampleDate> {
    let mut read = Vec::new();
    date::read_date(cell).ok()?.write(notation.date_order.0, &mut read);
    Some(SampleDate { line, written: String::from_utf8_lossy(cell).into_owned(), read: String::from_utf8(read).ok()? })
}

fn raw_row(record: &Records<'_>) -> RawRow {
    let raw = record.raw();
    let cut = raw.len() > RAW_ROW_BYTES;
    // A cut within a character leaves a replacement character, which is true enough.
    let text = String::from_utf8_lossy(raw.get(..RAW_ROW_BYTES).unwrap_or(raw)).into_owned();
    RawRow { line: record.place().line, text, cut }
}
