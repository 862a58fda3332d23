//! What can be wrong with a store, and what its owner should do about it.

use ltv_connector::prelude::*;

/// Where keys are kept.
const KEYS_SCREEN: &str = "WooCommerce > Settings > Advanced > REST API";

/// An error of the API in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// Code, such as `woocommerce_rest_cannot_view`.
    pub(crate) code: String,
    /// Message, in the language of the store.
    pub(crate) message: String,
}

/// Why there is no answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The API said no.
    Refused(Refusal),
    /// Something else than the API answered: a home page, a firewall, another server.
    Foreign {
        /// HTTP status.
        status: u16,
        /// Content type without parameters.
        content_type: String,
        /// Its first words.
        excerpt: String,
        /// Where it redirects to.
        location: Option<String>,
    },
    /// The store broke down over it: asking for less may work. What it did.
    Overload(String),
    /// Too many requests; milliseconds to wait, if said.
    Throttled(Option<u64>),
    /// No connection.
    Unreached(String),
    /// The daemon did not send the request.
    NotSent(String),
}

impl Trouble {
    pub(crate) fn refused(status: u16, code: &str, message: String) -> Self {
        Trouble::Refused(Refusal { status, code: code.to_owned(), message })
    }

    /// The refusal with this code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        matches!(self, Trouble::Refused(refusal) if refusal.code == code)
    }

    /// A parameter that this store does not know or want.
    pub(crate) fn is_bad_request(&self) -> bool {
        matches!(self, Trouble::Refused(refusal) if refusal.status == 400)
    }

    /// The store saw no key at all, or does not know it: over https these look alike \[C live\].
    pub(crate) fn saw_no_key(&self) -> bool {
        matches!(self, Trouble::Refused(refusal) if refusal.status == 401 && refusal.code.starts_with("woocommerce_rest_cannot_"))
    }

    /// The signature covers another address, or was made with another secret.
    pub(crate) fn is_signature_mismatch(&self) -> bool {
        matches!(self, Trouble::Refused(refusal) if refusal.status == 401 && refusal.message.contains("does not match"))
    }

    /// The key may not write.
    pub(crate) fn lacks_write(&self) -> bool {
        matches!(self, Trouble::Refused(refusal) if refusal.status == 401 && refusal.message.contains("write permission"))
    }

    /// What plain permalinks look like: the server's 404, the home page, or a redirect to the same address with a slash
    /// \[C live\].
    pub(crate) fn may_be_permalinks(&self, url: &str) -> bool {
        match self {
            Trouble::Foreign { status: 200 | 404, .. } => true,
            Trouble::Foreign { status: 301 | 302 | 307 | 308, location: Some(location), .. } => {
                location.starts_with(url) && location.contains("/wp-json/")
            }
            _ => false,
        }
    }

    /// The failure that ends a task. `url` is where the store was asked; `known` says that it has worked before, so that
    /// what is wrong now may pass.
    pub(crate) fn into_failure(self, url: &str, known: bool) -> Failure {
        match self {
            Trouble::Refused(refusal) => refusal.into_failure(url, known),
            Trouble::Foreign { status, location: Some(location), .. } if (300..400).contains(&status) => {
                let target = location.split(['?', '#']).next().unwrap_or_default();
                let target = target.split("/wp-json").next().unwrap_or_default().trim_end_matches('/');
                settings_or_wait(
                    known,
                    format!(
                        "{url} redirects to {target} (HTTP {status}), and keys do not survive a redirect. Write the address \
                         at which the shop really answers: url = \"{target}\""
                    ),
                )
            }
            Trouble::Foreign { status, content_type, excerpt, .. } => {
                let answered = format!("HTTP {status}, {content_type}: {excerpt}");
                match status {
                    200 | 404 => settings_or_wait(
                        known,
                        format!(
                            "{url} has no WooCommerce API at /wp-json/wc/v3 nor at ?rest_route=/wc/v3; a page answered instead \
                             ({answered}). See that `url` is the address of the shop, that WooCommerce is active, and that \
                             WordPress > Settings > Permalinks is not `Plain`; saving that page once repairs the address"
                        ),
                    ),
                    _ => wait(format!(
                        "a firewall or security plugin answered instead of the store ({answered}). Allow this machine's \
                         address and the user agent `ltvd` to reach /wp-json/wc/ there (Cloudflare, Wordfence, ModSecurity \
                         or the host's own)"
                    )),
                }
            }
            Trouble::Overload(what) => wait(format!(
                "the store {what}, however little it was asked for. Its error is in WooCommerce > Status > Logs, or in the \
                 host's PHP error log"
            )),
            Trouble::Throttled(after_ms) => Failure::Throttled(Pause {
                after_ms,
                message: "the store, or something in front of it, answered that there were too many requests"
                    .to_owned(),
            }),
            Trouble::Unreached(why) => wait(format!("no connection to {url}: {why}")),
            Trouble::NotSent(why) => Failure::Settings(format!("a request to {url} was not sent: {why}")),
        }
    }
}

