//! Reading single orders again.

use std::collections::HashSet;

use ltv_connector::prelude::*;

use crate::order::ShopOrder;
use crate::reader::{Fetched, Reader, withdraw};
use crate::store::{Query, Store};
use crate::trouble::Trouble;
use crate::walk::{Record, Walk};

/// Reads these orders again; those that the store no longer has are emptied.
///
/// # Errors
/// What stood in the way, told for the shop's owner.
pub(crate) async fn refresh(daemon: Daemon, ids: &[String], context: &Context) -> Result<Outcome, Failure> {
    let store = Store::open(daemon, context)?;
    let ids: Vec<u64> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let mut reader = Reader::new(&store);
    let mut seen = HashSet::new();
    let failed = |trouble| store.failure(trouble);
    if !ids.is_empty() {
        let mut walk = Walk::<ShopOrder>::new(&store, &store.settings, including(&ids));
        loop {
            match walk.next().await {
                Ok(Some(orders)) => {
                    seen.extend(orders.iter().map(Record::id));
                    reader.keep(orders).await.map_err(failed)?;
                }
                // Some of them break the store. Asked for one by one, the others come.
                Ok(None) | Err(Trouble::Overload(_)) => break,
                Err(trouble) => return Err(failed(trouble)),
            }
        }
    }
    // The list leaves out what is in the trash, and silently what the key may not read or the store cannot load. Only an
    // order's own address says that it is gone.
    let missing: Vec<u64> = ids.into_iter().filter(|id| !seen.contains(id)).collect();
    let Fetched { found, gone } = reader.fetch(&missing).await.map_err(failed)?;
    reader.keep(found).await.map_err(failed)?;
    withdraw(&store.daemon, &gone).await;
    Ok(Outcome::Read)
}

/// The orders with these ids. Commas, not brackets: signatures fail with those \[C live\].
pub(crate) fn including(ids: &[u64]) -> Query {
    let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
    Query::new("orders").with("include", ids.join(","))
}
