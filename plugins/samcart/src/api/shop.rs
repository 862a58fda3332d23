//! The records of a window, and those that they refer to.

use std::collections::{BTreeMap, BTreeSet};

use ltv_connector::prelude::*;

use super::client::Client;
use super::lists::{List, walk};
use super::records::{Charge, Item, Order, Refund, Unreadable};
use super::{Reach, SAME_CHARGE_MS};

/// What a charge is to its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Part of the purchase.
    Purchase,
    /// A later charge of a subscription.
    Rebill,
    /// A later charge of something else.
    Later,
}

/// All that was read.
#[derive(Default)]
pub(super) struct Shop {
    /// By id, those around the window included.
    pub(super) charges: BTreeMap<String, Charge>,
    /// Ids of charges, by order.
    by_order: BTreeMap<String, BTreeSet<String>>,
    pub(super) orders: BTreeMap<String, Order>,
    pub(super) refunds: BTreeMap<String, Refund>,
    /// What the operator should know.
    pub(super) notes: Vec<String>,
    /// Why something may be missing.
    pub(super) problems: Vec<String>,
    /// How many records of the window could not be read: charges, orders, refunds.
    pub(super) unreadable: [u64; 3],
}

impl Shop {
    /// Reads the lists of charges, orders and refunds side by side.
    pub(super) async fn read_lists(client: &Client, reach: Reach) -> Result<Self, Failure> {
        let mut shop = Self::default();
        let (start, end) = reach.asked();
        let refunds = List::new("refunds", start, end).may_be_absent();
        let mut lists = [List::new("charges", start, end), List::new("orders", start, end), refunds];
        let daemon = client.daemon.clone();
        walk(client, &mut lists, |list, value, response| {
            if let Err(Unreadable { unix_ms, fault }) = shop.take(list, value)
                && unix_ms.is_none_or(|unix_ms| reach.holds(unix_ms))
            {
                if let Some(count) = shop.unreadable.get_mut(list) {
                    *count += 1;
                }
                daemon.reject(response, fault);
            }
        })
        .await?;
        let [_, _, refunds] = &lists;
        if refunds.absent {
            shop.read_refunds_by_charge(client, reach).await?;
        }
        shop.problems = lists.into_iter().filter_map(|list| list.problem).collect();
        Ok(shop)
    }

    fn take(&mut self, list: usize, value: &Value) -> Result<(), Unreadable> {
        match list {
            0 => {
                self.keep(Charge::read(value)?);
            }
            1 => {
                let order = Order::read(value)?;
                self.orders.insert(order.id.clone(), order);
            }
            _ => {
                let refund = Refund::read(value)?;
                self.refunds.insert(refund.id.clone(), refund);
            }
        }
        Ok(())
    }

    fn keep(&mut self, charge: Charge) {
        self.by_order.entry(charge.order.clone()).or_default().insert(charge.id.clone());
        self.charges.insert(charge.id.clone(), charge);
    }

    /// The list of all refunds is younger than the API \[L\]. Each charge has one of its own.
    async fn read_refunds_by_charge(&mut self, client: &Client, reach: Reach) -> Result<(), Failure> {
        let refunded = self.charges.values().filter(|charge| charge.refunded && reach.holds(charge.unix_ms));
        let paths: Vec<String> = refunded.map(|charge| charge.id.clone()).collect();
        let lists = client.lists_of("charges", &paths, "refunds").await?;
        for value in lists.iter().flatten() {
            match Refund::read(value) {
                // Whenever it was: the window is that of its charge here.
                Ok(refund) => {
                    self.refunds.insert(refund.id.clone(), Refund { by_charge: true, ..refund });
                }
                Err(Unreadable { fault, .. }) => client.daemon.reject(0, fault),
            }
        }
        self.notes.push(
            "SamCart has no list of all refunds for this key: they were read charge by charge, so that a refund of an old \
             charge is found only while that charge is read again"
                .to_owned(),
        );
        Ok(())
    }

    // ---- what is missing -----------------------------------------------------------------------------------------------

    /// Charges that are referred to from outside the window.
    pub(super) async fn load_charges(&mut self, client: &Client, ids: BTreeSet<String>) -> Result<(), Failure> {
        let ids: Vec<String> = ids.into_iter().filter(|id| !self.charges.contains_key(id)).collect();
        let values = client.by_id("charges", ids.iter().map(String::as_str)).await?;
        let charges = values.into_iter().flatten().filter_map(|value| Charge::read(&value).ok());
        charges.for_each(|charge| self.keep(charge));
        Ok(())
    }

    /// Orders that are referred to from outside the window.
    pub(super) async fn load_orders(&mut self, client: &Client, ids: BTreeSet<String>) -> Result<(), Failure> {
        let ids: Vec<String> = ids.into_iter().filter(|id| !self.orders.contains_key(id)).collect();
        let values = client.by_id("orders", ids.iter().map(String::as_str)).await?;
        for order in values.into_iter().flatten().filter_map(|value| Order::read(&value).ok()) {
            self.orders.insert(order.id.clone(), order);
        }
        Ok(())
    }

