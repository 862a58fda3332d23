//! The third pass: hands over the rows, normalised, grouped and with their twins counted.

use super::FileError;
use super::cells::{Cells, Verdict};
use super::groups::group_key;
use super::plan::{BadRow, Plan, WALK_BYTES, group_too_large};
use super::records::{Place, Records};
use super::twins::Twins;
use crate::limits::files::{BAD_ROWS, BATCH_BYTES, BATCH_ROWS, GROUP_BYTES};
use crate::model::Rows;
use crate::model::manifest::ColumnContent;

/// Bytes read at a time for rows that stand elsewhere in the file.
const JUMP_BYTES: usize = 4 << 10;

/// Batches of rows. After an error there are no more.
pub struct Batches<'p> {
    plan: &'p Plan,
    cells: Cells<'p>,
    main: Records<'p>,
    /// For rows that belong to a group further up.
    side: Records<'p>,
    rows: Rows,
    /// The row in `rows` that begins the current group, and where that row began.
    group_row: usize,
    group_place: Place,
    key: Option<u64>,
    /// Number of the current run, and of its rows read so far.
    run: u32,
    run_rows: u32,
    /// Runs that begin from now on get this number.
    next_run: u32,
    file_twins: Twins,
    group_twins: Twins,
    /// Rows can only have twins within their group.
    twins_in_group: bool,
    done: bool,
    held_back: Vec<BadRow>,
    held_back_total: u64,
}

