//! What is known of transactions besides their money: enough to tell what a void undid.

use std::collections::BTreeMap;

use ltv_connector::prelude::*;

use crate::row::{Row, Type};
use crate::settings::Settings;

/// Transactions by their ids.
#[derive(Debug, Default)]
pub(crate) struct Facts(BTreeMap<String, Fact>);

#[derive(Debug)]
struct Fact {
    kind: Type,
    /// Succeeded, and is not left out.
    counts: bool,
    order: String,
    parent: Option<String>,
    amount: Option<Decimal>,
    /// As told: texts of one form, which sort by time.
    created: String,
}

/// A void that succeeded.
#[derive(Debug, Clone)]
pub(crate) struct Undoing {
    pub(crate) id: String,
    pub(crate) order: String,
    /// Told by the platform, so that it can be asked for.
    pub(crate) order_is_told: bool,
    pub(crate) parent: Option<String>,
    pub(crate) amount: Option<Decimal>,
    created: String,
}

/// What a void undid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undid {
    /// A sale of so much.
    Sale(Decimal),
    /// Nothing that had counted: an authorisation, or an attempt that failed.
    NoMoney,
    /// Its parent is not known.
    Unknown,
}

impl Undoing {
    pub(crate) fn new(row: &Row<'_>, amount: Option<Decimal>) -> Self {
        Self {
            id: row.id.to_owned(),
            order: row.order(),
            order_is_told: row.told_order().is_some(),
            parent: row.parent().map(str::to_owned),
            amount,
            created: row.text("dateCreated").unwrap_or_default().to_owned(),
        }
    }

    fn day(&self) -> &str {
        day(&self.created)
    }

    /// So much of what was paid. Never more than that, though the void may tell the whole sum that was authorised.
    pub(crate) fn of_sale(&self, paid: Option<Decimal>) -> Undid {
        let less = |(told, paid): (Decimal, Decimal)| if is_more(told, paid) { paid } else { told };
        let amount = self.amount.zip(paid).map(less).or(self.amount).or(paid);
        amount.map_or(Undid::NoMoney, Undid::Sale)
    }
}

fn day(created: &str) -> &str {
    created.get(.."YYYY-MM-DD".len()).unwrap_or(created)
}

impl Fact {
    fn is_money(&self) -> bool {
        self.counts && matches!(self.kind, Type::Sale | Type::Capture)
    }
}

impl Facts {
    pub(crate) fn learn(&mut self, row: &Row<'_>, settings: &Settings) {
        let fact = Fact {
            kind: row.kind(),
            counts: row.succeeded() && row.left_out(settings).is_none(),
            order: row.order(),
            parent: row.parent().map(str::to_owned),
            amount: row.amount("totalAmount").ok().flatten(),
            created: row.text("dateCreated").unwrap_or_default().to_owned(),
        };
        self.0.insert(row.id.to_owned(), fact);
    }

    /// What this void undid, as far as is known here.
    pub(crate) fn undone_by(&self, void: &Undoing) -> Undid {
        let Some(parent) = &void.parent else { return self.undone_in_order(void) };
        let Some(fact) = self.0.get(parent) else { return Undid::Unknown };
        if fact.is_money() {
            return void.of_sale(fact.amount);
        }
        if fact.kind != Type::Authorize || !fact.counts {
            return Undid::NoMoney;
        }
        // The parent may be the authorisation though it had been captured, and then what was captured is undone.
        let is_capture = |other: &&Fact| {
            other.is_money() && other.parent.as_deref() == Some(parent.as_str()) && other.created <= void.created
        };
        let captured: Vec<Decimal> = self.0.values().filter(is_capture).filter_map(|capture| capture.amount).collect();
        if !captured.is_empty() {
            return void.of_sale(money::sum(captured).ok());
        }
        // A capture between the two would be of this very day, and here.
        if day(&fact.created) == void.day() { Undid::NoMoney } else { Undid::Unknown }
    }

    /// Without a parent: the sale of the same order and amount.
    fn undone_in_order(&self, void: &Undoing) -> Undid {
        let same = |fact: &&Fact| {
            fact.is_money()
                && fact.order == void.order
                && fact.created <= void.created
                && void.amount.is_none_or(|amount| fact.amount.is_some_and(|paid| equal(paid, amount)))
        };
        self.0.values().find(same).map_or(Undid::Unknown, |sale| void.of_sale(sale.amount))
    }
}

/// The same sum, whatever the decimals: 5 and 5.00.
pub(crate) fn equal(one: Decimal, other: Decimal) -> bool {
    one.minus(other).is_ok_and(Decimal::is_zero)
}

/// Whether one sum is more than another.
pub(crate) fn is_more(one: Decimal, other: Decimal) -> bool {
    one.minus(other).is_ok_and(|over| !over.is_negative() && !over.is_zero())
}
