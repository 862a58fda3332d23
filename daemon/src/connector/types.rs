//! What crosses the border between daemon and connector, as plain Rust. Mirrors `wit/*.wit`; the comments there are the law.

use std::collections::BTreeMap;

use crate::model::manifest::{Axis, SettingValue};
use crate::model::{Change, Currency, EntryKey, Reject, Zone};

/// What the daemon tells a connector about a call. Equal context and equal arguments give an equal answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallContext {
    /// The time of the call: milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: i64,
    /// Zone of the integration.
    pub zone: Zone,
    /// All settings but secrets.
    pub settings: BTreeMap<String, SettingValue>,
    /// Names of the secrets that have a value.
    pub secrets: Vec<String>,
    /// What the connector last gave as memory for this integration.
    pub memory: Option<Vec<u8>>,
    /// Name of the integration, for the log alone: the connector never sees it.
    pub integration: String,
}

/// A header of a delivery or response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Lower case.
    pub name: String,
    /// As received.
    pub value: String,
}

/// A webhook request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Query of the address, not decoded, without the question mark.
    pub query: String,
    /// In the order received.
    pub headers: Vec<Header>,
    /// As received.
    pub body: Vec<u8>,
    /// When it arrived: milliseconds since 1970-01-01T00:00:00Z.
    pub received_ms: i64,
}

/// Hash function of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// Proof by HMAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hmac {
    /// Hash function.
    pub hash: Hash,
    /// Name of the secret that is the key; declared in the manifest.
    pub secret: String,
    /// What was signed; `None`: the raw body.
    pub message: Option<Vec<u8>>,
    /// Signatures found. One that is right is enough.
    pub signatures: Vec<Vec<u8>>,
    /// Time stamp that the signature covers, milliseconds since 1970-01-01T00:00:00Z.
    pub signed_ms: Option<i64>,
}

/// An answer other than an empty 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status, 200 to 599.
    pub status: u16,
    /// Content type of the body, visible ASCII.
    pub content_type: String,
    /// Body.
    pub body: Vec<u8>,
}

/// What must hold for a delivery to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The platform signs.
    Hmac(Hmac),
    /// The platform sends a shared word.
    Equals {
        /// Name of the secret; declared in the manifest.
        secret: String,
        /// The word that was sent.
        value: Vec<u8>,
    },
    /// The random part of the address is all there is.
    AddressOnly,
    /// A test call: answered, with an empty 200 if `None`, and forgotten.
    Ping(Option<Answer>),
    /// Not believable, and why.
    Refuse(String),
}

/// What a poll is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// See whether address, credentials and permissions are good.
    Check,
    /// Read everything in the window.
    Sync(Window),
    /// Read these orders again.
    Refresh(Vec<String>),
    /// See to it that the platform delivers to this address.
    Subscribe(String),
    /// Remove every webhook that delivers to this address.
    Unsubscribe(String),
}

/// What to read, half open. The local days that the contract wants are computed from these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Which date of an object counts.
    pub axis: Axis,
    /// First instant, milliseconds since 1970-01-01T00:00:00Z.
    pub start_ms: i64,
    /// First instant that no longer belongs, likewise.
    pub end_ms: i64,
}

/// A value that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// The text itself.
    Text(String),
    /// The name of a secret; declared in the manifest.
    Secret(String),
}

/// A named value in a query, a header or a form, not yet encoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Value.
    pub value: Value,
}

/// How a request proves who is asking. Every name is that of a declared secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Not at all, or by fields that are secrets.
    None,
    /// HTTP Basic.
    Basic {
        /// Secret that is the user name.
        username: String,
        /// Secret that is the password.
        password: String,
    },
    /// `Authorization: Bearer`.
    Bearer(String),
    /// OAuth 1.0a without token.
    Oauth1 {
        /// Secret that is the consumer key.
        consumer_key: String,
        /// Secret that is the consumer secret.
        consumer_secret: String,
        /// Hash of the signature.
        hash: Hash,
        /// Address that is signed, where it differs from the one called.
        base_url: Option<String>,
    },
}

/// A secret inside a JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonSecret {
    /// JSON Pointer of an object member.
    pub pointer: String,
    /// Name of the secret.
    pub secret: String,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// No body.
    None,
    /// `application/x-www-form-urlencoded`, in this order.
    Form(Vec<Field>),
    /// `application/json`.
    Json {
        /// The JSON text without the secrets.
        text: String,
        /// Secrets to be put in when it is sent.
        secrets: Vec<JsonSecret>,
    },
}

/// HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    /// As it stands in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request that the daemon is asked to send. Whether its host is allowed is the sender's to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Comes back with the response.
    pub tag: String,
    /// Method.
    pub method: Method,
    /// Absolute address without query and fragment.
    pub url: String,
    /// Query.
    pub query: Vec<Field>,
    /// Headers.
    pub headers: Vec<Field>,
    /// Body.
    pub body: Body,
    /// Credentials.
    pub authorization: Authorization,
    /// Sending it twice does no harm.
    pub repeatable: bool,
    /// Attempts before giving up; 0 = the daemon's own limit.
    pub attempts_max: u8,
    /// Milliseconds to wait before it is sent, at most 60,000.
    pub wait_ms: u32,
}

