//! The body of a webhook, read by the platform's habits: everything is a text, and nothing is a text too.

use ltv_connector::prelude::*;

/// The fields of one event. Paths are `customer.email` for what a form calls `customer[email]`.
#[derive(Debug)]
pub(crate) struct Fields(Value);

impl Fields {
    pub(crate) fn new(body: Value) -> Self {
        Self(body)
    }

    /// The text of a field. Blank texts and the text `null` stand for nothing.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        let text = self.0.text(path)?.trim();
        (!text.is_empty() && !text.eq_ignore_ascii_case("null")).then_some(text)
    }

    /// An id, name or other text that no switch could be: `false` and `0` stand for nothing too.
    pub(crate) fn id(&self, path: &str) -> Option<&str> {
        self.get(path).filter(|text| !text.eq_ignore_ascii_case("false") && *text != "0")
    }

    /// The first id that is there.
    pub(crate) fn first_id(&self, paths: &[&str]) -> Option<&str> {
        paths.iter().find_map(|path| self.id(path))
    }

    /// The names directly below a path: `["0", "1"]` for `order.charges`, whether it is a list or a map with numbers.
    pub(crate) fn below(&self, path: &str) -> Vec<String> {
        match self.0.at(path) {
            Some(Value::List(items)) => (0..items.len()).map(|index| index.to_string()).collect(),
            Some(Value::Map(members)) => members.iter().map(|(name, _)| name.clone()).collect(),
            _ => Vec::new(),
        }
    }
}
