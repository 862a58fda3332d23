//! Ways to the API, and what is said when none leads there.

use ltv_connector::types::{Failure, Task};
use ltv_platforms::woocommerce::{Permalinks, Permission, Shop};
use ltv_platforms::{Answer, Fault, Faults};

use crate::kit::{Kit, text};

fn kit() -> Kit {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-05-10T10:00:00").sold("a@example.org", 9_900);
    kit.shop.refund(id, 100, &[]);
    kit
}

/// Loads, compares, and gives the number of requests of a second load: what was learnt must make it the same as ever.
#[track_caller]
fn reads(kit: &mut Kit) {
    kit.load();
    kit.catch_up();
    kit.assert_true();
    let calls = kit.shop.calls();
    kit.load();
    assert_eq!(kit.shop.calls() - calls, 3, "orders, refunds of one, trash");
}

#[track_caller]
fn failure(kit: &mut Kit) -> Failure {
    kit.poll(Task::Check).expect_err("it cannot be read")
}

#[test]
fn basic_over_https() {
    reads(&mut kit());
}

#[test]
fn a_stripped_header_leads_to_keys_in_the_query() {
    let mut kit = kit();
    kit.shop.drops_header = true;
    reads(&mut kit);
}

#[test]
fn signatures_over_http() {
    let mut kit = kit().url("http://shop.example");
    kit.shop.home = "http://shop.example".into();
    reads(&mut kit);
}

#[test]
fn a_proxy_that_hides_https_leads_to_signatures() {
    let mut kit = kit();
    kit.shop.knows_https = false;
    reads(&mut kit);
}

#[test]
fn signatures_cover_the_address_that_the_store_believes_to_have_found_out_by_itself() {
    let mut kit = kit().url("http://localhost:8080/de");
    kit.shop.home = "http://127.0.0.1:8080/de".into();
    reads(&mut kit);
}

#[test]
fn or_told_by_the_owner_where_the_index_is_closed() {
    let mut kit = kit().url("http://localhost:8080");
    kit.shop.home = "http://127.0.0.1:8080".into();
    kit.shop.shows_index = false;
    let said = failure(&mut kit);
    assert!(matches!(said, Failure::Unauthorized(_)) && text(&said).contains("`signed_url`"), "{said:?}");
    kit.settings.push(("signed_url", "http://127.0.0.1:8080/".to_owned()));
    reads(&mut kit);
}

#[test]
fn plain_permalinks_in_every_way_of_sending_keys() {
    for permalinks in [Permalinks::NotFound, Permalinks::HomePage] {
        for (https, drops_header, knows_https) in
            [(true, false, true), (true, true, true), (true, false, false), (false, false, true)]
        {
            let scheme = if https { "https" } else { "http" };
            let mut kit = kit().url(&format!("{scheme}://shop.example/de"));
            kit.shop.home = format!("{scheme}://shop.example/de");
            kit.shop.permalinks = permalinks;
            kit.shop.drops_header = drops_header;
            kit.shop.knows_https = knows_https;
            reads(&mut kit);
        }
    }
}

#[test]
fn a_wrong_secret_and_a_wrong_key_are_told_apart() {
    for (https, drops_header, knows_https) in
        [(true, false, true), (true, true, true), (true, false, false), (false, false, true)]
    {
        let setup = || {
            let scheme = if https { "https" } else { "http" };
            let mut kit = kit().url(&format!("{scheme}://shop.example"));
            kit.shop.home = format!("{scheme}://shop.example");
            kit.shop.drops_header = drops_header;
            kit.shop.knows_https = knows_https;
            kit
        };
        let mut kit = setup();
        kit.secrets[1].1 = "cs_wrong";
        let said = failure(&mut kit);
        assert!(matches!(said, Failure::Unauthorized(_)), "{said:?}");
        assert!(text(&said).contains("knows the consumer key"), "{said:?}");
        assert!(text(&said).contains("`consumer_secret`"), "{said:?}");

        let mut kit = setup();
        kit.secrets[0].1 = "ck_wrong";
        let said = failure(&mut kit);
        assert!(matches!(said, Failure::Unauthorized(_)), "{said:?}");
        assert!(text(&said).contains("does not know `consumer_key`"), "{said:?}");
    }
}

