//! Whether a connector may send a request to an address.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::is_public;
use crate::config::Integration;
use crate::model::manifest::{Host as Allowed, Manifest, SettingValue};

/// The hosts that a connector may reach for one integration: those of its manifest, narrowed by the operator.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    allowed: Vec<Rule>,
    /// `hosts` of the integration.
    narrowed: Option<Vec<String>>,
    private: bool,
}

#[derive(Debug, Clone)]
enum Rule {
    Exact(String),
    Below(String),
    /// Host and port of a setting.
    Setting(String, Option<u16>),
}

impl Hosts {
    pub(super) fn new(manifest: &Manifest, integration: &Integration) -> Self {
        let rule = |host: &Allowed| match host {
            Allowed::Exact(name) => Some(Rule::Exact(name.to_lowercase())),
            Allowed::Subdomains(name) => Some(Rule::Below(format!(".{}", name.to_lowercase()))),
            Allowed::Setting(name) => match integration.settings.get(name) {
                Some(SettingValue::Text(url)) => {
                    let url = Url::parse(url).ok()?;
                    let host = url.host_str()?.trim_end_matches('.').to_lowercase();
                    Some(Rule::Setting(host, url.port_or_known_default()))
                }
                _ => None,
            },
        };
        Self {
            allowed: manifest.hosts.iter().filter_map(rule).collect(),
            narrowed: integration.polling.hosts.clone(),
            private: integration.polling.allow_private_addresses,
        }
    }

    /// Why a request to this address is not sent.
    pub(super) fn refusal(&self, url: &Url) -> Option<String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Some(format!("`{}` is neither http nor https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some("the address holds a user name or password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Some("the address holds a query or fragment".to_owned());
        }
        let Some(host) = url.host() else { return Some("the address has no host".to_owned()) };
        let (name, literal) = match host {
            Host::Domain(name) => (name.trim_end_matches('.').to_lowercase(), None),
            Host::Ipv4(address) => (address.to_string(), Some(IpAddr::V4(address))),
            Host::Ipv6(address) => (format!("[{address}]"), Some(IpAddr::V6(address))),
        };
        let port = url.port_or_known_default();
        let fits = |rule: &Rule| match rule {
            // The platform's own hosts are reached at the usual ports.
            Rule::Exact(allowed) => *allowed == name && url.port().is_none(),
            Rule::Below(domain) => {
                name.strip_suffix(domain.as_str()).is_some_and(|below| !below.is_empty()) && url.port().is_none()
            }
            // A store that redirects from http to https is the same store: a setting allows both usual ports.
            Rule::Setting(allowed, allowed_port) => {
                *allowed == name && (port == *allowed_port || (url.port().is_none() && usual(*allowed_port)))
            }
        };
        if !self.allowed.iter().any(fits) {
            return Some(format!("the connector may not reach {name}: its manifest does not name it"));
        }
        if self.narrowed.as_ref().is_some_and(|narrowed| !narrowed.contains(&name)) {
            return Some(format!("{name} is not among the `hosts` of the integration"));
        }
        if literal.is_some_and(|address| !self.private && !is_public(address)) {
            return Some(format!(
                "{name} is not in the public internet; if that is meant, set `allow_private_addresses = true` in the integration"
            ));
        }
        None
    }
}

fn usual(port: Option<u16>) -> bool {
    matches!(port, Some(80 | 443))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(narrowed: Option<&[&str]>) -> Hosts {
        Hosts {
            allowed: vec![
                Rule::Exact("api.example.com".into()),
                Rule::Below(".shops.example".into()),
                Rule::Setting("store.test".into(), Some(8443)),
                Rule::Setting("192.168.1.5".into(), Some(80)),
            ],
            narrowed: narrowed.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            private: false,
        }
    }

    fn refused(url: &str) -> String {
        hosts(None).refusal(&Url::parse(url).unwrap()).unwrap_or_default()
    }

    #[test]
    fn only_what_the_manifest_names_is_reached() {
        for allowed in [
            "https://api.example.com/v1/orders",
            "https://API.example.com./",
            "https://a.shops.example/",
            "https://store.test:8443/",
        ] {
            assert_eq!(refused(allowed), "", "{allowed}");
        }
        for (url, why) in [
            ("https://evil.example/", "may not reach evil.example"),
            ("https://api.example.com.evil.example/", "may not reach"),
            ("https://api.example.com:8443/", "may not reach"),
            ("https://shops.example/", "may not reach"),
            ("https://notshops.example/", "may not reach"),
            ("https://store.test/", "may not reach"),
            ("http://169.254.169.254/", "may not reach"),
            ("http://192.168.1.5/", "allow_private_addresses"),
            ("https://user:word@api.example.com/", "user name"),
            ("https://api.example.com/?a=b", "query"),
            ("ftp://api.example.com/", "neither http"),
            ("file:///etc/passwd", "neither http"),
        ] {
            assert!(refused(url).contains(why), "{url}: {}", refused(url));
        }
    }

    #[test]
    fn the_operator_can_narrow_but_not_widen() {
        let narrowed = hosts(Some(&["api.example.com", "evil.example"]));
        let refusal = |url: &str| narrowed.refusal(&Url::parse(url).unwrap());
        assert_eq!(refusal("https://api.example.com/"), None);
        assert!(refusal("https://a.shops.example/").unwrap().contains("`hosts`"));
        assert!(refusal("https://evil.example/").unwrap().contains("manifest"));
    }
}
