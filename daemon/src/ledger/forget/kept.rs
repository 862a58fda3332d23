//! What arrived, without one person: deliveries, the quarantine, answers of platforms, files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read};

use redb::{ReadableDatabase, ReadableTable, WriteTransaction};
use sha2::{Digest, Sha256};

use super::super::ingest::json as to_json;
use super::super::responses::body_key;
use super::super::tables::{
    BODIES, CURSORS, Came, DELIVERIES, Delivery, EXCHANGES, Exchange, IMPORTS, INBOX, Import, MEMORY, PASSES,
    QUARANTINE, Quarantined, RESPONSES, State, What,
};
use super::super::{Ledger, LedgerError};
use super::{Forgotten, Wanted, json, records};

/// Where the person is.
#[derive(Default)]
pub(super) struct Kept {
    /// Webhook deliveries.
    deliveries: BTreeSet<u64>,
    /// Hash of a response to what it is without the person.
    responses: BTreeMap<Vec<u8>, Vec<u8>>,
    /// SHA-256 of archived files, to how many records of theirs.
    files: BTreeMap<String, u64>,
    /// Other records.
    others: bool,
}

impl Kept {
    pub(super) fn is_nothing(&self) -> bool {
        self.deliveries.is_empty() && self.responses.is_empty() && self.files.is_empty() && !self.others
    }
}

