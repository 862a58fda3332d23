//! What the connector konnektive reads: the first byte says by which door.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ltv_connector_konnektive::Konnektive;
use ltvd_fuzz::decoder;

fuzz_target!(|input: &[u8]| {
    let Some((door, rest)) = input.split_first() else { return };
    match door % 2 {
        0 => decoder::csv::<Konnektive>(rest),
        _ => decoder::poll::<Konnektive>(rest),
    }
});
