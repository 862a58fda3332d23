//! The snapshot of the book is used where it fits and ignored where it does not.

use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};

use super::tests::{import, open, sales};
use super::*;
use crate::book::{Counts, Listed, Stamp};
use crate::model::Door;

fn listed(ledger: &Ledger) -> Vec<Listed> {
    ledger.book().live().collect()
}

fn snapshot(dir: &Path) -> PathBuf {
    dir.join("book.snapshot")
}

/// What the snapshot holds; the rest of the book came from the log.
fn entries_in_snapshot(dir: &Path, ledger: &Ledger) -> io::Result<usize> {
    let file = fs::File::open(snapshot(dir))?;
    Ok(Book::load(&file, ledger.hash_key)?.len())
}

#[test]
fn a_start_reads_the_snapshot_and_what_came_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    import(&ledger, 0..100);
    drop(ledger);
    assert!(!snapshot(dir.path()).exists(), "few entries are read from the log just as soon");

    let ledger = open(dir.path());
    import(&ledger, 0..20_000);
    ledger.save_book();
    let mode = fs::metadata(snapshot(dir.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    import(&ledger, 20_000..20_500);
    let before = (listed(&ledger), ledger.book().revision());
    drop(ledger);

    let ledger = open(dir.path());
    assert_eq!(entries_in_snapshot(dir.path(), &ledger).unwrap(), 20_000, "500 more were not worth another");
    assert_eq!((listed(&ledger), ledger.book().revision()), before);
    assert_eq!(import(&ledger, 0..20_501), Counts { new: 1, unchanged: 20_500, ..Counts::default() });
    let last = ledger.book().listed_at(20_500).unwrap().place;
    assert_eq!(ledger.entry(last).unwrap().unwrap().key.id, "20500", "numbers of blocks go on behind the snapshot");
    let named = ledger.book().row_naming(7).and_then(|row| ledger.book().place(row)).unwrap();
    let customer = ledger.entry(named).unwrap().unwrap().customer;
    assert_eq!(customer.email.as_deref(), Some("c7@example.org"));
    drop(ledger);
    assert_eq!(open(dir.path()).book().len(), 20_501);
}

#[test]
fn a_damaged_snapshot_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    import(&ledger, 0..20_000);
    let before = listed(&ledger);
    drop(ledger);
    let whole = fs::read(snapshot(dir.path())).unwrap();
    for cut in [0, 10, 60, whole.len() / 2, whole.len() - 1] {
        fs::write(snapshot(dir.path()), &whole[..cut]).unwrap();
        let ledger = open(dir.path());
        assert_eq!(listed(&ledger), before);
        // It is not written again for an end without changes, but for one that had to read the log.
        drop(ledger);
        assert!(Stamp::of(&fs::File::open(snapshot(dir.path())).unwrap()).is_ok());
    }
    fs::write(snapshot(dir.path()), &whole).unwrap();
    let file = fs::OpenOptions::new().write(true).open(snapshot(dir.path())).unwrap();
    file.write_all_at(&[whole[whole.len() / 3] ^ 4], whole.len() as u64 / 3).unwrap();
    assert_eq!(listed(&open(dir.path())), before);
}

#[test]
fn a_snapshot_of_another_state_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    import(&ledger, 0..15_000);
    drop(ledger);
    let old = fs::read(dir.path().join("ledger.redb")).unwrap();
    let ledger = open(dir.path());
    import(&ledger, 15_000..40_000);
    drop(ledger);
    let newer = fs::read(snapshot(dir.path())).unwrap();
    assert_eq!(Stamp::of(&fs::File::open(snapshot(dir.path())).unwrap()).unwrap().commit, 1);

    // A backup of the ledger was restored: the snapshot is newer than the log.
    fs::write(dir.path().join("ledger.redb"), &old).unwrap();
    let ledger = open(dir.path());
    assert_eq!(ledger.book().len(), 15_000);
    // It goes on from there with another second commit.
    import(&ledger, 50_000..50_001);
    drop(ledger);
    fs::write(snapshot(dir.path()), &newer).unwrap();
    let ledger = open(dir.path());
    assert_eq!(ledger.book().len(), 15_001);
    drop(ledger);

    let other = tempfile::tempdir().unwrap();
    let ledger = open(other.path());
    import(&ledger, 0..12_000);
    drop(ledger);
    fs::copy(snapshot(dir.path()), snapshot(other.path())).unwrap();
    assert_eq!(open(other.path()).book().len(), 12_000);
}

#[test]
fn a_kill_while_a_snapshot_is_written_leaves_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    import(&ledger, 0..20_000);
    drop(ledger);
    let whole = fs::read(snapshot(dir.path())).unwrap();
    let half = dir.path().join("tmp/book.snapshot");
    fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    let ledger = open(dir.path());
    assert_eq!(ledger.book().len(), 20_000);
    assert!(!half.exists());
    assert_eq!(fs::read(snapshot(dir.path())).unwrap(), whole);
}

#[test]
fn a_long_import_writes_a_snapshot_without_being_told() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let every = u32::try_from(crate::limits::book::SNAPSHOT_EVERY).unwrap();
    import(&ledger, 0..every);
    // Waits for the thread, and finds nothing left to write.
    let began = std::time::Instant::now();
    while !snapshot(dir.path()).exists() && began.elapsed().as_secs() < 120 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(entries_in_snapshot(dir.path(), &ledger).unwrap(), every as usize);
    let mut ingest = ledger.ingest("shop", Door::File).unwrap();
    ingest.apply(sales(every..every + 1)).unwrap();
}
