//! Secrets are struck out of whatever leaves the daemon: logs, panics, errors, the archive.
//!
//! No secret should get that far: connectors know none, requests are kept without them, and errors of the network are told
//! without addresses. This is for what the daemon does not write itself, such as a platform that repeats a password in its
//! answer, and for mistakes.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};

use crate::limits::platform::REDACTED_BYTES_MIN;

/// Finds secrets, as they are and in the encodings that they travel in: percent-encoded, as a form, in JSON, HTML, base64 and
/// hexadecimal.
#[derive(Clone)]
pub struct Redactor {
    finder: Option<AhoCorasick>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// For these secrets. Those under six bytes are left alone: striking them out would destroy amounts and names as well.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s SecretString>) -> Self {
        let mut forms = Vec::new();
        for secret in secrets {
            let secret = secret.expose_secret();
            if secret.len() >= REDACTED_BYTES_MIN {
                write_forms(secret, &mut forms);
            }
        }
        forms.sort();
        forms.dedup();
        let finder = match forms.is_empty() {
            true => None,
            false => AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms).ok(),
        };
        Self { finder }
    }

    /// The bytes with an asterisk for each byte of a secret. The length stays.
    pub fn bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let Some(finder) = &self.finder else { return Cow::Borrowed(bytes) };
        let mut found = finder.find_iter(bytes).peekable();
        if found.peek().is_none() {
            return Cow::Borrowed(bytes);
        }
        let mut struck = bytes.to_vec();
        for place in found {
            if let Some(part) = struck.get_mut(place.range()) {
                part.fill(b'*');
            }
        }
        Cow::Owned(struck)
    }

    /// As [`Redactor::bytes`].
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Forms begin and end between characters, so this is UTF-8 as before.
            Cow::Owned(struck) => Cow::Owned(String::from_utf8_lossy(&struck).into_owned()),
        }
    }

    /// As [`Redactor::text`], for a text that is not needed any more.
    pub fn owned(&self, text: String) -> String {
        match self.text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(struck) => struck,
        }
    }
}

/// Every way in which a secret may be written.
fn write_forms(secret: &str, forms: &mut Vec<Vec<u8>>) {
    write_readable_forms(secret, forms);
    write_packed_forms(secret, forms);
}

/// Ways to write a text in which it stands by itself, with its own first and last character.
pub(crate) fn write_readable_forms(secret: &str, forms: &mut Vec<Vec<u8>>) {
    forms.push(secret.as_bytes().to_vec());
    let percent = percent(secret);
    forms.push(percent.to_lowercase_escapes().into_bytes());
    forms.push(percent.replace("%20", "+").into_bytes());
    forms.push(percent.into_bytes());
    let escaped = serde_json::to_string(secret).unwrap_or_default();
    let escaped = escaped.trim_matches('"');
    forms.push(escaped.replace('/', "\\/").into_bytes());
    forms.push(ascii_json(escaped).replace('/', "\\/").into_bytes());
    forms.push(ascii_json(escaped).into_bytes());
    forms.push(escaped.as_bytes().to_vec());
    // As PHP and Go write what could be taken for HTML.
    let tags = [("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e"), ("'", "\\u0027")];
    let careful = tags.iter().fold(escaped.to_owned(), |text, (plain, unit)| text.replace(plain, unit));
    forms.push(careful.replace("\\u003c", "\\u003C").replace("\\u003e", "\\u003E").into_bytes());
    forms.push(careful.into_bytes());
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    forms.push(html.replace('\'', "&#039;").into_bytes());
    forms.push(html.replace('\'', "&#39;").into_bytes());
    forms.push(html.into_bytes());
}

/// Ways to write a text in which it runs into what stands beside it.
pub(crate) fn write_packed_forms(secret: &str, forms: &mut Vec<Vec<u8>>) {
    let hex = hex::encode(secret);
    // Some escape every letter as well.
    let escaped = secret.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    forms.push(escaped.to_ascii_lowercase().into_bytes());
    forms.push(escaped.into_bytes());
    forms.push(hex.to_ascii_uppercase().into_bytes());
    forms.push(hex.into_bytes());
    // In base64 a secret looks different at each of three places behind something else; its edges mix with what stands
    // beside it, so only the inside is looked for.
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(secret.as_bytes());
        let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            forms.extend(encoded.get(from..to).map(|inside| inside.as_bytes().to_vec()));
        }
    }
}

trait LowercaseEscapes {
    fn to_lowercase_escapes(&self) -> String;
}

impl LowercaseEscapes for String {
    /// `%2F` as `%2f`.
    fn to_lowercase_escapes(&self) -> String {
        let mut lower = String::with_capacity(self.len());
        let mut digits = 0;
        for c in self.chars() {
            lower.push(if digits > 0 { c.to_ascii_lowercase() } else { c });
            digits = if c == '%' { 2 } else { usize::saturating_sub(digits, 1) };
        }
        lower
    }
}

