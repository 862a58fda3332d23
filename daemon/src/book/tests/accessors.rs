//! Random deliveries; everything that the book can be asked is held against the entries themselves and against earlier states.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::model::{Amounts, Decimal, Dimension, Good, Line, Tag};

use super::super::*;
use super::*;

const SHOPS: [&str; 2] = ["shop", "other"];
const DOORS: [Door; 3] = [Door::Poll, Door::Webhook, Door::File];

/// One delivery: shop, door, changes.
pub(super) type Delivery = (usize, usize, Vec<Change>);

fn text(prefix: &str, number: usize) -> String {
    format!("{prefix}{number}")
}

fn entry() -> impl Strategy<Value = Entry> {
    let who = (prop::option::of(0..4_usize), prop::option::of(0..4_usize));
    let what = (0..12_usize, 0..5_usize, 0..5_usize, 0..3_usize, prop::option::of(0..6_usize));
    let money = (1..500_i64, prop::option::of(0..3_i64), prop::option::of(0..3_i64), 0..4_i64);
    let tags = prop::collection::vec((0..6_usize, 0..3_usize), 0..4);
    let lines = prop::collection::vec((0..3_usize, 0..2_usize, prop::option::of(-5..500_i64)), 0..3);
    (what, who, money, tags, lines).prop_map(
        |((id, order, kind, currency, name), (email, customer), money, tags, lines)| {
            let (total, tax, shipping, revision) = money;
            let rest = total - tax.unwrap_or(0) - shipping.unwrap_or(0);
            Entry {
                key: EntryKey { kind: Kind::ALL[kind], id: text("e", id) },
                also: name.map(|name| text("n", name)).into_iter().collect(),
                order_id: text("o", order),
                billing: [Billing::Initial, Billing::Rebill, Billing::Unknown][kind % 3],
                at: match total % 4 {
                    0 => Moment::Utc(1_700_000_000_000 + total),
                    1 => Moment::Local(total),
                    2 => Moment::Day(19_000),
                    _ => Moment::Received(1_700_000_000_000 - total),
                },
                customer: Customer {
                    email: email.map(|email| format!(" C{email}@example.org")),
                    id: customer.map(|customer| text("c", customer)),
                },
                currency: ["USD", "EUR", "JPY"][currency].parse().unwrap(),
                amounts: Amounts { total, tax, shipping, ..Amounts::default() },
                lines: lines
                    .into_iter()
                    .map(|(product, name, amount)| Line {
                        product_id: (product > 0).then(|| text("p", product)),
                        variant_id: None,
                        sku: None,
                        name: Some(text("name", name)),
                        quantity: Decimal { coefficient: 1, scale: 0 },
                        amount: amount.unwrap_or(rest),
                    })
                    .collect(),
                tags: tags
                    .into_iter()
                    .map(|(tag, value)| Tag {
                        name: ["coupon", "source", "campaign", "affiliate", "country", "note"][tag].into(),
                        value: ["", " A ", "b"][value].into(),
                    })
                    .collect(),
                revision,
            }
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => entry().prop_map(Change::Put),
        2 => (0..5_usize, 0..4_i64, prop::collection::vec(entry(), 0..4)).prop_map(|(id, revision, mut entries)| {
            entries.iter_mut().for_each(|entry| entry.order_id = text("o", id));
            Change::ReplaceOrder(Order { id: text("o", id), revision, entries })
        }),
        1 => (0..12_usize, 0..5_usize, 0..5_i64).prop_map(|(id, kind, revision)| {
            Change::Withdraw(Withdrawal { key: EntryKey { kind: Kind::ALL[kind], id: text("e", id) }, revision })
        }),
    ]
}

pub(super) fn deliveries() -> impl Strategy<Value = Vec<Delivery>> {
    prop::collection::vec((0..2_usize, 0..3_usize, prop::collection::vec(change(), 1..12)), 1..12)
}

/// What a log is made of: shop, door, the changes that were written.
pub(super) type Log = Vec<Delivery>;

pub(super) struct History {
    pub(super) book: Book,
    pub(super) log: Log,
    /// By revision: the epoch, and every row.
    states: Vec<(u64, Vec<Option<Listed>>)>,
}

fn rows(book: &Book) -> Vec<Option<Listed>> {
    (0..book.entries()).map(|row| book.listed_at(row)).collect()
}

pub(super) fn history(deliveries: Vec<Delivery>) -> History {
    let mut book = Book::new(HashKey(3, 4));
    let mut log: Log = vec![];
    let mut states = vec![(0, vec![])];
    for (shop, door, changes) in deliveries {
        let mut draft = Draft::new(&book, SHOPS[shop], DOORS[door]).unwrap();
        let mut place = Place { block: u32::try_from(log.len()).unwrap(), index: 0 };
        let mut written = vec![];
        for change in changes {
            if draft.apply(&book, &change, place).unwrap() == Effect::Write {
                place.index += entries_in(&change);
                written.push(change);
            }
        }
        if !written.is_empty() {
            book.absorb(draft).unwrap();
            log.push((shop, door, written));
            states.push((book.epoch(), rows(&book)));
        }
    }
    History { book, log, states }
}

pub(super) fn read_back(book: &mut Book, log: &Log, from: usize) {
    let mut replay = book.replay();
    for (block, (shop, door, changes)) in (0_u32..).zip(log).skip(from) {
        replay.commit(SHOPS[*shop], DOORS[*door]).unwrap();
        replay.block(book, block, changes).unwrap();
    }
    book.finish(replay).unwrap();
}

fn stored(log: &Log, place: Place) -> &Entry {
    let entries = log[place.block as usize].2.iter().flat_map(|change| match change {
        Change::Put(entry) => std::slice::from_ref(entry),
        Change::ReplaceOrder(order) => order.entries.as_slice(),
        Change::Withdraw(_) => &[],
    });
    entries.into_iter().nth(usize::from(place.index)).unwrap()
}

/// What can be asked of two books that must be the same: everything but numbers of hashes.
pub(super) fn answers(book: &Book) -> impl PartialEq + std::fmt::Debug + use<> {
    let all = |numbers: u32, ask: &dyn Fn(u32) -> String| (0..numbers).map(ask).collect::<Vec<_>>();
    (
        (book.revision(), book.integrations().to_vec(), book.currencies().to_vec()),
        rows(book),
        all(book.entries(), &|row| {
            format!("{:?} {:?} {:?}", book.goods(row), book.place(row), book.integration_of(row))
        }),
        all(book.orders(), &|order| format!("{:?}", book.of_order(order))),
        all(book.customers(), &|customer| {
            let who = (book.resolve(customer), book.is_address(customer), book.row_naming(customer).is_some());
            format!("{who:?} {:?}", book.of_customer(customer))
        }),
        all(book.products(), &|product| format!("{:?}", book.product(product))),
        all(50, &|set| {
            let said = |label: &Label| format!("{:?} {}", label.dimension, book.value(label.value));
            format!("{:?}", book.labels(set).iter().map(said).collect::<Vec<_>>())
        }),
        SHOPS.map(|shop| (0..5).map(|order| format!("{:?}", book.order(shop, &text("o", order)))).collect::<Vec<_>>()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_book_lists_what_was_stored(deliveries in deliveries()) {
        let History { book, log, .. } = history(deliveries);
        let live: Vec<Listed> = book.live().collect();
        let one_by_one: Vec<Listed> = rows(&book).into_iter().flatten().collect();
        prop_assert_eq!(&live, &one_by_one);
        let mut orders: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut customers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut names: BTreeMap<u32, BTreeSet<(String, String)>> = BTreeMap::new();
        for listed in &live {
            orders.entry(listed.order).or_default().push(listed.row);
            let entry = stored(&log, listed.place);
            let shop = &book.integrations()[usize::from(listed.integration)];
            prop_assert_eq!(listed.kind, entry.key.kind);
            prop_assert_eq!(listed.billing, entry.billing);
            prop_assert_eq!(book.currencies()[usize::from(listed.currency)], entry.currency);
            prop_assert_eq!((listed.total, listed.tax, listed.shipping),
                (entry.amounts.total, entry.amounts.tax, entry.amounts.shipping));
            prop_assert_eq!(book.order_number(shop, &entry.order_id), Some(listed.order));
            match &entry.customer {
                Customer { email: Some(email), .. } => prop_assert_eq!(book.find_email(email), Some(listed.customer)),
                Customer { id: Some(_), .. } => prop_assert!(listed.customer != NONE),
                _ => prop_assert_eq!(listed.customer, NONE),
            }
            if listed.customer != NONE {
                customers.entry(listed.customer).or_default().push(listed.row);
            }
            let labels: BTreeSet<(Dimension, String)> = book.labels(listed.labels).iter()
                .map(|label| (label.dimension, book.value(label.value).to_owned())).collect();
            let tags: BTreeSet<(Dimension, String)> = entry.tags.iter().filter(|tag| !tag.value.is_empty())
                .filter_map(|tag| {
                    let dimension = Dimension::ALL.into_iter().find(|d| d.as_str() == tag.name)?;
                    Some((dimension, tag.value.trim().to_owned()))
                }).collect();
            prop_assert_eq!(labels, tags);
            let mut sold: BTreeMap<String, i64> = BTreeMap::new();
            for line in &entry.lines {
                let id = line.product_id.as_ref().or(line.name.as_ref()).unwrap();
                *sold.entry(format!("{shop}/{id}")).or_default() += line.amount;
                names.entry(listed.row).or_default().insert((format!("{shop}/{id}"), line.name.clone().unwrap()));
            }
            sold.values_mut().for_each(|amount| *amount = (*amount).max(0));
            let goods: BTreeMap<String, i64> = book.goods(listed.row).iter()
                .map(|Good { product, amount }| (book.product(*product).unwrap().key.to_string(), *amount)).collect();
            prop_assert_eq!(goods, sold);
        }
        for order in 0..book.orders() {
            let rows = orders.remove(&order).unwrap_or_default();
            prop_assert_eq!(book.of_order(order), rows.clone());
            for row in &rows {
                prop_assert!(!book.listed_at(*row).unwrap().alone || rows.len() == 1);
            }
        }
        for customer in 0..book.customers() {
            let rows = customers.remove(&customer).unwrap_or_default();
            if book.resolve(customer) == customer {
                prop_assert_eq!(book.of_customer(customer), rows);
            }
            if let Some(row) = book.row_naming(customer) {
                let named = &stored(&log, book.place(row).unwrap()).customer;
                prop_assert_eq!(named.email.is_some(), book.is_address(customer));
            }
        }
        // Every name that a product goes by was given to it by some entry.
        let given: BTreeSet<(String, String)> = log.iter().flat_map(|(shop, _, changes)| changes.iter().flat_map(move |change| {
            let entries = match change {
                Change::Put(entry) => std::slice::from_ref(entry),
                Change::ReplaceOrder(order) => order.entries.as_slice(),
                Change::Withdraw(_) => &[],
            };
            entries.iter().flat_map(move |entry| entry.lines.iter().map(move |line| {
                let id = line.product_id.as_ref().or(line.name.as_ref()).unwrap();
                (format!("{}/{id}", SHOPS[*shop]), line.name.clone().unwrap())
            }))
        })).collect();
        for product in (0..book.products()).filter_map(|product| book.product(product)) {
            prop_assert!(given.contains(&(product.key.to_string(), product.name.as_deref().unwrap().to_owned())));
        }
    }

    #[test]
    fn the_log_gives_the_same_book(deliveries in deliveries(), split in any::<prop::sample::Index>()) {
        let History { book, log, .. } = history(deliveries);
        let mut again = Book::new(HashKey(3, 4));
        let split = split.index(log.len() + 1);
        read_back(&mut again, &log[..split].to_vec(), 0);
        read_back(&mut again, &log, split);
        prop_assert_eq!(answers(&again), answers(&book));
    }

    #[test]
    fn what_was_before_is_remembered(deliveries in deliveries()) {
        let History { book, states, .. } = history(deliveries);
        let now = rows(&book);
        for (revision, (epoch, then)) in (0..).zip(&states) {
            let before = book.before(revision);
            if *epoch != book.epoch() {
                prop_assert_eq!(before, None);
                continue;
            }
            let before = before.expect("nothing was forgotten");
            let mut rebuilt = now.clone();
            for (row, image) in &before {
                rebuilt[*row as usize] = *image;
            }
            rebuilt.truncate(then.len());
            prop_assert_eq!(&rebuilt, then);
            for pair in before.windows(2) {
                prop_assert!(pair[0].0 < pair[1].0, "each row once, ascending");
            }
            let added = before.iter().filter(|(row, _)| *row as usize >= then.len());
            prop_assert_eq!(added.count(), now.len() - then.len());
        }
        prop_assert_eq!(book.before(book.revision() + 1), None);
    }
}

#[test]
fn an_id_that_becomes_known_moves_its_entries_and_the_epoch() {
    let mut bench = Bench::new();
    let who = |id: &str, email: Option<&str>, customer: &str| Entry {
        customer: Customer { email: email.map(Into::into), id: Some(customer.into()) },
        ..sale(id, 1, 0)
    };
    bench.put(Door::File, who("1", None, "c9"));
    bench.put(Door::File, who("2", Some("eve@example.org"), "c8"));
    assert_eq!(bench.book.epoch(), 0, "nobody's entries moved");
    bench.put(Door::File, who("3", None, "c8"));
    assert_eq!(bench.book.epoch(), 0, "the id was known before its first entry came");
    let revision = bench.book.revision();
    bench.put(Door::File, who("4", Some("ada@example.org"), "c9"));
    assert_eq!(bench.book.epoch(), 1);
    assert_eq!(bench.book.before(revision), None);
    let rows = |bench: &Bench, email| bench.book.of_customer(bench.book.find_email(email).unwrap());
    assert_eq!((rows(&bench, "ada@example.org"), rows(&bench, "eve@example.org")), (vec![0, 3], vec![1, 2]));
    // The platform gives the id to somebody else.
    bench.put(Door::File, who("5", Some("eve@example.org"), "c9"));
    assert_eq!(bench.book.epoch(), 2);
    assert_eq!((rows(&bench, "ada@example.org"), rows(&bench, "eve@example.org")), (vec![3], vec![0, 1, 2, 4]));
}

#[test]
fn many_entries_may_change_their_customer_at_once() {
    let mut bench = Bench::new();
    let of = |number: u32, email: &str| {
        let customer = Customer { email: Some(email.into()), id: None };
        Change::Put(Entry { customer, revision: 1, ..sale(&number.to_string(), i64::from(number) + 1, 1) })
    };
    bench.deliver(Door::File, (0..20_000).map(|number| of(number, "guest@example.org")).collect());
    let started = std::time::Instant::now();
    bench.deliver(Door::File, (0..20_000).map(|number| of(number, &format!("c{number}@example.org"))).collect());
    assert!(started.elapsed().as_secs() < 10, "chains are not walked once for each entry");
    assert!(bench.book.of_customer(bench.book.find_email("guest@example.org").unwrap()).is_empty());
    for number in [0_u32, 1, 9_999, 19_999] {
        let customer = bench.book.find_email(&format!("c{number}@example.org")).unwrap();
        assert_eq!(bench.book.of_customer(customer), [number]);
    }
}

#[test]
fn a_journal_that_would_be_too_long_is_forgotten() {
    let mut bench = Bench::new();
    let many = crate::limits::book::JOURNAL_ROWS;
    bench.put(Door::File, sale("first", 1, 0));
    let entry = |number: usize| Change::Put(sale(&number.to_string(), 1, 0));
    bench.deliver(Door::File, (0..many).map(entry).collect());
    assert_eq!(bench.book.before(1).map(|rows| rows.len()), Some(many));
    assert_eq!(bench.book.before(0), None, "one row too many");
    bench.put(Door::File, sale("last", 1, 0));
    assert_eq!((bench.book.before(1), bench.book.before(2).map(|rows| rows.len())), (None, Some(1)));
}
