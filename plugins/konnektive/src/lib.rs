//! The Konnektive / CheckoutChamp connector of ltvd: the API, and the "Transaction Details" export.
//!
//! Facts about the platform carry how sure they are: \[C\] certain, \[L\] likely, \[G\] guessed. See README.md for keys,
//! decisions and known limits.

use ltv_connector::prelude::*;

mod api;
mod book;
mod check;
mod csv;
mod envelope;
mod facts;
mod goods;
mod manifest;
mod movement;
mod row;
mod settings;
mod sync;
mod walk;
mod when;
mod words;

#[cfg(test)]
mod tests;

/// The connector.
#[derive(Debug)]
pub struct Konnektive;

impl Connector for Konnektive {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn validate(settings: &[Setting]) -> Vec<Problem> {
        settings::problems(settings)
    }
}

impl Poll for Konnektive {
    async fn check(daemon: Daemon, context: Context) -> Result<Outcome, Failure> {
        check::check(daemon, context).await
    }

    async fn sync(daemon: Daemon, window: Window, context: Context) -> Result<Outcome, Failure> {
        sync::sync(daemon, window, context).await
    }
}

impl Csv for Konnektive {
    fn read(_format: &str, table: &Table, context: &Context) -> Result<Batch, Failure> {
        Ok(csv::read(table, &settings::Settings::read(context)))
    }
}

ltv_connector::export!(Konnektive: poll, csv);