/// Percent-encoding by RFC 3986: everything but letters, digits and `-._~`.
pub(crate) fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// JSON in which everything beyond ASCII is escaped, as PHP writes it.
fn ascii_json(escaped: &str) -> String {
    let mut units = [0; 2];
    escaped.chars().fold(String::new(), |mut text, c| {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
        text
    })
}

/// What logs and panics are freed of.
static EVERYWHERE: RwLock<Known> = RwLock::new(Known { secrets: Vec::new(), redactor: None });

struct Known {
    secrets: Vec<SecretString>,
    redactor: Option<Arc<Redactor>>,
}

/// From now on, log lines and panics are freed of these secrets. Those of before stay: what they opened may still be open, and
/// what is under way still uses them.
pub fn everywhere<'s>(secrets: impl IntoIterator<Item = &'s SecretString>) {
    let mut known = EVERYWHERE.write().unwrap_or_else(PoisonError::into_inner);
    for secret in secrets {
        if !known.secrets.iter().any(|known| known.expose_secret() == secret.expose_secret()) {
            known.secrets.push(secret.clone());
        }
    }
    known.redactor = Some(Arc::new(Redactor::new(&known.secrets)));
}

/// Frees a text of all secrets that the process knows.
pub fn clean(text: String) -> String {
    match known() {
        Some(redactor) => redactor.owned(text),
        None => text,
    }
}

fn known() -> Option<Arc<Redactor>> {
    EVERYWHERE.read().unwrap_or_else(PoisonError::into_inner).redactor.clone()
}

/// Standard error without secrets.
#[derive(Debug, Default)]
pub struct CleanStderr;

impl io::Write for CleanStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let redactor = known();
        let clean = redactor.as_ref().map_or(Cow::Borrowed(bytes), |redactor| redactor.bytes(bytes));
        io::stderr().write_all(&clean)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Tells panics without secrets.
pub fn clean_panics() {
    std::panic::set_hook(Box::new(|panic| {
        use io::Write as _;
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed").to_owned();
        let trace = std::backtrace::Backtrace::capture();
        let told = match trace.status() {
            std::backtrace::BacktraceStatus::Captured => format!("thread '{name}' {panic}\n{trace}\n"),
            _ => format!("thread '{name}' {panic}\n"),
        };
        // Nothing is left to be told to if this fails.
        let _ = CleanStderr.write_all(told.as_bytes());
    }));
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "p&ss+w%rd#=/ü\"'1";

    fn redactor(secret: &str) -> Redactor {
        Redactor::new([&SecretString::from(secret.to_owned())])
    }

    #[test]
    fn all_the_ways_to_write_a_secret_are_struck_out() {
        let redactor = redactor(SECRET);
        let json = serde_json::json!({ "password": SECRET }).to_string();
        let html = SECRET.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#039;");
        let written = [
            SECRET.to_owned(),
            format!("?password={}&x=1", percent(SECRET)),
            format!("?password={}", SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>()),
            format!("password={}", percent(SECRET).to_lowercase_escapes()),
            format!("<p>{html}</p>"),
            json.clone(),
            ascii_json(&json).replace('/', "\\/"),
            format!("Basic {}", STANDARD.encode(format!("user:{SECRET}"))),
            format!("Basic {}", STANDARD.encode(format!("user1:{SECRET}:more"))),
            format!("Basic {}", STANDARD.encode(format!("user12:{SECRET}"))),
        ];
        for text in written {
            let clean = redactor.text(&text);
            assert!(clean.contains("*****"), "{text} -> {clean}");
            assert!(
                !clean.contains("ss+w") && !clean.contains("w%25rd") && !clean.contains("w%rd"),
                "{text} -> {clean}"
            );
            assert_eq!(clean.len(), text.len());
        }
    }

    #[test]
    fn secrets_that_are_replaced_are_still_struck_out() {
        let secrets = ["redact-test-old-word", "redact-test-new-word"].map(|word| SecretString::from(word.to_owned()));
        for secret in &secrets {
            everywhere([secret]);
        }
        let clean = clean(format!("{} {}", secrets[0].expose_secret(), secrets[1].expose_secret()));
        assert!(!clean.contains("word"), "{clean}");
    }

    #[test]
    fn words_too_short_to_be_told_from_data_stay() {
        assert_eq!(redactor("12.50").text("total 12.50"), "total 12.50");
    }

    proptest! {
        #[test]
        fn base64_never_shows_the_inside(before in "[a-z:]{0,7}", secret in "[a-zA-Z0-9&%+]{12,40}", after in "[a-z]{0,7}") {
            let text = STANDARD.encode(format!("{before}{secret}{after}"));
            let clean = redactor(&secret).text(&text).into_owned();
            // At most the edges stay, which hold no whole byte of the secret but one on each side.
            prop_assert!(clean.matches('*').count() >= secret.len() * 8 / 6 - 2, "{text} -> {clean}");
        }
    }
}
