//! What the connector generic reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ltv_connector_generic::Generic;
use ltvd_fuzz::decoder;

fuzz_target!(|input: &[u8]| decoder::csv::<Generic>(input));
