//! Changes and rejects: from what a connector says to what the ledger takes, or a refusal of the whole answer.

use super::bindings::types as wit;
use super::log::cut;
use super::time::{moment, quoted};
use crate::limits::connector::{AMOUNT_MINOR, ID_BYTES, LINES, NAMES, TAG_NAME_BYTES, TAGS, TEXT_BYTES};
use crate::model::{
    Amounts, Billing, Change, Currency, Customer, Decimal, Entry, EntryKey, Kind, Line, Order, Reject, Tag, Withdrawal,
};

/// What the contract forbids, in words.
pub(super) type Checked<T> = Result<T, String>;

/// Reads one answer.
#[derive(Debug, Default)]
pub(super) struct AnswerReader {
    /// When the delivery arrived, where there is one.
    received_ms: Option<i64>,
    /// The currency of the last entry: mostly that of the next.
    currency: Option<(String, Unit)>,
    /// Amounts that were rounded.
    pub(super) rounded: u64,
    /// Entries whose parts do not add up.
    pub(super) parts_mismatch: u64,
}

/// A currency and how many decimals it has.
#[derive(Debug, Clone, Copy)]
struct Unit {
    currency: Currency,
    exponent: u8,
}

impl AnswerReader {
    pub(super) fn new(received_ms: Option<i64>) -> Self {
        Self { received_ms, ..Self::default() }
    }

    /// Reads changes, of which at most `max` are allowed, the entries of orders counted too.
    pub(super) fn changes(&mut self, said: Vec<wit::Change>, max: usize) -> Checked<Vec<Change>> {
        at_most(said.len(), max, "changes")?;
        let entries = said.iter().fold(0_usize, |sum, change| {
            sum.saturating_add(if let wit::Change::ReplaceOrder(order) = change { order.entries.len() } else { 1 })
        });
        at_most(entries, max, "entries")?;
        // Collecting results would let the list grow step by step, and its members are large.
        let mut changes = Vec::with_capacity(said.len());
        for change in said {
            changes.push(self.change(change)?);
        }
        Ok(changes)
    }

    /// Sorts out what is in a currency that ISO 4217 does not know, such as a plugin's own. That is the shop's doing, not the
    /// connector's: one such order must not keep all others out, so it is rejected alone.
    pub(super) fn foreign(&mut self, said: Vec<wit::Change>) -> (Vec<wit::Change>, Vec<Reject>) {
        let mut rejects = Vec::new();
        let known = |reader: &mut Self, code: &str| reader.unit(code.to_owned()).is_ok();
        let changes = said.into_iter().filter(|change| {
            let (order, codes): (&str, Vec<&str>) = match change {
                wit::Change::Put(entry) => (&entry.order_id, vec![&entry.currency]),
                wit::Change::ReplaceOrder(order) => {
                    (&order.id, order.entries.iter().map(|entry| entry.currency.as_str()).collect())
                }
                wit::Change::Withdraw(_) => return true,
            };
            let Some(code) = codes.into_iter().find(|code| !known(self, code)) else { return true };
            rejects.push(Reject {
                index: 0,
                id: Some(cut(order.to_owned())),
                field: Some("currency".to_owned()),
                reason: format!(
                    "{} is no currency code of ISO 4217, so the order {} is not counted",
                    quoted(code),
                    quoted(order)
                ),
            });
            false
        });
        (changes.collect(), rejects)
    }

    fn change(&mut self, said: wit::Change) -> Checked<Change> {
        match said {
            wit::Change::Put(said) => self.entry(said).map(Change::Put),
            wit::Change::ReplaceOrder(said) => {
                let id = id(said.id, "an order id")?;
                let mut entries = Vec::with_capacity(said.entries.len());
                for entry in said.entries {
                    let entry = self.entry(entry)?;
                    if entry.order_id != id {
                        return Err(format!(
                            "the order {} is to hold an entry of the order {}",
                            quoted(&id),
                            quoted(&entry.order_id)
                        ));
                    }
                    entries.push(entry);
                }
                Ok(Change::ReplaceOrder(Order { id, revision: said.revision, entries }))
            }
            wit::Change::Withdraw(said) => {
                Ok(Change::Withdraw(Withdrawal { key: key(said.key)?, revision: said.revision }))
            }
        }
    }

