//! Ways to spoil bytes, the same at each run.

use serde_json::{Value, json};

use crate::limits::cli::CASE_DAMAGES;

/// Damaged bytes.
pub(super) struct Spoilt {
    pub(super) how: String,
    pub(super) bytes: Vec<u8>,
}

/// Numbers that look random and are the same each time (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 1) as usize % end.max(1)
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Damages to a body: cut off, with wrong bytes, and with odd values in the places of others.
pub(super) fn body(bytes: &[u8]) -> Vec<Spoilt> {
    let share = CASE_DAMAGES / 4;
    let mut all = some(cuts(bytes), share);
    all.extend(flips(bytes, share));
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) if value.is_object() || value.is_array() => all.extend(some(odd_json(&value), share * 2)),
        _ => all.extend(some(odd_fields(bytes), share * 2)),
    }
    let deep = |open: &str| Spoilt { how: format!("nothing but `{open}`"), bytes: open.repeat(50_000).into_bytes() };
    all.extend([deep("["), deep("{\"a\":"), deep("a[b]")]);
    all.extend([Spoilt { how: "empty".to_owned(), bytes: Vec::new() }]);
    all
}

/// Odd texts in the place of a header or query, as far as they can come over the wire.
pub(super) fn word(text: &str) -> Vec<String> {
    const ODD: [&str; 12] = [
        "",
        "0",
        "-1",
        "99999999999999999999",
        "null",
        "=",
        ",",
        ";a=b",
        "a[b][c]=%",
        "%00%ff&a=1&a=2",
        "é\u{fffd}\u{202e}",
        "t=,v1=",
    ];
    let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    let cut = text.get(..half).unwrap_or_default().to_owned();
    let mut all: Vec<String> = ODD.map(str::to_owned).into();
    all.extend([cut, format!("{text}{text}"), "x".repeat(5_000)]);
    all.retain(|odd| odd != text);
    all
}

/// Damages to a table file: cut off, with wrong bytes, odd cells, lines missing, twice and swapped.
pub(super) fn table(bytes: &[u8]) -> Vec<Spoilt> {
    const CELLS: [&str; 9] =
        ["", "-1", "99999999999999999999", "1e309", "\u{0}", "ÿ\u{202e}", "2026-02-30", "\"", "null"];
    let share = CASE_DAMAGES / 4;
    let mut all = some(cuts(bytes), share);
    all.extend(flips(bytes, share));
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().collect();
    let mut dice = Dice::new(bytes.len() as u64);
    for _ in 0..share * 2 {
        let at = dice.below(lines.len());
        let mut damaged: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let Some(line) = damaged.get_mut(at) else { break };
        let how = match dice.below(6) {
            0 => {
                damaged.remove(at);
                format!("without line {}", at + 1)
            }
            1 => {
                let twin = line.clone();
                damaged.insert(at, twin);
                format!("line {} twice", at + 1)
            }
            _ => {
                let separator = if line.contains(';') { ';' } else { ',' };
                let mut cells: Vec<&str> = line.split(separator).collect();
                let place = dice.below(cells.len());
                let odd = CELLS.get(dice.below(CELLS.len())).copied().unwrap_or_default();
                if let Some(cell) = cells.get_mut(place) {
                    *cell = odd;
                }
                *line = cells.join(&separator.to_string());
                format!("line {}, cell {} made {odd:?}", at + 1, place + 1)
            }
        };
        all.push(Spoilt { how, bytes: damaged.join("\n").into_bytes() });
    }
    all
}

/// So many of them, spread over all.
pub(super) fn some(all: Vec<Spoilt>, most: usize) -> Vec<Spoilt> {
    let every = all.len().div_ceil(most.max(1)).max(1);
    all.into_iter().step_by(every).collect()
}

fn cuts(bytes: &[u8]) -> Vec<Spoilt> {
    let cut = |end: usize| Spoilt {
        how: format!("cut off after {end} bytes"),
        bytes: bytes.get(..end).unwrap_or_default().to_vec(),
    };
    let every = bytes.len().div_ceil(CASE_DAMAGES).max(1);
    (0..bytes.len()).step_by(every).map(cut).collect()
}

