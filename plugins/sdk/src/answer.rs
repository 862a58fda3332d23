//! Answers that are not what was asked for, in words for the operator.
//!
//! Between a shop and the daemon stand firewalls, caches and maintenance pages. What they answer must not look like a
//! fault of the platform, and never like an empty list.

use crate::form::{self, Value};
use crate::types::{Failure, NoResponse, Pause, Response};

/// Characters of an answer that an operator is shown.
const EXCERPT_CHARS: usize = 120;
/// Bytes of a page that are looked at for them.
const LOOKED_AT_BYTES: usize = 16_384;
/// Members by which platforms tell what is wrong, the clearest first.
const WORDS: [&str; 8] = [
    "error_description",
    "error.message",
    "message",
    "error",
    "errors.0.message",
    "errors.0.detail",
    "errors.0",
    "detail",
];
/// Headers that tell how many seconds to wait. The first is the standard, which the daemon obeys by itself.
const WAITS: [&str; 4] = ["retry-after", "x-ratelimit-retry-after", "x-ratelimit-reset-after", "ratelimit-reset"];
/// Longest wait that is believed: a day, in seconds.
const WAIT_MAX_S: u64 = 86_400;

impl Response {
    /// The body of a successful answer as JSON.
    ///
    /// # Errors
    /// [`failure`](Self::failure) for other statuses; [`Failure::Unavailable`] if a page came instead, or the answer broke
    /// off.
    pub fn expect_json(&self, platform: &str) -> Result<Value, Failure> {
        if !self.is_success() {
            return Err(self.failure(platform));
        }
        form::json(&self.body).map_err(|error| {
            if self.is_page() {
                return self.failure(platform);
            }
            unavailable(format!("{platform}'s answer broke off or is not JSON (HTTP {}): {error}", self.status), None)
        })
    }

    /// As [`expect_json`](Self::expect_json), where refused credentials (401, 403) mean that the operator must act. `refused`
    /// says how; the platform's own words follow it. A page that a firewall sent with such a status is a passing fault.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`] for refused credentials; otherwise as [`expect_json`](Self::expect_json).
    pub fn expect_authorized_json(&self, platform: &str, refused: &str) -> Result<Value, Failure> {
        if matches!(self.status, 401 | 403) && !self.is_page() {
            let said = self.excerpt();
            return Err(Failure::Unauthorized(match said.is_empty() {
                true => refused.to_owned(),
                false => format!("{refused} ({said})"),
            }));
        }
        self.expect_json(platform)
    }

    /// As [`expect_authorized_json`](Self::expect_authorized_json), for one object by its id: `None` if there is no such object
    /// (any more), as 404 and 410 say. A page with such a status says nothing about the object.
    ///
    /// # Errors
    /// As there.
    pub fn expect_found_json(&self, platform: &str, refused: &str) -> Result<Option<Value>, Failure> {
        match self.status {
            404 | 410 if !self.is_page() => Ok(None),
            _ => self.expect_authorized_json(platform, refused).map(Some),
        }
    }

    /// What went wrong, for answers that are not successful or not what they should be. What asking again cannot mend, as the
    /// platform itself says (400, 404, 405, 410, 414, 415, 422), is [`Failure::Malformed`]: a person must look at it, or a new
    /// version of the connector. Refused credentials (401, 403) are for the connector to explain: it knows where to get better
    /// ones.
    #[must_use]
    pub fn failure(&self, platform: &str) -> Failure {
        let said = self.excerpt();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let content_type = self.header("content-type").unwrap_or("no content type");
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let status = self.status;
        if self.status == 429 {
            let message = format!("{platform} wants fewer requests (HTTP 429){said}");
            return Failure::Throttled(Pause { after_ms: self.wait_ms(), message });
        }
        let message = if self.is_page() {
            format!(
                "a firewall, cache or maintenance page answered instead of {platform} (HTTP {status}, {kind}){said}"
            )
        } else {
            format!("{platform} answered with HTTP {status}{said}")
        };
        if matches!(status, 400 | 404 | 405 | 410 | 414 | 415 | 422) && !self.is_page() {
            return Failure::Malformed(message);
        }
        unavailable(message, self.wait_ms())
    }

