//! What a pass has to read. Pure: from how far polling has come, what the platform can filter by, what the operator wants, and
//! the time.

use crate::config;
use crate::ledger::{Cursor, Load, Marks};
use crate::model::manifest::{Axis, Granularity, Polling};
use crate::model::{Moment, Zone, day_number, local_day};

const DAY_MS: i64 = 86_400_000;

/// Why a stretch of time is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// For the first time, by creation date.
    Load,
    /// For what is new and what has changed since the last pass.
    Recent,
    /// Once a day again by creation date, for changes that leave no other trace.
    Recheck,
    /// Because a person asked.
    Range,
}

/// A stretch of time that is read in windows, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// Why.
    pub purpose: Purpose,
    /// By which date.
    pub axis: Axis,
    /// Half open, in milliseconds since 1970-01-01T00:00:00Z; each begins where the one before it ends.
    pub windows: Vec<(i64, i64)>,
}

/// What plans are made for.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// What the platform can do.
    pub platform: &'a Polling,
    /// What the operator wants.
    pub wanted: &'a config::Polling,
    /// Zone of the account, in which days begin.
    pub zone: Zone,
    /// Start of the pass.
    pub now_ms: i64,
}

impl Terms<'_> {
    /// What a pass has to read, and the cursor that it begins with: a first load that was not begun, or whose range was
    /// made larger, is written into it.
    pub fn plan(&self, cursor: &Cursor) -> (Cursor, Vec<Leg>) {
        let mut cursor = cursor.clone();
        let Some(from) = self.wanted.from else { return (cursor, Vec::new()) };
        let from_day = day_number(from);
        let from_ms = self.midnight(from_day);
        self.heal(&mut cursor);
        self.begin_load(&mut cursor, from_day, from_ms);
        let mut legs = Vec::new();
        if let Some(load) = cursor.load {
            legs.push(self.leg(Purpose::Load, Axis::Created, load.next_ms, load.end_ms));
        }
        let recheck_ms =
            i64::from(self.wanted.recheck_days.unwrap_or(self.platform.recheck_days)).saturating_mul(DAY_MS);
        let recheck_start = self.now_ms.saturating_sub(recheck_ms).max(from_ms);
        let by_modification = self.platform.axes.contains(&Axis::Modified);
        if let Some(through) = cursor.through_ms.filter(|through| self.goes_on() || *through < self.end_ms()) {
            let start = through.saturating_sub(i64::from(self.platform.overlap_s).saturating_mul(1_000));
            // What was modified lately may be of any age; what was created lately may not.
            let (axis, start) = match by_modification && self.goes_on() {
                true => (Axis::Modified, start),
                false => (Axis::Created, start.min(recheck_start).max(from_ms)),
            };
            legs.push(self.leg(Purpose::Recent, axis, start, self.end_ms()));
        }
        // A platform without modification dates has its recent days read again by every pass.
        let again = by_modification || !self.goes_on();
        let due = cursor.rechecked_ms.is_none_or(|last| self.now_ms.saturating_sub(last) >= DAY_MS);
        if again && due && recheck_ms > 0 && cursor.load.is_none() && recheck_start < self.end_ms() {
            legs.push(self.recheck());
        }
        legs.retain(|leg| !leg.windows.is_empty());
        (cursor, legs)
    }

    /// The second look at recent days.
    pub fn recheck(&self) -> Leg {
        let days = i64::from(self.wanted.recheck_days.unwrap_or(self.platform.recheck_days));
        let from = self.wanted.from.map_or(i64::MIN, |from| self.midnight(day_number(from)));
        let start = self.now_ms.saturating_sub(days.saturating_mul(DAY_MS)).max(from);
        self.leg(Purpose::Recheck, Axis::Created, start, self.end_ms())
    }

    /// A range of days that a person wants read, both included.
    pub fn range(&self, first_day: i32, last_day: i32) -> Leg {
        let end = self.midnight(last_day.saturating_add(1)).min(self.now_ms);
        self.leg(Purpose::Range, Axis::Created, self.midnight(first_day), end)
    }

    /// What stands in the cursor, and how far the integration is complete, once this window of the leg was read whole.
    pub fn after(&self, cursor: &Cursor, leg: &Leg, (_, end_ms): (i64, i64)) -> (Cursor, Marks) {
        let mut cursor = cursor.clone();
        let mut marks = Marks::default();
        let is_last = leg.windows.last().is_some_and(|last| last.1 == end_ms);
        let reached = end_ms.min(self.now_ms);
        match leg.purpose {
            Purpose::Load => {
                if let Some(load) = &mut cursor.load {
                    load.next_ms = end_ms;
                    if load.next_ms >= load.end_ms {
                        cursor.load = None;
                    }
                }
                marks.synced_ms = Some(reached);
            }
            Purpose::Recent => {
                if is_last {
                    cursor.through_ms = Some(self.end_ms());
                } else if leg.axis == Axis::Modified {
                    cursor.through_ms = cursor.through_ms.max(Some(reached));
                }
                // A first load with a hole in it keeps the mark where it is.
                if cursor.load.is_none() {
                    marks.synced_ms = if leg.axis == Axis::Modified || is_last { Some(reached) } else { None };
                }
            }
            Purpose::Recheck if is_last => cursor.rechecked_ms = Some(self.now_ms),
            Purpose::Recheck | Purpose::Range => {}
        }
        (cursor, marks)
    }

    /// A clock that was ahead for a while would otherwise silence everything until that time has come: what was read then is
    /// read anew.
    fn heal(&self, cursor: &mut Cursor) {
        let ahead = |at: Option<i64>| at.is_some_and(|at| at > self.now_ms.saturating_add(DAY_MS));
        if ahead(cursor.through_ms) || ahead(cursor.rechecked_ms) || ahead(cursor.load.map(|load| load.end_ms)) {
            (cursor.from_day, cursor.load, cursor.through_ms, cursor.rechecked_ms) = (None, None, None, None);
        }
    }

    fn begin_load(&self, cursor: &mut Cursor, from_day: i32, from_ms: i64) {
        let load = |end_ms: i64| Load { start_ms: from_ms, next_ms: from_ms, end_ms };
        match cursor.from_day {
            None => {
                cursor.load = Some(load(self.end_ms())).filter(|load| load.start_ms < load.end_ms);
                // Whatever changes while the load runs is found by the first look at what is recent.
                // A range that ends earlier and is made longer later goes on from its end.
                cursor.through_ms = Some(self.end_ms());
                cursor.rechecked_ms = Some(self.now_ms);
            }
            // More of the past is wanted: what was loaded need not be loaded again.
            Some(known) if from_day < known => {
                let known_ms = self.midnight(known);
                cursor.load = Some(match cursor.load {
                    Some(unfinished) => load(unfinished.end_ms),
                    None => load(known_ms),
                });
            }
            Some(_) => return,
        }
        cursor.from_day = Some(from_day);
    }

    /// Nothing after this is wanted.
    fn end_ms(&self) -> i64 {
        let to = self.wanted.to.map(|to| self.midnight(day_number(to).saturating_add(1)));
        to.map_or(self.now_ms, |to| to.min(self.now_ms))
    }

    /// Whether what is new now is wanted.
    fn goes_on(&self) -> bool {
        self.end_ms() >= self.now_ms
    }

    fn leg(&self, purpose: Purpose, axis: Axis, start_ms: i64, end_ms: i64) -> Leg {
        Leg { purpose, axis, windows: self.windows(start_ms, end_ms) }
    }

    fn windows(&self, start_ms: i64, end_ms: i64) -> Vec<(i64, i64)> {
        let longest_days = self.platform.window_days_max.max(1);
        let mut windows = Vec::new();
        if start_ms >= end_ms {
            return windows;
        }
        match self.platform.granularity {
            Granularity::Second => {
                let longest = i64::from(longest_days).saturating_mul(DAY_MS);
                // Whole seconds, outwards.
                let (mut start, end) = (start_ms.div_euclid(1_000) * 1_000, end_ms);
                while start < end {
                    let stop = start.saturating_add(longest).min(end);
                    windows.push((start, stop));
                    start = stop;
                }
            }
            Granularity::Day => {
                let longest = i32::try_from(longest_days).unwrap_or(i32::MAX);
                let mut day = local_day(start_ms, self.zone);
                // The day of the last instant is read whole, though its end lies ahead.
                let last = local_day(end_ms.saturating_sub(1), self.zone);
                while day <= last {
                    let next = day.saturating_add(longest).min(last.saturating_add(1));
                    windows.push((self.midnight(day), self.midnight(next)));
                    day = next;
                }
            }
        }
        windows
    }

    fn midnight(&self, day: i32) -> i64 {
        Moment::Local(i64::from(day) * DAY_MS).resolve(self.zone).unix_ms
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
