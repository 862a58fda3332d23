//! Deliveries: hints that fetch the order, and what they are worth where it cannot be fetched.

use ltv_connector::testing;
use ltv_connector::types::{Failure, Kind, NoResponse, Outcome};
use ltv_platforms::woocommerce::{GivenBack, Posted};

use crate::kit::{ADDRESS, Kit, text};

fn kit() -> Kit {
    let mut kit = Kit::new();
    kit.subscribe();
    kit.shop.at("2026-05-20T10:00:00");
    kit
}

fn unreachable() -> Result<ltv_connector::types::Response, NoResponse> {
    Err(NoResponse::Connection("refused".into()))
}

#[test]
fn the_life_of_an_order_told_by_webhooks_alone() {
    let mut kit = kit();
    let id = kit.shop.sold("a@example.org", 9_900);
    assert_eq!(kit.deliver(), vec![Ok(Outcome::Read); 2]);
    kit.assert_true();
    kit.shop.at("2026-05-21T10:00:00").refund(id, 1_000, &[]);
    kit.deliver();
    kit.assert_true();
    assert_eq!(kit.money().len(), 2);
    kit.shop.at("2026-05-22T10:00:00").trash(id);
    assert_eq!(kit.deliver(), vec![Ok(Outcome::Read)]);
    kit.assert_true();
    assert_eq!(kit.money(), vec![]);
    kit.shop.at("2026-05-23T10:00:00").restore(id);
    kit.deliver();
    kit.assert_true();
    assert_eq!(kit.money().len(), 2);
}

#[test]
fn deliveries_in_any_order_and_twice_end_in_the_truth() {
    let mut kit = kit();
    let mut posted: Vec<Posted> = Vec::new();
    let id = kit.shop.sold("a@example.org", 9_900);
    posted.extend(kit.shop.take_deliveries());
    kit.shop.at("2026-05-21T10:00:00").trash(id);
    posted.extend(kit.shop.take_deliveries());
    kit.shop.at("2026-05-22T10:00:00").restore(id);
    kit.shop.refund(id, 500, &[]);
    posted.extend(kit.shop.take_deliveries());
    posted.reverse();
    let doubled: Vec<Posted> = posted.iter().chain(&posted).cloned().collect();
    for posted in &doubled {
        kit.receive(posted).expect("read");
    }
    kit.assert_true();
}

#[test]
fn a_refund_saved_silently_comes_with_the_next_hint() {
    let mut kit = kit();
    let id = kit.shop.sold("a@example.org", 9_900);
    kit.deliver();
    kit.shop.at("2026-05-21T10:00:00").refund_silently(id, 500);
    kit.shop.touch(id);
    kit.deliver();
    kit.assert_true();
}

#[test]
fn a_forged_signature_is_not_proven() {
    let mut kit = kit();
    kit.shop.sold("a@example.org", 9_900);
    let posted = kit.shop.take_deliveries().remove(0);
    let mut forged = crate::kit::delivery(&posted);
    assert!(crate::kit::is_proven(&forged, &kit.context()));
    forged.body.push(b' ');
    assert!(!crate::kit::is_proven(&forged, &kit.context()));
    for signature in ["AAAA", "not base64!", ""] {
        let mut forged = crate::kit::delivery(&posted);
        for header in forged.headers.iter_mut().filter(|header| header.name == "x-wc-webhook-signature") {
            header.value = signature.into();
        }
        assert!(!crate::kit::is_proven(&forged, &kit.context()), "{signature}");
    }
}

#[test]
fn gone_for_good_before_the_store_delivered() {
    let mut kit = kit();
    let id = kit.shop.sold("a@example.org", 9_900);
    kit.deliver();
    kit.shop.touch(id);
    let early = kit.shop.take_deliveries().remove(0);
    kit.shop.touch(id);
    kit.shop.delete(id);
    // The body is an error without id: it does not say which order.
    assert!(matches!(kit.deliver().as_slice(), [Ok(Outcome::Ignored(why))] if why.contains("deleted for good")));
    assert_eq!(kit.money().len(), 1);
    // One that was sent before does.
    assert_eq!(kit.receive(&early), Ok(Outcome::Read));
    kit.assert_true();
    assert!(matches!(kit.receive(&early), Ok(Outcome::Ignored(_))));
}

#[test]
fn a_user_who_lost_his_rights_is_reported() {
    let mut kit = kit();
    kit.shop.hook_user_lost = true;
    kit.shop.sold("a@example.org", 9_900);
    let outcomes = kit.deliver();
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Ok(Outcome::Ignored(why)) if why.contains("may no longer read orders"))),
        "{outcomes:?}"
    );
}

