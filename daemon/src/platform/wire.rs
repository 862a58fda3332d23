//! From what a connector wants sent to what is sent: secrets put in, everything encoded for its place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::oauth1;
use crate::clock::now_ms;
use crate::connector::{Authorization, Body, Field, Method, Request, Value};
use crate::redact::percent;

/// Finds a secret by its name.
pub(super) type Secrets = std::collections::BTreeMap<String, SecretString>;

/// Headers that are the daemon's own.
const OWN_HEADERS: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "user-agent",
    "cache-control",
    "accept-encoding",
    "authorization",
];

/// A request as it goes out. Made anew for each attempt, since a signature holds for one.
pub(super) fn request(asked: &Request, url: &Url, secrets: &Secrets) -> Result<reqwest::Request, String> {
    if url.scheme() == "http" && sends_secrets(asked) {
        return Err("credentials are not sent over http, where everyone on the way can read them: use https".to_owned());
    }
    let mut query = pairs(&asked.query, secrets)?;
    let mut headers = headers(asked, secrets)?;
    match &asked.authorization {
        Authorization::None => {}
        Authorization::Basic { username, password } => {
            let pair = format!("{}:{}", secret(secrets, username)?, secret(secrets, password)?);
            headers.insert(AUTHORIZATION, sensitive(&format!("Basic {}", STANDARD.encode(pair)))?);
        }
        Authorization::Bearer(name) => {
            headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", secret(secrets, name)?))?);
        }
        Authorization::Oauth1 { consumer_key, consumer_secret, hash, base_url } => {
            let signed = oauth1::Signed {
                method: asked.method.as_str(),
                url: base_url.as_deref().unwrap_or(&asked.url),
                consumer_key: secret(secrets, consumer_key)?,
                consumer_secret: secret(secrets, consumer_secret)?,
                hash: *hash,
                nonce: &nonce()?,
                unix_s: now_ms().div_euclid(1_000),
            };
            query.extend(oauth1::parameters(&signed, &query));
        }
    }
    let mut url = url.clone();
    if !query.is_empty() {
        url.set_query(Some(&written(&query)));
    }
    let body = match &asked.body {
        Body::None => None,
        Body::Form(fields) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            let fields = pairs(fields, secrets)?;
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
            Some(fields.join("&"))
        }
        Body::Json { text, secrets: wanted } => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Some(json(text, wanted, secrets)?)
        }
    };
    let method = match asked.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut request = reqwest::Request::new(method, url);
    *request.headers_mut() = headers;
    *request.body_mut() = body.map(reqwest::Body::from);
    Ok(request)
}

/// The request without secrets: what it is found by in the archive.
pub fn key(asked: &Request) -> String {
    let mut key = format!("{} {}", asked.method.as_str(), asked.url);
    let plain = |field: &Field| {
        let value = match &field.value {
            Value::Text(text) => percent(text),
            Value::Secret(name) => format!("<{name}>"),
        };
        format!("{}={value}", percent(&field.name))
    };
    let join = |fields: &[Field]| fields.iter().map(plain).collect::<Vec<_>>().join("&");
    if !asked.query.is_empty() {
        key.push('?');
        key.push_str(&join(&asked.query));
    }
    match &asked.body {
        Body::None => {}
        Body::Form(fields) => {
            key.push_str("\n\n");
            key.push_str(&join(fields));
        }
        Body::Json { text, secrets } => {
            key.push_str("\n\n");
            key.push_str(text);
            secrets.iter().for_each(|json| key.push_str(&format!("\n{}=<{}>", json.pointer, json.secret)));
        }
    }
    key
}

fn sends_secrets(asked: &Request) -> bool {
    let secret = |fields: &[Field]| fields.iter().any(|field| matches!(field.value, Value::Secret(_)));
    let in_body = match &asked.body {
        Body::None => false,
        Body::Form(fields) => secret(fields),
        Body::Json { secrets, .. } => !secrets.is_empty(),
    };
    // OAuth 1.0a signs with its secret and does not send it; its key is no more than a name.
    let authorized = matches!(asked.authorization, Authorization::Basic { .. } | Authorization::Bearer(_));
    authorized || in_body || secret(&asked.query) || secret(&asked.headers)
}

