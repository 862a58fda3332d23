//! How a draft finds the numbers of labels and products.

use crate::limits::book::{LABEL_SET_AT_HAND_BYTES, LABEL_SETS_AT_HAND};
use crate::model::{Entry, Good, Label, Product};

use super::draft::Draft;
use super::goods::{self, Goods};
use super::labels;
use super::{Book, BookError};

impl Draft {
    /// The number of an entry's set of labels.
    pub(super) fn intern_labels(&mut self, book: &Book, entry: &Entry) -> Result<u32, BookError> {
        self.scratch.clear();
        labels::texts(entry).for_each(|label| labels::pack_text(label, &mut self.scratch));
        if let Some(at) = self.label_sets_at_hand.get(self.scratch.as_slice()) {
            return Ok(*at);
        }
        if self.scratch.len() > LABEL_SET_AT_HAND_BYTES {
            return self.intern_label_set(book, entry);
        }
        if self.label_sets_at_hand.len() >= LABEL_SETS_AT_HAND {
            self.label_sets_at_hand.clear();
        }
        let texts = self.scratch.as_slice().into();
        let at = self.intern_label_set(book, entry)?;
        self.label_sets_at_hand.insert(texts, at);
        Ok(at)
    }

    fn intern_label_set(&mut self, book: &Book, entry: &Entry) -> Result<u32, BookError> {
        let mut set = Vec::new();
        for (dimension, value) in labels::texts(entry) {
            set.push(Label { dimension, value: self.intern_value(book, value)? });
        }
        if set.is_empty() {
            return Ok(0);
        }
        set.sort_unstable();
        set.dedup();
        let known = book.store.label_sets.find(&book.hash_key, &set);
        let known = known.or_else(|| Some(self.tail.label_sets.find(&book.hash_key, &set)? + self.base.label_sets));
        let at = match known {
            Some(at) => at,
            None => {
                let at = self.number(self.base.label_sets, self.tail.label_sets.len())?;
                if !self.tail.label_sets.push(&book.hash_key, &set) {
                    return Err(BookError::Full);
                }
                at
            }
        };
        // 0 is the empty set.
        Ok(at + 1)
    }

    fn intern_value(&mut self, book: &Book, value: &str) -> Result<u32, BookError> {
        let value = value.as_bytes();
        if let Some(at) = book.store.values.find(&book.hash_key, value) {
            return Ok(at);
        }
        if let Some(at) = self.tail.values.find(&book.hash_key, value) {
            return Ok(at + self.base.values);
        }
        let at = self.number(self.base.values, self.tail.values.len())?;
        self.tail.values.push(&book.hash_key, value);
        Ok(at)
    }

    /// The number of what an entry sold.
    pub(super) fn intern_goods(&mut self, book: &Book, entry: &Entry) -> Result<i64, BookError> {
        let mut sold: Vec<Good> = Vec::new();
        for line in &entry.lines {
            let Some(id) = goods::id(line) else { continue };
            let product = self.intern_product(book, id, goods::said(line.name.as_deref()))?;
            match sold.iter_mut().find(|good| good.product == product) {
                Some(good) => good.amount = good.amount.saturating_add(line.amount),
                None => sold.push(Good { product, amount: line.amount }),
            }
        }
        for good in &mut sold {
            good.amount = good.amount.max(0);
        }
        sold.sort_unstable_by_key(|good| good.product);
        let amounts = &entry.amounts;
        let rest = amounts.tax.zip(amounts.shipping);
        let rest = rest.and_then(|(tax, shipping)| amounts.total.checked_sub(tax)?.checked_sub(shipping));
        match sold.as_slice() {
            [] => return Ok(Goods::None.number()),
            [one] if rest == Some(one.amount) => return Ok(Goods::Whole(one.product).number()),
            _ => {}
        }
        let mut basket = Vec::with_capacity(sold.len() * 6);
        goods::pack(&sold, &mut basket);
        let known = book.store.baskets.find(&book.hash_key, &basket);
        let known = known.or_else(|| Some(self.tail.baskets.find(&book.hash_key, &basket)? + self.base.baskets));
        let at = match known {
            Some(at) => at,
            None => {
                let at = self.number(self.base.baskets, self.tail.baskets.len())?;
                self.tail.baskets.push(&book.hash_key, &basket);
                at
            }
        };
        Ok(Goods::Basket(at).number())
    }

    fn intern_product(&mut self, book: &Book, id: &str, name: Option<&str>) -> Result<u32, BookError> {
        let integration = self.tail.integrations.0.get(usize::from(self.integration)).map_or("", |name| &**name);
        let mut key = String::with_capacity(integration.len() + 1 + id.len());
        for part in [integration, "/", id] {
            key.push_str(part);
        }
        if let Some(at) = book.store.products.find(&book.hash_key, &key) {
            let known = self.renamed.get(&at).map(|name| &**name);
            let known = known.or_else(|| book.store.products.get(at)?.name.as_deref());
            if let Some(name) = name.filter(|name| Some(*name) != known) {
                self.renamed.insert(at, name.into());
            }
            return Ok(at);
        }
        if let Some(at) = self.tail.products.find(&book.hash_key, &key) {
            let known = self.tail.products.get(at).and_then(|product| product.name.as_deref());
            if let Some(name) = name.filter(|name| Some(*name) != known) {
                self.tail.products.rename(at, name.into());
            }
            return Ok(at + self.base.products);
        }
        let at = self.number(self.base.products, self.tail.products.len())?;
        self.tail.products.push(&book.hash_key, Product { key: key.into(), name: name.map(Into::into) });
        Ok(at)
    }
}
