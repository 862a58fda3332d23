//! A crowd that delivers webhooks: some connections, each with one request under way at a time.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// An order as ThriveCart tells it; the word in it is its proof.
const ORDER: &str = include_str!("../../../../plugins/thrivecart/fixtures/sample/1-order.success.form");
/// What of it becomes another with every order: the order's id, the invoice's, and who bought.
const VARYING: [&str; 3] = ["700840", "000000185", "Ugo.Quist"];
/// The word in the order, which is also the key of the signature.
pub(super) const WORD: &str = "demo-word";
/// The first order's number.
const FIRST: u64 = 1_000_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Stack of a connection's thread, bytes.
const STACK_BYTES: usize = 256 << 10;

/// What is sent where.
pub(super) struct Load<'a> {
    /// Host and port.
    pub(super) address: &'a str,
    pub(super) path: &'a str,
    pub(super) connections: usize,
    /// Requests in a second, all connections together; without it each sends as soon as it has its answer.
    pub(super) rate: Option<f64>,
    /// Before what counts.
    pub(super) warm_up: Duration,
    pub(super) time: Duration,
}

/// What became of it.
#[derive(Default)]
pub(super) struct Outcome {
    /// Numbers of the orders that were acknowledged, warm-up included.
    pub(super) acknowledged: Vec<u64>,
    /// Numbers of those that got no answer: nobody knows whether they were kept.
    pub(super) unanswered: Vec<u64>,
    /// Answers after the warm-up, by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Answers without acknowledgement that do not say when to come back.
    pub(super) without_retry_after: u64,
    /// Of acknowledged requests after the warm-up, milliseconds, ascending.
    pub(super) latencies_ms: Vec<f64>,
    /// After the warm-up.
    pub(super) seconds: f64,
}

impl Outcome {
    /// Acknowledged requests a second.
    pub(super) fn per_s(&self) -> f64 {
        self.latencies_ms.len() as f64 / self.seconds
    }

