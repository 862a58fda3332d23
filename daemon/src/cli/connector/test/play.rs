//! Tells a connector a story, as the daemon would: proof, masking, steps, the ledger between them.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use secrecy::SecretString;

use super::super::settings::Given;
use super::super::trial::{self, FileReading};
use super::case::{Act, Case, Delivery};
use super::ledger::Ledger;
use super::script::Script;
use crate::connector::{
    CallContext, CallError, Connector, Conversation, Delivery as Request, Failure, LogLine, Next, Outcome, Proof,
    Replies, Step, Task,
};
use crate::doors::proof;
use crate::limits::cli::CASE_STEPS;
use crate::model::{Change, Door, Entry, Zone};
use crate::platform::key;

/// How a proof is told that takes any delivery.
pub(super) const ADDRESS_ONLY: &str = "none but the address";

/// A connector, and what it is told beside the deliveries.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) connector: Arc<Connector>,
    pub(super) zone: Zone,
    pub(super) given: Given,
    pub(super) secrets: BTreeMap<String, SecretString>,
    /// Milliseconds by which every clock of the story is off.
    pub(super) late_ms: i64,
}

/// What stays between deliveries.
#[derive(Debug)]
pub(super) struct World {
    pub(super) ledger: Ledger,
    memory: Option<Vec<u8>>,
}

/// How a delivery is handed over.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// Break off after so many steps; what they changed stays.
    pub(super) break_after: Option<usize>,
    /// Go on with a fresh instance after every step that left a state.
    pub(super) fresh_instances: bool,
    /// Hand over the rows of files twice to each instance, which must not notice.
    pub(super) rows_twice: bool,
    /// Read on whatever the proof says: the delivery was damaged on purpose.
    pub(super) believe: bool,
}

/// What came of a delivery.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    pub(super) proof: Option<String>,
    pub(super) format: Option<String>,
    pub(super) changes: Vec<Change>,
    pub(super) rejects: Vec<trial::Rejected>,
    pub(super) ignored: u64,
    pub(super) notes: Vec<String>,
    /// What was asked of the platform, in its order, without secrets.
    pub(super) asked: Vec<String>,
    /// States and memories: another instance of the connector is told them.
    pub(super) kept: Vec<Vec<u8>>,
    pub(super) outcome: Option<Outcome>,
    pub(super) log: Vec<LogLine>,
    pub(super) rounded: u64,
    pub(super) parts_mismatch: u64,
    pub(super) steps: usize,
    /// Requests that the case has and that were never sent.
    pub(super) left: Vec<String>,
    pub(super) end: Option<End>,
}

/// Why a delivery was not read to its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// The connector says why.
    Failure(Failure),
    /// It trapped, ran over a limit, or answered what the contract forbids.
    Fault(String),
    /// The daemon would answer 401, or answer a test call and forget it.
    NotRead(String),
    /// The file is none that the connector reads.
    File(String),
    /// It asked for what the case does not have.
    Unscripted(String),
    /// It does not come to an end.
    Endless,
    /// It was broken off on purpose.
    BrokenOff,
}

impl From<CallError> for End {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failure { failure: Failure::Internal(why), .. } => {
                Self::Fault(format!("it says that it is at fault itself: {why}"))
            }
            CallError::Failure { failure, .. } => Self::Failure(failure),
            other => Self::Fault(other.to_string()),
        }
    }
}

impl Stage {
    pub(super) fn new(connector: &Arc<Connector>, case: &Case) -> Self {
        let secret = |(name, word): (&String, &String)| (name.clone(), SecretString::from(word.clone()));
        Self {
            connector: Arc::clone(connector),
            zone: case.zone,
            given: case.given.clone(),
            secrets: case.given.secrets.iter().map(secret).collect(),
            late_ms: 0,
        }
    }

    pub(super) fn world(&self) -> World {
        World { ledger: Ledger::new(self.zone), memory: None }
    }

    /// What a connector is told at this time, milliseconds since 1970-01-01T00:00:00Z.
    pub(super) fn context(&self, now_ms: i64) -> CallContext {
        CallContext {
            now_ms,
            zone: self.zone,
            settings: self.given.values.clone(),
            secrets: self.secrets.keys().cloned().collect(),
            memory: None,
            integration: String::new(),
        }
    }

