//! What the connector says about itself.

use ltv_connector::prelude::*;

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
        .setting(setting("currency", "Currency where none is told").help(CURRENCY_HELP).currency())
        .setting(
            setting("estimate_rebills", "Compute rebills from lists of subscriptions")
                .help(ESTIMATE_HELP)
                .boolean()
                .default("false"),
        )
        .webhook(WebhookDescription::new(&topics).manual_setup(WEBHOOK_SETUP))
        .csv(
            csv_format(ORDERS, "Orders")
                .columns(order_columns(
                    column("product").aliases(&["itemname", "product", "productname"]),
                    column("plan").aliases(&["pricingoption", "plan"]),
                ))
                .group_by(&["order_id"]),
        )
        .csv(
            csv_format(TRANSACTIONS, "Transactions")
                .columns(order_columns(
                    column("product").aliases(&["relevantitemname"]).required(),
                    column("plan").aliases(&["relevantitempricingoption", "pricingoption", "plan"]),
                ))
                .group_by(&["order_id"]),
        )
        .csv(csv_format(RECURRING, "Recurring Subscriptions").columns(subscription_columns()))
        .csv(
            csv_format(LIMITED, "Limited Subscriptions").columns(
                subscription_columns().into_iter().chain([column("total_payments")
                    .aliases(&["totalpayments", "numberofinstallments", "paymentstotal", "limit", "installments"])
                    .required()]),
            ),
        )
        .csv(
            csv_format(CUSTOMERS, "Customers or purchases")
                .columns([
                    email(),
                    column("date").aliases(&["orderdate"]).date().required(),
                    column("name").aliases(&["fullname"]).required(),
                    column("first_name").aliases(&["firstname"]),
                    column("last_name").aliases(&["lastname"]),
                    column("subscription_id").aliases(&["subscriptionid"]),
                ])
                .refused(CUSTOMERS_REFUSED),
        )
}

fn email() -> Column {
    column("email").aliases(&["customeremail", "email", "emailaddress", "buyeremail"]).required()
}

fn test() -> Column {
    column("test").aliases(&["testmode", "test", "mode"])
}

fn currency() -> Column {
    column("currency").aliases(&["currency", "currencycode"])
}

/// Columns of files with one row for each item of each payment. [L, some G: no header is published]
fn order_columns(product: Column, plan: Column) -> Vec<Column> {
    vec![
        column("order_id").aliases(&["orderid", "order", "ordernumber"]),
        column("invoice").aliases(&["invoiceid", "invoice", "invoicenumber"]),
        column("event_id").aliases(&["eventid"]),
        column("transaction_id").aliases(&["transactionid", "processortransactionid"]),
        email(),
        column("customer_id").aliases(&["customerid"]),
        column("date")
            .aliases(&["orderdate", "date", "transactiondate", "createdat", "time", "paymentdate"])
            .date()
            .required(),
        column("amount")
            .aliases(&["total", "amount", "ordertotal", "amountgross", "totalgross", "grossamount", "price", "paid"])
            .amount()
            .required(),
        currency(),
        column("tax").aliases(&["tax", "taxamount"]).amount(),
        column("refund_amount").aliases(&["refundamount", "amountrefunded", "refunded"]).amount(),
        column("refund_date").aliases(&["refunddate", "dateofrefund", "refundedat"]).date(),
        column("type").aliases(&["transactiontype", "type", "event"]),
        column("status").aliases(&["status", "paymentstatus", "orderstatus"]),
        product,
        column("product_id").aliases(&["productid", "itemid"]),
        plan,
        column("subscription_id").aliases(&["subscriptionid", "subscription"]),
        column("processor").aliases(&["processor", "paymentprocessor", "gateway"]),
        column("country").aliases(&["addresscountry", "country"]),
        column("coupon").aliases(&["couponcode", "coupon"]),
        column("affiliate").aliases(&["affiliateid", "affiliate"]),
        test(),
    ]
}

/// Columns of files with one row for each subscription. [G: no layout is published]
fn subscription_columns() -> Vec<Column> {
    vec![
        column("subscription_id").aliases(&["subscriptionid", "id", "subscription"]).required(),
        column("status").aliases(&["status", "subscriptionstatus"]).required(),
        email(),
        column("product").aliases(&["productname", "product", "item", "relevantitemname"]),
        column("start")
            .aliases(&["startdate", "started", "datestarted", "subscriptionstartdate", "createdat", "created", "date"])
            .date(),
        column("next")
            .aliases(&["nextbillingdate", "nextrebilldate", "nextrebillingdate", "nextpaymentdate", "nextcharge"])
            .date(),
        column("end").aliases(&["enddate", "canceldate", "canceleddate", "cancelledat", "completeddate"]).date(),
        column("amount")
            .aliases(&["rebillamount", "recurringprice", "recurringamount", "amount", "price", "subscriptionprice"])
            .amount(),
        column("initial").aliases(&["initialprice", "initialamount", "trialprice", "firstpayment"]).amount(),
        column("interval").aliases(&[
            "interval",
            "frequency",
            "billinginterval",
            "billingcycle",
            "rebillfrequency",
            "period",
        ]),
        column("paid").aliases(&["paymentsmade", "numberofpayments", "payments", "chargescount", "installmentspaid"]),
        // Rebills leave out the first payment, payments do not.
        column("rebills").aliases(&["rebills", "totalrebills"]),
        column("paid_total").aliases(&["totalpaid", "amountpaid", "lifetimevalue", "revenue"]).amount(),
        column("order_id").aliases(&["orderid", "originalorderid"]),
        currency(),
        test(),
    ]
}
