//! Steps, requests and proofs: what a conversation says, checked, and what is said back.

use super::answer::{AnswerReader, Checked, at_most, id, rejects};
use super::bindings::{poll as wit_poll, types as wit, webhook as wit_webhook};
use super::log::cut;
use super::manifest::axis;
use super::time::{instant, local_day, quoted};
use super::types::{
    Answer, Ask, Authorization, Body, Coverage, Delivery, Failure, Field, Hash, Header, Hmac, JsonSecret, Method, Next,
    NoResponse, Outcome, Pause, Progress, Proof, Replies, Request, Step, Subscription, SubscriptionAction, Tally, Task,
    Value,
};
use crate::limits::connector::{
    CHANGES, FIELDS, KEPT_MEMORY_BYTES, ORDERS, OUTCOME_ITEMS, REJECTS, REQUEST_TAG_BYTES, REQUEST_WAIT_MS, REQUESTS,
    SIGNATURES, STATE_BYTES, TEXT_BYTES, URL_BYTES,
};
use crate::model::manifest::{Axis, Manifest, SettingKind};
use crate::model::{Kind, Zone};

/// Reads what a connector wants next. Knows which secrets it may name.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a>(pub(super) &'a Manifest);

impl Asker<'_> {
    /// A step, of a call that was given so many responses.
    pub(super) fn step(self, said: wit::Step, received_ms: Option<i64>, responses: usize) -> Checked<Step> {
        let mut reader = AnswerReader::new(received_ms);
        at_most(said.changes.len(), CHANGES, "changes")?;
        let (known, foreign) = reader.foreign(said.changes);
        let changes = reader.changes(known, CHANGES)?;
        let mut rejects = rejects(said.rejects, REJECTS, responses)?;
        rejects.extend(foreign);
        if let Some(memory) = &said.memory {
            at_most(memory.len(), KEPT_MEMORY_BYTES, "bytes of memory")?;
        }
        let next = match said.next {
            wit::Next::Ask(said) => Next::Ask(self.ask(said)?),
            wit::Next::Done(said) => Next::Done(outcome(said)?),
        };
        Ok(Step {
            changes,
            rejects,
            progress: said.progress.map(|said| Progress { done: said.done, total: said.total }),
            memory: said.memory,
            next,
            rounded: reader.rounded,
            parts_mismatch: reader.parts_mismatch,
        })
    }

    fn ask(self, said: wit::Ask) -> Checked<Ask> {
        at_most(said.requests.len(), REQUESTS, "requests")?;
        at_most(said.orders.len(), ORDERS, "orders to look up")?;
        if let Some(state) = &said.state {
            at_most(state.len(), STATE_BYTES, "bytes of state")?;
        }
        if said.requests.is_empty() && said.orders.is_empty() {
            return Err("it asks for nothing, and is not done either".to_owned());
        }
        Ok(Ask {
            requests: said.requests.into_iter().map(|said| self.request(said)).collect::<Checked<_>>()?,
            orders: said.orders.into_iter().map(|order| id(order, "an order to look up")).collect::<Checked<_>>()?,
            state: said.state,
        })
    }

    fn request(self, said: wit::Request) -> Checked<Request> {
        at_most(said.tag.len(), REQUEST_TAG_BYTES, "bytes of a request's tag")?;
        at_most(said.url.len(), URL_BYTES, "bytes of a request's address")?;
        if said.wait_ms > REQUEST_WAIT_MS {
            return Err(format!("a request is to wait {} ms, and {REQUEST_WAIT_MS} are allowed", said.wait_ms));
        }
        Ok(Request {
            tag: said.tag,
            method: match said.method {
                wit::Method::Get => Method::Get,
                wit::Method::Post => Method::Post,
                wit::Method::Put => Method::Put,
                wit::Method::Patch => Method::Patch,
                wit::Method::Delete => Method::Delete,
            },
            url: said.url,
            query: self.fields(said.query)?,
            headers: self.fields(said.headers)?,
            body: match said.body {
                wit::Body::None => Body::None,
                wit::Body::Form(fields) => Body::Form(self.fields(fields)?),
                wit::Body::Json(said) => {
                    at_most(said.secrets.len(), FIELDS, "secrets of a JSON body")?;
                    let secrets = said
                        .secrets
                        .into_iter()
                        .map(|said| Ok(JsonSecret { pointer: said.pointer, secret: self.secret(said.secret)? }));
                    Body::Json { secrets: secrets.collect::<Checked<_>>()?, text: said.text }
                }
            },
            authorization: match said.authorization {
                wit::Authorization::None => Authorization::None,
                wit::Authorization::Basic(said) => Authorization::Basic {
                    username: self.secret(said.username)?,
                    password: self.secret(said.password)?,
                },
                wit::Authorization::Bearer(secret) => Authorization::Bearer(self.secret(secret)?),
                wit::Authorization::Oauth1(said) => Authorization::Oauth1 {
                    consumer_key: self.secret(said.consumer_key)?,
                    consumer_secret: self.secret(said.consumer_secret)?,
                    hash: hash(said.hash),
                    base_url: said.base_url,
                },
            },
            repeatable: said.repeatable,
            attempts_max: said.attempts_max,
            wait_ms: said.wait_ms,
        })
    }

    fn fields(self, said: Vec<wit::Field>) -> Checked<Vec<Field>> {
        at_most(said.len(), FIELDS, "fields of a request")?;
        said.into_iter()
            .map(|said| {
                let value = match said.value {
                    wit::Value::Text(text) => Value::Text(text),
                    wit::Value::Secret(name) => Value::Secret(self.secret(name)?),
                };
                Ok(Field { name: said.name, value })
            })
            .collect()
    }

    /// The name of a secret that the manifest declares.
    fn secret(self, name: String) -> Checked<String> {
        let declared = self.0.settings.iter().any(|setting| {
            setting.name == name && matches!(setting.kind, SettingKind::Secret | SettingKind::GeneratedSecret)
        });
        if declared {
            Ok(name)
        } else {
            Err(format!("it names the secret {}, which its manifest does not declare", quoted(&name)))
        }
    }

    pub(super) fn proof(self, said: wit_webhook::Proof) -> Checked<Proof> {
        Ok(match said {
            wit_webhook::Proof::Hmac(said) => {
                at_most(said.signatures.len(), SIGNATURES, "signatures")?;
                Proof::Hmac(Hmac {
                    hash: hash(said.hash),
                    secret: self.secret(said.secret)?,
                    message: match said.message {
                        wit_webhook::Message::Body => None,
                        wit_webhook::Message::Bytes(bytes) => Some(bytes),
                    },
                    signatures: said.signatures,
                    signed_ms: said.signed_unix_ms,
                })
            }
            wit_webhook::Proof::Equals(said) => Proof::Equals { secret: self.secret(said.secret)?, value: said.value },
            wit_webhook::Proof::AddressOnly => Proof::AddressOnly,
            wit_webhook::Proof::Ping(said) => Proof::Ping(said.map(answer).transpose()?),
            wit_webhook::Proof::Refuse(reason) => Proof::Refuse(cut(reason)),
        })
    }
}

