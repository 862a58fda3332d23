//! The daemon as operators and platforms meet it: start, stop, addresses, answers, and doing things again.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use ltvd::limits::http as limits;
use serde_json::Value;

use crate::kit::{BOUND, Shop, http, plain, wait_until};

const CONFIG: &str = r#"
[report]
currency = "USD"

[integrations.files]
connector = "generic"
currency = "USD"

[integrations.tea]
connector = "samcart"
currency = "USD"
"#;

const FILE: &str = "id,order,date,email,amount,kind\n\
    1,A,2026-01-10 10:00:00,ada@example.org,100.00,sale\n\
    2,A,2026-01-20 10:00:00,ada@example.org,40.00,refund\n\
    3,B,2026-01-11 10:00:00,bo@example.org,50.00,sale\n";

const PURCHASE: &str = r#"{"type":"Order","product":{"id":1,"name":"Tea","price":"30.00","tax":"0.00","shipping":"0.00"},
    "customer":{"email":"Cleo@Example.org"},"order":{"id":"70","total":"30.00"}}"#;

/// All figures that must not change.
fn figures(shop: &Shop) -> [Value; 3] {
    [
        shop.revenue("by=day")["rows"].clone(),
        shop.ltv("as_of=2026-06-01&horizons=30,to_date")["total"].clone(),
        shop.status()["entries"].clone(),
    ]
}

#[test]
fn it_ends_in_order_and_starts_again() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    shop.import("files", "a.csv", FILE.as_bytes()).ok();
    shop.post_webhook("tea", "application/json", PURCHASE.as_bytes()).ok();
    // What was acknowledged a moment ago is not lost by the end.
    daemon.terminate();
    assert_eq!(daemon.exit_code(), Some(0));
    let daemon = shop.start();
    shop.wait_for_inbox();
    // 100 - 40 + 50 + 30
    assert_eq!(shop.revenue("by=month")["total"]["net"], "140.00");
    assert_eq!(shop.status()["entries"], 4);
    daemon.stop();
}

/// Begins a request to a listener and leaves it unfinished.
fn begin(port: u16, head: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream
        .write_all(format!("{head}\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", PURCHASE.len()).as_bytes())
        .unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    // Until the daemon has taken the connection.
    sleep(Duration::from_millis(300));
    stream
}

#[test]
fn a_request_under_way_is_finished_before_it_ends() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    let (first, rest) = PURCHASE.split_at(50);
    let mut stream = begin(shop.hooks, &format!("POST {} HTTP/1.1", shop.webhook_path("tea")), first);
    daemon.terminate();
    sleep(Duration::from_millis(500));
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(daemon.exit_code(), Some(0));
    let _daemon = shop.start();
    shop.wait_for_inbox();
    assert_eq!(shop.status()["entries"], 1);
}

#[test]
fn nobody_can_keep_it_from_ending() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    // One that says nothing, one that stops in its head, one in its body, and one that stays after its answer.
    let _silent = [shop.api, shop.hooks].map(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
    let mut in_head = TcpStream::connect((Ipv4Addr::LOCALHOST, shop.hooks)).unwrap();
    in_head.write_all(b"POST /hooks/").unwrap();
    let _in_body = begin(shop.hooks, &format!("POST {} HTTP/1.1", shop.webhook_path("tea")), "{");
    let mut idle = TcpStream::connect((Ipv4Addr::LOCALHOST, shop.api)).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 12]).unwrap();
    let start = Instant::now();
    daemon.terminate();
    assert_eq!(daemon.exit_code(), Some(0));
    // What is allowed for requests under way, and some time for a slow machine.
    assert!(start.elapsed() < limits::DRAIN + Duration::from_secs(4), "{:?}", start.elapsed());
    let log = fs::read_to_string(shop.path("stderr.log")).unwrap();
    assert!(log.contains("were cut off") && !log.contains("the last commit"), "{log}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    let _in_body = begin(shop.hooks, &format!("POST {} HTTP/1.1", shop.webhook_path("tea")), "{");
    daemon.terminate();
    wait_until("the first signal is heard", BOUND, || daemon.stderr().contains("ltvd ends").then_some(()));
    daemon.terminate();
    // As a shell says of a process that SIGTERM ended.
    assert_eq!(daemon.exit_code(), Some(128 + 15));
}

#[test]
fn a_stop_in_the_middle_of_a_file_leaves_it_wholly_in_or_out() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    let rows: String =
        (0..100_000).map(|row| format!("{row},o{row},2026-01-10,c{row}@example.org,1.00,sale\n")).collect();
    let file = format!("{}\n{rows}", FILE.lines().next().unwrap());
    fs::write(shop.path("by-hand.csv"), &file).unwrap();
    let by_hand = thread::scope(|scope| {
        let by_hand = scope.spawn(|| shop.cli(["import", "by-hand.csv", "--integration", "files"]));
        sleep(Duration::from_millis(1_500));
        daemon.terminate();
        assert_eq!(daemon.exit_code(), Some(0));
        by_hand.join().unwrap()
    });
    let daemon = shop.start();
    let entries = shop.status()["entries"].as_u64().unwrap();
    match by_hand.code {
        Some(0) => assert_eq!(entries, 100_000),
        Some(75) => assert!(entries == 0 || entries == 100_000, "{entries}"),
        _ => panic!("{by_hand:?}"),
    }
    shop.drop_file("files", "dropped.csv", file.as_bytes());
    sleep(Duration::from_millis(700));
    daemon.stop();
    let daemon = shop.start();
    let entries = shop.status()["entries"].as_u64().unwrap();
    assert!(entries == 0 || entries == 100_000, "{entries}");
    shop.wait_for_report("files", "dropped.csv").ok();
    assert_eq!(shop.status()["entries"], 100_000);
    daemon.stop();
}

