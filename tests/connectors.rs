//! What connectors may do to the daemon, and what becomes of those that do more. Texts that operators and authors see are
//! kept as snapshots.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ltvd::connector::{
    Ask, Authorization, CallContext, CallError, Connector, Conversation, Delivery, Failure, Host, Next, Outcome, Proof,
    Replies, Reply, Response, Step, StoredOrder, Task, Window,
};
use ltvd::limits::connector as limits;
use ltvd::model::manifest::{Axis, SettingValue};
use ltvd::model::{Change, Kind, Moment, Rows};
use tempfile::TempDir;

use crate::kit::connector_file;

/// 2026-04-01T00:30:00Z.
const NOW_MS: i64 = 1_775_003_400_000;

/// The misbehaving connector. Compiled once for all tests.
fn evil() -> &'static Arc<Connector> {
    static EVIL: OnceLock<Arc<Connector>> = OnceLock::new();
    EVIL.get_or_init(|| Arc::new(host().load_file(&connector_file("evil")).expect("the evil connector loads")))
}

fn host() -> Host {
    Host::new(None).expect("the runtime starts")
}

fn context() -> CallContext {
    CallContext {
        now_ms: NOW_MS,
        zone: chrono_tz::America::New_York,
        settings: BTreeMap::from([("mood".to_owned(), SettingValue::Text("bad".to_owned()))]),
        secrets: vec!["word".to_owned()],
        memory: None,
        integration: "hell".to_owned(),
    }
}

fn delivery(body: &str) -> Delivery {
    Delivery { query: String::new(), headers: Vec::new(), body: body.into(), received_ms: NOW_MS + 1 }
}

fn receive(deed: &str) -> Result<Conversation, CallError> {
    evil().receive(&delivery(deed), &context())
}

/// The text of the error that a deed ends in.
fn end_of(deed: &str) -> String {
    let error = receive(deed).expect_err(deed).to_string();
    // After all of it the connector still works: only the instance is gone.
    assert_eq!(receive("good").expect("a good delivery").step().changes.len(), 1);
    error
}

fn ask(conversation: &mut Conversation) -> Ask {
    match conversation.take_step() {
        Step { next: Next::Ask(ask), .. } => ask,
        step => panic!("it asks for nothing: {step:?}"),
    }
}

fn rows(cells: &[[&str; 2]]) -> Rows {
    let mut rows = Rows { width: 2, ..Rows::default() };
    for (index, row) in cells.iter().enumerate() {
        for cell in row {
            rows.text.extend_from_slice(cell.as_bytes());
            rows.ends.push(u32::try_from(rows.text.len()).unwrap());
        }
        rows.lines.push(u32::try_from(index + 2).unwrap());
        rows.twins.push(0);
    }
    rows
}

