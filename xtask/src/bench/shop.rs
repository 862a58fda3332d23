//! A made-up shop of three years: the same file each time, on every machine.

use std::io::{Result, Write};
use std::ops::Range;

use super::tally::Tally;

/// 2023-01-01 00:00:00 UTC, and three years, in seconds.
const START: u64 = 1_672_531_200;
const SPAN: u64 = 3 * 365 * 86_400;
/// Orders that a rebill or refund can refer to.
const RECENT: usize = 8_192;

const HEADER: &str =
    "id,order_id,date,email,amount,currency,kind,billing,tax,shipping,product_id,product,coupon,country";
/// Product id, name, price in hundredths, whether it is a subscription.
const PRODUCTS: [(&str, &str, u64, bool); 8] = [
    ("kit-101", "Starter Kit", 4_900, false),
    ("kit-102", "\"Family Kit, large\"", 14_900, false),
    ("club-201", "Monthly Club", 2_995, true),
    ("club-202", "Monthly Club Plus", 5_995, true),
    ("course-301", "Video Course", 19_700, false),
    ("book-401", "Workbook", 1_250, false),
    ("bump-501", "Recipe Cards", 900, false),
    ("coach-601", "Coaching Session", 29_700, false),
];
const DOMAINS: [&str; 4] = ["gmail.example", "mail.example.com", "outlook.example", "example.org"];
const COUPONS: [&str; 3] = ["WELCOME10", "SPRING", "FRIENDS20"];

/// How large it is, and of what sort.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Rows within the three years. There may be rows beyond: time goes on at the same pace.
    pub(crate) rows: u64,
    /// Customers for a million rows; fewer rows have proportionally fewer.
    pub(crate) customers_per_million: u64,
    /// Everybody pays in US dollars; else by country, in three currencies.
    pub(crate) dollars_only: bool,
}

/// An order that was paid.
#[derive(Clone, Copy)]
struct Order {
    number: u64,
    customer: u64,
    product: usize,
    charges: u64,
}

/// Writes these rows, the oldest first, and returns what they amount to. Every row is the same whichever others are
/// written.
pub(crate) fn write(plan: Plan, rows: Range<u64>, out: &mut impl Write) -> Result<Tally> {
    let mut random = Random(0x6c74_7664);
    let mut tally = Tally::default();
    let mut recent: Vec<Order> = Vec::with_capacity(RECENT);
    let customers = (plan.rows * plan.customers_per_million / 1_000_000).max(1);
    writeln!(out, "{HEADER}")?;
    for row in 0..rows.end {
        let slot = usize::try_from(random.below(RECENT as u64)).unwrap_or(0);
        let dice = random.below(100);
        let (kind, billing, order) = match recent.get_mut(slot) {
            Some(order) if dice < 6 => ("refund", "unknown", *order),
            Some(order) if dice < 7 => ("chargeback", "unknown", *order),
            Some(order) if dice < 45 && PRODUCTS[order.product].3 => {
                order.charges += 1;
                ("sale", "rebill", *order)
            }
            _ => {
                let product = usize::try_from(random.below(PRODUCTS.len() as u64)).unwrap_or(0);
                let order = Order { number: row, customer: random.below(customers), product, charges: 1 };
                if recent.len() < RECENT {
                    recent.push(order)
                } else {
                    recent[slot] = order
                }
                ("sale", "initial", order)
            }
        };
        let sold = Sold::new(&mut random, order, kind, plan.dollars_only);
        if row < rows.start {
            continue;
        }
        tally.add(sold.currency, kind, i64::try_from(sold.amount).unwrap_or(i64::MAX));
        let at = START + row * SPAN / plan.rows;
        let (product_id, product, ..) = PRODUCTS[order.product];
        writeln!(
            out,
            "{}-{row:08},ord-{:08},{},customer{:06}@{},{},{},{kind},{billing},{},{},{product_id},{product},{},{}",
            &kind[..2],
            order.number,
            Time(at),
            order.customer,
            DOMAINS[usize::try_from(order.customer % 4).unwrap_or(0)],
            Money(sold.amount),
            sold.currency,
            Money(sold.tax),
            Money(sold.shipping),
            sold.coupon,
            sold.country,
        )?;
    }
    out.flush()?;
    Ok(tally)
}

