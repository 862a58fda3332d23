//! Bodies of webhooks and answers as one tree, whatever their notation: JSON, `application/x-www-form-urlencoded` with
//! PHP's brackets (`order[charges][0][amount]`), or `multipart/form-data`.
//!
//! The JSON reader is our own because numbers must stay the text that was sent. In `serde_json` that is the feature
//! `arbitrary_precision`, which cargo would then turn on for the daemon as well; and components stay small without it.

mod json;
mod multipart;
mod urlencoded;
mod value;

use std::fmt;

pub use json::read as json;
pub use urlencoded::read as urlencoded;
pub use value::Value;

/// How deep values may lie in one another.
pub const DEPTH_MAX: usize = 64;
/// Values in one JSON body, so that eight megabytes of `[[],[],…` stay within the memory of an instance.
pub const VALUES_MAX: usize = 500_000;
/// Fields in one form.
pub const FIELDS_MAX: usize = 10_000;

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormError {
    /// Not JSON: what is wrong, and after how many bytes.
    Json(&'static str, usize),
    /// Deeper than [`DEPTH_MAX`].
    TooDeep,
    /// More than [`VALUES_MAX`] values or [`FIELDS_MAX`] fields.
    TooMany,
    /// Not a multipart body: what is wrong.
    Multipart(&'static str),
    /// Not UTF-8 where it must be.
    Encoding,
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormError::Json(what, at) => write!(f, "the body is not JSON: {what} at byte {at}"),
            FormError::TooDeep => write!(f, "the body nests deeper than {DEPTH_MAX} levels"),
            FormError::TooMany => {
                write!(f, "the body has more than {VALUES_MAX} values, or more than {FIELDS_MAX} fields of a form")
            }
            FormError::Multipart(what) => write!(f, "the body is not multipart/form-data: {what}"),
            FormError::Encoding => write!(f, "the body is not UTF-8"),
        }
    }
}

impl std::error::Error for FormError {}

/// Reads a body: by its content type, and where that is missing, foreign or wrong, by its first byte.
///
/// # Errors
/// If it is not what it says it is, or exceeds a limit.
pub fn read(content_type: Option<&str>, body: &[u8]) -> Result<Value, FormError> {
    read_as(content_type, body, urlencoded)
}

/// As [`read`], where only these members are needed: of a form nothing else is taken apart. Others may be there or not.
///
/// # Errors
/// As [`read`]; of a form, what is wrong with other members is not found.
pub fn read_only(content_type: Option<&str>, body: &[u8], names: &[&str]) -> Result<Value, FormError> {
    read_as(content_type, body, |form| urlencoded::read_only(form, names))
}

fn read_as(
    content_type: Option<&str>,
    body: &[u8],
    urlencoded: impl Fn(&str) -> Result<Value, FormError>,
) -> Result<Value, FormError> {
    let content_type = content_type.unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    if kind == "multipart/form-data" || start.starts_with(b"--") {
        return multipart::read(content_type, body);
    }
    // No form begins with a brace, but platforms label JSON as a form.
    let is_json = kind == "application/json" || kind.ends_with("+json") || matches!(start.first(), Some(b'{' | b'['));
    if is_json { json(body) } else { urlencoded(&String::from_utf8_lossy(body)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tree_for_every_notation() {
        let json = br#"{"order":{"id":7,"charges":[{"amount":12.50},{"amount":"3"}]},"customer":{"email":"a@b.c"}}"#;
        let form = b"order[id]=7&order%5Bcharges%5D%5B0%5D%5Bamount%5D=12.50&order[charges][1][amount]=3&customer[email]=a%40b.c";
        let part = |name: &str, value: &str| {
            format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let multipart = [
            part("order[id]", "7"),
            part("order[charges][0][amount]", "12.50"),
            part("order[charges][1][amount]", "3"),
            part("customer[email]", "a@b.c"),
            "--X--\r\n".into(),
        ]
        .concat();
        for (content_type, body) in [
            (Some("application/json; charset=utf-8"), json.as_slice()),
            (Some("application/x-www-form-urlencoded"), json.as_slice()),
            (None, json.as_slice()),
            (Some("application/x-www-form-urlencoded"), form.as_slice()),
            (None, form.as_slice()),
            (Some("multipart/form-data; boundary=X"), multipart.as_bytes()),
            (None, multipart.as_bytes()),
        ] {
            let value = read(content_type, body).unwrap();
            assert_eq!(value.integer("order.id"), Some(7), "{content_type:?}");
            assert_eq!(value.text("customer.email"), Some("a@b.c"));
            let amounts: Vec<_> = value.items("order.charges").iter().map(|charge| charge.text("amount")).collect();
            assert_eq!(amounts, [Some("12.50"), Some("3")]);
        }
    }

    #[test]
    fn a_body_that_is_not_what_it_says() {
        assert!(matches!(read(Some("application/json"), b"a=1"), Err(FormError::Json(..))));
        assert!(matches!(read(None, b"{"), Err(FormError::Json(..))));
        assert!(matches!(read(Some("multipart/form-data; boundary=X"), b"hello"), Err(FormError::Multipart(_))));
        assert_eq!(read(None, b""), Ok(Value::Map(vec![])));
    }
}
