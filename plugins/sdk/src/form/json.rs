//! JSON (RFC 8259), with numbers kept as text.

use super::{DEPTH_MAX, FormError, VALUES_MAX, Value};

/// Reads one JSON value. A byte order mark before it is skipped. A member that occurs twice is kept twice; look-ups find
/// the later one.
///
/// # Errors
/// If it is not JSON, or deeper or larger than the limits.
pub fn read(body: &[u8]) -> Result<Value, FormError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| FormError::Encoding)?;
    let mut reader = Reader { text, at: 0, values: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() { Err(reader.error("something follows the value")) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a str,
    /// Always on a character boundary: it only moves past ASCII bytes and whole runs of text.
    at: usize,
    values: usize,
}

impl Reader<'_> {
    fn error(&self, what: &'static str) -> FormError {
        FormError::Json(what, self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes this byte if it is next, after space.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, FormError> {
        self.values += 1;
        if depth > DEPTH_MAX {
            return Err(FormError::TooDeep);
        }
        if self.values > VALUES_MAX {
            return Err(FormError::TooMany);
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.error("a value is missing")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, FormError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error("a value is missing"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Value, FormError> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `]` is missing"));
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, FormError> {
        self.at += 1;
        let mut entries = Vec::new();
        if self.take(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.error("a member name is missing"));
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.error("`:` is missing"));
            }
            entries.push((key, self.value(depth + 1)?));
            if self.take(b'}') {
                return Ok(Value::Map(entries));
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `}` is missing"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, FormError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Value::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> Result<(), FormError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error("a digit is missing")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, FormError> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let run = self.at;
            while self.peek().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            string.push_str(&self.text[run..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = self.escaped()?;
                    string.push(escaped);
                }
                Some(_) => return Err(self.error("a control character stands in a string")),
                None => return Err(self.error("a string does not end")),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, FormError> {
        let letter = self.peek();
        self.at += 1;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => {
                self.at -= 1;
                return Err(self.error("an escape is not known"));
            }
        })
    }

    /// The four digits after `\u`, with those of the second half of a pair. A half alone becomes the replacement character.
    fn code_point(&mut self) -> Result<char, FormError> {
        let high = self.unit()?;
        if !(0xd800..0xdc00).contains(&high) || !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        self.at += 2;
        let low = self.unit()?;
        if !(0xdc00..0xe000).contains(&low) {
            self.at = before;
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unit(&mut self) -> Result<u32, FormError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.error("four hexadecimal digits are missing"))?;
        self.at += 4;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind() {
        let text = "\u{feff} { \"a\" : [ 1 , -0.50 , 1e+2, true, false, null, \"\", {} , [] ] , \"b\\u00e9\\n\" : \"\\ud83d\\ude00/\\/\" } ";
        let Value::Map(entries) = read(text.as_bytes()).unwrap() else { panic!("not a map") };
        assert_eq!(entries.len(), 2);
        let number = |text: &str| Value::Number(text.into());
        assert_eq!(
            entries[0].1,
            Value::List(vec![
                number("1"),
                number("-0.50"),
                number("1e+2"),
                Value::Bool(true),
                Value::Bool(false),
                Value::Null,
                Value::Text(String::new()),
                Value::Map(vec![]),
                Value::List(vec![]),
            ])
        );
        assert_eq!(entries[1], ("bé\n".into(), Value::Text("😀//".into())));
    }

    #[test]
    fn halves_of_pairs_are_replaced() {
        assert_eq!(read(br#""\ud83dx""#), Ok(Value::Text("\u{fffd}x".into())));
        assert_eq!(read(br#""\ude00""#), Ok(Value::Text("\u{fffd}".into())));
        assert_eq!(read(br#""\ud83d\u0041""#), Ok(Value::Text("\u{fffd}A".into())));
    }

    #[test]
    fn what_is_not_json() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "tru",
            "nul",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "\"\n\"",
            "1 2",
            "[1}",
            "NaN",
            "'a'",
            "\"\\u00é\"",
            "\"\\",
        ] {
            assert!(matches!(read(text.as_bytes()), Err(FormError::Json(..))), "{text}");
        }
        assert_eq!(read(b"\"\xff\""), Err(FormError::Encoding));
    }

    #[test]
    fn hostile_depth_and_size_end_in_an_error() {
        assert_eq!(read("[".repeat(1_000_000).as_bytes()), Err(FormError::TooDeep));
        assert_eq!(read("{\"a\":".repeat(1_000_000).as_bytes()), Err(FormError::TooDeep));
        let wide = format!("[{}0]", "0,".repeat(VALUES_MAX));
        assert_eq!(read(wide.as_bytes()), Err(FormError::TooMany));
        let deepest = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        assert!(read(deepest.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = r#"{"a":[1,-2.50,true,null,"q\"\\\n\u0001é"],"b":{}}"#;
        let value = read(text.as_bytes()).unwrap();
        assert_eq!(value.to_json(), text);
    }
}
