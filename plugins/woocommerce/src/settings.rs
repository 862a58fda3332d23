//! The settings of an integration, typed.

use ltv_connector::prelude::*;

/// Statuses that mean paid in WooCommerce itself \[C\].
const PAID: [&str; 2] = ["processing", "completed"];
/// Statuses that no setting can make paid: either it is taken back, or it has not happened.
const NEVER_PAID: [&str; 7] = ["cancelled", "failed", "pending", "trash", "draft", "auto-draft", "checkout-draft"];

/// The settings of an integration.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where the store is reached, without trailing slash.
    pub(crate) url: String,
    /// Where the store believes to be, if the operator says so.
    pub(crate) signed_url: Option<String>,
    /// Statuses that the operator calls paid, as the API writes them.
    paid_statuses: Vec<String>,
    /// Whether renewals are told apart by the mark of the Subscriptions plugin.
    pub(crate) rebills: bool,
    /// Whether orders that have a parent are left out.
    pub(crate) ignore_child_orders: bool,
}

/// What a status says about payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Paid, whatever the dates say.
    Paid,
    /// Not paid, or no longer.
    Unpaid,
    /// Paid if there is a date of payment: refunded orders, and statuses of plugins.
    IfDated,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// If the address is missing, which the daemon prevents.
    pub(crate) fn read(context: &Context) -> Result<Self, Failure> {
        let Some(url) = context.text("url") else {
            return Err(Failure::Settings("`url` is missing: the address of the shop".to_owned()));
        };
        Ok(Settings {
            url: url.trim_end_matches('/').to_owned(),
            signed_url: context.text("signed_url").map(|url| url.trim_end_matches('/').to_owned()),
            paid_statuses: context.list("paid_statuses").iter().map(|status| normal_status(status)).collect(),
            rebills: context.flag("rebills"),
            ignore_child_orders: context.flag("ignore_child_orders"),
        })
    }

    /// Whether requests travel encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }

    /// What a status says about payment. `on-hold` means waiting for the money \[C\], unless the operator says otherwise.
    pub(crate) fn standing(&self, status: &str) -> Standing {
        let status = normal_status(status);
        if PAID.contains(&status.as_str()) || self.paid_statuses.contains(&status) {
            Standing::Paid
        } else if NEVER_PAID.contains(&status.as_str()) || status == "on-hold" || status.is_empty() {
            Standing::Unpaid
        } else {
            Standing::IfDated
        }
    }
}

/// A status as the API writes it: the database puts `wc-` before it, and people copy it from there.
fn normal_status(status: &str) -> String {
    let lower = status.trim().to_ascii_lowercase();
    lower.strip_prefix("wc-").map(str::to_owned).unwrap_or(lower)
}

/// What is wrong with the settings taken together.
pub(crate) fn problems(settings: &[Setting]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(url) = settings.text("url") {
        problems.extend(url_problem("url", url));
    }
    if let Some(url) = settings.text("signed_url") {
        problems.extend(url_problem("signed_url", url));
    }
    for status in settings.list("paid_statuses") {
        let normal = normal_status(status);
        let message = if normal == "refunded" {
            "`refunded` is read already: as a sale and its refund, if the order was ever paid. Remove it.".to_owned()
        } else if normal.is_empty() || normal.contains(char::is_whitespace) {
            format!("`{status}` is not a status: write it as the API does, in lower case with hyphens (`in-transit`)")
        } else if NEVER_PAID.contains(&normal.as_str()) {
            format!("orders that are `{normal}` have not been paid, or are paid no longer. Remove it.")
        } else {
            continue;
        };
        problems.push(Problem::new("paid_statuses", message));
    }
    problems
}

/// Addresses that people copy from the browser, but that are not the shop's.
fn url_problem(setting: &str, url: &str) -> Option<Problem> {
    let message = if url.contains('@') {
        "leave user name and password out of the address: keys go into `consumer_key` and `consumer_secret`"
    } else if url.contains(['?', '#']) {
        "write the address without `?` and `#` and what follows them"
    } else if url.contains("/wp-json") {
        "write the address of the shop alone, without /wp-json and what follows it"
    } else if url.contains("/wp-admin") {
        "write the address of the shop alone, without /wp-admin and what follows it"
    } else {
        return None;
    };
    Some(Problem::new(setting, message))
}

#[cfg(test)]
mod tests {
    use ltv_connector::testing;

    use super::*;

    #[test]
    fn statuses_say_whether_money_came() {
        let context = testing::context()
            .set("url", "https://shop.example/")
            .set_list("paid_statuses", &["wc-Shipped", "on-hold"])
            .build();
        let settings = Settings::read(&context).unwrap();
        assert_eq!(settings.url, "https://shop.example");
        for (status, standing) in [
            ("processing", Standing::Paid),
            ("completed", Standing::Paid),
            ("shipped", Standing::Paid),
            ("on-hold", Standing::Paid),
            ("refunded", Standing::IfDated),
            ("in-transit", Standing::IfDated),
            ("pending", Standing::Unpaid),
            ("cancelled", Standing::Unpaid),
            ("failed", Standing::Unpaid),
            ("trash", Standing::Unpaid),
            ("checkout-draft", Standing::Unpaid),
        ] {
            assert_eq!(settings.standing(status), standing, "{status}");
        }
    }

    #[test]
    fn addresses_that_are_not_the_shop_and_statuses_that_are_not_paid() {
        let about = |name: &str, value: &str| {
            let builder = testing::context().set("url", "https://shop.example");
            let context = match name {
                "paid_statuses" => builder.set_list(name, &[value]),
                name => builder.set(name, value),
            };
            problems(&context.build().settings).into_iter().map(|problem| problem.message).collect::<Vec<_>>()
        };
        assert_eq!(about("url", "https://shop.example/de"), Vec::<String>::new());
        assert_eq!(about("paid_statuses", "wc-shipped"), Vec::<String>::new());
        for (name, value, said) in [
            ("url", "https://shop.example/wp-json/wc/v3", "/wp-json"),
            ("url", "https://shop.example/wp-admin", "/wp-admin"),
            ("url", "https://ck_1:cs_2@shop.example", "consumer_key"),
            ("signed_url", "http://shop.example/?p=1", "`?`"),
            ("paid_statuses", "refunded", "read already"),
            ("paid_statuses", "wc-cancelled", "not been paid"),
            ("paid_statuses", "In Transit", "in-transit"),
        ] {
            let found = about(name, value);
            assert!(found.len() == 1 && found[0].contains(said), "{name} = {value}: {found:?}");
        }
    }
}
