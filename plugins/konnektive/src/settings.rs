//! The settings of an integration.

use ltv_connector::prelude::*;

use crate::words::USUAL_ADDRESSES;

/// The settings that say how rows are read.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Whether orders paid outside the gateway count.
    pub(crate) count_prepaid: bool,
    default_currency: Option<String>,
    exclude_campaigns: Vec<String>,
    exclude_merchants: Vec<String>,
}

impl Settings {
    pub(crate) fn read(context: &Context) -> Self {
        let names = |setting| context.list(setting).iter().map(|name| normal(name)).collect();
        Self {
            count_prepaid: context.flag("count_prepaid"),
            default_currency: context.text("default_currency").map(str::to_uppercase),
            exclude_campaigns: names("exclude_campaigns"),
            exclude_merchants: names("exclude_merchants"),
        }
    }

    /// The currency that a row states, or else the operator's.
    ///
    /// # Errors
    /// If there is neither.
    pub(crate) fn currency(&self, stated: Option<&str>) -> Result<String, Fault> {
        let is_code = |code: &String| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        let stated = stated.map(str::to_uppercase).filter(is_code);
        stated.or_else(|| self.default_currency.clone()).ok_or_else(|| {
            Fault::at("currencyCode", "names no currency; set `default_currency` to the currency of such rows")
        })
    }

    /// True if one of these, an id or a name, is a campaign that the operator left out.
    pub(crate) fn excludes_campaign(&self, names: &[Option<&str>]) -> bool {
        listed(&self.exclude_campaigns, names)
    }

    /// True if one of these, a name, an id or a MID, is a merchant that the operator left out.
    pub(crate) fn excludes_merchant(&self, names: &[Option<&str>]) -> bool {
        listed(&self.exclude_merchants, names)
    }
}

fn listed(list: &[String], names: &[Option<&str>]) -> bool {
    !list.is_empty() && names.iter().flatten().any(|name| list.contains(&normal(name)))
}

fn normal(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Faults in the settings.
pub(crate) fn problems(settings: &[Setting]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let address = settings.text("api_url").unwrap_or_default();
    if !address.to_ascii_lowercase().starts_with("https://") {
        problems.push(Problem::new(
            "api_url",
            format!("the password goes with every request, so the address must begin with https; usual are {USUAL_ADDRESSES}"),
        ));
    }
    for list in ["exclude_campaigns", "exclude_merchants"] {
        if settings.list(list).iter().any(|name| name.trim().is_empty()) {
            problems.push(Problem::new(list, "an entry is empty; write an id or a name"));
        }
    }
    problems
}