    /// True if a page for people came, whatever it calls itself.
    #[must_use]
    pub fn is_page(&self) -> bool {
        let told = self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
        told || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// What the answer says, in at most 120 characters: the platform's own words where it tells an error, else the text of
    /// the page. Other bodies may hold anything and are not shown.
    #[must_use]
    pub fn excerpt(&self) -> String {
        let text = if self.is_page() {
            let start = self.body.get(..LOOKED_AT_BYTES).unwrap_or(&self.body);
            text_of_page(&String::from_utf8_lossy(start))
        } else {
            let body = form::json(&self.body).unwrap_or(Value::Null);
            WORDS.iter().find_map(|word| body.text(word)).unwrap_or_default().to_owned()
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let joined = words.join(" ");
        match joined.char_indices().nth(EXCERPT_CHARS) {
            Some((end, _)) => format!("{}…", joined.get(..end).unwrap_or_default()),
            None => joined,
        }
    }

    /// How long the platform asks to wait.
    fn wait_ms(&self) -> Option<u64> {
        let seconds = WAITS.iter().find_map(|name| self.header(name)?.parse::<u64>().ok());
        seconds.filter(|seconds| *seconds <= WAIT_MAX_S).map(|seconds| seconds * 1000)
    }
}

impl NoResponse {
    /// What went wrong, after all that the daemon tried by itself.
    #[must_use]
    pub fn failure(&self, platform: &str) -> Failure {
        match self {
            NoResponse::Timeout => unavailable(format!("{platform} did not answer in time"), None),
            NoResponse::Connection(why) => unavailable(format!("no connection to {platform}: {why}"), None),
            NoResponse::TooLarge(bytes) => {
                unavailable(format!("{platform}'s answer is larger than {bytes} bytes"), None)
            }
            NoResponse::Refused(why) => Failure::Settings(format!("{platform} was not asked: {why}")),
        }
    }
}

fn unavailable(message: String, after_ms: Option<u64>) -> Failure {
    Failure::Unavailable(Pause { after_ms, message })
}

/// The words of a page, without tags and without what stands in scripts and styles.
fn text_of_page(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, tag_on)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let name: String =
            tag_on.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
        let inside = match name.as_str() {
            "script" | "style" => tag_on.to_ascii_lowercase().find(&format!("</{name}")).unwrap_or(tag_on.len()),
            _ => 0,
        };
        rest = tag_on.get(inside..).and_then(|rest| rest.split_once('>')).map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Header;

    fn answer(status: u16, content_type: &str, body: &str) -> Response {
        let headers = vec![Header { name: "content-type".into(), value: content_type.into() }];
        Response { status, headers, body: body.into() }
    }

    fn message(failure: Failure) -> String {
        match failure {
            Failure::Unavailable(pause) | Failure::Throttled(pause) => pause.message,
            Failure::Malformed(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_page_is_named_as_such_with_its_words() {
        let page = "<!DOCTYPE html><html><head><title>Access denied</title><style>b{c:d}</style>\
            <script>var secret = '1 < 2';</script></head><body><h1>Blocked</h1> by   Fortress</body></html>";
        for (status, content_type) in [(403, "text/html; charset=UTF-8"), (200, "application/json")] {
            let told = message(answer(status, content_type, page).expect_json("Kiosk").unwrap_err());
            assert!(told.starts_with("a firewall, cache or maintenance page answered instead of Kiosk"), "{told}");
            assert!(told.ends_with(": Access denied Blocked by Fortress"), "{told}");
        }
    }

    #[test]
    fn refused_credentials_are_the_operators_and_a_firewalls_page_is_not() {
        let told = |status, content_type, body| {
            answer(status, content_type, body).expect_authorized_json("Kiosk", "make a new key").unwrap_err()
        };
        let refusal = |text: &str| Failure::Unauthorized(text.to_owned());
        assert_eq!(told(401, "application/json", "{}"), refusal("make a new key"));
        assert_eq!(told(403, "application/json", r#"{"error":"no"}"#), refusal("make a new key (no)"));
        assert!(!matches!(told(403, "text/html", "<html><body>Blocked</body></html>"), Failure::Unauthorized(_)));
    }

    #[test]
    fn the_platforms_own_words_are_shown_and_other_bodies_are_not() {
        let said = |body: &str| message(answer(400, "application/json", body).failure("Kiosk"));
        assert_eq!(
            said(r#"{"error":"bad","error_description":"No such page"}"#),
            "Kiosk answered with HTTP 400: No such page"
        );
        assert_eq!(said(r#"{"errors":["first"]}"#), "Kiosk answered with HTTP 400: first");
        assert_eq!(said(r#"{"token":"sesame"}"#), "Kiosk answered with HTTP 400");
        assert_eq!(said("token=sesame"), "Kiosk answered with HTTP 400");
        assert!(said(&format!(r#"{{"message":"{}"}}"#, "ö".repeat(500))).chars().count() < 170);
    }

    #[test]
    fn an_answer_that_breaks_off_is_a_passing_fault() {
        let told = message(answer(200, "application/json", r#"{"data":[{"id":1},"#).expect_json("Kiosk").unwrap_err());
        assert!(told.starts_with("Kiosk's answer broke off"), "{told}");
        assert_eq!(answer(200, "text/plain", "[]").expect_json("Kiosk"), Ok(Value::List(vec![])));
    }

    #[test]
    fn what_asking_again_cannot_mend_is_not_asked_again() {
        for (status, content_type, passing) in [
            (400, "application/json", false),
            (404, "application/json", false),
            (422, "application/json", false),
            (404, "text/html", true),
            (408, "application/json", true),
            (409, "application/json", true),
            (500, "application/json", true),
        ] {
            let failure = answer(status, content_type, "{}").failure("Kiosk");
            assert_eq!(matches!(failure, Failure::Unavailable(_)), passing, "{status} {failure:?}");
        }
    }

    #[test]
    fn an_object_that_is_gone_is_no_failure() {
        let found = |status, content_type, body| {
            answer(status, content_type, body).expect_found_json("Kiosk", "make a new key")
        };
        assert_eq!(found(200, "application/json", r#"{"id":1}"#).unwrap().unwrap().text("id"), Some("1"));
        assert_eq!(found(404, "application/json", r#"{"message":"no such order"}"#), Ok(None));
        assert_eq!(found(410, "application/json", ""), Ok(None));
        assert!(matches!(found(404, "text/html", "<html>Not Found</html>"), Err(Failure::Unavailable(_))));
        assert_eq!(found(401, "application/json", "{}"), Err(Failure::Unauthorized("make a new key".into())));
    }

    #[test]
    fn the_wait_is_taken_from_any_known_header() {
        for (name, value, expected) in [
            ("retry-after", "7", Some(7_000)),
            ("x-ratelimit-retry-after", "30", Some(30_000)),
            ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("retry-after", "99999999999", None),
        ] {
            let mut answer = answer(429, "application/json", "{}");
            answer.headers.push(Header { name: name.into(), value: value.into() });
            let Failure::Throttled(pause) = answer.failure("Kiosk") else { panic!("not throttled") };
            assert_eq!(pause.after_ms, expected, "{name}: {value}");
        }
    }

    #[test]
    fn pages_of_any_make_do_not_harm() {
        for page in ["<", "<script", "<script>", "<style>a</style", "<é>ö", "a<b>c</b", "<<<>>>"] {
            let _ = answer(500, "text/html", page).excerpt();
        }
        assert_eq!(answer(500, "text/html", "<b>a</b>b").excerpt(), "a b");
    }
}
