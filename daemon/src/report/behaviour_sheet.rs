//! Answers about behaviour as rows and columns, for CSV and for a terminal.

use super::cohorts::{CohortRow, CohortsAnswer, Gaps};
use super::definition::Definition;
use super::payback::{PaybackAnswer, PaybackRow};
use super::sheet::{Cell, about, align, csv, head, label, new_table};
use super::survival::{SurvivalAnswer, SurvivalRow};
use crate::model::day_of;

/// Columns of [`cohorts_to_csv`]: heading, and what it holds. One line for each figure.
pub const COHORTS_COLUMNS: [(&str, &str); 9] = [
    ("cohort", "period or value of the first order, or `all`"),
    ("title", "what a product is called"),
    ("figure", "name of the figure, as in JSON; a dot before its part"),
    ("at", "horizon in days, or number of the period, for figures that have one"),
    ("part", "the numerator, where the figure is a share or a mean of days"),
    ("of", "the denominator, where the figure is a share or a mean of days"),
    ("value", "the figure; empty where it is `null`"),
    ("currency", "of the amounts"),
    ("as_of", "first day that does not count"),
];

/// Columns of [`survival_to_csv`]: heading, and what it holds.
pub const SURVIVAL_COLUMNS: [(&str, &str); 9] = [
    ("cohort", "period or value of the first order, or `all`"),
    ("title", "what a product is called"),
    ("customers", "customers of the cohort"),
    ("cycle", "1 for the first rebill"),
    ("charged", "customers who were charged for it"),
    ("due", "customers who were charged for the one before and whose charge was due"),
    ("share", "`charged` by `due`; empty where nobody is due"),
    ("survival", "product of the shares up to here; empty from where nobody is due"),
    ("as_of", "first day that does not count"),
];

/// Columns of [`payback_to_csv`]: heading, and what it holds.
pub const PAYBACK_COLUMNS: [(&str, &str); 11] = [
    ("cohort", "period or value of the first order, or `all`"),
    ("title", "what a product is called"),
    ("customers", "customers of the cohort"),
    ("cac", "what one of them cost; empty if that is not told"),
    ("cost", "what all of them cost"),
    ("net", "what all of them have brought by the last mature day"),
    ("last_mature_day", "the last age that all of them have lived through"),
    ("first_reached_day", "the first age at whose end the cost was reached"),
    ("paid_back_day", "the first age from which on the cost stays reached"),
    ("currency", "of the amounts"),
    ("as_of", "first day that does not count"),
];

fn as_of(definition: &Definition) -> Cell {
    Cell::text(definition.as_of.as_ref().map(|as_of| day_of(as_of.day)).unwrap_or_default())
}

fn title(title: Option<&String>) -> Cell {
    title.map_or(Cell::Empty, Cell::text)
}

/// One line for each figure of each cohort, the total last, with the same numbers as the JSON.
pub fn cohorts_to_csv(answer: &CohortsAnswer) -> String {
    let rows = answer.rows.iter().chain(std::iter::once(&answer.total));
    let lines = rows.flat_map(|row| {
        figures(row).into_iter().map(|figure| {
            let Figured { name, at, part, of, value } = figure;
            vec![
                Cell::text(&row.cohort),
                title(row.title.as_ref()),
                Cell::text(name),
                Cell::option(at),
                Cell::option(part),
                Cell::option(of),
                Cell::option(value),
                Cell::text(answer.definition.currency),
                as_of(&answer.definition),
            ]
        })
    });
    csv(std::iter::once(head(&COHORTS_COLUMNS)).chain(lines))
}

/// One figure of a cohort.
struct Figured {
    name: &'static str,
    at: Option<u32>,
    part: Option<String>,
    of: Option<String>,
    value: Option<String>,
}

fn figures(row: &CohortRow) -> Vec<Figured> {
    let plain = |name, value: Option<String>| Figured { name, at: None, part: None, of: None, value };
    let text = |figure: Option<super::Figure>| figure.map(|figure| figure.to_string());
    let share = |name, at, share: &super::Share| Figured {
        name,
        at,
        part: Some(share.count.to_string()),
        of: Some(share.of.to_string()),
        value: text(share.share),
    };
    let rate = &row.refund_rate;
    let mut figures = vec![
        plain("customers", Some(row.customers.to_string())),
        plain("orders", Some(row.orders.to_string())),
        plain("rebills", Some(row.rebills.to_string())),
        plain("orders_per_customer", text(row.orders_per_customer)),
        plain("aov", text(row.aov)),
        plain("aov_after_refunds", text(row.aov_after_refunds)),
        Figured {
            name: "refund_rate",
            at: None,
            part: Some(rate.amount.to_string()),
            of: Some(rate.of.to_string()),
            value: text(rate.share),
        },
        share("refunded_orders", None, &row.refunded_orders),
    ];
    let gaps = |names: [&'static str; 3], at, gaps: &Gaps| {
        let [count, median, mean] = names;
        [
            Figured { at, ..plain(count, Some(gaps.count.to_string())) },
            Figured { at, ..plain(median, text(gaps.median_days)) },
            Figured {
                at,
                part: Some(gaps.sum_days.to_string()),
                of: Some(gaps.count.to_string()),
                ..plain(mean, text(gaps.mean_days))
            },
        ]
    };
    for repeat in &row.repeat {
        let at = Some(repeat.horizon);
        figures.push(share("repeat.with_rebills", at, &repeat.with_rebills));
        figures.push(share("repeat.without_rebills", at, &repeat.without_rebills));
        let names = ["repeat.second_order.count", "repeat.second_order.median_days", "repeat.second_order.mean_days"];
        figures.extend(gaps(names, at, &repeat.second_order));
    }
    let names = ["between_orders.count", "between_orders.median_days", "between_orders.mean_days"];
    figures.extend(gaps(names, None, &row.between_orders));
    figures.extend(row.retention.iter().map(|cell| share("retention", Some(cell.period), &cell.retained)));
    figures
}

