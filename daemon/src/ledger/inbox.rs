//! Deliveries: taken in before they are understood, looked up, and put back to be read again.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use redb::{ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use crate::model::Door;

use super::ingest::json;
use super::tables::{
    BODIES, DELIVERIES, Delivery, IMPORTS, INBOX, Import, MARKS, MEMORY, Marks, QUARANTINE, Quarantined, State, What,
};
use super::{Ledger, LedgerError};

/// A request that was believed and is to be kept.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Which integration it is for.
    pub integration: String,
    /// When it arrived, milliseconds since 1970-01-01T00:00:00Z.
    pub received_ms: i64,
    /// Query of the address.
    pub query: String,
    /// Headers without credentials.
    pub headers: Vec<(String, String)>,
    /// Body, secrets masked.
    pub body: Vec<u8>,
}

/// A stored delivery with its body.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its number.
    pub number: u64,
    /// What is known of it.
    pub delivery: Delivery,
    /// As it arrived. Empty for files, whose bytes are in the archive.
    pub body: Vec<u8>,
}

impl Ledger {
    /// Makes deliveries durable, all in one transaction. Once this returns they may be acknowledged. Without any it shows that the
    /// ledger commits.
    ///
    /// # Errors
    /// If the storage fails, or there is no room; then none of them may be acknowledged.
    pub fn receive(&self, deliveries: &[NewDelivery]) -> Result<Vec<u64>, LedgerError> {
        // A sign of life needs no room.
        if !deliveries.is_empty() {
            self.room.must_have(0)?;
        }
        self.place.must_be_the_same()?;
        let encode = |error: std::io::Error| LedgerError::Encode(error.to_string());
        let mut numbers = Vec::with_capacity(deliveries.len());
        let began = Instant::now();
        // One for all of them, since it takes longer to set up than to compress a body; and before the transaction, which
        // others wait for.
        let mut compressor = zstd::bulk::Compressor::new(1).map_err(encode)?;
        let compressed: Vec<_> =
            deliveries.iter().map(|new| compressor.compress(&new.body)).collect::<Result<_, _>>().map_err(encode)?;
        let write = self.db.begin_write()?;
        {
            let (mut heads, mut bodies) = (write.open_table(DELIVERIES)?, write.open_table(BODIES)?);
            let mut inbox = write.open_table(INBOX)?;
            for (new, body) in deliveries.iter().zip(&compressed) {
                let number = self.number_delivery();
                let head = Delivery {
                    integration: new.integration.clone(),
                    door: Door::Webhook,
                    received_ms: new.received_ms,
                    what: What::Request { query: new.query.clone(), headers: new.headers.clone() },
                    state: State::Pending,
                    attempts: 0,
                    from_archive: false,
                };
                heads.insert(number, json(&head)?.as_slice())?;
                bodies.insert(number, body.as_slice())?;
                inbox.insert((new.integration.as_str(), number), ())?;
                numbers.push(number);
            }
        }
        write.commit()?;
        let received = deliveries.len() as u64;
        let told = if received == 0 { Vec::new() } else { vec![(Door::Webhook, State::Pending.name(), received)] };
        self.committed(began.elapsed(), told);
        Ok(numbers)
    }

    /// Numbers of deliveries that wait to be read: of each integration that may have its turn the oldest ones that are wanted,
    /// by turns, at most `limit` in all. Of each integration only the first `looked_at_max` are looked at.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn pending(
        &self,
        limit: usize,
        looked_at_max: usize,
        has_turn: impl Fn(&str) -> bool,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<Vec<u64>, LedgerError> {
        let inbox = self.db.begin_read()?.open_table(INBOX)?;
        let mut lines = Vec::new();
        for name in integrations(&inbox)?.iter().filter(|name| has_turn(name)) {
            let numbers = line(&inbox, name)?.take(looked_at_max);
            let wanted = numbers.filter(|number| number.as_ref().map_or(true, |number| wanted(*number)));
            lines.push(wanted.take(limit).collect::<Result<Vec<_>, LedgerError>>()?);
        }
        let by_turns = (0..limit).flat_map(|rank| lines.iter().filter_map(move |line| line.get(rank)));
        Ok(by_turns.copied().take(limit).collect())
    }

