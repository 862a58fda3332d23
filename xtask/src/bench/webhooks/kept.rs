//! Whether what was acknowledged is there, once.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::load::Outcome;
use crate::bench::server::Server;

/// Pause between looks at the inbox.
const LOOK: Duration = Duration::from_millis(100);
/// The inbox must become shorter within this.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the daemon says of the deliveries of one run.
pub(super) struct Kept {
    /// By an answer 200.
    pub(super) acknowledged: u64,
    /// Of those, not in the ledger.
    pub(super) lost: u64,
    /// Kept more often than sent.
    pub(super) doubled: u64,
    /// Not read yet when the last one was sent.
    pub(super) waiting: u64,
}

impl Kept {
    /// Waits until everything is read, and holds it against what was acknowledged.
    pub(super) fn check(server: &Server, outcome: &Outcome) -> Result<Self> {
        let waiting = wait_for_inbox(server)?;
        let lines = server.ask("/v1/entries")?.1;
        let mut orders = BTreeSet::new();
        let mut entries = 0;
        for line in lines.lines() {
            let entry: Value = serde_json::from_str(line).context("an entry is not JSON")?;
            let order = entry["order"].as_str().and_then(|order| order.rsplit('-').next()?.parse::<u64>().ok());
            orders.insert(order.with_context(|| format!("the order of an entry is no number: {line}"))?);
            entries += 1;
        }
        let lost = outcome.acknowledged.iter().filter(|number| !orders.contains(number)).count() as u64;
        let known: BTreeSet<u64> = outcome.acknowledged.iter().chain(&outcome.unanswered).copied().collect();
        let strange = orders.difference(&known).count();
        ensure!(
            strange == 0,
            "{strange} deliveries were neither acknowledged nor left without an answer, and are kept"
        );
        ensure!(entries == orders.len(), "{} orders have {entries} entries", orders.len());
        let stored = deliveries(server)?;
        Ok(Self {
            acknowledged: outcome.acknowledged.len() as u64,
            lost,
            doubled: stored - orders.len() as u64,
            waiting,
        })
    }

    pub(super) fn must_be_exact(&self) -> Result<()> {
        let Self { acknowledged, lost, doubled, .. } = self;
        ensure!(
            *lost == 0 && *doubled == 0,
            "of {acknowledged} acknowledged, {lost} are lost and {doubled} are doubled"
        );
        Ok(())
    }
}

/// Gives how many waited at first.
fn wait_for_inbox(server: &Server) -> Result<u64> {
    let (mut first, mut least, mut since) = (None, u64::MAX, Instant::now());
    loop {
        let status = server.ask_json("/v1/status")?;
        let pending = status["pending"].as_u64().context("the status tells no `pending`")?;
        let first = *first.get_or_insert(pending);
        if pending == 0 {
            let quarantined = &status["quarantined"];
            ensure!(quarantined == 0, "{quarantined} deliveries are in quarantine");
            return Ok(first);
        }
        if pending < least {
            (least, since) = (pending, Instant::now());
        }
        ensure!(since.elapsed() < PATIENCE, "{pending} deliveries wait, and none is read");
        sleep(LOOK);
    }
}

/// How many deliveries were kept: they are numbered from 1 on.
fn deliveries(server: &Server) -> Result<u64> {
    let exists = |number: u64| server.status_of(&format!("/v1/deliveries/{number}")).map(|status| status == 200);
    let mut above = 1;
    while exists(above)? {
        above *= 2;
    }
    let mut last = above / 2;
    while above - last > 1 {
        let middle = last + (above - last) / 2;
        if exists(middle)? { last = middle } else { above = middle }
    }
    Ok(last)
}
