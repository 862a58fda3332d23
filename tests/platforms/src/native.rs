//! A platform asked without a socket, as the daemon would ask it: secrets put in, bodies and queries encoded. Lost
//! connections, and what the daemon repeats by itself (408, 425, 429, 502, 503, 504), are not tried again here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ltv_connector::types::{
    Authorization, Body, Field, FieldValue, Hash, Header, Method, NoResponse, Oauth1, Request, Response,
};

use crate::call::encode;
use crate::{Call, Platform, Wire};

/// A function that answers requests, with these secrets (name and value).
pub fn answers<'a>(
    platform: &'a mut impl Platform,
    secrets: &'a [(&'a str, &'a str)],
) -> impl FnMut(&Request) -> Result<Response, NoResponse> + 'a {
    move |request| {
        let call = match call(request, secrets) {
            Ok(call) => call,
            Err(why) => return Err(NoResponse::Refused(why)),
        };
        let answer = platform.answer(&call);
        match answer.wire {
            Wire::Whole | Wire::Drip { .. } => {}
            Wire::CutOff(_) => return Err(NoResponse::Connection("the body was cut off".into())),
            Wire::Closed => return Err(NoResponse::Connection("the connection was closed".into())),
            Wire::Silent(_) => return Err(NoResponse::Timeout),
        }
        let headers = answer.headers.into_iter().map(|(name, value)| Header { name, value }).collect();
        Ok(Response { status: answer.status, headers, body: answer.body })
    }
}

fn call(request: &Request, secrets: &[(&str, &str)]) -> Result<Call, String> {
    let secret = |name: &str| {
        let known = secrets.iter().find(|(known, _)| *known == name);
        known.map(|(_, value)| (*value).to_owned()).ok_or_else(|| format!("the secret `{name}` has no value"))
    };
    let value = |field: &Field| match &field.value {
        FieldValue::Text(text) => Ok(text.clone()),
        FieldValue::Secret(name) => secret(name),
    };
    let (scheme, rest) = request.url.split_once("://").ok_or("not an absolute address")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut query = Vec::new();
    for field in &request.query {
        query.push((field.name.clone(), value(field)?));
    }
    let mut headers = vec![("user-agent".to_owned(), "ltvd/test".to_owned())];
    for field in &request.headers {
        headers.push((field.name.to_lowercase(), value(field)?));
    }
    let body = match &request.body {
        Body::None => Vec::new(),
        Body::Form(fields) => {
            headers.push(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
            let mut pairs = Vec::new();
            for field in fields {
                pairs.push(format!("{}={}", encode(&field.name), encode(&value(field)?)));
            }
            pairs.join("&").into_bytes()
        }
        Body::Json(json) => {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
            let mut body: serde_json::Value = serde_json::from_str(&json.text).map_err(|error| error.to_string())?;
            for wanted in &json.secrets {
                let (parent, member) = wanted.pointer.rsplit_once('/').ok_or("not a JSON pointer")?;
                let parent = body.pointer_mut(parent).and_then(|parent| parent.as_object_mut());
                parent.ok_or("no such place")?.insert(member.to_owned(), secret(&wanted.secret)?.into());
            }
            body.to_string().into_bytes()
        }
    };
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    match &request.authorization {
        Authorization::None => {}
        Authorization::Basic(basic) => {
            let pair = format!("{}:{}", secret(&basic.username)?, secret(&basic.password)?);
            headers.push(("authorization".to_owned(), format!("Basic {}", STANDARD.encode(pair))));
        }
        Authorization::Bearer(name) => headers.push(("authorization".to_owned(), format!("Bearer {}", secret(name)?))),
        Authorization::Oauth1(oauth) => {
            let (key, signer) = (secret(&oauth.consumer_key)?, secret(&oauth.consumer_secret)?);
            let signed = oauth.base_url.as_deref().unwrap_or(&request.url);
            query.extend(oauth1(oauth, &key, &signer, method, signed, &query));
        }
    }
    // As the daemon does: by RFC 3986, but `/`, `:` and `,` stay as they are.
    let part = |text: &str| encode(text).replace("%2F", "/").replace("%3A", ":").replace("%2C", ",");
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{}={}", part(name), part(value))).collect();
    Ok(Call {
        tls: scheme == "https",
        method: method.to_owned(),
        authority: authority.to_owned(),
        path: format!("/{path}"),
        query: query.join("&"),
        headers,
        body,
        at_unix_ms: NOW_UNIX_MS,
    })
}

/// The time of every native call: 2026-06-01T12:00:00Z.
pub const NOW_UNIX_MS: i64 = 1_780_315_200_000;

/// The parameters that sign a request by RFC 5849, without token.
fn oauth1(
    oauth: &Oauth1,
    key: &str,
    secret: &str,
    method: &str,
    url: &str,
    query: &[(String, String)],
) -> Vec<(String, String)> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NONCE: AtomicU64 = AtomicU64::new(0);
    let name = match oauth.hash {
        Hash::Sha1 => "HMAC-SHA1",
        _ => "HMAC-SHA256",
    };
    let mut added = vec![
        ("oauth_consumer_key".to_owned(), key.to_owned()),
        ("oauth_nonce".to_owned(), format!("nonce{}", NONCE.fetch_add(1, Ordering::Relaxed))),
        ("oauth_signature_method".to_owned(), name.to_owned()),
        ("oauth_timestamp".to_owned(), (NOW_UNIX_MS / 1000).to_string()),
    ];
    let signature = sign(oauth.hash, secret, method, url, query.iter().chain(&added));
    added.push(("oauth_signature".to_owned(), signature));
    added
}

/// The signature over all these parameters, by RFC 5849 section 3.4, in base64.
pub fn sign<'a>(
    hash: Hash,
    secret: &str,
    method: &str,
    url: &str,
    parameters: impl Iterator<Item = &'a (String, String)>,
) -> String {
    use hmac::{KeyInit, Mac};
    let mut pairs: Vec<(String, String)> = parameters.map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.sort();
    let joined: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let base = format!("{method}&{}&{}", encode(url), encode(&joined.join("&")));
    let key = format!("{}&", encode(secret));
    let bytes = match hash {
        Hash::Sha1 => {
            let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(key.as_bytes()).expect("any key");
            mac.update(base.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        _ => {
            let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("any key");
            mac.update(base.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
    };
    STANDARD.encode(bytes)
}
