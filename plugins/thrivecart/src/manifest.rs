//! What the connector says about itself.

use ltv_connector::prelude::*;

use crate::api::KEY;
use crate::events;

/// Format of the order export.
pub(crate) const ORDERS: &str = "orders";
/// Format of the transactions export.
pub(crate) const TRANSACTIONS: &str = "transactions";
/// Format of the list of open-ended subscriptions.
pub(crate) const RECURRING: &str = "recurring-subscriptions";
/// Format of the list of subscriptions with a fixed number of payments.
pub(crate) const LIMITED: &str = "limited-subscriptions";
/// Format of the customer export, which is refused.
pub(crate) const CUSTOMERS: &str = "customers";

const SECRET_HELP: &str = "In ThriveCart: Settings > API & Webhooks > ThriveCart order validation shows the account's secret \
    word. ThriveCart puts it into every webhook; without it here no webhook is believed. Not needed if you only import files.";

const KEY_HELP: &str = "Optional. With a key ltvd also asks ThriveCart by itself: it fetches orders from before the webhook \
    was set up, and finds what a webhook missed. In ThriveCart: Settings > API & Webhooks > API tokens. Without a key \
    ThriveCart is never asked; webhooks and files work all the same.";

const CURRENCY_HELP: &str = "The currency of files that have no currency column, and of the rare webhook that names none. \
    Left out, such rows are refused rather than guessed.";

const ESTIMATE_HELP: &str = "Lists of subscriptions say how many payments were made, but not when and how much each was. With \
    `true`, rebills are computed from them: start + n intervals, at today's price, tagged `estimated`. A payment that a \
    webhook tells within a few days of a computed one takes its place; one from an order file only on the same day. So \
    leave it off if your order or transaction files contain rebills.";

const WEBHOOK_SETUP: &str = "In ThriveCart open Settings > API & Webhooks > Webhooks & notifications, choose `Add another \
    webhook`, give it a name and paste the address that `ltvd webhook url` prints. ThriveCart calls the address once when \
    you save it. One webhook is enough: it covers all products and events of the account, and an account can have five. \
    Test orders come to the same address and are left out. Copy the secret word of the same page, under order \
    validation, into `secret`.";

const CUSTOMERS_REFUSED: &str = "This is ThriveCart's list of customers or purchases: it has no amounts, so no revenue can be \
    read from it. Export the orders or transactions instead: a file with a date, an e-mail address and an amount in each row.";

pub(crate) fn manifest() -> Manifest {
    let topics: Vec<&str> = events::names().collect();
    Manifest::new("thrivecart", "ThriveCart", env!("CARGO_PKG_VERSION"))
        .setting(setting("secret", "Secret word of the account").help(SECRET_HELP).secret())
        .setting(setting(KEY, "API key").help(KEY_HELP).secret())
        .setting(setting("currency", "Currency where none is told").help(CURRENCY_HELP).currency())
        .setting(
            setting("estimate_rebills", "Compute rebills from lists of subscriptions")
                .help(ESTIMATE_HELP)
                .boolean()
                .default("false"),
        )
        .host(Host::Exact("thrivecart.com".into()))
        .polling(polling())
        .webhook(WebhookDescription::new(&topics).manual_setup(WEBHOOK_SETUP))
        .csv(
            csv_format(ORDERS, "Orders")
                .columns(order_columns(
                    column("product").aliases(&["Item Name", "Product", "Product Name"]),
                    column("plan").aliases(&["Pricing Option", "Plan"]),
                ))
                .group_by(&["order_id"]),
        )
        .csv(
            csv_format(TRANSACTIONS, "Transactions")
                .columns(order_columns(
                    column("product").aliases(&["Relevant Item Name"]).required(),
                    column("plan").aliases(&["Relevant Item Pricing Option", "Pricing Option", "Plan"]),
                ))
                .group_by(&["order_id"]),
        )
        .csv(csv_format(RECURRING, "Recurring Subscriptions").columns(subscription_columns()))
        .csv(
            csv_format(LIMITED, "Limited Subscriptions").columns(
                subscription_columns().into_iter().chain([column("total_payments")
                    .aliases(&["Total Payments", "Number of Installments", "Payments Total", "Limit", "Installments"])
                    .required()]),
            ),
        )
        .csv(
            csv_format(CUSTOMERS, "Customers or purchases")
                .columns([
                    email(),
                    column("date").aliases(&["Order Date"]).date().required(),
                    column("name").aliases(&["Full Name"]).required(),
                    column("first_name").aliases(&["First Name"]),
                    column("last_name").aliases(&["Last Name"]),
                    column("subscription_id").aliases(&["Subscription ID"]),
                ])
                .refused(CUSTOMERS_REFUSED),
        )
}