/// A component without code that imports functions and exports empty interfaces by these names.
fn hollow_component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    fn section(id: u8, items: &[Vec<u8>]) -> Vec<u8> {
        let mut content = vec![u8::try_from(items.len()).unwrap()];
        content.extend(items.concat());
        [vec![id, u8::try_from(content.len()).unwrap()], content].concat()
    }
    let name = |name: &str| [&[0, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    if !imports.is_empty() {
        // One type, `func()`, and imports of that type.
        bytes.extend(section(7, &[vec![0x40, 0, 1, 0]]));
        bytes
            .extend(section(10, &imports.iter().map(|import| [name(import), vec![1, 0]].concat()).collect::<Vec<_>>()));
    }
    // One empty instance, exported under each name.
    bytes.extend(section(5, &[vec![1, 0]]));
    bytes.extend(section(11, &exports.iter().map(|export| [name(export), vec![5, 0, 0]].concat()).collect::<Vec<_>>()));
    bytes
}

/// Loads these bytes as `some.wasm` and gives the text of the error, without the folder.
fn refusal(bytes: &[u8]) -> String {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("some.wasm");
    std::fs::write(&path, bytes).unwrap();
    without(dir.path(), &host().load_file(&path).expect_err("it is refused").to_string())
}

fn without(dir: &Path, text: &str) -> String {
    text.replace(&format!("{}{}", dir.display(), std::path::MAIN_SEPARATOR), "")
}

mod loading {
    use super::*;

    #[test]
    fn a_connector_is_known_by_its_manifest_and_its_file() {
        let evil = evil();
        assert_eq!((evil.manifest.id.as_str(), evil.manifest.version.as_str()), ("evil", "6.6.6"));
        assert_eq!(evil.contract, "0.1.0");
        assert_eq!(evil.imports, ["ltv:connector/log@0.1.0"], "a logger is all that it may have");
        assert_eq!(
            evil.exports,
            ["connector", "csv", "poll", "webhook"].map(|name| format!("ltv:connector/{name}@0.1.0"))
        );
        assert!(evil.interfaces.poll && evil.interfaces.webhook && evil.interfaces.csv);
        assert_eq!(evil.size, std::fs::metadata(&evil.path).unwrap().len());
        assert_eq!((evil.sha256.len(), evil.sha256.chars().all(|c| "0123456789abcdef".contains(c))), (64, true));
    }

    #[test]
    fn a_component_loads_like_the_core_module_that_it_was_made_of() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("evil.component.wasm");
        let module = std::fs::read(connector_file("evil")).unwrap();
        let component =
            wit_component::ComponentEncoder::default().module(&module).and_then(|encoder| encoder.encode()).unwrap();
        std::fs::write(&path, component).unwrap();
        let host = Host::new(Some(&dir.path().join("cache"))).unwrap();
        assert_eq!(host.load_file(&path).unwrap().manifest, evil().manifest);
        assert!(dir.path().join("cache").read_dir().unwrap().next().is_some(), "the cache is used");
        assert_eq!(host.load_file(&path).unwrap().manifest, evil().manifest);
    }

    #[test]
    fn another_contract_is_refused_with_both_versions() {
        insta::assert_snapshot!(
            refusal(&hollow_component(&[], &["ltv:connector/connector@0.2.0"])),
            @"some.wasm: built for ltv:connector@0.2.0, and this ltvd speaks ltv:connector@0.1.0; get a build of the connector for that version"
        );
        insta::assert_snapshot!(
            refusal(&hollow_component(&[], &["ltv:connector/connector@0.1.0"])),
            @"some.wasm: built for ltv:connector@0.1.0, and this ltvd speaks ltv:connector@0.1.0; get a build of the connector for that version: instance export `ltv:connector/connector@0.1.0` does not have export `describe`"
        );
    }

    #[test]
    fn what_is_no_connector_is_refused() {
        insta::assert_snapshot!(refusal(b"MZ\x90\0"), @"some.wasm: not a connector: it is no WebAssembly file");
        insta::assert_snapshot!(
            refusal(&hollow_component(&[], &["shop:other/thing@1.0.0"])),
            @"some.wasm: not a connector: it exports no interface of ltv:connector@0.1.0"
        );
        let mut cut = std::fs::read(connector_file("evil")).unwrap();
        cut.truncate(cut.len() / 2);
        let text = refusal(&cut);
        assert!(text.starts_with("some.wasm: not a connector: unexpected end"), "{text}");
    }

    #[test]
    fn nothing_but_the_logger_may_be_imported() {
        insta::assert_snapshot!(
            refusal(&hollow_component(
                &["wasi:http/outgoing-handler@0.2.0", "env"],
                &["ltv:connector/connector@0.1.0"],
            )),
            @"some.wasm: refused, since it asks for env, wasi:http/outgoing-handler@0.2.0; a connector may import only ltv:connector/log and WASI 0.2"
        );
    }

    #[test]
    fn a_file_may_not_be_huge() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("huge.wasm");
        std::fs::File::create(&path).unwrap().set_len(limits::FILE_BYTES + 1).unwrap();
        let error = host().load_file(&path).unwrap_err().to_string();
        insta::assert_snapshot!(
            without(dir.path(), &error),
            @"huge.wasm: 67108865 bytes, and a connector may have 67108864; build it without debug information"
        );
    }

    #[test]
    fn a_folder_is_read_as_far_as_it_is_good() {
        let dir = TempDir::new().unwrap();
        let put = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
        put("good.wasm", &std::fs::read(connector_file("evil")).unwrap());
        put("bad.wasm", b"bad");
        put("README.md", b"not looked at");
        let host = host();
        let registry = host.load_dir(dir.path());
        assert_eq!(registry.connectors.keys().collect::<Vec<_>>(), ["evil"]);
        assert_eq!(registry.broken.len(), 1);

        put("copy.wasm", &std::fs::read(connector_file("evil")).unwrap());
        let registry = host.load_dir(dir.path());
        assert!(registry.connectors.is_empty(), "which of the two is meant is not known");
        let texts: Vec<String> = registry.broken.iter().map(|error| without(dir.path(), &error.to_string())).collect();
        insta::assert_snapshot!(texts.join("\n"), @r"
        bad.wasm: not a connector: it is no WebAssembly file
        copy.wasm and good.wasm are both the connector `evil`; remove one
        ");
        assert_eq!(host.load_dir(&dir.path().join("none")).broken.len(), 1);
    }

    #[test]
    fn files_that_cannot_be_read_say_so() {
        let error = host().load_file(&PathBuf::from("no-such.wasm")).unwrap_err().to_string();
        assert!(error.starts_with("no-such.wasm: cannot be read: "), "{error}");
    }
}

