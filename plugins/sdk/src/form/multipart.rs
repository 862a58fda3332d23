//! `multipart/form-data` (RFC 7578), as far as webhooks use it: fields, no files.

use super::urlencoded::insert;
use super::{FIELDS_MAX, FormError, Value};

/// Reads the fields. The boundary is that of the content type, else the first line of the body. Files are skipped.
pub(super) fn read(content_type: &str, body: &[u8]) -> Result<Value, FormError> {
    let text = String::from_utf8_lossy(body);
    let stated = parameter(content_type, "boundary").map(|boundary| format!("--{boundary}"));
    let first_line = || text.trim_start().lines().next().unwrap_or_default().to_owned();
    let boundary = stated.unwrap_or_else(first_line);
    if !boundary.starts_with("--") || boundary.len() < 3 || boundary.len() > 128 {
        return Err(FormError::Multipart("there is no boundary"));
    }
    let mut parts = text.split(boundary.as_str());
    // What stands before the first boundary is for people.
    parts.next();
    let mut root = Value::Map(Vec::new());
    for (index, part) in parts.enumerate() {
        if index >= FIELDS_MAX {
            return Err(FormError::TooMany);
        }
        if part.starts_with("--") {
            return Ok(root);
        }
        let part = part.strip_prefix("\r\n").or_else(|| part.strip_prefix('\n'));
        let part = part.ok_or(FormError::Multipart("a boundary does not end its line"))?;
        let split = part.split_once("\r\n\r\n").or_else(|| part.split_once("\n\n"));
        let (head, value) = split.ok_or(FormError::Multipart("a part has no body"))?;
        let value = value.strip_suffix("\r\n").or_else(|| value.strip_suffix('\n')).unwrap_or(value);
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        let disposition = disposition.ok_or(FormError::Multipart("a part has no name"))?;
        if parameter(disposition, "filename").is_none() {
            let name = parameter(disposition, "name").ok_or(FormError::Multipart("a part has no name"))?;
            insert(&mut root, &name, value.to_owned())?;
        }
    }
    Err(FormError::Multipart("the closing boundary is missing"))
}

/// A parameter of a header: `form-data; name="a"`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            // Browsers write a quote inside as %22, so the next one ends it.
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at(value.find(';').unwrap_or(value.len())),
        };
        if name.trim().trim_start_matches(';').trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; charset=utf-8; boundary=\"b-1\"";

    #[test]
    fn fields_without_files() {
        let body = "--b-1\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=\"a[b]\"\r\n\r\nx\r\ny\r\n\
                    --b-1\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n\r\n\0\r\n--b-1--\r\n";
        let value = read(TYPE, body.as_bytes()).unwrap();
        assert_eq!(value.text("a.b"), Some("x\r\ny"));
        assert_eq!(value.get("f"), None);
    }

    #[test]
    fn what_is_not_multipart() {
        for body in [
            "",
            "--b-1",
            "--b-1\r\n\r\n\r\n",
            "--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx",
            "--b-1\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b-1--",
            "--b-1 junk\r\n\r\nx\r\n--b-1--",
        ] {
            assert!(matches!(read(TYPE, body.as_bytes()), Err(FormError::Multipart(_))), "{body:?}");
        }
        assert!(read("multipart/form-data; boundary=", b"--").is_err());
    }

    #[test]
    fn a_hostile_number_of_parts_ends_in_an_error() {
        let part = "--b-1\nContent-Disposition: form-data; name=\"a\"\n\nx\n";
        assert_eq!(read(TYPE, part.repeat(FIELDS_MAX + 1).as_bytes()), Err(FormError::TooMany));
    }
}
