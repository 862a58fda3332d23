//! Texts and dates, each by itself.

use super::*;
use crate::when;
use crate::words::{self, Refusal};

#[test]
fn texts_of_refusals() {
    for (text, why) in [
        ("IP must be whitelisted - 203.0.113.7", Refusal::Address),
        ("Your ip is not on the whitelist", Refusal::Address),
        ("Login or password incorrect", Refusal::Login),
        ("loginId is required", Refusal::Login),
        ("No user found", Refusal::Login),
        ("User not found matching those credentials", Refusal::Login),
        ("API User does not have access to this endpoint", Refusal::Permission),
        ("No permissions found for this call", Refusal::Permission),
        ("You are not authorized", Refusal::Permission),
    ] {
        assert_eq!(words::refusal(text), Some(why), "{text}");
    }
}

#[test]
fn texts_that_refuse_nothing() {
    for text in [
        "No orders matching those parameters could be found",
        "No AUTHORIZE transactions found",
        "shipping description of the recipient is missing",
        "Campaign 7 could not be found",
        "Deadlock found when trying to get lock",
        "",
    ] {
        assert_eq!(words::refusal(text), None, "{text}");
    }
}

#[test]
fn texts_of_empty_windows() {
    for text in
        ["No orders matching those parameters could be found", "no transactions found", " No data matching that"]
    {
        assert!(words::is_empty(text), "{text}");
    }
    for text in ["Campaign 7 could not be found", "Not found", "Nothing found", "No luck", "startDate: not found"] {
        assert!(!words::is_empty(text), "{text}");
    }
}

#[test]
fn addresses_in_texts() {
    assert_eq!(words::address("IP must be whitelisted - 203.0.113.7"), Some("203.0.113.7"));
    assert_eq!(words::address("IP must be whitelisted - 2001:db8::7."), Some("2001:db8::7"));
    assert_eq!(words::address("version 1.2.3: bad"), None);
}

#[test]
fn what_is_shown_of_a_text() {
    assert_eq!(words::shown("<b>Down</b> for<style>b { color: red }</style>\n maintenance"), "Down for maintenance");
    assert_eq!(words::shown("refused {\"password\": \"a b\", \"x\": 1}"), "refused {\"password…");
    assert_eq!(words::shown("Password must not be empty"), "Password must not be empty");
    assert_eq!(words::shown(&"ü".repeat(300)).chars().count(), 201);
    assert_eq!(words::shown("an open < tag"), "an open");
}

#[test]
fn dates_as_the_platform_writes_them() {
    let local = |text: &str| Ok(Some(Moment::Local(text.into())));
    assert_eq!(when::moment("2026-03-01 23:30:00"), local("2026-03-01T23:30:00"));
    assert_eq!(when::moment("03/01/2026 9:05"), local("2026-03-01T09:05:00"));
    assert_eq!(when::moment("3/1/26 12:00:01 am"), local("2026-03-01T00:00:01"));
    assert_eq!(when::moment("3/1/26 12:30PM"), local("2026-03-01T12:30:00"));
    assert_eq!(when::moment("03/01/2026"), Ok(Some(Moment::Day("2026-03-01".into()))));
    assert_eq!(when::moment("0000-00-00 00:00:00"), Ok(None));
    for text in
        ["13/01/2026", "02/29/2026", "2026-03-01 25:00:00", "1/2", "1/2/3/4", "01/02/203", "3/1/26 13:00 PM", "soon"]
    {
        assert!(when::moment(text).is_err(), "{text}");
    }
}

#[test]
fn revisions_grow_by_the_hour() {
    assert_eq!(when::revision(Some("2026-03-01 23:59:59")), 2_026_030_123);
    assert_eq!(when::revision(Some("2026-03-01")), 2_026_030_100);
    assert_eq!((when::revision(Some("soon")), when::revision(None)), (0, 0));
}
