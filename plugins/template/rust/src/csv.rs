//! The "Payments export".

use ltv_connector::prelude::*;

use crate::movement::{Movement, currency};

/// Reads a batch: every row ends in an entry, a reject or among the ignored.
pub(crate) fn read(table: &Table, context: &Context) -> Batch {
    let mut batch = Batch::new();
    for row in table.rows() {
        match movement(&row, context) {
            Ok(Some(entry)) => batch.put(&row, entry),
            Ok(None) => batch.ignore(format!("`{}` moves no money", row.get("type").unwrap_or_default())),
            Err(fault) => batch.reject(&row, fault),
        }
    }
    batch
}

fn movement(row: &Row<'_>, context: &Context) -> Result<Option<Entry>, Fault> {
    let id = row.need("id")?;
    let currency = currency(row.get("currency"), context)?;
    // The export's dates are UTC and do not say so: the heading does.
    let at = dates::utc(row.need("date")?).map_err(|error| Fault::at("date", error))?;
    let movement = Movement {
        id,
        kind: &row.need("type")?.to_lowercase(),
        order: row.need("order")?,
        at,
        total: row.need_amount("amount")?,
        tax: row.amount("tax")?,
        currency: &currency,
        email: row.get("email"),
        product_id: None,
        product: row.get("product"),
        revision: 0,
    };
    Ok(movement.entry())
}
