//! Keys and names: the same money gets the same key, or at least a name in common, whichever way it came.
//!
//! | movement | key | names |
//! |---|---|---|
//! | purchase | `order:<order>` | from a file also those of a rebill, since a rebill may have an order id of its own |
//! | rebill, webhook | `charge:<charge>`, else `rebill:<subscription, else order>:<UTC day of receipt>` | `rebill:<order>:<day>`, `rebill:<subscription>:<day>` |
//! | rebill, file | `rebill:<order>:<day>` | the same of the day before and the day after, of the subscription too |
//! | rebill, API | `charge:<charge>` | `charge:<transaction>`, `rebill:<order>:<day>`, `rebill:<subscription>:<day>`; in the evening also those of the next day |
//! | refund, webhook | `refund:<refund>`, else `refund:<order>:<product>:<amount>` | `refunded <order> <product>` |
//! | refund, file | `refund:<order>:<product>`, of a rebill with `:<day>` | `refunded <order> <product>` |
//! | refund, API | `refund:<refund>` | `refunded <order> <product>` |
//!
//! A day is given with its neighbours by the file alone: webhook days are UTC, file days are the account's.
//! What an estimate and a real charge have in common is explained at [`estimate_names`].

use ltv_connector::dates::Day;

/// The contract allows so many names of an entry.
const NAMES_MAX: usize = 8;
/// The contract allows so many bytes in a key or name.
const BYTES_MAX: usize = 200;

/// Key of a purchase.
pub(crate) fn order(order: &str) -> String {
    fit(format!("order:{order}"))
}

/// Key of a charge with an id of its own.
pub(crate) fn charge(charge: &str) -> String {
    fit(format!("charge:{charge}"))
}

/// Key of a refund with an id of its own.
pub(crate) fn refund(refund: &str) -> String {
    fit(format!("refund:{refund}"))
}

/// Key of a rebill of this subscription or order on this day.
pub(crate) fn rebill(of: &str, day: Day) -> String {
    fit(format!("rebill:{of}:{day}"))
}

/// Name that a refund of this product of this order goes by on both doors. A door that does not know the product names
/// `*`; the other lists `*` too, so that they meet, while two products stay two. `?` and `&` are the same between other
/// pairs of doors: see [`refunds_of_webhook`], [`refunds_of_file`] and [`refunds_of_api`].
fn refunded(order: &str, product: &str) -> String {
    fit(format!("refunded {order} {product}"))
}

/// Names of a refund that a webhook told.
pub(crate) fn refunds_of_webhook(order: &str, product: Option<&str>) -> Vec<String> {
    all_refunded(order, product.map_or(["*", "&"], |product| [product, "?"]))
}

/// Names of a refund that a file told.
pub(crate) fn refunds_of_file(order: &str, product: Option<&str>) -> Vec<String> {
    match product {
        Some(product) => all_refunded(order, [product, "*"]),
        None => all_refunded(order, ["?", "*", "&"]),
    }
}

/// Names of a refund that the API told.
pub(crate) fn refunds_of_api(order: &str, product: Option<&str>) -> Vec<String> {
    match product {
        Some(product) => all_refunded(order, [product, "&"]),
        None => all_refunded(order, ["?", "*", "&"]),
    }
}

fn all_refunded<'a>(order: &str, products: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    products.into_iter().map(|product| refunded(order, product)).collect()
}

/// What the doors tell of one charge.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Charge<'a> {
    pub(crate) charge: Option<&'a str>,
    pub(crate) order: Option<&'a str>,
    pub(crate) subscription: Option<&'a str>,
    pub(crate) email: &'a str,
    pub(crate) product: &'a str,
}

