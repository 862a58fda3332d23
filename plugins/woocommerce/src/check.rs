//! Seeing whether address, keys and permissions are good, and what to mend.

use ltv_connector::prelude::*;

use crate::answer::{self, Answer};
use crate::moments::utc_ms;
use crate::store::{Query, Store};
use crate::subscribe::{Hook, NAME};
use crate::text;
use crate::trouble::Trouble;
use crate::walk::Record;
use crate::way::{Keys, Route};

/// An order so old may be of another summer or winter time, milliseconds.
const RECENT_MS: i64 = 7 * 86_400_000;

/// Sees whether the store can be read.
///
/// # Errors
/// What stands in the way, told for the shop's owner.
pub(crate) async fn check(daemon: Daemon, context: &Context) -> Result<Outcome, Failure> {
    let store = Store::open(daemon, context)?;
    let newest = Query::new("orders").with("per_page", 1).with("orderby", "date").with("order", "desc");
    let newest = store.get(newest).await.map_err(|trouble| store.failure(trouble))?;

    // All at once, and none of them is needed: a key may read orders and nothing else.
    let versions =
        Query::new("system_status").with("_fields", "environment.version,environment.wp_version").attempts(1);
    let hooks = Query::new("webhooks").with("per_page", 100).attempts(1);
    // WooCommerce looks at the permission of the key before it looks for the webhook, and there is none with this id [G].
    let write = store.changing(Method::Put, "webhooks/0").json("{}").attempts(1);
    let requests = vec![store.index(store.way().route), store.asking(&versions), store.asking(&hooks), write];
    let mut answers = store.daemon.send_all(requests).await.into_iter().map(answer::read);
    let index = answers.next().and_then(Result::ok);
    let versions = answers.next().and_then(Result::ok);
    let hooks = answers.next().and_then(Result::ok);
    let write = answers.next().and_then(Result::err);

    let mut lines = vec![who(&store, index.as_ref(), versions.as_ref()), orders(&newest)];
    lines.extend(way(&store).into_iter().map(str::to_owned));
    lines.push(permission(write.as_ref()).to_owned());
    lines.extend(hooks.as_ref().map(webhooks));
    lines.extend(zone(context, index.as_ref(), &newest));
    Ok(Outcome::Checked(lines))
}

fn who(store: &Store, index: Option<&Answer>, versions: Option<&Answer>) -> String {
    let said = |answer: Option<&Answer>, path: &str| answer.and_then(|answer| answer.body.text(path).map(text::shown));
    let name = said(index, "name").map(|name| format!("{name}, ")).unwrap_or_default();
    let url = &store.settings.url;
    match (said(versions, "environment.version"), said(versions, "environment.wp_version")) {
        (Some(version), Some(wordpress)) => format!("{name}{url}: WooCommerce {version}, WordPress {wordpress}"),
        (Some(version), None) => format!("{name}{url}: WooCommerce {version}"),
        (None, _) => {
            format!("{name}{url}: WooCommerce; its version is shown to keys of administrators and shop managers only")
        }
    }
}

fn orders(newest: &Answer) -> String {
    let count = newest.total.map(|total| format!("{total} orders")).unwrap_or_else(|| "orders can be read".to_owned());
    let Some(order) = newest.rows().first() else {
        return if newest.total.unwrap_or(0) == 0 { "no orders yet".to_owned() } else { count };
    };
    let id = order.text("id").unwrap_or("?");
    match utc_ms(order, "date_created_gmt") {
        Some(created_ms) => {
            format!("{count}; the newest is {id}, made {} UTC", dates::format_utc(created_ms).replace('T', " "))
        }
        None => count,
    }
}

