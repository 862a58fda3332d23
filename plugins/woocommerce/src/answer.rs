//! What a store sends back: JSON where all is well, and everything else by its kind.

use ltv_connector::prelude::*;

use crate::text;
use crate::trouble::Trouble;

/// Where JSON may begin behind something else, tried at most so often.
const STARTS_MAX: usize = 16;

/// An answer of the API.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The body: a list or a map.
    pub(crate) body: Value,
    /// `X-WP-Total`: how many rows the whole list has. Means nothing beyond its end \[C live\], and proxies may remove it.
    pub(crate) total: Option<u64>,
}

impl Answer {
    /// The rows of a list.
    pub(crate) fn rows(&self) -> &[Value] {
        if let Value::List(rows) = &self.body { rows } else { &[] }
    }
}

/// Reads what came back. 2xx with a list or a map is an answer; everything else is trouble of some kind.
pub(crate) fn read(outcome: Result<Response, NoResponse>) -> Result<Answer, Trouble> {
    let response = match outcome {
        Ok(response) => response,
        Err(NoResponse::Timeout) => return Err(Trouble::Overload("did not answer in the time allowed".to_owned())),
        Err(NoResponse::TooLarge(limit)) => {
            return Err(Trouble::Overload(format!("answered more than {} MiB at once", limit >> 20)));
        }
        Err(NoResponse::Connection(why)) => return Err(Trouble::Unreached(why)),
        Err(NoResponse::Refused(why)) => return Err(Trouble::NotSent(why)),
    };
    let status = response.status;
    let body = find_json(&response.body);
    if response.is_success() {
        return match body {
            Some(body) => {
                let total = response.header("x-wp-total").and_then(|total| total.trim().parse().ok());
                Ok(Answer { body, total })
            }
            // PHP that runs out of memory sends nothing, or the beginning of something [L].
            None if response.body.trim_ascii().is_empty() => {
                Err(Trouble::Overload(format!("sent an empty answer (HTTP {status})")))
            }
            None if is_page(&response) => Err(foreign(&response)),
            None if looks_like_json(&response) => {
                Err(Trouble::Overload(format!("sent an answer that breaks off (HTTP {status})")))
            }
            None => Err(foreign(&response)),
        };
    }
    let code = body.as_ref().and_then(|body| body.text("code").or_else(|| body.text("error")));
    let said = body.as_ref().and_then(|body| body.text("message")).map(text::message).unwrap_or_default();
    match (status, code) {
        (429, _) => {
            let after_ms = response.header("retry-after").and_then(|after| after.parse::<u64>().ok());
            Err(Trouble::Throttled(after_ms.map(|seconds| seconds.saturating_mul(1_000))))
        }
        (501, Some(code)) => Err(Trouble::refused(status, code, said)),
        (500..=599, Some(code)) => {
            Err(Trouble::Overload(format!("failed (HTTP {status}, {}: {said})", text::message(code))))
        }
        // Hosts answer 503 for a worker that was killed as well as for maintenance: less may work.
        (500 | 502..=599, None) => {
            let excerpt = text::excerpt(&response.body);
            let said = if excerpt.is_empty() { String::new() } else { format!(": {excerpt}") };
            Err(Trouble::Overload(format!("failed (HTTP {status}{said})")))
        }
        (_, Some(code)) => Err(Trouble::refused(status, code, said)),
        (_, None) => Err(foreign(&response)),
    }
}

fn foreign(response: &Response) -> Trouble {
    let content_type = response.header("content-type").unwrap_or("no content type");
    Trouble::Foreign {
        status: response.status,
        content_type: content_type.split(';').next().unwrap_or_default().trim().chars().take(60).collect(),
        excerpt: text::excerpt(&response.body),
        location: response.header("location").map(str::to_owned),
    }
}

fn is_page(response: &Response) -> bool {
    let typed = response.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    typed && !looks_like_json(response)
}

fn looks_like_json(response: &Response) -> bool {
    let body = response.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&response.body);
    matches!(body.trim_ascii_start().first(), Some(b'[' | b'{'))
        || response.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
}

/// The JSON in a body, before which PHP may have written warnings \[L\]. Those may hold brackets of their own, so the first
/// place from which all the rest is JSON counts.
pub(crate) fn find_json(body: &[u8]) -> Option<Value> {
    let mut from = 0;
    for _ in 0..STARTS_MAX {
        let rest = body.get(from..)?;
        let start = rest.iter().position(|byte| matches!(byte, b'[' | b'{'))?;
        if let Ok(value) = form::json(rest.get(start..)?) {
            return Some(value);
        }
        // One that breaks off in the middle is read to its end only once.
        if from == 0 && rest.get(..start)?.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        from += start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use ltv_connector::testing::response;

    use super::*;

    fn page(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: vec![Header { name: "content-type".into(), value: "text/html".into() }],
            body: body.into(),
        }
    }

    #[test]
    fn warnings_before_the_json_are_skipped() {
        let warned =
            "\u{feff}<br />\n<b>Warning</b>: Undefined array key [id] in {x.php} on line <b>7</b><br />\n[{\"id\":1}]";
        let answer = read(Ok(page(200, warned))).unwrap();
        assert_eq!(answer.rows().len(), 1);
        assert_eq!(answer.total, None);
    }

    #[test]
    fn pages_are_foreign_and_broken_json_is_not() {
        let is_foreign = |outcome| matches!(outcome, Err(Trouble::Foreign { .. }));
        let is_overload = |outcome| matches!(outcome, Err(Trouble::Overload(_)));
        assert!(is_foreign(read(Ok(page(200, "<html><body>Welcome")))));
        assert!(is_foreign(read(Ok(page(404, "<html><body>Not found")))));
        assert!(is_foreign(read(Ok(page(403, "<html><body>Wordfence")))));
        assert!(is_overload(read(Ok(page(500, "<html><body>critical error")))));
        assert!(is_overload(read(Ok(page(504, "")))));
        assert!(is_overload(read(Ok(response(200, "")))));
        assert!(is_overload(read(Ok(response(200, r#"[{"id":1},{"i"#)))));
        assert!(is_overload(read(Err(NoResponse::Timeout))));
        assert!(is_overload(read(Err(NoResponse::TooLarge(8 << 20)))));
        assert!(matches!(read(Ok(response(429, "{}"))), Err(Trouble::Throttled(None))));
    }

    #[test]
    fn errors_are_read_in_either_shape() {
        for body in [
            r#"{"code":"rest_no_route","message":"No route","data":{"status":404}}"#,
            r#"{"error":"rest_no_route","message":"No route","data":404}"#,
        ] {
            let Err(Trouble::Refused(refusal)) = read(Ok(response(404, body))) else { panic!("{body}") };
            assert_eq!(
                (refusal.status, refusal.code.as_str(), refusal.message.as_str()),
                (404, "rest_no_route", "No route")
            );
        }
    }
}
