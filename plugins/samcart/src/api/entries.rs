//! From records to entries.

use ltv_connector::dates;
use ltv_connector::prelude::*;

use super::Reach;
use super::emails::Emails;
use super::records::{Charge, Item, Order, Price, Refund};
use super::shop::{Role, Shop};
use crate::lines::decimal;
use crate::money::Money;
use crate::names;
use crate::rank;
use crate::settings::Settings;

/// An entry before it is known who bought.
pub(super) enum Draft<'a> {
    /// All that was charged at once for an order.
    Purchase(Vec<&'a Charge>),
    /// A later charge.
    Later(&'a Charge, Role),
    /// Money that went back, and the charge it was paid by.
    Back(&'a Refund, &'a Charge),
}

/// What the records of the window tell: purchases, then later charges, then refunds, each from the oldest on. An entry is
/// bound by weaker names only after those that are known by their keys.
pub(super) fn drafts<'a>(shop: &'a Shop, reach: Reach) -> (Vec<Draft<'a>>, Vec<Fault>) {
    let (mut purchases, mut later, mut back, mut faults) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut known: Vec<&str> = Vec::new();
    let mut charges: Vec<&Charge> = shop.paid(reach).collect();
    charges.sort_by_key(|charge| (&charge.order, charge.unix_ms));
    for charge in charges {
        match shop.role(charge) {
            Role::Purchase if known.last() == Some(&charge.order.as_str()) => {}
            Role::Purchase => {
                known.push(&charge.order);
                purchases.push(Draft::Purchase(shop.purchase(&charge.order)));
            }
            role => later.push(Draft::Later(charge, role)),
        }
    }
    for refund in shop.back(reach) {
        match shop.charges.get(&refund.charge) {
            Some(charge) if shop.is_test(charge) => {}
            Some(charge) => back.push(Draft::Back(refund, charge)),
            None => {
                let why = format!("SamCart has no charge {}, so the order of the refund is not known", refund.charge);
                faults.push(Fault::at("charge_id", why).id(names::refund(&refund.id)));
            }
        }
    }
    for drafts in [&mut purchases, &mut later, &mut back] {
        drafts.sort_by_key(Draft::unix_ms);
    }
    (purchases.into_iter().chain(later).chain(back).collect(), faults)
}