mod limits_of_calls {
    use super::*;

    #[test]
    fn a_loop_ends_at_the_deadline() {
        let began = Instant::now();
        let error = evil().prove(&delivery("prove-loop"), &context()).unwrap_err();
        assert!(matches!(error, CallError::Deadline { .. }));
        assert!(began.elapsed() < limits::PROVE + Duration::from_secs(5));
        insta::assert_snapshot!(error, @"connector evil 6.6.6, webhook.prove: no answer within 1 s, so it was stopped; report it to the connector's author");
        assert_eq!(receive("good").expect("a fresh instance works").step().changes.len(), 1);
    }

    #[test]
    fn memory_ends_at_its_limit() {
        insta::assert_snapshot!(end_of("memory"), @"connector evil 6.6.6, webhook.receive: it reached the memory limit of 256 MiB, so it was stopped; report it to the connector's author");
    }

    #[test]
    fn a_call_finds_nothing_of_another_however_many_there_are() {
        let places = limits::POOL_PLACES as usize;
        let forgetful = |when: &str| {
            let found = receive("remember").unwrap().take_step().next;
            assert_eq!(found, Next::Done(Outcome::Ignored("0 calls before, 0 bytes left".to_owned())), "{when}");
        };
        (0..2 * places).for_each(|call| forgetful(&format!("call {call}")));
        // Conversations that wait for an answer keep their memory; those beyond the pool get memory of their own.
        let waiting: Vec<_> = (0..places + 8).map(|_| receive("request").unwrap()).collect();
        forgetful("beyond the pool");
        drop(waiting);
        forgetful("after it");
    }

