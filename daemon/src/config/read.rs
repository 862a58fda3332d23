//! Walking through the document: every key is asked for by name, what nobody asked for is unknown, and a fault does not
//! stop the reading, so that all of them are told at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, quote};
use super::schema::{self, Key};
use super::source::Source;
use super::{Loaded, suggest};

/// A value with its place.
pub(super) type Value<'d> = Spanned<DeValue<'d>>;

/// What is wrong with a value.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// A part of the value that is at fault.
    pub(super) at: Option<Range<usize>>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, at: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn at(mut self, at: Range<usize>) -> Self {
        self.at.get_or_insert(at);
        self
    }
}

/// Where something stands, and what it is called.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) at: Option<Range<usize>>,
    pub(super) key: String,
}

/// A table whose keys are taken out one by one.
pub(super) struct Section<'d> {
    pub(super) site: Site,
    entries: BTreeMap<&'d str, (Range<usize>, &'d Value<'d>)>,
}

impl<'d> Section<'d> {
    pub(super) fn root(document: &'d DeTable<'d>) -> Self {
        Self::new(Site { at: None, key: String::new() }, document)
    }

    fn new(site: Site, table: &'d DeTable<'d>) -> Self {
        let entries = table.iter().map(|(key, value)| (key.get_ref().as_ref(), (key.span(), value))).collect();
        Self { site, entries }
    }

    fn empty(site: Site) -> Self {
        Self { site, entries: BTreeMap::new() }
    }

    /// Takes a value out, and the place of its key.
    pub(super) fn take(&mut self, name: &str) -> Option<(Site, &'d Value<'d>)> {
        let (key_at, value) = self.entries.remove(name)?;
        Some((Site { at: Some(key_at), key: self.path(name) }, value))
    }

    /// The names that nobody asked for yet.
    pub(super) fn names(&self) -> Vec<&'d str> {
        self.entries.keys().copied().collect()
    }

    /// Whether the key is there and was not taken yet.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.entries.contains_key(key.name)
    }

    pub(super) fn path(&self, name: &str) -> String {
        let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let name = if bare { name.to_owned() } else { quote(name).replace('`', "\"") };
        if self.site.key.is_empty() { name } else { format!("{}.{name}", self.site.key) }
    }

    /// A key that may be missing.
    pub(super) fn site_of(&self, name: &str) -> Site {
        let at = self.entries.get(name).map(|(_, value)| value.span()).or_else(|| self.site.at.clone());
        Site { at, key: self.path(name) }
    }
}

/// Collects what is wrong while the document is read.
pub(super) struct Reader<'t> {
    file: &'t Path,
    pub(super) source: Source<'t>,
    notes: Vec<(Severity, Site, Fault)>,
    /// About other files.
    elsewhere: Vec<(Severity, Problem)>,
    /// Other files whose content counts.
    pub(super) more_files: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
}

impl<'t> Reader<'t> {
    pub(super) fn new(file: &'t Path, source: Source<'t>) -> Self {
        Self { file, source, notes: Vec::new(), elsewhere: Vec::new(), more_files: Vec::new() }
    }

    pub(super) fn error(&mut self, site: Site, fault: Fault) {
        self.notes.push((Severity::Error, site, fault));
    }

    pub(super) fn warn(&mut self, site: Site, fault: Fault) {
        self.notes.push((Severity::Warning, site, fault));
    }

    /// An error in a file that the configuration names.
    pub(super) fn error_elsewhere(&mut self, problem: Problem) {
        self.elsewhere.push((Severity::Error, problem));
    }

