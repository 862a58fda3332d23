//! Plain bytes of the book's tables: what they take in memory, and how they go into a snapshot and come back.

use std::io::{self, Read, Write};

/// A table of the book that can be written down and read back. All numbers are little endian.
pub(super) trait Part: Send + Sync {
    /// What it takes in memory, bytes; room kept for growth included.
    fn bytes(&self) -> usize;

    /// Writes all of it.
    ///
    /// # Errors
    /// If nothing can be written there.
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;

    /// Takes over what [`Part::write`] wrote.
    ///
    /// # Errors
    /// If it ends early or is no such table.
    fn read(&mut self, input: &mut dyn Read) -> io::Result<()>;
}

/// The bytes are no such table.
pub(super) fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Numbers copied at a time.
const AT_ONCE: usize = 8_192;

pub(super) fn write_u64(out: &mut dyn Write, number: usize) -> io::Result<()> {
    out.write_all(&(number as u64).to_le_bytes())
}

pub(super) fn read_u64(input: &mut dyn Read) -> io::Result<usize> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes)?;
    usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| bad("a length is too large"))
}

/// Writes a list of values of `N` bytes each, behind its length.
pub(super) fn write_list<T: Copy, const N: usize>(
    out: &mut dyn Write,
    list: &[T],
    to_bytes: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    write_u64(out, list.len())?;
    let mut bytes = Vec::with_capacity(AT_ONCE.min(list.len()) * N);
    for some in list.chunks(AT_ONCE) {
        bytes.clear();
        bytes.extend(some.iter().flat_map(|value| to_bytes(*value)));
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// Reads a list that [`write_list`] wrote.
pub(super) fn read_list<T, const N: usize>(
    input: &mut dyn Read,
    from_bytes: impl Fn([u8; N]) -> T,
) -> io::Result<Vec<T>> {
    let mut left = read_u64(input)?;
    let mut bytes = vec![0; AT_ONCE.min(left) * N];
    let mut list = Vec::new();
    // A length that lies must not make the process ask for more memory than the file has bytes.
    list.try_reserve_exact(left).map_err(|_| bad("a list is too long"))?;
    while left > 0 {
        let now = left.min(AT_ONCE);
        let some = bytes.get_mut(..now * N).unwrap_or_default();
        input.read_exact(some)?;
        list.extend(some.as_chunks::<N>().0.iter().map(|bytes| from_bytes(*bytes)));
        left -= now;
    }
    Ok(list)
}

/// Makes room for one more, a sixteenth of what is there at a time: doubling would keep half of a large list empty.
pub(super) fn push_tight<T>(list: &mut Vec<T>, value: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 16).max(4));
    }
    list.push(value);
}

/// Appends a list, growing likewise.
pub(super) fn append_tight<T>(list: &mut Vec<T>, mut other: Vec<T>) {
    if list.capacity() - list.len() < other.len() {
        list.reserve_exact(other.len().max(list.len() / 16));
    }
    list.append(&mut other);
}
