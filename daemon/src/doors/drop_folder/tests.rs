use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

use notify::event::{AccessKind, AccessMode};

use super::*;

/// Puts a file of a folder away.
fn put_away(dir: &Path, name: &str) -> io::Result<Option<String>> {
    let root = Folder::open(dir)?;
    let look = look_at(&dir.join(name)).expect("it is a file");
    let file = root.file(OsStr::new(name), &look)?.expect("it is the one that was looked at");
    root.put_away(OsStr::new(name), &file, &root.make(DONE)?, "report")
}

#[test]
fn a_long_name_leaves_room_for_the_report() {
    let dir = tempfile::tempdir().unwrap();
    for name in [format!("{}.csv", "ü".repeat(125)), "x".repeat(255)] {
        fs::write(dir.path().join(&name), "a").unwrap();
        let moved = put_away(dir.path(), &name).unwrap().unwrap();
        assert!(dir.path().join(DONE).join(moved).exists() && !dir.path().join(name).exists());
    }
}

#[test]
fn a_report_goes_where_a_link_lies_and_not_where_it_leads() {
    let dir = tempfile::tempdir().unwrap();
    let (drop, ledger) = (dir.path().join("drop"), dir.path().join("ledger"));
    fs::create_dir_all(drop.join(DONE)).unwrap();
    fs::write(&ledger, "figures").unwrap();
    symlink(&ledger, drop.join("done/b.csv.report.txt")).unwrap();
    symlink(&ledger, drop.join("done/c.csv")).unwrap();
    for name in ["b.csv", "c.csv"] {
        fs::write(drop.join(name), "a").unwrap();
    }
    assert_eq!(put_away(&drop, "b.csv").unwrap().as_deref(), Some("b.csv"));
    assert_eq!(put_away(&drop, "c.csv").unwrap().as_deref(), Some("c-2.csv"));
    assert_eq!(fs::read_to_string(&ledger).unwrap(), "figures");
    let report = drop.join("done/b.csv.report.txt");
    assert!(report.symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read_to_string(report).unwrap(), "report");
    assert!(drop.join("done/c.csv").is_symlink());
}

#[test]
fn nothing_is_moved_into_a_folder_that_somebody_else_made() {
    let dir = tempfile::tempdir().unwrap();
    let (drop, elsewhere) = (dir.path().join("drop"), dir.path().join("elsewhere"));
    fs::create_dir_all(&drop).unwrap();
    fs::create_dir_all(&elsewhere).unwrap();
    fs::write(drop.join("a.csv"), "a").unwrap();
    symlink(&elsewhere, drop.join(DONE)).unwrap();
    let error = put_away(&drop, "a.csv").unwrap_err().to_string();
    assert!(error.contains("`done` is a link"), "{error}");
    fs::remove_file(drop.join(DONE)).unwrap();
    fs::create_dir(drop.join(DONE)).unwrap();
    if chown(drop.join(DONE), Some(54_321), None).is_err() {
        eprintln!("not tested: only root can give a folder to somebody else");
    } else {
        let error = put_away(&drop, "a.csv").unwrap_err().to_string();
        assert!(error.contains("belongs to user 54321"), "{error}");
        assert_eq!(fs::read_dir(drop.join(DONE)).unwrap().count(), 0);
    }
    assert!(drop.join("a.csv").is_file());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn what_was_put_in_the_place_of_a_file_is_neither_read_nor_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    fs::write(dir.path().join("secret"), "secret").unwrap();
    let root = Folder::open(dir.path()).unwrap();
    let swaps: [&dyn Fn(); 4] = [
        &|| symlink(dir.path().join("secret"), &path).unwrap(),
        &|| {
            rustix::fs::mknodat(
                rustix::fs::CWD,
                &path,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
                0,
            )
            .unwrap()
        },
        &|| fs::write(&path, "a").unwrap(),
        &|| (),
    ];
    for (number, swap) in swaps.into_iter().enumerate() {
        fs::write(&path, "a").unwrap();
        let look = look_at(&path).unwrap();
        // What is kept elsewhere keeps its number, which the new one would get otherwise.
        fs::rename(&path, dir.path().join(format!("moved-{number}"))).unwrap();
        swap();
        assert!(root.file(OsStr::new("a.csv"), &look).unwrap().is_none(), "swap {number}");
        let _ = fs::remove_file(&path);
    }
}

#[test]
fn a_file_that_was_swapped_after_it_was_read_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    fs::write(&path, "a").unwrap();
    let root = Folder::open(dir.path()).unwrap();
    let file = root.file(OsStr::new("a.csv"), &look_at(&path).unwrap()).unwrap().unwrap();
    fs::rename(&path, dir.path().join("b.csv")).unwrap();
    fs::write(&path, "another").unwrap();
    let done = root.make(DONE).unwrap();
    assert_eq!(root.put_away(OsStr::new("a.csv"), &file, &done, "report").unwrap(), None);
    assert_eq!(fs::read_to_string(&path).unwrap(), "another");
    assert_eq!(fs::read_dir(dir.path().join(DONE)).unwrap().count(), 0);
}

