//! Settings by their names.

use crate::types::{Context, Problem, Setting, SettingValue};

/// Looks up settings. Their case follows from the kind that the manifest declares, so a look-up of another kind finds
/// nothing.
pub trait SettingsExt {
    /// A text, url, choice, zone or currency. `None` if it is absent or empty.
    fn text(&self, name: &str) -> Option<&str>;
    /// A boolean; absent is false.
    fn flag(&self, name: &str) -> bool;
    /// A whole number.
    fn integer(&self, name: &str) -> Option<i64>;
    /// A list of texts; absent is empty.
    fn list(&self, name: &str) -> &[String];
}

impl SettingsExt for [Setting] {
    fn text(&self, name: &str) -> Option<&str> {
        match value(self, name)? {
            SettingValue::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> bool {
        matches!(value(self, name), Some(SettingValue::Boolean(true)))
    }

    fn integer(&self, name: &str) -> Option<i64> {
        match value(self, name)? {
            SettingValue::Integer(number) => Some(*number),
            _ => None,
        }
    }

    fn list(&self, name: &str) -> &[String] {
        match value(self, name) {
            Some(SettingValue::Texts(texts)) => texts,
            _ => &[],
        }
    }
}

fn value<'a>(settings: &'a [Setting], name: &str) -> Option<&'a SettingValue> {
    settings.iter().find(|setting| setting.name == name).map(|setting| &setting.value)
}

impl Context {
    /// A text, url, choice, zone or currency. `None` if it is absent or empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.settings.text(name)
    }

    /// A boolean; absent is false.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.settings.flag(name)
    }

    /// A whole number.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.settings.integer(name)
    }

    /// A list of texts; absent is empty.
    #[must_use]
    pub fn list(&self, name: &str) -> &[String] {
        self.settings.list(name)
    }

    /// True if this secret has a value.
    #[must_use]
    pub fn has_secret(&self, name: &str) -> bool {
        self.secrets.iter().any(|secret| secret == name)
    }
}

impl Problem {
    /// A fault of one setting: what is wrong and what to write instead.
    pub fn new(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { setting: Some(setting.into()), message: message.into() }
    }
}
