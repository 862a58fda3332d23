//! Parameters of questions, as data. What a route takes is declared once with [`parameters!`]; reading, the description of
//! the API and the options of the command line come from there. One that is not known is an error: a typo must not widen
//! an answer.

mod given;
mod kinds;

use std::fmt::Debug;

use serde_json::Value;

use super::problem::Problem;

pub(crate) use given::Given;
pub(crate) use kinds::Amount;
pub(crate) use kinds::{
    CurrencyCode, Day, Format, Formats, Horizons, Integer, Number, Text, Texts, Words, ZoneName, integer,
};

/// One parameter, as it is told to people and programs.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// As in the address.
    pub(crate) name: &'static str,
    /// What it means, without full stop.
    pub(crate) about: &'static str,
    /// What it takes.
    pub(crate) kind: &'static dyn Kind,
}

/// What a parameter takes, for descriptions.
pub(crate) trait Kind: Debug + Sync {
    /// JSON Schema of one value.
    fn schema(&self) -> Value;

    /// What stands for it in a synopsis.
    fn placeholder(&self) -> &'static str;

    /// The words that it takes, if it takes nothing else.
    fn words(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The word that stands for it where it is left out.
    fn default(&self) -> Option<&'static str> {
        None
    }

    /// How often it may be given. `None`: once.
    fn times_max(&self) -> Option<usize> {
        None
    }
}

/// What a parameter takes, for reading.
pub(crate) trait Read: Kind {
    /// What is read.
    type Value;

    /// Takes the parameter out of what was given.
    ///
    /// # Errors
    /// If what was given does not fit; the message names the parameter and the value.
    fn read(&self, name: &'static str, given: &mut Given) -> Result<Self::Value, Problem>;
}

/// The parameters of a route. Declared by [`parameters!`].
pub(crate) trait Asked: Sized + Send + 'static {
    /// Its own.
    const OWN: &'static [Parameter];
    /// Those that it has in common with other routes.
    const SHARED: &'static [&'static [Parameter]];

    /// Takes all of them out of what was given.
    ///
    /// # Errors
    /// If one does not fit.
    fn take(given: &mut Given) -> Result<Self, Problem>;

    /// All of them.
    fn table() -> impl Iterator<Item = &'static Parameter> {
        Self::OWN.iter().chain(Self::SHARED.iter().copied().flatten())
    }

    /// Reads the query of an address.
    ///
    /// # Errors
    /// If a parameter is unknown, given too often, empty, or does not fit.
    fn read(path: &str, query: Option<&str>) -> Result<Self, Problem> {
        let mut given = Given::new(path, query)?;
        let asked = Self::take(&mut given)?;
        given.done(Self::table())?;
        Ok(asked)
    }
}

/// Declares the parameters of a route as a struct: one field for each, with its meaning as doc comment and its kind after
/// the equals sign; fields after `..` hold parameters that several routes share. Since the table and the reading are made
/// of the fields, no handler can ask for a parameter that is not in the table, and the compiler tells of those in the
/// table that no handler asks for.
macro_rules! parameters {
    (
        $(#[$attribute:meta])*
        $visible:vis struct $name:ident {
            $( $(#[doc = $about:literal])+ $field:ident: $value:ty = $kind:expr, )*
            $( ..$shared_field:ident: $shared:ty, )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug)]
        $visible struct $name {
            $( $(#[doc = $about])+ pub(super) $field: $value, )*
            $( pub(super) $shared_field: $shared, )*
        }

        impl $crate::api::parameter::Asked for $name {
            const OWN: &'static [$crate::api::parameter::Parameter] = &[
                $( $crate::api::parameter::Parameter {
                    name: stringify!($field),
                    about: concat!($($about),+).trim_ascii(),
                    kind: &$kind,
                }, )*
            ];
            const SHARED: &'static [&'static [$crate::api::parameter::Parameter]] =
                &[$( <$shared as $crate::api::parameter::Asked>::OWN, )*];

            #[allow(unused_variables, reason = "there are routes without parameters")]
            fn take(
                given: &mut $crate::api::parameter::Given,
            ) -> Result<Self, $crate::api::problem::Problem> {
                Ok(Self {
                    $( $field: $crate::api::parameter::Read::read(&$kind, stringify!($field), given)?, )*
                    $( $shared_field: <$shared as $crate::api::parameter::Asked>::take(given)?, )*
                })
            }
        }
    };
}

pub(crate) use parameters;

parameters! {
    /// Of routes that take none.
    pub(crate) struct NoParameters {}
}

#[cfg(test)]
mod tests {
    use super::*;

    parameters! {
        struct Span {
            /// First day
            from: Option<i32> = Day,
        }
    }

    parameters! {
        struct Question {
            /// Word by word,
            /// over two lines
            group: u8 = Words { words: &[("one", 1), ("two", 2)], default: "two" },
            /// How many
            limit: u64 = Integer { min: 1, max: 9, default: 5 },
            ..span: Span,
        }
    }

    fn read(query: &str) -> Result<Question, String> {
        Question::read("/q", Some(query)).map_err(|problem| problem.detail)
    }

    #[test]
    fn the_table_has_what_is_read_and_nothing_else() {
        let names: Vec<_> = Question::table().map(|parameter| parameter.name).collect();
        assert_eq!(names, ["group", "limit", "from"]);
        assert_eq!(Question::OWN[0].about, "Word by word, over two lines");
        for name in names {
            let value = if name == "group" { "one" } else { "?" };
            let told = read(&format!("{name}={value}")).err().unwrap_or_default();
            assert!(!told.contains("there is no parameter"), "{told}");
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let question = read("").unwrap();
        assert_eq!((question.group, question.limit, question.span.from), (2, 5, None));
        let question = read("group=one&limit=9&from=1970-01-03").unwrap();
        assert_eq!((question.group, question.limit, question.span.from), (1, 9, Some(2)));
    }

    #[test]
    fn unknown_parameters_are_errors_with_advice() {
        assert_eq!(
            read("groups=one").unwrap_err(),
            "there is no parameter `groups`; did you mean `group`? This address takes from, group, limit"
        );
        assert_eq!(
            NoParameters::read("/q", Some("x=1")).unwrap_err().detail,
            "there is no parameter `x`. This address takes none"
        );
    }

    #[test]
    fn words_days_and_numbers_say_what_they_take() {
        assert_eq!(
            read("group=twoo").unwrap_err(),
            "`group=twoo` is not known; use one of one, two; did you mean `two`?"
        );
        assert_eq!(read("group=one&group=two").unwrap_err(), "`group` is given 2 times; give it once");
        assert_eq!(read("group=").unwrap_err(), "`group` is empty; leave it out or give it a value");
        assert_eq!(read("from=2025-13-01").unwrap_err(), "`from=2025-13-01` is not a day; write it as 2026-10-31");
        for number in ["0", "10", "-1", "1.0", "x", "99999999999999999999"] {
            let told = format!("`limit={number}` is not a whole number from 1 to 9");
            assert_eq!(read(&format!("limit={number}")).unwrap_err(), told);
        }
    }
}