    /// All deliveries in this order; what came of each, and the ledger in the end.
    pub(super) fn play<'d>(&self, deliveries: impl IntoIterator<Item = &'d Delivery>) -> (Vec<Told>, Vec<Entry>) {
        let mut world = self.world();
        let told = deliveries.into_iter().map(|one| self.deliver(&mut world, one, Manner::default())).collect();
        (told, world.ledger.entries())
    }

    /// One delivery.
    pub(super) fn deliver(&self, world: &mut World, delivery: &Delivery, manner: Manner) -> Told {
        delivery.script.rewind();
        let at_ms = delivery.at_ms.saturating_add(self.late_ms);
        let mut reading = Reading {
            stage: self,
            world,
            script: &delivery.script,
            manner,
            context: self.context(at_ms),
            told: Told::default(),
        };
        reading.context.memory.clone_from(&reading.world.memory);
        let result = match &delivery.act {
            Act::Webhook(request) => reading.webhook(Request { received_ms: at_ms, ..request.clone() }),
            Act::File { bytes, format, options } => {
                let source = Box::new(Cursor::new(bytes.clone()));
                reading.file(FileReading { source, format_id: format.as_deref(), options: *options })
            }
            Act::Poll(task) => reading.poll(task),
        };
        let mut told = reading.told;
        told.end = result.err();
        told.left = delivery.script.left();
        told
    }
}

struct Reading<'a> {
    stage: &'a Stage,
    world: &'a mut World,
    script: &'a Script,
    manner: Manner,
    context: CallContext,
    told: Told,
}

/// What a fresh instance is told to go on.
#[derive(Clone, Copy)]
enum Talk<'a> {
    Webhook { received_ms: i64 },
    Poll(&'a Task),
}

