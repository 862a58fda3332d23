//! The same money through two doors, in every order, again and again.

use std::thread;

use super::random::random;
use super::shop::Shop;

/// What a platform sends by webhook, and what its files say about the same time.
pub(crate) struct TwoDoors {
    /// Tables of the configuration.
    pub(crate) config: String,
    pub(crate) integration: &'static str,
    pub(crate) content_type: &'static str,
    /// Bodies, oldest first.
    pub(crate) webhooks: Vec<String>,
    /// Names and contents.
    pub(crate) files: Vec<(&'static str, String)>,
}

impl TwoDoors {
    /// Takes everything in, in several orders, and checks the shop after each: at once, after everything came again, after
    /// the archive was read again, and after a restart.
    #[track_caller]
    pub(crate) fn in_any_order(&self, check: impl Fn(&Shop, &str)) {
        let backwards: Vec<&String> = self.webhooks.iter().rev().collect();
        let forwards: Vec<&String> = self.webhooks.iter().collect();
        self.run("files, then webhooks", &check, |shop| {
            self.import(shop, "", "");
            self.deliver(shop, &forwards);
        });
        self.run("webhooks, then files", &check, |shop| {
            self.deliver(shop, &forwards);
            self.import(shop, "", "");
        });
        self.run("webhooks backwards, then files", &check, |shop| {
            self.deliver(shop, &backwards);
            self.import(shop, "", "");
        });
        self.run("both at once", &check, |shop| {
            thread::scope(|scope| {
                scope.spawn(|| self.deliver(shop, &forwards));
                self.import(shop, "", "");
            });
        });
    }

    /// Takes everything in once, in orders drawn by lot, and checks the shop after each.
    #[track_caller]
    pub(crate) fn shuffled(&self, rounds: usize, check: impl Fn(&Shop, &str)) {
        let mut random = random();
        for _ in 0..rounds {
            // Numbers of webhooks, and after them those of files.
            let mut lots: Vec<usize> = (0..self.webhooks.len() + self.files.len()).collect();
            for at in (1..lots.len()).rev() {
                lots.swap(at, random(at + 1));
            }
            let shop = Shop::new(&self.config);
            let daemon = shop.start();
            for &lot in &lots {
                match self.webhooks.get(lot) {
                    Some(body) => self.deliver(&shop, &[body]),
                    None => self.import_one(&shop, "", "", lot - self.webhooks.len()),
                }
            }
            check(&shop, &format!("{lots:?}"));
            daemon.stop();
        }
    }

    fn run(&self, how: &str, check: &impl Fn(&Shop, &str), first: impl Fn(&Shop)) {
        let shop = Shop::new(&self.config);
        let daemon = shop.start();
        first(&shop);
        check(&shop, how);

        self.deliver(&shop, &self.webhooks.iter().collect::<Vec<_>>());
        self.import(&shop, "again-", "");
        // Other bytes with the same rows.
        self.import(&shop, "marked-", "\u{feff}");
        check(&shop, &format!("{how}; everything again"));

        shop.cli(["replay", self.integration]).ok();
        shop.wait_for_inbox();
        check(&shop, &format!("{how}; the archive again"));

        daemon.stop();
        let daemon = shop.start();
        check(&shop, &format!("{how}; a restart"));
        daemon.stop();
    }

    fn import(&self, shop: &Shop, before_name: &str, before_text: &str) {
        (0..self.files.len()).for_each(|number| self.import_one(shop, before_name, before_text, number));
    }

    fn import_one(&self, shop: &Shop, before_name: &str, before_text: &str, number: usize) {
        let (name, text) = &self.files[number];
        let (name, text) = (format!("{before_name}{name}"), format!("{before_text}{text}"));
        shop.import(self.integration, &name, text.as_bytes()).ok();
    }

    fn deliver(&self, shop: &Shop, webhooks: &[&String]) {
        for body in webhooks {
            shop.post_webhook(self.integration, self.content_type, body.as_bytes()).ok();
        }
        shop.wait_for_inbox();
    }
}
