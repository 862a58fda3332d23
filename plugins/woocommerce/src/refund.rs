//! One refund, as `/refunds` and `/orders/{id}/refunds` give it.

use ltv_connector::prelude::*;

use crate::moments::utc_ms;
use crate::order::line;
use crate::walk::Record;

/// A refund.
#[derive(Debug, Clone)]
pub(crate) struct ShopRefund {
    /// Its id.
    pub(crate) id: u64,
    /// The order it belongs to. Only `/refunds` says it \[C live\].
    pub(crate) order: Option<u64>,
    /// When it was made.
    pub(crate) at_ms: i64,
    /// How much, not negative.
    pub(crate) total: Decimal,
    /// What it consists of, where that makes the total.
    pub(crate) parts: Option<Parts>,
    /// The products given back.
    pub(crate) lines: Vec<Line>,
}

/// What a sum consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Goods, without tax.
    pub(crate) items: Decimal,
    /// Shipping, without tax.
    pub(crate) shipping: Decimal,
    /// Fees, without tax; negative where a discount was booked as one.
    pub(crate) fees: Decimal,
    /// All tax.
    pub(crate) tax: Decimal,
}

impl Record for ShopRefund {
    const COLLECTION: &'static str = "refunds";
    type Reading = ();

    fn read(value: &Value, (): &()) -> Result<Self, Fault> {
        let id: u64 = value.need("id")?.parse().map_err(|_| Fault::at("id", "is not a number"))?;
        let fault = |fault: Fault| fault.id(format!("refund:{id}"));
        // Positive here, negative in the list that an order carries [C live].
        let total = value.need_amount("amount").map_err(fault)?.abs();
        let at_ms = utc_ms(value, "date_created_gmt")
            .ok_or_else(|| fault(Fault::at("date_created_gmt", "is missing, or not a date")))?;
        // The amount can be typed over in the admin screen: then the lines do not make it, and the daemon divides the
        // refund as its order was divided.
        let parts = parts(value).filter(|(parts, count)| makes(parts, total, *count)).map(|(parts, _)| parts);
        let lines = match parts {
            Some(_) => value.items("line_items").into_iter().filter_map(line).collect(),
            None => Vec::new(),
        };
        Ok(ShopRefund {
            id,
            order: value.integer("parent_id").and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0),
            at_ms,
            total,
            parts,
            lines,
        })
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn stamp(&self) -> i64 {
        self.at_ms
    }

    fn dated_ms(&self, _axis: Axis) -> Option<i64> {
        Some(self.at_ms)
    }
}

/// The parts that the lines make, and how many lines there are. Totals of refunds are negative \[C live\]. `None` for a
/// bare amount.
fn parts(value: &Value) -> Option<(Parts, usize)> {
    let mut tax = Decimal::ZERO;
    let mut count = 0;
    let mut sum = |path: &str| -> Option<Decimal> {
        let mut sum = Decimal::ZERO;
        for line in value.items(path) {
            sum = sum.minus(line.amount("total").ok()??).ok()?;
            tax = tax.minus(line.amount("total_tax").ok()?.unwrap_or(Decimal::ZERO)).ok()?;
            count += 1;
        }
        Some(sum)
    };
    let (items, shipping, fees) = (sum("line_items")?, sum("shipping_lines")?, sum("fee_lines")?);
    let sound = count > 0 && !items.is_negative() && !shipping.is_negative() && !tax.is_negative();
    sound.then_some((Parts { items, shipping, fees, tax }, count))
}

/// Whether the parts make the total, to a hundredth per line.
fn makes(parts: &Parts, total: Decimal, count: usize) -> bool {
    let off = money::sum([parts.items, parts.shipping, parts.fees, parts.tax]).and_then(|sum| sum.minus(total));
    let allowed = i64::try_from(count).map_or(Decimal::ZERO, Decimal::hundredths);
    off.is_ok_and(|off| off.abs() <= allowed)
}
