//! Numbers as a row of blocks, for a look at where they go.

use super::figure::Figure;

/// An eighth of a line's height to all of it.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One character for each number: the least has the lowest block, the greatest the full one, and what is not known is a
/// gap. Numbers that are all alike have the lowest. Every row has its own scale: it tells a course, not an amount.
pub(super) fn sparkline(numbers: &[Option<Figure>]) -> String {
    let decimals = numbers.iter().flatten().map(|figure| figure.decimals).max().unwrap_or(0);
    let level = |figure: &Figure| {
        let factor = 10_i128.saturating_pow(u32::from(decimals - figure.decimals));
        figure.coefficient.saturating_mul(factor)
    };
    let levels = || numbers.iter().flatten().map(level);
    let (least, greatest) = (levels().min().unwrap_or(0), levels().max().unwrap_or(0));
    // Eight times the largest of numbers would not fit; they can spare three bits.
    let spare = if greatest.abs_diff(least) > u128::MAX / 8 { 3 } else { 0 };
    let height = greatest.abs_diff(least) >> spare;
    let block = |figure: &Figure| {
        let above = level(figure).abs_diff(least) >> spare;
        let eighths = (above * 8).checked_div(height).and_then(|eighths| usize::try_from(eighths).ok()).unwrap_or(0);
        BLOCKS.get(eighths.min(BLOCKS.len() - 1)).copied().unwrap_or(' ')
    };
    numbers.iter().map(|number| number.as_ref().map_or(' ', block)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[Option<i128>]) -> String {
        let figure = |number: &Option<i128>| number.map(|coefficient| Figure { coefficient, decimals: 2 });
        sparkline(&numbers.iter().map(figure).collect::<Vec<_>>())
    }

    #[test]
    fn a_course_is_seen() {
        let eighths: Vec<_> = (0..=8).map(|eighth| Some(eighth * 100)).collect();
        assert_eq!(of(&eighths), "▁▂▃▄▅▆▇██");
        assert_eq!(of(&[Some(0), Some(3), Some(7)]), "▁▄█");
        assert_eq!(of(&[Some(-500), Some(0), Some(500)]), "▁▅█");
        assert_eq!(of(&[Some(0), Some(1)]), "▁█");
    }

    #[test]
    fn what_is_not_known_is_a_gap() {
        assert_eq!(of(&[Some(1), None, Some(9), None]), "▁ █ ");
        assert_eq!(of(&[None, None]), "  ");
        assert_eq!(of(&[]), "");
    }

    #[test]
    fn numbers_alike_have_no_course() {
        assert_eq!(of(&[Some(500), Some(500), None]), "▁▁ ");
    }

    #[test]
    fn decimals_are_brought_to_each_other() {
        let figures = [(100, 2), (1, 0), (30, 1)].map(|(coefficient, decimals)| Some(Figure { coefficient, decimals }));
        assert_eq!(sparkline(&figures), "▁▁█");
    }

    proptest! {
        #[test]
        fn there_is_one_block_for_each_and_greater_is_never_lower(
            numbers in prop::collection::vec(prop::option::of(any::<i128>()), 0..40),
        ) {
            let blocks: Vec<char> = of(&numbers).chars().collect();
            prop_assert_eq!(blocks.len(), numbers.len());
            for (a, block_a) in numbers.iter().zip(&blocks) {
                prop_assert_eq!(a.is_none(), *block_a == ' ');
                for (b, block_b) in numbers.iter().zip(&blocks) {
                    if let (Some(a), Some(b)) = (a, b) {
                        prop_assert!(a > b || block_a <= block_b, "{} {}", a, b);
                    }
                }
            }
        }
    }
}
