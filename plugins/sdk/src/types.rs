//! The records of the contract under one roof. Their meaning is told in `wit/`, and repeated on each type.

pub use crate::bindings::base::exports::ltv::connector::connector::{
    Choice, Column, ColumnContent, CsvFormat, DateOrder, Granularity, Host, Manifest, Polling, Problem,
    SettingDescription, SettingKind, WebhookDescription,
};
pub use crate::bindings::base::ltv::connector::log::Level;
pub use crate::bindings::base::ltv::connector::types::{
    Amounts, Ask, Authorization, Axis, Basic, Billing, Body, Change, Context, Coverage, Customer, Decimal, Entry,
    EntryKey, Failure, Field, Hash, Header, Instant, JsonBody, JsonSecret, Kind, Line, Method, Moment, Next,
    NoResponse, Oauth1, Order, Outcome, Pause, Progress, Reject, Replies, Reply, Request, Response, Setting,
    SettingValue, Step, StoredEntry, StoredOrder, Subscription, SubscriptionAction, Tag, Tally, Value as FieldValue,
    Withdrawal,
};
pub use crate::bindings::polling::exports::ltv::connector::poll::{Task, Window};
pub use crate::bindings::reading::exports::ltv::connector::csv::{Batch, Rows};
pub use crate::bindings::receiving::exports::ltv::connector::webhook::{
    Answer, Delivery, Equals, Hmac, Message, Proof,
};
