//! The platforms that ltvd asks, as its tests meet them: each a state that answers requests as the real one does, faults
//! included. They do no input or output. The end-to-end tests put them behind a socket; the tests of a connector ask them
//! directly ([`native::answers`]).

pub mod call;
pub mod faults;
pub mod konnektive;
pub mod native;
pub mod samcart;
pub mod thrivecart;
pub mod truth;
pub mod woocommerce;

pub use call::{Answer, Call, Wire};
pub use faults::{Fault, Faults};
pub use truth::{Money, money};

/// What answers requests.
pub trait Platform: Send + 'static {
    /// Answers one request, whatever it is.
    fn answer(&mut self, call: &Call) -> Answer;
}
