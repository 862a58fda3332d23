//! The exports of recurring and limited subscriptions: one row per subscription with a count of payments, not one per
//! charge (guessed; no example was ever published). They add no money unless the operator asks for estimates.

use ltv_connector::dates::Day;
use ltv_connector::prelude::*;

use crate::lines::{decimal, line, money};
use crate::money::Money;
use crate::names::{self, normal};
use crate::orders_row::spreadsheet_damage;
use crate::rank;
use crate::settings::Settings;

/// Estimates are told from real charges of neighbouring cycles only if cycles are longer than the five days within which
/// a real charge replaces an estimate.
const INTERVAL_DAYS_MIN: i64 = 6;
/// Rebills computed from one row at most: ten years of weeks.
const REBILLS_MAX: i64 = 520;

const STATE_ONLY: &str = "a subscription adds no money: its charges are in the Orders export and come by webhook. If your Orders \
export has no rebills, see the setting `estimate_rebills`";
const ESTIMATED: &str = "rebills were computed from the number of payments and marked as estimated; if your Orders export has rebills, \
switch `estimate_rebills` off, or they count twice";

/// Reads a batch of rows.
///
/// # Errors
/// If a spreadsheet has spoilt the ids of the file.
pub(crate) fn read(table: &Table, settings: &Settings, context: &Context) -> Result<Batch, Failure> {
    let mut batch = Batch::new();
    let today = Day::of_unix_ms(context.now.unix_ms);
    for row in table.rows() {
        if let Some(damage) = spreadsheet_damage(&row, &["subscription_id", "order_id"]) {
            return Err(Failure::Malformed(damage));
        }
        match Subscription::read(&row, settings) {
            Err(fault) => batch.reject(&row, fault),
            Ok(subscription) if settings.excludes_email(Some(subscription.email)) => {
                batch.ignore("left out: the customer is listed in `excluded_emails`");
            }
            Ok(subscription) if settings.excludes_product([subscription.product_id, subscription.product]) => {
                batch.ignore("left out: the product is listed in `excluded_products`");
            }
            Ok(_) if !settings.estimate_rebills => batch.ignore(STATE_ONLY),
            Ok(subscription) => match subscription.rebills(today) {
                Err(why) => batch.ignore(why),
                Ok(rebills) if rebills.is_empty() => {
                    batch.ignore("nothing to estimate: only the first payment was made")
                }
                Ok(rebills) => {
                    batch.note(ESTIMATED);
                    // One change however many there are. Its rank lets it withdraw nothing but older estimates.
                    batch.replace_order(&row, Order::new(subscription.estimate_id(), rank::ESTIMATE, rebills));
                }
            },
        }
    }
    Ok(batch)
}

/// One row.
struct Subscription<'a> {
    id: &'a str,
    email: &'a str,
    product_id: Option<&'a str>,
    product: Option<&'a str>,
    order: Option<&'a str>,
    currency: String,
    start: Option<Day>,
    end: Option<Day>,
    amount: Option<Money>,
    interval: Option<&'a str>,
    /// Rebills made so far.
    rebills: Option<i64>,
}

