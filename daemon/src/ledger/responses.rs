//! What platforms answered, as it came: kept with the changes that it led to, and given back when a conversation is read
//! again.
//!
//! A second look at the same days mostly brings the same pages, so equal bodies are kept once and counted.

use redb::{ReadableDatabase, ReadableTable, WriteTransaction};
use sha2::{Digest, Sha256};

use super::ingest::json;
use super::tables::{Came, DELIVERIES, Delivery, EXCHANGES, Exchange, RESPONSES, State, What};
use super::{Ledger, LedgerError};
use crate::limits::ledger::PRUNED_PER_COMMIT;

/// Stores exchanges under a delivery, from this running number on.
pub(super) fn keep(
    write: &WriteTransaction,
    delivery: u64,
    (first, exchanges): &(u32, Vec<Exchange>),
) -> Result<(), LedgerError> {
    if exchanges.is_empty() {
        return Ok(());
    }
    let (mut heads, mut bodies) = (write.open_table(EXCHANGES)?, write.open_table(RESPONSES)?);
    if *first == 0 {
        // A delivery that is tried again brings everything anew.
        let old: Vec<u32> = heads
            .range((delivery, 0)..=(delivery, u32::MAX))?
            .map(|item| Ok(item?.0.value().1))
            .collect::<Result<_, redb::StorageError>>()?;
        for number in old {
            remove(&mut heads, &mut bodies, (delivery, number))?;
        }
    }
    for (number, exchange) in (*first..).zip(exchanges) {
        let mut exchange = exchange.clone();
        if let Came::Response { body, sha256, .. } = &mut exchange.came {
            let hash = Sha256::digest(&*body);
            *sha256 = hex::encode(hash);
            let stored = bodies.get(hash.as_slice())?.map(|stored| stored.value().to_vec());
            let counted = match stored {
                Some(stored) => count(stored, 1),
                None => {
                    let mut counted = 1_u32.to_le_bytes().to_vec();
                    let packed = zstd::bulk::compress(body, 3).map_err(|e| LedgerError::Encode(e.to_string()))?;
                    counted.extend_from_slice(&packed);
                    counted
                }
            };
            bodies.insert(hash.as_slice(), counted.as_slice())?;
        }
        heads.insert((delivery, number), json(&exchange)?.as_slice())?;
    }
    Ok(())
}

type Heads<'t> = redb::Table<'t, (u64, u32), &'static [u8]>;
type Bodies<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

/// Forgets an exchange, and its body if no other names it.
fn remove(heads: &mut Heads<'_>, bodies: &mut Bodies<'_>, key: (u64, u32)) -> Result<(), LedgerError> {
    let Some(removed) = heads.remove(key)?.map(|head| head.value().to_vec()) else { return Ok(()) };
    let exchange = serde_json::from_slice::<Exchange>(&removed);
    let Ok(Exchange { came: Came::Response { sha256, .. }, .. }) = exchange else { return Ok(()) };
    let hash = body_key(&sha256);
    let Some(stored) = bodies.get(hash.as_slice())?.map(|stored| stored.value().to_vec()) else { return Ok(()) };
    let counted = count(stored, -1);
    if is_unused(&counted) {
        bodies.remove(hash.as_slice())?;
    } else {
        bodies.insert(hash.as_slice(), counted.as_slice())?;
    }
    Ok(())
}

/// The same record with another count of exchanges that name it.
fn count(mut record: Vec<u8>, by: i64) -> Vec<u8> {
    if let Some((head, _)) = record.split_first_chunk_mut::<4>() {
        let count = i64::from(u32::from_le_bytes(*head)) + by;
        *head = u32::try_from(count.max(0)).unwrap_or(u32::MAX).to_le_bytes();
    }
    record
}

fn is_unused(record: &[u8]) -> bool {
    record.first_chunk::<4>().is_none_or(|head| u32::from_le_bytes(*head) == 0)
}

