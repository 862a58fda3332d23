//! What makes two e-mail addresses one customer.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Who bought: an e-mail address, or an id of one integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Normalised address.
    Email(Box<str>),
    /// The platform's id, for entries without address.
    Id {
        /// Number of the integration.
        integration: u16,
        /// As the platform gave it.
        id: Box<str>,
    },
}

/// Trimmed, in Unicode NFKC and lower case; dots and plus-tags stay, as they may be other people. `None` for what cannot
/// be an address: such entries count as revenue without a customer, rather than making one customer of every `n/a`.
pub fn normalise_email(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if !text.contains('@') && !text.contains('＠') {
        return None;
    }
    if text.is_ascii() {
        return Some(if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        });
    }
    let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
    // Lower case of a composed letter may be decomposed again (İ), so compose once more.
    Some(Cow::Owned(folded.nfkc().collect::<String>().trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded_without_guessing() {
        assert_eq!(normalise_email(" Bob@Example.COM ").as_deref(), Some("bob@example.com"));
        assert_eq!(normalise_email("bob+shop@example.com").as_deref(), Some("bob+shop@example.com"));
        assert_eq!(normalise_email("ＢＯＢ＠example.com").as_deref(), Some("bob@example.com"));
        assert_eq!(normalise_email("n/a"), None);
        assert_eq!(normalise_email(""), None);
        let once = normalise_email("İ@x.tr").map(Cow::into_owned);
        assert_eq!(once.as_deref().and_then(normalise_email).as_deref(), once.as_deref());
    }
}
