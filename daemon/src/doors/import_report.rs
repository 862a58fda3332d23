//! What the operator reads about a file: what it was taken for, what became of its rows, and what was left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Write};

use chrono::DateTime;
use schemars::JsonSchema;
use serde::Serialize;

use crate::book::Counts;
use crate::files::{BadRow, Basis, Summary, disagrees};
use crate::ledger::Total;
use crate::limits::doors::REPORTED_ROWS;
use crate::model::manifest::DateOrder;
use crate::model::{Currency, Zone, format_minor};

/// Headings that are not used, told in a report.
const SHOWN_HEADINGS: usize = 40;

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RefusedRow {
    /// Line of the row's start, from 1.
    pub line: u32,
    /// Column at fault.
    pub column: Option<String>,
    /// The platform's id, if it could be read.
    pub id: Option<String>,
    /// Why, with the value found.
    pub reason: String,
}

impl From<&BadRow> for RefusedRow {
    fn from(row: &BadRow) -> Self {
        let reason = match &row.value {
            Some(value) => format!("{value} {}", row.reason),
            None => row.reason.clone(),
        };
        Self { line: row.line, column: row.column.clone(), id: None, reason }
    }
}

impl Display for RefusedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", {column}")?;
        }
        if let Some(id) = &self.id {
            write!(f, " (id {id})")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What became of a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ImportReport {
    /// Its name.
    pub file: String,
    /// Integration that it went to.
    pub integration: String,
    /// Connector and version.
    pub connector: String,
    /// The platform's name for the export.
    pub format: String,
    /// Nothing was stored.
    pub dry_run: bool,
    /// Of the raw bytes.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
    /// The same bytes were imported before.
    pub imported_before: bool,
    /// When they were read, by the same connector with the same settings, so that nothing was read now: milliseconds since
    /// 1970-01-01T00:00:00Z. What is told of rows and sums is from then. `null` if the file was read now.
    pub taken_in_ms: Option<i64>,
    /// Rows of data.
    pub rows: u64,
    /// Rows that became entries, alone or with others.
    pub rows_read: u64,
    /// Rows left out on purpose.
    pub rows_ignored: u64,
    /// Rows that cannot be read; they wait in quarantine.
    pub rows_refused: u64,
    /// What it did to the ledger.
    pub counts: Counts,
    /// Sums of the entries in the file, by currency and kind.
    #[serde(serialize_with = "totals")]
    #[schemars(with = "Vec<TotalLine>")]
    pub totals: BTreeMap<String, Total>,
    /// First and last moment, milliseconds since 1970-01-01T00:00:00Z.
    pub span_ms: Option<(i64, i64)>,
    /// In which dates without zone were read.
    #[serde(serialize_with = "zone")]
    #[schemars(with = "String")]
    pub zone: Zone,
    /// What the connector says about the file, with how often.
    pub notes: BTreeMap<String, u64>,
    /// Amounts finer than the minor unit, rounded half to even.
    pub rounded: u64,
    /// Entries whose parts do not add up to their total.
    pub parts_mismatch: u64,
    /// How the file was understood.
    #[serde(skip)]
    pub summary: Summary,
    /// The first rows that were refused.
    pub refused: Vec<RefusedRow>,
    /// For a dry run: why the file would be refused.
    pub would_refuse: Option<String>,
}

impl Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = match self.taken_in_ms {
            _ if self.dry_run => "dry run, nothing stored",
            Some(_) => "imported before, nothing added",
            None => "imported",
        };
        writeln!(f, "{}: {title}", self.file)?;
        writeln!(f, "  integration  {} (connector {})", self.integration, self.connector)?;
        writeln!(f, "  layout       {}", self.format)?;
        self.write_reading(f)?;
        writeln!(f)?;
        writeln!(f, "  rows         {}", self.rows)?;
        writeln!(f, "    read       {}", self.rows_read)?;
        writeln!(f, "    left out   {}", self.rows_ignored)?;
        writeln!(f, "    refused    {}", self.rows_refused)?;
        if self.summary.blank_rows > 0 {
            writeln!(f, "    blank      {} (not counted above)", self.summary.blank_rows)?;
        }
        let Counts { new, changed, unchanged, outranked, withdrawn, matched } = self.counts;
        writeln!(f, "  entries      {new} new, {changed} changed, {unchanged} known")?;
        if outranked + withdrawn + matched > 0 {
            writeln!(
                f,
                "               {matched} matched with another way in, {outranked} older than what is stored, {withdrawn} withdrawn"
            )?;
        }
        match self.taken_in_ms {
            Some(at) => writeln!(
                f,
                "               this very file was imported before, on {} ({}), and is not read again; `ltvd replay {}` would",
                self.local(at),
                self.zone.name(),
                self.integration
            )?,
            None if self.imported_before => {
                writeln!(
                    f,
                    "               this very file was imported before, by another connector or with other settings"
                )?;
            }
            None => {}
        }
        for (what, total) in &self.totals {
            let entries = if total.entries == 1 { "entry  " } else { "entries" };
            writeln!(f, "  {what:<22} {:>8} {entries} {:>16}", total.entries, money(what, total.minor))?;
        }
        if let Some((first, last)) = self.span_ms {
            writeln!(f, "  from         {} to {} ({})", self.local(first), self.local(last), self.zone.name())?;
        }
        if self.rows == 0 {
            writeln!(
                f,
                "  note: there is a header and no row below it; if that is a surprise, look at the dates of the export"
            )?;
        }
        for mark in &self.summary.currency_marks {
            let read_as = self.totals.keys().filter_map(|what| what.split(' ').next()?.parse::<Currency>().ok());
            let wrong: BTreeSet<Currency> = read_as.filter(|currency| disagrees(mark, *currency)).collect();
            for currency in wrong {
                writeln!(
                    f,
                    "  note: amounts are marked `{mark}`, but were read as {currency}: is the currency right?"
                )?;
            }
        }
        for (note, times) in &self.notes {
            let times = if *times > 1 { format!(" ({times} times)") } else { String::new() };
            writeln!(f, "  note: {note}{times}")?;
        }
        if self.rounded > 0 {
            writeln!(f, "  note: {} amounts are finer than the currency and were rounded half to even", self.rounded)?;
        }
        if self.parts_mismatch > 0 {
            writeln!(f, "  note: the parts of {} entries do not add up to their total", self.parts_mismatch)?;
        }
        if let Some(reason) = &self.would_refuse {
            writeln!(f, "\nthe file would be refused: {reason}")?;
        }
        write_refused(f, &self.refused, self.rows_refused)
    }
}

