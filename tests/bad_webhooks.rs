//! Webhooks from people who guess, from platforms that err, and from programs that want to harm. After each the daemon is
//! up, and reads the next good one.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use insta::assert_snapshot;

use crate::kit::{Shop, http, plain};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const ORDER: &[u8] = include_bytes!("../plugins/thrivecart/fixtures/sample/1-order.success.form");

/// Integrations that believe a word, an address, and nobody; and one that reads no webhooks.
fn shop() -> Shop {
    Shop::new(
        "[integrations.tea]\nconnector = \"thrivecart\"\nsecret = \"demo-word\"\n\n\
         [integrations.cups]\nconnector = \"samcart\"\ncurrency = \"USD\"\n\n\
         [integrations.wordless]\nconnector = \"thrivecart\"\n\n\
         [integrations.files]\nconnector = \"generic\"\n",
    )
}

/// The sample order, with another secret word or none.
fn order(word: Option<&str>) -> Vec<u8> {
    let text = std::str::from_utf8(ORDER).unwrap();
    let mask = "thrivecart_secret=demo-word";
    assert!(text.contains(mask));
    text.replace(mask, &word.map(|word| format!("thrivecart_secret={word}")).unwrap_or_default()).into_bytes()
}

/// A good webhook is still read, and nothing was stored before it.
#[track_caller]
fn still_reads(shop: &Shop) {
    assert_eq!(shop.status()["entries"], 0);
    shop.deliver("tea", FORM, ORDER);
    assert_eq!(shop.status()["entries"], 1);
}

/// Reasons of what is in quarantine.
fn quarantined(shop: &Shop) -> Vec<String> {
    let answer = shop.get("/v1/quarantine").ok().json();
    let waiting = answer["quarantine"].as_array().expect("a list");
    waiting.iter().map(|one| one["reason"].as_str().expect("a reason").to_owned()).collect()
}

