//! Which sale a refund belongs to, whose order it is, and which sales are one paid order.

use super::facts::{Fact, Facts, NO_CUSTOMER};
use super::view::FreeOrders;
use crate::model::{Billing, Kind};

/// The sales of every order, by time.
pub(super) struct Orders<'a> {
    facts: &'a [Fact],
    free: FreeOrders,
    /// For each order the start of its part of `sales`, and one more.
    starts: Vec<u32>,
    /// Indexes of facts.
    sales: Vec<u32>,
}

impl<'a> Orders<'a> {
    /// Every order index of an included fact is below `facts.orders`.
    pub(super) fn new(facts: &'a Facts, free: FreeOrders, included: impl Fn(&Fact) -> bool) -> Self {
        let is_sale = |fact: &Fact| fact.kind == Kind::Sale && included(fact);
        let mut starts = vec![0_u32; facts.orders as usize + 1];
        for fact in facts.facts.iter().filter(|fact| is_sale(fact)) {
            if let Some(count) = starts.get_mut(fact.order as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut sales = vec![0_u32; sum as usize];
        let mut next = starts.clone();
        for (index, fact) in (0_u32..).zip(&facts.facts).filter(|(_, fact)| is_sale(fact)) {
            let Some(place) = next.get_mut(fact.order as usize) else { continue };
            if let Some(slot) = sales.get_mut(*place as usize) {
                *slot = index;
            }
            *place += 1;
        }
        let mut orders = Self { facts: &facts.facts, free, starts, sales };
        orders.sort();
        orders
    }

    fn sort(&mut self) {
        let facts = self.facts;
        let mut rest = self.sales.as_mut_slice();
        for pair in self.starts.windows(2) {
            let &[start, end] = pair else { continue };
            let (order, after) = std::mem::take(&mut rest).split_at_mut((end - start) as usize);
            rest = after;
            if order.len() > 1 {
                order.sort_unstable_by_key(|index| facts.get(*index as usize).map(|f| (f.unix_ms, f.tie, *index)));
            }
        }
    }

    fn of(&self, order: u32) -> &[u32] {
        let at = |order: usize| self.starts.get(order).map(|start| *start as usize);
        at(order as usize)
            .zip(at(order as usize + 1))
            .and_then(|(start, end)| self.sales.get(start..end))
            .unwrap_or_default()
    }

    fn fact(&self, index: u32) -> Option<&'a Fact> {
        self.facts.get(index as usize)
    }

    /// The sale that a fact is about: itself, or for a refund or chargeback the latest sale of its order at or before
    /// it. Clocks differ: if all sales are later, the first.
    pub(super) fn sale_of(&self, index: u32, fact: &Fact) -> Option<u32> {
        if fact.kind == Kind::Sale {
            return Some(index);
        }
        let sales = self.of(fact.order);
        let later = sales.partition_point(|sale| self.fact(*sale).is_some_and(|s| s.unix_ms <= fact.unix_ms));
        sales.get(later.saturating_sub(1)).copied()
    }

    /// The customer of the order: the one that its earliest sale names, so that a refund or a rebill that names nobody,
    /// or somebody else, stays with the buyer.
    pub(super) fn customer_of(&self, fact: &Fact) -> u32 {
        let named = self.of(fact.order).iter().filter_map(|sale| self.fact(*sale)).map(|sale| sale.customer);
        named.into_iter().find(|customer| *customer != NO_CUSTOMER).unwrap_or(fact.customer)
    }

    /// True if the sale counts as paid: it is not free, or free ones are asked for.
    pub(super) fn counts(&self, sale: &Fact) -> bool {
        sale.total > 0 || self.free == FreeOrders::Count
    }

    /// The sale that stands for the paid order of this sale: a rebill for itself, everything else for the first counted
    /// sale of the order that is no rebill.
    pub(super) fn paid_order(&self, index: u32, sale: &Fact) -> Option<u32> {
        if sale.billing == Billing::Rebill {
            return self.counts(sale).then_some(index);
        }
        let opens = |sale: &Fact| sale.billing != Billing::Rebill && self.counts(sale);
        self.of(sale.order).iter().copied().find(|index| self.fact(*index).is_some_and(opens))
    }
}
