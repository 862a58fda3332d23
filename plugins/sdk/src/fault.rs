//! What is wrong with one row or object, while the rest can be read.

use std::fmt;

use crate::dates::DateError;
use crate::money::MoneyError;
use crate::types::{Failure, Reject};

/// What is wrong with one row or one object of an answer. It becomes a reject, or a [`Failure::Malformed`] where a
/// delivery holds nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The platform's id of the object, if it could be read.
    pub id: Option<String>,
    /// Column or field at fault.
    pub field: Option<String>,
    /// What is wrong, for the operator, with the value found.
    pub reason: String,
}

impl Fault {
    /// A fault of the whole row or object.
    pub fn new(reason: impl Into<String>) -> Self {
        Fault { id: None, field: None, reason: reason.into() }
    }

    /// A fault of one column or field.
    pub fn at(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Fault { id: None, field: Some(field.into()), reason: reason.to_string() }
    }

    /// Says which object it is about.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The reject for the row or response with this index.
    #[must_use]
    pub fn reject(self, index: u32) -> Reject {
        Reject { index, id: self.id, field: self.field, reason: self.reason }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.id {
            write!(f, "{id}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Fault {}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Fault::new(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Fault::new(reason)
    }
}

impl From<MoneyError> for Fault {
    fn from(error: MoneyError) -> Self {
        Fault::new(error.to_string())
    }
}

impl From<DateError> for Fault {
    fn from(error: DateError) -> Self {
        Fault::new(error.to_string())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Malformed(fault.to_string())
    }
}

/// Why an object was not read, where reading it may take more than the object: `?` takes faults and failures alike and keeps
/// them apart. A webhook returns it with `?`; a walk hands it to [`Daemon::settle`](crate::conversation::Daemon::settle).
#[derive(Debug, Clone, PartialEq)]
pub enum Unread {
    /// This object alone cannot be read.
    Fault(Fault),
    /// Nothing can be read any more.
    Failure(Failure),
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Unread::Fault(fault)
    }
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Unread::Failure(failure)
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Fault(fault) => fault.into(),
            Unread::Failure(failure) => failure,
        }
    }
}
