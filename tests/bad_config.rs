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
    assert_snapshot!(check("[report]\ntimezon = \"UTC\"\n\n[integrations.shop]\nconnector = \"samcart\"\ncurency = \"USD\"\n"), @"");
}

#[test]
fn a_secret_whose_variable_or_file_is_not_there() {
    let text = "[integrations.a]\nconnector = \"thrivecart\"\nsecret = { env = \"LTVD_TEST_NOT_SET\" }\n\n\
        [integrations.b]\nconnector = \"thrivecart\"\nsecret = { file = \"no-such-file\" }\n\n\
        [integrations.c]\nconnector = \"thrivecart\"\nsecret = { credential = \"word\" }\n";
    assert_snapshot!(check(text), @"");
}

#[test]
fn an_unknown_connector() {
    assert_snapshot!(check("[integrations.shop]\nconnector = \"thrivecrat\"\n"), @"");
}

#[test]
fn a_wrong_time_zone() {
    assert_snapshot!(check("[report]\ntimezone = \"Europe/Berlinn\"\n\n[integrations.shop]\nconnector = \"generic\"\nzone = \"EST5EST\"\n"), @"");
}

#[test]
fn values_of_a_wrong_type_or_out_of_range() {
    let text = "[webhooks]\nbody_bytes_max = \"big\"\nlisten = 8381\n\n[drop]\nenabled = \"yes\"\nsettle_s = -1\n";
    assert_snapshot!(check(text), @"");
}

#[test]
fn a_file_that_is_no_toml() {
    assert_snapshot!(check("[report\ntimezone = \"UTC\"\n"), @"");
    assert_snapshot!(check("[api]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n"), @"");
    assert_snapshot!(check("[report]\ncurrency = USD\n"), @"");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "[raport]\nx = 1\n\n[api]\nlisten = \"0.0.0.0:80\"\n\n[integrations.a]\nconnector = \"samcart\"\ncurrency = \"USDD\"\n\n\
        [integrations.B_x]\nconnector = \"nope\"\n\n[integrations.c]\nconnector = \"thrivecart\"\nestimate_rebills = \"no\"\n";
    assert_snapshot!(check(text), @"");
}

#[test]
fn a_secret_in_the_file_is_taken_with_a_warning_and_never_shown() {
    let shop = Shop::new("[integrations.shop]\nconnector = \"thrivecart\"\nsecret = \"hush-hush-hush\"\n");
    let output = shop.cli(["check"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_snapshot!(plain(&shop, &output.stderr), @"");
    assert_snapshot!(output.stdout, @"");
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
    assert_snapshot!(told(&shop, shop.cli(["check"])), @"");
    // It is told as well where nothing needs it.
    shop.write_config("[integrations.shop]\nconnector = \"generic\"\n");
    assert_snapshot!(told(&shop, shop.cli(["check"])), @"");
}

#[test]
fn a_folder_of_connectors_that_is_missing_or_empty() {
    let shop = Shop::empty();
    shop.write_config("connectors_dir = \"conectors\"\n\n[integrations.shop]\nconnector = \"generic\"\n");
    assert_snapshot!(told(&shop, shop.cli(["check"])), @"");
    fs::create_dir(shop.path("conectors")).unwrap();
    assert_snapshot!(told(&shop, shop.cli(["check"])), @"");
}

#[test]
fn no_configuration_file() {
    let shop = Shop::empty();
    assert_snapshot!(told(&shop, shop.cli(["check"])), @"");
    assert_snapshot!(told(&shop, shop.cli(["check", "--config", "connectors"])), @"");
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
    assert_snapshot!(told(&shop, shop.cli(["check"])), @"");
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
    assert_snapshot!(shop.cli(["chek"]).stderr, @"");
}
