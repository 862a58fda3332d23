//! Which cohorts a customer is in: by the first order, for life.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar::Period;
use super::facts::{Fact, FactFlags};
use super::filter::{By, Filter, NONE_LABEL};
use super::source::Source;
use super::view::{Lifetime, View};
use crate::limits::report::COHORTS;
use crate::model::{Billing, Kind};

/// What makes a cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// The period of the first order.
    Period(Period),
    /// What the first order was about.
    By(By),
}

impl Group {
    /// Its name in questions and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Period(period) => period.name(),
            Self::By(by) => by.name(),
        }
    }
}

impl Serialize for Group {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Which product's cohort a customer is in whose first order has several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Products {
    /// In that of each: cohorts overlap.
    #[default]
    Each,
    /// In that of the one with the highest amount.
    Main,
}

/// Which customers a question is about, and how they are grouped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience {
    /// Cohorts; `None` for one total.
    pub group: Option<Group>,
    /// Where the first order has several products.
    pub products: Products,
    /// Only customers whose first order passes.
    pub first: Filter,
}

impl Audience {
    /// All customers, by the period of the first order.
    pub fn by(period: Period) -> Self {
        Self { group: Some(Group::Period(period)), ..Self::default() }
    }

    /// True if a customer can be in several cohorts, so that rows do not add up to the total.
    pub fn overlaps(&self) -> bool {
        match self.group {
            Some(Group::By(By::Product)) => self.products == Products::Each,
            Some(Group::By(by)) => by.overlaps(),
            _ => false,
        }
    }

    /// True if the first order's day tells everything.
    pub(super) fn is_by_day(&self) -> bool {
        self.first.is_empty() && !matches!(self.group, Some(Group::By(_)))
    }
}

/// The cohorts of one question. They get numbers as they are met.
pub(super) struct Cohorts<'a, S> {
    source: &'a S,
    audience: &'a Audience,
    /// For each day from `first_day` on: the number of its period's cohort. Only for groups by period.
    of_day: Vec<u32>,
    first_day: i32,
    /// Number of the period or value, by number of the cohort.
    keys: Vec<Key>,
    numbers: HashMap<Key, u32>,
    found: Vec<u32>,
}

/// What a cohort has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    /// Number of a period.
    Period(i32),
    /// Number of a product, value, integration or currency.
    Value(u32),
    /// No value.
    None,
}

/// How a cohort is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) cohort: String,
    /// The first day of its period.
    pub(super) first_day: Option<i32>,
    /// What a product is called.
    pub(super) title: Option<String>,
}

impl Name {
    /// Of the total.
    pub(super) fn all() -> Self {
        Self { cohort: "all".to_owned(), first_day: None, title: None }
    }
}

impl<'a, S: Source> Cohorts<'a, S> {
    pub(super) fn new(view: &View, source: &'a S, audience: &'a Audience) -> Self {
        let mut cohorts = Self {
            source,
            audience,
            of_day: Vec::new(),
            first_day: 0,
            keys: Vec::new(),
            numbers: HashMap::new(),
            found: Vec::new(),
        };
        if let (Some(Group::Period(period)), Some((first, last))) = (audience.group, view.first_days()) {
            cohorts.first_day = first;
            cohorts.of_day = (first..=last).map(|day| cohorts_number(&mut cohorts.keys, period.number(day))).collect();
        }
        cohorts
    }

    /// How many there are by now. Cohorts of a period are there from the start, others when the first customer is met.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The cohort of customers with this first day, where groups are periods.
    pub(super) fn of_day(&self, day: i32) -> Option<u32> {
        let at = usize::try_from(day.checked_sub(self.first_day)?).ok()?;
        self.of_day.get(at).copied()
    }

    /// The cohorts of a customer; `None` if the question is not about them.
    pub(super) fn of(&mut self, life: &Lifetime<'_>) -> Option<&[u32]> {
        self.found.clear();
        let by = match self.audience.group {
            Some(Group::By(by)) => Some(by),
            Some(Group::Period(_)) => {
                let number = self.of_day(life.first_day)?;
                self.found.push(number);
                None
            }
            None => None,
        };
        if by.is_some() || !self.audience.first.is_empty() {
            let sales = first_sales(self.source, life.first_entry);
            if !self.audience.first.first_order_passes(self.source, &sales) {
                return None;
            }
            if let Some(by) = by {
                for key in keys(self.source, by, self.audience.products, &sales) {
                    let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
                    let number = *self.numbers.entry(key).or_insert(next);
                    if number == next {
                        self.keys.push(key);
                    }
                    self.found.push(number);
                }
            }
        }
        Some(&self.found)
    }

