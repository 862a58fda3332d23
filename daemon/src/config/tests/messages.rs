//! What people are told.

use super::*;

#[test]
fn misspelt_keys() {
    let text = r#"
[report]
timezon = "UTC" # Berlin
Zone = 1
[apii]
listen = "x"
[api]
timezone = "UTC"
colour = 1
"#;
    insta::assert_snapshot!(told(text), @r"
    ltvd.toml:3:1: report.timezon: unknown key; did you mean `timezone`?
       |
     3 | timezon = …
       | ^^^^^^^

    ltvd.toml:4:1: report.Zone: unknown key; did you mean `timezone`?
       |
     4 | Zone = …
       | ^^^^

    ltvd.toml:5:2: apii: unknown table; did you mean `api`?
       |
     5 | [apii]
       |  ^^^^

    ltvd.toml:8:1: api.timezone: unknown key; it belongs in `[report]`
       |
     8 | timezone = …
       | ^^^^^^^^

    ltvd.toml:9:1: api.colour: unknown key
       |
     9 | colour = …
       | ^^^^^^
       = help: known here: listen, token, allowed_hosts
    ");
}

#[test]
fn missing_and_empty_secrets() {
    let text = r#"
[integrations.a]
connector = "strict"
[integrations.b]
connector = "strict"
secret = { env = "THRIVECART_SECRET" }
[integrations.c]
connector = "strict"
secret = { file = "secrets/none" }
[integrations.d]
connector = "strict"
secret = { credential = "thrivecart" }
[integrations.e]
connector = "strict"
secret = { evn = "X" }
[integrations.f]
connector = "strict"
secret = ""
[integrations.g]
connector = "strict"
secret = { env = "X", file = "y" }
"#;
    let told = told(text).replace(&*std::env::current_dir().unwrap().to_string_lossy(), "/etc/ltvd");
    insta::assert_snapshot!(told, @r#"
    ltvd.toml:2:15: integrations.a.secret: missing; nothing works without it
       |
     2 | [integrations.a]
       |               ^
       = help: The secret: Found in the settings of the shop.

    ltvd.toml:6:10: integrations.b.secret: the environment variable `THRIVECART_SECRET` is not set
       |
     6 | secret = { env = "THRIVECART_SECRET" }
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = help: set it where the daemon is started, or write { file = "path" }

    ltvd.toml:9:10: integrations.c.secret: there is no file `/etc/ltvd/secrets/none`
       |
     9 | secret = { file = "secrets/none" }
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^

    ltvd.toml:12:10: integrations.d.secret: there are no credentials: $CREDENTIALS_DIRECTORY is not set
        |
     12 | secret = { credential = "thrivecart" }
        |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        = help: start the daemon by systemd with LoadCredential=; commands beside it find them as long as ltvd.service runs. Or use another kind

    ltvd.toml:15:12: integrations.e.secret: unknown kind of reference `evn`; did you mean `env`?
        |
     15 | secret = { evn = … }
        |            ^^^
        = help: write { env = "NAME" }, { file = "path" } or { credential = "name" }

    ltvd.toml:18:10: integrations.f.secret: the secret is empty
        |
     18 | secret = …
        |          ^

    ltvd.toml:21:10: integrations.g.secret: a reference to a secret has exactly one key
        |
     21 | secret = { env = …, file = … }
        |          ^^^^^^^^^^^^^^^^^^^^^
        = help: write { env = "NAME" }, { file = "path" } or { credential = "name" }
    "#);
}

#[test]
fn unknown_and_broken_connectors() {
    let text = r#"
[integrations.a]
connector = "thrivcart"
[integrations.b]
connector = "hurt"
[integrations.c]
zone = "UTC"
[integrations.d]
connector = "clash"
[integrations."Main Store"]
connector = "samcart"
currency = "USD"
[integrations.done]
connector = "samcart"
curency = "USD"
"#;
    insta::assert_snapshot!(told(text), @r#"
    ltvd.toml:3:13: integrations.a.connector: there is no connector `thrivcart`; did you mean `thrivecart`?
       |
     3 | connector = "thrivcart"
       |             ^^^^^^^^^^^
       = help: available: clash, kinds, polled, samcart, strict, thrivecart

    ltvd.toml:5:13: integrations.b.connector: the connector `hurt` could not be loaded: it is no component
       |
     5 | connector = "hurt"
       |             ^^^^^^

    ltvd.toml:6:15: integrations.c.connector: missing; it says which platform this is
       |
     6 | [integrations.c]
       |               ^
       = help: available: clash, kinds, polled, samcart, strict, thrivecart

    ltvd.toml:8:15: integrations.d.zone: connector `clash` has a setting with the name of a key of the daemon
       |
     8 | [integrations.d]
       |               ^
       = help: whoever wrote the connector must rename the setting

    ltvd.toml:10:15: integrations."Main Store": `Main Store` cannot be the name of an integration
        |
     10 | [integrations."Main Store"]
        |               ^^^^^^^^^^^^
        = help: use 1 to 64 lower case letters, digits and hyphens, for example `main-store`

    ltvd.toml:13:15: integrations.done: `done` cannot be the name of an integration
        |
     13 | [integrations.done]
        |               ^^^^
        = help: the drop folder has a folder of this name for files that were read

    ltvd.toml:13:15: integrations.done.currency: missing; nothing works without it
        |
     13 | [integrations.done]
        |               ^^^^
        = help: The currency: Found in the settings of the shop.

    ltvd.toml:15:1: integrations.done.curency: unknown key; did you mean `currency`?
        |
     15 | curency = …
        | ^^^^^^^
    "#);
}

#[test]
fn wrong_values() {
    let text = r#"
drop_dir = "data/drop"
[report]
timezone = "Berlin"
currency = "US$"
merge = "emails"
shared_emails = ["till@example.com", "till"]
[rates]
USD = 1
EUR = "1,10"
GBPP = 2
[api]
listen = "localhost:80"
allowed_hosts = ["http://x"]
[webhooks]
public_url = "shop.example.com"
body_bytes_max = 1
[drop]
enabled = "true"
settle_s = 2.5
[integrations.a]
connector = "kinds"
store = "shop"
pages = "7"
mode = "lvie"
tags = "a"
title = 7
origin = "PST"
complete_through = "31.10.2026"
"#;
    insta::assert_snapshot!(told(text), @r#"
    ltvd.toml:2:12: drop_dir: `drop_dir` and `data_dir` lie in one another
       |
     2 | drop_dir = "data/drop"
       |            ^^^^^^^^^^^
       = help: each needs a folder of its own

    ltvd.toml:4:12: report.timezone: `Berlin` is no time zone; did you mean `Europe/Berlin`?
       |
     4 | timezone = "Berlin"
       |            ^^^^^^^^
       = help: use a name of the IANA database, for example "Europe/Berlin" or "America/New_York"

    ltvd.toml:5:12: report.currency: `US$` is no currency code
       |
     5 | currency = "US$"
       |            ^^^^^
       = help: use the three letters of ISO 4217, for example "USD", "EUR" or "GBP"

    ltvd.toml:6:9: report.merge: `emails` is no choice here; did you mean `email`?
       |
     6 | merge = "emails"
       |         ^^^^^^^^
       = help: possible: "email", "store"

    ltvd.toml:7:17: report.shared_emails: `till` is no e-mail address
       |
     7 | shared_emails = ["till@example.com", "till"]
       |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    ltvd.toml:10:7: rates.EUR: `1,10` is no exchange rate
        |
     10 | EUR = "1,10"
        |       ^^^^^^
        = help: write units of the report currency for one unit, above zero, for example "1.10"

    ltvd.toml:11:1: rates.GBPP: unknown key; neither `file` nor a currency code
        |
     11 | GBPP = …
        | ^^^^
        = help: use the three letters of ISO 4217, for example EUR = "1.10"

    ltvd.toml:13:10: api.listen: `localhost:80` is no address with a port
        |
     13 | listen = "localhost:80"
        |          ^^^^^^^^^^^^^^
        = help: write for example "127.0.0.1:8380", or "[::1]:8380" for IPv6; names are not looked up

    ltvd.toml:14:17: api.allowed_hosts: `http://x` is no host name
        |
     14 | allowed_hosts = ["http://x"]
        |                 ^^^^^^^^^^^^
        = help: write names alone, without http:// or port

    ltvd.toml:16:14: webhooks.public_url: `shop.example.com` is no absolute address
        |
     16 | public_url = "shop.example.com"
        |              ^^^^^^^^^^^^^^^^^^
        = help: begin it with https:// (or http://)

    ltvd.toml:17:18: webhooks.body_bytes_max: 1 is out of range; 1024 to 67108864 are possible
        |
     17 | body_bytes_max = 1
        |                  ^

    ltvd.toml:19:11: drop.enabled: expected true or false, found text
        |
     19 | enabled = "true"
        |           ^^^^^^
        = help: leave the quotes out

    ltvd.toml:20:12: drop.settle_s: expected a whole number, found a number with decimals
        |
     20 | settle_s = 2.5
        |            ^^^

    ltvd.toml:23:9: integrations.a.store: `shop` is no absolute address
        |
     23 | store = "shop"
        |         ^^^^^^
        = help: begin it with https:// (or http://)

    ltvd.toml:24:9: integrations.a.pages: expected a whole number, found text
        |
     24 | pages = "7"
        |         ^^^

    ltvd.toml:25:8: integrations.a.mode: `lvie` is no choice here; did you mean `live`?
        |
     25 | mode = "lvie"
        |        ^^^^^^
        = help: possible: "live", "test"

    ltvd.toml:26:8: integrations.a.tags: expected a list of texts, found text
        |
     26 | tags = "a"
        |        ^^^
        = help: put it in square brackets: ["…"]

    ltvd.toml:27:9: integrations.a.title: expected text, found a whole number
        |
     27 | title = 7
        |         ^
        = help: put it in quotes

    ltvd.toml:28:10: integrations.a.origin: `PST` is no time zone
        |
     28 | origin = "PST"
        |          ^^^^^
        = help: use a name of the IANA database, for example "Europe/Berlin" or "America/New_York"

    ltvd.toml:29:20: integrations.a.complete_through: expected a date like 2026-10-31, found `31.10.2026`
        |
     29 | complete_through = "31.10.2026"
        |                    ^^^^^^^^^^^^
    "#);
}

#[test]
fn wrong_types_of_tables() {
    insta::assert_snapshot!(told("report = 1\nintegrations = []\n[api.listen]\n"), @r"
    ltvd.toml:1:1: report: expected a table, found a whole number
       |
     1 | report = …
       | ^^^^^^
       = help: write `[report]` and its keys below it

    ltvd.toml:2:1: integrations: expected a table, found a list
       |
     2 | integrations = []
       | ^^^^^^^^^^^^
       = help: write `[integrations.NAME]` and its keys below it

    ltvd.toml:3:1: api.listen: expected text, found a table
       |
     3 | [api.listen]
       | ^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(told("[[integrations]]\nname = \"a\"\n"), @r"
    ltvd.toml:1:3: integrations: expected a table, found a list
       |
     1 | [[integrations]]
       |   ^^^^^^^^^^^^
       = help: write `[integrations.NAME]` and its keys below it
    ");
    insta::assert_snapshot!(told("[integrations]\nshop = \"hunter2\"\n"), @r"
    ltvd.toml:2:1: integrations.shop: expected a table, found text
       |
     2 | shop = …
       | ^^^^
       = help: write `[integrations.shop]` and its keys below it
    ");
}

#[test]
fn syntax_errors() {
    insta::assert_snapshot!(told("[report]\ntimezone = UTC\ncurrency == \"USD\"\n"), @r"
    ltvd.toml:2:12: this is no TOML: string values must be quoted, expected literal string
       |
     2 | timezone = …

    ltvd.toml:3:11: this is no TOML: extra `=`, expected nothing
       |
     3 | currency = …
       |           ^^
    ");
    insta::assert_snapshot!(told("[api]\ntoken = \"hunter2\n[drop\n"), @r#"
    ltvd.toml:2:17: this is no TOML: invalid basic string, expected `"`
       |
     2 | token = …

    ltvd.toml:3:6: this is no TOML: unclosed table, expected `]`
       |
     3 | [drop
    "#);
    insta::assert_snapshot!(told("[api]\nlisten = \"a\"\nlisten = \"b\"\n"), @r"
    ltvd.toml:3:1: this is no TOML: duplicate key
       |
     3 | listen = …
       | ^^^^^^
    ");
}

#[test]
fn polling() {
    let text = r#"
[integrations.zoneless]
connector = "polled"
key = { env = "KEY" }
[integrations.odd]
connector = "polled"
zone = "UTC"
key = { env = "KEY" }
from = "2024-02-30"
every = "15 minutes"
hosts = ["https://api.example.com"]
connect_to = { "api.example.com" = "somewhere" }
recheck_days = -1
[integrations.backwards]
connector = "polled"
zone = "UTC"
key = { env = "KEY" }
from = 2024-03-01
to = 2024-02-01
every = "1s"
"#;
    insta::assert_snapshot!(told(text), @r#"
    ltvd.toml:2:15: integrations.zoneless.zone: missing; nothing works without it
       |
     2 | [integrations.zoneless]
       |               ^^^^^^^^
       = help: The zone: Found in the settings of the shop.

    ltvd.toml:4:7: integrations.zoneless.key: the environment variable `KEY` is not set
       |
     4 | key = { env = "KEY" }
       |       ^^^^^^^^^^^^^^^
       = help: set it where the daemon is started, or write { file = "path" }

    ltvd.toml:8:7: integrations.odd.key: the environment variable `KEY` is not set
       |
     8 | key = { env = "KEY" }
       |       ^^^^^^^^^^^^^^^
       = help: set it where the daemon is started, or write { file = "path" }

    ltvd.toml:9:8: integrations.odd.from: expected a date like 2026-10-31, found `2024-02-30`
       |
     9 | from = "2024-02-30"
       |        ^^^^^^^^^^^^

    ltvd.toml:10:9: integrations.odd.every: `15 minutes` is no length of time
        |
     10 | every = "15 minutes"
        |         ^^^^^^^^^^^^
        = help: write a number and a unit: "90s", "15m", "6h" or "1d"

    ltvd.toml:11:9: integrations.odd.hosts: `https://api.example.com` is no host name
        |
     11 | hosts = ["https://api.example.com"]
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^
        = help: write names alone, without https:// or port

    ltvd.toml:12:14: integrations.odd.connect_to: `somewhere` is no address with port
        |
     12 | connect_to = { "api.example.com" = "somewhere" }
        |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        = help: for example "10.0.0.5:443" or "[fd00::5]:443"

    ltvd.toml:13:16: integrations.odd.recheck_days: -1 is out of range; 0 to 36525 are possible
        |
     13 | recheck_days = -1
        |                ^^

    ltvd.toml:17:7: integrations.backwards.key: the environment variable `KEY` is not set
        |
     17 | key = { env = "KEY" }
        |       ^^^^^^^^^^^^^^^
        = help: set it where the daemon is started, or write { file = "path" }

    ltvd.toml:19:6: integrations.backwards.to: `to` is before `from`
        |
     19 | to = 2024-02-01
        |      ^^^^^^^^^^

    ltvd.toml:20:9: integrations.backwards.every: `1s` is not between 10 seconds and 31 days
        |
     20 | every = "1s"
        |         ^^^^
    "#);
}

#[test]
fn polling_that_has_no_effect() {
    let text = r#"
[integrations.waiting]
connector = "polled"
zone = "UTC"
key = { env = "KEY" }
[integrations.files]
connector = "samcart"
currency = "USD"
from = 2024-03-01
"#;
    let Loaded { warnings, .. } = load_with(text, &[("KEY", "hunter2")]).unwrap();
    let told: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n\n"), @r#"
    ltvd.toml:2:15: integrations.waiting.from: `from` is missing, so the platform is not asked for its orders
       |
     2 | [integrations.waiting]
       |               ^^^^^^^
       = help: write the day from which on they are wanted, for example from = 2024-01-01; the first load reads them once

    ltvd.toml:9:8: integrations.files.from: the connector `samcart` does not ask its platform, so `from` has no effect
       |
     9 | from = 2024-03-01
       |        ^^^^^^^^^^
       = help: its data comes by webhook and by file
    "#);
}

#[test]
fn paths_that_are_answered() {
    let one = |path: &str| load_with(&format!("[webhooks]\nanswer = [\"{path}\"]\n"), &[]);
    assert_eq!(one("/funnel_webhooks/test").unwrap().config.webhooks.answer, ["/funnel_webhooks/test"]);
    for good in ["/", "/a/b.html", "/hooksandeyes", "/caf%C3%A9"] {
        assert!(one(good).is_ok(), "{good}");
    }
    for bad in ["", "a", "/a?b", "/a#b", "/a b", "/café", "https://x/a", "/hooks", "/hooks/a/b"] {
        assert!(one(bad).is_err(), "{bad}");
    }
    let many: Vec<String> = (0..17).map(|number| format!("\"/{number}\"")).collect();
    let text = format!("[webhooks]\nanswer = [{}]\n", many.join(", "));
    assert!(load_with(&text.replace("\"/0\", ", ""), &[]).is_ok());
    assert!(told(&text).contains("webhooks.answer: 17 paths, and 16 are possible"));
    insta::assert_snapshot!(told("[webhooks]\nanswer = [\"/a?b\"]"), @r#"
    ltvd.toml:2:10: webhooks.answer: `/a?b` is no path
       |
     2 | answer = ["/a?b"]
       |          ^^^^^^^^
       = help: write it as a request has it, from the root and without query: "/funnel_webhooks/test"
    "#);
    insta::assert_snapshot!(told("[webhooks]\nanswer = [\"/hooks/tea\"]"), @r#"
    ltvd.toml:2:10: webhooks.answer: `/hooks/tea` is below /hooks, where webhooks themselves arrive
       |
     2 | answer = ["/hooks/tea"]
       |          ^^^^^^^^^^^^^^
    "#);
}

#[test]
fn another_file_than_the_pinned_one() {
    let right = format!("[integrations.a]\nconnector = \"thrivecart\"\nsha256 = \"{}\"\n", "0A".repeat(32));
    assert!(load_with(&right, &[]).is_ok());
    let text = format!(
        "[integrations.a]\nconnector = \"thrivecart\"\nsha256 = \"{}\"\n[integrations.b]\nconnector = \"thrivecart\"\nsha256 = \"0a\"\n",
        "0b".repeat(32)
    );
    insta::assert_snapshot!(told(&text), @r#"
    ltvd.toml:3:10: integrations.a.sha256: the file of the connector `thrivecart` is another one: its SHA-256 is 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a
       |
     3 | sha256 = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = help: `ltvd connector inspect thrivecart` tells what it may do; if you changed it yourself and trust it, write this hash here

    ltvd.toml:6:10: integrations.b.sha256: this is no SHA-256
       |
     6 | sha256 = "0a"
       |          ^^^^
       = help: 64 hexadecimal digits; `ltvd connector inspect` shows that of a file
    "#);
}
