//! The ledger beside the platform, or beside an exported file: what is counted and summed on either side, month by month, and
//! the orders that differ. Nothing is changed.

mod told;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::{Outcome, StoredOrder, Task};
use crate::ledger::LedgerError;
use crate::limits::doors as limits;
use crate::model::{Change, Currency, Entry, Kind, Moment, Zone, day_of, local_day};
use crate::platform::Budget;

use super::import::{self, ImportError, Understood};
use super::pipeline::read_rows;
use super::poll::{SyncError, legs_between};
use super::talk::{Keeper, Kept, Platform, Talk, TalkError};

/// What was compared, and what came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reconciled {
    /// Which integration.
    pub integration: String,
    /// What the ledger was held against.
    pub source: String,
    /// First day, in the zone of the account.
    pub from: String,
    /// Last day.
    pub to: String,
    /// The source was read whole; otherwise differences may only be gaps in the reading.
    pub complete: bool,
    /// What stands in the way of trusting it.
    pub notes: Vec<String>,
    /// By month, kind and currency.
    pub months: Vec<Month>,
    /// Orders that differ, the first of them.
    pub differences: Vec<Difference>,
    /// How many there are.
    pub differences_total: u64,
}

/// One month of one kind in one currency.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Month {
    /// `2026-03`
    pub month: String,
    /// What moved.
    #[serde(serialize_with = "word")]
    #[schemars(with = "Kind")]
    pub kind: Kind,
    /// In which currency.
    #[serde(serialize_with = "code")]
    #[schemars(with = "String", regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: Currency,
    /// In the ledger.
    pub ledger: Side,
    /// In the source.
    pub source: Side,
}

fn code<S: serde::Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(currency.as_str())
}

fn word<S: serde::Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

/// Entries and their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Side {
    /// How many.
    pub count: u64,
    /// In minor units of the currency, not negative.
    pub minor: i64,
}

impl Side {
    fn add(&mut self, minor: i64) {
        self.count += 1;
        self.minor = self.minor.saturating_add(minor);
    }
}

/// An order whose money differs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Difference {
    /// The platform's id.
    pub order: String,
    /// First day on which either side has something.
    pub day: String,
    /// What moved.
    #[serde(serialize_with = "word")]
    #[schemars(with = "Kind")]
    pub kind: Kind,
    /// In which currency.
    #[serde(serialize_with = "code")]
    #[schemars(with = "String", regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: Currency,
    /// In the ledger.
    pub ledger: Side,
    /// In the source.
    pub source: Side,
}

/// Nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The platform cannot be asked.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The file cannot be read.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The platform did not answer.
    #[error("{0}")]
    Failed(String),
}

impl From<LedgerError> for ReconcileError {
    fn from(error: LedgerError) -> Self {
        Self::Sync(SyncError::Ledger(error))
    }
}

/// Days that are compared where nobody says which.
const DAYS: i32 = 92;

/// Reads a range of days from the platform once more and holds the ledger against it. Both ends are included; by default the
/// last three months.
///
/// # Errors
/// If the platform cannot be asked or does not answer.
pub async fn with_platform(
    app: &Arc<App>,
    name: &str,
    (from, to): (Option<i32>, Option<i32>),
) -> Result<Reconciled, ReconcileError> {
    let (party, zone) = super::poll::party(app, name)?;
    let today = local_day(now_ms(), zone);
    let last = to.unwrap_or(today).min(today);
    let first = from.unwrap_or_else(|| last.saturating_sub(DAYS - 1));
    let shadow = Arc::new(Mutex::new(Shadow::default()));
    let (mut complete, mut notes) = (true, Vec::new());
    let _turn = party.live.turn.lock().await;
    for window in legs_between(&party, (first, last)) {
        match talk(&party, &shadow, Task::Sync(window)).await? {
            Outcome::Synced(coverage) => {
                complete &= coverage.complete;
                notes.extend(coverage.note.filter(|note| !notes.contains(note)));
            }
            _ => complete = false,
        }
    }
    let integration = Arc::clone(&party.integration);
    let range = Range { first, last, zone };
    let (reader, shadowed, of) = (Arc::clone(app), Arc::clone(&shadow), Arc::clone(&integration));
    let unmet = party.disk(move |_| unmet(&reader, &of, &shadowed, range)).await?;
    if party.platform.refreshes {
        // What the walk did not meet may be older than the range, or gone.
        for orders in unmet.chunks(limits::REFRESHED_AT_ONCE) {
            talk(&party, &shadow, Task::Refresh(orders.to_vec())).await?;
        }
    }
    let source = format!("the API of {}", party.connector.manifest.name);
    let (reader, of) = (Arc::clone(app), Arc::clone(&integration));
    let mut compared = party
        .disk(move |_| {
            let shadow = shadow.lock().unwrap_or_else(PoisonError::into_inner);
            compare(&reader, &of, &shadow, range, true)
        })
        .await?;
    (compared.source, compared.complete) = (source, complete);
    compared.notes.extend(notes);
    Ok(compared)
}