fn secret<'s>(secrets: &'s Secrets, name: &str) -> Result<&'s str, String> {
    let known = secrets.get(name).map(|secret| secret.expose_secret());
    known.ok_or_else(|| format!("the secret `{name}` has no value in the configuration"))
}

fn pairs(fields: &[Field], secrets: &Secrets) -> Result<Vec<(String, String)>, String> {
    let pair = |field: &Field| {
        let value = match &field.value {
            Value::Text(text) => text.clone(),
            Value::Secret(name) => secret(secrets, name)?.to_owned(),
        };
        Ok((field.name.clone(), value))
    };
    fields.iter().map(pair).collect()
}

/// A query. `/`, `:` and `,` stay as they are: some platforms look for a path in it.
fn written(query: &[(String, String)]) -> String {
    let part = |text: &str| percent(text).replace("%2F", "/").replace("%3A", ":").replace("%2C", ",");
    query.iter().map(|(name, value)| format!("{}={}", part(name), part(value))).collect::<Vec<_>>().join("&")
}

fn headers(asked: &Request, secrets: &Secrets) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.1"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    for field in &asked.headers {
        let name = field.name.to_lowercase();
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(format!("the header `{name}` is the daemon's own"));
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no name of a header"))?;
        let value = match &field.value {
            Value::Text(text) => HeaderValue::from_str(text)
                .map_err(|_| format!("the header `{name}` has characters that none may have"))?,
            Value::Secret(known) => sensitive(secret(secrets, known)?)?,
        };
        headers.insert(name, value);
    }
    Ok(headers)
}

fn sensitive(value: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| "a secret has characters that no header may have, such as a line break".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn json(text: &str, wanted: &[crate::connector::JsonSecret], secrets: &Secrets) -> Result<String, String> {
    if wanted.is_empty() {
        return Ok(text.to_owned());
    }
    let mut body: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("the body is no JSON: {error}"))?;
    for wanted in wanted {
        let (parent, member) =
            wanted.pointer.rsplit_once('/').ok_or("a place in the JSON body does not begin with /")?;
        let parent = body.pointer_mut(parent).and_then(serde_json::Value::as_object_mut);
        let parent = parent.ok_or_else(|| format!("the JSON body has no object for {}", wanted.pointer))?;
        // `~1` and `~0` stand for a slash and a tilde.
        let member = member.replace("~1", "/").replace("~0", "~");
        parent.insert(member, secret(secrets, &wanted.secret)?.into());
    }
    Ok(body.to_string())
}

