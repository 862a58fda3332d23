//! Keys and names: how the same money is known again when it comes through another door.
//!
//! A **key** is made of the platform's own ids. The doors share them for first charges (order id) and, where a file has
//! invoice numbers, for rebills. Where they do not, weaker **names** bind the doors one to one. A name is told by
//! `<who> <what> <day> <currency> <amount>`; `<who>` is an order id, or an e-mail address for files without order ids.
//!
//! Days of files have no zone and may be one off. So each side gives its own day first and then, marked with `~`, the
//! days it may mean to the other side: the exact day is tried before a near one, and rebills on neighbouring days find
//! their own partner.

use ltv_connector::{dates::Day, prelude::*};

/// Longest id and name that the contract allows, bytes.
const ID_BYTES: usize = 200;

/// Which of two versions of the same money is better. The better source wins, whatever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Computed, on request, from a list of subscriptions.
    Estimated = 0,
    /// From a file, with a stand-in for the date.
    Undated = 1,
    /// From a webhook without a date.
    Received = 2,
    /// From a file, with a day.
    Day = 3,
    /// From a file, with a time.
    Time = 4,
    /// From a webhook or the API, with its time.
    Exact = 5,
}

/// What the API knows less than a webhook of the same rank and total: tax, country, affiliate. Taken off its revisions.
pub(crate) const LISTED: i64 = 1;

const RANK_STEP: i64 = 1_000_000_000_000_000;
const DAY_STEP: i64 = 10_000_000_000;
const LAST_DAY: i64 = 99_999;

impl Rank {
    /// How well an entry is dated that was told by a file.
    pub(crate) fn of_file(at: &Moment) -> Self {
        match at {
            Moment::Utc(_) | Moment::Local(_) => Self::Time,
            Moment::Day(_) | Moment::Received => Self::Day,
        }
    }

    /// The revision where nothing but the source decides; between equals the last to arrive wins.
    pub(crate) fn revision(self) -> i64 {
        self as i64 * RANK_STEP
    }

    /// The revision where, between equal sources, the larger total wins: an order that has grown by an upsell.
    pub(crate) fn revision_by_total(self, total: Decimal) -> i64 {
        // Two numbers for each total: one for webhooks, one below for the API.
        self.revision() + hundredths(total).clamp(0, RANK_STEP / 2 - 1) * 2 + LISTED
    }

    /// The revision of a first charge from a file: the earlier day wins, then the larger total. A file that begins in the
    /// middle of a subscription, without telling rebills apart, so never moves a first charge that is already known.
    pub(crate) fn revision_by_day(self, day: Day, total: Decimal) -> i64 {
        let earliness = (LAST_DAY - days_since_1970(day)).clamp(0, LAST_DAY);
        self.revision() + earliness * DAY_STEP + hundredths(total).clamp(0, DAY_STEP - 1)
    }
}

/// The key of a first charge.
pub(crate) fn charge_key(order_id: &str) -> String {
    format!("charge:{order_id}")
}

/// The key of a rebill with an invoice number of its own.
pub(crate) fn rebill_key(invoice_id: &str) -> String {
    format!("rebill:{invoice_id}")
}

/// The order id of a rebill that has no invoice number: an order id and a day. Its key is [`rebill_key`] of this.
pub(crate) fn rebill_order_id(order_id: &str, day: Day) -> String {
    format!("{order_id}:{day}")
}

/// Splits `000000050-1` into the first charge's invoice number and the number of the rebill.
pub(crate) fn split_invoice(invoice_id: &str) -> Option<(&str, u32)> {
    let (base, suffix) = invoice_id.rsplit_once('-')?;
    let number = suffix.parse().ok().filter(|number| *number > 0)?;
    (!base.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit())).then_some((base, number))
}

/// What money is called where doors share no id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Namer<'a> {
    /// `sale`, `rebill`, `refund` or `chargeback`.
    pub(crate) what: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) amount: Decimal,
}

