//! What the daemon would refuse a whole answer for, found before: one odd row must not cost a file.

use crate::dates;
use crate::fault::Fault;
use crate::money::is_currency;
use crate::types::{Decimal, Entry, Moment, Order};

/// An id, bytes.
const ID_BYTES: usize = 200;
/// Any other text, bytes.
const TEXT_BYTES: usize = 1_024;
/// Weaker names of one entry.
const NAMES_MAX: usize = 8;
/// Products of one entry.
const LINES_MAX: usize = 1_000;
/// Tags of one entry.
const TAGS_MAX: usize = 64;
/// Name of a tag, bytes.
const TAG_NAME_BYTES: usize = 64;
/// Largest amount, minor units.
const MINOR_MAX: i128 = 1_000_000_000_000_000;
/// A coefficient that is within [`MINOR_MAX`] at any scale.
const SURELY_MONEY: u64 = 100_000_000_000;
/// 2200-01-01T00:00:00Z in milliseconds since 1970.
const END_MS: i64 = 7_258_118_400_000;

impl Entry {
    /// The entry as the daemon takes it. [`Batch::put`](crate::types::Batch::put) and
    /// [`Daemon::put`](crate::conversation::Daemon::put) call this.
    ///
    /// Texts that are too long are cut, control characters in them become blanks, and weaker names that cannot be stored are
    /// left out. An id is never changed, since another id would be other money.
    ///
    /// # Errors
    /// For what cannot be mended: an id that is empty, too long or has control characters, a negative or absurd amount, an
    /// unknown currency, a moment beyond the years 1970 to 2199.
    pub fn checked(mut self) -> Result<Self, Fault> {
        let faulty = check(&self).err();
        if let Some(fault) = faulty {
            let shown: String = self.key.id.chars().filter(|c| !c.is_control()).take(ID_BYTES / 4).collect();
            return Err(fault.id(shown));
        }
        self.also.retain(|name| is_id(name));
        self.also.truncate(NAMES_MAX);
        let customer = &mut self.customer;
        for text in [&mut customer.email, &mut customer.id].into_iter().flatten() {
            mend(text);
        }
        for line in &mut self.lines {
            let texts = [&mut line.product_id, &mut line.variant_id, &mut line.sku, &mut line.name];
            texts.into_iter().flatten().for_each(mend);
        }
        for tag in &mut self.tags {
            tag.name = tag.name.to_lowercase();
            mend(&mut tag.name);
            cut(&mut tag.name, TAG_NAME_BYTES);
            mend(&mut tag.value);
        }
        self.tags.retain(|tag| !tag.name.is_empty() && !tag.value.is_empty());
        self.tags.truncate(TAGS_MAX);
        Ok(self)
    }
}

impl Order {
    /// As [`Entry::checked`], for all its entries.
    ///
    /// # Errors
    /// As there, for the first that cannot be mended; an order is stored whole or not at all.
    pub fn checked(mut self) -> Result<Self, Fault> {
        id("the order id", &self.id)?;
        let id = self.id.clone();
        let entries = std::mem::take(&mut self.entries).into_iter().map(Entry::checked);
        self.entries = entries.collect::<Result<_, _>>().map_err(|fault| fault.id(id))?;
        Ok(self)
    }
}

fn check(entry: &Entry) -> Result<(), Fault> {
    id("the id", &entry.key.id)?;
    id("the order id", &entry.order_id)?;
    if !is_currency(&entry.currency) {
        let shown: String = entry.currency.chars().filter(|c| !c.is_control()).take(20).collect();
        return Err(Fault::at("currency", format!("`{shown}` is no currency code of ISO 4217, such as EUR")));
    }
    let amounts = &entry.amounts;
    amount("the total", amounts.total, false)?;
    let parts = [
        ("the goods", amounts.items),
        ("the discount", amounts.discount),
        ("the shipping", amounts.shipping),
        ("the tax", amounts.tax),
        ("the processing fee", amounts.processing_fee),
    ];
    for (what, part) in parts {
        part.map_or(Ok(()), |part| amount(what, part, false))?;
    }
    amounts.fees.map_or(Ok(()), |fees| amount("the fees", fees, true))?;
    if entry.lines.len() > LINES_MAX {
        return Err(Fault::new(format!("it has {} products, and {LINES_MAX} are allowed", entry.lines.len())));
    }
    for line in &entry.lines {
        amount("the amount of a product", line.amount, false)?;
        if line.quantity.is_negative() || line.quantity.scale > 9 {
            return Err(Fault::new("the quantity of a product is negative or too fine"));
        }
    }
    moment(&entry.at)
}

/// An id that the daemon takes.
pub(crate) fn id(what: &str, text: &str) -> Result<(), Fault> {
    if is_id(text) {
        return Ok(());
    }
    Err(Fault::new(match text.len() {
        0 => format!("{what} is empty"),
        length if length > ID_BYTES => format!("{what} has {length} bytes, and {ID_BYTES} are allowed"),
        _ => format!("{what} has control characters"),
    }))
}

