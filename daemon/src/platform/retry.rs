//! What is tried again, and after how long.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::connector::{NoResponse, Response};
use crate::limits::platform as limits;

/// Whether the same request is worth another attempt, if sending it twice does no harm.
pub(super) fn is_passing(outcome: &Result<Response, NoResponse>) -> bool {
    match outcome {
        Ok(response) => matches!(response.status, 408 | 425 | 429 | 502 | 503 | 504),
        Err(no) => matches!(no, NoResponse::Timeout | NoResponse::Connection(_)),
    }
}

/// How long the platform wants to be left alone: seconds or a date.
pub(super) fn retry_after(response: &Response, now_ms: i64) -> Option<Duration> {
    let header = response.headers.iter().find(|header| header.name == "retry-after")?.value.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(header).ok()?.with_timezone(&Utc).timestamp_millis();
    Some(Duration::from_millis(u64::try_from(until.saturating_sub(now_ms)).unwrap_or(0)))
}

/// The pause after so many attempts (1 and up): it doubles, and is somewhere between half and all of that, so that those who
/// were refused together do not come back together. `random` is any number.
pub(super) fn pause(attempts: u32, random: u64) -> Duration {
    let whole = limits::PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(limits::PAUSE_MAX);
    let half = whole / 2;
    half + half.mul_f64((random % 1_000) as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Header;

    fn response(status: u16, retry_after: Option<&str>) -> Response {
        let headers = retry_after.map(|value| Header { name: "retry-after".into(), value: value.into() });
        Response { status, headers: headers.into_iter().collect(), body: Vec::new() }
    }

    #[test]
    fn passing_faults_are_tried_again() {
        for status in [408, 425, 429, 502, 503, 504] {
            assert!(is_passing(&Ok(response(status, None))), "{status}");
        }
        for status in [200, 301, 400, 401, 403, 404, 500, 501] {
            assert!(!is_passing(&Ok(response(status, None))), "{status}");
        }
        assert!(is_passing(&Err(NoResponse::Timeout)) && !is_passing(&Err(NoResponse::TooLarge(1))));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |value, now| retry_after(&response(429, Some(value)), now);
        assert_eq!(after("7", 0), Some(Duration::from_secs(7)));
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(after(date, 1_445_412_470_000), Some(Duration::from_secs(10)));
        assert_eq!(after(date, 1_545_412_470_000), Some(Duration::ZERO));
        assert_eq!(after("soon", 0), None);
    }

    #[test]
    fn pauses_grow_and_vary() {
        assert!(pause(1, 0) >= limits::PAUSE / 2 && pause(1, 999) <= limits::PAUSE);
        assert!(pause(3, 0) >= limits::PAUSE * 2 && pause(40, 999) <= limits::PAUSE_MAX);
        assert_ne!(pause(2, 1), pause(2, 700));
    }
}
