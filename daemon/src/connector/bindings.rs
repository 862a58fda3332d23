//! Rust types for the contract, generated from `wit/`. Nothing of this leaves [`super`].

#![allow(missing_docs, unreachable_pub)]

wasmtime::component::bindgen!({
    world: "complete",
    path: "../wit",
});

pub(super) use self::exports::ltv::connector::{connector, csv, poll, webhook};
pub(super) use self::ltv::connector::{log, types};
