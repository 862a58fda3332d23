//! Orders that are stored and that a complete walk did not meet.

use std::collections::HashSet;

use crate::app::App;
use crate::config::Integration;
use crate::ledger::LedgerError;
use crate::limits::doors::REFRESHED;
use crate::model::Kind;

/// The platform's ids of orders with a sale in the range (half open, milliseconds since 1970-01-01T00:00:00Z) that are not
/// among those met.
pub(super) fn orders(
    app: &App,
    integration: &Integration,
    (start_ms, end_ms): (i64, i64),
    met: &HashSet<u32>,
) -> Result<Vec<String>, LedgerError> {
    let mut places = Vec::new();
    {
        let book = app.ledger.book();
        let Some(number) = book.integrations().iter().position(|name| **name == *integration.name) else {
            return Ok(Vec::new());
        };
        let mut seen = HashSet::new();
        for entry in book.live() {
            if usize::from(entry.integration) == number
                && entry.kind == Kind::Sale
                && (start_ms..end_ms).contains(&entry.at.resolve(integration.zone).unix_ms)
                && !met.contains(&entry.order)
                && seen.insert(entry.order)
            {
                places.push(entry.place);
                if places.len() >= REFRESHED {
                    break;
                }
            }
        }
    }
    let mut orders = Vec::with_capacity(places.len());
    for place in places {
        orders.extend(app.ledger.entry(place)?.map(|entry| entry.order_id));
    }
    Ok(orders)
}
