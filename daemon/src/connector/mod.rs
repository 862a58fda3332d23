//! The connector host: loads WebAssembly components, calls them inside limits, and turns what they answer into the words
//! of [`crate::model`].
//!
//! Everything here is synchronous and may block for as long as a call's deadline: async callers use `spawn_blocking`.
//! A connector can neither stop nor crash the daemon: whatever it does ends in a [`CallError`]. Nothing of the WASM
//! runtime leaks out of this module.

mod answer;
mod ask;
mod bindings;
mod calls;
mod conversation;
mod error;
mod host;
mod instance;
mod load;
mod log;
mod manifest;
mod prepared;
mod reader;
mod time;
mod types;
mod wasi;

pub use conversation::Conversation;
pub use error::{CallError, CallSite, LoadError};
pub use host::{Connector, Host, Interfaces, Registry};
pub use load::SUPPORTED_CONTRACT;
pub use log::{LogLevel, LogLine};
pub use manifest::RESERVED_SETTINGS;
pub use reader::Reader;
pub use types::{
    Answer, Ask, Authorization, Batch, Body, CallContext, Coverage, Delivery, Failure, Field, Hash, Header, Hmac,
    JsonSecret, Method, Next, NoResponse, Outcome, Pause, Progress, Proof, Replies, Reply, Request, Response, Step,
    StoredEntry, StoredOrder, Subscription, SubscriptionAction, Tally, Task, Value, Window,
};
