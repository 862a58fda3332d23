//! Requests to SamCart, and what comes back.

use std::cell::Cell;

use ltv_connector::{dates, form, prelude::*};

use super::{KEY, PLATFORM};

const BASE: &str = "https://api.samcart.com/v1";
/// Records on a page at most \[C\].
const PER_PAGE: u32 = 100;

const REFUSED: &str = "SamCart does not accept the API key. Keys are made by SamCart's support (support@samcart.com) or, where \
    your account shows it, on SamCart's own settings pages: ask for a valid one and put it into `api_key`";

/// How dates are written in filters. Documentation and clients differ \[L\].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dates {
    /// To the second.
    Times,
    /// Whole days, which every version understands.
    Days,
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It was too much at once.
    TooMuch(Failure),
    /// There is no such list.
    Absent(Failure),
    Failed(Failure),
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) records: Vec<Value>,
    /// Where the next page begins. `None`: this was the last.
    pub(super) next: Option<Next>,
}

/// The offset of the next page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Offset(String),
    /// There is a next page, but not told where.
    Unknown,
}

/// The account, as far as the key opens it.
pub(super) struct Client {
    pub(super) daemon: Daemon,
    dates: Cell<Dates>,
}

impl Client {
    /// `None` without a key.
    pub(super) fn new(daemon: Daemon, context: &Context) -> Option<Self> {
        let remembered = context.memory.as_deref().and_then(|memory| form::json(memory).ok());
        let days = remembered.is_some_and(|memory| memory.text("dates") == Some("days"));
        let dates = Cell::new(if days { Dates::Days } else { Dates::Times });
        context.has_secret(KEY).then_some(Self { daemon, dates })
    }

    /// Sees whether the lists can be read: one record of each.
    pub(super) async fn try_lists(&self, paths: &[&str]) -> Result<(), Failure> {
        let requests = paths.iter().map(|path| get(path).query("limit", 1).tag(*path)).collect();
        for result in self.daemon.send_all(requests).await {
            read(&result.map_err(|none| none.failure(PLATFORM))?)?;
        }
        Ok(())
    }

    /// How dates are written now.
    pub(super) fn dates(&self) -> Dates {
        self.dates.get()
    }

    /// A page of a list, created from `start` to `end`, both in milliseconds since 1970-01-01T00:00:00Z and included.
    pub(super) fn page(&self, path: &str, start: i64, end: i64, offset: Option<&str>) -> Request {
        let write = |unix_ms: i64| {
            let time = dates::format_utc(unix_ms - unix_ms.rem_euclid(1_000));
            match self.dates.get() {
                Dates::Times => time + "Z",
                Dates::Days => time.get(..10).unwrap_or_default().to_owned(),
            }
        };
        let request = get(path).query("created_at_min", write(start)).query("created_at_max", write(end));
        // A big range ends in 504 \[C\]; asking for less helps sooner than asking again and again.
        let request = request.query("limit", PER_PAGE).attempts(3).tag(path);
        match offset {
            Some(offset) => request.query("offset", offset).query("dir", "next"),
            None => request,
        }
    }

