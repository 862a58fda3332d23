//! One order worked out: whose it is, which of its entries are paid orders, and what each entry is worth.
//!
//! Everything that the reports say of an entry follows from the other entries of its order and, for the first order, from those
//! of its customer. So views are built, and brought up to date, order by order.

use std::collections::BTreeSet;

use super::error::ReportError;
use super::facts::{Fact, NO_CUSTOMER};
use super::filter::Filter;
use super::rates::{Converter, NoFactor};
use super::source::Source;
use super::split;
use super::view::{FreeOrders, Marks, Value, ViewOptions};
use crate::model::{Billing, Currency, Kind, ZoneTable};

/// One entry that counts, seen in one zone and currency.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) fact: Fact,
    /// Days since 1970-01-01 in the reporting zone.
    pub(super) day: i32,
    /// The day of the sale that it is about; its own day for sales, and where no sale is known.
    pub(super) sale_day: i32,
    /// The entry number of that sale.
    pub(super) sale: Option<u32>,
    /// [`NO_CUSTOMER`] if it is nobody's.
    pub(super) owner: u32,
    pub(super) value: Value,
    /// Without the mark of the first order.
    pub(super) marks: Marks,
    /// False if a filter on orders leaves it out of everything but the search for first orders.
    pub(super) counts: bool,
}

impl Event {
    /// True if this entry is a sale of the paid order that `first` stands for.
    pub(super) fn is_of(&self, first: u32, first_billing: Billing) -> bool {
        self.fact.kind == Kind::Sale
            && match first_billing {
                Billing::Rebill => self.fact.entry == first,
                _ => self.fact.billing != Billing::Rebill,
            }
    }
}