/// What a platform answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// In the order received.
    pub headers: Vec<Header>,
    /// Body, decompressed.
    pub body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoResponse {
    /// Not answered in the time allowed.
    Timeout,
    /// No connection, or it broke.
    Connection(String),
    /// Larger than this limit, bytes.
    TooLarge(u64),
    /// Not sent.
    Refused(String),
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The tag of the request.
    pub tag: String,
    /// The response, or why there is none.
    pub outcome: Result<Response, NoResponse>,
}

/// An entry that is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Identity.
    pub key: EntryKey,
    /// Its revision.
    pub revision: i64,
    /// When it happened, as resolved: milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: i64,
    /// Currency.
    pub currency: Currency,
    /// Its total in minor units.
    pub total: i64,
    /// The platform's ids of its products.
    pub product_ids: Vec<String>,
}

/// What the ledger holds of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOrder {
    /// The order.
    pub id: String,
    /// The highest revision stored of it or of any of its entries, withdrawn ones included; 0 if nothing is.
    pub revision: i64,
    /// Its entries, without withdrawn ones.
    pub entries: Vec<StoredEntry>,
}

/// What a connector asked for, in the order in which it asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replies {
    /// One for each request.
    pub responses: Vec<Reply>,
    /// One for each order.
    pub orders: Vec<StoredOrder>,
}

/// What a connector wants before it can go on: at least one request or order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Requests to send.
    pub requests: Vec<Request>,
    /// Orders to look up, after the changes of this step are stored.
    pub orders: Vec<String>,
    /// What another instance needs to go on.
    pub state: Option<Vec<u8>>,
}

/// The count of one collection that was walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Its name.
    pub collection: String,
    /// How many the platform said there are.
    pub announced: Option<u64>,
    /// How many came, rejects included.
    pub received: u64,
}

/// How far a walk got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Everything in the window was read.
    pub complete: bool,
    /// The axis that was really walked.
    pub axis: Axis,
    /// What the operator should know.
    pub note: Option<String>,
    /// The evidence.
    pub tallies: Vec<Tally>,
}

/// What was done about one webhook at the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionAction {
    /// It was there and active.
    Kept,
    /// It was made.
    Created,
    /// It was disabled, and is active again.
    Reactivated,
}

/// A webhook at the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The platform's id.
    pub id: String,
    /// The platform's topic.
    pub topic: String,
    /// What was done.
    pub action: SubscriptionAction,
}

/// How a conversation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// End of a check: what to show the operator.
    Checked(Vec<String>),
    /// End of a sync.
    Synced(Coverage),
    /// End of subscribe: all webhooks that now deliver to us.
    Subscribed(Vec<Subscription>),
    /// End of unsubscribe: how many were removed.
    Unsubscribed(u32),
    /// End of a refresh, or of a delivery that was read.
    Read,
    /// End of a delivery that carries no money, and why.
    Ignored(String),
}

impl Outcome {
    /// The name of the case in the contract.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Checked(_) => "checked",
            Self::Synced(_) => "synced",
            Self::Subscribed(_) => "subscribed",
            Self::Unsubscribed(_) => "unsubscribed",
            Self::Read => "read",
            Self::Ignored(_) => "ignored",
        }
    }
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Go on with these.
    Ask(Ask),
    /// Finished.
    Done(Outcome),
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Objects read.
    pub done: u64,
    /// Objects in all, if known.
    pub total: Option<u64>,
}

/// One step of a conversation, checked. It is done entirely or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Changes to the ledger.
    pub changes: Vec<Change>,
    /// What could not be read; `index` is within the responses of this call.
    pub rejects: Vec<Reject>,
    /// For people who wait.
    pub progress: Option<Progress>,
    /// What to keep for `CallContext::memory`; `None` keeps what is there.
    pub memory: Option<Vec<u8>>,
    /// What happens next.
    pub next: Next,
    /// Amounts that were finer than the minor unit and were rounded.
    pub rounded: u64,
    /// Entries whose parts do not add up to their total.
    pub parts_mismatch: u64,
}

/// What became of a batch of rows, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Changes to the ledger.
    pub changes: Vec<Change>,
    /// Rows that could not be read; `index` is within the batch.
    pub rejects: Vec<Reject>,
    /// Rows left out on purpose.
    pub ignored: u32,
    /// For the report of the file.
    pub notes: Vec<String>,
    /// Amounts that were finer than the minor unit and were rounded.
    pub rounded: u64,
    /// Entries whose parts do not add up to their total.
    pub parts_mismatch: u64,
}

/// A pause before the next attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Milliseconds to wait at least.
    pub after_ms: Option<u64>,
    /// What happened.
    pub message: String,
}

/// Why a connector says that a call failed. The case says who must act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A setting is wrong. The integration stops until it is edited.
    Settings(String),
    /// Credentials refused or a permission is missing. The integration stops.
    Unauthorized(String),
    /// Too many requests.
    Throttled(Pause),
    /// The platform does not work at the moment.
    Unavailable(Pause),
    /// What came cannot be read: quarantine.
    Malformed(String),
    /// A fault of the connector.
    Internal(String),
}
