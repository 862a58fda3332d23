//! A connector that wants what is not its own: hosts, secrets, orders of others. The daemon is real, and so is the platform that
//! it asks; what the connector got to know is read from the quarantine, where it puts it.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use ltv_platforms::{Answer, Call, Platform};

use crate::kit::{Served, Shop, ca_file};

const FORM: &str = "application/x-www-form-urlencoded";
const ORDER: &[u8] = include_bytes!("../plugins/thrivecart/fixtures/sample/1-order.success.form");
/// Of the integration that is attacked from within.
const WORD: &str = "word-of-hell-/+=";
/// Of another integration.
const OTHER_WORD: &str = "demo-word";

/// Sends back what it was sent, as a careless platform does, in every spelling; and leads elsewhere.
struct Echo;

impl Platform for Echo {
    fn answer(&mut self, call: &Call) -> Answer {
        if call.path == "/elsewhere" {
            return Answer::new(302, "text/plain", "")
                .header("location", "https://127.0.0.1/stolen")
                .header("x-moved", "yes");
        }
        let sent = call.header("authorization").unwrap_or_default();
        let encoded: String = sent.bytes().map(|byte| format!("%{byte:02X}")).collect();
        Answer::new(200, "text/plain", format!("{} {sent} {encoded}", call.path)).header("x-echo", sent)
    }
}

/// The shop, its platform, and what is asked of it.
struct Hell {
    shop: Shop,
    platform: Served<Echo>,
    _daemon: crate::kit::Daemon,
}

impl Hell {
    /// `more` goes into the integration's table.
    fn new(more: &str) -> Self {
        let shop = Shop::empty();
        shop.add_connector("evil");
        let platform = Served::https(Echo);
        shop.configure(&format!(
            "[integrations.hell]\nconnector = \"evil\"\nword = \"{WORD}\"\nfrom = 2026-01-01\nevery = \"1d\"\n\
             connect_to = {{ \"evil.example\" = \"{}\" }}\nca_file = \"{}\"\n{more}\n\n\
             [integrations.limbo]\nconnector = \"evil\"\nword = \"word-of-limbo\"\n\n\
             [integrations.tea]\nconnector = \"thrivecart\"\nsecret = \"{OTHER_WORD}\"\n",
            platform.address(),
            ca_file().display(),
        ));
        let daemon = shop.start();
        Self { shop, platform, _daemon: daemon }
    }

    /// What the connector gets to know when it tries this.
    fn tries(&self, deed: &str) -> String {
        let seen = self.reasons();
        self.shop.deliver("hell", "text/plain", deed.as_bytes());
        let reasons = self.reasons();
        let new: Vec<_> = reasons.into_iter().filter(|(number, _)| !seen.contains_key(number)).collect();
        let [(_, reason)] = new.as_slice() else { panic!("{deed}: {new:?}") };
        let address = self.platform.address().to_string();
        reason.replace(&address, "[platform]")
    }

    fn all(&self, deeds: &[&str]) -> String {
        deeds.iter().map(|deed| format!("{deed:?}\n    {}\n", self.tries(deed))).collect()
    }

    fn reasons(&self) -> BTreeMap<u64, String> {
        let answer = self.shop.get("/v1/quarantine").ok().json();
        let list = answer["quarantine"].as_array().expect("a list").clone();
        list.iter()
            .map(|one| (one["delivery"].as_u64().expect("a number"), one["reason"].as_str().unwrap_or("").to_owned()))
            .collect()
    }
}

