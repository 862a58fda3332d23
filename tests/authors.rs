//! A connector of one's own: scaffolded outside of this repository, built, tested in the sandbox, installed, and counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hmac::{Hmac, KeyInit, Mac};
use insta::assert_snapshot;
use sha2::Sha256;

use crate::kit::{BOUND, Output, Shop, connector_file, http, plain, wait_until};

/// What the webhooks of the sample platform are signed with.
const WORD: &str = "sesame & öpen/4711";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// `ltvd connector test` on a connector's file, or a project's folder, with these cases.
fn test(shop: &Shop, connector: &Path, cases: &Path) -> Output {
    shop.cli(["connector".as_ref(), "test".as_ref(), connector.as_os_str(), "--cases".as_ref(), cases.as_os_str()])
}

#[test]
fn the_connectors_here_satisfy_what_every_connector_must() {
    let shop = Shop::empty();
    for id in ["clickfunnels", "generic", "konnektive", "samcart", "thrivecart", "woocommerce"] {
        let told = test(&shop, &connector_file(id), &repository(&format!("plugins/{id}/cases"))).ok();
        assert!(!told.contains("FAIL"), "{told}");
        let laws = told.lines().filter(|line| line.starts_with("ok    ") || line.starts_with("-     ")).count();
        assert!(laws >= 9 + 2, "{told}");
    }
}

/// Runs a program of the language's own tools, with nothing of this build about it.
#[track_caller]
fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO") && name != "CARGO_HOME") {
        command.env_remove(name);
    }
    // Dependencies are compiled once for all runs; what is built lies in the project.
    command.env("CARGO_BUILD_BUILD_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("scaffolded"));
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}\n{told}");
    told
}

