//! The text of the configuration file: where things stand in it, and which of it may be shown.

use std::ops::Range;

use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Excerpt;
use super::schema;
use crate::limits::config::EXCERPT_CHARS;

/// The text, with what is known about its parts.
///
/// A message shows the line that it speaks of, and that line may hold a secret. So every value is hidden unless a reader
/// called [`Source::reveal`] for it, and comments are never shown.
pub(super) struct Source<'t> {
    text: &'t str,
    /// Keys and scalar values in the order of the text. `None`: the text is no TOML, so nothing is known about its parts.
    tokens: Option<Vec<Token>>,
    revealed: Vec<Range<usize>>,
}

struct Token {
    at: Range<usize>,
    is_key: bool,
}

impl<'t> Source<'t> {
    /// Text that could not be parsed.
    pub(super) fn unparsed(text: &'t str) -> Self {
        Self { text, tokens: None, revealed: Vec::new() }
    }

    /// Text that is this document.
    pub(super) fn parsed(text: &'t str, document: &DeTable<'_>) -> Self {
        let mut tokens = Vec::new();
        table_tokens(document, &mut tokens);
        tokens.sort_by_key(|token| token.at.start);
        Self { text, tokens: Some(tokens), revealed: Vec::new() }
    }

    /// SHA-256 of the text, lower-case hexadecimal.
    pub(super) fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.text.as_bytes()))
    }

    /// What stands here is no secret.
    pub(super) fn reveal(&mut self, at: Range<usize>) {
        self.revealed.push(at);
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
        (line, column)
    }

    /// The first line of the passage as it may be shown.
    pub(super) fn excerpt(&self, at: &Range<usize>) -> Option<Excerpt> {
        let (line, _) = self.position(at.start);
        let start = self.text.get(..at.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text.get(start..)?.find('\n').map_or(self.text.len(), |newline| start + newline);
        let mut shown = Shown::default();
        match &self.tokens {
            Some(tokens) => self.show_tokens(start..end, tokens, &mut shown),
            None => self.show_key(start..end, &mut shown),
        }
        let text: String = shown.chars.iter().map(|(_, c)| *c).take(EXCERPT_CHARS).collect();
        let text = text.trim_end().to_owned();
        if text.is_empty() {
            return None;
        }
        let indent = shown.chars.iter().take_while(|(offset, _)| *offset < at.start).count();
        let width = shown.chars.iter().filter(|(offset, _)| at.contains(offset)).count().max(1);
        let width = width.min(text.chars().count().saturating_sub(indent));
        Some(Excerpt { line, text, indent, width })
    }

    fn show_tokens(&self, line: Range<usize>, tokens: &[Token], shown: &mut Shown) {
        let mut from = line.start;
        for token in tokens {
            if token.at.end <= from || token.at.start >= line.end {
                continue;
            }
            // Between keys and values stand punctuation and comments alone.
            if !shown.until_comment(self.text, from..token.at.start.max(from)) {
                return;
            }
            let part = token.at.start.max(from)..token.at.end.min(line.end);
            from = part.end;
            let open = token.is_key || self.revealed.iter().any(|r| r.start <= token.at.start && token.at.end <= r.end);
            if open {
                shown.push(self.text, part);
            } else {
                shown.chars.push((part.start, '…'));
            }
        }
        shown.until_comment(self.text, from..line.end);
    }

    /// In a text that is no TOML nobody knows what is a key and what a piece of a secret, so only words of the
    /// configuration itself are shown.
    fn show_key(&self, line: Range<usize>, shown: &mut Shown) {
        let text = self.text.get(line.clone()).unwrap_or_default();
        if let Some((key, _)) = text.split_once('=') {
            if schema::TABLES.iter().chain([&schema::ROOT]).any(|table| table.has(key.trim())) {
                let end = line.start + key.len() + 1;
                shown.push(self.text, line.start..end);
                shown.chars.extend([(end, ' '), (end, '…')]);
            }
        } else if let Some(header) = text.trim().strip_prefix('[')
            && schema::TABLES.iter().any(|table| table.name == header.trim_end_matches(']'))
        {
            shown.push(self.text, line);
        }
    }
}

/// Characters that are shown, each with the byte of the text that it stands for.
#[derive(Default)]
struct Shown {
    chars: Vec<(usize, char)>,
}

impl Shown {
    fn push(&mut self, text: &str, part: Range<usize>) {
        let start = part.start;
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let chars = text.get(part).unwrap_or_default().char_indices();
        self.chars.extend(chars.map(|(offset, c)| (start + offset, plain(c))));
    }

    /// False if a comment began.
    fn until_comment(&mut self, text: &str, part: Range<usize>) -> bool {
        let gap = text.get(part.clone()).unwrap_or_default();
        let comment = gap.find('#');
        self.push(text, part.start..comment.map_or(part.end, |offset| part.start + offset));
        comment.is_none()
    }
}

fn table_tokens(table: &DeTable<'_>, tokens: &mut Vec<Token>) {
    for (key, value) in table {
        tokens.push(Token { at: key.span(), is_key: true });
        value_tokens(value, tokens);
    }
}

fn value_tokens(value: &Spanned<DeValue<'_>>, tokens: &mut Vec<Token>) {
    match value.get_ref() {
        DeValue::Table(table) => table_tokens(table, tokens),
        DeValue::Array(array) => array.iter().for_each(|element| value_tokens(element, tokens)),
        _ => tokens.push(Token { at: value.span(), is_key: false }),
    }
}