impl Reading<'_> {
    fn webhook(&mut self, mut request: Request) -> Result<(), End> {
        let connector = &self.stage.connector;
        let (proof, mut log) = connector.prove_aloud(&request, &self.context);
        self.told.log.append(&mut log);
        let words = &self.stage.secrets;
        let proof = match proof {
            // What was damaged may be no delivery any more; a crash is a crash all the same.
            Err(CallError::Failure { failure, .. })
                if self.manner.believe && !matches!(failure, Failure::Internal(_)) =>
            {
                Proof::AddressOnly
            }
            proof => proof?,
        };
        let (shown, verdict) = match &proof {
            Proof::AddressOnly => (ADDRESS_ONLY.to_owned(), Ok(())),
            Proof::Ping(_) => ("a test call".to_owned(), Err("it is answered and forgotten".to_owned())),
            Proof::Refuse(why) => ("refused".to_owned(), Err(why.clone())),
            Proof::Equals { secret, value } => {
                let right = proof::equals(words, secret, value) && value.len() >= proof::WORD_BYTES_MIN;
                (
                    format!("a word equal to `{secret}`"),
                    right.then_some(()).ok_or_else(|| {
                        format!("the word is not the `{secret}` of the case; in the body write ${{secret:{secret}}}")
                    }),
                )
            }
            Proof::Hmac(hmac) => {
                let right = proof::signed(words, hmac, &request.body, request.received_ms);
                (
                    format!("an HMAC with `{}`", hmac.secret),
                    right.then_some(()).ok_or_else(|| "the signature is wrong or too old".to_owned()),
                )
            }
        };
        self.told.proof = Some(shown);
        if !self.manner.believe {
            verdict.map_err(End::NotRead)?;
        }
        // The daemon strikes the word out before it stores the delivery, and hands over what is stored.
        let masks = match &proof {
            Proof::Equals { value, .. } => vec![value.clone()],
            _ if self.manner.believe => {
                self.stage.given.secrets.values().map(|word| word.clone().into_bytes()).collect()
            }
            _ => Vec::new(),
        };
        for word in masks.iter().filter(|word| word.len() >= proof::WORD_BYTES_MIN) {
            request.body = proof::mask(&request.body, word);
            request.query = proof::mask_text(&request.query, word);
            for header in &mut request.headers {
                header.value = proof::mask_text(&header.value, word);
            }
        }
        let conversation = connector.receive(&request, &self.context)?;
        self.converse(conversation, Door::Webhook, Talk::Webhook { received_ms: request.received_ms })
    }

    fn poll(&mut self, task: &Task) -> Result<(), End> {
        let conversation = self.stage.connector.begin(task.clone(), &self.context)?;
        self.converse(conversation, Door::Poll, Talk::Poll(task))
    }

    fn converse(&mut self, mut conversation: Conversation, door: Door, talk: Talk<'_>) -> Result<(), End> {
        let connector = &self.stage.connector;
        for _ in 0..CASE_STEPS {
            self.told.log.append(&mut conversation.take_log());
            let step = conversation.take_step();
            let next = self.keep(step, door)?;
            if self.manner.break_after == Some(self.told.steps) {
                return Err(End::BrokenOff);
            }
            let ask = match next {
                Next::Done(outcome) => {
                    self.told.outcome = Some(outcome);
                    return Ok(());
                }
                Next::Ask(ask) => ask,
            };
            let mut replies = Replies::default();
            for request in &ask.requests {
                self.told.asked.push(key(request));
                let reply = self.script.answer(request);
                replies.responses.push(reply.ok_or_else(|| End::Unscripted(key(request)))?);
            }
            replies.orders = ask.orders.iter().map(|id| self.world.ledger.order(id)).collect();
            conversation = match (&ask.state, talk) {
                (Some(state), Talk::Poll(task)) if self.manner.fresh_instances => {
                    connector.resume_poll(task, state, replies, &self.context)?
                }
                (Some(state), Talk::Webhook { received_ms }) if self.manner.fresh_instances => {
                    connector.resume_receive(received_ms, state, replies, &self.context)?
                }
                (state, _) => conversation.resume(state.as_deref(), replies, &self.context)?,
            };
        }
        Err(End::Endless)
    }

    /// Stores a step.
    fn keep(&mut self, step: Step, door: Door) -> Result<Next, End> {
        let Step { changes, rejects, memory, next, rounded, parts_mismatch, .. } = step;
        self.told.steps += 1;
        self.store(door, changes)?;
        self.told.rejects.extend(rejects.into_iter().map(|reject| trial::Rejected {
            line: None,
            field: reject.field,
            id: reject.id,
            reason: reject.reason,
            answer: reject.index,
        }));
        self.told.rounded += rounded;
        self.told.parts_mismatch += parts_mismatch;
        if let Next::Ask(ask) = &next {
            self.told.kept.extend(ask.state.clone());
        }
        if let Some(memory) = memory {
            self.told.kept.push(memory.clone());
            self.world.memory = Some(memory);
        }
        Ok(next)
    }

    fn store(&mut self, door: Door, changes: Vec<Change>) -> Result<(), End> {
        self.world.ledger.keep(door, &changes).map_err(|error| End::Fault(error.to_string()))?;
        self.told.changes.extend(changes);
        Ok(())
    }

    fn file(&mut self, reading: FileReading<'_>) -> Result<(), End> {
        let connector = &self.stage.connector;
        let formats = trial::formats(connector, reading.format_id).map_err(End::File)?;
        let plan =
            trial::plan(connector, &formats, reading, &self.context).map_err(|error| End::File(error.to_string()))?;
        let recognised = plan.recognised();
        self.told.format = Some(recognised.format_id.clone());
        let bad = plan.bad_rows().iter().map(|row| trial::Rejected {
            line: Some(row.line),
            field: row.column.clone(),
            id: None,
            reason: row.value.as_ref().map_or_else(|| row.reason.clone(), |value| format!("{value} {}", row.reason)),
            answer: 0,
        });
        self.told.rejects.extend(bad);
        let context = self.context.clone();
        let reader = || connector.reader(&recognised.format_id, recognised.other_headings(), &context);
        let mut running = reader()?;
        for rows in plan.batches() {
            let rows = rows.map_err(|error| End::File(error.to_string()))?;
            if self.manner.fresh_instances {
                running = reader()?;
            }
            let read = running.read(&rows);
            self.told.log.append(&mut running.take_log());
            let batch = read?;
            if self.manner.rows_twice {
                let again = running.read(&rows);
                drop(running.take_log());
                if again? != batch {
                    return Err(End::Fault(
                        "the same rows, read once more by the same instance, give another answer".into(),
                    ));
                }
            }
            self.told.rejects.extend(batch.rejects.into_iter().map(|reject| trial::Rejected {
                line: usize::try_from(reject.index).ok().and_then(|index| rows.lines.get(index).copied()),
                field: reject.field,
                id: reject.id,
                reason: reject.reason,
                answer: 0,
            }));
            self.told.ignored += u64::from(batch.ignored);
            self.told.notes.extend(batch.notes);
            self.told.rounded += batch.rounded;
            self.told.parts_mismatch += batch.parts_mismatch;
            self.store(Door::File, batch.changes)?;
        }
        Ok(())
    }
}
