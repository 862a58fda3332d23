//! How a file ends. Whoever writes through a buffer pauses in the middle of a row as a rule, and half a row can be read as a
//! whole one: `149.00` as `1`. So a file that does not end with a line break has to rest for longer. It is read in the end,
//! since many exports have no line break after their last row.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use crate::limits::doors as limits;

/// Whether the first so many bytes of a file end with a line break. Nothing does not, since it may only have been begun.
pub(super) fn ends_a_line(file: &File, bytes: u64) -> io::Result<bool> {
    let mut last = [0; 2];
    let Some(from) = bytes.checked_sub(2) else { return Ok(false) };
    file.read_exact_at(&mut last, from)?;
    // In UTF-16 with the low byte first the last byte is a zero; with the high byte first the zero comes before.
    Ok(matches!(last, [_, b'\n' | b'\r'] | [b'\n' | b'\r', 0]))
}

/// Whether a file goes on with a line break after so many bytes.
pub(super) fn goes_on_with_a_line_break(file: &File, bytes: u64) -> bool {
    let mut next = [0; 2];
    // What cannot be read is no line break.
    file.read_at(&mut next, bytes).is_ok() && matches!(next, [b'\n' | b'\r', _] | [0, b'\n' | b'\r'])
}

/// How long a file must stay as it is before it is read. Who has it rest for no time says that files are whole when they appear.
pub(super) fn patience(settle: Duration, ends_a_line: bool) -> Duration {
    if ends_a_line || settle.is_zero() {
        return settle;
    }
    let longer = settle.saturating_mul(limits::CUT_SETTLES).clamp(limits::CUT_SETTLE_MIN, limits::CUT_SETTLE_MAX);
    longer.max(settle)
}
