//! ThriveCart as its API shows it: one list of transactions, newest first, paged by number, without a filter by date. The
//! same money can be had as webhooks and as an order file, to see that it counts once.

use std::collections::BTreeMap;

use ltv_connector::dates::{self, Day};
use ltv_connector::types::Moment;
use serde_json::{Value, json};

use crate::{Answer, Call, Money, Platform};

/// Transactions on a page at most.
const PER_PAGE_MAX: usize = 100;

/// What a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// First payment of an order.
    Charge,
    /// Later payment.
    Rebill,
    /// Money given back.
    Refund,
    /// The end of a subscription: no money.
    Cancel,
}

/// One item of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Id of the event. 0: the list shows none.
    pub event: u64,
    /// The order.
    pub order: u64,
    /// What it is.
    pub kind: Kind,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_s: i64,
    /// Amount in hundredths.
    pub cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// Who.
    pub email: String,
    /// `product`, `bump`, `upsell`.
    pub item: &'static str,
    /// Number of the rebill within its order, for the numbers of invoices in webhooks and files.
    pub rebill: u32,
    /// False for a test.
    pub live: bool,
}

impl Transaction {
    /// A live one in euros, of `ada@example.org`, for a product. `at`: `2026-03-01T10:00:00`, UTC.
    #[must_use]
    pub fn new(event: u64, order: u64, kind: Kind, at: &str, cents: i64) -> Self {
        Transaction {
            event,
            order,
            kind,
            unix_s: unix_s(at),
            cents,
            currency: "EUR".into(),
            email: "ada@example.org".into(),
            item: "product",
            rebill: 0,
            live: true,
        }
    }

    /// Bought by somebody else.
    #[must_use]
    pub fn email(mut self, email: &str) -> Self {
        self.email = email.into();
        self
    }

    /// Another kind of item.
    #[must_use]
    pub fn item(mut self, item: &'static str) -> Self {
        self.item = item;
        self
    }

    /// Which rebill of its order it is, or belongs to.
    #[must_use]
    pub fn of_rebill(mut self, number: u32) -> Self {
        self.rebill = number;
        self
    }

    /// A test.
    #[must_use]
    pub fn test(mut self) -> Self {
        self.live = false;
        self
    }

    fn word(&self) -> &'static str {
        match self.kind {
            Kind::Charge => "charge",
            Kind::Rebill => "rebill",
            Kind::Refund => "refund",
            Kind::Cancel => "cancel",
        }
    }

    fn time(&self) -> String {
        dates::format_utc(self.unix_s * 1000)
    }

    fn day(&self) -> String {
        Day::of_unix_ms(self.unix_s * 1000).to_string()
    }

    fn decimal(&self) -> String {
        format!("{}.{:02}", self.cents / 100, self.cents % 100)
    }

    /// As webhooks and files number it: `000600100`, `000600100-1`.
    fn invoice(&self) -> String {
        let suffix = if self.rebill > 0 { format!("-{}", self.rebill) } else { String::new() };
        format!("{:09}{suffix}", self.order)
    }

    fn row(&self) -> Value {
        let amount = if self.kind == Kind::Cancel { Value::Null } else { self.cents.to_string().into() };
        let event = if self.event == 0 { Value::Null } else { self.event.to_string().into() };
        json!({
            "event_id": event,
            "base_product": "5",
            "date": self.day(),
            "time": self.time().replace('T', " "),
            "timestamp": self.unix_s,
            "transaction_type": self.word(),
            "item_type": self.item,
            "item_id": 5,
            "item_name": format!("Course ({})", self.item),
            "amount": amount,
            "order_id": self.order.to_string(),
            // An internal number, another one than in webhooks.
            "invoice_id": (self.order * 7 + u64::from(self.rebill)).to_string(),
            "subscription_id": if self.rebill > 0 { json!(format!("sub_{}", self.order)) } else { json!("null") },
            "currency": self.currency.to_lowercase(),
            "processor": "stripe",
            "customer": {"name": "Ada Muster", "email": self.email, "id": "900000000000000001"},
            "coupon": false,
            "quantity": 1,
            "reference": format!("{}-5-51", self.item),
        })
    }
}

/// What the list says about its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Totals {
    /// The truth.
    Told,
    /// Nothing.
    Absent,
    /// Always this.
    Stale(u64),
}

