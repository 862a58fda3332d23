//! Rows of a file on their way from the reader of CSV to a connector.

/// A batch of rows. The cells lie in one buffer, row by row, which costs a third of nested lists on the way into a
/// connector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Columns per row.
    pub width: u32,
    /// All cells one after the other, UTF-8.
    pub text: Vec<u8>,
    /// Where each cell ends in `text`: `width` times the number of rows.
    pub ends: Vec<u32>,
    /// For each row its line number in the file, from 1.
    pub lines: Vec<u32>,
    /// For each row how many rows before it in this file are equal in all handed-over columns.
    pub twins: Vec<u32>,
}

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// One cell; `None` if there is no such cell or it is not UTF-8.
    pub fn cell(&self, row: usize, column: usize) -> Option<&str> {
        let width = usize::try_from(self.width).ok()?;
        if column >= width {
            return None;
        }
        let index = row.checked_mul(width)?.checked_add(column)?;
        let end = usize::try_from(*self.ends.get(index)?).ok()?;
        let start = match index.checked_sub(1) {
            Some(before) => usize::try_from(*self.ends.get(before)?).ok()?,
            None => 0,
        };
        std::str::from_utf8(self.text.get(start..end)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_lie_between_their_ends() {
        let rows =
            Rows { width: 2, text: "a1ü22".into(), ends: vec![2, 2, 4, 6], lines: vec![2, 3], twins: vec![0, 0] };
        assert_eq!((rows.len(), rows.is_empty()), (2, false));
        assert_eq!(rows.cell(0, 0), Some("a1"));
        assert_eq!(rows.cell(0, 1), Some(""));
        assert_eq!(rows.cell(1, 0), Some("ü"));
        assert_eq!(rows.cell(1, 1), Some("22"));
        assert_eq!(rows.cell(0, 2), None);
        assert_eq!(rows.cell(2, 0), None);
    }
}
