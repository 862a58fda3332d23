//! Which characters the bytes of a file mean, and which files are no text at all.

use std::fmt;

use super::FileError;

/// How the characters of a file are written. One for the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 without mark.
    Utf8,
    /// UTF-8 behind a byte-order mark.
    Utf8Marked,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Windows-1252: what is not UTF-8.
    Windows1252,
}

impl Encoding {
    /// The decoder, if the text must be decoded.
    pub(super) fn decoder(self) -> Option<encoding_rs::Decoder> {
        let encoding = match self {
            Self::Utf8 | Self::Utf8Marked => return None,
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
            Self::Windows1252 => encoding_rs::WINDOWS_1252,
        };
        // For UTF-16 this also takes away the mark; for Windows-1252 there is none.
        Some(encoding.new_decoder_with_bom_removal())
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf8Marked => "UTF-8 with byte-order mark",
            Self::Utf16Le => "UTF-16 (little endian)",
            Self::Utf16Be => "UTF-16 (big endian)",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// Bytes of a file's start that [`sniff`] wants to see.
pub(super) const SNIFFED_BYTES: usize = 4096;

/// UTF-8's mark.
pub(super) const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What the start of a file tells: UTF-16 is certain, UTF-8 is a first guess.
///
/// # Errors
/// If it is no text.
pub(super) fn sniff(start: &[u8]) -> Result<Encoding, FileError> {
    refuse_foreign(start)?;
    Ok(match start {
        [0xFF, 0xFE, ..] => Encoding::Utf16Le,
        [0xFE, 0xFF, ..] => Encoding::Utf16Be,
        _ if start.starts_with(UTF8_MARK) => Encoding::Utf8Marked,
        _ => by_zeros(start).unwrap_or(Encoding::Utf8),
    })
}

/// UTF-16 without mark: in a table nearly every second byte is zero, and always on the same side.
fn by_zeros(start: &[u8]) -> Option<Encoding> {
    let pairs = start.len() / 2;
    let zeros = |side: usize| start.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let most = |count: usize| pairs >= 4 && count * 10 >= pairs * 7;
    match (even, odd) {
        (0, odd) if most(odd) => Some(Encoding::Utf16Le),
        (even, 0) if most(even) => Some(Encoding::Utf16Be),
        _ => None,
    }
}

fn refuse_foreign(start: &[u8]) -> Result<(), FileError> {
    const SAVE_AS: &str = "open it and save it as \"CSV UTF-8\"; better, export it from the platform as CSV";
    const UNPACK: &str = "unpack it and put the CSV file here";
    const MAGICS: [(&[u8], &str, &str); 9] = [
        (b"PK\x03\x04", "an Excel workbook or a ZIP archive", SAVE_AS),
        (b"\xD0\xCF\x11\xE0", "an Excel workbook", SAVE_AS),
        (b"%PDF", "a PDF document", "export it from the platform as CSV"),
        (b"\x1F\x8B", "a gzip archive", UNPACK),
        (b"\x28\xB5\x2F\xFD", "a zstd archive", UNPACK),
        (b"BZh", "a bzip2 archive", UNPACK),
        (b"7z\xBC\xAF\x27\x1C", "a 7z archive", UNPACK),
        (b"Rar!", "a RAR archive", UNPACK),
        (b"SQLite format 3\0", "a database", "export the table as CSV"),
    ];
    if let Some((_, what, advice)) = MAGICS.into_iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Err(FileError::Foreign { what, advice });
    }
    let text = start.strip_prefix(UTF8_MARK).unwrap_or(start).trim_ascii_start();
    let begins = |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()));
    if ["<!doctype", "<html", "<head", "<body", "<table"].into_iter().any(begins) {
        let advice = "the platform probably answered with its log-in page; log in and download the export again";
        return Err(FileError::Foreign { what: "a web page (HTML)", advice });
    }
    if begins("<?xml") {
        return Err(FileError::Foreign { what: "an XML document", advice: SAVE_AS });
    }
    if let [b'{' | b'[', rest @ ..] = text
        && let [b'"' | b'{' | b'[' | b'}' | b']', ..] = rest.trim_ascii_start()
    {
        return Err(FileError::Foreign { what: "JSON", advice: "export it from the platform as CSV" });
    }
    Ok(())
}

/// Checks UTF-8 in pieces.
#[derive(Debug, Default)]
pub(super) struct Utf8Check {
    /// Bytes of a character that the last piece cut.
    cut: Vec<u8>,
    /// A character beyond ASCII was seen, so it is UTF-8 rather than by accident.
    beyond_ascii: bool,
}

impl Utf8Check {
    /// True if the bytes so far may be UTF-8.
    pub(super) fn feed(&mut self, mut piece: &[u8]) -> bool {
        while !self.cut.is_empty() {
            let Some((first, rest)) = piece.split_first() else { return true };
            self.cut.push(*first);
            piece = rest;
            match std::str::from_utf8(&self.cut) {
                Ok(_) => {
                    self.beyond_ascii = true;
                    self.cut.clear();
                }
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(piece) {
            Ok(_) => {
                self.beyond_ascii = self.beyond_ascii || !piece.is_ascii();
                true
            }
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                let (whole, cut) = piece.split_at_checked(error.valid_up_to()).unwrap_or((piece, &[]));
                self.beyond_ascii = self.beyond_ascii || !whole.is_ascii();
                self.cut.extend_from_slice(cut);
                true
            }
        }
    }

    /// Whether all of it was UTF-8.
    ///
    /// # Errors
    /// If it was, and ends within a character.
    pub(super) fn finish(&self) -> Result<bool, FileError> {
        match (self.cut.is_empty(), self.beyond_ascii) {
            (true, _) => Ok(true),
            (false, true) => Err(FileError::CutOff),
            // A lone byte at the end and ASCII before it: a last word such as `café` in Windows-1252.
            (false, false) => Ok(false),
        }
    }
}
