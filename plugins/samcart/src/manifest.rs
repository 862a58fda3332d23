//! What the daemon must know about SamCart.

use ltv_connector::prelude::*;

use crate::api::KEY;

/// The orders export.
pub(crate) const ORDERS: &str = "orders";
/// The export of recurring subscriptions.
pub(crate) const RECURRING: &str = "recurring-subscriptions";
/// The export of limited subscriptions: payment plans.
pub(crate) const LIMITED: &str = "limited-subscriptions";

const EMAIL: &[&str] = &["Customer Email", "Email", "Email Address", "Buyer Email"];
const PRODUCT: &[&str] = &["Product Name", "Product", "Item"];

/// The rules that make SamCart send what counts as money (confidence: certain for the first two, likely for the others).
const TOPICS: &[&str] = &[
    "Product Purchased",
    "Subscription Charged",
    "Product Refunded",
    "Product Partially Refunded",
    "Subscription Charge Refunded",
    "Subscription Charge Partially Refunded",
];

const MANUAL_SETUP: &str = "\
1. In SamCart make the address of this integration known. Newer screen: Apps > Webhooks > Install. Older screen: Settings > \
Integrations > New Integration > Notify URL (also called Webhook). Give it a name, such as ltvd, and the https address that \
`ltvd webhook url` prints. The address is the only proof that a delivery is genuine, so treat it like a password. \
2. Make GLOBAL rules, not rules of one product: + Add New Rule (older screen: Rules > Global), choose the trigger under When, and as \
action Send Notify URL POST with the integration from step 1. Four rules are wanted: Product Purchased (sales), Subscription Charged \
(rebills), Product Refunded, and Subscription Charge Refunded. Where SamCart offers the Partially Refunded forms of the last two, add \
them. Without the refund rules no refund ever arrives by webhook, and lifetime value is too high. \
3. More rules do no harm: Subscription Started, Upsell Purchased or Order Completed tell the same purchase again and are counted once; \
cancellations and failed charges are recognised as carrying no money. \
4. Buy something, or wait for a sale, and look at `ltvd status`. SamCart has no test button and does not send again what was missed: \
import the Orders export (All Time) now and then, which also gives the exact dates.";

/// The manifest.
pub(crate) fn describe() -> Manifest {
    Manifest::new("samcart", "SamCart", env!("CARGO_PKG_VERSION"))
        .setting(
            setting("currency", "Currency of the account")
                .help(
                    "The currency in which the SamCart account charges, as a code of three letters such as USD. SamCart names it neither in \
                     webhooks nor in exports. You find it in SamCart under Settings > Store (older: Marketplace) > Currency. A currency that a \
                     delivery does name comes first. For accounts with two currencies make two integrations.",
                )
                .currency()
                .required(),
        )
        .setting(
            setting(KEY, "API key")
                .help(
                    "Optional. With a key ltvd also asks SamCart by itself: it fetches orders from before the webhook was set up, knows the \
                     exact dates, and finds what a webhook missed. SamCart's support (support@samcart.com) makes keys on request; some accounts \
                     find them on SamCart's settings pages. Without a key SamCart is never asked; webhooks and files work all the same.",
                )
                .secret(),
        )
        .setting(
            setting("excluded_products", "Products that do not count")
                .help(
                    "Ids, names or SKUs of products with which you test your checkout. SamCart does not mark test purchases in webhooks and \
                     exports. A purchase is left out if all its products are listed.",
                )
                .text_list(),
        )
        .setting(
            setting("excluded_emails", "Customers that do not count")
                .help(
                    "E-mail addresses with which you test your checkout, such as me@example.org; @example.org leaves out every address there.",
                )
                .text_list(),
        )
        .setting(
            setting("estimate_rebills", "Compute rebills from subscription exports")
                .help(
                    "Leave it off if your Orders export has a row for each rebill, which is the rule. If it has not, subscription exports can \
                     stand in: with it on, each gives one rebill per interval since its start, as many as its payments column says, marked \
                     as estimated. A rebill that comes by webhook within five days takes the place of the estimate; one of the Orders export \
                     only if it has the same order id and day, so do not use both.",
                )
                .boolean()
                .default("false"),
        )
        .host(Host::Exact("api.samcart.com".into()))
        .polling(polling())
        .webhook(WebhookDescription::new(TOPICS).manual_setup(MANUAL_SETUP).unprovable())
        .csv(orders())
        .csv(subscriptions(RECURRING, "Recurring Subscriptions export", false))
        .csv(subscriptions(LIMITED, "Limited Subscriptions export", true))
        .csv(customers())
}

/// Refunds have a list of their own, by their own day, so passes meet them. Reading a month again every day is for accounts
/// without that list, for test marks set late, and for webhooks that told what never was.
fn polling() -> Polling {
    Polling {
        // Big ranges end in 504 \[C\]; those that still do are halved.
        window_days_max: 31,
        overlap_s: 3_600,
        recheck_days: 35,
        concurrent_requests_max: 4,
        // No limit is published \[C\], only that there is one.
        requests_per_minute_max: Some(120),
        ..Polling::new(&[Axis::Created])
    }
}

