//! The generic connector of ltvd: reads a file of any shop, one row for each movement of money.
//!
//! An obvious file needs no settings: its headings are found by their usual names. Else `…_column` settings say which
//! heading holds what, and `…_words` what the words of the kind and billing columns mean.

mod describe;
mod row;
mod words;

use ltv_connector::prelude::*;

use row::Reading;
use words::Words;

/// The connector.
pub struct Generic;

impl Connector for Generic {
    fn describe() -> Manifest {
        describe::manifest()
    }

    fn validate(settings: &[Setting]) -> Vec<Problem> {
        words::problems(settings)
    }
}

impl Csv for Generic {
    fn read(_format: &str, table: &Table, context: &Context) -> Result<Batch, Failure> {
        let words = Words::new(context);
        let mut batch = Batch::new();
        for row in table.rows() {
            match row::read(&row, context, &words) {
                Ok(Reading::Entry(entry, notes)) => {
                    batch.put(&row, *entry);
                    batch.notes.extend(notes);
                }
                Ok(Reading::Ignored(why)) => batch.ignore(why),
                Err(fault) => batch.reject(&row, fault),
            }
        }
        Ok(batch)
    }
}

ltv_connector::export!(Generic: csv);

#[cfg(test)]
mod tests;