fn answer(said: wit_webhook::Answer) -> Checked<Answer> {
    if !(200..=599).contains(&said.status) {
        return Err(format!("it answers a test call with the status {}", said.status));
    }
    at_most(said.content_type.len(), TEXT_BYTES, "bytes of a content type")?;
    // What goes into a header must not be able to end it.
    if !said.content_type.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Err(format!("it answers a test call with the content type {}", quoted(&said.content_type)));
    }
    Ok(Answer { status: said.status, content_type: said.content_type, body: said.body })
}

const fn hash(said: wit::Hash) -> Hash {
    match said {
        wit::Hash::Sha1 => Hash::Sha1,
        wit::Hash::Sha256 => Hash::Sha256,
        wit::Hash::Sha512 => Hash::Sha512,
    }
}

fn outcome(said: wit::Outcome) -> Checked<Outcome> {
    Ok(match said {
        wit::Outcome::Checked(lines) => {
            at_most(lines.len(), OUTCOME_ITEMS, "lines for the operator")?;
            Outcome::Checked(lines.into_iter().map(cut).collect())
        }
        wit::Outcome::Synced(said) => {
            at_most(said.tallies.len(), OUTCOME_ITEMS, "tallies")?;
            Outcome::Synced(Coverage {
                complete: said.complete,
                axis: axis(said.axis),
                note: said.note.map(cut),
                tallies: said
                    .tallies
                    .into_iter()
                    .map(|said| Tally {
                        collection: cut(said.collection),
                        announced: said.announced,
                        received: said.received,
                    })
                    .collect(),
            })
        }
        wit::Outcome::Subscribed(said) => {
            at_most(said.len(), OUTCOME_ITEMS, "subscriptions")?;
            Outcome::Subscribed(
                said.into_iter()
                    .map(|said| Subscription {
                        id: cut(said.id),
                        topic: cut(said.topic),
                        action: match said.action {
                            wit::SubscriptionAction::Kept => SubscriptionAction::Kept,
                            wit::SubscriptionAction::Created => SubscriptionAction::Created,
                            wit::SubscriptionAction::Reactivated => SubscriptionAction::Reactivated,
                        },
                    })
                    .collect(),
            )
        }
        wit::Outcome::Unsubscribed(count) => Outcome::Unsubscribed(count),
        wit::Outcome::Read => Outcome::Read,
        wit::Outcome::Ignored(reason) => Outcome::Ignored(cut(reason)),
    })
}

