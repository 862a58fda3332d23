//! Files, split and normalised in the simple cases.

use std::collections::HashMap;

use crate::connector::Csv;
use crate::money::{self, Mark};
use crate::table::Table;
use crate::types::{Batch, Column, ColumnContent, Context, Failure, Manifest, Rows};

/// Reads a file as the daemon would hand it to the connector, in one batch.
///
/// # Errors
/// The failure of the connector.
///
/// # Panics
/// As [`table`].
pub fn read<C: Csv>(format: &str, csv: &str, context: &Context) -> Result<Batch, Failure> {
    C::read(format, &table(&C::describe(), format, csv, context), context)
}

/// A table of a file with a header in its first line, comma as separator (semicolon or tab if the header has no comma)
/// and quotes as in RFC 4180. Headings are matched by alias, in lower case, letters and digits only.
///
/// # Panics
/// If the manifest has no such format, a required or named column is missing, or a cell cannot be normalised.
#[must_use]
pub fn table(manifest: &Manifest, format: &str, csv: &str, context: &Context) -> Table {
    let format = manifest.csv_formats.iter().find(|known| known.id == format).expect("a format of the manifest");
    let mut records = split(csv.strip_prefix('\u{feff}').unwrap_or(csv));
    assert!(!records.is_empty(), "the file has a header");
    let (_, header) = records.remove(0);
    let places: Vec<Option<usize>> = format.columns.iter().map(|column| place(column, &header, context)).collect();
    let others: Vec<usize> = match format.other_columns {
        true => (0..header.len()).filter(|at| !places.contains(&Some(*at))).collect(),
        false => Vec::new(),
    };
    let mut rows = Vec::new();
    for (line, record) in records {
        let cell = |at: usize| record.get(at).map_or("", |cell| cell.trim());
        let declared = places
            .iter()
            .zip(&format.columns)
            .map(|(place, column)| place.map_or_else(String::new, |at| normalise(column, cell(at))));
        let cells: Vec<String> = declared.chain(others.iter().map(|at| cell(*at).to_owned())).collect();
        rows.push((line, cells));
    }
    // Rows of one group come next to each other, in the order of the file.
    let keys: Vec<usize> = format
        .columns
        .iter()
        .enumerate()
        .filter(|(_, c)| format.group_by.contains(&c.name))
        .map(|(at, _)| at)
        .collect();
    if !keys.is_empty() {
        let mut first_of_group = HashMap::new();
        for (index, (_, cells)) in rows.iter().enumerate() {
            let key: Vec<String> = keys.iter().map(|at| cells[*at].clone()).collect();
            first_of_group.entry(key).or_insert(index);
        }
        rows.sort_by_key(|(_, cells)| first_of_group[&keys.iter().map(|at| cells[*at].clone()).collect::<Vec<_>>()]);
    }
    let names = format.columns.iter().map(|column| column.name.clone()).collect();
    let others = others.iter().map(|at| header[*at].clone()).collect();
    Table::new(names, others, pack(format.columns.len(), rows)).expect("rows that fit the format")
}

fn pack(columns: usize, rows: Vec<(u32, Vec<String>)>) -> Rows {
    let width = rows.first().map_or(columns, |(_, cells)| cells.len());
    let mut packed = Rows {
        width: u32::try_from(width).expect("few columns"),
        text: Vec::new(),
        ends: Vec::new(),
        lines: Vec::new(),
        twins: Vec::new(),
    };
    let mut seen: HashMap<Vec<String>, u32> = HashMap::new();
    for (line, cells) in rows {
        for cell in &cells {
            packed.text.extend(cell.as_bytes());
            packed.ends.push(u32::try_from(packed.text.len()).expect("a small file"));
        }
        packed.lines.push(line);
        let twins = seen.entry(cells).or_default();
        packed.twins.push(*twins);
        *twins += 1;
    }
    packed
}

