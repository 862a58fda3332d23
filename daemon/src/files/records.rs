//! Splits text into records and cells: RFC 4180, read leniently and without copying.
//!
//! Written here rather than taken from `csv-core`, because line numbers, the place of an open quote and the byte offset of
//! each record are needed, and because cells can be borrowed from the read buffer.

use std::fs::File;
use std::io;

use super::FileError;
use super::positioned::read_at;
use crate::limits::files::RECORD_BYTES;

const DELIMITER: u8 = 1;
const LF: u8 = 2;
const CR: u8 = 4;
const QUOTE: u8 = 8;

/// Ends a cell without quotes.
const ENDS_CELL: u8 = DELIMITER | LF | CR;
/// Matters inside quotes: line breaks only because they are counted.
const INSIDE_QUOTES: u8 = LF | CR | QUOTE;

/// A place in the text where a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes from the start of the working copy.
    pub(super) offset: u64,
    /// Line in the file, from 1.
    pub(super) line: u32,
}

/// Where a cell lies: in the read buffer, or in the buffer of cells that had to be put together.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    joined: bool,
}

/// Reads records one after the other.
pub(super) struct Records<'f> {
    file: &'f File,
    /// Where the next bytes of the file are, and where the text ends.
    next_read: u64,
    end: u64,
    buffer: Vec<u8>,
    /// The part of the buffer that is filled and not yet consumed.
    from: usize,
    filled: usize,
    splitter: Splitter,
    /// Of the next record.
    next: Place,
    /// Of the current record: its place, and where its text lies in the buffer.
    place: Place,
    raw: (usize, usize),
}

impl<'f> Records<'f> {
    /// Records of `file` from `place` to `end`. A small `buffer_bytes` suits jumps, a large one a walk.
    pub(super) fn new(file: &'f File, place: Place, end: u64, delimiter: u8, buffer_bytes: usize) -> Self {
        Self {
            file,
            next_read: place.offset,
            end,
            buffer: vec![0; buffer_bytes.max(64)],
            from: 0,
            filled: 0,
            splitter: Splitter::new(delimiter),
            next: place,
            place,
            raw: (0, 0),
        }
    }

    /// Goes to a place where a record begins.
    pub(super) fn seek(&mut self, place: Place) {
        self.next_read = place.offset;
        self.next = place;
        (self.from, self.filled, self.raw) = (0, 0, (0, 0));
        self.splitter.clear();
    }

    /// Goes to the next record. False: there is none. An empty line is a record with one empty cell.
    ///
    /// # Errors
    /// If a quote is never closed, the record is too long, or reading fails.
    pub(super) fn advance(&mut self) -> Result<bool, FileError> {
        loop {
            let text = self.buffer.get(self.from..self.filled).unwrap_or_default();
            match self.splitter.split(text, self.next_read >= self.end) {
                Split::Record { bytes, consumed, lines } => {
                    if bytes > RECORD_BYTES {
                        let line = self.next.line;
                        return Err(FileError::RecordTooLong { line, quote: None, limit: RECORD_BYTES });
                    }
                    self.place = self.next;
                    self.raw = (self.from, self.from + bytes);
                    self.next.offset += consumed as u64;
                    let line = self.next.line.checked_add(lines);
                    self.next.line = line.ok_or(FileError::TooManyLines { limit: u32::MAX })?;
                    self.splitter.base = self.from;
                    self.from += consumed;
                    return Ok(true);
                }
                Split::End => return Ok(false),
                Split::OpenQuote { lines } => {
                    return Err(FileError::OpenQuote { line: self.next.line.saturating_add(lines) });
                }
                Split::More { quote } => self.refill(quote)?,
            }
        }
    }

