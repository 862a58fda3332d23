//! A webhook's body on its way to the disk: the word that proved it is struck out, and nothing else changes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ltvd_fuzz::doors::{mask, same};

fuzz_target!(|input: &[u8]| {
    let Some((length, rest)) = input.split_first() else { return };
    let (word, body) = rest.split_at(usize::from(*length).min(rest.len()));
    assert_eq!(same(word, body), word == body);
    let masked = mask(body, word);
    assert_eq!(masked.len(), body.len());
    for (was, is) in body.iter().zip(&masked) {
        assert!(was == is || *is == b'*');
    }
    if !word.is_empty() && !word.contains(&b'*') {
        assert!(!masked.windows(word.len()).any(|window| window == word), "the word is still there");
    }
});
