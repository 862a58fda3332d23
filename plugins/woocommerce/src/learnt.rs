//! What the connector remembers of a store: what worked, so that it need not be tried out each time.
//!
//! All of it can be learnt again, and is after a week: stores are updated, moved to other servers, and mended.

use ltv_connector::dates::Day;
use ltv_connector::prelude::*;

use crate::way::{Keys, Route, Way};

/// Rows in a page, at most what WooCommerce allows \[C live\].
pub(crate) const ROWS_MAX: u64 = 100;
/// Rows in a page at least, unless a single row is to be found that breaks every page it is in.
pub(crate) const ROWS_MIN: u64 = 10;
/// Days after which everything is tried anew.
const DAYS_VALID: i64 = 7;

/// What is known of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Learnt {
    /// The day on which it was begun, UTC.
    since: Day,
    /// The address it is about: another one is another store.
    url: String,
    /// How requests and keys get there. `None`: nothing has worked yet.
    pub(crate) way: Option<Way>,
    /// What the store believes its address to be, where signatures needed it.
    pub(crate) home: Option<String>,
    /// Rows in a page.
    pub(crate) rows: u64,
    /// False if the store has no list of all refunds: WooCommerce before 9.0 \[C live\].
    pub(crate) refunds_listed: bool,
    /// False if the store ignores filters by date of modification: WooCommerce before 5.8 \[L\]. Such a store may
    /// read dates as its local time as well (before 5.4 \[C\]).
    pub(crate) modified_filter: bool,
}

impl Learnt {
    /// Nothing is known yet.
    fn new(since: Day, url: &str) -> Self {
        Learnt {
            since,
            url: url.to_owned(),
            way: None,
            home: None,
            rows: ROWS_MAX,
            refunds_listed: true,
            modified_filter: true,
        }
    }

    /// What was remembered, if it is about this address, not too old, and can be read.
    pub(crate) fn recall(context: &Context, url: &str) -> Self {
        let today = Day::of_unix_ms(context.now.unix_ms);
        let fresh = |learnt: &Learnt| learnt.url == url && (0..DAYS_VALID).contains(&today.days_since(learnt.since));
        let recalled = context.memory.as_deref().and_then(Learnt::parse).filter(fresh);
        recalled.unwrap_or_else(|| Learnt::new(today, url))
    }

    fn parse(memory: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(memory).ok()?;
        let get = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Some(Learnt {
            since: Day::parse(get("since")?).ok()?,
            url: get("url")?.to_owned(),
            way: get("way").and_then(Way::parse),
            home: get("home").map(str::to_owned),
            rows: get("rows")?.parse().ok().filter(|rows| (1..=ROWS_MAX).contains(rows))?,
            refunds_listed: get("refunds_listed")? == "true",
            modified_filter: get("modified_filter")? == "true",
        })
    }

    /// As bytes to keep.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!(
            "since {}\nurl {}\nrows {}\nrefunds_listed {}\nmodified_filter {}\n",
            self.since, self.url, self.rows, self.refunds_listed, self.modified_filter
        );
        if let Some(way) = self.way {
            text.push_str(&format!("way {way}\n"));
        }
        if let Some(home) = &self.home {
            text.push_str(&format!("home {home}\n"));
        }
        text.into_bytes()
    }
}

/// The way to begin with where nothing is known: over http WooCommerce looks at nothing but signatures \[C live\].
pub(crate) const fn first_way(https: bool) -> Way {
    Way { keys: if https { Keys::Header } else { Keys::Signed }, route: Route::Pretty }
}

#[cfg(test)]
mod tests {
    use ltv_connector::testing;

    use super::*;

    #[test]
    fn what_was_learnt_comes_back_for_a_week_and_for_this_address_alone() {
        let on = |day: &str, memory: &[u8]| testing::context().now(&format!("{day}T12:00:00")).memory(memory).build();
        let mut learnt = Learnt::recall(&on("2026-06-01", b""), "https://shop.example");
        assert_eq!(learnt.rows, ROWS_MAX);
        learnt.way = Some(Way { keys: Keys::Query, route: Route::Plain });
        learnt.home = Some("http://127.0.0.1:8080".to_owned());
        learnt.rows = 25;
        learnt.refunds_listed = false;
        let memory = learnt.to_bytes();
        assert_eq!(Learnt::recall(&on("2026-06-07", &memory), "https://shop.example"), learnt);
        for (day, url) in [("2026-06-08", "https://shop.example"), ("2026-06-02", "https://other.example")] {
            let anew = Learnt::recall(&on(day, &memory), url);
            assert_eq!((anew.way, anew.rows, anew.refunds_listed), (None, ROWS_MAX, true), "{day} {url}");
        }
        let broken = Learnt::recall(&on("2026-06-01", b"rows many"), "https://shop.example");
        assert_eq!(broken.rows, ROWS_MAX);
    }
}
