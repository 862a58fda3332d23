//! `application/x-www-form-urlencoded`, with names nested in PHP's way.

use std::borrow::Cow;

use super::{DEPTH_MAX, FIELDS_MAX, FormError, Value};

/// Reads a form or a query. `a[b]=1` nests, `a[]=1` counts up, a name that occurs twice keeps the later value. Bytes that
/// are not UTF-8 are replaced, a `%` without two digits stands for itself.
///
/// # Errors
/// If it has too many fields or nests too deep.
pub fn read(text: &str) -> Result<Value, FormError> {
    read_if(text, |_| true)
}

/// As [`read`], of the members with these names alone: what else there is costs next to nothing.
///
/// # Errors
/// As [`read`].
pub(super) fn read_only(text: &str, names: &[&str]) -> Result<Value, FormError> {
    read_if(text, |name| names.contains(&name.split('[').next().unwrap_or_default()))
}

fn read_if(text: &str, wanted: impl Fn(&str) -> bool) -> Result<Value, FormError> {
    let mut root = Value::Map(Vec::new());
    let mut count = 0;
    for field in text.split('&').map(|field| field.trim_matches(['\r', '\n'])).filter(|field| !field.is_empty()) {
        count += 1;
        if count > FIELDS_MAX {
            return Err(FormError::TooMany);
        }
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let name = decode(name);
        if wanted(&name) {
            insert(&mut root, &name, decode(value).into_owned())?;
        }
    }
    Ok(root)
}

/// Puts a value where its name says: `order[charges][0][amount]`.
pub(super) fn insert(root: &mut Value, name: &str, value: String) -> Result<(), FormError> {
    // A bracket that does not close, or at the very beginning, is part of the name.
    let nested = name.find('[').filter(|open| *open > 0 && name.ends_with(']'));
    let (first, rest) = name.split_at(nested.unwrap_or(name.len()));
    let keys = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let mut place = member(root, first);
    for (depth, key) in keys.into_iter().flat_map(|keys| keys.split("][")).enumerate() {
        if depth >= DEPTH_MAX {
            return Err(FormError::TooDeep);
        }
        place = member(place, key);
    }
    *place = Value::Text(value);
    Ok(())
}

/// The member with this key, made if need be. An empty key is the next number. What is not a map becomes one.
fn member<'a>(value: &'a mut Value, key: &str) -> &'a mut Value {
    if !matches!(value, Value::Map(_)) {
        *value = Value::Map(Vec::new());
    }
    let Value::Map(entries) = value else { unreachable!("made a map above") };
    let index = match key {
        "" => None,
        key => entries.iter().position(|(known, _)| known == key),
    };
    let index = index.unwrap_or_else(|| {
        let key = if key.is_empty() { entries.len().to_string() } else { key.to_owned() };
        entries.push((key, Value::Null));
        entries.len() - 1
    });
    &mut entries[index].1
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let (decoded, length) = match (byte, after) {
            (b'+', _) => (b' ', 1),
            (b'%', [high, low, ..]) => hex_pair(*high, *low).map_or((b'%', 1), |decoded| (decoded, 3)),
            (byte, _) => (*byte, 1),
        };
        bytes.push(decoded);
        rest = &rest[length..];
    }
    let decoded = String::from_utf8(bytes);
    Cow::Owned(decoded.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn names_nest() {
        let value = read("a=1&b[c][0]=x&b[c][1]=y&d[]=p&d[]=q&e=1&e=2").unwrap();
        assert_eq!(value.text("a"), Some("1"));
        assert_eq!(value.items("b.c"), [&text("x"), &text("y")]);
        assert_eq!(value.items("d"), [&text("p"), &text("q")]);
        assert_eq!(value.text("e"), Some("2"));
    }

    #[test]
    fn odd_names_and_values_are_taken_as_they_are() {
        let value = read("&&a&b[=1&[c]=2&=3&d%5Be%5D=a%2Bb+c%zz%e2%82%ac%ff&f[x=1&a%00=4").unwrap();
        assert_eq!(value.get("a"), Some(&text("")));
        assert_eq!(value.get("b["), Some(&text("1")));
        assert_eq!(value.get("[c]"), Some(&text("2")));
        assert_eq!(value.text("d.e"), Some("a+b c%zz€\u{fffd}"));
        assert_eq!(value.get("f[x"), Some(&text("1")));
        assert_eq!(value.get("a\0"), Some(&text("4")));
    }

    #[test]
    fn of_some_names_alone_it_reads_the_same() {
        let names = ["a", "b", "d", "e"];
        for text in [
            "a=1&b[c][0]=x&x=2&b[c][1]=y&d[]=p&ab=3&d[]=q&e=1&e=2",
            "%61=1&b%5Bc%5D=2&a=%zz&[a]=1&e[=5&xa[b]=1&\r\nd&=7",
            "a=1&a[b]=2&b[c]=1&b=2",
            "",
        ] {
            let (whole, part) = (read(text).unwrap(), read_only(text, &names).unwrap());
            for name in names {
                assert_eq!(part.get(name), whole.get(name), "{name} of {text}");
            }
            assert!(part.get("x").is_none() && part.get("ab").is_none());
        }
        assert_eq!(read_only(&"x=1&".repeat(FIELDS_MAX + 1), &names), Err(FormError::TooMany));
    }

    #[test]
    fn a_name_that_is_both_text_and_map_keeps_the_later() {
        assert_eq!(read("a=1&a[b]=2").unwrap().text("a.b"), Some("2"));
        assert_eq!(read("a[b]=2&a=1").unwrap().text("a"), Some("1"));
    }

    #[test]
    fn hostile_depth_and_size_end_in_an_error() {
        assert_eq!(read(&format!("a{}=1", "[b]".repeat(100_000))), Err(FormError::TooDeep));
        assert_eq!(read(&"a=1&".repeat(FIELDS_MAX + 1)), Err(FormError::TooMany));
    }
}
