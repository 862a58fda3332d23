//! Deletes a person: their identity leaves the ledger and the archive, their money stays.
//!
//! Files of the archive are rewritten first, each by a rename; then one transaction changes everything in redb. A crash between
//! leaves files without the person and a ledger that still knows them, and forgetting again completes it.

mod aliases;
mod copies;
mod json;
mod kept;
mod person;
mod records;
mod renew;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

use redb::{ReadableDatabase, ReadableTable, WriteTransaction};

use super::ingest::json as to_json;
use super::tables::{BLOCKS, Commit, FORGOTTEN, LOG, META};
use super::{Ledger, LedgerError, Next, blocks};
use crate::book::normalise_email;
use crate::model::{Change, Customer, Door, Entry};

use aliases::Alias;
pub(super) use aliases::Aliases;
pub use copies::copies;
use person::Person;
pub(super) use renew::renew;

/// What was changed to forget a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Forgotten {
    /// Entries of the log that name a pseudonym now, earlier versions included.
    pub entries: u64,
    /// Webhook deliveries that lost their content.
    pub deliveries: u64,
    /// Archived files that were rewritten.
    pub files: u64,
    /// Records of these files that are empty lines now.
    pub records: u64,
    /// Answers of platforms that were rewritten.
    pub responses: u64,
    /// Rows in quarantine that lost their text.
    pub quarantined: u64,
    /// Other records, such as requests to platforms and names of files, in which the address was struck out.
    pub others: u64,
}

/// Whom to look for.
struct Wanted {
    /// Normalised.
    email: String,
    pseudonym: String,
    person: Person,
    /// (integration, id) that stand for the address.
    ids: BTreeSet<(String, String)>,
}

/// The log without the person.
#[derive(Default)]
struct Renamed {
    blocks: BTreeMap<u32, Vec<u8>>,
    entries: u64,
    /// Webhook deliveries that brought entries of the person.
    deliveries: BTreeSet<u64>,
}

/// In `META`: free pages of the file hold what was deleted, so the next start writes the database anew.
const RENEW: &str = "renew";

impl Ledger {
    /// Forgets the person with this e-mail address: entries go on under a pseudonym, and what arrived loses the person. Waits for what
    /// is being stored. Everything dated before `at_ms` (milliseconds since 1970-01-01T00:00:00Z) that comes again goes to the
    /// pseudonym. `None` if the address is nowhere.
    ///
    /// # Errors
    /// [`LedgerError::NotNow`] if the person is in a delivery that was not read yet. If the storage fails.
    pub fn forget(&self, email: &str, at_ms: i64) -> Result<Option<Forgotten>, LedgerError> {
        let Some(email) = normalise_email(email) else { return Ok(None) };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        self.delete_unknown()?;
        let wanted = self.wanted(email.into_owned())?;
        let renamed = self.renamed(&wanted)?;
        let kept = self.kept(&wanted, &renamed.deliveries)?;
        if renamed.blocks.is_empty() && kept.is_nothing() {
            return Ok(None);
        }
        self.rewrite_files(&wanted, &kept)?;

        // Until the book is read anew, no snapshot of the old one may come back.
        let io = |source| LedgerError::Io { what: "remove the snapshot in", path: self.dir.clone(), source };
        let _no_snapshot = self.snapshots.remove().map_err(io)?;
        let write = self.db.begin_write()?;
        let mut done = kept.strike(&write, &wanted)?;
        done.entries = renamed.entries;
        let mut aliases = Aliases::clone(&self.aliases());
        if !renamed.blocks.is_empty() {
            insert(&write, &renamed, &next, at_ms)?;
        }
        remember(&write, &mut aliases, &wanted, at_ms)?;
        write.open_table(META)?.insert(RENEW, [1].as_slice())?;
        write.commit()?;
        self.quarantine_changed();

        *self.aliases.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(aliases);
        self.last_block.clear();
        if !renamed.blocks.is_empty() {
            // From here on it is durable: the book must follow, or the process must end.
            let (book, after, _) = self.read_book(None).map_err(|error| match error {
                LedgerError::Book(error) => LedgerError::Behind(error),
                other => other,
            })?;
            *next = after;
            *self.book.write().unwrap_or_else(PoisonError::into_inner) = book;
        }
        Ok(Some(done))
    }

