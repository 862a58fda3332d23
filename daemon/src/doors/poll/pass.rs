//! One pass over a platform.

use std::collections::HashSet;
use std::sync::Arc;

use crate::app::App;
use crate::clock::now_ms;
use crate::connector::{Coverage, Failure, Outcome, Task, Window};
use crate::ledger::{Cursor, LedgerError, Marks, Pass, PollTask};
use crate::limits::doors as limits;
use crate::live::Live;
use crate::model::manifest::Axis;
use crate::model::{day_of, local_day};
use crate::platform::wants_silence;

use super::super::talk::{AtEnd, TalkError, passing};
use super::missing;
use super::party::Party;
use super::plan::{Leg, Purpose, Terms};

/// What a pass is to do beyond what is due.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// These days and nothing else, first and last: days since 1970-01-01.
    pub range: Option<(i32, i32)>,
    /// A person asks: a platform that said no is asked once more.
    pub person: bool,
}

/// Why there was no pass.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The platform of this integration cannot be asked, or nobody wants that.
    #[error("{0}")]
    NotPolled(String),
    /// The platform said no earlier.
    #[error("{0}")]
    Stopped(String),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Whether a refusal still holds: it does until the configuration is edited. An edit may have mended it.
pub(in crate::doors) fn still_stopped(app: &App, cursor: &Cursor) -> Option<String> {
    let stop = cursor.stopped.as_ref()?;
    let edited = app.files().filter_map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok());
    let mut edited_ms = edited
        .filter_map(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
        .filter_map(|since| i64::try_from(since.as_millis()).ok());
    // An edit counts once it is in force; one that lies in the future tells nothing.
    let mended = app.in_force_ms > stop.since_ms && edited_ms.any(|at| at > stop.since_ms && at <= now_ms());
    (!mended).then(|| stop.reason.clone())
}

/// Reads what is due, or what is wished. Waits for a pass that is on its way. The record of what it did is kept as well.
///
/// # Errors
/// If there is nothing to be asked, or the ledger fails. A platform that does not answer is no error: the pass says so.
pub async fn sync(app: &Arc<App>, name: &str, wish: Wish) -> Result<Pass, SyncError> {
    let party = Party::of(app, name)?;
    if wish.range.is_none() && party.integration.polling.from.is_none() {
        let why = format!(
            "`{name}` has no `from` in its configuration, so nothing is due; write the first day that is wanted, for example \
             from = 2024-01-01, or ask for a range of days"
        );
        return Err(SyncError::NotPolled(why));
    }
    let live = Arc::clone(&party.live);
    let _turn = live.turn.lock().await;
    let cursor = {
        let name = name.to_owned();
        party.disk(move |app| app.ledger.cursor(&name)).await?
    };
    if let Some(reason) = still_stopped(app, &cursor).filter(|_| !wish.person) {
        return Err(SyncError::Stopped(reason));
    }
    let now = now_ms();
    live.set(|state| {
        let kept = crate::live::Now { next_ms: state.next_ms, test_call_ms: state.test_call_ms, ..Default::default() };
        *state = crate::live::Now { running: true, since_ms: now, ..kept };
    });
    let _running = Running(&live);
    let mut run = Run {
        party: &party,
        now_ms: now,
        cursor,
        pass: Pass { began_ms: now, complete: true, ..Pass::default() },
        rejected: 0,
    };
    let ended = match (party.courier.silence(), app.ledger.room()) {
        (None, Ok(())) => run.legs(wish).await,
        (Some(left), _) => {
            run.pass.complete = false;
            run.pass.notes.push(wants_silence(left));
            Ok(())
        }
        (None, Err(full)) => {
            run.pass.complete = false;
            run.pass.notes.push(full.to_string());
            Ok(())
        }
    };
    if let Err(error) = &ended {
        run.pass.complete = false;
        run.pass.notes.push(error.to_string());
    }
    run.pass.ended_ms = now_ms();
    if run.rejected > 0 {
        let wait = if run.rejected == 1 {
            "object that could not be read waits"
        } else {
            "objects that could not be read wait"
        };
        run.pass.notes.push(format!("{} {wait} in quarantine: see `ltvd quarantine list`", run.rejected));
    }
    let state = live.now();
    (run.pass.requests, run.pass.bytes, run.pass.counts) = (state.requests, state.bytes, state.counts);
    let (pass, kept, of) = (run.pass.clone(), run.pass, name.to_owned());
    let kept = party.disk(move |app| app.ledger.keep_pass(&of, &kept)).await;
    // What ended the pass says more than that its record could not be kept either.
    ended.and(kept)?;
    Ok(pass)
}

/// Says that nothing is under way any more, however a pass ends.
struct Running<'a>(&'a Live);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(|now| now.running = false);
    }
}

/// A pass on its way.
struct Run<'a> {
    party: &'a Party,
    now_ms: i64,
    cursor: Cursor,
    pass: Pass,
    /// Objects that could not be read.
    rejected: u64,
}

