//! Answers as rows and columns, for CSV and for a terminal.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::calendar::Period;
use super::definition::Definition;
use super::group::Group;
use super::ltv::{CellState, LtvAnswer, LtvCell, LtvRow};
use super::revenue::{RevenueAnswer, RevenueRow};
use super::spark::sparkline;

/// A cell of a sheet.
pub(super) enum Cell {
    /// A number as we write it.
    Number(String),
    /// Text, which a spreadsheet might take for a formula.
    Text(String),
    /// Nothing.
    Empty,
}

impl Cell {
    pub(super) fn number(value: impl ToString) -> Self {
        Self::Number(value.to_string())
    }

    pub(super) fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    pub(super) fn option(value: Option<impl ToString>) -> Self {
        value.map_or(Self::Empty, Self::number)
    }

    /// As a cell of a table. Shop data must not command the terminal that shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Number(text) => text.clone(),
            Self::Text(text) => text.replace(char::is_control, " "),
            Self::Empty => String::new(),
        }
    }

    /// As a field of a CSV file (RFC 4180). Where a spreadsheet would see the begin of a formula, an apostrophe goes before it: also
    /// behind what separates cells where commas do not.
    pub(super) fn field(&self) -> String {
        let text = match self {
            Self::Number(text) => return text.clone(),
            Self::Empty => return String::new(),
            Self::Text(text) => harmless(text),
        };
        if text.contains([',', ';', '\t', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    }
}

/// Ends a cell, in one program or another.
const ENDS: [char; 4] = [';', '\t', '\r', '\n'];
/// Begins a formula.
const BEGINS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// No cell that a program may cut out of the text is a formula to it.
fn harmless(text: &str) -> String {
    let mut guarded = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for (at, letter) in text.char_indices() {
        if begins {
            // Blanks and quotes may be taken off.
            let rest = text.get(at..).unwrap_or_default().trim_start_matches([' ', '"', '\u{a0}']);
            // A text that begins with the end of a cell leaves the begin of the next to what follows.
            if rest.starts_with(BEGINS) || (at == 0 && rest.starts_with(ENDS)) {
                guarded.push('\'');
            }
        }
        guarded.push(letter);
        begins = ENDS.contains(&letter);
    }
    guarded
}

pub(super) fn csv(rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut text = String::new();
    for row in rows {
        let fields: Vec<String> = row.iter().map(Cell::field).collect();
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

pub(super) fn head(columns: &[(&str, &str)]) -> Vec<Cell> {
    columns.iter().map(|(heading, _)| Cell::text(heading)).collect()
}

/// Columns of [`to_csv`]: heading, and what it holds.
pub const LTV_COLUMNS: [(&str, &str); 12] = [
    ("cohort", "period or value of the first order, or `all`"),
    ("title", "what a product is called"),
    ("horizon", "ages that count: below so many days, `first_order` or `to_date`"),
    ("customers", "customers of the cohort"),
    ("mature", "those who are old enough: the denominator"),
    ("net", "what those have brought: the numerator; empty without them"),
    ("ltv", "`net` by `mature`; empty without `net`"),
    ("state", "`complete`, `partial` or `immature`"),
    ("currency", "of the amounts"),
    ("basis", "what goes into a value"),
    ("refunds", "which day a refund counts on"),
    ("as_of", "first day that does not count"),
];

/// Columns of [`revenue_to_csv`]: heading, and what it holds.
pub const REVENUE_COLUMNS: [(&str, &str); 13] = [
    ("period", "day, week, month or quarter, or `all`"),
    ("value", "what the row is about, if the question splits"),
    ("title", "what a product is called"),
    ("orders", "paid orders, rebills included"),
    ("rebills", "those of them that are rebills"),
    ("order_revenue", "sales that are no rebills"),
    ("rebill_revenue", "rebills"),
    ("refunds", "refunds and voids, as a positive sum"),
    ("chargebacks", "chargebacks less their reversals"),
    ("refunds_and_chargebacks", "both together"),
    ("net", "sales less refunds and chargebacks"),
    ("currency", "of the amounts"),
    ("basis", "what goes into a value"),
];

/// One line for each cohort and horizon, the total last, with the same numbers as the JSON. What is `null` there is
/// empty here.
pub fn to_csv(answer: &LtvAnswer) -> String {
    let definition = &answer.definition;
    let line = |row: &LtvRow, cell: &LtvCell| {
        vec![
            Cell::text(&row.cohort),
            row.title.as_ref().map_or(Cell::Empty, Cell::text),
            Cell::text(cell.horizon),
            Cell::number(cell.customers),
            Cell::number(cell.mature),
            Cell::option(cell.net),
            Cell::option(cell.ltv),
            Cell::text(word(&cell.state)),
            Cell::text(definition.currency),
            Cell::text(word(&definition.basis)),
            Cell::text(definition.refunds.as_ref().map(word).unwrap_or_default()),
            Cell::text(definition.as_of.as_ref().map(|as_of| crate::model::day_of(as_of.day)).unwrap_or_default()),
        ]
    };
    let rows = answer.rows.iter().chain(std::iter::once(&answer.total));
    let lines = rows.flat_map(|row| row.cells.iter().map(move |cell| line(row, cell)));
    csv(std::iter::once(head(&LTV_COLUMNS)).chain(lines))
}

/// One line for each period, the total last.
pub fn revenue_to_csv(answer: &RevenueAnswer) -> String {
    let definition = &answer.definition;
    let lines = answer.rows.iter().chain(std::iter::once(&answer.total)).map(|row| {
        let mut cells = revenue_cells(row);
        cells.push(Cell::text(definition.currency));
        cells.push(Cell::text(word(&definition.basis)));
        cells
    });
    csv(std::iter::once(head(&REVENUE_COLUMNS)).chain(lines))
}

fn revenue_cells(row: &RevenueRow) -> Vec<Cell> {
    vec![
        Cell::text(&row.period),
        row.value.as_ref().map_or(Cell::Empty, Cell::text),
        row.title.as_ref().map_or(Cell::Empty, Cell::text),
        Cell::number(row.orders),
        Cell::number(row.rebills),
        Cell::number(row.order_revenue),
        Cell::number(row.rebill_revenue),
        Cell::number(row.refunds),
        Cell::number(row.chargebacks),
        Cell::number(row.refunds_and_chargebacks),
        Cell::number(row.net),
    ]
}

/// A table for people: cohorts down, horizons across, and below it what it means and lacks.
pub fn to_table(answer: &LtvAnswer) -> String {
    let mut table = new_table();
    let names = answer.columns.iter().map(|column| match column.horizon {
        super::ltv::Horizon::Days(days) => format!("LTV {days}"),
        other => other.to_string().replace('_', " "),
    });
    let curve = "curve".to_owned();
    table.set_header(["cohort".to_owned(), "customers".to_owned()].into_iter().chain(names).chain([curve]));
    let (mut partial, mut immature) = (false, false);
    for row in answer.rows.iter().chain(std::iter::once(&answer.total)) {
        let cells = row.cells.iter().map(|cell| {
            partial |= cell.state == CellState::Partial;
            immature |= cell.state == CellState::Immature;
            match (cell.ltv, cell.state) {
                (Some(ltv), CellState::Partial) => format!("{ltv} ({})", cell.mature),
                (Some(ltv), _) => ltv.to_string(),
                (None, _) => "-".to_owned(),
            }
        });
        let curve: Vec<_> = row.cells.iter().map(|cell| cell.ltv).collect();
        let head = [label(&row.cohort, row.title.as_ref()), row.customers.to_string()];
        table.add_row(head.into_iter().chain(cells).chain([sparkline(&curve)]));
    }
    align(&mut table);
    let mut text = format!("{}\n{}", table.trim_fmt(), about(&answer.definition));
    if partial {
        text.push_str("(n): of the n customers who are old enough\n");
    }
    if immature {
        text.push_str("-: nobody is old enough, or not everybody where whole cohorts are compared\n");
    }
    let left_out = &answer.left_out;
    let mut note = |count: u64, one: &str, many: &str| {
        if count > 0 {
            text.push_str(&format!("{count} {}\n", if count == 1 { one } else { many }));
        }
    };
    note(left_out.anonymous.orders, "anonymous order is left out", "anonymous orders are left out");
    note(
        left_out.before_first_order.entries,
        "entry before a first order is left out",
        "entries before a first order are left out",
    );
    note(
        left_out.after_as_of.entries,
        "entry on or after the as-of day is left out",
        "entries on or after the as-of day are left out",
    );
    note(left_out.free_orders, "free order is left out", "free orders are left out");
    note(
        answer.tax_split_missing.sales.count,
        "sale does not split tax and is summed by total",
        "sales do not split tax and are summed by total",
    );
    note(answer.uncertain.approximate_dates, "entry has an approximate date", "entries have an approximate date");
    note(answer.uncertain.estimated, "entry has an estimated amount", "entries have an estimated amount");
    text
}

/// Periods in the sparkline of a row, its own the last.
const RECENT_PERIODS: usize = 12;
/// Periods in the sparkline of the total, the latest.
const COURSE_PERIODS: usize = 36;

/// A table for people: one line for each period.
pub fn revenue_to_table(answer: &RevenueAnswer) -> String {
    let mut table = new_table();
    let named = answer.definition.split.map_or("", |by| by.name());
    let split = answer.definition.split.is_some();
    let mut heads = Vec::from([
        "period",
        named,
        "",
        "orders",
        "rebills",
        "order rev.",
        "rebill rev.",
        "refunds",
        "chargeb.",
        "both",
        "net",
    ]);
    // Rows of several values are no course of time.
    heads.extend((!split).then_some("net so far"));
    table.set_header(heads);
    let mut course = Vec::new();
    let mut last = None;
    let by = match answer.definition.group {
        Some(Group::Period(period)) => period,
        _ => Period::Day,
    };
    for row in &answer.rows {
        let number = row.first_day.map(|day| by.number(day));
        let left_out = last.zip(number).map_or(0, |(last, number)| number.abs_diff(last).saturating_sub(1));
        // Periods in which nothing happened have no row; they are gaps.
        course.extend(std::iter::repeat_n(None, usize::try_from(left_out).unwrap_or(0).min(COURSE_PERIODS)));
        course.push(Some(row.net));
        last = number;
        let recent = course.get(course.len().saturating_sub(RECENT_PERIODS)..).unwrap_or_default();
        let line = (!split).then(|| sparkline(recent));
        table.add_row(revenue_cells(row).iter().map(Cell::shown).chain(line));
    }
    let whole = course.get(course.len().saturating_sub(COURSE_PERIODS)..).unwrap_or_default();
    let line = (!split).then(|| sparkline(whole));
    table.add_row(revenue_cells(&answer.total).iter().map(Cell::shown).chain(line));
    align(&mut table);
    format!("{}\n{}", table.trim_fmt(), about(&answer.definition))
}

/// What a cohort is called in a table: a product by its name as well.
pub(super) fn label(cohort: &str, title: Option<&String>) -> String {
    let text = title.map_or_else(|| cohort.to_owned(), |title| format!("{cohort} {title}"));
    text.replace(char::is_control, " ")
}

pub(super) fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// Numbers to the right: everything but the first column.
pub(super) fn align(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

pub(super) fn about(definition: &Definition) -> String {
    let Definition { currency, zone, basis, .. } = definition;
    let mut text = format!("{currency}, basis {}, days of {zone}", word(basis));
    if let Some(refunds) = &definition.refunds {
        text.push_str(&format!(", refunds by {}", word(refunds)));
    }
    if let Some(as_of) = &definition.as_of {
        text.push_str(&format!(", as of {} (exclusive)", crate::model::day_of(as_of.day)));
    }
    text.push('\n');
    for state in definition.integrations.iter().filter(|state| state.quarantined > 0) {
        let name = state.name.replace(char::is_control, " ");
        text.push_str(&format!(
            "{name}: {} in quarantine, and in no figure; see `ltvd quarantine list`\n",
            state.quarantined
        ));
    }
    text
}

/// The name of a fieldless variant, as in JSON.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_formula_and_numbers_stay_numbers() {
        assert_eq!(Cell::text("=HYPERLINK(\"x\")").field(), "\"'=HYPERLINK(\"\"x\"\")\"");
        for dangerous in ["+1", "-1", "@a"] {
            assert_eq!(Cell::text(dangerous).field(), format!("'{dangerous}"));
        }
        assert_eq!(Cell::text("\tx").field(), "\"'\tx\"");
        // Where a semicolon separates cells, or a line break rows, and quotes are not looked at.
        for (hidden, told) in [
            ("tea;=1+1", "\"tea;'=1+1\""),
            ("tea; \"=1+1\"", "\"tea;' \"\"=1+1\"\"\""),
            ("tea\n-1", "\"tea\n'-1\""),
            ("＝3+3", "'＝3+3"),
            (" =1", "' =1"),
            ("a-b; c", "\"a-b; c\""),
        ] {
            assert_eq!(Cell::text(hidden).field(), told);
        }
        assert_eq!(Cell::number("-12.50").field(), "-12.50");
        assert_eq!(Cell::text("a,b\nc").field(), "\"a,b\nc\"");
        assert_eq!(csv([vec![Cell::text("a"), Cell::Empty], vec![]]), "a,\r\n\r\n");
    }
}
