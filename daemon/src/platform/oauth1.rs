//! OAuth 1.0a signatures without token (RFC 5849), in the query.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use crate::connector::Hash;
use crate::redact::percent;

/// What is signed, and by whom.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// Without query.
    pub(super) url: &'a str,
    pub(super) consumer_key: &'a str,
    pub(super) consumer_secret: &'a str,
    pub(super) hash: Hash,
    pub(super) nonce: &'a str,
    pub(super) unix_s: i64,
}

/// The parameters that sign a request with this query, decoded.
pub(super) fn parameters(signed: &Signed<'_>, query: &[(String, String)]) -> Vec<(String, String)> {
    let method = if signed.hash == Hash::Sha1 { "HMAC-SHA1" } else { "HMAC-SHA256" };
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut added = vec![
        own("oauth_consumer_key", signed.consumer_key),
        own("oauth_nonce", signed.nonce),
        own("oauth_signature_method", method),
        own("oauth_timestamp", &signed.unix_s.to_string()),
    ];
    let base = base_string(signed.method, signed.url, query.iter().chain(&added));
    let key = format!("{}&", percent(signed.consumer_secret));
    let signature = match signed.hash {
        Hash::Sha1 => mac::<Hmac<Sha1>>(&key, &base),
        _ => mac::<Hmac<Sha256>>(&key, &base),
    };
    added.push(own("oauth_signature", &STANDARD.encode(signature)));
    added
}

fn base_string<'p>(method: &str, url: &str, parameters: impl Iterator<Item = &'p (String, String)>) -> String {
    let mut pairs: Vec<_> = parameters.map(|(name, value)| (percent(name), percent(value))).collect();
    pairs.sort();
    let joined: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}&{}&{}", percent(url), percent(&joined.join("&")))
}

fn mac<M: Mac + KeyInit>(key: &str, base: &str) -> Vec<u8> {
    // Any length of key will do for an HMAC.
    M::new_from_slice(key.as_bytes()).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(base.as_bytes());
            mac.finalize().into_bytes().to_vec()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The base string of RFC 5849, section 3.4.1.1, without its body and token.
    #[test]
    fn parameters_are_encoded_before_they_are_sorted() {
        let query = pairs(&[("b5", "=%3D"), ("a3", "a"), ("c@", ""), ("a2", "r b"), ("a3", "2 q")]);
        let base = base_string("POST", "http://example.com/request", query.iter());
        assert_eq!(
            base,
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D"
        );
    }

    #[test]
    fn the_signature_comes_last() {
        let signed = Signed {
            method: "GET",
            url: "http://shop.example/wp-json/wc/v3/orders",
            consumer_key: "ck",
            consumer_secret: "cs",
            hash: Hash::Sha256,
            nonce: "n",
            unix_s: 1,
        };
        let added = parameters(&signed, &pairs(&[("page", "1")]));
        let last = added.last().unwrap();
        assert_eq!((last.0.as_str(), STANDARD.decode(&last.1).unwrap().len()), ("oauth_signature", 32));
        assert_ne!(last, parameters(&signed, &pairs(&[("page", "2")])).last().unwrap());
    }
}
