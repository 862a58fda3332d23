//! Clients of the listeners that take more than their share: of connections, of time, of patience. Others get through
//! meanwhile.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use insta::assert_snapshot;

use crate::kit::{BOUND, Shop, http, wait_until};

const FORM: &str = "application/x-www-form-urlencoded";
const ORDER: &[u8] = include_bytes!("../plugins/thrivecart/fixtures/sample/1-order.success.form");

/// An integration that believes a word, and one whose connector does as it is told.
fn shop() -> Shop {
    let shop = Shop::empty();
    shop.add_connector("evil");
    shop.configure(
        "[integrations.tea]\nconnector = \"thrivecart\"\nsecret = \"demo-word\"\n\n\
         [integrations.hell]\nconnector = \"evil\"\n",
    );
    shop
}

fn connect(port: u16) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the listener is there")
}

/// Whether the other side has closed it. What it said before is read.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    loop {
        match stream.read(&mut [0; 1_024]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

/// What the other side has said so far, if anything.
fn said(stream: &mut TcpStream) -> Option<String> {
    stream.set_nonblocking(true).expect("a socket");
    let mut answer = [0; 1_024];
    let read = stream.read(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer[..read]).into_owned())
}

/// The order under another number.
fn order(number: usize) -> Vec<u8> {
    let text = std::str::from_utf8(ORDER).unwrap();
    text.replace("700840", &format!("{number}")).replace("000000185", &format!("{number:09}")).into_bytes()
}

#[test]
fn uploads_that_bring_nothing_leave_room_for_webhooks_and_are_bounded() {
    let shop = shop();
    let daemon = shop.start();
    let begin = || {
        let mut stream = connect(shop.api);
        let head = format!(
            "POST /v1/imports?integration=tea HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 1000\r\n\r\nemail",
            shop.api
        );
        stream.write_all(head.as_bytes()).expect("the head goes out");
        stream
    };
    let mut held: Vec<_> = (0..ltvd::limits::api::UPLOADS).map(|_| begin()).collect();
    // Whoever comes first has a place; one of them and this one has none.
    held.push(begin());
    let told = wait_until("one of them is told to wait", BOUND, || {
        held.iter_mut().filter_map(said).find(|answer| answer.starts_with("HTTP/1.1 503"))
    });
    assert!(told.contains("retry-after: 5") && told.contains("/problems/busy"), "{told}");
    shop.deliver("tea", FORM, ORDER);
    drop(held);
    // The rest of a file is asked for again by whoever sent it; here nothing is left of it.
    wait_until("there is a place again", BOUND, || {
        (shop.post("/v1/imports?integration=tea&dry_run=true", b"x").status == 200).then_some(())
    });
    daemon.stop();
}

#[test]
fn an_address_that_is_no_text_is_as_unknown_as_any() {
    let shop = shop();
    let _daemon = shop.start();
    let answers = ["/hooks/tea/%ff", "/hooks/%ff/x", "/hooks/tea/wrong", "/elsewhere"]
        .map(|target| http::send(shop.hooks, "POST", target, &[("Content-Type", FORM)], ORDER));
    for answer in &answers {
        assert_eq!((answer.status, answer.body.len()), (404, 0));
    }
}

#[test]
fn ten_thousand_idle_connections_do_not_stop_others() {
    const IDLE: usize = 10_000;
    ltvd::serve::raise_file_limit();
    let shop = shop();
    let daemon = shop.start();
    shop.webhook_path("tea");
    let mut idle: Vec<TcpStream> = (0..IDLE).map(|_| connect(shop.hooks)).collect();
    shop.deliver("tea", FORM, ORDER);
    assert_eq!(shop.status()["entries"], 1);
    // Those who came first made room; the limit is kept.
    let limit = ltvd::limits::http::CONNECTIONS;
    wait_until("the first ones are closed", BOUND, || {
        let closed = idle.iter_mut().map(is_closed).filter(|closed| *closed).count();
        (closed >= IDLE - limit).then_some(())
    });
    // One of the last is still served.
    let last = idle.last_mut().unwrap();
    assert!(!is_closed(last), "the last one was closed before the first");
    last.set_nonblocking(false).unwrap();
    last.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(!daemon.stderr().contains("Too many open files"), "{}", daemon.stderr());
}

#[test]
fn idle_connections_to_the_api_do_not_stop_others() {
    ltvd::serve::raise_file_limit();
    let shop = shop();
    let _daemon = shop.start();
    let idle: Vec<TcpStream> = (0..ltvd::limits::http::CONNECTIONS + 500).map(|_| connect(shop.api)).collect();
    assert_eq!(shop.status()["entries"], 0);
    drop(idle);
}

