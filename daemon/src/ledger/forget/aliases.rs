//! Who was forgotten: keyed hashes of addresses and ids, and the pseudonym that each stands for now.
//!
//! What was forgotten must not come back with a file that is imported again or a platform that is asked again. So entries pass
//! through here on their way in, and the log passed through here when the person was forgotten: both give the same entry.

use std::collections::HashMap;

use redb::{ReadableDatabase, ReadableTable};
use serde::{Deserialize, Serialize};

use crate::book::{Book, HashKey, normalise_email};
use crate::ledger::LedgerError;
use crate::ledger::tables::FORGOTTEN;
use crate::limits::ledger::{ADDRESS_EDGES, DOMAIN_BYTES, LOCAL_PART_BYTES};
use crate::model::{Change, Customer, Entry, EntryKey, Line, Moment};

/// Stands for a person from the beginning up to a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ledger) struct Alias {
    /// What stands in place of the address.
    pub(super) pseudonym: String,
    /// What is dated later belongs to a new customer: milliseconds since 1970-01-01T00:00:00Z.
    pub(super) until_ms: i64,
}

/// Everybody who was forgotten.
#[derive(Debug, Clone)]
pub(in crate::ledger) struct Aliases {
    key: HashKey,
    /// By hash; of one who was forgotten more than once, the earliest first.
    known: HashMap<u64, Vec<Alias>>,
}

/// Clocks on walls are at most this much ahead of UTC, milliseconds.
const AHEAD_MS: i64 = 14 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

impl Alias {
    fn covers(&self, at: Moment) -> bool {
        match at {
            Moment::Utc(ms) => ms < self.until_ms,
            // The zone is not known here. In doubt it is from before: nobody must come back.
            Moment::Local(ms) => ms < self.until_ms.saturating_add(AHEAD_MS),
            Moment::Day(day) => i64::from(day) * DAY_MS < self.until_ms.saturating_add(AHEAD_MS),
            Moment::Received(_) => true,
        }
    }
}

impl Aliases {
    pub(in crate::ledger) fn none(key: HashKey) -> Self {
        Self { key, known: HashMap::new() }
    }

    /// Reads them from the ledger.
    pub(in crate::ledger) fn load(db: &impl ReadableDatabase, key: HashKey) -> Result<Self, LedgerError> {
        let mut aliases = Self::none(key);
        for item in db.begin_read()?.open_table(FORGOTTEN)?.iter()? {
            let (hash, stored) = item?;
            let stored = serde_json::from_slice(stored.value()).map_err(|error| {
                LedgerError::Encode(format!("a record of who was forgotten cannot be read: {error}"))
            })?;
            aliases.known.insert(hash.value(), stored);
        }
        Ok(aliases)
    }

