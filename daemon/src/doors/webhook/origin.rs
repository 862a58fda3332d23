//! Who a request comes from: who connected, or who a trusted proxy says did.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::limits::doors::FORWARDED_HOPS;
use crate::peer::caller;

/// Whether this is one of the proxies.
pub(super) fn is_proxy(proxies: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    proxies.iter().any(|network| network.contains(&address))
}

/// Whom a request counts for. None if only a proxy is known, which stands for many.
///
/// Each proxy adds whom it was asked by at the end, so the list is read from there, up to the first that is no proxy of
/// ours. What stands before that one may be invented.
pub(super) fn origin(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    if !is_proxy(proxies, peer) {
        return Some(caller(peer));
    }
    let list = |name| {
        let values = headers.get_all(name).into_iter().rev();
        values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(',')).take(FORWARDED_HOPS)
    };
    let mut hops: Vec<Option<IpAddr>> = list("x-forwarded-for").map(address).collect();
    if hops.is_empty() {
        hops = list("forwarded").map(|hop| address(forwarded_for(hop)?)).collect();
    }
    for hop in hops {
        // Unreadable: nobody knows who stands before it.
        let hop = hop?;
        if !is_proxy(proxies, hop) {
            return Some(caller(hop));
        }
    }
    None
}

/// The value of `for` in an element of `Forwarded` (RFC 7239).
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Some(bracketed) = text.strip_prefix('[') {
        return bracketed.split_once(']')?.0.parse().ok();
    }
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    text.rsplit_once(':')?.0.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn of(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let proxies: Vec<IpNet> = ["127.0.0.0/8", "::1/128", "10.0.0.0/8"].map(|net| net.parse().unwrap()).into();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        origin(peer.parse().unwrap(), &map, &proxies).map_or("nobody".to_owned(), |origin| origin.to_string())
    }

    #[test]
    fn only_proxies_may_say_who_asks() {
        assert_eq!(of("192.0.2.1", &[("x-forwarded-for", "198.51.100.7")]), "192.0.2.1");
        assert_eq!(of("127.0.0.1", &[("x-forwarded-for", "198.51.100.7")]), "198.51.100.7");
        assert_eq!(of("::ffff:127.0.0.1", &[("x-forwarded-for", "198.51.100.7")]), "198.51.100.7");
        assert_eq!(of("127.0.0.1", &[]), "nobody", "it may be anybody");
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        // The proxy has added the second one.
        assert_eq!(of("127.0.0.1", &[("x-forwarded-for", "203.0.113.9, 198.51.100.7")]), "198.51.100.7");
        assert_eq!(
            of("127.0.0.1", &[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.7, 10.1.2.3")]),
            "198.51.100.7"
        );
        assert_eq!(of("127.0.0.1", &[("x-forwarded-for", "203.0.113.9, unknown")]), "nobody");
        assert_eq!(of("127.0.0.1", &[("x-forwarded-for", "10.0.0.1, 10.0.0.2")]), "nobody");
    }

    #[test]
    fn addresses_come_in_many_spellings() {
        for (header, value, expected) in [
            ("x-forwarded-for", "198.51.100.7:4711", "198.51.100.7"),
            ("x-forwarded-for", "2001:db8:1:2:3::4", "2001:db8:1:2::"),
            ("x-forwarded-for", "[2001:db8:1:2:3::4]:80", "2001:db8:1:2::"),
            ("forwarded", "for=198.51.100.7;proto=https;by=10.0.0.1", "198.51.100.7"),
            ("forwarded", "For=\"[2001:db8:1:2::4]:4711\"", "2001:db8:1:2::"),
            ("forwarded", "for=_hidden", "nobody"),
            ("forwarded", "proto=https", "nobody"),
        ] {
            assert_eq!(of("127.0.0.1", &[(header, value)]), expected, "{value}");
        }
    }
}
