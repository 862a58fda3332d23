//! The configuration as a whole: what people write, and what they are told.

mod example;
mod fuzz;
mod messages;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;
use secrecy::ExposeSecret as _;

use super::*;
use crate::model::manifest::{Axis, Choice, Granularity, Polling, SettingDescription, SettingKind, SettingValue};

fn setting(name: &str, kind: SettingKind, required: bool, default: Option<&str>) -> SettingDescription {
    SettingDescription {
        name: name.into(),
        label: format!("The {name}"),
        help: "Found in the settings of the shop.".into(),
        kind,
        required,
        default: default.map(Into::into),
    }
}

fn manifest(id: &str, settings: Vec<SettingDescription>) -> (String, Manifest) {
    let manifest = Manifest {
        id: id.into(),
        name: id.into(),
        version: "1.0.0".into(),
        settings,
        hosts: Vec::new(),
        polling: None,
        webhook: None,
        csv_formats: Vec::new(),
    };
    (id.into(), manifest)
}

/// One that asks its platform.
fn polled(id: &str, settings: Vec<SettingDescription>) -> (String, Manifest) {
    let (id, mut manifest) = manifest(id, settings);
    manifest.polling = Some(Polling {
        axes: vec![Axis::Created],
        granularity: Granularity::Day,
        window_days_max: 1,
        overlap_s: 0,
        recheck_days: 1,
        interval_min_s: 60,
        concurrent_requests_max: 1,
        requests_per_minute_max: None,
        request_timeout_ms: 1_000,
        refreshes: false,
        subscribes: false,
    });
    (id, manifest)
}

/// Two of the shipped connectors as the example configuration needs them, and some that have what these have not.
fn manifests() -> BTreeMap<String, Manifest> {
    let choice = |value: &str| Choice { value: value.into(), label: value.into() };
    BTreeMap::from([
        manifest("strict", vec![setting("secret", SettingKind::Secret, true, None)]),
        polled(
            "thrivecart",
            vec![
                setting("secret", SettingKind::Secret, false, None),
                setting("api_key", SettingKind::Secret, false, None),
                setting("currency", SettingKind::Currency, false, None),
                setting("estimate_rebills", SettingKind::Boolean, false, Some("false")),
            ],
        ),
        manifest(
            "samcart",
            vec![
                setting("currency", SettingKind::Currency, true, None),
                setting("api_key", SettingKind::Secret, false, None),
                setting("excluded_products", SettingKind::TextList, false, None),
                setting("excluded_emails", SettingKind::TextList, false, None),
                setting("estimate_rebills", SettingKind::Boolean, false, Some("false")),
            ],
        ),
        manifest(
            "kinds",
            vec![
                setting("store", SettingKind::Url, false, Some("https://shop.example.com/")),
                setting("key", SettingKind::Secret, false, None),
                setting("hook_secret", SettingKind::GeneratedSecret, true, None),
                setting("pages", SettingKind::Integer, false, Some("7")),
                setting("tests", SettingKind::Boolean, false, Some("false")),
                setting("tags", SettingKind::TextList, false, Some("a, b")),
                setting("mode", SettingKind::Choice(vec![choice("live"), choice("test")]), false, Some("live")),
                setting("origin", SettingKind::Zone, false, None),
                setting("title", SettingKind::Text, false, None),
            ],
        ),
        manifest("clash", vec![setting("zone", SettingKind::Text, false, None)]),
        polled(
            "polled",
            vec![setting("zone", SettingKind::Zone, true, None), setting("key", SettingKind::Secret, true, None)],
        ),
    ])
}

fn load_with(text: &str, env: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let env: BTreeMap<String, String> = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let broken = BTreeMap::from([("hurt".to_owned(), "it is no component".to_owned())]);
    let hashes = BTreeMap::from([("thrivecart".to_owned(), "0a".repeat(32))]);
    load_text(Path::new("ltvd.toml"), text, &manifests(), &broken, &hashes, &env)
}

