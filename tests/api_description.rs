//! `/openapi.json` tells the truth: it is sound in itself, and what the running daemon answers is what it says, member by
//! member.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use ltv_platforms::woocommerce::{Basket, Shop as Store};
use serde_json::Value;

use crate::kit::{Served, Shop, ca_file, http};

const FILE: &str = "id,order,date,email,amount,kind,product\n\
    1,A,2026-01-10 10:00:00,ada@example.org,100.00,sale,Tea\n\
    2,A,2026-01-20 10:00:00,ada@example.org,40.00,refund,\n\
    3,B,2026-02-11 10:00:00,bo@example.org,50.00,sale,=Cup\n";

/// A daemon with entries by file, webhook and poll, and with something in quarantine.
fn shop(served: &Served<Store>) -> Shop {
    let day = (Utc::now() - TimeDelta::days(10)).date_naive();
    Shop::new(&format!(
        "[report]\ncurrency = \"USD\"\n\n[rates]\nEUR = \"1.10\"\n\n\
         [integrations.files]\nconnector = \"generic\"\ncurrency = \"USD\"\n\n\
         [integrations.tea]\nconnector = \"samcart\"\ncurrency = \"USD\"\n\n\
         [integrations.store]\nconnector = \"woocommerce\"\nurl = \"{}\"\nconsumer_key = \"{}\"\nconsumer_secret = \"{}\"\n\
         from = {day}\nallow_private_addresses = true\nca_file = \"{}\"\n",
        served.url(),
        Store::KEY,
        Store::SECRET,
        ca_file().display(),
    ))
}

/// The description, and the answers that were held against it.
struct Description {
    document: Value,
    /// With every object closed: members that it does not name are errors.
    closed: Value,
    /// Method, path and status of what was answered.
    seen: BTreeSet<(String, String, u16)>,
}

impl Description {
    #[track_caller]
    fn of(shop: &Shop) -> Self {
        let document = shop.get("/openapi.json").ok().json();
        let mut closed = document["components"].clone();
        close(&mut closed);
        Self { document, closed, seen: BTreeSet::new() }
    }

    /// Holds a value against a schema of the document.
    #[track_caller]
    fn hold(&self, what: &str, schema: &Value, value: &Value) {
        let mut whole = schema.clone();
        whole["components"] = self.closed.clone();
        let validator =
            jsonschema::draft202012::options().should_validate_formats(true).build(&whole).expect("a schema");
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{what}\n{}\n{value:#}", errors.join("\n"));
    }

    /// Asks, and holds the answer against what is said of the route.
    #[track_caller]
    fn ask(
        &mut self,
        shop: &Shop,
        method: &str,
        path: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Value {
        let answer = http::send(shop.api, method, target, headers, body);
        let what = format!("{method} {target} answers {}: {}", answer.status, answer.text());
        let operation = &self.document["paths"][path][method.to_ascii_lowercase()];
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "the description has no such answer: {what}");
        self.seen.insert((method.to_owned(), path.to_owned(), answer.status));
        for header in response["headers"].as_object().into_iter().flatten() {
            assert!(answer.header(&header.0.to_ascii_lowercase()).is_some(), "{} is missing: {what}", header.0);
        }
        if answer.body.is_empty() {
            assert_eq!(answer.status, 304, "{what}");
            return Value::Null;
        }
        let content_type = answer.header("content-type").expect("a content type").split(';').next().unwrap();
        let told = &response["content"][content_type];
        assert!(told.is_object(), "the description has no `{content_type}`: {what}");
        match content_type {
            "application/x-ndjson" => {
                let text = answer.text();
                assert!(!text.is_empty());
                let mut last = Value::Null;
                for line in text.lines() {
                    last = serde_json::from_str(line).expect("a line is JSON");
                    self.hold(&what, &told["x-line-schema"], &last);
                }
                last
            }
            "application/json" | "application/problem+json" => {
                let value = answer.json();
                self.hold(&what, &told["schema"], &value);
                value
            }
            _ => Value::String(answer.text()),
        }
    }
}

/// Closes every object schema that names its members, unless it says that there may be others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("unevaluatedProperties".to_owned(), false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// A store with a sale.
fn store() -> Served<Store> {
    let served = Served::https(Store::new());
    let home = served.url();
    let mut platform = served.platform();
    platform.platform.home = home;
    platform.platform.delivers_anywhere = true;
    platform.platform.at_unix_ms((Utc::now() - TimeDelta::days(3)).timestamp_millis());
    platform.platform.sell(Basket::of("wu@example.org").item(40, 1, 5_500).tax(1_900));
    drop(platform);
    served
}

#[test]
fn the_description_is_sound() {
    let shop = Shop::new("");
    let _daemon = shop.start();
    let Description { document, .. } = Description::of(&shop);
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    let whole = |schema: &Value| {
        let mut schema = schema.clone();
        schema["components"] = document["components"].clone();
        schema
    };
    let sound = |what: &str, schema: &Value| {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{what}: {schema:#}");
        jsonschema::draft202012::new(&whole(schema)).unwrap_or_else(|error| panic!("{what}: {error}"));
    };
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        sound(name, schema);
    }
    for (path, operations) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with('/'), "{path}");
        for (method, operation) in operations.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            let parameters = operation["parameters"].as_array().unwrap();
            let in_path: Vec<String> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| {
                    assert_eq!(parameter["required"], true);
                    format!("{{{}}}", parameter["name"].as_str().unwrap())
                })
                .collect();
            assert_eq!(path.matches('{').count(), in_path.len(), "{path}");
            assert!(in_path.iter().all(|name| path.contains(name)), "{path}");
            let names: BTreeSet<_> =
                parameters.iter().map(|one| (one["in"].to_string(), one["name"].to_string())).collect();
            assert_eq!(names.len(), parameters.len(), "{path} names a parameter twice");
            for parameter in parameters {
                sound(&format!("{path} {}", parameter["name"]), &parameter["schema"]);
                if let Some(default) = parameter["schema"].get("default") {
                    assert!(jsonschema::is_valid(&whole(&parameter["schema"]), default), "{path}: {parameter}");
                }
            }
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("200"), "{method} {path}");
            for (status, response) in responses {
                assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{path} {status}");
                for content in response["content"].as_object().into_iter().flatten() {
                    sound(&format!("{path} {status} {}", content.0), &content.1["schema"]);
                }
            }
        }
    }
}

