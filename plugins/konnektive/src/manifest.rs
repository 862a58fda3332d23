//! What the connector says about itself.

use ltv_connector::prelude::*;

use crate::words::USUAL_ADDRESSES;

/// Format of the "Transaction Details" export.
pub(crate) const TRANSACTIONS: &str = "transactions";

/// Address where the operator gives none.
const ADDRESS: &str = "https://api.checkoutchamp.com";

const ZONE_HELP: &str = "The zone of the account's clock, often America/New_York. The platform writes all times by that clock \
    without naming it, so days are wrong while this is. `ltvd check --online` shows the last transaction by the account's \
    clock to compare. It may be corrected at any time: what is stored is dated anew, and the platform is not asked again.";

const LOGIN_HELP: &str = "Login id of an API user. Make one for ltvd alone, in most accounts under Admin > Users: give it the \
    query permission for transactions and no other, and allow the address of this machine for it.";

const PASSWORD_HELP: &str = "Password of that API user, with whatever characters it has: `&`, `+`, `%`, `#`, `=` and letters \
    with accents are sent as they are.";

const CAMPAIGNS_HELP: &str = "Ids or names of campaigns that are left out, for example the one you test with. Comes to the same \
    whether letters are large or small.";

const MERCHANTS_HELP: &str = "Merchants (gateways, MIDs) that are left out, by their name, id or MID number, for example a test \
    gateway. Cards that are marked as test cards are left out anyway.";

const PREPAID_HELP: &str = "Orders marked as prepaid were paid outside the gateway, by bank transfer for example. `true`: they \
    count as paid. `false`: they are left out.";

const CURRENCY_HELP: &str = "The currency of rows that name none. Left out, such rows are refused rather than guessed.";

const AMOUNT_HELP: &str = "Heading of the amount in \"Transaction Details\" files, if ltvd does not recognise it.";

pub(crate) fn manifest() -> Manifest {
    let address_help = format!(
        "Where the account's API is, with https. Usual are {USUAL_ADDRESSES}. All of them speak the same language; the \
         account's own documentation or support says which is yours."
    );
    Manifest::new("konnektive", "Konnektive / CheckoutChamp", env!("CARGO_PKG_VERSION"))
        .setting(setting("api_url", "Address of the API").help(address_help).url().default(ADDRESS))
        .setting(setting("zone", "Time zone of the account").help(ZONE_HELP).zone().required())
        .setting(setting("login_id", "Login id of the API user").help(LOGIN_HELP).secret().required())
        .setting(setting("password", "Password of the API user").help(PASSWORD_HELP).secret().required())
        .setting(setting("exclude_campaigns", "Campaigns left out").help(CAMPAIGNS_HELP).text_list().default_list(&[]))
        .setting(setting("exclude_merchants", "Merchants left out").help(MERCHANTS_HELP).text_list().default_list(&[]))
        .setting(setting("count_prepaid", "Count prepaid orders").help(PREPAID_HELP).boolean().default("true"))
        .setting(setting("default_currency", "Currency where none is told").help(CURRENCY_HELP).currency())
        .setting(setting("amount_column", "Heading of the amount in files").help(AMOUNT_HELP))
        .host(Host::Setting("api_url".into()))
        .polling(polling())
        .csv(transaction_details())
}

/// The date filter knows whole days only \[C\]: a finer window would fetch the whole day each time. Chargebacks and changed
/// refunds restate old rows, hence the axis `modified`.
fn polling() -> Polling {
    Polling {
        granularity: Granularity::Day,
        window_days_max: 1,
        // Yesterday once more on each pass: its last rows may have changed while they were read.
        overlap_s: 86_400,
        recheck_days: 3,
        interval_min_s: 900,
        // Ten may be open in the whole account \[L\], and others use it too.
        concurrent_requests_max: 1,
        // Half a minute is normal for a busy day \[L\].
        request_timeout_ms: 120_000,
        ..Polling::new(&[Axis::Modified, Axis::Created])
    }
}

/// The "Transaction Details" export \[L\]; the name of its amount is not known, so the usual ones are tried.
///
/// The date is read as text: in the last row its cell says `Total`, and a column of dates would make that a bad row.
fn transaction_details() -> CsvFormat {
    csv_format(TRANSACTIONS, "Transaction Details")
        .columns([
            column("transactionId").aliases(&["Transaction ID"]).required(),
            column("date").aliases(&["Date Created", "Transaction Date", "Txn Date"]).required(),
            column("time"),
            column("type").aliases(&["Txn Type", "Transaction Type"]).required(),
            column("result").aliases(&["Response Type", "Status"]).required(),
            column("amount")
                .aliases(&["Total Amount", "Txn Amount", "Transaction Amount", "Total", "Price", "Order Total"])
                .named_by("amount_column")
                .amount()
                .required(),
            column("currency").aliases(&["Currency Code"]),
            column("orderId").aliases(&["Order ID", "Client Order ID"]),
            column("parentTxnId").aliases(&["Parent Txn ID", "Parent Transaction ID"]),
            column("purchaseId").aliases(&["Purchase ID", "Subscription ID"]),
            column("billCycle").aliases(&["Billing Cycle", "Billing Cycle Number", "Bill Cycle Number", "Cycle"]),
            column("orderType").aliases(&["Order Type"]),
            column("response").aliases(&["Response Text"]),
            column("email").aliases(&["Email Address", "Customer Email"]),
            column("customerId").aliases(&["Customer ID"]),
            column("campaign").aliases(&["Campaign Name"]),
            column("campaignId").aliases(&["Campaign ID"]),
            column("merchant").aliases(&["Merchant Name", "Gateway"]),
            column("merchantId").aliases(&["Merchant ID"]),
            column("mid").aliases(&["MID Number"]),
            column("paySource").aliases(&["Pay Source", "Payment Method"]),
            column("cardType").aliases(&["Card Type"]),
            column("cardBin").aliases(&["Card Bin", "Bin"]),
            column("cardLast4").aliases(&["Card Last 4", "Last 4"]),
            column("country").aliases(&["Billing Country"]),
            column("coupon").aliases(&["Coupon Code"]),
            column("affiliate").aliases(&["Affiliate ID", "Aff ID"]),
            column("product").aliases(&["Product Name"]),
            column("productId").aliases(&["Product ID"]),
            column("sku").aliases(&["Product SKU"]),
        ])
        .group_by(&["orderId"])
}