#[test]
fn it_reaches_no_host_that_its_manifest_does_not_name() {
    let hell = Hell::new("");
    assert!(hell.tries("reach https://evil.example/here").contains("200 "), "its own host is reached");
    let before = hell.platform.requests();
    assert_snapshot!(hell.all(&[
        "reach https://other.example/",
        "reach https://evil.example.other.example/",
        "reach https://other.example/evil.example",
        "reach https://evil.example@other.example/",
        "reach https://user:word@evil.example/",
        "reach https://other.example\\@evil.example/",
        "reach https://evil.example:8443/",
        "reach http://evil.example/",
        "reach https://127.0.0.1/",
        "reach https://2130706433/",
        "reach https://[::1]/",
        "reach https://169.254.169.254/latest/meta-data/",
        "reach file:///etc/passwd",
        "reach evil.example",
        "reach https://evil.example/?secret=1",
        "reach https://evil.example/#x",
    ]), @r#"
"reach https://other.example/"
    refused: the connector may not reach other.example: its manifest does not name it
"reach https://evil.example.other.example/"
    refused: the connector may not reach evil.example.other.example: its manifest does not name it
"reach https://other.example/evil.example"
    refused: the connector may not reach other.example: its manifest does not name it
"reach https://evil.example@other.example/"
    refused: the address holds a user name or password
"reach https://user:word@evil.example/"
    refused: the address holds a user name or password
"reach https://other.example\\@evil.example/"
    refused: the connector may not reach other.example: its manifest does not name it
"reach https://evil.example:8443/"
    refused: the connector may not reach evil.example: its manifest does not name it
"reach http://evil.example/"
    refused: credentials are not sent over http, where everyone on the way can read them: use https
"reach https://127.0.0.1/"
    refused: the connector may not reach 127.0.0.1: its manifest does not name it
"reach https://2130706433/"
    refused: the connector may not reach 127.0.0.1: its manifest does not name it
"reach https://[::1]/"
    refused: the connector may not reach [::1]: its manifest does not name it
"reach https://169.254.169.254/latest/meta-data/"
    refused: the connector may not reach 169.254.169.254: its manifest does not name it
"reach file:///etc/passwd"
    refused: `file` is neither http nor https
"reach evil.example"
    refused: the address is none: relative URL without a base
"reach https://evil.example/?secret=1"
    refused: the address holds a query or fragment
"reach https://evil.example/#x"
    refused: the address holds a query or fragment
"#);
    assert_eq!(hell.platform.requests(), before, "something was sent all the same");
}

#[test]
fn a_path_with_dots_stays_on_its_host() {
    let hell = Hell::new("");
    assert_snapshot!(hell.all(&["reach https://evil.example/a/../../../etc/passwd", "reach https://evil.example/%2e%2e/x"]), @r#"
"reach https://evil.example/a/../../../etc/passwd"
    200 x-echo: Bearer **************** /etc/passwd Bearer **************** %42%65%61%72%65%72%20************************************************
"reach https://evil.example/%2e%2e/x"
    200 x-echo: Bearer **************** /x Bearer **************** %42%65%61%72%65%72%20************************************************
"#);
}

#[test]
fn a_redirect_leads_nowhere() {
    let hell = Hell::new("");
    assert_snapshot!(hell.tries("reach https://evil.example/elsewhere"), @"302 x-moved: yes");
    assert_eq!(hell.platform.requests(), 1);
}

#[test]
fn a_name_that_leads_to_this_machine_is_not_asked() {
    let hell = Hell::new("");
    assert_snapshot!(hell.tries("reach https://localhost/"), @"refused: localhost leads to 127.0.0.1, which is not in the public internet; if that is meant, set `allow_private_addresses = true` in the integration");
}

#[test]
fn the_operator_grants_fewer_hosts_than_the_manifest_names() {
    let hell = Hell::new("hosts = [\"evil.example\"]");
    assert!(hell.tries("reach https://evil.example/").contains("200 "));
    assert_snapshot!(hell.all(&["reach https://sub.evil.example/", "reach https://localhost/"]), @r#"
"reach https://sub.evil.example/"
    refused: sub.evil.example is not among the `hosts` of the integration
"reach https://localhost/"
    refused: localhost is not among the `hosts` of the integration
"#);
}

#[test]
fn headers_are_neither_smuggled_nor_taken_from_the_daemon() {
    let hell = Hell::new("");
    assert_snapshot!(hell.all(&[
        "header X-A one\r\nHost: other.example",
        "header X-A\r\nHost: other.example",
        "header Host other.example",
        "header Authorization Bearer-mine",
        "header Content-Length 0",
        "header Transfer-Encoding chunked",
    ]), @r#"
"header X-A one\r\nHost: other.example"
    refused: the header `x-a` has characters that none may have
"header X-A\r\nHost: other.example"
    refused: "x-a\r\nhost:" is no name of a header
"header Host other.example"
    refused: the header `host` is the daemon's own
"header Authorization Bearer-mine"
    refused: the header `authorization` is the daemon's own
"header Content-Length 0"
    refused: the header `content-length` is the daemon's own
"header Transfer-Encoding chunked"
    refused: the header `transfer-encoding` is the daemon's own
"#);
    assert_eq!(hell.platform.requests(), 0);
}

#[test]
fn a_platform_that_echoes_the_secret_gives_the_connector_nothing() {
    let hell = Hell::new("");
    let told = hell.tries("reach https://evil.example/echo");
    assert_snapshot!(told, @"200 x-echo: Bearer **************** /echo Bearer **************** %42%65%61%72%65%72%20************************************************");
    // The platform did get it.
    let sent = hell.platform.platform().calls.last().and_then(|call| call.bearer().map(str::to_owned));
    assert_eq!(sent.as_deref(), Some(WORD));
    assert_eq!(hell.shop.files_with("data", WORD.as_bytes()).len(), 0, "nor is it kept");
}

#[test]
fn it_cannot_name_a_secret_of_another_integration_or_of_the_daemon() {
    let hell = Hell::new("");
    assert_snapshot!(hell.all(&["secret secret", "secret api.token", "secret limbo.word", "secret ../word"]), @r#"
"secret secret"
    connector evil 6.6.6, webhook.receive: it names the secret `secret`, which its manifest does not declare, so the whole answer was refused; report it to the connector's author
"secret api.token"
    connector evil 6.6.6, webhook.receive: it names the secret `api.token`, which its manifest does not declare, so the whole answer was refused; report it to the connector's author
"secret limbo.word"
    connector evil 6.6.6, webhook.receive: it names the secret `limbo.word`, which its manifest does not declare, so the whole answer was refused; report it to the connector's author
"secret ../word"
    connector evil 6.6.6, webhook.receive: it names the secret `../word`, which its manifest does not declare, so the whole answer was refused; report it to the connector's author
"#);
    assert_eq!(hell.platform.requests(), 0);
}

#[test]
fn it_sees_no_order_of_another_integration() {
    let hell = Hell::new("");
    hell.shop.deliver("tea", FORM, ORDER);
    hell.shop.deliver("limbo", "text/plain", b"good");
    assert_eq!(hell.shop.status()["entries"], 2);
    let stored = hell.shop.get("/v1/entries?integration=tea").ok().text();
    let tea = stored.split("\"order\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an order").to_owned();
    assert_eq!(hell.tries(&format!("order {tea}")), format!("order {tea}: 0 entries"));
    // The same connector, used for another integration, is another integration.
    assert_eq!(hell.tries("order 1"), "order 1: 0 entries");
    hell.shop.deliver("hell", "text/plain", b"good");
    assert_eq!(hell.tries("order 1"), "order 1: 1 entries", "its own it does see");
}
