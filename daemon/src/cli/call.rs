//! A request to the API before it is known who answers it.

use axum::body::Body;
use axum::http::Method;

use crate::redact::percent;

/// Method, path with query, body.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// With the query, percent-encoded.
    pub(super) path: String,
    pub(super) body: Option<Body>,
    has_query: bool,
}

impl Call {
    /// `segments` are the parts of the path, as they are.
    pub(super) fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments)
    }

    pub(super) fn post(segments: &[&str]) -> Self {
        Self::new(Method::POST, segments)
    }

    fn new(method: Method, segments: &[&str]) -> Self {
        let path = segments.iter().map(|segment| format!("/{}", percent(segment))).collect();
        Self { method, path, body: None, has_query: false }
    }

    /// Adds a parameter, if there is a value.
    pub(super) fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.path.push(if self.has_query { '&' } else { '?' });
            self.path.push_str(&format!("{name}={}", percent(&value.to_string())));
            self.has_query = true;
        }
        self
    }

    /// Adds a parameter once for each value.
    pub(super) fn with_each(self, name: &str, values: &[String]) -> Self {
        values.iter().fold(self, |call, value| call.with(name, Some(value)))
    }

    pub(super) fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_breaks_out_of_its_place() {
        let call = Call::get(&["v1", "customers", "a+b/ü@x.de"])
            .with("currency", Some("EUR&x=1"))
            .with("timezone", None::<&str>)
            .with_each("integration", &["one".to_owned(), "two words".to_owned()]);
        assert_eq!(
            call.path,
            "/v1/customers/a%2Bb%2F%C3%BC%40x.de?currency=EUR%26x%3D1&integration=one&integration=two%20words"
        );
    }
}
