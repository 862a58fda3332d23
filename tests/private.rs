//! What others on the machine, and pages in the owner's browser, can see of ltvd: nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use insta::assert_snapshot;

use crate::kit::{Shop, http};

const FORM: &str = "application/x-www-form-urlencoded";
const ORDER: &[u8] = include_bytes!("../plugins/thrivecart/fixtures/sample/1-order.success.form");
const FILE: &[u8] = include_bytes!("../plugins/thrivecart/fixtures/sample/orders.csv");
const TEA: &str = "[integrations.tea]\nconnector = \"thrivecart\"\nsecret = \"demo-word\"\n";

#[test]
fn only_the_owner_can_read_what_ltvd_keeps_whatever_the_umask() {
    let shop = Shop::new(TEA);
    // Everything is made by ltvd itself, the cache of compiled connectors too. One connector is enough for that.
    fs::remove_dir_all(shop.path("data")).unwrap();
    for id in ["generic", "konnektive", "samcart", "woocommerce"] {
        fs::remove_file(shop.path(format!("connectors/{id}.wasm"))).unwrap();
    }
    let daemon = shop.start_after("umask 000");
    shop.deliver("tea", FORM, ORDER);
    shop.import("tea", "orders.csv", FILE).ok();
    let looked_at = check_modes(&shop);
    assert!(looked_at.iter().any(|path| path.ends_with("ledger.redb")), "{looked_at:?}");
    assert!(
        looked_at.iter().any(|path| path.parent().is_some_and(|folder| folder.ends_with("archive"))),
        "{looked_at:?}"
    );
    daemon.stop();
    check_modes(&shop);
}

/// Every file and folder below the data folder that others could enter is an error.
fn check_modes(shop: &Shop) -> Vec<PathBuf> {
    let mut folders = vec![shop.path("data")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}: {mode:o}", folder.display());
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::symlink_metadata(&path).unwrap();
            if data.is_dir() && path.ends_with("data/cache") {
                // What the WebAssembly runtime keeps there is compiled code, and nobody else can enter the folder.
                assert_eq!(data.permissions().mode() & 0o777, 0o700, "{}", path.display());
            } else if data.is_dir() {
                folders.push(path);
            } else {
                let mode = data.permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}: {mode:o}", path.display());
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn pages_of_other_sites_can_neither_read_nor_change_anything() {
    let shop = Shop::new(TEA);
    let _daemon = shop.start();
    let ask = |method: &str, target: &str, headers: &[(&str, &str)]| http::send(shop.api, method, target, headers, b"");
    let page = ("Origin", "https://evil.example");
    let wants = [page, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization")];
    let answers = [
        ("reading", ask("GET", "/v1/status", &[page])),
        ("asking first", ask("OPTIONS", "/v1/replay", &wants)),
        ("changing", ask("POST", "/v1/replay", &[page])),
        ("changing from a frame", ask("POST", "/v1/replay", &[("Sec-Fetch-Site", "cross-site")])),
        ("changing, sandboxed", ask("POST", "/v1/replay", &[("Origin", "null")])),
        ("changing, from an address without name", ask("POST", "/v1/replay", &[("Origin", "http://203.0.113.5")])),
        ("changing, from another port here", ask("POST", "/v1/replay", &[("Origin", "http://localhost:3000")])),
    ];
    let mut told = String::new();
    for (name, answer) in &answers {
        // A browser hands an answer to a page of another site only if a header says so.
        let cors = answer.headers.iter().any(|(name, _)| name.starts_with("access-control-"));
        told.push_str(&format!("{name}: {}, shared with the page: {cors}\n", answer.status));
    }
    assert_snapshot!(told, @r#"
reading: 200, shared with the page: false
asking first: 405, shared with the page: false
changing: 403, shared with the page: false
changing from a frame: 403, shared with the page: false
changing, sandboxed: 403, shared with the page: false
changing, from an address without name: 403, shared with the page: false
changing, from another port here: 403, shared with the page: false
"#);
    assert_eq!(ask("POST", "/v1/replay", &[("Origin", &format!("http://127.0.0.1:{}", shop.api))]).status, 200);
}

#[test]
fn with_a_token_nothing_is_told_without_it() {
    let shop = Shop::new(TEA);
    let text = fs::read_to_string(shop.path("ltvd.toml")).unwrap();
    let token = "tkn-0123456789-abcdefgh";
    shop.write_config(&text.replacen("[api]\n", &format!("[api]\ntoken = \"{token}\"\n"), 1));
    let _daemon = shop.start();
    let status = |authorization: &str| {
        http::send(shop.api, "GET", "/v1/status", &[("Authorization", authorization)], b"").status
    };
    assert_eq!(status(&format!("Bearer {token}")), 200);
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        &format!("Bearer {token}x"),
        &format!("Bearer {}", &token[1..]),
        &format!("Basic {token}"),
        token,
    ] {
        assert_eq!(status(wrong), 401, "{wrong}");
    }
    assert_eq!(shop.get("/healthz").status, 200, "whether it lives may be known");
}
