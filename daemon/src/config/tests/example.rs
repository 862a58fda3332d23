//! The example configuration is the defaults.

use super::*;

const EXAMPLE: &str = include_str!("../../../../config.example.toml");

#[test]
fn it_loads_as_it_is() {
    let Loaded { config, warnings } = loaded(EXAMPLE);
    assert_eq!(config.integrations.keys().collect::<Vec<_>>(), ["samcart-shop", "thrivecart-shop"]);
    assert_eq!(warnings.len(), 1, "only the sample word deserves a warning: {warnings:?}");
}

#[test]
fn every_key_stands_in_it_with_its_default() {
    let mut table = String::new();
    let mut shown: BTreeMap<(String, &str), Vec<(bool, &str)>> = BTreeMap::new();
    for line in EXAMPLE.lines() {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            table = header.split('.').next().unwrap_or_default().to_owned();
        }
        let (active, line) = line.strip_prefix('#').map_or((true, line), |line| (false, line));
        if let Some((key, value)) = line.split_once(" = ") {
            shown.entry((table.clone(), key)).or_default().push((active, value));
        }
    }
    for table in [schema::ROOT].into_iter().chain(schema::TABLES) {
        for key in table.keys {
            let path = format!("{}.{}", table.name, key.name);
            let lines = shown.get(&(table.name.to_owned(), key.name));
            let lines = lines.unwrap_or_else(|| panic!("{path} is missing in config.example.toml"));
            let Some(default) = key.default else { continue };
            if (table.name, key.name) == ("integrations", "zone") {
                // The sample shop has a zone of its own; the sentence above it tells the default.
                assert!(EXAMPLE.contains(&format!("The default is {default}.")));
                continue;
            }
            assert!(lines.contains(&(true, default)), "{path} has the default {default}, the example {lines:?}");
        }
    }
}

#[test]
fn what_is_commented_out_would_be_right_too() {
    let is_key = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        line.contains(" = ") && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') || line.starts_with('[')
    };
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if is_key(rest) => rest.to_owned(),
        _ => line.to_owned(),
    };
    let text: Vec<_> = EXAMPLE.lines().filter(|line| *line != "secret = \"demo-word\"").map(uncommented).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rates.csv"), "date,currency,rate\n2026-01-02,EUR,1.1\n").unwrap();
    std::fs::write(folder.path().join("spend.csv"), "month,amount\n2026-02,900\n").unwrap();
    std::fs::write(folder.path().join("ltvd.toml"), text.join("\n")).unwrap();
    let env = ["LTVD_TOKEN", "THRIVECART_SECRET", "THRIVECART_API_KEY", "SAMCART_API_KEY"]
        .map(|name| (name.to_owned(), "0123456789abcdef".to_owned()));
    let mut manifests = manifests();
    manifests.extend([manifest("generic", Vec::new())]);
    let loaded =
        load(&folder.path().join("ltvd.toml"), &manifests, &BTreeMap::new(), &BTreeMap::new(), &BTreeMap::from(env));
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.warnings, []);
    assert!(loaded.config.api.token.is_some() && loaded.config.rates.file.is_some());
    assert_eq!(loaded.config.spend.by_month.len(), 2);
    assert!(loaded.config.integrations.contains_key("other-shop"));
}