#[test]
fn other_topics_are_ignored() {
    let mut kit = kit();
    let mut posted = {
        kit.shop.sold("a@example.org", 9_900);
        kit.shop.take_deliveries().remove(0)
    };
    for (name, value) in &mut posted.headers {
        if name == "x-wc-webhook-topic" {
            "product.updated".clone_into(value);
        }
    }
    assert!(matches!(kit.receive(&posted), Ok(Outcome::Ignored(_))));
    assert_eq!(kit.money(), vec![]);
}

#[test]
fn a_store_that_cannot_be_asked_is_believed_until_the_next_pass() {
    let mut kit = kit();
    let id = kit.shop.sold("a@example.org", 9_900);
    kit.deliver();
    let first = kit.shop.at("2026-05-21T10:00:00").refund(id, 1_000, &[]);
    kit.deliver();
    let back = [GivenBack { item: 0, quantity: 1, cents: 2_000 }];
    let second = kit.shop.at("2026-05-22T10:00:00").refund(id, 2_000, &back);
    let posted = kit.shop.take_deliveries();
    for posted in &posted {
        assert_eq!(kit.receive_alone(posted, unreachable), Ok(Outcome::Read));
    }
    kit.assert_true();
    let entry = |kit: &Kit, id: u64| kit.ledger.get(Kind::Refund, &format!("refund:{id}")).expect("a refund").clone();
    let is_approximate = |entry: &ltv_connector::types::Entry| entry.tags.iter().any(|tag| tag.name == "approximate");
    assert!(!is_approximate(&entry(&kit, first)), "its date was known");
    assert!(is_approximate(&entry(&kit, second)));
    // The pass knows more, though the modification date is the same; and the same webhook again does not undo it.
    kit.catch_up();
    assert!(!is_approximate(&entry(&kit, second)));
    for posted in &posted {
        assert_eq!(kit.receive_alone(posted, unreachable), Ok(Outcome::Read));
    }
    assert_eq!(entry(&kit, second).lines.len(), 1, "the webhook does not know what was given back");
    kit.assert_true();
}

#[test]
fn an_old_body_does_not_undo_what_is_newer() {
    let mut kit = kit();
    let id = kit.shop.sold("a@example.org", 9_900);
    let old = kit.shop.take_deliveries();
    kit.catch_up();
    kit.shop.at("2026-05-21T10:00:00").cancel(id);
    kit.deliver();
    for posted in &old {
        kit.receive_alone(posted, unreachable).expect("read");
    }
    kit.assert_true();
    assert_eq!(kit.money(), vec![]);
}

#[test]
fn a_stale_answer_does_not_undo_a_newer_body() {
    let mut kit = kit();
    let id = kit.shop.sold("a@example.org", 9_900);
    kit.deliver();
    let stale = kit.poll_one(id);
    kit.shop.at("2026-05-21T10:00:00").cancel(id);
    let posted = kit.shop.take_deliveries().remove(0);
    kit.receive_alone(&posted, || Ok(stale.clone())).expect("read");
    kit.assert_true();
    assert_eq!(kit.money(), vec![]);
}

#[test]
fn the_trash_is_believed_even_where_the_store_cannot_be_asked() {
    let mut kit = kit();
    let id = kit.shop.sold("a@example.org", 9_900);
    kit.deliver();
    kit.shop.at("2026-05-21T10:00:00").trash(id);
    let posted = kit.shop.take_deliveries().remove(0);
    assert_eq!(kit.receive_alone(&posted, unreachable), Ok(Outcome::Read));
    kit.assert_true();
    kit.shop.at("2026-05-22T10:00:00").restore(id);
    kit.catch_up();
    kit.assert_true();
}

#[test]
fn a_body_of_an_older_api_is_not_believed() {
    let mut kit = kit();
    kit.shop.sold("a@example.org", 9_900);
    let mut posted = kit.shop.take_deliveries().remove(0);
    posted.body =
        br#"{"id":5101,"status":"completed","total":"99.00","currency":"EUR","date_created":"2026-05-20T10:00:00"}"#
            .into();
    let said = kit.receive_alone(&posted, unreachable).expect_err("not believed");
    assert!(matches!(said, Failure::Unavailable(_)) && text(&said).contains("no connection"), "{said:?}");
    let said = kit.receive_alone(&posted, || {
        Ok(testing::response(
            401,
            r#"{"code":"woocommerce_rest_authentication_error","message":"Consumer secret is invalid."}"#,
        ))
    });
    assert!(matches!(said, Err(Failure::Unauthorized(_))));
    assert!(ADDRESS.contains("hooks"));
}
