//! What every connector must satisfy, tried without being asked on every case.

mod damage;
mod leaks;
mod manifest;
mod order;
mod same;
mod silence;
mod spoil;

use std::sync::Arc;

use super::case::Case;
use super::play::{Stage, Told};
use crate::connector::Connector;
use crate::limits::cli::CASE_TOLD;
use crate::model::Entry;

/// How a connector fares with one law.
#[derive(Debug)]
pub(super) struct Law {
    /// As a sentence that should hold.
    pub(super) law: &'static str,
    /// How often it was tried, in words; empty if nothing of the connector or its cases touches it.
    pub(super) tried: u64,
    pub(super) violations: Vec<String>,
    /// Violations beyond those that are told.
    pub(super) more: usize,
    /// Cases that are left out, and why.
    pub(super) left_out: Vec<String>,
    /// What is no violation, and worth a look.
    pub(super) notes: Vec<String>,
}

impl Law {
    fn new(law: &'static str) -> Self {
        Self { law, tried: 0, violations: Vec::new(), more: 0, left_out: Vec::new(), notes: Vec::new() }
    }

    fn violated(&mut self, case: &str, what: impl std::fmt::Display) {
        if self.violations.len() < CASE_TOLD {
            let place = if case.is_empty() { String::new() } else { format!("{case}: ") };
            self.violations.push(format!("{place}{what}"));
        } else {
            self.more += 1;
        }
    }
}

/// A case that was played as it stands.
pub(super) struct Played<'a> {
    pub(super) case: &'a Case,
    pub(super) told: Vec<Told>,
    pub(super) ledger: Vec<Entry>,
}

/// Tries all of them.
pub(super) fn try_all(connector: &Arc<Connector>, again: &Connector, played: &[Played<'_>]) -> Vec<Law> {
    let stages: Vec<(Stage, &Played<'_>)> =
        played.iter().map(|played| (Stage::new(connector, played.case), played)).collect();
    let mut heard = leaks::Ears::default();
    let mut laws =
        vec![manifest::complete(connector, played), same::answers(connector, again, &stages), same::replays(&stages)];
    laws.extend([order::repeated(&stages), order::reordered(&stages), order::ids(&stages)]);
    laws.push(damage::survived(&stages, &mut heard));
    laws.push(silence::told(&stages));
    laws.push(leaks::kept(&stages, heard));
    laws
}

/// The first difference between two ledgers, for people. `also` names only lead from one door to the other.
fn difference(expected: &[Entry], found: &[Entry]) -> Option<String> {
    let bare = |entries: &[Entry]| -> Vec<Entry> {
        entries.iter().map(|entry| Entry { also: Vec::new(), ..entry.clone() }).collect()
    };
    let (expected, found) = (bare(expected), bare(found));
    if expected == found {
        return None;
    }
    let only = |these: &[Entry], those: &[Entry]| -> Vec<Entry> {
        these.iter().filter(|entry| !those.contains(entry)).cloned().collect()
    };
    let (missing, new) = (only(&expected, &found), only(&found, &expected));
    let twin = missing.first().and_then(|one| new.iter().find(|other| other.key == one.key).map(|other| (one, other)));
    if let Some((one, other)) = twin
        && super::told::line(one) == super::told::line(other)
    {
        return Some(format!(
            "{} differs in what its line does not show:\n{}",
            super::told::line(one),
            inside(one, other)
        ));
    }
    let lines = missing.iter().map(|entry| format!("- {}", super::told::line(entry)));
    let lines = lines.chain(new.iter().map(|entry| format!("+ {}", super::told::line(entry))));
    let lines: Vec<String> = lines.take(6).collect();
    Some(if lines.is_empty() { "entries are there in another number".to_owned() } else { lines.join("\n") })
}

fn inside(one: &Entry, other: &Entry) -> String {
    let [one, other] = [one, other].map(|entry| format!("{entry:#?}"));
    let diff = similar::TextDiff::from_lines(&one, &other);
    diff.unified_diff().context_radius(1).to_string()
}
