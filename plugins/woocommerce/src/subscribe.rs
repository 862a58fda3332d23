//! Webhooks at the store: makes them, keeps them, removes them.

use ltv_connector::prelude::*;

use crate::manifest::{TOPICS, WEBHOOK_SECRET};
use crate::store::{Query, Store};
use crate::text;
use crate::trouble::Trouble;
use crate::walk::{Record, Walk};

/// How the names of our webhooks begin, for people who look at the list in the store.
pub(crate) const NAME: &str = "ltvd ";
/// Ports that a store delivers to \[C live\].
const PORTS: [u16; 3] = [80, 443, 8080];

/// A webhook at the store.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    id: u64,
    /// Its name.
    pub(crate) name: String,
    topic: String,
    status: String,
    delivery_url: String,
}

impl Hook {
    /// Delivers.
    pub(crate) fn is_active(&self) -> bool {
        self.status == "active"
    }

    /// Delivers to this address. The store may write it a little differently.
    fn is_for(&self, address: &str) -> bool {
        text::decode_entities(&self.delivery_url).trim_end_matches('/') == address.trim_end_matches('/')
    }
}

impl Record for Hook {
    const COLLECTION: &'static str = "webhooks";
    type Reading = ();

    fn read(value: &Value, (): &()) -> Result<Self, Fault> {
        let text = |path: &str| value.text(path).unwrap_or_default().to_owned();
        Ok(Hook {
            id: value.need("id")?.parse().map_err(|_| Fault::at("id", "is not a number"))?,
            name: text("name"),
            topic: text("topic"),
            status: text("status"),
            delivery_url: text("delivery_url"),
        })
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn stamp(&self) -> i64 {
        0
    }

    fn dated_ms(&self, _axis: Axis) -> Option<i64> {
        None
    }
}

/// Sees to it that the store delivers each topic to this address, once.
///
/// # Errors
/// What stood in the way, told for the shop's owner.
pub(crate) async fn subscribe(daemon: Daemon, address: &str, context: &Context) -> Result<Outcome, Failure> {
    let store = Store::open(daemon, context)?;
    let failed = |trouble| refused(&store, trouble);
    if let Some(why) = unreachable(address, &store.settings.url) {
        // The owner of a store may allow such addresses with a filter [C live], so they are tried all the same.
        log::warn(format!("the store will not deliver to the address of the webhooks: {why}"));
    }
    let hooks = list(&store, address).await.map_err(failed)?;
    let mut subscriptions = Vec::with_capacity(TOPICS.len());
    for topic in TOPICS {
        let of_topic: Vec<&Hook> = hooks.iter().filter(|hook| hook.topic == topic).collect();
        let kept = of_topic.iter().find(|hook| hook.is_active());
        // Making one active again leaves its count of failures where it was, so that the next failure disables it [C live];
        // a new one begins at zero. And a second one would deliver everything twice.
        for hook in of_topic.iter().filter(|hook| Some(hook.id) != kept.map(|kept| kept.id)) {
            remove(&store, hook.id).await.map_err(failed)?;
        }
        let (id, action) = match (kept, of_topic.is_empty()) {
            (Some(kept), _) => (kept.id.to_string(), SubscriptionAction::Kept),
            (None, true) => (create(&store, topic, address).await.map_err(failed)?, SubscriptionAction::Created),
            (None, false) => (create(&store, topic, address).await.map_err(failed)?, SubscriptionAction::Reactivated),
        };
        subscriptions.push(Subscription { id, topic: topic.to_owned(), action });
    }
    Ok(Outcome::Subscribed(subscriptions))
}

/// Removes every webhook that delivers to this address.
///
/// # Errors
/// What stood in the way, told for the shop's owner.
pub(crate) async fn unsubscribe(daemon: Daemon, address: &str, context: &Context) -> Result<Outcome, Failure> {
    let store = Store::open(daemon, context)?;
    let failed = |trouble| refused(&store, trouble);
    let hooks = list(&store, address).await.map_err(failed)?;
    let mut removed = 0;
    for hook in &hooks {
        remove(&store, hook.id).await.map_err(failed)?;
        removed += 1;
    }
    Ok(Outcome::Unsubscribed(removed))
}

/// The webhooks that deliver to this address, the oldest first.
async fn list(store: &Store, address: &str) -> Result<Vec<Hook>, Trouble> {
    let mut walk = Walk::<Hook>::new(store, &(), Query::new("webhooks"));
    let mut ours = Vec::new();
    while let Some(hooks) = walk.next().await? {
        ours.extend(hooks.into_iter().filter(|hook| hook.is_for(address)));
    }
    ours.sort_by_key(|hook| hook.id);
    Ok(ours)
}

/// Makes one. The store sends a ping while it answers.
async fn create(store: &Store, topic: &str, address: &str) -> Result<String, Trouble> {
    let text = |text: &str| Value::Text(text.to_owned());
    let body = Value::Map(vec![
        ("name".to_owned(), Value::Text(format!("{NAME}{topic}"))),
        ("topic".to_owned(), text(topic)),
        ("delivery_url".to_owned(), text(address)),
        ("status".to_owned(), text("active")),
    ]);
    let request = store.changing(Method::Post, "webhooks").json(body.to_json()).json_secret("/secret", WEBHOOK_SECRET);
    let answer = store.change(request).await?;
    Ok(answer.body.text("id").unwrap_or_default().to_owned())
}

/// Deletes one for good; a webhook has no trash \[C live\].
async fn remove(store: &Store, id: u64) -> Result<(), Trouble> {
    let request = store.changing(Method::Delete, &format!("webhooks/{id}")).query("force", "true").repeatable();
    match store.change(request).await {
        // Somebody else was faster.
        Err(Trouble::Refused(refusal)) if matches!(refusal.status, 404 | 410) => Ok(()),
        done => done.map(|_| ()),
    }
}

/// As usual, but for what only webhooks need.
fn refused(store: &Store, trouble: Trouble) -> Failure {
    match trouble {
        Trouble::NotSent(why) if !store.settings.is_https() => Failure::Settings(format!(
            "webhooks are not created over http, since their secret would travel in the open ({why}). Give the https address \
             of the shop as `url`, or make the webhooks by hand: WooCommerce > Settings > Advanced > Webhooks"
        )),
        trouble => store.failure(trouble),
    }
}

/// Why a store will not deliver to this address: WordPress refuses private addresses, other ports, and addresses with a
/// user name \[C live\]. The shop's own host is the exception.
fn unreachable(address: &str, shop: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("it contains a user name".to_owned());
    }
    let (host, port) = split_port(authority);
    let port = port.unwrap_or(if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 });
    let own = shop.split_once("://").map(|(_, rest)| split_port(rest.split('/').next().unwrap_or_default()));
    let is_own = own.is_some_and(|(own, _)| own.eq_ignore_ascii_case(host));
    let own_port = own.filter(|_| is_own).and_then(|(_, port)| port);
    if !PORTS.contains(&port) && own_port != Some(port) {
        return Some(format!(
            "its port is {port}, and stores deliver to 80, 443 and 8080 only. Put a proxy with https in front of the webhook \
             listener and set its public address"
        ));
    }
    if !is_own && is_private(host) {
        return Some(format!(
            "{host} is a private address, which WordPress refuses. It takes a public name that leads to the webhook listener"
        ));
    }
    None
}

fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, None),
    }
}

/// Loopback and private IPv4, and IPv6 literals. Names are resolved by the store, so only `localhost` is known here.
fn is_private(host: &str) -> bool {
    if host.starts_with('[') || host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let parts: Vec<u8> = host.split('.').filter_map(|part| part.parse().ok()).collect();
    let is_literal = parts.len() == 4 && host.split('.').count() == 4;
    is_literal && matches!(parts.as_slice(), [0 | 10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_a_store_will_not_deliver_to() {
        let shop = "https://shop.example:8443/de";
        for reachable in [
            "https://hooks.example/hooks/main/abc",
            "http://hooks.example:8080/x",
            "https://100.64.1.1/x",
            "https://shop.example:8443/x",
            "https://172.32.0.1/x",
        ] {
            assert_eq!(unreachable(reachable, shop), None, "{reachable}");
        }
        for (refused, why) in [
            ("http://192.168.1.5:8787/x", "port is 8787"),
            ("https://shop.example:8444/x", "port is 8444"),
            ("https://192.168.1.5/x", "private"),
            ("https://172.16.0.1/x", "private"),
            ("https://127.0.0.1/x", "private"),
            ("https://[::1]/x", "private"),
            ("https://localhost/x", "private"),
            ("https://me@hooks.example/x", "user name"),
        ] {
            assert!(unreachable(refused, shop).is_some_and(|said| said.contains(why)), "{refused}");
        }
        assert_eq!(unreachable("http://127.0.0.1:8080/x", "http://127.0.0.1:8080"), None);
    }
}
