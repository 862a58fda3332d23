//! What the connector clickfunnels reads: the first byte says by which door.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ltv_connector_clickfunnels::ClickFunnels;
use ltvd_fuzz::decoder;

fuzz_target!(|input: &[u8]| {
    let Some((door, rest)) = input.split_first() else { return };
    match door % 2 {
        0 => decoder::webhook::<ClickFunnels>(rest),
        _ => decoder::poll::<ClickFunnels>(rest),
    }
});
