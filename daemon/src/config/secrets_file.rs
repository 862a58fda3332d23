//! The secrets that the daemon makes itself, kept in a file of its own below `data_dir`.
//!
//! The daemon and `ltvd webhook url` may want the first token at the same moment: whoever changes the file holds a lock,
//! and the file is replaced whole, so that a reader needs none.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::types::Config;
use crate::limits::config::GENERATED_CHARS;
use crate::owner::must_be_ours;

/// Its name in `data_dir`.
pub const SECRETS_FILE: &str = "secrets.toml";

/// `secrets.toml` in `data_dir`.
#[derive(Debug, Clone)]
pub struct SecretsFile {
    folder: PathBuf,
}

/// Why a secret could not be made or read again.
#[derive(Debug, thiserror::Error)]
pub enum SecretsFileError {
    /// The file system refused.
    #[error("{path} cannot be {action}: {source}; the user that runs ltvd must own the folder")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// It belongs to another user.
    #[error("{0}")]
    NotOurs(String),
    /// Somebody else wrote into it.
    #[error("{path} is damaged ({reason}); restore it from a backup, or delete it: webhook addresses then change")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found, without what stands there.
        reason: String,
    },
    /// The operating system has no randomness to give.
    #[error("the operating system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Content {
    #[serde(default)]
    webhook_tokens: BTreeMap<String, Word>,
    #[serde(default)]
    generated: BTreeMap<String, BTreeMap<String, Word>>,
}

/// A secret on its way to and from the file.
struct Word(SecretString);

impl Serialize for Word {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        // Anything weaker was not written here.
        if word.len() < 32 || !word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(serde::de::Error::custom(
                "a secret is too short or has other characters than letters and digits",
            ));
        }
        Ok(Self(word.into()))
    }
}

const HEADER: &str = "# Secrets that ltvd made itself. Keep this file private and back it up:\n\
    # without it, webhooks get new addresses and platforms have to be set up again.\n\n";

impl SecretsFile {
    /// The file in this folder. Nothing is read or made yet.
    pub fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(SECRETS_FILE)
    }

    /// The random part of the webhook address of an integration, made on first need.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn webhook_token(&self, integration: &str) -> Result<SecretString, SecretsFileError> {
        self.get(|content| word(content.webhook_tokens.entry(integration.to_owned())))
    }

    /// The secret for a `generated-secret` setting of an integration, made on first need.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn generated(&self, integration: &str, setting: &str) -> Result<SecretString, SecretsFileError> {
        self.get(|content| {
            let settings = content.generated.entry(integration.to_owned()).or_default();
            word(settings.entry(setting.to_owned()))
        })
    }

    /// Gives the integrations their webhook tokens and the secrets that the operator left to the daemon.
    ///
    /// # Errors
    /// If the file cannot be read or written. The configuration is then unchanged.
    pub fn complete(&self, config: &mut Config) -> Result<(), SecretsFileError> {
        type Made = (String, SecretString, Vec<(String, SecretString)>);
        let wanted: Vec<_> =
            config.integrations.values().map(|i| (i.name.clone(), i.ungiven_secrets.clone())).collect();
        let made: Vec<Made> = self.get(|content| {
            let mut fresh = false;
            let mut made = Vec::new();
            for (name, settings) in &wanted {
                let (token, new) = word(content.webhook_tokens.entry(name.clone()))?;
                fresh |= new;
                let mut secrets = Vec::new();
                for setting in settings {
                    let kept = content.generated.entry(name.clone()).or_default();
                    let (secret, new) = word(kept.entry(setting.clone()))?;
                    fresh |= new;
                    secrets.push((setting.clone(), secret));
                }
                made.push((name.clone(), token, secrets));
            }
            Ok((made, fresh))
        })?;
        for (name, token, secrets) in made {
            if let Some(integration) = config.integrations.get_mut(&name) {
                integration.webhook_token = Some(token);
                integration.secrets.extend(secrets);
            }
        }
        Ok(())
    }

    /// Looks without the lock first: nearly always everything is there. `find` says whether it had to make something.
    fn get<T>(
        &self,
        find: impl Fn(&mut Content) -> Result<(T, bool), SecretsFileError>,
    ) -> Result<T, SecretsFileError> {
        if let (found, false) = find(&mut self.read()?)? {
            return Ok(found);
        }
        self.make_folder()?;
        must_be_ours(&self.path()).map_err(SecretsFileError::NotOurs)?;
        let lock = self.folder.join("secrets.lock");
        let held = private().create(true).append(true).open(&lock).map_err(|e| io_error(&lock, "opened", e))?;
        // Released when the file is closed, also by a kill.
        held.lock().map_err(|e| io_error(&lock, "locked", e))?;
        let mut content = self.read()?;
        let (found, fresh) = find(&mut content)?;
        if fresh {
            self.write(&content)?;
        }
        Ok(found)
    }

    fn read(&self) -> Result<Content, SecretsFileError> {
        let path = self.path();
        make_private(&path).map_err(|error| io_error(&path, "made private", error))?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::default()),
            Err(error) => return Err(io_error(&path, "read", error)),
        };
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            // Its `Display` would show the line.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let reason = format!("line {}: {}", before.matches('\n').count() + 1, error.message());
            SecretsFileError::Damaged { path, reason }
        })
    }

    fn write(&self, content: &Content) -> Result<(), SecretsFileError> {
        let path = self.path();
        let failed = |error| io_error(&path, "written", error);
        let text = toml::to_string(content).map_err(|error| failed(io::Error::other(error.to_string())))?;
        // A temporary file belongs to its owner alone from the start.
        let mut file = tempfile::Builder::new().prefix(".secrets-").tempfile_in(&self.folder).map_err(failed)?;
        file.write_all(HEADER.as_bytes()).and_then(|()| file.write_all(text.as_bytes())).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        self.sync_folder().map_err(failed)
    }

    fn make_folder(&self) -> Result<(), SecretsFileError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder).map_err(|e| io_error(&self.folder, "made", e))
    }

    /// So that the new name survives a power cut. Only Unix opens folders as files.
    fn sync_folder(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(&self.folder)?.sync_all() } else { Ok(()) }
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes it away from other users, for example after a backup was put back.
#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

