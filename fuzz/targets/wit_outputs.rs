//! What a connector answers: steps, proofs, failures, batches and manifests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ltvd_fuzz::connector::{Said, take_in};

fuzz_target!(|said: Said| take_in(said));
