//! The log of the daemon. Natively, in tests, lines go to standard error.
//!
//! No credentials and no customer data belong here.

use std::sync::Once;

pub use crate::types::Level;

/// Writes one line.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::base::ltv::connector::log::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// For the author of the connector.
pub fn debug(message: impl AsRef<str>) {
    log(Level::Debug, message.as_ref());
}

/// Worth keeping.
pub fn info(message: impl AsRef<str>) {
    log(Level::Info, message.as_ref());
}

/// The operator should look.
pub fn warn(message: impl AsRef<str>) {
    log(Level::Warn, message.as_ref());
}

/// Something was lost or refused.
pub fn error(message: impl AsRef<str>) {
    log(Level::Error, message.as_ref());
}

/// Sees to it that the text and the place of a panic reach the log before the instance traps. Every exported function
/// calls it first.
pub fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|info| error(info.to_string().replace('\n', " ")))));
}
