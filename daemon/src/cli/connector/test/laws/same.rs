//! Equal calls give equal answers, and a conversation may be held again from any step.

use super::super::play::{End, Manner, Stage, Told};
use super::{Law, Played, difference};
use crate::connector::Connector;
use crate::limits::cli::CASE_BREAKS;

/// Twice the same: on another instance, of another load, and rows on one instance.
pub(super) fn answers(connector: &Connector, again: &Connector, stages: &[(Stage, &Played<'_>)]) -> Law {
    let mut law = Law::new("equal calls give equal answers");
    law.tried += 1;
    if connector.manifest != again.manifest {
        law.violated("", "`describe` gives another manifest when it is called again");
    }
    for (stage, played) in stages {
        let name = &played.case.name;
        let mut world = stage.world();
        let manner = Manner { rows_twice: true, ..Manner::default() };
        let told = played.case.deliveries.iter().map(|one| stage.deliver(&mut world, one, manner));
        let told: Vec<Told> = told.collect();
        for ((delivery, first), second) in played.case.deliveries.iter().zip(&played.told).zip(&told) {
            law.tried += 1;
            if first != second {
                law.violated(name, format!("{}: {}", delivery.title, what_differs(first, second)));
            }
        }
        let settings = &stage.given.values;
        law.tried += 1;
        if connector.validate(settings).ok() != again.validate(settings).ok() {
            law.violated(name, "`validate` answers differently when it is asked again");
        }
    }
    law
}

fn what_differs(first: &Told, second: &Told) -> String {
    if let (None, Some(End::Fault(what))) = (&first.end, &second.end) {
        return what.clone();
    }
    let [first, second] = [first, second].map(|told| format!("{told:#?}"));
    let diff = similar::TextDiff::from_lines(&first, &second);
    format!("the second answer is another one\n{}", diff.unified_diff().context_radius(1))
}

/// Breaks every conversation off after some of its steps and holds it again from the beginning, as after a restart; and once
/// with a fresh instance for every step that has a state, and for every batch of a file.
pub(super) fn replays(stages: &[(Stage, &Played<'_>)]) -> Law {
    let mut law = Law::new("a conversation that is held again from any step ends in the same ledger");
    for (stage, played) in stages {
        let name = &played.case.name;
        for (at, delivery) in played.case.deliveries.iter().enumerate() {
            let steps = played.told.get(at).map_or(0, |told| told.steps);
            let every = steps.div_ceil(CASE_BREAKS).max(1);
            let breaks =
                (1..steps).step_by(every).map(|after| Manner { break_after: Some(after), ..Manner::default() });
            let fresh = Manner { fresh_instances: true, ..Manner::default() };
            for manner in breaks.chain([fresh]) {
                law.tried += 1;
                let mut world = stage.world();
                for (other, one) in played.case.deliveries.iter().enumerate() {
                    if other == at {
                        stage.deliver(&mut world, one, manner);
                    }
                    if other != at || manner.break_after.is_some() {
                        stage.deliver(&mut world, one, Manner::default());
                    }
                }
                if let Some(difference) = difference(&played.ledger, &world.ledger.entries()) {
                    let how = manner.break_after.map_or_else(
                        || "with a fresh instance for each step".to_owned(),
                        |after| format!("broken off after step {after} and held again"),
                    );
                    law.violated(name, format!("{}, {how}\n{difference}", delivery.title));
                }
            }
        }
    }
    law
}