    #[test]
    fn a_panic_says_its_text() {
        let text = end_of("trap");
        // Line and column of the source are not the point.
        let text = text.split_once("panicked at").map(|(before, after)| {
            (before.to_owned(), after.split_once('\n').map_or(after, |(_, after)| after).to_owned())
        });
        insta::assert_debug_snapshot!(text, @r#"
        Some(
            (
                "connector evil 6.6.6, webhook.receive: the connector crashed: ",
                "evil is as evil does (wasm `unreachable` instruction executed); report it to its author",
            ),
        )
        "#);
    }

    #[test]
    fn a_crash_without_words_says_its_cause() {
        insta::assert_snapshot!(end_of("quiet-trap"), @"connector evil 6.6.6, webhook.receive: the connector crashed: wasm `unreachable` instruction executed; report it to its author");
        // Which of the two stacks ends first is up to the compiler.
        insta::assert_snapshot!(end_of("stack").replace("the call stack is exhausted", "it reached outside its memory"), @"connector evil 6.6.6, webhook.receive: the connector crashed: it reached outside its memory, as by endless recursion; report it to its author");
    }

    #[test]
    fn a_huge_answer_does_not_reach_the_daemon() {
        insta::assert_snapshot!(end_of("huge-list"), @"connector evil 6.6.6, webhook.receive: an answer or log line occupies more than 64 MiB, so the whole answer was refused; report it to the connector's author");
    }

    #[test]
    fn a_flood_of_log_lines_is_counted() {
        let mut conversation = receive("log-flood").unwrap();
        let lines = conversation.take_log();
        assert_eq!(lines.len(), limits::LOG_LINES + 1);
        assert_eq!(lines[0].message, "line 0");
        insta::assert_snapshot!(lines[limits::LOG_LINES].message, @"9901 more lines of this call were left out");
        assert!(conversation.take_log().is_empty());
    }

    #[test]
    fn a_conversation_may_not_look_up_orders_for_ever() {
        let mut conversation = receive("orders-forever").unwrap();
        let mut steps = 1;
        let error = loop {
            let ask = ask(&mut conversation);
            match conversation.resume(ask.state.as_deref(), Replies::default(), &context()) {
                Ok(next) => conversation = next,
                Err(error) => break error,
            }
            steps += 1;
            assert!(steps <= limits::LOOKUP_STEPS);
        };
        insta::assert_snapshot!(error, @"connector evil 6.6.6, webhook.resume: it only looks up orders for more than 8 steps, so the whole answer was refused; report it to the connector's author");
    }
}

mod absurd_answers {
    use super::*;

    /// The part of the error that says what is wrong.
    fn what(deed: &str) -> String {
        match receive(deed) {
            Err(CallError::Absurd { what, .. }) => what,
            other => panic!("{deed}: {other:?}"),
        }
    }

    #[test]
    fn too_much_of_anything_is_refused() {
        insta::assert_snapshot!(end_of("absurd-changes"), @"connector evil 6.6.6, webhook.receive: it gave 8193 changes, and 8192 are allowed, so the whole answer was refused; report it to the connector's author");
        insta::assert_snapshot!(what("many-requests"), @"it gave 129 requests, and 128 are allowed");
        insta::assert_snapshot!(what("absurd-state"), @"it gave 1048577 bytes of state, and 1048576 are allowed");
        insta::assert_snapshot!(what("absurd-memory"), @"it gave 65537 bytes of memory, and 65536 are allowed");
    }

    #[test]
    fn an_entry_in_a_currency_of_nobody_is_rejected_alone() {
        let step = receive("absurd-currency").unwrap().take_step();
        assert_eq!((step.changes.len(), step.rejects.len()), (0, 1));
        insta::assert_snapshot!(step.rejects[0].reason, @"`EVL` is no currency code of ISO 4217, so the order `1` is not counted");
    }

    #[test]
    fn entries_that_cannot_be_are_refused() {
        insta::assert_snapshot!(what("absurd-text"), @"the id of an entry has 2097152 bytes, and 200 are allowed");
        insta::assert_snapshot!(what("absurd-control"), @r"the sale `1`: the order id has control characters: `1\u{1b}[2J`");
        insta::assert_snapshot!(what("absurd-empty"), @"the sale `1`: the order id is empty");
        insta::assert_snapshot!(what("absurd-negative"), @"the sale `1`: the total is negative (-1e-2 USD)");
        insta::assert_snapshot!(what("absurd-scale"), @"the sale `1`: the total is no sum of money (1250e-200 USD): it has 200 decimals; at most 9 are allowed");
        insta::assert_snapshot!(what("absurd-amount"), @"the sale `1`: the total is no sum of money (9223372036854775807e-0 USD): it is too large");
        insta::assert_snapshot!(what("absurd-date"), @"the sale `1`: `2026-02-30` is no day of the years 1970 to 2199, like 2026-04-01");
        insta::assert_snapshot!(what("absurd-year"), @"the sale `1`: the moment 9223372036854775807 ms is not within the years 1970 to 2199");
        insta::assert_snapshot!(what("absurd-order"), @"the order `other` is to hold an entry of the order `1`");
    }