/// What became of a window.
enum Read {
    /// Everything in it was read, by this axis.
    Whole(Axis, HashSet<u32>),
    /// Something is missing: the rest of the leg waits for the next pass.
    Partly,
    /// The platform wants a person to act: the pass ends.
    Refused,
}

impl Run<'_> {
    fn terms<'t>(&self, party: &'t Party) -> Terms<'t> {
        Terms {
            platform: &party.platform,
            wanted: &party.integration.polling,
            zone: party.integration.zone,
            now_ms: self.now_ms,
        }
    }

    async fn legs(&mut self, wish: Wish) -> Result<(), LedgerError> {
        let party = self.party.clone();
        let terms = self.terms(&party);
        let mut legs = match wish.range {
            Some((first, last)) => vec![terms.range(first, last)],
            None => {
                let (begun, legs) = terms.plan(&self.cursor);
                if begun != self.cursor || begun.stopped.is_some() {
                    self.cursor = Cursor { stopped: None, ..begun };
                    self.save(Marks::default()).await?;
                }
                legs
            }
        };
        if self.cursor.stopped.take().is_some() {
            self.save(Marks::default()).await?;
        }
        self.pass.windows_planned = count(legs.iter().map(|leg| leg.windows.len()).sum());
        let mut fell_back = false;
        let mut next = 0;
        while let Some(leg) = legs.get(next).cloned() {
            next += 1;
            match self.leg(&terms, &leg).await? {
                LegEnd::Whole { fell_back: this } => fell_back |= this,
                LegEnd::Partly => self.pass.complete = false,
                LegEnd::Refused => {
                    self.pass.complete = false;
                    return Ok(());
                }
            }
            // A platform that cannot filter by modification has its recent days read again instead.
            if fell_back && next == legs.len() && !legs.iter().any(|leg| leg.purpose == Purpose::Recheck) {
                let recheck = terms.recheck();
                self.pass.windows_planned += count(recheck.windows.len());
                legs.push(recheck);
            }
        }
        if fell_back && self.pass.complete {
            self.cursor.through_ms = Some(self.now_ms);
            let synced_ms = self.cursor.load.is_none().then_some(self.now_ms);
            self.save(Marks { synced_ms, ..Marks::default() }).await?;
        }
        Ok(())
    }

    async fn leg(&mut self, terms: &Terms<'_>, leg: &Leg) -> Result<LegEnd, LedgerError> {
        let began = std::time::Instant::now();
        self.party.live.set(|now| {
            now.purpose = Some(word(leg.purpose));
            (now.windows_done, now.windows, now.eta_ms) = (0, count(leg.windows.len()), None);
        });
        let (mut met, mut fell_back) = (HashSet::new(), false);
        for (at, window) in leg.windows.iter().enumerate() {
            let day = day_of(local_day(window.0, terms.zone)).to_string();
            self.party.live.set(|now| (now.day, now.objects_done, now.objects) = (Some(day), 0, None));
            match self.window(terms, leg, *window).await? {
                Read::Whole(axis, named) => {
                    self.pass.windows += 1;
                    met.extend(named);
                    fell_back |= axis != leg.axis;
                }
                Read::Partly => return Ok(LegEnd::Partly),
                Read::Refused => return Ok(LegEnd::Refused),
            }
            let (read, all) = (at as u128 + 1, leg.windows.len() as u128);
            let eta = began.elapsed().as_millis() * (all - read) / read;
            self.party.live.set(|now| {
                now.windows_done = count(at + 1);
                now.eta_ms = i64::try_from(eta).ok();
            });
        }
        if leg.axis == Axis::Created && self.party.platform.refreshes {
            self.look_for_missing(leg, &met).await?;
        }
        Ok(LegEnd::Whole { fell_back })
    }

    /// Reads a window, again if it is worth it.
    async fn window(&mut self, terms: &Terms<'_>, leg: &Leg, window: (i64, i64)) -> Result<Read, LedgerError> {
        let next = terms.after(&self.cursor, leg, window);
        let axis = leg.axis;
        for attempt in 1..=limits::TASK_TRIES {
            if let Some(left) = self.party.courier.silence() {
                self.pass.notes.push(wants_silence(left));
                return Ok(Read::Partly);
            }
            let task = Task::Sync(Window { axis, start_ms: window.0, end_ms: window.1 });
            let recorded_as = PollTask::Sync { modified: axis == Axis::Modified, start_ms: window.0, end_ms: window.1 };
            let at_whole_end = next.clone();
            let at_end: AtEnd = Arc::new(move |outcome| match outcome {
                Outcome::Synced(coverage) if coverage.complete && coverage.axis == axis => {
                    (at_whole_end.1, Some(at_whole_end.0.clone()))
                }
                _ => (Marks::default(), None),
            });
            let (result, keeper) = self.party.talk(task, recorded_as, Some(at_end)).await?.hold().await;
            match result {
                Ok(Outcome::Synced(coverage)) => {
                    self.tally(&coverage);
                    self.rejected += keeper.as_ref().map_or(0, |keeper| keeper.done.rejected);
                    if coverage.complete {
                        if coverage.axis == axis {
                            self.cursor = next.0;
                        }
                        let met = keeper.map(|keeper| keeper.done.met).unwrap_or_default();
                        return Ok(Read::Whole(coverage.axis, met));
                    }
                    let note = coverage.note.unwrap_or_else(|| "the connector could not read everything".to_owned());
                    self.waits(attempt, window, note, limits::TASK_PAUSE).await;
                }
                // The host lets no other outcome of this task pass.
                Ok(_) => return Ok(Read::Partly),
                Err(TalkError::Ledger(error)) => return Err(error),
                Err(error) => {
                    let text = self.party.courier.clean(error.text());
                    let refused = matches!(error.failure(), Some(Failure::Settings(_) | Failure::Unauthorized(_)));
                    let pause = passing(&error);
                    let malformed = matches!(error.failure(), Some(Failure::Malformed(_)));
                    if let Some(keeper) = keeper {
                        let reason = text.clone();
                        self.party
                            .disk(move |_| if malformed { keeper.quarantine(reason) } else { keeper.fail(reason) })
                            .await?;
                    }
                    if refused {
                        self.party.stop(&text).await?;
                        self.pass.notes.push(text);
                        return Ok(Read::Refused);
                    }
                    let Some(pause) = pause.filter(|pause| *pause <= limits::TASK_PAUSE_MAX) else {
                        tracing::warn!(integration = self.party.name(), reason = text, "a window was not read");
                        self.pass.notes.push(text);
                        return Ok(Read::Partly);
                    };
                    self.waits(attempt, window, text, pause).await;
                }
            }
        }
        Ok(Read::Partly)
    }

    /// Before a window is read once more; after the last attempt, only the note.
    async fn waits(&mut self, attempt: u32, window: (i64, i64), note: String, pause: std::time::Duration) {
        let day = day_of(local_day(window.0, self.party.integration.zone));
        tracing::warn!(integration = self.party.name(), %day, attempt, note, "a window was not read whole");
        if attempt < limits::TASK_TRIES {
            self.party.live.set(|now| now.note = Some(note));
            tokio::time::sleep(pause).await;
            self.party.live.set(|now| now.note = None);
        } else {
            self.pass.notes.push(format!("from {day}: {note}"));
        }
    }

    fn tally(&mut self, coverage: &Coverage) {
        for said in &coverage.tallies {
            let tally = self
                .pass
                .tallies
                .entry(said.collection.clone())
                .or_insert(crate::ledger::Tally { announced: Some(0), received: 0 });
            tally.received += said.received;
            tally.announced = tally.announced.zip(said.announced).map(|(sum, more)| sum + more);
        }
        if let Some(note) = coverage.note.as_ref().filter(|note| coverage.complete && !self.pass.notes.contains(note)) {
            self.pass.notes.push(note.clone());
        }
    }

    /// Orders that a whole walk by creation date should have met and did not: deleted, most likely.
    async fn look_for_missing(&mut self, leg: &Leg, met: &HashSet<u32>) -> Result<(), LedgerError> {
        let (Some(first), Some(last)) = (leg.windows.first(), leg.windows.last()) else { return Ok(()) };
        let (integration, range, met) = (Arc::clone(&self.party.integration), (first.0, last.1), met.clone());
        let missing = self.party.disk(move |app| missing::orders(app, &integration, range, &met)).await?;
        if missing.len() >= limits::REFRESHED {
            self.pass
                .notes
                .push(format!("more than {} orders were not met; only so many were asked for", limits::REFRESHED));
        }
        for orders in missing.chunks(limits::REFRESHED_AT_ONCE) {
            let recorded_as = PollTask::Refresh { orders: orders.to_vec() };
            let talk = self.party.talk(Task::Refresh(orders.to_vec()), recorded_as, None).await?;
            let (result, keeper) = talk.hold().await;
            match result {
                Ok(_) => self.pass.refreshed += orders.len() as u64,
                Err(TalkError::Ledger(error)) => return Err(error),
                Err(error) => {
                    let text = self.party.courier.clean(error.text());
                    tracing::warn!(
                        integration = self.party.name(),
                        reason = text,
                        "orders that were not met could not be asked for"
                    );
                    self.pass.complete = false;
                    self.pass.notes.push(format!("orders that are not listed any more could not be asked for: {text}"));
                    if let Some(keeper) = keeper {
                        self.party.disk(move |_| keeper.fail(text)).await?;
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    async fn save(&self, marks: Marks) -> Result<(), LedgerError> {
        let (name, cursor) = (self.party.name().to_owned(), self.cursor.clone());
        self.party.disk(move |app| app.ledger.set_cursor(&name, marks, |stored| *stored = cursor)).await
    }
}

/// What became of a leg.
enum LegEnd {
    Whole { fell_back: bool },
    Partly,
    Refused,
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

const fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Load => "first load",
        Purpose::Recent => "what is new",
        Purpose::Recheck => "recent days again",
        Purpose::Range => "a range of days",
    }
}