impl<'p> Batches<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let recognised = &plan.recognised;
        let is_text =
            |column: &usize| recognised.columns.get(*column).is_some_and(|c| c.content == ColumnContent::Text);
        let mut file_twins = Twins::new(plan.keys);
        // Equal rows have equal group values. Only text is handed over as the group was formed, so only then the reverse
        // holds: rows of different groups are different.
        let twins_in_group = recognised.group_by.iter().all(is_text);
        if recognised.group_by.is_empty() || !twins_in_group {
            file_twins.reserve(usize::try_from(plan.rows).unwrap_or_default());
        }
        Self {
            plan,
            cells: Cells::new(recognised),
            main: plan.walk(recognised.data, WALK_BYTES),
            side: plan.walk(recognised.data, JUMP_BYTES),
            rows: Rows { width: width(plan), ..Rows::default() },
            group_row: 0,
            group_place: recognised.data,
            key: None,
            run: 0,
            run_rows: 0,
            next_run: 0,
            file_twins,
            group_twins: Twins::new(plan.keys),
            twins_in_group,
            done: false,
            held_back: Vec::new(),
            held_back_total: 0,
        }
    }

    /// Reads until a batch is full. `none`: the end.
    fn fill(&mut self) -> Result<Option<Rows>, FileError> {
        while self.main.advance()? {
            let plan = self.plan;
            let verdict = self.cells.convert(&self.main, &plan.notation, &mut self.rows.text, &mut self.rows.ends);
            if !matches!(verdict, Verdict::Good) {
                continue;
            }
            let key = group_key(&self.main, &plan.recognised, plan.keys);
            let continues = key.is_some() && key == self.key;
            self.key = key;
            if !continues {
                self.run = self.next_run;
                self.run_rows = 0;
                self.next_run += u32::from(key.is_some());
            }
            self.run_rows += 1;
            if key.is_some() && plan.groups.is_away(self.run) {
                self.undo();
                continue;
            }
            if let Some(spoilt) = key.and_then(|key| plan.spoilt.get(&key)) {
                self.hold_back(*spoilt);
                continue;
            }
            if !continues {
                self.group_row = self.rows.lines.len();
                self.group_place = self.main.place();
                self.group_twins.clear();
            }
            self.accept(self.main.place().line, key.is_some())?;
            if key.is_some() && plan.groups.run(self.run).is_some_and(|run| run.rows == self.run_rows) {
                self.append_later_runs()?;
            }
            if let Some(batch) = self.split_full()? {
                return Ok(Some(batch));
            }
        }
        self.done = true;
        let rest = std::mem::take(&mut self.rows);
        Ok((!rest.lines.is_empty()).then_some(rest))
    }

    /// A row whose neighbour in the group is bad is left out as well: half an order would be a wrong order.
    fn hold_back(&mut self, spoilt_by: u32) {
        self.undo();
        self.held_back_total += 1;
        if self.held_back.len() < BAD_ROWS {
            self.held_back.push(BadRow {
                line: self.main.place().line,
                column: None,
                value: None,
                reason: format!("belongs together with line {spoilt_by}, which cannot be read"),
            });
        }
    }

    /// The first rows that were left out because a row that belongs to them is bad, and how many there are in all.
    pub fn held_back(self) -> (Vec<BadRow>, u64) {
        (self.held_back, self.held_back_total)
    }

    /// Takes back the cells that were just written.
    fn undo(&mut self) {
        let ends = self.rows.lines.len() * self.rows.width as usize;
        self.rows.ends.truncate(ends);
        self.rows.text.truncate(self.rows.ends.last().map_or(0, |end| *end as usize));
    }

    /// Completes the row whose cells were just written.
    fn accept(&mut self, line: u32, grouped: bool) -> Result<(), FileError> {
        let row = self.rows.lines.len();
        self.rows.lines.push(line);
        let twins = if !grouped || !self.twins_in_group {
            count_twins(&mut self.file_twins, &self.rows, row)
        } else if row == self.group_row {
            // Most groups are one row: it is hashed only once there is another.
            0
        } else {
            if row == self.group_row + 1 {
                count_twins(&mut self.group_twins, &self.rows, self.group_row);
            }
            count_twins(&mut self.group_twins, &self.rows, row)
        };
        self.rows.twins.push(twins);
        let group_start = row_start(&self.rows, self.group_row);
        if self.rows.text.len() - group_start > GROUP_BYTES && row > self.group_row {
            self.side.seek(self.group_place);
            self.side.advance()?;
            return Err(group_too_large(&self.plan.recognised, &self.side));
        }
        Ok(())
    }

    /// The current run is complete: rows of its group that stand further down follow it.
    fn append_later_runs(&mut self) -> Result<(), FileError> {
        let plan = self.plan;
        for (_, later) in plan.groups.later(self.run) {
            let Some(run) = plan.groups.run(*later) else { continue };
            self.side.seek(run.place);
            let mut left = run.rows;
            while left > 0 && self.side.advance()? {
                let verdict = self.cells.convert(&self.side, &plan.notation, &mut self.rows.text, &mut self.rows.ends);
                if matches!(verdict, Verdict::Good) {
                    left -= 1;
                    self.accept(self.side.place().line, true)?;
                }
            }
        }
        Ok(())
    }

    /// If the batch is full, the rows before the current group.
    fn split_full(&mut self) -> Result<Option<Rows>, FileError> {
        let is_full = self.rows.lines.len() > BATCH_ROWS || self.rows.text.len() > BATCH_BYTES;
        if !is_full || self.group_row == 0 {
            return Ok(None);
        }
        let text_at = row_start(&self.rows, self.group_row);
        let shift = u32::try_from(text_at).unwrap_or(u32::MAX);
        let mut rest = Rows {
            width: self.rows.width,
            text: Vec::with_capacity(self.rows.text.len()),
            ends: Vec::with_capacity(self.rows.ends.len()),
            lines: Vec::with_capacity(self.rows.lines.len()),
            twins: Vec::with_capacity(self.rows.twins.len()),
        };
        rest.text.extend(self.rows.text.drain(text_at..));
        let ends = self.group_row * self.rows.width as usize;
        rest.ends.extend(self.rows.ends.drain(ends..).map(|end| end - shift));
        rest.lines.extend(self.rows.lines.drain(self.group_row..));
        rest.twins.extend(self.rows.twins.drain(self.group_row..));
        self.group_row = 0;
        Ok(Some(std::mem::replace(&mut self.rows, rest)))
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<Rows, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let result = self.fill();
        self.done |= result.is_err();
        result.transpose()
    }
}

fn width(plan: &Plan) -> u32 {
    let width = plan.recognised.columns.len() + plan.recognised.others.len();
    u32::try_from(width).unwrap_or(u32::MAX)
}

/// Where the text of a row begins.
fn row_start(rows: &Rows, row: usize) -> usize {
    let ends = row * rows.width as usize;
    ends.checked_sub(1).and_then(|last| rows.ends.get(last)).map_or(0, |end| *end as usize)
}

fn count_twins(twins: &mut Twins, rows: &Rows, row: usize) -> u32 {
    let width = rows.width as usize;
    let ends = rows.ends.get(row * width..(row + 1) * width).unwrap_or_default();
    twins.count(&rows.text, row_start(rows, row), ends)
}