    #[test]
    fn conversations_that_lead_nowhere_are_refused() {
        insta::assert_snapshot!(what("nothing"), @"it asks for nothing, and is not done either");
        insta::assert_snapshot!(what("absurd-outcome"), @"it ends with `checked`, which is no answer to this task");
    }

    #[test]
    fn proofs_may_not_reach_for_more() {
        let error = |body| evil().prove(&delivery(body), &context()).unwrap_err().to_string();
        insta::assert_snapshot!(error("undeclared-secret"), @"connector evil 6.6.6, webhook.prove: it names the secret `admin_password`, which its manifest does not declare, so the whole answer was refused; report it to the connector's author");
        insta::assert_snapshot!(error("header-injection"), @r"connector evil 6.6.6, webhook.prove: it answers a test call with the content type `text/plain\r\nset-cookie: evil=1`, so the whole answer was refused; report it to the connector's author");
        assert_eq!(evil().prove(&delivery("good"), &context()), Ok(Proof::AddressOnly));
    }

    #[test]
    fn batches_are_checked_like_steps() {
        let mut reader = evil().reader("deeds", Vec::new(), &context()).unwrap();
        let mut what = |deed: &str| match reader.read(&rows(&[[deed, "1"], ["", "2"]])) {
            Err(CallError::Absurd { what, .. }) => what,
            other => panic!("{deed}: {other:?}"),
        };
        insta::assert_snapshot!(what("reject-beyond"), @"a reject has the index 4294967295, and there are 2");
        insta::assert_snapshot!(what("ignore-more"), @"it ignored 4294967295 rows of 2");
        insta::assert_snapshot!(what("received"), @"the sale `1`: `received` is given as a moment where there is no webhook delivery");
        insta::assert_snapshot!(what("absurd-changes"), @"it gave 8194 changes, and 8192 are allowed");
    }
}

mod answers {
    use super::*;

