//! The configuration file: one TOML file, read strictly. Unknown keys are errors, and everything that is wrong is told at
//! once, with its place and what to write instead. No message shows a secret.
//!
//! Connectors bring settings of their own, and the file says where connectors are, so it is read twice: [`locate`] finds
//! the folders, [`load`] reads everything with the connectors at hand.

mod integration;
mod parse;
mod polling;
mod problem;
mod rates;
mod read;
mod schema;
mod secret;
mod secrets_file;
mod sections;
mod side_file;
mod source;
mod spend;
mod suggest;
#[cfg(test)]
mod tests;
mod types;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use self::problem::{Problem, Problems};
pub use self::rates::Rates;
use self::read::{Reader, Section};
pub use self::secret::{Env, ProcessEnv};
pub use self::secrets_file::{SECRETS_FILE, SecretsFile, SecretsFileError};
use self::source::Source;
pub use self::spend::Spend;
pub use self::types::{
    Api, BadRows, Config, DecimalMark, DropFolder, FreeOrders, Integration, Merge, Paths, Polling, Report, Webhooks,
};
use crate::limits::config::FILE_BYTES;
use crate::model::manifest::Manifest;

/// A configuration and what is questionable about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What works but should be looked at.
    pub warnings: Vec<Problem>,
}

/// Finds the folders that the file names, and looks at nothing else in it.
///
/// # Errors
/// If the file cannot be read, is no TOML, or names a folder wrongly.
pub fn locate(path: &Path) -> Result<Paths, Problems> {
    let text = read_text(path)?;
    let document = parse_document(path, &text)?;
    let mut reader = Reader::new(path, Source::parsed(&text, &document));
    let paths = sections::paths(&mut reader, &mut Section::root(&document), &folder_of(&absolute(path)?));
    match paths {
        Some(paths) => Ok(paths),
        None => Err(Problems(reader.into_problems().0)),
    }
}

/// Finds where the API of a daemon with this file is, and its token, and looks at nothing else in it.
///
/// # Errors
/// If the file cannot be read, is no TOML, or is wrong in `[api]`.
pub fn locate_api(path: &Path) -> Result<Api, Problems> {
    let text = read_text(path)?;
    let document = parse_document(path, &text)?;
    let folder = folder_of(&absolute(path)?);
    let mut reader = Reader::new(path, Source::parsed(&text, &document));
    let api = sections::api(&mut reader, &mut Section::root(&document), &folder, &ProcessEnv);
    match api {
        Some(api) => Ok(api),
        None => Err(Problems(reader.into_problems().0)),
    }
}

/// Reads the whole file.
///
/// `manifests` are the connectors by id. `broken` says why a connector file was refused, by the stem of its name, so that
/// the integrations that need it can say so. `hashes` are the SHA-256 of the connectors' files by id. Relative paths start at the folder of the file. Secrets are read; those that
/// the daemon makes itself are not: see [`SecretsFile::complete`].
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn load(
    path: &Path,
    manifests: &BTreeMap<String, Manifest>,
    broken: &BTreeMap<String, String>,
    hashes: &BTreeMap<String, String>,
    env: &dyn Env,
) -> Result<Loaded, Problems> {
    let text = read_text(path)?;
    load_text(path, &text, manifests, broken, hashes, env)
}

fn load_text(
    path: &Path,
    text: &str,
    manifests: &BTreeMap<String, Manifest>,
    broken: &BTreeMap<String, String>,
    hashes: &BTreeMap<String, String>,
    env: &dyn Env,
) -> Result<Loaded, Problems> {
    let document = parse_document(path, text)?;
    let file = absolute(path)?;
    let mut reader = Reader::new(path, Source::parsed(text, &document));
    let root = Section::root(&document);
    let config =
        sections::config(&mut reader, root, &sections::Surroundings { file: &file, manifests, broken, hashes, env });
    Loaded::from_reader(config, reader)
}

/// The text of the file, without byte-order mark.
fn read_text(path: &Path) -> Result<String, Problems> {
    let failed = |error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "name it with --config, or copy config.example.toml there",
            std::io::ErrorKind::IsADirectory => "name the file, not its folder",
            _ => "the user that runs ltvd must be allowed to read it",
        };
        Problem::of_file(path, format!("the configuration cannot be read: {error}")).help(help)
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(FILE_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(Problem::of_file(path, format!("the configuration is larger than {FILE_BYTES} bytes")).into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Problem { line: Some(line), ..Problem::of_file(path, "this line is not UTF-8") }
            .help("save the file with the encoding UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn parse_document<'t>(path: &Path, text: &'t str) -> Result<DeTable<'t>, Problems> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(document.into_inner());
    }
    let source = Source::unparsed(text);
    let mut problems: Vec<Problem> = errors
        .iter()
        .map(|error| {
            let span = error.span();
            let (line, column) = span.as_ref().map(|span| source.position(span.start)).unzip();
            let message = format!("this is no TOML: {}", error.message());
            let excerpt = span.as_ref().and_then(|span| source.excerpt(span));
            Problem { line, column, excerpt, ..Problem::of_file(path, message) }
        })
        .collect();
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems.dedup_by_key(|problem| problem.line);
    Err(Problems(problems))
}

fn absolute(path: &Path) -> Result<PathBuf, Problems> {
    std::path::absolute(path).map_err(|error| Problem::of_file(path, error.to_string()).into())
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(file).to_owned()
}
