//! Reads amounts of money in any notation, exactly: digits are moved, never computed.

/// The sign before the decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DecimalMark {
    /// `1,234.56`
    #[serde(rename = ".")]
    Point,
    /// `1.234,56`
    #[serde(rename = ",")]
    Comma,
}

impl DecimalMark {
    /// The sign.
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::Point => b'.',
            Self::Comma => b',',
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Point => Self::Comma,
            Self::Comma => Self::Point,
        }
    }
}

/// What an amount tells about the notation of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AmountEvidence {
    /// Nothing: no separator.
    None,
    /// This is the decimal mark.
    Certain(DecimalMark),
    /// Three digits after this only separator: decimals or thousands.
    Either(DecimalMark),
}

/// Letters beside a number: a currency's code or sign, `Euro`, `kr`. More would be a sentence.
const LETTERS: usize = 4;
/// Digits of an amount.
const DIGITS: usize = 30;
/// An amount with its signs and blanks, bytes.
const CELL_BYTES: usize = 100;

pub(super) const NOT_AN_AMOUNT: &str = "is not an amount";
const EXPONENT: &str = "was shortened by a spreadsheet program, so digits are lost; upload the original file";
const CREDIT_OR_DEBIT: &str = "says credit or debit, which can mean either sign";

/// Reads a trimmed, not empty cell. `number` then holds the digits with the separators of decimals and thousands, and a
/// minus before them: what [`write`] wants.
///
/// # Errors
/// The reason why it is no amount.
pub(super) fn read(cell: &[u8], number: &mut Vec<u8>) -> Result<AmountEvidence, &'static str> {
    number.clear();
    // Nearly all amounts of nearly all files.
    let plain = cell.strip_prefix(b"$").unwrap_or(cell);
    if let Some(evidence) = read_plain(plain) {
        number.extend_from_slice(plain);
        return Ok(evidence);
    }
    if cell.len() > CELL_BYTES {
        return Err(NOT_AN_AMOUNT);
    }
    let text = std::str::from_utf8(cell).map_err(|_| NOT_AN_AMOUNT)?;
    let fault = |text: &str| if is_exponent(text) { EXPONENT } else { NOT_AN_AMOUNT };
    let (mut negative, mut bracket, mut letters) = (0, 0, 0);
    let mut after_letter = false;
    // A blank or apostrophe between digits is one more thousands separator. It is kept until the groups are checked.
    let mut pending_group = false;
    let mut grouped = false;
    for letter in text.chars() {
        let was_letter = std::mem::take(&mut after_letter);
        match letter {
            '0'..='9' if letters > 0 && ends_number(text, number) => return Err(fault(text)),
            '0'..='9' | '.' | ',' if bracket == 2 => return Err(NOT_AN_AMOUNT),
            '0'..='9' => {
                if std::mem::take(&mut pending_group) && number.last().is_some_and(u8::is_ascii_digit) {
                    number.push(b'\'');
                    grouped = true;
                }
                number.push(letter as u8);
            }
            // The dot of `Fr.` or `Rs.`
            '.' if was_letter => {}
            '.' | ',' => {
                pending_group = false;
                number.push(letter as u8);
            }
            '-' | '\u{2212}' | '\u{2013}' => {
                // `12,-`: no cents.
                if !matches!(number.last(), Some(b'.' | b',')) {
                    negative += 1;
                }
            }
            '+' if number.is_empty() => {}
            '(' if bracket == 0 && number.is_empty() => bracket = 1,
            ')' if bracket == 1 => bracket = 2,
            '\'' | '\u{2019}' => pending_group = true,
            _ if letter.is_whitespace() => pending_group = true,
            _ if is_currency_sign(letter) => {}
            _ if letter.is_alphabetic() => {
                letters += 1;
                after_letter = true;
                // Letters end the number.
                if number.iter().any(u8::is_ascii_digit) {
                    pending_group = false;
                }
            }
            _ => return Err(fault(text)),
        }
    }
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    if is_exponent(text) {
        return Err(EXPONENT);
    }
    if digits == 0 || digits > DIGITS || letters > LETTERS || bracket == 1 || negative + usize::from(bracket > 0) > 1 {
        return Err(NOT_AN_AMOUNT);
    }
    if letters == 2 {
        let marks: String = text.chars().filter(|letter| letter.is_alphabetic()).collect();
        if marks.eq_ignore_ascii_case("cr") || marks.eq_ignore_ascii_case("dr") {
            return Err(CREDIT_OR_DEBIT);
        }
    }
    let evidence = check_groups(number, grouped).ok_or(NOT_AN_AMOUNT)?;
    if grouped {
        number.retain(|byte| *byte != b'\'');
    }
    if negative + bracket > 0 {
        number.insert(0, b'-');
    }
    Ok(evidence)
}

