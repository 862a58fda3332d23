//! Exchange rates: from the configuration itself, and from a file with one rate for each day.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::parse;
use super::problem::{Problem, quote};
use super::read::{Fault, Reader, Section};
use super::schema;
use crate::limits::config::{RATES_FILE_BYTES, RATES_PROBLEMS};
use crate::model::{Currency, Decimal};

/// What one unit of a currency is worth in the report currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates {
    /// The file with daily rates, absolute.
    pub file: Option<PathBuf>,
    /// Rates of days that have no other.
    pub fixed: BTreeMap<Currency, Decimal>,
    /// Rates of one day.
    pub daily: BTreeMap<Currency, BTreeMap<NaiveDate, Decimal>>,
}

/// Reads `[rates]`, and the file that it names.
pub(super) fn read(
    reader: &mut Reader<'_>,
    mut section: Section<'_>,
    report: Option<Currency>,
    folder: &Path,
) -> Rates {
    let mut rates = Rates::default();
    let file_site = section.site_of(schema::RATES_FILE.name);
    if let Some(file) = reader.read(&mut section, &schema::RATES_FILE, parse::text) {
        let file = folder.join(file);
        match read_file(&file, report) {
            Ok(daily) => rates.daily = daily,
            Err(FileFault::Unreadable(reason)) => {
                let message = format!("{} cannot be read: {reason}", quote(&file.to_string_lossy()));
                reader.error(file_site, Fault::new(message));
            }
            Err(FileFault::Wrong(problems)) => problems.into_iter().for_each(|p| reader.error_elsewhere(p)),
        }
        reader.more_files.push(file.clone());
        rates.file = Some(file);
    }
    for name in section.names() {
        let Some((site, value)) = section.take(name) else { continue };
        let Ok(currency) = name.parse::<Currency>() else {
            let fault = Fault::new("unknown key; neither `file` nor a currency code")
                .help("use the three letters of ISO 4217, for example EUR = \"1.10\"");
            reader.error(site, fault);
            continue;
        };
        if report == Some(currency) {
            reader.error(site, Fault::new("this is the report currency; leave it out"));
        } else if let Some(rate) = reader.parse(site.clone(), value, parse::rate)
            && rates.fixed.insert(currency, rate).is_some()
        {
            reader.error(site, Fault::new(format!("{currency} is given twice")));
        }
    }
    rates
}

enum FileFault {
    Unreadable(String),
    Wrong(Vec<Problem>),
}

type Daily = BTreeMap<Currency, BTreeMap<NaiveDate, Decimal>>;

/// A CSV file with the columns `date`, `currency` and `rate`, in any order; others are ignored.
fn read_file(path: &Path, report: Option<Currency>) -> Result<Daily, FileFault> {
    let unreadable = |error: std::io::Error| FileFault::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length > RATES_FILE_BYTES {
        return Err(FileFault::Unreadable(format!("it is larger than {RATES_FILE_BYTES} bytes")));
    }
    let problem = |line: Option<u64>, message: String| Problem {
        line: line.and_then(|line| usize::try_from(line).ok()),
        ..Problem::of_file(path, message)
    };
    let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file.take(RATES_FILE_BYTES));
    let headings = csv.headers().map_err(|error| FileFault::Wrong(vec![problem(None, told(&error))]))?.clone();
    let column = |name: &str| {
        let plain = |heading: &str| heading.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name);
        headings.iter().position(plain)
    };
    let (Some(date), Some(currency), Some(rate)) = (column("date"), column("currency"), column("rate")) else {
        let message = "the first line must name the columns `date`, `currency` and `rate`".to_owned();
        return Err(FileFault::Wrong(vec![problem(Some(1), message)]));
    };
    let mut daily = Daily::new();
    let mut wrong: Vec<Problem> = Vec::new();
    let mut more = 0_usize;
    for record in csv.records() {
        let (line, row) = match &record {
            Ok(record) => {
                let cell = |index: usize| record.get(index).unwrap_or_default();
                (record.position().map(|p| p.line()), read_row(cell(date), cell(currency), cell(rate)))
            }
            Err(error) => (error.position().map(|p| p.line()), Err(told(error))),
        };
        let outcome = row.and_then(|(day, currency, rate)| {
            if Some(currency) == report {
                return Err(format!("{currency} is the report currency; leave it out"));
            }
            match daily.entry(currency).or_default().insert(day, rate) {
                Some(other) if other != rate => Err(format!("{currency} has two rates on {day}")),
                _ => Ok(()),
            }
        });
        match outcome {
            Err(message) if wrong.len() < RATES_PROBLEMS => wrong.push(problem(line, message)),
            Err(_) => more += 1,
            Ok(()) => {}
        }
    }
    if more > 0 {
        wrong.push(problem(None, format!("and {more} more wrong lines")));
    }
    if wrong.is_empty() { Ok(daily) } else { Err(FileFault::Wrong(wrong)) }
}

