//! Finds one person's e-mail address in what was kept, however it is written there.

use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::BTreeSet;

use crate::redact::{write_packed_forms, write_readable_forms};

/// Knows all spellings of one address.
#[derive(Debug)]
pub(super) struct Person {
    finder: Option<AhoCorasick>,
    /// Forms below this number stand by themselves in a text: what runs on before or behind makes them another address.
    readable: usize,
}

impl Person {
    pub(super) fn new(spellings: &BTreeSet<String>) -> Self {
        let (mut readable, mut packed) = (Vec::new(), Vec::new());
        for spelling in spellings {
            write_readable_forms(spelling, &mut readable);
            // PHP and JavaScript may escape what is special in addresses, too.
            readable.push(spelling.replace('@', "\\u0040").into_bytes());
            readable.push(spelling.replace('@', "&#64;").into_bytes());
            readable.push(spelling.replace('@', "&#064;").into_bytes());
            write_packed_forms(spelling, &mut packed);
        }
        for forms in [&mut readable, &mut packed] {
            forms.sort();
            forms.dedup();
        }
        let count = readable.len();
        readable.append(&mut packed);
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(&readable)
            .ok();
        Self { finder, readable: count }
    }

    fn places<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
        let found = self.finder.iter().flat_map(move |finder| finder.find_iter(bytes));
        found
            .filter(move |found| found.pattern().as_usize() >= self.readable || stands_alone(bytes, &found.range()))
            .map(|found| found.range())
    }

    /// True if the address occurs.
    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        self.places(bytes).next().is_some()
    }

    /// The bytes with asterisks instead of the address; `None` if it does not occur. The length stays.
    pub(super) fn strike(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut struck: Option<Vec<u8>> = None;
        for place in self.places(bytes) {
            if let Some(part) = struck.get_or_insert_with(|| bytes.to_vec()).get_mut(place) {
                part.fill(b'*');
            }
        }
        struck
    }
}

/// A byte that may stand in the local part of an address, and in front of ours makes another of it.
fn is_of_local_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-')
}

/// False if the place is only a part of a longer address: `da@x.com` in `ada@x.com`, `ada@x.co` in `ada@x.co.uk`.
fn stands_alone(bytes: &[u8], place: &std::ops::Range<usize>) -> bool {
    let before = bytes.get(..place.start).unwrap_or_default();
    let behind = bytes.get(place.end..).unwrap_or_default();
    let goes_on = match behind {
        [byte, ..] if byte.is_ascii_alphanumeric() => true,
        // The end of a file's name, not of an address.
        [b'.', b'c' | b'C', b's' | b'S', b'v' | b'V', ..] => false,
        [b'.' | b'-', byte, ..] => byte.is_ascii_alphanumeric(),
        _ => false,
    };
    // An escape that ends right before, such as `\n` or `%20`, belongs to no address.
    let escape = matches!(before, [.., b'\\', b'n' | b'r' | b't'])
        || matches!(before, [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
        || matches!(before, [.., b'\\', b'u', b'0', b'0', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
    !goes_on && (escape || !before.last().is_some_and(|byte| is_of_local_part(*byte)))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    fn ada() -> Person {
        Person::new(&["ada.canary@example.com".to_owned()].into())
    }

    #[test]
    fn the_address_is_found_however_it_is_written() {
        let base64 = base64::engine::general_purpose::STANDARD.encode("user:ada.canary@example.com:x");
        for text in [
            "Ada.Canary@Example.COM",
            "<ada.canary@example.com>,",
            "mailto:ada.canary@example.com.",
            "email=ada.canary%40example.com&x=1",
            "email=ADA.CANARY%40EXAMPLE.COM",
            "q=%20ada.canary%40example.com",
            r#"{"a":"\nada.canary\u0040example.com"}"#,
            "ada.canary&#64;example.com",
            &base64,
        ] {
            let struck = ada().strike(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
            let struck = struck.unwrap_or_else(|| panic!("{text}"));
            assert!(struck.contains("*****") && !struck.to_lowercase().contains("canary"), "{text} -> {struck}");
            assert_eq!(struck.len(), text.len());
        }
    }

    #[test]
    fn other_addresses_that_contain_it_are_not_hers() {
        for text in [
            "nada.canary@example.com",
            "mary-ada.canary@example.com",
            "ada.canary@example.company",
            "ada.canary@example.com.au",
            "ada.canary@example-com",
            "canary@example.com",
        ] {
            assert!(!ada().is_in(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_hers_is_left_and_nothing_else_is_touched(
            before in "[a-z ,;\"]{0,12}[ ,;\"]", after in "[ ,;\"][a-z ,;\"]{0,12}", times in 0_usize..4
        ) {
            let part = format!("{before}Ada.canary@example.com{after}");
            let text = part.repeat(times);
            let struck = ada().strike(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
            let expected = text.replace("Ada.canary@example.com", &"*".repeat(22));
            prop_assert_eq!(struck, (times > 0).then_some(expected));
        }
    }
}
