//! What a ledger must hold in the end.

use ltv_connector::types::{Entry, Kind, Moment};

/// One movement of money as the platform knows it. Sorted lists of these are compared, to the cent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money {
    /// `sale`, `refund`, `void`, `chargeback`, `chargeback-reversal`.
    pub kind: &'static str,
    /// The id of the entry's key.
    pub id: String,
    /// The order it belongs to.
    pub order: String,
    /// UTC `2026-03-01T10:00:05Z`, a wall clock reading `2026-03-01T10:00:05`, or a day `2026-03-01`.
    pub at: String,
    /// ISO 4217.
    pub currency: String,
    /// Decimal text, `12.50`.
    pub total: String,
}

/// An entry of a connector as a [`Money`]. Totals get the decimals of the entry as it stands.
///
/// # Panics
/// If the entry is dated by its receipt.
#[must_use]
pub fn money(entry: &Entry) -> Money {
    let kind = match entry.key.kind {
        Kind::Sale => "sale",
        Kind::Refund => "refund",
        Kind::Void => "void",
        Kind::Chargeback => "chargeback",
        Kind::ChargebackReversal => "chargeback-reversal",
    };
    let at = match &entry.at {
        Moment::Utc(unix_ms) => format!("{}Z", ltv_connector::dates::format_utc(*unix_ms)),
        Moment::Local(text) | Moment::Day(text) => text.clone(),
        Moment::Received => panic!("an entry of a poll is dated by the platform: {entry:?}"),
    };
    Money {
        kind,
        id: entry.key.id.clone(),
        order: entry.order_id.clone(),
        at,
        currency: entry.currency.clone(),
        total: entry.amounts.total.to_string(),
    }
}
