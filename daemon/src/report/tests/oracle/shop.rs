//! Random shops, with all that entries are told apart by.

use proptest::prelude::*;

use super::super::random::a_fact;
use super::super::shop::{currency, facts};
use crate::report::*;

/// A shop under construction.
#[derive(Debug, Clone)]
pub(super) struct Shop {
    pub(super) facts: Facts,
}

impl Shop {
    /// Entries without labels and goods, numbered as they come.
    pub(super) fn plain(entries: Vec<Fact>) -> Self {
        let mut facts = facts(entries);
        facts.currencies.push(currency("JPY"));
        facts.label_sets.push(Vec::new());
        Self { facts }
    }

    /// The number of a value, which is noted if it is new.
    fn value(&mut self, text: &str) -> u32 {
        let values = &mut self.facts.values;
        let known = values.iter().position(|known| known == text);
        let number = known.unwrap_or_else(|| {
            values.push(text.to_owned());
            values.len() - 1
        });
        number.try_into().unwrap()
    }

    /// The number of a set of labels, which is noted as a new one unless it is empty.
    fn label_set(&mut self, labels: &[(Dimension, &str)]) -> u32 {
        if labels.is_empty() {
            return 0;
        }
        let set = labels.iter().map(|(dimension, text)| Label { dimension: *dimension, value: self.value(text) });
        let set = set.collect();
        self.facts.label_sets.push(set);
        (self.facts.label_sets.len() - 1).try_into().unwrap()
    }

    /// Gives an entry its labels.
    pub(super) fn label(&mut self, entry: usize, labels: &[(Dimension, &str)]) {
        self.facts.facts[entry].labels = self.label_set(labels);
    }

    /// Gives an entry its goods: numbers of products, which are called `alpha/p0`, `alpha/p1` and so on, and amounts.
    pub(super) fn sell(&mut self, entry: usize, goods: &[(u32, i64)]) {
        let Facts { products, goods: baskets, .. } = &mut self.facts;
        for (product, _) in goods {
            for number in products.len() as u32..=*product {
                products.push(Product { key: format!("alpha/p{number}").into(), name: None });
            }
        }
        if baskets.len() <= entry {
            baskets.resize(entry + 1, Vec::new());
        }
        baskets[entry] = goods.iter().map(|(product, amount)| Good { product: *product, amount: *amount }).collect();
    }

    /// The shop one delivery earlier: these entries were something else then, or not there. This one learns what it takes to
    /// bring a view of the earlier one up to date.
    pub(super) fn before(&mut self, changes: &[(u32, Option<Told>)]) -> Self {
        let facts = changes.iter().map(|(entry, told)| {
            let fact =
                told.as_ref().map(|(fact, said)| Fact { entry: *entry, labels: self.label_set(&said.0), ..*fact });
            Before { entry: *entry, fact }
        });
        let images: Vec<Before> = facts.collect();
        let mut earlier = self.clone();
        for (image, (entry, told)) in images.iter().zip(changes) {
            earlier.facts.facts.retain(|fact| fact.entry != *entry);
            earlier.facts.facts.extend(image.fact);
            earlier.sell(*entry as usize, told.as_ref().map_or(&[], |(_, said)| &said.1));
        }
        self.facts.revision += 1;
        self.facts.changes = images.into_iter().map(|image| (self.facts.revision, image)).collect();
        earlier
    }
}

/// What may be said about an entry besides its money: labels, and goods with their amounts.
pub(super) type Said = (Vec<(Dimension, &'static str)>, Vec<(u32, i64)>);

fn said() -> impl Strategy<Value = Said> {
    let labels = prop::sample::subsequence(
        vec![
            (Dimension::Coupon, "WELCOME"),
            (Dimension::Coupon, "SPRING"),
            (Dimension::Source, "mail"),
            (Dimension::Campaign, "one"),
            // What a platform writes for none.
            (Dimension::Campaign, NONE_LABEL),
            (Dimension::Affiliate, "a-7"),
            (Dimension::Country, "DE"),
            (Dimension::Country, "US"),
        ],
        0..4,
    );
    let amounts = prop_oneof![1 => Just(0_i64), 4 => 1_i64..9_000];
    let goods = prop::collection::btree_map(0_u32..4, amounts, 0..4).prop_map(|goods| goods.into_iter().collect());
    (labels, prop_oneof![1 => Just(Vec::new()), 3 => goods])
}

/// An entry without its number, and what is said about it.
pub(super) type Told = (Fact, Said);

fn told() -> impl Strategy<Value = Told> {
    let currencies = prop_oneof![3 => Just(0_u16), 2 => Just(1), 1 => Just(2)];
    (a_fact(), currencies, said()).prop_map(|(fact, currency, said)| (Fact { currency, ..fact }, said))
}

/// Up to forty entries in three currencies.
pub(super) fn shops() -> impl Strategy<Value = Shop> {
    prop::collection::vec(told(), 0..40).prop_map(|entries| {
        let mut shop = Shop::plain(entries.iter().map(|(fact, _)| *fact).collect());
        for (entry, (_, (labels, goods))) in entries.iter().enumerate() {
            shop.label(entry, labels);
            shop.sell(entry, goods);
        }
        shop
    })
}

/// What some entries were before, `None` for not there. Numbers beyond those of a shop are of entries that it has lost since.
pub(super) fn changes() -> impl Strategy<Value = Vec<(u32, Option<Told>)>> {
    let was = prop::option::weighted(0.7, told());
    prop::collection::btree_map(0_u32..44, was, 1..8).prop_map(|changes| changes.into_iter().collect())
}
