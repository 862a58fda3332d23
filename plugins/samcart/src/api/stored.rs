//! What the ledger holds of the orders of a window, and what of it the API shows to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use ltv_connector::prelude::*;

use super::shop::Shop;
use super::{Reach, SAME_CHARGE_MS};
use crate::names;
use crate::rank;

/// Orders by id.
pub(super) struct Stored(BTreeMap<String, StoredOrder>);

impl Stored {
    pub(super) async fn look_up(daemon: &Daemon, shop: &Shop, reach: Reach) -> Self {
        let paid = shop.paid(reach).map(|charge| charge.order.as_str());
        let back = shop.back(reach).filter_map(|refund| Some(shop.charges.get(&refund.charge)?.order.as_str()));
        let ids: BTreeSet<&str> = paid.chain(back).chain(shop.tests(reach)).collect();
        let orders = daemon.orders(ids.iter().copied()).await;
        Self(ids.into_iter().map(str::to_owned).zip(orders).collect())
    }

    fn entries(&self, order: &str) -> &[StoredEntry] {
        self.0.get(order).map_or(&[], |stored| &stored.entries)
    }

    /// True if this very telling is stored: revisions of the API contain the total.
    pub(super) fn holds(&self, order: &str, key: &EntryKey, revision: i64) -> bool {
        self.entries(order).iter().any(|entry| entry.key == *key && entry.revision == revision)
    }

    /// Orders that must be asked for: of charges and refunds that are new, unless they were listed. A charge that does not
    /// say that it is a rebill cannot be understood without its order.
    pub(super) fn orders_needed(&self, shop: &Shop, reach: Reach) -> BTreeSet<String> {
        let is_stored =
            |order: &str, kind, id: String, total| self.holds(order, &EntryKey::new(kind, id), rank::api(total));
        let charges = shop.paid(reach).filter(|charge| {
            !charge.says_rebill || !is_stored(&charge.order, Kind::Sale, names::charge(&charge.id), charge.total)
        });
        let refunds = shop.back(reach).filter_map(|refund| {
            let charge = shop.charges.get(&refund.charge)?;
            let is_new = !is_stored(&charge.order, Kind::Refund, names::refund(&refund.id), refund.amount);
            is_new.then_some(charge)
        });
        charges.chain(refunds).map(|charge| charge.order.clone()).collect()
    }

    /// Test orders that a webhook or a file told as real ones, replaced by nothing.
    pub(super) fn replace_by_nothing(&self, tests: &BTreeSet<&str>) -> Vec<Order> {
        let told = tests.iter().filter(|order| !self.entries(order).is_empty());
        told.map(|order| Order::new(*order, rank::API, Vec::new())).collect()
    }

    /// Rebills that other doors told within hours of a charge and that are not that charge: there is never a second one so
    /// soon. The first payment of a subscription told twice, an upsell past midnight, a webhook that came late. Asked for after
    /// the charges were stored, since they bind what they can.
    pub(super) fn phantoms(&self, shop: &Shop) -> Vec<Withdrawal> {
        let mut phantoms = Vec::new();
        for (order, stored) in &self.0 {
            let charges: Vec<i64> = shop.charges_of(order).map(|charge| charge.unix_ms).collect();
            let told = stored.entries.iter().filter(|entry| {
                let is_rebill = entry.key.kind == Kind::Sale && entry.key.id.starts_with("rebill:");
                let is_near = |unix_ms: &i64| unix_ms.abs_diff(entry.unix_ms) <= SAME_CHARGE_MS;
                is_rebill && entry.revision < rank::API && charges.iter().any(is_near)
            });
            phantoms.extend(told.map(|entry| Withdrawal { key: entry.key.clone(), revision: rank::API }));
        }
        phantoms
    }
}
