//! SamCart asked: charges, refunds and what they belong to, by an API key that the operator may give.
//!
//! Money is what was charged, and what was refunded. Orders say what was bought, customers who bought.

mod client;
mod emails;
mod entries;
mod lists;
mod records;
mod shop;
mod stored;

use std::collections::BTreeSet;

use ltv_connector::prelude::*;

use crate::settings::Settings;
use client::Client;
use emails::Emails;
use entries::{Draft, drafts};
use shop::Shop;
use stored::Stored;

const PLATFORM: &str = "SamCart";
/// Name of the secret.
pub(crate) const KEY: &str = "api_key";

const NO_KEY: &str = "there is no `api_key`, so SamCart cannot be asked; webhooks and files work without one. Keys are made by \
    SamCart's support (support@samcart.com) or, where your account shows it, on SamCart's own settings pages";

const REVERSED: &str = "items are marked as reversed, a chargeback or a void; the API tells neither the day nor the amount: \
    import the Orders export for chargebacks";

/// Two tellings of one charge lie closer than this; two charges of one subscription do not. In milliseconds.
const SAME_CHARGE_MS: u64 = 20 * 60 * 60 * 1_000;

/// Sees whether all that is needed can be read.
pub(crate) async fn check(daemon: Daemon, context: &Context) -> Result<Outcome, Failure> {
    let client = Client::new(daemon, context).ok_or_else(|| Failure::Settings(NO_KEY.into()))?;
    let lists = ["charges", "orders", "customers"];
    client.try_lists(&lists).await?;
    Ok(Outcome::Checked(vec![format!("the key is good: it opens {}", lists.join(", "))]))
}

/// Reads a window.
pub(crate) async fn sync(daemon: Daemon, window: &Window, context: &Context) -> Result<Outcome, Failure> {
    let settings = Settings::read(context)?;
    let client = Client::new(daemon.clone(), context).ok_or_else(|| Failure::Settings(NO_KEY.into()))?;
    let reach = Reach::of(window, context.now.unix_ms);
    let mut shop = Shop::read_lists(&client, reach).await?;

    // Refunds name charges, charges name orders, orders name charges again.
    let of_refunds = shop.back(reach).map(|refund| refund.charge.clone()).collect();
    shop.load_charges(&client, of_refunds).await?;
    let stored = Stored::look_up(&daemon, &shop, reach).await;
    let orders = stored.orders_needed(&shop, reach);
    shop.load_orders(&client, orders).await?;
    let siblings = shop.siblings(reach);
    shop.load_charges(&client, siblings).await?;

    let (all, faults) = drafts(&shop, reach);
    faults.into_iter().for_each(|fault| daemon.reject(0, fault));
    // What the ledger has from here already needs no second look, and no look for its customer.
    let is_new = |draft: &&Draft<'_>| !stored.holds(draft.order(), &draft.key(), draft.revision());
    let customers: BTreeSet<&str> = all.iter().filter(is_new).filter_map(Draft::customer).collect();
    let emails = Emails::load(&client, customers, reach).await?;
    let mut excluded = 0;
    for draft in all.iter().filter(is_new) {
        if draft.is_excluded(&shop, &emails, &settings) {
            excluded += 1;
        } else {
            daemon.put(draft.entry(&shop, &emails, &settings));
        }
    }
    let stored = Stored::look_up(&daemon, &shop, reach).await;
    stored.phantoms(&shop).into_iter().for_each(|phantom| daemon.withdraw(phantom));
    let tests = shop.tests(reach);
    stored.replace_by_nothing(&tests).into_iter().for_each(|order| daemon.replace_order(order));

    let mut notes = shop.problems.clone();
    notes.extend(shop.notes.iter().cloned());
    let counted = [
        (tests.len(), "orders in test mode were left out"),
        (excluded, "payments and refunds were left out by `excluded_products` or `excluded_emails`"),
        (shop.reversed(reach), REVERSED),
    ];
    notes.extend(counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    let tally = |(collection, received): (&str, u64)| {
        // SamCart does not say how many there are.
        Tally { collection: collection.to_owned(), announced: None, received }
    };
    Ok(Outcome::Synced(Coverage {
        complete: shop.problems.is_empty(),
        axis: Axis::Created,
        note: Some(notes.join("; ")).filter(|note| !note.is_empty()),
        tallies: ["charges", "orders", "refunds"].into_iter().zip(shop.counts(reach)).map(tally).collect(),
    }))
}

/// The window, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy)]
struct Reach {
    start: i64,
    end: i64,
    /// It ends now: newer records belong to it too, whatever SamCart's clock says.
    is_open: bool,
}

/// Filters by date may be no finer than a day, and round it either way \[L\]. So more is asked for than is wanted.
const EARLIER_MS: i64 = 2 * 60 * 60 * 1_000;
const LATER_MS: i64 = 24 * 60 * 60 * 1_000;

impl Reach {
    fn of(window: &Window, now_unix_ms: i64) -> Self {
        let end = window.end.unix_ms;
        Self { start: window.start.unix_ms, end, is_open: end >= now_unix_ms }
    }

    fn holds(&self, unix_ms: i64) -> bool {
        unix_ms >= self.start && (self.is_open || unix_ms < self.end)
    }

    /// First and last instant to ask for.
    fn asked(&self) -> (i64, i64) {
        (self.start.saturating_sub(EARLIER_MS), self.end.saturating_add(LATER_MS))
    }
}