/// What one row says beyond its order.
struct Sold {
    amount: u64,
    tax: u64,
    shipping: u64,
    currency: &'static str,
    country: &'static str,
    coupon: &'static str,
}

impl Sold {
    fn new(random: &mut Random, order: Order, kind: &str, dollars_only: bool) -> Self {
        let (country, currency) = match order.customer % 10 {
            0..=6 => ("US", "USD"),
            7 => ("DE", "EUR"),
            8 => ("FR", "EUR"),
            _ => ("GB", "GBP"),
        };
        let currency = if dollars_only { "USD" } else { currency };
        let price = PRODUCTS[order.product].2;
        let share = if kind == "refund" && random.below(3) == 0 { 2 } else { 1 };
        let net = price / share;
        let tax = if country == "US" { 0 } else { net / 5 };
        let shipping = if order.product < 2 && kind == "sale" { 490 } else { 0 };
        let coupon = usize::try_from(random.below(12)).ok().and_then(|n| COUPONS.get(n)).copied().unwrap_or_default();
        Self { amount: net + tax + shipping, tax, shipping, currency, country, coupon }
    }
}

/// SplitMix64: small, and the same for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `limit` - 1.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Hundredths as `12.34`.
struct Money(u64);

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// Seconds since 1970 as `2024-02-29 12:34:56`.
struct Time(u64);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mut day, second) = (self.0 / 86_400, self.0 % 86_400);
        let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let mut year = 1970;
        while day >= 365 + u64::from(is_leap(year)) {
            day -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let mut month = 1;
        for length in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        write!(f, "{year}-{month:02}-{:02} {hour:02}:{minute:02}:{:02}", day + 1, second % 60)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn times_are_civil() {
        assert_eq!(Time(START).to_string(), "2023-01-01 00:00:00");
        assert_eq!(Time(START + SPAN - 1).to_string(), "2025-12-30 23:59:59");
        assert_eq!(Time(951_782_400).to_string(), "2000-02-29 00:00:00");
        assert_eq!(Time(1_735_689_599).to_string(), "2024-12-31 23:59:59");
    }

    fn lines(plan: Plan, rows: Range<u64>) -> (Tally, String) {
        let mut out = Vec::new();
        let tally = write(plan, rows, &mut out).unwrap();
        (tally, String::from_utf8(out).unwrap())
    }

    const PLAN: Plan = Plan { rows: 20_000, customers_per_million: 300_000, dollars_only: false };

    #[test]
    fn the_file_is_the_same_each_time_and_its_keys_are_unique() {
        let (tally, text) = lines(PLAN, 0..20_000);
        assert_eq!((tally, text.clone()), lines(PLAN, 0..20_000));
        let ids: HashSet<&str> = text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert_eq!(ids.len(), 20_000);
        for kind in ["sale,initial", "sale,rebill", "refund", "chargeback"] {
            assert!(text.contains(kind), "{kind}");
        }
    }

    #[test]
    fn a_file_can_be_written_in_parts_and_beyond_its_three_years() {
        let (_, whole) = lines(PLAN, 0..20_100);
        let (_, part) = lines(PLAN, 19_990..20_100);
        assert_eq!(part.lines().count(), 1 + 110);
        assert!(whole.ends_with(part.split_once('\n').unwrap().1));
        assert!(part.contains("2026-01-"));
    }

    #[test]
    fn all_may_pay_in_dollars() {
        let (tally, text) = lines(Plan { dollars_only: true, ..PLAN }, 0..1_000);
        assert!(text.lines().skip(1).all(|line| line.contains(",USD,")));
        assert_ne!(tally, lines(PLAN, 0..1_000).0);
    }
}
