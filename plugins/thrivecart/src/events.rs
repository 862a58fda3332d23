//! What each event means. The table decides whether money moved, never the presence of an amount: failed and cancelled
//! payments carry amounts too.

/// What an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A first charge: the whole order.
    Sale,
    /// A later charge of a subscription or payment plan.
    Rebill,
    /// Money given back for one item.
    Refund,
    /// Nothing that moves money, and why.
    NoMoney(&'static str),
}

const ITEM_OF_AN_ORDER: &str = "one item of an order whose whole is told by `order.success` or `order_created`: counting \
    both would take the same money twice";
const STATE: &str = "the state of a subscription; no money moved";
const FAILED: &str = "a payment that failed; its amount was not paid";
const COMMISSION: &str = "an affiliate's commission; not money of the customer";
const ABANDONED: &str = "a cart that was left; nothing was paid";

/// Events of the account-wide webhooks (with dots) and of event subscriptions by API (with underscores).
///
/// Of the latter, `order_created` counts and `order_payment_*` do not: both tell the same money, and only the former agrees
/// with `order.success`, so that an account that uses both kinds of webhook takes each order once.
const EVENTS: &[(&str, Meaning)] = &[
    ("order.success", Meaning::Sale),
    ("order_created", Meaning::Sale),
    ("order.subscription_payment", Meaning::Rebill),
    ("order_rebill", Meaning::Rebill),
    ("order.refund", Meaning::Refund),
    ("order_refund_product", Meaning::Refund),
    ("order_refund_bump", Meaning::Refund),
    ("order_refund_upsell", Meaning::Refund),
    ("order_refund_downsell", Meaning::Refund),
    ("order_payment_product", Meaning::NoMoney(ITEM_OF_AN_ORDER)),
    ("order_payment_bump", Meaning::NoMoney(ITEM_OF_AN_ORDER)),
    ("order_payment_upsell", Meaning::NoMoney(ITEM_OF_AN_ORDER)),
    ("order_payment_downsell", Meaning::NoMoney(ITEM_OF_AN_ORDER)),
    ("order.subscription_cancelled", Meaning::NoMoney(STATE)),
    ("order.subscription_paused", Meaning::NoMoney(STATE)),
    ("order.subscription_resumed", Meaning::NoMoney(STATE)),
    ("order_rebill_completed", Meaning::NoMoney(STATE)),
    ("order_rebill_cancelled", Meaning::NoMoney(STATE)),
    ("subscription_paused", Meaning::NoMoney(STATE)),
    ("subscription_resumed", Meaning::NoMoney(STATE)),
    ("order.rebill_failed", Meaning::NoMoney(FAILED)),
    ("order_rebill_failed", Meaning::NoMoney(FAILED)),
    ("cart.abandoned", Meaning::NoMoney(ABANDONED)),
    ("cart_abandoned", Meaning::NoMoney(ABANDONED)),
    ("affiliate.commission_earned", Meaning::NoMoney(COMMISSION)),
    ("affiliate.commission_payout", Meaning::NoMoney(COMMISSION)),
    ("affiliate.commission_refund", Meaning::NoMoney(COMMISSION)),
];

/// `None` for an event that is not known.
pub(crate) fn meaning(event: &str) -> Option<Meaning> {
    EVENTS.iter().find(|(name, _)| *name == event).map(|(_, meaning)| *meaning)
}

/// The events to show to the operator.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_is_listed_twice() {
        let mut names: Vec<_> = names().collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
