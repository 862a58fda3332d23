//! Single values: from what stands in the file to what the daemon works with.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use chrono::NaiveDate;
use ipnet::IpNet;
use toml::de::DeValue;

use super::problem::quote;
use super::read::{Fault, Value, mismatch};
use super::suggest;
use crate::limits::config::{ANSWERED_PATH_BYTES, ANSWERED_PATHS};
use crate::model::{Currency, Decimal, Zone};

pub(super) fn text(value: &Value<'_>) -> Result<String, Fault> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.as_ref().to_owned()),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            Err(mismatch("text", value).help("put it in quotes"))
        }
        DeValue::Array(_) | DeValue::Table(_) => Err(mismatch("text", value)),
    }
}

/// A SHA-256 in hexadecimal, made lower case.
pub(super) fn sha256(value: &Value<'_>) -> Result<String, Fault> {
    let hash = text(value)?.to_ascii_lowercase();
    if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(hash);
    }
    Err(Fault::new("this is no SHA-256").help("64 hexadecimal digits; `ltvd connector inspect` shows that of a file"))
}

pub(super) fn texts(value: &Value<'_>) -> Result<Vec<String>, Fault> {
    match value.get_ref() {
        DeValue::Array(array) => {
            array.iter().map(|element| text(element).map_err(|fault| fault.at(element.span()))).collect()
        }
        DeValue::String(_) => Err(mismatch("a list of texts", value).help("put it in square brackets: [\"…\"]")),
        _ => Err(mismatch("a list of texts", value)),
    }
}

pub(super) fn boolean(value: &Value<'_>) -> Result<bool, Fault> {
    match value.get_ref() {
        DeValue::Boolean(boolean) => Ok(*boolean),
        DeValue::String(text) if matches!(text.as_ref(), "true" | "false") => {
            Err(mismatch("true or false", value).help("leave the quotes out"))
        }
        _ => Err(mismatch("true or false", value)),
    }
}

pub(super) fn integer(value: &Value<'_>) -> Result<i64, Fault> {
    let DeValue::Integer(number) = value.get_ref() else {
        return Err(mismatch("a whole number", value));
    };
    i64::from_str_radix(number.as_str(), number.radix())
        .map_err(|_| Fault::new("the number does not fit into 64 bits with a sign"))
}

pub(super) fn integer_in(value: &Value<'_>, range: RangeInclusive<i64>) -> Result<i64, Fault> {
    let number = integer(value)?;
    if range.contains(&number) {
        return Ok(number);
    }
    Err(Fault::new(format!("{number} is out of range; {} to {} are possible", range.start(), range.end())))
}

/// One of several words.
pub(super) fn choice<T: Copy>(value: &Value<'_>, choices: &[(&str, T)]) -> Result<T, Fault> {
    let word = text(value)?;
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
        return Ok(*choice);
    }
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let meant = suggest::closest(&word, names.iter().copied());
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    Err(Fault::new(format!("{} is no choice here{meant}", quote(&word)))
        .help(format!("possible: {}", names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", "))))
}

pub(super) fn zone(value: &Value<'_>) -> Result<Zone, Fault> {
    let name = text(value)?;
    name.parse().map_err(|_| {
        let meant = suggest::zone(&name).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        Fault::new(format!("{} is no time zone{meant}", quote(&name)))
            .help("use a name of the IANA database, for example \"Europe/Berlin\" or \"America/New_York\"")
    })
}

pub(super) fn currency(value: &Value<'_>) -> Result<Currency, Fault> {
    let code = text(value)?;
    code.parse().map_err(|_| {
        Fault::new(format!("{} is no currency code", quote(&code)))
            .help("use the three letters of ISO 4217, for example \"USD\", \"EUR\" or \"GBP\"")
    })
}

/// `2026-10-31`, with or without quotes.
pub(super) fn date(value: &Value<'_>) -> Result<NaiveDate, Fault> {
    let expected = "a date like 2026-10-31";
    match value.get_ref() {
        DeValue::Datetime(at) => match (at.date, at.time) {
            (Some(date), None) => NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())
                .ok_or_else(|| Fault::new("there is no such day")),
            (Some(_), Some(_)) => Err(Fault::new(format!("expected {expected}, found a date with a time"))),
            (None, _) => Err(Fault::new(format!("expected {expected}, found a time"))),
        },
        DeValue::String(text) => NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map_err(|_| Fault::new(format!("expected {expected}, found {}", quote(text)))),
        _ => Err(mismatch(expected, value)),
    }
}

