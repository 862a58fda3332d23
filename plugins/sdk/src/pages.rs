//! Reading a list page by page, without going in circles or on for ever.
//!
//! Where rows leave a list while it is read, later rows move up and a reader that goes forward skips one: then count what
//! came against what the platform announced, and say that the walk was not complete.

use std::collections::HashSet;

use crate::conversation::Daemon;
use crate::types::{Body, Failure, FieldValue, Request, Response};

/// Pages of one walk: a platform that never comes to an end must. Twice as many requests fit into a conversation.
pub const PAGES_MAX: usize = 50_000;

/// A walk over the pages of a list.
///
/// ```
/// # use ltv_connector::prelude::*;
/// # const PLATFORM: &str = "Kiosk";
/// # fn payments() -> Request { Request::get("https://api.kiosk.example/v1/payments") }
/// async fn walk(daemon: &Daemon) -> Result<usize, Failure> {
///     let mut received = 0;
///     let mut pages = Pages::new(PLATFORM, payments());
///     while let Some(response) = pages.next(daemon).await? {
///         let body = response.expect_authorized_json(PLATFORM, "Make a new key")?;
///         received += body.need_list("data")?.len();
///         if let Some(cursor) = body.text("next") {
///             pages.then(payments().query("after", cursor))?;
///         }
///     }
///     Ok(received)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Pages {
    platform: String,
    next: Option<Request>,
    /// Every page that was asked for, by what makes its request another one.
    asked: HashSet<String>,
}

impl Pages {
    /// A walk that begins with this request. `platform` is for messages.
    #[must_use]
    pub fn new(platform: &str, first: Request) -> Self {
        Pages { platform: platform.to_owned(), asked: HashSet::from([place(&first)]), next: Some(first) }
    }

    /// The next page, whatever its status; what was put so far is stored with it. `None` if no further page was named since the
    /// last one.
    ///
    /// # Errors
    /// Why there is no response, as [`NoResponse::failure`](crate::types::NoResponse::failure) says it.
    pub async fn next(&mut self, daemon: &Daemon) -> Result<Option<Response>, Failure> {
        let Some(request) = self.next.take() else { return Ok(None) };
        daemon.send(request).await.map(Some).map_err(|none| none.failure(&self.platform))
    }

    /// Says how the page after this one is asked for.
    ///
    /// # Errors
    /// [`Failure::Malformed`] if that page was asked for before, or there are more than [`PAGES_MAX`].
    pub fn then(&mut self, request: Request) -> Result<(), Failure> {
        let platform = &self.platform;
        if self.asked.len() >= PAGES_MAX {
            return Err(Failure::Malformed(format!("{platform}'s list has no end after {PAGES_MAX} pages")));
        }
        if !self.asked.insert(place(&request)) {
            return Err(Failure::Malformed(format!("{platform}'s list leads back to a page that was read already")));
        }
        self.next = Some(request);
        Ok(())
    }

    /// How many pages were asked for, the one to come included.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.len()
    }
}

/// What tells one page from another: address, query and body.
fn place(request: &Request) -> String {
    let mut place = request.url.clone();
    let fields = match &request.body {
        Body::Form(fields) => fields.as_slice(),
        Body::Json(json) => {
            place.push_str(&json.text);
            &[]
        }
        Body::None => &[],
    };
    for field in request.query.iter().chain(fields) {
        let value = match &field.value {
            FieldValue::Text(text) => text.as_str(),
            FieldValue::Secret(_) => "",
        };
        // Lengths keep `a=b` and `ab=` apart.
        place.push_str(&format!("\n{}:{}{}:{value}", field.name.len(), field.name, value.len()));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::{Connector, Poll};
    use crate::testing::{self, Ledger};
    use crate::types::{Axis, Context, Coverage, Manifest, Outcome, Tally, Task, Window};

    struct Kiosk;

    impl Connector for Kiosk {
        fn describe() -> Manifest {
            Manifest::new("kiosk", "Kiosk", "1.0.0")
        }
    }

    fn list(page: &str) -> Request {
        Request::get("https://kiosk.example/list").query("page", page)
    }

    impl Poll for Kiosk {
        async fn sync(daemon: Daemon, window: Window, _context: Context) -> Result<Outcome, Failure> {
            let mut received = 0;
            let mut pages = Pages::new("Kiosk", list("1"));
            while let Some(response) = pages.next(&daemon).await? {
                let body = response.expect_json("Kiosk")?;
                received += body.need_list("rows")?.len() as u64;
                if let Some(next) = body.text("next") {
                    pages.then(list(next))?;
                }
            }
            let tallies = vec![Tally { collection: "rows".into(), announced: Some(pages.asked() as u64), received }];
            Ok(Outcome::Synced(Coverage { complete: true, axis: window.axis, note: None, tallies }))
        }
    }

    fn walk(answer: impl Fn(&str) -> String) -> Result<Outcome, Failure> {
        let task = Task::Sync(testing::window(Axis::Modified, "2026-03-01", "2026-03-31"));
        Ledger::new().poll::<Kiosk>(task, &testing::context().build(), |request| {
            let FieldValue::Text(page) = &request.query[0].value else { panic!("{request:?}") };
            Ok(testing::response(200, answer(page)))
        })
    }

    #[test]
    fn pages_are_read_until_none_follows() {
        let ended = walk(|page| match page {
            "1" => r#"{"rows": [1, 2], "next": "b"}"#.into(),
            "b" => r#"{"rows": [3], "next": 3}"#.into(),
            _ => r#"{"rows": []}"#.into(),
        });
        let Ok(Outcome::Synced(coverage)) = ended else { panic!("{ended:?}") };
        assert_eq!((coverage.tallies[0].received, coverage.tallies[0].announced), (3, Some(3)));
    }

    #[test]
    fn a_list_that_goes_in_circles_or_has_no_end_is_told() {
        let circle = walk(|page| format!(r#"{{"rows": [], "next": {}}}"#, if page == "1" { 2 } else { 1 }));
        assert_eq!(circle, Err(Failure::Malformed("Kiosk's list leads back to a page that was read already".into())));
        let mut endless = Pages::new("Kiosk", list("1"));
        let refused = (2..).find_map(|page: u32| endless.then(list(&page.to_string())).err());
        assert_eq!(refused, Some(Failure::Malformed("Kiosk's list has no end after 50000 pages".into())));
        assert_eq!(endless.asked(), PAGES_MAX);
    }

    #[test]
    fn an_answer_without_its_list_is_no_empty_page() {
        assert_eq!(walk(|_| "{}".into()), Err(Failure::Malformed("rows: is no list".into())));
    }

    #[test]
    fn pages_that_differ_in_anything_are_others() {
        let get = || Request::get("https://kiosk.example/list");
        let mut pages = Pages::new("Kiosk", get());
        for other in [
            get().query("a", "b"),
            get().query("ab", ""),
            get().form("a", "b").query("c", "d"),
            Request::post("https://kiosk.example/list").json("{}"),
            Request::get("https://kiosk.example/list2"),
        ] {
            pages.then(other).unwrap();
        }
        assert!(pages.then(get().query("a", "b")).is_err());
    }
}
