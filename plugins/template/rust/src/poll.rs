//! Asking Kiosk's API: `GET /v1/payments?updated_from=…&updated_to=…&page=1`, which answers
//! `{"data": […], "next_page": 2, "total": 3}`.

use ltv_connector::prelude::*;

use crate::manifest::{API_KEY, HOST};
use crate::movement;

const PLATFORM: &str = "Kiosk";
const REFUSED: &str = "Kiosk does not accept the API key. \
    Make a new one under Settings > API and put it into `api_key`";

/// Sees whether the key is good.
pub(crate) async fn check(daemon: &Daemon) -> Result<Outcome, Failure> {
    let request = Request::get(format!("https://{HOST}/v1/account")).bearer(API_KEY);
    let response = daemon.send(request).await.map_err(|none| none.failure(PLATFORM))?;
    let body = response.expect_authorized_json(PLATFORM, REFUSED)?;
    Ok(Outcome::Checked(vec![format!("account {}", body.text("name").unwrap_or("without a name"))]))
}

/// Reads every page of a window. What is put is stored at the next request, so a restart loses nothing.
pub(crate) async fn sync(daemon: &Daemon, window: &Window, context: &Context) -> Result<Outcome, Failure> {
    // The daemon adds the key, obeys rate limits and repeats what failed for a moment.
    let page = |number: i64| {
        Request::get(format!("https://{HOST}/v1/payments"))
            .query("updated_from", format!("{}Z", window.start.utc))
            .query("updated_to", format!("{}Z", window.end.utc))
            .query("page", number)
            .bearer(API_KEY)
    };
    let mut received = 0;
    let mut announced = None;
    let mut pages = Pages::new(PLATFORM, page(1));
    while let Some(response) = pages.next(daemon).await? {
        let body = response.expect_authorized_json(PLATFORM, REFUSED)?;
        // An answer without the list must not look like an empty window.
        for payment in body.need_list("data")? {
            received += 1;
            match movement::of_json(payment, context) {
                Ok(entry) => entry.into_iter().for_each(|entry| daemon.put(entry)),
                Err(fault) => daemon.reject(0, fault),
            }
        }
        daemon.progress(received, None);
        announced = body.integer("total").and_then(|total| u64::try_from(total).ok());
        if let Some(next) = body.integer("next_page") {
            pages.then(page(next))?;
        }
    }
    Ok(Outcome::Synced(Coverage {
        // "Complete through" moves only if everything was read.
        complete: announced.is_none_or(|announced| announced == received),
        axis: window.axis,
        note: None,
        tallies: vec![Tally { collection: "payments".into(), announced, received }],
    }))
}