impl Namer<'_> {
    /// Names of money that a file tells: its day, then the same as a near one.
    pub(crate) fn file(&self, who: &str, day: Day) -> Vec<String> {
        checked([self.exact(who, day), self.near(who, day)])
    }

    /// Names of money that a webhook tells: its UTC day, then the days before and after, which a file may give for it.
    pub(crate) fn webhook(&self, who: &str, day: Day) -> Vec<String> {
        checked([self.exact(who, day), self.near(who, day.plus(-1)), self.near(who, day.plus(1))])
    }

    /// Names of a computed payment: its day, then all within `reach` days of it, the nearest first.
    pub(crate) fn estimate(&self, who: &str, day: Day, reach: i64) -> Vec<String> {
        let around = (0..=reach).flat_map(|off| {
            let mirrored = (off > 0).then(|| self.near(who, day.plus(-off)));
            std::iter::once(self.near(who, day.plus(off))).chain(mirrored)
        });
        checked(std::iter::once(self.exact(who, day)).chain(around))
    }

    /// The name of a refund whose day one side does not know.
    pub(crate) fn any_day(&self, who: &str) -> Vec<String> {
        checked([self.name(who, "any day")])
    }

    fn exact(&self, who: &str, day: Day) -> String {
        self.name(who, &day.to_string())
    }

    fn near(&self, who: &str, day: Day) -> String {
        self.name(who, &format!("~{day}"))
    }

    fn name(&self, who: &str, day: &str) -> String {
        format!("{who} {} {day} {} {}", self.what, self.currency, canonical(self.amount))
    }
}

/// Leaves out what is too long to be a name: then the key alone counts.
fn checked(names: impl IntoIterator<Item = String>) -> Vec<String> {
    names.into_iter().filter(|name| name.len() <= ID_BYTES).collect()
}

/// An e-mail address as names hold it.
pub(crate) fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// A country as a tag: only codes of two letters, since names of countries differ between sources.
pub(crate) fn country(text: Option<&str>) -> Option<String> {
    let code = text?.trim().to_ascii_uppercase();
    (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(code)
}

/// A currency code; `stated` already falls back on the setting.
pub(crate) fn currency(stated: Option<&str>) -> Result<String, Fault> {
    let Some(stated) = stated else {
        return Err(Fault::at("currency", "no currency is told: set `currency` of the integration"));
    };
    let code = stated.trim().to_ascii_uppercase();
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(code);
    }
    Err(Fault::at("currency", format!("`{stated}` is not a currency code of three letters, such as EUR")))
}

