//! Kiosk, read for ltvd.
//!
//! A connector is a pure function: it opens no connection, reads no clock and never sees a secret. What arrives is handed to
//! it; what it wants to know it asks the daemon for.

// door csv
mod csv;
// end
mod manifest;
mod movement;
// door poll
mod poll;
// end
#[cfg(test)]
mod tests;
// door webhook
mod webhook;
// end

use ltv_connector::prelude::*;

/// The connector.
pub struct KioskConnector;

impl Connector for KioskConnector {
    fn describe() -> Manifest {
        manifest::manifest()
    }
}

// door csv
impl Csv for KioskConnector {
    fn read(_format: &str, table: &Table, context: &Context) -> Result<Batch, Failure> {
        Ok(csv::read(table, context))
    }
}

// end
// door webhook
impl Webhook for KioskConnector {
    fn prove(delivery: &Delivery, _context: &Context) -> Result<Proof, Failure> {
        Ok(webhook::prove(delivery))
    }

    async fn receive(daemon: Daemon, delivery: Delivery, context: Context) -> Result<Outcome, Failure> {
        webhook::receive(&daemon, &delivery, &context)
    }
}

// end
// door poll
impl Poll for KioskConnector {
    async fn check(daemon: Daemon, _context: Context) -> Result<Outcome, Failure> {
        poll::check(&daemon).await
    }

    async fn sync(daemon: Daemon, window: Window, context: Context) -> Result<Outcome, Failure> {
        poll::sync(&daemon, &window, &context).await
    }
}

// end
ltv_connector::export!(KioskConnector: csv, webhook, poll);