/// The orders export (headings certain for 2016, aliases guessed for today).
fn orders() -> CsvFormat {
    csv_format(ORDERS, "Orders export")
        .columns([
            column("order_id").aliases(&["Order ID", "ID", "Order", "Order Number", "Invoice Number"]).required(),
            column("date")
                .aliases(&["Order Date", "Date", "Created At", "Charge Date", "Purchase Date", "Order Date Time"])
                .date()
                .required(),
            column("time").aliases(&["Order Time", "Time"]).time(),
            column("status").aliases(&["Order Status", "Status", "Charge Status", "Payment Status"]),
            column("product_id").aliases(&["Product ID"]),
            column("product").aliases(PRODUCT),
            column("amount")
                .aliases(&[
                    "Price",
                    "Total",
                    "Order Total",
                    "Amount",
                    "Charge Total",
                    "Amount Charged",
                    "Total Charged",
                    "Revenue",
                ])
                .amount()
                .required(),
            column("tax").aliases(&["Tax", "Taxes", "Sales Tax"]).amount(),
            column("shipping").aliases(&["Shipping"]).amount(),
            column("discount").aliases(&["Discount", "Coupon Discount"]).amount(),
            column("refunded").aliases(&["Refund Amount", "Amount Refunded", "Refunded", "Refunded Amount"]).amount(),
            column("refund_date").aliases(&["Refund Date", "Date of Refund", "Refunded At"]).date(),
            column("currency").aliases(&["Currency", "Currency Code"]),
            column("email").aliases(EMAIL).required(),
            column("first_name").aliases(&["Customer First Name", "First Name"]),
            column("last_name").aliases(&["Customer Last Name", "Last Name"]),
            column("name").aliases(&["Customer Name", "Name", "Full Name"]),
            column("subscription_id").aliases(&["Subscription ID", "Subscription"]),
            column("transaction_id").aliases(&[
                "Transaction ID",
                "Processor Transaction ID",
                "Charge ID",
                "Stripe ID",
                "PayPal ID",
            ]),
            column("order_type").aliases(&["Order Type", "Type", "Charge Type", "Pricing Type"]),
            column("test").aliases(&["Test Mode", "Test", "Mode"]),
        ])
        .group_by(&["order_id"])
        .date_order(DateOrder::MonthFirst)
}

/// The two subscription exports (headings guessed: none was ever published).
fn subscriptions(id: &str, name: &str, limited: bool) -> CsvFormat {
    let total = column("total_payments").aliases(&[
        "Total Payments",
        "Number of Installments",
        "Payments Total",
        "Limit",
        "Installments",
    ]);
    csv_format(id, name)
        .columns([
            column("subscription_id").aliases(&["Subscription ID", "ID", "Subscription"]).required(),
            column("status").aliases(&["Status", "Subscription Status"]).required(),
            column("email").aliases(EMAIL).required(),
            column("product_id").aliases(&["Product ID"]),
            column("product").aliases(PRODUCT),
            column("start")
                .aliases(&[
                    "Start Date",
                    "Started",
                    "Date Started",
                    "Subscription Start Date",
                    "Created At",
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
            column("end")
                .aliases(&["End Date", "Cancel Date", "Canceled Date", "Cancelled At", "Completed Date"])
                .date(),
            column("amount")
                .aliases(&[
                    "Rebill Amount",
                    "Recurring Price",
                    "Recurring Amount",
                    "Amount",
                    "Price",
                    "Subscription Price",
                ])
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
            column("payments_made").aliases(&[
                "Payments Made",
                "Number of Payments",
                "Payments",
                "Charges Count",
                "Installments Paid",
            ]),
            // Apart from `payments_made`, since it does not count the first charge.
            column("rebills").aliases(&["Rebills", "Total Rebills"]),
            if limited { total.required() } else { total },
            column("paid_total").aliases(&["Total Paid", "Amount Paid", "Lifetime Value", "Revenue"]).amount(),
            column("order_id").aliases(&["Order ID", "Original Order ID"]),
            column("currency").aliases(&["Currency", "Currency Code"]),
        ])
        .date_order(DateOrder::MonthFirst)
}

/// Recognised, so that the refusal can say what it is (headings guessed).
fn customers() -> CsvFormat {
    csv_format("customers", "Customers export")
        .columns([
            column("email").aliases(EMAIL).required(),
            column("first_name").aliases(&["First Name", "Customer First Name"]).required(),
            column("last_name").aliases(&["Last Name", "Customer Last Name"]).required(),
            column("phone").aliases(&["Phone", "Phone Number", "Customer Phone Number"]),
            column("customer_id").aliases(&["Customer ID", "ID"]),
            column("created").aliases(&["Created At", "Date Created", "Customer Since", "Date Added", "Signup Date"]),
            column("lifetime_value").aliases(&["Lifetime Value", "LTV", "Total Spent", "Total Spend", "Total Orders"]),
        ])
        .refused(
            "This is a list of customers or leads. It says who bought, not what was paid when, so nothing can be counted from it. Export \
             Orders in SamCart (Reports or Orders > Export, range All Time) and import that file.",
        )
}