/// Rounded towards zero; saturates. Only to put amounts into an order.
pub(crate) fn hundredths(amount: Decimal) -> i64 {
    let unit = 10_i128.pow(u32::from(amount.scale.min(18)));
    let value = i128::from(amount.coefficient) * 100 / unit;
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// One text for equal amounts, whatever decimals they were written with: at least two, no needless ones.
pub(crate) fn canonical(amount: Decimal) -> String {
    let (mut coefficient, mut scale) = (i128::from(amount.coefficient), amount.scale);
    while scale > 2 && coefficient % 10 == 0 {
        coefficient /= 10;
        scale -= 1;
    }
    while scale < 2 {
        coefficient *= 10;
        scale += 1;
    }
    let unit = 10_i128.pow(u32::from(scale.min(18)));
    let sign = if coefficient < 0 { "-" } else { "" };
    let (whole, fraction) = ((coefficient / unit).abs(), (coefficient % unit).abs());
    format!("{sign}{whole}.{fraction:0width$}", width = usize::from(scale))
}

/// The day of a moment: of UTC where it is exact, else as it was told.
pub(crate) fn day_of(at: &Moment, received: Day) -> Day {
    match at {
        Moment::Utc(unix_ms) => Day::of_unix_ms(*unix_ms),
        Moment::Local(text) | Moment::Day(text) => {
            text.get(..10).and_then(|day| Day::parse(day).ok()).unwrap_or(received)
        }
        Moment::Received => received,
    }
}

fn days_since_1970(day: Day) -> i64 {
    day.days_since(Day::of_unix_ms(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn namer() -> Namer<'static> {
        Namer { what: "rebill", currency: "EUR", amount: Decimal::whole(119) }
    }

    #[test]
    fn both_sides_prefer_the_exact_day_and_meet_on_the_next() {
        let webhook = namer().webhook("600100", day("2026-04-01"));
        assert_eq!(webhook[0], "600100 rebill 2026-04-01 EUR 119.00");
        for (text, meets) in [
            ("2026-03-30", false),
            ("2026-03-31", true),
            ("2026-04-01", true),
            ("2026-04-02", true),
            ("2026-04-03", false),
        ] {
            let file = namer().file("600100", day(text));
            assert_eq!(file.iter().any(|name| webhook.contains(name)), meets, "{text}");
            assert_eq!(file[0] == webhook[0], text == "2026-04-01");
        }
    }

    #[test]
    fn an_estimate_reaches_days_and_no_more_names_than_allowed() {
        let names = namer().estimate("5500", day("2026-04-01"), 3);
        assert_eq!(names.len(), 8);
        assert!(names.contains(&"5500 rebill ~2026-04-04 EUR 119.00".to_owned()));
        assert!(names.contains(&"5500 rebill ~2026-03-29 EUR 119.00".to_owned()));
        assert_eq!(namer().estimate("5500", day("2026-04-01"), 0).len(), 2);
    }

    #[test]
    fn the_better_source_outranks_any_total() {
        let much = Decimal::new(i64::MAX, 0);
        let day = day("2026-04-01");
        for (worse, better) in [
            (Rank::Estimated, Rank::Undated),
            (Rank::Undated, Rank::Received),
            (Rank::Received, Rank::Day),
            (Rank::Day, Rank::Time),
            (Rank::Time, Rank::Exact),
        ] {
            assert!(worse.revision_by_total(much) < better.revision());
            let (earliest, latest) = (Day::of_unix_ms(i64::MIN / 4), Day::of_unix_ms(i64::MAX / 4));
            assert!(worse.revision_by_day(earliest, much) < better.revision_by_day(latest, Decimal::ZERO));
        }
        let total = Decimal::whole(100);
        assert!(Rank::Day.revision_by_day(day, total) > Rank::Day.revision_by_day(day.plus(30), much));
    }

    #[test]
    fn only_a_number_after_the_hyphen_is_a_rebill() {
        assert_eq!(split_invoice("000000050-1"), Some(("000000050", 1)));
        assert_eq!(split_invoice("INV-7-12"), Some(("INV-7", 12)));
        for text in ["000000050", "000000050-", "-1", "000000050-x", "000000050-0", "000000050-+1", ""] {
            assert_eq!(split_invoice(text), None, "{text}");
        }
    }

    #[test]
    fn equal_amounts_have_one_text() {
        assert_eq!(canonical(Decimal::new(119, 0)), "119.00");
        assert_eq!(canonical(Decimal::new(119_000, 3)), "119.00");
        assert_eq!(canonical(Decimal::new(119_005, 3)), "119.005");
        assert_eq!(canonical(Decimal::new(-5, 1)), "-0.50");
        assert_eq!(canonical(Decimal::new(i64::MIN, 0)), "-9223372036854775808.00");
        assert_eq!(hundredths(Decimal::new(12_345, 3)), 1_234);
        assert_eq!(hundredths(Decimal::new(i64::MAX, 0)), i64::MAX);
    }

    #[test]
    fn names_too_long_for_the_contract_are_left_out() {
        assert!(namer().file(&"x".repeat(190), day("2026-04-01")).is_empty());
    }
}
