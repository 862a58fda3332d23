//! `ltvd connector new`: a project of its own, which builds and passes its tests as written.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::super::failure::Failure;
use super::super::output;

static TEMPLATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/template");
static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/sdk/src");
static DOCS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/docs");
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../wit");
const SDK_MANIFEST: &str = include_str!("../../../../plugins/sdk/Cargo.toml");
const CONFIG: &str = include_str!("../../../../config.example.toml");
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");

const FORMAT: &str = include_str!("../../../../rustfmt.toml");

/// Longest id and longest name, characters.
const NAME_CHARS: usize = 40;

/// Arguments of `ltvd connector new`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Id of the connector, such as `my-platform`: lower case letters, digits and hyphens
    #[arg(value_parser = name)]
    name: String,
    /// What it is written in
    #[arg(long, default_value = "rust")]
    language: Language,
    /// What it reads, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "csv,webhook,poll")]
    doors: Vec<Door>,
    /// What people call the platform, such as "My Platform" [default: from the id]
    #[arg(long = "name", value_name = "TEXT", value_parser = title)]
    title: Option<String>,
    /// Folder of the project, which must not be there yet or be empty [default: NAME]
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Language {
    Rust,
    Python,
    Javascript,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Door {
    Csv,
    Webhook,
    Poll,
}

impl Door {
    const ALL: [Self; 3] = [Self::Csv, Self::Webhook, Self::Poll];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Webhook => "webhook",
            Self::Poll => "poll",
        }
    }
}

impl Language {
    const fn folder(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Javascript => "javascript",
        }
    }
}

pub(super) fn new(args: &Args) -> Result<(), Failure> {
    let folder = args.into.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let failed = |error: std::io::Error| Failure::Failed(format!("{}: {error}", folder.display()));
    if folder.exists() && fs::read_dir(&folder).map_err(failed)?.next().is_some() {
        return Err(Failure::Failed(format!("{}: the folder is there already and is not empty", folder.display())));
    }
    let title = args.title.clone().unwrap_or_else(|| words(&args.name).join(" "));
    for (path, text) in project(&args.name, &title, args.language, &args.doors).map_err(Failure::Failed)? {
        let path = folder.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::write(&path, text).map_err(failed)?;
    }
    output::say(&format!(
        "{} holds a connector that reads {}; its README.md says how to build and test it",
        folder.display(),
        Door::ALL
            .iter()
            .filter(|door| args.doors.contains(door))
            .map(|door| door.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    ));
    Ok(())
}

fn name(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if plain && begins && !text.ends_with('-') && text.len() <= NAME_CHARS {
        return Ok(text.to_owned());
    }
    Err(format!("use up to {NAME_CHARS} lower case letters, digits and hyphens, with a letter in front"))
}

/// It is written into texts of three languages, so it must need no escape in any.
fn title(text: &str) -> Result<String, String> {
    let text = text.trim();
    let plain = |letter: char| letter.is_alphanumeric() || " .,&+-/()!".contains(letter);
    if text.chars().next().is_some_and(char::is_alphanumeric)
        && text.chars().all(plain)
        && text.chars().count() <= NAME_CHARS
    {
        return Ok(text.to_owned());
    }
    Err(format!(
        "use up to {NAME_CHARS} letters, digits, blanks and . , & + - / ( ) !, with a letter or digit in front"
    ))
}

/// Every file of a project, by its path.
fn project(name: &str, title: &str, language: Language, doors: &[Door]) -> Result<Vec<(PathBuf, String)>, String> {
    let mut files = Vec::new();
    let mut add = |dir: &Dir<'static>, strip: &Path, into: &str| -> Result<(), String> {
        for file in all(dir) {
            let path = file.path();
            let text = file.contents_utf8().ok_or_else(|| format!("{} is not text", path.display()))?;
            let path = Path::new(into).join(path.strip_prefix(strip).unwrap_or(path));
            files.push((path, text.to_owned()));
        }
        Ok(())
    };
    // Other toolchains are told a world; the SDK for Rust puts one together by itself.
    let world = (language != Language::Rust).then_some("wit");
    for part in [language.folder(), "cases"].into_iter().chain(world) {
        let dir = TEMPLATE.get_dir(part).ok_or_else(|| format!("this ltvd has no template `{part}`"))?;
        add(dir, Path::new(language.folder()), "")?;
    }
    let mut files: Vec<(PathBuf, String)> = files
        .into_iter()
        .filter(|(path, _)| is_of_doors(path, doors))
        .map(|(path, text)| {
            let text = with_name(&for_doors(&text, doors), name, title);
            let is_rust = path.extension().is_some_and(|end| end == "rs");
            (renamed(&path), if is_rust { without_gaps(&text) } else { text })
        })
        .collect();
    files.retain(|(_, text)| !text.is_empty());
    for file in WIT.files().filter(|file| file.path().extension().is_some_and(|end| end == "wit")) {
        files.push((Path::new("wit").join(file.path()), file.contents_utf8().unwrap_or_default().to_owned()));
    }
    // Whoever has the program alone has the pages for authors with the project.
    for page in DOCS.files().filter(|page| language == Language::Rust || page.path() != Path::new("sdk.md")) {
        files.push((Path::new("docs").join(page.path()), page.contents_utf8().unwrap_or_default().to_owned()));
    }
    files.push((PathBuf::from("docs/config.example.toml"), CONFIG.to_owned()));
    if language == Language::Rust {
        files.push((PathBuf::from("rustfmt.toml"), FORMAT.to_owned()));
        files.push((PathBuf::from("vendor/ltv-sdk/Cargo.toml"), standalone(SDK_MANIFEST, WORKSPACE)?));
        for file in all(&SDK) {
            let path = Path::new("vendor/ltv-sdk/src").join(file.path());
            files.push((path, file.contents_utf8().unwrap_or_default().to_owned()));
        }
    }
    Ok(files)
}

