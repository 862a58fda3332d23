//! Orders as the store keeps them. Amounts are hundredths.

/// One product of an order.
#[derive(Debug, Clone)]
pub struct Item {
    /// Product; 0 if it was deleted since.
    pub product: u64,
    /// Variation; 0 for none.
    pub variation: u64,
    /// How many.
    pub quantity: i64,
    /// Before discount, without tax, for the whole quantity.
    pub subtotal: i64,
    /// After discount, without tax.
    pub total: i64,
    /// Tax.
    pub tax: i64,
}

/// What a buyer puts together.
#[derive(Debug, Clone)]
pub struct Basket {
    pub(super) email: String,
    pub(super) customer: u64,
    pub(super) currency: String,
    pub(super) country: String,
    pub(super) method: String,
    pub(super) created_via: String,
    pub(super) parent: u64,
    pub(super) items: Vec<Item>,
    pub(super) shipping: i64,
    pub(super) fee: i64,
    pub(super) coupons: Vec<String>,
    pub(super) meta: Vec<(String, String)>,
}

impl Basket {
    /// A guest's basket with nothing in it: euros, from Germany, paid by card.
    #[must_use]
    pub fn of(email: &str) -> Self {
        Basket {
            email: email.to_owned(),
            customer: 0,
            currency: "EUR".to_owned(),
            country: "DE".to_owned(),
            method: "stripe".to_owned(),
            created_via: "checkout".to_owned(),
            parent: 0,
            items: Vec::new(),
            shipping: 0,
            fee: 0,
            coupons: Vec::new(),
            meta: Vec::new(),
        }
    }

    /// Adds a product: so many, for so much together.
    #[must_use]
    pub fn item(mut self, product: u64, quantity: i64, cents: i64) -> Self {
        self.items.push(Item { product, variation: 0, quantity, subtotal: cents, total: cents, tax: 0 });
        self
    }

    /// The last product gets a discount.
    #[must_use]
    pub fn discount(mut self, cents: i64) -> Self {
        if let Some(item) = self.items.last_mut() {
            item.total -= cents;
        }
        self
    }

    /// Tax on the last product.
    #[must_use]
    pub fn tax(mut self, cents: i64) -> Self {
        if let Some(item) = self.items.last_mut() {
            item.tax = cents;
        }
        self
    }

    /// Shipping, without tax.
    #[must_use]
    pub fn shipping(mut self, cents: i64) -> Self {
        self.shipping = cents;
        self
    }

    /// A fee, negative for a discount booked as one.
    #[must_use]
    pub fn fee(mut self, cents: i64) -> Self {
        self.fee = cents;
        self
    }

    /// ISO 4217.
    #[must_use]
    pub fn currency(mut self, currency: &str) -> Self {
        currency.clone_into(&mut self.currency);
        self
    }

    /// Bought by a registered customer.
    #[must_use]
    pub fn customer(mut self, id: u64) -> Self {
        self.customer = id;
        self
    }

    /// Paid by this method: `cod`, `bacs` …
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// `checkout`, `subscription` …
    #[must_use]
    pub fn created_via(mut self, via: &str) -> Self {
        via.clone_into(&mut self.created_via);
        self
    }

    /// A part of another order.
    #[must_use]
    pub fn parent(mut self, id: u64) -> Self {
        self.parent = id;
        self
    }

    /// A coupon code.
    #[must_use]
    pub fn coupon(mut self, code: &str) -> Self {
        self.coupons.push(code.to_owned());
        self
    }

    /// A meta value.
    #[must_use]
    pub fn meta(mut self, key: &str, value: &str) -> Self {
        self.meta.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// What is given back of one product: which item of the order, how many, and how much without tax.
#[derive(Debug, Clone, Copy)]
pub struct GivenBack {
    /// Index of the item.
    pub item: usize,
    /// How many.
    pub quantity: i64,
    /// How much, without tax.
    pub cents: i64,
}

/// A refund.
#[derive(Debug, Clone)]
pub struct Refund {
    /// Id.
    pub id: u64,
    /// When it was made, milliseconds.
    pub at_ms: i64,
    /// How much, not negative.
    pub cents: i64,
    pub(super) lines: Vec<GivenBack>,
}

/// An order.
#[derive(Debug, Clone)]
pub struct Order {
    /// Id.
    pub id: u64,
    /// Status, without `wc-`.
    pub status: String,
    /// Status before the trash.
    pub(super) before_trash: String,
    pub(super) basket: Basket,
    pub(super) created_ms: i64,
    pub(super) modified_ms: i64,
    pub(super) paid_ms: Option<i64>,
    pub(super) completed_ms: Option<i64>,
    /// Its refunds, the oldest first.
    pub refunds: Vec<Refund>,
    /// `refunds` of the order is empty although there are some: imported stores, filtered answers.
    pub(super) hides_refunds: bool,
}

impl Order {
    /// What the buyer pays.
    #[must_use]
    pub fn total(&self) -> i64 {
        let items: i64 = self.basket.items.iter().map(|item| item.total + item.tax).sum();
        items + self.basket.shipping + self.basket.fee
    }

    /// What was not given back yet.
    #[must_use]
    pub fn rest(&self) -> i64 {
        self.total() - self.refunds.iter().map(|refund| refund.cents).sum::<i64>()
    }
}
