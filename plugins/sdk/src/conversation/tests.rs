use std::future;

use super::*;
use crate::connector::{Connector, Webhook};
use crate::testing::{self, Ledger};
use crate::types::{Context, Decimal, Delivery, EntryKey, Kind, Manifest, Moment, Proof, Reply};

fn sale(number: usize) -> Entry {
    Entry::sale(number.to_string(), "o-1", Moment::Utc(0), "USD", Decimal::whole(1))
}

fn asked(step: &Step) -> &Ask {
    match &step.next {
        Next::Ask(ask) => ask,
        Next::Done(outcome) => panic!("ended with {outcome:?}"),
    }
}

/// Answers each request with its own tag as body.
fn echo(ask: &Ask) -> Replies {
    let reply = |request: &Request| Reply {
        tag: request.tag.clone(),
        outcome: Ok(testing::response(200, request.tag.clone())),
    };
    let unknown = |id: &String| StoredOrder { id: id.clone(), revision: 0, entries: Vec::new() };
    Replies { responses: ask.requests.iter().map(reply).collect(), orders: ask.orders.iter().map(unknown).collect() }
}

/// Runs to the end and gives all steps.
fn run<F: Future<Output = Result<Outcome, Failure>> + 'static>(
    task: impl FnOnce(Daemon) -> F,
) -> Result<Vec<Step>, Failure> {
    let mut conversation = Conversation::new(task);
    let mut steps = vec![conversation.step()?];
    while let Next::Ask(ask) = &steps[steps.len() - 1].next {
        let replies = echo(ask);
        steps.push(conversation.resume(replies)?);
    }
    Ok(steps)
}

fn tagged(tag: impl ToString) -> Request {
    Request::get("https://example.com").tag(tag.to_string())
}

#[test]
fn a_task_pauses_where_it_asks_and_hands_over_what_it_did_until_then() {
    let steps = run(|daemon| async move {
        daemon.put(sale(1));
        daemon.remember(vec![7]);
        let first = daemon.send(tagged("a")).await.unwrap();
        assert_eq!(first.body, b"a");
        daemon.put(sale(2));
        daemon.reject(0, "odd");
        daemon.progress(1, Some(2));
        assert_eq!(daemon.order("o-9").await.id, "o-9");
        daemon.put(sale(3));
        Ok(Outcome::Read)
    })
    .unwrap();
    let ids = |step: &Step| -> Vec<String> {
        let id = |change: &Change| if let Change::Put(entry) = change { entry.key.id.clone() } else { String::new() };
        step.changes.iter().map(id).collect()
    };
    assert_eq!(steps.len(), 3);
    assert_eq!(
        (ids(&steps[0]), ids(&steps[1]), ids(&steps[2])),
        (vec!["1".into()], vec!["2".into()], vec!["3".into()])
    );
    assert_eq!(asked(&steps[0]).requests, [tagged("a")]);
    assert_eq!(asked(&steps[1]).orders, ["o-9"]);
    assert_eq!((&steps[0].memory, &steps[1].memory), (&Some(vec![7]), &None));
    assert_eq!((steps[1].rejects.len(), steps[2].rejects.len()), (1, 0));
    assert_eq!(steps[1].progress, Some(Progress { done: 1, total: Some(2) }));
    assert_eq!(steps[2].next, Next::Done(Outcome::Read));
}

#[test]
fn what_cannot_be_an_id_is_not_looked_up_and_holds_nothing() {
    let steps = run(|daemon| async move {
        let odd = ["a\u{0}", "", "o-1", &"x".repeat(201)].map(str::to_owned);
        let stored = daemon.orders(odd.clone()).await;
        assert_eq!(stored.iter().map(|order| order.id.clone()).collect::<Vec<_>>(), odd);
        assert!(daemon.order("a\n").await.entries.is_empty());
        daemon.withdraw(Withdrawal { key: EntryKey { kind: Kind::Refund, id: String::new() }, revision: 1 });
        Ok(Outcome::Read)
    })
    .unwrap();
    assert_eq!((steps.len(), asked(&steps[0]).orders.as_slice()), (2, &["o-1".to_owned()][..]));
    assert_eq!((steps[1].changes.len(), steps[1].rejects[0].reason.as_str()), (0, "the id is empty"));
}

