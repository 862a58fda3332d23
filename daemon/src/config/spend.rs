//! What was spent on winning customers, by month: from the configuration itself, and from a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use toml::de::DeValue;

use super::parse;
use super::problem::quote;
use super::read::{Fault, Reader, Section, Value, mismatch};
use super::schema;
use super::side_file::{FileFault, read_rows};
use crate::model::{Currency, Decimal, day_number};

/// What customers cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spend {
    /// The file, absolute.
    pub file: Option<PathBuf>,
    /// By the first day of the month (days since 1970-01-01): minor units of the report currency.
    pub by_month: BTreeMap<i32, i64>,
}

/// Reads `[spend]`, and the file that it names. A month stands in one of the two.
pub(super) fn read(
    reader: &mut Reader<'_>,
    mut section: Section<'_>,
    report: Option<Currency>,
    folder: &Path,
) -> Spend {
    let mut spend = Spend::default();
    // A wrong currency is an error of its own.
    let currency = report.or_else(|| "USD".parse().ok());
    let file_site = section.site_of(schema::SPEND_FILE.name);
    if let Some(file) = reader.read(&mut section, &schema::SPEND_FILE, parse::text) {
        let file = folder.join(file);
        match currency.map(|currency| read_file(&file, currency)) {
            Some(Ok(by_month)) => spend.by_month = by_month,
            Some(Err(fault)) => fault.tell(reader, file_site, &file),
            None => {}
        }
        reader.more_files.push(file.clone());
        spend.file = Some(file);
    }
    for name in section.names() {
        let Some((site, value)) = section.take(name) else { continue };
        let Some(month) = month_of(name) else {
            let fault = Fault::new("unknown key; neither `file` nor a month")
                .help("write a month as \"2026-10\", in quotes, for example \"2026-10\" = \"1200.00\"");
            reader.error(site, fault);
            continue;
        };
        let Some(currency) = currency else { continue };
        if let Some(minor) = reader.parse(site.clone(), value, |value| amount(value, currency))
            && spend.by_month.insert(month, minor).is_some()
        {
            reader.error(site, Fault::new(format!("{name} has a spend in the file already; leave one of them out")));
        }
    }
    spend
}

/// The first day of a month that is written as `2026-10`.
fn month_of(text: &str) -> Option<i32> {
    let day = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok()?;
    (day.format("%Y-%m").to_string() == text).then(|| day_number(day))
}

fn amount(value: &Value<'_>, currency: Currency) -> Result<i64, Fault> {
    match value.get_ref() {
        DeValue::String(text) => amount_of(text, currency),
        DeValue::Integer(number) if number.radix() == 10 => amount_of(number.as_str(), currency),
        DeValue::Float(number) => amount_of(number.as_str(), currency),
        _ => Err(mismatch("an amount like \"1200.00\"", value)),
    }
}

fn amount_of(text: &str, currency: Currency) -> Result<i64, Fault> {
    let fault = || {
        Fault::new(format!("{} is no amount", quote(text)))
            .help("write it in the report currency, zero or more, for example \"1200.00\"")
    };
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let all_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(decimals) || text.trim().ends_with('.') {
        return Err(fault());
    }
    let coefficient: i64 = format!("{whole}{decimals}").parse().map_err(|_| fault())?;
    let scale = u8::try_from(decimals.len()).map_err(|_| fault())?;
    match (Decimal { coefficient, scale }).to_minor(currency) {
        Ok((minor, false)) => Ok(minor),
        Ok((_, true)) => Err(Fault::new(format!("{} is finer than {currency} has decimals", quote(text)))),
        Err(_) => Err(fault()),
    }
}

/// A CSV file with the columns `month` and `amount`, in any order; others are ignored. Rows of one month add up, as for
/// several campaigns.
fn read_file(path: &Path, currency: Currency) -> Result<BTreeMap<i32, i64>, FileFault> {
    let mut by_month: BTreeMap<i32, i64> = BTreeMap::new();
    read_rows(path, ["month", "amount"], |[month, amount]| {
        let first = month_of(month).ok_or_else(|| format!("expected a month like 2026-10, found {}", quote(month)))?;
        let minor = amount_of(amount, currency).map_err(|fault| fault.message)?;
        let sum = by_month.entry(first).or_default();
        *sum = sum.checked_add(minor).ok_or_else(|| "the sum of the month is too large".to_owned())?;
        Ok(())
    })?;
    Ok(by_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(content: &str) -> Result<Vec<(i32, i64)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spend.csv");
        std::fs::write(&path, content).unwrap();
        let read = read_file(&path, "USD".parse().unwrap());
        read.map(|months| months.into_iter().collect()).map_err(FileFault::lines)
    }

    #[test]
    fn rows_of_a_month_add_up() {
        let read = load("campaign,Month,amount\na,1970-02,12.50\nb,1970-02,1\nc,1970-01,0\n");
        assert_eq!(read, Ok(vec![(0, 0), (31, 1_350)]));
    }

    #[test]
    fn wrong_lines_are_told_by_number() {
        let told = load("month,amount\n2026-1,5\n2026-01,-5\n2026-01,1.005\n2026-01\n").unwrap_err();
        insta::assert_snapshot!(told, @r"
        2: expected a month like 2026-10, found `2026-1`
        3: `-5` is no amount
        4: `1.005` is finer than USD has decimals
        5: the line has 1 cells, the first line has 2
        ");
        assert!(load("day,cost\n").unwrap_err().contains("must name the columns"));
    }
}