fn squeeze(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Which column of the file this is.
fn place(column: &Column, header: &[String], context: &Context) -> Option<usize> {
    let find = |wanted: &str| header.iter().position(|heading| squeeze(heading) == squeeze(wanted));
    if let Some(heading) = column.named_by.as_deref().and_then(|setting| context.text(setting)) {
        return Some(find(heading).unwrap_or_else(|| panic!("the file has no column `{heading}`")));
    }
    // The name is the best alias, unless the author gave it another place.
    let listed = column.aliases.iter().any(|alias| squeeze(alias) == squeeze(&column.name));
    let found = Some(&column.name).filter(|_| !listed).into_iter().chain(&column.aliases).find_map(|alias| find(alias));
    assert!(found.is_some() || !column.required, "the file has no column `{}`", column.name);
    found
}

fn normalise(column: &Column, cell: &str) -> String {
    if cell.is_empty() {
        return String::new();
    }
    match column.content {
        ColumnContent::Text => cell.to_owned(),
        ColumnContent::Amount => {
            let amount = money::parse(cell, Mark::Unknown).or_else(|_| money::parse(cell, Mark::Point));
            amount.unwrap_or_else(|error| panic!("{}: {error}", column.name)).to_string()
        }
        ColumnContent::Date => match cell.split_once(' ') {
            Some((day, time)) => format!("{day}T{}", time.replace(' ', "")),
            None => cell.to_owned(),
        },
        ColumnContent::Time if cell.len() == 5 => format!("{cell}:00"),
        ColumnContent::Time => cell.to_owned(),
    }
}

/// Records with the line that each begins in. Empty lines are left out.
fn split(csv: &str) -> Vec<(u32, Vec<String>)> {
    let first = csv.lines().next().unwrap_or_default();
    let separator = [',', ';', '\t'].into_iter().find(|separator| first.contains(*separator)).unwrap_or(',');
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut begins, mut quoted) = (1, 1, false);
    let mut chars = csv.chars().peekable();
    while let Some(c) = chars.next() {
        line += u32::from(c == '\n');
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            c if quoted => cell.push(c),
            c if c == separator => record.push(std::mem::take(&mut cell)),
            '\r' => {}
            '\n' => {
                record.push(std::mem::take(&mut cell));
                records.push((begins, std::mem::take(&mut record)));
                begins = line;
            }
            c => cell.push(c),
        }
    }
    record.push(cell);
    records.push((begins, record));
    records.retain(|(_, record)| record.iter().any(|cell| !cell.is_empty()));
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{column, csv_format};

    #[test]
    fn a_file_becomes_a_table() {
        let manifest = Manifest::new("m", "M", "0.0.0").csv(
            csv_format("f", "F")
                .columns([
                    column("order").aliases(&["Order ID"]),
                    column("amount").named_by("amount_column").amount(),
                    column("date").aliases(&["Date"]).date(),
                    column("missing"),
                ])
                .group_by(&["order"])
                .other_columns(),
        );
        let csv = "\u{feff}order-id;Sum;Total;DATE\r\n1;x;\"1.234,50\";2026-04-01 10:00:00\r\n2;\"a\n\"\"b\"\"\";3;\r\n\r\n1;x;1.234,50;2026-04-01 10:00:00\r\n";
        let context = crate::testing::context().set("amount_column", "total").build();
        let table = table(&manifest, "f", csv, &context);
        let rows: Vec<_> = table.rows().collect();
        assert_eq!(rows.iter().map(|row| (row.line(), row.twin())).collect::<Vec<_>>(), [(2, 0), (6, 1), (3, 0)]);
        assert_eq!(rows[0].get("amount"), Some("1234.50"));
        assert_eq!(rows[0].get("date"), Some("2026-04-01T10:00:00"));
        assert_eq!(rows[2].other("Sum"), Some("a\n\"b\""));
        assert_eq!(rows[2].get("date"), None);
        assert_eq!(table.groups_by("order").len(), 2);
    }
}
