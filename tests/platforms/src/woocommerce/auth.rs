//! Who is asking: keys in the header, in the query, or as a signature.

use ltv_connector::types::Hash;

use super::{Permission, Shop};
use crate::native::sign;
use crate::{Answer, Call};

/// A window of 15 minutes, seconds.
const CLOCK_SKEW_S: i64 = 900;

/// Who is asking, as far as WooCommerce can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// No key was seen, or an unknown one over https.
    Nobody,
    /// The key's user.
    User,
}

impl Shop {
    /// Finds out who is asking, or refuses.
    pub(super) fn authenticate(&mut self, call: &Call) -> Result<Caller, Answer> {
        // WooCommerce looks at keys only if the address as sent contains this text.
        let seen = call.path.contains("wp-json/wc/") || call.query.contains("wp-json/wc/");
        if !seen {
            return Ok(Caller::Nobody);
        }
        if call.tls && self.knows_https {
            let by_query = call.parameter("consumer_key").zip(call.parameter("consumer_secret"));
            let by_header = if self.drops_header { None } else { call.basic() };
            if let Some((key, secret)) = by_query.or(by_header)
                && key == self.key
            {
                if secret != self.secret {
                    return Err(authentication_error("Consumer secret is invalid."));
                }
                return self.permitted(call);
            }
        }
        self.signed(call)
    }

    fn signed(&mut self, call: &Call) -> Result<Caller, Answer> {
        let parameters = call.parameters();
        let get = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        if !parameters.iter().any(|(name, _)| name.starts_with("oauth_")) {
            return Ok(Caller::Nobody);
        }
        let names =
            ["oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature_method", "oauth_signature"];
        let values: Vec<String> = names.iter().filter_map(|name| get(name)).collect();
        let Ok([key, stamp, nonce, method, signature]) = <[String; 5]>::try_from(values) else {
            let code = "woocommerce_rest_authentication_missing_parameter";
            return Err(super::rest::error(401, code, "Missing OAuth parameters"));
        };
        if key != self.key {
            return Err(authentication_error("Consumer key is invalid."));
        }
        let hash = match method.as_str() {
            "HMAC-SHA1" => Hash::Sha1,
            "HMAC-SHA256" => Hash::Sha256,
            _ => return Err(authentication_error("Invalid signature - signature method is invalid.")),
        };
        let unsigned = parameters.iter().filter(|(name, _)| name != "oauth_signature");
        if sign(hash, &self.secret, &call.method, &self.signed_address(call), unsigned) != signature {
            return Err(authentication_error("Invalid signature - provided signature does not match."));
        }
        let stamp: i64 = stamp.parse().unwrap_or(0);
        if (stamp - call.at_unix_ms / 1_000).abs() > CLOCK_SKEW_S {
            return Err(authentication_error("Invalid timestamp."));
        }
        if !self.nonces.insert(nonce) {
            return Err(authentication_error("Invalid nonce - nonce has already been used."));
        }
        self.permitted(call)
    }

    /// The home address with the path of the call, `http` where PHP sees no https; without path no slash.
    fn signed_address(&self, call: &Call) -> String {
        let scheme = if call.tls && self.knows_https { "https" } else { "http" };
        let host = self.home.split_once("://").map_or(self.home.as_str(), |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or_default();
        let path = if call.path == format!("{}/", self.folder()) { self.folder() } else { call.path.clone() };
        format!("{scheme}://{host}{path}")
    }

    /// The folder that the store lives in, without slash at the end; mostly empty.
    pub(super) fn folder(&self) -> String {
        let rest = self.home.split_once("://").map_or("", |(_, rest)| rest);
        rest.split_once('/').map(|(_, path)| format!("/{}", path.trim_end_matches('/'))).unwrap_or_default()
    }

    fn permitted(&self, call: &Call) -> Result<Caller, Answer> {
        let reads = matches!(call.method.as_str(), "GET" | "HEAD");
        match self.permission {
            Permission::Read if !reads => {
                Err(authentication_error("The API key provided does not have write permissions."))
            }
            Permission::Write if reads => {
                Err(authentication_error("The API key provided does not have read permissions."))
            }
            _ => Ok(Caller::User),
        }
    }
}

fn authentication_error(message: &str) -> Answer {
    super::rest::error(401, "woocommerce_rest_authentication_error", message)
}