/// Whether the daemon takes this as an id.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=ID_BYTES).contains(&text.len()) && !has_control(text)
}

fn amount(what: &str, amount: Decimal, may_be_negative: bool) -> Result<(), Fault> {
    if amount.is_negative() && !may_be_negative {
        return Err(Fault::new(format!("{what} is negative: {amount}")));
    }
    // Nearly every amount. Inside WebAssembly 128 bits cost many times as much as 64.
    if amount.scale <= 9 && amount.coefficient.unsigned_abs() <= SURELY_MONEY {
        return Ok(());
    }
    // In ten-thousandths, which no currency is finer than.
    let unit = 10_i128.pow(u32::from(amount.scale.min(9)));
    let size = i128::from(amount.coefficient).abs() * 10_000 / unit;
    if amount.scale > 9 || size > MINOR_MAX {
        return Err(Fault::new(format!("{what} is no sum of money: {amount}")));
    }
    Ok(())
}

fn moment(at: &Moment) -> Result<(), Fault> {
    let read = match at {
        Moment::Received => return Ok(()),
        Moment::Utc(ms) => Some(*ms),
        Moment::Local(text) => match dates::utc(text) {
            Ok(Moment::Utc(ms)) => Some(ms),
            _ => None,
        },
        Moment::Day(text) => {
            dates::Day::parse(text).ok().map(|day| day.days_since(dates::Day::of_unix_ms(0)) * 86_400_000)
        }
    };
    match read {
        Some(ms) if (0..END_MS).contains(&ms) => Ok(()),
        _ => Err(Fault::new("its date is not within the years 1970 to 2199")),
    }
}

/// Most texts are ASCII, and bytes are cheaper than characters.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control()) || !text.is_ascii() && text.chars().any(char::is_control)
}

fn mend(text: &mut String) {
    if has_control(text) {
        *text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    cut(text, TEXT_BYTES);
}

fn cut(text: &mut String, max_bytes: usize) {
    if text.len() > max_bytes {
        let end = (0..=max_bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Line;

    fn sale() -> Entry {
        Entry::sale("1", "1", Moment::Utc(1_000), "USD", Decimal::hundredths(1_250))
    }

    #[test]
    fn a_good_entry_stays_as_it_is() {
        let good = sale().email(Some("ada@example.org")).also("1 2026-01-01").tag("coupon", Some("SPRING"));
        assert_eq!(good.clone().checked(), Ok(good));
    }

    #[test]
    fn the_short_way_says_what_the_long_one_does() {
        let most = i64::try_from(SURELY_MONEY).unwrap();
        for scale in 0..=9 {
            for coefficient in [most, most + 1] {
                // Only where nothing is cut off does one more make it too large.
                let fits = coefficient == most || scale > 0;
                let checked =
                    Entry::sale("1", "1", Moment::Utc(1_000), "USD", Decimal::new(coefficient, scale)).checked();
                assert_eq!(checked.is_ok(), fits, "{coefficient} at {scale}: {checked:?}");
            }
        }
        assert!(has_control("a\u{85}b") && has_control("a\u{7f}") && !has_control("äöü €"));
    }

    #[test]
    fn texts_are_mended() {
        let line = Line::new(Decimal::ONE, Decimal::ONE).name(Some(&"é".repeat(900)));
        let mended = sale()
            .email(Some("a\u{0}b@example.org"))
            .line(line)
            .also("x\u{1}")
            .tag("Plan", Some("p"))
            .checked()
            .unwrap();
        assert_eq!(mended.customer.email.as_deref(), Some("a b@example.org"));
        assert_eq!(mended.lines[0].name.as_ref().map(String::len), Some(TEXT_BYTES));
        assert_eq!((mended.also.len(), mended.tags[0].name.as_str()), (0, "plan"));
    }

    #[test]
    fn what_cannot_be_mended_is_a_fault_of_this_entry() {
        let refused = |entry: Entry| entry.checked().unwrap_err().reason;
        assert_eq!(refused(Entry { order_id: String::new(), ..sale() }), "the order id is empty");
        assert_eq!(refused(Entry { order_id: "a\u{81}".into(), ..sale() }), "the order id has control characters");
        assert_eq!(
            refused(Entry { currency: "ZZZ".into(), ..sale() }),
            "`ZZZ` is no currency code of ISO 4217, such as EUR"
        );
        assert_eq!(refused(sale().tax(Decimal::hundredths(-1))), "the tax is negative: -0.01");
        let huge = Entry::sale("1", "1", Moment::Utc(0), "USD", Decimal::whole(i64::MAX));
        assert!(refused(huge).starts_with("the total is no sum of money"));
        for at in [Moment::Utc(-1), Moment::Utc(END_MS), Moment::Day("1969-12-31".into()), Moment::Local("soon".into())]
        {
            assert_eq!(refused(Entry { at, ..sale() }), "its date is not within the years 1970 to 2199");
        }
    }
}
