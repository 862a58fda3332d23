//! Exchange rates: from the configuration itself, and from a file with one rate for each day.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::parse;
use super::problem::quote;
use super::read::{Fault, Reader, Section};
use super::schema;
use super::side_file::{FileFault, read_rows};
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
            Err(fault) => fault.tell(reader, file_site, &file),
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

type Daily = BTreeMap<Currency, BTreeMap<NaiveDate, Decimal>>;

/// A CSV file with the columns `date`, `currency` and `rate`, in any order; others are ignored.
fn read_file(path: &Path, report: Option<Currency>) -> Result<Daily, FileFault> {
    let mut daily = Daily::new();
    read_rows(path, ["date", "currency", "rate"], |[date, currency, rate]| {
        let (day, currency, rate) = read_row(date, currency, rate)?;
        if Some(currency) == report {
            return Err(format!("{currency} is the report currency; leave it out"));
        }
        match daily.entry(currency).or_default().insert(day, rate) {
            Some(other) if other != rate => Err(format!("{currency} has two rates on {day}")),
            _ => Ok(()),
        }
    })?;
    Ok(daily)
}

fn read_row(date: &str, currency: &str, rate: &str) -> Result<(NaiveDate, Currency, Decimal), String> {
    let day = NaiveDate::parse_from_str(date, "%Y-%m-%d")
        .map_err(|_| format!("expected a date like 2026-10-31, found {}", quote(date)))?;
    let currency = currency.parse().map_err(|_| format!("{} is no currency code of ISO 4217", quote(currency)))?;
    Ok((day, currency, parse::rate_of(rate).map_err(|fault| fault.message)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::config::SIDE_FILE_PROBLEMS;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn load(content: &[u8]) -> Result<Daily, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rates.csv");
        std::fs::write(&path, content).unwrap();
        read_file(&path, "USD".parse().ok()).map_err(FileFault::lines)
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
        let many = "x,y,z\n".repeat(SIDE_FILE_PROBLEMS + 5);
        assert!(
            load(format!("date,currency,rate\n{many}").as_bytes()).unwrap_err().ends_with("and 5 more wrong lines")
        );
    }
}
