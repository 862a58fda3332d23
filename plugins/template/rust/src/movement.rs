//! One payment or refund, whichever way it came. All doors end here, so that the same money has the same key.

use ltv_connector::prelude::*;

/// What the doors know of a movement of money.
pub(crate) struct Movement<'a> {
    pub(crate) id: &'a str,
    /// `payment` or `refund`; everything else is no money.
    pub(crate) kind: &'a str,
    pub(crate) order: &'a str,
    pub(crate) at: Moment,
    pub(crate) total: Decimal,
    pub(crate) tax: Option<Decimal>,
    pub(crate) currency: &'a str,
    pub(crate) email: Option<&'a str>,
    pub(crate) product_id: Option<&'a str>,
    pub(crate) product: Option<&'a str>,
    /// When Kiosk last changed it, in milliseconds; 0 where that is not told, so that a better source wins.
    pub(crate) revision: i64,
}

impl Movement<'_> {
    /// The entry; `None` if no money moved.
    pub(crate) fn entry(self) -> Option<Entry> {
        // Refunds are negative in the export and positive in the API. The kind says which way the money went.
        let total = self.total.abs();
        let entry = match self.kind {
            "payment" => Entry::sale(self.id, self.order, self.at, self.currency, total),
            "refund" => Entry::refund(self.id, self.order, self.at, self.currency, total),
            _ => return None,
        };
        let mut entry = entry.email(self.email).tax(self.tax.map(Decimal::abs)).revision(self.revision);
        if self.product.is_some() {
            let net = self.tax.and_then(|tax| total.minus(tax.abs()).ok()).filter(|net| !net.is_negative());
            let line = Line::new(Decimal::ONE, net.unwrap_or(total));
            entry = entry.line(line.product(self.product_id).name(self.product));
        }
        Some(entry)
    }
}

/// A currency as the contract wants it.
pub(crate) fn currency(told: Option<&str>, context: &Context) -> Result<String, Fault> {
    let code = told.or(context.text("currency")).unwrap_or_default().to_ascii_uppercase();
    let known = money::is_currency(&code);
    known.then_some(code).ok_or_else(|| Fault::at("currency", "is not a currency code, such as EUR"))
}

// door webhook or poll
/// A payment as webhooks and API show it.
pub(crate) fn of_json(payment: &Value, context: &Context) -> Result<Option<Entry>, Fault> {
    let id = payment.need("id")?;
    let read = || -> Result<Option<Entry>, Fault> {
        let at = dates::moment(payment.need("created_at")?).map_err(|error| Fault::at("created_at", error))?;
        let currency = currency(payment.text("currency"), context)?;
        let movement = Movement {
            id,
            kind: payment.need("kind")?,
            order: payment.need("order")?,
            at,
            total: payment.need_amount("amount")?,
            tax: payment.amount("tax")?,
            currency: &currency,
            email: payment.text("email"),
            product_id: payment.text("product.id"),
            product: payment.text("product.name"),
            revision: payment.need_unix_ms("updated_at")?,
        };
        Ok(movement.entry())
    };
    read().map_err(|fault| fault.id(id))
}
// end
