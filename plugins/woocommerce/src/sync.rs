//! Reading a window.

use std::collections::HashSet;

use ltv_connector::prelude::*;

use crate::moments::{just_before, up_to};
use crate::order::ShopOrder;
use crate::reader::Reader;
use crate::refresh::including;
use crate::refund::ShopRefund;
use crate::store::{Query, Store};
use crate::trouble::Trouble;
use crate::walk::{Record, Walk, Walked};

/// How far a store's local time can be from UTC, milliseconds: old stores take the dates of a filter for local ones.
const ZONE_MS: i64 = 14 * 3_600_000;
/// Orders with unknown refunds from which on one list of all refunds is cheaper than a list for each order.
const LIST_REFUNDS_FROM: usize = 6;
/// Orders asked for by their ids in one request.
const IDS_IN_QUERY: usize = 100;

/// Reads everything in the window.
///
/// # Errors
/// What stood in the way, told for the shop's owner. What was read before stays.
pub(crate) async fn sync(daemon: Daemon, window: &Window, context: &Context) -> Result<Outcome, Failure> {
    let store = Store::open(daemon, context)?;
    let wanted = if store.filters_modified() { window.axis } else { Axis::Created };
    let coverage = match Pass::new(&store, window, wanted).run().await {
        // A filter that is refused is as good as one that is ignored.
        Err(trouble) if trouble.is_bad_request() && wanted == Axis::Modified => None,
        coverage => coverage.map_err(|trouble| store.failure(trouble))?,
    };
    if let Some(coverage) = coverage {
        return Ok(Outcome::Synced(coverage));
    }
    store.learn(|learnt| learnt.modified_filter = false);
    let coverage = Pass::new(&store, window, Axis::Created).run().await.map_err(|trouble| store.failure(trouble))?;
    let fault = || Failure::Internal("the filters of the store were given up twice".to_owned());
    Ok(Outcome::Synced(coverage.ok_or_else(fault)?))
}

/// One reading of a window.
struct Pass<'a> {
    store: &'a Store,
    reader: Reader<'a>,
    window: &'a Window,
    axis: Axis,
    /// What the filter asks for, milliseconds, half open.
    start_ms: i64,
    end_ms: i64,
    /// An old store: filters may be read in local time.
    vague: bool,
    /// The store ignores the filter: what does not belong to the window is left out here.
    unfiltered: bool,
    /// Orders that were read.
    seen: HashSet<u64>,
    /// The list of refunds in the window was read.
    refunds: Option<Walked>,
}

impl<'a> Pass<'a> {
    fn new(store: &'a Store, window: &'a Window, axis: Axis) -> Self {
        let vague = !store.filters_modified();
        let slack = if vague { ZONE_MS } else { 0 };
        Pass {
            store,
            reader: Reader::new(store),
            window,
            axis,
            start_ms: window.start.unix_ms.saturating_sub(slack),
            end_ms: window.end.unix_ms.saturating_add(slack),
            vague,
            unfiltered: false,
            seen: HashSet::new(),
            refunds: None,
        }
    }

    /// Reads it. `None` if the store ignores the filter and must be asked otherwise.
    async fn run(&mut self) -> Result<Option<Coverage>, Trouble> {
        // Refunds first: one that is made while the orders are read is then unknown, and asked for.
        if self.axis == Axis::Modified {
            self.list_refunds().await?;
        }
        let Some(orders) = self.orders(None).await? else { return Ok(None) };
        let Some(trashed) = self.orders(Some("trash")).await? else { return Ok(None) };
        self.silently_refunded().await?;
        Ok(Some(self.coverage(&orders, &trashed)))
    }

    /// Walks the orders of the window: all but the trash, or those with a status.
    async fn orders(&mut self, status: Option<&str>) -> Result<Option<Walked>, Trouble> {
        let (after, before) = match self.axis {
            Axis::Modified => ("modified_after", "modified_before"),
            Axis::Created => ("after", "before"),
        };
        let mut query = self.dated("orders", after, before);
        if let Some(status) = status {
            query = query.with("status", status);
        }
        let mut walk = Walk::<ShopOrder>::new(self.store, &self.store.settings, query);
        while let Some(mut orders) = walk.next().await? {
            if orders.iter().any(|order| !self.belongs(order)) {
                if !self.vague {
                    return Ok(None);
                }
                self.unfiltered = true;
            }
            orders.retain(|order| self.belongs(order));
            self.seen.extend(orders.iter().map(Record::id));
            if self.refunds.is_none() && self.reader.lacking(&orders) >= LIST_REFUNDS_FROM {
                self.list_refunds().await?;
            }
            self.reader.keep(orders).await?;
        }
        Ok(Some(walk.walked()))
    }