pub(super) fn listen(value: &Value<'_>) -> Result<SocketAddr, Fault> {
    let address = text(value)?;
    address.parse().map_err(|_| {
        Fault::new(format!("{} is no address with a port", quote(&address)))
            .help("write for example \"127.0.0.1:8380\", or \"[::1]:8380\" for IPv6; names are not looked up")
    })
}

/// Addresses, and networks such as 10.0.0.0/8.
pub(super) fn networks(value: &Value<'_>) -> Result<Vec<IpNet>, Fault> {
    let network = |text: &String| match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address.to_canonical())),
        Err(_) => text.parse().ok(),
    };
    let texts = texts(value)?;
    match texts.iter().find(|text| network(text).is_none()) {
        Some(wrong) => Err(Fault::new(format!("{} is neither an address nor a network", quote(wrong)))
            .help("write for example \"10.0.0.2\" or \"10.0.0.0/8\"; names are not looked up")),
        None => Ok(texts.iter().filter_map(network).collect()),
    }
}

/// Paths of the webhook listener that lie outside of `/hooks`, as a request has them.
pub(super) fn paths(value: &Value<'_>) -> Result<Vec<String>, Fault> {
    let paths = texts(value)?;
    if paths.len() > ANSWERED_PATHS {
        return Err(Fault::new(format!("{} paths, and {ANSWERED_PATHS} are possible", paths.len())));
    }
    for path in &paths {
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte));
        if !path.starts_with('/') || !is_plain || path.len() > ANSWERED_PATH_BYTES {
            let help = "write it as a request has it, from the root and without query: \"/funnel_webhooks/test\"";
            return Err(Fault::new(format!("{} is no path", quote(path))).help(help));
        }
        if path == "/hooks" || path.starts_with("/hooks/") {
            return Err(Fault::new(format!("{} is below /hooks, where webhooks themselves arrive", quote(path))));
        }
    }
    Ok(paths)
}

/// An absolute http or https address without query; the trailing slash is dropped.
pub(super) fn url(value: &Value<'_>) -> Result<String, Fault> {
    let address = text(value)?;
    let scheme = address.split_once("://");
    let Some((scheme, rest)) = scheme.filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
        return Err(Fault::new(format!("{} is no absolute address", quote(&address)))
            .help("begin it with https:// (or http://)"));
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        // The text before it may be a password: it is not repeated.
        return Err(Fault::new("the address holds a user name; leave it out")
            .help("names and passwords have settings of their own"));
    }
    if rest.contains(['?', '#']) {
        return Err(Fault::new(format!("{} has a query or a fragment; leave it out", quote(&address))));
    }
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    if !is_authority(authority) || !path.chars().all(plain) {
        return Err(Fault::new(format!("{} is no valid address", quote(&address)))
            .help("write it as the browser's address line copies it, for example \"https://shop.example.com\""));
    }
    Ok(format!("{scheme}://{}{}", authority.to_ascii_lowercase(), path.trim_end_matches('/')))
}

/// `host`, `host:port`, `1.2.3.4:port` or `[::1]:port`.
fn is_authority(authority: &str) -> bool {
    if let Some((address, rest)) = authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        let port = rest.strip_prefix(':');
        return address.parse::<std::net::Ipv6Addr>().is_ok() && (rest.is_empty() || port.is_some_and(is_port));
    }
    match authority.split_once(':') {
        Some((host, port)) => is_host(host) && is_port(port),
        None => is_host(authority),
    }
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// A name of the domain name system, or an IPv4 address.
pub(super) fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

/// A positive decimal, as text or as a number, exactly as written.
pub(super) fn rate(value: &Value<'_>) -> Result<Decimal, Fault> {
    match value.get_ref() {
        DeValue::String(text) => rate_of(text),
        DeValue::Integer(number) if number.radix() == 10 => rate_of(number.as_str()),
        DeValue::Float(number) => rate_of(number.as_str()),
        _ => Err(mismatch("an exchange rate like \"1.10\"", value)),
    }
}

