//! The words that every other module speaks: entries and changes, money, moments, and what a connector declares.
//!
//! Pure data. Nothing here reads a clock, a file or a socket.

mod entry;
mod label;
pub mod manifest;
mod moment;
mod money;
mod rows;
mod zone;

pub use entry::{
    Amounts, Billing, Change, Customer, Door, Entry, EntryKey, Kind, Line, Order, Reject, Tag, Withdrawal,
};
pub use label::{Dimension, Good, Label, Product};
pub use moment::{Moment, Resolved, Zone, day_number, day_of, local_day};
pub(crate) use money::div_half_even;
pub use money::{Currency, Decimal, MoneyError, UnknownCurrency, format_minor};
pub use rows::Rows;
pub use zone::ZoneTable;
