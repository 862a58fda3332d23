//! Tasks without entries: is everything set up, and does the platform deliver here.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use crate::app::App;
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::{CallContext, Connector, Failure, Outcome, StoredOrder, Subscription, Task};
use crate::ledger::{LedgerError, Marks, PollTask};
use crate::limits::{doors as limits, platform::CHECK};
use crate::platform::{Budget, Courier};

use super::super::talk::{Keeper, Kept, Platform, Talk, TalkError};
use super::party::Party;
use super::pass::SyncError;

/// What became of the webhooks at a platform.
#[derive(Debug, Clone)]
pub struct Subscribed {
    /// Those that deliver here now.
    pub webhooks: Vec<Subscription>,
    /// Whether a test call of the platform has reached this machine. `None`: nothing was made, so none was due.
    pub reached: Option<bool>,
}

/// Sees to it that the platform delivers to the address of this integration.
///
/// # Errors
/// If it cannot be asked, or refuses.
pub async fn subscribe(app: &Arc<App>, name: &str) -> Result<Subscribed, SyncError> {
    let party = able(app, name)?;
    let Some(token) = &party.integration.webhook_token else {
        return Err(SyncError::NotPolled(format!("`{name}` has no webhook address")));
    };
    let url = format!("{}/hooks/{name}/{}", app.config.webhooks.public_url, token.expose_secret());
    let _turn = party.live.turn.lock().await;
    let began = now_ms();
    match run(&party, Task::Subscribe(url), PollTask::Subscribe).await? {
        Outcome::Subscribed(webhooks) => {
            let made = webhooks.iter().any(|webhook| webhook.action != crate::connector::SubscriptionAction::Kept);
            let reached = if made { Some(test_call(&party, began).await) } else { None };
            let of = name.to_owned();
            let at = now_ms();
            party
                .disk(move |app| app.ledger.set_cursor(&of, Marks::default(), |cursor| cursor.subscribed_ms = Some(at)))
                .await?;
            Ok(Subscribed { webhooks, reached })
        }
        _ => Err(SyncError::NotPolled("the connector did not answer what it was asked".to_owned())),
    }
}

/// Removes the webhooks that deliver to the address of this integration. Gives how many there were.
///
/// # Errors
/// If the platform cannot be asked, or refuses.
pub async fn unsubscribe(app: &Arc<App>, name: &str) -> Result<u32, SyncError> {
    let party = able(app, name)?;
    let Some(token) = &party.integration.webhook_token else { return Ok(0) };
    let url = format!("{}/hooks/{name}/{}", app.config.webhooks.public_url, token.expose_secret());
    let _turn = party.live.turn.lock().await;
    let outcome = run(&party, Task::Unsubscribe(url), PollTask::Unsubscribe).await?;
    let of = name.to_owned();
    party.disk(move |app| app.ledger.set_cursor(&of, Marks::default(), |cursor| cursor.subscribed_ms = None)).await?;
    Ok(if let Outcome::Unsubscribed(removed) = outcome { removed } else { 0 })
}

fn able(app: &Arc<App>, name: &str) -> Result<Party, SyncError> {
    let party = Party::of(app, name)?;
    if party.platform.subscribes {
        return Ok(party);
    }
    let by_hand = party.connector.manifest.webhook.as_ref().and_then(|webhook| webhook.manual_setup.as_deref());
    let why = format!(
        "{} has no way to set webhooks up from outside. {}",
        party.connector.manifest.name,
        by_hand.unwrap_or("Its own pages say whether it sends any.")
    );
    Err(SyncError::NotPolled(why.trim().to_owned()))
}

async fn run(party: &Party, task: Task, recorded_as: PollTask) -> Result<Outcome, SyncError> {
    let (result, keeper) = party.talk(task, recorded_as, None).await?.hold().await;
    match result {
        Ok(outcome) => Ok(outcome),
        Err(TalkError::Ledger(error)) => Err(error.into()),
        Err(error) => {
            let text = party.courier.clean(error.text());
            if let Some(keeper) = keeper {
                let reason = text.clone();
                party.disk(move |_| keeper.fail(reason)).await?;
            }
            Err(SyncError::Stopped(text))
        }
    }
}

/// Whether the platform has called the address since.
async fn test_call(party: &Party, since_ms: i64) -> bool {
    let came = || party.live.now().test_call_ms.is_some_and(|at| at >= since_ms);
    let until = tokio::time::Instant::now() + limits::TEST_CALL;
    while !came() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    came()
}

/// Asks a platform whether address, credentials and permissions are good. Needs no ledger.
///
/// # Errors
/// What is wrong, for the operator.
pub async fn check(integration: &Integration, connector: &Arc<Connector>) -> Result<Vec<String>, String> {
    let courier = Courier::new(integration, &connector.manifest).map_err(|error| error.to_string())?;
    let courier = Arc::new(courier);
    let context = CallContext {
        now_ms: now_ms(),
        zone: integration.zone,
        settings: integration.settings.clone(),
        secrets: integration.secrets.keys().cloned().collect(),
        memory: None,
        integration: integration.name.clone(),
    };
    let talk = Talk {
        connector: Arc::clone(connector),
        context,
        platform: Platform { courier: Some(Arc::clone(&courier)), recorded: None },
        budget: Budget::new(CHECK),
        keeper: NoLedger,
        task: Some(Task::Check),
    };
    let (result, _) = talk.hold().await;
    match result {
        Ok(Outcome::Checked(lines)) => Ok(lines.into_iter().map(|line| courier.clean(line)).collect()),
        Ok(_) => Err("the connector did not answer what it was asked".to_owned()),
        Err(error) => Err(courier.clean(match error.failure() {
            Some(Failure::Throttled(_)) => format!("{} (try again later)", error.text()),
            _ => error.text(),
        })),
    }
}

/// A check changes nothing.
#[derive(Clone, Copy)]
struct NoLedger;

impl Keeper for NoLedger {
    fn keep(&mut self, _: Kept) -> Result<(), LedgerError> {
        Ok(())
    }

    fn order(&self, id: &str) -> Result<StoredOrder, LedgerError> {
        Ok(StoredOrder { id: id.to_owned(), revision: 0, entries: Vec::new() })
    }

    fn sent(&mut self, _: u64, _: u64) {}

    fn lend(&mut self) -> Self {
        *self
    }
}
