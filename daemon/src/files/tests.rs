//! Whole files, from bytes to batches.

use std::collections::BTreeMap;
use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::limits::files::{BATCH_ROWS, GROUP_ROWS, RECORD_BYTES};
use crate::model::manifest::{Column, ColumnContent, CsvFormat, DateOrder, SettingValue};

fn column(name: &str, aliases: &[&str], content: ColumnContent, required: bool) -> Column {
    let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
    Column { name: name.to_owned(), aliases, named_by: None, content, required }
}

fn orders() -> CsvFormat {
    CsvFormat {
        id: "orders".to_owned(),
        name: "Orders export".to_owned(),
        columns: vec![
            column("order_id", &["order", "id"], ColumnContent::Text, true),
            column("date", &["order date"], ColumnContent::Date, true),
            column("time", &[], ColumnContent::Time, false),
            column("amount", &["price", "total"], ColumnContent::Amount, true),
            column("email", &["customer email"], ColumnContent::Text, true),
            column("tax", &[], ColumnContent::Amount, false),
        ],
        other_columns: false,
        group_by: vec!["order_id".to_owned()],
        date_order: None,
        refused: None,
    }
}

fn understand(bytes: &[u8], format: &CsvFormat, options: Options) -> Result<Plan, FileError> {
    let mut work = tempfile::tempfile().unwrap();
    let prepared = prepare(bytes, &mut work, None, &mut || Ok(()), &mut |_| ())?;
    let settings = BTreeMap::new();
    let formats = [format.clone()];
    let candidate = Candidate { integration: "shop", connector: "test", formats: &formats, settings: &settings };
    let recognised = recognise(&prepared, &work, &[candidate])?;
    Plan::scan(work, prepared, recognised, &options, &mut |_| ())
}

fn plan(text: &str) -> Result<Plan, FileError> {
    understand(text.as_bytes(), &orders(), Options::default())
}

fn refusal(text: &str) -> String {
    plan(text).unwrap_err().to_string()
}

/// Rows as (line, twins, cells).
fn rows(plan: &Plan) -> Vec<(u32, u32, Vec<String>)> {
    let mut all = Vec::new();
    for batch in plan.batches() {
        let batch = batch.unwrap();
        let width = batch.width as usize;
        assert_eq!(batch.ends.len(), width * batch.lines.len());
        assert_eq!(batch.twins.len(), batch.lines.len());
        let mut start = 0;
        for (row, ends) in batch.ends.chunks(width).enumerate() {
            let cells = ends.iter().map(|end| {
                let cell = String::from_utf8(batch.text[start..*end as usize].to_vec()).unwrap();
                start = *end as usize;
                cell
            });
            all.push((batch.lines[row], batch.twins[row], cells.collect()));
        }
        assert_eq!(start, batch.text.len());
    }
    assert_eq!(all.len() as u64, plan.rows());
    all
}

fn cells(text: &str) -> Vec<Vec<String>> {
    rows(&plan(text).unwrap()).into_iter().map(|(_, _, cells)| cells).collect()
}

const SAMPLE: &str = "\
Order ID,Order Date,Time,Price,Customer Email
\"800100\",\"03/01/2026\",\"10:00 AM\",\"$30.00\",\"ada@example.org\"
\"800101\",\"03/25/2026\",\"2:30 PM\",\"$1,020.00\",\"bo@example.org\"
";

#[test]
fn an_export_is_read_and_explained() {
    let plan = plan(SAMPLE).unwrap();
    assert_eq!(
        rows(&plan),
        [
            (2, 0, ["800100", "2026-03-01", "10:00:00", "30.00", "ada@example.org", ""].map(String::from).to_vec()),
            (3, 0, ["800101", "2026-03-25", "14:30:00", "1020.00", "bo@example.org", ""].map(String::from).to_vec()),
        ]
    );
    let summary = plan.summary();
    assert_eq!((summary.encoding, summary.delimiter, summary.header_line), (Encoding::Utf8, ',', 1));
    assert_eq!(summary.absent, ["tax"]);
    assert_eq!(summary.notation.date_order, (DateOrder::MonthFirst, Basis::File));
    assert_eq!(
        summary.notation.decimal_marks,
        [(3, DecimalMark::Point, Basis::File)],
        "a column that the file lacks needs no decision"
    );
    assert_eq!(summary.dates[0].read, "2026-03-01");
    assert_eq!(plan.raw_header().unwrap().text, SAMPLE.lines().next().unwrap());
    assert_eq!(plan.prepared().bytes, SAMPLE.len() as u64);
}

