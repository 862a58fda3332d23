//! A store, a ledger, and the connector between them.

use ltv_connector::connector::Connector;
use ltv_connector::testing::{self, Ledger};
use ltv_connector::types::{
    Axis, Context, Coverage, Delivery, Failure, Header, NoResponse, Outcome, Proof, Request, Response, Subscription,
    Task, Window,
};
use ltv_connector_woocommerce::WooCommerce;
use ltv_platforms::native::answers;
use ltv_platforms::woocommerce::{Posted, Shop};
use ltv_platforms::{Money, Platform, money};

/// The time of every call.
pub(crate) const NOW: &str = "2026-06-01T12:00:00";
/// What webhooks are signed with.
pub(crate) const WEBHOOK_SECRET: &str = "Abcdefghij0123456789Abcdefghij0123456789";
/// Where webhooks go.
pub(crate) const ADDRESS: &str = "https://hooks.example/hooks/main/t0ken";

/// A store `P`, mostly a [`Shop`], and what the connector made of it.
pub(crate) struct Kit<P = Shop> {
    pub(crate) shop: P,
    pub(crate) ledger: Ledger,
    pub(crate) settings: Vec<(&'static str, String)>,
    pub(crate) secrets: Vec<(&'static str, &'static str)>,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) paid_statuses: Vec<&'static str>,
    pub(crate) zone: &'static str,
}

impl Kit<Shop> {
    pub(crate) fn new() -> Self {
        Kit::of(Shop::new())
    }

    /// The ledger holds what the store knows, no more and no less.
    #[track_caller]
    pub(crate) fn assert_true(&self) {
        assert_eq!(self.money(), self.shop.truth());
        assert_eq!(self.ledger.rejects, vec![]);
    }

    /// Lets the store deliver all that waits, and the connector read it.
    pub(crate) fn deliver(&mut self) -> Vec<Result<Outcome, Failure>> {
        let posted = self.shop.take_deliveries();
        posted.iter().map(|posted| self.receive(posted)).collect()
    }
}

impl<P: Platform> Kit<P> {
    pub(crate) fn of(shop: P) -> Self {
        Kit {
            shop,
            ledger: Ledger::new(),
            settings: vec![("url", "https://shop.example".to_owned())],
            secrets: vec![
                ("consumer_key", Shop::KEY),
                ("consumer_secret", Shop::SECRET),
                ("webhook_secret", WEBHOOK_SECRET),
            ],
            flags: Vec::new(),
            paid_statuses: Vec::new(),
            zone: "UTC",
        }
    }

    pub(crate) fn url(mut self, url: &str) -> Self {
        self.settings = vec![("url", url.to_owned())];
        self
    }

    pub(crate) fn context(&self) -> Context {
        let mut builder = testing::context_for(&WooCommerce::describe()).now(NOW).zone(self.zone);
        for (name, value) in &self.settings {
            builder = builder.set(name, value);
        }
        for name in &self.flags {
            builder = builder.set_flag(name, true);
        }
        builder = builder.set_list("paid_statuses", &self.paid_statuses);
        for (name, _) in &self.secrets {
            builder = builder.secret(name);
        }
        match &self.ledger.memory {
            Some(memory) => builder.memory(memory).build(),
            None => builder.build(),
        }
    }

    pub(crate) fn poll(&mut self, task: Task) -> Result<Outcome, Failure> {
        let context = self.context();
        self.ledger.poll::<WooCommerce>(task, &context, answers(&mut self.shop, &self.secrets))
    }

    /// As `poll`, but some requests are answered otherwise.
    pub(crate) fn poll_through(
        &mut self,
        task: Task,
        mut instead: impl FnMut(&Request) -> Option<Result<Response, NoResponse>>,
    ) -> Result<Outcome, Failure> {
        let context = self.context();
        let mut asked = answers(&mut self.shop, &self.secrets);
        self.ledger.poll::<WooCommerce>(task, &context, |request| instead(request).unwrap_or_else(|| asked(request)))
    }

    /// Reads a window.
    #[track_caller]
    pub(crate) fn sync(&mut self, axis: Axis, start: &str, end: &str) -> Coverage {
        match self.poll(Task::Sync(window(axis, start, end))) {
            Ok(Outcome::Synced(coverage)) => coverage,
            other => panic!("not synced: {other:?}"),
        }
    }