    /// Who was forgotten, to be asked by what comes in.
    pub(super) fn aliases(&self) -> Arc<Aliases> {
        Arc::clone(&self.aliases.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Finds out how the address is spelled, and which ids stand for it.
    fn wanted(&self, email: String) -> Result<Wanted, LedgerError> {
        let (mut spellings, mut ids) = (BTreeSet::from([email.clone()]), BTreeSet::new());
        self.each_block(|commit, _, changes| {
            for entry in changes.iter().flat_map(entries_of) {
                let Customer { email: Some(said), id } = &entry.customer else { continue };
                if normalise_email(said).is_none_or(|said| said != email) {
                    continue;
                }
                spellings.insert(said.trim().to_owned());
                ids.extend(id.iter().map(|id| (commit.integration.clone(), id.clone())));
            }
            Ok(())
        })?;
        let book = self.book();
        let customer = book.find_email(&email);
        // An id that was seen with several addresses stands for one of them only.
        ids.retain(|(integration, id)| {
            let found = book.find_id(integration, id);
            found.is_some() && found.map(|found| book.resolve(found)) == customer
        });
        drop(book);
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| LedgerError::Encode(error.to_string()))?;
        let random = u64::from_le_bytes(random);
        let person = Person::new(&spellings);
        Ok(Wanted { email, pseudonym: format!("forgotten-{random:016x}@invalid"), person, ids })
    }

    /// Works out the log without the person.
    fn renamed(&self, wanted: &Wanted) -> Result<Renamed, LedgerError> {
        let mut only = Aliases::none(self.hash_key);
        let alias = Alias { pseudonym: wanted.pseudonym.clone(), until_ms: i64::MAX };
        only.add(only.hash_of_email(&wanted.email), alias.clone());
        for (integration, id) in &wanted.ids {
            only.add(only.hash_of_id(integration, id), alias.clone());
        }
        let mut renamed = Renamed::default();
        self.each_block(|commit, number, mut changes| {
            let entries: u64 = changes.iter_mut().map(|change| only.rename_stored(&commit.integration, change)).sum();
            if entries > 0 {
                renamed.entries += entries;
                renamed.blocks.insert(number, blocks::encode(&changes)?);
                if commit.door == Door::Webhook {
                    renamed.deliveries.insert(commit.delivery);
                }
            }
            Ok(())
        })?;
        Ok(renamed)
    }

    /// The log, block by block.
    fn each_block(
        &self,
        mut each: impl FnMut(&Commit, u32, Vec<Change>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let read = self.db.begin_read()?;
        let (log, table) = (read.open_table(LOG)?, read.open_table(BLOCKS)?);
        for item in log.iter()? {
            let (number, bytes) = item?;
            let commit: Commit = postcard::from_bytes(bytes.value())
                .map_err(|error| self.damaged(format!("commit {}: {error}", number.value())))?;
            for block in commit.first_block..commit.first_block.saturating_add(commit.blocks) {
                let Some(packed) = table.get(block)? else {
                    return Err(self.damaged(format!("block {block} is missing")));
                };
                each(&commit, block, blocks::decode(packed.value()).map_err(|what| self.damaged(what))?)?;
            }
        }
        Ok(())
    }
}

fn entries_of(change: &Change) -> &[Entry] {
    match change {
        Change::Put(entry) => std::slice::from_ref(entry),
        Change::ReplaceOrder(order) => &order.entries,
        Change::Withdraw(_) => &[],
    }
}

/// Puts the changed blocks in their places. A commit without blocks moves the revision on, so that nothing that was made of the book
/// before is taken for what it is now.
fn insert(write: &WriteTransaction, renamed: &Renamed, next: &Next, at_ms: i64) -> Result<(), LedgerError> {
    let mut table = write.open_table(BLOCKS)?;
    for (number, block) in &renamed.blocks {
        table.insert(number, block.as_slice())?;
    }
    let mut log = write.open_table(LOG)?;
    let last = log.last()?.map(|(_, bytes)| postcard::from_bytes::<Commit>(bytes.value()));
    let Some(last) = last.transpose().map_err(|error| LedgerError::Encode(error.to_string()))? else { return Ok(()) };
    let commit = Commit { at_ms, first_block: next.block, blocks: 0, counts: crate::book::Counts::default(), ..last };
    let bytes = postcard::to_stdvec(&commit).map_err(|error| LedgerError::Encode(error.to_string()))?;
    log.insert(next.commit, bytes.as_slice())?;
    Ok(())
}

/// Keeps who was forgotten, hashed. The pseudonym stands for itself: what the archive says under it has no other id.
fn remember(write: &WriteTransaction, aliases: &mut Aliases, wanted: &Wanted, at_ms: i64) -> Result<(), LedgerError> {
    let Wanted { email, pseudonym, ids, .. } = wanted;
    let mut hashes: Vec<(u64, i64)> =
        ids.iter().map(|(integration, id)| (aliases.hash_of_id(integration, id), at_ms)).collect();
    hashes.push((aliases.hash_of_email(email), at_ms));
    hashes.push((aliases.hash_of_email(pseudonym), i64::MAX));
    let mut table = write.open_table(FORGOTTEN)?;
    for (hash, until_ms) in hashes {
        aliases.add(hash, Alias { pseudonym: pseudonym.clone(), until_ms });
        table.insert(hash, to_json(&aliases.of_hash(hash))?.as_slice())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