/// Writes what [`read`] found as `-?[0-9]+(\.[0-9]+)?`.
pub(super) fn write(number: &[u8], decimal: DecimalMark, out: &mut Vec<u8>) {
    let (sign, number) = match number {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, number),
    };
    if sign {
        out.push(b'-');
    }
    let mut parts = number.splitn(2, |byte| *byte == decimal.as_byte());
    let whole_start = out.len();
    out.extend(parts.next().unwrap_or_default().iter().filter(|byte| byte.is_ascii_digit()));
    if out.len() == whole_start {
        out.push(b'0');
    }
    if let Some(decimals @ [_, ..]) = parts.next() {
        out.push(b'.');
        out.extend_from_slice(decimals);
    }
}

/// Digits with at most one point that has one, two or more than three digits behind it.
fn read_plain(cell: &[u8]) -> Option<AmountEvidence> {
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    if digits.len() > DIGITS {
        return None;
    }
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match digits.get(whole..)? {
        [] if whole > 0 => Some(AmountEvidence::None),
        [b'.', decimals @ ..]
            if whole > 0 && !matches!(decimals.len(), 0 | 3) && decimals.iter().all(u8::is_ascii_digit) =>
        {
            Some(AmountEvidence::Certain(DecimalMark::Point))
        }
        _ => None,
    }
}

/// Checks thousands groups, and what the separators tell.
fn check_groups(number: &[u8], grouped: bool) -> Option<AmountEvidence> {
    let count = |mark: DecimalMark| number.iter().filter(|byte| **byte == mark.as_byte()).count();
    let (points, commas) = (count(DecimalMark::Point), count(DecimalMark::Comma));
    let last = number.iter().rev().find_map(|byte| match byte {
        b'.' => Some(DecimalMark::Point),
        b',' => Some(DecimalMark::Comma),
        _ => None,
    });
    let split = |mark: DecimalMark| {
        let at = number.iter().rposition(|byte| *byte == mark.as_byte()).unwrap_or(number.len());
        (number.get(..at).unwrap_or_default(), number.get(at + 1..).unwrap_or_default())
    };
    let digits_only = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let Some(last) = last else {
        return is_grouped(number, b'\'').then_some(AmountEvidence::None);
    };
    let (whole, decimals) = split(last);
    match (points, commas) {
        // One separator of one kind.
        (1, 0) | (0, 1) => {
            if !digits_only(decimals) || !is_grouped(whole, b'\'') {
                return None;
            }
            let could_be_thousands =
                !grouped && decimals.len() == 3 && matches!(whole.len(), 1..=3) && whole.first() != Some(&b'0');
            Some(if could_be_thousands { AmountEvidence::Either(last) } else { AmountEvidence::Certain(last) })
        }
        // One kind, repeated: thousands.
        (_, 0) | (0, _) => {
            (!grouped && is_grouped(number, last.as_byte())).then_some(AmountEvidence::Certain(last.other()))
        }
        // Both kinds: the last one is the decimal mark and stands alone.
        _ => {
            let alone = !whole.contains(&last.as_byte());
            let good = alone && !grouped && digits_only(decimals) && is_grouped(whole, last.other().as_byte());
            good.then_some(AmountEvidence::Certain(last))
        }
    }
}

/// Digits in thousands groups, or in the groups of two that India uses; or digits alone.
fn is_grouped(whole: &[u8], separator: u8) -> bool {
    let mut groups = whole.rsplit(|byte| *byte == separator);
    let last = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    if rest.peek().is_none() {
        return last.iter().all(u8::is_ascii_digit);
    }
    if last.len() != 3 || !last.iter().all(u8::is_ascii_digit) {
        return false;
    }
    while let Some(group) = rest.next() {
        let is_first = rest.peek().is_none();
        let good = if is_first { matches!(group.len(), 1..=3) } else { matches!(group.len(), 2 | 3) };
        if !good || !group.iter().all(u8::is_ascii_digit) {
            return false;
        }
    }
    true
}

/// True if letters stand between the digits so far and more digits.
fn ends_number(text: &str, number: &[u8]) -> bool {
    let mut rest = text.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    rest = rest.trim_start_matches(|letter: char| !letter.is_alphabetic());
    number.iter().any(u8::is_ascii_digit) && rest.chars().any(|letter| letter.is_ascii_digit())
}

