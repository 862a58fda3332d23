//! Reading a window, day by day.

use ltv_connector::dates::Day;
use ltv_connector::prelude::*;

use crate::api::Api;
use crate::book::Book;
use crate::walk;

pub(crate) async fn sync(daemon: Daemon, window: Window, context: Context) -> Result<Outcome, Failure> {
    let day = |text: &str| Day::parse(text).map_err(|error| Failure::Internal(error.to_string()));
    let (first, last) = (day(&window.first_day)?, day(&window.last_day)?);
    let today = day(context.now.local.get(..10).unwrap_or_default())?;
    let mut api = Api::new(&daemon, &context)?;
    let mut book = Book::new(&daemon, &context);
    let mut complete = true;
    let mut notes = Vec::new();
    let (mut announced, mut received) = (Some(0), 0);
    for day in (0..=last.days_since(first)).map(|days| first.plus(days)) {
        // The account's clock may be ahead of the configured zone, or behind it, by nearly a day.
        let is_open = day >= today.plus(-1);
        let walked = walk::day(&mut api, window.axis, day, is_open, |rows| book.take(rows)).await?;
        book.settle(&mut api).await?;
        complete &= walked.complete;
        notes.extend(walked.note);
        announced = announced.zip(walked.announced).map(|(sum, number)| sum + number);
        received += walked.received;
        daemon.progress(received, None);
    }
    notes.extend(book.notes());
    Ok(Outcome::Synced(Coverage {
        complete,
        axis: window.axis,
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        tallies: vec![Tally { collection: "transactions".into(), announced, received }],
    }))
}
