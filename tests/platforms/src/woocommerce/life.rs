//! What happens to orders.

use super::order::{Basket, GivenBack, Order, Refund};
use super::{Shop, Storage};

impl Shop {
    /// An order that waits for its payment.
    pub fn place(&mut self, basket: Basket) -> u64 {
        let (id, now) = (self.new_id(), self.now_ms());
        let order = Order {
            id,
            status: "pending".to_owned(),
            before_trash: String::new(),
            basket,
            created_ms: now,
            modified_ms: now,
            paid_ms: None,
            completed_ms: None,
            refunds: Vec::new(),
            hides_refunds: false,
        };
        self.orders.insert(id, order);
        self.happened("created", id);
        id
    }

    /// An order that is paid at once: `processing`.
    pub fn sell(&mut self, basket: Basket) -> u64 {
        let id = self.place(basket);
        self.pay(id);
        id
    }

    /// An order of one product, paid at once.
    pub fn sold(&mut self, email: &str, cents: i64) -> u64 {
        self.sell(Basket::of(email).item(40, 1, cents))
    }

    /// The money has come: `processing`.
    pub fn pay(&mut self, id: u64) {
        self.set_status(id, "processing");
    }

    /// Delivered: `completed`.
    pub fn complete(&mut self, id: u64) {
        self.set_status(id, "completed");
    }

    /// `cancelled`. The date of payment stays.
    pub fn cancel(&mut self, id: u64) {
        self.set_status(id, "cancelled");
    }

    /// Sets any status, by hand. `refunded` makes a refund over the rest.
    pub fn set_status(&mut self, id: u64, status: &str) {
        let now = self.now_ms();
        if status == "refunded" && self.order(id).rest() > 0 {
            let rest = self.order(id).rest();
            self.add_refund(id, rest, &[]);
        }
        let order = self.order_mut(id);
        status.clone_into(&mut order.status);
        let unpaid_until_delivery = order.basket.method == "cod" && status == "processing";
        if matches!(status, "processing" | "completed") && !unpaid_until_delivery {
            order.paid_ms.get_or_insert(now);
        }
        if status == "completed" {
            order.completed_ms.get_or_insert(now);
        }
        order.modified_ms = now;
        self.happened("updated", id);
    }

    /// A refund from the admin screen or by the API. Gives its id.
    pub fn refund(&mut self, id: u64, cents: i64, lines: &[GivenBack]) -> u64 {
        let refund = self.add_refund(id, cents, lines);
        let now = self.now_ms();
        let order = self.order_mut(id);
        order.modified_ms = now;
        if order.rest() == 0 {
            "refunded".clone_into(&mut order.status);
        }
        self.happened("updated", id);
        refund
    }

    /// A refund that a gateway saves by itself: no new modification date, no webhook. Gives its id.
    pub fn refund_silently(&mut self, id: u64, cents: i64) -> u64 {
        self.add_refund(id, cents, &[])
    }

    fn add_refund(&mut self, id: u64, cents: i64, lines: &[GivenBack]) -> u64 {
        let (refund_id, at_ms) = (self.new_id(), self.now_ms());
        self.order_mut(id).refunds.push(Refund { id: refund_id, at_ms, cents, lines: lines.to_vec() });
        refund_id
    }

    /// Deletes a refund, which leaves no trace.
    pub fn delete_refund(&mut self, id: u64, refund: u64) {
        self.order_mut(id).refunds.retain(|known| known.id != refund);
    }

    /// The order names none of its refunds any more, as imported ones do.
    pub fn forget_refunds(&mut self, id: u64) {
        self.order_mut(id).hides_refunds = true;
    }

    /// A save without a change.
    pub fn touch(&mut self, id: u64) {
        let now = self.now_ms();
        if self.storage == Storage::Hpos {
            self.order_mut(id).modified_ms = now;
        }
        self.happened("updated", id);
    }

    /// Into the trash.
    pub fn trash(&mut self, id: u64) {
        let now = self.now_ms();
        let order = self.order_mut(id);
        order.before_trash = std::mem::replace(&mut order.status, "trash".to_owned());
        order.modified_ms = now;
        self.happened("deleted", id);
    }

    /// Out of the trash.
    pub fn restore(&mut self, id: u64) {
        let now = self.now_ms();
        let order = self.order_mut(id);
        order.status = std::mem::take(&mut order.before_trash);
        order.modified_ms = now;
        self.happened("restored", id);
        self.happened("updated", id);
    }

    /// Gone for good. No webhook tells.
    pub fn delete(&mut self, id: u64) {
        self.orders.remove(&id);
    }

    pub(super) fn order_mut(&mut self, id: u64) -> &mut Order {
        self.orders.get_mut(&id).unwrap_or_else(|| panic!("there is no order {id}"))
    }
}