/// Reads an exported file as an import would, and holds the ledger against it. Without a range, against the days from its first
/// to its last entry.
///
/// # Errors
/// If the file cannot be read.
pub fn with_file(
    app: &Arc<App>,
    name: &str,
    file: &str,
    source: impl Read,
    (from, to): (Option<i32>, Option<i32>),
) -> Result<Reconciled, ReconcileError> {
    let request =
        import::Request { name: file, integration: Some(name), dry_run: true, complete_through: None, bytes: None };
    let mut silent = |_, _, _| {};
    let understood = import::understand(app, &request, source, None, &mut silent)?;
    let Understood { integration, connector, plan, .. } = &understood;
    let context = app.call_context(integration, connector, now_ms())?;
    let mut shadow = Shadow::default();
    let mut take = |changes: Vec<Change>| {
        changes.into_iter().for_each(|change| shadow.change(change));
        Ok(())
    };
    let read = read_rows(connector, &context, plan, &mut take, &mut silent)?;
    let days = |ms: i64| local_day(ms, integration.zone);
    let span = read.span_ms.map(|(first, last)| (days(first), days(last)));
    let today = days(now_ms());
    let range = Range {
        first: from.or(span.map(|(first, _)| first)).unwrap_or(today),
        last: to.or(span.map(|(_, last)| last)).unwrap_or(today),
        zone: integration.zone,
    };
    let mut compared = compare(app, integration, &shadow, range, false)?;
    compared.source = format!("the file {file}");
    let refused = read.refused_total + plan.bad_rows().len() as u64;
    if refused > 0 {
        compared.complete = false;
        compared.notes.push(format!("{refused} rows of the file could not be read"));
    }
    Ok(compared)
}

/// What a source says there is, after everything it said.
#[derive(Debug, Default)]
struct Shadow {
    entries: HashMap<(Kind, String), Entry>,
    /// Which entries an order has.
    orders: HashMap<String, BTreeSet<(Kind, String)>>,
}

impl Shadow {
    fn change(&mut self, change: Change) {
        match change {
            Change::Put(entry) => self.put(entry),
            Change::ReplaceOrder(order) => {
                for key in self.orders.remove(&order.id).unwrap_or_default() {
                    self.entries.remove(&key);
                }
                // The order was seen, even if nothing of it is left.
                self.orders.entry(order.id).or_default();
                order.entries.into_iter().for_each(|entry| self.put(entry));
            }
            Change::Withdraw(withdrawal) => {
                let key = (withdrawal.key.kind, withdrawal.key.id);
                if let Some(entry) = self.entries.remove(&key)
                    && let Some(of_order) = self.orders.get_mut(&entry.order_id)
                {
                    of_order.remove(&key);
                }
            }
        }
    }

    fn put(&mut self, entry: Entry) {
        let key = (entry.key.kind, entry.key.id.clone());
        if self.entries.get(&key).is_none_or(|known| known.revision <= entry.revision) {
            self.orders.entry(entry.order_id.clone()).or_default().insert(key.clone());
            self.entries.insert(key, entry);
        }
    }
}

/// Days that are compared, both ends included.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: i32,
    last: i32,
    zone: Zone,
}

impl Range {
    /// The day, if it belongs.
    fn day(self, at: Moment) -> Option<i32> {
        let day = local_day(at.resolve(self.zone).unix_ms, self.zone);
        (self.first..=self.last).contains(&day).then_some(day)
    }
}

/// One entry of either side.
struct Item {
    order: String,
    kind: Kind,
    currency: Currency,
    minor: i64,
    /// If it lies in the range.
    day: Option<i32>,
}