    pub(in crate::ledger) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// What is stored of a hash.
    pub(super) fn of_hash(&self, hash: u64) -> &[Alias] {
        self.known.get(&hash).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn add(&mut self, hash: u64, alias: Alias) {
        self.known.entry(hash).or_default().push(alias);
    }

    pub(super) fn hash_of_email(&self, normalised: &str) -> u64 {
        self.key.digest(format!("\u{1}forgotten address\u{1}{normalised}").as_bytes())
    }

    pub(super) fn hash_of_id(&self, integration: &str, id: &str) -> u64 {
        self.key.digest(format!("\u{1}forgotten id\u{1}{integration}\u{1}{id}").as_bytes())
    }

    fn of_email(&self, email: &str) -> &[Alias] {
        normalise_email(email).map(|email| self.of_hash(self.hash_of_email(&email))).unwrap_or_default()
    }

    /// Who an entry's customer is now, if they were forgotten. `is_known_order` says whether the order is stored under a pseudonym:
    /// what happens to an order later happens to the same customer.
    fn of_customer(
        &self,
        integration: &str,
        entry: &Entry,
        is_known_order: &dyn Fn(&str, &str) -> bool,
    ) -> Option<&Alias> {
        let Customer { email, id } = &entry.customer;
        let aliases = match email.as_deref().filter(|email| normalise_email(email).is_some()) {
            Some(email) => self.of_email(email),
            None => self.of_hash(self.hash_of_id(integration, id.as_deref()?)),
        };
        if aliases.is_empty() {
            return None;
        }
        let order = self.replaced(&entry.order_id, Some(entry.at), None);
        let order = order.as_deref().unwrap_or(&entry.order_id);
        let owner = aliases.iter().find(|alias| is_known_order(order, &alias.pseudonym));
        owner.or_else(|| aliases.iter().find(|alias| alias.covers(entry.at)))
    }

    /// A change as it is stored: without those who were forgotten. True if that made a difference.
    pub(in crate::ledger) fn rename(&self, book: &Book, integration: &str, change: &mut Change) -> bool {
        let is_known_order = |order: &str, pseudonym: &str| {
            let Some(customer) = book.find_email(pseudonym) else { return false };
            let entries = book.order_number(integration, order).map(|number| book.of_order(number)).unwrap_or_default();
            entries.into_iter().any(|row| book.listed_at(row).is_some_and(|listed| listed.customer == customer))
        };
        match change {
            Change::Put(entry) => self.rename_entry(integration, entry, &is_known_order),
            Change::ReplaceOrder(order) => {
                let mut renamed = self.rename_text(&mut order.id, order.entries.first().map(|entry| entry.at), None);
                for entry in &mut order.entries {
                    renamed |= self.rename_entry(integration, entry, &is_known_order);
                    // All of an order have its id.
                    entry.order_id.clone_from(&order.id);
                }
                renamed
            }
            // Nothing tells when it happened: what is stored as it stands is meant as it stands.
            Change::Withdraw(withdrawal) => {
                !book.contains(integration, &withdrawal.key) && self.rename_text(&mut withdrawal.key.id, None, None)
            }
        }
    }

    /// As [`Aliases::rename`], of what is in the log already, whatever its date.
    pub(super) fn rename_stored(&self, integration: &str, change: &mut Change) -> u64 {
        let everything = |_: &str, _: &str| true;
        match change {
            Change::Put(entry) => u64::from(self.rename_entry(integration, entry, &everything)),
            Change::ReplaceOrder(order) => {
                let mut renamed = u64::from(self.rename_text(&mut order.id, None, None));
                for entry in &mut order.entries {
                    renamed += u64::from(self.rename_entry(integration, entry, &everything));
                    entry.order_id.clone_from(&order.id);
                }
                renamed
            }
            Change::Withdraw(withdrawal) => u64::from(self.rename_text(&mut withdrawal.key.id, None, None)),
        }
    }

    fn rename_entry(&self, integration: &str, entry: &mut Entry, is_known_order: &dyn Fn(&str, &str) -> bool) -> bool {
        let owner = self.of_customer(integration, entry, is_known_order).cloned();
        let mut renamed = false;
        if let Some(owner) = &owner {
            let now = Customer { email: Some(owner.pseudonym.clone()), id: None };
            renamed = entry.customer != now;
            entry.customer = now;
        }
        let at = Some(entry.at);
        let Entry { key: EntryKey { id, .. }, also, order_id, lines, tags, .. } = entry;
        let line_texts = lines.iter_mut().flat_map(|Line { product_id, variant_id, sku, name, .. }| {
            [product_id, variant_id, sku, name].into_iter().flatten()
        });
        let texts = [id, order_id].into_iter().chain(also).chain(tags.iter_mut().map(|tag| &mut tag.value));
        for text in texts.chain(line_texts) {
            renamed |= self.rename_text(text, at, owner.as_ref());
        }
        renamed
    }

    fn rename_text(&self, text: &mut String, at: Option<Moment>, owner: Option<&Alias>) -> bool {
        match self.replaced(text, at, owner) {
            Some(new) => {
                *text = new;
                true
            }
            None => false,
        }
    }

    /// A text with pseudonyms for the addresses in it. Nothing tells which alias of one who was forgotten twice is meant but the owner
    /// of the entry, else its date.
    fn replaced(&self, text: &str, at: Option<Moment>, owner: Option<&Alias>) -> Option<String> {
        if !text.contains('@') && !text.contains('＠') {
            return None;
        }
        let pseudonym = |address: &str| {
            let aliases = self.of_email(address);
            let own = aliases.iter().find(|alias| Some(*alias) == owner);
            let at_the_time = || aliases.iter().find(|alias| at.is_none_or(|at| alias.covers(at)));
            // Where it is the address of the customer, nothing of it may stay.
            own.or_else(at_the_time).map(|alias| alias.pseudonym.as_str()).filter(|pseudonym| *pseudonym != address)
        };
        let (mut new, mut from) = (String::new(), 0);
        for (at, sign) in text.char_indices().filter(|(_, c)| matches!(c, '@' | '＠')) {
            if at < from {
                continue;
            }
            let starts = edges(text, from..at, true);
            let ends = edges(text, at + sign.len_utf8()..text.len(), false);
            // The longest first: what is part of another address is not looked at before it.
            let pairs = starts.iter().flat_map(|start| ends.iter().map(move |end| (*start, *end)));
            for (start, end) in pairs {
                let Some(found) = text.get(start..end).and_then(pseudonym) else { continue };
                new.push_str(text.get(from..start).unwrap_or_default());
                new.push_str(found);
                from = end;
                break;
            }
        }
        if from == 0 {
            return None;
        }
        new.push_str(text.get(from..).unwrap_or_default());
        Some(new)
    }
}

/// Where an address may begin before its sign, or end behind it: at the edges of words. The outermost first.
fn edges(text: &str, range: std::ops::Range<usize>, before: bool) -> Vec<usize> {
    let part = text.get(range.clone()).unwrap_or_default();
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut found = Vec::new();
    if before {
        let near = |at: usize| part.len() - at <= LOCAL_PART_BYTES;
        let mut last = None;
        for (at, c) in part.char_indices() {
            if near(at) && !is_word(last) && !c.is_whitespace() {
                found.push(range.start + at);
            }
            last = Some(c);
        }
        let spare = found.len().saturating_sub(ADDRESS_EDGES);
        found.drain(..spare);
    } else {
        let mut last = None;
        for (at, c) in part.char_indices().chain([(part.len(), ' ')]) {
            if at > DOMAIN_BYTES || found.len() >= ADDRESS_EDGES {
                break;
            }
            if is_word(last) && !is_word(Some(c)) {
                found.push(range.start + at);
            }
            if c.is_whitespace() {
                break;
            }
            last = Some(c);
        }
        found.reverse();
    }
    found
}