#[test]
fn slow_heads_slow_bodies_and_lost_peers_end_in_time_and_stop_nobody() {
    let shop = shop();
    let _daemon = shop.start();
    let path = shop.webhook_path("tea");
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", ORDER.len());
    let mut slow_heads: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(shop.hooks);
            stream.write_all(b"POST /hooks/tea/x HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    let mut slow_bodies: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(shop.hooks);
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&ORDER[..10]).unwrap();
            stream
        })
        .collect();
    for _ in 0..100 {
        // Closed while an answer lies there unread: the other side gets a reset.
        let mut stream = connect(shop.hooks);
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n{head}").as_bytes()).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream.read_exact(&mut [0; 1]).unwrap();
    }
    let mut number = 0;
    wait_until("slow heads and slow bodies are cut off", BOUND, || {
        // Slow is not silent: a byte now and then does not help.
        for stream in slow_heads.iter_mut().chain(&mut slow_bodies) {
            let _ = stream.write_all(b"x");
        }
        number += 1;
        shop.post_webhook("tea", FORM, &order(number)).ok();
        std::thread::sleep(Duration::from_millis(200));
        slow_heads.iter_mut().chain(&mut slow_bodies).all(is_closed).then_some(())
    });
    shop.wait_for_inbox();
    assert_eq!(shop.status()["entries"], number, "nothing but what was whole");
}

