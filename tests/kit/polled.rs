//! A shop whose platform is asked: what its ledger holds beside what the platform knows.

use ltv_platforms::Money;
use serde_json::Value;

use super::shop::Shop;
use super::wait::{BOUND, wait_until};

impl Shop {
    /// All entries of an integration.
    #[track_caller]
    pub(crate) fn entries(&self, integration: &str) -> Vec<Value> {
        let text = self.get(&format!("/v1/entries?integration={integration}")).ok().text();
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// The entries of an integration as their platform would tell them, sorted.
    #[track_caller]
    pub(crate) fn money(&self, integration: &str) -> Vec<Money> {
        let mut money: Vec<Money> = self.entries(integration).iter().map(told).collect();
        money.sort();
        money
    }

    /// Compares the ledger with the platform, to the cent.
    #[track_caller]
    pub(crate) fn must_hold(&self, integration: &str, truth: &[Money]) {
        let held = self.money(integration);
        let missing: Vec<_> = truth.iter().filter(|known| !held.contains(known)).collect();
        let surplus: Vec<_> = held.iter().filter(|known| !truth.contains(known)).collect();
        assert!(missing.is_empty() && surplus.is_empty(), "missing: {missing:#?}\nsurplus: {surplus:#?}");
        assert_eq!(held.len(), truth.len(), "twins: {held:#?}");
    }

    /// Runs a pass to its end, and gives what it did. It must be complete.
    #[track_caller]
    pub(crate) fn sync(&self, integration: &str) -> Value {
        let pass = self.try_sync(integration);
        assert_eq!(pass["complete"], true, "{pass:#}");
        pass
    }

    /// Runs a pass to its end.
    #[track_caller]
    pub(crate) fn try_sync(&self, integration: &str) -> Value {
        self.try_sync_with(&format!("{integration}/sync"))
    }

    /// Runs a pass over a range of days.
    #[track_caller]
    pub(crate) fn try_sync_with(&self, target: &str) -> Value {
        let answer = self.post(&format!("/v1/integrations/{target}"), &[]).ok().text();
        let last = answer.lines().last().expect("an answer has a last line");
        let last: Value = serde_json::from_str(last).expect("a line is JSON");
        assert!(last.get("report").is_some(), "{last:#}");
        last["report"].clone()
    }

    /// What is known of the polling of an integration.
    #[track_caller]
    pub(crate) fn polling(&self, integration: &str) -> Value {
        self.get(&format!("/v1/syncs?integration={integration}")).ok().json()["syncs"][0].clone()
    }

    /// Waits until the pass that the daemon begins by itself has ended.
    #[track_caller]
    pub(crate) fn wait_for_pass(&self, integration: &str) -> Value {
        wait_until("the first pass has ended", BOUND, || {
            let polling = self.polling(integration);
            (polling["now"].is_null() && polling["passes"].as_array().is_some_and(|passes| !passes.is_empty()))
                .then_some(polling)
        })
    }

    /// How many answers of platforms are kept. No daemon may run.
    #[track_caller]
    pub(crate) fn entries_in_archive(&self) -> usize {
        let ledger = ltvd::ledger::Ledger::open(&self.path("data")).expect("the ledger opens");
        (1..10_000)
            .map_while(|number| ledger.delivery(number).expect("the ledger is whole").map(|_| number))
            .map(|number| ledger.exchanges(number).expect("the ledger is whole").len())
            .sum()
    }

    /// Every record and every body of the ledger, unpacked, and every file beside it. No daemon may run.
    #[track_caller]
    pub(crate) fn everything_stored(&self) -> String {
        let mut all = String::new();
        {
            let ledger = ltvd::ledger::Ledger::open(&self.path("data")).expect("the ledger opens");
            for number in 1..10_000 {
                let Some(stored) = ledger.delivery(number).expect("the ledger is whole") else { break };
                all.push_str(&format!("{:?}\n{}\n", stored.delivery, String::from_utf8_lossy(&stored.body)));
                for exchange in ledger.exchanges(number).expect("the ledger is whole") {
                    if let ltvd::ledger::Came::Response { body, .. } = &exchange.came {
                        all.push_str(&String::from_utf8_lossy(body));
                    }
                    all.push_str(&exchange.request);
                }
            }
        }
        for place in ["data/ledger.redb", "stderr.log"] {
            all.push_str(&String::from_utf8_lossy(&std::fs::read(self.path(place)).unwrap_or_default()));
        }
        all
    }
}

fn told(entry: &Value) -> Money {
    let text = |member: &str| entry[member].as_str().unwrap_or_default().to_owned();
    let kinds = ["sale", "refund", "void", "chargeback", "chargeback-reversal"];
    let kind = kinds.into_iter().find(|kind| *kind == text("kind").replace('_', "-")).expect("a known kind");
    let at = entry["said"].as_str().map_or_else(|| text("at"), str::to_owned);
    Money { kind, id: text("id"), order: text("order"), at, currency: text("currency"), total: text("total") }
}
