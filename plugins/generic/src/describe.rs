//! Columns and settings.

use ltv_connector::prelude::*;

/// What a column of the file may be for.
pub(crate) struct Purpose {
    /// Name of the column; its setting is this and `_column`.
    pub(crate) name: &'static str,
    /// What it holds, for people.
    label: &'static str,
    /// Usual headings. No heading stands for two columns.
    aliases: &'static [&'static str],
    content: ColumnContent,
}

const fn text(name: &'static str, label: &'static str, aliases: &'static [&'static str]) -> Purpose {
    Purpose { name, label, aliases, content: ColumnContent::Text }
}

const fn amount(name: &'static str, label: &'static str, aliases: &'static [&'static str]) -> Purpose {
    Purpose { name, label, aliases, content: ColumnContent::Amount }
}

/// Every column. A row without id is identified by the names and values of these, so a name never changes.
pub(crate) const PURPOSES: &[Purpose] = &[
    text(
        "id",
        "the id of this movement of money",
        &["Transaction ID", "Event ID", "Payment ID", "Charge ID", "Txn ID", "Entry ID", "Transaction", "Reference"],
    ),
    text(
        "order_id",
        "the id of the order it belongs to",
        &[
            "Order",
            "Order Number",
            "Order No",
            "Order Ref",
            "Order Reference",
            "Invoice ID",
            "Invoice",
            "Invoice Number",
        ],
    ),
    Purpose {
        content: ColumnContent::Date,
        ..text(
            "date",
            "when the money moved",
            &[
                "Transaction Date",
                "Paid At",
                "Date Paid",
                "Payment Date",
                "Occurred At",
                "Occurred Local",
                "Occurred",
                "Order Date",
                "Purchase Date",
                "Created At",
                "Created",
                "Date Created",
                "Datetime",
                "Date Time",
                "Timestamp",
                "Day",
            ],
        )
    },
    Purpose {
        content: ColumnContent::Time,
        ..text("time", "the time of day, where the date has none", &["Time of Day", "Transaction Time", "Order Time"])
    },
    text(
        "email",
        "the e-mail address of the buyer",
        &["E-Mail", "Email Address", "Customer Email", "Billing Email", "Buyer Email", "Customer Email Address"],
    ),
    text("customer_id", "the shop's id of the buyer", &["Customer", "Buyer ID", "User ID", "Client ID", "Customer No"]),
    amount(
        "amount",
        "how much money moved",
        &["Total", "Order Total", "Grand Total", "Total Amount", "Gross", "Gross Amount", "Amount Paid", "Price"],
    ),
    text("currency", "the currency, as its ISO 4217 code", &["Currency Code", "Order Currency"]),
    text(
        "kind",
        "what happened: sale, refund and so on",
        &["Type", "Transaction Type", "Event", "Event Type", "Status"],
    ),
    text("billing", "first purchase or rebill", &["Billing Type", "Order Type", "Sale Type", "Charge Type"]),
    amount(
        "tax",
        "all tax in the amount",
        &["Taxes", "Tax Amount", "Total Tax", "Tax Total", "VAT", "VAT Amount", "GST"],
    ),
    amount("shipping", "shipping without tax", &["Shipping Amount", "Shipping Total", "Shipping Cost", "Postage"]),
    amount("discount", "the discount", &["Discount Amount", "Discount Total", "Discounts"]),
    amount("fees", "charges added by the shop", &["Surcharge", "Fee Total", "Fees Total"]),
    text("product_id", "the shop's id of the product", &["SKU", "Product SKU", "Item ID"]),
    text("product", "the name of the product", &["Product Name", "Item", "Item Name", "Line Item"]),
    amount("quantity", "how many", &["Qty", "Units"]),
    text("coupon", "the coupon that was used", &["Coupon Code", "Discount Code", "Promo Code", "Voucher"]),
    text("country", "the country of the buyer, two letters", &["Country Code", "Billing Country", "Customer Country"]),
    text("source", "where the buyer came from", &["UTM Source", "Traffic Source"]),
    text("medium", "the medium that led the buyer here", &["UTM Medium"]),
    text("campaign", "the campaign that led the buyer here", &["UTM Campaign", "Campaign Name"]),
    text("affiliate", "the affiliate that led the buyer here", &["Affiliate ID", "Affiliate Name", "Partner"]),
];

/// A list of words, its setting and its default.
pub(crate) struct WordList {
    pub(crate) setting: &'static str,
    label: &'static str,
    pub(crate) default: &'static [&'static str],
}

