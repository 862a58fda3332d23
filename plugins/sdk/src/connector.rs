//! What a connector implements.
#![allow(async_fn_in_trait, reason = "a connector is single-threaded: its futures need not be Send")]

use crate::conversation::Daemon;
use crate::table::Table;
use crate::types::{Batch, Context, Delivery, Failure, Manifest, Outcome, Problem, Proof, Setting, Window};

/// What every connector is.
pub trait Connector {
    /// Describes the connector. Always the same answer.
    fn describe() -> Manifest;

    /// Looks at settings together, after the daemon has checked each by itself. Empty: nothing is wrong.
    fn validate(settings: &[Setting]) -> Vec<Problem> {
        let _ = settings;
        Vec::new()
    }
}

/// Reads what a platform sends by itself.
pub trait Webhook: Connector {
    /// Says what must be checked before a delivery is believed. Looks at as little as possible.
    ///
    /// # Errors
    /// [`Failure::Malformed`] when the delivery cannot be read far enough to tell.
    fn prove(delivery: &Delivery, context: &Context) -> Result<Proof, Failure>;

    /// Reads a delivery that was proven. Ends with [`Outcome::Read`] or [`Outcome::Ignored`].
    ///
    /// # Errors
    /// The case of the failure says who must act. Nothing of the delivery is stored.
    async fn receive(daemon: Daemon, delivery: Delivery, context: Context) -> Result<Outcome, Failure>;
}

/// Reads files.
pub trait Csv: Connector {
    /// Reads a batch of rows. `format` is an id from the manifest. Each row ends in a change, a reject or the ignored.
    ///
    /// # Errors
    /// Fails the whole file; for a single row use [`Batch::reject`].
    fn read(format: &str, table: &Table, context: &Context) -> Result<Batch, Failure>;
}

/// Asks a platform. What is not overridden answers that it is not supported.
pub trait Poll: Connector {
    /// Sees whether address, credentials and permissions are good. Ends with [`Outcome::Checked`].
    ///
    /// # Errors
    /// The case of the failure says who must act.
    async fn check(daemon: Daemon, context: Context) -> Result<Outcome, Failure> {
        let _ = (daemon, context);
        Err(not_supported("check"))
    }

    /// Reads everything in the window. Ends with [`Outcome::Synced`].
    ///
    /// # Errors
    /// The case of the failure says who must act. What earlier steps stored stays.
    async fn sync(daemon: Daemon, window: Window, context: Context) -> Result<Outcome, Failure> {
        let _ = (daemon, window, context);
        Err(not_supported("sync"))
    }

    /// Reads these orders again, at most 100. Ends with [`Outcome::Read`].
    ///
    /// # Errors
    /// The case of the failure says who must act.
    async fn refresh(daemon: Daemon, ids: Vec<String>, context: Context) -> Result<Outcome, Failure> {
        let _ = (daemon, ids, context);
        Err(not_supported("refresh"))
    }

    /// Sees to it that the platform delivers to this address. Ends with [`Outcome::Subscribed`].
    ///
    /// # Errors
    /// The case of the failure says who must act.
    async fn subscribe(daemon: Daemon, address: String, context: Context) -> Result<Outcome, Failure> {
        let _ = (daemon, address, context);
        Err(not_supported("subscribe"))
    }

    /// Removes every webhook that delivers to this address. Ends with [`Outcome::Unsubscribed`].
    ///
    /// # Errors
    /// The case of the failure says who must act.
    async fn unsubscribe(daemon: Daemon, address: String, context: Context) -> Result<Outcome, Failure> {
        let _ = (daemon, address, context);
        Err(not_supported("unsubscribe"))
    }
}

fn not_supported(task: &str) -> Failure {
    Failure::Internal(format!("`{task}` is not supported by this connector"))
}
