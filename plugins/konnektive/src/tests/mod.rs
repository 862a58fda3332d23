//! What the platform answers, and what must come of it: after each run the ledger is compared with the account's own truth.

mod chargebacks;
mod faults;
mod files;
mod interleaved;
mod money;
mod refusals;
mod voids;
mod words;

use ltv_connector::dates::Day;
use ltv_connector::{prelude::*, testing};
use ltv_platforms::{Answer, Call, Fault as Wrong, Faults, Money, konnektive::Account, native};

use crate::Konnektive;

/// An integration with its ledger, and the account it asks.
struct Shop {
    ledger: testing::Ledger,
    context: testing::ContextBuilder,
    platform: Faults<Account>,
    secrets: Vec<(String, String)>,
}

impl Shop {
    fn new(account: Account) -> Self {
        let context = testing::context_for(&Konnektive::describe())
            .now("2026-06-01T12:00:00")
            .zone("America/New_York")
            .secret("login_id")
            .secret("password");
        let secrets = account.secrets();
        Shop { ledger: testing::Ledger::new(), context, platform: Faults::none(account), secrets }
    }

    /// Other settings, or another time.
    fn with(mut self, change: impl FnOnce(testing::ContextBuilder) -> testing::ContextBuilder) -> Self {
        self.context = change(self.context);
        self
    }

    fn account(&mut self) -> &mut Account {
        &mut self.platform.platform
    }

    fn run(&mut self, task: Task) -> Result<Outcome, Failure> {
        let context = match &self.ledger.memory {
            Some(memory) => self.context.clone().memory(memory).build(),
            None => self.context.clone().build(),
        };
        let secrets: Vec<(&str, &str)> = self.secrets.iter().map(|(name, value)| (&**name, &**value)).collect();
        self.ledger.poll::<Konnektive>(task, &context, native::answers(&mut self.platform, &secrets))
    }

    fn sync(&mut self, axis: Axis, first: &str, last: &str) -> Result<Coverage, Failure> {
        match self.run(Task::Sync(testing::window(axis, first, last)))? {
            Outcome::Synced(coverage) => Ok(coverage),
            other => panic!("a sync ends with its coverage, not {other:?}"),
        }
    }

    /// Reads these days by creation, each as a window of its own as the daemon does, and demands that all is complete.
    fn load(&mut self, first: &str, last: &str) {
        for day in days(first, last) {
            let coverage = self.sync(Axis::Created, &day, &day).expect("a window that can be read");
            assert!(coverage.complete, "{coverage:?}");
        }
    }

    /// As [`load`](Self::load), by the last change.
    fn follow(&mut self, first: &str, last: &str) {
        for day in days(first, last) {
            let coverage = self.sync(Axis::Modified, &day, &day).expect("a window that can be read");
            assert!(coverage.complete, "{coverage:?}");
        }
    }

    fn check(&mut self) -> Result<Vec<String>, Failure> {
        match self.run(Task::Check)? {
            Outcome::Checked(lines) => Ok(lines),
            other => panic!("a check ends with what it saw, not {other:?}"),
        }
    }

    /// All money of the ledger, in cents.
    fn found(&self) -> Vec<Money> {
        let mut found: Vec<Money> = self.ledger.entries().into_iter().map(ltv_platforms::money).collect();
        for money in &mut found {
            let (whole, part) = money.total.split_once('.').unwrap_or((&money.total, ""));
            money.total = format!("{whole}.{part:0<2}");
        }
        found.sort();
        found
    }

    /// The ledger holds what the account knows, to the cent, and nothing was refused.
    #[track_caller]
    fn agrees(&self) {
        assert_eq!(self.ledger.rejects, []);
        assert_eq!(self.found(), self.platform.platform.truth());
    }

    fn entry(&self, kind: Kind, id: u64) -> &Entry {
        self.ledger.get(kind, &format!("txn:{id}")).expect("an entry of this transaction")
    }
}

fn days(first: &str, last: &str) -> Vec<String> {
    let (first, last) = (Day::parse(first).expect("a day"), Day::parse(last).expect("a day"));
    (0..=last.days_since(first)).map(|days| first.plus(days).to_string()).collect()
}

fn tag<'a>(entry: &'a Entry, name: &str) -> Option<&'a str> {
    entry.tags.iter().find(|tag| tag.name == name).map(|tag| tag.value.as_str())
}

/// An account on New York's clock.
fn account() -> Account {
    Account::new("America/New_York")
}