    /// What came of such a request. `None`: ask again, dates are written otherwise now.
    ///
    /// `asked` is how they were written in the request.
    pub(super) fn read_page(
        &self,
        result: Result<Response, NoResponse>,
        asked: Dates,
    ) -> Result<Option<Page>, Trouble> {
        let response = match result {
            Ok(response) => response,
            Err(none @ (NoResponse::Timeout | NoResponse::TooLarge(_))) => {
                return Err(Trouble::TooMuch(none.failure(PLATFORM)));
            }
            Err(none) => return Err(Trouble::Failed(none.failure(PLATFORM))),
        };
        match response.status {
            400 | 422 if !response.is_page() && asked == Dates::Times => {
                self.dates.set(Dates::Days);
                self.daemon.remember(br#"{"dates":"days"}"#.to_vec());
                return Ok(None);
            }
            404 if !response.is_page() => return Err(Trouble::Absent(response.failure(PLATFORM))),
            504 => return Err(Trouble::TooMuch(response.failure(PLATFORM))),
            _ => {}
        }
        let body = read(&response).map_err(Trouble::Failed)?;
        let Some(Value::List(records)) = body.at("data") else {
            let why = format!("{PLATFORM} answered without a list of data {}", response.excerpt());
            return Err(Trouble::Failed(Failure::Malformed(why.trim_end().to_owned())));
        };
        Ok(Some(Page { records: records.clone(), next: body.text("pagination.next").map(offset_of) }))
    }

    /// Single records by their ids, in the same order. `None` for what is not there.
    pub(super) async fn by_id<'i>(
        &self,
        path: &str,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> Result<Vec<Option<Value>>, Failure> {
        // Some versions wrap single records as they wrap lists \[G\].
        let unwrapped = |body: Value| match body.at("data") {
            Some(data @ Value::Map(_)) => data.clone(),
            _ => body,
        };
        let paths = ids.into_iter().map(|id| format!("{path}/{}", escaped(id))).collect();
        Ok(self.get_all(paths).await?.into_iter().map(|body| body.map(unwrapped)).collect())
    }

    /// What belongs to each of these records: `charges/1/refunds`. Empty for what is not there.
    pub(super) async fn lists_of(&self, path: &str, ids: &[String], what: &str) -> Result<Vec<Vec<Value>>, Failure> {
        let items = |body: Value| match body {
            Value::List(items) => items,
            body => body.items("data").into_iter().cloned().collect(),
        };
        let paths = ids.iter().map(|id| format!("{path}/{}/{what}", escaped(id))).collect();
        Ok(self.get_all(paths).await?.into_iter().map(|body| body.map(items).unwrap_or_default()).collect())
    }

    async fn get_all(&self, paths: Vec<String>) -> Result<Vec<Option<Value>>, Failure> {
        let requests: Vec<Request> = paths.iter().map(|path| get(path).tag(path.as_str())).collect();
        let mut bodies = Vec::with_capacity(requests.len());
        for result in self.daemon.send_all(requests).await {
            let response = result.map_err(|none| none.failure(PLATFORM))?;
            let is_gone = matches!(response.status, 404 | 410) && !response.is_page();
            bodies.push(if is_gone { None } else { Some(read(&response)?) });
        }
        Ok(bodies)
    }
}

fn get(path: &str) -> Request {
    Request::get(format!("{BASE}/{path}")).header_secret("sc-api", KEY).header("Accept", "application/json")
}

fn read(response: &Response) -> Result<Value, Failure> {
    response.expect_authorized_json(PLATFORM, REFUSED)
}

/// The offset in the address of the next page. The address itself is never called: it may name any host.
fn offset_of(address: &str) -> Next {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let fields = form::urlencoded(query).unwrap_or(Value::Null);
    fields.text("offset").map_or(Next::Unknown, |offset| Next::Offset(offset.to_owned()))
}

/// Ids are numbers; what is not must not change the path.
fn escaped(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_offset_is_taken_from_the_next_address() {
        for (address, next) in [
            ("https://api.samcart.com/v1/charges?limit=100&offset=4711&dir=next", Next::Offset("4711".into())),
            ("http://evil.example/charges?offset=12#offset=13", Next::Offset("12".into())),
            ("/v1/charges?offset=", Next::Unknown),
            ("https://api.samcart.com/v1/charges?page=2", Next::Unknown),
            ("next", Next::Unknown),
        ] {
            assert_eq!(offset_of(address), next, "{address}");
        }
    }

    #[test]
    fn ids_cannot_leave_their_path() {
        assert_eq!(escaped("71"), "71");
        assert_eq!(escaped("../orders/1?x=y"), "orders1xy");
    }
}