/// Works out orders, one after the other.
pub(super) struct Evaluator<'a> {
    zone: &'a ZoneTable,
    free: FreeOrders,
    shared: &'a BTreeSet<u32>,
    wanted: Vec<bool>,
    filter: &'a Filter,
    currencies: Vec<Currency>,
    /// Every number of a customer is below; every number of an order is.
    customers: u32,
    orders: u32,
    /// Remembers the rates that were used.
    pub(super) converter: Converter<'a>,
    /// The entries of the order that count.
    pub(super) events: Vec<Event>,
    /// Days of its sales for nothing, which are ignored.
    pub(super) free_days: Vec<i32>,
    sales: Vec<usize>,
    /// Paid orders from which something was taken back: the day of the earliest, and its place among the events.
    taken_back: Vec<(u32, i32, usize)>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(source: &impl Source, options: &ViewOptions<'a>, zone: &'a ZoneTable) -> Self {
        let wanted = (0_u16..)
            .zip(source.integrations())
            .map(|(i, _)| options.integrations.is_none_or(|set| set.contains(&i)))
            .collect();
        Self {
            zone,
            free: options.free_orders,
            shared: options.shared_customers,
            wanted,
            filter: options.orders,
            currencies: source.currencies().to_vec(),
            customers: source.customers(),
            orders: source.orders(),
            converter: Converter::new(options.rates, options.currency),
            events: Vec::new(),
            free_days: Vec::new(),
            sales: Vec::new(),
            taken_back: Vec::new(),
        }
    }

    /// Works out the live entries of one order.
    ///
    /// # Errors
    /// If an amount cannot be converted because it is too large, or an entry contradicts the tables. Missing rates are gathered
    /// by the converter.
    pub(super) fn order(&mut self, source: &impl Source, facts: &[Fact]) -> Result<(), ReportError> {
        self.events.clear();
        self.free_days.clear();
        let Some(one) = facts.first() else { return Ok(()) };
        if let Some(fact) = facts.iter().find(|fact| !self.is_sound(fact)) {
            return Err(ReportError::Inconsistent { entry: fact.entry });
        }
        // An order is of one integration.
        if !self.wanted.get(usize::from(one.integration)).copied().unwrap_or(false) {
            return Ok(());
        }
        if let [one] = facts {
            return self.alone(source, one);
        }
        self.sort_sales(facts);
        // The customer that its earliest sale names, so that a refund or a rebill that names nobody, or somebody else, stays with
        // the buyer.
        let named = self.sales.iter().filter_map(|sale| facts.get(*sale)).map(|sale| sale.customer);
        let named = named.into_iter().find(|customer| *customer != NO_CUSTOMER);
        let passes = self.filter.is_empty() || self.filter.order_passes(source, facts);
        for (index, fact) in facts.iter().enumerate() {
            let day = self.zone.day(fact.unix_ms);
            if fact.kind == Kind::Sale && !self.is_paid(fact) {
                self.free_days.push(day);
                continue;
            }
            let owner = self.owner(named.unwrap_or(fact.customer));
            let sale = self.sale_of(facts, index, fact);
            let sale_fact = sale.and_then(|sale| facts.get(sale));
            let sale_day = match sale_fact {
                Some(sale) if sale.entry != fact.entry => self.zone.day(sale.unix_ms),
                _ => day,
            };
            let paid = |sale| self.paid_order(facts, sale);
            let is_paid_order = fact.kind == Kind::Sale && paid(index) == Some(index);
            let rebill = fact.kind == Kind::Sale && fact.billing == Billing::Rebill;
            let takes_back = matches!(fact.kind, Kind::Refund | Kind::Void | Kind::Chargeback);
            let taken_from = if takes_back { sale.and_then(paid) } else { None };
            let event = Event {
                fact: *fact,
                day,
                sale_day,
                sale: sale_fact.map(|sale| sale.entry),
                owner,
                value: if passes { self.value(fact, sale_fact, sale_day)? } else { Value::default() },
                marks: Marks::new(fact.kind, rebill, is_paid_order),
                counts: passes,
            };
            let place = self.events.len();
            self.events.push(event);
            if let Some(paid) = taken_from.and_then(|paid| facts.get(paid)) {
                let known = self.taken_back.iter_mut().find(|(known, _, _)| *known == paid.entry);
                match known {
                    Some((_, earliest, at)) if day < *earliest => (*earliest, *at) = (day, place),
                    Some(_) => {}
                    None => self.taken_back.push((paid.entry, day, place)),
                }
            }
        }
        self.mark_taken_back();
        Ok(())
    }

    /// An order of one entry, as most are: the same, without looking for what belongs together.
    fn alone(&mut self, source: &impl Source, fact: &Fact) -> Result<(), ReportError> {
        let day = self.zone.day(fact.unix_ms);
        let is_sale = fact.kind == Kind::Sale;
        if is_sale && !self.is_paid(fact) {
            self.free_days.push(day);
            return Ok(());
        }
        let passes = self.filter.is_empty() || self.filter.order_passes(source, std::slice::from_ref(fact));
        let value = if passes { self.value(fact, None, day)? } else { Value::default() };
        self.events.push(Event {
            fact: *fact,
            day,
            sale_day: day,
            sale: is_sale.then_some(fact.entry),
            owner: self.owner(fact.customer),
            value,
            marks: Marks::new(fact.kind, is_sale && fact.billing == Billing::Rebill, is_sale),
            counts: passes,
        });
        Ok(())
    }

    /// Whose an entry is that names this customer.
    fn owner(&self, customer: u32) -> u32 {
        if !self.shared.is_empty() && self.shared.contains(&customer) { NO_CUSTOMER } else { customer }
    }

    /// Marks the earliest of what takes something back from each paid order; where that is not on a later day, the order itself:
    /// refunded orders are some of the orders, and a refund may be dated before the first of them.
    fn mark_taken_back(&mut self) {
        for (paid, day, place) in self.taken_back.drain(..) {
            let later = self.events.iter().position(|event| event.fact.entry == paid && day <= event.day);
            if let Some(event) = self.events.get_mut(later.unwrap_or(place)) {
                event.marks = event.marks.first_taken_back();
            }
        }
    }

    fn sort_sales(&mut self, facts: &[Fact]) {
        self.sales.clear();
        self.sales.extend(facts.iter().enumerate().filter(|(_, fact)| fact.kind == Kind::Sale).map(|(index, _)| index));
        if self.sales.len() > 1 {
            self.sales.sort_unstable_by_key(|sale| facts.get(*sale).map(|f| (f.unix_ms, f.tie, f.entry)));
        }
    }

    /// The sale that an entry is about: itself, or for a refund or chargeback the latest sale of its order at or before
    /// it. Clocks differ: if all sales are later, the first.
    fn sale_of(&self, facts: &[Fact], index: usize, fact: &Fact) -> Option<usize> {
        if fact.kind == Kind::Sale {
            return Some(index);
        }
        let later = self.sales.partition_point(|sale| facts.get(*sale).is_some_and(|s| s.unix_ms <= fact.unix_ms));
        self.sales.get(later.saturating_sub(1)).copied()
    }

    /// True if a sale counts as paid: it is not free, or free ones are asked for.
    fn is_paid(&self, sale: &Fact) -> bool {
        sale.total > 0 || self.free == FreeOrders::Count
    }

    /// The sale that stands for the paid order of this sale: a rebill for itself, everything else for the first counted
    /// sale of the order that is no rebill.
    fn paid_order(&self, facts: &[Fact], sale: usize) -> Option<usize> {
        let fact = facts.get(sale)?;
        if fact.billing == Billing::Rebill {
            return self.is_paid(fact).then_some(sale);
        }
        let opens = |sale: &Fact| sale.billing != Billing::Rebill && self.is_paid(sale);
        self.sales.iter().copied().find(|index| facts.get(*index).is_some_and(opens))
    }

    fn value(&mut self, fact: &Fact, sale: Option<&Fact>, rate_day: i32) -> Result<Value, ReportError> {
        let too_large = ReportError::TooLarge { entry: Some(fact.entry) };
        let parts = split::parts(fact, sale);
        if parts.net == 0 && fact.total == 0 {
            // Nothing needs no rate.
            return Ok(Value::default());
        }
        let Some(currency) = self.currencies.get(usize::from(fact.currency)).copied() else {
            return Err(ReportError::Inconsistent { entry: fact.entry });
        };
        let factor = match self.converter.factor(currency, rate_day) {
            Ok(factor) => factor,
            Err(NoFactor::TooLarge) => return Err(too_large),
            // All missing rates are gathered, and the view fails in the end.
            Err(NoFactor::Missing) => return Ok(Value::default()),
        };
        let convert = |part: i128| {
            let minor = factor.apply(i64::try_from(part).ok()?)?;
            minor.checked_mul(fact.kind.sign())
        };
        match (convert(parts.net), convert(parts.shipping), convert(fact.total.into())) {
            (Some(net), Some(shipping), Some(total)) => Ok(Value { net, shipping, total }),
            _ => Err(too_large),
        }
    }

    /// True if an entry does not contradict the tables.
    fn is_sound(&self, fact: &Fact) -> bool {
        (fact.customer < self.customers || fact.customer == NO_CUSTOMER)
            && fact.order < self.orders
            && usize::from(fact.integration) < self.wanted.len()
            && usize::from(fact.currency) < self.currencies.len()
            && fact.total >= 0
            && fact.tax >= 0
            && fact.shipping >= 0
    }
}
