//! What is no list must not look like an empty one: a walk that is "complete" and silent costs sales, and nobody notices.

use super::super::case::{Act, Delivery};
use super::super::play::{Manner, Stage, Told};
use super::{Law, Played};
use crate::connector::Outcome;

/// Replaces each answer of a walk by something of another shape.
pub(super) fn told(stages: &[(Stage, &Played<'_>)]) -> Law {
    let mut law = Law::new("an answer of another shape never passes for an empty one");
    for (stage, played) in stages {
        for delivery in played.case.deliveries.iter().filter(|one| matches!(one.act, Act::Poll(_))) {
            let whole = stage.deliver(&mut stage.world(), delivery, Manner::default());
            if !is_complete(&whole) || whole.changes.is_empty() {
                continue;
            }
            for (how, damaged) in misshapen(delivery) {
                law.tried += 1;
                let found = stage.deliver(&mut stage.world(), &damaged, Manner::default());
                let missing = whole.changes.len().saturating_sub(found.changes.len());
                if is_complete(&found) && missing > 0 && found.rejects.len() <= whole.rejects.len() {
                    let what = format!("{}, {how}: complete, with {missing} fewer changes and no word", delivery.title);
                    law.violated(&played.case.name, what);
                }
            }
        }
    }
    law
}

fn is_complete(told: &Told) -> bool {
    told.end.is_none() && matches!(&told.outcome, Some(Outcome::Synced(coverage)) if coverage.complete)
}

/// A delivery with each of its good answers replaced, with what was done.
fn misshapen(delivery: &Delivery) -> Vec<(String, Delivery)> {
    const PAGE: &str = "<!DOCTYPE html><html><body>We will be back soon</body></html>";
    let mut script = delivery.script.clone();
    let bodies: Vec<(u16, Vec<u8>)> = script.bodies().map(|(status, _, body)| (*status, body.clone())).collect();
    let mut all = Vec::new();
    for (at, (status, body)) in bodies.iter().enumerate().filter(|(_, (status, _))| *status == 200) {
        let mut shapes = vec![("a page", PAGE), ("a text", "\"\"")];
        // PHP writes an empty list either way, so `{}` in the place of a list says nothing wrong.
        if !body.trim_ascii_start().starts_with(b"[") {
            shapes.extend([("{}", "{}"), ("[]", "[]")]);
        }
        for (what, text) in shapes {
            let mut damaged = delivery.clone();
            if let Some((found, headers, body)) = damaged.script.bodies().nth(at) {
                *found = *status;
                let kind = if text == PAGE { "text/html" } else { "application/json" };
                headers
                    .iter_mut()
                    .filter(|one| one.name == "content-type")
                    .for_each(|one| kind.clone_into(&mut one.value));
                *body = text.as_bytes().to_vec();
            }
            all.push((format!("answer {} made {what}", at + 1), damaged));
        }
    }
    all
}
