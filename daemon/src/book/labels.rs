//! Texts and sets of labels, each kept once.

use std::io::{self, Read, Write};

use crate::limits::connector::TEXT_BYTES;
use crate::model::{Dimension, Entry, Label};

use super::column::Column;
use super::hash::HashKey;
use super::index::Index;
use super::part::{Part, bad, read_list, write_list};

/// The labels of an entry, as texts: trimmed, without those that are empty.
pub(super) fn texts(entry: &Entry) -> impl Iterator<Item = (Dimension, &str)> {
    entry.tags.iter().filter_map(|tag| {
        let dimension = Dimension::ALL.into_iter().find(|dimension| dimension.as_str() == tag.name)?;
        let value = tag.value.trim();
        // Connectors cannot give more; a log that was written otherwise must not either.
        let value = value.get(..value.floor_char_boundary(TEXT_BYTES))?;
        (!value.is_empty()).then_some((dimension, value))
    })
}

/// Appends a label as bytes that no other label has.
pub(super) fn pack_text((dimension, text): (Dimension, &str), into: &mut Vec<u8>) {
    let [a, b, c, d] = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    into.extend_from_slice(&[dimension_number(dimension), a, b, c, d]);
    into.extend_from_slice(text.as_bytes());
}

fn dimension_number(dimension: Dimension) -> u8 {
    Dimension::ALL.iter().position(|known| *known == dimension).unwrap_or(0) as u8
}

/// Different strings of bytes, numbered as they came.
#[derive(Debug, Default, Clone)]
pub(super) struct Strings {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Column,
    index: Index,
}

impl Strings {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, at: u32) -> Option<&[u8]> {
        let end = usize::try_from(self.ends.get(at)?).ok()?;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).unwrap_or(0);
        self.bytes.get(usize::try_from(start).ok()?..end)
    }

    pub(super) fn find(&self, key: &HashKey, string: &[u8]) -> Option<u32> {
        self.index.find(key.short(string), |at| self.get(at) == Some(string))
    }

    /// Adds a string that is not there.
    pub(super) fn push(&mut self, key: &HashKey, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(i64::try_from(self.bytes.len()).unwrap_or(i64::MAX));
        let Self { bytes, ends, index } = self;
        let get = |at: u32| {
            let start = at.checked_sub(1).and_then(|before| ends.get(before)).unwrap_or(0);
            let range = usize::try_from(start).ok()?..usize::try_from(ends.get(at)?).ok()?;
            bytes.get(range)
        };
        index.push(key.short(string), |at| get(at).map_or(0, |string| key.short(string)));
    }

    pub(super) fn append(&mut self, key: &HashKey, tail: &Self) {
        for string in (0..).map_while(|at| tail.get(at)) {
            self.push(key, string);
        }
    }
}

impl Part for Strings {
    fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.bytes() + self.index.bytes()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_list(out, &self.bytes, |byte| [byte])?;
        self.ends.write(out)?;
        self.index.write(out)
    }

    fn read(&mut self, input: &mut dyn Read) -> io::Result<()> {
        self.bytes = read_list(input, |[byte]: [u8; 1]| byte)?;
        self.ends.read(input)?;
        self.index.read(input)
    }
}

/// Different sets of labels, numbered as they came. The empty set is none of them.
#[derive(Debug, Default, Clone)]
pub(super) struct LabelSets {
    labels: Vec<Label>,
    ends: Vec<u32>,
    index: Index,
}

fn pack(label: Label) -> [u8; 5] {
    let [a, b, c, d] = label.value.to_le_bytes();
    [dimension_number(label.dimension), a, b, c, d]
}

fn unpack([dimension, a, b, c, d]: [u8; 5]) -> Option<Label> {
    let dimension = Dimension::ALL.get(usize::from(dimension)).copied()?;
    Some(Label { dimension, value: u32::from_le_bytes([a, b, c, d]) })
}

fn hash(key: &HashKey, set: &[Label]) -> u64 {
    key.short(&set.iter().flat_map(|label| pack(*label)).collect::<Vec<u8>>())
}

fn set_at<'a>(labels: &'a [Label], ends: &[u32], at: u32) -> Option<&'a [Label]> {
    let start = at.checked_sub(1).and_then(|before| ends.get(before as usize)).copied().unwrap_or(0);
    labels.get(start as usize..*ends.get(at as usize)? as usize)
}

impl LabelSets {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, at: u32) -> Option<&[Label]> {
        set_at(&self.labels, &self.ends, at)
    }

    /// The set must be sorted.
    pub(super) fn find(&self, key: &HashKey, set: &[Label]) -> Option<u32> {
        self.index.find(hash(key, set), |at| self.get(at) == Some(set))
    }

    /// Adds a sorted set that is not there. False if there is no room left.
    pub(super) fn push(&mut self, key: &HashKey, set: &[Label]) -> bool {
        let Ok(end) = u32::try_from(self.labels.len() + set.len()) else { return false };
        self.labels.extend_from_slice(set);
        self.ends.push(end);
        let Self { labels, ends, index } = self;
        index.push(hash(key, set), |at| set_at(labels, ends, at).map_or(0, |set| hash(key, set)));
        true
    }

    pub(super) fn append(&mut self, key: &HashKey, tail: &Self) -> bool {
        (0..).map_while(|at| tail.get(at)).all(|set| self.push(key, set))
    }
}

impl Part for LabelSets {
    fn bytes(&self) -> usize {
        self.labels.capacity() * size_of::<Label>() + self.ends.capacity() * size_of::<u32>() + self.index.bytes()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_list(out, &self.labels, pack)?;
        write_list(out, &self.ends, u32::to_le_bytes)?;
        self.index.write(out)
    }

    fn read(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let labels: Option<Vec<Label>> = read_list(input, unpack)?.into_iter().collect();
        self.labels = labels.ok_or_else(|| bad("there is no such label"))?;
        self.ends = read_list(input, u32::from_le_bytes)?;
        self.index.read(input)
    }
}