    #[test]
    fn failures_say_who_must_act() {
        let said = ["settings", "unauthorized", "throttled", "unavailable", "internal"].map(end_of).join("\n");
        insta::assert_snapshot!(said, @r"
        connector evil 6.6.6, webhook.receive: a setting is wrong: mood is too good; edit the integration's settings
        connector evil 6.6.6, webhook.receive: the platform refuses the credentials: the word is wrong; check the integration's secrets and permissions
        connector evil 6.6.6, webhook.receive: too many requests: slower; tried again in 2 s at the earliest
        connector evil 6.6.6, webhook.receive: the platform does not work at the moment: gone fishing; tried again later
        connector evil 6.6.6, webhook.receive: a fault of the connector: no idea; report it to its author
        ");
        let error = receive("malformed").unwrap_err();
        assert!(matches!(error.failure(), Some(Failure::Malformed(text)) if text.len() <= limits::MESSAGE_BYTES));
    }

    #[test]
    fn an_entry_comes_as_it_was_said() {
        let mut conversation = receive("rounded").unwrap();
        let step = conversation.take_step();
        assert_eq!((step.rounded, step.parts_mismatch), (1, 1));
        let [Change::Put(entry)] = step.changes.as_slice() else { panic!("{:?}", step.changes) };
        assert_eq!((entry.key.kind, entry.amounts.total, entry.currency.as_str()), (Kind::Sale, 1234, "USD"));
        assert_eq!(entry.tag("zone"), Some("America/New_York"));
        assert_eq!(step.next, Next::Done(Outcome::Read));
        assert_eq!(receive("parts").unwrap().step().parts_mismatch, 1);
        assert_eq!(receive("good").unwrap().step().parts_mismatch, 0);
    }

    #[test]
    fn an_undated_delivery_is_dated_by_its_arrival() {
        let mut conversation = receive("received").unwrap();
        let [Change::Put(entry)] = &conversation.take_step().changes[..] else { panic!("no entry") };
        assert_eq!(entry.at, Moment::Received(NOW_MS + 1));
    }

    #[test]
    fn a_conversation_goes_on_here_or_elsewhere() {
        let mut conversation = receive("request").unwrap();
        let ask = ask(&mut conversation);
        assert_eq!(ask.requests[0].authorization, Authorization::Bearer("word".into()));
        let replies = || Replies {
            responses: vec![Reply {
                tag: ask.requests[0].tag.clone(),
                outcome: Ok(Response { status: 200, headers: Vec::new(), body: b"{}".to_vec() }),
            }],
            orders: vec![StoredOrder { id: "1".into(), revision: 0, entries: Vec::new() }],
        };
        let state = ask.state.as_deref();
        let here = conversation.resume(state, replies(), &context()).unwrap();
        let there = evil().resume_receive(NOW_MS, state.unwrap(), replies(), &context()).unwrap();
        assert_eq!(here.step(), there.step());
        assert_eq!(here.step().next, Next::Done(Outcome::Ignored(r#"1 orders, 1 responses, tags ["the one"]"#.into())));
    }

    #[test]
    fn a_poll_is_told_local_days() {
        let task = |task| evil().begin(task, &context()).map(|mut conversation| conversation.take_step().next);
        let Ok(Next::Done(Outcome::Checked(lines))) = task(Task::Check) else { panic!("no check") };
        assert_eq!(lines, ["now 2026-03-31T20:30:00"]);
        let window = Window { axis: Axis::Created, start_ms: NOW_MS - 86_400_000, end_ms: NOW_MS + 12_600_000 };
        let Ok(Next::Done(Outcome::Synced(coverage))) = task(Task::Sync(window)) else { panic!("no sync") };
        // The window ends at midnight in New York, which no longer belongs to it.
        assert_eq!(coverage.note.as_deref(), Some("2026-03-30 to 2026-03-31"));
        let error = task(Task::Refresh(vec!["1".into()])).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"connector evil 6.6.6, poll.begin: it ends with `unsubscribed`, which is no answer to this task, so the whole answer was refused; report it to the connector's author");
    }

    #[test]
    fn settings_are_looked_at_together() {
        let problems = evil().validate(&context().settings).unwrap();
        assert_eq!(problems[0].setting.as_deref(), Some("mood"));
        assert_eq!(problems[0].message, r#"SettingValue::Text("bad") is not evil enough"#);
    }

    #[test]
    fn a_reader_outlives_its_accidents() {
        let mut reader = evil().reader("deeds", vec!["other".into()], &context()).unwrap();
        let error = reader.read(&rows(&[["trap", ""]])).unwrap_err().to_string();
        assert!(error.starts_with("connector evil 6.6.6, csv.read: the connector crashed: panicked"), "{error}");
        assert!(reader.take_log()[0].message.contains("evil is as evil does"));
        let batch = reader.read(&rows(&[["", "1"], ["", "2"]])).unwrap();
        assert_eq!((batch.changes.len(), batch.rejects.len(), batch.ignored), (2, 0, 0));
    }

    #[test]
    fn readers_work_side_by_side() {
        let cells: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        let rows = rows(&cells.iter().map(|id| ["", id.as_str()]).collect::<Vec<_>>());
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let rows = &rows;
                    scope.spawn(move || {
                        let mut reader = evil().reader("deeds", Vec::new(), &context()).unwrap();
                        (0..5).map(|_| reader.read(rows).unwrap().changes.len()).sum::<usize>()
                    })
                })
                .collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), 5_000);
            }
        });
    }
}