#[test]
fn a_fault_is_settled_with_its_id_and_field_and_a_failure_ends_the_task() {
    let daemon = Daemon::default();
    let read = |text: &str| -> Result<Decimal, Unread> {
        Ok(crate::money::plain(text).map_err(|error| Fault::at("total", error).id("p-1"))?)
    };
    daemon.settle(3, read("soon").unwrap_err()).unwrap();
    let rejects = daemon.desk.rejects.take();
    let told = &rejects[0];
    assert_eq!((told.index, told.id.as_deref(), told.field.as_deref()), (3, Some("p-1"), Some("total")));
    let down = Failure::Internal("down".into());
    assert_eq!(daemon.settle(0, Unread::from(down.clone())), Err(down));
    let said = Failure::from(read("soon").unwrap_err());
    assert!(matches!(said, Failure::Malformed(text) if text.starts_with("p-1: total: ")));
}

#[test]
fn a_task_that_asks_for_nothing_ends_at_once() {
    let steps = run(|_| async { Ok(Outcome::Ignored("a ping".into())) }).unwrap();
    assert_eq!(steps.len(), 1);
    let nothing = run(|daemon| async move {
        assert!(daemon.send_all(Vec::new()).await.is_empty());
        assert!(daemon.orders(Vec::<String>::new()).await.is_empty());
        Ok(Outcome::Read)
    });
    assert_eq!(nothing.unwrap().len(), 1);
}

#[test]
fn more_than_a_step_may_hold_takes_several_steps_and_keeps_its_order() {
    let steps = run(|daemon| async move {
        let bodies = daemon.send_all((0..300).map(tagged).collect()).await;
        let expected: Vec<String> = (0..300).map(|number: i32| number.to_string()).collect();
        let bodies: Vec<String> = bodies.into_iter().map(|r| String::from_utf8(r.unwrap().body).unwrap()).collect();
        assert_eq!(bodies, expected);
        let ids: Vec<String> = (0..1_025).map(|number| number.to_string()).collect();
        let stored = daemon.orders(ids.clone()).await;
        assert_eq!(stored.into_iter().map(|order| order.id).collect::<Vec<_>>(), ids);
        Ok(Outcome::Read)
    })
    .unwrap();
    let sizes: Vec<(usize, usize)> =
        steps[..5].iter().map(|step| (asked(step).requests.len(), asked(step).orders.len())).collect();
    assert_eq!(sizes, [(128, 0), (128, 0), (44, 0), (0, 1_024), (0, 1)]);
    assert_eq!(steps.len(), 6);
}

#[test]
fn more_changes_than_a_step_may_hold_go_first_and_the_task_does_not_notice() {
    let steps = run(|daemon| async move {
        (0..CHANGES_MAX * 2 + 1).for_each(|number| daemon.put(sale(number)));
        assert_eq!(daemon.send(tagged("x")).await.unwrap().body, b"x");
        (0..CHANGES_MAX + 1).for_each(|number| daemon.put(sale(number)));
        Ok(Outcome::Read)
    })
    .unwrap();
    let sizes: Vec<usize> = steps.iter().map(|step| step.changes.len()).collect();
    assert_eq!(sizes, [CHANGES_MAX, CHANGES_MAX, 1, CHANGES_MAX, 1]);
    assert_eq!(asked(&steps[0]).orders, ["o-1"]);
    assert_eq!(asked(&steps[2]).requests.len(), 1);
    assert_eq!(steps[4].next, Next::Done(Outcome::Read));
}

#[test]
fn a_failure_hands_over_nothing() {
    let failure = run(|daemon| async move {
        daemon.put(sale(1));
        Err(Failure::Malformed("no".into()))
    });
    assert_eq!(failure, Err(Failure::Malformed("no".into())));
}

#[test]
fn a_task_that_waits_for_anything_else_is_an_error_not_a_hang() {
    let failure = run(|_| async {
        future::pending::<()>().await;
        Ok(Outcome::Read)
    });
    assert!(matches!(failure, Err(Failure::Internal(_))));
}

