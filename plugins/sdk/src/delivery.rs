//! Deliveries and their proofs.

use crate::form;
use crate::form::Value;
use crate::types::{Delivery, Equals, Failure, Hash, Header, Hmac, Message, Proof, WebhookDescription};

impl Delivery {
    /// The first header with this name, whatever its case. `None` if it is missing or empty.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as a tree: JSON, a form or multipart, by its content type and its first byte.
    ///
    /// # Errors
    /// [`Failure::Malformed`] if it cannot be read.
    pub fn body(&self) -> Result<Value, Failure> {
        let content_type = self.header("content-type");
        form::read(content_type, &self.body).map_err(|error| Failure::Malformed(error.to_string()))
    }

    /// As [`body`](Self::body), where only these members are needed, as for a proof: of a form nothing else is taken apart.
    ///
    /// # Errors
    /// [`Failure::Malformed`] if it cannot be read.
    pub fn members(&self, names: &[&str]) -> Result<Value, Failure> {
        let content_type = self.header("content-type");
        form::read_only(content_type, &self.body, names).map_err(|error| Failure::Malformed(error.to_string()))
    }

    /// The query of the address as a tree.
    ///
    /// # Errors
    /// [`Failure::Malformed`] if it has too many fields.
    pub fn query(&self) -> Result<Value, Failure> {
        form::urlencoded(&self.query).map_err(|error| Failure::Malformed(error.to_string()))
    }
}

pub(crate) fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(header.value.trim()).filter(|value| !value.is_empty())
}

impl Proof {
    /// The platform sends a shared word: it must equal this secret.
    pub fn equals(secret: impl Into<String>, word: impl Into<Vec<u8>>) -> Self {
        Proof::Equals(Equals { secret: secret.into(), value: word.into() })
    }

    /// The platform signs: one of the signatures must be the HMAC of the message with this secret.
    pub fn hmac(hash: Hash, secret: impl Into<String>, message: Message, signatures: Vec<Vec<u8>>) -> Self {
        Proof::Hmac(Hmac { hash, secret: secret.into(), message, signatures, signed_unix_ms: None })
    }
}

impl Proof {
    /// As [`hmac`](Self::hmac), over these parts one after the other: `&[stamp.as_bytes(), b".", &delivery.body]`.
    pub fn hmac_of(hash: Hash, secret: impl Into<String>, parts: &[&[u8]], signatures: Vec<Vec<u8>>) -> Self {
        Proof::hmac(hash, secret, Message::Bytes(parts.concat()), signatures)
    }

    /// The moment that the signature covers, milliseconds since 1970-01-01T00:00:00Z: the daemon refuses what is more than five
    /// minutes off. Only of an HMAC.
    #[must_use]
    pub fn signed_at(mut self, unix_ms: i64) -> Self {
        if let Proof::Hmac(hmac) = &mut self {
            hmac.signed_unix_ms = Some(unix_ms);
        }
        self
    }
}

impl WebhookDescription {
    /// Provable deliveries of these topics, by the platform's own names.
    #[must_use]
    pub fn new(topics: &[&str]) -> Self {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        WebhookDescription { topics, manual_setup: None, provable: true }
    }

    /// How to set it up by hand, in sentences.
    #[must_use]
    pub fn manual_setup(mut self, steps: impl Into<String>) -> Self {
        self.manual_setup = Some(steps.into());
        self
    }

    /// Deliveries cannot be proven beyond the random part of the address.
    #[must_use]
    pub fn unprovable(mut self) -> Self {
        self.provable = false;
        self
    }
}
