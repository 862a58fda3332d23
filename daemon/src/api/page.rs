//! Long lists, page by page.
//!
//! A request takes `limit` and `cursor`; an answer tells the cursor of the next page. A cursor holds the place of the last
//! row that was told, so rows that come or go between two requests neither repeat nor hide others. It also holds the
//! revision of the ledger, for lists that must add up to a figure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parameter::{Given, Integer, Kind, Read, parameters};
use super::problem::Problem;
use crate::limits::api::{CURSOR_CHARS, PAGE_ROWS, PAGE_ROWS_MAX};

parameters! {
    /// Which part of a list is wanted.
    pub(crate) struct PageParameters {
        /// Rows of a page
        limit: u64 = Integer { min: 1, max: PAGE_ROWS_MAX, default: PAGE_ROWS },
        /// Where to go on: `next` of the page before, to the same question
        cursor: From = Cursors,
    }
}

/// The first byte of a cursor. Another layout has another number, and what has another number is refused.
const VERSION: u8 = 1;

/// What a cursor holds.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    version: u8,
    /// See [`Given::question`].
    question: u64,
    /// Of the ledger, when the page before was told.
    revision: u64,
    /// Of the last row of the page before, in the list's own terms.
    place: Vec<u8>,
}

/// Where a page begins, and to which question.
#[derive(Debug)]
pub(crate) struct From {
    question: u64,
    cursor: Option<Cursor>,
}

/// A cursor, as a parameter.
#[derive(Debug)]
pub(crate) struct Cursors;

impl Kind for Cursors {
    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": CURSOR_CHARS, "contentEncoding": "base64url" })
    }

    fn placeholder(&self) -> &'static str {
        "CURSOR"
    }
}

impl Read for Cursors {
    type Value = From;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<From, Problem> {
        let question = given.question();
        let Some(text) = given.one(name)? else { return Ok(From { question, cursor: None }) };
        let bytes =
            Some(text).filter(|text| text.len() <= CURSOR_CHARS).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let cursor = bytes.and_then(|bytes| postcard::from_bytes::<Cursor>(&bytes).ok());
        match cursor.filter(|cursor| cursor.version == VERSION) {
            None => Err(not_one()),
            Some(cursor) if cursor.question != question => Err(Problem::question(
                "`cursor` belongs to another question; repeat its parameters, or begin without `cursor`",
            )),
            cursor => Ok(From { question, cursor }),
        }
    }
}

fn not_one() -> Problem {
    Problem::question("`cursor` is none that ltvd has told; begin without it")
}

impl PageParameters {
    /// The place after which the page begins; `None` for the first page.
    ///
    /// # Errors
    /// If the cursor does not hold such a place.
    pub(super) fn after<P: DeserializeOwned>(&self) -> Result<Option<P>, Problem> {
        let Some(cursor) = &self.cursor.cursor else { return Ok(None) };
        postcard::from_bytes(&cursor.place).map(Some).map_err(|_| not_one())
    }

    /// For lists that add up to a figure: no page after the first may show another ledger than the first.
    ///
    /// # Errors
    /// If the ledger has changed since the page before.
    pub(super) fn unchanged(&self, revision: u64) -> Result<(), Problem> {
        match &self.cursor.cursor {
            Some(cursor) if cursor.revision != revision => {
                Err(Problem::changed("the ledger has changed since the page before; begin without `cursor`"))
            }
            _ => Ok(()),
        }
    }

    /// Takes a page from the rows that come after [`Self::after`]. Gives it with the cursor of the next one, if there are
    /// more rows. `place` must tell the rows apart, and ascend in their sequence.
    ///
    /// # Errors
    /// If a place cannot be written down, which is a fault of the program.
    pub(super) fn cut<R, P: Serialize>(
        &self,
        revision: u64,
        rows: impl Iterator<Item = R>,
        place: impl Fn(&R) -> P,
    ) -> Result<(Vec<R>, Option<String>), Problem> {
        let mut rows = rows.peekable();
        let page: Vec<R> = rows.by_ref().take(usize::try_from(self.limit).unwrap_or(usize::MAX)).collect();
        let last = page.last().filter(|_| rows.peek().is_some()).map(place);
        let next = last.map(|place| self.written(revision, &place)).transpose();
        next.map(|next| (page, next)).map_err(|error| {
            tracing::error!(%error, "a cursor cannot be written");
            Problem::internal()
        })
    }

