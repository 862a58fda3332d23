//! How often a subscription charges.

use ltv_connector::dates::Day;

use super::words::normal;

/// The time between two charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    Days(i64),
    Months(i64),
}

impl Interval {
    /// Reads `month`, `Monthly`, `every 2 weeks`, `30 days`. A bare number has no unit and is not read.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let word = normal(text);
        let word = word.strip_prefix("every").or_else(|| word.strip_prefix("per")).unwrap_or(&word);
        let unit_at = word.find(|letter: char| !letter.is_ascii_digit())?;
        let (count, unit) = word.split_at(unit_at);
        let count: i64 = if count.is_empty() { 1 } else { count.parse().ok()? };
        if !(1..=3_650).contains(&count) {
            return None;
        }
        Some(match unit {
            "d" | "day" | "days" | "daily" => Self::Days(count),
            "w" | "week" | "weeks" | "weekly" => Self::Days(count * 7),
            "biweekly" | "fortnight" | "fortnightly" => Self::Days(count * 14),
            "m" | "mo" | "month" | "months" | "monthly" => Self::Months(count),
            "q" | "quarter" | "quarters" | "quarterly" => Self::Months(count * 3),
            "halfyear" | "halfyearly" | "semiannual" | "semiannually" | "biannually" => Self::Months(count * 6),
            "y" | "year" | "years" | "yearly" | "annual" | "annually" => Self::Months(count * 12),
            _ => return None,
        })
    }

    /// The day of the n-th charge after the one on `start`.
    pub(crate) fn after(self, start: Day, n: i64) -> Day {
        match self {
            Self::Days(days) => start.plus(days.saturating_mul(n)),
            Self::Months(months) => plus_months(start, months.saturating_mul(n)),
        }
    }

    /// How many days off a real charge may be and still be this one and not its neighbour: at most three.
    pub(crate) fn reach(self) -> i64 {
        match self {
            Self::Days(days) => ((days - 1) / 2).min(3),
            Self::Months(_) => 3,
        }
    }
}

/// The same day of a later month, or that month's last day if it is shorter.
fn plus_months(start: Day, months: i64) -> Day {
    let (year, month, day) = start.civil();
    let count = (year * 12 + month - 1).saturating_add(months);
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
    (1..=day).rev().find_map(|day| Day::from_civil(year, month, day)).unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    #[test]
    fn intervals_are_read_by_their_words() {
        for (text, interval) in [
            ("month", Interval::Months(1)),
            ("Monthly", Interval::Months(1)),
            ("every 2 weeks", Interval::Days(14)),
            ("30 days", Interval::Days(30)),
            ("1 year", Interval::Months(12)),
            ("quarterly", Interval::Months(3)),
        ] {
            assert_eq!(Interval::parse(text), Some(interval), "{text}");
        }
        for text in ["", "30", "0 days", "9999999999999999999 days", "sometimes", "every"] {
            assert_eq!(Interval::parse(text), None, "{text}");
        }
    }

    #[test]
    fn months_end_where_they_end_and_do_not_drift() {
        let monthly = Interval::Months(1);
        assert_eq!(monthly.after(day("2026-01-31"), 1).to_string(), "2026-02-28");
        assert_eq!(monthly.after(day("2026-01-31"), 2).to_string(), "2026-03-31");
        assert_eq!(monthly.after(day("2023-11-30"), 3).to_string(), "2024-02-29");
        assert_eq!(monthly.after(day("2026-12-05"), 1).to_string(), "2027-01-05");
        assert_eq!(Interval::Days(7).after(day("2026-02-25"), 1).to_string(), "2026-03-04");
    }

    #[test]
    fn neighbouring_charges_are_never_within_reach_of_each_other() {
        for (interval, reach) in [(Interval::Days(1), 0), (Interval::Days(7), 3), (Interval::Months(1), 3)] {
            assert_eq!(interval.reach(), reach);
        }
    }
}
