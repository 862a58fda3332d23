//! Puts orders into the ledger, with the dates and products of their refunds.

use ltv_connector::prelude::*;

use crate::entries::{Refunds, Source, replacement};
use crate::order::ShopOrder;
use crate::refund::ShopRefund;
use crate::store::{Query, Store};
use crate::trouble::Trouble;
use crate::walk::{Record, Walk};

/// Refunds of one order in one answer, at most what WooCommerce allows.
const REFUNDS_IN_PAGE: u64 = 100;
/// Orders asked for at the same time, so that their answers stay small together.
const ORDERS_AT_ONCE: usize = 16;

/// The code of an order that was deleted for good, or of an id that is a refund's \[C live\].
pub(crate) const GONE: &str = "woocommerce_rest_shop_order_invalid_id";

/// Orders that were asked for one by one.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// As they now are.
    pub(crate) found: Vec<ShopOrder>,
    /// Deleted for good.
    pub(crate) gone: Vec<u64>,
}

/// Puts orders into the ledger.
pub(crate) struct Reader<'a> {
    store: &'a Store,
    /// Refunds that are known.
    pub(crate) refunds: Refunds,
    /// Refunds that could not be dated.
    pub(crate) undated: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Reader { store, refunds: Refunds::new(), undated: 0 }
    }

    /// How many of these orders name a refund that is not known.
    pub(crate) fn lacking(&self, orders: &[ShopOrder]) -> usize {
        orders.iter().filter(|order| self.lacks(order)).count()
    }

    fn lacks(&self, order: &ShopOrder) -> bool {
        order.refunds.iter().any(|refund| !self.refunds.contains_key(&refund.id))
    }

    /// Replaces these orders in the ledger by what they now are.
    ///
    /// # Errors
    /// What stood in the way. Then none of them was replaced.
    pub(crate) async fn keep(&mut self, mut orders: Vec<ShopOrder>) -> Result<(), Trouble> {
        self.ask_for_refunds(&orders).await?;
        // A refund that its order names and the list of its refunds does not was deleted in between; or it cannot be
        // shown. The order itself, read again, tells which.
        let doubtful: Vec<u64> = orders.iter().filter(|order| self.lacks(order)).map(Record::id).collect();
        if !doubtful.is_empty() {
            let Fetched { found, gone } = self.fetch(&doubtful).await?;
            orders.retain(|order| !gone.contains(&order.id()) && found.iter().all(|again| again.id() != order.id()));
            self.ask_for_refunds(&found).await?;
            orders.extend(found);
            withdraw(&self.store.daemon, &gone).await;
        }
        for order in &orders {
            self.undated += order.refunds.iter().filter(|refund| !self.refunds.contains_key(&refund.id)).count() as u64;
            self.store.daemon.replace_order(replacement(order, &self.refunds, Source::Api));
        }
        Ok(())
    }

    /// Single orders, whatever their status. One that the key may not read, or that the store cannot load, is left as it is.
    pub(crate) async fn fetch(&self, ids: &[u64]) -> Result<Fetched, Trouble> {
        let mut fetched = Fetched::default();
        let mut overloads = Vec::new();
        for some in ids.chunks(ORDERS_AT_ONCE) {
            let queries: Vec<Query> = some.iter().map(|id| Query::new(format!("orders/{id}"))).collect();
            let answers = self.store.get_all(&queries).await;
            for ((index, id), answer) in (0..).zip(some).zip(answers) {
                match answer {
                    Ok(answer) => match ShopOrder::read(&answer.body, &self.store.settings) {
                        Ok(order) => fetched.found.push(order),
                        Err(fault) => self.store.daemon.reject(index, fault),
                    },
                    Err(trouble) if trouble.has_code(GONE) => fetched.gone.push(*id),
                    Err(Trouble::Refused(refusal)) if refusal.status == 403 => {
                        log::warn(format!(
                            "the key may not read order {id}, which stays as it is: {}",
                            refusal.message
                        ));
                    }
                    Err(Trouble::Overload(what)) => {
                        log::error(format!("order {id} stays as it is, since the store, asked for it alone, {what}"));
                        overloads.push(what);
                    }
                    Err(trouble) => return Err(trouble),
                }
            }
        }
        // One order may be broken; if all are, it is the store.
        match overloads.pop() {
            Some(what) if ids.len() > 1 && overloads.len() + 1 == ids.len() => Err(Trouble::Overload(what)),
            _ => Ok(fetched),
        }
    }

    /// The refunds of those orders that name unknown ones.
    async fn ask_for_refunds(&mut self, orders: &[ShopOrder]) -> Result<(), Trouble> {
        let lacking: Vec<u64> = orders.iter().filter(|order| self.lacks(order)).map(Record::id).collect();
        for some in lacking.chunks(ORDERS_AT_ONCE) {
            let query = |id: &u64| Query::new(refunds_of(*id)).with("per_page", REFUNDS_IN_PAGE);
            let queries: Vec<Query> = some.iter().map(query).collect();
            let answers = self.store.get_all(&queries).await;
            let mut too_much = Vec::new();
            for ((index, id), answer) in (0..).zip(some).zip(answers) {
                let answer = match answer {
                    Ok(answer) => answer,
                    Err(Trouble::Overload(_)) => {
                        too_much.push(*id);
                        continue;
                    }
                    // Some plugin took the route away: then the order's own list has to do.
                    Err(trouble) if trouble.has_code("rest_no_route") => continue,
                    Err(trouble) => return Err(trouble),
                };
                for value in answer.rows() {
                    match ShopRefund::read(value, &()) {
                        Ok(refund) => self.know(refund),
                        Err(fault) => self.store.daemon.reject(index, fault),
                    }
                }
                if answer.total.is_some_and(|total| total > REFUNDS_IN_PAGE) {
                    too_much.push(*id);
                }
            }
            for id in too_much {
                let mut walk = Walk::<ShopRefund>::new(self.store, &(), Query::new(refunds_of(id)));
                while let Some(refunds) = walk.next().await? {
                    refunds.into_iter().for_each(|refund| self.know(refund));
                }
            }
        }
        Ok(())
    }

    /// Remembers a refund.
    pub(crate) fn know(&mut self, refund: ShopRefund) {
        self.refunds.insert(refund.id, refund);
    }
}

fn refunds_of(order: u64) -> String {
    format!("orders/{order}/refunds")
}

/// Empties orders that the store no longer has: there is no date of that, so with the revision that is stored. Whatever
/// the store says of them later is newer.
pub(crate) async fn withdraw(daemon: &Daemon, ids: &[u64]) -> usize {
    if ids.is_empty() {
        return 0;
    }
    let stored = daemon.orders(ids.iter().map(u64::to_string)).await;
    let known: Vec<StoredOrder> = stored.into_iter().filter(|order| !order.entries.is_empty()).collect();
    for order in &known {
        daemon.replace_order(Order::new(order.id.as_str(), order.revision, Vec::new()));
    }
    known.len()
}