    fn refill(&mut self, quote: Option<u32>) -> Result<(), FileError> {
        self.buffer.copy_within(self.from..self.filled, 0);
        self.filled -= self.from;
        self.from = 0;
        if self.filled == self.buffer.len() {
            if self.filled > RECORD_BYTES {
                let quote = quote.map(|lines| self.next.line.saturating_add(lines));
                return Err(FileError::RecordTooLong { line: self.next.line, quote, limit: RECORD_BYTES });
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let wanted = usize::try_from(self.end.saturating_sub(self.next_read)).unwrap_or(usize::MAX).min(free.len());
        let read = read_at(self.file, free.get_mut(..wanted).unwrap_or_default(), self.next_read);
        let read = read.map_err(FileError::Work)?;
        if read == 0 && wanted > 0 {
            return Err(FileError::Work(io::ErrorKind::UnexpectedEof.into()));
        }
        self.filled += read;
        self.next_read += read as u64;
        Ok(())
    }

    /// Where the current record begins.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Where the next record begins.
    pub(super) fn next_place(&self) -> Place {
        self.next
    }

    /// Cells of the current record, at least one.
    pub(super) fn len(&self) -> usize {
        self.splitter.spans.len()
    }

    /// A cell of the current record. One that is missing is empty.
    pub(super) fn cell(&self, index: usize) -> &[u8] {
        self.splitter.spans.get(index).map_or(&[], |span| self.resolve(*span))
    }

    /// All cells of the current record.
    pub(super) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        self.splitter.spans.iter().map(|span| self.resolve(*span))
    }

    /// The current record as it stands in the file, without its line end.
    pub(super) fn raw(&self) -> &[u8] {
        self.buffer.get(self.raw.0..self.raw.1).unwrap_or_default()
    }

    fn resolve(&self, span: Span) -> &[u8] {
        if span.joined {
            self.splitter.joined.get(span.start..span.end).unwrap_or_default()
        } else {
            let base = self.splitter.base;
            self.buffer.get(base + span.start..base + span.end).unwrap_or_default()
        }
    }
}

/// What became of an attempt to split off a record.
enum Split {
    /// A record of so many bytes, so many with its line end, over so many line ends.
    Record { bytes: usize, consumed: usize, lines: u32 },
    /// The text ends before the record does; perhaps within a quote that opens so many lines below the record's start.
    More { quote: Option<u32> },
    /// Nothing is left.
    End,
    /// The file ends within a quote that opens so many lines below the record's start.
    OpenQuote { lines: u32 },
}

/// Finds the cells of one record.
struct Splitter {
    classes: [u8; 256],
    delimiter: u8,
    /// Where the text that was split lies in the read buffer.
    base: usize,
    spans: Vec<Span>,
    joined: Vec<u8>,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        let mut classes = [0; 256];
        for (byte, class) in [(delimiter, DELIMITER), (b'\n', LF), (b'\r', CR), (b'"', QUOTE)] {
            if let Some(entry) = classes.get_mut(usize::from(byte)) {
                *entry = class;
            }
        }
        Self { classes, delimiter, base: 0, spans: Vec::new(), joined: Vec::new() }
    }

    fn clear(&mut self) {
        self.spans.clear();
        self.joined.clear();
    }

    /// The first byte of one of these classes at or after `at`.
    fn find(&self, text: &[u8], at: usize, classes: u8) -> Option<usize> {
        let rest = text.get(at..)?;
        // The table has an entry for every byte, so this index is always good.
        rest.iter().position(|byte| self.classes[usize::from(*byte)] & classes != 0).map(|found| at + found)
    }

    fn split(&mut self, text: &[u8], is_end: bool) -> Split {
        self.clear();
        if text.is_empty() {
            return if is_end { Split::End } else { Split::More { quote: None } };
        }
        let (mut at, mut lines) = (0, 0);
        loop {
            let blanks = text.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| **byte == b' ').count());
            let end = if text.get(at + blanks) == Some(&b'"') {
                match self.quoted(text, at + blanks + 1, is_end, &mut lines) {
                    Ok(end) => end,
                    Err(split) => return split,
                }
            } else {
                let end = match self.find(text, at, ENDS_CELL) {
                    Some(end) => end,
                    None if is_end => text.len(),
                    None => return Split::More { quote: None },
                };
                self.spans.push(Span { start: at, end, joined: false });
                end
            };
            let consumed = match text.get(end) {
                Some(byte) if *byte == self.delimiter => {
                    at = end + 1;
                    continue;
                }
                Some(b'\r') => match text.get(end + 1) {
                    Some(b'\n') => end + 2,
                    None if !is_end => return Split::More { quote: None },
                    _ => end + 1,
                },
                Some(_) => end + 1,
                None => end,
            };
            return Split::Record { bytes: end, consumed, lines: lines + u32::from(consumed > end) };
        }
    }

    /// A cell whose quote opened just before `start`. Gives where the cell ends.
    fn quoted(&mut self, text: &[u8], start: usize, is_end: bool, lines: &mut u32) -> Result<usize, Split> {
        let opened = *lines;
        let more = Split::More { quote: Some(opened) };
        let joined_start = self.joined.len();
        let (mut from, mut at) = (start, start);
        let close = loop {
            let Some(found) = self.find(text, at, INSIDE_QUOTES) else {
                return Err(if is_end { Split::OpenQuote { lines: opened } } else { more });
            };
            let following = text.get(found + 1);
            if following.is_none() && !is_end {
                return Err(more);
            }
            at = found + 1;
            match text.get(found) {
                Some(b'"') if following == Some(&b'"') => {
                    self.joined.extend_from_slice(text.get(from..at).unwrap_or_default());
                    at += 1;
                    from = at;
                }
                Some(b'"') => break found,
                // CRLF is counted at its LF.
                Some(b'\r') if following == Some(&b'\n') => {}
                _ => *lines += 1,
            }
        };
        let end = match self.find(text, at, ENDS_CELL) {
            Some(end) => end,
            None if is_end => text.len(),
            None => return Err(more),
        };
        // What stands between the closing quote and the end of the cell belongs to it, unless it is blank.
        let tail = text.get(at..end).unwrap_or_default();
        if tail.iter().all(|byte| *byte == b' ') && self.joined.len() == joined_start {
            self.spans.push(Span { start, end: close, joined: false });
        } else {
            self.joined.extend_from_slice(text.get(from..close).unwrap_or_default());
            self.joined.extend_from_slice(tail.trim_ascii_end());
            self.spans.push(Span { start: joined_start, end: self.joined.len(), joined: true });
        }
        Ok(end)
    }
}
