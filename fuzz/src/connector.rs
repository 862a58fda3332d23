//! What connectors answer, on its way to the ledger. Every value that the contract's types can hold is tried, as a hostile connector
//! could send it; the WebAssembly runtime, which lifts it, is left out.

#[path = "../../daemon/src/connector/answer.rs"]
mod answer;
#[path = "../../daemon/src/connector/ask.rs"]
mod ask;
#[path = "../../daemon/src/connector/log.rs"]
mod log;
#[path = "../../daemon/src/connector/manifest.rs"]
mod manifest;
#[path = "../../daemon/src/connector/time.rs"]
mod time;
#[path = "../../daemon/src/connector/types.rs"]
mod types;

pub use types::*;

use arbitrary::Arbitrary;

use crate::limits::connector::{AMOUNT_MINOR, CHANGES, ID_BYTES, MESSAGE_BYTES, REJECTS};
use crate::model::manifest::{Manifest, SettingDescription, SettingKind};
use crate::model::{Change, Entry, Reject};

/// The contract's types, made anew from `wit/` so that values of them can be thought up.
mod said {
    wit_bindgen::generate!({
        path: "../wit",
        world: "complete",
        additional_derives: [arbitrary::Arbitrary],
    });
}

mod bindings {
    pub(super) use super::said::exports::ltv::connector::{connector, csv, poll, webhook};
    pub(super) use super::said::ltv::connector::types;
}

mod host {
    /// As the daemon's.
    #[derive(Debug, Clone, Copy)]
    pub struct Interfaces {
        /// It can be polled.
        pub poll: bool,
        /// It reads webhooks.
        pub webhook: bool,
        /// It reads files.
        pub csv: bool,
    }
}

/// All that a connector may say.
#[derive(Debug, Arbitrary)]
pub struct Said {
    received_ms: Option<i64>,
    /// Responses that the call was given, or rows.
    given: u16,
    step: bindings::types::Step,
    proof: bindings::webhook::Proof,
    failure: bindings::types::Failure,
    batch: bindings::csv::Batch,
    manifest: bindings::connector::Manifest,
    exported: (bool, bool, bool),
}

/// Takes everything in. It may be refused; what is taken is what the ledger can bear.
///
/// # Panics
/// If it is not.
pub fn take_in(mut said: Said) {
    said.step.changes.iter_mut().chain(&mut said.batch.changes).for_each(likely);
    let given = usize::from(said.given);
    let declared = declared();
    let asker = ask::Asker(&declared);
    if let Ok(step) = asker.step(said.step, said.received_ms, given.max(1)) {
        hold(&step.changes, &step.rejects, given.max(1));
        if let Next::Ask(ask) = &step.next {
            for request in &ask.requests {
                let named = match &request.authorization {
                    Authorization::None => vec![],
                    Authorization::Basic { username, password } => vec![username, password],
                    Authorization::Bearer(secret) => vec![secret],
                    Authorization::Oauth1 { consumer_key, consumer_secret, .. } => vec![consumer_key, consumer_secret],
                };
                assert!(named.iter().all(|name| *name == "word"), "a secret that nobody declared");
            }
        }
    }
    let _ = asker.proof(said.proof);
    short(&match ask::failure(said.failure) {
        Failure::Settings(text)
        | Failure::Unauthorized(text)
        | Failure::Malformed(text)
        | Failure::Internal(text)
        | Failure::Throttled(Pause { message: text, .. })
        | Failure::Unavailable(Pause { message: text, .. }) => text,
    });
    let mut reader = answer::AnswerReader::new(None);
    let changes = reader.changes(said.batch.changes, CHANGES);
    let rejects = answer::rejects(said.batch.rejects, REJECTS, given);
    if let (Ok(changes), Ok(rejects)) = (changes, rejects) {
        hold(&changes, &rejects, given);
    }
    let (poll, webhook, csv) = said.exported;
    match manifest::from_wit(said.manifest, host::Interfaces { poll, webhook, csv }) {
        Ok(manifest) => assert!(!manifest.id.is_empty() && !manifest.version.is_empty()),
        Err(problems) => assert!(!problems.is_empty()),
    }
}

/// Most values are refused for their currency or date, and nothing behind those would ever be tried.
fn likely(change: &mut bindings::types::Change) {
    use bindings::types::{Change, Moment};
    const CURRENCIES: [&str; 4] = ["USD", "EUR", "JPY", "KWD"];
    /// 2026-01-01T00:00:00Z, ms.
    const YEAR_2026: i64 = 1_767_225_600_000;
    let entries = match change {
        Change::Put(entry) => std::slice::from_mut(entry),
        Change::ReplaceOrder(order) => order.entries.as_mut_slice(),
        Change::Withdraw(_) => return,
    };
    for entry in entries {
        let as_it_is = entry.revision.rem_euclid(4) == 0;
        if as_it_is {
            continue;
        }
        if let Some(currency) = CURRENCIES.get(entry.currency.len() % CURRENCIES.len()) {
            entry.currency = (*currency).to_owned();
        }
        if let Moment::Utc(at) = &mut entry.at {
            *at = YEAR_2026 + *at % YEAR_2026;
        }
        let amounts = &mut entry.amounts;
        for parts in [Some(&mut amounts.total), amounts.tax.as_mut(), amounts.discount.as_mut()].into_iter().flatten() {
            parts.scale %= 6;
            parts.coefficient = (parts.coefficient % (2 * AMOUNT_MINOR)).abs();
        }
        if entry.key.id.is_empty() {
            entry.key.id = "1".to_owned();
        }
        if entry.order_id.is_empty() {
            entry.order_id.clone_from(&entry.key.id);
        }
    }
}

/// A manifest with one secret.
fn declared() -> Manifest {
    let word = SettingDescription {
        name: "word".to_owned(),
        label: "Word".to_owned(),
        help: String::new(),
        kind: SettingKind::Secret,
        required: true,
        default: None,
    };
    Manifest {
        id: "test".to_owned(),
        name: "Test".to_owned(),
        version: "1.0.0".to_owned(),
        settings: vec![word],
        hosts: vec![],
        polling: None,
        webhook: None,
        csv_formats: vec![],
    }
}

fn hold(changes: &[Change], rejects: &[Reject], given: usize) {
    assert!(changes.len() <= CHANGES && rejects.len() <= REJECTS + CHANGES);
    for reject in rejects {
        assert!((reject.index as usize) < given.max(1), "{reject:?} of {given}");
        short(&reject.reason);
    }
    for change in changes {
        match change {
            Change::Put(entry) => bear(entry),
            Change::ReplaceOrder(order) => {
                named(&order.id);
                order.entries.iter().for_each(bear);
                assert!(order.entries.iter().all(|entry| entry.order_id == order.id));
            }
            Change::Withdraw(withdrawal) => named(&withdrawal.key.id),
        }
    }
}

fn bear(entry: &Entry) {
    named(&entry.key.id);
    named(&entry.order_id);
    entry.also.iter().for_each(|name| named(name));
    assert!((0..=AMOUNT_MINOR).contains(&entry.amounts.total), "{entry:?}");
}

fn named(id: &str) {
    assert!(!id.is_empty() && id.len() <= ID_BYTES && !id.chars().any(char::is_control), "{id:?}");
}

fn short(text: &str) {
    // A mark shows where it was cut.
    assert!(text.len() <= MESSAGE_BYTES + 8, "{} bytes", text.len());
}
