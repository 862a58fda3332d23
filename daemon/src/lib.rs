//! ltvd collects what shops sell, and answers what a customer is worth.
//!
//! [`run::run`] is the daemon; `main.rs` only hands it the command line. `ARCHITECTURE.md` has the map.

pub mod api;
pub mod app;
pub mod book;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connector;
pub mod doors;
pub mod files;
pub mod ledger;
pub mod limits;
pub mod live;
pub mod metrics;
pub mod model;
pub mod owner;
pub mod peer;
pub mod platform;
pub mod redact;
pub mod reload;
pub mod report;
pub mod run;
pub mod serve;
pub mod service;
pub mod supervise;
