//! Down the list of transactions without losing one.
//!
//! The list is paged by number and begins with the newest, so every new transaction pushes the others down: the next page
//! then repeats the end of the one before, and nothing is lost. Only what disappears from the list can open a gap between
//! two pages. So each page must either repeat something of the one before, or come with the same total.

use std::collections::{BTreeMap, HashSet};

use ltv_connector::prelude::*;

use super::pages::{Page, Pages, Trouble};
use super::{ORDER_MS, Reach, Read};

/// Walks until one is without gaps.
const WALKS_MAX: u32 = 3;
/// Pages of one walk, so that a list without end ends.
const PAGES_MAX: u32 = 20_000;
/// How often in a row the same known page may come before it is taken for the end of the list. Each time more would take exactly a
/// page of new transactions since the request before.
const REPEATS_MAX: u32 = 2;

const GAP: &str = "the list of transactions shrank while it was read, three times: some may be missing";
const ENDLESS: &str = "the list of transactions did not end";

/// What a walk brought.
pub(super) struct Walked {
    /// Each transaction once, in the order of their ids.
    pub(super) rows: Vec<Read>,
    pub(super) complete: bool,
    pub(super) note: Option<String>,
}

/// A walk down the list.
pub(super) struct Walk<'a> {
    pages: Pages<'a>,
    reach: Reach,
    rows: BTreeMap<String, Read>,
    /// Whether dates tell where to begin and to end. False after the list was seen to be out of order.
    sorted: bool,
}

/// Why a walk stopped.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Everything in the window was met.
    Passed,
    Gap,
    /// The list is not in order of time.
    Unsorted,
    Endless,
}

impl<'a> Walk<'a> {
    pub(super) fn new(pages: Pages<'a>, reach: Reach) -> Self {
        Self { pages, reach, rows: BTreeMap::new(), sorted: true }
    }

    pub(super) async fn run(mut self) -> Result<Walked, Failure> {
        let mut gaps = 0;
        let problem = loop {
            match self.once().await {
                Ok(End::Passed) => break None,
                Ok(End::Gap) if gaps + 1 < WALKS_MAX => gaps += 1,
                Ok(End::Gap) => break Some(GAP.to_owned()),
                Ok(End::Unsorted) => self.sorted = false,
                Ok(End::Endless) => break Some(ENDLESS.to_owned()),
                // Pages of another size have other numbers. They get smaller a few times only.
                Err(Trouble::Smaller) => {}
                Err(Trouble::Failed(failure)) => return Err(failure),
            }
        };
        let unsorted = (!self.sorted).then(|| "the list is not in order of time, so all of it was read".to_owned());
        Ok(Walked { rows: self.rows.into_values().collect(), complete: problem.is_none(), note: problem.or(unsorted) })
    }

    async fn once(&mut self) -> Result<End, Trouble> {
        let (mut number, mut top) = self.first_page().await?;
        let mut last: Option<Seen> = None;
        let mut repeated: Option<HashSet<String>> = None;
        let mut repeats = 0;
        for _ in 0..PAGES_MAX {
            let page = self.pages.page(number).await?;
            if page.reads.is_empty() {
                return Ok(End::Passed);
            }
            let seen = Seen::of(&page);
            // Beyond its end, a list may give its last or its first page for ever. Known pages may come for another reason:
            // as many new transactions as fit on a page, or on several, have pushed them down. Then each number has another.
            let known = last.is_some() && [&last, &top].into_iter().flatten().any(|other| other.ids == seen.ids);
            repeats = match (known, &repeated) {
                (false, _) => 0,
                (true, Some(ids)) if *ids == seen.ids => repeats + 1,
                (true, _) => 1,
            };
            if repeats > REPEATS_MAX {
                return Ok(End::Passed);
            }
            number += 1;
            if repeats > 0 {
                repeated = Some(seen.ids);
                continue;
            }
            repeated = None;
            match &last {
                None if number > 2 && self.begins_too_late(&seen) => {
                    number -= 2;
                    continue;
                }
                Some(last) if seen.may_follow_a_gap(last) => return Ok(End::Gap),
                _ => {}
            }
            let before = last.as_ref().and_then(|last| last.oldest_unix_ms);
            if self.sorted && is_out_of_order(before, &page) {
                return Ok(End::Unsorted);
            }
            for read in page.reads {
                self.rows.insert(read.id().to_owned(), read);
            }
            self.pages.progress(self.rows.len());
            if self.sorted && seen.oldest_unix_ms.is_some_and(|oldest| oldest < self.reach.bottom()) {
                return Ok(End::Passed);
            }
            top = top.or_else(|| last.take());
            last = Some(seen);
        }
        Ok(End::Endless)
    }

