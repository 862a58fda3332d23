//! The disk fails at every place where that could matter: at the k-th sync and the k-th write of an import, of a pass over a
//! platform and of a burst of webhooks. After each, what was acknowledged is there once, and of the rest each piece is there
//! whole or not at all; the work done again leads to the state that it leads to without faults.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use chrono::{TimeDelta, Utc};
use ltv_platforms::woocommerce::Shop as Store;
use ltvd::app::{App, InForce, Setup};
use ltvd::doors::webhook::{self, Commits};
use ltvd::doors::{self, poll};
use ltvd::ledger::{Ledger, What};
use ltvd::model::Door;
use ltvd::peer::Peer;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::kit::{BOUND, Count, Fault, FaultyDisk, Served, Shop, ca_file, file_of_sales, purchase, random};

/// Rows of each file.
const ROWS: usize = 120;
const FILES: [&str; 2] = ["one", "two"];
/// Webhooks of a burst, and how many of them are on their way at a time.
const WEBHOOKS: usize = 6;
const AT_A_TIME: usize = 2;
/// More than any delivery's number.
const NUMBERS: u64 = 200;

/// What is going on when the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Import,
    Pass,
    Webhooks,
}

/// What a process acknowledged, and what it said of the fault.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    files: BTreeSet<&'static str>,
    orders: BTreeSet<String>,
    pass: bool,
    errors: Vec<String>,
}

/// What a ledger holds.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    /// Orders of entries by integration, sorted: whoever is there twice is listed twice.
    orders: BTreeMap<&'static str, Vec<String>>,
    /// Names of files that were imported.
    imports: BTreeSet<String>,
    /// Bodies of webhooks.
    webhooks: Vec<String>,
    /// The platform is said to be complete.
    synced: bool,
    quarantined: usize,
}

/// A store with a few sales.
fn store() -> Served<Store> {
    let served = Served::https(Store::new());
    let home = served.url();
    let mut platform = served.platform();
    platform.platform.home = home;
    let mut day = Utc::now() - TimeDelta::days(20);
    for number in 0..12 {
        day += TimeDelta::hours(30);
        platform.platform.at_unix_ms(day.timestamp_millis());
        let order = platform.platform.sold(&format!("buyer{}@example.org", number % 5), 1_000 + number);
        if number % 4 == 1 {
            platform.platform.refund(order, 100, &[]);
        }
    }
    drop(platform);
    served
}

fn shop(served: &Served<Store>) -> Shop {
    Shop::new(&format!(
        "[report]\ncurrency = \"USD\"\n\n[integrations.files]\nconnector = \"generic\"\ncurrency = \"USD\"\n\n\
         [integrations.hooks]\nconnector = \"samcart\"\ncurrency = \"USD\"\n\n\
         [integrations.store]\nconnector = \"woocommerce\"\nurl = \"{}\"\nconsumer_key = \"{}\"\nconsumer_secret = \"{}\"\n\
         from = {}\nallow_private_addresses = true\nca_file = \"{}\"\n",
        served.url(),
        Store::KEY,
        Store::SECRET,
        (Utc::now() - TimeDelta::days(25)).date_naive(),
        ca_file().display(),
    ))
}