    fn entry(&mut self, said: wit::Entry) -> Checked<Entry> {
        let key = key(said.key)?;
        let of_entry = |what: String| format!("the {} {}: {what}", key.kind.as_str(), quoted(&key.id));

        at_most(said.also.len(), NAMES, "weaker names").map_err(of_entry)?;
        let also =
            said.also.into_iter().map(|name| id(name, "a weaker name")).collect::<Checked<_>>().map_err(of_entry)?;
        let order_id = id(said.order_id, "the order id").map_err(of_entry)?;
        let at = moment(&said.at, self.received_ms).map_err(of_entry)?;
        let customer = customer(said.customer).map_err(of_entry)?;
        let unit = self.unit(said.currency).map_err(of_entry)?;
        let amounts = self.amounts(&said.amounts, unit).map_err(of_entry)?;
        let lines = self.lines(said.lines, unit).map_err(of_entry)?;
        let tags = tags(said.tags).map_err(of_entry)?;
        if !adds_up(&amounts, lines.len()) {
            self.parts_mismatch += 1;
        }
        let billing = match said.billing {
            wit::Billing::Initial => Billing::Initial,
            wit::Billing::Rebill => Billing::Rebill,
            wit::Billing::Unknown => Billing::Unknown,
        };
        let revision = said.revision;
        Ok(Entry {
            key,
            also,
            order_id,
            billing,
            at,
            customer,
            currency: unit.currency,
            amounts,
            lines,
            tags,
            revision,
        })
    }

    fn unit(&mut self, code: String) -> Checked<Unit> {
        match &self.currency {
            Some((known, unit)) if *known == code => Ok(*unit),
            _ => {
                let currency = code
                    .parse::<Currency>()
                    .map_err(|_| format!("{} is no currency code of ISO 4217", quoted(&code)))?;
                let unit = Unit { currency, exponent: currency.exponent() };
                self.currency = Some((code, unit));
                Ok(unit)
            }
        }
    }

    fn amounts(&mut self, said: &wit::Amounts, unit: Unit) -> Checked<Amounts> {
        Ok(Amounts {
            total: self.not_negative(said.total, unit, "the total")?,
            items: self.optional(said.items, unit, "the part `items`")?,
            discount: self.optional(said.discount, unit, "the discount")?,
            shipping: self.optional(said.shipping, unit, "the shipping")?,
            fees: said.fees.map(|fees| self.minor(fees, unit, "the fees")).transpose()?,
            tax: self.optional(said.tax, unit, "the tax")?,
            processing_fee: self.optional(said.processing_fee, unit, "the processing fee")?,
        })
    }

    fn lines(&mut self, said: Vec<wit::Line>, unit: Unit) -> Checked<Vec<Line>> {
        at_most(said.len(), LINES, "lines")?;
        said.into_iter()
            .map(|line| {
                let quantity = decimal(line.quantity);
                if quantity.coefficient < 0 || quantity.scale > 9 {
                    return Err(format!("the quantity of a line is negative or too fine ({})", shown(quantity)));
                }
                Ok(Line {
                    product_id: text(line.product_id, "a product id")?,
                    variant_id: text(line.variant_id, "a variant id")?,
                    sku: text(line.sku, "a stock keeping unit")?,
                    name: text(line.name, "the name of a product")?,
                    quantity,
                    amount: self.not_negative(line.amount, unit, "the amount of a line")?,
                })
            })
            .collect()
    }

    fn optional(&mut self, said: Option<wit::Decimal>, unit: Unit, what: &str) -> Checked<Option<i64>> {
        said.map(|said| self.not_negative(said, unit, what)).transpose()
    }

    fn not_negative(&mut self, said: wit::Decimal, unit: Unit, what: &str) -> Checked<i64> {
        if said.coefficient < 0 {
            return Err(format!("{what} is negative ({} {})", shown(decimal(said)), unit.currency));
        }
        self.minor(said, unit, what)
    }

    fn minor(&mut self, said: wit::Decimal, unit: Unit, what: &str) -> Checked<i64> {
        let said = decimal(said);
        match said.to_minor_of(unit.exponent) {
            Ok((minor, rounded)) if (-AMOUNT_MINOR..=AMOUNT_MINOR).contains(&minor) => {
                self.rounded += u64::from(rounded);
                Ok(minor)
            }
            Ok((minor, _)) => {
                Err(format!("{what} is {minor} minor units of {}, and {AMOUNT_MINOR} are allowed", unit.currency))
            }
            Err(error) => Err(format!("{what} is no sum of money ({} {}): {error}", shown(said), unit.currency)),
        }
    }
}

