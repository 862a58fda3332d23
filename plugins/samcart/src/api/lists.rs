//! Lists walked side by side, a page of each in every step.

use std::collections::HashSet;

use ltv_connector::prelude::*;

use super::client::{Client, Next, Page, Trouble};

/// A shorter time than this is not halved again, in milliseconds: an hour.
const RANGE_MIN_MS: i64 = 60 * 60 * 1_000;
/// Pages of one list, so that a list without end ends.
const PAGES_MAX: u32 = 50_000;

/// A list within a time.
pub(super) struct List {
    path: &'static str,
    /// Times still to be read, both ends included; the last is under way.
    ranges: Vec<(i64, i64)>,
    offset: Option<String>,
    /// Offsets of the range under way that were asked for.
    offsets: HashSet<String>,
    pages: u32,
    /// There is no such list, where it may be missing.
    pub(super) absent: bool,
    may_be_absent: bool,
    /// Why something may be missing.
    pub(super) problem: Option<String>,
}

impl List {
    /// Everything created from `start` to `end`.
    pub(super) fn new(path: &'static str, start: i64, end: i64) -> Self {
        Self {
            path,
            ranges: vec![(start, end)],
            offset: None,
            offsets: HashSet::new(),
            pages: 0,
            absent: false,
            may_be_absent: false,
            problem: None,
        }
    }

    /// Not every version of the API has it.
    pub(super) fn may_be_absent(mut self) -> Self {
        self.may_be_absent = true;
        self
    }

    fn request(&self, client: &Client) -> Option<Request> {
        let (start, end) = *self.ranges.last()?;
        Some(client.page(self.path, start, end, self.offset.as_deref()))
    }

    /// Goes to the next page, or the next range.
    fn turn(&mut self, page: &Page) {
        let told = match &page.next {
            None => None,
            Some(Next::Offset(offset)) => Some(offset.clone()),
            // The offset is the id of the last record \[C\].
            Some(Next::Unknown) => page.records.last().and_then(|record| record.text("id")).map(str::to_owned),
        };
        let stuck = page.next.is_some() && told.as_ref().is_none_or(|offset| self.offsets.contains(offset));
        self.pages += 1;
        if stuck || self.pages >= PAGES_MAX {
            self.problem = Some(format!("the pages of {} lead in a circle: some may be missing", self.path));
        }
        match told.filter(|_| self.problem.is_none()) {
            Some(offset) => {
                self.offsets.insert(offset.clone());
                self.offset = Some(offset);
            }
            None => {
                self.ranges.pop();
                self.begin();
            }
        }
    }

    /// Halves the time under way, the older half first. False if it is too short for that.
    fn halve(&mut self) -> bool {
        let Some((start, end)) = self.ranges.pop() else { return false };
        if end.saturating_sub(start) <= RANGE_MIN_MS {
            return false;
        }
        let middle = start + (end - start) / 2;
        self.ranges.extend([(middle, end), (start, middle)]);
        self.begin();
        true
    }

    fn begin(&mut self) {
        self.offset = None;
        self.offsets.clear();
    }
}

/// Walks all lists to their ends. `take` is given the number of the list, each record of it, and the number of the response
/// that holds it. What lies at the edge of two ranges comes twice.
pub(super) async fn walk(
    client: &Client,
    lists: &mut [List],
    mut take: impl FnMut(usize, &Value, u32),
) -> Result<(), Failure> {
    let mut records = 0;
    loop {
        let (open, requests): (Vec<usize>, Vec<Request>) =
            lists.iter().enumerate().filter_map(|(at, list)| Some((at, list.request(client)?))).unzip();
        if requests.is_empty() {
            return Ok(());
        }
        let dates = client.dates();
        let results = client.daemon.send_all(requests).await;
        for ((at, result), response) in open.into_iter().zip(results).zip(0..) {
            let Some(list) = lists.get_mut(at) else { continue };
            match client.read_page(result, dates) {
                Ok(None) => {}
                Ok(Some(page)) => {
                    page.records.iter().for_each(|record| take(at, record, response));
                    records += page.records.len();
                    list.turn(&page);
                }
                Err(Trouble::TooMuch(failure)) => {
                    if !list.halve() {
                        return Err(failure);
                    }
                }
                Err(Trouble::Absent(_)) if list.may_be_absent => {
                    (list.absent, list.ranges) = (true, Vec::new());
                }
                Err(Trouble::Failed(failure) | Trouble::Absent(failure)) => return Err(failure),
            }
        }
        client.daemon.progress(u64::try_from(records).unwrap_or(u64::MAX), None);
    }
}