/// `1.23457E+11`
fn is_exponent(text: &str) -> bool {
    let Some((number, exponent)) = text.trim().split_once(['e', 'E']) else { return false };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_number = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    is_number(number)
        && number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b',' | b'-' | b'+'))
        && !exponent.is_empty()
        && exponent.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_currency_sign(letter: char) -> bool {
    // Not `¢`, which would be a hundredth.
    matches!(
        letter,
        '$' | '£' | '¤' | '¥' | '֏' | '؋' | '৳' | '฿' | '៛' | '\u{20A0}'
            ..='\u{20CF}' | '﷼' | '﹩' | '＄' | '￡' | '￥' | '￦'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use AmountEvidence::{Certain, Either};
    use DecimalMark::{Comma, Point};

    fn reads(cell: &str, mark: DecimalMark) -> Result<(AmountEvidence, String), &'static str> {
        let (mut number, mut out) = (Vec::new(), Vec::new());
        let evidence = read(cell.as_bytes(), &mut number)?;
        write(&number, mark, &mut out);
        Ok((evidence, String::from_utf8(out).unwrap()))
    }

    #[test]
    fn signs_of_currency_and_minus_in_every_place() {
        for (cell, mark, expected) in [
            ("30", Point, "30"),
            ("$30.00", Point, "30.00"),
            ("-$30.00", Point, "-30.00"),
            ("$-30.00", Point, "-30.00"),
            ("30.00-", Point, "-30.00"),
            ("($30.00)", Point, "-30.00"),
            ("$(30.00)", Point, "-30.00"),
            ("\u{2212}30.00", Point, "-30.00"),
            ("+5.5", Point, "5.5"),
            ("USD 1,234.56", Point, "1234.56"),
            ("CA$12.00", Point, "12.00"),
            ("1.234,56\u{a0}€", Comma, "1234.56"),
            ("1 234 567,8 kr", Comma, "1234567.8"),
            ("1\u{202f}234,50", Comma, "1234.50"),
            ("CHF 1'234.50", Point, "1234.50"),
            ("Fr. 12.50", Point, "12.50"),
            ("1’234", Point, "1234"),
            ("12,-", Comma, "12"),
            (".5", Point, "0.5"),
            ("1,23,456.00", Point, "123456.00"),
            ("007.10", Point, "007.10"),
            ("12.50 руб", Point, "12.50"),
            ("0.12345", Point, "0.12345"),
        ] {
            assert_eq!(reads(cell, mark).map(|(_, text)| text), Ok(expected.to_owned()), "{cell}");
        }
    }

    #[test]
    fn separators_tell_what_they_can() {
        for (cell, expected) in [
            ("1234", AmountEvidence::None),
            ("1'234", AmountEvidence::None),
            ("1.5", Certain(Point)),
            ("1,50", Certain(Comma)),
            ("1,234", Either(Comma)),
            ("1.234", Either(Point)),
            ("0.125", Certain(Point)),
            ("1234.567", Certain(Point)),
            ("1,234,567", Certain(Point)),
            ("1.234.567", Certain(Comma)),
            ("1.234,567", Certain(Comma)),
            ("1 234,567", Certain(Comma)),
            (",500", Certain(Comma)),
        ] {
            assert_eq!(reads(cell, Point).map(|(evidence, _)| evidence), Ok(expected), "{cell}");
        }
        assert_eq!(reads("1,234", Point).unwrap().1, "1234");
        assert_eq!(reads("1,234", Comma).unwrap().1, "1.234");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for cell in [
            "free",
            "$",
            ".",
            "-",
            "12abc34",
            "10%",
            "1,2,3",
            "1.234.56",
            "12 34",
            "1,234.56.7",
            "1,234,56",
            "--5",
            "(5",
            "5)",
            "-(5)",
            "(5)5",
            "Order 6",
            "03/04/2026",
            "2026-03-01",
            "#12",
            "5\u{0}",
            "½",
            "١٢",
            "12:30",
            "1'23",
            "12 USD 3",
            "5¢",
            "1234567890123456789012345678901",
        ] {
            assert_eq!(reads(cell, Point), Err(NOT_AN_AMOUNT), "{cell}");
        }
        assert_eq!(reads("1.23457E+11", Point), Err(EXPONENT));
        assert_eq!(reads("1e5", Point), Err(EXPONENT));
        assert_eq!(reads("12.00 CR", Point), Err(CREDIT_OR_DEBIT));
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_a_plain_decimal_or_a_reason(cell in "[-+()$€ .,'0-9a-zE]{1,16}") {
            if let Ok((_, text)) = reads(&cell, Point) {
                let digits = text.strip_prefix('-').unwrap_or(&text);
                let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
                let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                proptest::prop_assert!(plain(whole), "{cell} {text}");
                proptest::prop_assert!(plain(decimals), "{cell} {text}");
            }
        }

        #[test]
        fn a_written_amount_reads_back(units in -10_000_000_i64..10_000_000, cents in 0_u8..100, comma: bool, group: bool) {
            let plain = format!("{units}.{cents:02}");
            let mut whole = units.unsigned_abs().to_string();
            let (mark, thousands) = if comma { (Comma, '.') } else { (Point, ',') };
            if group {
                for at in (1..whole.len()).filter(|at| (whole.len() - at) % 3 == 0).rev().collect::<Vec<_>>() {
                    whole.insert(at, thousands);
                }
            }
            let sign = if units < 0 { "-" } else { "" };
            let cell = format!("{sign}{whole}{}{cents:02}", char::from(mark.as_byte()));
            let (evidence, text) = reads(&cell, mark).unwrap();
            proptest::prop_assert_eq!(evidence, Certain(mark));
            proptest::prop_assert_eq!(text, plain);
        }
    }
}