fn read_row(date: &str, currency: &str, rate: &str) -> Result<(NaiveDate, Currency, Decimal), String> {
    let day = NaiveDate::parse_from_str(date, "%Y-%m-%d")
        .map_err(|_| format!("expected a date like 2026-10-31, found {}", quote(date)))?;
    let currency = currency.parse().map_err(|_| format!("{} is no currency code of ISO 4217", quote(currency)))?;
    Ok((day, currency, parse::rate_of(rate).map_err(|fault| fault.message)?))
}

/// Without the position, which stands before the message already.
pub(super) fn told(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the line is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} cells, the first line has {expected_len}")
        }
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => "the line is no CSV".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn load(content: &[u8]) -> Result<Daily, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rates.csv");
        std::fs::write(&path, content).unwrap();
        read_file(&path, "USD".parse().ok()).map_err(|fault| match fault {
            FileFault::Unreadable(reason) => reason,
            FileFault::Wrong(problems) => problems
                .iter()
                .map(|p| format!("{}: {}", p.line.map(|l| l.to_string()).unwrap_or_default(), p.message))
                .collect::<Vec<_>>()
                .join("\n"),
        })
    }

    #[test]
    fn columns_are_found_by_their_headings() {
        let daily =
            load(b"\xef\xbb\xbfDate, rate ,currency,source\r\n2026-01-02,1.1745,eur,ecb\r\n2026-01-05,1.17,EUR,\r\n");
        let rates = daily.unwrap().remove(&"EUR".parse().unwrap()).unwrap();
        let decimal = |coefficient, scale| Decimal { coefficient, scale };
        let expected = [(day("2026-01-02"), decimal(11_745, 4)), (day("2026-01-05"), decimal(117, 2))];
        assert_eq!(rates, BTreeMap::from(expected));
    }

    #[test]
    fn wrong_lines_are_told_by_number() {
        let told = load(
            b"date,currency,rate\n2026-01-02,EUR,1.1\n02.01.2026,EUR,1.1\n2026-01-02,EUX,1.1\n\
            2026-01-02,EUR,1.2\n2026-01-03,EUR,-1\n2026-01-04,EUR\n2026-01-04,\xff,1\n2026-01-04,USD,1\n",
        )
        .unwrap_err();
        insta::assert_snapshot!(told, @r"
        3: expected a date like 2026-10-31, found `02.01.2026`
        4: `EUX` is no currency code of ISO 4217
        5: EUR has two rates on 2026-01-02
        6: `-1` is no exchange rate
        7: the line has 2 cells, the first line has 3
        8: the line is not UTF-8
        9: USD is the report currency; leave it out
        ");
        assert!(load(b"day;rate\n").unwrap_err().contains("must name the columns"));
        assert!(load(b"").unwrap_err().contains("must name the columns"));
        let many = "x,y,z\n".repeat(RATES_PROBLEMS + 5);
        assert!(
            load(format!("date,currency,rate\n{many}").as_bytes()).unwrap_err().ends_with("and 5 more wrong lines")
        );
    }
}