/// When all parts are known: whether they make the total, to one minor unit per line.
fn adds_up(amounts: &Amounts, lines: usize) -> bool {
    let (Some(items), Some(discount), Some(shipping), Some(fees), Some(tax)) =
        (amounts.items, amounts.discount, amounts.shipping, amounts.fees, amounts.tax)
    else {
        return true;
    };
    // Each is far below 2^62 / 5: see `AMOUNT_MINOR`.
    let parts = items - discount + shipping + fees + tax;
    parts.abs_diff(amounts.total) <= u64::try_from(lines.max(1)).unwrap_or(u64::MAX)
}

/// Reads rejects. Each names one of `of` rows or responses, in a list of at most `max`.
pub(super) fn rejects(said: Vec<wit::Reject>, max: usize, of: usize) -> Checked<Vec<Reject>> {
    at_most(said.len(), max, "rejects")?;
    said.into_iter()
        .map(|said| {
            if usize::try_from(said.index).is_ok_and(|index| index >= of) {
                return Err(format!("a reject has the index {}, and there are {of}", said.index));
            }
            Ok(Reject {
                index: said.index,
                id: said.id.map(cut).filter(|id| !id.is_empty()),
                field: said.field.map(cut).filter(|field| !field.is_empty()),
                reason: cut(said.reason),
            })
        })
        .collect()
}

pub(super) fn at_most(count: usize, max: usize, what: &str) -> Checked<()> {
    if count <= max { Ok(()) } else { Err(format!("it gave {count} {what}, and {max} are allowed")) }
}

/// An id of the platform: not empty, short, one line.
pub(super) fn id(said: String, what: &str) -> Checked<String> {
    if said.is_empty() {
        Err(format!("{what} is empty"))
    } else if said.len() > ID_BYTES {
        Err(format!("{what} has {} bytes, and {ID_BYTES} are allowed", said.len()))
    } else if said.chars().any(char::is_control) {
        Err(format!("{what} has control characters: {}", quoted(&said)))
    } else {
        Ok(said)
    }
}

fn key(said: wit::EntryKey) -> Checked<EntryKey> {
    let kind = match said.kind {
        wit::Kind::Sale => Kind::Sale,
        wit::Kind::Refund => Kind::Refund,
        wit::Kind::Void => Kind::Void,
        wit::Kind::Chargeback => Kind::Chargeback,
        wit::Kind::ChargebackReversal => Kind::ChargebackReversal,
    };
    Ok(EntryKey { kind, id: id(said.id, "the id of an entry")? })
}

fn customer(said: wit::Customer) -> Checked<Customer> {
    Ok(Customer { email: text(said.email, "the e-mail address")?, id: text(said.id, "the customer id")? })
}

/// Tags; one without value says nothing, and is left out.
fn tags(said: Vec<wit::Tag>) -> Checked<Vec<Tag>> {
    at_most(said.len(), TAGS, "tags")?;
    let mut tags = Vec::with_capacity(said.len());
    for tag in said {
        if tag.name.is_empty() || tag.name.len() > TAG_NAME_BYTES {
            return Err(format!(
                "the name of a tag has {} bytes, and 1 to {TAG_NAME_BYTES} are allowed",
                tag.name.len()
            ));
        }
        if tag.name.chars().any(|c| c.is_control() || c.is_uppercase()) {
            return Err(format!("the name of a tag is not lower case: {}", quoted(&tag.name)));
        }
        if let Some(value) = text(Some(tag.value), "the value of a tag")? {
            tags.push(Tag { name: tag.name, value });
        }
    }
    Ok(tags)
}

/// A text of an entry. An empty one is none.
fn text(said: Option<String>, what: &str) -> Checked<Option<String>> {
    match said {
        Some(said) if said.len() > TEXT_BYTES => {
            Err(format!("{what} has {} bytes, and {TEXT_BYTES} are allowed", said.len()))
        }
        said => Ok(said.filter(|said| !said.is_empty())),
    }
}

const fn decimal(said: wit::Decimal) -> Decimal {
    Decimal { coefficient: said.coefficient, scale: said.scale }
}

fn shown(decimal: Decimal) -> String {
    format!("{}e-{}", decimal.coefficient, decimal.scale)
}

#[cfg(test)]
mod tests;
