//! `ltvd reload`

use std::path::Path;

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use super::output::{self, cell};
use crate::config;

/// The file may be wrong in every other respect: what is wrong is for the daemon to say.
pub(super) fn reload(config: &Path) -> Result<(), Failure> {
    let api = config::locate_api(config)?;
    super::runtime()?.block_on(async {
        let client = Client::of_daemon(api.listen, api.token)?;
        let in_force = client.json(Call::post(&["v1", "reload"])).await?;
        output::print(&format!(
            "in force since {} (hash {})",
            cell(&in_force, "in_force_since"),
            cell(&in_force, "hash")
        ))
    })
}
