//! What entries were like before the last changes, so that readers need not begin anew with each.

use std::collections::VecDeque;
use std::ops::Range;

use crate::limits::book::JOURNAL_ROWS;

use super::listed::Listed;

/// An entry with what it was; its customer is the one that it named itself.
type Image = (u32, Option<Listed>);

/// The last changes of the book, newest last.
#[derive(Debug, Default)]
pub(super) struct Journal {
    steps: VecDeque<Step>,
    /// Rows in all steps.
    rows: usize,
}

#[derive(Debug)]
struct Step {
    /// The revision before it.
    revision: u64,
    added: Range<u32>,
    changed: Vec<Image>,
}

impl Step {
    fn rows(&self) -> usize {
        self.added.len() + self.changed.len()
    }
}

impl Journal {
    /// Remembers one step. `None` for changes that are too many to be remembered.
    pub(super) fn record(&mut self, revision: u64, added: Range<u32>, changed: Option<Vec<Image>>) {
        let Some(changed) = changed else { return self.forget() };
        let step = Step { revision, added, changed };
        self.rows += step.rows();
        self.steps.push_back(step);
        while self.rows > JOURNAL_ROWS || self.steps.len() > JOURNAL_ROWS {
            let Some(oldest) = self.steps.pop_front() else { return };
            self.rows -= oldest.rows();
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// What was added or changed since a revision, as it was then, by row.
    pub(super) fn before(&self, revision: u64) -> Option<Vec<Image>> {
        // Steps follow each other without a gap.
        let oldest = self.steps.front()?.revision;
        let from = usize::try_from(revision.checked_sub(oldest)?).ok()?;
        if from >= self.steps.len() {
            return None;
        }
        let mut images = Vec::new();
        for step in self.steps.iter().skip(from) {
            images.extend_from_slice(&step.changed);
            images.extend(step.added.clone().map(|row| (row, None)));
        }
        // The sort keeps the sequence of steps, and the first image is the oldest.
        images.sort_by_key(|(row, _)| *row);
        images.dedup_by_key(|(row, _)| *row);
        Some(images)
    }

    pub(super) fn bytes(&self) -> usize {
        let images: usize = self.steps.iter().map(|step| step.changed.capacity()).sum();
        images * size_of::<Image>() + self.steps.capacity() * size_of::<Step>()
    }
}
