//! Which orders a question is about.

use schemars::JsonSchema;
use serde::Serialize;

use super::facts::Fact;
use super::source::{Dimension, Source};
use crate::model::Kind;

/// Stands for "has none" in groups and filters.
pub const NONE_LABEL: &str = "(none)";

/// What an order is grouped or filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// What was bought.
    Product,
    /// A tag.
    Label(Dimension),
    /// The integration.
    Integration,
    /// The currency in which it was paid.
    Currency,
}

impl By {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 8] = [
        ("product", Self::Product),
        ("coupon", Self::Label(Dimension::Coupon)),
        ("source", Self::Label(Dimension::Source)),
        ("campaign", Self::Label(Dimension::Campaign)),
        ("affiliate", Self::Label(Dimension::Affiliate)),
        ("country", Self::Label(Dimension::Country)),
        ("integration", Self::Integration),
        ("currency", Self::Currency),
    ];

    /// Its name in questions and answers.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, by)| *by == self).map_or("", |(name, _)| name)
    }

    /// True if an order can have several values.
    pub const fn overlaps(self) -> bool {
        matches!(self, Self::Product | Self::Label(_))
    }
}

impl Serialize for By {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One condition: the order has one of these values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Condition {
    /// Of what.
    pub by: By,
    /// Any of these: for products `integration/id`, or the id alone in every integration; `(none)` for orders without value.
    pub any_of: Vec<String>,
}

/// Conditions on an order, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Filter {
    /// In any sequence.
    pub conditions: Vec<Condition>,
}

impl Filter {
    /// No conditions.
    pub const NONE: &'static Self = &Self { conditions: Vec::new() };

    /// True if every order passes.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether an order passes, by its sales. One of which no sale is known never does.
    pub(super) fn order_passes(&self, source: &impl Source, facts: &[Fact]) -> bool {
        let sales: Vec<&Fact> = facts.iter().filter(|fact| fact.kind == Kind::Sale).collect();
        !sales.is_empty() && self.passes(source, &sales)
    }

    /// Whether these entries together fulfil every condition.
    pub(super) fn passes(&self, source: &impl Source, facts: &[&Fact]) -> bool {
        self.conditions.iter().all(|condition| condition.holds(source, facts))
    }
}

impl Condition {
    fn holds(&self, source: &impl Source, facts: &[&Fact]) -> bool {
        let wants = |text: &str| self.any_of.iter().any(|wanted| wanted == text);
        let mut has_any = false;
        for fact in facts {
            let found = match self.by {
                By::Product => source.goods(fact.entry).iter().any(|good| {
                    let Some(product) = source.product(good.product) else { return false };
                    has_any = true;
                    wants(&product.key) || product.key.split_once('/').is_some_and(|(_, id)| wants(id))
                }),
                By::Label(dimension) => {
                    source.labels(fact.labels).iter().filter(|label| label.dimension == dimension).any(|label| {
                        has_any = true;
                        wants(source.value(label.value))
                    })
                }
                By::Integration => {
                    has_any = true;
                    source.integrations().get(usize::from(fact.integration)).is_some_and(|i| wants(&i.name))
                }
                By::Currency => {
                    has_any = true;
                    source.currencies().get(usize::from(fact.currency)).is_some_and(|c| wants(c.as_str()))
                }
            };
            if found {
                return true;
            }
        }
        !has_any && wants(NONE_LABEL)
    }
}
