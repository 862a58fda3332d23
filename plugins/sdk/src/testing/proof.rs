//! Deliveries as a platform sends them, and whether the daemon would believe them.

use super::hash::hmac;
use super::instant;
use crate::types::{Delivery, Header, Message, Proof};

/// How old or new a signed moment may be, milliseconds: that of the daemon.
const SIGNED_OFF_MAX_MS: i64 = 5 * 60 * 1_000;

impl Delivery {
    /// With another header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(Header { name: name.to_ascii_lowercase(), value: value.into() });
        self
    }

    /// With this query of the address, as it was sent.
    #[must_use]
    pub fn with_query(mut self, query: &str) -> Self {
        self.query = query.into();
        self
    }

    /// Arrived at this time: `YYYY-MM-DDTHH:MM:SS`, UTC.
    ///
    /// # Panics
    /// If it is anything else.
    #[must_use]
    pub fn received_at(mut self, utc: &str) -> Self {
        self.received = instant(utc);
        self
    }
}

/// Whether the daemon would take this delivery on, with these values of secrets: the word agrees, or a signature is right and
/// not too old. Test calls and refusals are not taken on.
#[must_use]
pub fn holds(proof: &Proof, delivery: &Delivery, secrets: &[(&str, &str)]) -> bool {
    let word = |name: &str| {
        let found = secrets.iter().find(|(known, word)| *known == name && !word.is_empty());
        found.map(|(_, word)| word.as_bytes())
    };
    match proof {
        Proof::AddressOnly => true,
        Proof::Ping(_) | Proof::Refuse(_) => false,
        Proof::Equals(equals) => word(&equals.secret).is_some_and(|word| word == equals.value),
        Proof::Hmac(signed) => {
            let message = match &signed.message {
                Message::Body => &delivery.body,
                Message::Bytes(bytes) => bytes,
            };
            let is_recent = |at: i64| (delivery.received.unix_ms - at).abs() <= SIGNED_OFF_MAX_MS;
            let is_right = |word| signed.signatures.contains(&hmac(signed.hash, word, message));
            signed.signed_unix_ms.is_none_or(is_recent) && word(&signed.secret).is_some_and(is_right)
        }
    }
}

/// Bytes in lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes in base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit > group.len() { '=' } else { char::from(DIGITS[index]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{delivery, hmac};
    use crate::types::Hash;
    use crate::{dates, encoding};

    /// As several platforms sign: `sha256=` of stamp, dot and body.
    fn prove(delivery: &Delivery) -> Proof {
        let stamp = delivery.header("x-stamp").unwrap_or_default();
        let signature = delivery.header("x-signature").and_then(|text| encoding::hex(text.strip_prefix("sha256=")?));
        let parts = [stamp.as_bytes(), b".", &delivery.body];
        match (stamp.parse::<i64>(), signature) {
            (Ok(seconds), Some(signature)) => {
                Proof::hmac_of(Hash::Sha256, "word", &parts, vec![signature]).signed_at(seconds * 1_000)
            }
            _ => Proof::Refuse("not signed".into()),
        }
    }

    fn signed(word: &str, at: &str) -> Delivery {
        let stamp = (dates::utc_ms(at).unwrap() / 1_000).to_string();
        let signature = hmac(Hash::Sha256, word.as_bytes(), format!("{stamp}.{{}}").as_bytes());
        delivery("application/json", "{}")
            .with_header("X-Stamp", &stamp)
            .with_header("X-Signature", &format!("sha256={}", hex(&signature)))
            .with_query("endpoint=2")
            .received_at("2026-03-01T10:00:00")
    }

    #[test]
    fn a_signature_over_parts_is_believed_with_the_right_word_and_for_five_minutes() {
        let holds = |delivery: Delivery, words| holds(&prove(&delivery), &delivery, words);
        let words = &[("word", "sesame"), ("other", "sesame")][..];
        assert!(holds(signed("sesame", "2026-03-01T09:55:00"), words));
        assert!(!holds(signed("sesame", "2026-03-01T09:54:59"), words), "too old");
        assert!(!holds(signed("thyme", "2026-03-01T10:00:00"), words), "another word");
        assert!(!holds(signed("", "2026-03-01T10:00:00"), &[("word", "")]), "a secret without value proves nothing");
        let mut changed = signed("sesame", "2026-03-01T10:00:00");
        changed.body.push(b' ');
        assert!(!holds(changed, words), "another body");
        assert_eq!(signed("sesame", "2026-03-01T10:00:00").query().unwrap().text("endpoint"), Some("2"));
    }

    #[test]
    fn words_must_be_equal_and_the_address_may_be_enough() {
        let any = delivery("application/json", "{}");
        assert!(holds(&Proof::equals("word", "sesame"), &any, &[("word", "sesame")]));
        assert!(!holds(&Proof::equals("word", "sesame"), &any, &[("word", "thyme")]));
        assert!(holds(&Proof::AddressOnly, &any, &[]) && !holds(&Proof::Refuse("no".into()), &any, &[]));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", b"\xff\x00\x10\x80"] {
            assert_eq!(encoding::hex(&hex(bytes)).as_deref(), Some(bytes));
            assert_eq!(encoding::base64(&base64(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(base64(b"hello"), "aGVsbG8=");
    }
}
