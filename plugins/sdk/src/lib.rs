//! Everything a connector for ltvd is written with.
//!
//! A connector is a type without data that implements [`Connector`](connector::Connector) and, for each door that its
//! platform has, one of [`Webhook`](connector::Webhook), [`Csv`](connector::Csv) and [`Poll`](connector::Poll).
//! [`export!`] makes a component of it that exports just those interfaces. It does no input or output: it says what it
//! wants and reads what came back, so its tests run natively with plain texts ([`testing`]).
//!
//! ```
//! use ltv_connector::prelude::*;
//!
//! struct Kiosk;
//!
//! impl Connector for Kiosk {
//!     fn describe() -> Manifest {
//!         Manifest::new("kiosk", "Kiosk", env!("CARGO_PKG_VERSION"))
//!             .setting(setting("currency", "Currency").help("What the shop sells in.").currency().required())
//!             .setting(setting("word", "Secret word").help("Settings > Webhooks.").secret())
//!             .webhook(WebhookDescription::new(&["paid", "refunded"]).manual_setup("Paste the address under Webhooks."))
//!             .csv(csv_format("payments", "Payments export").columns([
//!                 column("id").aliases(&["Payment ID"]).required(),
//!                 column("date").aliases(&["Paid at"]).date().required(),
//!                 column("email").aliases(&["Customer e-mail"]),
//!                 column("amount").aliases(&["Total"]).amount().required(),
//!             ]))
//!     }
//! }
//!
//! impl Csv for Kiosk {
//!     fn read(_format: &str, table: &Table, context: &Context) -> Result<Batch, Failure> {
//!         let currency = context.text("currency").unwrap_or("USD");
//!         let mut batch = Batch::new();
//!         for row in table.rows() {
//!             match payment(&row, currency) {
//!                 Ok(entry) => batch.put(&row, entry),
//!                 Err(fault) => batch.reject(&row, fault),
//!             }
//!         }
//!         Ok(batch)
//!     }
//! }
//!
//! fn payment(row: &Row<'_>, currency: &str) -> Result<Entry, Fault> {
//!     let id = row.need("id")?;
//!     let at = row.need_moment("date", None)?;
//!     Ok(Entry::sale(id, id, at, currency, row.need_amount("amount")?).email(row.get("email")))
//! }
//!
//! impl Webhook for Kiosk {
//!     fn prove(delivery: &Delivery, _context: &Context) -> Result<Proof, Failure> {
//!         Ok(match delivery.body()?.text("word") {
//!             Some(word) => Proof::equals("word", word),
//!             None => Proof::Refuse("the secret word is missing".into()),
//!         })
//!     }
//!
//!     async fn receive(daemon: Daemon, delivery: Delivery, context: Context) -> Result<Outcome, Failure> {
//!         let body = delivery.body()?;
//!         let id = body.need("payment.id")?;
//!         let total = body.need_amount("payment.total")?;
//!         let currency = context.text("currency").unwrap_or("USD");
//!         // A refund without its payment: the ledger tells whether the daemon has ever seen it.
//!         if body.text("event") == Some("refunded") {
//!             if daemon.order(id).await.entries.is_empty() {
//!                 return Ok(Outcome::Ignored(format!("payment {id} is not known")));
//!             }
//!             daemon.put(Entry::refund(id, id, Moment::Received, currency, total));
//!         } else {
//!             daemon.put(Entry::sale(id, id, Moment::Received, currency, total).email(body.text("payment.email")));
//!         }
//!         Ok(Outcome::Read)
//!     }
//! }
//!
//! ltv_connector::export!(Kiosk: webhook, csv);
//! ```
//!
//! A connector is a `cdylib`, built with `cargo build --release --target wasm32-unknown-unknown`.

// The generated code is wit-bindgen's and held to its own standards.
#[doc(hidden)]
#[allow(missing_docs, unsafe_op_in_unsafe_fn, unreachable_pub, dead_code, clippy::all)]
pub mod bindings;

pub mod answer;
pub mod connector;
pub mod context;
pub mod conversation;
pub mod dates;
pub mod delivery;
pub mod encoding;
pub mod entry;
pub mod fault;
pub mod form;
#[doc(hidden)]
pub mod glue;
mod guard;
#[cfg(target_arch = "wasm32")]
mod heap;
pub mod identity;
pub mod log;
pub mod manifest;
pub mod money;
pub mod pages;
pub mod request;
pub mod revision;
pub mod table;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod types;

/// All that a connector needs, in one line.
pub mod prelude {
    pub use crate::connector::{Connector, Csv, Poll, Webhook};
    pub use crate::context::SettingsExt;
    pub use crate::conversation::Daemon;
    pub use crate::fault::{Fault, Unread};
    pub use crate::form::Value;
    pub use crate::identity::stable_id;
    pub use crate::manifest::{column, csv_format, setting};
    pub use crate::money::{Mark, MoneyError};
    pub use crate::pages::Pages;
    pub use crate::table::{Row, Table};
    pub use crate::types::*;
    pub use crate::{dates, encoding, form, log, money, revision};
}