#[test]
fn exchanges_begun_together_are_all_answered() {
    let steps = run(|daemon| async move {
        let (one, two) = (daemon.clone(), daemon.clone());
        let mut first = Box::pin(async move { one.send(tagged("1")).await });
        let mut second = Box::pin(async move { two.send(tagged("2")).await });
        let (mut first_body, mut second_body) = (None, None);
        future::poll_fn(|context| {
            if first_body.is_none()
                && let Poll::Ready(done) = first.as_mut().poll(context)
            {
                first_body = Some(done.unwrap().body);
            }
            if second_body.is_none()
                && let Poll::Ready(done) = second.as_mut().poll(context)
            {
                second_body = Some(done.unwrap().body);
            }
            if first_body.is_some() && second_body.is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert_eq!((first_body, second_body), (Some(b"1".to_vec()), Some(b"2".to_vec())));
        Ok(Outcome::Read)
    });
    assert_eq!(steps.unwrap().len(), 3);
}

#[test]
fn a_task_of_this_instance_goes_on_once_and_then_is_gone() {
    let nothing = || Replies { responses: Vec::new(), orders: Vec::new() };
    assert!(matches!(resume(nothing()), Err(Failure::Internal(_))));
    let step = begin(|daemon| async move {
        daemon.order("o").await;
        Ok(Outcome::Read)
    });
    let replies = echo(asked(&step.unwrap()));
    assert_eq!(resume(replies).unwrap().next, Next::Done(Outcome::Read));
    assert!(matches!(resume(nothing()), Err(Failure::Internal(_))));
}

#[test]
fn a_daemon_that_answers_too_little_does_not_bring_the_task_down() {
    let mut conversation = Conversation::new(|daemon| async move {
        assert!(matches!(daemon.send(tagged("a")).await, Err(NoResponse::Refused(_))));
        assert_eq!(daemon.order("o").await.entries, []);
        Ok(Outcome::Read)
    });
    conversation.step().unwrap();
    let nothing = || Replies { responses: Vec::new(), orders: Vec::new() };
    conversation.resume(nothing()).unwrap();
    assert_eq!(conversation.resume(nothing()).unwrap().next, Next::Done(Outcome::Read));
}

struct Refunds;

impl Connector for Refunds {
    fn describe() -> Manifest {
        Manifest::new("refunds", "Refunds", "0.0.0")
    }
}

impl Webhook for Refunds {
    fn prove(_: &Delivery, _: &Context) -> Result<Proof, Failure> {
        Ok(Proof::AddressOnly)
    }

    /// Withdraws the sales of an order that is known, else stores one.
    async fn receive(daemon: Daemon, delivery: Delivery, _: Context) -> Result<Outcome, Failure> {
        let order = daemon.order(delivery.body()?.need("order")?).await;
        for entry in &order.entries {
            daemon.withdraw(Withdrawal::new(entry.key.kind, &entry.key.id, 5));
        }
        if order.entries.is_empty() {
            daemon.put(Entry::sale("s", &order.id, Moment::Received, "USD", Decimal::ONE).revision(order.revision));
        }
        Ok(Outcome::Read)
    }
}

#[test]
fn deliveries_run_against_a_ledger() {
    let (mut ledger, context) = (Ledger::new(), testing::context().build());
    let delivery = testing::delivery("application/x-www-form-urlencoded", "order=o-1");
    ledger.receive::<Refunds>(&delivery, &context).unwrap();
    assert_eq!(ledger.get(Kind::Sale, "s").map(|entry| entry.order_id.as_str()), Some("o-1"));
    ledger.receive::<Refunds>(&delivery, &context).unwrap();
    assert_eq!(ledger.entries(), Vec::<&Entry>::new());
    assert_eq!(ledger.order("o-1").revision, 5);
    let bad = ledger.receive::<Refunds>(&testing::delivery("application/json", "{"), &context);
    assert!(matches!(bad, Err(Failure::Malformed(_))));
}
