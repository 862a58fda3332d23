//! Reading a whole list while the store goes on selling.
//!
//! The list is sorted by id and its window is closed, so orders only ever leave it: an order that is modified leaves a
//! window by modification, one that is trashed leaves every window. When a row leaves, all later rows move up, and a
//! reader that goes forward skips one. So a walk goes forward first, several pages at a time, and looks at the end whether
//! the total is still what it was. If not, it walks again from the last row back to the first, one page at a time: then
//! rows that move up move into what is still to be read, and none is skipped. Only where rows came in between, which
//! takes a restored or re-dated order, must it begin once more.
//!
//! Where a proxy removes the totals, each page begins with the last row of the one before, which tells the same.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;

use ltv_connector::prelude::*;

use crate::answer::Answer;
use crate::learnt::ROWS_MIN;
use crate::store::{Query, Store};
use crate::trouble::Trouble;

/// Pages asked for at the same time.
const PAGES_AT_ONCE: u64 = 3;
/// Walks backward before the list is given up.
const WALKS_MAX: u32 = 4;
/// Single rows that may break the store before it counts as broken.
const BROKEN_ROWS_MAX: usize = 3;

/// An object of a list.
pub(crate) trait Record: Sized {
    /// What the list is called.
    const COLLECTION: &'static str;
    /// What reading it takes.
    type Reading;

    /// Reads one.
    ///
    /// # Errors
    /// What cannot be read.
    fn read(value: &Value, reading: &Self::Reading) -> Result<Self, Fault>;
    /// Its id.
    fn id(&self) -> u64;
    /// Changes when it does.
    fn stamp(&self) -> i64;
    /// The date that a window on this axis bounds.
    fn dated_ms(&self, axis: Axis) -> Option<i64>;
}

/// A walk under way.
pub(crate) struct Walk<'a, R: Record> {
    store: &'a Store,
    reading: &'a R::Reading,
    query: Query,
    phase: Phase,
    /// What the store last said that the list has. `None`: it does not say.
    total: Option<u64>,
    /// Rows handed out: id and stamp.
    seen: HashMap<u64, i64>,
    /// Rows that could not be read, by id where there is one.
    rejected: HashSet<String>,
    /// Walks so far beyond the first.
    again: u32,
    /// Rows that left or came during the walk.
    restless: bool,
    /// Places of rows that break every page they are in.
    broken: Vec<u64>,
    /// False if it was given up.
    complete: bool,
    /// Something was read.
    alive: bool,
    /// The last page was too much.
    halved: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    First,
    /// On from this row.
    Forward(u64),
    /// All was read: does the total still hold?
    Recount,
    /// Down from this row, exclusive.
    Backward(u64),
    /// On from this row, before which stood the one with this id; there are no totals.
    Blind(u64, Option<String>),
    Done,
}

/// One page.
struct Page<R> {
    /// Where it was asked for.
    range: Range<u64>,
    rows: Vec<R>,
    /// Ids of all rows, rejected ones included.
    ids: Vec<String>,
    total: Option<u64>,
}

/// How a walk went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Walked {
    /// Everything that was there the whole time was read, but for what the store cannot show.
    pub(crate) complete: bool,
    /// How many rows the store announced, if it kept to that.
    pub(crate) announced: Option<u64>,
    /// How many came, those that could not be read included.
    pub(crate) received: u64,
    /// What the operator should know.
    pub(crate) note: Option<String>,
}

impl Walked {
    /// As evidence.
    pub(crate) fn tally(&self, collection: &str) -> Tally {
        Tally { collection: collection.to_owned(), announced: self.announced, received: self.received }
    }
}

impl<'a, R: Record> Walk<'a, R> {
    /// A walk through what the query lists.
    pub(crate) fn new(store: &'a Store, reading: &'a R::Reading, query: Query) -> Self {
        Walk {
            store,
            reading,
            query: query.with("orderby", "id").with("order", "asc"),
            phase: Phase::First,
            total: None,
            seen: HashMap::new(),
            rejected: HashSet::new(),
            again: 0,
            restless: false,
            broken: Vec::new(),
            complete: true,
            alive: false,
            halved: false,
        }
    }