fn percent(share: &super::Share) -> String {
    share.share.map_or("-".to_owned(), |share| percent_of(share.coefficient))
}

/// Ten-thousandths as `12.3 %`.
fn percent_of(share: i128) -> String {
    let tenths = crate::model::div_half_even(share, 10);
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{} %", tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10)
}

/// A table for people: cohorts down.
pub fn cohorts_to_table(answer: &CohortsAnswer) -> String {
    let mut table = new_table();
    let mut names: Vec<String> =
        ["cohort", "customers", "orders", "each", "AOV", "refunded", "days between"].map(str::to_owned).to_vec();
    names.extend(answer.total.repeat.iter().map(|cell| format!("again {}", cell.horizon)));
    names.extend(answer.total.retention.iter().map(|cell| format!("+{}", cell.period)));
    table.set_header(names);
    let figure = |figure: Option<super::Figure>| figure.map_or("-".to_owned(), |figure| figure.to_string());
    for row in answer.rows.iter().chain(std::iter::once(&answer.total)) {
        let mut cells = vec![
            label(&row.cohort, row.title.as_ref()),
            row.customers.to_string(),
            row.orders.to_string(),
            figure(row.orders_per_customer),
            figure(row.aov),
            row.refund_rate.share.map_or("-".to_owned(), |share| percent_of(share.coefficient)),
            figure(row.between_orders.median_days),
        ];
        cells.extend(row.repeat.iter().map(|cell| percent(&cell.with_rebills)));
        cells.extend(row.retention.iter().map(|cell| percent(&cell.retained)));
        table.add_row(cells);
    }
    align(&mut table);
    let mut text = format!("{}\n{}", table.trim_fmt(), about(&answer.definition));
    text.push_str(
        "each: orders of a customer; AOV: before refunds; refunded: share of sales; days between: median between order days\n\
         again h: bought twice within h days, rebills included; +k: bought in the k-th thirty days after the first\n",
    );
    text
}

/// One line for each cohort and cycle, the total last.
pub fn survival_to_csv(answer: &SurvivalAnswer) -> String {
    let rows = answer.rows.iter().chain(std::iter::once(&answer.total));
    let lines = rows.flat_map(|row: &SurvivalRow| {
        row.cycles.iter().map(|cell| {
            vec![
                Cell::text(&row.cohort),
                title(row.title.as_ref()),
                Cell::number(row.customers),
                Cell::number(cell.cycle),
                Cell::number(cell.charged.count),
                Cell::number(cell.charged.of),
                Cell::option(cell.charged.share),
                Cell::option(cell.survival),
                as_of(&answer.definition),
            ]
        })
    });
    csv(std::iter::once(head(&SURVIVAL_COLUMNS)).chain(lines))
}

/// A table for people: cohorts down, cycles across.
pub fn survival_to_table(answer: &SurvivalAnswer) -> String {
    let mut table = new_table();
    let cycles = answer.total.cycles.iter().map(|cell| format!("rebill {}", cell.cycle));
    table.set_header(["cohort".to_owned(), "customers".to_owned()].into_iter().chain(cycles));
    for row in answer.rows.iter().chain(std::iter::once(&answer.total)) {
        let cells = row
            .cycles
            .iter()
            .map(|cell| cell.survival.map_or("-".to_owned(), |survival| percent_of(survival.coefficient)));
        table.add_row([label(&row.cohort, row.title.as_ref()), row.customers.to_string()].into_iter().chain(cells));
    }
    align(&mut table);
    format!(
        "{}\n{}share of customers who were charged so often, of those due: {} days a cycle and {} of grace\n",
        table.trim_fmt(),
        about(&answer.definition),
        answer.cycle_days,
        answer.grace_days
    )
}

/// One line for each cohort, the total last.
pub fn payback_to_csv(answer: &PaybackAnswer) -> String {
    let rows = answer.rows.iter().chain(std::iter::once(&answer.total));
    let lines = rows.map(|row: &PaybackRow| {
        vec![
            Cell::text(&row.cohort),
            title(row.title.as_ref()),
            Cell::number(row.customers),
            Cell::option(row.cac),
            Cell::option(row.cost),
            Cell::number(row.net),
            Cell::option(row.last_mature_day),
            Cell::option(row.first_reached_day),
            Cell::option(row.paid_back_day),
            Cell::text(answer.definition.currency),
            as_of(&answer.definition),
        ]
    });
    csv(std::iter::once(head(&PAYBACK_COLUMNS)).chain(lines))
}

/// A table for people: one line for each cohort.
pub fn payback_to_table(answer: &PaybackAnswer) -> String {
    let mut table = new_table();
    table.set_header(["cohort", "customers", "CAC", "cost", "net", "known to day", "reached", "paid back"]);
    let day = |day: Option<u32>| day.map_or("-".to_owned(), |day| day.to_string());
    let figure = |figure: Option<super::Figure>| figure.map_or("-".to_owned(), |figure| figure.to_string());
    for row in answer.rows.iter().chain(std::iter::once(&answer.total)) {
        table.add_row([
            label(&row.cohort, row.title.as_ref()),
            row.customers.to_string(),
            figure(row.cac),
            figure(row.cost),
            row.net.to_string(),
            day(row.last_mature_day),
            day(row.first_reached_day),
            day(row.paid_back_day),
        ]);
    }
    align(&mut table);
    format!(
        "{}\n{}days after the first order, up to the last that all customers of the cohort have lived through\n",
        table.trim_fmt(),
        about(&answer.definition)
    )
}
