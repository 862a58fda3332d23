//! What the pages say is there.

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files with this ending in a folder, and in those below it if wanted.
fn files(folder: &Path, ending: &str, below: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() && below {
            found.extend(files(&path, ending, true));
        } else if path.extension().is_some_and(|end| end == ending) {
            found.push(path);
        }
    }
    found
}

/// Where the links of a page lead, those to the web aside.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

#[test]
fn links_lead_somewhere() {
    let root = repository();
    let mut pages = files(&root, "md", false);
    for folder in ["docs", "plugins", "plugins/docs", "wit"] {
        pages.extend(files(&root.join(folder), "md", false));
    }
    for folder in fs::read_dir(root.join("plugins")).expect("the connectors") {
        let folder = folder.expect("a folder").path();
        if folder.is_dir() {
            pages.extend(files(&folder, "md", false));
        }
    }
    assert!(pages.len() > 15, "{pages:?}");
    for page in pages {
        let text = read(&page);
        for link in links(&text) {
            let path = link.split('#').next().unwrap_or_default();
            let target = page.parent().expect("a folder").join(path);
            assert!(target.exists(), "{} leads to {link}, which is not there", page.display());
            // `ltvd connector new` writes these pages into a project, where nothing else of the repository is.
            let alone = page.parent().is_some_and(|folder| folder.ends_with("plugins/docs"));
            assert!(!alone || !path.contains('/'), "{} leads out of its folder: {link}", page.display());
        }
    }
}

/// `AddressOnly` is `address-only` in the contract.
fn kebab(word: &str) -> String {
    let mut out = String::new();
    for (at, letter) in word.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
}

/// Names in a piece of code; what stands in quotes is none.
fn names(code: &str) -> Vec<&str> {
    let words = code.split('"').step_by(2).flat_map(words);
    words.filter(|word| word.len() > 1 && !word.starts_with(|letter: char| letter.is_ascii_digit())).collect()
}

#[test]
fn the_page_about_the_sdk_names_what_it_has() {
    let mut source = String::new();
    for file in files(&repository().join("plugins/sdk/src"), "rs", true) {
        source.push_str(&read(&file));
    }
    let mut contract = String::new();
    for file in files(&repository().join("wit"), "wit", false) {
        contract.push_str(&read(&file));
    }
    let known: Vec<&str> = words(&source).collect();
    let contract: Vec<&str> = contract.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').collect();
    let page = read(&repository().join("plugins/docs/sdk.md"));
    let mut seen = 0;
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        for name in line.split('`').skip(1).step_by(2).flat_map(names) {
            seen += 1;
            assert!(
                known.contains(&name) || contract.contains(&kebab(name).as_str()),
                "docs/sdk.md names `{name}`, which the SDK does not have: {line}"
            );
        }
    }
    assert!(seen > 100, "{seen}");
}