    /// A table of the file; empty if it is not there.
    pub(super) fn section<'d>(&mut self, parent: &mut Section<'d>, table: &schema::Table) -> Section<'d> {
        let name = table.name;
        let empty = Section::empty(Site { at: None, key: parent.path(name) });
        let Some((site, value)) = parent.take(name) else { return empty };
        let header = if name == schema::INTEGRATION.name { "integrations.NAME" } else { name };
        self.table(site, value, header).unwrap_or(empty)
    }

    /// A value that has to be the table with this header. None if it is not, which was noted.
    pub(super) fn table<'d>(&mut self, site: Site, value: &'d Value<'d>, header: &str) -> Option<Section<'d>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Section::new(site, table));
        }
        let help = format!("write `[{header}]` and its keys below it");
        self.error(site, mismatch("a table", value).help(help));
        None
    }

    /// The value of a key that is no secret, or its default. None if there is neither, or if it is wrong: then an error
    /// was noted.
    pub(super) fn read<'d, T>(
        &mut self,
        section: &mut Section<'d>,
        key: &Key,
        parse: impl FnOnce(&Value<'_>) -> Result<T, Fault>,
    ) -> Option<T> {
        if let Some((site, value)) = section.take(key.name) {
            return self.parse(site, value, parse);
        }
        let site = Site { at: None, key: section.path(key.name) };
        let default = DeValue::parse(key.default?).map_err(|error| Fault::new(error.message()));
        match default.and_then(|value| parse(&value)) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.error(site, Fault { at: None, ..fault });
                None
            }
        }
    }

    /// A given value that is no secret.
    pub(super) fn parse<T>(
        &mut self,
        site: Site,
        value: &Value<'_>,
        parse: impl FnOnce(&Value<'_>) -> Result<T, Fault>,
    ) -> Option<T> {
        self.source.reveal(value.span());
        match parse(value) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.error(site, fault.at(value.span()));
                None
            }
        }
    }

    /// Says of every key that nobody asked for that it is unknown. `known` are the keys that would have been right.
    pub(super) fn finish(&mut self, mut section: Section<'_>, known: &[&str]) {
        for name in section.names() {
            let Some((site, value)) = section.take(name) else { continue };
            let is_table = matches!(value.get_ref(), DeValue::Table(_));
            let mut fault = Fault::new(if is_table { "unknown table" } else { "unknown key" });
            if let Some(meant) = suggest::closest(name, known.iter().copied()) {
                fault.message.push_str(&format!("; did you mean `{meant}`?"));
            } else if let Some(place) = home(name) {
                fault.message.push_str(&format!("; it belongs {place}"));
            } else if !known.is_empty() {
                fault = fault.help(format!("known here: {}", known.join(", ")));
            }
            self.error(site, fault);
        }
    }

    /// What is wrong and what deserves a warning, each in the order of the file.
    pub(super) fn into_problems(self) -> (Vec<Problem>, Vec<Problem>) {
        let Self { file, source, notes, elsewhere, .. } = self;
        let mut placed: Vec<_> = notes
            .into_iter()
            .map(|(severity, site, fault)| {
                let at = fault.at.or(site.at);
                let (line, column) = at.as_ref().map(|at| source.position(at.start)).unzip();
                let excerpt = at.as_ref().and_then(|at| source.excerpt(at));
                let key = Some(site.key).filter(|key| !key.is_empty());
                let Fault { message, help, .. } = fault;
                (severity, Problem { file: file.to_owned(), line, column, key, message, help, excerpt })
            })
            .collect();
        placed.sort_by_key(|(_, problem)| (problem.line.is_none(), problem.line, problem.column));
        placed.extend(elsewhere);
        let (errors, warnings): (Vec<_>, Vec<_>) =
            placed.into_iter().partition(|(severity, _)| *severity == Severity::Error);
        let plain = |list: Vec<(Severity, Problem)>| list.into_iter().map(|(_, problem)| problem).collect();
        (plain(errors), plain(warnings))
    }
}

/// A value of the wrong type.
pub(super) fn mismatch(expected: &str, found: &Value<'_>) -> Fault {
    Fault::new(format!("expected {expected}, found {}", kind_of(found)))
}

fn kind_of(value: &Value<'_>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Where else a key of this name is known.
fn home(name: &str) -> Option<String> {
    if schema::ROOT.has(name) || schema::TABLES.iter().any(|table| table.name == name) {
        return Some("before the first table of the file, or as a table of its own".to_owned());
    }
    let mut tables = schema::TABLES.iter().filter(|table| table.has(name));
    let table = tables.next()?;
    // A name that several tables know tells nothing about which was meant.
    tables.next().is_none().then(|| match table.name {
        "integrations" => "in an integration, `[integrations.NAME]`".to_owned(),
        table => format!("in `[{table}]`"),
    })
}

impl Loaded {
    /// The configuration if nothing is wrong with it.
    pub(super) fn from_reader(config: Option<super::Config>, reader: Reader<'_>) -> Result<Self, super::Problems> {
        let (errors, warnings) = reader.into_problems();
        match config {
            Some(config) if errors.is_empty() => Ok(Self { config, warnings }),
            _ => Err(super::Problems(errors)),
        }
    }
}
