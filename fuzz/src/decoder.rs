//! A connector's readers on bytes that nobody meant well. They may fail; they must not panic, nor answer what the daemon
//! would refuse.

use ltv_connector::prelude::*;
use ltv_connector::testing::{self, Ledger};
use ltv_connector::types::{NoResponse, Rows, Task};

/// What separates the parts of an input.
const PART: u8 = 0x1e;
/// What separates cells, and after the last one of a row, rows.
const CELL: u8 = 0x1f;
/// Requests that are answered with fuzzed bytes; then nobody answers.
const ANSWERS: usize = 16;
const CONTENT_TYPES: [&str; 4] =
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"];

fn context<C: Connector>() -> Context {
    let manifest = C::describe();
    let mut context = testing::context_for(&manifest).set("currency", "USD").set("url", "https://shop.example");
    for setting in &manifest.settings {
        context = context.secret(&setting.name);
    }
    context.build()
}

/// A webhook: the kind of its body, the body, and what the platform answers when it is asked.
pub fn webhook<C: Webhook + 'static>(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else { return };
    let mut parts = rest.split(|byte| *byte == PART).map(<[u8]>::to_vec);
    let content_type = CONTENT_TYPES[usize::from(*kind) % CONTENT_TYPES.len()];
    let delivery = testing::delivery(content_type, parts.next().unwrap_or_default());
    let context = context::<C>();
    let _ = C::prove(&delivery, &context);
    let mut answers = parts.take(ANSWERS);
    let platform = |_: &_| answers.next().map(|body| testing::response(200, body)).ok_or(NoResponse::Timeout);
    let _ = Ledger::new().receive_with::<C>(&delivery, &context, platform);
}

/// A window of a poll in which the platform answers these bytes.
pub fn poll<C: Poll + 'static>(input: &[u8]) {
    let context = context::<C>();
    let mut answers = input.split(|byte| *byte == PART).map(<[u8]>::to_vec).take(ANSWERS);
    let platform = |_: &_| answers.next().map(|body| testing::response(200, body)).ok_or(NoResponse::Timeout);
    let axis = C::describe().polling.map(|polling| polling.axes[0]);
    if let Some(axis) = axis {
        let task = Task::Sync(testing::window(axis, "2026-01-01", "2026-01-02"));
        let _ = Ledger::new().poll::<C>(task, &context, platform);
    }
}

/// Rows as the daemon hands them over, of every format of the connector.
pub fn csv<C: Csv>(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let context = context::<C>();
    for format in C::describe().csv_formats {
        let width = format.columns.len();
        if width == 0 {
            continue;
        }
        let cells: Vec<&str> = text.split(char::from(CELL)).collect();
        let mut rows =
            Rows { width: width as u32, text: Vec::new(), ends: Vec::new(), lines: Vec::new(), twins: Vec::new() };
        for (line, row) in cells.chunks_exact(width).enumerate() {
            for (cell, column) in row.iter().zip(&format.columns) {
                rows.text.extend(normal(cell, column).as_bytes());
                rows.ends.push(rows.text.len() as u32);
            }
            rows.lines.push(line as u32 + 2);
            rows.twins.push(0);
        }
        let names = format.columns.iter().map(|column| column.name.clone()).collect();
        let table = Table::new(names, Vec::new(), rows).expect("rows that fit the format");
        let count = table.len();
        if let Ok(batch) = C::read(&format.id, &table, &context) {
            assert!(batch.rejects.len() <= count, "more rejects than rows");
        }
    }
}

/// The daemon hands over amounts and dates in one spelling only; texts as they are.
fn normal(cell: &str, column: &ltv_connector::types::Column) -> String {
    use ltv_connector::types::ColumnContent;
    let number = || cell.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    match column.content {
        _ if cell.is_empty() => String::new(),
        ColumnContent::Text => cell.to_owned(),
        ColumnContent::Amount => {
            format!("{}{}.{:02}", if cell.starts_with('-') { "-" } else { "" }, number(), number() % 100)
        }
        ColumnContent::Date => format!("20{:02}-{:02}-{:02}", number() % 60, number() % 12 + 1, number() % 28 + 1),
        ColumnContent::Time => format!("{:02}:{:02}:{:02}", number() % 24, number() % 60, number() % 60),
    }
}
