//! What it can be told to do.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::ltv::connector::log;
use crate::ltv::connector::types::{
    Amounts, Ask, Authorization, Axis, Billing, Body, Change, Context, Coverage, Customer, Decimal, Entry, EntryKey,
    Failure, Field, Kind, Method, Moment, NoResponse, Order, Outcome, Pause, Replies, Request, Step, StoredOrder,
    Value,
};
use crate::{ask, done, kept_in_one_piece, say};

/// Does the deed of this name; what is not known is no deed, and is done well.
pub(crate) fn step(deed: &str, context: &Context) -> Result<Step, Failure> {
    match deed {
        "loop" => spin(),
        "memory" => hoard(),
        "stack" => Ok(done(Outcome::Ignored(format!("{}", deeper(1))))),
        "trap" => {
            log_panics();
            panic!("evil is as evil does")
        }
        "quiet-trap" => std::process::abort(),
        "log-flood" => {
            for n in 0..10_000 {
                say(&format!("line {n}"));
            }
            say(&"long ".repeat(100_000));
            Ok(done(Outcome::Read))
        }
        "huge-list" => Ok(Step { memory: Some(vec![0; 100 << 20]), ..done(Outcome::Read) }),
        "many-requests" => Ok(ask(Ask { requests: vec![request(); 129], orders: Vec::new(), state: None })),
        "request" => Ok(ask(Ask { requests: vec![request()], orders: Vec::new(), state: Some(b"there".to_vec()) })),
        "nothing" => Ok(ask(Ask { requests: Vec::new(), orders: Vec::new(), state: None })),
        "orders-forever" => Ok(look_up()),
        "orders-once" => Ok(ask(Ask { state: None, ..orders() })),
        "absurd-state" => Ok(ask(Ask { state: Some(vec![0; (1 << 20) + 1]), ..orders() })),
        "absurd-memory" => Ok(Step { memory: Some(vec![0; (64 << 10) + 1]), ..done(Outcome::Read) }),
        "absurd-outcome" => Ok(done(Outcome::Checked(Vec::new()))),
        "absurd-changes" => Ok(changes((0..8_193).map(|n| put(sale(&n.to_string()))).collect())),
        "absurd-order" => Ok(changes(vec![Change::ReplaceOrder(Order {
            id: "other".to_owned(),
            revision: 0,
            entries: vec![sale("1")],
        })])),
        "count" => Ok(count(5, "webhook", None)),
        "settings" => Err(Failure::Settings("mood is too good".to_owned())),
        "unauthorized" => Err(Failure::Unauthorized("the word is wrong".to_owned())),
        "throttled" => Err(Failure::Throttled(Pause { after_ms: Some(1_500), message: "slower".to_owned() })),
        "unavailable" => Err(Failure::Unavailable(Pause { after_ms: None, message: "gone fishing".to_owned() })),
        deed if deed == kept_in_one_piece("malformed") => Err(Failure::Malformed("x".repeat(1 << 20))),
        "internal" => Err(Failure::Internal("no idea".to_owned())),
        "remember" => Ok(done(Outcome::Ignored(remember()))),
        deed if deed.contains(' ') => Ok(attempt(deed)),
        deed => {
            let mut entry = sale("1");
            spoil(&mut entry, deed);
            entry.tags.push(crate::ltv::connector::types::Tag { name: "zone".to_owned(), value: context.zone.clone() });
            Ok(changes(vec![put(entry)]))
        }
    }
}

/// Looks for what an earlier call has left behind, and leaves something for a later one.
fn remember() -> String {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let calls = CALLS.fetch_add(1, Ordering::Relaxed);
    // An allocator takes it for granted that memory which it gets is zero.
    let mut memory = vec![0_u8; 3 << 20];
    let left = std::hint::black_box(&memory).iter().filter(|byte| **byte != 0).count();
    std::hint::black_box(&mut memory).fill(0xaa);
    format!("{calls} calls before, {left} bytes left")
}

/// Asks for something that it must not have, and tells what came of it: `reach ADDRESS`, `secret NAME`, `order ID`,
/// `header NAME VALUE`.
fn attempt(deed: &str) -> Step {
    let (what, rest) = deed.split_once(' ').unwrap_or((deed, ""));
    let state = Some(b"tell".to_vec());
    let mut request = request();
    match what {
        "order" => {
            return ask(Ask { requests: Vec::new(), orders: vec![rest.to_owned()], state });
        }
        "reach" => request.url = rest.to_owned(),
        "secret" => request.authorization = Authorization::Bearer(rest.to_owned()),
        "header" => {
            let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
            request.headers = vec![Field { name: name.to_owned(), value: Value::Text(value.to_owned()) }];
        }
        _ => {}
    }
    request.attempts_max = 1;
    ask(Ask { requests: vec![request], orders: Vec::new(), state })
}

