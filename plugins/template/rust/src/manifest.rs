//! What the connector says about itself. An operator reads it before trusting it.

use ltv_connector::prelude::*;

// door webhook
/// Secret: the key of the webhooks' signatures.
pub(crate) const WEBHOOK_SECRET: &str = "webhook_secret";
/// How webhooks are set up by hand.
const SETUP: &str = "In Kiosk: Settings > Webhooks > Add. \
    Paste the address that `ltvd webhook url NAME` prints.";
// end
// door poll
/// Secret: the key of the API.
pub(crate) const API_KEY: &str = "api_key";
/// Where the API is.
pub(crate) const HOST: &str = "api.kiosk.example";
// end

pub(crate) fn manifest() -> Manifest {
    Manifest::new("kiosk", "Kiosk", env!("CARGO_PKG_VERSION"))
        .setting(
            setting("currency", "Currency of the shop")
                .help("What the shop sells in, for example USD. Counts where a payment names no currency.")
                .currency()
                .required(),
        )
        // door webhook
        .setting(
            setting(WEBHOOK_SECRET, "Secret of the webhooks")
                .help("In Kiosk: Settings > Webhooks, the word under \"Signing secret\".")
                .secret(),
        )
        .webhook(WebhookDescription::new(&["payment.paid", "payment.refunded"]).manual_setup(SETUP))
        // end
        // door poll
        .setting(
            setting(API_KEY, "API key")
                .help("In Kiosk: Settings > API > Create key. Reading payments is the only permission it needs.")
                .secret(),
        )
        .host(Host::Exact(HOST.into()))
        .polling(Polling::new(&[Axis::Modified]))
        // end
        // door csv
        .csv(csv_format("payments", "Payments export").columns([
            column("id").aliases(&["Payment ID"]).required(),
            column("type").aliases(&["Payment type"]).required(),
            column("order").aliases(&["Order ID"]).required(),
            column("date").aliases(&["Paid at (UTC)"]).date().required(),
            column("amount").aliases(&["Total"]).amount().required(),
            column("tax").aliases(&["Sales tax"]).amount(),
            column("currency"),
            column("email").aliases(&["Customer e-mail"]),
            column("product").aliases(&["Product name"]),
        ]))
        // end
}