/// Copies a connector into the folder of a running daemon, names it in the configuration, and sees it count a file and a webhook.
#[track_caller]
fn install_and_count(built: &Path, id: &str) {
    let shop = Shop::new("");
    let _daemon = shop.start();
    fs::copy(built, shop.path(format!("connectors/{id}.wasm"))).expect("the connector can be installed");
    let table =
        format!("[integrations.stall]\nconnector = \"{id}\"\ncurrency = \"USD\"\nwebhook_secret = \"{WORD}\"\n");
    shop.configure(&table);
    wait_until("the connector is used", BOUND, || (shop.status()["integrations"][0]["name"] == "stall").then_some(()));
    let csv = fs::read(repository("plugins/template/cases/payments.csv")).expect("the file of the cases");
    shop.import("stall", "payments.csv", &csv).ok();
    // A payment of 30.00 by somebody who is in no file.
    let body = fs::read_to_string(repository("plugins/template/cases/paid.json")).expect("the webhook of the cases");
    let body = body.replace("p-1", "p-9").replace("o-1", "o-9").replace("12.50", "30.00").replace("ada@", "gus@");
    let body = body.replace("\"tax\": \"2.00\",", "");
    let mut mac = Hmac::<Sha256>::new_from_slice(WORD.as_bytes()).expect("any key");
    mac.update(body.as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let header = format!("X-{}-Signature", id);
    let headers = [("Content-Type", "application/json"), (header.as_str(), signature.as_str())];
    http::send(shop.hooks, "POST", &shop.webhook_path("stall"), &headers, body.as_bytes()).ok();
    shop.wait_for_inbox();
    // 12.50 - 12.50 + 20.00 of the file, and 30.00 of the webhook, from three customers.
    let revenue = shop.revenue("by=month");
    assert_eq!(revenue["total"]["net"], "50.00", "{revenue:#}");
    let ltv = shop.ltv("group=none&as_of=2026-06-01&horizons=to_date");
    let total = &ltv["total"];
    assert_eq!((&total["customers"], &total["cells"][0]["net"]), (&3.into(), &"50.00".into()), "{ltv:#}");
}

/// Every command of the tutorial, in its order.
fn tutorial() -> String {
    let text = fs::read_to_string(repository("plugins/docs/tutorial.md")).expect("the tutorial");
    let blocks = text.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    format!("set -eu\n{}", blocks.collect::<String>())
}

#[test]
fn the_tutorial_leads_to_a_connector_that_counts() {
    let shop = Shop::empty();
    let binary = Path::new(env!("CARGO_BIN_EXE_ltvd")).parent().expect("the binary lies in a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    fs::create_dir(shop.path("installed")).expect("a folder for the connector");
    let script = format!("PATH='{path}'\nCONNECTORS='{}'\n{}", shop.path("installed").display(), tutorial());
    let told = run("sh", &["-c", &script], &shop.path(""));
    assert!(
        told.contains("5 passed") && told.contains("ok    doors: the same money") && !told.contains("FAIL"),
        "{told}"
    );
    install_and_count(&shop.path("installed/flea-market.wasm"), "flea-market");
}

#[test]
#[ignore = "needs python3 with venv, and PyPI; .ci/run runs it"]
fn a_python_connector_is_scaffolded_built_tested_installed_and_counted() {
    let shop = Shop::empty();
    shop.cli(["connector", "new", "flea-market", "--language", "python"]).ok();
    let project = shop.path("flea-market");
    assert!(run("python3", &["build.py", "test"], &project).contains("Ran 3 tests"));
    run("python3", &["build.py"], &project);
    let told = shop.cli(["connector", "test", "flea-market"]).ok();
    assert!(told.contains("ok    doors: the same money") && !told.contains("FAIL"), "{told}");
    install_and_count(&project.join("build/connector.wasm"), "flea-market");
}

#[test]
#[ignore = "needs node, npm and its registry; .ci/run runs it"]
fn a_javascript_connector_is_scaffolded_built_tested_installed_and_counted() {
    let shop = Shop::empty();
    shop.cli(["connector", "new", "flea-market", "--language", "javascript"]).ok();
    let project = shop.path("flea-market");
    run("npm", &["install", "--no-audit", "--no-fund"], &project);
    assert!(run("npm", &["test"], &project).contains("pass 3"));
    run("npm", &["run", "build"], &project);
    let told = shop.cli(["connector", "test", "flea-market"]).ok();
    assert!(told.contains("ok    doors: the same money") && !told.contains("FAIL"), "{told}");
    install_and_count(&project.join("build/connector.wasm"), "flea-market");
}

#[test]
fn a_project_is_not_written_over_another() {
    let shop = Shop::empty();
    shop.cli(["connector", "new", "stall", "--doors", "csv"]).ok();
    let again = shop.cli(["connector", "new", "stall"]);
    assert_eq!(again.code, Some(1));
    assert_snapshot!(again.stderr.trim(), @"error: stall: the folder is there already and is not empty");
    assert!(!shop.path("stall/src/webhook.rs").exists());
    let told = shop.cli(["connector", "test", "stall"]);
    assert_snapshot!(told.stderr.trim(), @"error: stall/target/wasm32-unknown-unknown/release/connector.wasm is not built yet: run `cargo build --release --target wasm32-unknown-unknown` in stall; what is built elsewhere is named with its file, and `--cases stall/cases`");
}

/// What is told of one case of the misbehaving connector, and of the laws that it breaks.
fn told_of(case: &str) -> String {
    let shop = Shop::empty();
    let cases = repository("tests/fixtures/evil-cases");
    let evil = connector_file("evil");
    let arguments = [
        "connector",
        "test",
        evil.to_str().expect("a plain path"),
        "--cases",
        cases.to_str().expect("a plain path"),
        "--only",
        case,
    ];
    let output = shop.cli(arguments);
    assert_eq!(output.code, Some(1));
    let lines: Vec<&str> =
        output.stdout.lines().filter(|line| !line.starts_with("ok ") && !line.starts_with("- ")).collect();
    lines.join("\n")
}

#[test]
fn a_case_that_fails_is_told_as_a_difference() {
    assert_snapshot!(told_of("good"), @r#"
    evil 6.6.6, 1 case

    FAIL  good: a good deed, of which another sum is expected
          --- expected
          +++ found
          @@ -26,7 +26,7 @@
                         }
                       ],
                       "tax": "0.00",
          -            "total": "21.50"
          +            "total": "12.50"
                     }
                   }
                 ],
          @@ -36,6 +36,6 @@
               }
             ],
             "ledger": [
          -    "sale 1 of 1, 2026-04-01T12:30:00, 21.50 USD, initial, eve@evil.example"
          +    "sale 1 of 1, 2026-04-01T12:30:00, 12.50 USD, initial, eve@evil.example"
             ]
           }

    FAIL  the manifest is complete and its help texts are there (1 try)
          the help of the setting `word` does not say where to find its value
          the help of the setting `mood` does not say where to find its value
          note: the manifest says that deliveries can be proven, and one of the cases is believed for its address alone
    "#);
}

