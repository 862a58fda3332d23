//! The floor: what one thread takes to read each event once and add it up, and nothing else.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};

use super::cells::{Cell, Cells, HORIZONS};

/// Ages from here on are beyond every horizon.
const BEYOND: u16 = 720;
/// For each age up to [`BEYOND`]: the first horizon that holds it.
const SLOT_OF_AGE: [u8; BEYOND as usize + 1] = slots();

const fn slots() -> [u8; BEYOND as usize + 1] {
    let mut slots = [0; BEYOND as usize + 1];
    let mut age = 0;
    while age < slots.len() {
        let mut slot = 0;
        while slot < HORIZONS.len() && HORIZONS[slot] as usize <= age {
            slot += 1;
        }
        slots[age] = slot as u8;
        age += 1;
    }
    slots
}

/// Events sorted by customer.
pub(super) struct Columns {
    /// Day after the last one that counts, days since 1970-01-01.
    as_of: i32,
    /// Month of the earliest first order, as months since year 0.
    first_month: i32,
    months: usize,
    /// For each customer: month (from `first_month`), first day, and where the events begin; one more of these.
    cohort: Vec<u16>,
    first_day: Vec<i32>,
    starts: Vec<u32>,
    /// For each event: days since the first order, at most [`BEYOND`], and cents with their sign.
    age: Vec<u16>,
    value: Vec<i32>,
}

/// What is read of a row.
struct Row {
    customer: u32,
    day: i32,
    is_sale: bool,
    cents: i32,
}

impl Columns {
    /// Reads a file of [`super::super::shop`], up to an as-of day (`2025-12-30`, exclusive).
    pub(super) fn read(file: &Path, as_of: &str) -> Result<Self> {
        let as_of = day(as_of.as_bytes()).with_context(|| format!("{as_of} is not a day"))?;
        let mut reader = BufReader::with_capacity(1 << 20, File::open(file)?);
        let (mut rows, mut line) = (Vec::new(), Vec::new());
        reader.read_until(b'\n', &mut line)?;
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let row = row(&line).with_context(|| format!("not understood: {}", String::from_utf8_lossy(&line)))?;
            if row.day < as_of {
                rows.push(row);
            }
        }
        Ok(Self::new(&rows, as_of))
    }

    /// The rows are in the sequence of time, and a customer's first one is a sale.
    fn new(rows: &[Row], as_of: i32) -> Self {
        let customers = rows.iter().map(|row| row.customer as usize + 1).max().unwrap_or(0);
        let mut first_day = vec![i32::MAX; customers];
        let mut starts = vec![0_u32; customers + 1];
        for row in rows {
            let customer = row.customer as usize;
            starts[customer + 1] += 1;
            if row.is_sale {
                first_day[customer] = first_day[customer].min(row.day);
            }
        }
        for customer in 0..customers {
            starts[customer + 1] += starts[customer];
        }
        let mut next = starts.clone();
        let (mut age, mut value) = (vec![0; rows.len()], vec![0; rows.len()]);
        for row in rows {
            let customer = row.customer as usize;
            let place = next[customer] as usize;
            next[customer] += 1;
            age[place] = u16::try_from(row.day - first_day[customer]).unwrap_or(BEYOND).min(BEYOND);
            value[place] = row.cents;
        }
        let month_of = |day: &i32| month(*day);
        let bought = || first_day.iter().filter(|day| **day < i32::MAX);
        let (first, last) = (bought().map(month_of).min().unwrap_or(0), bought().map(month_of).max().unwrap_or(0));
        let cohort = |day: &i32| if *day < i32::MAX { u16::try_from(month(*day) - first).unwrap_or(0) } else { 0 };
        Self {
            as_of,
            first_month: first,
            months: usize::try_from(last - first + 1).unwrap_or(0),
            cohort: first_day.iter().map(cohort).collect(),
            first_day,
            starts,
            age,
            value,
        }
    }

    /// The scan that is timed.
    pub(super) fn scan(&self) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); self.months];
        let bounds = self.starts.iter().zip(&self.starts[1..]);
        for ((first_day, cohort), (start, end)) in self.first_day.iter().zip(&self.cohort).zip(bounds) {
            // Numbers that nobody has who bought.
            if start == end {
                continue;
            }
            let events = *start as usize..*end as usize;
            let mut slots = [0_i64; HORIZONS.len() + 1];
            for (age, value) in self.age[events.clone()].iter().zip(&self.value[events]) {
                slots[usize::from(SLOT_OF_AGE[usize::from(*age)])] += i64::from(*value);
            }
            let sum = &mut sums[usize::from(*cohort)];
            sum.customers += 1;
            let lived = (self.as_of - first_day).unsigned_abs();
            let mut brought = 0;
            let mature = HORIZONS.partition_point(|horizon| *horizon <= lived);
            for ((slot, count), net) in slots.iter().zip(&mut sum.mature).zip(&mut sum.net).take(mature) {
                brought += slot;
                *count += 1;
                *net += brought;
            }
        }
        sums
    }

    /// The same as cells.
    pub(super) fn cells(&self, sums: &[Sum]) -> Cells {
        let mut cells = Cells::default();
        for (month, sum) in (self.first_month..).zip(sums).filter(|(_, sum)| sum.customers > 0) {
            for (index, horizon) in HORIZONS.into_iter().enumerate() {
                let mature = sum.mature[index];
                let net = (mature > 0).then_some(sum.net[index]);
                let cohort = format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1);
                cells.insert(cohort, horizon, Cell { customers: sum.customers, mature, net });
            }
        }
        cells
    }
}