    /// Transactions were removed since the first page was looked for, so that it has moved up.
    fn begins_too_late(&self, seen: &Seen) -> bool {
        self.reach.top().zip(seen.newest_unix_ms).is_some_and(|(top, newest)| newest < top)
    }

    /// The number of a page that begins above the window: 1, or for a window of the past the last such page, found by
    /// doubling and halving. With it the top of the list, if it was looked at.
    async fn first_page(&self) -> Result<(u32, Option<Seen>), Trouble> {
        let Some(top) = self.reach.top().filter(|_| self.sorted) else { return Ok((1, None)) };
        let first = Seen::of(&self.pages.page(1).await?);
        let (mut above, mut below) = (1, 2);
        while below < PAGES_MAX && self.is_above(below, top, &first).await? {
            (above, below) = (below, below * 2);
        }
        while below - above > 1 {
            let middle = above + (below - above) / 2;
            if self.is_above(middle, top, &first).await? {
                above = middle;
            } else {
                below = middle;
            }
        }
        Ok((above, (above > 1).then_some(first)))
    }

    /// True if a page begins at or above `top`. Some lists give their first page again beyond their end, perhaps with new
    /// transactions: what begins no lower than the list itself does is not counted as above.
    async fn is_above(&self, number: u32, top: i64, first: &Seen) -> Result<bool, Trouble> {
        let seen = Seen::of(&self.pages.page(number).await?);
        let is_below_first = seen.newest_unix_ms < first.newest_unix_ms;
        Ok(is_below_first && seen.newest_unix_ms.is_some_and(|newest| newest >= top))
    }
}

/// What is kept of a page to compare it with the next one.
struct Seen {
    ids: HashSet<String>,
    total: Option<u64>,
    newest_unix_ms: Option<i64>,
    oldest_unix_ms: Option<i64>,
}

impl Seen {
    fn of(page: &Page) -> Self {
        let mut times = page.reads.iter().filter_map(Read::unix_ms);
        let newest_unix_ms = times.next();
        Self {
            ids: page.reads.iter().map(|read| read.id().to_owned()).collect(),
            total: page.total,
            newest_unix_ms,
            oldest_unix_ms: times.next_back().or(newest_unix_ms),
        }
    }

    /// True if something between `before` and this page may have moved up unseen.
    fn may_follow_a_gap(&self, before: &Seen) -> bool {
        let totals_differ = self.total.zip(before.total).is_some_and(|(now, then)| now != then);
        totals_differ && self.ids.is_disjoint(&before.ids)
    }
}

/// True if something in the page is much newer than what came before it, or the page begins with its oldest.
fn is_out_of_order(before: Option<i64>, page: &Page) -> bool {
    let times: Vec<i64> = page.reads.iter().filter_map(Read::unix_ms).collect();
    let mut lowest = before.unwrap_or(i64::MAX);
    let rises = times.iter().any(|unix_ms| {
        lowest = lowest.min(*unix_ms);
        unix_ms.saturating_sub(lowest) > ORDER_MS
    });
    rises || times.first() < times.last()
}