/// Names of a charge that a webhook told.
pub(crate) fn of_webhook(charge: Charge<'_>, day: Day) -> Vec<String> {
    let mut names: Vec<String> = charge.charge.map(self::charge).into_iter().collect();
    names.extend([charge.order, charge.subscription].into_iter().flatten().map(|of| rebill(of, day)));
    names.extend(near_names(charge.email, charge.product, day));
    limited(names)
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// A webhook is sent so soon after its charge, mostly at once.
const WEBHOOK_MS: i64 = 2 * 60 * 60 * 1_000;

/// Names of a charge that the API told, at this time. `charge` is the id that the payment processor gave.
pub(crate) fn of_api(charge: Charge<'_>, unix_ms: i64) -> Vec<String> {
    let day = Day::of_unix_ms(unix_ms);
    let mut names: Vec<String> = charge.charge.map(self::charge).into_iter().collect();
    let ids = || [charge.order, charge.subscription].into_iter().flatten();
    names.extend(ids().map(|of| rebill(of, day)));
    names.extend(near_names(charge.email, charge.product, day));
    if unix_ms.rem_euclid(DAY_MS) >= DAY_MS - WEBHOOK_MS {
        names.extend(ids().map(|of| rebill(of, day.plus(1))));
    }
    limited(names)
}

/// Names of a charge that a file told, the surest first: the daemon looks them up in this order.
pub(crate) fn of_file(charge: Charge<'_>, day: Day) -> Vec<String> {
    let mut names: Vec<String> = charge.charge.map(self::charge).into_iter().collect();
    let ids = || [charge.order, charge.subscription].into_iter().flatten();
    names.extend(ids().map(|of| rebill(of, day)));
    names.extend(near_names(charge.email, charge.product, day));
    names.extend(ids().flat_map(|of| [rebill(of, day.plus(-1)), rebill(of, day.plus(1))]));
    limited(names)
}

/// A real charge lists its own day and the fourth day after, an estimate seven days from the one before to the fifth
/// after: they have a name in common exactly if they lie at most five days apart.
pub(crate) fn near_names(email: &str, product: &str, day: Day) -> [String; 2] {
    [near(email, product, day), near(email, product, day.plus(4))]
}

/// Names of a rebill that was computed. See [`near_names`].
pub(crate) fn estimate_names(email: &str, product: &str, day: Day, own: Option<String>) -> Vec<String> {
    let mut names: Vec<String> = own.into_iter().collect();
    // Its own day first, then nearer days before farther ones.
    names.extend([0, 1, -1, 2, 3, 4, 5].into_iter().map(|days| near(email, product, day.plus(days))));
    limited(names)
}

fn near(email: &str, product: &str, day: Day) -> String {
    format!("near {:016x} {day}", fingerprint(&[&normal(email), &normal(product)]))
}

/// Lower case, without anything but letters and digits, so that `Tea Club ` and `tea-club` are one.
pub(crate) fn normal(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn limited(mut names: Vec<String>) -> Vec<String> {
    names.truncate(NAMES_MAX);
    names
}

/// Longer texts keep their beginning and end in a fingerprint, so that different ones stay different.
pub(crate) fn fit(text: String) -> String {
    if text.len() <= BYTES_MAX {
        return text;
    }
    let mut end = BYTES_MAX - 17;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}~{:016x}", text.get(..end).unwrap_or_default(), fingerprint(&[&text]))
}

/// FNV-1a, 64 bits: short, and the same for ever.
fn fingerprint(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain(std::iter::once(0)));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn meet(left: &[String], right: &[String]) -> bool {
        left.iter().any(|name| right.contains(name))
    }

    #[test]
    fn an_estimate_meets_real_charges_within_exactly_five_days() {
        let expected = day("2026-04-10");
        let estimate = estimate_names("Ada@example.org", "Tea club", expected, None);
        for days in -12..=12 {
            let real = near_names("ada@example.org", "Tea Club", expected.plus(days));
            assert_eq!(meet(&estimate, &real), (-5..=5).contains(&days), "{days} days apart");
        }
        assert!(!meet(&estimate, &near_names("bo@example.org", "Tea club", expected)));
    }

    #[test]
    fn doors_meet_on_neighbouring_days_and_weekly_rebills_do_not() {
        let charge = Charge { order: Some("800100"), subscription: Some("5500"), ..Charge::default() };
        let file = of_file(charge, day("2026-04-01"));
        for (told, same) in [("2026-03-31", true), ("2026-04-01", true), ("2026-04-02", true), ("2026-04-08", false)] {
            let hook = Charge { email: "x", ..charge };
            assert_eq!(meet(&file, &of_webhook(hook, day(told))), same, "{told}");
        }
    }

    #[test]
    fn refunds_meet_unless_both_doors_know_the_product_and_differ() {
        type Door = fn(&str, Option<&str>) -> Vec<String>;
        let doors: [Door; 3] = [refunds_of_webhook, refunds_of_file, refunds_of_api];
        for (left, right) in [(0, 1), (0, 2), (1, 2)] {
            for (one, other, same) in [
                (Some("2"), Some("2"), true),
                (Some("2"), Some("3"), false),
                (Some("2"), None, true),
                (None, Some("2"), true),
                (None, None, true),
            ] {
                let met = meet(&doors[left]("1", one), &doors[right]("1", other));
                assert_eq!(met, same, "{left} {one:?}, {right} {other:?}");
            }
        }
    }

    #[test]
    fn a_webhook_may_come_a_little_after_midnight() {
        let charge = Charge { order: Some("1"), email: "x", ..Charge::default() };
        let at = |time: &str| match ltv_connector::dates::utc(time) {
            Ok(ltv_connector::types::Moment::Utc(unix_ms)) => unix_ms,
            other => panic!("{other:?}"),
        };
        for (charged, same) in
            [("2026-04-01T23:30:00", true), ("2026-04-01T21:30:00", false), ("2026-04-02T00:00:00", true)]
        {
            let api = of_api(charge, at(charged));
            let own = [rebill("1", day("2026-04-02"))];
            assert_eq!(meet(&api, &own), same, "{charged}");
        }
    }

    #[test]
    fn names_keep_to_the_limits_of_the_contract() {
        let long = "ü".repeat(300);
        let charge =
            Charge { charge: Some(&long), order: Some(&long), subscription: Some("5500"), email: &long, product: "" };
        let names = of_file(charge, day("2026-04-01"));
        assert_eq!(names.len(), NAMES_MAX);
        assert!(names.iter().all(|name| name.len() <= BYTES_MAX));
        assert_ne!(order(&long), order(&(long.clone() + "1")));
        assert_eq!(estimate_names("", "", day("2026-04-01"), Some("x".into())).len(), NAMES_MAX);
    }
}
