//! Secrets inside cases: `${secret:NAME}` stands for a secret's value, `${hmac:sha256:hex:NAME}` for the signature of the body
//! with it. A fourth colon begins what is signed before the body: `${hmac:sha256:hex:NAME:1772359200.}`.

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
                    "hex" => Ok(signature.iter().map(|byte| format!("{byte:02x}")).collect()),
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
        for wrong in ["${secret:other}", "${secret:key", "${hmac:md5:hex:key}", "${what}"] {
            assert!(words.put_in(wrong, b"").is_err(), "{wrong}");
        }
    }
}