#[test]
fn folders_and_reports_are_open_to_those_who_may_use_the_drop_folder() {
    let dir = tempfile::tempdir().unwrap();
    for (mode, of_report) in [(0o2770, 0o660), (0o750, 0o640), (0o700, 0o600)] {
        let drop = dir.path().join(format!("{mode:o}"));
        fs::create_dir(&drop).unwrap();
        let group = if chown(&drop, None, Some(54_321)).is_ok() { 54_321 } else { drop.metadata().unwrap().gid() };
        fs::set_permissions(&drop, fs::Permissions::from_mode(mode)).unwrap();
        let shop = Folder::open(&drop).unwrap().make("shop").unwrap();
        let path = drop.join("shop/a.csv");
        fs::write(&path, "a").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let file = shop.file(OsStr::new("a.csv"), &look_at(&path).unwrap()).unwrap().unwrap();
        shop.put_away(OsStr::new("a.csv"), &file, &shop.make(DONE).unwrap(), "report").unwrap().unwrap();
        let seen = |name: &str| {
            let data = drop.join(name).metadata().unwrap();
            (data.mode() & 0o7777, data.gid())
        };
        assert_eq!((seen("shop"), seen("shop/done")), ((mode, group), (mode, group)));
        assert_eq!(seen("shop/done/a.csv.report.txt"), (of_report, group));
        assert_eq!(seen("shop/done/a.csv"), (of_report, group));
    }
}

#[test]
fn a_file_ends_a_line_in_every_encoding_or_has_to_rest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let files = [
        (b"id,amount\n1,49.00\n".to_vec(), true),
        (b"id,amount\r\n1,49.00\r\n".to_vec(), true),
        (b"id,amount\r1,49.00\r".to_vec(), true),
        (b"id,amount\n1,4".to_vec(), false),
        (b"id,amount\n1,49.00".to_vec(), false),
        (utf16("\u{feff}id\r\n1\r\n", u16::to_le_bytes), true),
        (utf16("\u{feff}id\r\n1\r\n", u16::to_be_bytes), true),
        (utf16("\u{feff}id\r\n1", u16::to_le_bytes), false),
        (utf16("\u{feff}id\r\n1", u16::to_be_bytes), false),
        // Room that was made before it is written to.
        (b"id\n1\n\0\0".to_vec(), false),
        (b"a".to_vec(), false),
        (b"".to_vec(), false),
    ];
    for (bytes, expected) in files {
        fs::write(&path, &bytes).unwrap();
        let file = File::open(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(tail::ends_a_line(&file, bytes.len() as u64).unwrap(), expected, "{text:?}");
        // What was added since is not looked at.
        fs::write(&path, [bytes.as_slice(), b"2,\n"].concat()).unwrap();
        assert_eq!(tail::ends_a_line(&file, bytes.len() as u64).unwrap(), expected, "{text:?}, longer");
    }
    for (next, expected) in [("\n", true), ("\r\n", true), ("9.00\n", false), ("", false)] {
        fs::write(&path, format!("id,amount\n1,4{next}")).unwrap();
        assert_eq!(tail::goes_on_with_a_line_break(&File::open(&path).unwrap(), 13), expected, "{next:?}");
    }
    let wait = |settle_s: u64| tail::patience(Duration::from_secs(settle_s), false).as_secs();
    assert_eq!([0, 1, 10, 60, 600, 86_400].map(wait), [0, 60, 100, 600, 900, 86_400]);
    assert_eq!(tail::patience(Duration::from_secs(10), true).as_secs(), 10);
}

#[test]
fn imported_files_give_way_first_and_problems_never() {
    let mut notes = Notes::default();
    for number in 0..limits::DROP_NOTES {
        assert!(notes.put(format!("z{number:03}"), Kind::Imported, "imported"));
    }
    // The oldest give way, wherever they stand in the alphabet.
    assert!(notes.put("a".into(), Kind::Refused, "refused"));
    assert!(notes.put("b".into(), Kind::Imported, "imported"));
    let texts = notes.texts();
    assert!(!texts.contains_key("z000") && !texts.contains_key("z001") && texts.contains_key("z002"));
    assert!(texts.contains_key("a") && texts.contains_key("b"));
    for number in 0..limits::DROP_NOTES {
        assert!(notes.put(format!("p{number:03}"), Kind::Stands, "a link"), "{number}");
        assert!(!notes.put("p000".into(), Kind::Stands, "a link"));
        assert_eq!(notes.texts().contains_key("a"), number + 1 < limits::DROP_NOTES);
    }
    // There are more than can be shown: those that are shown stay, and none is news at each look.
    assert!(!notes.put("q".into(), Kind::Stands, "a link") && !notes.put("q".into(), Kind::Stands, "a link"));
    assert!(!notes.put("c".into(), Kind::Imported, "imported"));
    assert_eq!(notes.texts().len(), limits::DROP_NOTES);
    // Another problem of the same path is news, and so is what finds room now.
    assert!(notes.put("p000".into(), Kind::Stands, "it cannot be read"));
    notes.keep_those_of(|path| path != "p001");
    assert!(notes.put("q".into(), Kind::Stands, "a link"));
}

#[test]
fn looking_at_the_folder_wakes_nobody() {
    assert!(!matters(EventKind::Access(AccessKind::Open(AccessMode::Any))));
    assert!(!matters(EventKind::Access(AccessKind::Close(AccessMode::Read))));
    assert!(matters(EventKind::Access(AccessKind::Close(AccessMode::Write))));
    assert!(matters(EventKind::Create(notify::event::CreateKind::File)));
}