fn nonce() -> Result<String, String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("the operating system gives no random numbers: {error}"))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::JsonSecret;

    fn get(url: &str) -> Request {
        Request {
            tag: String::new(),
            method: Method::Get,
            url: url.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::None,
            authorization: Authorization::None,
            repeatable: true,
            attempts_max: 0,
            wait_ms: 0,
        }
    }

    fn text(name: &str, value: &str) -> Field {
        Field { name: name.into(), value: Value::Text(value.into()) }
    }

    fn secret_field(name: &str, secret: &str) -> Field {
        Field { name: name.into(), value: Value::Secret(secret.into()) }
    }

    fn secrets() -> Secrets {
        [("login", "Jörg"), ("password", "a&b+c%d#e=f ü")]
            .map(|(name, word)| (name.to_owned(), word.to_owned().into()))
            .into()
    }

    fn sent(asked: &Request) -> Result<reqwest::Request, String> {
        request(asked, &Url::parse(&asked.url).unwrap(), &secrets())
    }

    #[test]
    fn passwords_with_every_character_arrive_as_they_are() {
        let body =
            Body::Form(vec![secret_field("loginId", "login"), secret_field("password", "password"), text("a b", "1")]);
        let asked = Request { method: Method::Post, body, ..get("https://api.example.com/q/") };
        let request = sent(&asked).unwrap();
        let body = request.body().unwrap().as_bytes().unwrap();
        let decoded: Vec<_> = url::form_urlencoded::parse(body).into_owned().collect();
        assert_eq!(decoded[1], ("password".to_owned(), "a&b+c%d#e=f ü".to_owned()));
        assert_eq!(decoded[2], ("a b".to_owned(), "1".to_owned()));
        assert_eq!(key(&asked), "POST https://api.example.com/q/\n\nloginId=<login>&password=<password>&a%20b=1");
    }

    #[test]
    fn paths_in_a_query_stay_readable() {
        let query = vec![
            text("rest_route", "/wc/v3/orders"),
            text("_via", "/wp-json/wc/"),
            text("after", "2026-03-01T10:00:00"),
            text("s", "a&b"),
        ];
        let request = sent(&Request { query, ..get("https://shop.example/") }).unwrap();
        assert_eq!(
            request.url().as_str(),
            "https://shop.example/?rest_route=/wc/v3/orders&_via=/wp-json/wc/&after=2026-03-01T10:00:00&s=a%26b"
        );
    }

    #[test]
    fn no_secret_goes_over_http_but_a_signature_may() {
        let basic = Authorization::Basic { username: "login".into(), password: "password".into() };
        let refusal = sent(&Request { authorization: basic, ..get("http://shop.example/") }).unwrap_err();
        assert!(refusal.contains("https"), "{refusal}");
        let oauth = Authorization::Oauth1 {
            consumer_key: "login".into(),
            consumer_secret: "password".into(),
            hash: crate::connector::Hash::Sha256,
            base_url: None,
        };
        let request = sent(&Request { authorization: oauth, ..get("http://shop.example/") }).unwrap();
        assert!(request.url().query().unwrap().contains("oauth_signature="));
        assert!(!request.url().as_str().contains("a%26b"));
    }

    #[test]
    fn secrets_are_put_into_json() {
        let secrets_in = vec![JsonSecret { pointer: "/hook/secret".into(), secret: "password".into() }];
        let body = Body::Json { text: r#"{"hook": {"name": "x"}}"#.into(), secrets: secrets_in };
        let request = sent(&Request { method: Method::Post, body, ..get("https://shop.example/") }).unwrap();
        let sent: serde_json::Value = serde_json::from_slice(request.body().unwrap().as_bytes().unwrap()).unwrap();
        assert_eq!(sent.pointer("/hook/secret").unwrap(), "a&b+c%d#e=f ü");
        let nowhere = vec![JsonSecret { pointer: "/none/secret".into(), secret: "password".into() }];
        let body = Body::Json { text: "{}".into(), secrets: nowhere };
        assert!(
            super::request(
                &Request { body, ..get("https://x.example/") },
                &Url::parse("https://x.example/").unwrap(),
                &secrets()
            )
            .is_err()
        );
    }

    #[test]
    fn what_cannot_be_sent_is_told_without_the_secret() {
        let missing =
            sent(&Request { query: vec![secret_field("k", "other")], ..get("https://x.example/") }).unwrap_err();
        assert!(missing.contains("`other` has no value"), "{missing}");
        let own = sent(&Request { headers: vec![text("Host", "evil")], ..get("https://x.example/") }).unwrap_err();
        assert!(own.contains("`host`"), "{own}");
        let bad: Secrets = [("word".to_owned(), "a\nb".to_owned().into())].into();
        let asked = Request { authorization: Authorization::Bearer("word".into()), ..get("https://x.example/") };
        let told = request(&asked, &Url::parse("https://x.example/").unwrap(), &bad).unwrap_err();
        assert!(told.contains("line break") && !told.contains("a\nb"), "{told}");
    }
}
