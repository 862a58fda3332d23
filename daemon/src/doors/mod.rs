//! The ways in: the drop folder and `ltvd import`, the webhook listener, and polling.
//!
//! Each takes a delivery in, lets the connector of its integration read it, and commits what came of it as one. What they
//! share is [`crate::app::App`].

pub mod attempts;
mod commits;
pub mod drop_folder;
pub mod import;
mod import_report;
mod in_order;
pub mod inbox;
mod pipeline;
pub mod poll;
pub(crate) mod proof;
pub mod reconcile;
mod talk;
pub mod webhook;

pub use import::{ImportError, Phase, Request, import};
pub use import_report::{ImportReport, RefusedRow};
