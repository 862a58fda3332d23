//! Revisions for platforms that have none.

use crate::types::Decimal;

/// Room for the total below each rank: 10^12 hundredths, ten thousand million units of money.
const RANK_STEP: i64 = 1_000_000_000_000;

/// A revision that lets a better source win over a poorer one, and within one source the larger total over the smaller:
/// `rank` * 10^12 + total in hundredths, the latter between 0 and 10^12 - 1. `rank` grows with what a source knows.
#[must_use]
pub fn ranked(rank: i64, total: Decimal) -> i64 {
    let hundredths = total.in_hundredths().clamp(0, i128::from(RANK_STEP - 1));
    rank.saturating_mul(RANK_STEP).saturating_add(i64::try_from(hundredths).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_outweighs_any_total_and_total_decides_within_a_rank() {
        let huge = Decimal::whole(i64::MAX);
        assert!(ranked(2, Decimal::ZERO) > ranked(1, huge));
        assert!(ranked(1, Decimal::hundredths(1_001)) > ranked(1, Decimal::whole(10)));
        assert_eq!(ranked(0, Decimal::hundredths(-5)), 0);
        assert_eq!(ranked(i64::MAX, huge), i64::MAX);
    }
}
