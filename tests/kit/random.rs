//! Chance that is told, so that what it brings to light can be looked into.

use std::time::SystemTime;

/// Gives numbers below a bound, others at every run. The seed is told, and taken from LTVD_TEST_SEED if that is set.
pub(crate) fn random() -> impl FnMut(usize) -> usize {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    let given = std::env::var("LTVD_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or((now.as_secs() << 20) | u64::from(now.subsec_micros())).max(1);
    eprintln!("LTVD_TEST_SEED={seed}");
    let mut state = seed;
    // Xorshift, 64 bits.
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("less than the bound")
    }
}
