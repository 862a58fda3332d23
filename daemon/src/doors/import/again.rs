//! Files from the archive, read again.

use std::collections::BTreeSet;

use crate::app::App;
use crate::ledger::{Import, LedgerError};

use super::{ImportError, Request, import_as};

/// Reads archived files of an integration again in the order in which they came: all, or these deliveries and what came after
/// the first of them that can be read, so that an old file does not become the last word about what later ones know better.
/// Gives how many were read, and what went wrong with the others.
///
/// What comes in meanwhile is read again as well, since it is later than what is read here. So whoever reads a file again
/// reads all later ones after it, and what was read last of each is in order, however many do this at a time.
///
/// # Errors
/// If the ledger fails.
pub fn read_again(
    app: &App,
    integration: &str,
    deliveries: Option<&BTreeSet<u64>>,
) -> Result<(u64, Vec<ImportError>), LedgerError> {
    let place = |import: &Import| (import.at_ms, import.delivery);
    let (mut read, mut failed) = (0, Vec::new());
    let mut through = None;
    loop {
        let mut files = app.ledger.imports()?;
        files.retain(|(owner, _, known)| owner == integration && Some(place(known)) > through);
        if files.is_empty() {
            return Ok((read, failed));
        }
        files.sort_by_key(|(_, _, known)| place(known));
        for (_, sha256, known) in files {
            through = Some(place(&known));
            // Before one of them is taken in, later files have nothing new to say.
            if read == 0 && deliveries.is_some_and(|wanted| !wanted.contains(&known.delivery)) {
                continue;
            }
            let request = Request {
                name: &known.name,
                integration: Some(integration),
                dry_run: false,
                complete_through: None,
                bytes: Some(known.bytes),
            };
            let source = match app.ledger.archived(&sha256) {
                Ok(source) => source,
                // One file that is missing must not keep the others from being read.
                Err(error) => {
                    failed.push(error.into());
                    continue;
                }
            };
            match import_as(app, &request, Some(&sha256), source, &mut |_, _, _| {}) {
                Ok(_) => read += 1,
                Err(ImportError::Ledger(error)) => return Err(error),
                Err(error) => {
                    // It says the same each time, until the connector is another one.
                    if let Some((_, connector)) = app.integration(integration).filter(|_| !error.is_temporary()) {
                        app.ledger.tried_by(known.delivery, &connector.manifest.id_and_version())?;
                    }
                    failed.push(error);
                }
            }
        }
    }
}
