//! Decides how numbers and dates are written, once for the whole file.

use super::FileError;
use super::amount::{AmountEvidence, DecimalMark};
use super::date::DateEvidence;
use super::error::Seen;
use super::recognise::Recognised;
use crate::model::manifest::{ColumnContent, DateOrder};

/// What the operator says about files that do not settle it themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Taken where no date tells day from month.
    pub date_order: Option<DateOrder>,
    /// Taken where no amount of a column tells thousands from decimals.
    pub decimal_mark: Option<DecimalMark>,
}

/// What a decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Values that can be read in one way only.
    File,
    /// The operator's option.
    Option,
    /// The other columns of the file.
    OtherColumns,
    /// Dates with dots have the day first.
    Dots,
    /// The connector's manifest.
    Format,
    /// Nothing: no value needs the decision.
    NotNeeded,
}

/// How a file writes numbers and dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notation {
    /// For each column of the format that holds amounts: its index, the decimal mark, and why.
    pub decimal_marks: Vec<(usize, DecimalMark, Basis)>,
    /// Day or month first, and why.
    pub date_order: (DateOrder, Basis),
}

impl Notation {
    /// The decimal mark of a column of the format.
    pub(super) fn decimal_mark(&self, column: usize) -> DecimalMark {
        let found = self.decimal_marks.iter().find(|(candidate, ..)| *candidate == column);
        found.map_or(DecimalMark::Point, |(_, mark, _)| *mark)
    }
}