#[test]
fn the_daemon_answers_as_described() {
    let served = store();
    let shop = shop(&served);
    let _daemon = shop.start();
    shop.wait_for_pass("store");
    shop.deliver("tea", "application/json", b"{\"type\":\"Order\"}");
    let mut description = Description::of(&shop);
    let mut ask = |method: &str, path: &str, query: &str, body: &str| {
        let target = path.replace("{name}", "store").replace("{customer}", "ada@example.org").replace("{number}", "1");
        description.ask(&shop, method, path, &format!("{target}{query}"), &[], body.as_bytes())
    };

    // Files: a dry run, one that is taken, the same again, and one that is refused.
    let report = ask("POST", "/v1/imports", "?integration=files&dry_run=true&name=a.csv", FILE);
    assert_eq!(report["report"]["dry_run"], true, "{report:#}");
    ask("POST", "/v1/imports", "?integration=files&name=a.csv&complete_through=2026-03-31", FILE);
    ask("POST", "/v1/imports", "?integration=files&name=a.csv", FILE);
    let refused = ask("POST", "/v1/imports", "?integration=files", "id,order\n1,2\n");
    assert_eq!(refused["error"]["status"], 422, "{refused:#}");
    ask("POST", "/v1/imports", "?dry_run=maybe", "");

    for path in ["/", "/openapi.json", "/healthz", "/readyz", "/v1/integrations", "/v1/status", "/v1/syncs", "/metrics"]
    {
        ask("GET", path, "", "");
        ask("GET", path, "?no=1", "");
    }
    let day = "as_of=2026-06-01";
    for format in ["json", "csv", "table"] {
        ask("GET", "/v1/ltv", &format!("?{day}&format={format}&horizons=30,first_order&horizons=to_date"), "");
        ask("GET", "/v1/revenue", &format!("?{day}&format={format}&by=week&currency=EUR&integration=files"), "");
    }
    for (path, query) in [
        ("/v1/ltv", "&group=product&first_product=Tea&limit=1"),
        ("/v1/cohorts", "&group=quarter&periods=3"),
        ("/v1/cohorts", "&group=integration&horizons=30"),
        ("/v1/survival", "&cycles=2"),
        ("/v1/payback", "&cac=12.50"),
        ("/v1/payback", ""),
        ("/v1/revenue", "&split=product&order_currency=USD"),
    ] {
        for format in ["json", "csv", "table"] {
            ask("GET", path, &format!("?{day}{query}&format={format}"), "");
        }
    }
    // What is behind a figure, page by page, and with the cursor of another question.
    for (path, list) in
        [("/v1/ltv/customers", "customers"), ("/v1/ltv/orders", "entries"), ("/v1/revenue/orders", "entries")]
    {
        let question = if path == "/v1/revenue/orders" { "?limit=1" } else { "?limit=1&as_of=2026-06-01" };
        let first = ask("GET", path, question, "");
        assert_eq!(first[list].as_array().map(Vec::len), Some(1), "{first:#}");
        let next = first["next"].as_str().expect("a second page");
        let second = ask("GET", path, &format!("{question}&cursor={next}"), "");
        assert_ne!(second[list], first[list]);
        let other = ask("GET", path, &format!("{question}&integration=files&cursor={next}"), "");
        assert_eq!(other["status"], 400, "{other:#}");
    }
    // There are no rates into the yen.
    assert!(ask("GET", "/v1/ltv", &format!("?{day}&currency=JPY"), "")["missing"][0]["currency"].is_string());
    // Nothing that could be read has come from there yet.
    assert_eq!(ask("GET", "/v1/ltv", "?integration=tea", "")["type"], "/problems/no-as-of");
    ask("GET", "/v1/revenue", "?from=2026-02-01&to=2026-01-01", "");
    ask("GET", "/v1/customers/{customer}", "", "");
    ask("GET", "/v1/customers/{customer}", "?integration=tea", "");
    ask("GET", "/v1/customers/{customer}", "?format=table", "");
    ask("GET", "/v1/customers/{customer}", "?format=csv", "");
    ask("GET", "/v1/entries", "?integration=files", "");
    ask("GET", "/v1/entries", "?integration=nobody", "");

    let first = ask("GET", "/v1/imports", "?limit=1", "");
    assert_eq!(first["next"], Value::Null, "the same file is listed once: {first:#}");
    ask("GET", "/v1/imports", "?cursor=none", "");
    let waiting = ask("GET", "/v1/quarantine", "?integration=tea", "");
    let delivery = waiting["quarantine"][0]["delivery"].as_u64().unwrap();
    // A conversation, a webhook and a file.
    for number in 1..=delivery + 1 {
        for (part, query) in [("", ""), ("/body", ""), ("/body", "?exchange=1"), ("/exchanges", "?limit=1")] {
            let path = format!("/v1/deliveries/{{number}}{part}");
            description.ask(&shop, "GET", &path, &format!("/v1/deliveries/{number}{part}{query}"), &[], b"");
        }
    }
    for number in ["0", "x", "999999"] {
        description.ask(&shop, "GET", "/v1/deliveries/{number}", &format!("/v1/deliveries/{number}"), &[], b"");
    }
    let mut ask = |method: &str, path: &str, query: &str| {
        let target = path.replace("{name}", "store");
        description.ask(&shop, method, path, &format!("{target}{query}"), &[], b"")
    };

    ask("POST", "/v1/quarantine/retry", "");
    ask("POST", "/v1/quarantine/retry", "?delivery=999999");
    let kept = ask("POST", "/v1/backup", &format!("?to={}", shop.path("kept").display()));
    assert_eq!(kept["report"]["files"], 1, "{kept:#}");
    let refused = ask("POST", "/v1/backup", &format!("?to={}", shop.path("kept").display()));
    assert_eq!(refused["error"]["status"], 400, "{refused:#}");
    ask("POST", "/v1/backup", "");
    ask("POST", "/v1/reload", "");
    std::fs::write(shop.path("connectors/broken.wasm"), "nothing").unwrap();
    assert_eq!(ask("POST", "/v1/reload", "")["status"], 422);
    std::fs::remove_file(shop.path("connectors/broken.wasm")).unwrap();
    ask("POST", "/v1/replay", "?integration=files");
    ask("POST", "/v1/replay", "?integration=nobody");
    let synced = ask("POST", "/v1/integrations/{name}/sync", "");
    assert_eq!(synced["report"]["complete"], true, "{synced:#}");
    ask("POST", "/v1/integrations/{name}/sync", "?from=2026-02-02&to=2026-02-01");
    let subscribed = ask("POST", "/v1/integrations/{name}/subscribe", "");
    assert!(subscribed["status"].is_null(), "{subscribed:#}");
    ask("POST", "/v1/integrations/{name}/unsubscribe", "");
    let compared = ask("POST", "/v1/integrations/{name}/reconcile", "");
    assert!(compared["report"]["months"].is_array(), "{compared:#}");

    // Who has the answer does not get it again; other names of this server, and other sites, get nothing.
    for path in ["/v1/ltv", "/v1/revenue", "/v1/integrations", "/openapi.json"] {
        let target = if path.starts_with("/v1/ltv") || path.starts_with("/v1/rev") {
            format!("{path}?{day}")
        } else {
            path.to_owned()
        };
        let etag = shop.get(&target).ok().header("etag").unwrap().to_owned();
        description.ask(&shop, "GET", path, &target, &[("If-None-Match", &etag)], b"");
        description.ask(&shop, "GET", path, &target, &[("Host", "evil.example")], b"");
    }
    description.ask(&shop, "POST", "/v1/replay", "/v1/replay", &[("Origin", "http://evil.example")], b"");

    let forget = "/v1/customers/{customer}/forget";
    for customer in ["ada@example.org", "nobody@example.org", "x"] {
        description.ask(&shop, "POST", forget, &forget.replace("{customer}", customer), &[], b"");
    }

    // Every route was asked, and gave a success.
    let described = description.document["paths"].as_object().unwrap().iter().flat_map(|(path, operations)| {
        operations.as_object().unwrap().keys().map(move |method| (method.to_ascii_uppercase(), path.clone()))
    });
    for (method, path) in described {
        assert!(description.seen.contains(&(method.clone(), path.clone(), 200)), "{method} {path} gave no success");
    }
}
