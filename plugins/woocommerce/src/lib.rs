//! The WooCommerce connector of ltvd: asks the store's REST API, and takes its webhooks as hints.
//!
//! Facts about the platform carry how sure they are: \[C\] certain, \[C live\] observed on a running store, \[L\] likely,
//! \[G\] guessed. See README.md for set-up, keys and known limits.

use ltv_connector::prelude::*;

mod answer;
mod check;
mod entries;
mod learnt;
mod manifest;
mod moments;
mod order;
mod reader;
mod refresh;
mod refund;
mod settings;
mod store;
mod subscribe;
mod sync;
mod text;
mod trouble;
mod walk;
mod way;
mod webhook;

/// The connector.
#[derive(Debug)]
pub struct WooCommerce;

impl Connector for WooCommerce {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn validate(settings: &[Setting]) -> Vec<Problem> {
        settings::problems(settings)
    }
}

impl Poll for WooCommerce {
    async fn check(daemon: Daemon, context: Context) -> Result<Outcome, Failure> {
        check::check(daemon, &context).await
    }

    async fn sync(daemon: Daemon, window: Window, context: Context) -> Result<Outcome, Failure> {
        sync::sync(daemon, &window, &context).await
    }

    async fn refresh(daemon: Daemon, ids: Vec<String>, context: Context) -> Result<Outcome, Failure> {
        refresh::refresh(daemon, &ids, &context).await
    }

    async fn subscribe(daemon: Daemon, address: String, context: Context) -> Result<Outcome, Failure> {
        subscribe::subscribe(daemon, &address, &context).await
    }

    async fn unsubscribe(daemon: Daemon, address: String, context: Context) -> Result<Outcome, Failure> {
        subscribe::unsubscribe(daemon, &address, &context).await
    }
}

impl Webhook for WooCommerce {
    fn prove(delivery: &Delivery, _context: &Context) -> Result<Proof, Failure> {
        Ok(webhook::prove(delivery))
    }

    async fn receive(daemon: Daemon, delivery: Delivery, context: Context) -> Result<Outcome, Failure> {
        webhook::receive(daemon, &delivery, &context).await
    }
}

ltv_connector::export!(WooCommerce: poll, webhook);