impl<'a> Draft<'a> {
    fn charge(&self) -> Option<&'a Charge> {
        match self {
            Draft::Purchase(charges) => charges.first().copied(),
            Draft::Later(charge, _) | Draft::Back(_, charge) => Some(charge),
        }
    }

    pub(super) fn unix_ms(&self) -> i64 {
        match self {
            Draft::Back(refund, _) => refund.unix_ms,
            _ => self.charge().map_or(0, |charge| charge.unix_ms),
        }
    }

    pub(super) fn order(&self) -> &'a str {
        self.charge().map_or("", |charge| &charge.order)
    }

    pub(super) fn customer(&self) -> Option<&'a str> {
        self.charge()?.customer.as_deref()
    }

    pub(super) fn key(&self) -> EntryKey {
        match self {
            Draft::Purchase(_) => EntryKey::new(Kind::Sale, names::order(self.order())),
            Draft::Later(charge, _) => EntryKey::new(Kind::Sale, names::charge(&charge.id)),
            Draft::Back(refund, _) => EntryKey::new(Kind::Refund, names::refund(&refund.id)),
        }
    }

    fn total(&self) -> Money {
        match self {
            Draft::Purchase(charges) => charges.iter().map(|charge| charge.total).sum(),
            Draft::Later(charge, _) => charge.total,
            Draft::Back(refund, _) => refund.amount,
        }
    }

    pub(super) fn revision(&self) -> i64 {
        rank::api(self.total())
    }

    /// The items that it is about, as far as that is known.
    fn items(&self, shop: &'a Shop) -> Vec<&'a Item> {
        let order = shop.order(self.order());
        match self {
            Draft::Purchase(charges) => {
                let paid = |item: &&Item| {
                    let named = item.charge.as_deref();
                    item.paid && named.is_none_or(|id| charges.iter().any(|charge| charge.id == id))
                };
                order.map(|order| order.items.iter().filter(paid).collect()).unwrap_or_default()
            }
            Draft::Later(charge, _) => shop.item_of(charge).into_iter().collect(),
            Draft::Back(refund, charge) => {
                let named = |item: &&Item| item.id.is_some() && item.id == refund.item;
                let item = order.and_then(|order| order.items.iter().find(named));
                item.or_else(|| shop.item_of(charge)).into_iter().collect()
            }
        }
    }

    /// Why it is left out on the operator's wish.
    pub(super) fn is_excluded(&self, shop: &'a Shop, emails: &Emails, settings: &Settings) -> bool {
        let items = self.items(shop);
        let out = |item: &&Item| {
            settings.excludes_product([item.product.as_deref(), item.name.as_deref(), item.sku.as_deref()])
        };
        settings.excludes_email(emails.of(self.customer())) || !items.is_empty() && items.iter().all(out)
    }

    pub(super) fn entry(&self, shop: &'a Shop, emails: &Emails, settings: &Settings) -> Entry {
        let items = self.items(shop);
        let email = emails.of(self.customer());
        let key = self.key();
        let order = names::fit(self.order().to_owned());
        let stated = match self {
            Draft::Back(refund, charge) => refund.currency.as_deref().or(charge.currency.as_deref()),
            _ => self.charge().and_then(|charge| charge.currency.as_deref()),
        };
        let at = dates::unix_ms(self.unix_ms());
        let entry = Entry::new(key.kind, key.id, order, at, settings.currency(stated), decimal(self.total()));
        let entry = entry.email(email).customer_id(self.customer()).revision(self.revision());
        let entry = self.tagged(entry, &items, shop.order(self.order()));
        match self {
            Draft::Purchase(_) => with_items(entry.initial(), &items, self.total(), |item| item.first),
            Draft::Later(charge, role) => {
                let (billing, price): (_, fn(&Item) -> Price) = match role {
                    Role::Rebill => (Billing::Rebill, |item| item.later),
                    Role::Purchase | Role::Later => (Billing::Initial, |item| item.first),
                };
                let entry = with_items(entry.billing(billing), &items, charge.total, price);
                let item = items.first();
                let charge_names = names::Charge {
                    charge: charge.transaction.as_deref(),
                    order: Some(&charge.order),
                    subscription: item.and_then(|item| item.subscription.as_deref()),
                    email: email.unwrap_or_default(),
                    product: item.and_then(|item| item.name.as_deref()).unwrap_or_default(),
                };
                names::of_api(charge_names, charge.unix_ms).into_iter().fold(entry, Entry::also)
            }
            Draft::Back(refund, _) => {
                let item = items.first();
                let product = item.and_then(|item| item.product.as_deref());
                let names = names::refunds_of_api(self.order(), product);
                let entry = names.into_iter().fold(entry, Entry::also);
                match item {
                    Some(item) => entry.line(line(item, refund.amount)),
                    None => entry,
                }
            }
        }
    }

    fn tagged(&self, entry: Entry, items: &[&Item], order: Option<&Order>) -> Entry {
        let charge = self.charge();
        let mut tags: Vec<(&str, &str)> = Vec::new();
        tags.extend(items.iter().filter_map(|item| Some(("subscription", item.subscription.as_deref()?))));
        tags.extend(items.iter().filter_map(|item| Some(("coupon", item.coupon.as_deref()?))));
        tags.extend(order.into_iter().flat_map(|order| &order.tags).map(|(name, value)| (*name, value.as_str())));
        tags.extend(charge.and_then(|charge| Some(("processor", charge.processor.as_deref()?))));
        if !tags.iter().any(|(name, _)| *name == "affiliate") {
            tags.extend(charge.and_then(|charge| Some(("affiliate", charge.affiliate.as_deref()?))));
        }
        tags.dedup();
        tags.into_iter().fold(entry, |entry, (name, value)| entry.tag(name, Some(value)))
    }
}

/// Adds the products, and what the total consists of if they explain it.
fn with_items(mut entry: Entry, items: &[&Item], total: Money, price: fn(&Item) -> Price) -> Entry {
    let sum = |part: fn(&Price) -> Option<Money>| items.iter().map(|item| part(&price(item))).sum::<Option<Money>>();
    if !items.is_empty() && sum(|price| price.total) == Some(total) {
        let parts = sum(|price| price.subtotal).zip(sum(|price| price.taxes)).zip(sum(|price| price.shipping));
        if let Some(((goods, taxes), shipping)) = parts {
            let discount = goods.plus(taxes).plus(shipping).minus(total);
            if !discount.is_negative() {
                entry = entry.items(decimal(goods)).tax(decimal(taxes)).shipping(decimal(shipping));
                entry = entry.discount(decimal(discount));
            }
        }
    }
    // Of one item the charge tells more than its price today.
    let only = items.len() == 1;
    items.iter().fold(entry, |entry, item| {
        let net = price(item).net().or(only.then_some(total)).unwrap_or_default();
        entry.line(line(item, net))
    })
}

fn line(item: &Item, amount: Money) -> Line {
    let amount = if amount.is_negative() { Money::ZERO } else { amount };
    Line::new(item.quantity, decimal(amount))
        .product(item.product.as_deref())
        .name(item.name.as_deref())
        .sku(item.sku.as_deref())
}
