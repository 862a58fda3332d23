//! What ClickFunnels sends by itself.

use ltv_connector::prelude::*;

use crate::manifest::{WEBHOOK_SECRET, WEBHOOK_SECRET_2};
use crate::{classic, event};

const SIGNATURE: &str = "x-webhook-clickfunnels-signature";
const TIMESTAMP: &str = "x-webhook-clickfunnels-timestamp";
/// How far ahead of ours the clock of ClickFunnels may be, and from which age a delivery is worth a line of the log.
const SKEW_S: i64 = 600;
/// Attempts go on for about 37 hours, and nothing says that a later one has a new time stamp. An older event than this is
/// refused; between the two a repetition does no harm, since the same event makes the same entries.
const AGE_MAX_S: i64 = 48 * 3600;

/// With a secret every delivery must be signed. Without one it is Classic, which signs nothing.
pub(crate) fn prove(delivery: &Delivery, context: &Context) -> Result<Proof, Failure> {
    let signed = delivery.header(SIGNATURE).is_some();
    if signed || context.has_secret(WEBHOOK_SECRET) || context.has_secret(WEBHOOK_SECRET_2) {
        return Ok(signature(delivery).unwrap_or_else(Proof::Refuse));
    }
    // Nothing else proves a delivery of Classic: one that cannot be read shall wait where its owner sees it.
    let Ok(body) = delivery.body() else { return Ok(Proof::AddressOnly) };
    Ok(if event::is_event(&body) {
        Proof::Refuse("an event of ClickFunnels 2.0 without signature".into())
    } else if classic::is_test(&body) {
        Proof::Ping(None)
    } else {
        Proof::AddressOnly
    })
}

/// The proof of a signed delivery, or why there is none.
fn signature(delivery: &Delivery) -> Result<Proof, String> {
    let told = delivery.header(SIGNATURE).ok_or("the header X-Webhook-ClickFunnels-Signature is missing")?;
    let signature = encoding::hex(told.strip_prefix("sha256=").unwrap_or(told))
        .ok_or("the header X-Webhook-ClickFunnels-Signature is not hexadecimal")?;
    let stamp = delivery.header(TIMESTAMP).ok_or("the header X-Webhook-ClickFunnels-Timestamp is missing")?;
    let age = age_s(delivery).ok_or("the header X-Webhook-ClickFunnels-Timestamp is not a number of seconds")?;
    if age < -SKEW_S {
        return Err(format!("the time stamp is {} seconds ahead, and {SKEW_S} are allowed", age.saturating_neg()));
    }
    if age > AGE_MAX_S {
        return Err(format!("the time stamp is {age} seconds old, and {AGE_MAX_S} are allowed"));
    }
    let second = delivery.query().ok().is_some_and(|query| query.text("endpoint") == Some("2"));
    let secret = if second { WEBHOOK_SECRET_2 } else { WEBHOOK_SECRET };
    let message = [stamp.as_bytes(), b".", &delivery.body].concat();
    // No `signed_unix_ms`: the daemon would refuse what is more than five minutes old, and ClickFunnels means ten.
    Ok(Proof::hmac(Hash::Sha256, secret, Message::Bytes(message), vec![signature]))
}

/// How long ago the delivery was signed.
fn age_s(delivery: &Delivery) -> Option<i64> {
    let stamp: i64 = delivery.header(TIMESTAMP)?.parse().ok()?;
    delivery.received.unix_ms.div_euclid(1000).checked_sub(stamp)
}

/// Reads a delivery that was proven.
pub(crate) async fn receive(daemon: &Daemon, delivery: &Delivery, context: &Context) -> Result<Outcome, Failure> {
    let body = delivery.body()?;
    if !event::is_event(&body) {
        return Ok(classic::read(daemon, &body)?);
    }
    if let Some(age) = age_s(delivery).filter(|age| *age > SKEW_S) {
        log::warn(format!("an event was signed {age} seconds ago: a late attempt, or a repetition"));
    }
    let event = event::parse(&body)?;
    event::apply(daemon, event, context).await
}