pub(super) fn failure(said: wit::Failure) -> Failure {
    let pause = |said: wit::Pause| Pause { after_ms: said.after_ms, message: cut(said.message) };
    match said {
        wit::Failure::Settings(text) => Failure::Settings(cut(text)),
        wit::Failure::Unauthorized(text) => Failure::Unauthorized(cut(text)),
        wit::Failure::Throttled(said) => Failure::Throttled(pause(said)),
        wit::Failure::Unavailable(said) => Failure::Unavailable(pause(said)),
        wit::Failure::Malformed(text) => Failure::Malformed(cut(text)),
        wit::Failure::Internal(text) => Failure::Internal(cut(text)),
    }
}

pub(super) fn delivery(given: &Delivery, zone: Zone) -> wit_webhook::Delivery {
    wit_webhook::Delivery {
        query: given.query.clone(),
        headers: given.headers.iter().cloned().map(header).collect(),
        body: given.body.clone(),
        received: instant(given.received_ms, zone),
    }
}

fn header(given: Header) -> wit::Header {
    wit::Header { name: given.name, value: given.value }
}

pub(super) fn task(given: Task, zone: Zone) -> wit_poll::Task {
    match given {
        Task::Check => wit_poll::Task::Check,
        Task::Sync(window) => wit_poll::Task::Sync(wit_poll::Window {
            axis: match window.axis {
                Axis::Modified => wit::Axis::Modified,
                Axis::Created => wit::Axis::Created,
            },
            start: instant(window.start_ms, zone),
            end: instant(window.end_ms, zone),
            first_day: local_day(window.start_ms, zone),
            // The end does not belong to the window; the instant before it does.
            last_day: local_day(window.end_ms.saturating_sub(1).max(window.start_ms), zone),
        }),
        Task::Refresh(orders) => wit_poll::Task::Refresh(orders),
        Task::Subscribe(url) => wit_poll::Task::Subscribe(url),
        Task::Unsubscribe(url) => wit_poll::Task::Unsubscribe(url),
    }
}

pub(super) fn replies(given: Replies) -> wit::Replies {
    let responses = given.responses.into_iter().map(|reply| wit::Reply {
        tag: reply.tag,
        outcome: match reply.outcome {
            Ok(response) => Ok(wit::Response {
                status: response.status,
                headers: response.headers.into_iter().map(header).collect(),
                body: response.body,
            }),
            Err(NoResponse::Timeout) => Err(wit::NoResponse::Timeout),
            Err(NoResponse::Connection(why)) => Err(wit::NoResponse::Connection(why)),
            Err(NoResponse::TooLarge(limit)) => Err(wit::NoResponse::TooLarge(limit)),
            Err(NoResponse::Refused(why)) => Err(wit::NoResponse::Refused(why)),
        },
    });
    let orders = given.orders.into_iter().map(|order| wit::StoredOrder {
        id: order.id,
        revision: order.revision,
        entries: order
            .entries
            .into_iter()
            .map(|entry| wit::StoredEntry {
                key: wit::EntryKey { kind: kind(entry.key.kind), id: entry.key.id },
                revision: entry.revision,
                unix_ms: entry.unix_ms,
                currency: entry.currency.as_str().to_owned(),
                total: wit::Decimal { coefficient: entry.total, scale: entry.currency.exponent() },
                product_ids: entry.product_ids,
            })
            .collect(),
    });
    wit::Replies { responses: responses.collect(), orders: orders.collect() }
}

const fn kind(kind: Kind) -> wit::Kind {
    match kind {
        Kind::Sale => wit::Kind::Sale,
        Kind::Refund => wit::Kind::Refund,
        Kind::Void => wit::Kind::Void,
        Kind::Chargeback => wit::Kind::Chargeback,
        Kind::ChargebackReversal => wit::Kind::ChargebackReversal,
    }
}
