//! What the connector says about itself.

use ltv_connector::prelude::*;

/// Secret: the consumer key.
pub(crate) const CONSUMER_KEY: &str = "consumer_key";
/// Secret: the consumer secret.
pub(crate) const CONSUMER_SECRET: &str = "consumer_secret";
/// Secret: the key of the webhooks' signatures.
pub(crate) const WEBHOOK_SECRET: &str = "webhook_secret";

/// Topics that tell of orders. Refunds come as `order.updated` \[C live\].
pub(crate) const TOPICS: [&str; 4] = ["order.created", "order.updated", "order.deleted", "order.restored"];

const URL_HELP: &str = "The address at which visitors reach the shop, as the browser shows it after all redirects: with https, \
    with www if the shop has it, and with the folder if it lives in one. WordPress: Settings > General > Site Address (URL).";

const KEY_HELP: &str = "In WooCommerce: Settings > Advanced > REST API > Add key. Choose a user who is an administrator or shop \
    manager, and Permissions Read/Write: reading fetches the orders, writing creates the webhooks. The key begins with ck_.";

const SECRET_HELP: &str = "Shown once, beside the consumer key, when the key is made. It begins with cs_. If it is lost, make \
    a new key and revoke the old one.";

const WEBHOOK_SECRET_HELP: &str = "What the store signs its webhooks with. Leave it out: ltvd makes one and puts it into the \
    webhooks that it creates. Give one only for webhooks made by hand, 32 or more letters and digits.";

const SIGNED_URL_HELP: &str = "Only for stores without https, or behind a proxy that hides it, and only if `ltvd check` asks for \
    it: the address that the store believes to have, WordPress: Settings > General > Site Address (URL). Signatures cover it.";

const PAID_HELP: &str = "Statuses besides processing and completed whose orders are paid, for plugins that add some: \
    [\"shipped\"]. An order with an unknown status counts anyhow once it has a payment date.";

const REBILLS_HELP: &str = "WooCommerce itself cannot tell a renewal from any other order, so all orders are initial. With \
    `true`, orders that the WooCommerce Subscriptions plugin marks as renewals are rebills.";

const CHILDREN_HELP: &str = "Marketplace plugins split an order into one for each vendor, and keep the whole beside them. With \
    `true`, orders that have a parent order are left out, so that nothing counts twice.";

const WEBHOOK_SETUP: &str = "`ltvd webhook subscribe NAME` creates the webhooks, and ltvd looks after them daily. By hand, where \
    the key may not write: WooCommerce > Settings > Advanced > Webhooks > Add webhook, once for each of the topics Order \
    created, Order updated, Order deleted and Order restored: status Active, delivery URL as `ltvd webhook url NAME` \
    prints it, the same secret in all four and in `webhook_secret`. The store delivers to ports 80, 443 and 8080 only, and \
    not to private addresses.";

pub(crate) fn manifest() -> Manifest {
    Manifest::new("woocommerce", "WooCommerce", env!("CARGO_PKG_VERSION"))
        .setting(setting("url", "Address of the shop").help(URL_HELP).url().required())
        .setting(setting(CONSUMER_KEY, "Consumer key").help(KEY_HELP).secret().required())
        .setting(setting(CONSUMER_SECRET, "Consumer secret").help(SECRET_HELP).secret().required())
        .setting(setting(WEBHOOK_SECRET, "Secret of the webhooks").help(WEBHOOK_SECRET_HELP).generated_secret())
        .setting(setting("signed_url", "Address that the store believes to have").help(SIGNED_URL_HELP).url())
        .setting(
            setting("paid_statuses", "Further statuses of paid orders").help(PAID_HELP).text_list().default_list(&[]),
        )
        .setting(setting("rebills", "Tell renewals apart").help(REBILLS_HELP).boolean().default("false"))
        .setting(
            setting("ignore_child_orders", "Leave out orders that have a parent")
                .help(CHILDREN_HELP)
                .boolean()
                .default("false"),
        )
        .host(Host::Setting("url".to_owned()))
        .polling(Polling {
            // An order's row is saved some seconds before the transaction that holds it is visible to others; and a
            // modification that falls between two pages of one pass is met again by the next.
            overlap_s: 900,
            // Refunds made by gateways, and deleted refunds, leave the modification date alone: only re-reading finds them.
            recheck_days: 90,
            interval_min_s: 300,
            concurrent_requests_max: 3,
            refreshes: true,
            subscribes: true,
            ..Polling::new(&[Axis::Modified, Axis::Created])
        })
        .webhook(WebhookDescription::new(&TOPICS).manual_setup(WEBHOOK_SETUP))
}
