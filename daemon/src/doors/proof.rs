//! Whether a delivery is to be believed: the connector says what must hold, the cryptography is done here.
//!
//! Everything that is compared is compared in constant time, and whatever is missing or odd fails.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use memchr::memmem::Finder;
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use crate::connector::{self, Hash};
use crate::limits::doors::SIGNATURE_AGE;

/// The shortest word that proves anything, bytes.
pub(crate) const WORD_BYTES_MIN: usize = 6;

/// The secrets of an integration that have a value, by name.
pub(crate) type Secrets = BTreeMap<String, SecretString>;

/// Compares two texts in a time that tells nothing of where they differ.
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    // Hashing first makes unequal lengths equal work.
    let digest = |text: &[u8]| -> [u8; 32] { <Sha256 as sha2::Digest>::digest(text).into() };
    digest(left).ct_eq(&digest(right)).into()
}

/// Whether the word that was sent is the secret. A secret without value proves nothing.
pub(crate) fn equals(secrets: &Secrets, secret: &str, value: &[u8]) -> bool {
    secrets
        .get(secret)
        .map(|secret| secret.expose_secret().as_bytes())
        .is_some_and(|word| !word.is_empty() && same(word, value))
}

/// Whether one of the signatures is right, and fresh if it is dated.
pub(crate) fn signed(secrets: &Secrets, proof: &connector::Hmac, body: &[u8], now_ms: i64) -> bool {
    let Some(key) = secrets.get(&proof.secret).map(|secret| secret.expose_secret().as_bytes()) else {
        return false;
    };
    if key.is_empty() {
        return false;
    }
    let message = proof.message.as_deref().unwrap_or(body);
    let expected = match proof.hash {
        Hash::Sha1 => mac::<Hmac<Sha1>>(key, message),
        Hash::Sha256 => mac::<Hmac<Sha256>>(key, message),
        Hash::Sha512 => mac::<Hmac<Sha512>>(key, message),
    };
    let Some(expected) = expected else { return false };
    let right = proof
        .signatures
        .iter()
        .fold(Choice::from(0), |right, signature| right | expected.as_slice().ct_eq(signature.as_slice()));
    let fresh = proof.signed_ms.is_none_or(|signed| u128::from(signed.abs_diff(now_ms)) <= SIGNATURE_AGE.as_millis());
    bool::from(right) && fresh
}

/// The HMAC of a message.
pub(crate) fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac.finalize().into_bytes().to_vec())
}

/// Puts asterisks over every place where a word stands, also as it is written in forms and in JSON.
pub(crate) fn mask(body: &[u8], word: &[u8]) -> Vec<u8> {
    let mut masked = body.to_vec();
    if word.is_empty() {
        return masked;
    }
    let text = String::from_utf8_lossy(word);
    let json = serde_json::to_string(&text).unwrap_or_default();
    let spellings = [
        word.to_vec(),
        form_encoded(word, true, false),
        form_encoded(word, true, true),
        form_encoded(word, false, false),
        form_encoded(word, false, true),
        json.trim_matches('"').as_bytes().to_vec(),
        json.trim_matches('"').replace('/', "\\/").into_bytes(),
    ];
    for (index, spelling) in spellings.iter().enumerate() {
        // Words without special characters are spelt the same everywhere.
        if spelling.is_empty() || spellings.iter().take(index).any(|before| before == spelling) {
            continue;
        }
        let finder = Finder::new(spelling);
        let mut from = 0;
        while let Some(found) = masked.get(from..).and_then(|rest| finder.find(rest)) {
            let start = from + found;
            if let Some(place) = masked.get_mut(start..start + spelling.len()) {
                place.fill(b'*');
            }
            from = start + spelling.len();
        }
    }
    masked
}

/// [`mask`] for text.
pub(crate) fn mask_text(text: &str, word: &[u8]) -> String {
    String::from_utf8_lossy(&mask(text.as_bytes(), word)).into_owned()
}

fn form_encoded(word: &[u8], plus: bool, lower: bool) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(word.len() * 3);
    for &byte in word {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(byte),
            b' ' if plus => encoded.push(b'+'),
            _ if lower => encoded.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => encoded.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_masked_however_it_is_written() {
        let word = "p&s w/\"1".as_bytes();
        for body in ["a=p%26s+w%2F%221&b=2", "a=p%26s%20w%2f%221", r#"{"a":"p&s w\/\"1"}"#, r#"{"a":"p&s w/\"1"}"#] {
            let masked = String::from_utf8(mask(body.as_bytes(), word)).unwrap();
            assert_eq!(masked.len(), body.len());
            assert!(masked.contains("******") && !masked.contains("26s"), "{masked}");
            assert!(!masked.contains("p&s"), "{masked}");
        }
        assert_eq!(mask(b"abc", b""), b"abc");
        assert_eq!(mask(b"aaa", b"a"), b"***");
    }

    #[test]
    fn texts_of_any_length_are_compared() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abcd"));
        assert!(!same(b"", b"a"));
    }
}
