//! What the connector woocommerce reads: the first byte says by which door.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ltv_connector_woocommerce::WooCommerce;
use ltvd_fuzz::decoder;

fuzz_target!(|input: &[u8]| {
    let Some((door, rest)) = input.split_first() else { return };
    match door % 2 {
        0 => decoder::webhook::<WooCommerce>(rest),
        _ => decoder::poll::<WooCommerce>(rest),
    }
});
