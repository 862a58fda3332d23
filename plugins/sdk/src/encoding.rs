//! Signatures as bytes.

/// Bytes from hexadecimal digits of either case. `None` if it is anything else.
#[must_use]
pub fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| if let [high, low] = pair { Some(digit(*high)? << 4 | digit(*low)?) } else { None }).collect()
}

/// Bytes from base64, of the usual or the URL-safe alphabet, with or without padding. `None` if it is anything else.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        buffer = (buffer << 6 | u32::from(value)) & 0xfff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_of_either_case() {
        assert_eq!(hex("00fFa1"), Some(vec![0x00, 0xff, 0xa1]));
        assert_eq!(hex(""), Some(vec![]));
        for bad in ["0", "0g", "+1", " 1", "é"] {
            assert_eq!(hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn base64_of_both_alphabets() {
        assert_eq!(base64("aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(base64("aGVsbG8"), Some(b"hello".to_vec()));
        assert_eq!(base64("-_8"), base64("+/8="));
        assert_eq!(base64("AAAA"), Some(vec![0, 0, 0]));
        for bad in ["A", "A===", "AA A", "====", "é"] {
            assert_eq!(base64(bad), None, "{bad}");
        }
    }
}
