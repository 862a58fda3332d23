//! Whatever the text, there is an answer.

use proptest::prelude::*;

use super::*;

/// Lines that are nearly right, so that random text gets beyond the parser.
fn nearly_toml() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("timezone".to_owned()),
        Just("listen".to_owned()),
        Just("token".to_owned()),
        Just("connector".to_owned()),
        Just("secret".to_owned()),
        Just("EUR".to_owned()),
        Just("\"a \\u001b\\n\"".to_owned()),
        "[a-z_]{1,8}(\\.[a-z]{1,3})?",
    ];
    let value = prop_oneof![
        Just("\"kinds\"".to_owned()),
        Just("{ env = \"X\" }".to_owned()),
        Just("[1, \"é\n\",]".to_owned()),
        Just("\"\"\"\nä\n\"\"\"".to_owned()),
        Just("2026-10-31".to_owned()),
        "-?[0-9._]{1,20}",
        "\"[^\"\\\\\\n]{0,12}\"",
        ".{0,10}",
    ];
    let header = prop_oneof![
        Just("[integrations.a]".to_owned()),
        Just("[api]".to_owned()),
        Just("[rates]".to_owned()),
        Just("[[x]]".to_owned()),
        "\\[[a-z.]{0,8}\\]?",
    ];
    let line = prop_oneof![
        8 => (key, value, ".{0,6}").prop_map(|(key, value, rest)| format!("{key} = {value} #{rest}")),
        3 => header,
        1 => ".{0,20}",
    ];
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

/// What begins a command to a terminal.
const ESCAPE: char = '\u{1b}';

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![".{0,200}", nearly_toml()]) {
        match load_with(&text, &[("X", "x")]) {
            Ok(loaded) => prop_assert!(!warned(&loaded).contains(ESCAPE), "{text:?}"),
            Err(problems) => {
                prop_assert!(!problems.0.is_empty());
                let told = problems.to_string();
                prop_assert!(!told.contains(ESCAPE), "{told:?}");
                for problem in &problems.0 {
                    let lines = text.lines().count().max(1) + 1;
                    prop_assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "{problem:?}");
                }
            }
        }
    }

    /// A slip of the pen may make nonsense of the file, but never shows what stands in it.
    #[test]
    fn no_slip_prints_a_secret(
        secret in prop_oneof![
            Just("secret = \"hunter2\""),
            Just("secret = { env = \"hunter2\" }"),
            Just("secret = \"\"\"\nhunter2 = \n\"\"\""),
            Just("zone = \"UTC\" # hunter2\nsecret = 'hunter2'"),
            Just("secrets = [\"x\",\n  \"hunter2\", # hunter2\n]\n[api]\ntoken = \"hunter2\""),
        ],
        slips in proptest::collection::vec((any::<prop::sample::Index>(), prop::option::of("[\"'=#a \n\\[\\]{}.,0]")), 1..4),
    ) {
        let mut text = format!("# ü\n[integrations.a]\nconnector = \"strict\"\n{secret}\n[report]\ntimezone = \"UTC\"\n");
        for (place, slip) in slips {
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            let place = *place.get(&places);
            match slip {
                Some(written) => text.insert_str(place, &written),
                None => drop(text.remove(place)),
            }
        }
        let told = match load_with(&text, &[]) {
            Ok(loaded) => format!("{} {loaded:?}", warned(&loaded)),
            Err(problems) => format!("{problems} {problems:?}"),
        };
        prop_assert!(!told.contains("hunter2"), "{text}\n---\n{told}");
    }
}
