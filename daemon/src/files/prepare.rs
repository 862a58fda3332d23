//! The first pass: from raw bytes to a UTF-8 working copy, with archive copy, checksum and encoding.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use encoding_rs::{CoderResult, Decoder};
use sha2::{Digest, Sha256};

use super::encoding::{Encoding, SNIFFED_BYTES, UTF8_MARK, Utf8Check, sniff};
use super::positioned::read_at;
use super::{FileError, Progress, Room};
use crate::limits::files::FILE_BYTES;
use crate::limits::ledger::ROOM_LOOK_BYTES;

/// Bytes read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// A file whose text lies in the working copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// How the file is written.
    pub encoding: Encoding,
    /// Size of the file, bytes.
    pub bytes: u64,
    /// SHA-256 of the file as it came.
    pub sha256: [u8; 32],
    /// Some characters were broken and are now U+FFFD. Only with UTF-16.
    pub damaged: bool,
    /// Where the text begins in the working copy, bytes.
    pub(super) text_start: u64,
    /// Where it ends.
    pub(super) text_end: u64,
}

/// Copies a file to the working copy and, if given, to the archive, and finds out how it is written. `work` must be
/// empty, readable and writable. `room` is asked now and then, and ends it. `progress` is told the bytes read so far.
///
/// # Errors
/// If the file is empty, no text, too large or cut off, or if reading or writing fails or has no room.
pub fn prepare(
    source: impl Read,
    work: &mut File,
    archive: Option<&mut dyn Write>,
    room: Room<'_>,
    progress: Progress<'_>,
) -> Result<Prepared, FileError> {
    let mut intake = Intake { source, archive, sha256: Sha256::new(), bytes: 0, progress };
    let mut piece = vec![0; PIECE_BYTES];
    let mut filled = intake.fill(&mut piece)?;
    let guess = sniff(piece.get(..filled.min(SNIFFED_BYTES)).unwrap_or_default())?;

    // UTF-16 is decoded as it comes. Anything else is kept raw: if it turns out to be UTF-8, which is the rule, that is
    // the text; if not, it is decoded from there once it is known whole.
    let mut text = Text::new(work, room, guess.decoder());
    let mut utf8 = matches!(guess, Encoding::Utf8 | Encoding::Utf8Marked).then(Utf8Check::default);
    let mut is_utf8 = true;
    loop {
        let bytes = piece.get(..filled).unwrap_or_default();
        if let Some(utf8) = &mut utf8 {
            is_utf8 = is_utf8 && utf8.feed(bytes);
        }
        let last = bytes.is_empty();
        text.push(bytes, last)?;
        if last {
            break;
        }
        filled = intake.fill(&mut piece)?;
    }
    if let Some(utf8) = &utf8 {
        is_utf8 = is_utf8 && utf8.finish()?;
    }

    let (mut encoding, mut text_start) = (guess, 0);
    if encoding == Encoding::Utf8Marked {
        text_start = UTF8_MARK.len() as u64;
    }
    if !is_utf8 {
        encoding = Encoding::Windows1252;
        text_start = text.written;
        // A mark before text that is not UTF-8 after all is no part of the first heading.
        text.decode_again(
            encoding,
            if guess == Encoding::Utf8Marked { UTF8_MARK.len() as u64 } else { 0 },
            intake.bytes,
        )?;
    }
    let Text { written: text_end, blank, damaged, .. } = text;
    if blank {
        return Err(FileError::Empty);
    }
    work.flush().map_err(FileError::Work)?;
    let sha256 = intake.sha256.finalize().into();
    Ok(Prepared { encoding, bytes: intake.bytes, sha256, damaged, text_start, text_end })
}

/// The raw side.
struct Intake<'a, 'p, R> {
    source: R,
    archive: Option<&'a mut dyn Write>,
    sha256: Sha256,
    bytes: u64,
    progress: Progress<'p>,
}

impl<R: Read> Intake<'_, '_, R> {
    /// Fills the buffer as far as the file goes. Zero: the end.
    fn fill(&mut self, piece: &mut [u8]) -> Result<usize, FileError> {
        let mut filled = 0;
        while let Some(rest @ [_, ..]) = piece.get_mut(filled..) {
            match self.source.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::Read(error)),
            }
        }
        let bytes = piece.get(..filled).unwrap_or_default();
        self.bytes += filled as u64;
        if self.bytes > FILE_BYTES {
            return Err(FileError::TooLarge { limit: FILE_BYTES });
        }
        self.sha256.update(bytes);
        if let Some(archive) = &mut self.archive {
            archive.write_all(bytes).map_err(FileError::Archive)?;
        }
        (self.progress)(self.bytes);
        Ok(filled)
    }
}

/// The working copy.
struct Text<'w, 'r> {
    work: &'w mut File,
    room: Room<'r>,
    decoder: Option<Decoder>,
    decoded: Vec<u8>,
    written: u64,
    /// Of these, bytes since the last look at the room.
    unlooked: usize,
    blank: bool,
    damaged: bool,
}

impl<'w, 'r> Text<'w, 'r> {
    fn new(work: &'w mut File, room: Room<'r>, decoder: Option<Decoder>) -> Self {
        Self { work, room, decoder, decoded: Vec::new(), written: 0, unlooked: 0, blank: true, damaged: false }
    }

    fn push(&mut self, mut bytes: &[u8], last: bool) -> Result<(), FileError> {
        let Some(mut decoder) = self.decoder.take() else { return self.write(bytes) };
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.resize(PIECE_BYTES, 0);
        loop {
            let (result, read, written, damaged) = decoder.decode_to_utf8(bytes, &mut decoded, last);
            self.damaged |= damaged;
            self.write(decoded.get(..written).unwrap_or_default())?;
            bytes = bytes.get(read..).unwrap_or_default();
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        self.decoded = decoded;
        self.decoder = (!last).then_some(decoder);
        Ok(())
    }

    fn write(&mut self, text: &[u8]) -> Result<(), FileError> {
        if text.contains(&0) {
            let position = text.iter().position(|byte| *byte == 0).unwrap_or_default();
            return Err(FileError::Binary { position: self.written + position as u64 });
        }
        if self.blank {
            let marks = text.strip_prefix(UTF8_MARK).filter(|_| self.written == 0).unwrap_or(text);
            self.blank = marks.iter().all(u8::is_ascii_whitespace);
        }
        self.unlooked += text.len();
        if self.unlooked >= ROOM_LOOK_BYTES {
            (self.room)().map_err(FileError::Work)?;
            self.unlooked = 0;
        }
        self.work.write_all(text).map_err(FileError::Work)?;
        self.written += text.len() as u64;
        Ok(())
    }

    /// Decodes the raw bytes at the front of the working copy and appends the text to them.
    fn decode_again(&mut self, encoding: Encoding, mut at: u64, raw_bytes: u64) -> Result<(), FileError> {
        self.decoder = encoding.decoder();
        let mut piece = vec![0; PIECE_BYTES];
        while at < raw_bytes {
            let wanted = usize::try_from(raw_bytes - at).unwrap_or(usize::MAX).min(PIECE_BYTES);
            let read = read_at(self.work, piece.get_mut(..wanted).unwrap_or_default(), at).map_err(FileError::Work)?;
            if read == 0 {
                return Err(FileError::Work(io::ErrorKind::UnexpectedEof.into()));
            }
            at += read as u64;
            // Reading by position moves the cursor on some systems.
            self.work.seek(SeekFrom::Start(self.written)).map_err(FileError::Work)?;
            self.push(piece.get(..read).unwrap_or_default(), at == raw_bytes)?;
        }
        Ok(())
    }
}
