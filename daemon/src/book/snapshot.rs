//! The book as a file, so that a start need not read the whole log.
//!
//! A cache and no more: what it says is in the log, and whatever is wrong with it, the log is read instead. It is laid out as the tables
//! are in memory, one after the other, and read by several threads. Each table carries a CRC-32: what must be noticed is a
//! file that was torn or has rotted, and that costs a tenth of reading it; nobody gains anything by forging a file that lies beside
//! the ledger itself.
//!
//! ```text
//! magic, version             12 bytes
//! stamp, revision            40 bytes
//! tables                     one after the other
//! list of tables             name, offset, length, checksum of each
//! end                        offset and checksum of the list, with the head; 12 bytes
//! ```

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use crate::limits::book::{SNAPSHOT_READERS, SNAPSHOT_TABLE_NAME_BYTES};

use super::part::{Part, bad};
use super::{Book, HashKey};

const MAGIC: &[u8; 8] = b"ltvdbook";
/// Grows with every change to what any table writes.
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 8 + 4 + 40;
const END_BYTES: u64 = 12;
const BUFFER_BYTES: usize = 256 << 10;

/// Which state of which ledger a snapshot shows. All of it must fit, or the snapshot is of something else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Tells the ledger apart from any other.
    pub ledger: u64,
    /// Number of the last commit that is in.
    pub commit: u64,
    /// Hash of the record of that commit: a ledger restored from a backup may count on from there with other commits.
    pub record: u64,
    /// First block that is not in.
    pub next_block: u32,
}

impl Stamp {
    /// Which state of which ledger a file shows.
    ///
    /// # Errors
    /// If it cannot be read or is no whole snapshot of this version.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(open(file)?.0)
    }
}

/// Stamp and revision of a book.
fn pack_state(book: &Book) -> Vec<u8> {
    let Stamp { ledger, commit, record, next_block } = book.stamp;
    [ledger, commit, record, u64::from(next_block), book.revision].into_iter().flat_map(u64::to_le_bytes).collect()
}

fn unpack_state(bytes: &[u8]) -> Option<(Stamp, u64)> {
    match *bytes.as_chunks::<8>().0 {
        [ledger, commit, record, next_block, revision] => {
            let stamp = Stamp {
                ledger: u64::from_le_bytes(ledger),
                commit: u64::from_le_bytes(commit),
                record: u64::from_le_bytes(record),
                next_block: u32::try_from(u64::from_le_bytes(next_block)).ok()?,
            };
            Some((stamp, u64::from_le_bytes(revision)))
        }
        _ => None,
    }
}

impl HashKey {
    /// Says, without telling the key, whether two ledgers have the same. No text that the book hashes is like it.
    pub fn ledger_id(&self) -> u64 {
        self.short(b"\xffledger")
    }

    /// Of any bytes, for [`Stamp::record`].
    pub fn digest(&self, bytes: &[u8]) -> u64 {
        self.short(bytes)
    }
}

/// Where a table lies in the file.
#[derive(Debug)]
struct Span {
    name: String,
    offset: u64,
    length: u64,
    checksum: u32,
}

impl Book {
    /// Which state of which ledger this is, as the ledger said last.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Says which state of which ledger this is from now on.
    pub fn set_stamp(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// If nothing can be written there.
    pub fn save(&self, file: &File) -> io::Result<()> {
        let mut out = Counted { out: BufWriter::with_capacity(BUFFER_BYTES, file), offset: 0, sum: Default::default() };
        let head = [MAGIC.as_slice(), &VERSION.to_le_bytes(), &pack_state(self)].concat();
        out.write_all(&head)?;
        let mut spans = Vec::new();
        for (name, part) in self.store.parts() {
            let offset = out.offset;
            out.sum = crc32fast::Hasher::new();
            part.write(&mut out)?;
            let checksum = out.sum.clone().finalize();
            spans.push(Span { name: name.to_owned(), offset, length: out.offset - offset, checksum });
        }
        let at = out.offset;
        let list = pack(&spans);
        out.write_all(&list)?;
        out.write_all(&at.to_le_bytes())?;
        out.write_all(&checksum_of(&[&head, &list]).to_le_bytes())?;
        out.out.flush()
    }

    /// The book that was written there. The key must be that of the ledger in its stamp.
    ///
    /// # Errors
    /// If it cannot be read, or anything in it is not as it was written.
    pub fn load(file: &File, hash_key: HashKey) -> io::Result<Self> {
        let (stamp, revision, spans) = open(file)?;
        let mut book = Self::new(hash_key);
        (book.stamp, book.revision) = (stamp, revision);
        let parts = book.store.parts_mut();
        if parts.len() != spans.len() || parts.iter().zip(&spans).any(|((name, _), span)| *name != span.name) {
            return Err(bad("it has other tables"));
        }
        // The longest first, so that no thread is left with a long one in the end.
        let mut work: Vec<(Span, &mut dyn Part)> =
            spans.into_iter().zip(parts.into_iter().map(|(_, part)| part)).collect();
        work.sort_by_key(|(span, _)| span.length);
        let work = Mutex::new(work);
        let next = || work.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let read = || {
            while let Some((span, part)) = next() {
                read_part(file, &span, part)?;
            }
            io::Result::Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (1..SNAPSHOT_READERS).map(|_| scope.spawn(read)).collect();
            let own = read();
            let others =
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(bad("a reader failed"))));
            others.fold(own, Result::and)
        })?;
        if book.store.is_even() { Ok(book) } else { Err(bad("its columns differ in length")) }
    }
}

