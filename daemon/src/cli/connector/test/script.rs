//! What a platform answers in a case.

use std::cell::RefCell;

use serde_json::Value as Json;

use crate::connector::{Body, Field, Header, NoResponse, Reply, Request, Response, Value};
use crate::limits::platform::RESPONSE_BYTES;

/// A request that is expected, and what comes back.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) method: String,
    /// Without query.
    pub(super) url: String,
    /// Members that the query must have; it may have others.
    pub(super) query: Vec<(String, String)>,
    /// The same for a form.
    pub(super) form: Vec<(String, String)>,
    /// The same for a JSON body, by JSON Pointer.
    pub(super) json: Vec<(String, Json)>,
    pub(super) came: Came,
}

/// What comes back.
#[derive(Debug, Clone)]
pub(super) enum Came {
    Response { status: u16, headers: Vec<Header>, body: Vec<u8> },
    Timeout,
    Connection,
    TooLarge,
}

/// All exchanges of a delivery. Of those that fit a request the first is taken that was not taken yet; if all were, the last
/// comes again, since a conversation may be held twice.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    exchanges: Vec<Exchange>,
    taken: RefCell<Vec<bool>>,
}

impl Script {
    pub(super) fn new(exchanges: Vec<Exchange>) -> Self {
        let taken = RefCell::new(vec![false; exchanges.len()]);
        Self { exchanges, taken }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// Begins again.
    pub(super) fn rewind(&self) {
        self.taken.borrow_mut().fill(false);
    }

    /// Requests that were expected and not sent.
    pub(super) fn left(&self) -> Vec<String> {
        let taken = self.taken.borrow();
        let left = self.exchanges.iter().zip(taken.iter()).filter(|(_, taken)| !**taken);
        left.map(|(exchange, _)| exchange.to_string()).collect()
    }

    /// What comes back for a request. `None`: it was not expected.
    pub(super) fn answer(&self, request: &Request) -> Option<Reply> {
        let mut taken = self.taken.borrow_mut();
        let fitting: Vec<usize> = (0..self.exchanges.len())
            .filter(|at| self.exchanges.get(*at).is_some_and(|exchange| exchange.fits(request)))
            .collect();
        let fresh = fitting.iter().find(|at| taken.get(**at) == Some(&false));
        let at = *fresh.or(fitting.last())?;
        if let Some(taken) = taken.get_mut(at) {
            *taken = true;
        }
        let outcome = match &self.exchanges.get(at)?.came {
            Came::Response { status, headers, body } => {
                Ok(Response { status: *status, headers: headers.clone(), body: body.clone() })
            }
            Came::Timeout => Err(NoResponse::Timeout),
            Came::Connection => Err(NoResponse::Connection("the connection was closed".to_owned())),
            Came::TooLarge => Err(NoResponse::TooLarge(RESPONSE_BYTES)),
        };
        Some(Reply { tag: request.tag.clone(), outcome })
    }

    /// Every answer with a body, to be changed.
    pub(super) fn bodies(&mut self) -> impl Iterator<Item = (&mut u16, &mut Vec<Header>, &mut Vec<u8>)> {
        self.exchanges.iter_mut().filter_map(|exchange| match &mut exchange.came {
            Came::Response { status, headers, body } => Some((status, headers, body)),
            _ => None,
        })
    }
}

impl Exchange {
    fn fits(&self, request: &Request) -> bool {
        self.method == request.method.as_str()
            && self.url == request.url
            && has_all(&self.query, &request.query)
            && match &request.body {
                Body::Form(fields) => self.json.is_empty() && has_all(&self.form, fields),
                Body::Json { text, .. } => self.form.is_empty() && holds_all(&self.json, text),
                Body::None => self.form.is_empty() && self.json.is_empty(),
            }
    }
}

fn has_all(wanted: &[(String, String)], fields: &[Field]) -> bool {
    wanted.iter().all(|(name, value)| {
        fields.iter().any(|field| field.name == *name && matches!(&field.value, Value::Text(text) if text == value))
    })
}

fn holds_all(wanted: &[(String, Json)], text: &str) -> bool {
    let Ok(body) = serde_json::from_str::<Json>(text) else { return false };
    wanted.iter().all(|(pointer, value)| body.pointer(pointer) == Some(value))
}

impl std::fmt::Display for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        for (name, value) in self.query.iter().chain(&self.form) {
            write!(f, " {name}={value}")?;
        }
        self.json.iter().try_for_each(|(pointer, value)| write!(f, " {pointer}={value}"))
    }
}