impl Ledger {
    /// Looks where the person is. `brought` are webhook deliveries that brought entries of theirs.
    pub(super) fn kept(&self, wanted: &Wanted, brought: &BTreeSet<u64>) -> Result<Kept, LedgerError> {
        let person = &wanted.person;
        let mut kept = Kept::default();
        let read = self.db.begin_read()?;
        let (bodies, inbox) = (read.open_table(BODIES)?, read.open_table(INBOX)?);
        for item in read.open_table(DELIVERIES)?.iter()? {
            let (number, head) = item?;
            let number = number.value();
            let delivery: Delivery = self.parse(head.value())?;
            let in_head = person.is_in(head.value());
            if !matches!(delivery.what, What::Request { .. }) || delivery.state == State::Forgotten {
                kept.others |= in_head;
                continue;
            }
            let body = match bodies.get(number)? {
                Some(bytes) => zstd::stream::decode_all(bytes.value())
                    .map_err(|error| self.damaged(format!("the body of delivery {number}: {error}")))?,
                None => Vec::new(),
            };
            if in_head || person.is_in(&body) || brought.contains(&number) {
                if inbox.get((delivery.integration.as_str(), number))?.is_some() {
                    return Err(LedgerError::NotNow(format!(
                        "delivery {number} names this person and was not read yet; nothing was changed, try again when the inbox is read"
                    )));
                }
                kept.deliveries.insert(number);
            }
        }
        for item in read.open_table(RESPONSES)?.iter()? {
            let (hash, stored) = item?;
            let packed = stored.value().get(4..).unwrap_or_default();
            let body =
                zstd::stream::decode_all(packed).map_err(|error| self.damaged(format!("a response: {error}")))?;
            if person.is_in(&body) {
                let clean = json::strike(person, &wanted.email, &wanted.pseudonym, &body).unwrap_or_default();
                kept.responses.insert(hash.value().to_vec(), clean);
            }
        }
        macro_rules! look_through {
            ($($table:expr),*) => {$(
                for item in read.open_table($table)?.iter()? {
                    kept.others |= person.is_in(item?.1.value());
                }
            )*};
        }
        look_through!(QUARANTINE, IMPORTS, EXCHANGES, MEMORY, CURSORS, PASSES);
        for (_, sha256, _) in self.imports()? {
            if kept.files.contains_key(&sha256) {
                continue;
            }
            let source = match self.archived(&sha256) {
                // A file that is missing has nobody in it.
                Err(LedgerError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
                source => source?,
            };
            let text = as_utf8(source).map_err(|source| self.unreadable(&sha256, source))?;
            let records =
                records::blank(person, text, io::sink()).map_err(|source| self.unreadable(&sha256, source))?;
            if records > 0 {
                kept.files.insert(sha256, records);
            }
        }
        Ok(kept)
    }

    fn unreadable(&self, sha256: &str, source: io::Error) -> LedgerError {
        LedgerError::Io { what: "read the archived file", path: self.dir.join("archive").join(sha256), source }
    }

    /// Rewrites files of the archive. That they lack something is known before.
    pub(super) fn rewrite_files(&self, wanted: &Wanted, kept: &Kept) -> Result<(), LedgerError> {
        if kept.files.is_empty() {
            return Ok(());
        }
        let write = self.db.begin_write()?;
        {
            let mut table = write.open_table(IMPORTS)?;
            for (integration, sha256, import) in self.imports()? {
                if kept.files.contains_key(&sha256) && !import.struck {
                    let struck = Import { struck: true, ..import };
                    table.insert((integration.as_str(), sha256.as_str()), to_json(&struck)?.as_slice())?;
                }
            }
        }
        write.commit()?;
        for sha256 in kept.files.keys() {
            let text = as_utf8(self.archived(sha256)?).map_err(|source| self.unreadable(sha256, source))?;
            let mut target = self.archive()?;
            records::blank(&wanted.person, text, &mut target).map_err(|source| self.unreadable(sha256, source))?;
            target.keep(sha256)?;
        }
        Ok(())
    }
}

impl Kept {
    /// Strikes the person out of everything in redb but the log.
    pub(super) fn strike(&self, write: &WriteTransaction, wanted: &Wanted) -> Result<Forgotten, LedgerError> {
        let person = &wanted.person;
        let mut done = Forgotten {
            files: self.files.len() as u64,
            records: self.files.values().sum(),
            responses: self.responses.len() as u64,
            ..Forgotten::default()
        };
        self.strike_deliveries(write, &mut done)?;
        self.strike_quarantine(write, wanted, &mut done)?;
        self.strike_responses(write)?;
        macro_rules! strike_out {
            ($($table:expr, |$key:ident| $own:expr, $again:expr;)*) => {$({
                let mut table = write.open_table($table)?;
                let mut struck = Vec::new();
                for item in table.iter()? {
                    let (key, value) = item?;
                    if let Some(clean) = person.strike(value.value()) {
                        let $key = key.value();
                        struck.push(($own, clean));
                    }
                }
                done.others += struck.len() as u64;
                for ($key, clean) in &struck {
                    table.insert($again, clean.as_slice())?;
                }
            })*};
        }
        strike_out! {
            DELIVERIES, |key| key, *key;
            IMPORTS, |key| (key.0.to_owned(), key.1.to_owned()), (key.0.as_str(), key.1.as_str());
            EXCHANGES, |key| key, *key;
            MEMORY, |key| key.to_owned(), key.as_str();
            CURSORS, |key| key.to_owned(), key.as_str();
            PASSES, |key| (key.0.to_owned(), key.1), (key.0.as_str(), key.1);
        }
        Ok(done)
    }

    fn strike_deliveries(&self, write: &WriteTransaction, done: &mut Forgotten) -> Result<(), LedgerError> {
        let (mut heads, mut bodies) = (write.open_table(DELIVERIES)?, write.open_table(BODIES)?);
        let (mut inbox, mut quarantine) = (write.open_table(INBOX)?, write.open_table(QUARANTINE)?);
        for number in &self.deliveries {
            let stored = heads.get(number)?.map(|bytes| serde_json::from_slice::<Delivery>(bytes.value()));
            let Some(Ok(mut delivery)) = stored else { continue };
            delivery.what = What::Request { query: String::new(), headers: Vec::new() };
            delivery.state = State::Forgotten;
            heads.insert(number, to_json(&delivery)?.as_slice())?;
            bodies.remove(number)?;
            // One that was put back in the meantime has nothing left to be read.
            inbox.remove((delivery.integration.as_str(), *number))?;
            quarantine.retain_in((*number, 0)..=(*number, u64::MAX), |_, _| false)?;
            done.deliveries += 1;
        }
        Ok(())
    }