impl Ledger {
    /// What was asked while a delivery was read, in order, with bodies.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn exchanges(&self, delivery: u64) -> Result<Vec<Exchange>, LedgerError> {
        let read = self.db.begin_read()?;
        let (heads, bodies) = (read.open_table(EXCHANGES)?, read.open_table(RESPONSES)?);
        let mut exchanges = Vec::new();
        for item in heads.range((delivery, 0)..=(delivery, u32::MAX))? {
            let mut exchange: Exchange = self.parse(item?.1.value())?;
            if let Came::Response { body, sha256, .. } = &mut exchange.came {
                let stored = bodies.get(body_key(sha256.as_str()).as_slice())?;
                let stored =
                    stored.ok_or_else(|| self.damaged(format!("a response of delivery {delivery} is missing")))?;
                let packed = stored.value().get(4..).unwrap_or_default();
                *body = zstd::stream::decode_all(packed)
                    .map_err(|error| self.damaged(format!("a response of delivery {delivery}: {error}")))?;
            }
            exchanges.push(exchange);
        }
        Ok(exchanges)
    }

    /// What was asked while a delivery was read, without bodies, behind this running number. Reads as many as are taken.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn exchange_heads(
        &self,
        delivery: u64,
        after: Option<u32>,
        most: usize,
    ) -> Result<Vec<(u32, Exchange)>, LedgerError> {
        let heads = self.db.begin_read()?.open_table(EXCHANGES)?;
        let first = after.map_or(0, |after| after.saturating_add(1));
        let mut exchanges = Vec::new();
        for item in heads.range((delivery, first)..=(delivery, u32::MAX))?.take(most) {
            let (key, head) = item?;
            exchanges.push((key.value().1, self.parse(head.value())?));
        }
        Ok(exchanges)
    }

    /// The body of one answer, as it came. `None` if there is no such exchange, or nothing was answered.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn response_body(&self, delivery: u64, number: u32) -> Result<Option<Vec<u8>>, LedgerError> {
        let read = self.db.begin_read()?;
        let Some(head) = read.open_table(EXCHANGES)?.get((delivery, number))? else { return Ok(None) };
        let Came::Response { sha256, .. } = self.parse::<Exchange>(head.value())?.came else { return Ok(None) };
        let Some(stored) = read.open_table(RESPONSES)?.get(body_key(&sha256).as_slice())? else { return Ok(None) };
        zstd::stream::decode_all(stored.value().get(4..).unwrap_or_default())
            .map(Some)
            .map_err(|error| self.damaged(format!("a response of delivery {delivery}: {error}")))
    }

    /// Forgets the responses of an integration that are older than this. Gives how many; there may be more.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn prune_responses(&self, integration: &str, before_ms: i64) -> Result<usize, LedgerError> {
        let old = self.old_exchanges(integration, before_ms)?;
        if old.is_empty() {
            return Ok(0);
        }
        let write = self.db.begin_write()?;
        {
            let (mut heads, mut bodies) = (write.open_table(EXCHANGES)?, write.open_table(RESPONSES)?);
            for key in &old {
                remove(&mut heads, &mut bodies, *key)?;
            }
        }
        write.commit()?;
        Ok(old.len())
    }

    fn old_exchanges(&self, integration: &str, before_ms: i64) -> Result<Vec<(u64, u32)>, LedgerError> {
        let read = self.db.begin_read()?;
        let (heads, deliveries) = (read.open_table(EXCHANGES)?, read.open_table(DELIVERIES)?);
        let mut old = Vec::new();
        let mut looked_at = None;
        for item in heads.iter()? {
            let key = item?.0.value();
            let (delivery, _) = key;
            let is_old = match looked_at {
                Some((known, is_old)) if known == delivery => is_old,
                _ => {
                    let Some(record) = deliveries.get(delivery)? else { continue };
                    let record: Delivery = self.parse(record.value())?;
                    // Deliveries are numbered as they come.
                    if record.received_ms >= before_ms {
                        break;
                    }
                    // What a webhook asked for belongs to the webhook, which is kept.
                    // What waits in quarantine is read again from here.
                    let is_old = record.integration == integration
                        && matches!(record.what, What::Poll { .. })
                        && record.state != State::Quarantined;
                    looked_at = Some((delivery, is_old));
                    is_old
                }
            };
            if is_old {
                old.push(key);
            }
            if old.len() >= PRUNED_PER_COMMIT {
                break;
            }
        }
        Ok(old)
    }
}

/// The key of a body. What is no hash names none.
pub(super) fn body_key(sha256: &str) -> Vec<u8> {
    hex::decode(sha256).unwrap_or_default()
}