    /// The next rows that were not handed out before as they now are. `None` at the end.
    ///
    /// # Errors
    /// What stood in the way.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<R>>, Trouble> {
        while self.phase != Phase::Done {
            let pages = match self.phase.clone() {
                Phase::First => self.first().await?,
                Phase::Forward(from) => self.forward(from).await?,
                Phase::Recount => self.recount().await?,
                Phase::Backward(end) => self.backward(end).await?,
                Phase::Blind(from, before) => self.blind(from, before).await?,
                Phase::Done => break,
            };
            let new: Vec<R> = pages
                .into_iter()
                .flat_map(|page| page.rows)
                .filter(|row| self.seen.insert(row.id(), row.stamp()) != Some(row.stamp()))
                .collect();
            if !new.is_empty() {
                return Ok(Some(new));
            }
        }
        Ok(None)
    }

    /// How it went.
    pub(crate) fn walked(&self) -> Walked {
        let received = self.received();
        let collection = R::COLLECTION;
        let broken = u64::try_from(self.broken.len()).unwrap_or(u64::MAX);
        let hidden = self.total.filter(|_| !self.restless).map_or(0, |total| total.saturating_sub(received + broken));
        let note = if !self.complete {
            Some(format!("the list of {collection} did not keep still during {} walks", self.again + 1))
        } else if broken > 0 {
            // Waiting for it would hold up all that came later, for a row that no patience mends.
            let places: Vec<String> = self.broken.iter().map(|place| (place + 1).to_string()).collect();
            Some(format!(
                "the store fails over {broken} of the {collection} ({} in the order of their ids), which are left out",
                places.join(", ")
            ))
        } else if hidden > 0 {
            Some(format!(
                "the store counts {hidden} {collection} that it does not show: broken ones, or of a kind that the key's user may not read"
            ))
        } else {
            None
        };
        Walked { complete: self.complete, announced: self.total.filter(|_| !self.restless), received, note }
    }

    fn received(&self) -> u64 {
        u64::try_from(self.seen.len() + self.rejected.len()).unwrap_or(u64::MAX)
    }

    // ---- phases -----------------------------------------------------------------------------------------------------

    async fn first(&mut self) -> Result<Vec<Page<R>>, Trouble> {
        let wanted = 0..self.store.rows();
        let pages = self.read(wanted.clone()).await?;
        self.total = pages.iter().find_map(|page| page.total);
        self.phase = match self.total {
            // One answer is of one moment.
            Some(total) if total <= wanted.end && pages.len() == 1 => Phase::Done,
            Some(total) => {
                self.progress();
                if total > wanted.end { Phase::Forward(wanted.end) } else { Phase::Recount }
            }
            None => match last_id(&pages) {
                Some(last) => Phase::Blind(wanted.end, Some(last)),
                None => Phase::Done,
            },
        };
        Ok(pages)
    }

    async fn forward(&mut self, from: u64) -> Result<Vec<Page<R>>, Trouble> {
        let total = self.total.unwrap_or(0);
        let rows = self.store.rows().max(1);
        let ranges: Vec<Range<u64>> = (0..PAGES_AT_ONCE)
            .map(|number| from + number * rows)
            .take_while(|start| *start < total)
            .map(|start| start..start + rows)
            .collect();
        let end = ranges.last().map_or(total, |range| range.end);
        let pages = self.read_all(ranges).await?;
        let mut ids: HashSet<u64> = HashSet::new();
        for page in &pages {
            self.restless |= page.total.is_some() && page.total != self.total;
            self.restless |= page.rows.iter().any(|row| self.seen.contains_key(&row.id()) || !ids.insert(row.id()));
        }
        self.phase = if end < total { Phase::Forward(end) } else { Phase::Recount };
        self.progress();
        Ok(pages)
    }

    /// One row suffices for the total.
    async fn recount(&mut self) -> Result<Vec<Page<R>>, Trouble> {
        let pages = self.read(0..1).await?;
        let total = pages.iter().find_map(|page| page.total).or(self.total);
        self.restless |= total != self.total;
        self.total = total;
        self.phase = if self.restless { self.walk_again() } else { Phase::Done };
        Ok(pages)
    }

    async fn backward(&mut self, end: u64) -> Result<Vec<Page<R>>, Trouble> {
        let start = end.saturating_sub(self.store.rows());
        let pages = self.read(start..end).await?;
        let mut grown = false;
        for page in &pages {
            // Beyond the end of the list the total is 0 [C live], which says nothing.
            let total = page.total.filter(|total| *total > 0 || !page.ids.is_empty() || page.range.start == 0);
            grown |= total > self.total;
            self.total = total.or(self.total);
        }
        self.phase = if grown {
            self.walk_again()
        } else if start == 0 {
            Phase::Done
        } else {
            Phase::Backward(start)
        };
        Ok(pages)
    }

    /// Without totals a list ends with the first empty page: a short one may hide rows. Each page begins with the last row
    /// of the one before: if that is not there, rows have left, or it is one that is hidden.
    async fn blind(&mut self, from: u64, before: Option<String>) -> Result<Vec<Page<R>>, Trouble> {
        let wanted = from.saturating_sub(1)..from.saturating_sub(1) + self.store.rows().max(2);
        let pages = self.read(wanted.clone()).await?;
        self.restless |= first_id(&pages) != before;
        let last = last_id(&pages);
        self.phase = if last.is_some() && last != before {
            Phase::Blind(wanted.end, last)
        } else if self.restless {
            self.again += 1;
            Phase::Backward(from)
        } else {
            Phase::Done
        };
        Ok(pages)
    }

    fn walk_again(&mut self) -> Phase {
        self.restless = true;
        if self.again >= WALKS_MAX {
            self.complete = false;
            return Phase::Done;
        }
        self.again += 1;
        match self.total {
            Some(total) if total > 0 => Phase::Backward(total),
            _ => Phase::Done,
        }
    }

    fn progress(&self) {
        self.store.daemon.progress(self.received(), self.total);
    }

    // ---- pages ------------------------------------------------------------------------------------------------------

    /// Reads these ranges at the same time. One that is too much for the store is halved, its later half read first: which order is no
    /// matter in a forward walk, and the right one backward. A single row that is too much is left out.
    async fn read_all(&mut self, ranges: Vec<Range<u64>>) -> Result<Vec<Page<R>>, Trouble> {
        let (mut pages, mut halves) = (Vec::with_capacity(ranges.len()), VecDeque::new());
        let queries: Vec<Query> = ranges.iter().map(|range| self.page_query(range)).collect();
        let results = self.store.get_all(&queries).await;
        for ((index, range), result) in (0..).zip(ranges).zip(results) {
            self.take(index, range, result, &mut pages, &mut halves)?;
        }
        self.read_halves(pages, halves).await
    }

    /// As [`read_all`](Self::read_all), of one range. The first request of a task finds the way to the API by this.
    async fn read(&mut self, range: Range<u64>) -> Result<Vec<Page<R>>, Trouble> {
        self.read_halves(Vec::with_capacity(1), VecDeque::from([range])).await
    }

    async fn read_halves(
        &mut self,
        mut pages: Vec<Page<R>>,
        mut halves: VecDeque<Range<u64>>,
    ) -> Result<Vec<Page<R>>, Trouble> {
        while let Some(range) = halves.pop_front() {
            let mut result = self.store.get(self.page_query(&range)).await;
            if matches!(result, Err(Trouble::Overload(_))) && self.alive && range.end - range.start == 1 {
                // Nothing less can be asked for: once more, so that a passing fault leaves no order out.
                result = self.store.get(self.page_query(&range)).await;
            }
            self.take(0, range, result, &mut pages, &mut halves)?;
        }
        Ok(pages)
    }

    fn page_query(&self, range: &Range<u64>) -> Query {
        let rows = range.end - range.start;
        let query = self.query.clone().with("per_page", rows).with("offset", range.start);
        // Asking for less is the better remedy, as long as there is less.
        if rows > ROWS_MIN { query.attempts(2) } else { query }
    }

    fn take(
        &mut self,
        index: u32,
        range: Range<u64>,
        result: Result<Answer, Trouble>,
        pages: &mut Vec<Page<R>>,
        halves: &mut VecDeque<Range<u64>>,
    ) -> Result<(), Trouble> {
        let rows = range.end - range.start;
        match result {
            Ok(answer) => {
                self.alive = true;
                if self.halved {
                    // Remembered only now: a store that is down fails with any number of rows.
                    self.halved = false;
                    self.store.ask_for_at_most(rows);
                }
                pages.push(self.page(index, range, &answer));
            }
            Err(Trouble::Overload(what)) if rows > ROWS_MIN || (self.alive && rows > 1) => {
                log::info(format!("{rows} {} at once: the store {what}; asking for half as many", R::COLLECTION));
                self.halved = true;
                let middle = range.start + rows / 2;
                halves.push_front(range.start..middle);
                halves.push_front(middle..range.end);
            }
            Err(Trouble::Overload(what)) if self.alive && rows == 1 && self.broken.len() < BROKEN_ROWS_MAX => {
                let place = range.start + 1;
                log::error(format!("number {place} of the {} is left out: over it the store {what}", R::COLLECTION));
                if !self.broken.contains(&range.start) {
                    self.broken.push(range.start);
                }
                pages.push(Page { range, rows: Vec::new(), ids: Vec::new(), total: None });
            }
            Err(trouble) => return Err(trouble),
        }
        Ok(())
    }

    fn page(&mut self, index: u32, range: Range<u64>, answer: &Answer) -> Page<R> {
        let mut rows = Vec::with_capacity(answer.rows().len());
        let mut ids = Vec::with_capacity(answer.rows().len());
        for value in answer.rows() {
            ids.push(value.text("id").unwrap_or_default().to_owned());
            match R::read(value, self.reading) {
                Ok(row) => rows.push(row),
                Err(fault) => {
                    // In a second walk it is the same fault.
                    if self.rejected.insert(ids.last().cloned().unwrap_or_default()) {
                        self.store.daemon.reject(index, fault);
                    }
                }
            }
        }
        Page { range, rows, ids, total: answer.total }
    }
}

/// The id of the first row.
fn first_id<R>(pages: &[Page<R>]) -> Option<String> {
    let first = pages.iter().filter(|page| !page.ids.is_empty()).min_by_key(|page| page.range.start)?;
    first.ids.first().cloned()
}

/// The id of the last row.
fn last_id<R>(pages: &[Page<R>]) -> Option<String> {
    let last = pages.iter().filter(|page| !page.ids.is_empty()).max_by_key(|page| page.range.start)?;
    last.ids.last().cloned()
}
