//! Webhooks made, kept, revived and removed.

use ltv_connector::types::{Failure, Outcome, SubscriptionAction, Task};
use ltv_platforms::woocommerce::Permission;

use crate::kit::{ADDRESS, Kit, WEBHOOK_SECRET, delivery, text};

const TOPICS: [&str; 4] = ["order.created", "order.updated", "order.deleted", "order.restored"];

fn actions(kit: &mut Kit) -> Vec<SubscriptionAction> {
    kit.subscribe().into_iter().map(|subscription| subscription.action).collect()
}

#[test]
fn made_once_and_kept() {
    let mut kit = Kit::new();
    let made = kit.subscribe();
    assert_eq!(made.iter().map(|made| made.topic.as_str()).collect::<Vec<_>>(), TOPICS);
    assert!(made.iter().all(|made| made.action == SubscriptionAction::Created));
    for hook in kit.shop.hooks() {
        assert_eq!((hook.delivery_url.as_str(), hook.secret.as_str()), (ADDRESS, WEBHOOK_SECRET));
        assert_eq!(hook.name, format!("ltvd {}", hook.topic));
    }
    assert_eq!(actions(&mut kit), [SubscriptionAction::Kept; 4]);
    assert_eq!(kit.shop.hooks().len(), 4);
}

#[test]
fn their_pings_are_answered_and_nothing_else_unsigned_is() {
    use ltv_connector::connector::Webhook;
    use ltv_connector::types::Proof;
    let mut kit = Kit::new();
    kit.subscribe();
    let pings = kit.shop.take_pings();
    assert_eq!(pings.len(), 4);
    let prove = |delivery| ltv_connector_woocommerce::WooCommerce::prove(&delivery, &kit.context()).expect("a proof");
    for ping in &pings {
        assert!(matches!(prove(delivery(ping)), Proof::Ping(None)));
    }
    for body in ["webhook_id=", "webhook_id=1&x=2", "webhook_id=1a", "{\"id\":1}", "x=1"] {
        let mut unsigned = delivery(&pings[0]);
        unsigned.body = body.into();
        assert!(matches!(prove(unsigned), Proof::Refuse(_)), "{body}");
    }
}

#[test]
fn one_that_the_store_disabled_begins_anew_without_its_failures() {
    let mut kit = Kit::new();
    let old = kit.subscribe()[1].id.clone();
    let hook = old.parse().expect("a number");
    for _ in 0..7 {
        kit.shop.answered(hook, Some(500));
    }
    let again = kit.subscribe();
    assert_eq!(again[1].action, SubscriptionAction::Reactivated);
    assert_ne!(again[1].id, old);
    assert!(kit.shop.hooks().iter().all(|hook| hook.status == "active" && hook.failures == 0));
    assert_eq!(kit.shop.hooks().len(), 4);
}

#[test]
fn duplicates_go_and_those_of_others_stay() {
    let mut kit = Kit::new();
    kit.shop.add_hook("order.updated", "https://other.example/x", "s");
    kit.shop.add_hook("customer.created", ADDRESS, "s");
    let kept = kit.shop.add_hook("order.updated", ADDRESS, WEBHOOK_SECRET);
    kit.shop.add_hook("order.updated", ADDRESS, WEBHOOK_SECRET);
    assert_eq!(kit.subscribe()[1].id, kept.to_string());
    let ours = kit.shop.hooks().iter().filter(|hook| hook.topic == "order.updated" && hook.delivery_url == ADDRESS);
    assert_eq!(ours.count(), 1);
    assert_eq!(kit.shop.hooks().len(), 6);
    assert_eq!(kit.poll(Task::Unsubscribe(ADDRESS.to_owned())), Ok(Outcome::Unsubscribed(5)));
    assert_eq!(kit.shop.hooks().len(), 1);
}

#[test]
fn a_list_of_more_than_a_page() {
    let mut kit = Kit::new();
    for number in 0..230 {
        kit.shop.add_hook("order.updated", &format!("https://other.example/{number}"), "s");
    }
    kit.subscribe();
    assert_eq!(actions(&mut kit), [SubscriptionAction::Kept; 4]);
    assert_eq!(kit.shop.hooks().len(), 234);
}

#[test]
fn a_key_that_may_only_read_says_where_to_change_it() {
    let mut kit = Kit::new();
    kit.shop.permission = Permission::Read;
    let said = kit.poll(Task::Subscribe(ADDRESS.to_owned())).expect_err("it may not write");
    assert!(matches!(said, Failure::Unauthorized(_)), "{said:?}");
    assert!(text(&said).contains("Permissions to Read/Write"), "{said:?}");
}

#[test]
fn an_address_that_the_store_will_not_deliver_to_is_tried_all_the_same() {
    let mut kit = Kit::new();
    let address = "http://192.168.1.5:8787/hooks/main/x".to_owned();
    assert!(matches!(kit.poll(Task::Subscribe(address)), Ok(Outcome::Subscribed(made)) if made.len() == 4));
    assert!(kit.shop.take_pings().is_empty());
    for _ in 0..7 {
        let id = kit.shop.sold("a@example.org", 100);
        kit.shop.touch(id);
        assert!(kit.shop.take_deliveries().is_empty());
    }
    assert!(kit.shop.hooks().iter().any(|hook| hook.status == "disabled"));
}