#[test]
fn every_encoding_gives_the_same_rows() {
    let text = "Order ID;Date;Total;Email\n1;2026-03-01;1.234,56 €;zoë@example.org\n";
    let expected = cells(text);
    assert_eq!(expected[0][3], "1234.56");
    let utf16 = |units: &dyn Fn(u16) -> [u8; 2], mark: bool| {
        let mut bytes: Vec<u8> = if mark { units(0xFEFF).to_vec() } else { Vec::new() };
        bytes.extend(text.encode_utf16().flat_map(units));
        bytes
    };
    let files = [
        (Encoding::Utf8Marked, [b"\xEF\xBB\xBF", text.as_bytes()].concat()),
        (Encoding::Utf16Le, utf16(&u16::to_le_bytes, true)),
        (Encoding::Utf16Be, utf16(&u16::to_be_bytes, true)),
        (Encoding::Utf16Le, utf16(&u16::to_le_bytes, false)),
        (Encoding::Utf16Be, utf16(&u16::to_be_bytes, false)),
        (Encoding::Windows1252, text.chars().map(|c| if c == '€' { 0x80 } else { c as u8 }).collect()),
    ];
    for (encoding, bytes) in files {
        let plan = understand(&bytes, &orders(), Options::default()).unwrap();
        assert_eq!(plan.prepared().encoding, encoding);
        let read: Vec<_> = rows(&plan).into_iter().map(|(_, _, cells)| cells).collect();
        assert_eq!(read, expected, "{encoding}");
    }
}

#[test]
fn the_encoding_holds_for_the_whole_file() {
    // The one byte that is not UTF-8 comes after more than one piece of reading.
    let mut bytes = b"Order ID,Date,Total,Email\n".to_vec();
    for _ in 0..20_000 {
        bytes.extend_from_slice(b"1,2026-03-01,5.00,ren\xE9e@example.org\n");
    }
    let first = bytes.iter().position(|byte| *byte == 0xE9).unwrap();
    bytes[first] = b'e';
    let plan = understand(&bytes, &orders(), Options::default()).unwrap();
    assert_eq!(plan.prepared().encoding, Encoding::Windows1252);
    assert_eq!(plan.rows(), 20_000);
    let all = rows(&plan);
    assert_eq!((all[0].2[4].as_str(), all[1].2[4].as_str()), ("renee@example.org", "renée@example.org"));
    assert_eq!(all.last().unwrap().1, 19_998, "all but the first are twins");
}

#[test]
fn the_archive_gets_the_bytes_as_they_came() {
    let bytes = b"\xFF\xFEO\0r\0d\0e\0r\0\n\0";
    let (mut archive, mut work) = (Vec::new(), tempfile::tempfile().unwrap());
    let prepared = prepare(&bytes[..], &mut work, Some(&mut archive), &mut || Ok(()), &mut |_| ()).unwrap();
    assert_eq!(archive, bytes);
    assert_eq!(prepared.sha256, *<sha2::Sha256 as sha2::Digest>::digest(bytes));
    assert_eq!(prepared.bytes, bytes.len() as u64);
}