    /// How many deliveries wait to be read, or are about to appear in the book.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn pending_count(&self) -> Result<u64, LedgerError> {
        let waiting = self.db.begin_read()?.open_table(INBOX)?.len()?;
        // In this order: one that leaves meanwhile is counted twice rather than not at all.
        Ok(waiting + self.leaving.load(Ordering::SeqCst))
    }

    /// How many deliveries wait to be read, by integration.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn pending_counts(&self) -> Result<BTreeMap<String, u64>, LedgerError> {
        let inbox = self.db.begin_read()?.open_table(INBOX)?;
        let mut counts = BTreeMap::new();
        for item in inbox.iter()? {
            let name = item?.0;
            match counts.get_mut(name.value().0) {
                Some(count) => *count += 1,
                None => drop(counts.insert(name.value().0.to_owned(), 1)),
            }
        }
        Ok(counts)
    }

    /// A delivery and its body.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn delivery(&self, number: u64) -> Result<Option<Outcome>, LedgerError> {
        let read = self.db.begin_read()?;
        let Some(head) = read.open_table(DELIVERIES)?.get(number)? else { return Ok(None) };
        let delivery = self.parse(head.value())?;
        let body = match read.open_table(BODIES)?.get(number)? {
            Some(bytes) => zstd::stream::decode_all(bytes.value())
                .map_err(|error| self.damaged(format!("the body of delivery {number}: {error}")))?,
            None => Vec::new(),
        };
        Ok(Some(Outcome { number, delivery, body }))
    }

    /// Puts a webhook delivery back into the inbox, to be read again, with what its platform answered then if so wished. False
    /// if there is none with this number, or it is no webhook.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn requeue(&self, number: u64, from_archive: bool) -> Result<bool, LedgerError> {
        let write = self.db.begin_write()?;
        {
            let mut heads = write.open_table(DELIVERIES)?;
            let stored = heads.get(number)?.map(|bytes| bytes.value().to_vec());
            let Some(stored) = stored else { return Ok(false) };
            let mut delivery: Delivery = self.parse(&stored)?;
            if !matches!(delivery.what, What::Request { .. }) || delivery.state == State::Forgotten {
                return Ok(false);
            }
            delivery.state = State::Pending;
            delivery.attempts = 0;
            delivery.from_archive = from_archive;
            heads.insert(number, json(&delivery)?.as_slice())?;
            write.open_table(INBOX)?.insert((delivery.integration.as_str(), number), ())?;
        }
        write.commit()?;
        Ok(true)
    }

    /// Numbers of all webhook deliveries of an integration, oldest first.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn requests_of(&self, integration: &str) -> Result<Vec<u64>, LedgerError> {
        let table = self.db.begin_read()?.open_table(DELIVERIES)?;
        let mut numbers = Vec::new();
        for item in table.iter()? {
            let (number, head) = item?;
            let delivery: Delivery = self.parse(head.value())?;
            if delivery.integration == integration
                && matches!(delivery.what, What::Request { .. })
                && delivery.state != State::Forgotten
            {
                numbers.push(number.value());
            }
        }
        Ok(numbers)
    }

    /// What waits in quarantine: (delivery, line, why), oldest first.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn quarantine(&self, limit: usize) -> Result<Vec<(u64, u64, Quarantined)>, LedgerError> {
        let table = self.db.begin_read()?.open_table(QUARANTINE)?;
        let mut found = Vec::new();
        for item in table.iter()?.take(limit) {
            let (key, value) = item?;
            let (delivery, line) = key.value();
            found.push((delivery, line, self.parse(value.value())?));
        }
        Ok(found)
    }

    /// What of one delivery waits in quarantine: (line, why).
    ///
    /// # Errors
    /// If the storage fails.
    pub fn quarantine_of(&self, delivery: u64) -> Result<Vec<(u64, Quarantined)>, LedgerError> {
        let table = self.db.begin_read()?.open_table(QUARANTINE)?;
        let mut found = Vec::new();
        for item in table.range((delivery, 0)..=(delivery, u64::MAX))? {
            let (key, value) = item?;
            found.push((key.value().1, self.parse(value.value())?));
        }
        Ok(found)
    }

    /// Notes that this connector could not read either what of a delivery waits in quarantine.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn tried_by(&self, delivery: u64, connector: &str) -> Result<(), LedgerError> {
        let write = self.db.begin_write()?;
        {
            let mut table = write.open_table(QUARANTINE)?;
            let mut stale = Vec::new();
            for item in table.range((delivery, 0)..=(delivery, u64::MAX))? {
                let (key, value) = item?;
                let known: Quarantined = self.parse(value.value())?;
                if known.connector != connector {
                    stale.push((key.value(), Quarantined { connector: connector.to_owned(), ..known }));
                }
            }
            if stale.is_empty() {
                return Ok(());
            }
            for (key, tried) in stale {
                table.insert(key, json(&tried)?.as_slice())?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// How much waits in quarantine, by integration. Counted once after each change.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn quarantine_counts(&self) -> Result<Arc<BTreeMap<String, u64>>, LedgerError> {
        // Held while counting: whoever changes the quarantine meanwhile clears what was counted before.
        let mut known = self.quarantined.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = &*known {
            return Ok(Arc::clone(counts));
        }
        let mut counts = BTreeMap::new();
        for (_, _, quarantined) in self.quarantine(usize::MAX)? {
            *counts.entry(quarantined.integration).or_default() += 1;
        }
        let counts = Arc::new(counts);
        *known = Some(Arc::clone(&counts));
        Ok(counts)
    }

    /// The quarantine is not what it was. To be called after the commit that changed it.
    pub(super) fn quarantine_changed(&self) {
        *self.quarantined.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The record of a file that was imported before.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn import(&self, integration: &str, sha256: &str) -> Result<Option<Import>, LedgerError> {
        let table = self.db.begin_read()?.open_table(IMPORTS)?;
        let found = table.get((integration, sha256))?;
        found.map(|bytes| self.parse(bytes.value())).transpose()
    }

    /// All imports: (integration, SHA-256, record).
    ///
    /// # Errors
    /// If the storage fails.
    pub fn imports(&self) -> Result<Vec<(String, String, Import)>, LedgerError> {
        let table = self.db.begin_read()?.open_table(IMPORTS)?;
        let mut found = Vec::new();
        for item in table.iter()? {
            let (key, value) = item?;
            let (integration, sha256) = key.value();
            found.push((integration.to_owned(), sha256.to_owned(), self.parse(value.value())?));
        }
        Ok(found)
    }

    /// How far the data of an integration is complete.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn marks(&self, integration: &str) -> Result<Marks, LedgerError> {
        let table = self.db.begin_read()?.open_table(MARKS)?;
        let found = table.get(integration)?;
        Ok(found.map(|bytes| self.parse(bytes.value())).transpose()?.unwrap_or_default())
    }

    /// What the connector with this file hash remembered for an integration.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn memory(&self, integration: &str, connector_sha256: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let table = self.db.begin_read()?.open_table(MEMORY)?;
        let Some(stored) = table.get(integration)? else { return Ok(None) };
        let rest = stored.value().strip_prefix(connector_sha256.as_bytes());
        Ok(rest.and_then(|rest| rest.strip_prefix(b"\n")).map(<[u8]>::to_vec))
    }

    pub(super) fn parse<T: serde::de::DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, LedgerError> {
        serde_json::from_slice(bytes).map_err(|error| self.damaged(format!("a record cannot be read: {error}")))
    }
}

type Inbox = ReadOnlyTable<(&'static str, u64), ()>;

/// The integrations of which something waits.
fn integrations(inbox: &Inbox) -> Result<Vec<String>, LedgerError> {
    let mut names: Vec<String> = Vec::new();
    let mut from = String::new();
    while let Some(item) = inbox.range((from.as_str(), 0)..)?.next() {
        let name = item?.0.value().0.to_owned();
        // The least text that comes after it.
        from = format!("{name}\0");
        names.push(name);
    }
    Ok(names)
}

/// What waits of one integration, oldest first.
fn line(inbox: &Inbox, name: &str) -> Result<impl Iterator<Item = Result<u64, LedgerError>>, LedgerError> {
    Ok(inbox.range((name, 0)..=(name, u64::MAX))?.map(|item| Ok(item?.0.value().1)))
}
