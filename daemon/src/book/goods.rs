//! What was sold: products, and which of them an entry has.
//!
//! A row has one number for it. 0 is nothing. An odd one stands for a product that makes up the whole of the entry without tax and
//! shipping, which is nearly every row of many shops; any other even one for a basket of products with their amounts.

use std::io::{self, Read, Write};

use crate::model::{Good, Line, Product};

use super::hash::HashKey;
use super::index::Index;
use super::part::{Part, bad, read_list, read_u64, write_list, write_u64};

/// What the number of a row's goods means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goods {
    None,
    /// This product alone, for all that the entry is without tax and shipping.
    Whole(u32),
    /// The basket with this number.
    Basket(u32),
}

impl Goods {
    pub(super) fn number(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Whole(product) => i64::from(product) * 2 + 1,
            Self::Basket(basket) => i64::from(basket) * 2 + 2,
        }
    }

    pub(super) fn of_number(number: i64) -> Self {
        let half = |number: i64| u32::try_from(number / 2);
        match number {
            ..=0 => Self::None,
            odd if odd % 2 == 1 => half(odd).map_or(Self::None, Self::Whole),
            even => half(even - 2).map_or(Self::None, Self::Basket),
        }
    }
}

/// What stands for the product of a line: its id, else its SKU, else its name.
pub(super) fn id(line: &Line) -> Option<&str> {
    [&line.product_id, &line.sku, &line.name].into_iter().find_map(|text| said(text.as_deref()))
}

/// A text that says something, trimmed.
pub(super) fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Appends a basket as bytes: product and amount of each, in groups of seven bits.
pub(super) fn pack(goods: &[Good], into: &mut Vec<u8>) {
    for good in goods {
        for number in [u64::from(good.product), good.amount.max(0).cast_unsigned()] {
            let mut left = number;
            while left >= 0x80 {
                into.push((left & 0x7f) as u8 | 0x80);
                left >>= 7;
            }
            into.push(left as u8);
        }
    }
}

/// The other way round.
pub(super) fn unpack(bytes: &[u8]) -> Vec<Good> {
    let mut numbers = Vec::new();
    let (mut number, mut shift) = (0_u64, 0);
    for byte in bytes {
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push(number);
            (number, shift) = (0, 0);
        }
    }
    let pairs = numbers.as_chunks::<2>().0.iter();
    let good = |[product, amount]: &[u64; 2]| {
        Some(Good { product: u32::try_from(*product).ok()?, amount: i64::try_from(*amount).ok()? })
    };
    pairs.filter_map(good).collect()
}

/// Products, numbered as they came.
#[derive(Debug, Default, Clone)]
pub(super) struct Products {
    list: Vec<Product>,
    index: Index,
}

impl Products {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, at: u32) -> Option<&Product> {
        self.list.get(at as usize)
    }

    pub(super) fn find(&self, key: &HashKey, product: &str) -> Option<u32> {
        let is = |at| self.get(at).is_some_and(|known| *known.key == *product);
        self.index.find(key.short(product.as_bytes()), is)
    }

    /// Adds a product that is not there.
    pub(super) fn push(&mut self, key: &HashKey, product: Product) {
        let hash = key.short(product.key.as_bytes());
        self.list.push(product);
        let Self { list, index } = self;
        index.push(hash, |at| list.get(at as usize).map_or(0, |known| key.short(known.key.as_bytes())));
    }

    pub(super) fn rename(&mut self, at: u32, name: Box<str>) {
        if let Some(product) = self.list.get_mut(at as usize) {
            product.name = Some(name);
        }
    }

    pub(super) fn append(&mut self, key: &HashKey, tail: Self) {
        tail.list.into_iter().for_each(|product| self.push(key, product));
    }
}

impl Part for Products {
    fn bytes(&self) -> usize {
        let texts =
            self.list.iter().map(|product| product.key.len() + product.name.as_ref().map_or(0, |name| name.len()));
        texts.sum::<usize>() + self.list.capacity() * size_of::<Product>() + self.index.bytes()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_u64(out, self.list.len())?;
        for product in &self.list {
            write_list(out, product.key.as_bytes(), |byte| [byte])?;
            // No name is a single 0, which no name has.
            write_list(out, product.name.as_deref().unwrap_or("\0").as_bytes(), |byte| [byte])?;
        }
        self.index.write(out)
    }

    fn read(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let count = read_u64(input)?;
        let text = |input: &mut dyn Read| {
            let bytes = read_list(input, |[byte]: [u8; 1]| byte)?;
            String::from_utf8(bytes).map(String::into_boxed_str).map_err(|_| bad("a text is not UTF-8"))
        };
        self.list.clear();
        for _ in 0..count {
            let (key, name) = (text(input)?, text(input)?);
            self.list.push(Product { key, name: (&*name != "\0").then_some(name) });
        }
        self.index.read(input)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn baskets_come_back(goods in prop::collection::vec((any::<u32>(), 0..=i64::MAX), 0..20)) {
            let goods: Vec<_> = goods.into_iter().map(|(product, amount)| Good { product, amount }).collect();
            let mut bytes = vec![];
            pack(&goods, &mut bytes);
            prop_assert_eq!(unpack(&bytes), goods);
        }

        #[test]
        fn numbers_of_goods_come_back(number in any::<u32>()) {
            for goods in [Goods::None, Goods::Whole(number), Goods::Basket(number)] {
                prop_assert_eq!(Goods::of_number(goods.number()), goods);
            }
        }
    }
}