#[test]
fn what_is_no_table_is_refused_with_advice() {
    let refuse = |bytes: &[u8]| understand(bytes, &orders(), Options::default()).unwrap_err().to_string();
    insta::assert_snapshot!(refuse(b""), @"the file is empty; export it again, and wait until the download is complete before moving it here");
    insta::assert_snapshot!(refuse(b"\xEF\xBB\xBF \r\n\n"), @"the file is empty; export it again, and wait until the download is complete before moving it here");
    insta::assert_snapshot!(refuse(b"PK\x03\x04\x14\0"), @r#"this is an Excel workbook or a ZIP archive, not a table of text; open it and save it as "CSV UTF-8"; better, export it from the platform as CSV"#);
    insta::assert_snapshot!(refuse(b"\n <!DOCTYPE html><html>"), @"this is a web page (HTML), not a table of text; the platform probably answered with its log-in page; log in and download the export again");
    insta::assert_snapshot!(refuse(b"[ {\"id\": 1}]"), @"this is JSON, not a table of text; export it from the platform as CSV");
    insta::assert_snapshot!(refuse(b"%PDF-1.7"), @"this is a PDF document, not a table of text; export it from the platform as CSV");
    insta::assert_snapshot!(refuse(b"\x1F\x8B\x08"), @"this is a gzip archive, not a table of text; unpack it and put the CSV file here");
    insta::assert_snapshot!(refuse(b"Order ID,Date\n1,\x00\n"), @"this is not a text file: it holds a zero byte at position 16; export it again as CSV");
    insta::assert_snapshot!(refuse("Order ID,Name\n1,é".as_bytes().split_last().unwrap().1), @r#"the headings fit no known kind of file. For "Orders export" of integration `shop` these columns are missing: date (headed "date" or "order date"), amount (headed "amount", "price" or "total") and email (headed "email" or "customer email"). Headings found in line 1: "Order ID", "Name". Export the kind of file that is named here, with its header row and all columns; `ltvd connector inspect test` tells all that is understood"#);
    insta::assert_snapshot!(refuse("Order ID,Name é\n1,é".as_bytes().split_last().unwrap().1), @"the file ends in the middle of a character, so the end is missing; copy or export it again");
}

#[test]
fn title_lines_and_the_line_of_excel_are_skipped() {
    let text = "sep=;\r\nOrders of my shop; March\r\n\r\nOrder ID;Date;Total;Email\r\n1;2026-03-01;5,00;a@b.c\r\n";
    let plan = plan(text).unwrap();
    assert_eq!(plan.summary().header_line, 4);
    assert_eq!(rows(&plan)[0], (5, 0, ["1", "2026-03-01", "", "5.00", "a@b.c", ""].map(String::from).to_vec()));
}

#[test]
fn line_numbers_are_those_of_the_file_with_any_line_end() {
    for end in ["\n", "\r\n", "\r"] {
        let text = "Order ID,Date,Total,Email\n\n\"1\n\n\",2026-03-01,\"5\n\",a@b.c\n2,2026-03-01,5,a@b.c\n,,,\n3,2026-03-01,x,a@b.c\n4,2026-03-01,5,a@b.c";
        let plan = plan(&text.replace('\n', end)).unwrap();
        let lines: Vec<_> = rows(&plan).into_iter().map(|(line, ..)| line).collect();
        assert_eq!(lines, [3, 7, 10], "{end:?}");
        assert_eq!(plan.summary().blank_rows, 2);
        assert_eq!(plan.bad_rows()[0].line, 9);
    }
}

#[test]
fn quotes_are_read_leniently() {
    let text = "Order ID,Date,Total,Email\n\"a \"\"b\"\", c\", 2026-03-01 ,\t5 , \"x\"y\n5\" pipe,2026-03-01,5,\"\"\n";
    let read = cells(text);
    assert_eq!((read[0][0].as_str(), read[0][4].as_str()), ("a \"b\", c", "xy"));
    assert_eq!((read[1][0].as_str(), read[1][4].as_str()), ("5\" pipe", ""));
    let kept = "Order ID,Date,Total,Email\n\"=\"\"00123\"\"\",2026-03-01,5,a\n";
    assert_eq!(cells(kept)[0][0], "00123");
}

#[test]
fn short_rows_are_padded_and_long_ones_are_bad() {
    let text = "Order ID,Date,Total,Email\n1,2026-03-01,5\n2,2026-03-01,5,a,,\n3,2026-03-01,5,a,b\n";
    let plan = plan(text).unwrap();
    assert_eq!(rows(&plan).iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [2, 3]);
    insta::assert_snapshot!(plan.bad_rows()[0].reason, @"has 5 cells, but the header has 4: perhaps a separator stands in a cell without quotes");
    assert_eq!(
        plan.raw_rows(&[4, 2, 9]).unwrap().iter().map(|row| row.text.as_str()).collect::<Vec<_>>(),
        ["1,2026-03-01,5", "3,2026-03-01,5,a,b"]
    );
}

#[test]
fn a_cell_that_cannot_be_read_costs_its_row() {
    let text = "Order ID,Date,Total,Email\n1,2026-03-01,5,a\n2,2026-02-30,5,a\n3,2026-03-01,1.5E+11,a\n4,2026-03-01,6,a\n5,2026-03-01,6,a\n";
    let plan = plan(text).unwrap();
    assert_eq!((plan.rows(), plan.bad_rows_total()), (3, 2));
    insta::assert_debug_snapshot!(plan.bad_rows(), @r#"
    [
        BadRow {
            line: 3,
            column: Some(
                "Date",
            ),
            value: Some(
                "`2026-02-30`",
            ),
            reason: "is a day that does not exist",
        },
        BadRow {
            line: 4,
            column: Some(
                "Total",
            ),
            value: Some(
                "`1.5E+11`",
            ),
            reason: "was shortened by a spreadsheet program, so digits are lost; upload the original file",
        },
    ]
    "#);
    assert_eq!(rows(&plan).len(), 3);
}

#[test]
fn a_half_written_file_is_refused() {
    insta::assert_snapshot!(refusal("Order ID,Date,Total,Email\n1,2026-03-01,5,a\n2,2026-03-01,5,\"a\nb"), @"the quote that opens in line 3 is never closed: the file was cut off there, or the quote does not belong there; copy or export the file again");
    let long = format!("Order ID,Date,Total,Email\n1,2026-03-01,5,a\n2,\"{}", "x\n".repeat(RECORD_BYTES));
    insta::assert_snapshot!(refusal(&long), @"the row that begins in line 3 is longer than 1048576 bytes, because the quote that opens in line 3 is not closed; correct that line or export the file again");
    let long = format!("Order ID,Date,Total,Email\n1,2026-03-01,5,a{}\n", "x".repeat(RECORD_BYTES));
    insta::assert_snapshot!(refusal(&long), @"the row that begins in line 2 is longer than 1048576 bytes; correct that line or export the file again");
}

#[test]
fn contradictions_and_doubts_refuse_the_file() {
    let file = |rows: &str| refusal(&format!("Order ID,Date,Total,Email\n{rows}"));
    insta::assert_snapshot!(file("1,2026-03-01,\"1,50\",a\n2,2026-03-01,1.50,a\n"), @r#"column "Total" contradicts itself: line 3 writes `1.50` with a decimal point, line 2 writes `1,50` with a decimal comma; correct one of them, or export the file again without editing it"#);
    insta::assert_snapshot!(file("1,2026-03-01,\"1,500\",a\n2,2026-03-01,20,a\n"), @r#"column "Total" can be read in two ways: `1,500` in line 2 is either a whole number with thousands or a number with three decimals, and no other row settles it; set `decimal_mark = "."` or `decimal_mark = ","` for this integration"#);
    insta::assert_snapshot!(file("1,25/03/2026,5,a\n2,03/25/2026,5,a\n"), @"the dates contradict each other: `03/25/2026` in line 3 has the month first, `25/03/2026` in line 2 has the day first; correct one of them, or export the file again without editing it");
    insta::assert_snapshot!(file("1,03/04/2026,5,a\n2,05/05/2026,5,a\n"), @r#"no date in column "Date" tells day from month: `03/04/2026` in line 2 can be read both ways; set `date_order = "month-first"` or `date_order = "day-first"` for this integration"#);
    insta::assert_snapshot!(file("1,2026-03-01,free,a\n2,2026-03-01,free,a\n3,2026-03-01,5,a\n"), @r#"column "Total" does not hold amounts: 2 of 3 cannot be read, the first in line 2: `free` is not an amount; see that the right column has this heading"#);
}

#[test]
fn options_settle_what_the_file_leaves_open() {
    let text = "Order ID,Date,Total,Email\n1,03/04/2026,\"1,500\",a\n";
    let options = Options { date_order: Some(DateOrder::DayFirst), decimal_mark: Some(DecimalMark::Comma) };
    let read = |options, format: &CsvFormat| {
        let plan = understand(text.as_bytes(), format, options).unwrap();
        let row = rows(&plan).remove(0).2;
        (row[1].clone(), row[3].clone(), plan.summary().notation.date_order.1)
    };
    assert_eq!(read(options, &orders()), ("2026-04-03".into(), "1.500".into(), Basis::Option));
    let format = CsvFormat { date_order: Some(DateOrder::MonthFirst), ..orders() };
    let options = Options { date_order: None, decimal_mark: Some(DecimalMark::Point) };
    assert_eq!(read(options, &format), ("2026-03-04".into(), "1500".into(), Basis::Format));
    // Another column settles the decimal mark; dots settle the dates, even against the format.
    let text = "Order ID,Date,Total,Email,Tax\n1,03.04.2026,\"1,500\",a,0.50\n";
    let plan = understand(text.as_bytes(), &format, Options::default()).unwrap();
    assert_eq!(rows(&plan)[0].2, ["1", "2026-04-03", "", "1500", "a", "0.50"]);
    assert_eq!(plan.summary().notation.decimal_marks[0].2, Basis::OtherColumns);
}

#[test]
fn rows_of_a_group_come_together_wherever_they_stand() {
    let mut text = String::from("Order ID,Date,Total,Email\n");
    for id in ["a", "b", "", "a", "bad", "a", "c", "", "b", "a"] {
        let amount = if id == "bad" { "x" } else { "5" };
        text.push_str(&format!("{id},2026-03-01,{amount},e\n"));
    }
    let plan = plan(&text).unwrap();
    let order: Vec<_> = rows(&plan).into_iter().map(|(line, twins, cells)| (cells[0].clone(), line, twins)).collect();
    let expected = [
        ("a", 2, 0),
        ("a", 5, 1),
        ("a", 7, 2),
        ("a", 11, 3),
        ("b", 3, 0),
        ("b", 10, 1),
        ("", 4, 0),
        ("c", 8, 0),
        ("", 9, 1),
    ];
    assert_eq!(order, expected.map(|(id, line, twins)| (id.to_owned(), line, twins)));
}

#[test]
fn a_group_is_never_split_and_never_endless() {
    let mut text = String::from("Order ID,Date,Total,Email\n");
    for row in 0..BATCH_ROWS * 3 {
        let id = if row < 10 { row } else { 10 + row / 6_000 };
        text.push_str(&format!("{id},2026-03-01,{row},e\n"));
    }
    let plan = plan(&text).unwrap();
    let sizes: Vec<_> = plan.batches().map(|batch| batch.unwrap().lines.len()).collect();
    assert_eq!(sizes, [10, 5_990, 6_000, 288]);

    let mut text = String::from("Order ID,Date,Total,Email\n7,2026-03-01,5,e\n8,2026-03-01,5,e\n");
    text.push_str(&"7,2026-03-01,5,e\n".repeat(GROUP_ROWS));
    insta::assert_snapshot!(refusal(&text), @r#"more than 65536 rows, or 67108864 bytes, have the same value `7` in column "Order ID", the first in line 2; see that the right column has this heading"#);
}

#[test]
fn columns_go_by_name_and_the_better_alias_wins() {
    let text = "Total, e-mail ,ID,\u{feff}Order_Date,Notes,Order\n5,a@b.c,7,2026-03-01,x,8\n";
    let mut format = orders();
    format.columns[4].aliases.push("E-Mail".to_owned());
    let plan = understand(text.as_bytes(), &format, Options::default()).unwrap();
    assert_eq!(rows(&plan)[0].2, ["8", "2026-03-01", "", "5", "a@b.c", ""]);
    assert_eq!(plan.summary().ignored, ["ID", "Notes"]);
    format.other_columns = true;
    let plan = understand(text.as_bytes(), &format, Options::default()).unwrap();
    assert_eq!(plan.recognised().other_headings(), ["ID", "Notes"]);
    assert_eq!(rows(&plan)[0].2, ["8", "2026-03-01", "", "5", "a@b.c", "", "7", "x"]);
}

#[test]
fn a_setting_names_a_heading() {
    let mut format = orders();
    format.columns[3].named_by = Some("amount_column".to_owned());
    let text = "Order,Date,Total,Email,Net (EUR)\n1,2026-03-01,5,a,4\n";
    let try_with = |heading: &str| {
        let mut work = tempfile::tempfile().unwrap();
        let prepared = prepare(text.as_bytes(), &mut work, None, &mut || Ok(()), &mut |_| ())?;
        let settings = BTreeMap::from([("amount_column".to_owned(), SettingValue::Text(heading.to_owned()))]);
        let formats = [format.clone()];
        let candidate = Candidate { integration: "shop", connector: "test", formats: &formats, settings: &settings };
        let recognised = recognise(&prepared, &work, &[candidate])?;
        Ok::<_, FileError>(recognised.columns[3].source)
    };
    assert_eq!(try_with("net eur").unwrap(), Some(4));
    assert_eq!(try_with(" ").unwrap(), Some(2));
    insta::assert_snapshot!(try_with("Gross").unwrap_err(), @r#"the headings fit no known kind of file. For "Orders export" of integration `shop` one column is missing: amount (setting `amount_column` says "Gross"). Headings found in line 1: "Order", "Date", "Total", "Email", "Net (EUR)". Export the kind of file that is named here, with its header row and all columns; `ltvd connector inspect test` tells all that is understood"#);
}

#[test]
fn unknown_layouts_are_explained() {
    insta::assert_snapshot!(refusal("Name,Date,Total\nAda,2026-03-01,5\n"), @r#"the headings fit no known kind of file. For "Orders export" of integration `shop` these columns are missing: order_id (headed "order_id", "order" or "id") and email (headed "email" or "customer email"). Headings found in line 1: "Name", "Date", "Total". Export the kind of file that is named here, with its header row and all columns; `ltvd connector inspect test` tells all that is understood"#);
    insta::assert_snapshot!(refusal("this is\nno table\n"), @r#"the headings fit no known kind of file. For "Orders export" of integration `shop` these columns are missing: order_id (headed "order_id", "order" or "id"), date (headed "date" or "order date"), amount (headed "amount", "price" or "total") and email (headed "email" or "customer email"). Headings found in line 1: "this is". Export the kind of file that is named here, with its header row and all columns; `ltvd connector inspect test` tells all that is understood"#);
    insta::assert_snapshot!(refusal("Order ID,Date,Total,Email,email\n1,2026-03-01,5,a,b\n"), @r#"two columns are headed "Email": the 4th and the 5th; rename or remove one of them in line 1"#);
}

#[test]
fn hostile_headers_and_cells_are_answered_quickly() {
    let wide = format!("Order ID,Date,Total,Email{}\n1,2026-03-01,5,a\n", ",x".repeat(1_000));
    insta::assert_snapshot!(refusal(&wide), @"the header in line 1 has 1004 columns, more than 1000; export fewer columns");
    let wider = format!("{}\n", ",x".repeat(RECORD_BYTES / 2 - 1)).repeat(20);
    assert!(refusal(&wider).contains("and 960 more"));
    let digits = format!("Order ID,Date,Total,Email\n1,2026-03-01,EUR {},a\n", "1".repeat(RECORD_BYTES - 100));
    assert!(refusal(&digits).contains("…` is not an amount"));
}

#[test]
fn the_format_that_knows_most_of_the_headings_wins() {
    let list = CsvFormat {
        id: "customers".to_owned(),
        name: "Customer list".to_owned(),
        columns: vec![
            column("email", &[], ColumnContent::Text, true),
            column("joined", &["date"], ColumnContent::Date, true),
            column("phone", &[], ColumnContent::Text, false),
        ],
        other_columns: false,
        group_by: Vec::new(),
        date_order: None,
        refused: Some("it holds no amounts; choose Orders in the export dialogue".to_owned()),
    };
    let formats = [list, orders()];
    let other = [orders()];
    let settings = BTreeMap::new();
    let shop = Candidate { integration: "shop", connector: "one", formats: &formats, settings: &settings };
    let twin = Candidate { integration: "outlet", connector: "two", formats: &other, settings: &settings };
    let try_file = |text: &str, candidates: &[Candidate<'_>]| {
        let mut work = tempfile::tempfile().unwrap();
        let prepared = prepare(text.as_bytes(), &mut work, None, &mut || Ok(()), &mut |_| ())?;
        recognise(&prepared, &work, candidates).map(|recognised| (recognised.candidate, recognised.format))
    };
    let export = "Order ID,Date,Total,Email\n1,2026-03-01,5,a\n";
    assert_eq!(try_file(export, &[shop]).unwrap(), (0, 1));
    insta::assert_snapshot!(try_file(export, &[shop, twin]).unwrap_err(), @"the file could belong to several integrations: `shop` (Orders export) and `outlet` (Orders export); put it into the folder of the right one: drop/shop/ or drop/outlet/");
    insta::assert_snapshot!(try_file("Email,Date,Phone\na,2026-03-01,5\n", &[shop, twin]).unwrap_err(), @r#"this looks like "Customer list", which is not taken: it holds no amounts; choose Orders in the export dialogue"#);
    insta::assert_snapshot!(try_file(export, &[]).unwrap_err(), @"no integration here reads files; add one to the configuration, or enable it");
}

#[test]
fn faults_of_the_disk_are_not_faults_of_the_file() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("cable pulled"))
        }
    }
    let mut work = tempfile::tempfile().unwrap();
    let error = prepare(Broken, &mut work, None, &mut || Ok(()), &mut |_| ()).unwrap_err();
    assert!(error.is_temporary());
    assert!(!plan("").unwrap_err().is_temporary());
    // The working copy shrinks behind our back.
    let plan = plan(SAMPLE).unwrap();
    plan.work.set_len(60).unwrap();
    let error = plan.batches().find_map(Result::err).unwrap();
    assert!(error.is_temporary(), "{error}");
}

/// A table of text with the columns of a format that has nothing else.
fn texts(group: bool) -> CsvFormat {
    CsvFormat {
        id: "t".to_owned(),
        name: "Texts".to_owned(),
        columns: ["alpha", "beta", "gamma"].map(|name| column(name, &[], ColumnContent::Text, true)).to_vec(),
        other_columns: false,
        group_by: if group { vec!["alpha".to_owned()] } else { Vec::new() },
        date_order: None,
        refused: None,
    }
}

fn quote(cell: &str, always: bool, delimiter: char) -> String {
    if always || cell.contains([delimiter, '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_table_reads_back_equal(
        table in prop::collection::vec(prop::array::uniform3("[a-c\"',;|\t\r\n é€-]{0,6}"), 1..40),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        always: bool,
        encoding in 0..4,
        last_end: bool,
    ) {
        let mut text = ["alpha", "beta", "gamma"].join(&delimiter.to_string()) + end;
        for row in &table {
            let cells = row.iter().map(|cell| quote(cell, always, delimiter)).collect::<Vec<_>>();
            text += &(cells.join(&delimiter.to_string()) + end);
        }
        if !last_end {
            text.truncate(text.len() - end.len());
        }
        let bytes: Vec<u8> = match encoding {
            0 => text.clone().into_bytes(),
            1 => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            2 => "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
            _ => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
        };
        let plan = understand(&bytes, &texts(false), Options::default()).unwrap();
        let read: Vec<_> = rows(&plan).into_iter().map(|(_, _, cells)| cells).collect();
        let trimmed = table.iter().map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
        let expected: Vec<_> = trimmed.filter(|row| row.iter().any(|cell| !cell.is_empty())).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn grouping_loses_nothing_and_keeps_order(
        table in prop::collection::vec(("[a-e]?", "[xy]", "[xy]"), 1..120),
    ) {
        let mut text = String::from("alpha,beta,gamma\n");
        for (alpha, beta, gamma) in &table {
            text += &format!("{alpha},{beta},{gamma}\n");
        }
        let plan = understand(text.as_bytes(), &texts(true), Options::default()).unwrap();
        // The plain way to do the same.
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        for (row, (alpha, ..)) in table.iter().enumerate() {
            match groups.iter_mut().find(|(key, _)| !key.is_empty() && key == alpha) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((alpha.clone(), vec![row])),
            }
        }
        let twins = |row: usize| table[..row].iter().filter(|other| **other == table[row]).count();
        let expected: Vec<_> = groups
            .into_iter()
            .flat_map(|(_, rows)| rows)
            .map(|row| (row as u32 + 2, twins(row) as u32, vec![table[row].0.clone(), table[row].1.clone(), table[row].2.clone()]))
            .collect();
        prop_assert_eq!(rows(&plan), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), header: bool) {
        let mut file = if header { b"Order ID,Date,Time,Total,Email\n".to_vec() } else { Vec::new() };
        file.extend(bytes);
        if let Ok(plan) = understand(&file, &orders(), Options::default()) {
            prop_assert!(plan.batches().all(|batch| batch.is_ok()));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "([0-9/:.,;\" \r\n-]|AM|Mar|T|Z|é){0,120}") {
        let file = format!("Order ID,Date,Time,Total,Email\n{text}");
        if let Ok(plan) = plan(&file) {
            let read = rows(&plan);
            prop_assert_eq!(read.len() as u64, plan.rows());
        }
    }
}
