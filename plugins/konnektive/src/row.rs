//! One row of `transactions/query`: one movement of money, or one attempt.
//!
//! Fields are looked up by name in whatever came: new ones appear each quarter, and some begin with a digit \[C\].

use ltv_connector::money::{self, Mark};
use ltv_connector::prelude::*;

use crate::settings::Settings;
use crate::when;

/// Longest id that is taken for one, bytes. Keys and orders have 200, some of which go to prefixes.
const ID_BYTES: usize = 160;

/// A row whose id could be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    value: &'a Value,
    /// Text or number, per row \[C\]: always handled as text.
    pub(crate) id: &'a str,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Sale,
    Authorize,
    Capture,
    Void,
    Refund,
    /// Not one of the five \[C\].
    Other,
}

impl<'a> Row<'a> {
    /// # Errors
    /// If it has no id.
    pub(crate) fn new(value: &'a Value) -> Result<Self, Fault> {
        let id = value.need("transactionId")?;
        if id.len() > ID_BYTES {
            return Err(Fault::at("transactionId", "is too long for an id"));
        }
        Ok(Self { value, id })
    }

    /// A field that is not empty.
    pub(crate) fn text(&self, field: &str) -> Option<&'a str> {
        self.value.get(field).and_then(|value| value.text(""))
    }

    /// A field with whatever it holds.
    pub(crate) fn value(&self, field: &str) -> Option<&'a Value> {
        self.value.get(field)
    }

    /// An id that says something: `0` stands for none.
    pub(crate) fn reference(&self, field: &str) -> Option<&'a str> {
        self.text(field).filter(|id| *id != "0" && id.len() <= ID_BYTES)
    }

    /// A field whose name is written in more than one way, given in lower case without signs: `utmsource`.
    pub(crate) fn loosely(&self, name: &str) -> Option<&'a str> {
        let is_it = |field: &str| {
            let letters = field.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase());
            letters.eq(name.chars())
        };
        let (_, value) = self.value.entries().iter().find(|(field, value)| is_it(field) && value.text("").is_some())?;
        value.text("")
    }

    pub(crate) fn kind(&self) -> Type {
        match self.text("txnType").unwrap_or_default().to_ascii_uppercase().as_str() {
            "SALE" => Type::Sale,
            "AUTHORIZE" | "AUTH" => Type::Authorize,
            "CAPTURE" => Type::Capture,
            "VOID" => Type::Void,
            "REFUND" => Type::Refund,
            _ => Type::Other,
        }
    }

    /// Money moved \[C\]; every other answer of the gateway is a decline or an error.
    pub(crate) fn succeeded(&self) -> bool {
        self.text("responseType").is_some_and(|said| said.eq_ignore_ascii_case("SUCCESS"))
    }

    /// An amount without its sign: the type tells which way it went \[L\]. `None` if the field is empty.
    ///
    /// # Errors
    /// If it is not a number.
    pub(crate) fn amount(&self, field: &str) -> Result<Option<Decimal>, Fault> {
        let Some(text) = self.text(field) else { return Ok(None) };
        let read = money::plain(text).or_else(|_| money::parse(text, Mark::Point));
        read.map(|amount| Some(amount.abs())).map_err(|error| Fault::at(field, error))
    }

    /// # Errors
    /// If there is none, or it is not a number.
    pub(crate) fn need_amount(&self) -> Result<Decimal, Fault> {
        self.amount("totalAmount")?.ok_or_else(|| Fault::at("totalAmount", "is empty"))
    }

    /// When it happened, by the clock of the account.
    ///
    /// # Errors
    /// If there is no date, or it cannot be read.
    pub(crate) fn created(&self) -> Result<Moment, Fault> {
        let text = self.value.need("dateCreated")?;
        let read = when::moment(text).map_err(|fault| Fault::at("dateCreated", fault.reason))?;
        read.ok_or_else(|| Fault::at("dateCreated", "is empty"))
    }

    /// When it was last changed, as told.
    pub(crate) fn changed(&self) -> Option<&'a str> {
        self.text("dateUpdated")
    }

    pub(crate) fn revision(&self) -> i64 {
        when::revision(self.changed())
    }

    /// The transaction that a refund, void or capture belongs to.
    pub(crate) fn parent(&self) -> Option<&'a str> {
        self.reference("parentTxnId")
    }

    /// The order as the platform tells it, if it does.
    pub(crate) fn told_order(&self) -> Option<&'a str> {
        self.reference("orderId")
    }

    /// The order. A row without one stands alone, with what is returned of it.
    pub(crate) fn order(&self) -> String {
        match self.told_order() {
            Some(order) => order.to_owned(),
            None => key(self.parent().unwrap_or(self.id)),
        }
    }

    /// 1 = first charge. `None` for `ONE_TIME`, and where nothing is told.
    pub(crate) fn cycle(&self) -> Option<i64> {
        self.text("billingCycleNumber")?.parse().ok().filter(|cycle| *cycle > 0)
    }

    /// A later charge of a subscription, or not; `Unknown` where nothing is told.
    pub(crate) fn billing(&self) -> Billing {
        match (self.cycle(), self.text("billingCycleNumber")) {
            (Some(cycle), _) if cycle > 1 => Billing::Rebill,
            (Some(_), _) | (None, Some(_)) => Billing::Initial,
            (None, None) => match self.text("orderType") {
                Some(kind) if kind.eq_ignore_ascii_case("RECURRING") => Billing::Rebill,
                Some(_) => Billing::Initial,
                None => Billing::Unknown,
            },
        }
    }

    /// The label of a chargeback on a sale.
    pub(crate) fn is_charged_back(&self) -> bool {
        self.value.get("isChargedback").is_some_and(|label| label.flag(""))
    }

    /// Paid outside the gateway \[L\].
    pub(crate) fn is_prepaid(&self) -> bool {
        let is = |field, word: &str| self.text(field).is_some_and(|said| said.eq_ignore_ascii_case(word));
        is("paySource", "PREPAID") || is("responseText", "Payment marked as Prepaid")
    }

    /// Why the row is left out though money moved, if it is.
    pub(crate) fn left_out(&self, settings: &Settings) -> Option<&'static str> {
        if self.is_test() {
            return Some("a test card");
        }
        if self.is_prepaid() && !settings.count_prepaid {
            return Some("prepaid, and `count_prepaid` is off");
        }
        if settings.excludes_campaign(&[self.text("campaignId"), self.text("campaignName")]) {
            return Some("a campaign of `exclude_campaigns`");
        }
        let merchant = [self.text("merchant"), self.text("merchantId"), self.text("midNumber")];
        settings.excludes_merchant(&merchant).then_some("a merchant of `exclude_merchants`")
    }

    /// A test card \[G\]: called one, or with a number of zeros, which no bank issues.
    fn is_test(&self) -> bool {
        let named = self.loosely("cardtype").is_some_and(|kind| {
            let letters: String = kind.chars().filter(char::is_ascii_alphabetic).collect();
            letters.eq_ignore_ascii_case("testcard") || letters.eq_ignore_ascii_case("test")
        });
        let is_zeros = |field, digits| {
            self.text(field).is_some_and(|text| text.len() == digits && text.bytes().all(|b| b == b'0'))
        };
        named || is_zeros("cardBin", 6) && is_zeros("cardLast4", 4)
    }
}

/// The key of a transaction, the same through all doors.
pub(crate) fn key(id: &str) -> String {
    format!("txn:{id}")
}