/// Rows that could not be read, one a line.
pub(super) fn write_refused(f: &mut impl Write, refused: &[RefusedRow], all: u64) -> fmt::Result {
    if refused.is_empty() {
        return Ok(());
    }
    writeln!(f, "\nrows that cannot be read:")?;
    for row in refused.iter().take(REPORTED_ROWS) {
        writeln!(f, "  {row}")?;
    }
    match all.saturating_sub(refused.len() as u64) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}

impl ImportReport {
    fn write_reading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { encoding, damaged, delimiter, header_line, mapping, absent, ignored, notation, dates, .. } =
            &self.summary;
        let delimiter = if *delimiter == '\t' { "tab".to_owned() } else { format!("`{delimiter}`") };
        writeln!(f, "  read as      {encoding}, separator {delimiter}, header in line {header_line}")?;
        if *damaged {
            writeln!(f, "               some characters were broken and could not be read")?;
        }
        let (order, basis) = notation.date_order;
        if basis != Basis::NotNeeded {
            let order = match order {
                DateOrder::MonthFirst => "month before day",
                DateOrder::DayFirst => "day before month",
            };
            writeln!(f, "  dates        {order}, {}", why(basis))?;
        }
        for date in dates {
            writeln!(f, "               line {}: `{}` is {}", date.line, date.written, date.read)?;
        }
        let columns: Vec<String> = mapping.iter().map(|(heading, name)| format!("{heading} = {name}")).collect();
        writeln!(f, "  columns      {}", columns.join(", "))?;
        if !absent.is_empty() {
            writeln!(f, "  not there    {}", absent.join(", "))?;
        }
        if !ignored.is_empty() {
            let shown = ignored.iter().take(SHOWN_HEADINGS).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = match ignored.len().saturating_sub(SHOWN_HEADINGS) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            writeln!(f, "  not used     {shown}{more}")?;
        }
        Ok(())
    }

    fn local(&self, ms: i64) -> String {
        DateTime::from_timestamp_millis(ms)
            .map(|at| at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M").to_string())
            .unwrap_or_default()
    }
}

fn why(basis: Basis) -> &'static str {
    match basis {
        Basis::File => "as values above 12 show",
        Basis::Option => "as configured",
        Basis::OtherColumns => "as the other columns show",
        Basis::Dots => "as usual with dots",
        Basis::Format => "as usual for this platform: nothing in the file tells",
        Basis::NotNeeded => "as no value needs it",
    }
}

/// `what` begins with the code of the currency.
fn money(what: &str, minor: i64) -> String {
    let currency: Option<Currency> = what.split(' ').next().and_then(|code| code.parse().ok());
    currency.map_or_else(|| minor.to_string(), |currency| format_minor(minor, currency))
}

fn zone<S: serde::Serializer>(zone: &Zone, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.name())
}

/// A sum, as it is told.
#[derive(Serialize, JsonSchema)]
struct TotalLine<'a> {
    /// Of the amount.
    #[schemars(regex(pattern = r"^[A-Z]{3}$"))]
    currency: &'a str,
    /// What moved.
    kind: &'a str,
    /// How many entries.
    entries: u64,
    /// Their sum, never negative.
    amount: String,
}

fn totals<S: serde::Serializer>(totals: &BTreeMap<String, Total>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(totals.iter().map(|(what, total)| {
        let (currency, kind) = what.split_once(' ').unwrap_or((what, ""));
        TotalLine { currency, kind, entries: total.entries, amount: money(what, total.minor) }
    }))
}