impl Refusal {
    fn into_failure(self, url: &str, known: bool) -> Failure {
        let Refusal { status, code, message } = self;
        let said = format!("WooCommerce says: {message} (HTTP {status}, {code})");
        match (status, code.as_str()) {
            (401, "woocommerce_rest_authentication_error") => authentication(&message, &said),
            (401, "woocommerce_rest_authentication_missing_parameter") => Failure::Internal(said),
            (401, _) if code.starts_with("woocommerce_rest_cannot_") => Failure::Unauthorized(format!(
                "the store knows no such consumer key, or did not see it: neither in the header, nor in the query, nor as \
                 a signature. See in {KEYS_SCREEN} that a key ends in the same seven characters; if not, make a new one. \
                 {said}"
            )),
            (403, _) if code.starts_with("woocommerce_rest_cannot_") => Failure::Unauthorized(format!(
                "the key is right, but the WordPress user it belongs to may not do this. In {KEYS_SCREEN} edit the key and \
                 choose a user who is an administrator or shop manager. {said}"
            )),
            (401 | 403, _) => Failure::Unauthorized(format!(
                "the store refuses the API to this key; a security plugin may have shut it off. {said}"
            )),
            (404, "rest_no_route") => settings_or_wait(
                known,
                format!(
                    "WordPress answers at {url}, but has no WooCommerce API of version 3. See in WordPress > Plugins that \
                     WooCommerce is there, active, and of version 3.5 or later. {said}"
                ),
            ),
            (400, _) => Failure::Internal(format!("the store does not understand a request. {said}")),
            _ => wait(said),
        }
    }
}

/// The texts of WooCommerce's own check of keys \[C live\]. A store in another language translates them \[G\], and they
/// are shown as they are.
fn authentication(message: &str, said: &str) -> Failure {
    if message.contains("secret is invalid") {
        return Failure::Unauthorized(format!(
            "the store knows the consumer key, but `consumer_secret` is not the secret of this key. Secrets are shown once: \
             make a new key in {KEYS_SCREEN} and enter both its halves. {said}"
        ));
    }
    if message.contains("key is invalid") {
        return Failure::Unauthorized(format!(
            "the store does not know `consumer_key`: it was revoked, mistyped, or is another store's. Make a new key in \
             {KEYS_SCREEN}. {said}"
        ));
    }
    if message.contains("does not match") {
        return Failure::Unauthorized(format!(
            "the store knows the consumer key, but not the signature: either `consumer_secret` is wrong, or the store \
             believes to have another address. Copy WordPress > Settings > General > Site Address (URL) into `signed_url`. \
             {said}"
        ));
    }
    if message.contains("timestamp") {
        return wait(format!(
            "the clocks of this machine and of the store differ by more than 15 minutes: set the wrong one right. {said}"
        ));
    }
    if message.contains("nonce") {
        return wait(said.to_owned());
    }
    if message.contains("permission") {
        return Failure::Unauthorized(format!(
            "in {KEYS_SCREEN} edit the key and set Permissions to Read/Write: reading fetches the orders, writing creates \
             the webhooks. {said}"
        ));
    }
    Failure::Unauthorized(format!("the store refuses the key. {said}"))
}

fn wait(message: String) -> Failure {
    Failure::Unavailable(Pause { after_ms: None, message })
}

/// What is wrong with a store that never worked is a setting; one that has worked may be under maintenance.
fn settings_or_wait(known: bool, message: String) -> Failure {
    if known { wait(message) } else { Failure::Settings(message) }
}
