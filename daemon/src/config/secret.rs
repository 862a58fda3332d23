//! Secrets: where they come from. What a reference points at is read once, when the configuration is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use toml::de::{DeTable, DeValue};

use super::problem::quote;
use super::read::{Fault, Reader, Site, Value, mismatch};
use super::suggest;
use crate::limits::config::SECRET_BYTES;

/// The environment of the process, behind a seam for tests.
pub trait Env {
    /// The value of a variable.
    fn var(&self, name: &str) -> Option<OsString>;
}

/// The real environment.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn var(&self, name: &str) -> Option<OsString> {
        // `var_os` panics on names that no variable can have.
        if name.is_empty() || name.contains(['=', '\0']) { None } else { std::env::var_os(name) }
    }
}

impl Env for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<OsString> {
        self.get(name).map(OsString::from)
    }
}

const HOW: &str = "{ env = \"NAME\" }, { file = \"path\" } or { credential = \"name\" }";

/// Where secrets are looked for.
pub(super) struct Vault<'a> {
    pub(super) env: &'a dyn Env,
    /// Folder of the configuration file.
    pub(super) folder: &'a Path,
    /// What a missing secret means: nothing for an integration that is disabled.
    pub(super) required: bool,
}

/// Resolves a reference. None if it is wrong, which was noted, or if it is not required and not there.
pub(super) fn read(reader: &mut Reader<'_>, site: &Site, value: &Value<'_>, vault: &Vault<'_>) -> Option<SecretString> {
    let resolved = match value.get_ref() {
        DeValue::String(literal) => {
            reader.warn(Site { at: Some(value.span()), ..site.clone() }, literal_warning(literal));
            Ok(Some(literal.as_ref().to_owned()))
        }
        DeValue::Table(table) => reference(reader, site, table, vault),
        _ => Err(mismatch("a secret by reference", value).help(format!("write {HOW}"))),
    };
    let resolved = resolved.and_then(|secret| match secret {
        Some(secret) if secret.trim().is_empty() => Err(Fault::new("the secret is empty")),
        secret => Ok(secret),
    });
    match resolved {
        Ok(secret) => secret.map(SecretString::from),
        Err(fault) => {
            reader.error(site.clone(), fault.at(value.span()));
            None
        }
    }
}

fn literal_warning(literal: &str) -> Fault {
    let looks_like_reference = literal.starts_with('$') || literal.starts_with("env:") || literal.starts_with("file:");
    let message = if looks_like_reference {
        "taken as it stands, though it looks like a reference"
    } else {
        "a secret stands in the file itself, where everyone who sees the file reads it"
    };
    Fault::new(message).help(format!("write {HOW}"))
}

enum Place {
    Env(String),
    File(PathBuf),
    Credential(String),
}

impl Place {
    /// The file that holds it, if it is one.
    fn file(&self, vault: &Vault<'_>) -> Option<PathBuf> {
        match self {
            Self::Env(_) => None,
            Self::File(path) => Some(path.clone()),
            Self::Credential(name) => credential_file(name, vault),
        }
    }
}

fn reference(
    reader: &mut Reader<'_>,
    site: &Site,
    table: &DeTable<'_>,
    vault: &Vault<'_>,
) -> Result<Option<String>, Fault> {
    let mut entries = table.iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        return Err(Fault::new("a reference to a secret has exactly one key").help(format!("write {HOW}")));
    };
    let DeValue::String(name) = value.get_ref() else {
        return Err(mismatch("text", value));
    };
    let place = match key.get_ref().as_ref() {
        "env" => Place::Env(name.as_ref().to_owned()),
        "file" => Place::File(vault.folder.join(name.as_ref())),
        "credential" => Place::Credential(name.as_ref().to_owned()),
        unknown => {
            let meant = suggest::closest(unknown, ["env", "file", "credential"]);
            let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            let fault = Fault::new(format!("unknown kind of reference {}{meant}", quote(unknown)));
            return Err(fault.help(format!("write {HOW}")).at(key.span()));
        }
    };
    // Somebody may have pasted the secret where its name belongs, so only what looks like a name is repeated.
    if is_name(name) || matches!(place, Place::File(_)) {
        reader.source.reveal(value.span());
    }
    reader.more_files.extend(place.file(vault));
    let found = match &place {
        Place::Env(name) => variable(name, vault),
        Place::File(path) => file(path).map(|(secret, metadata)| {
            if others_may_read(&metadata) {
                let shown = quote(&path.to_string_lossy());
                let fault = Fault::new(format!("other users of this machine can read the file {shown}"));
                reader.warn(site.clone(), fault.help("take it away from them: chmod 600"));
            }
            secret
        }),
        Place::Credential(name) => credential(name, vault),
    };
    match found {
        Err(Missing::Absent(_)) if !vault.required => Ok(None),
        Err(Missing::Absent(fault) | Missing::Wrong(fault)) => Err(fault),
        Ok(secret) => Ok(Some(secret)),
    }
}