impl<'a> Subscription<'a> {
    fn read(row: &Row<'a>, settings: &Settings) -> Result<Self, Fault> {
        row.need("status")?;
        let day = |column: &str| row.get(column).map(|date| Day::parse(date.get(..10).unwrap_or(date))).transpose();
        let count = |column: &'static str| {
            let read = |text: &str| {
                // "3 of 12" and "3/12" begin with what was paid.
                let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
                digits.parse::<i64>().map_err(|_| Fault::at(column, format!("`{text}` is no number of payments")))
            };
            row.get(column).map(read).transpose()
        };
        let (paid, total) = (count("payments_made")?, count("total_payments")?);
        let rebills = count("rebills")?.or(paid.map(|paid| paid - 1));
        Ok(Self {
            id: row.need("subscription_id")?,
            email: row.need("email")?,
            product_id: row.get("product_id"),
            product: row.get("product"),
            order: row.get("order_id"),
            currency: settings.currency(row.get("currency")),
            start: day("start")?,
            end: day("end")?,
            amount: row.amount("amount")?.and_then(money),
            interval: row.get("interval"),
            rebills: rebills.map(|rebills| total.map_or(rebills, |total| rebills.min(total - 1)).min(REBILLS_MAX)),
        })
    }

    /// One rebill for each payment after the first, an interval apart, none after today or the end.
    fn rebills(&self, today: Day) -> Result<Vec<Entry>, String> {
        let start = self.start.ok_or("not estimated: the row has no start date")?;
        let amount =
            self.amount.filter(|amount| *amount > Money::ZERO).ok_or("not estimated: the row has no rebill amount")?;
        let rebills = self.rebills.ok_or("not estimated: the row has no number of payments")?;
        let interval = self.interval.ok_or("not estimated: the row has no interval")?;
        let interval = Interval::by(interval)
            .ok_or_else(|| format!("not estimated: the interval `{interval}` is not understood"))?;
        if interval.days_min() < INTERVAL_DAYS_MIN {
            return Err("not estimated: rebills less than six days apart cannot be told from one another".to_owned());
        }
        let last = self.end.map_or(today, |end| end.min(today));
        let days = (1..=rebills).map(|n| (n, interval.after(start, n))).take_while(|(_, day)| *day <= last);
        Ok(days.map(|(n, day)| self.rebill(n, day, amount)).collect())
    }

    /// Estimates stand under an order of their own: a real charge that takes the place of one brings its real order.
    fn estimate_id(&self) -> String {
        names::fit(format!("estimate:{}", self.id))
    }

    fn rebill(&self, n: i64, day: Day, amount: Money) -> Entry {
        let key = names::rebill(self.order.unwrap_or(self.id), day);
        let own = self.order.map(|_| names::rebill(self.id, day));
        let entry =
            Entry::sale(key, self.estimate_id(), Moment::Day(day.to_string()), self.currency.as_str(), decimal(amount))
                .rebill()
                .revision(rank::ESTIMATE)
                .email(Some(self.email))
                .line(line(self.product_id, self.product, None, amount))
                .tag("subscription", Some(self.id))
                .tag("cycle", Some((n + 1).to_string().as_str()))
                .tag("estimated", Some("true"))
                .tag("approximate", Some("date"));
        let names = names::estimate_names(self.email, self.product.unwrap_or_default(), day, own);
        names.into_iter().fold(entry, Entry::also)
    }
}

/// Time between two charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interval {
    Days(i64),
    Months(i64),
}

impl Interval {
    /// Understands `month`, `Monthly`, `every 2 weeks`, `30 days`, `quarterly`, `annual` and the like.
    fn by(text: &str) -> Option<Self> {
        let word = normal(text);
        let digits: String =
            word.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        let many = if digits.is_empty() { 1 } else { digits.parse().ok().filter(|many| (1..=1_000).contains(many))? };
        let has = |part: &str| word.contains(part);
        Some(match () {
            () if has("bimonth") || has("semimonth") => return None,
            () if has("biweek") || has("fortnight") => Self::Days(14),
            () if has("semiannual") || has("halfyear") => Self::Months(6),
            () if has("day") || has("daily") => Self::Days(many),
            () if has("week") => Self::Days(7 * many),
            () if has("quarter") => Self::Months(3 * many),
            () if has("month") => Self::Months(many),
            () if has("year") || has("annual") => Self::Months(12 * many),
            () => return None,
        })
    }

    fn days_min(self) -> i64 {
        match self {
            Self::Days(days) => days,
            Self::Months(months) => 28 * months,
        }
    }

    /// Counted from the start each time, so that a short month does not move the months after it.
    fn after(self, start: Day, times: i64) -> Day {
        match self {
            Self::Days(days) => start.plus(days * times),
            Self::Months(months) => plus_months(start, months * times),
        }
    }
}

/// So many months later, on the last day of the month if it has no such day.
fn plus_months(start: Day, months: i64) -> Day {
    let (year, month, day) = start.civil();
    let month = year * 12 + month - 1 + months;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    (28..=day).rev().chain([day]).find_map(|day| Day::from_civil(year, month, day)).unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_understood_or_refused() {
        for (text, interval) in [
            ("month", Some(Interval::Months(1))),
            ("Monthly", Some(Interval::Months(1))),
            ("every 2 weeks", Some(Interval::Days(14))),
            ("30 days", Some(Interval::Days(30))),
            ("Weekly", Some(Interval::Days(7))),
            ("bi-weekly", Some(Interval::Days(14))),
            ("Quarterly", Some(Interval::Months(3))),
            ("annually", Some(Interval::Months(12))),
            ("1 year", Some(Interval::Months(12))),
            ("bimonthly", None),
            ("30", None),
            ("0 days", None),
            ("99999999999999999999 days", None),
        ] {
            assert_eq!(Interval::by(text), interval, "{text}");
        }
    }

    #[test]
    fn months_are_counted_from_the_start() {
        let start = Day::parse("2026-01-31").unwrap();
        let days: Vec<String> = (1..=3).map(|n| Interval::Months(1).after(start, n).to_string()).collect();
        assert_eq!(days, ["2026-02-28", "2026-03-31", "2026-04-30"]);
        assert_eq!(plus_months(start, 25).to_string(), "2028-02-29");
    }
}
