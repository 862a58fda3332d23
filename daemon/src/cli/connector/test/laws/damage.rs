//! Mutated and truncated inputs: whatever comes, a call ends in an answer or in a failure that says what cannot be read.

use super::super::case::{Act, Delivery};
use super::super::play::{End, Manner, Stage, Told};
use super::leaks::Ears;
use super::spoil::{self, Spoilt};
use super::{Law, Played};
use crate::connector::Delivery as Request;

/// Damages every delivery in turn.
pub(super) fn survived(stages: &[(Stage, &Played<'_>)], heard: &mut Ears) -> Law {
    let mut law = Law::new("mutated and truncated inputs never trap, nor run past a limit");
    for (stage, played) in stages {
        for delivery in &played.case.deliveries {
            for (how, damaged) in damaged(delivery) {
                law.tried += 1;
                let mut world = stage.world();
                let manner = Manner { believe: true, ..Manner::default() };
                let told = stage.deliver(&mut world, &damaged, manner);
                if let Some(what) = fault(&told) {
                    law.violated(&played.case.name, format!("{}, {how}: {what}", delivery.title));
                }
                heard.listen(stage, played.case, &told);
            }
        }
    }
    law
}

fn fault(told: &Told) -> Option<String> {
    match &told.end {
        Some(End::Fault(what)) => Some(what.clone()),
        Some(End::Endless) => Some("it does not come to an end".to_owned()),
        _ => None,
    }
}

/// Every damage to one delivery, with what was done.
fn damaged(delivery: &Delivery) -> Vec<(String, Delivery)> {
    let mut all = Vec::new();
    match &delivery.act {
        Act::Webhook(request) => {
            for Spoilt { how, bytes } in spoil::body(&request.body) {
                let mut damaged = delivery.clone();
                if let Act::Webhook(request) = &mut damaged.act {
                    request.body = bytes;
                }
                all.push((how, damaged));
            }
            let mut with = |how: String, damage: &dyn Fn(&mut Request)| {
                let mut damaged = delivery.clone();
                if let Act::Webhook(request) = &mut damaged.act {
                    damage(request);
                }
                all.push((how, damaged));
            };
            for (index, header) in request.headers.iter().enumerate() {
                let name = &header.name;
                with(format!("without the header {name}"), &|request| drop(request.headers.remove(index)));
                with(format!("the header {name} twice"), &|request| request.headers.extend([header.clone()]));
                for spoilt in spoil::word(&header.value) {
                    with(format!("the header {name} made {spoilt:.40}"), &|request| {
                        request.headers.iter_mut().skip(index).take(1).for_each(|header| header.value = spoilt.clone());
                    });
                }
            }
            for spoilt in spoil::word(&request.query) {
                with(format!("the query made {spoilt:.40}"), &|request| request.query = spoilt.clone());
            }
        }
        Act::File { bytes, .. } => {
            for spoilt in spoil::table(bytes) {
                let mut damaged = delivery.clone();
                if let Act::File { bytes, .. } = &mut damaged.act {
                    *bytes = spoilt.bytes;
                }
                all.push((spoilt.how, damaged));
            }
        }
        Act::Poll(_) => {}
    }
    let mut script = delivery.script.clone();
    let bodies: Vec<Vec<u8>> = script.bodies().map(|(_, _, body)| body.clone()).collect();
    // The same number of damages for a conversation, however many answers it has.
    let each = crate::limits::cli::CASE_DAMAGES.div_ceil(bodies.len().max(1));
    for (at, body) in bodies.iter().enumerate() {
        for Spoilt { how, bytes } in spoil::some(spoil::body(body), each) {
            let mut damaged = delivery.clone();
            if let Some((_, _, body)) = damaged.script.bodies().nth(at) {
                *body = bytes;
            }
            all.push((format!("answer {}, {how}", at + 1), damaged));
        }
        for wrong in [204, 301, 400, 401, 403, 404, 429, 500] {
            let mut damaged = delivery.clone();
            if let Some((status, headers, body)) = damaged.script.bodies().nth(at) {
                *status = wrong;
                headers.clear();
                *body = b"<html><body>No</body></html>".to_vec();
            }
            all.push((format!("answer {} with status {wrong}", at + 1), damaged));
        }
    }
    all
}