enum Missing {
    /// There is nothing.
    Absent(Fault),
    /// There is something, but no secret.
    Wrong(Fault),
}

fn variable(name: &str, vault: &Vault<'_>) -> Result<String, Missing> {
    let shown = if is_name(name) { quote(name) } else { "named here".to_owned() };
    match vault.env.var(name) {
        None => {
            let fault = Fault::new(format!("the environment variable {shown} is not set"));
            Err(Missing::Absent(fault.help("set it where the daemon is started, or write { file = \"path\" }")))
        }
        Some(value) => value
            .into_string()
            .map_err(|_| Missing::Wrong(Fault::new(format!("the environment variable {shown} is not UTF-8")))),
    }
}

/// Where systemd keeps the credentials of the service, as long as it runs.
const OF_SERVICE: &str = "/run/credentials/ltvd.service";

fn credential(name: &str, vault: &Vault<'_>) -> Result<String, Missing> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
        return Err(Missing::Wrong(Fault::new("a credential has a plain name, without slashes")));
    }
    let Some(file_of) = credential_file(name, vault) else {
        let fault = Fault::new("there are no credentials: $CREDENTIALS_DIRECTORY is not set");
        return Err(Missing::Absent(
            fault.help(
                "start the daemon by systemd with LoadCredential=; commands beside it find them as long as ltvd.service runs. Or use \
                 another kind",
            ),
        ));
    };
    // Their mode says nothing: the service manager guards the folder.
    file(&file_of).map(|(secret, _)| secret)
}

fn credential_file(name: &str, vault: &Vault<'_>) -> Option<PathBuf> {
    let folder = vault.env.var("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    // A command beside the service, run by its user or root.
    let folder = folder.or_else(|| Some(PathBuf::from(OF_SERVICE)).filter(|folder| folder.is_dir()));
    folder.map(|folder| folder.join(name))
}

fn file(path: &Path) -> Result<(String, Metadata), Missing> {
    let shown = quote(&path.to_string_lossy());
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Missing::Absent(Fault::new(format!("there is no file {shown}"))),
        _ => Missing::Wrong(Fault::new(format!("the file {shown} cannot be read: {error}"))),
    };
    // Before it is opened: opening a pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(Missing::Wrong(Fault::new(format!("{shown} is no regular file"))));
    }
    let mut content = String::new();
    let limit = SECRET_BYTES + 1;
    File::open(path).and_then(|file| file.take(limit).read_to_string(&mut content)).map_err(failed)?;
    if content.len() as u64 == limit {
        return Err(Missing::Wrong(Fault::new(format!("the file {shown} is larger than {SECRET_BYTES} bytes"))));
    }
    content.truncate(content.trim_end_matches(['\r', '\n']).len());
    Ok((content, metadata))
}

#[cfg(unix)]
fn others_may_read(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn others_may_read(_: &Metadata) -> bool {
    false
}

/// Whether it looks like the name of a variable or credential rather than like a secret.
fn is_name(text: &str) -> bool {
    let upper = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let lower = text.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b'.'));
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && (upper || lower)
}
