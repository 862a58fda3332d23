//! The whole shop in one row.

use serde::Serialize;

use super::definition::{AsOf, Definition, LeftOut, SplitMissing, Uncertain};
use super::figure::{Figure, MoneyShare, Share};
use super::view::{Basis, View};

/// Sums over everything before the as-of day, anonymous orders included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TotalsAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// Customers with a first order.
    pub customers: u64,
    /// Paid orders, rebills included.
    pub orders: u64,
    /// Those of them that are rebills.
    pub rebills: u64,
    /// All sales.
    pub gross: Figure,
    /// Those that are no rebills.
    pub initial: Figure,
    /// Those that are.
    pub rebill: Figure,
    /// Refunds, voids and chargebacks less reversals, as a positive sum.
    pub refunds_and_chargebacks: Figure,
    /// Gross less those.
    pub net: Figure,
    /// Refunds and chargebacks of gross.
    pub refund_rate: MoneyShare,
    /// Paid orders of which something was refunded or charged back.
    pub refunded_orders: Share,
    /// Gross by paid order. `null` without orders.
    pub aov: Option<Figure>,
    /// Net by paid order. `null` without orders.
    pub aov_after_refunds: Option<Figure>,
    /// What is not counted among the customers. Unlike in lifetime value, the sums here have it, but for what is after the
    /// as-of day.
    pub left_out: LeftOut,
    /// What is in it but not certain.
    pub uncertain: Uncertain,
    /// Sales summed by their total.
    pub tax_split_missing: SplitMissing,
}

/// Sums up everything before the as-of day.
pub fn totals(view: &View, basis: Basis, as_of: &AsOf) -> TotalsAnswer {
    let sums = view.days.sum(i32::MIN, as_of.day);
    let money = |minor| Figure::money(minor, view.currency);
    let gross = sums.gross().on(basis);
    let taken_back = sums.taken_back().on(basis);
    let customers = view.first_days.iter().filter(|day| **day < as_of.day).count();
    TotalsAnswer {
        definition: Definition {
            as_of: Some(as_of.clone()),
            ..Definition::new("totals before the as-of day", view, basis)
        },
        customers: customers as u64,
        orders: sums.paid_orders,
        rebills: sums.paid_rebills,
        gross: money(gross),
        initial: money(sums.orders.on(basis)),
        rebill: money(sums.rebills.on(basis)),
        refunds_and_chargebacks: money(-taken_back),
        net: money(gross + taken_back),
        refund_rate: MoneyShare::new(-taken_back, gross, view.currency),
        refunded_orders: Share::new(sums.refunded_orders, sums.paid_orders),
        aov: Figure::mean(gross, sums.paid_orders, view.currency),
        aov_after_refunds: Figure::mean(gross + taken_back, sums.paid_orders, view.currency),
        left_out: LeftOut::new(view, basis, as_of.day),
        uncertain: Uncertain::new(&sums),
        tax_split_missing: SplitMissing::tax(&sums, view.currency),
    }
}