fn flips(bytes: &[u8], count: usize) -> Vec<Spoilt> {
    let mut dice = Dice::new(bytes.len() as u64 + 1);
    let flip = |_| {
        let (at, change) = (dice.below(bytes.len()), (dice.next() % 255 + 1) as u8);
        let mut damaged = bytes.to_vec();
        if let Some(place) = damaged.get_mut(at) {
            *place ^= change;
        }
        Spoilt { how: format!("byte {at} changed by {change:#04x}"), bytes: damaged }
    };
    (0..count).map(flip).collect()
}

/// Every value of a tree replaced by every odd one, and taken out.
fn odd_json(value: &Value) -> Vec<Spoilt> {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("0"),
        json!("-0.001"),
        json!("99999999999999999999.99"),
        json!("é\u{0}\u{202e}'\"<"),
        json!("x".repeat(5_000)),
        json!("2026-02-30T25:61:61Z"),
        json!([]),
        json!({}),
        json!([[{}], null]),
    ];
    let mut places = Vec::new();
    walk(value, String::new(), &mut places);
    let mut all = Vec::new();
    for place in places {
        for odd in &odd {
            let mut damaged = value.clone();
            if let Some(found) = damaged.pointer_mut(&place) {
                *found = odd.clone();
            }
            let mut shown = odd.to_string();
            if shown.len() > 30 {
                shown = format!("a text of {} bytes", shown.len());
            }
            all.push(Spoilt { how: format!("{place} made {shown}"), bytes: damaged.to_string().into_bytes() });
        }
        let mut damaged = value.clone();
        let taken = place.rsplit_once('/').and_then(|(parent, name)| {
            damaged.pointer_mut(parent)?.as_object_mut()?.remove(&name.replace("~1", "/").replace("~0", "~"))
        });
        if taken.is_some() {
            all.push(Spoilt { how: format!("without {place}"), bytes: damaged.to_string().into_bytes() });
        }
    }
    all
}

fn walk(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                walk(value, format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(value, format!("{place}/{index}"), places);
            }
        }
        _ => {}
    }
    if !place.is_empty() {
        places.push(place);
    }
}

/// Every field of a form replaced by every odd value, and taken out.
fn odd_fields(bytes: &[u8]) -> Vec<Spoilt> {
    const ODD: [&str; 10] =
        ["", "null", "-1", "0", "1e309", "99999999999999999999.99", "%00%ff%FE", "2026-02-30+25:61", "a%5Bb%5D", "%"];
    let text = String::from_utf8_lossy(bytes);
    let fields: Vec<&str> = text.split('&').collect();
    let mut all = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        let name = field.split('=').next().unwrap_or_default();
        let with = |value: Option<String>| {
            let mut damaged: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            match value {
                Some(value) => damaged.splice(at..=at, [value]).for_each(drop),
                None => drop(damaged.remove(at)),
            }
            damaged.join("&").into_bytes()
        };
        for odd in ODD {
            all.push(Spoilt { how: format!("{name} made `{odd}`"), bytes: with(Some(format!("{name}={odd}"))) });
        }
        let long = format!("{name}={}", "x".repeat(5_000));
        all.push(Spoilt { how: format!("{name} made a text of 5000 bytes"), bytes: with(Some(long)) });
        all.push(Spoilt { how: format!("without {name}"), bytes: with(None) });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damages_are_many_bounded_and_the_same_each_time() {
        let good = br#"{"id": 1, "items": [{"name": "tea", "a/b": null}]}"#;
        let all = body(good);
        assert!(all.len() > 60 && all.len() < CASE_DAMAGES * 2, "{}", all.len());
        assert!(all.iter().all(|spoilt| spoilt.bytes != good));
        assert!(odd_json(&json!({"a/b": {"c": 1}})).iter().any(|spoilt| spoilt.how == "without /a~1b/c"));
        let bytes = |all: Vec<Spoilt>| all.into_iter().map(|spoilt| spoilt.bytes).collect::<Vec<_>>();
        assert_eq!(bytes(body(good)), bytes(body(good)));
        assert!(body(b"").len() > 2 && !table(b"a,b\n1,2\n").is_empty() && !body(b"a=1&b[c]=2").is_empty());
    }
}
