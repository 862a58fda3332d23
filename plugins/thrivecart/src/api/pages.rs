//! Requests, and what comes back.

use std::cell::Cell;

use ltv_connector::{form, prelude::*};

use super::{KEY, PLATFORM, Read, Row};
use crate::fields::Fields;

const BASE: &str = "https://thrivecart.com/api/external";
/// Transactions on a page at most \[C\].
const PER_PAGE_MAX: u32 = 100;
/// Fewer are not asked for: if that is too much, ThriveCart does not work.
const PER_PAGE_MIN: u32 = 10;

const REFUSED: &str = "ThriveCart does not accept the API key. In ThriveCart open Settings > API & Webhooks > API tokens, see \
    whether the key is still there, or create one, and copy it into `api_key`";

/// One page of the list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) reads: Vec<Read>,
    /// How many transactions there are in all, if it is told. It may be stale.
    pub(super) total: Option<u64>,
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It was too much at once: pages are smaller from now on, and have other numbers.
    Smaller,
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Failed(failure)
    }
}

/// The account's list of transactions, newest first.
pub(super) struct Pages<'a> {
    daemon: &'a Daemon,
    /// Transactions on a page. What works is remembered.
    per_page: Cell<u32>,
}

impl<'a> Pages<'a> {
    /// `None` without a key.
    pub(super) fn new(daemon: &'a Daemon, context: &Context) -> Option<Self> {
        let remembered = context.memory.as_deref().and_then(|memory| form::json(memory).ok());
        let per_page = remembered.and_then(|memory| u32::try_from(memory.integer("per_page")?).ok());
        let per_page = per_page.unwrap_or(PER_PAGE_MAX).clamp(PER_PAGE_MIN, PER_PAGE_MAX);
        context.has_secret(KEY).then(|| Self { daemon, per_page: Cell::new(per_page) })
    }

    /// The name of the account that the key belongs to.
    pub(super) async fn account(&self) -> Result<String, Failure> {
        let response = self.daemon.send(request("ping")).await.map_err(|none| none.failure(PLATFORM))?;
        let body = Fields::new(read(&response)?);
        // The member is not documented \[G\]; the header is \[C\].
        let named = body.first_id(&["account_name", "account", "name", "username"]);
        let account = named.or(response.header("x-thrivecart-account-name"));
        Ok(account.unwrap_or("the key is good; ThriveCart names no account").to_owned())
    }

    /// When the newest transaction happened.
    pub(super) async fn newest(&self) -> Result<Option<i64>, Failure> {
        match self.get(1, 1).await {
            Ok(page) => Ok(page.reads.iter().find_map(Read::unix_ms)),
            Err(Trouble::Failed(failure)) => Err(failure),
            Err(Trouble::Smaller) => Err(Failure::Internal("one transaction is too much at once".into())),
        }
    }

    /// One page, from 1. Empty beyond the last.
    pub(super) async fn page(&self, number: u32) -> Result<Page, Trouble> {
        self.get(number, self.per_page.get()).await
    }

    async fn get(&self, number: u32, per_page: u32) -> Result<Page, Trouble> {
        let request = request("transactions")
            .query("page", number)
            .query("perPage", per_page)
            .query("transactionType", "any")
            .tag(format!("page {number}"));
        let response = match self.daemon.send(request).await {
            Ok(response) if response.status == 504 && self.shrink() => return Err(Trouble::Smaller),
            Ok(response) => response,
            Err(NoResponse::Timeout | NoResponse::TooLarge(_)) if self.shrink() => return Err(Trouble::Smaller),
            Err(none) => return Err(none.failure(PLATFORM).into()),
        };
        let body = read(&response)?;
        // An object with an error would else look like an empty account.
        let list = match body.at("transactions") {
            Some(Value::List(list)) => list.as_slice(),
            // PHP writes an empty map as an empty list, and the other way round.
            Some(Value::Map(members)) if members.is_empty() => &[],
            _ => {
                let why = format!("{PLATFORM} answered without a list of transactions {}", response.excerpt());
                return Err(Failure::Malformed(why.trim_end().to_owned()).into());
            }
        };
        let total = body.text("meta.total").and_then(|total| total.parse().ok());
        Ok(Page { reads: list.iter().map(Row::read).collect(), total })
    }

    /// Shows how far a walk is.
    pub(super) fn progress(&self, rows: usize) {
        self.daemon.progress(u64::try_from(rows).unwrap_or(u64::MAX), None);
    }

    /// Halves the pages, and says whether that was possible.
    fn shrink(&self) -> bool {
        let half = (self.per_page.get() / 2).max(PER_PAGE_MIN);
        if half >= self.per_page.get() {
            return false;
        }
        self.per_page.set(half);
        self.daemon.remember(format!("{{\"per_page\":{half}}}").into_bytes());
        true
    }
}

/// Test orders are in the same list unless the mode is said \[C\].
fn request(path: &str) -> Request {
    Request::get(format!("{BASE}/{path}")).bearer(KEY).header("X-TC-Mode", "live").header("Accept", "application/json")
}

fn read(response: &Response) -> Result<Value, Failure> {
    response.expect_authorized_json(PLATFORM, REFUSED)
}