/// Words of the kind column.
///
/// `refunded` and `partially refunded` are in no list: an export of orders gives them to a sale that was paid back later, an
/// export of payments to the refund itself. The operator has to say.
pub(crate) const KIND_WORDS: &[WordList] = &[
    WordList {
        setting: "sale_words",
        label: "Words for a sale",
        default: &[
            "sale",
            "order",
            "charge",
            "payment",
            "paid",
            "completed",
            "complete",
            "purchase",
            "succeeded",
            "success",
            "approved",
            "captured",
            "settled",
        ],
    },
    WordList {
        setting: "refund_words",
        label: "Words for a refund",
        default: &["refund", "partial refund", "full refund", "credit", "credit note", "return"],
    },
    WordList { setting: "void_words", label: "Words for a void", default: &["void", "voided"] },
    WordList {
        setting: "chargeback_words",
        label: "Words for a chargeback",
        default: &["chargeback", "charge back", "dispute", "dispute lost"],
    },
    WordList {
        setting: "chargeback_reversal_words",
        label: "Words for a chargeback that was decided for the shop",
        default: &["chargeback reversal", "chargeback reversed", "chargeback won", "dispute won"],
    },
    WordList {
        setting: "ignored_words",
        label: "Words for rows without money",
        default: &[
            "pending",
            "failed",
            "failure",
            "cancelled",
            "canceled",
            "on-hold",
            "declined",
            "unpaid",
            "draft",
            "expired",
            "incomplete",
            "error",
            "test",
        ],
    },
];

/// Words of the billing column. They also count in the kind column, where they mean a sale.
pub(crate) const BILLING_WORDS: &[WordList] = &[
    WordList {
        setting: "initial_words",
        label: "Words for a first purchase",
        default: &["initial", "first", "new", "one-time", "single", "upfront"],
    },
    WordList {
        setting: "rebill_words",
        label: "Words for a rebill",
        default: &["rebill", "recurring", "renewal", "subscription renewal", "subscription payment", "installment"],
    },
];

pub(crate) fn manifest() -> Manifest {
    let columns = PURPOSES.iter().map(|purpose| Column {
        content: purpose.content,
        required: matches!(purpose.name, "date" | "amount"),
        ..column(purpose.name).aliases(purpose.aliases).named_by(format!("{}_column", purpose.name))
    });
    let headings = PURPOSES.iter().map(|purpose| {
        setting(format!("{}_column", purpose.name), format!("Heading of the column with {}", purpose.label))
            .help(format!("Left out: the column is found by its usual headings, such as `{}`.", purpose.aliases[0]))
    });
    let lists = KIND_WORDS.iter().chain(BILLING_WORDS).map(|list| {
        setting(list.setting, list.label)
            .help("Upper and lower case, spaces and hyphens make no difference. The list replaces the usual words.")
            .text_list()
            .default_list(list.default)
    });
    Manifest::new("generic", "Any shop (CSV)", env!("CARGO_PKG_VERSION"))
        .settings(headings)
        .settings(constants())
        .settings(lists)
        .csv(csv_format("rows", "One row for each sale, refund or chargeback").columns(columns))
}

/// What counts where the file has no such column, or an empty cell.
fn constants() -> [SettingDescription; 8] {
    let tag = |name: &str, what: &str| {
        setting(name, format!("{what} of all rows")).help("Counts where a row does not state its own.")
    };
    [
        setting("currency", "Currency of all rows")
            .help("Counts where a row does not state its own. Needed if the file has no column for it.")
            .currency(),
        setting("kind", "Kind of all rows")
            .help("Counts where a row does not state its own. A sale with a negative amount is then a refund.")
            .choice(&[
                ("sale", "Sale"),
                ("refund", "Refund"),
                ("void", "Void"),
                ("chargeback", "Chargeback"),
                ("chargeback_reversal", "Chargeback reversal"),
            ])
            .default("sale"),
        setting("billing", "Billing of all rows")
            .help("Counts where a sale does not state its own. A shop without subscriptions says `initial`.")
            .choice(&[("initial", "First purchase"), ("rebill", "Rebill"), ("unknown", "Not known")])
            .default("unknown"),
        setting("amount_is", "What the amount column holds")
            .help("Whether tax and shipping are part of the amount, or come on top of it.")
            .choice(&[
                ("with_tax", "All the money that moved"),
                ("without_tax", "Goods after discount; tax, shipping and fees of their own columns are added"),
            ])
            .default("with_tax"),
        tag("country", "Country (two letters)"),
        tag("source", "Source"),
        tag("medium", "Medium"),
        tag("campaign", "Campaign"),
    ]
}