    fn strike_quarantine(
        &self,
        write: &WriteTransaction,
        wanted: &Wanted,
        done: &mut Forgotten,
    ) -> Result<(), LedgerError> {
        let mut table = write.open_table(QUARANTINE)?;
        let mut struck = Vec::new();
        for item in table.iter()? {
            let (key, value) = item?;
            let Some(clean) = wanted.person.strike(value.value()) else { continue };
            let mut row: Quarantined =
                serde_json::from_slice(&clean).map_err(|error| LedgerError::Encode(error.to_string()))?;
            row.raw.clear();
            struck.push((key.value(), row));
        }
        for (key, row) in &struck {
            table.insert(*key, to_json(row)?.as_slice())?;
        }
        done.quarantined = struck.len() as u64;
        Ok(())
    }

    /// Puts the changed responses under their new hashes, with the exchanges that name them.
    fn strike_responses(&self, write: &WriteTransaction) -> Result<(), LedgerError> {
        if self.responses.is_empty() {
            return Ok(());
        }
        let (mut heads, mut bodies) = (write.open_table(EXCHANGES)?, write.open_table(RESPONSES)?);
        let count = |stored: &[u8]| stored.first_chunk::<4>().map_or(0, |head| u32::from_le_bytes(*head));
        let mut renamed = BTreeMap::new();
        for (old, body) in &self.responses {
            // Forgotten by age in the meantime.
            let Some(named) = bodies.remove(old.as_slice())?.map(|stored| count(stored.value())) else { continue };
            let new = Sha256::digest(body).to_vec();
            let known = bodies.get(new.as_slice())?.map_or(0, |stored| count(stored.value()));
            let mut stored = named.saturating_add(known).to_le_bytes().to_vec();
            stored.extend(zstd::bulk::compress(body, 3).map_err(|error| LedgerError::Encode(error.to_string()))?);
            bodies.insert(new.as_slice(), stored.as_slice())?;
            renamed.insert(old.as_slice(), hex::encode(new));
        }
        let mut changed = Vec::new();
        for item in heads.iter()? {
            let (key, head) = item?;
            let Ok(mut exchange) = serde_json::from_slice::<Exchange>(head.value()) else { continue };
            let Came::Response { sha256, .. } = &mut exchange.came else { continue };
            if let Some(new) = renamed.get(body_key(sha256.as_str()).as_slice()) {
                sha256.clone_from(new);
                changed.push((key.value(), to_json(&exchange)?));
            }
        }
        for (key, head) in &changed {
            heads.insert(*key, head.as_slice())?;
        }
        Ok(())
    }
}

/// The text of a file that may be UTF-16 with a byte order mark. In every other encoding that is read, quotes,
/// separators and ends of lines are the bytes of ASCII.
pub(super) fn as_utf8(source: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut source = BufReader::new(source);
    let encoding = match source.fill_buf()? {
        [0xff, 0xfe, ..] => encoding_rs::UTF_16LE,
        [0xfe, 0xff, ..] => encoding_rs::UTF_16BE,
        _ => return Ok(Box::new(source)),
    };
    let decoder = encoding.new_decoder_with_bom_removal();
    Ok(Box::new(BufReader::new(Utf8 { source, decoder, done: false })))
}

struct Utf8<R> {
    source: R,
    decoder: encoding_rs::Decoder,
    done: bool,
}

impl<R: BufRead> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.done {
            let piece = self.source.fill_buf()?;
            let last = piece.is_empty();
            let (result, read, written, _) = self.decoder.decode_to_utf8(piece, buffer, last);
            self.source.consume(read);
            self.done = last && result == encoding_rs::CoderResult::InputEmpty;
            if written > 0 || (read == 0 && !last) {
                return Ok(written);
            }
        }
        Ok(0)
    }
}
