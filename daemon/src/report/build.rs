//! Builds a view. Time is linear but for the sorting within a customer and an order.

use std::collections::BTreeMap;

use super::calendar::ZoneDays;
use super::days::DayTable;
use super::error::ReportError;
use super::facts::{Fact, FactFlags, Facts, NO_CUSTOMER};
use super::orders::Orders;
use super::rates::{Converter, NoFactor};
use super::split;
use super::view::{Events, Marks, Value, View, ViewOptions};
use crate::model::{Billing, Currency, Kind};

pub(super) fn build(facts: &Facts, options: &ViewOptions<'_>) -> Result<View, ReportError> {
    let wanted: Vec<bool> = (0_u16..)
        .zip(&facts.integrations)
        .map(|(i, _)| options.integrations.is_none_or(|set| set.contains(&i)))
        .collect();
    let included = |fact: &Fact| wanted.get(usize::from(fact.integration)).copied().unwrap_or(false);
    check(facts)?;

    let orders = Orders::new(facts, options.free_orders, included);
    let grouped = Grouped::new(facts, options, &orders, included);
    let zone = ZoneDays::new(options.zone);
    let mut writer = Writer::new(facts, options, &orders, &zone, &grouped);
    writer.write(&grouped)?;

    let Writer { converter, view, .. } = writer;
    let mut view = view;
    view.rates = converter.finish()?;
    view.integrations =
        facts.integrations.iter().zip(&wanted).filter(|(_, wanted)| **wanted).map(|(i, _)| i.name.clone()).collect();
    Ok(view)
}

/// Refuses facts that point outside their tables: everything after this relies on it.
fn check(facts: &Facts) -> Result<(), ReportError> {
    let sound = |fact: &Fact| {
        (fact.customer < facts.customers || fact.customer == NO_CUSTOMER)
            && fact.order < facts.orders
            && usize::from(fact.integration) < facts.integrations.len()
            && usize::from(fact.currency) < facts.currencies.len()
            && fact.total >= 0
            && fact.tax >= 0
            && fact.shipping >= 0
    };
    match facts.facts.iter().find(|fact| !sound(fact)) {
        Some(fact) => Err(ReportError::Inconsistent { entry: fact.entry }),
        // Positions are kept in 32 bits.
        None if u32::try_from(facts.facts.len()).is_err() => Err(ReportError::TooLarge { entry: None }),
        None => Ok(()),
    }
}

/// Indexes of the facts that count, by customer; the anonymous ones last.
struct Grouped {
    starts: Vec<u32>,
    indexes: Vec<u32>,
    free_sales: Vec<u32>,
    /// For each fact a bit: it stands for a paid order. Found in the sequence of the facts, in which those of an order
    /// lie close together, since looking orders up in the sequence of customers misses the cache each time.
    paid_orders: Vec<u64>,
}

impl Grouped {
    fn new(facts: &Facts, options: &ViewOptions<'_>, orders: &Orders<'_>, included: impl Fn(&Fact) -> bool) -> Self {
        const LEFT_OUT: u32 = u32::MAX;
        let anonymous = facts.customers;
        let mut free_sales = Vec::new();
        let mut starts = vec![0_u32; facts.customers as usize + 2];
        let mut owners = Vec::with_capacity(facts.facts.len());
        let mut paid_orders = vec![0_u64; facts.facts.len().div_ceil(64)];
        for (index, fact) in (0_u32..).zip(&facts.facts) {
            if !included(fact) {
                owners.push(LEFT_OUT);
                continue;
            }
            if fact.kind == Kind::Sale && !orders.counts(fact) {
                free_sales.push(index);
                owners.push(LEFT_OUT);
                continue;
            }
            if fact.kind == Kind::Sale
                && orders.paid_order(index, fact) == Some(index)
                && let Some(bits) = paid_orders.get_mut(index as usize / 64)
            {
                *bits |= 1 << (index % 64);
            }
            let customer = orders.customer_of(fact);
            let shared = !options.shared_customers.is_empty() && options.shared_customers.contains(&customer);
            let owner = if customer == NO_CUSTOMER || shared { anonymous } else { customer };
            owners.push(owner);
            if let Some(count) = starts.get_mut(owner as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut indexes = vec![0_u32; sum as usize];
        let mut next = starts.clone();
        for (index, owner) in (0_u32..).zip(owners).filter(|(_, owner)| *owner != LEFT_OUT) {
            let Some(place) = next.get_mut(owner as usize) else { continue };
            if let Some(slot) = indexes.get_mut(*place as usize) {
                *slot = index;
            }
            *place += 1;
        }
        Self { starts, indexes, free_sales, paid_orders }
    }

    /// True if the fact stands for a paid order.
    fn is_paid_order(&self, index: u32) -> bool {
        self.paid_orders.get(index as usize / 64).is_some_and(|bits| bits >> (index % 64) & 1 == 1)
    }

    /// The facts of each customer.
    fn customers(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let bounds = self.starts.iter().zip(self.starts.iter().skip(1));
        (0..).zip(bounds).map(|(customer, (start, end))| {
            (customer, self.indexes.get(*start as usize..*end as usize).unwrap_or_default())
        })
    }
}

/// A fact on its way into the columns.
#[derive(Clone, Copy)]
struct Item<'a> {
    index: u32,
    fact: &'a Fact,
    day: i32,
    paid_order: bool,
}

struct Writer<'a> {
    facts: &'a Facts,
    orders: &'a Orders<'a>,
    zone: &'a ZoneDays,
    converter: Converter<'a>,
    view: View,
    /// Sum of all absolute amounts; as long as it fits, no sum overflows.
    absolute: u128,
    /// For each paid order of which something was taken back, the first day of that.
    taken_back: BTreeMap<u32, i32>,
}

