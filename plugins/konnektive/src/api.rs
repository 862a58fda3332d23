//! Asking the platform: one request at a time, and never again after a refusal.

use ltv_connector::dates::Day;
use ltv_connector::prelude::*;

use crate::envelope::{self, Answer, Page};
use crate::when;

/// Sizes of a page that are tried, the first being the largest that is dependable \[C\]. The next one where an answer is too
/// large or takes too long.
const PAGE_SIZES: [u32; 3] = [200, 50, 10];

/// Days after which a larger page is tried again.
const PAGE_SIZE_DAYS: i64 = 1;

/// Attempts at a page whose answer says that it may be over by the next time. The daemon has its own for lost connections
/// and overload.
const ATTEMPTS: u32 = 3;

/// Pause before each further attempt, milliseconds.
const PAUSE_MS: u32 = 10_000;

/// Attempts of the daemon where a smaller page can be asked for instead.
const ATTEMPTS_AT_LARGE: u8 = 2;

/// Why a page did not come.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Pages are smaller from now on: begin the walk again.
    Smaller,
    /// The end of the task.
    Failed(Failure),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Failed(failure) => failure,
            Trouble::Smaller => Failure::Internal("a smaller page was not asked for".into()),
        }
    }
}

/// The platform, as one task asks it.
pub(crate) struct Api {
    daemon: Daemon,
    address: String,
    today: Option<Day>,
    /// Place in [`PAGE_SIZES`].
    size: usize,
    attempts: u32,
    may_shrink: bool,
}

impl Api {
    pub(crate) fn new(daemon: &Daemon, context: &Context) -> Result<Self, Failure> {
        let address = context.text("api_url").ok_or_else(|| Failure::Settings("`api_url` is missing".into()))?;
        let today = Day::parse(context.now.local.get(..10).unwrap_or_default()).ok();
        let size = today.and_then(|today| remembered(context.memory.as_deref()?, today)).unwrap_or(0);
        Ok(Self {
            daemon: daemon.clone(),
            address: address.to_owned(),
            today,
            size,
            attempts: ATTEMPTS,
            may_shrink: true,
        })
    }

    /// For a person who waits: what fails, fails at once.
    pub(crate) fn impatient(mut self) -> Self {
        (self.attempts, self.may_shrink) = (1, false);
        self
    }

    /// Rows on a page.
    pub(crate) fn page_size(&self) -> u32 {
        PAGE_SIZES.get(self.size).copied().unwrap_or(1)
    }

    /// Transactions of these days, both included, in the zone of the account.
    pub(crate) fn days(&self, axis: Axis, first: Day, last: Day) -> Request {
        let range = match axis {
            Axis::Modified => "dateUpdated",
            Axis::Created => "dateCreated",
        };
        self.transactions()
            .form("startDate", when::american(first))
            .form("endDate", when::american(last))
            .form("dateRangeType", range)
    }

    /// Transactions of one order, of whatever day.
    pub(crate) fn of_order(&self, order: &str) -> Request {
        self.transactions().form("orderId", order)
    }

    /// A POST, so that login and password stay out of addresses and logs. It only reads, so it may be repeated.
    fn transactions(&self) -> Request {
        Request::post(format!("{}/transactions/query/", self.address))
            .form_secret("loginId", "login_id")
            .form_secret("password", "password")
            .repeatable()
    }

    /// Asks for a page, from 1, after a pause.
    pub(crate) async fn page(&mut self, query: &Request, number: u32, pause_ms: u32) -> Result<Page, Trouble> {
        let request = query.clone().form("resultsPerPage", self.page_size()).form("page", number).wait_ms(pause_ms);
        let request = if self.can_shrink() { request.attempts(ATTEMPTS_AT_LARGE) } else { request };
        self.send(request).await
    }

    /// Asks until an answer comes that is good or final.
    pub(crate) async fn send(&mut self, request: Request) -> Result<Page, Trouble> {
        let mut last = String::new();
        for attempt in 0..self.attempts {
            let request = if attempt == 0 { request.clone() } else { request.clone().wait_ms(PAUSE_MS * attempt) };
            let response = match self.daemon.send(request).await {
                Ok(response) => response,
                Err(no_response) => return Err(self.without_response(no_response)),
            };
            match envelope::read(&response) {
                Answer::Rows(page) => return Ok(page),
                Answer::Empty => return Ok(Page::default()),
                Answer::Refused(why) => return Err(Trouble::Failed(Failure::Unauthorized(why))),
                Answer::TooMuch(why) => return Err(self.too_much(&why)),
                // The daemon has waited and asked again already.
                Answer::Passing(message) if response.status == 429 => {
                    return Err(Trouble::Failed(Failure::Throttled(Pause { after_ms: None, message })));
                }
                Answer::Passing(message) if !response.is_success() => return Err(unavailable(message)),
                Answer::Passing(message) => last = message,
            }
        }
        Err(unavailable(last))
    }

    fn without_response(&mut self, no_response: NoResponse) -> Trouble {
        match no_response {
            NoResponse::Timeout => self.too_much("the platform did not answer in time"),
            NoResponse::TooLarge(bytes) => self.too_much(&format!("the answer is larger than {bytes} bytes")),
            NoResponse::Connection(why) => unavailable(format!("the platform cannot be reached: {why}")),
            NoResponse::Refused(why) => Trouble::Failed(Failure::Settings(format!("nothing was asked: {why}"))),
        }
    }

    fn can_shrink(&self) -> bool {
        self.may_shrink && self.size + 1 < PAGE_SIZES.len()
    }

    fn too_much(&mut self, why: &str) -> Trouble {
        if !self.can_shrink() {
            return unavailable(format!("{why}, though few transactions were asked for"));
        }
        self.size += 1;
        log::info(format!("{why}: from now on {} transactions are asked for at a time", self.page_size()));
        if let Some(today) = self.today {
            self.daemon.remember(format!("{} {today}", self.page_size()).into_bytes());
        }
        Trouble::Smaller
    }
}

fn unavailable(message: String) -> Trouble {
    Trouble::Failed(Failure::Unavailable(Pause { after_ms: None, message }))
}

/// Which size of a page worked lately: `50 2026-03-01`.
fn remembered(memory: &[u8], today: Day) -> Option<usize> {
    let (size, since) = std::str::from_utf8(memory).ok()?.split_once(' ')?;
    let size: u32 = size.parse().ok()?;
    let age = today.days_since(Day::parse(since).ok()?);
    PAGE_SIZES.iter().position(|known| *known == size).filter(|_| (0..PAGE_SIZE_DAYS).contains(&age))
}
