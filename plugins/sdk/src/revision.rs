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

/// Room for the moment below each rank, milliseconds: the year 2286 and every moment that the daemon takes.
const RANK_STEP_MS: i64 = 10_000_000_000_000;

/// As [`ranked`], where within one source the later change wins: `rank` * 10^13 + milliseconds since 1970-01-01T00:00:00Z,
/// the latter between 0 and 10^13 - 1.
#[must_use]
pub fn ranked_at(rank: i64, unix_ms: i64) -> i64 {
    rank.saturating_mul(RANK_STEP_MS).saturating_add(unix_ms.clamp(0, RANK_STEP_MS - 1))
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

    #[test]
    fn rank_outweighs_any_moment_and_the_later_wins_within_a_rank() {
        assert!(ranked_at(2, 0) > ranked_at(1, i64::MAX));
        assert!(ranked_at(1, 1_775_044_800_001) > ranked_at(1, 1_775_044_800_000));
        assert_eq!((ranked_at(0, -5), ranked_at(i64::MAX, 1)), (0, i64::MAX));
    }
}