/// One cohort.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    customers: u64,
    mature: [u64; HORIZONS.len()],
    net: [i64; HORIZONS.len()],
}

/// The columns in front of the product's name are never quoted.
fn row(line: &[u8]) -> Option<Row> {
    let mut cells = line.split(|byte| *byte == b',').skip(2);
    let (date, email, amount) = (cells.next()?, cells.next()?, cells.next()?);
    let (kind, tax, shipping) = (cells.nth(1)?, cells.nth(1)?, cells.next()?);
    let customer = email.strip_prefix(b"customer")?;
    let is_sale = kind == b"sale";
    let cents = number(amount)? - number(tax)? - number(shipping)?;
    Some(Row {
        customer: customer
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0, |n, digit| n * 10 + u32::from(digit - b'0')),
        day: day(date)?,
        is_sale,
        cents: if is_sale { cents } else { -cents },
    })
}

/// The digits, without the point.
fn number(text: &[u8]) -> Option<i32> {
    let digits = text.iter().filter(|byte| **byte != b'.');
    digits
        .map(|byte| byte.is_ascii_digit().then(|| i32::from(byte - b'0')))
        .try_fold(0, |n, digit| Some(n * 10 + digit?))
}

/// Days since 1970-01-01 of `2025-01-31`, whatever follows.
fn day(text: &[u8]) -> Option<i32> {
    let (year, month, day) = (number(text.get(..4)?)?, number(text.get(5..7)?)?, number(text.get(8..10)?)?);
    // Years from March on, so that the leap day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469)
}

/// Months since year 0 of a day.
fn month(day: i32) -> i32 {
    let days = day + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    // Of the years from March on: 0 is March.
    let month = (5 * of_year + 2) / 153;
    (era * 400 + year) * 12 + month + 2
}

#[cfg(test)]
mod tests {
    use super::super::super::shop::{self, Plan};
    use super::*;

    #[test]
    fn days_and_months_are_civil() {
        for (text, number, months) in [
            ("1970-01-01", 0, 1970 * 12),
            ("2000-02-29", 11_016, 2000 * 12 + 1),
            ("2000-03-01", 11_017, 2000 * 12 + 2),
            ("2024-12-31 23:59:59", 20_088, 2024 * 12 + 11),
            ("2025-01-01", 20_089, 2025 * 12),
        ] {
            assert_eq!(day(text.as_bytes()), Some(number), "{text}");
            assert_eq!(month(number), months, "{text}");
        }
    }

    #[test]
    fn a_scan_is_what_a_slow_sum_is() {
        let mut file = Vec::new();
        let plan = Plan { rows: 3_000, customers_per_million: 310_000, dollars_only: true };
        shop::write(plan, 0..3_000, &mut file).unwrap();
        let lines = file.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty());
        let as_of = day(b"2025-10-01").unwrap();
        let rows: Vec<Row> = lines.map(|line| row(line).unwrap()).filter(|row| row.day < as_of).collect();
        let columns = Columns::new(&rows, as_of);
        let sums = columns.scan();

        let first = |customer| rows.iter().find(|row| row.customer == customer && row.is_sale).unwrap().day;
        let mut slow = vec![Sum::default(); columns.months];
        for customer in 0..930 {
            if rows.iter().all(|row| row.customer != customer) {
                continue;
            }
            let sum = &mut slow[(month(first(customer)) - columns.first_month) as usize];
            sum.customers += 1;
            for (index, horizon) in HORIZONS.into_iter().enumerate() {
                let horizon = horizon as i32;
                if first(customer) + horizon <= as_of {
                    let young = |row: &&Row| row.customer == customer && row.day < first(customer) + horizon;
                    sum.mature[index] += 1;
                    sum.net[index] += rows.iter().filter(young).map(|row| i64::from(row.cents)).sum::<i64>();
                }
            }
        }
        assert_eq!(columns.cells(&sums), columns.cells(&slow));
        assert!(columns.cells(&sums).len() > 150);
    }
}
