//! Files as people really drop them: of the wrong kind, cut off, saved by a spreadsheet, edited by hand. What the owner of
//! the shop reads about them is kept as snapshots.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::kit::{BOUND, Report, Shop, plain, wait_until};

const GENERIC: &str = "[integrations.shop]\nconnector = \"generic\"\n";
const HEAD: &str = "date,email,amount,currency,id,product\n";

/// A good row.
fn row(number: usize) -> String {
    format!("2026-03-{:02},buyer{number}@example.org,10.00,USD,t-{number},Tea\n", number % 28 + 1)
}

fn rows(count: usize) -> String {
    (0..count).map(row).collect()
}

/// Drops all files at once, and gives their reports in order.
#[track_caller]
fn import_all(shop: &Shop, files: &[(&str, &[u8])]) -> Vec<Report> {
    for (name, bytes) in files {
        shop.drop_file("shop", name, bytes);
    }
    files.iter().map(|(name, _)| shop.wait_for_report("shop", name)).collect()
}

/// What the owner reads about a file that was refused.
#[track_caller]
fn refused(report: &Report) -> &str {
    assert!(!report.done, "{}", report.text);
    report.text.split_once("\n\n").expect("a headline and the reason").1.trim_end()
}

/// Lines of a report that begin with one of these words.
fn lines(report: &str, words: &[&str]) -> String {
    let wanted = |line: &&str| words.iter().any(|word| line.trim_start().starts_with(word));
    report.lines().filter(wanted).collect::<Vec<_>>().join("\n")
}

/// How much is in the ledger.
fn entries(shop: &Shop) -> u64 {
    shop.status()["entries"].as_u64().expect("a number")
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once('\u{feff}').chain(text.chars()).collect::<String>().encode_utf16().flat_map(unit).collect()
}

