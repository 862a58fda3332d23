//! What a platform answered when it was asked before.

use std::collections::{HashMap, VecDeque};

use crate::connector::{Header, NoResponse, Reply, Request, Response};
use crate::ledger::{Came, Exchange};
use crate::platform::{Sent, key};

/// Answers requests from the archive: equal ones in the order in which they were answered, and with the last answer when
/// there is none left.
#[derive(Debug, Default)]
pub(in crate::doors) struct Recorded {
    answers: HashMap<String, VecDeque<Came>>,
}

impl Recorded {
    pub(in crate::doors) fn new(exchanges: Vec<Exchange>) -> Self {
        let mut answers: HashMap<String, VecDeque<Came>> = HashMap::new();
        for exchange in exchanges {
            answers.entry(exchange.request).or_default().push_back(exchange.came);
        }
        Self { answers }
    }

    pub(in crate::doors) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    pub(super) fn answer(&mut self, request: &Request) -> Option<Sent> {
        let key = key(request);
        let known = self.answers.get_mut(&key)?;
        let came = if known.len() > 1 { known.pop_front()? } else { known.front()?.clone() };
        let outcome = match came {
            Came::Response { status, headers, body, .. } => Ok(Response {
                status,
                headers: headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
                body,
            }),
            Came::Timeout => Err(NoResponse::Timeout),
            Came::Connection(why) => Err(NoResponse::Connection(why)),
            Came::TooLarge(limit) => Err(NoResponse::TooLarge(limit)),
            Came::Refused(why) => Err(NoResponse::Refused(why)),
        };
        Some(Sent { key, reply: Reply { tag: request.tag.clone(), outcome } })
    }
}