#[test]
fn when_too_much_comes_at_once_the_rest_is_asked_to_come_back_and_nothing_acknowledged_is_lost() {
    let shop = shop();
    let mut daemon = shop.start();
    let hell = shop.webhook_path("hell");
    for number in 1_000..1_020 {
        assert_eq!(shop.post_webhook("tea", FORM, &order(number)).status, 200);
    }
    // Checking one of these takes a second each, so they pile up.
    let more = ltvd::limits::doors::DELIVERIES_WAITING + 64;
    let mut endless: Vec<TcpStream> = (0..more)
        .map(|_| {
            let mut stream = connect(shop.hooks);
            let body = "prove-loop";
            let request = format!("POST {hell} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    let shed = wait_until("somebody is turned away", BOUND, || {
        endless.iter_mut().filter_map(said).find(|answer| answer.starts_with("HTTP/1.1 503"))
    });
    assert!(shed.starts_with("HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\n"), "{shed}");
    assert_eq!(shop.get("/readyz").status, 200, "reports are answered meanwhile");
    assert_eq!(
        daemon.stderr().matches("too many deliveries at once").count(),
        1,
        "telling of each would cost more than turning it away"
    );
    drop(endless);
    daemon.kill();
    let _again = shop.start();
    shop.wait_for_inbox();
    let stored = shop.get("/v1/entries").ok().text();
    for number in 1_000..1_020 {
        assert_eq!(stored.matches(&format!("\"order\":\"{number}\"")).count(), 1, "{stored}");
    }
}

#[test]
fn who_guesses_at_addresses_or_words_gets_slow_and_nobody_else() {
    let shop = shop();
    let _daemon = shop.start();
    let path = shop.webhook_path("tea");
    let send = |path: &str, from: &str, body: &[u8]| {
        http::send(shop.hooks, "POST", path, &[("Content-Type", FORM), ("X-Forwarded-For", from)], body)
    };
    let lie = std::str::from_utf8(ORDER).unwrap().replace("demo-word", "wrong-word").into_bytes();
    let allowed = ltvd::limits::doors::REFUSALS;
    let until_429 = |path: &str, from: &str, body: &[u8], refused: u16| {
        // A few more may be allowed while this takes its time.
        (0..20 * allowed)
            .map(|_| send(path, from, body))
            .find(|answer| answer.status != refused)
            .unwrap_or_else(|| panic!("{from} may go on for ever"))
    };
    for wrong in ["/hooks/tea/wrong", "/hooks/nobody/wrong", "/"] {
        let from = format!("198.51.100.{}", wrong.len());
        let answer = until_429(wrong, &from, ORDER, 404);
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60")));
        // The right address is as open as before.
        assert_eq!(send(&path, &from, b"").status, 200);
    }
    assert_eq!(until_429(&path, "198.51.100.99", &lie, 401).status, 429);
    assert_eq!(send(&path, "198.51.100.98", ORDER).status, 200, "others are not held up");
    // Beside somebody who delivered something true, lies do no harm.
    for _ in 0..2 * allowed {
        assert_eq!(send(&path, "198.51.100.98", &lie).status, 401);
    }
    assert_eq!(send(&path, "198.51.100.98", ORDER).status, 200);
    // A proxy that does not tell for whom it asks stands for many.
    for _ in 0..2 * allowed {
        assert_eq!(shop.post_webhook("tea", FORM, &lie).status, 401);
    }
    shop.wait_for_inbox();
    assert_eq!(shop.status()["entries"], 1);
}

#[test]
fn an_unknown_integration_and_a_wrong_token_are_answered_alike_also_when_it_is_too_much() {
    let shop = shop();
    let _daemon = shop.start();
    let answer = |target: &str, from: &str| {
        let response = http::send(shop.hooks, "POST", target, &[("X-Forwarded-For", from)], ORDER);
        let mut headers = response.headers;
        headers.retain(|(name, _)| name != "date");
        (response.status, headers, response.body)
    };
    let token = "x".repeat(40);
    let (unknown, wrong) = (format!("/hooks/nobody/{token}"), format!("/hooks/tea/{token}"));
    assert_eq!(answer(&unknown, "192.0.2.1"), answer(&wrong, "192.0.2.2"));
    let tired = |target: &str, from: &str| {
        wait_until("it is too much", BOUND, || Some(answer(target, from)).filter(|answer| answer.0 == 429))
    };
    assert_eq!(tired(&unknown, "192.0.2.1"), tired(&wrong, "192.0.2.2"));
}

/// What a proxy in front and ltvd could read differently: two requests for the one, one for the other.
#[test]
fn requests_that_two_servers_could_read_differently() {
    let shop = shop();
    let _daemon = shop.start();
    let path = shop.webhook_path("tea");
    let hidden = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", ORDER.len());
    let shapes = [
        ("both lengths", "Content-Length: 4\r\nTransfer-Encoding: chunked"),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 400"),
        ("a list of lengths", "Content-Length: 4, 4"),
        ("a signed length", "Content-Length: +4"),
        ("a negative length", "Content-Length: -1"),
        ("a length that is no number", "Content-Length: 0x10"),
        ("a huge length", "Content-Length: 99999999999999999999"),
        ("a space before the colon", "Transfer-Encoding : chunked"),
        ("an unknown coding", "Transfer-Encoding: xchunked"),
        ("chunked, and then another", "Transfer-Encoding: chunked, identity"),
        ("a folded line", "X: y\r\n Content-Length: 4"),
        ("a bare carriage return", "X: y\rContent-Length: 4"),
        ("a zero byte", "X: \0"),
    ];
    let mut told = String::new();
    for (name, header) in shapes {
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n0\r\n\r\n{hidden}");
        let answers = http::exchange(shop.hooks, &[request.as_bytes(), ORDER].concat()).unwrap_or_default();
        let answers = String::from_utf8_lossy(&answers);
        let statuses: Vec<&str> = answers.lines().filter(|line| line.starts_with("HTTP/1.1 ")).collect();
        told.push_str(&format!("{name}: {}\n", statuses.join(", ")));
    }
    assert_snapshot!(told, @r#"
both lengths: HTTP/1.1 200 OK
two lengths: HTTP/1.1 400 Bad Request
a list of lengths: HTTP/1.1 400 Bad Request
a signed length: HTTP/1.1 400 Bad Request
a negative length: HTTP/1.1 400 Bad Request
a length that is no number: HTTP/1.1 400 Bad Request
a huge length: HTTP/1.1 400 Bad Request
a space before the colon: HTTP/1.1 400 Bad Request
an unknown coding: HTTP/1.1 400 Bad Request
chunked, and then another: HTTP/1.1 400 Bad Request
a folded line: HTTP/1.1 400 Bad Request
a bare carriage return: HTTP/1.1 400 Bad Request
a zero byte: HTTP/1.1 400 Bad Request
"#);
    for (name, chunk) in
        [("a chunk of no size", "x\r\n"), ("a negative one", "-1\r\n"), ("a huge one", "ffffffffffffffffff\r\n")]
    {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
        );
        let answer = http::exchange(shop.hooks, request.as_bytes()).unwrap_or_default();
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"),
            "{name}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    shop.wait_for_inbox();
    assert_eq!(shop.status()["entries"], 0, "what was hidden was read");
    shop.deliver("tea", FORM, ORDER);
    assert_eq!(shop.status()["entries"], 1);
}