impl<'a> Writer<'a> {
    fn new(
        facts: &'a Facts,
        options: &ViewOptions<'a>,
        orders: &'a Orders<'a>,
        zone: &'a ZoneDays,
        grouped: &Grouped,
    ) -> Self {
        let instants = || facts.facts.iter().map(|fact| fact.unix_ms);
        let days = match (instants().min(), instants().max()) {
            (Some(first), Some(last)) => DayTable::new(zone.day(first), zone.day(last)),
            _ => DayTable::default(),
        };
        let size = grouped.indexes.len();
        let view = View {
            zone: options.zone,
            currency: options.currency,
            free_orders: options.free_orders,
            revision: facts.revision,
            integrations: Vec::new(),
            rates: Vec::new(),
            customers: Vec::new(),
            first_days: Vec::new(),
            starts: vec![0],
            events: Events::with_capacity(size),
            days,
        };
        let converter = Converter::new(options.rates, options.currency);
        Self { facts, orders, zone, converter, view, absolute: 0, taken_back: BTreeMap::new() }
    }

    fn write(&mut self, grouped: &Grouped) -> Result<(), ReportError> {
        let mut orphans: Vec<Item<'a>> = Vec::new();
        let mut items: Vec<Item<'a>> = Vec::new();
        let anonymous = self.facts.customers;
        for (customer, indexes) in grouped.customers().filter(|(_, indexes)| !indexes.is_empty()) {
            items.clear();
            items.extend(indexes.iter().filter_map(|index| self.item(*index, grouped)));
            if customer == anonymous {
                self.write_rest(&orphans, Rest::Orphan)?;
                self.write_rest(&items, Rest::Anonymous)?;
                orphans.clear();
                continue;
            }
            items.sort_unstable_by_key(|item| (item.fact.unix_ms, item.fact.integration, item.fact.tie, item.index));
            let Some(first) = items.iter().find(|item| item.paid_order).copied() else {
                orphans.extend(&items);
                continue;
            };
            for item in &items {
                // By the day, since many sources know no more; and by the instant, since a clock set back at midnight
                // repeats the end of a day.
                let before = item.day < first.day && item.fact.unix_ms < first.fact.unix_ms;
                if before { orphans.push(*item) } else { self.event(item, Some(&first))? }
            }
            self.view.customers.push(customer);
            self.view.first_days.push(first.day);
            // Fits: see `check`.
            self.view.starts.push(self.view.events.day.len() as u32);
        }
        self.write_rest(&orphans, Rest::Orphan)?;
        for fact in grouped.free_sales.iter().filter_map(|index| self.facts.facts.get(*index as usize)) {
            if let Some(row) = self.view.days.row(self.zone.day(fact.unix_ms)) {
                row.free_sales += 1;
            }
        }
        for day in std::mem::take(&mut self.taken_back).into_values() {
            if let Some(row) = self.view.days.row(day) {
                row.refunded_orders += 1;
            }
        }
        Ok(())
    }

