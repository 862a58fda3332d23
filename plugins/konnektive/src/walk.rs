//! Reading all pages of one day, though rows may come and go meanwhile.
//!
//! There is no cursor: a row that leaves the day, because it was changed, moves every later one up by a place, and one of
//! them slips from the page to come into the one that was read \[C\]. So a walk counts only if nothing can have moved: the
//! number of rows announced stayed, no row came twice, and as many came as were announced. Else the day is walked again.

use std::collections::HashSet;

use ltv_connector::dates::Day;
use ltv_connector::prelude::*;

use crate::api::{Api, Trouble};

/// Walks over one day at most.
pub(crate) const WALKS_MAX: u32 = 4;

/// Pages of one walk at most: a platform that never comes to an end must.
const PAGES_MAX: u32 = 5_000;

/// Pause before another walk, milliseconds: whatever moved may be done by then.
const PAUSE_MS: u32 = 5_000;

/// What a day came to.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) complete: bool,
    /// What the operator should know.
    pub(crate) note: Option<String>,
    /// As the platform says. `None` if it does not say, or what it says is not dependable.
    pub(crate) announced: Option<u64>,
    /// Different transactions.
    pub(crate) received: u64,
}

/// One walk over all pages.
#[derive(Debug, Default, PartialEq, Eq)]
struct Walk {
    /// Id and time of change of all rows in their order.
    rows: Vec<(String, String)>,
    /// What the first and the last page announced.
    first: Option<u64>,
    last: Option<u64>,
    end: End,
}

/// How a walk ended.
#[derive(Debug, Default, PartialEq, Eq)]
enum End {
    /// With as many rows as were announced, or a page that was not full.
    #[default]
    Reached,
    /// With an empty page after a full one, though more rows were announced.
    CutOff,
    /// With a page that brought nothing new, or the limit.
    Astray,
}

/// Reads one day, handing over every page as it comes; rows of a day that is walked again come again. `is_open` for a day
/// that may still grow.
pub(crate) async fn day(
    api: &mut Api,
    axis: Axis,
    day: Day,
    is_open: bool,
    mut take: impl FnMut(&[Value]),
) -> Result<Walked, Failure> {
    let mut before: Option<Walk> = None;
    let mut walks = 0;
    loop {
        let query = api.days(axis, day, day).form("sortDir", 1);
        let walk = match pages(api, &query, walks * PAUSE_MS, &mut take).await {
            Ok(walk) => walk,
            // There are few sizes, so this ends.
            Err(Trouble::Smaller) => {
                before = None;
                continue;
            }
            Err(Trouble::Failed(failure)) => return Err(failure),
        };
        walks += 1;
        if walk.is_settled(is_open) {
            return Ok(Walked { complete: true, note: None, announced: walk.last, received: walk.different() });
        }
        // Twice the very same: nothing moves, so the total is wrong, or rows are told twice.
        if before.as_ref() == Some(&walk) && walk.end == End::Reached {
            let note = format!(
                "{day}: the platform announces {} transactions and twice told the same {} rows, {} of them different",
                shown(walk.last),
                walk.rows.len(),
                walk.different(),
            );
            return Ok(Walked { complete: true, note: Some(note), announced: None, received: walk.different() });
        }
        if walks == WALKS_MAX {
            let why = match walk.end {
                End::Reached => "the transactions changed while they were read",
                End::CutOff => "the pages ended too soon",
                End::Astray => "the same page came again",
            };
            let note = format!(
                "{day}: {why}, {WALKS_MAX} times over; the platform announced {} transactions at first and {} at last, {} \
                 different ones came",
                shown(walk.first),
                shown(walk.last),
                walk.different(),
            );
            return Ok(Walked { complete: false, note: Some(note), announced: walk.last, received: walk.different() });
        }
        before = Some(walk);
    }
}

fn shown(announced: Option<u64>) -> String {
    announced.map_or_else(|| "an unknown number of".to_owned(), |number| number.to_string())
}

/// Asks for page after page.
async fn pages(
    api: &mut Api,
    query: &Request,
    pause_ms: u32,
    take: &mut impl FnMut(&[Value]),
) -> Result<Walk, Trouble> {
    let mut walk = Walk::default();
    let mut known: HashSet<String> = HashSet::new();
    let mut was_full = false;
    for number in 1..=PAGES_MAX {
        let page = api.page(query, number, if number == 1 { pause_ms } else { 0 }).await?;
        take(&page.rows);
        walk.first = if number == 1 { page.announced } else { walk.first };
        walk.last = page.announced.or(walk.last);
        if page.rows.is_empty() {
            // "No transactions … found" on the first page announces nothing, and means zero.
            if number == 1 {
                (walk.first, walk.last) = (walk.first.or(Some(0)), walk.last.or(Some(0)));
            }
            walk.end = if was_full && walk.is_short() { End::CutOff } else { End::Reached };
            return Ok(walk);
        }
        let mut is_new = false;
        for row in &page.rows {
            let id = row.text("transactionId").unwrap_or_default().to_owned();
            is_new |= known.insert(id.clone());
            walk.rows.push((id, row.text("dateUpdated").unwrap_or_default().to_owned()));
        }
        if !is_new {
            walk.end = End::Astray;
            return Ok(walk);
        }
        // A full page may be followed by another whatever was announced, and a page that is not full too: some accounts
        // give fewer rows than were asked for.
        was_full = page.rows.len() >= api.page_size() as usize;
        if !was_full && walk.last.is_some() && !walk.is_short() {
            return Ok(walk);
        }
    }
    walk.end = End::Astray;
    Ok(walk)
}

impl Walk {
    /// More rows were announced than came.
    fn is_short(&self) -> bool {
        self.last.is_some_and(|announced| (self.rows.len() as u64) < announced)
    }

    fn different(&self) -> u64 {
        self.rows.iter().map(|(id, _)| id).collect::<HashSet<_>>().len() as u64
    }

    /// Nothing can have moved while it was walked.
    fn is_settled(&self, is_open: bool) -> bool {
        let (Some(first), Some(last)) = (self.first, self.last) else { return false };
        // Rows are sorted by age, so what a day gains is appended: nothing moves, and all of it came. Only a day that is
        // not over can gain.
        let stayed = first == last || is_open && first < last;
        self.end == End::Reached && stayed && self.different() == last && self.rows.len() as u64 == last
    }
}