    /// What a cohort is called.
    pub(super) fn name(&self, number: usize) -> Name {
        let plain = |cohort: String| Name { cohort, first_day: None, title: None };
        let source = self.source;
        match (self.audience.group, self.keys.get(number)) {
            (Some(Group::Period(period)), Some(Key::Period(n))) => {
                Name { first_day: Some(period.first_day(*n)), ..plain(period.label(*n)) }
            }
            (Some(Group::By(by)), Some(Key::Value(value))) => value_name(source, by, *value),
            _ => plain(NONE_LABEL.to_owned()),
        }
    }

    /// Numbers of the cohorts in the sequence of answers: periods by time, others by size (as told), then name.
    pub(super) fn sequence(&self, size: impl Fn(usize) -> i64) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..self.len()).filter(|number| size(*number) > 0).collect();
        if let Some(Group::By(_)) = self.audience.group {
            let named: HashMap<usize, String> =
                numbers.iter().map(|number| (*number, self.name(*number).cohort)).collect();
            numbers.sort_by(|a, b| size(*b).cmp(&size(*a)).then_with(|| named.get(a).cmp(&named.get(b))));
        }
        numbers
    }
}

/// Cohorts that an answer shows, and how many it does not.
pub(super) fn cut(numbers: Vec<usize>, most: Option<usize>) -> (Vec<usize>, u64) {
    let most = most.unwrap_or(COHORTS).min(COHORTS);
    let omitted = numbers.len().saturating_sub(most) as u64;
    (numbers.into_iter().take(most).collect(), omitted)
}

fn cohorts_number(keys: &mut Vec<Key>, period: i32) -> u32 {
    // Days come ascending, and so do periods.
    if keys.last() != Some(&Key::Period(period)) {
        keys.push(Key::Period(period));
    }
    u32::try_from(keys.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

/// The sales of the paid order that this entry stands for, that entry first.
pub(super) fn first_sales(source: &impl Source, first: u32) -> Vec<Fact> {
    let Some(fact) = source.fact(first) else { return Vec::new() };
    if fact.flags.has(FactFlags::ALONE) || fact.billing == Billing::Rebill {
        return vec![fact];
    }
    let others = source.of_order(fact.order).into_iter().filter(|entry| *entry != first);
    let others = others.filter_map(|entry| source.fact(entry));
    let others = others.filter(|other| other.kind == Kind::Sale && other.billing != Billing::Rebill);
    std::iter::once(fact).chain(others).collect()
}

/// The values of some sales together, once each.
fn keys(source: &impl Source, by: By, products: Products, sales: &[Fact]) -> Vec<Key> {
    let mut found: Vec<Key> = match by {
        // Of the sale that stands for the order: it comes first.
        By::Integration => sales.iter().take(1).map(|fact| Key::Value(u32::from(fact.integration))).collect(),
        By::Currency => sales.iter().take(1).map(|fact| Key::Value(u32::from(fact.currency))).collect(),
        By::Label(dimension) => sales
            .iter()
            .flat_map(|fact| source.labels(fact.labels))
            .filter(|label| label.dimension == dimension)
            // Some platforms write `(none)` where there is none.
            .map(|label| if source.value(label.value) == NONE_LABEL { Key::None } else { Key::Value(label.value) })
            .collect(),
        By::Product => {
            let goods = sales.iter().flat_map(|fact| source.goods(fact.entry));
            match products {
                Products::Each => goods.map(|good| Key::Value(good.product)).collect(),
                Products::Main => {
                    let mut amounts: HashMap<u32, i64> = HashMap::new();
                    for good in goods {
                        let sum = amounts.entry(good.product).or_default();
                        *sum = sum.saturating_add(good.amount);
                    }
                    let main =
                        amounts.into_iter().max_by_key(|(product, amount)| (*amount, std::cmp::Reverse(*product)));
                    main.map(|(product, _)| Key::Value(product)).into_iter().collect()
                }
            }
        }
    };
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        found.push(Key::None);
    }
    found
}

/// Numbers of the values of some sales together, `u32::MAX` for none.
pub(super) fn values(source: &impl Source, by: By, sales: &[Fact]) -> Vec<u32> {
    let number = |key| if let Key::Value(value) = key { value } else { u32::MAX };
    keys(source, by, Products::Each, sales).into_iter().map(number).collect()
}

/// What a value of a dimension is called; `u32::MAX` for none.
pub(super) fn value_name(source: &impl Source, by: By, value: u32) -> Name {
    let index = value as usize;
    let mut title = None;
    let text = match by {
        _ if value == u32::MAX => None,
        By::Integration => source.integrations().get(index).map(|integration| integration.name.clone()),
        By::Currency => source.currencies().get(index).map(ToString::to_string),
        By::Label(_) => Some(source.value(value).to_owned()),
        By::Product => source.product(value).map(|product| {
            title = product.name.as_deref().map(str::to_owned);
            product.key.to_string()
        }),
    };
    Name { cohort: text.unwrap_or_else(|| NONE_LABEL.to_owned()), first_day: None, title }
}