/// The list of transactions has no filter by date. Refunds stand in it as events with their own day \[L\], so passes meet
/// them; reading a month again every day is for those that are dated otherwise, and for webhooks that never came.
fn polling() -> Polling {
    Polling {
        // A window of the past is found by halving, so it costs few requests more than its own pages.
        window_days_max: 92,
        overlap_s: 3_600,
        recheck_days: 35,
        interval_min_s: 600,
        // \[C: 60\]; some are left for the shop's other tools.
        requests_per_minute_max: Some(50),
        ..Polling::new(&[Axis::Created])
    }
}

fn email() -> Column {
    column("email").aliases(&["Customer Email", "Email", "Email Address", "Buyer Email"]).required()
}

fn test() -> Column {
    column("test").aliases(&["Test Mode", "Test", "Mode"])
}

fn currency() -> Column {
    column("currency").aliases(&["Currency", "Currency Code"])
}

/// Columns of files with one row for each item of each payment. [L, some G: no header is published]
fn order_columns(product: Column, plan: Column) -> Vec<Column> {
    vec![
        column("order_id").aliases(&["Order ID", "Order", "Order Number"]),
        column("invoice").aliases(&["Invoice ID", "Invoice", "Invoice Number"]),
        column("event_id").aliases(&["Event ID"]),
        column("transaction_id").aliases(&["Transaction ID", "Processor Transaction ID"]),
        email(),
        column("customer_id").aliases(&["Customer ID"]),
        column("date")
            .aliases(&["Order Date", "Date", "Transaction Date", "Created at", "Time", "Payment Date"])
            .date()
            .required(),
        column("amount")
            .aliases(&[
                "Total",
                "Amount",
                "Order Total",
                "Amount Gross",
                "Total Gross",
                "Gross Amount",
                "Price",
                "Paid",
            ])
            .amount()
            .required(),
        currency(),
        column("tax").aliases(&["Tax", "Tax Amount"]).amount(),
        column("refund_amount").aliases(&["Refund Amount", "Amount Refunded", "Refunded"]).amount(),
        column("refund_date").aliases(&["Refund Date", "Date of Refund", "Refunded at"]).date(),
        column("type").aliases(&["Transaction Type", "Type", "Event"]),
        column("status").aliases(&["Status", "Payment Status", "Order Status"]),
        product,
        column("product_id").aliases(&["Product ID", "Item ID"]),
        plan,
        column("subscription_id").aliases(&["Subscription ID", "Subscription"]),
        column("processor").aliases(&["Processor", "Payment Processor", "Gateway"]),
        column("country").aliases(&["Address Country", "Country"]),
        column("coupon").aliases(&["Coupon Code", "Coupon"]),
        column("affiliate").aliases(&["Affiliate ID", "Affiliate"]),
        test(),
    ]
}

/// Columns of files with one row for each subscription. [G: no layout is published]
fn subscription_columns() -> Vec<Column> {
    vec![
        column("subscription_id").aliases(&["Subscription ID", "ID", "Subscription"]).required(),
        column("status").aliases(&["Status", "Subscription Status"]).required(),
        email(),
        column("product").aliases(&["Product Name", "Product", "Item", "Relevant Item Name"]),
        column("start")
            .aliases(&[
                "Start Date",
                "Started",
                "Date Started",
                "Subscription Start Date",
                "Created at",
                "Created",
                "Date",
            ])
            .date(),
        column("next")
            .aliases(&[
                "Next Billing Date",
                "Next Rebill Date",
                "Next Rebilling Date",
                "Next Payment Date",
                "Next Charge",
            ])
            .date(),
        column("end").aliases(&["End Date", "Cancel Date", "Canceled Date", "Cancelled at", "Completed Date"]).date(),
        column("amount")
            .aliases(&["Rebill Amount", "Recurring Price", "Recurring Amount", "Amount", "Price", "Subscription Price"])
            .amount(),
        column("initial").aliases(&["Initial Price", "Initial Amount", "Trial Price", "First Payment"]).amount(),
        column("interval").aliases(&[
            "Interval",
            "Frequency",
            "Billing Interval",
            "Billing Cycle",
            "Rebill Frequency",
            "Period",
        ]),
        column("paid").aliases(&[
            "Payments Made",
            "Number of Payments",
            "Payments",
            "Charges Count",
            "Installments Paid",
        ]),
        // Rebills leave out the first payment, payments do not.
        column("rebills").aliases(&["Rebills", "Total Rebills"]),
        column("paid_total").aliases(&["Total Paid", "Amount Paid", "Lifetime Value", "Revenue"]).amount(),
        column("order_id").aliases(&["Order ID", "Original Order ID"]),
        currency(),
        test(),
    ]
}
