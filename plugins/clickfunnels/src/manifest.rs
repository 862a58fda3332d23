//! What the connector says about itself. An operator reads it before trusting it.

use ltv_connector::prelude::*;

/// Secret: the key of the signatures of the 2.0 endpoint.
pub(crate) const WEBHOOK_SECRET: &str = "webhook_secret";
/// Secret: the key of a second 2.0 endpoint, whose address ends in `?endpoint=2`.
pub(crate) const WEBHOOK_SECRET_2: &str = "webhook_secret_2";
/// Secret: the token of the 2.0 API.
pub(crate) const API_KEY: &str = "api_key";
/// Setting: the name of the workspace in its address.
pub(crate) const WORKSPACE: &str = "workspace";
/// Setting: the number of the workspace.
pub(crate) const WORKSPACE_ID: &str = "workspace_id";
/// The domain of all workspaces.
pub(crate) const DOMAIN: &str = "myclickfunnels.com";

/// Events to subscribe to. ClickFunnels mixes dashes, underscores, slashes and dots exactly so. The same invoices by other
/// names (`one-time-order.invoice.paid`) are read as well, and add nothing.
const TOPICS: [&str; 4] =
    ["orders/invoice.paid", "orders/invoice.refunded", "orders/transaction.created", "orders/transaction.updated"];

const SETUP: &str = "ClickFunnels 2.0: Workspace Settings > Webhooks > new endpoint, version 2. Paste the address that \
    `ltvd webhook url NAME` prints, choose the events orders/invoice.paid, orders/invoice.refunded, \
    orders/transaction.created and orders/transaction.updated, and put the secret that is shown once into \
    `webhook_secret`. ClickFunnels Classic: in each funnel Settings > Webhooks, event `purchase created` and once more \
    `purchase updated`, adapter JSON; leave `webhook_secret` out. Before it saves, Classic posts a test to \
    /funnel_webhooks/test at the root of the host, whatever address was entered. ltvd answers it (`answer` in \
    `[webhooks]`): have the proxy in front pass on that path beside /hooks/.";

/// The manifest.
pub(crate) fn manifest() -> Manifest {
    Manifest::new("clickfunnels", "ClickFunnels", env!("CARGO_PKG_VERSION"))
        .setting(
            setting(WEBHOOK_SECRET, "Secret of the 2.0 webhook endpoint")
                .help(
                    "In ClickFunnels 2.0: Workspace Settings > Webhooks > the endpoint, its webhook secret. If it is given, \
                     every delivery must be signed. Leave it out for ClickFunnels Classic, which signs nothing.",
                )
                .secret(),
        )
        .setting(
            setting(WEBHOOK_SECRET_2, "Secret of a second 2.0 endpoint")
                .help(
                    "Each endpoint of ClickFunnels 2.0 has a secret of its own. For a second endpoint give ClickFunnels the same \
                     address with `?endpoint=2` appended, and its secret here.",
                )
                .secret(),
        )
        .setting(
            setting(WORKSPACE, "Name of the 2.0 workspace")
                .help("The first word of the workspace's address: `acme` of https://acme.myclickfunnels.com. Needed with `api_key`."),
        )
        .setting(
            setting(WORKSPACE_ID, "Number of the 2.0 workspace")
                .help(
                    "The number of the workspace: every delivery of a 2.0 endpoint has it as `workspace_id`. Needed to read \
                     missed events by the API; looking up a buyer works without it.",
                )
                .integer(),
        )
        .setting(
            setting(API_KEY, "Token of the 2.0 API")
                .help(
                    "A token for the API of ClickFunnels 2.0, as it is sent in `Authorization: Bearer`. Reading orders and \
                     outgoing webhook events is all it needs. With it the connector looks up buyers whom an invoice does \
                     not name, and reads events that were missed.",
                )
                .secret(),
        )
        .host(Host::Subdomains(DOMAIN.into()))
        .webhook(WebhookDescription::new(&TOPICS).manual_setup(SETUP))
        .polling(Polling {
            // The list of events tells what changed when, and cannot be asked for days: nothing to read again by creation.
            recheck_days: 0,
            ..Polling::new(&[Axis::Modified])
        })
}

/// Looks at the settings together. Secrets are not among them, so what belongs to `api_key` is only seen when it is used.
pub(crate) fn validate(settings: &[Setting]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(name) = settings.text(WORKSPACE) {
        let is_label = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-')
            && name.len() <= 63;
        if !is_label {
            problems.push(Problem::new(
                WORKSPACE,
                format!("`{name}` is not the first word of an address: write `acme` for https://acme.{DOMAIN}"),
            ));
        }
    }
    if settings.integer(WORKSPACE_ID).is_some_and(|id| id < 1) {
        problems.push(Problem::new(WORKSPACE_ID, "the number of a workspace is above 0"));
    }
    if settings.integer(WORKSPACE_ID).is_some() && settings.text(WORKSPACE).is_none() {
        problems.push(Problem::new(WORKSPACE, "is needed beside `workspace_id`"));
    }
    problems
}
