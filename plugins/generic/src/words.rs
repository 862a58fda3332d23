//! What the words of a file mean.

use ltv_connector::prelude::*;

use crate::describe::{BILLING_WORDS, KIND_WORDS};

/// What a word of the kind column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// This kind, and first purchase or rebill if the word says that too.
    Kind(Kind, Option<Billing>),
    /// No money moved.
    Ignored,
}

/// The word lists of an integration, ready to be compared.
pub(crate) struct Words {
    kinds: Vec<(String, Meaning)>,
    billings: Vec<(String, Billing)>,
}

/// As words are compared: lower case, letters and digits only.
pub(crate) fn squeeze(word: &str) -> String {
    if word.is_ascii() {
        return word.bytes().filter(u8::is_ascii_alphanumeric).map(|b| char::from(b.to_ascii_lowercase())).collect();
    }
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Words {
    pub(crate) fn new(context: &Context) -> Self {
        let list = |setting: &str| context.list(setting).iter().map(|word| squeeze(word)).collect::<Vec<_>>();
        let meanings = [
            ("sale_words", Meaning::Kind(Kind::Sale, None)),
            ("refund_words", Meaning::Kind(Kind::Refund, None)),
            ("void_words", Meaning::Kind(Kind::Void, None)),
            ("chargeback_words", Meaning::Kind(Kind::Chargeback, None)),
            ("chargeback_reversal_words", Meaning::Kind(Kind::ChargebackReversal, None)),
            ("ignored_words", Meaning::Ignored),
            ("initial_words", Meaning::Kind(Kind::Sale, Some(Billing::Initial))),
            ("rebill_words", Meaning::Kind(Kind::Sale, Some(Billing::Rebill))),
        ];
        let kinds =
            meanings.iter().flat_map(|(setting, meaning)| list(setting).into_iter().map(|word| (word, *meaning)));
        let kinds: Vec<_> = kinds.collect();
        let billings = kinds.iter().filter_map(|(word, meaning)| match meaning {
            Meaning::Kind(_, Some(billing)) => Some((word.clone(), *billing)),
            _ => None,
        });
        Words { billings: billings.collect(), kinds }
    }

    /// What this word of the kind column means.
    pub(crate) fn kind(&self, word: &str) -> Result<Meaning, Fault> {
        find(&self.kinds, word).ok_or_else(|| {
            let lists: Vec<_> = KIND_WORDS.iter().map(|list| format!("`{}`", list.setting)).collect();
            Fault::at("kind", format!("`{word}` is not known; add it to one of {}", lists.join(", ")))
        })
    }

    /// What this word of the billing column means.
    pub(crate) fn billing(&self, word: &str) -> Result<Billing, Fault> {
        // The file's own word for "the shop does not say".
        if squeeze(word) == "unknown" {
            return Ok(Billing::Unknown);
        }
        find(&self.billings, word).ok_or_else(|| {
            Fault::at("billing", format!("`{word}` is not known; add it to `initial_words` or `rebill_words`"))
        })
    }
}

fn find<T: Copy>(list: &[(String, T)], word: &str) -> Option<T> {
    let word = squeeze(word);
    list.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
}

/// Words that are in two lists, and words without letters and digits.
pub(crate) fn problems(settings: &[Setting]) -> Vec<Problem> {
    let mut seen: Vec<(String, &str)> = Vec::new();
    let mut problems = Vec::new();
    for list in KIND_WORDS.iter().chain(BILLING_WORDS) {
        for word in settings.list(list.setting) {
            let squeezed = squeeze(word);
            if squeezed.is_empty() {
                problems.push(Problem::new(list.setting, format!("`{word}` has neither letters nor digits")));
                continue;
            }
            match seen.iter().find(|(known, _)| *known == squeezed) {
                Some((_, other)) if *other != list.setting => {
                    let message = format!("`{word}` is also in `{other}`: keep it in one of the two");
                    problems.push(Problem::new(list.setting, message));
                }
                _ => seen.push((squeezed, list.setting)),
            }
        }
    }
    problems
}
