//! The ways by which a request, and the keys in it, reach a store.

use std::fmt;

use ltv_connector::prelude::*;

use crate::manifest::{CONSUMER_KEY, CONSUMER_SECRET};

/// How the keys travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// HTTP Basic: what WooCommerce wants over https \[C live\].
    Header,
    /// In the query, over https: for servers that drop the `Authorization` header \[C live\].
    Query,
    /// An OAuth 1.0a signature: what WooCommerce wants where it sees no https, which may be the fault of a proxy \[C live\].
    Signed,
}

/// How the API is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/wp-json/wc/v3/orders`
    Pretty,
    /// `/?rest_route=/wc/v3/orders`, for stores with plain permalinks.
    Plain,
}

/// A way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    /// How the keys travel.
    pub(crate) keys: Keys,
    /// How the API is addressed.
    pub(crate) route: Route,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = match self.keys {
            Keys::Header => "header",
            Keys::Query => "query",
            Keys::Signed => "signed",
        };
        let route = match self.route {
            Route::Pretty => "pretty",
            Route::Plain => "plain",
        };
        write!(f, "{keys} {route}")
    }
}

impl Way {
    /// Reads what `Display` writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (keys, route) = text.split_once(' ')?;
        let keys = match keys {
            "header" => Keys::Header,
            "query" => Keys::Query,
            "signed" => Keys::Signed,
            _ => return None,
        };
        let route = match route {
            "pretty" => Route::Pretty,
            "plain" => Route::Plain,
            _ => return None,
        };
        Some(Way { keys, route })
    }

    /// A request to a path of the WooCommerce API such as `orders/7`, for the store at `url`, which believes to be at
    /// `home`.
    pub(crate) fn request(self, method: Method, url: &str, home: &str, path: &str) -> Request {
        let request = match self.route {
            Route::Pretty => Request::new(method, format!("{url}/wp-json/wc/v3/{path}")),
            // WooCommerce looks at keys only if the address contains the text `wp-json/wc/` [C live]. A parameter that
            // nobody reads brings it in; the daemon leaves its slashes as they are.
            Route::Plain => Request::new(method, format!("{url}/"))
                .query("rest_route", format!("/wc/v3/{path}"))
                .query("_via", "/wp-json/wc/"),
        };
        // Without it a PHP error is an HTML page.
        let mut request = request.header("accept", "application/json");
        match self.keys {
            Keys::Header => request.basic(CONSUMER_KEY, CONSUMER_SECRET),
            Keys::Query => {
                request.query_secret("consumer_key", CONSUMER_KEY).query_secret("consumer_secret", CONSUMER_SECRET)
            }
            Keys::Signed => {
                request.authorization = Authorization::Oauth1(Oauth1 {
                    consumer_key: CONSUMER_KEY.to_owned(),
                    consumer_secret: CONSUMER_SECRET.to_owned(),
                    hash: Hash::Sha256,
                    base_url: Some(self.signed_address(home, path)),
                });
                request
            }
        }
    }

    /// What a signature covers: the home address with the scheme `http`, since a store that saw https would not ask for
    /// signatures; without trailing slash where there is no path \[C live\].
    fn signed_address(self, home: &str, path: &str) -> String {
        let host = home.split_once("://").map_or(home, |(_, host)| host).trim_end_matches('/');
        match self.route {
            Route::Pretty => format!("http://{host}/wp-json/wc/v3/{path}"),
            Route::Plain => format!("http://{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_written_and_read() {
        for keys in [Keys::Header, Keys::Query, Keys::Signed] {
            for route in [Route::Pretty, Route::Plain] {
                let way = Way { keys, route };
                assert_eq!(Way::parse(&way.to_string()), Some(way));
            }
        }
        assert_eq!(Way::parse("pigeon plain"), None);
    }

    #[test]
    fn signatures_cover_the_address_that_the_store_believes_to_have() {
        let signed = |route: Route| {
            let way = Way { keys: Keys::Signed, route };
            let request = way.request(Method::Get, "https://shop.example/de", "https://10.0.0.7:8080/de/", "orders/7");
            let Authorization::Oauth1(oauth) = request.authorization else { panic!("not signed") };
            (request.url, oauth.base_url.unwrap())
        };
        let pretty =
            ("https://shop.example/de/wp-json/wc/v3/orders/7", "http://10.0.0.7:8080/de/wp-json/wc/v3/orders/7");
        assert_eq!(signed(Route::Pretty), (pretty.0.to_owned(), pretty.1.to_owned()));
        let plain = ("https://shop.example/de/", "http://10.0.0.7:8080/de");
        assert_eq!(signed(Route::Plain), (plain.0.to_owned(), plain.1.to_owned()));
    }
}
