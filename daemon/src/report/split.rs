//! How much of an entry is goods, shipping and tax.

use super::facts::{Fact, FactFlags};
use crate::model::{Kind, div_half_even};

/// An entry in parts, in minor units of its own currency and without the sign of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    /// Without tax and shipping; may be negative if the platform's parts exceed the total.
    pub(super) net: i128,
    pub(super) shipping: i128,
}

/// True if a sale says how much tax it holds.
pub(super) fn splits_tax(fact: &Fact) -> bool {
    fact.flags.has(FactFlags::TAX_KNOWN)
}

/// True if a sale says how much shipping it holds.
pub(super) fn splits_shipping(fact: &Fact) -> bool {
    fact.flags.has(FactFlags::SHIPPING_KNOWN)
}

/// The parts of a fact. `sale` is the sale that a refund or chargeback is about.
///
/// A sale without known tax is summed by its total, and so is what takes it back: else a full refund would leave a
/// rest. For the same reason shipping that the sale does not tell apart is not told apart in its refunds.
pub(super) fn parts(fact: &Fact, sale: Option<&Fact>) -> Parts {
    let total = i128::from(fact.total);
    let sale = sale.filter(|sale| fact.kind != Kind::Sale && sale.total > 0);
    let by_total = Parts { net: total, shipping: 0 };
    let known_tax = splits_tax(fact).then_some(i128::from(fact.tax));
    let known_shipping = splits_shipping(fact).then_some(i128::from(fact.shipping));
    let Some(sale) = sale else {
        let Some(tax) = known_tax else { return by_total };
        let shipping = known_shipping.unwrap_or(0);
        return Parts { net: total - tax - shipping, shipping };
    };
    if !splits_tax(sale) {
        return by_total;
    }
    let whole = i128::from(sale.total);
    let sale_tax = i128::from(sale.tax);
    let sale_shipping = if splits_shipping(sale) { i128::from(sale.shipping) } else { 0 };
    let known_shipping = if splits_shipping(sale) { known_shipping } else { Some(0) };
    let (tax, shipping) = match (known_tax, known_shipping) {
        (Some(tax), Some(shipping)) => (tax, shipping),
        (Some(tax), None) => (tax, share(total - tax, sale_shipping, whole - sale_tax)),
        (None, Some(shipping)) => (share(total - shipping, sale_tax, whole - sale_shipping), shipping),
        (None, None) => (share(total, sale_tax, whole), share(total, sale_shipping, whole)),
    };
    // What is left over is goods, so the parts always add up.
    Parts { net: total - tax - shipping, shipping }
}

/// `amount * part / whole`, rounded half to even.
fn share(amount: i128, part: i128, whole: i128) -> i128 {
    if whole > 0 { div_half_even(amount * part, whole) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Billing;

    fn fact(kind: Kind, total: i64, tax: Option<i64>, shipping: Option<i64>) -> Fact {
        Fact {
            unix_ms: 0,
            total,
            tax: tax.unwrap_or(0),
            shipping: shipping.unwrap_or(0),
            tie: 0,
            customer: 0,
            order: 0,
            entry: 0,
            integration: 0,
            currency: 0,
            labels: 0,
            kind,
            billing: Billing::Initial,
            flags: FactFlags::TAX_KNOWN
                .only_if(tax.is_some())
                .with(FactFlags::SHIPPING_KNOWN.only_if(shipping.is_some())),
        }
    }

    fn refund(of: &Fact, total: i64, tax: Option<i64>, shipping: Option<i64>) -> (i128, i128) {
        let Parts { net, shipping } = parts(&fact(Kind::Refund, total, tax, shipping), Some(of));
        (net, shipping)
    }

    #[test]
    fn an_unknown_split_follows_the_sale_and_adds_up() {
        let sale = fact(Kind::Sale, 11_500, Some(1_000), Some(500));
        assert_eq!(refund(&sale, 11_500, None, None), (10_000, 500));
        // A third: tax 333.33, shipping 166.67 (in cents), goods take the rest.
        assert_eq!(refund(&sale, 3_833, None, None), (3_833 - 333 - 167, 167));
    }

    #[test]
    fn a_half_known_split_completes_itself_from_what_is_left() {
        let sale = fact(Kind::Sale, 11_500, Some(1_000), Some(500));
        assert_eq!(refund(&sale, 1_000, Some(1_000), None), (0, 0));
        assert_eq!(refund(&sale, 500, None, Some(500)), (0, 500));
        assert_eq!(refund(&sale, 11_500, Some(1_000), None), (10_000, 500));
    }

    #[test]
    fn a_sale_summed_by_total_is_refunded_by_total() {
        let sale = fact(Kind::Sale, 11_500, None, Some(500));
        assert_eq!(parts(&sale, None), Parts { net: 11_500, shipping: 0 });
        assert_eq!(refund(&sale, 11_500, Some(1_000), Some(500)), (11_500, 0));
        let without_shipping = fact(Kind::Sale, 11_500, Some(1_000), None);
        assert_eq!(refund(&without_shipping, 11_500, Some(1_000), Some(500)), (10_500, 0));
    }

    #[test]
    fn a_refund_whose_order_is_unknown_speaks_for_itself() {
        assert_eq!(parts(&fact(Kind::Refund, 100, Some(10), None), None), Parts { net: 90, shipping: 0 });
        assert_eq!(parts(&fact(Kind::Refund, 100, None, None), None), Parts { net: 100, shipping: 0 });
        let free = fact(Kind::Sale, 0, Some(0), Some(0));
        assert_eq!(refund(&free, 100, None, None), (100, 0));
    }
}
