//! Table files: everything between the bytes of a file and the batches of rows that a connector sees.
//!
//! Blocking, and in little memory whatever the size of the file, which is read three times:
//!
//! 1. [`prepare`] makes a UTF-8 working copy, and on the way the archive copy and the checksum.
//! 2. [`recognise`] finds header, separator and format near the top; [`Plan::scan`] looks at all rows and decides how the
//!    file writes numbers and dates, which rows are bad, and which belong together.
//! 3. [`Plan::batches`] hands the rows over.
//!
//! A file is refused rather than guessed at: all messages of [`FileError`] say what to do.

mod amount;
mod batches;
mod cells;
mod date;
mod encoding;
mod error;
mod groups;
mod headings;
mod marks;
mod notation;
mod plan;
mod positioned;
mod prepare;
mod recognise;
mod records;
#[cfg(test)]
mod tests;
mod twins;

pub use amount::DecimalMark;
pub use batches::Batches;
pub use encoding::Encoding;
pub use error::{FileError, KnownFormat, MissingColumn, NearLayout, Seen, UnknownLayout};
pub use marks::disagrees;
pub use notation::{Basis, Notation, Options};
pub use plan::{BadRow, Plan, RawRow, SampleDate, Summary};
pub use prepare::{Prepared, prepare};
pub use recognise::{Candidate, MappedColumn, Recognised, recognise};

/// Is asked now and then whether the disk has room for more.
pub type Room<'a> = &'a mut dyn FnMut() -> std::io::Result<()>;

/// Is told how far a pass has come, in bytes.
pub type Progress<'a> = &'a mut dyn FnMut(u64);
