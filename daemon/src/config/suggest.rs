//! "Did you mean?"

/// The candidate that a misspelt word most likely stands for.
pub(super) fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = plain(word);
    if word.is_empty() {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&word, &plain(candidate))?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The zone that is meant by `Berlin`, `europe/berlin` or `America/NewYork`.
pub(super) fn zone(word: &str) -> Option<&'static str> {
    let meant = plain(word);
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let is_city = |name: &&str| name.rsplit_once('/').is_some_and(|(_, city)| plain(city) == meant);
    names()
        .find(|name| plain(name) == meant)
        .or_else(|| names().find(is_city))
        // Short names without a place, such as EST, are all alike: a slip among them tells nothing.
        .or_else(|| closest(word, names().filter(|name| name.contains('/'))))
}

/// How people differ when they mean the same: case, hyphens, blanks.
fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).take(100).collect()
}

/// None if the words have nothing to do with each other.
fn distance(word: &str, candidate: &str) -> Option<usize> {
    let edits = strsim::osa_distance(word, candidate);
    let length = word.chars().count().max(candidate.chars().count());
    if edits * 3 <= length {
        return Some(edits);
    }
    // `timezone` for `zone`, `listen_address` for `listen`.
    let within = |long: &str, short: &str| short.len() >= 4 && long.contains(short);
    (within(word, candidate) || within(candidate, word)).then_some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_strangers_are_not() {
        let keys = ["timezone", "currency", "free_orders", "merge"];
        assert_eq!(closest("timezon", keys), Some("timezone"));
        assert_eq!(closest("time-zone", keys), Some("timezone"));
        assert_eq!(closest("Currency", keys), Some("currency"));
        assert_eq!(closest("zone", keys), Some("timezone"));
        assert_eq!(closest("colour", keys), None);
        assert_eq!(closest("", keys), None);
    }

    #[test]
    fn zones_are_found_by_their_city() {
        assert_eq!(zone("Berlin"), Some("Europe/Berlin"));
        assert_eq!(zone("europe/berlin"), Some("Europe/Berlin"));
        assert_eq!(zone("America/NewYork"), Some("America/New_York"));
        assert_eq!(zone("new york"), Some("America/New_York"));
        assert_eq!(zone("utc"), Some("UTC"));
        assert_eq!(zone("PST"), None);
        assert_eq!(zone("Mars/Olympus"), None);
    }
}
