//! `POST /v1/customers/{customer}/forget`: deletes a person.

use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::blocking;
use super::call::{Call, Customer};
use super::parameter::NoParameters;
use super::problem::Problem;
use crate::book::normalise_email;
use crate::clock::now_ms;
use crate::ledger::{self, Forgotten};

/// What was changed to delete a person, and what is left.
#[derive(Serialize, JsonSchema)]
pub(super) struct ForgottenAnswer {
    /// The address in lower case.
    customer: String,
    /// What was changed in the ledger and the archive.
    changed: Forgotten,
    /// Files in the drop folder that name the person. They are the owner's, so they were not touched.
    copies: Vec<String>,
    /// Files in the drop folder that could not be read, and why.
    unread: Vec<String>,
    /// What remains to be done by a person.
    remains: Vec<String>,
}

pub(super) async fn forget(call: Call<NoParameters, Customer>) -> Result<Response, Problem> {
    let Call { app, place: Customer(named), .. } = call;
    blocking(move || {
        let Some(email) = normalise_email(&named) else {
            let detail = format!("`{named}` is no e-mail address; a person is forgotten by their address");
            return Err(Problem::question(detail));
        };
        if app.config.report.shared_emails.iter().any(|shared| normalise_email(shared).as_ref() == Some(&email)) {
            let detail = format!(
                "`{email}` is in `shared_emails` of the configuration: it stands for many people. Take it out of there first, if \
                 it is to be forgotten"
            );
            return Err(Problem::changed(detail));
        }
        let Some(changed) = app.ledger.forget(&email, now_ms())? else {
            return Err(Problem::not_found(format!("`{email}` is nowhere in the ledger or the archive")));
        };
        tracing::info!(entries = changed.entries, deliveries = changed.deliveries, "a person was forgotten");
        let (copies, unread) = ledger::copies(&app.config.paths.drop_dir, &email);
        let mut remains = vec![
            "the ledger's file is written anew at the next start; until then its free pages may hold what was deleted".to_owned(),
            "the platforms still know this person: have them deleted there, or what they send later names them again in the archive".to_owned(),
            "backups made before, and copies of files elsewhere, still name this person".to_owned(),
        ];
        if !copies.is_empty() {
            remains.insert(0, "delete the copies in the drop folder, or the person's rows in them".to_owned());
        }
        Ok(axum::Json(ForgottenAnswer {
            customer: email.into_owned(),
            changed,
            copies: copies.iter().map(|path| path.display().to_string()).collect(),
            unread: unread.iter().map(|(path, error)| format!("{}: {error}", path.display())).collect(),
            remains,
        })
        .into_response())
    })
    .await
}
