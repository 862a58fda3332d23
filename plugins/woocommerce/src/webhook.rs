//! What a store sends by itself: a hint that an order changed. The API tells how.

use ltv_connector::prelude::*;

use crate::answer::find_json;
use crate::entries::{Refunds, Source, replacement};
use crate::manifest::WEBHOOK_SECRET;
use crate::order::ShopOrder;
use crate::reader::{GONE, Reader, withdraw};
use crate::store::{Query, Store};
use crate::text;
use crate::walk::Record;

/// Bytes of an HMAC-SHA256.
const SIGNATURE_BYTES: usize = 32;

/// Every delivery is signed, except the ping by which the store tries a new webhook \[C live\].
pub(crate) fn prove(delivery: &Delivery) -> Proof {
    match delivery.header("x-wc-webhook-signature") {
        Some(signature) => match encoding::base64(signature).filter(|bytes| bytes.len() == SIGNATURE_BYTES) {
            Some(bytes) => Proof::hmac(Hash::Sha256, WEBHOOK_SECRET, Message::Body, vec![bytes]),
            None => Proof::Refuse("the header X-WC-Webhook-Signature is not an HMAC-SHA256 in base64".to_owned()),
        },
        None if is_ping(&delivery.body) => Proof::Ping(None),
        None => Proof::Refuse("the header X-WC-Webhook-Signature is missing".to_owned()),
    }
}

/// A form of nothing but `webhook_id=17`.
fn is_ping(body: &[u8]) -> bool {
    let digits = body.trim_ascii().strip_prefix(b"webhook_id=");
    digits.is_some_and(|digits| (1..=20).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit))
}

/// Reads a delivery.
///
/// # Errors
/// If it holds nothing that can be read, or the store is needed and cannot be asked.
pub(crate) async fn receive(daemon: Daemon, delivery: &Delivery, context: &Context) -> Result<Outcome, Failure> {
    let topic = delivery.header("x-wc-webhook-topic").unwrap_or_default();
    if !topic.is_empty() && !topic.starts_with("order.") {
        return Ok(Outcome::Ignored(format!("the topic is {}, not one of orders", text::message(topic))));
    }
    let Some(body) = find_json(&delivery.body) else {
        return Err(Failure::Malformed("the body is not JSON".to_owned()));
    };
    // A signed body need not be an order [C live].
    let Some(id) = body.integer("id").and_then(|id| u64::try_from(id).ok()) else {
        return Ok(Outcome::Ignored(no_order(&body)));
    };
    let store = Store::open(daemon, context)?;
    // An answer knows the dates of refunds, and bodies of webhooks made by hand may be of an older API: so the body counts
    // only where it is newer, because a cache stands in front of the API, or where there is no answer.
    let sent = body.text("date_created_gmt").and_then(|_| ShopOrder::read(&body, &store.settings).ok());
    match store.get(Query::new(format!("orders/{id}"))).await {
        Ok(answer) => {
            let order = ShopOrder::read(&answer.body, &store.settings)?;
            let newer = sent.filter(|sent| sent.revision_ms > order.revision_ms);
            Reader::new(&store).keep(vec![order]).await.map_err(|trouble| store.failure(trouble))?;
            if let Some(newer) = newer {
                take(&store, &newer).await;
            }
            Ok(Outcome::Read)
        }
        Err(trouble) if trouble.has_code(GONE) => Ok(gone(&store, id).await),
        Err(trouble) => {
            let failure = store.failure(trouble);
            match sent {
                // The store delivers, but cannot be asked: what it sent has to do, until the next pass.
                Some(sent) => {
                    log::warn(format!("order {id} is taken from the webhook itself: {}", said(&failure)));
                    take(&store, &sent).await;
                    Ok(Outcome::Read)
                }
                // `{"id": 5101}`: it is in the trash.
                None if topic == "order.deleted" && body.text("status").is_none() => Ok(gone(&store, id).await),
                None => Err(failure),
            }
        }
    }
}

/// Takes an order as it was sent.
async fn take(store: &Store, sent: &ShopOrder) {
    let stored = store.daemon.order(sent.id().to_string()).await;
    store.daemon.replace_order(replacement(sent, &Refunds::new(), Source::Webhook(&stored)));
}

fn said(failure: &Failure) -> &str {
    match failure {
        Failure::Settings(said) | Failure::Unauthorized(said) | Failure::Malformed(said) | Failure::Internal(said) => {
            said
        }
        Failure::Throttled(pause) | Failure::Unavailable(pause) => &pause.message,
    }
}

async fn gone(store: &Store, id: u64) -> Outcome {
    if withdraw(&store.daemon, &[id]).await > 0 {
        Outcome::Read
    } else {
        Outcome::Ignored(format!("the store has no order {id} any more, and none is stored"))
    }
}

/// What a body without id says.
fn no_order(body: &Value) -> String {
    match body.text("code") {
        Some(GONE) => "the order was deleted for good before the store got round to delivering it".to_owned(),
        Some(code) if code.starts_with("woocommerce_rest_cannot_") => {
            let advice = "the WordPress user who made the webhook may no longer read orders, so the store sends an error in their \
                place. Remove the webhook in WooCommerce > Settings > Advanced > Webhooks and let `ltvd webhook subscribe NAME` \
                make a new one, with a key of an administrator or shop manager";
            log::error(advice);
            advice.to_owned()
        }
        Some(code) => format!("the store sent an error instead of an order: {}", text::message(code)),
        None => "the body names no order".to_owned(),
    }
}