/// What is unusual about the way that works.
fn way(store: &Store) -> Vec<&'static str> {
    let way = store.way();
    let mut lines = Vec::new();
    match (way.keys, store.settings.is_https()) {
        (Keys::Header, _) => {}
        (Keys::Query, _) => lines.push(
            "the web server drops the Authorization header, so the key goes in the query instead. That works, but queries are \
             written into the server's log. The host can let the header through (Apache: SetEnvIf Authorization \"(.*)\" \
             HTTP_AUTHORIZATION=$1)",
        ),
        (Keys::Signed, true) => lines.push(
            "the store does not know that it is reached over https, because a proxy in front of it does not say so; requests \
             are signed instead. That works. To mend it, let wp-config.php set $_SERVER['HTTPS'] = 'on' where \
             X-Forwarded-Proto is https",
        ),
        (Keys::Signed, false) => lines.push(
            "the address is http: requests are signed, so the key stays secret, but orders travel in the open. If the shop \
             has https, write that address",
        ),
    }
    if way.route == Route::Plain {
        lines.push(
            "permalinks are `Plain`, so the API is reached through ?rest_route=. That works. WordPress > Settings > Permalinks, \
             any other choice, gives the usual address",
        );
    }
    lines
}

fn permission(write: Option<&Trouble>) -> &'static str {
    match write {
        Some(trouble) if trouble.lacks_write() => {
            "the key may read only: orders are fetched, but webhooks cannot be created, so changes arrive with the next pass \
             instead of at once. To have them, edit the key in WooCommerce > Settings > Advanced > REST API: Permissions \
             Read/Write"
        }
        Some(Trouble::Refused(refusal)) if refusal.status == 403 => {
            "the key may write, but its user may not manage webhooks: choose an administrator or shop manager in WooCommerce > \
             Settings > Advanced > REST API"
        }
        _ => "the key may read and write",
    }
}

fn webhooks(answer: &Answer) -> String {
    let hooks: Vec<Hook> = answer.rows().iter().filter_map(|hook| Hook::read(hook, &()).ok()).collect();
    let ours: Vec<&Hook> = hooks.iter().filter(|hook| hook.name.starts_with(NAME)).collect();
    let active = ours.iter().filter(|hook| hook.is_active()).count();
    if ours.is_empty() {
        "no webhooks of ltvd: `ltvd webhook subscribe NAME` creates them".to_owned()
    } else if active < ours.len() {
        format!(
            "{active} of {} webhooks of ltvd are active. The store disables one after repeated failures, which it writes into \
             WooCommerce > Status > Logs, source webhooks-delivery; `ltvd webhook subscribe NAME` creates it anew",
            ours.len()
        )
    } else {
        format!("{active} webhooks of ltvd, all active")
    }
}

/// The store's zone against that of the integration, as far as either can be seen.
fn zone(context: &Context, index: Option<&Answer>, newest: &Answer) -> Option<String> {
    let Ok(Moment::Utc(local_ms)) = dates::utc(&context.now.local) else { return None };
    let ours_ms = local_ms - context.now.unix_ms.div_euclid(1_000) * 1_000;
    let named = index.and_then(|index| index.body.text("timezone_string"));
    let by_index = index.and_then(|index| index.body.amount("gmt_offset").ok()?).and_then(|hours| {
        let minutes = hours.times(60).ok()?;
        Some(minutes.coefficient / 10_i64.checked_pow(u32::from(minutes.scale))? * 60_000)
    });
    let theirs_ms = by_index.or_else(|| {
        let order = newest.rows().first()?;
        let created_ms = utc_ms(order, "date_created_gmt")?;
        let offset_ms = utc_ms(order, "date_created")? - created_ms;
        // An older order may show the other half of the year.
        let recent = context.now.unix_ms - created_ms < RECENT_MS;
        (recent || (offset_ms - ours_ms).abs() != 3_600_000).then_some(offset_ms)
    })?;
    if theirs_ms == ours_ms {
        return None;
    }
    let write = named.map_or_else(|| "the zone of the shop".to_owned(), |name| format!("zone = \"{name}\""));
    Some(format!(
        "the store's clock is at UTC{}, that of this integration (zone {}) at UTC{}. Orders are read in UTC, so no moment is \
         wrong; but the shop's own reports cut days in its zone. To cut them alike write {write}",
        offset(theirs_ms),
        context.zone,
        offset(ours_ms)
    ))
}

fn offset(ms: i64) -> String {
    let minutes = ms.abs() / 60_000;
    format!("{}{:02}:{:02}", if ms < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
}