fn io_error(path: &Path, action: &'static str, source: io::Error) -> SecretsFileError {
    SecretsFileError::Io { path: path.to_owned(), action, source }
}

/// The secret at this place, and whether it is new.
fn word(place: std::collections::btree_map::Entry<'_, String, Word>) -> Result<(SecretString, bool), SecretsFileError> {
    use std::collections::btree_map::Entry;
    match place {
        Entry::Occupied(kept) => Ok((kept.get().0.clone(), false)),
        Entry::Vacant(place) => Ok((place.insert(Word(random()?)).0.clone(), true)),
    }
}

/// Letters and digits, each equally likely: 238 bits.
fn random() -> Result<SecretString, SecretsFileError> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut word = String::with_capacity(GENERATED_CHARS);
    while word.len() < GENERATED_CHARS {
        let mut bytes = [0_u8; 64];
        getrandom::fill(&mut bytes).map_err(SecretsFileError::Random)?;
        // 248 is the largest multiple of 62 in a byte: the few above it would favour some letters.
        let letters = bytes.iter().filter(|byte| **byte < 248).filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        word.extend(letters.take(GENERATED_CHARS - word.len()).map(|letter| char::from(*letter)));
    }
    Ok(word.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_differ() {
        let folder = tempfile::tempdir().unwrap();
        let file = SecretsFile::new(&folder.path().join("deep/data"));
        let first = file.webhook_token("shop").unwrap();
        let word = first.expose_secret();
        assert!(word.len() == GENERATED_CHARS && word.bytes().all(|b| b.is_ascii_alphanumeric()), "{word}");
        let again = SecretsFile::new(&folder.path().join("deep/data"));
        assert_eq!(again.webhook_token("shop").unwrap().expose_secret(), word);
        let others = [again.webhook_token("other"), again.generated("shop", "secret"), again.generated("shop", "key")];
        let distinct: BTreeSet<String> =
            others.into_iter().chain([Ok(first)]).map(|secret| secret.unwrap().expose_secret().to_owned()).collect();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn racing_processes_get_the_same_secret() {
        let folder = tempfile::tempdir().unwrap();
        let start = std::sync::Barrier::new(8);
        // Each with a handle of its own, as processes have. Locks of this kind belong to the open file, not the process.
        let words: Vec<(String, String)> = std::thread::scope(|scope| {
            let race = |number: usize| {
                let file = SecretsFile::new(folder.path());
                start.wait();
                let own = file.webhook_token(&format!("shop-{number}")).unwrap();
                (file.webhook_token("shop").unwrap().expose_secret().to_owned(), own.expose_secret().to_owned())
            };
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || race(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(words.iter().map(|(shared, _)| shared).collect::<BTreeSet<_>>().len(), 1);
        let file = SecretsFile::new(folder.path());
        for (number, (_, own)) in words.iter().enumerate() {
            // Nobody overwrote what another one made.
            assert_eq!(file.webhook_token(&format!("shop-{number}")).unwrap().expose_secret(), own);
        }
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "temporary files are left: {left:?}");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let file = SecretsFile::new(&data);
        let word = file.webhook_token("shop").unwrap();
        assert_eq!((mode(&data), mode(&file.path()), mode(&data.join("secrets.lock"))), (0o700, 0o600, 0o600));
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(file.webhook_token("shop").unwrap().expose_secret(), word.expose_secret());
        assert_eq!(mode(&file.path()), 0o600);
    }

    #[test]
    fn a_damaged_file_is_never_replaced_nor_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = SecretsFile::new(folder.path());
        for damaged in
            ["[webhook-tokens]\nshop = \"weak\"", "[webhook-tokens]\nshop = \"hunter2", "[other]", "\u{1}hunter2"]
        {
            fs::write(file.path(), damaged).unwrap();
            let error = file.webhook_token("shop").unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(matches!(error, SecretsFileError::Damaged { .. }), "{told}");
            assert!(!told.contains("hunter2") && !told.contains("weak"), "{told}");
            assert_eq!(fs::read_to_string(file.path()).unwrap(), damaged);
        }
    }
}
