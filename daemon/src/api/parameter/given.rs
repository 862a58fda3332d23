//! What was given in the query of an address.

use sha2::{Digest, Sha256};

use super::Parameter;
use crate::api::problem::Problem;

/// Parameters that only say which part of an answer is wanted.
const OF_PAGES: [&str; 2] = ["limit", "cursor"];

/// The parameters of one request, taken out one by one.
#[derive(Debug)]
pub(crate) struct Given {
    left: Vec<(String, String)>,
    question: u64,
}

impl Given {
    /// Of the path and the query of an address.
    ///
    /// # Errors
    /// If the query is not encoded as queries are.
    pub(crate) fn new(path: &str, query: Option<&str>) -> Result<Self, Problem> {
        let uri = format!("/?{}", query.unwrap_or_default());
        let uri = uri.parse().map_err(|_| Problem::question("the query is not encoded as a query should be"))?;
        let axum::extract::Query(left) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
            .map_err(|error| Problem::question(format!("the query cannot be read: {error}")))?;
        let question = question(path, &left);
        Ok(Self { left, question })
    }

    /// Stands for the path and all parameters but those of pages, in whichever sequence they were given.
    pub(crate) const fn question(&self) -> u64 {
        self.question
    }

    /// Takes all values of a parameter that may be repeated.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        let (found, left) = std::mem::take(&mut self.left).into_iter().partition(|(known, _)| known == name);
        self.left = left;
        let found: Vec<(String, String)> = found;
        found.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes the value of a parameter that may be given once.
    ///
    /// # Errors
    /// If it is given twice, or empty.
    pub(crate) fn one(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut found = self.all(name);
        if found.len() > 1 {
            return Err(Problem::question(format!("`{name}` is given {} times; give it once", found.len())));
        }
        match found.pop() {
            Some(value) if value.trim().is_empty() => Err(empty(name)),
            value => Ok(value),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If a parameter is left that is not in the table.
    pub(crate) fn done(self, table: impl Iterator<Item = &'static Parameter>) -> Result<(), Problem> {
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        let mut known: Vec<&str> = table.map(|parameter| parameter.name).collect();
        known.sort_unstable();
        let near = nearest(name, &known).map_or(".".to_owned(), |near| format!("; did you mean `{near}`?"));
        Err(Problem::question(format!(
            "there is no parameter `{name}`{near} This address takes {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        )))
    }
}

/// A parameter without a value.
pub(super) fn empty(name: &str) -> Problem {
    Problem::question(format!("`{name}` is empty; leave it out or give it a value"))
}

/// The word that is meant, if one is near.
pub(super) fn nearest<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    let rated = words.iter().map(|word| (strsim::jaro_winkler(text, word), *word));
    rated.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, word)| word)
}

fn question(path: &str, given: &[(String, String)]) -> u64 {
    let mut told: Vec<&(String, String)> =
        given.iter().filter(|(name, _)| !OF_PAGES.contains(&name.as_str())).collect();
    told.sort();
    let mut digest = Sha256::new();
    for text in [path].into_iter().chain(told.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()])) {
        // With lengths, so that no two questions are written alike.
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    digest.finalize().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        let mut given = Given::new("/", Some("timezone=Europe%2FBerlin&a=1&a=2&b=+")).unwrap();
        assert_eq!(given.one("timezone").unwrap().as_deref(), Some("Europe/Berlin"));
        assert!(given.one("a").unwrap_err().detail.contains("2 times"));
        assert!(given.one("b").unwrap_err().detail.contains("is empty"));
        assert!(given.done([].iter()).is_ok());
    }

    #[test]
    fn a_question_is_known_by_everything_but_its_pages() {
        let of = |path: &str, query: &str| Given::new(path, Some(query)).unwrap().question();
        let one = of("/v1/a", "x=1&y=2");
        assert_eq!(of("/v1/a", "y=2&limit=5&x=1&cursor=abc"), one);
        for (path, query) in [("/v1/b", "x=1&y=2"), ("/v1/a", "x=1"), ("/v1/a", "x=1&y=3"), ("/v1/a", "x=1y&=2")] {
            assert_ne!(of(path, query), one, "{path}?{query}");
        }
    }
}