    fn item(&self, index: u32, grouped: &Grouped) -> Option<Item<'a>> {
        let fact = self.facts.facts.get(index as usize)?;
        Some(Item { index, fact, day: self.zone.day(fact.unix_ms), paid_order: grouped.is_paid_order(index) })
    }

    fn write_rest(&mut self, items: &[Item<'a>], rest: Rest) -> Result<(), ReportError> {
        for item in items {
            self.event(item, None)?;
            let value = self.view.events.value(self.view.events.day.len().saturating_sub(1));
            let Some(row) = self.view.days.row(item.day) else { continue };
            match rest {
                Rest::Anonymous => {
                    row.anonymous_entries += 1;
                    row.anonymous_orders += u64::from(item.paid_order);
                    row.anonymous += value;
                }
                Rest::Orphan => {
                    row.orphan_entries += 1;
                    row.orphans += value;
                }
            }
        }
        Ok(())
    }

    /// Appends one event. `first` is the first order of its customer.
    fn event(&mut self, item: &Item<'a>, first: Option<&Item<'a>>) -> Result<(), ReportError> {
        let Item { index, fact, day, paid_order } = *item;
        let sale_index = self.orders.sale_of(index, fact);
        let sale = sale_index.and_then(|index| self.facts.facts.get(index as usize));
        let sale_day = match sale {
            Some(sale) if sale_index != Some(index) => self.zone.day(sale.unix_ms),
            _ => day,
        };
        let value = self.value(fact, sale, sale_day)?;
        let rebill = fact.kind == Kind::Sale && fact.billing == Billing::Rebill;
        let mut marks = Marks::new(fact.kind, rebill, paid_order);
        if fact.kind == Kind::Sale && first.is_some_and(|first| same_paid_order(fact, index, first)) {
            marks = marks.first_order();
        }
        self.view.events.push(day, sale_day, value, marks, index);
        self.note_day(item, sale.is_some(), rebill, value);
        if matches!(fact.kind, Kind::Refund | Kind::Void | Kind::Chargeback)
            && let (Some(sale_index), Some(sale)) = (sale_index, sale)
            && let Some(order) = self.orders.paid_order(sale_index, sale)
        {
            // Not before the order itself, where clocks differ: refunded orders are some of the orders.
            let day = match self.facts.facts.get(order as usize) {
                Some(paid) => day.max(self.zone.day(paid.unix_ms)),
                None => day,
            };
            let earliest = self.taken_back.entry(order).or_insert(day);
            *earliest = day.min(*earliest);
        }
        Ok(())
    }

    fn value(&mut self, fact: &Fact, sale: Option<&Fact>, rate_day: i32) -> Result<Value, ReportError> {
        let too_large = ReportError::TooLarge { entry: Some(fact.entry) };
        let parts = split::parts(fact, sale);
        if parts.net == 0 && fact.total == 0 {
            // Nothing needs no rate.
            return Ok(Value::default());
        }
        let currency = self.currency(fact);
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
        let values = (convert(parts.net), convert(parts.shipping), convert(fact.total.into()));
        let (Some(net), Some(shipping), Some(total)) = values else { return Err(too_large) };
        self.absolute += [net, shipping, total].iter().map(|part| u128::from(part.unsigned_abs())).sum::<u128>();
        if self.absolute > i64::MAX as u128 {
            return Err(too_large);
        }
        Ok(Value { net, shipping, total })
    }

    fn currency(&self, fact: &Fact) -> Currency {
        self.facts.currencies.get(usize::from(fact.currency)).copied().unwrap_or(self.view.currency)
    }

    fn note_day(&mut self, item: &Item<'_>, has_sale: bool, rebill: bool, value: Value) {
        let Some(row) = self.view.days.row(item.day) else { return };
        let fact = item.fact;
        row.entries += 1;
        row.paid_orders += u64::from(item.paid_order);
        row.paid_rebills += u64::from(item.paid_order && rebill);
        match fact.kind {
            Kind::Sale => {
                row.sales += 1;
                if !split::splits_tax(fact) {
                    row.unsplit_tax += 1;
                    row.unsplit_tax_total += value.total;
                } else if !split::splits_shipping(fact) {
                    row.unsplit_shipping += 1;
                    row.unsplit_shipping_total += value.total;
                }
                if rebill { row.rebills += value } else { row.orders += value }
            }
            Kind::Refund | Kind::Void => row.refunds += value,
            Kind::Chargeback | Kind::ChargebackReversal => row.chargebacks += value,
        }
        row.without_sale += u64::from(!has_sale);
        row.approximate_dates += u64::from(fact.flags.has(FactFlags::APPROXIMATE_DATE));
        row.estimated += u64::from(fact.flags.has(FactFlags::ESTIMATED));
        row.clock_changes += u64::from(fact.flags.has(FactFlags::CLOCK_CHANGE));
    }
}

/// Why an event is in nobody's lifetime.
#[derive(Clone, Copy)]
enum Rest {
    Anonymous,
    Orphan,
}

fn same_paid_order(sale: &Fact, index: u32, first: &Item<'_>) -> bool {
    match first.fact.billing {
        Billing::Rebill => index == first.index,
        _ => sale.order == first.fact.order && sale.billing != Billing::Rebill,
    }
}

impl Events {
    fn with_capacity(size: usize) -> Self {
        Self {
            day: Vec::with_capacity(size),
            sale_day: Vec::with_capacity(size),
            net: Vec::with_capacity(size),
            shipping: Vec::with_capacity(size),
            total: Vec::with_capacity(size),
            marks: Vec::with_capacity(size),
            fact: Vec::with_capacity(size),
        }
    }

    fn push(&mut self, day: i32, sale_day: i32, value: Value, marks: Marks, fact: u32) {
        self.day.push(day);
        self.sale_day.push(sale_day);
        self.net.push(value.net);
        self.shipping.push(value.shipping);
        self.total.push(value.total);
        self.marks.push(marks);
        self.fact.push(fact);
    }
}
