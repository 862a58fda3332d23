//! The ClickFunnels connector of ltvd: the webhooks of Classic, and the webhooks and missed events of 2.0.
//!
//! Two products share the name and nothing else; the body of a delivery tells which it is.

mod api;
mod classic;
mod event;
mod invoice;
mod manifest;
mod poll;
mod refunds;
#[cfg(test)]
mod tests;
mod text;
mod transaction;
mod webhook;

use ltv_connector::prelude::*;

/// The connector.
#[derive(Debug, Clone, Copy)]
pub struct ClickFunnels;

impl Connector for ClickFunnels {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn validate(settings: &[Setting]) -> Vec<Problem> {
        manifest::validate(settings)
    }
}

impl Webhook for ClickFunnels {
    fn prove(delivery: &Delivery, context: &Context) -> Result<Proof, Failure> {
        webhook::prove(delivery, context)
    }

    async fn receive(daemon: Daemon, delivery: Delivery, context: Context) -> Result<Outcome, Failure> {
        webhook::receive(&daemon, &delivery, &context).await
    }
}

impl Poll for ClickFunnels {
    async fn check(daemon: Daemon, context: Context) -> Result<Outcome, Failure> {
        poll::check(&daemon, &context).await
    }

    async fn sync(daemon: Daemon, window: Window, context: Context) -> Result<Outcome, Failure> {
        poll::sync(&daemon, &window, &context).await
    }
}

ltv_connector::export!(ClickFunnels: webhook, poll);