/// All that it was given.
pub(crate) fn told(replies: &Replies) -> String {
    let responses = replies.responses.iter().map(|reply| match &reply.outcome {
        Ok(response) => {
            let headers = response.headers.iter().filter(|header| header.name.starts_with("x-"));
            let headers: Vec<_> = headers.map(|header| format!("{}: {}", header.name, header.value)).collect();
            format!("{} {} {}", response.status, headers.join(" "), String::from_utf8_lossy(&response.body))
        }
        Err(NoResponse::Timeout) => "no answer in time".to_owned(),
        Err(NoResponse::TooLarge(bytes)) => format!("more than {bytes} bytes"),
        Err(NoResponse::Connection(why)) => format!("no connection: {why}"),
        Err(NoResponse::Refused(why)) => format!("refused: {why}"),
    });
    let orders = replies.orders.iter().map(|order| format!("order {}: {} entries", order.id, order.entries.len()));
    responses.chain(orders).collect::<Vec<_>>().join("; ")
}

/// Makes one member of an entry absurd.
fn spoil(entry: &mut Entry, deed: &str) {
    match deed {
        "absurd-text" => entry.key.id = "x".repeat(2 << 20),
        "absurd-control" => entry.order_id = "1\u{1b}[2J".to_owned(),
        "absurd-empty" => entry.order_id = String::new(),
        "absurd-currency" => entry.currency = "EVL".to_owned(),
        "absurd-negative" => entry.amounts.total.coefficient = -1,
        "absurd-scale" => entry.amounts.total.scale = 200,
        "absurd-amount" => entry.amounts.total = Decimal { coefficient: i64::MAX, scale: 0 },
        "absurd-date" => entry.at = Moment::Day("2026-02-30".to_owned()),
        "absurd-year" => entry.at = Moment::Utc(i64::MAX),
        "received" => entry.at = Moment::Received,
        "rounded" => entry.amounts.total = Decimal { coefficient: 12_345, scale: 3 },
        "parts" => entry.amounts.tax = Some(Decimal { coefficient: 9_999, scale: 2 }),
        _ => {}
    }
}

/// An entry with which nothing is wrong.
pub(crate) fn sale(id: &str) -> Entry {
    let zero = Some(Decimal { coefficient: 0, scale: 0 });
    let total = Decimal { coefficient: 1_250, scale: 2 };
    Entry {
        key: EntryKey { kind: Kind::Sale, id: id.to_owned() },
        also: Vec::new(),
        order_id: id.to_owned(),
        billing: Billing::Initial,
        at: Moment::Local("2026-04-01T12:30:00".to_owned()),
        customer: Customer { email: Some("eve@evil.example".to_owned()), id: None },
        currency: "USD".to_owned(),
        amounts: Amounts {
            total,
            items: Some(total),
            discount: zero,
            shipping: zero,
            fees: zero,
            tax: zero,
            processing_fee: None,
        },
        lines: Vec::new(),
        tags: Vec::new(),
        revision: 0,
    }
}

pub(crate) fn put(entry: Entry) -> Change {
    Change::Put(entry)
}

/// Asks for an order, and will again.
pub(crate) fn look_up() -> Step {
    ask(orders())
}

/// Adds a cent to what is stored of the order `sum`, `left` times: looks it up, and puts it with one more.
pub(crate) fn count(left: u32, door: &str, stored: Option<&StoredOrder>) -> Step {
    let changes = stored.map(|stored| {
        let known = stored.entries.first().map_or(0, |entry| entry.total.coefficient);
        let mut entry = sale("sum");
        let total = Decimal { coefficient: known + 1, scale: 2 };
        (entry.amounts.total, entry.amounts.items) = (total, Some(total));
        vec![put(entry)]
    });
    let changes = changes.unwrap_or_default();
    let outcome = match door {
        "poll" => Outcome::Synced(Coverage { complete: true, axis: Axis::Created, note: None, tallies: Vec::new() }),
        _ => Outcome::Read,
    };
    if left == 0 {
        return Step { changes, ..done(outcome) };
    }
    let state = Some(format!("count {} {door}", left - 1).into_bytes());
    Step { changes, ..ask(Ask { requests: Vec::new(), orders: vec!["sum".to_owned()], state }) }
}

/// Runs until it is stopped.
pub(crate) fn spin() -> ! {
    let mut n = 0_u64;
    loop {
        n = core::hint::black_box(n.wrapping_add(1));
    }
}

/// Takes memory until it gets no more.
fn hoard() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(core::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

#[allow(unconditional_recursion)]
fn deeper(depth: u64) -> u64 {
    let room = core::hint::black_box([depth; 16]);
    deeper(depth + 1) + room[0]
}

/// The panic's text is all that is seen of a crash.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| log::log(log::Level::Error, &info.to_string())));
}

fn changes(changes: Vec<Change>) -> Step {
    Step { changes, ..done(Outcome::Read) }
}

fn orders() -> Ask {
    Ask { requests: Vec::new(), orders: vec!["1".to_owned()], state: Some(b"again".to_vec()) }
}

pub(crate) fn request() -> Request {
    Request {
        tag: "the one".to_owned(),
        method: Method::Get,
        url: "https://evil.example/".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::None,
        authorization: Authorization::Bearer("word".to_owned()),
        repeatable: true,
        attempts_max: 0,
        wait_ms: 0,
    }
}