#[test]
fn a_busy_port_is_said_and_ends_it() {
    let shop = Shop::new(CONFIG);
    for (port, table) in [(shop.api, "api"), (shop.hooks, "webhooks")] {
        let _busy = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (status, stderr) = shop.try_start().expect_err("the port is busy");
        assert_eq!(status.code(), Some(1));
        let said = format!("cannot listen on 127.0.0.1:{port} for [{table}]");
        assert!(stderr.contains(&said), "{stderr}");
    }
    shop.start().stop();
}

#[test]
fn a_second_daemon_on_the_same_data_is_refused() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    let config = fs::read_to_string(shop.path("ltvd.toml")).unwrap();
    fs::write(shop.path("other.toml"), config.replace(&format!(":{}", shop.api), ":0")).unwrap();
    let second = shop.cli(["run", "--config", "other.toml"]);
    assert_eq!(second.code, Some(1));
    assert!(plain(&shop, &second.stderr).contains("[shop]/data"), "{}", second.stderr);
    daemon.stop();
}

#[test]
fn platforms_may_try_the_address() {
    let shop = Shop::new(CONFIG);
    let _daemon = shop.start();
    let path = shop.webhook_path("tea");
    for (method, body) in [("HEAD", ""), ("GET", ""), ("OPTIONS", ""), ("POST", ""), ("POST", "{}")] {
        assert_eq!(http::send(shop.hooks, method, &path, &[], body.as_bytes()).status, 200, "{method} {body}");
    }
    assert_eq!(http::send(shop.hooks, "DELETE", &path, &[], b"").status, 405);
    assert_eq!(shop.status()["entries"], 0);
    // Reports are not to be had where platforms send to, nor the other way round.
    assert_eq!(http::send(shop.hooks, "GET", "/v1/status", &[], b"").status, 404);
    assert_eq!(http::send(shop.api, "POST", &path, &[], PURCHASE.as_bytes()).status, 404);
}

#[test]
fn strangers_learn_nothing_about_integrations() {
    let shop = Shop::new(CONFIG);
    let _daemon = shop.start();
    let token = shop.webhook_path("tea").rsplit('/').next().unwrap().to_owned();
    let other = "x".repeat(token.len());
    let ask = |path: String| {
        let answers = ["GET", "POST"].map(|method| {
            let mut answer = http::send(shop.hooks, method, &path, &[], PURCHASE.as_bytes());
            answer.headers.retain(|(name, _)| name != "date");
            (answer.status, answer.headers, answer.body)
        });
        assert_eq!(answers[0].0, 404);
        answers
    };
    let wrong_token = ask(format!("/hooks/tea/{other}"));
    // Unknown, one without webhooks, another's token, a part of the token.
    for path in [
        format!("/hooks/nobody/{token}"),
        format!("/hooks/files/{token}"),
        format!("/hooks/tea/{}", &token[1..]),
        format!("/hooks/tea/{token}x"),
        format!("/hooks/tea/{}", token.to_ascii_uppercase()),
    ] {
        assert_eq!(ask(path.clone()), wrong_token, "{path}");
    }
    assert_eq!(shop.status()["entries"], 0);
}

