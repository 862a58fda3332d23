//! One cheap request that shows whether the settings are good, the zone included.

use ltv_connector::dates::Day;
use ltv_connector::prelude::*;

use crate::api::Api;
use crate::when;

pub(crate) async fn check(daemon: Daemon, context: Context) -> Result<Outcome, Failure> {
    let now = &context.now.local;
    let today = Day::parse(now.get(..10).unwrap_or_default()).map_err(|error| Failure::Internal(error.to_string()))?;
    let mut api = Api::new(&daemon, &context)?.impatient();
    // Yesterday, so that there is something to see early in the day, and tomorrow, since a wrong zone may be ahead.
    let (first, last) = (today.plus(-1), today.plus(1));
    let request = api.days(Axis::Created, first, last).form("sortDir", 0).form("resultsPerPage", 1).form("page", 1);
    let page = api.send(request.attempts(1)).await?;
    let address = context.text("api_url").unwrap_or_default();
    let mut lines = vec![format!("login accepted by {address}; transactions can be read")];
    let zone = &context.zone;
    let clock = now.replace('T', " ");
    match page.rows.first().and_then(|row| row.text("dateCreated")) {
        Some(created) => {
            let number = page.announced.map(|number| format!("{number} transactions since {first}; ")).unwrap_or_default();
            lines.push(format!(
                "{number}last transaction, local time of the account: {created}; in {zone} it is now {clock}. If you know \
                 that it happened at another time, `zone` is not the account's zone"
            ));
            if is_ahead(created, now) {
                lines.push(format!(
                    "that lies in the future: `zone` = {zone} is not the zone of the account. Correct it in the \
                     configuration; what is stored is then dated anew, without asking the platform again"
                ));
            }
        }
        None => lines.push(format!(
            "no transactions since {first}, so nothing shows whether `zone` = {zone} is the account's zone; there it is now \
             {clock}"
        )),
    }
    Ok(Outcome::Checked(lines))
}

/// Whether a wall clock reading is more than a clock's inaccuracy after another. Texts of one form sort by time.
fn is_ahead(created: &str, now: &str) -> bool {
    let (Ok(Some(Moment::Local(created))), Ok(Moment::Local(now))) = (when::moment(created), dates::moment(now)) else {
        return false;
    };
    let minutes = |wall: &str| match dates::utc(wall) {
        Ok(Moment::Utc(unix_ms)) => Some(unix_ms / 60_000),
        _ => None,
    };
    minutes(&created).zip(minutes(&now)).is_some_and(|(created, now)| created > now + 10)
}