    /// The latency that this share of acknowledged requests stays under, milliseconds.
    pub(super) fn quantile_ms(&self, share: f64) -> f64 {
        let place = (self.latencies_ms.len() as f64 * share) as usize;
        self.latencies_ms.get(place.min(self.latencies_ms.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

/// Delivers until the time is over. `next` numbers the orders, so that none is sent twice.
pub(super) fn deliver(load: &Load<'_>, next: &AtomicU64) -> Result<Outcome> {
    let start = Instant::now();
    let stop = AtomicBool::new(false);
    let mut outcome = Outcome::default();
    thread::scope(|scope| -> Result<()> {
        let mut senders = Vec::with_capacity(load.connections);
        for index in 0..load.connections {
            let sender = Sender { load, next, stop: &stop, start, index };
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            senders.push(thread.spawn_scoped(scope, move || sender.run()).context("no thread for a connection")?);
        }
        thread::sleep(load.warm_up + load.time);
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            let part = sender.join().map_err(|_| anyhow::anyhow!("a connection's thread failed"))??;
            outcome.acknowledged.extend(part.acknowledged);
            outcome.unanswered.extend(part.unanswered);
            outcome.latencies_ms.extend(part.latencies_ms);
            outcome.without_retry_after += part.without_retry_after;
            for (status, count) in part.statuses {
                *outcome.statuses.entry(status).or_default() += count;
            }
        }
        Ok(())
    })?;
    outcome.seconds = (start.elapsed() - load.warm_up).as_secs_f64();
    outcome.latencies_ms.sort_by(f64::total_cmp);
    Ok(outcome)
}

struct Sender<'a> {
    load: &'a Load<'a>,
    next: &'a AtomicU64,
    stop: &'a AtomicBool,
    start: Instant,
    index: usize,
}

impl Sender<'_> {
    fn run(self) -> Result<Outcome> {
        let mut done = Outcome::default();
        let mut connection = None;
        let interval = self.load.rate.map(|rate| Duration::from_secs_f64(self.load.connections as f64 / rate));
        // Connections begin one after the other, not all in one moment.
        let mut due =
            self.start + interval.unwrap_or_default().mul_f64(self.index as f64 / self.load.connections as f64);
        while !self.stop.load(Ordering::Relaxed) {
            if let Some(interval) = interval {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                // Who comes late does not catch up: a rate, not a burst.
                due = (due + interval).max(Instant::now());
            }
            let number = FIRST + self.next.fetch_add(1, Ordering::Relaxed);
            let request = request(self.load, number)?;
            let begin = Instant::now();
            let answer = exchange(&mut connection, self.load.address, &request);
            let (took, counts) = (begin.elapsed(), begin >= self.start + self.load.warm_up);
            let Ok(answer) = answer else {
                connection = None;
                done.unanswered.push(number);
                continue;
            };
            if counts {
                *done.statuses.entry(answer.status).or_default() += 1;
            }
            if answer.status == 200 {
                done.acknowledged.push(number);
                if counts {
                    done.latencies_ms.push(took.as_secs_f64() * 1_000.0);
                }
            } else if !answer.retry_after {
                done.without_retry_after += 1;
            }
            if answer.close {
                connection = None;
            }
        }
        Ok(done)
    }
}

fn request(load: &Load<'_>, number: u64) -> Result<Vec<u8>> {
    let [order, invoice, buyer] = VARYING;
    let body = ORDER
        .trim_end()
        .replace(order, &number.to_string())
        .replace(invoice, &format!("{number:09}"))
        .replace(buyer, &format!("Ugo.Quist.{number}"));
    let mut mac = Hmac::<Sha256>::new_from_slice(WORD.as_bytes()).context("no key")?;
    mac.update(body.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let Load { path, address, .. } = load;
    let length = body.len();
    Ok(format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: ThriveCart\r\nAccept: */*\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nX-Signature: {signature}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes())
}

struct Answer {
    status: u16,
    retry_after: bool,
    close: bool,
}

fn exchange(connection: &mut Option<TcpStream>, address: &str, request: &[u8]) -> Result<Answer> {
    let stream = match connection {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            connection.insert(stream)
        }
    };
    stream.write_all(request)?;
    let (mut buffer, mut filled) = ([0; 4_096], 0);
    let (head, length) = loop {
        let read = stream.read(buffer.get_mut(filled..).unwrap_or_default())?;
        anyhow::ensure!(read > 0, "the connection was closed");
        filled += read;
        let got = buffer.get(..filled).unwrap_or_default();
        if let Some(end) = got.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8_lossy(got.get(..end).unwrap_or_default()).to_ascii_lowercase(), end + 4);
        }
    };
    let header = |name: &str| {
        head.split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .find(|(known, _)| *known == name)
            .map(|(_, v)| v.trim())
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    let body: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut rest = (length + body).saturating_sub(filled);
    while rest > 0 {
        let most = rest.min(buffer.len());
        let read = stream.read(buffer.get_mut(..most).unwrap_or_default())?;
        anyhow::ensure!(read > 0, "the connection was closed");
        rest -= read;
    }
    Ok(Answer { status, retry_after: header("retry-after").is_some(), close: header("connection") == Some("close") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_differs_in_all_that_tells_orders_apart() {
        let load = Load {
            address: "127.0.0.1:1",
            path: "/hooks",
            connections: 1,
            rate: None,
            warm_up: Duration::ZERO,
            time: Duration::ZERO,
        };
        let texts = [1_000_001, 1_000_002].map(|n| String::from_utf8(request(&load, n).unwrap()).unwrap());
        for (text, number) in texts.iter().zip(["1000001", "1000002"]) {
            assert!(text.contains(&format!("order_id={number}")), "{text}");
            assert!(text.contains(&format!("Ugo.Quist.{number}%40")), "{text}");
            assert!(!VARYING[..2].iter().any(|varying| text.contains(varying)), "{text}");
            assert!(text.contains(WORD));
        }
    }

    #[test]
    fn quantiles_are_of_all_latencies() {
        let outcome = Outcome { latencies_ms: (1..=100).map(f64::from).collect(), seconds: 2.0, ..Outcome::default() };
        assert_eq!((outcome.quantile_ms(0.5), outcome.quantile_ms(0.99), outcome.per_s()), (51.0, 100.0, 50.0));
    }
}
