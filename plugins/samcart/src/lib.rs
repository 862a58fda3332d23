//! The SamCart connector of ltvd: the API, webhooks and the three exports (orders, recurring and limited subscriptions).
//!
//! SamCart documents neither its webhook bodies nor its export columns. So everything here is tolerant, and the ids and
//! ranks (`names`, `rank`) are made to tell the same charge under different guises from two charges.

mod api;
mod lines;
mod manifest;
mod money;
mod names;
mod orders_file;
mod orders_row;
mod rank;
mod settings;
mod subscriptions_file;
mod webhook;
mod webhook_body;

use ltv_connector::prelude::*;

/// The connector.
#[derive(Debug, Clone, Copy)]
pub struct SamCart;

impl Connector for SamCart {
    fn describe() -> Manifest {
        manifest::describe()
    }

    fn validate(settings: &[Setting]) -> Vec<Problem> {
        settings::problems(settings)
    }
}

impl Webhook for SamCart {
    fn prove(delivery: &Delivery, _context: &Context) -> Result<Proof, Failure> {
        Ok(webhook::prove(delivery))
    }

    async fn receive(daemon: Daemon, delivery: Delivery, context: Context) -> Result<Outcome, Failure> {
        webhook::receive(daemon, &delivery, &context).await
    }
}

impl Csv for SamCart {
    fn read(format: &str, table: &Table, context: &Context) -> Result<Batch, Failure> {
        let settings = settings::Settings::read(context)?;
        match format {
            manifest::ORDERS => orders_file::read(table, &settings),
            manifest::RECURRING | manifest::LIMITED => subscriptions_file::read(table, &settings, context),
            other => Err(Failure::Internal(format!("no such file format: {other}"))),
        }
    }
}

impl Poll for SamCart {
    async fn check(daemon: Daemon, context: Context) -> Result<Outcome, Failure> {
        api::check(daemon, &context).await
    }

    async fn sync(daemon: Daemon, window: Window, context: Context) -> Result<Outcome, Failure> {
        api::sync(daemon, &window, &context).await
    }
}

ltv_connector::export!(SamCart: poll, webhook, csv);