fn loaded(text: &str) -> Loaded {
    load_with(text, &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

fn told(text: &str) -> String {
    match load_with(text, &[]) {
        Ok(loaded) => panic!("nothing is wrong with {:?}", loaded.config),
        Err(problems) => problems.to_string(),
    }
}

fn warned(loaded: &Loaded) -> String {
    Problems(loaded.warnings.clone()).to_string()
}

#[test]
fn an_empty_file_is_all_defaults() {
    let Loaded { config, warnings } = loaded("");
    assert_eq!(warnings, []);
    let here = std::env::current_dir().unwrap();
    assert_eq!(config.paths.data_dir, here.join("data"));
    assert_eq!(config.report.timezone, chrono_tz::UTC);
    assert_eq!((config.report.merge, config.report.free_orders), (Merge::Email, FreeOrders::Ignore));
    assert_eq!(config.api.listen, "127.0.0.1:8380".parse().unwrap());
    assert_eq!(config.webhooks.body_bytes_max, 1 << 20);
    assert_eq!((config.drop.bad_rows, config.drop.bad_rows_max_percent), (BadRows::Quarantine, 2));
    assert!(config.integrations.is_empty());
}

#[test]
fn what_an_operator_says_about_polling() {
    let text = r#"
        [integrations.shop]
        connector = "polled"
        zone = "America/New_York"
        key = { env = "KEY" }
        from = 2024-01-01
        to = 2025-12-31
        every = "6h"
        recheck_days = 3
        keep_responses_days = 400
        requests_per_minute = 30
        concurrent_requests = 1
        hosts = ["API.example.com"]
        allow_private_addresses = true
        connect_to = { "api.example.com" = "10.0.0.5:443" }
        ca_file = "own.pem"
    "#;
    let Loaded { config, warnings } = load_with(text, &[("KEY", "hunter2")]).unwrap();
    assert_eq!(warnings, []);
    let polling = &config.integrations["shop"].polling;
    assert_eq!(
        (polling.from, polling.to),
        (NaiveDate::from_ymd_opt(2024, 1, 1), NaiveDate::from_ymd_opt(2025, 12, 31))
    );
    assert_eq!((polling.every, polling.recheck_days), (Duration::from_secs(6 * 3_600), Some(3)));
    assert_eq!(polling.hosts, Some(vec!["api.example.com".to_owned()]));
    assert_eq!(polling.connect_to["api.example.com"], "10.0.0.5:443".parse().unwrap());
    assert!(polling.ca_file.as_ref().unwrap().is_absolute() && polling.allow_private_addresses);
}

#[test]
fn settings_of_every_kind_are_read_and_defaults_filled_in() {
    let text = r#"
        [drop]
        bad_rows = "reject-file"
        [integrations.main-store]
        connector = "kinds"
        zone = "Europe/Berlin"
        complete_through = 2026-10-31
        date_order = "day-first"
        decimal_mark = ","
        key = { env = "KEY" }
        tests = true
        origin = "America/New_York"
    "#;
    let Loaded { config, warnings } = load_with(text, &[("KEY", "hunter2")]).unwrap();
    assert_eq!(warnings, []);
    let integration = &config.integrations["main-store"];
    let text = |text: &str| SettingValue::Text(text.into());
    let expected = [
        ("store", text("https://shop.example.com")),
        ("pages", SettingValue::Integer(7)),
        ("tests", SettingValue::Boolean(true)),
        ("tags", SettingValue::Texts(vec!["a".into(), "b".into()])),
        ("mode", text("live")),
        ("origin", text("America/New_York")),
    ];
    assert_eq!(integration.settings, expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    assert_eq!(integration.secrets["key"].expose_secret(), "hunter2");
    assert_eq!(integration.ungiven_secrets, ["hook_secret"]);
    assert_eq!(integration.complete_through, chrono::NaiveDate::from_ymd_opt(2026, 10, 31));
    assert_eq!(integration.decimal_mark, Some(DecimalMark::Comma));
    assert_eq!(integration.bad_rows, BadRows::RejectFile);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn generated_secrets_complete_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = loaded("[integrations.a]\nconnector = \"kinds\"\n[integrations.b]\nconnector = \"kinds\"").config;
    let secrets = SecretsFile::new(folder.path());
    secrets.complete(&mut config).unwrap();
    let integration = &config.integrations["a"];
    let token = integration.webhook_token.as_ref().unwrap();
    assert_eq!(token.expose_secret(), secrets.webhook_token("a").unwrap().expose_secret());
    let generated = secrets.generated("a", "hook_secret").unwrap();
    assert_eq!(integration.secrets["hook_secret"].expose_secret(), generated.expose_secret());
    assert_ne!(config.integrations["b"].secrets["hook_secret"].expose_secret(), generated.expose_secret());
    assert!(!format!("{config:?}").contains(token.expose_secret()));
}

#[test]
fn names_of_integrations_are_plain() {
    let with = |name: &str| {
        let text = format!("[integrations.\"{name}\"]\nconnector = \"samcart\"\ncurrency = \"USD\"");
        load_with(&text, &[]).map_err(|problems| problems.to_string())
    };
    let longest = "a".repeat(64);
    for right in ["a", "2", "main-store", longest.as_str()] {
        assert!(with(right).is_ok(), "{right}");
    }
    for wrong in ["", "-a", "Main", "a.b", "a/b", "..", "a b", "é", "failed", &"a".repeat(65)] {
        assert!(with(wrong).unwrap_err().contains("cannot be the name"), "{wrong}");
    }
}

#[test]
fn listeners() {
    insta::assert_snapshot!(told("[api]\nlisten = \"0.0.0.0:8381\"\n"), @r#"
    ltvd.toml:2:10: api.listen: other machines can reach 0.0.0.0:8381, so `api.token` has to be set
       |
     2 | listen = "0.0.0.0:8381"
       |          ^^^^^^^^^^^^^^
       = help: add token = { env = "LTVD_TOKEN" }, or listen on "127.0.0.1:8380"

    ltvd.toml:2:10: api.listen: `api.listen` and `webhooks.listen` are the same address
       |
     2 | listen = "0.0.0.0:8381"
       |          ^^^^^^^^^^^^^^
       = help: the two listeners are apart so that one may face the internet: give each its own port
    "#);
    let both = "[api]\nlisten = \"0.0.0.0:80\"\ntoken = { env = \"T\" }\n";
    assert!(load_with(both, &[("T", "0123456789abcdef")]).is_ok());
    assert!(load_with(both, &[("T", "short")]).unwrap_err().to_string().contains("shorter than 16"));
    // Each 0 is another free port.
    assert!(load_with("api.listen = \"127.0.0.1:0\"\nwebhooks.listen = \"127.0.0.1:0\"", &[]).is_ok());
    let follows = loaded("[webhooks]\nlisten = \"127.0.0.1:9000\"").config;
    assert_eq!(follows.webhooks.public_url, "http://127.0.0.1:9000");
    let insecure = loaded("[webhooks]\npublic_url = \"http://hooks.example.com/\"");
    assert_eq!(insecure.config.webhooks.public_url, "http://hooks.example.com");
    assert!(warned(&insecure).contains("https"));
}

#[test]
fn a_secret_in_the_file_is_warned_of_and_never_printed() {
    let loaded = loaded(
        "[integrations.a]\nconnector = \"thrivecart\"\nsecret = \"hunter2\" # or hunter2\n[api]\ntoken = \"$hunter2\"",
    );
    assert_eq!(loaded.config.integrations["a"].secrets["secret"].expose_secret(), "hunter2");
    insta::assert_snapshot!(warned(&loaded), @r#"
    ltvd.toml:3:10: integrations.a.secret: a secret stands in the file itself, where everyone who sees the file reads it
       |
     3 | secret = …
       |          ^
       = help: write { env = "NAME" }, { file = "path" } or { credential = "name" }

    ltvd.toml:5:1: api.token: the token is shorter than 16 bytes and can be guessed
       |
     5 | token = …
       | ^^^^^
       = help: make one with: openssl rand -hex 32

    ltvd.toml:5:9: api.token: taken as it stands, though it looks like a reference
       |
     5 | token = …
       |         ^
       = help: write { env = "NAME" }, { file = "path" } or { credential = "name" }
    "#);
    assert!(!format!("{loaded:?}").contains("hunter2"));
    // Wherever a secret may end up by mistake.
    for wrong in [
        "secrett = \"hunter2\"",
        "secret = [\"hunter2\"]",
        "secret = \"hunter2",
        "secret = hunter2",
        "secret = \"\"\"\nhunter2=\n",
        "secret = '''\nhunter2=\n''' x",
        "secret = { env = \"hunter2\" }",
        "secret = { environment = \"hunter2\" }",
        "secret = { env = \"X\", value = \"hunter2\" }",
        "secret = { env = [\"hunter2\"] }",
        "secret = { credential = \"hunter2/..\" }",
        "secret = \"a\"\nsecret = \"hunter2\"",
        "api = { tokn = \"hunter2\", zone = 1 }",
        "zone = 1 # hunter2",
        "zone = \"\"\"UTC\"\"\" \"hunter2\"",
        "hunter2",
    ] {
        let problems = load_with(&format!("[integrations.a]\nconnector = \"thrivecart\"\n{wrong}\n"), &[]).unwrap_err();
        let told = format!("{problems} {problems:?}");
        assert!(!told.contains("hunter2"), "{wrong}:\n{told}");
    }
}

#[test]
fn what_a_disabled_integration_lacks_is_no_error() {
    let text = "[integrations.a]\nconnector = \"thrivecart\"\nenabled = false\n[integrations.b]\nconnector = \"gone\"\nenabled = false\nkey = 1\n[integrations.c]\nconnector = \"thrivecart\"\nenabled = false\nsecret = { env = \"X\" }";
    let loaded = loaded(text);
    assert_eq!(loaded.config.integrations.len(), 3);
    insta::assert_snapshot!(warned(&loaded), @r#"
    ltvd.toml:5:13: integrations.b.connector: there is no connector `gone`
       |
     5 | connector = "gone"
       |             ^^^^^^
       = help: available: clash, kinds, polled, samcart, strict, thrivecart
    "#);
}

#[cfg(unix)]
#[test]
fn files_with_secrets() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ltvd.toml");
    let secret = folder.path().join("word");
    std::fs::write(&config, "\u{feff}[integrations.a]\nconnector = \"thrivecart\"\nsecret = { file = \"word\" }\n")
        .unwrap();
    let load = || load(&config, &manifests(), &BTreeMap::new(), &BTreeMap::new(), &BTreeMap::new());
    let with = |content: &[u8], mode: u32| {
        std::fs::write(&secret, content).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        load()
    };
    let private = with(b"hunter2\r\n", 0o600).unwrap();
    assert_eq!(private.config.integrations["a"].secrets["secret"].expose_secret(), "hunter2");
    assert_eq!(private.warnings, []);
    assert_eq!(private.config.paths.drop_dir, folder.path().join("drop"));
    for mode in [0o640, 0o604] {
        let open = with(b"hunter2", mode).unwrap();
        assert!(warned(&open).contains("other users of this machine can read"), "{}", warned(&open));
    }
    assert!(with(b"\n", 0o600).unwrap_err().to_string().contains("empty"));
    assert!(with(b"\xff", 0o600).unwrap_err().to_string().contains("cannot be read"));
    assert!(with(&[b'x'; 70_000], 0o600).unwrap_err().to_string().contains("larger than"));
    std::fs::remove_file(&secret).unwrap();
    assert!(load().unwrap_err().to_string().contains("there is no file"));
    std::fs::create_dir(&secret).unwrap();
    assert!(load().unwrap_err().to_string().contains("no regular file"));
}

#[test]
fn credentials_of_systemd() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thrivecart"), "hunter2\n").unwrap();
    let env = [("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())];
    let with = |name: &str| {
        let reference = format!("secret = {{ credential = \"{name}\" }}");
        load_with(&format!("[integrations.a]\nconnector = \"thrivecart\"\n{reference}"), &env)
    };
    let found = with("thrivecart").unwrap();
    assert_eq!(found.config.integrations["a"].secrets["secret"].expose_secret(), "hunter2");
    assert_eq!(found.warnings, []);
    for outside in ["../x", "/etc/passwd", "..", ""] {
        assert!(with(outside).unwrap_err().to_string().contains("plain name"), "{outside}");
    }
}

#[test]
fn folders_are_found_whatever_else_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ltvd.toml");
    std::fs::write(&config, "data_dir = \"/var/lib/ltvd\"\nconnectors_dir = \"./c\"\nunknown = 1\n").unwrap();
    let paths = locate(&config).unwrap();
    assert_eq!((paths.data_dir.as_path(), paths.connectors_dir), (Path::new("/var/lib/ltvd"), folder.path().join("c")));
    std::fs::write(&config, "data_dir = 1").unwrap();
    assert!(locate(&config).unwrap_err().to_string().contains("expected text, found a whole number"));
    std::fs::write(&config, b"a = 1\nb = \"\xff\"").unwrap();
    assert!(locate(&config).unwrap_err().to_string().contains("ltvd.toml:2: this line is not UTF-8"));
    assert!(locate(&folder.path().join("none")).unwrap_err().to_string().contains("config.example.toml"));
}

#[test]
fn folders_may_not_lie_in_one_another() {
    let nested = |text: &str| load_with(text, &[]).map(|_| ()).map_err(|problems| problems.to_string());
    assert!(nested("data_dir = \"x\"\ndrop_dir = \"x/drop\"").is_err());
    assert!(nested("data_dir = \"x/data\"\ndrop_dir = \"x\"").is_err());
    assert!(nested("drop_dir = \"x\"\nconnectors_dir = \"./x\"").is_err());
    assert!(nested("data_dir = \"x\"\nconnectors_dir = \"x\"").is_err());
    assert_eq!(nested("data_dir = \"x\"\nconnectors_dir = \"x/connectors\""), Ok(()));
    assert_eq!(nested("data_dir = \"x\"\ndrop_dir = \"xx\""), Ok(()));
}

#[test]
fn what_needs_a_restart() {
    let old = loaded("").config;
    assert_eq!(old.needs_restart(&loaded("[report]\ntimezone = \"Europe/Berlin\"").config), [""; 0]);
    let new = loaded("data_dir = \"x\"\n[webhooks]\nlisten = \"127.0.0.1:9\"").config;
    assert_eq!(old.needs_restart(&new), ["data_dir", "webhooks.listen"]);
}
