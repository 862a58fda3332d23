//! A WooCommerce store: its REST API, its orders with all that happens to them, and its webhooks.
//!
//! It behaves as a store of version 10.5 was seen to, and as older ones are told to. What a test wants otherwise is a
//! public field. Its clock is the time of the calls, and what [`Shop::at`] sets.

mod auth;
mod hooks;
mod life;
mod lists;
mod order;
mod render;
mod rest;
mod truth;

use std::collections::{BTreeMap, HashSet};

use chrono_tz::Tz;

use crate::{Answer, Call, Platform};

pub use hooks::{Hook, Posted};
pub use order::{Basket, GivenBack, Item, Order, Refund};

/// Where orders are stored, which shows in small ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// High-performance order storage, the newer tables.
    Hpos,
    /// Posts of WordPress.
    Posts,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// `read`
    Read,
    /// `write`
    Write,
    /// `read_write`
    ReadWrite,
}

/// What `/wp-json/` leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permalinks {
    /// To the API.
    Pretty,
    /// To the web server's own 404.
    NotFound,
    /// To the same address with a slash, and from there to the home page.
    HomePage,
}

/// Something that happens between two requests.
type Edit = Box<dyn FnOnce(&mut Shop) + Send>;

/// A store.
pub struct Shop {
    /// Address that the store believes to have: Settings > General.
    pub home: String,
    /// The consumer key.
    pub key: String,
    /// Its secret.
    pub secret: String,
    /// What the key may do.
    pub permission: Permission,
    /// The key's user is an administrator.
    pub capable: bool,
    /// Version of WooCommerce: major and minor.
    pub version: (u32, u32),
    /// WooCommerce is active.
    pub active: bool,
    /// Where orders are stored.
    pub storage: Storage,
    /// Zone of the site.
    pub zone: Tz,
    /// PHP knows that a call came over https; false behind a proxy that does not say so.
    pub knows_https: bool,
    /// The web server drops the `Authorization` header.
    pub drops_header: bool,
    /// What `/wp-json/` leads to.
    pub permalinks: Permalinks,
    /// Lists of orders with more rows than this end in a PHP error.
    pub breaks_above: Option<usize>,
    /// Orders that end every list they are in, and their own page, in a PHP error.
    pub breaking: HashSet<u64>,
    /// Orders that count in lists but are not shown.
    pub hidden: HashSet<u64>,
    /// A proxy removes `X-WP-Total` and `X-WP-TotalPages`.
    pub hides_totals: bool,
    /// A plugin makes the store ignore all date filters.
    pub ignores_dates: bool,
    /// What PHP writes before every answer.
    pub preamble: String,
    /// WordPress shows its index to everybody.
    pub shows_index: bool,
    /// The store has filters that let it deliver to any address and port.
    pub delivers_anywhere: bool,
    /// The user who made the webhooks lost his rights.
    pub hook_user_lost: bool,
    orders: BTreeMap<u64, Order>,
    hooks: Vec<Hook>,
    pings: Vec<Posted>,
    next_id: u64,
    clock_ms: i64,
    nonces: HashSet<String>,
    calls: usize,
    edits: Vec<(usize, Edit)>,
}

impl Default for Shop {
    fn default() -> Self {
        Shop::new()
    }
}

impl Shop {
    /// The consumer key of a new store.
    pub const KEY: &str = "ck_0123456789abcdef0123456789abcdef01234567";
    /// Its secret.
    pub const SECRET: &str = "cs_76543210fedcba9876543210fedcba9876543210";

    /// A store without orders at `shop.example`, in Berlin, where everything is as it should be. The clock stands at
    /// 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Shop {
            home: "https://shop.example".to_owned(),
            key: Self::KEY.to_owned(),
            secret: Self::SECRET.to_owned(),
            permission: Permission::ReadWrite,
            capable: true,
            version: (10, 5),
            active: true,
            storage: Storage::Hpos,
            zone: chrono_tz::Europe::Berlin,
            knows_https: true,
            drops_header: false,
            permalinks: Permalinks::Pretty,
            breaks_above: None,
            breaking: HashSet::new(),
            hidden: HashSet::new(),
            hides_totals: false,
            ignores_dates: false,
            preamble: String::new(),
            shows_index: true,
            delivers_anywhere: false,
            hook_user_lost: false,
            orders: BTreeMap::new(),
            hooks: Vec::new(),
            pings: Vec::new(),
            next_id: 5101,
            clock_ms: 1_767_225_600_000,
            nonces: HashSet::new(),
            calls: 0,
            edits: Vec::new(),
        }
    }

    /// Sets the clock: `YYYY-MM-DDTHH:MM:SS`, UTC. What happens next, happens then.
    ///
    /// # Panics
    /// If it is anything else.
    pub fn at(&mut self, utc: &str) -> &mut Self {
        let parsed = chrono::NaiveDateTime::parse_from_str(utc, "%Y-%m-%dT%H:%M:%S").expect("YYYY-MM-DDTHH:MM:SS");
        self.clock_ms = parsed.and_utc().timestamp_millis();
        self
    }

    /// Sets the clock to milliseconds since 1970-01-01T00:00:00Z.
    pub fn at_unix_ms(&mut self, unix_ms: i64) -> &mut Self {
        self.clock_ms = unix_ms;
        self
    }

    /// Lets something happen right before the request with this number, from 0 for the first ever.
    pub fn before_call(&mut self, number: usize, edit: impl FnOnce(&mut Shop) + Send + 'static) {
        self.edits.push((number, Box::new(edit)));
    }

    /// What still waits for a request happens now.
    pub fn let_happen(&mut self) {
        std::mem::take(&mut self.edits).into_iter().for_each(|(_, edit)| edit(self));
    }

    /// How many requests came.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// The order with this id.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn order(&self, id: u64) -> &Order {
        self.orders.get(&id).unwrap_or_else(|| panic!("there is no order {id}"))
    }

    /// The ids of all orders that are not gone for good.
    #[must_use]
    pub fn ids(&self) -> Vec<u64> {
        self.orders.keys().copied().collect()
    }

    fn new_id(&mut self) -> u64 {
        // Orders, refunds and all other content share one sequence.
        let id = self.next_id;
        self.next_id += 1 + id % 3;
        id
    }

    /// The clock in whole seconds, as the store keeps dates.
    fn now_ms(&self) -> i64 {
        self.clock_ms.div_euclid(1_000) * 1_000
    }
}

impl Platform for Shop {
    fn answer(&mut self, call: &Call) -> Answer {
        let number = self.calls;
        self.calls += 1;
        self.clock_ms = self.clock_ms.max(call.at_unix_ms);
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.edits).into_iter().partition(|(at, _)| *at == number);
        self.edits = later;
        due.into_iter().for_each(|(_, edit)| edit(self));
        self.respond(call)
    }
}