#[test]
fn reports_are_for_this_host_and_for_known_questions() {
    let shop = Shop::new(CONFIG);
    let _daemon = shop.start();
    let with_host = |host: &str| http::send(shop.api, "GET", "/v1/status", &[("Host", host)], b"");
    for ours in ["localhost", "127.0.0.1", "[::1]:8380", &format!("localhost:{}", shop.api)] {
        assert_eq!(with_host(ours).status, 200, "{ours}");
    }
    for theirs in ["evil.example", "evil.example:8380", "127.0.0.1.evil.example", "localhost.evil.example"] {
        let answer = with_host(theirs);
        assert_eq!(answer.status, 421, "{theirs}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    for (target, said) in [
        ("/v1/ltv?horizon=30", "did you mean `horizons`"),
        ("/v1/ltv?horizons=30&horizons=x", "`x` is not a horizon"),
        ("/v1/revenue?by=year", "use one of day, week, month"),
        ("/v1/revenue?from=2026-02-30", "is not a day"),
        ("/v1/revenue?from=2026-02-02&to=2026-02-01", "must be before"),
        ("/v1/revenue?integration=fils", "there is no integration `fils`"),
        ("/v1/status?x=1", "there is no parameter `x`"),
        ("/v1/revenue?timezone=Mars", "is not a time zone"),
    ] {
        let answer = shop.get(target);
        assert_eq!(answer.status, 400, "{target}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.json()["detail"].as_str().unwrap().contains(said), "{target}: {}", answer.text());
    }
    assert_eq!(shop.get("/v1/nothing").status, 404);
    assert_eq!(shop.post("/v1/status", b"").status, 405);
    assert_eq!(shop.get("/healthz").ok().text(), "ok\n");
    assert_eq!(shop.get("/readyz").ok().text(), "ready\n");
}

#[test]
fn a_token_guards_reports_and_nothing_else() {
    let shop = Shop::empty();
    let token = "a-token-of-some-length";
    shop.write_config(&format!(
        "[api]\nlisten = \"127.0.0.1:{}\"\ntoken = \"{token}\"\n[webhooks]\nlisten = \"127.0.0.1:{}\"\n{CONFIG}",
        shop.api, shop.hooks
    ));
    let daemon = shop.start();
    let ask = |value: &str| http::send(shop.api, "GET", "/v1/status", &[("Authorization", value)], b"").status;
    assert_eq!(shop.get("/v1/status").status, 401);
    assert_eq!(ask("Bearer a-token-of-some-lengt"), 401);
    assert_eq!(ask(&format!("Basic {token}")), 401);
    assert_eq!(ask(&format!("Bearer {token}")), 200);
    assert_eq!(shop.get("/healthz").status, 200);
    // Commands on this machine have it from the configuration.
    shop.cli(["status"]).ok();
    assert!(!daemon.stderr().contains(token));
}

#[test]
fn an_answer_that_is_known_is_not_sent_again() {
    let shop = Shop::new(CONFIG);
    let _daemon = shop.start();
    shop.import("files", "a.csv", FILE.as_bytes()).ok();
    let target = "/v1/revenue?by=month";
    let first = shop.get(target).ok();
    let etag = first.header("etag").unwrap().to_owned();
    let again = |etag: &str| http::send(shop.api, "GET", target, &[("If-None-Match", etag)], b"");
    let known = again(&etag);
    assert_eq!((known.status, known.body.as_slice()), (304, &b""[..]));
    assert_eq!(known.header("etag"), Some(etag.as_str()));
    assert_eq!(again("\"other\"").status, 200);
    shop.deliver("tea", "application/json", PURCHASE.as_bytes());
    let changed = again(&etag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
}

#[test]
fn the_example_configuration_passes_the_check() {
    let shop = Shop::empty();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config.example.toml");
    shop.write_config(&fs::read_to_string(example).unwrap());
    let output = shop.cli(["check"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(output.stdout, "ltvd.toml: nothing is wrong, 1 warning; 2 integrations, 5 connectors\n");
    // Its one literal secret is meant as a sample, and warned about without being shown.
    assert!(output.stderr.contains("a secret stands in the file itself"), "{}", output.stderr);
    assert!(!output.stderr.contains("demo-word"), "{}", output.stderr);
}

#[test]
fn doing_it_again_adds_nothing() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    shop.import("files", "a.csv", FILE.as_bytes()).ok();
    shop.deliver("tea", "application/json", PURCHASE.as_bytes());
    let before = figures(&shop);
    assert_eq!(before[2], 4);

    let again = shop.import("files", "a-again.csv", FILE.as_bytes()).ok();
    assert!(again.contains("0 new, 0 changed, 3 known") && again.contains("was imported before"), "{again}");
    // The same rows in another order and notation are another file, and the same money.
    let mut rows: Vec<&str> = FILE.lines().collect();
    rows[1..].reverse();
    let other = format!("\u{feff}{}\r\n", rows.join("\r\n"));
    let again = shop.import("files", "other.csv", other.as_bytes()).ok();
    assert!(again.contains("0 new, 0 changed, 3 known") && !again.contains("was imported before"), "{again}");
    shop.deliver("tea", "application/json", PURCHASE.as_bytes());
    assert_eq!(figures(&shop), before);

    assert!(shop.cli(["replay"]).ok().starts_with("2 deliveries"));
    shop.wait_for_inbox();
    assert_eq!(figures(&shop), before);
    daemon.stop();
    assert!(shop.cli(["replay", "tea"]).ok().contains("2 deliveries read again; in quarantine now: 0"));
    let _daemon = shop.start();
    assert_eq!(figures(&shop), before);
}

#[test]
fn without_a_daemon_commands_do_the_same() {
    let [with, without] = [(); 2].map(|()| Shop::new(CONFIG));
    let daemon = with.start();
    let questions: [&[&str]; 5] = [
        &["revenue", "--by", "day", "--format", "json"],
        &["ltv", "--as-of", "2026-06-01", "--format", "json"],
        &["ltv", "--as-of", "2026-06-01"],
        &["customer", "Ada@example.org", "--format", "json"],
        &["quarantine", "list", "--json"],
    ];
    let answers = [&with, &without].map(|shop| {
        fs::write(shop.path("a.csv"), FILE).unwrap();
        let report = shop.cli(["import", "a.csv", "--integration", "files"]).ok();
        (report, questions.map(|question| shop.cli(question).ok()))
    });
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].1[0].contains("110.00"), "{}", answers[0].1[0]);
    daemon.stop();
    // A daemon that comes later finds it all.
    let daemon = without.start();
    assert_eq!(questions.map(|question| without.cli(question).ok()), answers[0].1);
    daemon.stop();
}

#[test]
fn a_dry_run_tells_all_and_stores_nothing() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    fs::write(shop.path("a.csv"), FILE).unwrap();
    let before = (figures(&shop), shop.get("/").ok().json(), shop.get("/v1/imports").ok().json());
    let import = ["import", "a.csv", "--integration", "files"];
    let dry = shop.cli(import.into_iter().chain(["--dry-run"])).ok();
    assert!(dry.contains("dry run, nothing stored") && dry.contains("entries      3 new"), "{dry}");
    assert_eq!((figures(&shop), shop.get("/").ok().json(), shop.get("/v1/imports").ok().json()), before);
    let real = shop.cli(import).ok();
    assert!(real.contains("entries      3 new"), "{real}");
    let dry = shop.cli(import.into_iter().chain(["--dry-run"])).ok();
    assert!(dry.contains("0 new, 0 changed, 3 known"), "{dry}");
    daemon.stop();
    // Without a daemon it is the same.
    let dry = shop.cli(import.into_iter().chain(["--dry-run", "--json"])).ok();
    let dry: Value = serde_json::from_str(&dry).unwrap();
    assert_eq!((&dry["counts"]["new"], &dry["counts"]["unchanged"]), (&Value::from(0), &Value::from(3)));
    assert_eq!(shop.cli(["status", "--json"]).ok().matches("\"entries\": 3").count(), 2);
}

#[test]
fn what_follows_from_a_look_up_is_stored_before_it_changes_again() {
    let shop = Shop::empty();
    shop.add_connector("evil");
    shop.configure("[integrations.hell]\nconnector = \"evil\"\n");
    let _daemon = shop.start();
    let mut deliveries = 0;
    std::thread::scope(|scope| {
        // Both doors look the same order up, and add a cent to what they find: 300 times, and five times each.
        let pass = scope.spawn(|| shop.cli(["sync", "hell", "--from", "2001-01-01", "--to", "2001-01-02"]).ok());
        while deliveries < 20 || !pass.is_finished() {
            shop.post_webhook("hell", "text/plain", b"count").ok();
            deliveries += 1;
        }
        pass.join().expect("the pass ends well");
    });
    shop.wait_for_inbox();
    let cents = 300 + 5 * deliveries;
    let revenue = shop.revenue("by=month&as_of=2026-06-01");
    assert_eq!(revenue["total"]["net"], format!("{}.{:02}", cents / 100, cents % 100), "{deliveries} deliveries");
}