    fn written(&self, revision: u64, place: &impl Serialize) -> Result<String, postcard::Error> {
        let place = postcard::to_stdvec(place)?;
        let cursor = Cursor { version: VERSION, question: self.cursor.question, revision, place };
        Ok(URL_SAFE_NO_PAD.encode(postcard::to_stdvec(&cursor)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::parameter::Asked as _;
    use super::*;

    fn asked(path: &str, query: &str) -> Result<PageParameters, String> {
        // Other parameters are those of the route; here they are only part of the question.
        let mut given = Given::new(path, Some(query)).unwrap();
        PageParameters::take(&mut given).map_err(|problem| problem.detail)
    }

    /// Walks through a list, which `between` may change from page to page.
    fn walk(limit: u64, rows: &mut Vec<u32>, mut between: impl FnMut(&mut Vec<u32>)) -> Vec<u32> {
        let (mut told, mut query) = (Vec::new(), format!("limit={limit}"));
        loop {
            let page = asked("/list", &query).unwrap();
            let after: Option<u32> = page.after().unwrap();
            let rest = rows.iter().copied().filter(|row| after.is_none_or(|after| *row > after));
            let (cut, next) = page.cut(7, rest, |row| *row).unwrap();
            assert!(cut.len() as u64 <= limit);
            told.extend(cut);
            let Some(next) = next else { return told };
            query = format!("cursor={next}&limit={limit}");
            between(rows);
        }
    }

    proptest! {
        #[test]
        fn the_pages_are_the_list(mut rows in prop::collection::btree_set(any::<u32>(), 0..60), limit in 1_u64..20) {
            let expected: Vec<u32> = std::mem::take(&mut rows).into_iter().collect();
            prop_assert_eq!(walk(limit, &mut expected.clone(), |_| {}), expected);
        }

        #[test]
        fn rows_that_come_or_go_neither_repeat_nor_hide_others(
            rows in prop::collection::btree_set(0_u32..1_000, 1..60),
            changes in prop::collection::vec(1_000_u32..2_000, 1..20),
            limit in 1_u64..10,
        ) {
            let kept: Vec<u32> = rows.into_iter().collect();
            let mut changes = changes.into_iter();
            // What is there all the time is told once; what changes lies anywhere between.
            let told = walk(limit, &mut kept.clone(), |list| {
                list.retain(|row| kept.contains(row));
                if let Some(change) = changes.next() {
                    let row = change - 1_000;
                    if !list.contains(&row) {
                        list.push(row);
                        list.sort_unstable();
                    }
                }
            });
            let stayed: Vec<u32> = told.iter().copied().filter(|row| kept.contains(row)).collect();
            prop_assert_eq!(stayed, kept);
            prop_assert!(told.windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn whatever_is_sent_as_a_cursor_is_read_or_refused(text in ".{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for cursor in [crate::redact::percent(&text).to_string(), URL_SAFE_NO_PAD.encode(bytes)] {
                if let Ok(page) = asked("/list", &format!("cursor={cursor}")) {
                    let _: Result<Option<(u64, u64)>, _> = page.after();
                }
            }
        }
    }

    #[test]
    fn a_cursor_fits_one_question() {
        let page = asked("/list", "integration=a&limit=1").unwrap();
        let (_, next) = page.cut(7, [1_u64, 2].into_iter(), |row| *row).unwrap();
        let next = next.unwrap();
        let second = asked("/list", &format!("cursor={next}&integration=a&limit=9")).unwrap();
        assert_eq!(second.after().unwrap(), Some(1_u64));
        for (path, other) in [("/list", "integration=b&"), ("/list", ""), ("/other", "integration=a&")] {
            let told = asked(path, &format!("{other}cursor={next}")).unwrap_err();
            assert!(told.contains("belongs to another question"), "{path} {other}: {told}");
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for cursor in ["x", "AAAA", "%20x", "=", "AgAAAA"] {
            let told = asked("/list", &format!("cursor={cursor}")).unwrap_err();
            assert!(told.contains("is none that ltvd has told"), "{cursor}: {told}");
        }
        let long = "A".repeat(CURSOR_CHARS + 1);
        assert!(asked("/list", &format!("cursor={long}")).is_err());
    }

    #[test]
    fn another_version_is_refused() {
        let question = Given::new("/list", None).unwrap().question();
        let cursor = Cursor { version: VERSION + 1, question, revision: 7, place: vec![1] };
        let text = URL_SAFE_NO_PAD.encode(postcard::to_stdvec(&cursor).unwrap());
        assert!(asked("/list", &format!("cursor={text}")).is_err());
    }

    #[test]
    fn a_list_that_adds_up_tells_when_the_ledger_has_changed() {
        let page = asked("/list", "limit=1").unwrap();
        let (_, next) = page.cut(7, [1_u64, 2].into_iter(), |row| *row).unwrap();
        assert!(page.unchanged(7).is_ok());
        let second = asked("/list", &format!("cursor={}", next.unwrap())).unwrap();
        assert!(second.unchanged(7).is_ok());
        assert_eq!(second.unchanged(8).unwrap_err().status, 409);
    }

    #[test]
    fn limits_have_bounds() {
        assert_eq!(asked("/list", "").unwrap().limit, PAGE_ROWS);
        assert!(asked("/list", "limit=0").unwrap_err().contains("from 1 to 1000"));
        assert!(asked("/list", "limit=1001").is_err());
    }
}
