//! What the connector thrivecart reads: the first byte says by which door.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ltv_connector_thrivecart::ThriveCart;
use ltvd_fuzz::decoder;

fuzz_target!(|input: &[u8]| {
    let Some((door, rest)) = input.split_first() else { return };
    match door % 3 {
        0 => decoder::csv::<ThriveCart>(rest),
        1 => decoder::webhook::<ThriveCart>(rest),
        _ => decoder::poll::<ThriveCart>(rest),
    }
});
