//! Takes one person's records out of a delimited file, and leaves the numbers of its lines as they were.

use std::io::{self, BufRead, Write};

use crate::limits::files::RECORD_BYTES;

use super::person::Person;

/// Copies a file; records in which the person occurs become as many empty lines. Gives how many records that were.
pub(super) fn blank(person: &Person, source: impl BufRead, mut target: impl Write) -> io::Result<u64> {
    let mut records = Records { source, quote: Quote::Between, last: None };
    let (mut record, mut blanked) = (Vec::new(), 0);
    while records.next(&mut record)? {
        if person.is_in(&record) {
            blanked += 1;
            record.retain(|byte| matches!(byte, b'\r' | b'\n'));
        }
        target.write_all(&record)?;
    }
    target.flush()?;
    Ok(blanked)
}

/// Where the reader stands relative to quotes. The separator is not known here, so a quote opens a cell after any of those in use.
#[derive(Clone, Copy, PartialEq)]
enum Quote {
    /// At the beginning of a cell.
    Between,
    Plain,
    Open,
    /// Behind a quote that either ends the cell or is the first of two.
    Closing,
}

impl Quote {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Open, b'"') => Self::Closing,
            (Self::Open, _) | (Self::Between | Self::Closing, b'"') => Self::Open,
            (_, b',' | b';' | b'\t' | b'|' | b'\n' | b'\r') => Self::Between,
            // Spaces before a quote do not keep it from opening a cell.
            (Self::Between, b' ') => Self::Between,
            _ => Self::Plain,
        }
    }
}

struct Records<R> {
    source: R,
    quote: Quote,
    last: Option<u8>,
}

impl<R: BufRead> Records<R> {
    /// The next record with the end of its line. False at the end of the file.
    fn next(&mut self, record: &mut Vec<u8>) -> io::Result<bool> {
        record.clear();
        loop {
            let piece = self.source.fill_buf()?;
            if piece.is_empty() {
                return Ok(!record.is_empty());
            }
            let mut end = None;
            for (at, byte) in piece.iter().enumerate() {
                // A line may end in `\r` alone; whether it does shows the byte behind.
                let ended = self.last == Some(b'\n') || (self.last == Some(b'\r') && *byte != b'\n');
                if ended && self.quote != Quote::Open && !(record.is_empty() && at == 0) {
                    self.last = None;
                    end = Some(at);
                    break;
                }
                // A quote that nobody closes must not make one record of the rest of the file.
                if matches!(byte, b'\n' | b'\r') && record.len() + at > RECORD_BYTES {
                    self.quote = Quote::Between;
                }
                self.quote = self.quote.after(*byte);
                self.last = Some(*byte);
            }
            let taken = end.unwrap_or(piece.len());
            record.extend_from_slice(piece.get(..taken).unwrap_or_default());
            self.source.consume(taken);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn blanked(text: &str, buffer: usize) -> (String, u64) {
        let person = Person::new(&["ada@x.io".to_owned()].into());
        let mut target = Vec::new();
        let count = blank(&person, BufReader::with_capacity(buffer, text.as_bytes()), &mut target).unwrap();
        (String::from_utf8(target).unwrap(), count)
    }

    #[test]
    fn her_records_become_empty_lines() {
        for (text, expected, count) in [
            ("id,email\r\n1,Ada@x.io\r\n2,bob@x.io\r\n", "id,email\r\n\r\n2,bob@x.io\r\n", 1),
            ("id;note\n1;\"two\nlines, ada@x.io\"\n2;b\n", "id;note\n\n\n2;b\n", 1),
            ("id\tnote\n1\t\"say \"\"x\"\"\nmore\"\tada@x.io", "id\tnote\n\n", 1),
            ("a\rada@x.io\rb", "a\r\rb", 1),
            ("size,mail\n5\" pipe,bob@x.io\n6\" pipe,ada@x.io\n", "size,mail\n5\" pipe,bob@x.io\n\n", 1),
            ("nothing\n\n\nhere", "nothing\n\n\nhere", 0),
            ("", "", 0),
        ] {
            for buffer in [1, 2, 3, 8_192] {
                assert_eq!(blanked(text, buffer), (expected.to_owned(), count), "{text:?} by {buffer}");
            }
        }
    }

    proptest! {
        #[test]
        fn lines_keep_their_numbers_and_other_records_their_text(
            cells in prop::collection::vec(("[a-z\", \n]{0,9}", any::<bool>()), 0..20), buffer in 1_usize..40
        ) {
            let record = |(cell, hers): &(String, bool)| {
                format!("\"{}\",{}\n", cell.replace('"', "\"\""), if *hers { "ada@x.io" } else { "bob@x.io" })
            };
            let text: String = cells.iter().map(record).collect();
            let expected: String = cells
                .iter()
                .map(|cell| if cell.1 { "\n".repeat(record(cell).matches('\n').count()) } else { record(cell) })
                .collect();
            let hers = cells.iter().filter(|cell| cell.1).count() as u64;
            prop_assert_eq!(blanked(&text, buffer), (expected, hers));
        }
    }
}
