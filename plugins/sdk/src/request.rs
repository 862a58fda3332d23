//! Requests, and what comes back.

use crate::delivery::header;
use crate::form;
use crate::form::Value;
use crate::types::{
    Authorization, Basic, Body, Failure, Field, FieldValue, JsonBody, JsonSecret, Method, Request, Response,
};

impl Request {
    /// Any request, to an absolute address without query. Repeatable if it is a GET.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Request {
            tag: String::new(),
            method,
            url: url.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::None,
            authorization: Authorization::None,
            repeatable: method == Method::Get,
            attempts_max: 0,
            wait_ms: 0,
        }
    }

    /// A GET, which may be repeated.
    pub fn get(url: impl Into<String>) -> Self {
        Request::new(Method::Get, url)
    }

    /// A POST, which is sent once unless [`repeatable`](Self::repeatable).
    pub fn post(url: impl Into<String>) -> Self {
        Request::new(Method::Post, url)
    }

    /// A PUT, which is sent once unless [`repeatable`](Self::repeatable).
    pub fn put(url: impl Into<String>) -> Self {
        Request::new(Method::Put, url)
    }

    /// A DELETE, which is sent once unless [`repeatable`](Self::repeatable).
    pub fn delete(url: impl Into<String>) -> Self {
        Request::new(Method::Delete, url)
    }

    /// Adds a field to the query.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push(Field { name: name.into(), value: FieldValue::Text(value.to_string()) });
        self
    }

    /// Adds a secret to the query.
    #[must_use]
    pub fn query_secret(mut self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        self.query.push(Field { name: name.into(), value: FieldValue::Secret(secret.into()) });
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Field { name: name.into(), value: FieldValue::Text(value.into()) });
        self
    }

    /// Adds a header that is a secret.
    #[must_use]
    pub fn header_secret(mut self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        self.headers.push(Field { name: name.into(), value: FieldValue::Secret(secret.into()) });
        self
    }

    /// Adds a field to the body, which becomes a form.
    #[must_use]
    pub fn form(self, name: impl Into<String>, value: impl ToString) -> Self {
        self.form_field(Field { name: name.into(), value: FieldValue::Text(value.to_string()) })
    }

    /// Adds a secret to the body, which becomes a form.
    #[must_use]
    pub fn form_secret(self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        self.form_field(Field { name: name.into(), value: FieldValue::Secret(secret.into()) })
    }

    fn form_field(mut self, field: Field) -> Self {
        match &mut self.body {
            Body::Form(fields) => fields.push(field),
            body => *body = Body::Form(vec![field]),
        }
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(mut self, text: impl Into<String>) -> Self {
        self.body = Body::Json(JsonBody { text: text.into(), secrets: Vec::new() });
        self
    }

    /// Puts a secret into the JSON body, at a JSON Pointer such as `/secret`.
    #[must_use]
    pub fn json_secret(mut self, pointer: impl Into<String>, secret: impl Into<String>) -> Self {
        if let Body::Json(json) = &mut self.body {
            json.secrets.push(JsonSecret { pointer: pointer.into(), secret: secret.into() });
        }
        self
    }

    /// HTTP Basic with these two secrets.
    #[must_use]
    pub fn basic(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.authorization = Authorization::Basic(Basic { username: username.into(), password: password.into() });
        self
    }

    /// `Authorization: Bearer` with this secret.
    #[must_use]
    pub fn bearer(mut self, secret: impl Into<String>) -> Self {
        self.authorization = Authorization::Bearer(secret.into());
        self
    }

    /// Comes back with the response.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = tag.into();
        self
    }

    /// After how many attempts the daemon gives up: 0 = its own limit.
    #[must_use]
    pub fn attempts(mut self, attempts_max: u8) -> Self {
        self.attempts_max = attempts_max;
        self
    }

    /// Milliseconds to wait before it is sent, at most 60,000.
    #[must_use]
    pub fn wait_ms(mut self, wait_ms: u32) -> Self {
        self.wait_ms = wait_ms;
        self
    }

    /// Sending it twice does no harm.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}

impl Response {
    /// The first header with this name, whatever its case. `None` if it is missing or empty.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// True for a status from 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Failure::Malformed`] if it is not JSON.
    pub fn json(&self) -> Result<Value, Failure> {
        form::json(&self.body).map_err(|error| Failure::Malformed(error.to_string()))
    }
}
