//! The API of 2.0. The daemon adds token and `User-Agent`, obeys limits and repeats what failed for a moment.

use ltv_connector::prelude::*;

use crate::manifest::{API_KEY, DOMAIN, WORKSPACE};
use crate::text::said;

const PLATFORM: &str = "ClickFunnels";
const REFUSED: &str =
    "ClickFunnels does not accept the token in `api_key`: make a new one in the Developer Portal of the team";

/// Who bought an order, and whether in earnest.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Buyer {
    /// E-mail address.
    pub(crate) email: Option<String>,
    /// ClickFunnels' id of the contact.
    pub(crate) contact_id: Option<String>,
    /// `Some(false)`: an order in test mode.
    pub(crate) live: Option<bool>,
}

impl Buyer {
    /// From an order, as events and API show it.
    pub(crate) fn of(order: &Value) -> Self {
        Buyer {
            email: said(order, "contact.email_address").map(str::to_owned),
            contact_id: said(order, "contact.id").or_else(|| said(order, "contact_id")).map(str::to_owned),
            live: said(order, "live_mode").map(|live| !live.eq_ignore_ascii_case("false")),
        }
    }

    /// What the other knows and this one does not.
    fn or(self, other: Buyer) -> Buyer {
        Buyer {
            email: self.email.or(other.email),
            contact_id: self.contact_id.or(other.contact_id),
            live: self.live.or(other.live),
        }
    }
}

/// The address of the API; `None` if it cannot be asked.
pub(crate) fn address(context: &Context, path: &str) -> Option<String> {
    let workspace = context.text(WORKSPACE).filter(|_| context.has_secret(API_KEY))?;
    Some(format!("https://{workspace}.{DOMAIN}/api/v2/{path}"))
}

/// Sends a request with the token. `None`: there is no such thing.
pub(crate) async fn get(daemon: &Daemon, request: Request) -> Result<Option<(Response, Value)>, Failure> {
    let response = daemon.send(request.bearer(API_KEY)).await.map_err(|none| none.failure(PLATFORM))?;
    // For the SDK a 404 is a passing fault; what was deleted does not come back.
    if response.status == 404 && !response.is_page() {
        return Ok(None);
    }
    let body = response.expect_authorized_json(PLATFORM, REFUSED)?;
    Ok(Some((response, body)))
}

/// Completes what is known of the buyer of an order, if the API may be asked.
pub(crate) async fn look_up(daemon: &Daemon, order: &str, known: Buyer, context: &Context) -> Result<Buyer, Failure> {
    // The id becomes part of an address.
    let is_number = order.bytes().all(|byte| byte.is_ascii_digit());
    match address(context, &format!("orders/{order}")).filter(|_| is_number && known.email.is_none()) {
        Some(address) => match get(daemon, Request::get(address)).await? {
            Some((_, found)) => Ok(known.or(Buyer::of(&found))),
            None => Err(Failure::Malformed(format!("ClickFunnels has no order {order}"))),
        },
        None => Ok(known),
    }
}
