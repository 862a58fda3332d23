//! The poll door: asks platforms for what they have, at the operator's pace.
//!
//! The daemon owns windows and cursors ([`plan`]); a connector reads one window in a conversation ([`crate::doors`]'s `talk`).
//! Changes, responses and the cursor of a step are one commit, so a kill at any moment loses nothing and doubles nothing. An
//! integration is complete through the start of a pass only when each of its windows was read whole.

mod missing;
mod party;
mod pass;
pub mod plan;
mod replay;
mod schedule;
mod subscribe;

pub(super) use party::{Party, legs_between, party};
pub(super) use pass::still_stopped;
pub use pass::{SyncError, Wish, sync};
pub use replay::replay;
pub use schedule::{is_polled, polled, run};
pub use subscribe::{Subscribed, check, subscribe, unsubscribe};
