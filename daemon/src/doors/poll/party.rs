//! Who is asked, with what, and how what comes of it is kept.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::{Connector, Task, Window};
use crate::ledger::{Delivery, LedgerError, Marks, PollTask, State, Stop, What};
use crate::limits::platform::CONVERSATION;
use crate::live::Live;
use crate::model::manifest::{Axis, Polling};
use crate::model::{Door, Zone};
use crate::platform::{Budget, Courier};

use super::super::talk::{AtEnd, LedgerKeeper, Platform, Talk, Tell, Told, sum};
use super::pass::SyncError;
use super::plan::Terms;

/// Everything that one integration is asked with.
#[derive(Clone)]
pub(in crate::doors) struct Party {
    pub(in crate::doors) app: Arc<App>,
    pub(in crate::doors) integration: Arc<Integration>,
    pub(in crate::doors) connector: Arc<Connector>,
    pub(in crate::doors) platform: Polling,
    pub(in crate::doors) courier: Arc<Courier>,
    pub(in crate::doors) live: Arc<Live>,
}

impl Party {
    pub(super) fn of(app: &Arc<App>, name: &str) -> Result<Self, SyncError> {
        let Some((integration, connector)) = app.integration(name) else {
            let why = format!(
                "integration `{name}` is not in use: it is disabled, not configured, or its connector is not loaded"
            );
            return Err(SyncError::NotPolled(why));
        };
        let Some(platform) = connector.manifest.polling.clone() else {
            let why = format!(
                "the connector `{}` does not ask its platform; `{name}` lives by webhooks and files",
                integration.connector
            );
            return Err(SyncError::NotPolled(why));
        };
        let courier = app.courier(name).map_err(SyncError::NotPolled)?;
        Ok(Self {
            app: Arc::clone(app),
            integration: Arc::new(integration.clone()),
            connector: Arc::clone(connector),
            platform,
            courier,
            live: app.process.polls.of(name),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.integration.name
    }

    /// Runs something that touches the disk.
    pub(in crate::doors) async fn disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let app = Arc::clone(&self.app);
        let worked = tokio::task::spawn_blocking(move || work(&app)).await;
        worked.unwrap_or_else(|panic| Err(LedgerError::Encode(format!("a task failed: {panic}"))))
    }

    /// A conversation that is kept in the ledger.
    pub(super) async fn talk(
        &self,
        task: Task,
        recorded_as: PollTask,
        at_end: Option<AtEnd>,
    ) -> Result<Talk<LedgerKeeper>, LedgerError> {
        let now = now_ms();
        let (integration, connector) = (Arc::clone(&self.integration), Arc::clone(&self.connector));
        let app = Arc::clone(&self.app);
        let context = self.disk(move |app| app.call_context(&integration, &connector, now)).await?;
        let mut keeper =
            LedgerKeeper::new(&app, &self.integration, &self.connector, Door::Poll, app.ledger.new_delivery());
        keeper.record = Some(Delivery {
            integration: self.name().to_owned(),
            door: Door::Poll,
            received_ms: now,
            what: What::Poll {
                task: recorded_as,
                memory: context.memory.as_ref().map(|memory| STANDARD.encode(memory)),
            },
            state: State::Unfinished,
            attempts: 0,
            from_archive: false,
        });
        keeper.at_end = at_end;
        keeper.tell = Some(tell(&self.live));
        Ok(Talk {
            connector: Arc::clone(&self.connector),
            context,
            platform: Platform { courier: Some(Arc::clone(&self.courier)), recorded: None },
            budget: Budget::new(CONVERSATION),
            keeper,
            task: Some(task),
        })
    }

    /// Notes that the platform wants a person to act. Nothing is asked any more.
    pub(super) async fn stop(&self, reason: &str) -> Result<(), LedgerError> {
        tracing::error!(integration = self.name(), reason, "the platform is not asked any more until this is mended");
        let stop = Stop { since_ms: now_ms(), reason: reason.to_owned() };
        let name = self.name().to_owned();
        self.disk(move |app| app.ledger.set_cursor(&name, Marks::default(), |cursor| cursor.stopped = Some(stop))).await
    }
}

/// Everything that one integration is asked with, and its zone.
pub(in crate::doors) fn party(app: &Arc<App>, name: &str) -> Result<(Party, Zone), SyncError> {
    let party = Party::of(app, name)?;
    let zone = party.integration.zone;
    Ok((party, zone))
}

/// The windows of a range of days, by creation date.
pub(in crate::doors) fn legs_between(party: &Party, (first, last): (i32, i32)) -> Vec<Window> {
    let terms = Terms {
        platform: &party.platform,
        wanted: &party.integration.polling,
        zone: party.integration.zone,
        now_ms: now_ms(),
    };
    let window = |(start_ms, end_ms)| Window { axis: Axis::Created, start_ms, end_ms };
    terms.range(first, last).windows.into_iter().map(window).collect()
}

fn tell(live: &Arc<Live>) -> Tell {
    let live = Arc::clone(live);
    // Totals of the conversation come in; those of the pass are shown.
    let before = {
        let now = live.now();
        (now.requests, now.bytes)
    };
    Arc::new(move |told| {
        live.set(|now| match told {
            Told::Progress(progress) => (now.objects_done, now.objects) = (progress.done, progress.total),
            Told::Counts(counts) => now.counts = sum(now.counts, counts),
            Told::Sent { requests, bytes } => (now.requests, now.bytes) = (before.0 + requests, before.1 + bytes),
        });
    })
}
