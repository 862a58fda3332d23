//! Whose files these are. A command that root runs beside a daemon of another user would leave files that this daemon cannot read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Refuses to write beside a file of another user.
///
/// # Errors
/// What to do instead, if root runs this process and the file belongs to somebody else. Where the system does not tell who runs it,
/// nothing is refused.
pub fn must_be_ours(file: &Path) -> Result<(), String> {
    let user = |path: &Path| fs::metadata(path).ok().map(|data| data.uid());
    match (user(Path::new("/proc/self")), user(file)) {
        (Some(0), Some(owner)) if owner != 0 => Err(format!(
            "{} belongs to the user with the id {owner}, and root would leave files beside it that this user cannot read; run it as \
             that user: sudo -u '#{owner}' ltvd …",
            file.display()
        )),
        _ => Ok(()),
    }
}
