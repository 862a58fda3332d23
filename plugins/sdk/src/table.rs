//! Rows of a file by the names of their columns.

use std::fmt;
use std::iter;

use crate::dates;
use crate::fault::Fault;
use crate::money;
use crate::types::{Batch, Change, Decimal, Entry, Failure, Moment, Order, Rows, Withdrawal};

/// A batch of rows of a file.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<String>,
    others: Vec<String>,
    text: String,
    /// Where each cell ends in `text`, row by row.
    ends: Vec<u32>,
    lines: Vec<u32>,
    twins: Vec<u32>,
}

impl Table {
    /// The rows as the daemon hands them over: `columns` are the names of the format's columns, `others` the headings of
    /// the columns after them.
    ///
    /// # Errors
    /// [`Failure::Internal`] if the rows contradict themselves or the columns.
    pub fn new(columns: Vec<String>, others: Vec<String>, rows: Rows) -> Result<Self, Failure> {
        let Rows { width, text, ends, lines, twins } = rows;
        let text = String::from_utf8(text).map_err(|_| broken("its cells are not UTF-8"))?;
        let cells = columns.len() + others.len();
        if width as usize != cells {
            return Err(broken(&format!("it has {width} columns instead of {cells}")));
        }
        if ends.len() != cells * lines.len() || twins.len() != lines.len() {
            return Err(broken("its cells, line numbers and twins differ in number"));
        }
        let mut from = 0;
        for end in &ends {
            if *end < from || !text.is_char_boundary(*end as usize) {
                return Err(broken("its cells overlap or end nowhere"));
            }
            from = *end;
        }
        Ok(Table { columns, others, text, ends, lines, twins })
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The rows in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map(|index| Row { table: self, index })
    }

    /// Rows next to each other with the same value in this column, together. Rows without a value stay alone.
    #[must_use]
    pub fn groups_by(&self, column: &str) -> Vec<Vec<Row<'_>>> {
        let mut groups: Vec<Vec<Row<'_>>> = Vec::new();
        for row in self.rows() {
            let value = row.get(column);
            match groups.last_mut() {
                Some(group) if value.is_some() && group[0].get(column) == value => group.push(row),
                _ => groups.push(vec![row]),
            }
        }
        groups
    }

    fn cell(&self, row: usize, column: usize) -> &str {
        let index = row * (self.columns.len() + self.others.len()) + column;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[index] as usize]
    }
}

fn broken(what: &str) -> Failure {
    Failure::Internal(format!("the batch of rows cannot be read: {what}"))
}

/// One row of a [`Table`].
#[derive(Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    index: usize,
}

impl<'a> Row<'a> {
    /// The cell of a column of the format, trimmed. `None` if it is empty, or if there is no such column.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&'a str> {
        let at = self.table.columns.iter().position(|name| name == column)?;
        filled(self.table.cell(self.index, at))
    }

    /// As [`get`](Self::get), where nothing works without it.
    ///
    /// # Errors
    /// If it is empty.
    pub fn need(&self, column: &str) -> Result<&'a str, Fault> {
        self.get(column).ok_or_else(|| Fault::at(column, "is empty"))
    }

    /// The cell of an amount column. `None` if it is empty.
    ///
    /// # Errors
    /// If it is not a number in plain digits, as the daemon hands it over.
    pub fn amount(&self, column: &str) -> Result<Option<Decimal>, Fault> {
        self.get(column).map(money::plain).transpose().map_err(|error| Fault::at(column, error))
    }

    /// As [`amount`](Self::amount), where nothing works without it.
    ///
    /// # Errors
    /// If it is empty, or not a number.
    pub fn need_amount(&self, column: &str) -> Result<Decimal, Fault> {
        self.amount(column)?.ok_or_else(|| Fault::at(column, "is empty"))
    }

    /// The cell of a date column, with that of a time column where the date has no time. `None` if there is no date.
    ///
    /// # Errors
    /// If date or time cannot be read.
    pub fn moment(&self, date: &str, time: Option<&str>) -> Result<Option<Moment>, Fault> {
        let Some(text) = self.get(date) else { return Ok(None) };
        let time = time.and_then(|time| self.get(time));
        dates::day_and_time(text, time).map(Some).map_err(|error| Fault::at(date, error))
    }

    /// As [`moment`](Self::moment), where nothing works without it.
    ///
    /// # Errors
    /// If there is no date, or it cannot be read.
    pub fn need_moment(&self, date: &str, time: Option<&str>) -> Result<Moment, Fault> {
        self.moment(date, time)?.ok_or_else(|| Fault::at(date, "is empty"))
    }

    /// The cell of a column beyond those of the format, by its heading. `None` if it is empty or not there.
    #[must_use]
    pub fn other(&self, heading: &str) -> Option<&'a str> {
        self.others().find(|(known, _)| *known == heading).and_then(|(_, cell)| filled(cell))
    }

    /// Headings and cells beyond those of the format.
    pub fn others(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (table, index, first) = (self.table, self.index, self.table.columns.len());
        let headings = table.others.iter().enumerate();
        headings.map(move |(at, heading)| (heading.as_str(), table.cell(index, first + at)))
    }

    /// All cells that were handed over, as they are.
    pub fn cells(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (table, index) = (self.table, self.index);
        (0..table.columns.len() + table.others.len()).map(move |at| table.cell(index, at))
    }

    /// Line number in the file, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.table.lines[self.index]
    }

    /// How many rows before it in the file are equal in all cells.
    #[must_use]
    pub fn twin(&self) -> u32 {
        self.table.twins[self.index]
    }

    /// Index in the batch, from 0: what a reject names.
    #[must_use]
    pub fn index(&self) -> u32 {
        u32::try_from(self.index).unwrap_or(u32::MAX)
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = self.table.columns.iter().chain(&self.table.others);
        f.debug_map().entries(iter::zip(headings, self.cells())).finish()
    }
}