    // ---- questions -----------------------------------------------------------------------------------------------------

    pub(super) fn order(&self, id: &str) -> Option<&Order> {
        self.orders.get(id)
    }

    /// Orders of the window that are known to be tests.
    pub(super) fn tests(&self, reach: Reach) -> BTreeSet<&str> {
        let charged = self.charges.values().filter(|charge| reach.holds(charge.unix_ms) && self.is_test(charge));
        let ordered =
            self.orders.values().filter(|order| order.test && order.unix_ms.is_some_and(|at| reach.holds(at)));
        charged.map(|charge| charge.order.as_str()).chain(ordered.map(|order| order.id.as_str())).collect()
    }

    /// How many charges, orders and refunds of the window there are, those included that cannot be read.
    pub(super) fn counts(&self, reach: Reach) -> [u64; 3] {
        let holds = |unix_ms: &i64| reach.holds(*unix_ms);
        let counts = [
            self.charges.values().filter(|charge| holds(&charge.unix_ms)).count(),
            self.orders.values().filter(|order| order.unix_ms.as_ref().is_some_and(holds)).count(),
            self.refunds.values().filter(|refund| refund.by_charge || holds(&refund.unix_ms)).count(),
        ];
        let [charges, orders, refunds] = counts.map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        let [no_charges, no_orders, no_refunds] = self.unreadable;
        [charges + no_charges, orders + no_orders, refunds + no_refunds]
    }

    /// Items of the window's orders that are marked as reversed.
    pub(super) fn reversed(&self, reach: Reach) -> usize {
        let orders = self.orders.values().filter(|order| !order.test);
        let of_window = orders.filter(|order| order.unix_ms.is_some_and(|unix_ms| reach.holds(unix_ms)));
        of_window.flat_map(|order| &order.items).filter(|item| item.reversed).count()
    }

    pub(super) fn is_test(&self, charge: &Charge) -> bool {
        charge.test || self.order(&charge.order).is_some_and(|order| order.test)
    }

    /// Real money that was paid in the window.
    pub(super) fn paid(&self, reach: Reach) -> impl Iterator<Item = &Charge> {
        self.charges.values().filter(move |charge| charge.paid && reach.holds(charge.unix_ms) && !self.is_test(charge))
    }

    /// Real money that went back in the window.
    pub(super) fn back(&self, reach: Reach) -> impl Iterator<Item = &Refund> {
        self.refunds.values().filter(move |refund| !refund.test && (refund.by_charge || reach.holds(refund.unix_ms)))
    }

    /// What a charge is to its order. By dates rather than by the mark, which first charges of a subscription may carry too.
    pub(super) fn role(&self, charge: &Charge) -> Role {
        let order = self.order(&charge.order);
        let rebills = charge.says_rebill || order.is_some_and(Order::has_subscription);
        match order.and_then(|order| order.unix_ms) {
            Some(bought) if charge.unix_ms.abs_diff(bought) <= SAME_CHARGE_MS => Role::Purchase,
            None if !charge.says_rebill => Role::Purchase,
            _ if rebills => Role::Rebill,
            _ => Role::Later,
        }
    }

    /// Charges that belong to a purchase of the window and were not listed with it.
    pub(super) fn siblings(&self, reach: Reach) -> BTreeSet<String> {
        let purchases = self.paid(reach).filter(|charge| self.role(charge) == Role::Purchase);
        let items = purchases.filter_map(|charge| self.order(&charge.order)).flat_map(|order| &order.items);
        items.filter(|item| item.paid).filter_map(|item| item.charge.clone()).collect()
    }

    /// Real charges of an order, as far as they were read.
    pub(super) fn charges_of<'s>(&'s self, order: &str) -> impl Iterator<Item = &'s Charge> + use<'s> {
        let ids = self.by_order.get(order).into_iter().flatten();
        let charges = ids.filter_map(|id| self.charges.get(id));
        charges.filter(|charge| charge.paid && !self.is_test(charge))
    }

    /// All charges of a purchase, the first one first.
    pub(super) fn purchase(&self, order: &str) -> Vec<&Charge> {
        let mut charges: Vec<&Charge> =
            self.charges_of(order).filter(|charge| self.role(charge) == Role::Purchase).collect();
        charges.sort_by_key(|charge| charge.unix_ms);
        charges
    }

    /// What a later charge pays for, if that is clear.
    pub(super) fn item_of(&self, charge: &Charge) -> Option<&Item> {
        let order = self.order(&charge.order)?;
        let named = order.items.iter().filter(|item| item.charge.as_deref() == Some(&charge.id)).collect();
        let recurring: Vec<&Item> =
            order.items.iter().filter(|item| item.recurs || item.subscription.is_some()).collect();
        let equal = recurring.iter().copied().filter(|item| item.later.total == Some(charge.total)).collect();
        only(named).or_else(|| only(recurring)).or_else(|| only(equal))
    }
}

fn only(mut items: Vec<&Item>) -> Option<&Item> {
    if items.len() == 1 { items.pop() } else { None }
}
