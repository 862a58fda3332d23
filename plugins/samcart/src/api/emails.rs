//! Who bought: addresses of customers by their ids.

use std::collections::{BTreeMap, BTreeSet};

use ltv_connector::prelude::*;

use super::Reach;
use super::client::Client;
use super::lists::{List, walk};
use super::records::{email, id};

/// More customers than this are first looked for in the list of those made in the window: a hundred in one request.
const BY_ID_MAX: usize = 40;

/// Addresses by id. `None`: there is no such customer any more, or it has none.
#[derive(Debug, Default)]
pub(super) struct Emails(BTreeMap<String, Option<String>>);

impl Emails {
    /// Those of these customers: if they are many from the list of those made in the window, the others one by one.
    pub(super) async fn load(client: &Client, mut ids: BTreeSet<&str>, reach: Reach) -> Result<Self, Failure> {
        let mut emails = BTreeMap::new();
        if ids.len() > BY_ID_MAX {
            let (start, end) = reach.asked();
            walk(client, &mut [List::new("customers", start, end)], |_, value, _| {
                if let Some(id) = id(value, "id") {
                    emails.insert(id, email(value));
                }
            })
            .await?;
        }
        ids.retain(|id| !emails.contains_key(*id));
        let values = client.by_id("customers", ids.iter().copied()).await?;
        let found = values.into_iter().map(|value| value.as_ref().and_then(email));
        emails.extend(ids.into_iter().map(str::to_owned).zip(found));
        Ok(Self(emails))
    }

    pub(super) fn of(&self, customer: Option<&str>) -> Option<&str> {
        self.0.get(customer?)?.as_deref()
    }
}
