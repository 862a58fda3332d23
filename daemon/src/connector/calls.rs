//! Calls into a connector, each on an instance of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer::at_most;
use super::ask::{Asker, delivery as wit_delivery, failure, task as wit_task};
use super::bindings::{types as wit, webhook};
use super::conversation::{Conversation, Guest, Talk};
use super::error::{CallError, CallSite};
use super::host::Connector;
use super::instance::{Budget, Instance, Occasion};
use super::log::{LogLine, cut};
use super::reader::Reader;
use super::time::instant;
use super::types::{CallContext, Delivery, Proof, Replies, Task};
use crate::limits::connector::{ANSWER_BYTES, DESCRIBE, MANIFEST_BYTES, MANIFEST_ITEMS, PROVE};
use crate::model::manifest::{SettingProblem, SettingValue};

impl Connector {
    /// Lets the connector look at its settings together. No problem: nothing is wrong.
    ///
    /// # Errors
    /// If the call gives no answer.
    pub fn validate(&self, settings: &BTreeMap<String, SettingValue>) -> Result<Vec<SettingProblem>, CallError> {
        let site = self.site("connector.validate");
        let occasion = Occasion { integration: "", now_ms: 0 };
        let budget = Budget { time: DESCRIBE, answer_bytes: MANIFEST_BYTES };
        let settings = wit_settings(settings);
        let mut instance = Instance::new(&self.prepared, &site, occasion, budget)?;
        let problems = instance.call(&site, occasion, budget, |store, it, indices| {
            indices.connector.load(&mut *store, it)?.call_validate(store, &settings)
        })?;
        at_most(problems.len(), MANIFEST_ITEMS, "problems").map_err(|what| CallError::Absurd { site, what })?;
        Ok(problems
            .into_iter()
            .map(|said| SettingProblem { setting: said.setting.map(cut), message: cut(said.message) })
            .collect())
    }

    /// Asks what must be checked before a delivery is believed.
    ///
    /// # Errors
    /// If the call gives no answer.
    pub fn prove(&self, delivery: &Delivery, context: &CallContext) -> Result<Proof, CallError> {
        self.prove_aloud(delivery, context).0
    }

    /// As [`Connector::prove`], with what the connector logged.
    pub fn prove_aloud(&self, delivery: &Delivery, context: &CallContext) -> (Result<Proof, CallError>, Vec<LogLine>) {
        let mut log = Vec::new();
        let proof = self.ask_for_proof(delivery, context, &mut log);
        (proof, log)
    }

    fn ask_for_proof(
        &self,
        delivery: &Delivery,
        context: &CallContext,
        log: &mut Vec<LogLine>,
    ) -> Result<Proof, CallError> {
        let site = self.site("webhook.prove");
        let unsupported = || CallError::Unsupported { site: site.clone() };
        let occasion = occasion(context);
        let budget = Budget { time: PROVE, answer_bytes: ANSWER_BYTES };
        let (delivery, context) = (wit_delivery(delivery, context.zone), wit_context(context));
        let mut instance = Instance::brief(self, &site, occasion, budget)?;
        let answer = instance.call(&site, occasion, budget, |store, it, indices| {
            let Some(prove) = &indices.prove else { return Ok(None) };
            let prove =
                it.get_typed_func::<(&webhook::Delivery, &wit::Context), (Result<_, _>,)>(&mut *store, prove)?;
            let (proof,): (Result<webhook::Proof, wit::Failure>,) = prove.call(store, (&delivery, &context))?;
            Ok(Some(proof))
        });
        *log = instance.take_log();
        let proof = answer?
            .ok_or_else(unsupported)?
            .map_err(|said| CallError::Failure { site: site.clone(), failure: failure(said) })?;
        Asker(&self.manifest).proof(proof).map_err(|what| CallError::Absurd { site, what })
    }

    /// Reads a delivery that was proven.
    ///
    /// # Errors
    /// If the call gives no answer.
    pub fn receive(self: &Arc<Self>, delivery: &Delivery, context: &CallContext) -> Result<Conversation, CallError> {
        let talk = Talk::Webhook { received_ms: delivery.received_ms };
        let delivery = wit_delivery(delivery, context.zone);
        Conversation::start(self, talk, "webhook.receive", context, 0, |store, guest, context| match guest {
            Guest::Webhook(guest) => guest.call_receive(store, &delivery, context).map(Some),
            Guest::Poll(_) => Ok(None),
        })
    }

    /// Goes on with a delivery on a fresh instance, from the state of the last step.
    ///
    /// # Errors
    /// If the call gives no answer.
    pub fn resume_receive(
        self: &Arc<Self>,
        received_ms: i64,
        state: &[u8],
        replies: Replies,
        context: &CallContext,
    ) -> Result<Conversation, CallError> {
        Conversation::start_from(self, Talk::Webhook { received_ms }, state, replies, context)
    }

    /// Begins a task of polling.
    ///
    /// # Errors
    /// If the call gives no answer.
    pub fn begin(self: &Arc<Self>, task: Task, context: &CallContext) -> Result<Conversation, CallError> {
        let talk = Talk::poll(&task);
        let task = wit_task(task, context.zone);
        Conversation::start(self, talk, "poll.begin", context, 0, |store, guest, context| match guest {
            Guest::Poll(guest) => guest.call_begin(store, &task, context).map(Some),
            Guest::Webhook(_) => Ok(None),
        })
    }

    /// Goes on with a task of polling on a fresh instance, from the state of the last step.
    ///
    /// # Errors
    /// If the call gives no answer.
    pub fn resume_poll(
        self: &Arc<Self>,
        task: &Task,
        state: &[u8],
        replies: Replies,
        context: &CallContext,
    ) -> Result<Conversation, CallError> {
        Conversation::start_from(self, Talk::poll(task), state, replies, context)
    }

    /// Makes a reader for one file, or for one thread's share of it. `others` are the headings of the columns beyond the
    /// declared ones.
    ///
    /// # Errors
    /// If the connector reads no files.
    pub fn reader(
        self: &Arc<Self>,
        format: &str,
        others: Vec<String>,
        context: &CallContext,
    ) -> Result<Reader, CallError> {
        if !self.interfaces.csv {
            return Err(CallError::Unsupported { site: self.site("csv.read") });
        }
        Ok(Reader::new(Arc::clone(self), format, others, context))
    }

    pub(super) fn site(&self, function: &'static str) -> CallSite {
        CallSite {
            connector: self.manifest.id.as_str().into(),
            version: self.manifest.version.as_str().into(),
            function,
        }
    }
}

pub(super) fn occasion(context: &CallContext) -> Occasion<'_> {
    Occasion { integration: &context.integration, now_ms: context.now_ms }
}

pub(super) fn wit_context(given: &CallContext) -> wit::Context {
    wit::Context {
        now: instant(given.now_ms, given.zone),
        zone: given.zone.name().to_owned(),
        settings: wit_settings(&given.settings),
        secrets: given.secrets.clone(),
        memory: given.memory.clone(),
    }
}

fn wit_settings(given: &BTreeMap<String, SettingValue>) -> Vec<wit::Setting> {
    given
        .iter()
        .map(|(name, value)| wit::Setting {
            name: name.clone(),
            value: match value {
                SettingValue::Text(text) => wit::SettingValue::Text(text.clone()),
                SettingValue::Integer(number) => wit::SettingValue::Integer(*number),
                SettingValue::Boolean(truth) => wit::SettingValue::Boolean(*truth),
                SettingValue::Texts(texts) => wit::SettingValue::Texts(texts.clone()),
            },
        })
        .collect()
}