/// One process over this disk, from its start to its end.
fn process<T>(shop: &Shop, disk: &FaultyDisk, life: impl AsyncFnOnce(Arc<App>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // One for all processes; another was there only from the second on.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let setup = Setup::load(&shop.path("ltvd.toml")).unwrap();
    let app = App::open_by(setup, |dir| Ledger::open_on(disk.clone(), Arc::new(disk.clone()), dir));
    let app = app.unwrap_or_else(|error| panic!("{error}: {error:?}"));
    let result = runtime.block_on(life(app));
    // Waits for all threads, so that nothing of this process touches the disk any more.
    drop(runtime);
    result
}

async fn work(app: Arc<App>, work: Work) -> Told {
    match work {
        Work::Import => import(app).await,
        Work::Pass => pass(app).await,
        Work::Webhooks => webhooks(app).await,
    }
}

async fn import(app: Arc<App>) -> Told {
    tokio::task::spawn_blocking(move || {
        let mut told = Told::default();
        for name in FILES {
            let text = file_of_sales(name, ROWS);
            let request = doors::Request {
                name,
                integration: Some("files"),
                dry_run: false,
                complete_through: None,
                bytes: Some(text.len() as u64),
            };
            match doors::import(&app, &request, text.as_bytes(), &mut |_, _, _| {}) {
                Ok(_) => drop(told.files.insert(name)),
                Err(error) => told.errors.push(error.to_string()),
            }
        }
        told
    })
    .await
    .unwrap()
}

async fn pass(app: Arc<App>) -> Told {
    match poll::sync(&app, "store", poll::Wish::default()).await {
        Ok(pass) => Told { pass: pass.complete, errors: pass.notes, ..Told::default() },
        Err(error) => Told { errors: vec![error.to_string()], ..Told::default() },
    }
}

async fn webhooks(app: Arc<App>) -> Told {
    let commits = Arc::new(Commits::new(Arc::clone(&app)));
    let router = webhook::router(Arc::clone(&app), Arc::clone(&commits), Arc::default());
    let (kept, process) = (Arc::clone(&commits), Arc::clone(&app.process));
    let committer = tokio::spawn(async move {
        process.tasks.keep(webhook::COMMITTER, || Arc::clone(&kept).run()).await;
    });
    let reader = reader(&app);
    let peer = Peer(SocketAddr::from(([127, 0, 0, 1], 1)));
    let token = app.config.integrations["hooks"].webhook_token.as_ref().unwrap().expose_secret().to_owned();
    let mut told = Told::default();
    let orders: Vec<String> = (0..WEBHOOKS).map(|number| format!("w{number}")).collect();
    for orders in orders.chunks(AT_A_TIME) {
        let answers = orders.iter().map(|order| {
            let request = Request::post(format!("/hooks/hooks/{token}"))
                .extension(peer)
                .body(Body::from(purchase(order, 0)))
                .unwrap();
            let router = router.clone();
            async move { (order, router.oneshot(request).await.unwrap()) }
        });
        for (order, answer) in futures_util::future::join_all(answers).await {
            match answer.status() {
                StatusCode::OK => drop(told.orders.insert(order.clone())),
                status => {
                    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                    assert!(answer.headers().contains_key("retry-after"));
                }
            }
        }
    }
    read_inbox(&app).await;
    reader.abort();
    drop(router);
    if app.fatal().is_some() {
        committer.abort();
    } else {
        commits.close();
        committer.await.unwrap();
    }
    told.errors.extend(app.fatal());
    told
}

/// Reads what the listener has kept.
fn reader(app: &Arc<App>) -> tokio::task::JoinHandle<()> {
    let in_force = InForce::new(Arc::clone(app));
    tokio::spawn(async move { drop(doors::inbox::run(in_force, Arc::default()).await) })
}

/// Waits until nothing waits to be read any more, or the ledger has failed.
async fn read_inbox(app: &App) {
    let read = async {
        while app.fatal().is_none() && app.ledger.pending_count().is_ok_and(|pending| pending > 0) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(BOUND, read).await.expect("the inbox is read");
    // The last commit has left the inbox a moment before its entries are in the book: whoever begins the next waits for that.
    drop(app.ledger.ingest("hooks", Door::Webhook));
}

/// What the ledger holds after everything that waits was read.
async fn held(app: Arc<App>) -> Held {
    let reader = reader(&app);
    app.process.inbox.notify_one();
    read_inbox(&app).await;
    reader.abort();
    assert_eq!(app.fatal(), None);
    let mut orders = BTreeMap::new();
    for integration in ["files", "hooks", "store"] {
        let request = Request::get(format!("/v1/entries?integration={integration}")).body(Body::empty()).unwrap();
        let answer = ltvd::api::router(Arc::clone(&app)).oneshot(request).await.unwrap();
        let text = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut of: Vec<String> = lines
            .map(|line| {
                let entry: Value = serde_json::from_slice(line).unwrap();
                assert!(entry.get("error").is_none(), "{entry}");
                format!("{} {} {}", entry["order"].as_str().unwrap(), entry["kind"], entry["total"])
            })
            .collect();
        of.sort();
        orders.insert(integration, of);
    }
    let ledger = &app.ledger;
    // Numbers may be left out: some were given to what was not kept.
    let webhooks = (1..NUMBERS)
        .filter_map(|number| ledger.delivery(number).unwrap())
        .filter(|stored| matches!(stored.delivery.what, What::Request { .. }))
        .map(|stored| String::from_utf8(stored.body).unwrap())
        .collect();
    let mut archived = BTreeSet::new();
    let mut imports = BTreeSet::new();
    for (_, sha256, import) in ledger.imports().unwrap() {
        let mut text = String::new();
        ledger.archived(&sha256).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, file_of_sales(&import.name, ROWS), "the archive has the file as it came");
        archived.insert(format!("{sha256}.zst"));
        imports.insert(import.name);
    }
    let folder = app.config.paths.data_dir.join("archive");
    let mut there: BTreeSet<String> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    // What a fault kept from its commit is set aside.
    there.remove("unknown");
    assert_eq!(there, archived, "the archive has what is named, and nothing else");
    let synced = ledger.marks("store").unwrap().synced_ms.is_some();
    Held { orders, imports, webhooks, synced, quarantined: ledger.quarantine(usize::MAX).unwrap().len() }
}

/// Order, kind and total of each row of these files, as [`held`] has them.
fn rows_of<'a>(files: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let rows = files.into_iter().flat_map(|name| (0..ROWS).map(move |row| format!("{name}{row} \"sale\" \"1.00\"")));
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

/// Holds what is there after a fault against what was acknowledged before.
fn check(held: &Held, told: &Told, undisturbed: &Held, when: &str) {
    // A file is wholly there or not at all, with its record and its archived copy.
    assert_eq!(held.orders["files"], rows_of(held.imports.iter().map(String::as_str)), "{when}");
    for file in &told.files {
        assert!(held.imports.contains(*file), "{file} was acknowledged and is lost, {when}");
    }
    // A webhook is there as it was sent, at most once, and has been read.
    let mut bodies: Vec<String> = (0..WEBHOOKS).map(|number| format!("w{number}")).collect();
    bodies.retain(|order| held.webhooks.contains(&purchase(order, 0)));
    assert_eq!(held.webhooks.len(), bodies.len(), "a webhook is there twice or in part, {when}");
    let read: Vec<String> = bodies.iter().map(|order| format!("{order} \"sale\" \"1.00\"")).collect();
    assert_eq!(held.orders["hooks"], read, "{when}");
    for order in &told.orders {
        assert!(bodies.contains(order), "{order} was acknowledged and is lost, {when}");
    }
    // Of the platform's pages there may be some, each entry once; all, where it is said to be complete.
    let all = &undisturbed.orders["store"];
    assert!(held.orders["store"].iter().all(|entry| all.contains(entry)), "{when}: {held:#?}");
    let once: BTreeSet<&String> = held.orders["store"].iter().collect();
    assert_eq!(once.len(), held.orders["store"].len(), "an entry is there twice, {when}");
    if held.synced || told.pass {
        assert_eq!((&held.orders["store"], held.synced), (all, true), "said to be complete, {when}");
    }
    assert_eq!(held.quarantined, 0, "{when}");
}

/// Lets the disk fail at every sync, and at every write or some of them, in every way. Tells how many faults were tried.
fn walk(of: Work) {
    let served = store();
    let mut random = random();
    let everything = std::env::var_os("LTVD_TEST_EVERY_WRITE").is_some();
    // How it ends if nothing goes wrong, and how many places there are to fail at.
    let (all, undisturbed, places) = {
        let (shop, disk) = (shop(&served), FaultyDisk::new(1));
        let (all, places) = process(&shop, &disk, async |app| {
            disk.fail_at(Count::Syncs, usize::MAX, Fault::Broken);
            let told = work(app, of).await;
            assert!(told.errors.is_empty(), "{told:?}");
            (told, disk.done())
        });
        (all, process(&shop, &disk, held), places)
    };
    let mut tried = 0;
    for (count, faults) in [
        (Count::Syncs, [Fault::Broken, Fault::PowerCut, Fault::PowerCut].as_slice()),
        (Count::Writes, &[Fault::Full, Fault::Short, Fault::Broken, Fault::PowerCut]),
    ] {
        let places = places[count as usize];
        let step = if count == Count::Syncs || everything { 1 } else { 19 };
        for fault in faults {
            let mut at = 1 + random(step);
            while at <= places {
                tried +=
                    usize::from(one_fault(&served, of, (&all, &undisturbed), (count, at, *fault), random(1 << 30)));
                at += step;
            }
        }
    }
    println!(
        "{{\"test\":\"storage faults\",\"work\":\"{of:?}\",\"syncs\":{},\"writes\":{},\"faults\":{tried},\"lost\":0,\"doubled\":0}}",
        places[0], places[1]
    );
    assert!(tried > 10);
}

/// True if the fault came.
fn one_fault(
    served: &Served<Store>,
    of: Work,
    (all, undisturbed): (&Told, &Held),
    (count, at, fault): (Count, usize, Fault),
    seed: usize,
) -> bool {
    let (shop, disk) = (shop(served), FaultyDisk::new(seed as u64));
    let told = process(&shop, &disk, async |app| {
        disk.fail_at(count, at, fault);
        work(app, of).await
    });
    // Threads take turns as they like, so the last places are not always reached.
    let Some(hit) = disk.hit() else { return false };
    let when = format!("after {fault:?} of {hit}, the {at}. of {count:?}, seed {seed}; it was told {:?}", told.errors);
    if told.errors.is_empty() {
        // It came when all was done, and the process about to end.
        assert_eq!(told, *all, "{when}");
    } else if matches!(fault, Fault::Full | Fault::Short) {
        assert!(told.errors.iter().any(|error| error.contains("disk is full")), "{when}");
    }
    let disk = disk.switched_on_again();
    let (found, again, mut end) = process(&shop, &disk, async |app| {
        let found = held(Arc::clone(&app)).await;
        // The same again, on a disk that works: what was not acknowledged is sent anew.
        let again = work(Arc::clone(&app), of).await;
        (found, again, held(app).await)
    });
    check(&found, &told, undisturbed, &when);
    assert_eq!(again, *all, "{when}");
    // Webhooks that came again are kept again; that they add nothing is what counts.
    end.webhooks.clone_from(&undisturbed.webhooks);
    assert_eq!(&end, undisturbed, "{when}");
    true
}

#[test]
fn an_import_survives_every_fault_of_the_disk() {
    walk(Work::Import);
}

#[test]
fn a_pass_over_a_platform_survives_every_fault_of_the_disk() {
    walk(Work::Pass);
}

#[test]
fn a_burst_of_webhooks_survives_every_fault_of_the_disk() {
    walk(Work::Webhooks);
}

#[test]
fn close_to_the_end_of_the_disk_nothing_is_taken_in_and_everything_is_answered() {
    let served = store();
    let (shop, disk) = (shop(&served), FaultyDisk::new(1));
    process(&shop, &disk, async |app| {
        let told = import(Arc::clone(&app)).await;
        assert_eq!(told.files.len(), FILES.len());
        disk.set_free(10 << 20);
        let before = disk.done()[Count::Syncs as usize];
        for of in [Work::Import, Work::Pass, Work::Webhooks] {
            let told = work(Arc::clone(&app), of).await;
            assert_eq!((told.files.len(), told.orders.len(), told.pass), (0, 0, false));
            // A webhook is told by its status.
            assert!(
                of == Work::Webhooks || told.errors.iter().any(|error| error.contains("almost full: 10 MiB are free")),
                "{told:?}"
            );
        }
        assert!(disk.done()[Count::Syncs as usize] <= before + 1, "only the record of the pass was committed");
        assert_eq!(app.fatal(), None);
        // The service manager goes on to hear that the daemon lives.
        let commits = Arc::new(Commits::new(Arc::clone(&app)));
        let committer = tokio::spawn(Arc::clone(&commits).run());
        assert!(commits.commit_nothing().await);
        commits.close();
        committer.await.unwrap().unwrap();
        let router = ltvd::api::router(Arc::clone(&app));
        let get = |target: &str| Request::get(target).body(Body::empty()).unwrap();
        let status = router.clone().oneshot(get("/v1/status")).await.unwrap();
        let status: Value = serde_json::from_slice(&to_bytes(status.into_body(), usize::MAX).await.unwrap()).unwrap();
        assert!(status["disk_full"].as_str().unwrap().contains("almost full"), "{status:#}");
        let answer = router.oneshot(get("/v1/revenue?by=month")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        // There is room again, and nobody has to do anything.
        disk.set_free(1 << 40);
        for of in [Work::Import, Work::Pass, Work::Webhooks] {
            let told = work(Arc::clone(&app), of).await;
            assert!(told.errors.is_empty(), "{told:?}");
        }
    });
}

/// A file on its way in. From some place on nothing more is free on the disk.
struct Filling<'a> {
    disk: &'a FaultyDisk,
    text: &'a [u8],
    read: usize,
    full_at: usize,
}

impl Read for Filling<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.text[self.read..]).read(buffer)?;
        self.read += count;
        if self.read >= self.full_at {
            self.disk.set_free(10 << 20);
        }
        Ok(count)
    }
}

