//! The contract is frozen: what was published stays, and a connector that was built for it stays usable.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::kit::Shop;

/// The files of `wit/frozen/0.1.0`, one after the other by name. It never changes: a new version is a new folder.
const FROZEN: &str = "817e3c06549d861c47b6d5561b6e65e91803d6a7020c8b253f39ec63cfba12fe";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Names and texts of the `.wit` files of a folder.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(repository(folder))
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == "wit"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a contract is text"))
        })
        .collect();
    files.sort();
    files
}

/// Without comments and blanks: comments may say more exactly what is meant already.
fn bare(text: &str) -> String {
    text.lines().filter_map(|line| line.split("//").next()).flat_map(str::split_whitespace).collect()
}

#[test]
fn what_was_published_stays_as_it_was() {
    let mut hash = Sha256::new();
    files("wit/frozen/0.1.0").iter().for_each(|(_, text)| hash.update(text));
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, FROZEN, "wit/frozen/0.1.0 is published; wit/VERSIONING.md says how a new version is made");
}

#[test]
fn the_contract_is_still_the_published_one() {
    for ((name, text), (frozen_name, frozen)) in files("wit").iter().zip(&files("wit/frozen/0.1.0")) {
        assert_eq!(name, frozen_name);
        assert_eq!(bare(text), bare(frozen), "wit/{name} has another meaning than wit/frozen/0.1.0/{name}");
    }
}

#[test]
fn a_connector_that_was_built_for_it_still_works() {
    let shop = Shop::empty();
    let kept = repository("tests/fixtures/kept/kiosk-0.1.0.wasm");
    let cases = repository("plugins/template/cases");
    let told =
        shop.cli(["connector".as_ref(), "test".as_ref(), kept.as_os_str(), "--cases".as_ref(), cases.as_os_str()]);
    let told = told.ok();
    assert!(told.contains("ok    doors: the same money") && !told.contains("FAIL"), "{told}");
}
