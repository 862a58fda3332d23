//! What ThriveCart sends by itself.

use ltv_connector::prelude::*;

use crate::{
    ThriveCart, entries,
    entries::Circumstances,
    events::{self, Meaning},
    fields::Fields,
};

/// What an id may have by the contract.
const ID_BYTES: usize = 200;

impl Webhook for ThriveCart {
    /// There is no signature: the body holds the account's secret word, the same for all its webhooks (certain).
    ///
    /// A body without `event` is the call by which ThriveCart tries an address when it is saved (likely).
    fn prove(delivery: &Delivery, _context: &Context) -> Result<Proof, Failure> {
        let Ok(body) = delivery.members(&["event", "thrivecart_secret"]) else {
            return Ok(Proof::Refuse("the body is neither a form nor JSON".to_owned()));
        };
        let fields = Fields::new(body);
        Ok(match (fields.get("event"), fields.get("thrivecart_secret")) {
            (None, _) => Proof::Ping(None),
            (Some(_), Some(word)) => Proof::equals("secret", word),
            (Some(event), None) => Proof::Refuse(format!("`{event}` came without `thrivecart_secret`")),
        })
    }

    async fn receive(daemon: Daemon, delivery: Delivery, context: Context) -> Result<Outcome, Failure> {
        let fields = Fields::new(delivery.body()?);
        let event = fields.get("event").unwrap_or_default().to_ascii_lowercase();
        let read = match events::meaning(&event) {
            None => return Ok(Outcome::Ignored(format!("`{event}` is not an event that this connector knows"))),
            Some(Meaning::NoMoney(why)) => return Ok(Outcome::Ignored(format!("`{event}`: {why}"))),
            Some(_) if !is_live(&fields) => {
                return Ok(Outcome::Ignored(format!("`{event}` is not marked as live: no money moved")));
            }
            Some(Meaning::Sale) => entries::sale,
            Some(Meaning::Rebill) => entries::rebill,
            Some(Meaning::Refund) => entries::refund,
        };
        let circumstances =
            Circumstances { received_unix_ms: delivery.received.unix_ms, currency: context.text("currency") };
        let entry = read(&fields, circumstances)?;
        if [&entry.key.id, &entry.order_id].into_iter().chain(&entry.also).any(|id| id.len() > ID_BYTES) {
            return Err(Failure::Malformed(format!("an id of the order is longer than {ID_BYTES} bytes")));
        }
        daemon.put(entry);
        Ok(Outcome::Read)
    }
}

/// Test orders come to the same address as real ones (certain), so an event has to say that it is live, and not say otherwise.
/// Event subscriptions by API may leave out `mode` and give `mode_int` alone (likely).
fn is_live(fields: &Fields) -> bool {
    let mode = fields.get("mode").map(|mode| mode.eq_ignore_ascii_case("live"));
    let number = fields.get("mode_int").map(|number| number == "2");
    mode.or(number).unwrap_or(false) && number.unwrap_or(true)
}