/// Entries of the ledger that lie in the range, and all entries of the orders they belong to or that the source has.
fn stored(app: &App, integration: &Integration, range: Range, also: &Shadow) -> Result<Vec<Item>, LedgerError> {
    let mut places = Vec::new();
    {
        let book = app.ledger.book();
        let Some(number) = book.integrations().iter().position(|name| **name == *integration.name) else {
            return Ok(Vec::new());
        };
        let mut orders: BTreeSet<u32> =
            also.orders.keys().filter_map(|id| book.order_number(&integration.name, id)).collect();
        let of_integration = || book.live().filter(|entry| usize::from(entry.integration) == number);
        orders.extend(of_integration().filter(|entry| range.day(entry.at).is_some()).map(|entry| entry.order));
        places.extend(
            of_integration()
                .filter(|entry| orders.contains(&entry.order))
                .map(|entry| (entry.place, entry.at, entry.total)),
        );
    }
    let mut items = Vec::with_capacity(places.len());
    for (place, at, total) in places {
        if let Some(entry) = app.ledger.entry(place)? {
            let (kind, currency) = (entry.key.kind, entry.currency);
            items.push(Item { order: entry.order_id, kind, currency, minor: total, day: range.day(at) });
        }
    }
    Ok(items)
}

/// Orders of the ledger in the range that the source did not name.
fn unmet(
    app: &App,
    integration: &Integration,
    shadow: &Mutex<Shadow>,
    range: Range,
) -> Result<Vec<String>, LedgerError> {
    let shadow = shadow.lock().unwrap_or_else(PoisonError::into_inner);
    let items = stored(app, integration, range, &shadow)?;
    let orders: BTreeSet<String> = items
        .into_iter()
        .filter(|item| item.day.is_some() && !shadow.orders.contains_key(&item.order))
        .map(|item| item.order)
        .collect();
    Ok(orders.into_iter().collect())
}

/// Takes out what belongs to sales of which the source has told nothing, since they were made before the range. Gives how many
/// of them lie in the range.
fn leave_out_older(ledger: &mut Vec<Item>, shadow: &Shadow) -> usize {
    let of_sale = |kind: Kind| kind == Kind::Sale;
    let new_here: BTreeSet<String> =
        ledger.iter().filter(|item| of_sale(item.kind) && item.day.is_some()).map(|item| item.order.clone()).collect();
    let sold: BTreeSet<&str> =
        shadow.entries.values().filter(|entry| of_sale(entry.key.kind)).map(|entry| entry.order_id.as_str()).collect();
    let is_label = |kind: Kind| matches!(kind, Kind::Chargeback | Kind::ChargebackReversal);
    let mut left_out = 0;
    ledger.retain(|item| {
        let told = shadow.orders.contains_key(&item.order);
        // A chargeback may be no object of its own, but a label on its sale.
        let known =
            new_here.contains(&item.order) || sold.contains(item.order.as_str()) || (told && !is_label(item.kind));
        left_out += usize::from(!known && item.day.is_some());
        known
    });
    left_out
}

/// The ledger and the source.
type Sides = (Side, Side);

