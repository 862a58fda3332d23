//! Files that ThriveCart exports, or that were made in its image. Nothing authoritative is published about their columns, so
//! the header decides what a file is.

mod interval;
mod orders;
mod record;
mod subscriptions;
mod words;

use ltv_connector::prelude::*;

pub(crate) use words::{Type, type_of};

use crate::{ThriveCart, manifest};

impl Csv for ThriveCart {
    fn read(format: &str, table: &Table, context: &Context) -> Result<Batch, Failure> {
        match format {
            manifest::ORDERS | manifest::TRANSACTIONS => Ok(orders::read(format, table, context)),
            manifest::RECURRING | manifest::LIMITED => Ok(subscriptions::read(table, context)),
            _ => Err(Failure::Internal(format!("`{format}` is not a format of this connector"))),
        }
    }
}
