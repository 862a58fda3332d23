//! A configuration file.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use ltvd_fuzz::config::{self, Env};

struct NoEnv;

impl Env for NoEnv {
    fn var(&self, _: &str) -> Option<std::ffi::OsString> {
        None
    }
}

fuzz_target!(|input: &[u8]| {
    let folder = std::env::temp_dir().join(format!("ltvd-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("ltvd.toml");
    std::fs::write(&file, input).expect("a file");
    let _ = config::locate(&file);
    if let Err(problems) = config::load(&file, &BTreeMap::new(), &BTreeMap::new(), &NoEnv) {
        let told = problems.to_string();
        assert!(!told.is_empty());
        assert!(!told.contains('\u{1b}'), "a command to the terminal: {told:?}");
    }
});
