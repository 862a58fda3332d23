//! The definitions as SQL (`tests/sql`), asked with SQLite. They were written from the definitions and share no code with
//! the engine.

mod agree;
mod asked;
mod by_hand;
mod load;
mod of_customers;
mod of_money;
mod shop;

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use self::asked::Asked;
use self::load::load;
use self::shop::Shop;

/// A file of `tests/sql`, as text.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/sql/", $name, ".sql"))
    };
}
use sql;

/// A shop and a question, up to the step before the answers.
struct Oracle {
    connection: Connection,
}

/// One row of an answer, by the names of its columns.
#[derive(Debug, Clone, PartialEq)]
struct Row(BTreeMap<String, Value>);

impl Oracle {
    fn new(shop: &Shop, asked: &Asked) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql!("schema")).unwrap();
        load(&connection, shop, asked);
        for step in [sql!("orders"), sql!("values"), sql!("events")] {
            connection.execute_batch(step).unwrap();
        }
        Self { connection }
    }

    /// Changes one column of the question. What the three steps have read of it stays as it was.
    fn ask(&self, column: &str, value: impl rusqlite::ToSql) {
        self.connection.execute(&format!("UPDATE question SET {column} = ?"), [value]).unwrap();
    }

    /// Runs one of the files that answer a question.
    fn answer(&self, query: &str) -> Vec<Row> {
        let mut statement = self.connection.prepare(query).unwrap();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| names.iter().enumerate().map(|(i, _)| row.get(i)).collect();
        let rows = statement.query_map([], read).unwrap();
        rows.map(|values: Result<Vec<Value>, _>| Row(names.iter().cloned().zip(values.unwrap()).collect())).collect()
    }
}

impl Row {
    fn value(&self, column: &str) -> &Value {
        self.0.get(column).unwrap_or_else(|| panic!("no column {column} in {self:?}"))
    }

    /// A whole number, or nothing. SQLite answers with a binary fraction where 64 bits do not suffice; that fails.
    fn maybe(&self, column: &str) -> Option<i64> {
        match self.value(column) {
            Value::Integer(number) => Some(*number),
            Value::Null => None,
            other => panic!("{column} is {other:?} in {self:?}"),
        }
    }

    fn int(&self, column: &str) -> i64 {
        self.maybe(column).unwrap_or_else(|| panic!("{column} is null in {self:?}"))
    }

    fn count(&self, column: &str) -> u64 {
        u64::try_from(self.int(column)).unwrap()
    }

    fn text(&self, column: &str) -> &str {
        match self.value(column) {
            Value::Text(text) => text,
            other => panic!("{column} is {other:?} in {self:?}"),
        }
    }

    /// These columns, one after the other; `-` for null.
    fn shown(&self, columns: &[&str]) -> String {
        let cell = |column: &&str| match self.value(column) {
            Value::Text(text) => text.clone(),
            _ => self.maybe(column).map_or("-".to_owned(), |number| number.to_string()),
        };
        columns.iter().map(cell).collect::<Vec<_>>().join(" ")
    }

    /// True for the row over all cohorts.
    fn is_total(&self) -> bool {
        self.int("is_total") == 1
    }
}
