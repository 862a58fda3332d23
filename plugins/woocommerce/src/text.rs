//! Texts from a store, made fit to be kept or shown.

/// Longest text of an entry, bytes.
const TEXT_BYTES: usize = 1_024;
/// How much of a foreign page is shown, characters.
const EXCERPT_CHARS: usize = 100;

/// Cut to what an entry may hold, at a character.
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// A name to show: entities are decoded \[C live\], and it is cut.
pub(crate) fn shown(text: &str) -> String {
    cut(&decode_entities(text)).to_owned()
}

/// The words of a page, without markup, scripts and anything that looks like a key, cut.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let page = String::from_utf8_lossy(body.get(..body.len().min(64 << 10)).unwrap_or_default());
    let mut words = String::new();
    let mut rest = page.as_ref();
    while let Some((before, markup)) = rest.split_once('<') {
        words.push_str(before);
        words.push(' ');
        let lower = markup.get(..6).unwrap_or_default().to_ascii_lowercase();
        let end = if lower.starts_with("script") {
            "</script"
        } else if lower.starts_with("style") {
            "</style"
        } else {
            ""
        };
        let inside = if end.is_empty() { Some(markup) } else { markup.find(end).and_then(|at| markup.get(at..)) };
        rest = inside.and_then(|inside| inside.split_once('>')).map_or("", |(_, after)| after);
    }
    words.push_str(rest);
    let words = decode_entities(&words);
    let shown: Vec<&str> = words.split_whitespace().map(|word| if is_key(word) { "…" } else { word }).collect();
    shown.join(" ").chars().filter(|c| !c.is_control()).take(EXCERPT_CHARS).collect()
}

/// A message of the store: one line, cut, and without anything that looks like a key.
pub(crate) fn message(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().map(|word| if is_key(word) { "…" } else { word }).collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(2 * EXCERPT_CHARS).collect()
}

fn is_key(word: &str) -> bool {
    word.contains("ck_") || word.contains("cs_") || word.contains("oauth_")
}

/// Decodes the entities that WordPress writes: `&amp;`, `&lt;`, `&gt;`, `&quot;`, `&nbsp;` and numbers.
pub(crate) fn decode_entities(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let entity = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        match entity.and_then(|(name, after)| Some((character(name)?, after))) {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_decoded_once_and_what_is_none_stays() {
        assert_eq!(decode_entities("Tea &amp; Co&#8482; &#x41; &amp;lt;"), "Tea & Co™ A &lt;");
        assert_eq!(decode_entities("R&D; a & b &bogus; &#0; &"), "R&D; a & b &bogus; &#0; &");
    }

    #[test]
    fn pages_are_told_in_their_own_words_without_keys() {
        let page =
            b"<!DOCTYPE html><title>Blocked</title><style>b{}</style><script>var a='<b>';</script><p>Your request \
            to /orders?consumer_key=ck_123 was &quot;blocked&quot;";
        assert_eq!(excerpt(page), "Blocked Your request to … was \"blocked\"");
        assert!(excerpt("ä".repeat(500).as_bytes()).chars().count() == EXCERPT_CHARS);
        assert_eq!(excerpt(b"<script>never closed"), "");
    }

    #[test]
    fn texts_are_cut_at_characters() {
        assert_eq!(cut(&"é".repeat(600)).len(), 1_024);
        assert_eq!(cut(&format!("a{}", "é".repeat(600))).len(), 1_023);
    }
}