/// What the cells of a column told so far.
#[derive(Debug, Default)]
struct Column {
    filled: u64,
    unreadable: u64,
    first_unreadable: Option<(Seen, &'static str)>,
    point: Option<Seen>,
    comma: Option<Seen>,
    ambiguous: Option<Seen>,
    month_first: Option<Seen>,
    day_first: Option<Seen>,
    /// A date that dots do not settle.
    ambiguous_undotted: Option<Seen>,
}

/// Collects evidence from all rows.
#[derive(Debug)]
pub(super) struct Evidence {
    columns: Vec<Column>,
}

impl Evidence {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns: std::iter::repeat_with(Column::default).take(columns).collect() }
    }

    pub(super) fn filled(&mut self, column: usize) {
        if let Some(column) = self.columns.get_mut(column) {
            column.filled += 1;
        }
    }

    pub(super) fn unreadable(&mut self, column: usize, line: u32, cell: &[u8], reason: &'static str) {
        if let Some(column) = self.columns.get_mut(column) {
            column.unreadable += 1;
            column.first_unreadable.get_or_insert_with(|| (Seen::new(line, cell), reason));
        }
    }

    pub(super) fn amount(&mut self, column: usize, told: AmountEvidence, line: u32, cell: &[u8]) {
        let Some(column) = self.columns.get_mut(column) else { return };
        let first = match told {
            AmountEvidence::None => return,
            AmountEvidence::Certain(DecimalMark::Point) => &mut column.point,
            AmountEvidence::Certain(DecimalMark::Comma) => &mut column.comma,
            AmountEvidence::Either(_) => &mut column.ambiguous,
        };
        first.get_or_insert_with(|| Seen::new(line, cell));
    }

    pub(super) fn date(&mut self, column: usize, told: DateEvidence, line: u32, cell: &[u8]) {
        let Some(column) = self.columns.get_mut(column) else { return };
        let first = match told {
            DateEvidence::None => return,
            DateEvidence::Certain(DateOrder::MonthFirst) => &mut column.month_first,
            DateEvidence::Certain(DateOrder::DayFirst) => &mut column.day_first,
            DateEvidence::Either { dotted: true } => &mut column.ambiguous,
            DateEvidence::Either { dotted: false } => &mut column.ambiguous_undotted,
        };
        first.get_or_insert_with(|| Seen::new(line, cell));
    }

    /// Decides.
    ///
    /// # Errors
    /// If a column does not hold what it should, contradicts itself, or leaves open what must be known.
    pub(super) fn decide(self, recognised: &Recognised, options: &Options) -> Result<Notation, FileError> {
        for (index, (column, mapped)) in self.columns.iter().zip(&recognised.columns).enumerate() {
            if column.unreadable * 2 > column.filled
                && let Some((first, reason)) = &column.first_unreadable
            {
                return Err(FileError::ColumnUnreadable {
                    heading: recognised.heading(index),
                    content: mapped.content,
                    unreadable: column.unreadable,
                    filled: column.filled,
                    first: first.clone(),
                    reason,
                });
            }
        }
        let decimal_marks = self.decide_decimal_marks(recognised, options)?;
        let date_order = self.decide_date_order(recognised, options)?;
        Ok(Notation { decimal_marks, date_order })
    }

    fn of(&self, recognised: &Recognised, content: ColumnContent) -> impl Iterator<Item = (usize, &Column)> {
        let is =
            move |(_, mapped): &(usize, &super::MappedColumn)| mapped.content == content && mapped.source.is_some();
        let indices: Vec<_> = recognised.columns.iter().enumerate().filter(is).map(|(index, _)| index).collect();
        indices.into_iter().filter_map(|index| Some((index, self.columns.get(index)?)))
    }

    fn decide_decimal_marks(
        &self,
        recognised: &Recognised,
        options: &Options,
    ) -> Result<Vec<(usize, DecimalMark, Basis)>, FileError> {
        let amounts = || self.of(recognised, ColumnContent::Amount);
        let elsewhere = match (amounts().any(|(_, c)| c.point.is_some()), amounts().any(|(_, c)| c.comma.is_some())) {
            (true, false) => Some(DecimalMark::Point),
            (false, true) => Some(DecimalMark::Comma),
            _ => None,
        };
        let mut marks = Vec::new();
        for (index, column) in amounts() {
            let (mark, basis) = match (&column.point, &column.comma, &column.ambiguous) {
                (Some(point), Some(comma), _) => {
                    let heading = recognised.heading(index);
                    return Err(FileError::MixedAmounts { heading, point: point.clone(), comma: comma.clone() });
                }
                (Some(_), None, _) => (DecimalMark::Point, Basis::File),
                (None, Some(_), _) => (DecimalMark::Comma, Basis::File),
                (None, None, None) => (DecimalMark::Point, Basis::NotNeeded),
                (None, None, Some(seen)) => match (options.decimal_mark, elsewhere) {
                    (Some(mark), _) => (mark, Basis::Option),
                    (None, Some(mark)) => (mark, Basis::OtherColumns),
                    (None, None) => {
                        let heading = recognised.heading(index);
                        return Err(FileError::AmbiguousAmounts { heading, seen: seen.clone() });
                    }
                },
            };
            marks.push((index, mark, basis));
        }
        Ok(marks)
    }

    fn decide_date_order(&self, recognised: &Recognised, options: &Options) -> Result<(DateOrder, Basis), FileError> {
        let dates = || self.of(recognised, ColumnContent::Date);
        let month_first = dates().find_map(|(_, column)| column.month_first.clone());
        let day_first = dates().find_map(|(_, column)| column.day_first.clone());
        let undotted = dates().find_map(|(index, column)| Some((index, column.ambiguous_undotted.clone()?)));
        let dotted = dates().any(|(_, column)| column.ambiguous.is_some());
        match (month_first, day_first) {
            (Some(month_first), Some(day_first)) => return Err(FileError::MixedDates { month_first, day_first }),
            (Some(_), None) => return Ok((DateOrder::MonthFirst, Basis::File)),
            (None, Some(_)) => return Ok((DateOrder::DayFirst, Basis::File)),
            (None, None) => {}
        }
        match (options.date_order, undotted, recognised.date_order) {
            (_, None, _) if !dotted => Ok((DateOrder::MonthFirst, Basis::NotNeeded)),
            (Some(order), ..) => Ok((order, Basis::Option)),
            (None, None, _) => Ok((DateOrder::DayFirst, Basis::Dots)),
            (None, Some(_), Some(order)) => Ok((order, Basis::Format)),
            (None, Some((index, seen)), None) => {
                Err(FileError::AmbiguousDates { heading: recognised.heading(index), seen })
            }
        }
    }
}