/// `by_creation`: the source was asked by date of creation, so of older sales it has told nothing.
fn compare(
    app: &App,
    integration: &Integration,
    shadow: &Shadow,
    range: Range,
    by_creation: bool,
) -> Result<Reconciled, LedgerError> {
    let mut ledger = stored(app, integration, range, shadow)?;
    let mut notes = Vec::new();
    if by_creation {
        let older = leave_out_older(&mut ledger, shadow);
        if older > 0 {
            let what = "refunds and chargebacks of older sales are not compared: a longer range has them as well";
            notes.push(format!("{older} {what}"));
        }
    }
    let source: Vec<Item> = shadow
        .entries
        .values()
        .map(|entry| Item {
            order: entry.order_id.clone(),
            kind: entry.key.kind,
            currency: entry.currency,
            minor: entry.amounts.total,
            day: range.day(entry.at),
        })
        .collect();
    let mut months: BTreeMap<(String, Kind, Currency), Sides> = BTreeMap::new();
    // In the range, and in all, by order.
    let mut orders: BTreeMap<(&str, Kind, Currency), [Sides; 2]> = BTreeMap::new();
    let mut days: HashMap<&str, i32> = HashMap::new();
    let sides = ledger.iter().map(|item| (item, true)).chain(source.iter().map(|item| (item, false)));
    for (item, of_ledger) in sides {
        let pick = |pair: &mut Sides| {
            let side = if of_ledger { &mut pair.0 } else { &mut pair.1 };
            side.add(item.minor);
        };
        let [inside, all] = orders.entry((&item.order, item.kind, item.currency)).or_default();
        pick(all);
        if let Some(day) = item.day {
            pick(inside);
            let month = day_of(day).format("%Y-%m").to_string();
            pick(months.entry((month, item.kind, item.currency)).or_default());
            let first = days.entry(&item.order).or_insert(day);
            *first = day.min(*first);
        }
    }
    let mut differences = Vec::new();
    let mut differences_total = 0;
    for ((order, kind, currency), [inside, all]) in &orders {
        // A day more or less at the edge of the range is no difference in money.
        if inside.0 == inside.1 || all.0 == all.1 {
            continue;
        }
        differences_total += 1;
        if differences.len() < limits::DIFFERENCES {
            let day = days.get(order).map_or_else(String::new, |day| day_of(*day).to_string());
            differences.push(Difference {
                order: (*order).to_owned(),
                day,
                kind: *kind,
                currency: *currency,
                ledger: inside.0,
                source: inside.1,
            });
        }
    }
    differences.sort_by(|a, b| (&a.day, &a.order).cmp(&(&b.day, &b.order)));
    let month = |((month, kind, currency), (ledger, source))| Month { month, kind, currency, ledger, source };
    Ok(Reconciled {
        integration: integration.name.clone(),
        source: String::new(),
        from: day_of(range.first).to_string(),
        to: day_of(range.last).to_string(),
        complete: true,
        notes,
        months: months.into_iter().map(month).collect(),
        differences,
        differences_total,
    })
}

async fn talk(party: &super::poll::Party, shadow: &Arc<Mutex<Shadow>>, task: Task) -> Result<Outcome, ReconcileError> {
    for attempt in 1..=limits::TASK_TRIES {
        let (integration, connector) = (Arc::clone(&party.integration), Arc::clone(&party.connector));
        let now = now_ms();
        let context = party.disk(move |app| app.call_context(&integration, &connector, now)).await?;
        let keeper = ShadowKeeper {
            app: Arc::clone(&party.app),
            integration: Arc::clone(&party.integration),
            shadow: Arc::clone(shadow),
        };
        let talk = Talk {
            connector: Arc::clone(&party.connector),
            context,
            platform: Platform { courier: Some(Arc::clone(&party.courier)), recorded: None },
            budget: Budget::new(crate::limits::platform::CONVERSATION),
            keeper,
            task: Some(task.clone()),
        };
        match talk.hold().await.0 {
            Ok(Outcome::Synced(coverage)) if !coverage.complete && attempt < limits::TASK_TRIES => {}
            Ok(outcome) => return Ok(outcome),
            Err(TalkError::Ledger(error)) => return Err(error.into()),
            Err(error) => match super::talk::passing(&error)
                .filter(|pause| attempt < limits::TASK_TRIES && *pause <= limits::TASK_PAUSE_MAX)
            {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(ReconcileError::Failed(party.courier.clean(error.text()))),
            },
        }
    }
    Err(ReconcileError::Failed("the platform could not be read whole".to_owned()))
}

/// Keeps what a connector says beside the ledger. To the connector nothing is known yet: one that only tells what is new would
/// otherwise tell nothing.
#[derive(Clone)]
struct ShadowKeeper {
    app: Arc<App>,
    integration: Arc<Integration>,
    shadow: Arc<Mutex<Shadow>>,
}

impl Keeper for ShadowKeeper {
    fn keep(&mut self, kept: Kept) -> Result<(), LedgerError> {
        let mut shadow = self.shadow.lock().unwrap_or_else(PoisonError::into_inner);
        kept.step.changes.into_iter().for_each(|change| shadow.change(change));
        Ok(())
    }

    fn order(&self, id: &str) -> Result<StoredOrder, LedgerError> {
        Ok(StoredOrder { id: id.to_owned(), revision: 0, entries: Vec::new() })
    }

    fn sent(&mut self, requests: u64, bytes: u64) {
        self.app.process.polls.of(&self.integration.name).set(|now| (now.requests, now.bytes) = (requests, bytes));
    }

    fn lend(&mut self) -> Self {
        self.clone()
    }
}
