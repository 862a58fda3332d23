//! What end-to-end tests are made of: a shop in a folder of its own, the real binary, real files and sockets.
//!
//! Nothing here stands in for a part of the daemon. Tests run at the same time, so each has its own folder and ports; only
//! the cache of compiled connectors is shared, since compiling takes seconds.

mod connectors;
mod daemon;
mod faulty;
pub(crate) mod http;
mod plain;
mod platform;
mod polled;
mod random;
mod shop;
mod trade;
mod two_doors;
mod wait;

pub(crate) use connectors::connector_file;
pub(crate) use daemon::{Daemon, Output};
pub(crate) use faulty::{Count, Fault, FaultyDisk};
pub(crate) use plain::plain;
pub(crate) use platform::{Served, ca_file};
pub(crate) use random::random;
pub(crate) use shop::{Report, Shop};
pub(crate) use trade::{file_of_sales, purchase};
pub(crate) use two_doors::TwoDoors;
pub(crate) use wait::{BOUND, wait_until};