fn filled(cell: &str) -> Option<&str> {
    Some(cell.trim()).filter(|cell| !cell.is_empty())
}

impl Batch {
    /// A batch in which nothing has been read yet.
    #[must_use]
    pub const fn new() -> Self {
        Batch { changes: Vec::new(), rejects: Vec::new(), ignored: 0, notes: Vec::new() }
    }

    /// Stores an entry that this row tells, or replaces it by key. If the daemon would not take it, the row is rejected.
    pub fn put(&mut self, row: &Row<'_>, entry: Entry) {
        match entry.checked() {
            Ok(entry) => self.changes.push(Change::Put(entry)),
            Err(fault) => self.reject(row, fault),
        }
    }

    /// Replaces everything that is stored of one order, which this row tells. If the daemon would not take it, the row is
    /// rejected.
    pub fn replace_order(&mut self, row: &Row<'_>, order: Order) {
        match order.checked() {
            Ok(order) => self.changes.push(Change::ReplaceOrder(order)),
            Err(fault) => self.reject(row, fault),
        }
    }

    /// Removes one entry.
    pub fn withdraw(&mut self, withdrawal: Withdrawal) {
        self.changes.push(Change::Withdraw(withdrawal));
    }

    /// This row cannot be read.
    pub fn reject(&mut self, row: &Row<'_>, fault: impl Into<Fault>) {
        self.rejects.push(fault.into().reject(row.index()));
    }

    /// One row was left out on purpose, and why. Equal notes of one file are told once, with their number.
    pub fn ignore(&mut self, why: impl Into<String>) {
        self.ignored += 1;
        self.note(why);
    }

    /// What the operator should read about one row. Equal notes of one file are told once, with their number.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl Default for Batch {
    fn default() -> Self {
        Batch::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(width: u32, cells: &[&str]) -> Rows {
        let mut ends = Vec::new();
        let mut text = Vec::new();
        for cell in cells {
            text.extend(cell.as_bytes());
            ends.push(u32::try_from(text.len()).unwrap());
        }
        let count = u32::try_from(cells.len()).unwrap() / width;
        Rows { width, text, ends, lines: (2..2 + count).collect(), twins: vec![0; count as usize] }
    }

    fn table() -> Table {
        let cells = ["1", "2.50", "x", "1", "", "", "", "bad", "y", "", "3", "é"];
        Table::new(vec!["order".into(), "amount".into()], vec!["Note".into()], rows(3, &cells)).unwrap()
    }

    #[test]
    fn cells_by_name() {
        let table = table();
        let rows: Vec<_> = table.rows().collect();
        assert_eq!(rows[0].get("order"), Some("1"));
        assert_eq!(rows[0].need_amount("amount"), Ok(Decimal::new(25, 1)));
        assert_eq!(rows[1].amount("amount"), Ok(None));
        assert_eq!(rows[1].need("amount"), Err(Fault::at("amount", "is empty")));
        assert_eq!(rows[2].amount("amount"), Err(Fault::at("amount", "`bad` is not an amount")));
        assert_eq!(rows[3].other("Note"), Some("é"));
        assert_eq!(rows[1].other("Note"), None);
        assert_eq!(rows[0].get("Note"), None);
        assert_eq!((rows[2].line(), rows[2].index()), (4, 2));
        assert_eq!(rows[3].cells().collect::<Vec<_>>(), ["", "3", "é"]);
    }

    #[test]
    fn adjacent_rows_with_equal_values_are_a_group_and_rows_without_value_are_not() {
        let table = table();
        let sizes: Vec<_> = table.groups_by("order").iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1, 1]);
    }

    #[test]
    fn rows_that_contradict_themselves_are_refused() {
        let columns = || vec!["a".to_owned(), "b".to_owned()];
        let refused = |rows: Rows| matches!(Table::new(columns(), vec![], rows), Err(Failure::Internal(_)));
        let good = rows(2, &["1", "é"]);
        assert!(!refused(good.clone()));
        assert!(refused(Rows { width: 3, ..good.clone() }));
        assert!(refused(Rows { ends: vec![1], ..good.clone() }));
        assert!(refused(Rows { ends: vec![2, 1], ..good.clone() }));
        assert!(refused(Rows { ends: vec![1, 2], ..good.clone() }));
        assert!(refused(Rows { ends: vec![1, 99], ..good.clone() }));
        assert!(refused(Rows { twins: vec![], ..good.clone() }));
        assert!(refused(Rows { text: vec![0xff, 0xff, 0xff], ..good }));
    }
}