fn all<'d>(dir: &'d Dir<'static>) -> Vec<&'d include_dir::File<'static>> {
    let below = dir.dirs().flat_map(all);
    dir.files().chain(below).collect()
}

/// Names that would have been something else inside this repository.
fn renamed(path: &Path) -> PathBuf {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("gitignore") => path.with_file_name(".gitignore"),
        Some(name) => path.with_file_name(name.trim_end_matches(".template")),
        None => path.to_owned(),
    }
}

/// Files that only some doors need.
fn is_of_doors(path: &Path, doors: &[Door]) -> bool {
    let stem =
        path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('.').next()).unwrap_or_default();
    let has = |door| doors.contains(&door);
    match stem {
        "csv" | "payments" => has(Door::Csv),
        "webhook" | "paid" | "refunded" => has(Door::Webhook),
        "poll" | "page-1" | "page-2" => has(Door::Poll),
        "doors" => Door::ALL.into_iter().all(has),
        _ => true,
    }
}

/// Leaves out what stands between `// door csv` (or `# door …`) and `// end` where none of the doors is wanted; between `door
/// csv and webhook` where not all are.
fn for_doors(text: &str, doors: &[Door]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut keeping = true;
    for line in text.lines() {
        let comment = ["//", "#"].into_iter().find_map(|sign| line.trim().strip_prefix(sign)).map(str::trim);
        if let Some(wanted) = comment.and_then(|comment| comment.strip_prefix("door ")) {
            let has = |word: &str| doors.iter().any(|door| door.as_str() == word);
            let mut words = wanted.split(' ').filter(|word| Door::ALL.iter().any(|door| door.as_str() == *word));
            keeping = if wanted.contains(" and ") { words.all(has) } else { words.any(has) };
        } else if comment == Some("end") {
            keeping = true;
        } else if keeping {
            out.push_str(line);
            out.push('\n');
        }
    }
    let wanted = Door::ALL.iter().filter(|door| doors.contains(door)).map(|door| door.as_str()).collect::<Vec<_>>();
    out.replace("csv, webhook, poll", &wanted.join(", "))
}

