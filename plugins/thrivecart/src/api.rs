//! ThriveCart asked: the list of transactions, by an API key that the operator may give.

mod entries;
mod pages;
mod row;
mod walk;

use ltv_connector::{dates, prelude::*};

use crate::ThriveCart;
use pages::Pages;
use row::{Read, Row};
use walk::Walk;

const PLATFORM: &str = "ThriveCart";
/// Name of the secret.
pub(crate) const KEY: &str = "api_key";

const NO_KEY: &str = "there is no `api_key`, so ThriveCart cannot be asked; webhooks and files work without one. To have older \
    orders fetched, copy a key from ThriveCart's Settings > API & Webhooks > API tokens into `api_key`";

const TEST: &str = "transactions marked as tests were left out";

impl Poll for ThriveCart {
    /// The account's name, and the time of its newest transaction.
    async fn check(daemon: Daemon, context: Context) -> Result<Outcome, Failure> {
        let pages = Pages::new(&daemon, &context).ok_or_else(|| Failure::Settings(NO_KEY.into()))?;
        let mut lines = vec![format!("account: {}", pages.account().await?)];
        lines.push(match pages.newest().await? {
            Some(unix_ms) => format!("newest transaction: {}Z", dates::format_utc(unix_ms)),
            None => "no transactions yet".to_owned(),
        });
        Ok(Outcome::Checked(lines))
    }

    /// The list has no filter by date and begins with the newest, so it is walked down to the start of the window.
    async fn sync(daemon: Daemon, window: Window, context: Context) -> Result<Outcome, Failure> {
        let pages = Pages::new(&daemon, &context).ok_or_else(|| Failure::Settings(NO_KEY.into()))?;
        let reach = Reach::of(&window, context.now.unix_ms);
        let walked = Walk::new(pages, reach).run().await?;

        let mut sorted = entries::Sorted::new(context.text("currency"));
        let (mut received, mut tests) = (0, 0);
        for read in walked.rows {
            match read {
                Read::Money(row) => {
                    // A charge outside the window may be part of an order inside.
                    received += u64::from(reach.holds(row.unix_ms));
                    sorted.take(row);
                }
                Read::Nothing(row) => {
                    received += u64::from(reach.holds(row.unix_ms));
                    tests += u64::from(row.is_test && reach.holds(row.unix_ms));
                }
                Read::Fault { unix_ms, fault } => {
                    if unix_ms.is_none_or(|unix_ms| reach.holds(unix_ms)) {
                        received += 1;
                        daemon.reject(0, fault);
                    }
                }
            }
        }
        for result in sorted.entries(reach) {
            match result {
                Ok(entry) => daemon.put(entry),
                Err(fault) => daemon.reject(0, fault),
            }
        }
        let notes = walked.note.into_iter().chain((tests > 0).then(|| format!("{tests} {TEST}")));
        let note = notes.collect::<Vec<_>>().join("; ");
        Ok(Outcome::Synced(Coverage {
            complete: walked.complete,
            axis: Axis::Created,
            note: Some(note).filter(|note| !note.is_empty()),
            // The list's total counts all transactions ever made, not those of the window.
            tallies: vec![Tally { collection: "transactions".into(), announced: None, received }],
        }))
    }
}

/// What of the list belongs to a window, milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy)]
struct Reach {
    start: i64,
    /// `None`: up to the newest, whatever ThriveCart's clock says.
    end: Option<i64>,
}

/// Items of one order may be paid so long after the first: an upsell taken after a pause. A later charge is a rebill. Also
/// how far apart neighbours in the list may stand in the wrong order.
const ORDER_MS: i64 = 24 * 60 * 60 * 1_000;

impl Reach {
    fn of(window: &Window, now_unix_ms: i64) -> Self {
        let end = window.end.unix_ms;
        Self { start: window.start.unix_ms, end: (end < now_unix_ms).then_some(end) }
    }

    fn holds(&self, unix_ms: i64) -> bool {
        unix_ms >= self.start && self.end.is_none_or(|end| unix_ms < end)
    }

    /// Down to here, so that orders at the start of the window are whole.
    fn bottom(&self) -> i64 {
        self.start.saturating_sub(ORDER_MS)
    }

    /// From here on, so that orders at its end are whole. `None`: from the newest.
    fn top(&self) -> Option<i64> {
        self.end.map(|end| end.saturating_add(ORDER_MS))
    }
}