/// What comes beyond the last page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// An empty list.
    Empty,
    /// The last page again.
    Last,
    /// The first page again.
    First,
}

/// Something that happens while the list is read.
#[derive(Debug, Clone)]
pub enum Event {
    /// A new transaction.
    Added(Transaction),
    /// The transaction of this event disappears.
    Removed(u64),
}

/// An account.
#[derive(Debug)]
pub struct ThriveCart {
    /// The key that is good.
    pub key: String,
    /// All that ever happened, in any order.
    pub transactions: Vec<Transaction>,
    /// What the list says about its length.
    pub totals: Totals,
    /// What comes beyond the last page.
    pub beyond: Beyond,
    /// More transactions on a page than this take too long: 504.
    pub per_page_bearable: usize,
    /// The list is in the order of [`transactions`](Self::transactions), not of time.
    pub unsorted: bool,
    /// What happens before the answer to the list's request with this number, from 0.
    pub events: Vec<(usize, Event)>,
    requests: usize,
}

impl ThriveCart {
    /// An account with this key.
    #[must_use]
    pub fn new(key: &str, transactions: Vec<Transaction>) -> Self {
        ThriveCart {
            key: key.into(),
            transactions,
            totals: Totals::Told,
            beyond: Beyond::Empty,
            per_page_bearable: PER_PAGE_MAX,
            unsorted: false,
            events: Vec::new(),
            requests: 0,
        }
    }

    /// What a ledger must hold, sorted. Rebills go by their events, as only the API knows them.
    #[must_use]
    pub fn truth(&self) -> Vec<Money> {
        let money = |kind, id: String, order: String, one: &Transaction, cents: i64| Money {
            kind,
            id,
            order,
            at: format!("{}Z", one.time()),
            currency: one.currency.clone(),
            total: format!("{}.{:02}", cents / 100, cents % 100),
        };
        let mut orders: BTreeMap<u64, Vec<&Transaction>> = BTreeMap::new();
        let mut truth = Vec::new();
        for one in self.transactions.iter().filter(|one| one.live) {
            match one.kind {
                Kind::Charge => orders.entry(one.order).or_default().push(one),
                Kind::Rebill => {
                    let order = format!("{}:{}", one.order, one.day());
                    truth.push(money("sale", format!("rebill:{}", one.event), order, one, one.cents));
                }
                Kind::Refund => {
                    truth.push(money("refund", format!("refund:{}", one.event), one.order.to_string(), one, one.cents));
                }
                Kind::Cancel => {}
            }
        }
        for (order, items) in orders {
            let Some(first) = items.iter().min_by_key(|one| one.unix_s) else { continue };
            let cents = items.iter().map(|one| one.cents).sum();
            truth.push(money("sale", format!("charge:{order}"), order.to_string(), first, cents));
        }
        truth.sort();
        truth
    }

    /// The bodies of its webhooks, decoded and one field a line, oldest first. `with_event_ids`: as newer ones are.
    #[must_use]
    pub fn webhooks(&self, secret: &str, with_event_ids: bool) -> Vec<String> {
        let mut ordered: Vec<&Transaction> = self.transactions.iter().collect();
        ordered.sort_by_key(|one| one.unix_s);
        let mut told = Vec::new();
        let mut bodies = Vec::new();
        for one in ordered {
            let (event, amounts) = match one.kind {
                Kind::Charge if told.contains(&one.order) => continue,
                Kind::Charge => {
                    told.push(one.order);
                    let whole = self.transactions.iter().filter(|of| of.order == one.order && of.kind == Kind::Charge);
                    let cents: i64 = whole.map(|of| of.cents).sum();
                    let total = format!("{}.{:02}", cents / 100, cents % 100);
                    ("order.success", format!("order_timestamp={}\norder[total_str]={total}", one.unix_s))
                }
                Kind::Rebill => (
                    "order.subscription_payment",
                    format!("subscription[id]=5\nsubscription[amount_str]={}", one.decimal()),
                ),
                Kind::Refund => {
                    let item = format!("refund[type]={}\nrefund[id]=5", one.item);
                    ("order.refund", format!("{item}\nrefund[amount_str]={}", one.decimal()))
                }
                Kind::Cancel => ("order.subscription_cancelled", "subscription[id]=5".to_owned()),
            };
            let (mode, number) = if one.live { ("live", 2) } else { ("test", 1) };
            let date = if one.kind == Kind::Charge { String::new() } else { format!("date_unix={}\n", one.unix_s) };
            let id = if with_event_ids { format!("event_id={}\n", one.event) } else { String::new() };
            bodies.push(format!(
                "event={event}\nmode={mode}\nmode_int={number}\nthrivecart_secret={secret}\n{id}order_id={}\n\
                 invoice_id={}\n{date}currency={}\ncustomer[email]={}\n{amounts}",
                one.order,
                one.invoice(),
                one.currency,
                one.email
            ));
        }
        bodies
    }