#[test]
fn a_user_without_the_capability() {
    let mut kit = kit();
    kit.shop.capable = false;
    let said = failure(&mut kit);
    assert!(
        matches!(said, Failure::Unauthorized(_)) && text(&said).contains("administrator or shop manager"),
        "{said:?}"
    );
}

#[test]
fn a_key_that_may_not_read() {
    let mut kit = kit();
    kit.shop.permission = Permission::Write;
    let said = failure(&mut kit);
    assert!(matches!(said, Failure::Unauthorized(_)) && text(&said).contains("Read/Write"), "{said:?}");
}

#[test]
fn woocommerce_absent_or_under_repair() {
    let mut kit = kit();
    kit.shop.active = false;
    let said = failure(&mut kit);
    assert!(matches!(said, Failure::Settings(_)) && text(&said).contains("WordPress > Plugins"), "{said:?}");
    // Once it has worked, it may be an update.
    kit.shop.active = true;
    kit.load();
    kit.shop.active = false;
    let said = failure(&mut kit);
    assert!(matches!(said, Failure::Unavailable(_)), "{said:?}");
}

#[test]
fn an_address_without_wordpress() {
    let page = Answer::html(404, "<h1>Not Found</h1>");
    let mut kit = Kit::of(Faults::none(Shop::new()).from(0, 100, Fault::Instead(page)));
    let said = kit.poll(Task::Check).expect_err("nothing there");
    assert!(matches!(said, Failure::Settings(_)), "{said:?}");
    assert!(text(&said).contains("Permalinks") && text(&said).contains("HTTP 404, text/html: Not Found"), "{said:?}");
}

#[test]
fn a_firewall_is_named_and_waited_for() {
    let page = Answer::html(403, "<title>Attention Required! | Cloudflare</title>");
    let mut kit = Kit::of(Faults::none(Shop::new()).from(0, 100, Fault::Instead(page)));
    let said = kit.poll(Task::Check).expect_err("blocked");
    assert!(matches!(said, Failure::Unavailable(_)), "{said:?}");
    assert!(
        text(&said).contains("firewall") && text(&said).contains("HTTP 403, text/html: Attention Required!"),
        "{said:?}"
    );
}

#[test]
fn redirects_name_the_address_to_write() {
    let to = Answer::html(301, "").header("location", "https://www.shop.example/wp-json/wc/v3/orders?per_page=1");
    let mut kit = Kit::of(Faults::none(Shop::new()).from(0, 100, Fault::Instead(to)));
    let said = kit.poll(Task::Check).expect_err("redirected");
    assert!(matches!(said, Failure::Settings(_)), "{said:?}");
    assert!(text(&said).contains("url = \"https://www.shop.example\""), "{said:?}");
}

#[test]
fn no_failure_names_a_key() {
    let page = Answer::html(404, &format!("no page at /orders?consumer_key={}", Shop::KEY));
    let mut kit = Kit::of(Faults::none(Shop::new()).from(0, 100, Fault::Instead(page)));
    let said = kit.poll(Task::Check).expect_err("nothing there");
    assert!(!text(&said).contains("ck_"), "{said:?}");
}

#[test]
fn a_throttled_store_says_how_long() {
    let busy = Answer::json(429, &serde_json::json!({"code": "too_many"})).header("retry-after", 7);
    let mut kit = Kit::of(Faults::none(Shop::new()).from(0, 100, Fault::Instead(busy)));
    let said = kit.poll(Task::Check).expect_err("throttled");
    assert!(matches!(&said, Failure::Throttled(pause) if pause.after_ms == Some(7_000)), "{said:?}");
}
