//! Dates of the API, and dates for its filters.

use ltv_connector::prelude::*;

/// The UTC date at this path: `2026-03-01T10:00:00`, without zone, null if unset \[C live\].
pub(crate) fn utc_ms(value: &Value, path: &str) -> Option<i64> {
    match dates::utc(value.text(path)?) {
        Ok(Moment::Utc(unix_ms)) => Some(unix_ms),
        _ => None,
    }
}

/// For a filter that takes what is strictly later: everything from this moment on. Whole seconds and no zone: fractions
/// and `Z` are misread \[C live\].
pub(crate) fn just_before(unix_ms: i64) -> String {
    dates::format_utc((unix_ms.div_euclid(1_000) - 1).saturating_mul(1_000))
}

/// For a filter that takes what is strictly earlier: everything before this moment. Rounded up, so that a second that
/// has begun is not cut off.
pub(crate) fn up_to(unix_ms: i64) -> String {
    dates::format_utc(-(-unix_ms).div_euclid(1_000).saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_filters_on_whole_seconds_lose_nothing() {
        let noon = 1_780_315_200_000;
        assert_eq!(just_before(noon), "2026-06-01T11:59:59");
        assert_eq!(just_before(noon + 999), "2026-06-01T11:59:59");
        assert_eq!(up_to(noon), "2026-06-01T12:00:00");
        assert_eq!(up_to(noon + 1), "2026-06-01T12:00:01");
        assert_eq!(up_to(-1), "1970-01-01T00:00:00");
    }

    #[test]
    fn dates_of_the_api_are_utc() {
        let value = form::json(br#"{"a":"2026-06-01T12:00:00","b":null,"c":"soon","d":"2026-06-01"}"#).unwrap();
        assert_eq!(utc_ms(&value, "a"), Some(1_780_315_200_000));
        assert_eq!([utc_ms(&value, "b"), utc_ms(&value, "c"), utc_ms(&value, "d")], [None, None, None]);
    }
}
