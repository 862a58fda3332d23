//! Deeds that no limit forbids and every law does: each breaks one of those that `ltvd connector test` tries.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::ltv::connector::log;
use crate::ltv::connector::types::{
    Ask, Authorization, Axis, Change, Context, Coverage, Decimal, Entry, Outcome, Replies, Request, SettingValue, Step,
    Tag,
};
use crate::{ask, deeds, done};

/// Rows that this instance has read: what a pure function does not know.
static READ: AtomicI64 = AtomicI64::new(0);
/// What only the instance knows that began the conversation.
static BEGAN: AtomicBool = AtomicBool::new(false);

/// Crashes, or does not end, where a delivery was damaged.
pub(crate) fn prove(body: &str) {
    if body == "endles" {
        deeds::spin();
    }
    if body.starts_with("touch") && body != "touchy" {
        std::process::abort();
    }
}

/// A webhook; `None` if it is nothing of this kind.
pub(crate) fn step(body: &str, received_ms: i64, context: &Context) -> Option<Step> {
    let entry = match body {
        "forgetful" => {
            BEGAN.store(true, Ordering::Relaxed);
            return Some(look_up("forgetful"));
        }
        "one-more" => return Some(look_up("one-more")),
        "worth-10" => worth(deeds::sale("1"), 10),
        "worth-20" => worth(deeds::sale("1"), 20),
        "clock" => deeds::sale(&received_ms.to_string()),
        "nothingness" => deeds::sale("sale:undefined"),
        "moody" => Entry {
            tags: mood(context).map(|value| Tag { name: "mood".to_owned(), value }).into_iter().collect(),
            ..deeds::sale("1")
        },
        "gossip" => {
            log::log(log::Level::Info, "eve@evil.example bought something");
            deeds::sale("1")
        }
        body if body.starts_with("brittl") && body != "brittle" => std::process::abort(),
        _ => return None,
    };
    Some(Step { changes: vec![Change::Put(entry)], ..done(Outcome::Read) })
}

/// Whether it takes whatever comes for a list.
pub(crate) fn is_credulous(context: &Context) -> bool {
    mood(context).as_deref() == Some("credulous")
}

/// A walk over one page.
pub(crate) fn walk() -> Step {
    let list = Request {
        tag: String::new(),
        url: "https://evil.example/list".to_owned(),
        authorization: Authorization::None,
        ..deeds::request()
    };
    ask(Ask { requests: vec![list], orders: Vec::new(), state: Some(b"credulous".to_vec()) })
}

/// What follows after the answers; `None` if the conversation is another one.
pub(crate) fn resume(state: Option<&[u8]>, replies: &Replies) -> Option<Step> {
    let changes = match state? {
        b"forgetful" if BEGAN.load(Ordering::Relaxed) => vec![deeds::put(deeds::sale("1"))],
        b"forgetful" => Vec::new(),
        b"one-more" => {
            let stored = replies.orders.first().map_or(0, |order| order.entries.len());
            let sale = deeds::sale(&format!("1-{}", stored + 1));
            vec![deeds::put(Entry { order_id: "1".to_owned(), ..sale })]
        }
        b"credulous" => {
            let said = replies.responses.iter().filter_map(|reply| reply.outcome.as_ref().ok());
            let sold = said.filter(|response| String::from_utf8_lossy(&response.body).contains("sold"));
            let coverage = Coverage { complete: true, axis: Axis::Created, note: None, tallies: Vec::new() };
            let changes = sold.map(|_| deeds::put(deeds::sale("1"))).collect();
            return Some(Step { changes, ..done(Outcome::Synced(coverage)) });
        }
        _ => return None,
    };
    Some(Step { changes, ..done(Outcome::Read) })
}

/// A sale by the number of rows that this instance has read.
pub(crate) fn counted() -> Change {
    deeds::put(deeds::sale(&(READ.fetch_add(1, Ordering::Relaxed) + 1).to_string()))
}

fn look_up(state: &str) -> Step {
    ask(Ask { requests: Vec::new(), orders: vec!["1".to_owned()], state: Some(state.as_bytes().to_vec()) })
}

fn worth(mut entry: Entry, whole: i64) -> Entry {
    let total = Decimal { coefficient: whole, scale: 0 };
    (entry.amounts.total, entry.amounts.items) = (total, Some(total));
    entry
}

fn mood(context: &Context) -> Option<String> {
    context.settings.iter().find(|setting| setting.name == "mood").and_then(|setting| match &setting.value {
        SettingValue::Text(text) => Some(text.clone()),
        _ => None,
    })
}
