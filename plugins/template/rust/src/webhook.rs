//! What Kiosk sends by itself.

use ltv_connector::prelude::*;

use crate::manifest::WEBHOOK_SECRET;
use crate::movement;

/// Every delivery is signed. The daemon checks the signature; the connector only says what must hold.
pub(crate) fn prove(delivery: &Delivery) -> Proof {
    match delivery.header("x-kiosk-signature").and_then(encoding::hex) {
        Some(signature) => Proof::hmac(Hash::Sha256, WEBHOOK_SECRET, Message::Body, vec![signature]),
        None => Proof::Refuse("the header x-kiosk-signature is missing or not hexadecimal".into()),
    }
}

/// Reads a delivery: `{"event": "payment.paid", "payment": {…}}`.
pub(crate) fn receive(daemon: &Daemon, delivery: &Delivery, context: &Context) -> Result<Outcome, Failure> {
    let body = delivery.body()?;
    let event = body.need("event")?;
    if !event.starts_with("payment.") {
        return Ok(Outcome::Ignored(format!("`{event}` moves no money")));
    }
    let payment = body.at("payment").ok_or_else(|| Fault::at("payment", "is missing"))?;
    match movement::of_json(payment, context)? {
        Some(entry) => daemon.put(entry),
        None => return Ok(Outcome::Ignored("this kind of payment moves no money".into())),
    }
    Ok(Outcome::Read)
}