/// The status of the first answer to bytes that are sent as they are.
fn status(shop: &Shop, request: &[u8]) -> String {
    let answer = http::exchange(shop.hooks, request).expect("an answer");
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn who_does_not_know_an_address_learns_nothing() {
    let shop = shop();
    let _daemon = shop.start();
    let path = shop.webhook_path("tea");
    let token = path.rsplit('/').next().expect("a token");
    let (shorter, other) = (&token[..token.len() - 1], token.to_ascii_lowercase());
    let targets = [
        format!("/hooks/tea/{shorter}"),
        format!("/hooks/tea/{other}"),
        format!("/hooks/tea/{}", "x".repeat(40)),
        format!("/hooks/nobody/{token}"),
        format!("/hooks/cups/{token}"),
        format!("/hooks/files/{token}"),
        "/hooks/tea/".to_owned(),
        "/hooks/tea".to_owned(),
        "/".to_owned(),
        "/v1/status".to_owned(),
    ];
    let answer = |target: &str, method: &str| {
        let response = http::send(shop.hooks, method, target, &[("Content-Type", FORM)], ORDER);
        let mut headers = response.headers;
        headers.retain(|(name, _)| name != "date");
        (response.status, headers, response.body)
    };
    let expected = answer("/", "POST");
    assert_eq!((expected.0, expected.2.as_slice()), (404, &b""[..]));
    for target in &targets {
        assert_eq!(answer(target, "POST"), expected, "{target}");
        assert_eq!(answer(target, "GET"), expected, "{target}");
        assert_eq!(answer(target, "DELETE"), expected, "{target}");
    }
    still_reads(&shop);
}

#[test]
fn a_test_call_at_the_root_is_answered_and_leaves_nothing_behind() {
    const TEST: &str = "/funnel_webhooks/test";
    let shop = shop();
    let daemon = shop.start();
    let answer = |method: &str, body: &[u8]| {
        let response = http::send(shop.hooks, method, TEST, &[("Content-Type", JSON)], body);
        let mut names: Vec<String> = response.headers.into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        (response.status, names.join(" "), response.body.len())
    };
    let expected = (200, "connection content-length date".to_owned(), 0);
    assert_eq!(answer("POST", b"{\"time\": \"2026-03-01 10:00:00 UTC\"}"), expected);
    assert_eq!(answer("POST", b"no JSON at all"), expected);
    assert_eq!(answer("GET", b""), expected);
    assert_eq!(answer("POST", &[b'x'; 64 << 10]), expected);
    for near in ["/funnel_webhooks/test/", "/funnel_webhooks", "/funnel_webhooks/Test", "/x/funnel_webhooks/test"] {
        assert_eq!(http::send(shop.hooks, "POST", near, &[], b"{}").status, 404, "{near}");
    }
    // What goes on for ever is answered before it ends, and not read.
    let head = format!("POST {TEST} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
    let endless = [head.as_bytes(), &[b'x'; (64 << 10) + 1]].concat();
    assert_eq!(status(&shop, &endless), "HTTP/1.1 200 OK");
    // It costs what a guess costs, so that nobody can keep the listener busy with it.
    let from = [("X-Forwarded-For", "198.51.100.7")];
    let calls = 20 * ltvd::limits::doors::REFUSALS;
    let tired = (0..calls).any(|_| http::send(shop.hooks, "POST", TEST, &from, b"{}").status == 429);
    assert!(tired, "one caller may go on for ever");
    assert_eq!(answer("POST", b"{}"), expected, "others are not held up");
    assert_eq!(shop.status()["pending"], 0);
    assert_eq!(quarantined(&shop), [""; 0]);
    assert!(!daemon.stderr().contains("webhook request"), "{}", daemon.stderr());
    still_reads(&shop);
}

#[test]
fn which_paths_are_answered_is_the_operators_to_say() {
    let shop = Shop::empty();
    let listens = |answer: &str| {
        let Shop { api, hooks, .. } = &shop;
        shop.write_config(&format!(
            "[api]\nlisten = \"127.0.0.1:{api}\"\n\n[webhooks]\nlisten = \"127.0.0.1:{hooks}\"\n{answer}"
        ));
    };
    let asked = || ["/funnel_webhooks/test", "/ping"].map(|path| http::send(shop.hooks, "POST", path, &[], b"").status);
    // Without any integration, so that the answer tells nothing about them.
    listens("");
    let _daemon = shop.start();
    assert_eq!(asked(), [200, 404]);
    listens("answer = [\"/ping\"]\n");
    shop.cli(["reload"]).ok();
    assert_eq!(asked(), [404, 200]);
    listens("answer = []\n");
    shop.cli(["reload"]).ok();
    assert_eq!(asked(), [404, 404]);
}

#[test]
fn what_is_not_believed_is_not_kept() {
    let shop = shop();
    let daemon = shop.start();
    assert_eq!(shop.post_webhook("tea", FORM, &order(Some("wrong-word"))).status, 401);
    assert_eq!(shop.post_webhook("tea", FORM, &order(Some(""))).status, 401);
    assert_eq!(shop.post_webhook("tea", FORM, &order(Some("demo-word2"))).status, 401);
    assert_eq!(shop.post_webhook("tea", FORM, &order(None)).status, 401);
    // Without a secret in the configuration nobody is believed, not even who sends none.
    assert_eq!(shop.post_webhook("wordless", FORM, ORDER).status, 401);
    assert_eq!(shop.post_webhook("wordless", FORM, &order(None)).status, 401);
    assert_eq!(shop.post_webhook("wordless", FORM, &order(Some(""))).status, 401);
    assert_eq!(quarantined(&shop), [""; 0]);
    assert_eq!(shop.status()["pending"], 0);
    let refusals: Vec<String> = daemon
        .stderr()
        .lines()
        .filter_map(|line| line.split_once("a webhook request was refused ").map(|(_, why)| why.to_owned()))
        .collect();
    assert_snapshot!(refusals.join("\n"), @r#"
    integration="tea" why="its word is not the `secret` of the integration"
    integration="tea" why="`order.success` came without `thrivecart_secret`"
    integration="tea" why="its word is not the `secret` of the integration"
    integration="tea" why="`order.success` came without `thrivecart_secret`"
    integration="wordless" why="the integration has no `secret`; set it in the configuration"
    integration="wordless" why="`order.success` came without `thrivecart_secret`"
    integration="wordless" why="`order.success` came without `thrivecart_secret`"
    "#);
    still_reads(&shop);
    for word in ["wrong-word", "demo-word"] {
        assert_eq!(shop.files_with("data", word.as_bytes()).len(), 0, "{word}");
        assert!(!daemon.stderr().contains(word));
    }
}

#[test]
fn junk_at_the_right_address_waits_where_the_owner_sees_it() {
    let shop = shop();
    let daemon = shop.start();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_map = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let keys: Vec<String> = (0..100_000).map(|number| format!("k{number}=v")).collect();
    let keys = keys.join("&");
    let junk: [(&str, &[u8]); 7] = [
        (JSON, b"{\"type\": \"Order\", "),
        (JSON, b"\"hello\""),
        (JSON, deep.as_bytes()),
        (JSON, deep_map.as_bytes()),
        (FORM, keys.as_bytes()),
        ("text/xml", b"<order/>"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n\0\xff"),
    ];
    let mut without_word = Vec::new();
    for (content_type, body) in junk {
        // The address alone is the proof, so everything is kept; a platform that errs would not send it again.
        assert_eq!(shop.post_webhook("cups", content_type, body).status, 200);
        shop.wait_for_inbox();
        without_word.push(shop.post_webhook("tea", content_type, body).status);
    }
    // Where a word must stand in the body nothing of it is kept. What can be read and names no event is taken for the call
    // by which ThriveCart tries an address.
    assert_eq!(without_word, [401, 200, 401, 401, 401, 200, 401]);
    shop.wait_for_inbox();
    assert_eq!(quarantined(&shop).len(), junk.len());
    assert_snapshot!(quarantined(&shop).join("\n"), @"
    the body is not JSON: a member name is missing at byte 18
    the body has no `type`, so it does not say what happened
    the body nests deeper than 64 levels
    the body nests deeper than 64 levels
    the body has more than 500000 values, or more than 10000 fields of a form
    the body has no `type`, so it does not say what happened
    the body is not multipart/form-data: the closing boundary is missing
    ");
    let listed = shop.cli(["quarantine", "list"]);
    assert!(listed.stdout.contains("the body is not JSON"), "{}", listed.stdout);
    assert!(!daemon.stderr().contains("the connector crashed"), "{}", daemon.stderr());
    let first = shop.get("/v1/quarantine").ok().json()["quarantine"][0]["delivery"].to_string();
    let shown = shop.cli(["quarantine", "show", &first]).ok();
    assert!(shown.trim_end().ends_with("{\"type\": \"Order\","), "{}", plain(&shop, &shown));
    still_reads(&shop);
}

#[test]
fn a_body_may_not_be_larger_than_the_limit() {
    let shop = shop();
    let daemon = shop.start();
    let path = shop.webhook_path("cups");
    let large = vec![b'x'; (1 << 20) + 1];
    assert_eq!(shop.post_webhook("cups", JSON, &large).status, 413);
    // Nor if it does not say how large it is.
    let mut chunked = format!("POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..2_000 {
        chunked.extend_from_slice(b"400\r\n");
        chunked.extend_from_slice(&[b'x'; 1_024]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(status(&shop, &chunked), "HTTP/1.1 413 Payload Too Large");
    assert!(daemon.stderr().contains("413 Payload Too Large"), "the owner must see why nothing arrives");
    // The largest that is allowed is taken.
    assert_eq!(shop.post_webhook("cups", JSON, &large[1..]).status, 200);
    shop.wait_for_inbox();
    assert_eq!(quarantined(&shop).len(), 1);
    still_reads(&shop);
}

#[test]
fn heads_that_are_too_large_or_no_http_are_refused() {
    let shop = shop();
    let _daemon = shop.start();
    let path = shop.webhook_path("tea");
    let long = format!("POST {path} HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(300_000));
    assert_eq!(status(&shop, long.as_bytes()), "HTTP/1.1 431 Request Header Fields Too Large");
    let many = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(101));
    assert_eq!(status(&shop, many.as_bytes()), "HTTP/1.1 431 Request Header Fields Too Large");
    let far = format!("GET /hooks/tea/{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(80_000));
    assert!(status(&shop, far.as_bytes()).starts_with("HTTP/1.1 4"));
    assert_eq!(
        status(&shop, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 this is TLS\r\n\r\n"),
        "HTTP/1.1 400 Bad Request"
    );
    assert_eq!(status(&shop, b"EHLO mail.example.org\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    let two = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd");
    assert_eq!(status(&shop, two.as_bytes()), "HTTP/1.1 400 Bad Request");
    still_reads(&shop);
}

#[test]
fn unusual_requests_are_answered_as_http_wants() {
    let shop = shop();
    let _daemon = shop.start();
    let path = shop.webhook_path("tea");
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(http::send(shop.hooks, method, &path, &[], b"").status, 200, "{method}");
    }
    assert_eq!(shop.post_webhook("tea", FORM, b"").status, 200);
    assert_eq!(shop.status()["pending"], 0);
    let response = http::send(shop.hooks, "DELETE", &path, &[], b"");
    assert_eq!((response.status, response.header("allow")), (405, Some("POST, GET, HEAD, OPTIONS")));
    assert_eq!(shop.status()["entries"], 0);

    // All of these are the same good order.
    let body = std::str::from_utf8(ORDER).unwrap().trim_end();
    let length = body.len();
    let old = format!("POST {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
    assert_eq!(status(&shop, old.as_bytes()), "HTTP/1.0 200 OK");
    shop.wait_for_inbox();
    assert_eq!(shop.status()["entries"], 1);
    assert_eq!(shop.post_webhook("tea", "text/plain", ORDER).status, 200);
    let (start, end) = body.split_at(100);
    let chunked = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         64\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
        end.len()
    );
    assert_eq!(status(&shop, chunked.as_bytes()), "HTTP/1.1 200 OK");
    // Three at once on one connection, and the last one closes it.
    let one = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
    let last = one.replace("Host: x", "Host: x\r\nConnection: close");
    let answers = http::exchange(shop.hooks, format!("{one}{one}{last}").as_bytes()).expect("answers");
    assert_eq!(String::from_utf8_lossy(&answers).matches("HTTP/1.1 200 OK").count(), 3);
    shop.wait_for_inbox();
    assert_eq!(shop.status()["entries"], 1);
    assert_eq!(quarantined(&shop), [""; 0]);
}

#[test]
fn a_sender_who_hangs_up_or_dawdles_hinders_nobody() {
    let shop = shop();
    let _daemon = shop.start();
    let path = shop.webhook_path("tea");
    let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, shop.hooks)).expect("the listener is there");
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", ORDER.len());
    // Some stay silent, some stop in the head, some in the body: all connections stay open.
    let mut open = Vec::new();
    for request in [&b""[..], &head.as_bytes()[..20], head.as_bytes(), &[head.as_bytes(), &ORDER[..50]].concat()] {
        for _ in 0..50 {
            let mut stream = connect();
            stream.write_all(request).expect("the listener reads");
            open.push(stream);
        }
    }
    // Others are gone in the middle of the body.
    for _ in 0..50 {
        connect().write_all(&[head.as_bytes(), &ORDER[..50]].concat()).expect("the listener reads");
    }
    still_reads(&shop);
    // Half an order was never taken for a whole one.
    for stream in &mut open {
        stream.set_read_timeout(Some(Duration::from_millis(1))).expect("a time");
        assert!(!matches!(stream.read(&mut [0]), Ok(1..)), "answered before it was all there");
    }
    assert_eq!(quarantined(&shop), [""; 0]);
}
