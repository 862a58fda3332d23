//! A file, from its bytes to the rows that a connector gets.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use ltvd_fuzz::files::{Candidate, Options, Plan, prepare, recognise};
use ltvd_fuzz::model::manifest::{Column, ColumnContent, CsvFormat};

fn column(name: &str, content: ColumnContent, required: bool) -> Column {
    Column { name: name.to_owned(), aliases: Vec::new(), named_by: None, content, required }
}

fuzz_target!(|input: &[u8]| {
    let formats = [CsvFormat {
        id: "orders".to_owned(),
        name: "Orders".to_owned(),
        columns: vec![
            column("order", ColumnContent::Text, true),
            column("date", ColumnContent::Date, true),
            column("time", ColumnContent::Time, false),
            column("amount", ColumnContent::Amount, true),
        ],
        other_columns: true,
        group_by: vec!["order".to_owned()],
        date_order: None,
        refused: None,
    }];
    // With a header that fits, so that most inputs get beyond it; or as it is.
    let (headed, rest) = input.split_first().map_or((false, input), |(first, rest)| (*first % 4 != 0, rest));
    let bytes = if headed { [b"order,date,amount,time\n", rest].concat() } else { rest.to_vec() };
    let mut work = tempfile::tempfile().expect("a file");
    let Ok(prepared) = prepare(bytes.as_slice(), &mut work, None, &mut || Ok(()), &mut |_| ()) else { return };
    let settings = BTreeMap::new();
    let candidate = Candidate { integration: "shop", connector: "test", formats: &formats, settings: &settings };
    let Ok(recognised) = recognise(&prepared, &work, &[candidate]) else { return };
    let Ok(plan) = Plan::scan(work, prepared, recognised, &Options::default(), &mut |_| ()) else { return };
    let mut rows = 0;
    for batch in plan.batches() {
        let batch = batch.expect("what was scanned can be read");
        assert_eq!(batch.ends.len(), batch.width as usize * batch.lines.len());
        assert_eq!(batch.ends.last().map_or(0, |end| *end as usize), batch.text.len());
        assert!(std::str::from_utf8(&batch.text).is_ok());
        rows += batch.lines.len() as u64;
    }
    assert_eq!(rows, plan.rows());
});
