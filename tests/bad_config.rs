//! Configurations with mistakes in them. Each is found by `ltvd check` and told with its place and what to do.

use std::fs;

use insta::assert_snapshot;

use crate::kit::{Output, Shop, plain};

/// What `ltvd check` says about a configuration that it refuses.
#[track_caller]
fn check(text: &str) -> String {
    let shop = Shop::empty();
    shop.write_config(text);
    told(&shop, shop.cli(["check"]))
}

#[track_caller]
fn told(shop: &Shop, output: Output) -> String {
    assert_eq!(output.code, Some(78), "{output:?}");
    assert_eq!(output.stdout, "");
    plain(shop, &output.stderr)
}

#[test]
fn a_misspelt_key() {
    assert_snapshot!(check("[report]\ntimezon = \"UTC\"\n\n[integrations.shop]\nconnector = \"samcart\"\ncurency = \"USD\"\n"), @"
    error: 3 problems

    ltvd.toml:2:1: report.timezon: unknown key; did you mean `timezone`?
       |
     2 | timezon = …
       | ^^^^^^^

    ltvd.toml:4:15: integrations.shop.currency: missing; nothing works without it
       |
     4 | [integrations.shop]
       |               ^^^^
       = help: Currency of the account: The currency in which the SamCart account charges, as a code of three letters such as USD. SamCart names it neither in webhooks nor in exports. You find it in SamCart under Settings > Store (older: Marketplace) > Currency. A currency that a delivery does name comes first. For accounts with two currencies make two integrations.

    ltvd.toml:6:1: integrations.shop.curency: unknown key; did you mean `currency`?
       |
     6 | curency = …
       | ^^^^^^^
    ");
}

#[test]
fn a_secret_whose_variable_or_file_is_not_there() {
    let text = "[integrations.a]\nconnector = \"thrivecart\"\nsecret = { env = \"LTVD_TEST_NOT_SET\" }\n\n\
        [integrations.b]\nconnector = \"thrivecart\"\nsecret = { file = \"no-such-file\" }\n\n\
        [integrations.c]\nconnector = \"thrivecart\"\nsecret = { credential = \"word\" }\n";
    assert_snapshot!(check(text), @r#"
    error: 3 problems

    ltvd.toml:3:10: integrations.a.secret: the environment variable `LTVD_TEST_NOT_SET` is not set
       |
     3 | secret = { env = "LTVD_TEST_NOT_SET" }
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = help: set it where the daemon is started, or write { file = "path" }

    ltvd.toml:7:10: integrations.b.secret: there is no file `[shop]/no-such-file`
       |
     7 | secret = { file = "no-such-file" }
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^

    ltvd.toml:11:10: integrations.c.secret: there are no credentials: $CREDENTIALS_DIRECTORY is not set
        |
     11 | secret = { credential = "word" }
        |          ^^^^^^^^^^^^^^^^^^^^^^^
        = help: start the daemon by systemd with LoadCredential=; commands beside it find them as long as ltvd.service runs. Or use another kind
    "#);
}

#[test]
fn an_unknown_connector() {
    assert_snapshot!(check("[integrations.shop]\nconnector = \"thrivecrat\"\n"), @r#"
    error: 1 problem

    ltvd.toml:2:13: integrations.shop.connector: there is no connector `thrivecrat`; did you mean `thrivecart`?
       |
     2 | connector = "thrivecrat"
       |             ^^^^^^^^^^^^
       = help: available: generic, konnektive, samcart, thrivecart, woocommerce
    "#);
}

#[test]
fn a_wrong_time_zone() {
    assert_snapshot!(check("[report]\ntimezone = \"Europe/Berlinn\"\n\n[integrations.shop]\nconnector = \"generic\"\nzone = \"EST5EST\"\n"), @r#"
    error: 2 problems

    ltvd.toml:2:12: report.timezone: `Europe/Berlinn` is no time zone; did you mean `Europe/Berlin`?
       |
     2 | timezone = "Europe/Berlinn"
       |            ^^^^^^^^^^^^^^^^
       = help: use a name of the IANA database, for example "Europe/Berlin" or "America/New_York"

    ltvd.toml:6:8: integrations.shop.zone: `EST5EST` is no time zone
       |
     6 | zone = "EST5EST"
       |        ^^^^^^^^^
       = help: use a name of the IANA database, for example "Europe/Berlin" or "America/New_York"
    "#);
}

#[test]
fn values_of_a_wrong_type_or_out_of_range() {
    let text = "[webhooks]\nbody_bytes_max = \"big\"\nlisten = 8381\n\n[drop]\nenabled = \"yes\"\nsettle_s = -1\n";
    assert_snapshot!(check(text), @r#"
    error: 4 problems

    ltvd.toml:2:18: webhooks.body_bytes_max: expected a whole number, found text
       |
     2 | body_bytes_max = "big"
       |                  ^^^^^

    ltvd.toml:3:10: webhooks.listen: expected text, found a whole number
       |
     3 | listen = 8381
       |          ^^^^
       = help: put it in quotes

    ltvd.toml:6:11: drop.enabled: expected true or false, found text
       |
     6 | enabled = "yes"
       |           ^^^^^

    ltvd.toml:7:12: drop.settle_s: -1 is out of range; 0 to 86400 are possible
       |
     7 | settle_s = -1
       |            ^^
    "#);
}

#[test]
fn a_file_that_is_no_toml() {
    assert_snapshot!(check("[report\ntimezone = \"UTC\"\n"), @"
    error: ltvd.toml:1:8: this is no TOML: unclosed table, expected `]`
       |
     1 | [report
    ");
    assert_snapshot!(check("[api]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n"), @"
    error: ltvd.toml:3:1: this is no TOML: duplicate key
       |
     3 | listen = …
       | ^^^^^^
    ");
    assert_snapshot!(check("[report]\ncurrency = USD\n"), @"
    error: ltvd.toml:2:12: this is no TOML: string values must be quoted, expected literal string
       |
     2 | currency = …
    ");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "[raport]\nx = 1\n\n[api]\nlisten = \"0.0.0.0:80\"\n\n[integrations.a]\nconnector = \"samcart\"\ncurrency = \"USDD\"\n\n\
        [integrations.B_x]\nconnector = \"nope\"\n\n[integrations.c]\nconnector = \"thrivecart\"\nestimate_rebills = \"no\"\n";
    assert_snapshot!(check(text), @r#"
    error: 6 problems

    ltvd.toml:1:2: raport: unknown table; did you mean `report`?
       |
     1 | [raport]
       |  ^^^^^^

    ltvd.toml:5:10: api.listen: other machines can reach 0.0.0.0:80, so `api.token` has to be set
       |
     5 | listen = "0.0.0.0:80"
       |          ^^^^^^^^^^^^
       = help: add token = { env = "LTVD_TOKEN" }, or listen on "127.0.0.1:8380"

    ltvd.toml:9:12: integrations.a.currency: `USDD` is no currency code
       |
     9 | currency = "USDD"
       |            ^^^^^^
       = help: use the three letters of ISO 4217, for example "USD", "EUR" or "GBP"

    ltvd.toml:11:15: integrations.B_x: `B_x` cannot be the name of an integration
        |
     11 | [integrations.B_x]
        |               ^^^
        = help: use 1 to 64 lower case letters, digits and hyphens, for example `main-store`

    ltvd.toml:12:13: integrations.B_x.connector: there is no connector `nope`
        |
     12 | connector = "nope"
        |             ^^^^^^
        = help: available: generic, konnektive, samcart, thrivecart, woocommerce

    ltvd.toml:16:20: integrations.c.estimate_rebills: expected true or false, found text
        |
     16 | estimate_rebills = "no"
        |                    ^^^^
    "#);
}

#[test]
fn a_secret_in_the_file_is_taken_with_a_warning_and_never_shown() {
    let shop = Shop::new("[integrations.shop]\nconnector = \"thrivecart\"\nsecret = \"hush-hush-hush\"\n");
    let output = shop.cli(["check"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_snapshot!(plain(&shop, &output.stderr), @r#"
    warning: ltvd.toml:13:10: integrations.shop.secret: a secret stands in the file itself, where everyone who sees the file reads it
        |
     13 | secret = …
        |          ^
        = help: write { env = "NAME" }, { file = "path" } or { credential = "name" }
    "#);
    assert_snapshot!(output.stdout, @r#"ltvd.toml: nothing is wrong, 1 warning; 1 integration, 5 connectors"#);
    assert!(!output.stderr.contains("hush"));
    // Nor where another mistake stands in the same line.
    let shown = check("[integrations.shop]\nconnector = \"thrivecart\"\nsecrets = \"hush-hush-hush\"\n");
    assert!(shown.contains("did you mean `secret`") && !shown.contains("hush"), "{shown}");
}

#[test]
fn a_connector_file_that_is_none() {
    let shop = Shop::empty();
    fs::write(shop.path("connectors/bigcommerce.wasm"), "not wasm").unwrap();
    shop.write_config("[integrations.shop]\nconnector = \"bigcommerce\"\n");
    assert_snapshot!(told(&shop, shop.cli(["check"])), @r#"
    error: 1 problem

    ltvd.toml:2:13: integrations.shop.connector: the connector `bigcommerce` could not be loaded: [shop]/connectors/bigcommerce.wasm: not a connector: it is no WebAssembly file
       |
     2 | connector = "bigcommerce"
       |             ^^^^^^^^^^^^^
    "#);
    // It is told as well where nothing needs it.
    shop.write_config("[integrations.shop]\nconnector = \"generic\"\n");
    assert_snapshot!(told(&shop, shop.cli(["check"])), @"
    error: 1 problem

    [shop]/connectors/bigcommerce.wasm: not a connector: it is no WebAssembly file
    ");
}

#[test]
fn a_folder_of_connectors_that_is_missing_or_empty() {
    let shop = Shop::empty();
    shop.write_config("connectors_dir = \"conectors\"\n\n[integrations.shop]\nconnector = \"generic\"\n");
    assert_snapshot!(told(&shop, shop.cli(["check"])), @r#"
    error: 2 problems

    ltvd.toml:4:13: integrations.shop.connector: there is no connector `generic`
       |
     4 | connector = "generic"
       |             ^^^^^^^^^
       = help: there is no connector in `connectors_dir`

    [shop]/conectors: there is no such folder; it is `connectors_dir` of the configuration. Copy connectors (*.wasm) there; in the source of ltvd, `cargo xtask connectors` builds them
    "#);
    fs::create_dir(shop.path("conectors")).unwrap();
    assert_snapshot!(told(&shop, shop.cli(["check"])), @r#"
    error: 2 problems

    ltvd.toml:4:13: integrations.shop.connector: there is no connector `generic`
       |
     4 | connector = "generic"
       |             ^^^^^^^^^
       = help: there is no connector in `connectors_dir`

    [shop]/conectors: no connectors are in this folder; it is `connectors_dir` of the configuration. Copy connectors (*.wasm) there; in the source of ltvd, `cargo xtask connectors` builds them
    "#);
}

#[test]
fn no_configuration_file() {
    let shop = Shop::empty();
    assert_snapshot!(told(&shop, shop.cli(["check"])), @"
    error: ltvd.toml: the configuration cannot be read: No such file or directory (os error 2)
      = help: name it with --config, or copy config.example.toml there
    ");
    assert_snapshot!(told(&shop, shop.cli(["check", "--config", "connectors"])), @"
    error: connectors: the configuration cannot be read: Is a directory (os error 21)
      = help: name the file, not its folder
    ");
}

#[test]
fn a_folder_for_data_that_cannot_be_written() {
    let shop = Shop::empty();
    fs::write(shop.path("taken"), "a file").unwrap();
    for (data_dir, command) in [("taken", "check"), ("taken/data", "check"), ("taken", "run"), ("taken", "status")] {
        shop.write_config(&format!("data_dir = \"{data_dir}\"\n"));
        let shown = told(&shop, shop.cli([command]));
        assert!(
            shown.contains("Not a directory") && shown.contains("`data_dir`"),
            "{command} with {data_dir}: {shown}"
        );
    }
    shop.write_config("data_dir = \"taken\"\n");
    assert_snapshot!(told(&shop, shop.cli(["check"])), @"
    error: 1 problem

    [shop]/taken: nothing can be written there: Not a directory (os error 20); it is `data_dir` of the configuration. It must be a folder that the user who runs ltvd may write
    ");
    // What can be made is no mistake, and a check does not make it.
    shop.write_config("data_dir = \"not/yet\"\n");
    shop.cli(["check"]).ok();
    assert!(!shop.path("not").exists());
}

#[test]
fn commands_refuse_a_bad_configuration_with_the_text_of_the_check() {
    let shop = Shop::empty();
    shop.write_config("[drop]\nsettle = 2\n\n[report]\ncurrency = \"Dollar\"\n");
    // The check counts all problems, whatever they are about; the others know of no more than the file.
    let problems = |output: Output| {
        let text = told(&shop, output);
        text.split_once("\n\n").expect("a headline and the problems").1.to_owned()
    };
    let checked = problems(shop.cli(["check"]));
    assert!(checked.contains("did you mean `settle_s`?") && checked.contains("`Dollar`"), "{checked}");
    for command in ["run", "status", "ltv"] {
        assert_eq!(problems(shop.cli([command])), checked, "{command}");
    }
    let Err((status, log)) = shop.try_start() else { panic!("it started") };
    assert_eq!(status.code(), Some(78), "{log}");
}

#[test]
fn wrong_usage_is_told_apart() {
    let shop = Shop::new("");
    for args in [&["--nope"][..], &[], &["revenue", "--by", "decade"], &["import"], &["chek"]] {
        let output = shop.cli(args);
        assert_eq!(output.code, Some(2), "{args:?}: {output:?}");
        assert_eq!(output.stdout, "");
    }
    assert_snapshot!(shop.cli(["chek"]).stderr, @"
    error: unrecognized subcommand 'chek'

      tip: a similar subcommand exists: 'check'

    Usage: ltvd [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}
