//! Entries in one expression.

use crate::types::{Amounts, Billing, Customer, Decimal, Entry, EntryKey, Kind, Line, Moment, Order, Tag, Withdrawal};

/// A text that says something.
fn said(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Generates a constructor for each kind.
macro_rules! of_kind {
    ($($(#[$doc:meta])* $name:ident $kind:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(
            id: impl Into<String>,
            order_id: impl Into<String>,
            at: Moment,
            currency: impl Into<String>,
            total: Decimal,
        ) -> Self {
            Entry::new(Kind::$kind, id, order_id, at, currency, total)
        })*
    };
}

/// Generates a setter for each part of the amounts.
macro_rules! part {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(mut self, amount: impl Into<Option<Decimal>>) -> Self {
            self.amounts.$name = amount.into();
            self
        })*
    };
}

impl Entry {
    /// An entry of which no more is known yet: billing unknown, nobody bought it, no part of the total is stated, revision
    /// 0. `total` is all the money that moved, with tax, and not negative.
    pub fn new(
        kind: Kind,
        id: impl Into<String>,
        order_id: impl Into<String>,
        at: Moment,
        currency: impl Into<String>,
        total: Decimal,
    ) -> Self {
        Entry {
            key: EntryKey::new(kind, id),
            also: Vec::new(),
            order_id: order_id.into(),
            billing: Billing::Unknown,
            at,
            customer: Customer { email: None, id: None },
            currency: currency.into(),
            amounts: Amounts {
                total,
                items: None,
                discount: None,
                shipping: None,
                fees: None,
                tax: None,
                processing_fee: None,
            },
            lines: Vec::new(),
            tags: Vec::new(),
            revision: 0,
        }
    }

    of_kind! {
        /// The customer paid.
        sale Sale;
        /// The shop gave money back.
        refund Refund;
        /// A sale was undone before it was settled.
        void Void;
        /// The customer's bank took money back.
        chargeback Chargeback;
        /// A chargeback was decided for the shop.
        chargeback_reversal ChargebackReversal;
    }

    /// First purchase or rebill.
    #[must_use]
    pub fn billing(mut self, billing: Billing) -> Self {
        self.billing = billing;
        self
    }

    /// A one-time purchase, or the first charge of a subscription.
    #[must_use]
    pub fn initial(self) -> Self {
        self.billing(Billing::Initial)
    }

    /// A later charge of a subscription or payment plan.
    #[must_use]
    pub fn rebill(self) -> Self {
        self.billing(Billing::Rebill)
    }

    /// E-mail address of the buyer.
    #[must_use]
    pub fn email(mut self, email: Option<&str>) -> Self {
        self.customer.email = said(email);
        self
    }

    /// The platform's id of the buyer. Not for guests.
    #[must_use]
    pub fn customer_id(mut self, id: Option<&str>) -> Self {
        self.customer.id = said(id);
        self
    }

    part! {
        /// Goods before discount, without tax.
        items;
        /// Discount, as a positive number.
        discount;
        /// Shipping, without tax.
        shipping;
        /// Charges added by the shop, without tax.
        fees;
        /// All tax.
        tax;
        /// What the payment processor kept.
        processing_fee;
    }

    /// Adds a product.
    #[must_use]
    pub fn line(mut self, line: Line) -> Self {
        self.lines.push(line);
        self
    }

    /// Adds a named text, unless it is empty.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>, value: Option<&str>) -> Self {
        if let Some(value) = said(value) {
            self.tags.push(Tag { name: name.into(), value });
        }
        self
    }

    /// Adds a weaker name of the same movement of money.
    #[must_use]
    pub fn also(mut self, name: impl Into<String>) -> Self {
        self.also.push(name.into());
        self
    }

    /// Which of two versions is newer.
    #[must_use]
    pub fn revision(mut self, revision: i64) -> Self {
        self.revision = revision;
        self
    }
}

impl EntryKey {
    /// The key of an entry.
    pub fn new(kind: Kind, id: impl Into<String>) -> Self {
        EntryKey { kind, id: id.into() }
    }
}

impl Line {
    /// A product: how many, and what they cost together after discount and without tax.
    #[must_use]
    pub fn new(quantity: Decimal, amount: Decimal) -> Self {
        Line { product_id: None, variant_id: None, sku: None, name: None, quantity, amount }
    }

    /// The platform's product id.
    #[must_use]
    pub fn product(mut self, id: Option<&str>) -> Self {
        self.product_id = said(id);
        self
    }

    /// The platform's id of the variant.
    #[must_use]
    pub fn variant(mut self, id: Option<&str>) -> Self {
        self.variant_id = said(id);
        self
    }

    /// Stock keeping unit.
    #[must_use]
    pub fn sku(mut self, sku: Option<&str>) -> Self {
        self.sku = said(sku);
        self
    }

    /// Name to show.
    #[must_use]
    pub fn name(mut self, name: Option<&str>) -> Self {
        self.name = said(name);
        self
    }
}

impl Order {
    /// All that is to be kept of one order.
    pub fn new(id: impl Into<String>, revision: i64, entries: Vec<Entry>) -> Self {
        Order { id: id.into(), revision, entries }
    }
}

impl Withdrawal {
    /// A withdrawal of one entry.
    pub fn new(kind: Kind, id: impl Into<String>, revision: i64) -> Self {
        Withdrawal { key: EntryKey::new(kind, id), revision }
    }
}