#[test]
fn a_file_of_another_kind_is_named() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let noise: Vec<u8> = (0..5_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let nul = format!("{HEAD}2026-03-01,a\0@example.org,10.00,USD,t-1,Tea\n");
    let reports = import_all(
        &shop,
        &[
            ("orders.xlsx", b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0[Content_Types].xml"),
            ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\0\0"),
            ("orders.pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"),
            ("download.csv", b"<!DOCTYPE html>\n<html><title>Log in</title></html>\n"),
            ("orders.json", b"[{\"date\": \"2026-03-01\"}]\n"),
            ("orders.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
            ("noise.csv", &noise),
            ("nul.csv", nul.as_bytes()),
        ],
    );
    let told: String = reports.iter().fold(String::new(), |mut told, report| {
        let name = report.text.split(':').next().expect("the name of the file");
        writeln!(told, "{name}: {}", refused(report)).expect("a string takes it");
        told
    });
    assert_snapshot!(told, @r#"
    orders.xlsx: this is an Excel workbook or a ZIP archive, not a table of text; open it and save it as "CSV UTF-8"; better, export it from the platform as CSV
    old.xls: this is an Excel workbook, not a table of text; open it and save it as "CSV UTF-8"; better, export it from the platform as CSV
    orders.pdf: this is a PDF document, not a table of text; export it from the platform as CSV
    download.csv: this is a web page (HTML), not a table of text; the platform probably answered with its log-in page; log in and download the export again
    orders.json: this is JSON, not a table of text; export it from the platform as CSV
    orders.csv.gz: this is a gzip archive, not a table of text; unpack it and put the CSV file here
    noise.csv: this is not a text file: it holds a zero byte at position 0; export it again as CSV
    nul.csv: this is not a text file: it holds a zero byte at position 50; export it again as CSV
    "#);
    assert_eq!(entries(&shop), 0);
}

#[test]
fn a_file_without_rows_says_so() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let reports =
        import_all(&shop, &[("empty.csv", b""), ("blank.csv", b"\r\n \r\n\r\n"), ("header.csv", HEAD.as_bytes())]);
    assert_snapshot!(refused(&reports[0]), @"the file is empty; export it again, and wait until the download is complete before moving it here");
    assert_eq!(refused(&reports[1]), refused(&reports[0]));
    assert!(reports[2].done);
    assert_snapshot!(lines(&reports[2].text, &["header", "rows", "note"]), @"
    header.csv: imported
      rows         0
      note: there is a header and no row below it; if that is a surprise, look at the dates of the export
    ");
}

#[test]
fn an_unknown_layout_is_told_with_the_nearest_and_what_it_lacks() {
    let shop = Shop::new("[integrations.shop]\nconnector = \"samcart\"\ncurrency = \"USD\"\n");
    let _daemon = shop.start();
    let reports = import_all(
        &shop,
        &[
            ("widgets.csv", b"Order ID,Customer Email,Price\n1,a@example.org,10\n"),
            ("prose.csv", b"Dear shop owner,\nthis is not a table.\n"),
            ("customers.csv", b"First Name,Last Name,Email,Phone,Customer Since,Lifetime Value\nA,B,a@example.org,,03/01/2026,$60.00\n"),
        ],
    );
    assert_snapshot!(reports[0].text, @r#"
    widgets.csv: refused, nothing was imported

    the headings fit no known kind of file. For "Orders export" of integration `shop` one column is missing: date (headed "Order Date", "Date", "Created At", "Charge Date" or 2 others). Headings found in line 1: "Order ID", "Customer Email", "Price". Export the kind of file that is named here, with its header row and all columns; `ltvd connector inspect samcart` tells all that is understood
    "#);
    assert_snapshot!(refused(&reports[1]), @r#"the headings fit no known kind of file. For "Recurring Subscriptions export" of integration `shop` these columns are missing: subscription_id (headed "Subscription ID", "ID" or "Subscription"), status (headed "Status" or "Subscription Status") and email (headed "Customer Email", "Email", "Email Address" or "Buyer Email"). Headings found in line 1: "Dear shop owner". Export the kind of file that is named here, with its header row and all columns; `ltvd connector inspect samcart` tells all that is understood"#);
    assert_snapshot!(refused(&reports[2]), @r#"this looks like "Customers export", which is not taken: This is a list of customers or leads. It says who bought, not what was paid when, so nothing can be counted from it. Export Orders in SamCart (Reports or Orders > Export, range All Time) and import that file."#);
}

#[test]
fn a_file_in_the_wrong_folder_is_refused_or_adds_nothing() {
    let shop = Shop::new(&format!(
        "{GENERIC}\n[integrations.tea]\nconnector = \"thrivecart\"\n\n[integrations.cups]\nconnector = \"thrivecart\"\n"
    ));
    let _daemon = shop.start();
    let subscriptions = b"Subscription ID,Status,Customer Email,Product Name,Start Date,Rebill Amount,Interval\n\
        5500,active,ada@example.org,Tea club,2026-01-31,30.00,month\n";
    assert_snapshot!(refused(&shop.import("shop", "subscriptions.csv", subscriptions)), @r#"the headings fit no known kind of file. For "One row for each sale, refund or chargeback" of integration `shop` these columns are missing: date (headed "date", "Transaction Date", "Paid At", "Date Paid" or 13 others) and amount (headed "amount", "Total", "Order Total", "Grand Total" or 5 others). Headings found in line 1: "Subscription ID", "Status", "Customer Email", "Product Name", "Start Date", "Rebill Amount", "Interval". Export the kind of file that is named here, with its header row and all columns; `ltvd connector inspect generic` tells all that is understood"#);
    // In the right folder it is understood, and adds no money.
    let report = shop.import("tea", "subscriptions.csv", subscriptions).ok();
    assert_snapshot!(lines(&report, &["layout", "rows", "read ", "left out", "entries", "note"]), @"
    layout       Recurring Subscriptions
    read as      UTF-8, separator `,`, header in line 1
    rows         1
      read       0
      left out   1
    entries      0 new, 0 changed, 0 known
    note: 1 subscriptions show 0 payments (1 of them show no number); no payments were made up from them. Payments come from order and transaction files and from webhooks; `estimate_rebills = true` computes missing rebills
    ");
    // Without a folder two integrations could take it.
    assert_snapshot!(refused(&shop.import("", "subscriptions.csv", subscriptions)), @"the file could belong to several integrations: `cups` (Recurring Subscriptions) and `tea` (Recurring Subscriptions); put it into the folder of the right one: drop/cups/ or drop/tea/");
    assert_eq!(entries(&shop), 0);
}

#[test]
fn a_file_that_was_cut_off_is_refused_whole() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let half = format!("{HEAD}{}2026-03-05,\"half@example.org,10", rows(3));
    let character =
        format!("{HEAD}2026-03-05,a@example.org,10,EUR,t-8,Caf\u{e9}\n2026-03-05,a@example.org,10,EUR,t-9,Caf\u{e9}");
    let reports = import_all(
        &shop,
        &[("quote.csv", half.as_bytes()), ("letter.csv", &character.as_bytes()[..character.len() - 1])],
    );
    assert_snapshot!(reports[0].text, @"
    quote.csv: refused, nothing was imported

    the quote that opens in line 5 is never closed: the file was cut off there, or the quote does not belong there; copy or export the file again
    ");
    assert_snapshot!(refused(&reports[1]), @"the file ends in the middle of a character, so the end is missing; copy or export it again");
    assert_eq!(entries(&shop), 0);
}

#[test]
fn a_file_that_still_grows_is_left_alone_until_it_has_settled() {
    let shop = Shop::empty();
    shop.configure_with("settle_s = 1\nscan_s = 1", GENERIC);
    let _daemon = shop.start();
    let folder = shop.path("drop/shop");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("slow.csv");
    // Written as a slow copy would: the name is there from the start, and every part is a table by itself.
    fs::write(&path, HEAD).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let start = Instant::now();
    let mut written = 0;
    while start.elapsed() < Duration::from_millis(2_500) {
        file.write_all(row(written).as_bytes()).unwrap();
        written += 1;
        assert!(path.is_file(), "taken after {:?}, while it was written", start.elapsed());
        sleep(Duration::from_millis(50));
    }
    let report = shop.wait_for_report("shop", "slow.csv").ok();
    assert!(report.contains(&format!("entries      {written} new")), "{written} rows\n{report}");
}

#[test]
fn every_encoding_reads_the_same_figures_and_names() {
    let shop = Shop::new(&format!("[report]\ncurrency = \"EUR\"\n\n{GENERIC}"));
    let _daemon = shop.start();
    let table = |buyer: &str| {
        format!("date,email,amount,currency,id,product\n2026-03-01,{buyer}@example.org,12.50,EUR,{buyer},Café Crème\n")
    };
    let latin: Vec<u8> = table("windows").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let files: [(&str, Vec<u8>); 5] = [
        ("utf8", table("utf8").into_bytes()),
        ("bom", format!("\u{feff}{}", table("bom")).into_bytes()),
        ("windows", latin),
        ("little", utf16(&table("little").replace(',', "\t"), u16::to_le_bytes)),
        ("big", utf16(&table("big"), u16::to_be_bytes)),
    ];
    let named: Vec<_> = files.iter().map(|(buyer, bytes)| (format!("{buyer}.csv"), bytes)).collect();
    let named: Vec<_> = named.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let read: Vec<_> = import_all(&shop, &named).into_iter().map(|report| lines(&report.ok(), &["read as"])).collect();
    assert_snapshot!(read.join("\n"), @"
    read as      UTF-8, separator `,`, header in line 1
    read as      UTF-8 with byte-order mark, separator `,`, header in line 1
    read as      Windows-1252, separator `,`, header in line 1
    read as      UTF-16 (little endian), separator tab, header in line 1
    read as      UTF-16 (big endian), separator `,`, header in line 1
    ");
    for (buyer, _) in files {
        let customer = shop.get(&format!("/v1/customers/{buyer}@example.org")).ok().json();
        let entry = &customer["entries"][0];
        assert_eq!((&entry["total"], &entry["products"][0]), (&"12.50".into(), &"Café Crème".into()), "{buyer}");
    }
}

#[test]
fn separators_and_marks_of_other_countries_are_understood() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let german = "Datum;date;email;amount;currency;id\n\
        x;31.03.2026;a@example.org;1.234,56 €;EUR;g-1\nx;01.04.2026;a@example.org;-34,5;EUR;g-2\n";
    let tabs = "date\temail\tamount\tcurrency\tid\n2026-03-31\tb@example.org\t$1,234.56\tUSD\tu-1\n";
    let reports = import_all(&shop, &[("german.csv", german.as_bytes()), ("tabs.txt", tabs.as_bytes())]);
    let words = ["read as", "dates ", "line", "not used", "EUR", "USD"];
    let told: Vec<_> = reports.into_iter().map(|report| lines(&report.ok(), &words)).collect();
    assert_snapshot!(told.join("\n\n"), @"
    read as      UTF-8, separator `;`, header in line 1
    dates        day before month, as values above 12 show
                 line 2: `31.03.2026` is 2026-03-31
                 line 3: `01.04.2026` is 2026-04-01
    not used     Datum
    EUR refund                    1 entry              34.50
    EUR sale                      1 entry            1234.56

    read as      UTF-8, separator tab, header in line 1
                 line 2: `2026-03-31` is 2026-03-31
    USD sale                      1 entry            1234.56
    ");
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_until_the_owner_says_which() {
    let shop = Shop::new(GENERIC);
    let dates = b"date,email,amount,currency,id\n03/04/2026,a@example.org,10.00,USD,t-1\n";
    let amounts = b"date,email,amount,currency,id\n2026-03-04,a@example.org,\"1,234\",EUR,t-2\n";
    let contradiction =
        b"date,email,amount,currency,id\n03/14/2026,a@example.org,10.00,USD,t-3\n15/03/2026,a@example.org,10.00,USD,t-4\n";
    let both_marks =
        b"date,email,amount,currency,id\n2026-03-04,a@example.org,12.50,USD,t-5\n2026-03-04,a@example.org,\"13,50\",USD,t-6\n";
    let daemon = shop.start();
    let reports = import_all(
        &shop,
        &[
            ("dates.csv", dates),
            ("amounts.csv", amounts),
            ("contradiction.csv", contradiction),
            ("both-marks.csv", both_marks),
        ],
    );
    assert_snapshot!(refused(&reports[0]), @r#"no date in column "date" tells day from month: `03/04/2026` in line 2 can be read both ways; set `date_order = "month-first"` or `date_order = "day-first"` for this integration"#);
    assert_snapshot!(refused(&reports[1]), @r#"column "amount" can be read in two ways: `1,234` in line 2 is either a whole number with thousands or a number with three decimals, and no other row settles it; set `decimal_mark = "."` or `decimal_mark = ","` for this integration"#);
    assert_snapshot!(refused(&reports[2]), @"the dates contradict each other: `03/14/2026` in line 2 has the month first, `15/03/2026` in line 3 has the day first; correct one of them, or export the file again without editing it");
    assert_snapshot!(refused(&reports[3]), @r#"column "amount" contradicts itself: line 2 writes `12.50` with a decimal point, line 3 writes `13,50` with a decimal comma; correct one of them, or export the file again without editing it"#);
    assert_eq!(entries(&shop), 0);
    daemon.stop();

    // What the messages advise works.
    shop.configure(&format!("{GENERIC}date_order = \"day-first\"\ndecimal_mark = \".\"\n"));
    let _daemon = shop.start();
    let reports = import_all(&shop, &[("dates-again.csv", dates), ("amounts-again.csv", amounts)]);
    let told: Vec<_> =
        reports.into_iter().map(|report| lines(&report.ok(), &["dates ", "line", "EUR", "USD"])).collect();
    assert_snapshot!(told.join("\n"), @"
    dates        day before month, as configured
                 line 2: `03/04/2026` is 2026-04-03
    USD sale                      1 entry              10.00
                 line 2: `2026-03-04` is 2026-03-04
    EUR sale                      1 entry            1234.00
    ");
}

#[test]
fn a_bad_row_waits_in_quarantine_while_the_others_count() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let bad = "2026-03-05,bad@example.org,ten dollars,USD,t-bad,\"Tea, black\"\n";
    let file = format!("{HEAD}{}{bad}{}", rows(60), (60..100).map(row).collect::<String>());
    let report = shop.import("shop", "orders.csv", file.as_bytes()).ok();
    let (_, told) = report.split_once("\n\n").expect("what became of the rows");
    assert_snapshot!(told, @"
      rows         101
        read       100
        left out   0
        refused    1
      entries      100 new, 0 changed, 0 known
      USD sale                    100 entries          1000.00
      from         2026-03-01 12:00 to 2026-03-28 12:00 (UTC)

    rows that cannot be read:
      line 62, amount: `ten dollars` is not an amount
    ");
    let listed = shop.cli(["quarantine", "list"]);
    assert_snapshot!(plain(&shop, &listed.stdout), @"
    delivery 2, line 62, shop, file, [time], field amount
        `ten dollars` is not an amount
    ");
    assert_snapshot!(listed.stderr, @"1 delivery or row waits; see one with `ltvd quarantine show DELIVERY`, and read it again with `ltvd quarantine retry DELIVERY`");
    let waits = &shop.get("/v1/quarantine").ok().json()["quarantine"];
    assert_eq!(waits[0]["raw"], bad.trim_end());
    assert_eq!(waits[1], serde_json::Value::Null);
    assert_eq!(entries(&shop), 100);
}

#[test]
fn too_many_bad_rows_refuse_the_whole_file() {
    let shop =
        Shop::new(&format!("{GENERIC}\n[integrations.strict]\nconnector = \"generic\"\nbad_rows = \"reject-file\"\n"));
    let _daemon = shop.start();
    let bad = "2026-03-05,bad@example.org,ten dollars,USD,t-bad,Tea\n";
    let five = format!("{HEAD}{}{}", rows(60), bad.repeat(5));
    let short = format!("{HEAD}{}2026-03-05,a@example.org\n2026-03-05,a@example.org,10,USD,t,Tea,more\n", rows(2));
    let one = format!("{HEAD}2026-03-05,a@example.org,10.00,,t-1,Tea\n");
    let reports = import_all(
        &shop,
        &[("five.csv", five.as_bytes()), ("short.csv", short.as_bytes()), ("one.csv", one.as_bytes())],
    );
    assert_snapshot!(reports[0].text, @"
    five.csv: refused, nothing was imported

    5 of 65 rows cannot be read, more than `bad_rows_max_percent = 2` allows: is this the right file?

    rows that cannot be read:
      line 62, amount: `ten dollars` is not an amount
      line 63, amount: `ten dollars` is not an amount
      line 64, amount: `ten dollars` is not an amount
      line 65, amount: `ten dollars` is not an amount
      line 66, amount: `ten dollars` is not an amount
    ");
    assert_snapshot!(refused(&reports[1]), @"
    2 of 4 rows cannot be read, more than `bad_rows_max_percent = 2` allows: is this the right file?

    rows that cannot be read:
      line 4, amount: is empty
      line 5: has 7 cells, but the header has 6: perhaps a separator stands in a cell without quotes
    ");
    assert_snapshot!(refused(&reports[2]), @"
    the only row cannot be read; see the reasons, and whether this is the right file

    rows that cannot be read:
      line 2, currency (id t-1): is empty, and the setting `currency` is not set
    ");
    // An owner who wants no bad row gets none, and no good one of the same file either.
    let report = shop.import("strict", "orders.csv", format!("{HEAD}{}{bad}", rows(99)).as_bytes());
    assert_snapshot!(refused(&report), @r#"
    1 of 100 rows cannot be read, and `bad_rows = "reject-file"` wants none; mend them and drop the file again

    rows that cannot be read:
      line 101, amount: `ten dollars` is not an amount
    "#);
    assert_eq!(entries(&shop), 0);
    assert_eq!(shop.status()["quarantined"], 0);
}

#[test]
fn tables_of_odd_shape() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let wide = |columns: usize| {
        let more: String = (0..columns).fold(String::new(), |mut more, column| {
            write!(more, ",c{column}").expect("a string takes it");
            more
        });
        format!("{}{more}\n{}{}\n", HEAD.trim_end(), row(1).trim_end(), ",".repeat(columns))
    };
    let long = format!("{HEAD}2026-03-01,long@example.org,10.00,USD,t-long,{}\n", "x".repeat(1 << 20));
    let twice = format!("{HEAD}{}{HEAD}{}", row(2), row(3));
    let same = b"date,email,amount,currency,Amount\n2026-03-01,a@example.org,10,USD,11\n";
    let reports = import_all(
        &shop,
        &[
            ("300.csv", wide(300).as_bytes()),
            ("3000.csv", wide(3_000).as_bytes()),
            ("long.csv", long.as_bytes()),
            ("twice.csv", twice.as_bytes()),
            ("same.csv", same),
        ],
    );
    assert_snapshot!(lines(&reports[0].text, &["not used", "entries"]), @"
    not used     c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22, c23, c24, c25, c26, c27, c28, c29, c30, c31, c32, c33, c34, c35, c36, c37, c38, c39 and 260 more
    entries      1 new, 0 changed, 0 known
    ");
    assert_snapshot!(refused(&reports[1]), @"the header in line 1 has 3006 columns, more than 1000; export fewer columns");
    assert_snapshot!(refused(&reports[2]), @"the row that begins in line 2 is longer than 1048576 bytes; correct that line or export the file again");
    assert_snapshot!(lines(&reports[3].text, &["rows", "read ", "refused", "line 3", "entries"]), @"
      read as      UTF-8, separator `,`, header in line 1
      rows         3
        read       2
        refused    1
      entries      2 new, 0 changed, 0 known
    rows that cannot be read:
      line 3, date: `date` is not a date
    ");
    assert_snapshot!(refused(&reports[4]), @r#"two columns are headed "amount": the 3rd and the 5th; rename or remove one of them in line 1"#);
}

#[test]
fn what_a_file_holds_commands_neither_spreadsheet_nor_terminal() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let file = format!("{HEAD}2026-03-01,=cmd@example.org,10.00,USD,@t-1,=cmd|' /C calc'!A0 \u{1b}]0;owned\u{7}\n");
    shop.import("shop", "=cmd.csv", file.as_bytes()).ok();
    for question in
        ["/v1/revenue?format=csv", "/v1/ltv?format=csv&horizons=30", "/v1/ltv?format=csv&horizons=30&group=all"]
    {
        let Ok(answer) = crate::kit::http::try_send(shop.api, "GET", question, &[], &[]) else { panic!("{question}") };
        let begins_a_formula = |cell: &str| cell.starts_with(['=', '@', '+']) || cell.contains("cmd");
        assert!(!answer.text().split([',', '\n']).any(begins_a_formula), "{question}: {}", answer.text());
    }
    let shown = shop.cli(["customer", "=cmd@example.org"]).ok();
    assert!(shown.contains("=cmd|"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
}

#[test]
fn files_that_lie_where_nobody_reads_are_told() {
    let shop = Shop::new(&format!("{GENERIC}\n[integrations.old]\nconnector = \"generic\"\nenabled = false\n"));
    let _daemon = shop.start();
    let file = format!("{HEAD}{}", rows(1));
    shop.drop_file("shpo", "orders.csv", file.as_bytes());
    assert_snapshot!(refused(&shop.import("old", "orders.csv", file.as_bytes())), @"integration `old` is disabled; set `enabled = true` under [integrations.old]");
    let told = wait_until("the unknown folder is told", BOUND, || {
        let told = shop.cli(["status"]).ok();
        told.contains("shpo").then_some(told)
    });
    let (_, told) = told.split_once("not taken").expect("what was not taken");
    assert_snapshot!(told, @"
    from the drop folder:
     old/failed/orders.csv: refused; see the report beside it
     shpo: no integration has the name of this folder; its files are not read
    ");
    assert!(shop.path("drop/shpo/orders.csv").is_file());
    // Somebody puts it right.
    fs::remove_dir_all(shop.path("drop/shpo")).unwrap();
    wait_until("the unknown folder is forgotten", BOUND, || {
        (!shop.cli(["status"]).ok().contains("shpo")).then_some(())
    });
}

#[test]
fn a_second_file_of_the_same_name_is_kept_beside_the_first() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    shop.import("shop", "orders.csv", format!("{HEAD}{}", rows(1)).as_bytes()).ok();
    shop.drop_file("shop", "orders.csv", format!("{HEAD}{}", rows(2)).as_bytes());
    let done = shop.path("drop/shop/done");
    wait_until("the second file is put away", BOUND, || done.join("orders-2.csv").is_file().then_some(()));
    let report = |name: &str| lines(&fs::read_to_string(done.join(name)).unwrap(), &["orders.csv", "entries"]);
    assert_snapshot!(report("orders.csv.report.txt"), @"
    orders.csv: imported
      entries      1 new, 0 changed, 0 known
    ");
    assert_snapshot!(report("orders-2.csv.report.txt"), @"
    orders.csv: imported
      entries      1 new, 0 changed, 1 known
    ");
}

#[test]
fn a_file_that_cannot_be_opened_stays_and_is_told() {
    let shop = Shop::new(GENERIC);
    let path = shop.path("drop/shop/private.csv");
    fs::create_dir_all(shop.path("drop/shop")).unwrap();
    fs::write(&path, format!("{HEAD}{}", rows(1))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read(&path).is_ok() {
        eprintln!("not tested: whoever runs this may read every file");
        return;
    }
    let _daemon = shop.start();
    let told = wait_until("the file is told", BOUND, || {
        let told = shop.cli(["status"]).ok();
        told.contains("private.csv").then_some(told)
    });
    assert!(told.contains("Permission denied"), "{told}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    shop.wait_for_report("shop", "private.csv").ok();
}

#[test]
fn a_file_that_goes_away_while_it_is_read_harms_nothing() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    for pause in [0, 20, 100, 300] {
        let name = format!("gone-{pause}.csv");
        shop.drop_file("shop", &name, format!("{HEAD}{}", rows(20_000)).as_bytes());
        sleep(Duration::from_millis(pause));
        // The daemon may have been quicker.
        let _ = fs::remove_file(shop.path("drop/shop").join(&name));
    }
    let report = shop.import("shop", "stays.csv", format!("{HEAD}{}", row(30_000)).as_bytes()).ok();
    assert!(report.contains("entries      1 new"), "{report}");
    let told = wait_until("nothing is told of files that are gone", BOUND, || {
        let told = shop.cli(["status"]).ok();
        (!told.contains("gone-")).then_some(told)
    });
    assert!(!told.contains("not taken"), "{told}");
}