    /// The same as an order file. `invoices`: with their numbers.
    #[must_use]
    pub fn orders_csv(&self, invoices: bool) -> String {
        let mut file = String::from(
            "Order ID,Invoice ID,Order Date,Transaction Type,Customer Email,Product Name,Total,Currency\n",
        );
        for one in self.transactions.iter().filter(|one| one.live && one.kind != Kind::Cancel) {
            let sign = if one.kind == Kind::Refund { "-" } else { "" };
            let invoice = if invoices { one.invoice() } else { String::new() };
            file.push_str(&format!(
                "{},{invoice},{},{},{},Course ({}),{sign}{},{}\n",
                one.order,
                one.day(),
                one.word(),
                one.email,
                one.item,
                one.decimal(),
                one.currency
            ));
        }
        file
    }

    fn list(&mut self, call: &Call) -> Answer {
        let number = self.requests;
        self.requests += 1;
        for (_, event) in self.events.iter().filter(|(before, _)| *before == number) {
            match event {
                Event::Added(new) => self.transactions.push(new.clone()),
                Event::Removed(event) => self.transactions.retain(|one| one.event != *event),
            }
        }
        let asked = |name: &str| call.parameter(name).and_then(|text| text.parse::<usize>().ok()).filter(|n| *n > 0);
        let (Some(page), Some(per_page)) = (asked("page"), asked("perPage")) else {
            return Answer::json(400, &json!({"error": "page and perPage are required"}));
        };
        if per_page.min(PER_PAGE_MAX) > self.per_page_bearable {
            return Answer::html(504, "<h1>504 Gateway Time-out</h1>");
        }
        // Without a mode tests come along.
        let wanted = call.header("x-tc-mode").map(|mode| mode == "live");
        let mut list: Vec<&Transaction> =
            self.transactions.iter().filter(|one| wanted.is_none_or(|live| one.live == live)).collect();
        if !self.unsorted {
            list.sort_by_key(|one| std::cmp::Reverse((one.unix_s, one.event)));
        }
        let pages: Vec<&[&Transaction]> = list.chunks(per_page.min(PER_PAGE_MAX)).collect();
        let beyond = match self.beyond {
            Beyond::Empty => None,
            Beyond::Last => pages.last(),
            Beyond::First => pages.first(),
        };
        let rows: Vec<Value> =
            pages.get(page - 1).or(beyond).into_iter().flat_map(|page| page.iter().map(|one| one.row())).collect();
        let mut body = json!({"transactions": rows});
        match self.totals {
            Totals::Told => body["meta"] = json!({"total": list.len(), "results": rows.len()}),
            Totals::Absent => {}
            Totals::Stale(total) => body["meta"] = json!({"total": total.to_string(), "results": rows.len()}),
        }
        Answer::json(200, &body)
    }
}

impl Platform for ThriveCart {
    fn answer(&mut self, call: &Call) -> Answer {
        if !call.tls || call.authority != "thrivecart.com" || call.method != "GET" {
            return Answer::html(404, "<h1>Not found</h1>");
        }
        match call.bearer() {
            None => return Answer::json(401, &json!({"error": "auth.missing"})),
            Some(key) if key != self.key => {
                let said = "The access token provided is invalid";
                return Answer::json(401, &json!({"error": "invalid_token", "error_description": said}));
            }
            Some(_) => {}
        }
        match call.path.as_str() {
            "/api/external/ping" => Answer::json(200, &json!({"account_name": "garden-demo"}))
                .header("x-thrivecart-account-name", "garden-demo"),
            "/api/external/transactions" => self.list(call),
            _ => Answer::json(404, &json!({"error": "not_found"})),
        }
    }
}

fn unix_s(at: &str) -> i64 {
    match dates::utc(at) {
        Ok(Moment::Utc(unix_ms)) => unix_ms / 1000,
        other => panic!("`{at}` is not a time: {other:?}"),
    }
}
