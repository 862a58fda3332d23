//! What is written, and how it looks.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use super::failure::Failure;

/// Writes data, with a newline at its end.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { write(b"\n") }
}

/// Writes data as it is.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Failed(format!("standard output cannot be written: {error}")),
    })
}

/// Writes JSON for people and programs alike.
pub(super) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}"))
}

/// Tells something that is no data.
pub(super) fn say(text: &str) {
    // A message that nobody can read is no reason to fail.
    let _ = writeln!(io::stderr(), "{}", plain_lines(text.trim_end()));
}

/// Tells that something should be looked at.
pub(super) fn warn(text: &str) {
    say(&format!("warning: {text}"));
}

/// A table for people.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().copied());
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    format!("{}\n", table.trim_fmt())
}

/// One line of text without characters that a terminal would obey: it may come from anywhere.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Like [`plain`], and lines stay lines.
pub(super) fn plain_lines(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// A value of an answer as a cell.
pub(super) fn cell(value: &Value, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(truth)) => if *truth { "yes" } else { "no" }.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// `1 row`, `2 rows`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_commands_the_terminal() {
        let shown = table(&["name"], [vec!["\u{1b}[31mred\nline".to_owned()]]);
        assert!(!shown.contains('\u{1b}') && shown.contains(" [31mred line"), "{shown}");
        assert_eq!(plain_lines("a\u{7}b\nc"), "a b\nc");
    }

    #[test]
    fn cells_of_any_kind_can_be_shown() {
        let value = serde_json::json!({"a": null, "b": "x", "c": 3, "d": true});
        let shown: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|member| cell(&value, member)).collect();
        assert_eq!(shown, ["-", "x", "3", "yes", "-"]);
    }
}
