//! Asking Kiosk's API: `GET /v1/payments?updated_from=…&updated_to=…&page=1`, which answers
//! `{"data": […], "next_page": 2, "total": 3}`.

use ltv_connector::prelude::*;

use crate::manifest::{API_KEY, HOST};
use crate::movement;

const PLATFORM: &str = "Kiosk";
const REFUSED: &str = "Kiosk does not accept the API key. Make a new one under Settings > API and put it into `api_key`";
/// Pages at most: a platform that never comes to an end must.
const PAGES_MAX: u32 = 10_000;

/// Sees whether the key is good.
pub(crate) async fn check(daemon: &Daemon) -> Result<Outcome, Failure> {
    let body = get(daemon, Request::get(format!("https://{HOST}/v1/account"))).await?;
    Ok(Outcome::Checked(vec![format!("account {}", body.text("name").unwrap_or("without a name"))]))
}

/// Reads every page of a window. What is put is stored at the next request, so a restart loses nothing.
pub(crate) async fn sync(daemon: &Daemon, window: &Window, context: &Context) -> Result<Outcome, Failure> {
    let mut received = 0;
    let mut page = 1;
    let announced = loop {
        let request = Request::get(format!("https://{HOST}/v1/payments"))
            .query("updated_from", format!("{}Z", window.start.utc))
            .query("updated_to", format!("{}Z", window.end.utc))
            .query("page", page);
        let body = get(daemon, request).await?;
        // An answer without the list must not look like an empty window.
        let Some(Value::List(payments)) = body.at("data") else {
            return Err(Failure::Malformed(format!("{PLATFORM} answered without a list of payments")));
        };
        for payment in payments {
            received += 1;
            match movement::of_json(payment, context) {
                Ok(entry) => entry.into_iter().for_each(|entry| daemon.put(entry)),
                Err(fault) => daemon.reject(0, fault),
            }
        }
        daemon.progress(received, None);
        let total = body.integer("total").and_then(|total| u64::try_from(total).ok());
        match body.integer("next_page") {
            Some(next) if next == i64::from(page) + 1 && page < PAGES_MAX => page += 1,
            Some(next) => return Err(Failure::Malformed(format!("page {page} is followed by page {next}"))),
            None => break total,
        }
    };
    Ok(Outcome::Synced(Coverage {
        // "Complete through" moves only if everything was read.
        complete: announced.is_none_or(|announced| announced == received),
        axis: window.axis,
        note: None,
        tallies: vec![Tally { collection: "payments".into(), announced, received }],
    }))
}

/// The daemon adds the key, obeys rate limits and repeats what failed for a moment.
async fn get(daemon: &Daemon, request: Request) -> Result<Value, Failure> {
    let response = daemon.send(request.bearer(API_KEY)).await.map_err(|none| none.failure(PLATFORM))?;
    response.expect_authorized_json(PLATFORM, REFUSED)
}
