//! Compares the headings of a file with the columns of a format.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

use super::error::MissingColumn;
use crate::model::manifest::{CsvFormat, SettingValue};

/// A heading as people and as machines compare it: compatibility form, lower case, letters and digits only.
pub(super) fn normalise(heading: &str) -> String {
    heading.nfkc().flat_map(char::to_lowercase).filter(|letter| letter.is_alphanumeric()).collect()
}

/// A heading of a file.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    pub(super) text: String,
    key: String,
}

impl Heading {
    pub(super) fn new(cell: &[u8]) -> Self {
        let text = String::from_utf8_lossy(cell).trim().to_owned();
        Self { key: normalise(&text), text }
    }
}

/// What a column goes by.
enum Wanted {
    /// The operator says so.
    Named { heading: String, key: String, setting: String },
    /// Aliases, the better first.
    Aliases(Vec<String>),
}

/// What a format looks for, made once per format.
pub(super) struct Wants<'f> {
    format: &'f CsvFormat,
    columns: Vec<Wanted>,
}

/// How well headings fit a format.
pub(super) struct Fit {
    /// For each column of the format the column of the file.
    pub(super) mapping: Vec<Option<usize>>,
    /// Columns of the format that are required and missing.
    pub(super) missing: Vec<usize>,
    /// Columns found.
    pub(super) recognised: usize,
    /// Required columns found.
    pub(super) required: usize,
    /// Two columns of the file that have equal claim to one of the format.
    pub(super) twice: Option<(usize, usize)>,
}

impl<'f> Wants<'f> {
    pub(super) fn new(format: &'f CsvFormat, settings: &BTreeMap<String, SettingValue>) -> Self {
        let columns = format.columns.iter().map(|column| {
            if let Some(setting) = &column.named_by
                && let Some(SettingValue::Text(heading)) = settings.get(setting)
                && !heading.trim().is_empty()
            {
                let heading = heading.trim().to_owned();
                return Wanted::Named { key: normalise(&heading), heading, setting: setting.clone() };
            }
            let mut aliases: Vec<String> = column.aliases.iter().map(|alias| normalise(alias)).collect();
            // The name is the best alias, unless the author gave it another place.
            let name = normalise(&column.name);
            if !aliases.contains(&name) {
                aliases.insert(0, name);
            }
            Wanted::Aliases(aliases)
        });
        Self { format, columns: columns.collect() }
    }

    /// The format.
    pub(super) fn format(&self) -> &'f CsvFormat {
        self.format
    }

    fn is_required(&self, column: usize) -> bool {
        matches!(self.columns.get(column), Some(Wanted::Named { .. }))
            || self.format.columns.get(column).is_some_and(|column| column.required)
    }

    /// Required columns that a line must show to be taken for the header.
    pub(super) fn header_evidence(&self, fit: &Fit) -> bool {
        let required = (0..self.columns.len()).filter(|column| self.is_required(*column)).count();
        if required == 0 { fit.recognised > 0 } else { fit.required >= required.min(2) }
    }

    /// Assigns columns of the file to those of the format. First those that the operator named, then the required ones,
    /// then the others; each takes the best alias that is still free.
    pub(super) fn fit(&self, headings: &[Heading]) -> Fit {
        let mut mapping = vec![None; self.columns.len()];
        let mut taken = vec![false; headings.len()];
        let mut twice = None;
        let mut take = |column: usize, mut found: Vec<usize>, taken: &mut Vec<bool>| {
            found.truncate(2);
            if let [first, second] = found[..] {
                twice = twice.or(Some((first, second)));
            }
            if let (Some(first), Some(place)) = (found.first(), mapping.get_mut(column)) {
                *place = Some(*first);
                if let Some(taken) = taken.get_mut(*first) {
                    *taken = true;
                }
            }
        };

        // Of two headings that differ in signs only, the one written exactly as in the setting is meant. Two columns of
        // the format may be given the same heading.
        for (column, wanted) in self.columns.iter().enumerate() {
            if let Wanted::Named { heading, key, .. } = wanted {
                let mut found = positions(headings, |candidate| candidate.text == *heading);
                if found.is_empty() && !key.is_empty() {
                    found = positions(headings, |candidate| candidate.key == *key);
                }
                take(column, found, &mut taken);
            }
        }
        let mut claims = Vec::new();
        for (column, wanted) in self.columns.iter().enumerate() {
            if let Wanted::Aliases(aliases) = wanted {
                let optional = !self.is_required(column);
                claims.extend(aliases.iter().enumerate().map(|(rank, alias)| (optional, rank, column, alias)));
            }
        }
        claims.sort_by_key(|(optional, rank, column, _)| (*optional, *rank, *column));
        let mut mapped = vec![false; self.columns.len()];
        for (_, _, column, alias) in claims {
            if mapped.get(column) == Some(&true) {
                continue;
            }
            let found = positions(headings, |candidate| candidate.key == *alias);
            let free: Vec<_> = found.into_iter().filter(|heading| taken.get(*heading) == Some(&false)).collect();
            if let Some(mapped) = mapped.get_mut(column) {
                *mapped = !free.is_empty();
            }
            take(column, free, &mut taken);
        }

        let found = |column: &usize| mapping.get(*column).is_some_and(Option::is_some);
        let (required, missing) =
            (0..self.columns.len()).filter(|column| self.is_required(*column)).partition::<Vec<_>, _>(found);
        let recognised = mapping.iter().flatten().count();
        Fit { recognised, required: required.len(), missing, twice, mapping }
    }

    /// For a message.
    pub(super) fn missing(&self, column: usize) -> Option<MissingColumn> {
        let described = self.format.columns.get(column)?;
        let (accepted, setting) = match self.columns.get(column)? {
            Wanted::Named { heading, setting, .. } => (vec![heading.clone()], Some(setting.clone())),
            Wanted::Aliases(_) => {
                let mut accepted = described.aliases.clone();
                if !accepted.iter().any(|alias| normalise(alias) == normalise(&described.name)) {
                    accepted.insert(0, described.name.clone());
                }
                (accepted, None)
            }
        };
        Some(MissingColumn { column: described.name.clone(), accepted, setting })
    }
}

fn positions(headings: &[Heading], is: impl Fn(&Heading) -> bool) -> Vec<usize> {
    headings.iter().enumerate().filter(|(_, heading)| is(heading)).map(|(index, _)| index).collect()
}