fn checksum_of(pieces: &[&[u8]]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    pieces.iter().for_each(|piece| sum.update(piece));
    sum.finalize()
}

fn pack(spans: &[Span]) -> Vec<u8> {
    let mut list = Vec::new();
    for span in spans {
        list.push(u8::try_from(span.name.len()).unwrap_or(0));
        list.extend_from_slice(span.name.as_bytes());
        list.extend_from_slice(&span.offset.to_le_bytes());
        list.extend_from_slice(&span.length.to_le_bytes());
        list.extend_from_slice(&span.checksum.to_le_bytes());
    }
    list
}

fn unpack(mut list: &[u8]) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    while let Some((length, rest)) = list.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (checksum, rest) = rest.split_first_chunk()?;
        spans.push(Span {
            name: String::from_utf8(name.to_vec()).ok()?,
            offset: u64::from_le_bytes(*offset),
            length: u64::from_le_bytes(*length),
            checksum: u32::from_le_bytes(*checksum),
        });
        list = rest;
    }
    Some(spans)
}

/// Reads head and list of tables, and looks whether they are whole.
fn open(file: &File) -> io::Result<(Stamp, u64, Vec<Span>)> {
    let mut head = [0; HEAD_BYTES];
    file.read_exact_at(&mut head, 0)?;
    let (magic, rest) = head.split_at(MAGIC.len());
    let (version, state) = rest.split_at(4);
    if magic != MAGIC {
        return Err(bad("it is no snapshot of a book"));
    }
    if version != VERSION.to_le_bytes() {
        return Err(bad("it was written by another version of ltvd"));
    }
    let length = file.metadata()?.len();
    let end_at = length.checked_sub(END_BYTES).ok_or_else(|| bad("it ends early"))?;
    let mut end = [0; END_BYTES as usize];
    file.read_exact_at(&mut end, end_at)?;
    let (at, checksum) = end.split_at(8);
    let at = at.first_chunk().map_or(0, |at| u64::from_le_bytes(*at));
    let list_bytes = end_at.checked_sub(at).and_then(|bytes| usize::try_from(bytes).ok());
    let names = Book::new(HashKey(0, 0)).store.parts().len();
    let list_bytes = list_bytes.filter(|bytes| *bytes <= names * SNAPSHOT_TABLE_NAME_BYTES);
    let mut list = vec![0; list_bytes.ok_or_else(|| bad("it ends early"))?];
    file.read_exact_at(&mut list, at)?;
    if checksum != checksum_of(&[&head, &list]).to_le_bytes() {
        return Err(bad("its checksum is wrong"));
    }
    let read = unpack_state(state).zip(unpack(&list)).map(|((stamp, revision), spans)| (stamp, revision, spans));
    read.ok_or_else(|| bad("its list of tables cannot be read"))
}

fn read_part(file: &File, span: &Span, part: &mut dyn Part) -> io::Result<()> {
    let size = BUFFER_BYTES.min(usize::try_from(span.length).unwrap_or(BUFFER_BYTES)).max(1);
    let mut input = Input {
        file,
        offset: span.offset,
        left: span.length,
        buffer: vec![0; size],
        filled: 0..0,
        sum: crc32fast::Hasher::new(),
    };
    part.read(&mut input)?;
    if input.left > 0 || !input.filled.is_empty() || input.sum.finalize() != span.checksum {
        return Err(bad("a table is not as it was written"));
    }
    Ok(())
}

/// Counts and sums what is written.
struct Counted<W> {
    out: W,
    offset: u64,
    sum: crc32fast::Hasher,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.sum.update(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One table of the file. Several are read at a time, so each reads by offset.
struct Input<'f> {
    file: &'f File,
    offset: u64,
    /// Bytes of the table that are not in the buffer yet.
    left: u64,
    buffer: Vec<u8>,
    /// What of the buffer was not handed on.
    filled: std::ops::Range<usize>,
    sum: crc32fast::Hasher,
}

impl Read for Input<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.filled.is_empty() {
            let wanted = self.buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let room = self.buffer.get_mut(..wanted).unwrap_or_default();
            self.file.read_exact_at(room, self.offset)?;
            self.sum.update(room);
            self.offset += wanted as u64;
            self.left -= wanted as u64;
            self.filled = 0..wanted;
        }
        let ready = self.buffer.get(self.filled.clone()).unwrap_or_default();
        let count = ready.len().min(into.len());
        if let (Some(into), Some(ready)) = (into.get_mut(..count), ready.get(..count)) {
            into.copy_from_slice(ready);
        }
        self.filled.start += count;
        Ok(count)
    }
}