#[test]
fn a_trap_is_told_with_its_text() {
    let told = told_of("trap");
    // Where in the source it happened is not the point, nor how much of the damage it meets.
    let told = masked(&told, "panicked at ", ":\n", "[place]");
    let first: Vec<&str> = told.lines().take(8).collect();
    assert_snapshot!(first.join("\n"), @r#"
    evil 6.6.6, 1 case

    FAIL  trap: a deed that traps
          webhook trap.json: fault: connector evil 6.6.6, webhook.receive: the connector crashed: panicked at [place]:
          evil is as evil does (wasm `unreachable` instruction executed); report it to its author

    FAIL  the manifest is complete and its help texts are there (1 try)
          the help of the setting `word` does not say where to find its value
    "#);
}

#[test]
fn a_leak_is_told_with_its_place() {
    assert_snapshot!(told_of("leak"), @r#"
    evil 6.6.6, 1 case

    FAIL  leak: a secret that is told to the log
          webhook leak.json: asks for what the case has no [[delivery.exchange]] for: GET https://evil.example/

    FAIL  the manifest is complete and its help texts are there (1 try)
          the help of the setting `word` does not say where to find its value
          the help of the setting `mood` does not say where to find its value
          note: the manifest says that deliveries can be proven, and one of the cases is believed for its address alone
    FAIL  no setting or secret leaks into entries or logs, and no address into logs (118 tries)
          leak: the secret `word` stands in the log
    "#);
}

/// With what stands between these texts replaced.
fn masked(text: &str, before: &str, after: &str, by: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((start, found)) = rest.split_once(before) {
        let Some((_, end)) = found.split_once(after) else { break };
        plain.extend([start, before, by, after]);
        rest = end;
    }
    plain + rest
}

#[test]
fn each_law_catches_who_breaks_it() {
    let shop = Shop::empty();
    fs::create_dir(shop.path("cases")).expect("a folder");
    for file in fs::read_dir(repository("tests/fixtures/lawless-cases")).expect("the cases are there") {
        let file = file.expect("the folder can be read").path();
        fs::copy(&file, shop.path("cases").join(file.file_name().expect("a name"))).expect("a copy");
    }
    let evil = connector_file("evil");
    let evil = evil.to_str().expect("a plain path");
    let output = shop.cli(["connector", "test", evil, "--cases", "cases", "--bless"]);
    assert_eq!(output.code, Some(1));
    // First the cases, a line each since all are new, then the laws.
    let (cases, laws) = output.stdout.trim_end().rsplit_once("\n\n").expect("cases and laws");
    assert!(!cases.contains("FAIL"), "{cases}");
    let kept: Vec<&str> = laws.lines().filter(|line| !line.starts_with("ok ") && !line.starts_with("- ")).collect();
    assert_eq!(kept.len(), laws.lines().count(), "a law lets all of them pass\n{laws}");
    assert_snapshot!(laws, @r#"
    FAIL  the manifest is complete and its help texts are there (1 try)
          the help of the setting `word` does not say where to find its value
          the help of the setting `mood` does not say where to find its value
          note: the manifest says that deliveries can be proven, and one of the cases is believed for its address alone
    FAIL  equal calls give equal answers (26 tries)
          counted: csv counted.csv: the same rows, read once more by the same instance, give another answer
    FAIL  a conversation that is held again from any step ends in the same ledger (16 tries)
          forgetful: webhook forgetful.txt, with a fresh instance for each step
          - sale 1 of 1, 2026-04-01T12:30:00, 12.50 USD, initial, eve@evil.example
    FAIL  what is delivered twice counts once (24 tries)
          one-more: each delivery twice
          + sale 1-2 of 1, 2026-04-01T12:30:00, 12.50 USD, initial, eve@evil.example
          one-more: all deliveries twice
          + sale 1-2 of 1, 2026-04-01T12:30:00, 12.50 USD, initial, eve@evil.example
    FAIL  the order of deliveries does not matter (1 try)
          worth: deliveries in the order 2, 1
          - sale 1 of 1, 2026-04-01T12:30:00, 20.00 USD, initial, eve@evil.example
          + sale 1 of 1, 2026-04-01T12:30:00, 10.00 USD, initial, eve@evil.example
    FAIL  ids are stable and not empty (34 tries)
          clock: read forty days later, the sale `1775044800000` has another key
          nothingness: `sale:undefined` is an id that was made of nothing
          nothingness: `sale:undefined` is an id that was made of nothing
    FAIL  mutated and truncated inputs never trap, nor run past a limit (1379 tries)
          brittle: webhook brittle.txt, cut off after 6 bytes: connector evil 6.6.6, webhook.receive: the connector crashed: wasm `unreachable` instruction executed; report it to its author
          brittle: webhook brittle.txt, byte 6 changed by 0xb9: connector evil 6.6.6, webhook.receive: the connector crashed: wasm `unreachable` instruction executed; report it to its author
          brittle: webhook brittle.txt, byte 6 changed by 0x56: connector evil 6.6.6, webhook.receive: the connector crashed: wasm `unreachable` instruction executed; report it to its author
          brittle: webhook brittle.txt, byte 6 changed by 0x0f: connector evil 6.6.6, webhook.receive: the connector crashed: wasm `unreachable` instruction executed; report it to its author
          brittle: webhook brittle.txt, byte 6 changed by 0x1a: connector evil 6.6.6, webhook.receive: the connector crashed: wasm `unreachable` instruction executed; report it to its author
          and 38 more
    FAIL  an answer of another shape never passes for an empty one (2 tries)
          credulous: poll sync, answer 1 made a page: complete, with 1 fewer changes and no word
          credulous: poll sync, answer 1 made a text: complete, with 1 fewer changes and no word
    FAIL  no setting or secret leaks into entries or logs, and no address into logs (1392 tries)
          gossip: a customer's address stands in the log
          moody: the setting `mood` stands in an entry
    "#);
}

#[test]
fn what_came_of_new_cases_is_told_in_short() {
    let shop = Shop::empty();
    let kept = repository("tests/fixtures/kept/kiosk-0.1.0.wasm");
    let kept = kept.to_str().expect("a plain path");
    let cases = repository("plugins/template/cases");
    let cases = cases.to_str().expect("a plain path");
    let told = shop.cli(["connector", "test", kept, "--cases", cases, "--only", "doors", "--summary"]).ok();
    let (told, _) = told.rsplit_once("\n\n").expect("laws come last");
    assert_snapshot!(told, @r#"
    kiosk 0.1.0, 1 case

    ok    doors: the same money by webhook, in the export and in the API counts once
          webhook paid.json: read
          csv payments.csv: read
          poll sync: synced
            sale p-1 of o-1, 2026-03-01T10:00:00Z, 12.50 USD, unknown, ada@example.org
            refund r-1 of o-1, 2026-03-05T09:00:00Z, 12.50 USD, unknown, ada@example.org
            sale p-3 of o-3, 2026-03-07T18:30:00Z, 20.00 USD, unknown, cleo@example.org
    "#);
}

#[test]
fn a_connector_for_another_contract_is_refused_with_both_versions() {
    let shop = Shop::empty();
    let mut bytes = fs::read(repository("tests/fixtures/kept/kiosk-0.1.0.wasm")).expect("the kept connector");
    let version = b"@0.1.0";
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(version)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + version.len()].copy_from_slice(b"@0.9.0");
    }
    fs::write(shop.path("later.wasm"), bytes).expect("a file");
    let refused = shop.cli(["connector", "inspect", "./later.wasm"]);
    assert_eq!(refused.code, Some(1));
    assert_snapshot!(refused.stderr.trim(), @"error: ./later.wasm: built for ltv:connector@0.9.0, and this ltvd speaks ltv:connector@0.1.0; get a build of the connector for that version");
}

#[test]
fn what_would_be_refused_or_asked_for_is_read_where_the_author_says_so() {
    let shop = Shop::empty();
    let kept = repository("tests/fixtures/kept/kiosk-0.1.0.wasm");
    let case = |name: &str| repository(&format!("plugins/template/cases/{name}"));
    let read = |kind: &str, file: &str, more: &[&str]| {
        let (kept, file) = (kept.display().to_string(), case(file).display().to_string());
        let given = ["connector", "read", &kept, &file, "--as", kind, "--setting", "currency=USD"];
        shop.cli(given.iter().chain(more))
    };
    let refused = read("webhook", "paid.json", &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("refused with 401") && refused.stderr.contains("--unproven"), "{}", refused.stderr);
    let told = read("webhook", "paid.json", &["--unproven", "--without-secret", "webhook_secret"]).ok();
    assert!(told.contains("none was asked for") && told.contains("12.50"), "{told}");
    let wrong = read("webhook", "paid.json", &["--without-secret", "word"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("no secret `word`; it has webhook_secret, api_key"), "{}", wrong.stderr);
    let window = ["--from", "2026-03-01T00:00:00Z", "--to", "2026-04-01T00:00:00Z"];
    let told = read("response", "page-2.json", &window).ok();
    assert!(told.contains("asked for 2026-03-01T00:00:00Z to 2026-04-01T00:00:00Z"), "{told}");
}

#[test]
fn a_written_project_is_formatted_whatever_its_doors() {
    let shop = Shop::empty();
    for doors in ["csv", "webhook", "poll", "csv,webhook", "csv,poll", "webhook,poll", "csv,webhook,poll"] {
        let folder = doors.replace(',', "-");
        let name = ["--name", "Flea & Sons"];
        let into = ["--into", folder.as_str(), "--doors", doors];
        shop.cli(["connector", "new", "flea-market"].iter().chain(&into).chain(&name)).ok();
        run("cargo", &["fmt", "--check"], &shop.path(&folder));
        let readme = fs::read_to_string(shop.path(&folder).join("README.md")).expect("a README");
        assert!(readme.starts_with("# Flea & Sons for ltvd"), "{readme}");
    }
}

#[test]
fn a_changed_file_under_a_pin_is_refused_by_name() {
    let shop = Shop::new("");
    let told: serde_json::Value =
        serde_json::from_str(&shop.cli(["connector", "inspect", "generic", "--json"]).ok()).unwrap();
    let hash = told["sha256"].as_str().unwrap();
    shop.configure(&format!("[integrations.files]\nconnector = \"generic\"\nsha256 = \"{hash}\"\n"));
    shop.cli(["check"]).ok();
    // Another file under the name.
    fs::remove_file(shop.path("connectors/generic.wasm")).unwrap();
    let mut bytes = fs::read(connector_file("generic")).unwrap();
    // A custom section, which means nothing.
    bytes.extend(b"\0\x05\x04note");
    fs::write(shop.path("connectors/generic.wasm"), bytes).unwrap();
    let refused = shop.cli(["check"]);
    assert_eq!(refused.code, Some(78));
    assert!(
        refused.stderr.contains("integrations.files.sha256: the file of the connector `generic` is another one"),
        "{}",
        refused.stderr
    );
    assert!(shop.try_start().is_err());
}

#[test]
fn an_operator_sees_what_a_connector_may_do() {
    let shop = Shop::empty();
    shop.configure("");
    let told = shop.cli(["connector", "inspect", "samcart"]).ok();
    let (head, _) = told.split_once("\nSettings\n").expect("settings come after what it may do");
    let head = plain(&shop, head);
    let head = masked(&head, "samcart.wasm, ", "\n", "[size]");
    assert_snapshot!(head, @r#"
    SamCart (samcart) 0.1.0

    file      [shop]/connectors/samcart.wasm, [size]
    sha256    [sha256]
    contract  ltv:connector@0.1.0
    reads     API, webhooks, files
    asks      api.samcart.com; ltvd sends the requests, and `hosts` of the integration narrows this
    secrets   api_key; it knows their names, and ltvd puts the values into requests to those hosts
    imports   ltv:connector/log@0.1.0, so all it can do is log and answer
    exports   ltv:connector/connector@0.1.0, ltv:connector/csv@0.1.0, ltv:connector/poll@0.1.0, ltv:connector/webhook@0.1.0

    To use this very file and no other, write into its integration
      connector = "samcart"
      sha256 = "[sha256]"
    "#);
}
