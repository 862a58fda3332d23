//! Small readings that both products share.

use ltv_connector::prelude::*;

/// The text at this path. ClickFunnels writes the word `null` for nothing in some fields.
pub(crate) fn said<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.text(path).filter(|text| !text.eq_ignore_ascii_case("null"))
}

/// As [`said`], where nothing works without it.
pub(crate) fn need<'a>(value: &'a Value, path: &str) -> Result<&'a str, Fault> {
    said(value, path).ok_or_else(|| Fault::at(path, "is missing"))
}

/// The amount at this path, exactly as it is written; `None` if there is none.
pub(crate) fn amount(value: &Value, path: &str) -> Result<Option<Decimal>, Fault> {
    said(value, path).map(money::plain).transpose().map_err(|error| Fault::at(path, error))
}

/// The currency at this path, as the contract wants it.
pub(crate) fn currency(value: &Value, path: &str) -> Result<String, Fault> {
    let code = need(value, path)?.to_ascii_uppercase();
    if money::is_currency(&code) { Ok(code) } else { Err(Fault::at(path, format!("`{code}` is not a currency code"))) }
}

/// The point in time at this path, in milliseconds. All times of ClickFunnels are UTC.
pub(crate) fn time(value: &Value, path: &str) -> Result<i64, Fault> {
    match dates::utc(need(value, path)?).map_err(|error| Fault::at(path, error))? {
        Moment::Utc(ms) => Ok(ms),
        _ => Err(Fault::at(path, "is a day without a time")),
    }
}

/// Words of a status as one form: ClickFunnels mixes dashes and underscores.
pub(crate) fn status(text: &str) -> String {
    text.to_ascii_lowercase().replace(['_', ' '], "-")
}
