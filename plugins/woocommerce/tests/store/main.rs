//! The connector against a store that behaves as WooCommerce does, compared with the store's own truth to the cent.

mod access;
mod check;
mod drift;
mod kit;
mod old_stores;
mod orders;
mod paging;
mod refunds;
mod revisions;
mod subscribe;
mod webhooks;