/// A positive decimal: digits with at most one point, no exponent.
pub(super) fn rate_of(text: &str) -> Result<Decimal, Fault> {
    let not_a_rate = || {
        Fault::new(format!("{} is no exchange rate", quote(text)))
            .help("write units of the report currency for one unit, above zero, for example \"1.10\"")
    };
    let trimmed = text.trim();
    let trimmed = trimmed.strip_prefix('+').unwrap_or(trimmed);
    let (whole, decimals) = trimmed.split_once('.').unwrap_or((trimmed, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(decimals) || trimmed.ends_with('.') {
        return Err(not_a_rate());
    }
    let scale = u8::try_from(decimals.len()).ok().filter(|scale| *scale <= 9);
    let scale = scale.ok_or_else(|| Fault::new("a rate has at most 9 decimals"))?;
    let coefficient: i64 = format!("{whole}{decimals}").parse().map_err(|_| Fault::new("the rate is too large"))?;
    if coefficient == 0 {
        return Err(not_a_rate());
    }
    Ok(Decimal { coefficient, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(toml: &str, parse: impl FnOnce(&Value<'_>) -> Result<T, Fault>) -> Result<T, String> {
        parse(&DeValue::parse(toml).unwrap()).map_err(|fault| fault.message)
    }

    #[test]
    fn rates_are_exact() {
        let decimal = |coefficient, scale| Ok(Decimal { coefficient, scale });
        assert_eq!(with("1.10", rate), decimal(110, 2));
        assert_eq!(with(r#""1.10""#, rate), decimal(110, 2));
        assert_eq!(with("1_000.000_1", rate), decimal(10_000_001, 4));
        assert_eq!(with("2", rate), decimal(2, 0));
        // In binary floating point this is 0.1000000000000000055…
        assert_eq!(with("0.1", rate), decimal(1, 1));
        for wrong in ["0", "0.00", "-1.1", "1e3", "inf", "nan", "true", r#""1,10""#, r#""""#, r#"".5""#, r#""1.""#] {
            assert!(with(wrong, rate).is_err(), "{wrong}");
        }
        assert!(with("0.0000000001", rate).unwrap_err().contains("9 decimals"));
        assert!(with("99999999999999999999", rate).unwrap_err().contains("too large"));
    }

    #[test]
    fn addresses_lose_their_trailing_slash() {
        let url = |text: &str| with(&format!("{text:?}"), url);
        assert_eq!(url("https://Shop.Example.com/"), Ok("https://shop.example.com".to_owned()));
        assert_eq!(url("http://127.0.0.1:8381"), Ok("http://127.0.0.1:8381".to_owned()));
        assert_eq!(url("https://shop.example.com/Sub/"), Ok("https://shop.example.com/Sub".to_owned()));
        assert_eq!(url("http://[::1]:80/x"), Ok("http://[::1]:80/x".to_owned()));
        for wrong in [
            "shop.example.com",
            "ftp://shop.example.com",
            "https://",
            "https:///path",
            "https://shop .example.com",
            "https://shop.example.com:0",
            "https://shop.example.com:99999",
            "https://shop.example.com?x=1",
            "https://shop.example.com/a b",
            "https://-shop.example.com",
            "https://[::zz]/",
            "https://bücher.example",
        ] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
        let secret = url("https://user:hunter2@shop.example.com").unwrap_err();
        assert!(!secret.contains("hunter2"), "{secret}");
    }

    #[test]
    fn dates_may_stand_with_or_without_quotes() {
        let day = NaiveDate::from_ymd_opt(2026, 10, 31);
        assert_eq!(with("2026-10-31", date).ok(), day);
        assert_eq!(with(r#""2026-10-31""#, date).ok(), day);
        assert!(with("2026-10-31T10:00:00Z", date).unwrap_err().contains("with a time"));
        assert!(with(r#""31.10.2026""#, date).unwrap_err().contains("2026-10-31"));
        assert!(with("20261031", date).unwrap_err().contains("found a whole number"));
    }

    #[test]
    fn whole_numbers_may_be_written_in_any_base() {
        assert_eq!(with("0x10", integer), Ok(16));
        assert_eq!(with("1_048_576", integer), Ok(1_048_576));
        assert_eq!(with("5", |v| integer_in(v, 1..=4)), Err("5 is out of range; 1 to 4 are possible".to_owned()));
        assert!(with("99999999999999999999", integer).is_err());
    }
}