    /// Whether an order is one that the filter asks for. One modified since it was listed is: it left upwards.
    fn belongs(&self, order: &ShopOrder) -> bool {
        let Some(dated_ms) = order.dated_ms(self.axis) else { return true };
        let first_ms = self.start_ms.div_euclid(1_000) * 1_000;
        dated_ms >= first_ms && (self.axis == Axis::Modified || dated_ms < self.end_ms)
    }

    /// The refunds made in the window, where the store lists them.
    async fn list_refunds(&mut self) -> Result<(), Trouble> {
        if !self.store.lists_refunds() {
            return Ok(());
        }
        let query = self.dated("refunds", "after", "before");
        let mut walk = Walk::<ShopRefund>::new(self.store, &(), query);
        loop {
            match walk.next().await {
                Ok(Some(refunds)) => refunds.into_iter().for_each(|refund| self.reader.know(refund)),
                Ok(None) => break,
                Err(trouble) if trouble.has_code("rest_no_route") || trouble.is_bad_request() => {
                    self.store.learn(|learnt| learnt.refunds_listed = false);
                    return Ok(());
                }
                Err(trouble) => return Err(trouble),
            }
        }
        self.refunds = Some(walk.walked());
        Ok(())
    }

    /// Orders refunded without a new modification date, as some gateways do \[C live\].
    async fn silently_refunded(&mut self) -> Result<(), Trouble> {
        if self.axis == Axis::Created {
            return Ok(());
        }
        let made =
            |refund: &&ShopRefund| (self.start_ms.div_euclid(1_000) * 1_000..self.end_ms).contains(&refund.at_ms);
        let of: HashSet<u64> = self.reader.refunds.values().filter(made).filter_map(|refund| refund.order).collect();
        let mut unseen: Vec<u64> = of.difference(&self.seen).copied().collect();
        unseen.sort_unstable();
        for ids in unseen.chunks(IDS_IN_QUERY) {
            let mut walk = Walk::<ShopOrder>::new(self.store, &self.store.settings, including(ids));
            while let Some(orders) = walk.next().await? {
                self.seen.extend(orders.iter().map(Record::id));
                self.reader.keep(orders).await?;
            }
        }
        Ok(())
    }

    /// A list bounded by dates. UTC without zone, together with `dates_are_gmt`, is what both order storages understand
    /// alike; `Z` beside it would be off by the store's offset \[C live\].
    fn dated(&self, path: &str, after: &'static str, before: &'static str) -> Query {
        Query::new(path)
            .with(after, just_before(self.start_ms))
            .with(before, up_to(self.end_ms))
            .with("dates_are_gmt", "true")
    }

    fn coverage(&self, orders: &Walked, trashed: &Walked) -> Coverage {
        let mut notes: Vec<String> = Vec::new();
        if self.axis != self.window.axis {
            notes.push(
                "this store cannot list orders by date of modification (WooCommerce before 5.8, or a plugin in the way), so \
                 they are read by date of creation: changes to older orders are found by the daily re-check alone"
                    .to_owned(),
            );
        }
        if self.unfiltered {
            notes.push(
                "the store ignores date filters: all its orders were read, and the others left out here".to_owned(),
            );
        }
        let walks = [Some(orders), Some(trashed), self.refunds.as_ref()];
        let walks = walks.into_iter().flatten();
        notes.extend(walks.clone().filter_map(|walked| walked.note.clone()));
        if self.reader.undated > 0 {
            let count = self.reader.undated;
            notes
                .push(format!("{count} refunds have no date of their own; they got that of their order's last change"));
        }
        let mut tallies = vec![orders.tally("orders"), trashed.tally("trashed orders")];
        tallies.extend(self.refunds.as_ref().map(|refunds| refunds.tally("refunds")));
        Coverage {
            complete: walks.clone().all(|walked| walked.complete),
            axis: self.axis,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            tallies,
        }
    }
}
