//! `cargo xtask wit-reference`: a page for authors, made of the contract's own comments.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// The files in the order in which an author meets them.
const FILES: [&str; 7] = ["connector", "csv", "webhook", "poll", "log", "types", "world"];
/// The page, from the root.
const PAGE: &str = "plugins/docs/reference.md";

/// Writes the page anew.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    fs::write(workspace.root.join(PAGE), page(workspace)?).with_context(|| format!("cannot write {PAGE}"))
}

/// Whether the page says what the contract says.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let found = fs::read_to_string(workspace.root.join(PAGE)).unwrap_or_default();
    if found != page(workspace)? {
        bail!("{PAGE} is not what wit/ says; `cargo xtask wit-reference` writes it");
    }
    Ok(())
}

fn page(workspace: &Workspace) -> Result<String> {
    let mut page = "# The contract\n\nMade of the comments in `wit/` by `cargo xtask wit-reference`. What is in `wit/` is the law.\n".to_owned();
    for name in FILES {
        let path = workspace.root.join(format!("wit/{name}.wit"));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        page.push_str(&section(&text));
    }
    Ok(page)
}

/// One file. What is in the contract is simple enough to be read line by line: one declaration or member in each.
fn section(text: &str) -> String {
    let mut out = String::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut depth = 0;
    let mut in_table = false;
    for line in text.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            comment.push(words.trim());
            continue;
        }
        let told = comment.join("\n");
        let opens = line.strip_suffix('{').map(str::trim);
        if let Some(declared) = opens {
            let (what, name) = declared.split_once(' ').unwrap_or((declared, ""));
            match depth {
                0 => out.push_str(&format!("\n## {}: `{name}`\n\n{told}\n", capital(what))),
                _ => out.push_str(&format!("\n### `{name}` ({what})\n\n{told}\n")),
            }
            depth += 1;
            in_table = false;
        } else if line.starts_with('}') {
            depth -= 1;
        } else if let Some((name, kind)) = line.split_once(": func").filter(|_| depth == 1) {
            out.push_str(&format!(
                "\n### `{name}` (function)\n\n`{name}: func{}`\n\n{told}\n",
                kind.trim_end_matches(';')
            ));
        } else if depth == 2 && !line.is_empty() && !line.starts_with("//") {
            if !in_table {
                out.push_str("\n| | |\n| --- | --- |\n");
                in_table = true;
            }
            let member = line.trim_end_matches(',').replace('|', "\\|");
            out.push_str(&format!("| `{member}` | {} |\n", comment.join(" ").replace('|', "\\|")));
        } else if depth == 1 && line.starts_with("type ") {
            out.push_str(&format!("\n### `{}`\n\n{told}\n", line.trim_end_matches(';')));
        } else if depth == 1
            && (line.starts_with("include ") || line.starts_with("import ") || line.starts_with("export "))
        {
            out.push_str(&format!("\n- `{}`", line.trim_end_matches(';')));
            out.push_str(if told.is_empty() { "\n" } else { ": " });
            out.push_str(&told);
        }
        comment.clear();
    }
    out.replace("`\n\n- `", "`\n- `")
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_a_page() {
        let text = "package a:b@0.1.0;\n\n/// Of things.\ninterface things {\n  /// One thing.\n  record thing {\n    /// Its | name.\n    name: string,\n  }\n\n  /// Makes one.\n  make: func() -> thing;\n}\n";
        let expected = "\n## Interface: `things`\n\nOf things.\n\n### `thing` (record)\n\nOne thing.\n\n| | |\n| --- | --- |\n| `name: string` | Its \\| name. |\n\n### `make` (function)\n\n`make: func() -> thing`\n\nMakes one.\n";
        assert_eq!(section(text), expected);
    }
}
