//! Turns a record into cells as they are handed over. Both passes go through here, so they agree on which rows are bad.

use std::borrow::Cow;

use super::amount::{self, AmountEvidence};
use super::date::{self, DateEvidence};
use super::notation::{Evidence, Notation};
use super::recognise::Recognised;
use super::records::Records;
use crate::model::manifest::ColumnContent;

/// Why a row is left out.
pub(super) struct Fault {
    /// Column of the format, if one is at fault.
    pub(super) column: Option<usize>,
    pub(super) reason: Cow<'static, str>,
}

/// What a record turned out to be.
pub(super) enum Verdict {
    /// A row.
    Good,
    /// No cell has anything in it.
    Blank,
    /// A row that cannot be read.
    Bad(Fault),
}

/// Reads records against a layout.
pub(super) struct Cells<'r> {
    recognised: &'r Recognised,
    number: Vec<u8>,
    told: Vec<Told>,
}

/// What a cell told, held back until the whole row has proven good.
enum Told {
    Amount(usize, AmountEvidence),
    Date(usize, DateEvidence),
}

impl<'r> Cells<'r> {
    pub(super) fn new(recognised: &'r Recognised) -> Self {
        Self { recognised, number: Vec::new(), told: Vec::new() }
    }

    /// The first pass: is the row good, and what does it tell about the notation?
    pub(super) fn inspect(&mut self, record: &Records<'_>, evidence: &mut Evidence) -> Verdict {
        match self.shape(record) {
            Verdict::Good => {}
            other => return other,
        }
        let line = record.place().line;
        let mut fault = None;
        self.told.clear();
        for (index, column) in self.recognised.columns.iter().enumerate() {
            let (Some(source), true) = (column.source, column.content != ColumnContent::Text) else { continue };
            let cell = typed(record.cell(source), column.content);
            if cell.is_empty() {
                continue;
            }
            evidence.filled(index);
            let result = match column.content {
                ColumnContent::Amount => {
                    amount::read(cell, &mut self.number).map(|told| self.told.push(Told::Amount(index, told)))
                }
                ColumnContent::Date => {
                    date::read_date(cell).map(|stamp| self.told.push(Told::Date(index, stamp.evidence())))
                }
                ColumnContent::Time => date::read_time(cell).map(drop),
                ColumnContent::Text => Ok(()),
            };
            if let Err(reason) = result {
                evidence.unreadable(index, line, cell, reason);
                fault = fault.or(Some(Fault { column: Some(index), reason: reason.into() }));
            }
        }
        if let Some(fault) = fault {
            return Verdict::Bad(fault);
        }
        for told in self.told.drain(..) {
            let (Told::Amount(index, _) | Told::Date(index, _)) = told;
            let source = self.recognised.columns.get(index).and_then(|column| column.source);
            let cell = source.map_or(&[][..], |source| record.cell(source));
            match told {
                Told::Amount(index, told) => evidence.amount(index, told, line, cell),
                Told::Date(index, told) => evidence.date(index, told, line, cell),
            }
        }
        Verdict::Good
    }

    /// The second pass: appends the cells of the row to `text` and their ends to `ends`. A row that is not good leaves
    /// them as they were.
    pub(super) fn convert(
        &mut self,
        record: &Records<'_>,
        notation: &Notation,
        text: &mut Vec<u8>,
        ends: &mut Vec<u32>,
    ) -> Verdict {
        match self.shape(record) {
            Verdict::Good => {}
            other => return other,
        }
        let (text_start, ends_start) = (text.len(), ends.len());
        for (index, column) in self.recognised.columns.iter().enumerate() {
            if let Some(source) = column.source
                && let Err(reason) = self.convert_cell(record.cell(source), index, column.content, notation, text)
            {
                text.truncate(text_start);
                ends.truncate(ends_start);
                return Verdict::Bad(Fault { column: Some(index), reason: reason.into() });
            }
            ends.push(end_of(text));
        }
        for other in &self.recognised.others {
            text.extend_from_slice(plain_text(record.cell(*other)));
            ends.push(end_of(text));
        }
        Verdict::Good
    }

    fn convert_cell(
        &mut self,
        cell: &[u8],
        column: usize,
        content: ColumnContent,
        notation: &Notation,
        text: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        if content == ColumnContent::Text {
            text.extend_from_slice(plain_text(cell));
            return Ok(());
        }
        let cell = typed(cell, content);
        if cell.is_empty() {
            return Ok(());
        }
        match content {
            ColumnContent::Amount => {
                amount::read(cell, &mut self.number)?;
                amount::write(&self.number, notation.decimal_mark(column), text);
            }
            ColumnContent::Date => date::read_date(cell)?.write(notation.date_order.0, text),
            ColumnContent::Time => date::read_time(cell)?.write(text),
            ColumnContent::Text => {}
        }
        Ok(())
    }

    /// Blank, too long, or fit to be read.
    fn shape(&self, record: &Records<'_>) -> Verdict {
        if record.cells().all(|cell| trim(cell).is_empty()) {
            return Verdict::Blank;
        }
        let width = self.recognised.headings.len();
        if record.len() > width && record.cells().skip(width).any(|cell| !trim(cell).is_empty()) {
            let reason = format!(
                "has {} cells, but the header has {width}: perhaps a separator stands in a cell without quotes",
                record.len()
            );
            return Verdict::Bad(Fault { column: None, reason: reason.into() });
        }
        Verdict::Good
    }
}

/// Batches are far below 4 GiB, so this never saturates.
fn end_of(text: &[u8]) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// Without blanks of any script around it.
pub(super) fn trim(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    match (cell.first(), cell.last()) {
        (Some(first), Some(last)) if first.is_ascii() && last.is_ascii() => cell,
        (None, _) | (_, None) => cell,
        _ => std::str::from_utf8(cell).map_or(cell, |text| text.trim().as_bytes()),
    }
}

/// Trimmed, and without `="…"`, which exports write so that a spreadsheet keeps leading zeros.
pub(super) fn plain_text(cell: &[u8]) -> &[u8] {
    let cell = trim(cell);
    cell.strip_prefix(b"=\"").and_then(|rest| rest.strip_suffix(b"\"")).map_or(cell, trim)
}

/// Trimmed, and empty if it is one of the ways in which tables write that there is nothing.
fn typed(cell: &[u8], content: ColumnContent) -> &[u8] {
    let cell = plain_text(cell);
    let Some(first) = cell.first() else { return cell };
    if first.is_ascii_digit() && *first != b'0' {
        return cell;
    }
    const NOTHING: [&str; 7] = ["-", "--", "–", "—", "n/a", "null", "none"];
    let is_nothing = NOTHING.iter().any(|word| cell.eq_ignore_ascii_case(word.as_bytes()));
    // MySQL's date that is none.
    let is_zero_date = content == ColumnContent::Date && cell.starts_with(b"0000-00-00");
    if is_nothing || is_zero_date { &[] } else { cell }
}