/// As rustfmt has it where a part was left out: no two blank lines, and none at the beginning or end.
fn without_gaps(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for line in text.lines() {
        if line.trim().is_empty() {
            gap = !out.is_empty();
            continue;
        }
        out.push_str(if std::mem::take(&mut gap) { "\n" } else { "" });
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// The template is a platform called Kiosk, of which the type is `KioskConnector`.
fn with_name(text: &str, name: &str, title: &str) -> String {
    let text = text.replace("KioskConnector", &format!("{}Connector", words(name).concat()));
    // What people read comes last: it may itself hold the word.
    text.replace("kiosk", name).replace("Kiosk", title)
}

/// The words of an id, each with a capital.
fn words(name: &str) -> Vec<String> {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
    };
    name.split('-').filter(|word| !word.is_empty()).map(word).collect()
}

/// A Cargo.toml that needs no workspace around it.
fn standalone(manifest: &str, workspace: &str) -> Result<String, String> {
    let parse = |text: &str| text.parse::<toml::Table>().map_err(|error| error.to_string());
    let (mut manifest, workspace) = (parse(manifest)?, parse(workspace)?);
    let inherited = |table: &str| workspace.get("workspace").and_then(|root| root.get(table)).cloned();
    for (table, source) in [("package", "package"), ("dependencies", "dependencies")] {
        let Some(toml::Value::Table(from)) = inherited(source) else { continue };
        let Some(toml::Value::Table(own)) = manifest.get_mut(table) else { continue };
        for (key, value) in own.iter_mut() {
            if value.get("workspace").is_some()
                && let Some(given) = from.get(key)
            {
                *value = given.clone();
            }
        }
    }
    manifest.remove("lints");
    toml::to_string(&manifest).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(name: &str, language: Language, doors: &[Door]) -> Result<Vec<(PathBuf, String)>, String> {
        project(name, &words(name).join(" "), language, doors)
    }

    #[test]
    fn names_become_ids() {
        assert!(["kiosk", "my-shop-2"].into_iter().all(|good| name(good).is_ok()));
        for bad in ["", "Kiosk", "2shop", "-a", "a-", "a_b", "a/b", &"a".repeat(41)] {
            assert!(name(bad).is_err(), "{bad}");
        }
        let text = "struct KioskConnector; // kiosk, Kiosk";
        assert_eq!(with_name(text, "my-shop", "My Shop"), "struct MyShopConnector; // my-shop, My Shop");
        assert_eq!(words("my--shop-2").join(" "), "My Shop 2");
        assert_eq!(title(" Café & Söhne (2.0) ").as_deref(), Ok("Café & Söhne (2.0)"));
        for bad in ["", "\"", "a\\b", "{a}", "a\nb", "it's", &"a".repeat(41)] {
            assert!(title(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_readme_names_the_files_that_are_written() {
        for language in [Language::Rust, Language::Python, Language::Javascript] {
            for doors in [&[Door::Csv][..], &[Door::Webhook, Door::Poll], &Door::ALL] {
                let files = files("my-shop", language, doors).unwrap();
                let readme = &files.iter().find(|(path, _)| path.as_os_str() == "README.md").unwrap().1;
                let named =
                    readme.lines().filter(|line| line.starts_with("| `")).flat_map(|line| line.split('`').nth(1));
                for name in named {
                    let there = files.iter().any(|(path, _)| path.starts_with(name.trim_end_matches('/')));
                    assert!(there, "{name} is not written for {doors:?}\n{readme}");
                }
                assert!(readme.starts_with("# My Shop for ltvd\n"), "{readme}");
            }
        }
    }

    #[test]
    fn only_what_the_doors_need_is_written() {
        let text = "a\n// door csv\nb\n// end\n  # door webhook or poll\nc\n  # end\n// door csv and webhook\nd\n// end\n[csv, webhook, poll]\n";
        assert_eq!(for_doors(text, &[Door::Csv]), "a\nb\n[csv]\n");
        assert_eq!(for_doors(text, &[Door::Poll, Door::Csv]), "a\nb\nc\n[csv, poll]\n");
        assert_eq!(for_doors(text, &Door::ALL), "a\nb\nc\nd\n[csv, webhook, poll]\n");
        assert_eq!(without_gaps("\na\n\n\nb\n  \n\n"), "a\n\nb\n");
        let names = |doors: &[Door]| -> Vec<String> {
            let files = files("my-shop", Language::Rust, doors).unwrap();
            files.into_iter().map(|(path, _)| path.display().to_string()).collect()
        };
        let csv = names(&[Door::Csv]);
        assert!(
            csv.contains(&"src/csv.rs".to_owned())
                && !csv.iter().any(|name| ["src/webhook.rs", "cases/webhook.toml"].contains(&name.as_str()))
        );
        let pages = |files: &[String]| -> Vec<String> {
            files.iter().filter(|name| name.starts_with("docs/")).cloned().collect()
        };
        assert_eq!(pages(&csv).len(), 6, "{csv:?}");
        let python: Vec<String> = files("my-shop", Language::Python, &[Door::Csv])
            .unwrap()
            .into_iter()
            .map(|(path, _)| path.display().to_string())
            .collect();
        assert!(pages(&python).contains(&"docs/config.example.toml".to_owned()));
        assert!(!python.contains(&"docs/sdk.md".to_owned()), "it is about Rust");
        for file in [
            "Cargo.toml",
            "rustfmt.toml",
            ".gitignore",
            "wit/types.wit",
            "vendor/ltv-sdk/Cargo.toml",
            "vendor/ltv-sdk/src/lib.rs",
        ] {
            assert!(csv.contains(&file.to_owned()), "{file} is not in {csv:?}");
        }
    }

    #[test]
    fn the_sdk_stands_alone() {
        let manifest = standalone(SDK_MANIFEST, WORKSPACE).unwrap();
        assert!(!manifest.contains("workspace") && manifest.contains("wit-bindgen"), "{manifest}");
    }
}