#[test]
fn working_copies_leave_the_reserve_of_the_disk_alone() {
    const MIB: usize = 1 << 20;
    let served = store();
    let (shop, disk) = (shop(&served), FaultyDisk::new(1));
    let text = String::from("id,order,date,email,amount\n") + &"1,1,2026-01-01,ada@example.org,1.00\n".repeat(400_000);
    assert!(text.len() > 12 * MIB);
    process(&shop, &disk, async |app| {
        tokio::task::block_in_place(|| {
            let try_it = |bytes, full_at| {
                let mut source = Filling { disk: &disk, text: text.as_bytes(), read: 0, full_at };
                // A dry run writes nothing but the working copy.
                let request = doors::Request {
                    name: "f",
                    integration: Some("files"),
                    dry_run: true,
                    complete_through: None,
                    bytes,
                };
                let told = doors::import(&app, &request, &mut source, &mut |_, _, _| {}).expect_err("no room");
                assert!(told.is_disk_full() && told.is_temporary(), "{told}");
                (source.read, told.to_string())
            };
            let (read, told) = try_it(None, 2 * MIB);
            assert!(read <= 4 * MIB && told.contains("almost full: 10 MiB are free"), "{read}: {told}");
            // Where there is no room, nothing is begun.
            assert_eq!(try_it(None, 2 * MIB).0, 0);
            disk.set_free(65 << 20);
            let (read, told) = try_it(Some(text.len() as u64), usize::MAX);
            assert_eq!(read, 0);
            assert!(told.contains("has too little room: 65 MiB are free, and 78 MiB must be for this"), "{told}");
            assert_eq!(app.fatal(), None);
        });
    });
}
