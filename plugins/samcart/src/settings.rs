//! The settings of an integration.

use ltv_connector::prelude::*;

use crate::names::normal;

/// The settings, read.
pub(crate) struct Settings {
    /// Currency of the account, where a delivery names none.
    pub(crate) currency: String,
    /// Whether rebills are computed from subscription exports.
    pub(crate) estimate_rebills: bool,
    excluded_products: Vec<String>,
    excluded_emails: Vec<String>,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// If the currency is missing.
    pub(crate) fn read(context: &Context) -> Result<Self, Failure> {
        let currency = context.text("currency").ok_or_else(|| {
            Failure::Settings("`currency` is missing: SamCart's webhooks and exports do not name the currency".into())
        })?;
        Ok(Self {
            currency: currency.trim().to_uppercase(),
            estimate_rebills: context.flag("estimate_rebills"),
            excluded_products: context.list("excluded_products").iter().map(|product| normal(product)).collect(),
            excluded_emails: context.list("excluded_emails").iter().map(|email| email.trim().to_lowercase()).collect(),
        })
    }

    /// The currency that a delivery states, or the account's.
    pub(crate) fn currency(&self, stated: Option<&str>) -> String {
        let stated = stated.map(|code| code.trim().to_uppercase());
        stated
            .filter(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
            .unwrap_or_else(|| self.currency.clone())
    }

    /// True if test purchases are made with this address; `@example.org` stands for every address there.
    pub(crate) fn excludes_email(&self, email: Option<&str>) -> bool {
        let Some(email) = email.map(|email| email.trim().to_lowercase()) else { return false };
        self.excluded_emails.iter().any(|out| *out == email || out.starts_with('@') && email.ends_with(out.as_str()))
    }

    /// True if one of these, an id, a name or a SKU, is a product for test purchases.
    pub(crate) fn excludes_product<'a>(&self, product: impl IntoIterator<Item = Option<&'a str>>) -> bool {
        product.into_iter().flatten().map(normal).any(|of| !of.is_empty() && self.excluded_products.contains(&of))
    }
}

/// Faults in the settings.
pub(crate) fn problems(settings: &[Setting]) -> Vec<Problem> {
    let addresses = settings.list("excluded_emails").iter().filter(|address| !address.contains('@'));
    let addresses = addresses.map(|address| {
        Problem::new(
            "excluded_emails",
            format!("`{address}` is no e-mail address; write name@example.org, or @example.org for all of them"),
        )
    });
    let empty = settings.list("excluded_products").iter().filter(|product| normal(product).is_empty());
    let empty =
        empty.map(|_| Problem::new("excluded_products", "an entry is empty; write the product's id, name or SKU"));
    addresses.chain(empty).collect()
}