    /// Reads all orders by date of creation.
    #[track_caller]
    pub(crate) fn load(&mut self) -> Coverage {
        self.sync(Axis::Created, "2025-01-01T00:00:00", NOW)
    }

    /// Reads all that was modified in the last month, and a little more than now: what happens during a pass happens now.
    #[track_caller]
    pub(crate) fn catch_up(&mut self) -> Coverage {
        self.sync(Axis::Modified, "2026-05-01T00:00:00", "2026-06-01T13:00:00")
    }

    /// Reads single orders.
    #[track_caller]
    pub(crate) fn refresh(&mut self, ids: &[u64]) {
        let ids = ids.iter().map(u64::to_string).collect();
        assert_eq!(self.poll(Task::Refresh(ids)), Ok(Outcome::Read));
    }

    #[track_caller]
    pub(crate) fn check(&mut self) -> Vec<String> {
        match self.poll(Task::Check) {
            Ok(Outcome::Checked(lines)) => lines,
            other => panic!("not checked: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn subscribe(&mut self) -> Vec<Subscription> {
        match self.poll(Task::Subscribe(ADDRESS.to_owned())) {
            Ok(Outcome::Subscribed(subscriptions)) => subscriptions,
            other => panic!("not subscribed: {other:?}"),
        }
    }

    /// Proves and reads a delivery, as the daemon does.
    pub(crate) fn receive(&mut self, posted: &Posted) -> Result<Outcome, Failure> {
        let delivery = delivery(posted);
        let context = self.context();
        assert!(is_proven(&delivery, &context), "not proven: {posted:?}");
        self.ledger.receive_with::<WooCommerce>(&delivery, &context, answers(&mut self.shop, &self.secrets))
    }

    /// As `receive`, but the store cannot be asked.
    pub(crate) fn receive_alone(
        &mut self,
        posted: &Posted,
        answer: impl Fn() -> Result<Response, NoResponse>,
    ) -> Result<Outcome, Failure> {
        let context = self.context();
        self.ledger.receive_with::<WooCommerce>(&delivery(posted), &context, |_| answer())
    }

    /// Everything in the ledger, sorted.
    pub(crate) fn money(&self) -> Vec<Money> {
        let mut all: Vec<Money> = self.ledger.entries().into_iter().map(money).collect();
        all.sort();
        all
    }
}

pub(crate) fn window(axis: Axis, start: &str, end: &str) -> Window {
    let (start, end) = (testing::instant(start), testing::instant(end));
    let day = |wall: &str| wall[..10].to_owned();
    Window { axis, first_day: day(&start.utc), last_day: day(&end.utc), start, end }
}

pub(crate) fn delivery(posted: &Posted) -> Delivery {
    let header = |(name, value): &(String, String)| Header { name: name.clone(), value: value.clone() };
    Delivery {
        query: String::new(),
        headers: posted.headers.iter().map(header).collect(),
        body: posted.body.clone(),
        received: testing::instant(NOW),
    }
}

/// Whether the signature holds, by the secret of the kit.
pub(crate) fn is_proven(delivery: &Delivery, context: &Context) -> bool {
    use hmac::{Hmac, KeyInit, Mac};
    let proof = <WooCommerce as ltv_connector::connector::Webhook>::prove(delivery, context).expect("a proof");
    let Proof::Hmac(proof) = proof else { return false };
    assert_eq!(proof.secret, "webhook_secret");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).expect("any key");
    mac.update(&delivery.body);
    let expected = mac.finalize().into_bytes().to_vec();
    proof.signatures.contains(&expected)
}

/// The text of a failure.
pub(crate) fn text(failure: &Failure) -> &str {
    match failure {
        Failure::Settings(text) | Failure::Unauthorized(text) | Failure::Malformed(text) | Failure::Internal(text) => {
            text
        }
        Failure::Throttled(pause) | Failure::Unavailable(pause) => &pause.message,
    }
}

impl Kit<Shop> {
    /// The answer of the API about one order as it now is.
    pub(crate) fn poll_one(&mut self, id: u64) -> Response {
        let request = Request::get(format!("https://shop.example/wp-json/wc/v3/orders/{id}"))
            .basic("consumer_key", "consumer_secret");
        answers(&mut self.shop, &self.secrets)(&request).expect("an answer")
    }
}
