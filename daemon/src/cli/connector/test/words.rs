//! Secrets inside cases: `${secret:NAME}` stands for a secret's value, `${hmac:sha256:hex:NAME}` for the signature of the body
//! with it. A fourth colon begins what is signed before the body: `${hmac:sha256:hex:NAME:${header:x-stamp}.}`, where
//! `${header:NAME}` is another header of the delivery, and `${now:unix}` or `${now:unix_ms}` the time at which it arrives.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use secrecy::SecretString;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::doors::proof::mac;
use crate::platform::is_user_name;
use crate::redact::Redactor;

/// The secrets of a case.
pub(super) struct Words<'a> {
    secrets: &'a BTreeMap<String, String>,
    redactor: Redactor,
}

impl<'a> Words<'a> {
    pub(super) fn new(secrets: &'a BTreeMap<String, String>) -> Self {
        // As the daemon does with what platforms answer.
        let words: Vec<SecretString> = secrets
            .iter()
            .filter(|(name, _)| !is_user_name(name))
            .map(|(_, word)| SecretString::from(word.clone()))
            .collect();
        Self { secrets, redactor: Redactor::new(&words) }
    }

    /// The text as a connector would see it in an answer.
    pub(super) fn struck_out(&self, text: &str) -> String {
        self.redactor.text(text).into_owned()
    }

    /// Replaces what stands for secrets and signatures. `body` is what is signed.
    pub(super) fn put_in(&self, text: &str, body: &[u8]) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let (asked, after) = after.split_once('}').ok_or("`${` without `}`")?;
            out.push_str(&self.value(asked, body)?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The headers of a delivery that arrives at this time, milliseconds since 1970-01-01T00:00:00Z. Those that a signature
    /// speaks of come before it.
    pub(super) fn headers(
        &self,
        told: &BTreeMap<String, String>,
        body: &[u8],
        at_ms: i64,
    ) -> Result<Vec<(String, String)>, String> {
        let mut done: BTreeMap<String, String> = BTreeMap::new();
        let is_signature = |text: &str| text.contains("${hmac:") || text.contains("${header:");
        let (signatures, plain): (Vec<_>, Vec<_>) = told.iter().partition(|(_, text)| is_signature(text));
        for (name, text) in plain.into_iter().chain(signatures) {
            let text = put_in_names(text, |asked| match asked.split_once(':') {
                Some(("now", "unix")) => Ok(Some(at_ms.div_euclid(1_000).to_string())),
                Some(("now", "unix_ms")) => Ok(Some(at_ms.to_string())),
                Some(("now", other)) => Err(format!("`${{now:{other}}}` is neither now:unix nor now:unix_ms")),
                Some(("header", other)) => match done.get(&other.to_lowercase()) {
                    Some(value) => Ok(Some(value.clone())),
                    None => Err(format!("`${{header:{other}}}` names no header without a signature of this delivery")),
                },
                _ => Ok(None),
            })?;
            done.insert(name.to_lowercase(), self.put_in(&text, body)?);
        }
        Ok(done.into_iter().collect())
    }

    fn value(&self, asked: &str, body: &[u8]) -> Result<String, String> {
        let mut parts = asked.splitn(5, ':');
        let mut next = || parts.next().unwrap_or_default();
        match next() {
            "secret" => self.secret(next()).map(str::to_owned),
            "hmac" => {
                let (hash, encoding, name, before) = (next(), next(), next(), next());
                let key = self.secret(name)?.as_bytes();
                let message = [before.as_bytes(), body].concat();
                let signature = match hash {
                    "sha1" => mac::<Hmac<Sha1>>(key, &message),
                    "sha256" => mac::<Hmac<Sha256>>(key, &message),
                    "sha512" => mac::<Hmac<Sha512>>(key, &message),
                    other => return Err(format!("`{other}` is none of sha1, sha256 and sha512")),
                };
                let signature = signature.unwrap_or_default();
                match encoding {
                    "hex" => Ok(hex::encode(signature)),
                    "base64" => Ok(STANDARD.encode(signature)),
                    other => Err(format!("`{other}` is neither hex nor base64")),
                }
            }
            other => Err(format!("`${{{other}…}}` is neither secret nor hmac")),
        }
    }

    fn secret(&self, name: &str) -> Result<&str, String> {
        self.secrets.get(name).map(String::as_str).ok_or_else(|| format!("there is no secret `{name}` in this case"))
    }
}

/// Replaces each `${…}` without braces in it for which there is a value.
fn put_in_names(text: &str, value: impl Fn(&str) -> Result<Option<String>, String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let asked = after.split_once(['{', '}']).map(|(asked, _)| asked).unwrap_or_default();
        let is_whole = after.get(asked.len()..).is_some_and(|rest| rest.starts_with('}'));
        match if is_whole { value(asked)? } else { None } {
            Some(value) => {
                out.push_str(&value);
                rest = after.get(asked.len() + 1..).unwrap_or_default();
            }
            None => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_signatures_are_put_in() {
        let secrets = BTreeMap::from([("key".to_owned(), "Jefe".to_owned())]);
        let words = Words::new(&secrets);
        assert_eq!(words.put_in("a=${secret:key}&b", b"").unwrap(), "a=Jefe&b");
        // RFC 4231, test case 2, once with half of the message in front.
        let signed = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let message = b"what do ya want for nothing?";
        assert_eq!(words.put_in("${hmac:sha256:hex:key}", message).unwrap(), signed);
        assert_eq!(words.put_in("${hmac:sha256:hex:key:what do ya }", b"want for nothing?").unwrap(), signed);
        let told = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let headers = told(&[("A-Sign", "v1=${hmac:sha256:hex:key:${header:x-stamp}what do ya }"), ("X-Stamp", "")]);
        let headers = words.headers(&headers, b"want for nothing?", 0).unwrap();
        assert_eq!(headers, [("a-sign".to_owned(), format!("v1={signed}")), ("x-stamp".to_owned(), String::new())]);
        let stamped = told(&[("a", "${now:unix}.${now:unix_ms} ${secret:key}")]);
        assert_eq!(
            words.headers(&stamped, b"", 1_234_567).unwrap(),
            [("a".to_owned(), "1234.1234567 Jefe".to_owned())]
        );
        for wrong in ["${now:hour}", "${header:x}", "${now:unix"] {
            assert!(words.headers(&told(&[("a", wrong)]), b"", 0).is_err(), "{wrong}");
        }
        for wrong in ["${secret:other}", "${secret:key", "${hmac:md5:hex:key}", "${what}"] {
            assert!(words.put_in(wrong, b"").is_err(), "{wrong}");
        }
    }
}
